"""Read, triage and report on any number of files of any size, in parts and in bounded memory.

`gather` brings files into a book (a folder); `triage_book` makes the worklist of a book. A part of
the work is a plain function of a few pieces, so that a thread of this process or a task of a
cluster runs the same lines.
"""

from toolkit import lazy

_WHERE = {
    "Book": "book",
    "gather": "gathering",
    "triage_book": "run",
    "Run": "run",
}

__all__ = sorted(_WHERE)
__getattr__, __dir__ = lazy.names(__name__, _WHERE)
