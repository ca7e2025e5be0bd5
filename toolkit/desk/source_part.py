"""What the desk works on: a file that is there or is uploaded, the day it counts from, and its store."""

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import ipywidgets as w

from toolkit.desk import places
from toolkit.desk.caseload import SAMPLE
from toolkit.desk.days import read_day_of, typed_day
from toolkit.desk.shared import Choice, Rows
from toolkit.desk.transfer import Upload
from toolkit.desk.widgets import Notice, field, hooked, show


class SourcePart:
    """The fields above the desk; `open_it` is called with what is chosen.

    A day that is left empty is today, a store that is left empty the one the desk was opened with.
    """

    def __init__(
        self,
        root: Path,
        notice: Notice,
        *,
        day: date | str | None,
        store: Path | str,
        open_it: Callable[[Choice], None],
    ):
        self._root, self._notice, self._open_it, self._store = root, notice, open_it, store
        self._rows: Rows | None = None  # of the frame that the desk was opened with
        self.files = field(w.Dropdown(description="Export or remittance"), "dd-wide", "dd-files")
        self.day = field(
            w.Text(description="As of", placeholder="today", continuous_update=False), "dd-as-of"
        )
        self.day.value = day if isinstance(day, str) else typed_day(day)
        self.open_button = hooked(w.Button(description="Open"), "dd-main", "dd-open")
        self.open_button.on_click(notice.guards(lambda _: self.open()))
        self.row = hooked(w.HBox([self.files, self.day, self.open_button]), "dd-row")
        folder = places.incoming_folder(root)
        upload = Upload("Upload a file to data/incoming", folder, self._uploaded, notice)
        self.upload = hooked(upload, "dd-incoming-file")
        self.path = field(
            w.Text(
                description="Path of another file",
                placeholder="data/incoming/export.csv",
                continuous_update=False,
            ),
            "dd-wide",
            "dd-path",
        )
        self.store = field(
            w.Text(
                description="Case store (file or PostgreSQL URL)",
                placeholder=_shown(store, root),
                continuous_update=False,
            ),
            "dd-wide",
            "dd-store",
        )
        self.others = hooked(w.HBox([self.upload, self.path, self.store]), "dd-row")
        self.more = hooked(
            w.Checkbox(description="Upload a file, or name another file or store", indent=False),
            "dd-more",
        )
        self.more.observe(lambda _: show(self.others, self.more.value), "value")
        show(self.others, False)
        self.widget = w.VBox([self.row, self.more, self.others])
        self._offer()

    def open(self) -> None:
        """Open what is chosen."""
        day = read_day_of("As of", self.day.value) if self.day.value.strip() else None
        typed, store = self.path.value.strip(), self.store.value.strip()
        chosen = Path(typed) if typed else self.files.value
        self._open_it(Choice(chosen, day, _store(store, self._root) if store else self._store))

    def put_day_and_store(self, last: Choice) -> None:
        """Let day and store be those of what was opened last."""
        self.day.value = last.as_of if isinstance(last.as_of, str) else typed_day(last.as_of)
        if last.store != self._store:
            self.store.value = str(last.store)

    def put(self, chosen: str | Path | tuple[Path, ...] | Rows) -> None:
        """Let the fields name what is open."""
        if isinstance(chosen, Rows):
            self._rows = chosen
        self._offer()
        offered = [value for _, value in self.files.options]
        path = chosen
        if isinstance(chosen, str | Path) and str(chosen).strip().lower() != SAMPLE:
            path = places.found(Path(chosen), self._root)
        if path in offered:
            self.files.value, self.path.value = path, ""
        elif isinstance(path, Path):
            self.path.value = places.shown(path, self._root)
            self.more.value = True

    def _offer(self) -> None:
        found = places.incoming(self._root)
        options: list[tuple[str, object]] = [("the synthetic sample", SAMPLE)]
        options += [(f"data/incoming/{path.name}", path) for path in found]
        if len(found) > 1:
            options.append((f"all {len(found)} files of data/incoming", found))
        if self._rows is not None:
            options.append(("the rows of the frame", self._rows))
        self.files.options = options
        self.files.value = SAMPLE

    def _uploaded(self, path: Path) -> None:
        self.put(path)
        self._notice.done(f"Uploaded to data/incoming, {path.stat().st_size:,} bytes. Press Open.")


def _store(typed: str, root: Path) -> Path | str:
    """Return the store that was typed: a URL as it is, a path counted from the project's folder."""
    if "://" in typed:
        return typed
    path = Path(typed).expanduser()
    return path if path.is_absolute() else root / path


def _shown(store: Path | str, root: Path) -> str:
    """Return a store as it is shown: never with a password."""
    if isinstance(store, str) and "://" in store:
        return re.sub(r"(://[^/:@]*):[^@]*@", r"\1:***@", store)
    return places.shown(Path(store), root)
