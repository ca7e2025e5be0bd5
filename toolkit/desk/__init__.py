"""The desk: pick a case, see its category, dates and why, fill in what is missing, save the letter.

Widgets for a notebook, which `toolkit desk` serves as an app or in JupyterLab. With the command line the
only room that may ask what day it is.
"""

from toolkit import lazy

_WHERE = {
    "Desk": "desk",
    "Frame": "desk",
    "open_desk": "desk",
}

__all__ = sorted(_WHERE)
__getattr__, __dir__ = lazy.names(__name__, _WHERE)
