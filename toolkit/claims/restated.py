"""A claim that several files hold counts once, by the newest of them.

Next month's export repeats claims of this month's, unchanged or restated (case closed, appeal filed
or decided, amounts corrected); a remittance comes twice under other envelope numbers. What the
files say together is worked out here, before triage. Age is the order of the files, never a date
in them.

**Exports: the same claim.** Two files speak of one claim where our number agrees (where there is
none, the payer's), and so do payer id, payer name, the payer's number, notice date and remittance
date, each as far as both state it (a payer's case and punctuation aside). Another notice or
remittance date is another decision with its own clock, and both stand. A blank agrees with
anything, so it may agree with two decisions that differ: then it is merged with neither, nor with
anything but a claim that states the very same, and a finding says so. A claim that stands twice in
one file is matched by its `notice_received` too, and else not at all. A number with more than a
hundred different statements is a placeholder: only equal statements are matched under it.

**The same line:** procedure and modifiers agree, blank or not (99213 and 99213-25 are two lines),
and line control number, first day of service and revenue code as far as both state them; without a
procedure the revenue code must agree, blank or not. (The tables hold no line number.) Lines of one
service are paired by charge and units where both files have as many of them; else those of equal
charge are paired, and what remains stands apart with a finding.

**The same adjustment:** same line (or claim), group code and CARC; the text decides only if there
is no CARC, since people retype texts. **The same appeal event:** same line (or claim), same day of
filing, and same level as far as both state it.

**What stands.** Of a claim, a line or an event: the newest file's row; where it has a blank, what
the last file before it said (a blank erases nothing; a newer `case_status` wins over an older). An
outcome is not carried to another day of decision. Lines, claim-level adjustments and events that only
an older file has stay, under the newest row of their claim. The claim's charge and payment are the
newest file's, also where an older file's lines join it.

**An adjustment that is gone** while the newest file has others on that line: it stays only if the
line has room for it, that is, where it and the newest adjustments together are no more than charge
less payment, all of them stated. Work queues exported one by one each have their part of a line, and
nothing of them may be lost; a corrected reason fills the line again, and counting both would count
its dollars twice. Without room, or without the amounts to tell, the newest adjustments replace it:
the line stays on the worklist under its newest reasons. Its remarks go with it; where an adjustment
stays for want of a contradiction, so do its remarks; on any other line the newest file that has
remarks decides.

**Remittances.** A claim payment is the same where the files differ and payer, both numbers,
remittance date, claim status, every amount and date, and all lines, adjustments and remarks agree,
with a date and a number stated: the later one is dropped. Anything else is left: corrections and
reversals are netted by triage. Payments that stand twice in one file are left. Provider adjustments
name no claim: those of a remittance are dropped where all of its claims are (`latest`), else left.

An export and a remittance are two views of a claim and are never merged.

Every rule looks at one claim number only, so that tables parted by `patient_control_number` (each
with all of `files`) give the same answer as the whole.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.claims.export.layouts import plain
from toolkit.claims.tables import TABLES, Claims, conform
from toolkit.errors import UsageError

_KEYS = {"claim_key", "line_key", "adjustment_key", "file_id", "row"}
_FACTS = {name: [c.name for c in TABLES[name] if c.name not in _KEYS] for name in TABLES}
_EVENT_FACTS = ["level", "filed_on", "decided_on", "outcome", "recovered_cents"]
# A fact is carried over only where the fact beside it does not contradict the older row.
_BESIDE = {
    "notice_received": "notice_date",
    "decided_on": "outcome",
    "outcome": "decided_on",
    "recovered_cents": "decided_on",
}
_TALLY = {
    "older": "str", "newer": "str", "code": "str", "column": "str", "count": "Int64", "row": "Int64"
}  # fmt: skip
_BY = ["older", "newer", "code", "column"]
PLACEHOLDER = 100  # more different statements than this under one number are not one claim's


def latest(claims: Claims, *, order: Sequence[str] | None = None) -> Claims:
    """Return the tables in which each claim of several files stands once, by the newest of them.

    `order` names the file_ids from oldest to newest (default: as in `claims.files`). One finding per
    pair of files and code: repeated_in_later_file, restated_in_later_file, remittance_repeated,
    not_merged_ambiguous. Raises UsageError if `order` leaves a file out.
    """
    found, tally = once(claims, order=order)
    if tally.empty:
        return found
    found = _without_resent_adjustments(claims, found)
    findings = pd.concat([found.findings, told(tally, claims.files)], ignore_index=True)
    return replace(found, findings=findings)


def _without_resent_adjustments(given: Claims, found: Claims) -> Claims:
    """Return the tables without provider adjustments of remittances that older ones repeat whole."""
    files = given.files
    remits = files["file_id"][files["source"].eq("remittance")]
    whole = set(given.claims["file_id"]) & set(remits) - set(found.claims["file_id"])
    table = found.provider_adjustments
    again = table["file_id"].isin(whole)
    if not again.any():
        return found
    return replace(found, provider_adjustments=table[~again].reset_index(drop=True))


def tallies(claims: Claims, *, order: Sequence[str] | None = None) -> pd.DataFrame:
    """Return what `latest` finds as counts: see `once`."""
    return once(claims, order=order)[1]


def once(claims: Claims, *, order: Sequence[str] | None = None) -> tuple[Claims, pd.DataFrame]:
    """Return the tables with each claim once, and the counts of what was found, without findings.

    Counts: one row per (older, newer, code, column) with `count` and the first `row`, all of which
    can be added up over parts of the claims (`add_up`). The count is of claims; of not_merged_ambiguous,
    of rows of the table that `column` names. Of restated_in_later_file the empty column counts the
    claims, and each other row those in which that column changed. `row` is of the newer file; of
    not_merged_ambiguous, of the older.
    """
    parts: list[pd.DataFrame] = []
    ids = _ids(claims.files, "export", order)
    if len(ids) > 1:
        claims = _exports(claims, ids, parts)
    ids = _ids(claims.files, "remittance", order)
    if len(ids) > 1:
        claims = _remittances(claims, ids, parts)
    return claims, add_up(parts)


def add_up(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return the counts of several parts of the claims as one table, sorted by its keys."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in _TALLY.items()})
    every = pd.concat(parts, ignore_index=True).astype(_TALLY)
    return every.groupby(_BY, as_index=False).agg({"count": "sum", "row": "min"}).astype(_TALLY)


def told(tally: pd.DataFrame, files: pd.DataFrame) -> pd.DataFrame:
    """Return the counts as findings: one per pair of files and code, in the order of `files`."""
    name = dict(zip(files["file_id"], files["file"], strict=True))
    place = {file_id: at for at, file_id in enumerate(files["file_id"])}
    rows = []
    for (older, newer, code), found in tally.groupby(["older", "newer", "code"], sort=False):
        if code == "not_merged_ambiguous":
            here, there = older, name[newer]
            says = f"{_listed(found, 'of')} may be repeated in {there}, which has several possible matches; nothing was merged and all of them count: state payer and notice date in both"
        else:
            here, there = newer, name[older]
            whole = found[found["column"].eq("")]
            many = int(whole["count"].sum())
            what = "claim payment" if code == "remittance_repeated" else "claim"
            counted = f"{many:,} {what}{'' if many == 1 else 's'} of {there}"
            verb = "stands" if many == 1 else "stand"
            says = {
                "repeated_in_later_file": f"{counted} {verb} here unchanged; each counts once, as it is here; this is the first",
                "restated_in_later_file": f"{counted} {verb} here with other facts "
                f"({_listed(found[found['column'].ne('')], 'in')}); each counts once, as it is here; this is the first",
                "remittance_repeated": f"{counted} {verb} here again, identical to the cent; each counts once, as it is there; this is the first",
            }[code]
        first = {"row": int(found["row"].min()), "code": code, "says": says}
        rows.append({"file": name[here], "file_id": here, **first})
    rows.sort(key=lambda row: (place[row["file_id"]], row["row"], row["code"], row["says"]))
    return conform(pd.DataFrame(rows) if rows else {}, "findings")


def _listed(found: pd.DataFrame, word: str) -> str:
    pairs = sorted(zip(-found["count"], found["column"], strict=True))
    if word == "of":
        return ", ".join(f"{-count:,} of {column}" for count, column in pairs)
    return ", ".join(f"{column} in {-count:,}" for count, column in pairs)


def _ids(files: pd.DataFrame, source: str, order: Sequence[str] | None) -> list[str]:
    """Return the file_ids of a source, oldest first."""
    ids = files.loc[files["source"].eq(source), "file_id"].tolist()
    if order is None or len(ids) < 2:
        return ids
    place = {file_id: at for at, file_id in enumerate(order)}
    missing = [file_id for file_id in ids if file_id not in place]
    if missing:
        raise UsageError(
            f"order leaves out {len(missing)} of {len(ids)} {source} files; name all, oldest first"
        )
    return sorted(ids, key=place.__getitem__)


# ---------------------------------------------------------------------------------------- numbers


def _grouped(*parts: np.ndarray) -> np.ndarray:
    """Return one number per entry, equal where all parts are, counted by first appearance."""
    group, size = np.zeros(len(parts[0]), dtype=np.int64), 1
    for part in parts:  # they count from -1
        width = int(part.max(initial=-1)) + 2
        if size * width > np.iinfo(np.int64).max:
            group, seen = pd.factorize(group)
            group, size = group.astype(np.int64), len(seen)
        group = group * width + (part + 1)
        size *= width
    return pd.factorize(group)[0].astype(np.int64)


def _places(column: pd.Series, among) -> np.ndarray:
    """Return each value's place among others, -1 where it has none."""
    return _places_of_each([column], among)[0]


