"""Save what the hospital states about a payer or itself in its own files, completely or not at all."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from toolkit.errors import InputError
from toolkit.hospital.local_tables import cell_at, columns_of, read_table
from toolkit.hospital.payers import COLUMNS, Payer, payer_keys, read_payer_table
from toolkit.hospital.sender import Sender, read_sender
from toolkit.hospital.yaml_text import with_values
from toolkit.outputs import whole

_CONTRACTED = {"contracted": "yes", "not_contracted": "no", "": ""}


def save_payer(path: Path, payer: Payer) -> None:
    """Write one payer, or one plan of it, into a payer table; every other row and column stays.

    Its row is the one that has its id or its name, and its plan; a new one where there is none. Raises
    InputError, with nothing written, where the table cannot be read or the row would not be read.
    """
    headings: list[str] = list(COLUMNS)
    rows: list[tuple[int, list[str]]] = []
    if path.exists():
        headings, rows = read_table(path)
    places, _ = columns_of(headings, COLUMNS, path.name)
    for name in COLUMNS:
        if name not in places:
            places[name] = len(headings)
            headings = [*headings, name]
    table = [[cell_at(row, at) for at in range(len(headings))] for _, row in rows]
    mine = set(payer_keys(payer))
    known = read_payer_table(path).payers if path.exists() else ()
    at = next((at for at, one in enumerate(known) if mine & set(payer_keys(one))), None)
    if at is None:
        table.append([""] * len(headings))
        at = len(table) - 1
    for name, text in _cells(payer).items():
        # An id or a name that was not given now is still the payer's.
        if text or name not in ("payer_id", "payer_name"):
            table[at][places[name]] = text
    with _placed(path) as temporary:
        with temporary.open("w", encoding="utf-8", newline="") as output:
            csv.writer(output, lineterminator="\n").writerows([headings, *table])
        _as_of(path, temporary, read_payer_table)


def save_sender(path: Path, sender: Sender) -> None:
    """Write who sends the letters into a hospital.yaml; comments, order and other lines stay as they are.

    Raises InputError, with nothing written, where the file cannot be read or would not be.
    """
    signer = {name: getattr(sender.signer, name) for name in sender.signer.__struct_fields__}
    stated = {name: getattr(sender, name) for name in sender.__struct_fields__ if name != "signer"}
    before = path.read_text(encoding="utf-8-sig") if path.exists() else ""
    try:
        text = with_values(before, stated | {"signer": signer})
    except (yaml.YAMLError, UnicodeError, ValueError):
        raise InputError(f"{path.name}: cannot be read as YAML; nothing was saved") from None
    with _placed(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
        if text.strip():
            _as_of(path, temporary, read_sender)


@contextmanager
def _placed(path: Path) -> Iterator[Path]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with whole(path) as temporary:
            yield temporary
    except OSError as error:
        raise InputError(
            f"{path.name}: cannot be written ({type(error).__name__}); nothing was saved"
        ) from None


def _as_of(path: Path, temporary: Path, reader: Callable[[Path], object]) -> None:
    """Read what was written, and name the real file where it cannot be read."""
    try:
        reader(temporary)
    except InputError as error:
        raise InputError(str(error).replace(temporary.name, path.name)) from None


def _cells(payer: Payer) -> dict[str, str]:
    window, verified = payer.state_window, payer.address_verified_on
    return {
        "payer_id": payer.payer_id,
        "payer_name": payer.payer_name,
        "plan_name": payer.plan_name,
        "program": payer.program,
        "contracted": _CONTRACTED[payer.contracted],
        "funding": payer.funding,
        "appeals_address": payer.appeals_address,
        "address_verified_on": verified.isoformat() if verified else "",
        "state_window": "" if window is None else str(window),
        "jurisdiction": payer.jurisdiction,
    }
