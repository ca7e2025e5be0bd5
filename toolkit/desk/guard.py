"""The guard: says on the page when the kernel is gone, keeps keys in the desk, marks unsaved text."""

from collections.abc import Callable
from pathlib import Path

import anywidget

_EVERY = 10  # pings, one a second: how often the store is looked at for what somebody else entered


class Guard(anywidget.AnyWidget):
    """The desk's half in the browser (`guard.js`), and the answers that it waits for.

    `look` is called every ten seconds while the desk is open on a page, `left` when the last page
    has let go of it.
    """

    _esm = Path(__file__).with_name("guard.js").read_text(encoding="utf-8")

    def __init__(self, look: Callable[[], None], left: Callable[[], None]):
        super().__init__()
        self._look, self._left = look, left
        self._pages: set[str] = set()
        self._was_shown = False
        self._pings = 0
        self.on_msg(self._asked)
        self.add_class("dd-guard")

    @property
    def was_left(self) -> bool:
        """Whether pages have shown the desk, and none does now."""
        return self._was_shown and not self._pages

    def settled(self, *names: str) -> None:
        """Say that what was typed for these facts was saved, or refused in words beside the field."""
        self.send({"settled": list(names)})

    def show(self, name: str) -> None:
        """Bring the part of the desk with this class into view."""
        self.send({"show": name})

    def _asked(self, _widget: object, content: dict, _buffers: object) -> None:
        if "here" in content:
            self._pages.add(content["here"])
            self._was_shown = True
        if "gone" in content:
            self._pages.discard(content["gone"])
            if not self._pages:
                self._left()
        if "ping" in content:
            self.send({"pong": True})
            self._pings += 1
            if self._pings % _EVERY == 0:
                self._look()
