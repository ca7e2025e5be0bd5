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
    """Write who sends the letters into a hospital.yaml; what the file said before is replaced.

    Raises InputError, with nothing written, where it would not be read.
    """
    signer = {name: getattr(sender.signer, name) for name in sender.signer.__struct_fields__}
    stated = {name: getattr(sender, name) for name in sender.__struct_fields__ if name != "signer"}
    stated = {name: text for name, text in stated.items() if text}
    signer = {name: text for name, text in signer.items() if text}
    values = stated | ({"signer": signer} if signer else {})
    with _placed(path) as temporary:
        text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, default_style='"')
        temporary.write_text(text if values else "", encoding="utf-8")
        if values:
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
