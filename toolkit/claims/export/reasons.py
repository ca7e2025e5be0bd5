"""The adjustments of each row: one, several side by side, or several codes in one cell.

A row becomes as many rows as it has adjustments. Where several codes share one amount, the amount is
that of the first code that is a denial, and the others have none of their own: a dollar is never
counted twice. Words where a code is expected are the reason in words.
"""

import numpy as np

from toolkit.claims.export.cells import PROBLEMS, read_id
from toolkit.claims.export.columns import (
    Notes,
    Read,
    differ,
    filled,
    joined,
    read_column,
    recoded,
)
from toolkit.claims.export.sheets import Cells, Sheet
from toolkit.denials import classify
from toolkit.denials.codes_in_text import CodesFound, read_codes

_GROUP_DIFFERS = (
    "group_code", "group_differs",
    "group_code and the code's own group differ; group_code was used: correct one",
)  # fmt: skip
_OWN = ("group_code", "denied_amount", "quantity", "denial_text")


class _Slot:
    """One adjustment's columns of all rows: the first in the row, or one beside it."""

    def __init__(self, given: dict[str, Cells], codes: Cells | None, sheet: Sheet, notes: Notes):
        count = len(sheet.rows)
        nothing = Cells(np.full(count, -1, dtype=np.int32), [])
        self.own = {name: given.get(name, nothing) for name in _OWN}
        self.has_amount = "denied_amount" in given
        raw = codes if codes is not None else nothing
        found = [_codes_of(value) for value in raw.values]
        _note_unread(raw, found, sheet, notes)
        self.codes, self.found = raw.codes, found
        # the codes of all distinct cells, one after the other; the last place is that of no code
        sizes = [len(one.adjustments) for one in found]
        self.pairs = [pair for one in found for pair in one.adjustments]
        self.start = np.append(np.cumsum([0, *sizes])[:-1] if sizes else [], 0).astype(np.int64)
        self.size = np.array([*sizes, 0], dtype=np.int64)[raw.codes]

    def texts(self, pick) -> Cells:
        """Return what each row's code cell says besides its codes."""
        return recoded(Cells(self.codes, self.found), [pick(one) or None for one in self.found])

    def is_there(self) -> np.ndarray:
        """Return which rows have anything of this adjustment but remark codes."""
        says = [bool(one.adjustments or one.words or one.unread) for one in self.found]
        there = np.array([*says, False])[self.codes]
        for name in ("denied_amount", "denial_text", "group_code"):
            there |= self.own[name].codes >= 0
        return there


def with_reasons(columns: dict[str, Cells], sheet: Sheet, notes: Notes) -> Read:
    """Return the columns with group code, CARC, amount and reason of each adjustment in its own row."""
    slots = _slots(columns, sheet, notes)
    columns = dict(columns)
    rarcs = [slot.texts(lambda one: " ".join(one.rarcs)) for slot in slots]
    for cells in rarcs:
        if cells.values:
            columns["rarc"] = joined(columns["rarc"], cells) if "rarc" in columns else cells
    if len(slots) == 1 and int(slots[0].size.max(initial=0)) < 2:
        return _simple(columns, slots[0], sheet, notes)
    return _expanded(columns, slots, sheet, notes)


def _slots(columns: dict[str, Cells], sheet: Sheet, notes: Notes) -> list[_Slot]:
    match = sheet.match
    first = match.positions.get("carc")
    raw = None
    if first:
        raw = sheet.columns[first[0]]
        for position in first[1:]:
            raw = joined(raw, sheet.columns[position])
    raw = _with_codes_of_texts(raw, columns.get("denial_text"))
    slots = [_Slot({n: columns[n] for n in _OWN if n in columns}, raw, sheet, notes)]
    for beside in match.adjustments:
        own = {
            name: read_column(name, sheet.columns[position], sheet, notes)
            for name, position in beside.items()
            if name != "carc"
        }
        codes = sheet.columns[beside["carc"]] if "carc" in beside else None
        slot = _Slot(own, codes, sheet, notes)
        if "group_code" not in beside and "group_code" in columns:  # as in a CAS segment
            group = columns["group_code"]
            slot.own["group_code"] = Cells(np.where(slot.is_there(), group.codes, -1), group.values)
        slots.append(slot)
    return slots


