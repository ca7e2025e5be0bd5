"""Small helpers over ipywidgets: labeled fields, boxes with a hook, callbacks that never spill."""

import contextlib
import functools
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ipywidgets as w

from toolkit.desk import blocks
from toolkit.errors import RefusedError, ToolkitError, UsageError


def hooked(widget: w.DOMWidget, *classes: str) -> w.DOMWidget:
    """Return the widget with these CSS classes: for its looks and for a browser test."""
    for name in classes:
        widget.add_class(name)
    return widget


def html(*classes: str) -> w.HTML:
    """Return an empty block of HTML."""
    return hooked(w.HTML(), *classes)


def field(made: w.DOMWidget, *classes: str) -> w.DOMWidget:
    """Return a control whose label stands above it."""
    made.style.description_width = "auto"
    made.layout.width = "auto"
    return hooked(made, "dd-field", *classes)


NEEDED = " (needed)"  # after the label of a field that cannot stay empty


class Waiting:
    """The fields of a form that a button saves: which of them hold what was not saved yet.

    They are marked; `guard.js` marks what is being typed.
    """

    def __init__(self, *controls: w.DOMWidget):
        self._saved: dict[w.DOMWidget, object] = {}
        for one in controls:
            hooked(one, "dd-waits").observe(lambda change: self._mark(change["owner"]), "value")
        self.saved(*controls)

    def saved(self, *controls: w.DOMWidget) -> None:
        """Let these fields, or all of them, count as saved as they are now."""
        for one in controls or tuple(self._saved):
            self._saved[one] = one.value
            self._mark(one)

    def unsaved(self) -> dict[str, object]:
        """Return the content that differs from what is saved, by the label of its field."""
        differs = [one for one in self._saved if self._differs(one)]
        return {one.description.removesuffix(NEEDED): one.value for one in differs}

    def _differs(self, one: w.DOMWidget) -> bool:
        return one.value != self._saved[one]

    def _mark(self, one: w.DOMWidget) -> None:
        (one.add_class if self._differs(one) else one.remove_class)("dd-unsaved")


class Leaving:
    """Lets a screen be left that holds what is not saved only when that is asked for twice."""

    def __init__(self):
        self._said: dict[str, object] = {}

    def check(self, unsaved: dict[str, object]) -> None:
        """Raise UsageError that names these fields; the second time the same content is let go."""
        if not unsaved or unsaved == self._said:
            self._said = {}
            return
        self._said = unsaved
        raise UsageError(
            f"Not saved: {'; '.join(unsaved)}. Save it first, or do the same once more to go on "
            "without it."
        )


def show(widget: w.DOMWidget, visible: bool) -> None:
    """Show or hide a widget; a hidden one is hidden from the keyboard and a screen reader too."""
    widget.layout.display = None if visible else "none"


def close(widget: w.Widget) -> None:
    """Close a widget with its children, layout and style, which closing it alone would leave."""
    for child in getattr(widget, "children", ()):
        close(child)
    for name in ("layout", "style"):
        part = getattr(widget, name, None)
        if isinstance(part, w.Widget):
            part.close()
    widget.close()


class Notice:
    """A line that says what happened; a screen reader reads it out. Never a claim's value.

    `shown` is called when it has something to say, so that the line can be brought into view.
    """

    def __init__(self, *classes: str, shown: Callable[[], None] = lambda: None):
        self.widget = html("dd-notice", *classes)
        self.text = ""
        self._shown = shown

    def clear(self) -> None:
        """Say nothing."""
        self._put("", "")

    def done(self, text: str, notes: Sequence[str] = ()) -> None:
        """Say what was done, and what to know of it."""
        self._put(" ".join([text, *notes]), blocks.note(text, tone="good", items=notes))

    def problem(self, text: str, needs: tuple[str, ...] = ()) -> None:
        """Say what is wrong and what to do."""
        self._put(" ".join([text, *needs]), blocks.note(text, tone="bad", items=needs), "alert")

    def _put(self, text: str, block: str, role: str = "status") -> None:
        self.text = text
        self.widget.value = f'<div class="dd-block" role="{role}">{block}</div>'
        if text:
            self._shown()

    def guards(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the callback so that an error becomes a line here: no traceback, no value."""

        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            with self.catching():
                return function(*args, **kwargs)

        return guarded

    @contextlib.contextmanager
    def catching(self):
        """Turn an error into a line: a message of ours as it is, any other by kind and place."""
        try:
            yield
        except RefusedError as error:
            self.problem(str(error), error.needs)
        except ToolkitError as error:
            self.problem(str(error))
        except Exception as error:  # its text may hold a claim's value
            frame = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(frame.filename).name}, line {frame.lineno}"
            self.problem(
                f"Internal error: {type(error).__name__} at {place}; please report this. Nothing was "
                "saved by this step; what was saved before is still there."
            )
