"""The database of a case store: a SQLite file for its owner only, or PostgreSQL by URL.

Every failure has a clear message, and nothing waits longer than two seconds. A SQLite file has a
rollback journal, which works on a network drive: after a crash an entry is complete or absent.
"""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.pool import StaticPool

from toolkit.errors import StoreError, UsageError

WAIT = 1.8  # seconds; with the rest of an entry it stays below two
_WRITERS = 7_331_604_152  # the PostgreSQL advisory lock that writers take, one after the other
_KEPT = "nothing of this entry was saved; what was entered before is still there"
_PLACES = "the store is a file, or a URL such as postgresql://user@host/database"


class Database:
    """An open database. `name` is how messages call it: a file's name, never a password.

    `made` says that it was made before: then a file that is gone is not made anew.
    """

    def __init__(self, place: Path | str, *, made: bool = False):
        text = str(place)
        self._path: Path | None = None
        self._inode: tuple[int, int] | None = None
        self._opened: sa.Engine | None = None
        self.read_only = False
        if "://" in text:
            self.name, self._opened = _postgres(text)
        else:
            self._path = Path(text).expanduser()
            self.name = self._path.name
            self._open_file(self._path, made)
            self._opened = _sqlite(self._path, read_only=self.read_only)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Give a connection that sees one state of the store throughout."""
        with self._in_words(), self._engine.connect() as db:
            yield db

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Give the connection of the one writer; what it adds is saved whole, or not at all.

        After the block the entries are known to be in the file that the path names.
        """
        if self.read_only:
            raise StoreError(f"{self.name}: the case store is read-only here; {_KEPT}")
        self._check_place()
        with self._in_words(), self._engine.execution_options(writes=True).begin() as db:
            if db.dialect.name != "sqlite":
                db.execute(sa.select(sa.func.pg_advisory_xact_lock(_WRITERS)))
            yield db
        self._check_place()

    def keep_private(self) -> None:
        """Let only the owner read the file."""
        if self._path is not None and not self.read_only:
            self._path.chmod(0o600)

    def close(self) -> None:
        """Close the connection; entries are on disk already."""
        engine, self._opened = self._opened, None
        if engine is None:
            return
        engine.dispose()
        if self._path is not None and len(_RESTING) < _AT_REST:
            _RESTING.append(engine)

    @property
    def _engine(self) -> sa.Engine:
        if self._opened is None:  # another file may have its engine by now
            raise StoreError(f"{self.name}: the case store was closed; open it again")
        return self._opened

    def _open_file(self, path: Path, made: bool) -> None:
        """Make the file where there is none, private from its first byte; the journal gets its mode."""
        try:
            if not made:
                path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | (0 if made else os.O_CREAT), 0o600)
        except FileNotFoundError:
            raise StoreError(
                f"{self.name}: the case store was deleted or moved; nothing of this entry was saved: "
                "put the file back and repeat it"
            ) from None
        except OSError as error:
            self.read_only = error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
            if not (self.read_only and os.access(path, os.R_OK)):
                raise StoreError(
                    f"{self.name}: the case store cannot be opened ({type(error).__name__}); "
                    "choose another place"
                ) from None
            handle = os.open(path, os.O_RDONLY)
        found = os.fstat(handle)
        os.close(handle)
        self._inode = (found.st_dev, found.st_ino)

    def _check_place(self) -> None:
        if self._path is None:
            return
        try:
            found = self._path.stat()
        except OSError:
            found = None
        if found is None or (found.st_dev, found.st_ino) != self._inode:
            raise StoreError(
                f"{self.name}: the case store was deleted, moved or replaced while it was open; the "
                "last entry was not saved: put the file back, open it again and repeat the entry"
            )

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except exc.DBAPIError as error:
            says = _said_by_sqlite(error) if self._path else _said_by_postgres(error)
            if says is None:
                raise
            self._check_place()  # the likelier cause of an error of the disk
            raise StoreError(f"{self.name}: {says}") from None


# Engines of files that were closed: the next file takes one, with the statements that it has compiled.
_RESTING: list[sa.Engine] = []
_AT_REST = 4