def _places_of_each(columns: list[pd.Series], among) -> list[np.ndarray]:
    """Return each value's place among others, for several columns at the cost of one look-up."""
    chunks: list[pa.Array] = []
    for column in columns:
        values = pa.array(column).cast(pa.large_string())
        chunks += values.chunks if isinstance(values, pa.ChunkedArray) else [values]
    values = pa.chunked_array(chunks, pa.large_string())
    found = pc.index_in(values, value_set=pa.array(among).cast(pa.large_string()))
    place = found.combine_chunks().fill_null(-1).to_numpy(zero_copy_only=False)
    return np.split(place.astype(np.int64), np.cumsum([len(column) for column in columns])[:-1])


def _codes(column: pd.Series, at: np.ndarray) -> np.ndarray:
    """Return equal numbers for equal values, -1 for none."""
    return pd.factorize(column.array.take(at))[0].astype(np.int64)


def _numbers(column: pd.Series, at: np.ndarray, change=plain) -> np.ndarray:
    """Return equal numbers for texts that are equal once changed, -1 for none."""
    codes, distinct = pd.factorize(column.array.take(at))
    again = pd.factorize(np.array([*(change(v) for v in distinct), ""], dtype=object))[0]
    return np.where(codes < 0, -1, again[codes])


def _known(column: pd.Series, at: np.ndarray) -> np.ndarray:
    return column.notna().to_numpy()[at]


