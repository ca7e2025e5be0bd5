"""The table widget: shows one page of the caseload as a real table, and says what was pressed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets


class CaseTable(anywidget.AnyWidget):
    """A page of rows with badges, sorted headings and a pager (`case_table.js`).

    `shown` is all that the page shows, as plain values; `act` is called with what was pressed, such
    as {"do": "open", "key": ...}, {"do": "sort", "by": ...}, {"do": "due", "due": ...} or
    {"do": "page", "to": "next"}.
    """

    _esm = Path(__file__).with_name("case_table.js").read_text(encoding="utf-8")
    shown = traitlets.Dict().tag(sync=True)

    def __init__(self, act: Callable[[dict], Any]):
        super().__init__()
        self.on_msg(lambda _widget, content, _buffers: act(content))
        self.add_class("dd-case-table")

    def focus_row(self, denial_key: str) -> None:
        """Put the keyboard on this row, or on the first where it is not shown."""
        self.send({"focus": denial_key})
