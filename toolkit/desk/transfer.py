"""Files between the browser and the project: uploads into a folder, downloads as bytes."""

import contextlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import anywidget
import traitlets

from toolkit.desk import places
from toolkit.desk.widgets import Notice
from toolkit.errors import InputError
from toolkit.outputs import write_new


class Upload(anywidget.AnyWidget):
    """A field that takes a file into a folder (`upload.js`); `done` is called with its path there.

    The file has its own name, cleaned, or a numbered one where that is taken. It is in the folder
    when every byte of it has come, and not before. `accept` are the endings that are offered, '' for
    any; `says` stands beside the field.
    """

    _esm = Path(__file__).with_name("upload.js").read_text(encoding="utf-8")
    label = traitlets.Unicode().tag(sync=True)
    accept = traitlets.Unicode().tag(sync=True)
    says = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        label: str,
        folder: Path,
        done: Callable[[Path], Any],
        notice: Notice,
        *,
        accept: str = "",
    ):
        super().__init__(label=label, accept=accept)
        self._folder, self._done, self._notice = folder, done, notice
        self._coming: dict[str, IO[bytes]] = {}  # by page; files without a name, gone when closed
        self.on_msg(self._received)
        self.add_class("dd-upload")

    def _received(self, _widget: object, content: dict, buffers: list) -> None:
        page, good = str(content.get("page")), False
        self._notice.clear()
        with self._notice.catching():
            self._take(page, content, buffers)
            good = True
        if not good:
            self._forget(page)
        self.send({"page": page, "go": good})

    def _take(self, page: str, content: dict, buffers: list) -> None:
        if content["at"] == 0:
            self._forget(page)
            self._coming[page] = tempfile.TemporaryFile()  # noqa: SIM115  # closed when it is whole
        came = self._coming.get(page)
        if came is None or came.tell() != content["at"]:
            raise InputError("the upload was interrupted: choose the file again")
        came.write(buffers[0])
        if came.tell() < content["size"]:
            return
        path = write_new(self._folder / places.clean_name(content["name"]), _copied(came))
        self._forget(page)
        self._done(path)

    def forget(self) -> None:
        """Take nothing more of the files that are still coming."""
        for page in tuple(self._coming):
            self._forget(page)

    def _forget(self, page: str) -> None:
        with contextlib.suppress(KeyError):
            self._coming.pop(page).close()


def _copied(came: IO[bytes]) -> Callable[[Path], None]:
    def copy(path: Path) -> None:
        came.seek(0)
        with path.open("wb") as out:
            shutil.copyfileobj(came, out)

    return copy


class Download(anywidget.AnyWidget):
    """A button that gives one file to the browser (`download.js`); not shown while none is offered."""

    _esm = Path(__file__).with_name("download.js").read_text(encoding="utf-8")
    name = traitlets.Unicode().tag(sync=True)

    def __init__(self, notice: Notice):
        super().__init__()
        self._path: Path | None = None
        self._notice = notice
        self.on_msg(self._asked)
        self.add_class("dd-download")

    def offer(self, path: Path | None) -> None:
        """Offer this file, or none."""
        self._path = path
        self.name = path.name if path else ""

    def _asked(self, _widget: object, content: dict, _buffers: list) -> None:
        if self._path is None:
            return
        with self._notice.catching():
            try:
                found = self._path.read_bytes()
            except OSError:
                raise InputError("the file is not where it was saved: save it again") from None
            self.send({"page": content["page"], "name": self._path.name}, buffers=[found])