def _differs(column: pd.Series, older: np.ndarray, newer: np.ndarray) -> np.ndarray:
    """Return where both rows state the column, differently."""
    known = column.notna().to_numpy()
    both = np.flatnonzero(known[older] & known[newer])
    found = np.zeros(len(older), dtype=bool)
    unequal = column.array.take(older[both]) != column.array.take(newer[both])
    found[both] = np.asarray(unequal, dtype=bool)
    return found


def _last_known(column: pd.Series, at: np.ndarray, label: np.ndarray, count: int) -> np.ndarray:
    """Return each label's last row that states the column, -1 for none; rows are oldest first."""
    known = _known(column, at)
    found = np.full(count, -1, dtype=np.int64)
    found[label[known]] = at[known]
    return found


def _cents(column: pd.Series, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the amounts and which are known; a row of -1 has none."""
    values = column.array.take(at, allow_fill=True)
    return values.to_numpy(dtype="int64", na_value=0), ~np.asarray(pd.isna(values))


def _first_of(group: np.ndarray) -> np.ndarray:
    """Return each group's first entry; groups count from 0 in order of appearance."""
    return np.flatnonzero(~pd.Series(group).duplicated().to_numpy())


def _nth(group: np.ndarray) -> np.ndarray:
    return pd.Series(group).groupby(group, sort=False).cumcount().to_numpy()


def _following(pool, age, asked_pool, asked_age) -> np.ndarray:
    """Return the next greater age in the pool asked, -1 where there is none."""
    width = max(age.max(initial=0), asked_age.max(initial=0)) + 2
    steps = np.unique(pool * width + age)
    at = np.searchsorted(steps, asked_pool * width + asked_age, side="right")
    found = np.append(steps, -1)[at]
    return np.where(found // width == asked_pool, found % width, -1)


def _newest(label: np.ndarray, age: np.ndarray) -> np.ndarray:
    """Return each label's greatest age, -1 for a label without entries."""
    found = np.full(label.max(initial=-1) + 1, -1, dtype=np.int64)
    np.maximum.at(found, label, age)
    return found


# ------------------------------------------------------------------------------- what is the same


def _same(
    group: np.ndarray, facts: list[np.ndarray], age: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return equal numbers for entries of a group whose facts agree as far as both state them.

    Also, for each entry that agrees with two which contradict each other and was therefore left
    apart, the next newer file in which it may be repeated; -1 for all others.
    """
    profile = _grouped(group, *facts)
    first = _first_of(profile)
    a, b = _agreeing(group[first], [fact[first] for fact in facts])
    label = np.arange(len(first))
    apart = np.full(len(group), -1, dtype=np.int64)
    if not len(a):
        return profile, apart
    node, other = np.concatenate([a, b]), np.concatenate([b, a])
    torn = np.zeros(len(first), dtype=bool)
    for fact in facts:
        said = fact[first][other]
        stated = said >= 0
        low = np.full(len(first), np.iinfo(np.int64).max)
        high = np.full(len(first), -1)
        np.minimum.at(low, node[stated], said[stated])
        np.maximum.at(high, node[stated], said[stated])
        torn |= low < high
    # Among the rest those that agree with one agree with each other, so the least of them names all.
    sound = ~torn[node] & ~torn[other]
    np.minimum.at(label, node[sound], other[sound])
    if torn.any():
        doubtful = ~sound
        where = pd.DataFrame({"other": profile, "age": age}).drop_duplicates()
        pool = pd.DataFrame({"node": node[doubtful], "other": other[doubtful]}).merge(where)
        hit = torn[profile] | np.isin(profile, node[doubtful])
        apart[hit] = _following(
            pool["node"].to_numpy(), pool["age"].to_numpy(), profile[hit], age[hit]
        )
    return label[profile], apart


def _agreeing(group: np.ndarray, facts: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of different profiles of a group that agree as far as both state."""
    shape = np.zeros(len(group), dtype=np.int64)
    for place, fact in enumerate(facts):
        shape |= (fact >= 0).astype(np.int64) << place
    first = np.full(group.max(initial=-1) + 1, -1, dtype=np.int64)
    first[group] = shape
    mixed = np.zeros(len(first), dtype=bool)
    mixed[group[shape != first[group]]] = True
    mixed &= np.bincount(group, minlength=len(first)) <= PLACEHOLDER
    at = np.flatnonzero(mixed[group])
    pairs = [np.empty((0, 2), dtype=np.int64)]
    shapes = np.unique(shape[at])
    for place, mine in enumerate(shapes):
        for yours in shapes[place + 1 :]:
            part = at[np.isin(shape[at], (mine, yours))]
            both = [f[part] for bit, f in enumerate(facts) if mine & yours & (1 << bit)]
            key = _grouped(group[part], *both)
            left = shape[part] == mine
            sides = (
                pd.DataFrame({"key": key[left], "a": part[left]}),
                pd.DataFrame({"key": key[~left], "b": part[~left]}),
            )
            pairs.append(sides[0].merge(sides[1], on="key")[["a", "b"]].to_numpy())
    found = np.concatenate(pairs)
    return found[:, 0], found[:, 1]


def _told_apart(
    label: np.ndarray,
    age: np.ndarray,
    exact: Callable[[np.ndarray], list[list[np.ndarray]]],
    turn: Callable[[np.ndarray], np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels with no file twice in one, and the file in which an entry may be repeated.

    Where a file has several entries of a label, entries that agree in the first of `exact` are
    paired, what remains by the next: one with one, or, with a `turn`, as many with as many in that
    order. Both are asked for those entries only.
    """
    apart = np.full(len(label), -1, dtype=np.int64)
    pair = _grouped(label, age)
    twice = np.bincount(pair)[pair] > 1
    if not twice.any():
        return _grouped(label), apart
    crowded = np.zeros(label.max() + 1, dtype=bool)
    crowded[label[twice]] = True
    at = np.flatnonzero(crowded[label])
    if turn is not None:
        at = at[turn(at)]
    mine, ages = label[at], age[at]
    free = label.max() + 1
    new = free + np.arange(len(at))  # alone, unless paired below
    free += len(at)
    lone = np.ones(len(at), dtype=bool)
    for facts in exact(at):
        rest = np.flatnonzero(lone)
        group = _grouped(mine[rest], *(fact[rest] for fact in facts))
        of_file = _grouped(group, ages[rest])
        many = np.bincount(of_file)[of_file]
        most = _newest(group, many)
        least = np.full(len(most), len(label))
        np.minimum.at(least, group, many)
        files = np.bincount(group[_first_of(of_file)], minlength=len(most))
        even = (least == most) & (files > 1)
        if turn is None:
            even &= most == 1
        partner = _grouped(group, _nth(of_file))
        new[rest] = np.where(even[group], free + partner, new[rest])
        free += len(rest)
        lone[rest] = ~even[group]
    label = label.copy()
    label[at] = new
    left = np.flatnonzero(lone)
    apart[at[left]] = _following(mine[left], ages[left], mine[left], ages[left])
    return _grouped(label), apart


# ---------------------------------------------------------------------------------------- exports


@dataclass(frozen=True)
class _Claims:
    """The claims that stand in several exports, one entry each, sorted by claim, oldest first."""

    at: np.ndarray  # its row of claims.claims
    claim: np.ndarray  # number of the claim, from 0
    age: np.ndarray  # place of its file in the order
    newest: np.ndarray  # by claim: its newest entry
    keys: pd.Series  # claim_key by entry

    @property
    def superseded(self) -> np.ndarray:
        """Return the entries that a newer one follows."""
        return np.flatnonzero(self.newest[self.claim] != np.arange(len(self.at)))


class _Notes:
    """What changed between files, gathered as counts of claims."""

    def __init__(self, ids: list[str], parts: list[pd.DataFrame]):
        self.ids, self.parts = np.array([*ids, ""], dtype=object), parts
        self.changed: dict[str, list[np.ndarray]] = {}

    def change(self, column: str, entries: np.ndarray) -> None:
        """Note that a column changed in these entries of the newer file."""
        if len(entries):
            self.changed.setdefault(column, []).append(entries)

    def count(self, code: str, column: str, older, newer, row) -> None:
        if not len(row):
            return
        table = pd.DataFrame({"older": older, "newer": newer, "row": row})
        found = table.groupby(["older", "newer"], as_index=False)["row"].agg(["size", "min"])
        self.parts.append(
            pd.DataFrame(
                {
                    "older": self.ids[found["older"]],
                    "newer": self.ids[found["newer"]],
                    "code": code,
                    "column": column,
                    "count": found["size"],
                    "row": found["min"],
                }
            )
        )

    def left(self, column: str, age, apart, row, merged) -> None:
        """Count rows left apart, unless a newer file has been found to repeat them."""
        told = (apart >= 0) & ~merged
        self.count("not_merged_ambiguous", column, age[told], apart[told], row[told])


def _rows(frame: pd.DataFrame, at: np.ndarray) -> np.ndarray:
    """Return the row numbers of the file; a row without one counts as the first."""
    return frame["row"].array.take(at).to_numpy(dtype="int64", na_value=1)


def _exports(claims: Claims, ids: list[str], parts: list[pd.DataFrame]) -> Claims:
    """Return the tables with each claim of several exports once; counts are added to `parts`."""
    notes = _Notes(ids, parts)
    same = _repeated_claims(claims.claims, ids, notes)
    if same is None:
        return claims
    tables = {}
    tables["claims"], claim_room = _newest_claims(claims.claims, same, notes)
    tables["claim_lines"], line, line_room = _merged_lines(claims.claim_lines, same, notes)
    below = [claims.adjustments, claims.remark_codes, claims.appeal_events]
    places = _Places(claims.claim_lines, below, same, line)
    room = np.concatenate([line_room, claim_room])
    tables["adjustments"], gone = _merged_adjustments(below[0], places, room, notes)
    tables["remark_codes"] = _merged_remarks(below[1], places, gone, notes)
    tables["appeal_events"] = _merged_events(below[2], places, notes)
    _count_claims(claims.claims, same, notes)
    return replace(claims, **tables)


def _repeated_claims(table: pd.DataFrame, ids: list[str], notes: _Notes) -> _Claims | None:
    age = _places(table["file_id"], ids)
    at = np.flatnonzero(age >= 0)
    number = _codes(table["patient_control_number"], at)
    if (number < 0).any():
        theirs = _codes(table["payer_claim_control_number"], at)
        number = np.where((number < 0) & (theirs >= 0), number.max() + 1 + theirs, number)
    at, number = at[number >= 0], number[number >= 0]
    last = np.zeros(number.max(initial=-1) + 1, dtype=np.int64)
    last[number] = age[at]
    shared = np.zeros(len(last), dtype=bool)
    shared[number[age[at] != last[number]]] = True
    at, number = at[shared[number]], number[shared[number]]
    if not len(at):
        return None
    age = age[at]
    facts = [
        _numbers(table["payer_id"], at),
        _numbers(table["payer_name"], at),
        *(
            _codes(table[column], at)
            for column in ("payer_claim_control_number", "notice_date", "remittance_date")
        ),
    ]
    # The number stands for itself, so that the payer's is not asked twice where we have none.
    group = _grouped(number)
    label, torn = _same(group, facts, age)

    def exact(part: np.ndarray) -> list[list[np.ndarray]]:
        received = _codes(table["notice_received"], at[part])
        return [[*(fact[part] for fact in facts), received], [received]]

    label, twice = _told_apart(label, age, exact)
    merged = _newest(label, age)[label] > age
    apart = np.where(torn >= 0, torn, twice)
    notes.left("claims", age, apart, _rows(table, at), merged)
    several = np.bincount(label)[label] > 1
    if not several.any():
        return None
    at, label, age = at[several], label[several], age[several]
    by_age = np.lexsort((age, label))
    at, label, age = at[by_age], _grouped(label[by_age]), age[by_age]
    newest = np.zeros(label.max() + 1, dtype=np.int64)
    newest[label] = np.arange(len(at))
    keys = pd.Series(table["claim_key"].array.take(at))
    return _Claims(at, label, age, newest, keys)


def _carried(frame, names, at, label, head, notes=None, of=None) -> dict[str, np.ndarray]:
    """Return, by column, from which row each row takes its value: a blank from the last that knew.

    `at` are the rows by label, oldest first; `head` is each label's standing row. Changes from row
    to row are noted for the entries `of`.
    """
    taken = {}
    step = np.flatnonzero(label[1:] == label[:-1]) + 1
    for name in names:
        column = frame[name]
        if notes is not None:
            older, newer = at[step - 1], at[step]
            changed = _differs(column, older, newer)
            changed |= ~_known(column, older) & _known(column, newer)
            notes[0].change(notes[1] + name, of[step[changed]])
        blank = np.flatnonzero(~_known(column, head))
        if not len(blank):
            continue
        source = _last_known(column, at, label, len(head))[blank]
        blank, source = blank[source >= 0], source[source >= 0]
        if name in _BESIDE and len(blank):
            fits = ~_differs(frame[_BESIDE[name]], source, head[blank])
            blank, source = blank[fits], source[fits]
        if len(blank):
            taken[name] = np.arange(len(frame))
            taken[name][head[blank]] = source
    return taken


def _put_together(frame, keep, taken=None, changed=None) -> pd.DataFrame:
    """Return the rows to keep; `taken` says from which row, `changed` gives rows and new values."""
    at = np.flatnonzero(keep)
    out = {}
    for name in frame:
        column, source = frame[name], at
        if taken and name in taken:
            source = taken[name][at]
        if changed and name in changed:
            rows, values = changed[name]
            source = np.arange(len(frame))
            source[rows] = len(frame) + np.arange(len(rows))
            source = source[at]
            column = pd.concat([column, pd.Series(values, dtype=column.dtype)], ignore_index=True)
        out[name] = column.array.take(source)
    return pd.DataFrame(out)


def _newest_claims(table: pd.DataFrame, same: _Claims, notes: _Notes):
    """Return the claims with each once, and the room of those that are repeated."""
    keep = np.ones(len(table), dtype=bool)
    keep[same.at[same.superseded]] = False
    head = same.at[same.newest]
    names = [name for name in _FACTS["claims"] if name != "is_reversal"]
    entries = np.arange(len(same.at))
    taken = _carried(table, names, same.at, same.claim, head, (notes, ""), entries)
    if "claim_status" in taken:  # what the status says of a reversal comes with it
        taken["is_reversal"] = taken["claim_status"]
    found = _put_together(table, keep, taken)
    return found, _room(found, keep, head)


_NO_ROOM = np.iinfo(np.int64).min // 2


def _room(found: pd.DataFrame, keep: np.ndarray, head: np.ndarray) -> np.ndarray:
    """Return charge less payment of standing rows in cents; _NO_ROOM where one is not stated."""
    rows = np.cumsum(keep)[head] - 1
    billed, stated = _cents(found["billed_cents"], rows)
    paid, paid_too = _cents(found["paid_cents"], rows)
    return np.where(stated & paid_too, billed - paid, _NO_ROOM)


def _entries(table: pd.DataFrame, same: _Claims) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that belong to the repeated claims, and the entry of each."""
    entry = _places(table["claim_key"], same.keys)
    at = np.flatnonzero(entry >= 0)
    return at, entry[at]


def _numbered_after(frame, key, mark, owner, rows, at, entry, same) -> pd.Series:
    """Return new keys for rows that join their newest claim: its key and the next ordinals."""
    joined = np.zeros(len(same.newest), dtype=bool)
    joined[owner] = True
    its = at[joined[same.claim[entry]] & (same.newest[same.claim[entry]] == entry)]
    there = same.claim[entry][joined[same.claim[entry]] & (same.newest[same.claim[entry]] == entry)]
    texts = pa.array(frame[key].array.take(its), pa.large_string())
    ordinal = pc.replace_substring_regex(texts, ".*-a?", "").to_pandas()
    ordinal = pd.to_numeric(ordinal, errors="coerce").fillna(0).to_numpy(dtype="int64")
    last = np.bincount(there, minlength=len(joined))
    np.maximum.at(last, there, ordinal)
    number = pd.Series(last[owner] + _nth(owner) + 1).astype("str")
    claim_key = pd.Series(same.keys.array.take(same.newest[owner]))
    return claim_key + f"-{mark}" + number


def _merged_lines(lines: pd.DataFrame, same: _Claims, notes: _Notes):
    """Return the lines with each once, those of repeated claims as they were, and their room.

    The second is (entries, labels, standing line_key by label, rows); the third is by label.
    """
    at, entry = _entries(lines, same)
    claim, age = same.claim[entry], same.age[entry]
    service = _codes(lines["procedure_code"], at)
    revenue = _codes(lines["revenue_code"], at)
    group = _grouped(
        claim, service, _codes(lines["modifiers"], at), np.where(service < 0, revenue, -1)
    )
    facts = [
        _codes(lines["line_control_number"], at),
        _codes(lines["service_from"], at),
        revenue,
    ]
    label, torn = _same(group, facts, age)

    def exact(part: np.ndarray) -> list[list[np.ndarray]]:
        billed = _codes(lines["billed_cents"], at[part])
        known = [fact[part] for fact in facts]
        return [known, [*known, billed, _codes(lines["units"], at[part])], [billed]]

    def turn(part: np.ndarray) -> np.ndarray:
        charge, _ = _cents(lines["billed_cents"], at[part])
        units = lines["units"].array.take(at[part]).to_numpy(dtype=float, na_value=-1)
        return np.lexsort((_rows(lines, at[part]), units, charge))

    label, twice = _told_apart(label, age, exact, turn)
    row = _rows(lines, at)
    merged = _newest(label, age)[label] > age
    notes.left("claim_lines", age, np.where(torn >= 0, torn, twice), row, merged)

    by_age = np.lexsort((age, label))
    at, entry, label = at[by_age], entry[by_age], label[by_age]
    claim = claim[by_age]
    head = np.zeros(label.max(initial=-1) + 1, dtype=np.int64)
    head[label] = np.arange(len(at))
    first = np.ones(len(at), dtype=bool)
    first[1:] = label[1:] != label[:-1]
    # A line that a newer file adds to a claim that an older one had.
    notes.change("claim_lines", entry[first & _follows(same)[entry]])
    taken = _carried(
        lines, _FACTS["claim_lines"], at, label, at[head], (notes, "claim_lines."), entry
    )
    keep = np.ones(len(lines), dtype=bool)
    keep[at] = False
    keep[at[head]] = True
    joins = head[same.newest[claim[head]] != entry[head]]
    joins = joins[np.argsort(at[joins], kind="stable")]
    keys = pd.Series(lines["line_key"].array.take(at))
    changed = None
    if len(joins):
        owner = claim[joins]
        new = _numbered_after(lines, "line_key", "", owner, at[joins], at, entry, same)
        changed = {
            "line_key": (at[joins], new),
            "claim_key": (at[joins], same.keys.array.take(same.newest[owner])),
        }
        keys.iloc[joins] = new.array
    standing = pd.Series(keys.array.take(head))
    found = _put_together(lines, keep, taken, changed)
    return found, (entry, label, standing, at), _room(found, keep, at[head])


def _follows(same: _Claims) -> np.ndarray:
    """Return which entries follow an older one of their claim."""
    found = np.zeros(len(same.at), dtype=bool)
    found[1:] = same.claim[1:] == same.claim[:-1]
    return found


class _Places:
    """Where adjustments, remarks and events of repeated claims stand: on a line or on the claim."""

    def __init__(self, lines: pd.DataFrame, below: list[pd.DataFrame], same: _Claims, line):
        self.same = same
        self.line_entry, self.line_label, self.standing, rows = line
        self.lines = len(self.standing)
        self.shared = self.lines + len(same.newest)
        keys = lines["line_key"].array.take(rows)
        found = _places_of_each([table["line_key"] for table in below], keys)
        self.found = {id(table): line for table, line in zip(below, found, strict=True)}

    def of(self, table: pd.DataFrame):
        """Return the rows of repeated claims, their entries, ages and places.

        A place below `lines` is a line's label; the next are the claims; a row whose line is not on
        file has a place of its own.
        """
        line = self.found[id(table)]
        entry = np.append(self.line_entry, -1)[line]
        place = np.append(self.line_label, -1)[line]
        # Without a line, or with one that is not on file.
        rest = np.flatnonzero(line < 0)
        entry[rest] = _places(pd.Series(table["claim_key"].array.take(rest)), self.same.keys)
        rest = rest[entry[rest] >= 0]
        place[rest] = self.lines + self.same.claim[entry[rest]]
        own = rest[_known(table["line_key"], rest)]
        place[own] = self.shared + np.arange(len(own))
        at = np.flatnonzero(entry >= 0)
        entry = entry[at]
        return at, entry, self.same.age[entry], place[at]

    def joined(self, table, at, entry, place) -> dict:
        """Return the keys of the rows that join the newest claim, as `_put_together` takes them."""
        joins = np.flatnonzero(self.same.newest[self.same.claim[entry]] != entry)
        if not len(joins):
            return {}
        owner = self.same.claim[entry[joins]]
        rows, where = at[joins], place[joins]
        key = table["line_key"].array.take(rows)
        on_line = where < self.lines
        new = pd.Series(key)
        new[on_line] = self.standing.array.take(where[on_line])
        return {
            "claim_key": (rows, self.same.keys.array.take(self.same.newest[owner])),
            "line_key": (rows, new.array),
        }


def _merged_adjustments(table: pd.DataFrame, places: _Places, room: np.ndarray, notes: _Notes):
    """Return the adjustments with each once, and by place which were replaced and which stayed."""
    same = places.same
    at, entry, age, place = places.of(table)
    text = np.where(_known(table["carc"], at), -1, _codes(table["denial_text"], at))
    reason = _grouped(place, _codes(table["group_code"], at), _codes(table["carc"], at), text)
    top = _newest(place, age)
    stands = age == top[place]
    stated = np.zeros(reason.max(initial=-1) + 1, dtype=bool)
    stated[reason[stands]] = True
    gone = ~stated[reason]
    last = gone & (age == _newest(reason, age)[reason])  # what the last file that has it says
    size = max(len(top), len(room))
    room = np.append(room, np.full(size - len(room), _NO_ROOM))[: len(top)]
    cents, known = _cents(table["amount_cents"], at)
    both = stands | last
    np.subtract.at(room, place[both], np.maximum(cents[both], 0))
    room[place[both & ~known]] = _NO_ROOM
    weighs = np.bincount(place[last & (cents > 0)], minlength=len(top)) > 0
    stays = last & ((room >= 0) & weighs)[place]
    replaced, stayed = np.zeros(len(top), dtype=bool), np.zeros(len(top), dtype=bool)
    replaced[place[last & ~stays]] = True
    stayed[place[stays]] = True

    _note_reasons(table, at, entry, age, place, reason, same, notes)
    lost = np.flatnonzero(last & ~stays)
    successor = np.full(len(top), -1, dtype=np.int64)
    successor[place[stands]] = entry[stands]
    notes.change("adjustments.carc", successor[place[lost]])

    kept = stands | stays
    keep = np.ones(len(table), dtype=bool)
    keep[at[~kept]] = False
    mine = np.flatnonzero(kept)
    changed = places.joined(table, at[mine], entry[mine], place[mine])
    if changed:
        rows = changed["claim_key"][0]
        owner = same.claim[entry[mine][same.newest[same.claim[entry[mine]]] != entry[mine]]]
        new = _numbered_after(table, "adjustment_key", "a", owner, rows, at, entry, same)
        changed["adjustment_key"] = (rows, new.array)
    return _put_together(table, keep, None, changed), (replaced, stayed, top)


def _note_reasons(table, at, entry, age, place, reason, same, notes) -> None:
    """Note reasons that a newer file adds, and those whose amount, quantity or text it changes."""
    if not len(at):
        return
    by_age = np.argsort(reason * (age.max() + 1) + age, kind="stable")
    reason, entry = reason[by_age], entry[by_age]
    start = np.ones(len(at), dtype=bool)
    start[1:] = (reason[1:] != reason[:-1]) | (entry[1:] != entry[:-1])
    start = np.flatnonzero(start)
    reason, entry = reason[start], entry[start]
    step = np.flatnonzero(reason[1:] == reason[:-1]) + 1
    quantity = table["quantity"].array.take(at[by_age])
    values = {
        "amount_cents": np.add.reduceat(_cents(table["amount_cents"], at[by_age])[0], start),
        "quantity": np.add.reduceat(quantity.to_numpy(dtype=float, na_value=0), start),
        "denial_text": _codes(table["denial_text"], at[by_age])[start],
    }
    for name, found in values.items():
        notes.change(f"adjustments.{name}", entry[step[found[step] != found[step - 1]]])
    first = np.ones(len(reason), dtype=bool)
    first[step] = False
    added = entry[first]
    notes.change("adjustments.carc", added[_follows(same)[added]])


def _merged_remarks(table, places: _Places, gone, notes: _Notes) -> pd.DataFrame:
    """Return the remark codes with each once; those of a replaced adjustment go with it."""
    at, entry, age, place = places.of(table)
    size = max(place.max(initial=-1) + 1, places.shared)
    replaced, stayed, top = (_sized(part, size, places.shared) for part in gone)
    last = np.full(size, -1, dtype=np.int64)
    np.maximum.at(last, place, age)
    dropped = replaced[place].astype(bool) & (age < top[place])
    kept = ((age == last[place]) | stayed[place].astype(bool)) & ~dropped
    remark = _grouped(place, _codes(table["rarc"], at))
    latest_of = np.full(remark.max(initial=-1) + 1, -1, dtype=np.int64)
    np.maximum.at(latest_of, remark[kept], age[kept])
    kept &= age == latest_of[remark]
    by_age = np.lexsort((age, remark))
    first = by_age[_first_of(remark[by_age])]
    notes.change("remark_codes.rarc", entry[first[_follows(places.same)[entry[first]]]])
    # A remark that the newest remarks of its place do not have any more.
    newest = np.full(size, -1, dtype=np.int64)
    newest[place[age == last[place]]] = entry[age == last[place]]
    lost = first[latest_of[remark[first]] < 0]
    lost = lost[age[lost] < last[place[lost]]]
    notes.change("remark_codes.rarc", newest[place[lost]])
    keep = np.ones(len(table), dtype=bool)
    keep[at[~kept]] = False
    mine = np.flatnonzero(kept)
    changed = places.joined(table, at[mine], entry[mine], place[mine])
    return _put_together(table, keep, None, changed)


def _sized(part: np.ndarray, size: int, shared: int) -> np.ndarray:
    """Return what is known by place for another table, whose own places are not the same."""
    found = np.zeros(size, dtype=np.int64)
    known = min(len(part), shared)
    found[:known] = part[:known]
    return found


def _merged_events(table, places: _Places, notes: _Notes) -> pd.DataFrame:
    """Return the appeal events with each once; a decision joins the event that it decides."""
    at, entry, age, place = places.of(table)
    group = _grouped(place, _codes(table["filed_on"], at))
    label, apart = _same(group, [_codes(table["level"], at)], age)
    label = _grouped(label)
    last = _newest(label, age)
    stands = age == last[label]
    notes.left("appeal_events", age, apart, _rows(table, at), ~stands)
    by_age = np.lexsort((age, label))
    first = by_age[_first_of(label[by_age])]
    notes.change("appeal_events.filed_on", entry[first[_follows(places.same)[entry[first]]]])
    # Where the newest file has several of one level and day, they stand as they are.
    alone = np.bincount(label[stands], minlength=len(last))[label] == 1
    by_age = by_age[alone[by_age]]
    mine = _grouped(label[by_age])
    head = np.zeros(mine.max(initial=-1) + 1, dtype=np.int64)
    head[mine] = at[by_age]
    taken = _carried(
        table, _EVENT_FACTS, at[by_age], mine, head, (notes, "appeal_events."), entry[by_age]
    )
    keep = np.ones(len(table), dtype=bool)
    keep[at[~stands]] = False
    kept = np.flatnonzero(stands)
    changed = places.joined(table, at[kept], entry[kept], place[kept])
    return _put_together(table, keep, taken, changed)


def _count_claims(table: pd.DataFrame, same: _Claims, notes: _Notes) -> None:
    """Count the repeated claims: restated, by column and in all, or unchanged."""
    row = _rows(table, same.at)
    restated = np.zeros(len(same.at), dtype=bool)

    def count(code: str, column: str, entries: np.ndarray) -> None:
        notes.count(code, column, same.age[entries - 1], same.age[entries], row[entries])

    for column, found in notes.changed.items():
        entries = np.unique(np.concatenate(found))
        count("restated_in_later_file", column, entries)
        restated[entries] = True
    follows = _follows(same)
    count("restated_in_later_file", "", np.flatnonzero(restated))
    count("repeated_in_later_file", "", np.flatnonzero(follows & ~restated))


# ------------------------------------------------------------------------------------ remittances


def _remittances(claims: Claims, ids: list[str], parts: list[pd.DataFrame]) -> Claims:
    """Return the tables without claim payments that an older remittance has, alike to the cent."""
    table = claims.claims
    age = _places(table["file_id"], ids)
    at = np.flatnonzero(age >= 0)
    at = at[_known(table["remittance_date"], at)]
    number = _codes(table["patient_control_number"], at)
    theirs = _codes(table["payer_claim_control_number"], at)
    at = at[(number >= 0) | (theirs >= 0)]
    names = ["patient_control_number", "payer_claim_control_number", "remittance_date"]
    names += [name for name in _FACTS["claims"] if name not in names]
    alike = np.zeros(len(at), dtype=np.int64)
    for name in names:  # fewer remain with each column
        alike = _grouped(alike, _codes(table[name], at))
        at, alike = _in_several(at, alike, age)
        if not len(at):
            return claims
    keys = pd.Series(table["claim_key"].array.take(at))
    content = [alike]
    place = _line_places(claims.claim_lines, keys)
    for name in ("claim_lines", "adjustments", "remark_codes"):
        content.append(_content(getattr(claims, name), keys, _FACTS[name], place))
    alike = _grouped(*content)
    at, alike = _in_several(at, alike, age)
    by_age = np.lexsort((at, age[at]))
    at, alike = at[by_age], alike[by_age]
    # The second of two alike in one file is matched by the second of the other file only.
    turn = _grouped(alike, _nth(_grouped(alike, age[at])))
    first = _first_of(turn)[turn]
    again = first != np.arange(len(at))
    if not again.any():
        return claims
    notes = _Notes(ids, parts)
    dropped = at[again]
    older = age[at[first[again]]]
    notes.count("remittance_repeated", "", older, age[dropped], _rows(table, dropped))
    gone = table["claim_key"].array.take(dropped)
    tables = {}
    for name in ("claims", "claim_lines", "adjustments", "remark_codes", "appeal_events"):
        frame = getattr(claims, name)
        tables[name] = _put_together(frame, _places(frame["claim_key"], gone) < 0)
    return replace(claims, **tables)


def _in_several(at, group, age) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows whose group stands in several files, and their group."""
    several = np.zeros(group.max(initial=-1) + 1, dtype=bool)
    one = np.full(len(several), -1, dtype=np.int64)
    one[group] = age[at]
    several[group[age[at] != one[group]]] = True
    return at[several[group]], group[several[group]]


def _line_places(lines: pd.DataFrame, keys: pd.Series):
    """Return the line keys of the claims, and each line's place in its claim, from 1."""
    claim = _places(lines["claim_key"], keys)
    at = np.flatnonzero(claim >= 0)
    return pd.Series(lines["line_key"].array.take(at)), _nth(claim[at]) + 1


def _content(table: pd.DataFrame, keys: pd.Series, names: list[str], place=None) -> np.ndarray:
    """Return equal numbers for claims whose rows of a table say the same in the same order."""
    claim = _places(table["claim_key"], keys)
    at = np.flatnonzero(claim >= 0)
    claim = claim[at]
    codes = [_codes(table[name], at) for name in names]
    if place is not None:
        line = _places(pd.Series(table["line_key"].array.take(at)), place[0])
        codes.append(np.append(place[1], 0)[line])
    says = _grouped(np.zeros(len(at), dtype=np.int64), *codes)
    turn = _nth(claim)
    found = np.zeros(len(keys), dtype=np.int64)
    by_turn = np.argsort(turn, kind="stable")
    free = 1
    for part in np.split(by_turn, np.flatnonzero(np.diff(turn[by_turn])) + 1):
        # the first row of every claim, then the second of those that have one, ...
        found[claim[part]] = free + _grouped(found[claim[part]], says[part])
        free += len(part)
    return found
