"""The hash chain of a case store: each entry's hash covers its content and the hash before it.

A changed or removed entry breaks the chain there. Entries removed from the end leave a complete
chain: compare the number of entries and the last hash with a note of them.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

# What the hash covers, in this order. A field added later goes to the end, and only where it is set.
_COVERED = (
    "entry", "case_key", "kind", "name", "value_kind", "value", "day", "level", "outcome",
    "amount_cents", "proof", "source", "who", "entered_at", "corrects", "previous",
)  # fmt: skip


class Verified(msgspec.Struct, frozen=True):
    """What walking the chain found: how many entries are whole, the last hash, the first wrong entry."""

    entries: int
    last_hash: str
    wrong: int | None = None


def hash_of(row: Mapping[str, Any]) -> str:
    """Return the SHA-256 of an entry's content and of the hash before it (`previous`), as hex."""
    covered = [[name, row[name]] for name in _COVERED]
    text = json.dumps(covered, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def walk(rows: Iterable[Mapping[Any, Any]]) -> Verified:
    """Return whether the entries, in their order, are numbered from 1 and each hash is as computed."""
    count, last = 0, ""
    for row in rows:
        whole = row["entry"] == count + 1 and row["previous"] == last
        if not whole or row["hash"] != hash_of(row):
            return Verified(count, last, wrong=row["entry"])
        count, last = count + 1, row["hash"]
    return Verified(count, last)
