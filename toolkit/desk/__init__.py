"""The desk: pick a case, see its category, dates and why, fill in what is missing, save the letter.

Plain ipywidgets for a notebook. With the command line the only room that may ask what day it is.
"""

from importlib import import_module

_WHERE = {
    "Desk": "desk",
    "open_desk": "desk",
}

__all__ = sorted(_WHERE)


def __getattr__(name: str):
    if name in _WHERE:
        return getattr(import_module(f"toolkit.desk.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'toolkit.desk' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
