"""Which row of a table holds its headings, and which columns they stand for.

Headings may fill two rows (a group above, its members below), and one row of a table may hold several
adjustments side by side (`Group 1, Reason 1, Amount 1, Group 2 ...`): such columns are numbered
members of one canonical column, however they are numbered.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import msgspec

from toolkit.claims.export.grids import Note
from toolkit.claims.export.layouts import SEVERAL, Match, choose, column_of, layout, layouts, plain
from toolkit.errors import ExportError
from toolkit.hospital.heading_words import Provenance, keys
from toolkit.rules import RULES, read

HEADING_ROWS = 20

# What each of several adjustments side by side may have.
ADJUSTMENT = ("group_code", "carc", "denied_amount", "quantity", "denial_text")
_NUMBERED = ADJUSTMENT + tuple(sorted(SEVERAL))

_ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6,
    "1st": 1, "2nd": 2, "3rd": 3, "4th": 4, "5th": 5, "6th": 6,
    "primary": 1, "secondary": 2, "tertiary": 3,
    "i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6,
    "a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6,
}  # fmt: skip
_DIGITS = re.compile(r"(?<!\d)0*(\d{1,2})(?!\d)")
_CAS = re.compile(r"(?:CLP|SVC)?\s*[_ ]?CAS[-_ ]?0*(\d{1,2})", re.IGNORECASE)


@dataclass(frozen=True)
class Found:
    """The headings of a table and what they stand for; `match.row` counts rows from 1."""

    match: Match
    headings: list[str]
    notes: list[Note]


def find_headings(rows: list[list[str]], *, layout: str | None, where: str) -> Found:
    """Return the headings among the first rows of a table.

    Raises ExportError, naming `where`, if no row or pair of rows fits a layout.
    """
    try:
        return _chosen(rows, layout=layout, where=where)
    except ExportError as error:
        for joined in _in_two_rows(rows):
            try:
                found = _chosen(joined, layout=layout, where=where)
            except ExportError:
                continue
            note = (None, "", "two_heading_rows", "the headings are in two rows, which were joined")
            return replace(found, notes=[*found.notes, note])
        raise error


def wanted(match: Match) -> list[int]:
    """Return the positions of the columns that are read."""
    found = {p for ps in match.positions.values() for p in ps} | set(match.leave_out)
    return sorted(found | {p for one in match.adjustments for p in one.values()})


def _chosen(rows: list[list[str]], *, layout: str | None, where: str) -> Found:
    match = choose([first_of_each(row) for row in rows], name=layout, where=where)
    headings = rows[match.row - 1]
    return Found(_with_families(match, headings), headings, [])


def _in_two_rows(rows: list[list[str]]) -> Iterator[list[list[str]]]:
    """Yield the rows, each joined to the one above: groups filled to the right, then as they are."""
    for fill in (True, False):
        joined = [list(rows[0])] if rows else []
        for above, below in zip(rows, rows[1:], strict=False):
            joined.append(_joined(above, below, fill=fill))
        yield joined


def _joined(above: list[str], below: list[str], *, fill: bool) -> list[str]:
    width, group, out = max(len(above), len(below)), "", []
    for at in range(width):
        top = above[at].strip() if at < len(above) else ""
        low = below[at].strip() if at < len(below) else ""
        group = top or (group if fill else "")
        out.append(" ".join(word for word in (group if low else top, low) if word))
    return out


# ------------------------------------------------------------------------------ numbered headings


def first_of_each(headings: list[str]) -> list[str]:
    """Return the headings, those of the first of several adjustments without their numbers."""
    plain = {column for heading in headings if (column := _column(heading))}
    out = list(headings)
    for column, members in _members(headings).items():
        if column in SEVERAL or column in plain:
            continue
        _, position = min(members)
        base = _without_number(headings[position])
        out[position] = base if _column(base) == column else column
    return out


def _with_families(match: Match, headings: list[str]) -> Match:
    """Return the match with the adjustments that are side by side, and all remark codes."""
    positions = dict(match.positions)
    taken = {p for ps in positions.values() for p in ps}
    adjustments: dict[tuple[bool, int], dict[str, int]] = {}
    found = _members(headings)
    twice = any(
        len({number for number, _ in m}) < len(m) for c, m in found.items() if c not in SEVERAL
    )
    for column, members in found.items():
        if column in SEVERAL:
            more = [p for _, p in sorted(members) if p not in taken]
            if more:
                positions[column] = tuple(sorted({*positions.get(column, ()), *more}))
            continue
        for number, position in sorted(members):
            if position not in taken:
                slot = (twice and _is_of_line(headings[position]), number)
                adjustments.setdefault(slot, {})[column] = position
    return msgspec.structs.replace(
        match,
        positions=positions,
        adjustments=tuple(adjustments[slot] for slot in sorted(adjustments)),
    )


def _is_of_line(heading: str) -> bool:
    """Return whether a numbered heading speaks of the line, as where the claim has its own beside it."""
    return any("line" in key.words for key in keys(heading))


class _Bare(Provenance, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Headings that mean a part of an adjustment only beside others of their kind."""

    words: dict[str, tuple[str, ...]]