def _sqlite(path: Path, *, read_only: bool) -> sa.Engine:
    """Return an engine that connects to this file, and to no other until it is closed."""
    try:
        engine = _RESTING.pop()
    except IndexError:
        engine = _new_sqlite()
    name = quote(path.absolute().as_posix())  # of a network drive on Windows: //server/share/...
    slash = "" if name.startswith("/") else "/"
    address = f"file://{slash}{name}?mode={'ro' if read_only else 'rw'}"
    engine.update_execution_options(address=address, read_only=read_only)
    return engine


def _new_sqlite() -> sa.Engine:
    def connect() -> sqlite3.Connection:
        options = engine.get_execution_options()
        made = sqlite3.connect(options["address"], uri=True, timeout=WAIT, isolation_level=None)
        if not options["read_only"]:
            made.execute("PRAGMA journal_mode = DELETE")
            made.execute("PRAGMA synchronous = EXTRA")
        return made

    engine = sa.create_engine(
        "sqlite://", creator=connect, poolclass=StaticPool, hide_parameters=True
    )

    @event.listens_for(engine, "begin")
    def begin(db: sa.Connection) -> None:
        # A writer waits once, here, for every reader and writer: its commit then waits for nobody.
        writes = db.get_execution_options().get("writes")
        db.exec_driver_sql("BEGIN EXCLUSIVE" if writes else "BEGIN")

    return engine


def _postgres(text: str) -> tuple[str, sa.Engine]:
    try:
        url = sa.make_url(text)
    except exc.ArgumentError:
        raise UsageError(f"--store: {_PLACES}") from None
    if url.get_backend_name() != "postgresql":
        raise UsageError(f"--store: {_PLACES}")
    milliseconds = int(WAIT * 1000)
    options = {
        "connect_timeout": 2,
        "tcp_user_timeout": milliseconds,
        "options": f"{url.query.get('options', '')} -c lock_timeout={milliseconds}",
    }
    try:
        engine = sa.create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_size=1,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args=options,
        )
    except ModuleNotFoundError:
        raise UsageError(
            "a case store in PostgreSQL needs the package psycopg: "
            "pip install 'denial-toolkit[postgres]'"
        ) from None
    return f"PostgreSQL database {url.database or ''}".strip(), engine


def _said_by_sqlite(error: exc.DBAPIError) -> str | None:
    code = getattr(error.orig, "sqlite_errorname", "")
    for start, says in _SQLITE_SAYS.items():
        if code.startswith(start):
            return says
    return None if isinstance(error, exc.IntegrityError) else _NO_STORE


_NO_STORE = "is not a case store; choose another file"
_LOCKED = f"somebody else has been writing to the case store for more than two seconds; {_KEPT}: try again"  # fmt: skip
_FULL = f"the disk is full; {_KEPT}: make room and repeat it"
_READ_ONLY = f"the case store is read-only here; {_KEPT}"
_SQLITE_SAYS = {
    "SQLITE_BUSY": _LOCKED,
    "SQLITE_LOCKED": _LOCKED,
    "SQLITE_FULL": _FULL,
    "SQLITE_READONLY": _READ_ONLY,
    "SQLITE_PERM": _READ_ONLY,
    "SQLITE_CANTOPEN": f"the case store or its folder cannot be written; {_KEPT}",
    "SQLITE_IOERR": f"the disk cannot read or write the case store; {_KEPT}",
    "SQLITE_CORRUPT": "the case store is damaged; restore it from a backup",
    "SQLITE_NOTADB": _NO_STORE,
    "SQLITE_CONSTRAINT": None,
}


def _said_by_postgres(error: exc.DBAPIError) -> str | None:
    state = getattr(error.orig, "sqlstate", None) or ""
    for start, says in _POSTGRES_SAYS.items():
        if state.startswith(start):
            return says
    if isinstance(error, exc.OperationalError):
        return "the server cannot be reached, or the connection was lost; check the case before you repeat an entry"
    return None


_POSTGRES_SAYS = {
    "55P03": _LOCKED,
    "53100": _FULL,
    "25006": _READ_ONLY,
    "42501": _READ_ONLY,
    "28": "the server does not accept this user or password",
    "3D000": "the server has no such database",
}