def _with_codes_of_texts(raw: Cells | None, text: Cells | None) -> Cells | None:
    """Return the code cells, and where a row has none, the reason in words that holds a code."""
    if text is None:
        return raw
    coded = recoded(text, [v if read_codes(v).adjustments else None for v in text.values])
    if not coded.values:
        return raw
    return coded if raw is None else filled(raw, coded)


def _codes_of(text: str) -> CodesFound:
    bare, problem = read_id(text)
    return CodesFound(unread=True) if problem else read_codes(bare)


def has_code(text: str) -> bool:
    """Return whether a cell holds a reason or remark code, or what was one."""
    found = _codes_of(text)
    return bool(found.adjustments or found.rarcs or found.unread)


def _note_unread(raw: Cells, found: list[CodesFound], sheet: Sheet, notes: Notes) -> None:
    for hit, code, says in (
        ([one.unread for one in found], "code_not_read", PROBLEMS["code_not_read"]),
        (
            [bool(one.words) and not one.adjustments and not one.rarcs for one in found],
            "words_for_a_code",
            "with words where a reason code belongs, read as the reason in words",
        ),
    ):
        at = np.array([*hit, False])[raw.codes]
        if code == "code_not_read":
            notes.add(sheet.rows[at], "carc", code, f"carc {says}")
        else:
            notes.count(sheet.rows[at], "carc", code, says)


def _simple(columns: dict[str, Cells], slot: _Slot, sheet: Sheet, notes: Notes) -> Read:
    """Return the columns where each row has at most one code."""
    if not slot.found:
        return Read(columns, sheet.rows)
    raw = Cells(slot.codes, slot.found)
    first = [one.adjustments[0] if one.adjustments else ("", None) for one in slot.found]
    columns["carc"] = recoded(raw, [code for _, code in first])
    group = recoded(raw, [group or None for group, _ in first])
    own = columns.get("group_code")
    if own is not None:
        notes.add(sheet.rows[differ(own, group)], *_GROUP_DIFFERS)
        columns["group_code"] = filled(own, group)
    elif group.values:
        columns["group_code"] = group
    words = slot.texts(lambda one: one.words)
    if words.values:
        said = columns.get("denial_text")
        columns["denial_text"] = words if said is None else filled(said, words)
    return Read(columns, sheet.rows)


def _expanded(columns: dict[str, Cells], slots: list[_Slot], sheet: Sheet, notes: Notes) -> Read:
    """Return the columns with each row as often as it has adjustments."""
    count = len(sheet.rows)
    row, at, nth = [], [], []
    for number, slot in enumerate(slots):
        times = np.maximum(slot.size, 1 if number == 0 else slot.is_there())
        row.append(np.repeat(np.arange(count), times))
        at.append(np.full(len(row[-1]), number))
        nth.append(np.arange(len(row[-1])) - np.repeat(np.cumsum(times) - times, times))
    row, at, nth = (np.concatenate(parts) for parts in (row, at, nth))
    order = np.argsort(row, kind="stable")
    row, at, nth = row[order], at[order], nth[order]
    if len(slots) > 1:  # the first of several side by side may be the one that is not there
        empty = (at == 0) & ~slots[0].is_there()[row]
        others = np.bincount(row, minlength=count)[row] > 1
        row, at, nth = (part[~(empty & others)] for part in (row, at, nth))
    made = _Made(slots, row, at, nth)
    keep = made.keep()
    row = row[keep]
    out = {name: Cells(cells.codes[row], cells.values) for name, cells in columns.items()}
    found, differs = made.columns(keep)
    notes.add(sheet.rows[row[differs]], *_GROUP_DIFFERS)
    for name, cells in found.items():
        if cells.values or name in columns:
            out[name] = cells
    return Read(out, sheet.rows[row])