@cache
def _bare() -> dict[str, str]:
    given: _Bare = read(RULES / "headings" / "adjustments.yaml", _Bare)
    return {plain(word): column for column, words in given.words.items() for word in words}


def _members(headings: list[str]) -> dict[str, list[tuple[int, int]]]:
    """Return our column -> (number, position) of the headings that are numbered members of it."""
    found = _full_members(headings)
    bare = _bare_members(headings)
    if "carc" not in found and "carc" not in bare:
        return found
    taken = {position for members in found.values() for _, position in members}
    for column, members in bare.items():
        found.setdefault(column, []).extend(m for m in members if m[1] not in taken)
    return {column: members for column, members in found.items() if members}


def _bare_members(headings: list[str]) -> dict[str, list[tuple[int, int]]]:
    """Return the members among headings that are short: numbered, or repeated as a reason is."""
    found: dict[str, list[tuple[int, int]]] = {}
    words = [plain(heading) for heading in headings]
    pairs = list(zip(headings, words, strict=True))
    reasons = [w for h, w in pairs if "carc" in (_column(h), _bare().get(w))]
    repeats = max(map(words.count, reasons), default=0)
    seen: dict[str, int] = {}
    for position, (heading, word) in enumerate(pairs):
        column = _bare().get(word)
        if column and repeats > 1 and words.count(word) == repeats:
            seen[word] = seen.get(word, 0) + 1
            found.setdefault(column, []).append((seen[word], position))
            continue
        for base, number in _readings(heading):
            column = _bare().get(plain(base))
            if column:
                found.setdefault(column, []).append((number, position))
                break
    return found


def _full_members(headings: list[str]) -> dict[str, list[tuple[int, int]]]:
    """Return the members among headings whose words say by themselves what they are."""
    found: dict[str, list[tuple[int, int]]] = {}
    seen: dict[tuple[str, str], int] = {}
    for position, heading in enumerate(headings):
        member = _segment_member(heading)
        if member is None and (column := _column(heading)) in _NUMBERED:
            key = column, plain(heading)
            seen[key] = seen.get(key, 0) + 1
            if seen[key] > 1:  # the same heading again: the next of its kind
                member = column, seen[key]
        elif member is None:
            member = _member(heading)
        if member:
            found.setdefault(member[0], []).append((member[1], position))
    return found


def _segment_member(heading: str) -> tuple[str, int] | None:
    """Return what an element of a CAS segment is: CAS01 the group, then triplets of code and amount."""
    match = _CAS.fullmatch(heading.strip())
    if not match:
        return None
    element = int(match[1])
    if element == 1:
        return "group_code", 1
    at, part = divmod(element - 2, 3)
    return ("carc", "denied_amount", "quantity")[part], at + 1


def _member(heading: str) -> tuple[str, int] | None:
    """Return the column and the number of a numbered heading: `Reason Code 2`, `Adj2Amt`, `2nd CARC`."""
    for base, number in _readings(heading):
        column = _column(base)
        if column in _NUMBERED and plain(base) not in _bare():
            return column, number
    return None


def _without_number(heading: str) -> str:
    return next((base for base, _ in _readings(heading) if _column(base) in _NUMBERED), heading)


def _readings(heading: str) -> list[tuple[str, int]]:
    """Return each way to part a heading into its words and its number."""
    found = []
    for match in _DIGITS.finditer(heading):
        base = f"{heading[: match.start()]} {heading[match.end() :]}"
        found.append((base, int(match[1])))
    words = re.split(r"[\s_.\-()#]+", heading.strip())
    for word in (words[-1], words[0]):
        number = _ORDINALS.get(word.casefold())
        if number and len(words) > 1:
            rest = words[:-1] if word is words[-1] else words[1:]
            found.append((" ".join(rest), number))
    return found


_LONGEST = 200  # characters: what is longer is a note or a whole line, not a heading


@cache
def _column(heading: str) -> str | None:
    """Return which column of ours a heading is in any layout; None if layouts differ on it."""
    if len(heading) > _LONGEST:
        return None
    places = (column_of(layout(name), heading) for name in layouts())
    found = {place[0] for place in places if place}
    return found.pop() if len(found) == 1 else None
