"""Any number of files, of any size, in bounded memory: the same reading, triage and reports, in parts.

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