class _Made:
    """The adjustments of all rows: which row, which of the slots, which of its codes."""

    def __init__(self, slots: list[_Slot], row: np.ndarray, at: np.ndarray, nth: np.ndarray):
        self.slots, self.row, self.at, self.nth = slots, row, at, nth
        # codes without an amount column of their own share the amount of the first
        owner = np.array([n if slot.has_amount else 0 for n, slot in enumerate(slots)])[at]
        self.shared = row * len(slots) + owner
        self.own = {
            name: self._of_slots(name, owner if name in ("denied_amount", "quantity") else at)
            for name in _OWN
        }
        self.pair, self.values = self._pairs()

    def _of_slots(self, name: str, at: np.ndarray) -> Cells:
        """Return one column as one of the adjustments, each from the slot at which `at` says it is."""
        values: list = []
        codes = np.full(len(self.row), -1, dtype=np.int64)
        for number, slot in enumerate(self.slots):
            cells = slot.own[name]
            here = at == number
            mine = cells.codes[self.row[here]].astype(np.int64)
            codes[here] = np.where(mine < 0, -1, mine + len(values))
            values.extend(cells.values)
        return Cells(codes, values)

    def _pairs(self) -> tuple[np.ndarray, list[tuple[str, str]]]:
        """Return each adjustment's (group code or '', CARC) by number; -1 where it has no code."""
        values: list[tuple[str, str]] = []
        pair = np.full(len(self.row), -1, dtype=np.int64)
        for number, slot in enumerate(self.slots):
            here = self.at == number
            row, nth = self.row[here], self.nth[here]
            place = slot.start[slot.codes[row]] + nth + len(values)
            pair[here] = np.where(nth < slot.size[row], place, -1)
            values.extend(slot.pairs)
        return pair, values

    def keep(self) -> np.ndarray:
        """Return which adjustments stay: of equal codes that share an amount, the first."""
        number = {one: n for n, one in enumerate(dict.fromkeys(self.values))}
        code = np.array([*(number[one] for one in self.values), -1])[self.pair]
        key = self.shared * (len(number) + 1) + code + 1
        _, first = np.unique(key, return_index=True)
        keep = np.zeros(len(key), dtype=bool)
        keep[first] = True
        return keep | (code < 0)

    def columns(self, keep: np.ndarray) -> tuple[dict[str, Cells], np.ndarray]:
        """Return group code, CARC, amount, quantity and reason of the adjustments that stay.

        And which of them have a group code beside a code that states another.
        """
        pair, shared = self.pair[keep], self.shared[keep]
        own = {name: Cells(cells.codes[keep], cells.values) for name, cells in self.own.items()}
        codes = Cells(pair, self.values)
        group = recoded(codes, [group or None for group, _ in self.values])
        # beside other codes, a code's own group is truer than the one group column of the row
        alone = np.bincount(shared)[shared] == 1
        stated = own["group_code"]
        told = np.where(alone | (group.codes < 0), stated.codes, -1)
        bears = np.zeros(len(pair), dtype=bool)
        bears[self._bearers(pair, shared)] = True
        has_amount = np.zeros(int(shared.max(initial=-1)) + 1, dtype=bool)
        has_amount[shared[own["denied_amount"].codes >= 0]] = True
        found = {
            "carc": recoded(codes, [code for _, code in self.values]),
            "group_code": filled(Cells(told, stated.values), group),
            "denied_amount": _only(own["denied_amount"], bears),
            "quantity": _only(own["quantity"], bears),
            "denial_text": filled(own["denial_text"], self._words(keep)),
            "amount_shared": Cells(np.where(has_amount[shared] & ~bears, 0, -1), ["shared"]),
        }
        return found, alone & differ(stated, group)

    def _bearers(self, pair: np.ndarray, shared: np.ndarray) -> np.ndarray:
        """Return which adjustment bears each shared amount: the first that is a denial, else the first."""
        denial = np.array(
            [classify(group or None, code, ()).is_denial for group, code in self.values] + [True]
        )[pair]
        order = np.lexsort((np.arange(len(pair)), ~denial, shared))
        ordered = shared[order]
        return order[np.append(True, ordered[1:] != ordered[:-1])] if len(order) else order

    def _words(self, keep: np.ndarray) -> Cells:
        values: list[str | None] = []
        codes = np.full(len(self.row), -1, dtype=np.int64)
        for number, slot in enumerate(self.slots):
            here = self.at == number
            mine = slot.codes[self.row[here]].astype(np.int64)
            codes[here] = np.where(mine < 0, -1, mine + len(values))
            values.extend(one.words or None for one in slot.found)
        return recoded(Cells(codes[keep], values), values)


def _only(cells: Cells, where: np.ndarray) -> Cells:
    return recoded(Cells(np.where(where, cells.codes, -1), cells.values), cells.values)
