"""The triage of denial rows, as every engine asks it: columns in, columns of answers out.

Each column's distinct cells are read once and become numbers; the numbers of the facts that a
question turns on become one number, and the question is asked once per distinct one. What the law,
the codes and the texts say stands in `toolkit.questions` alone. Here nothing but numbers is joined.
"""

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.accessor import FINDINGS, findings_of
from toolkit.claims.export.cells import NOTHING, PROBLEMS, read_moneys
from toolkit.claims.export.layouts import NO_OUTCOME
from toolkit.denials.second_look import of_service, turns_on_service
from toolkit.denials.services import is_drug, service_of
from toolkit.engines import facts
from toolkit.errors import UsageError
from toolkit.hospital import Hospital
from toolkit.law import telling_amounts, turns_on
from toolkit.questions import (
    code_question,
    contract_question,
    payer_question,
    step_question,
)

_WHO = {name: "text" for name in ("program", "program_from", "contracted", "contracted_from")}
_CODE = {
    name: "text"
    for name in (
        "denial_category", "reason", "route", "nature", "preventable", "liability", "confidence",
        "decided_by",
    )
}  # fmt: skip
_STEP = {
    "appealable": "flag", "level": "text", "last_filing_date": "date", "file_by": "date",
    "filed_when": "text", "citation": "text", "rule_status": "text", "days_left": "count",
    "due": "text", "standing": "text", "gap": "text", "why": "text",
}  # fmt: skip

# Every answer with its kind (see `toolkit.claims.tables.DTYPES`), in the order of the columns.
ANSWERS: dict[str, str] = (
    _WHO
    | _CODE
    | {"second_look": "text", "appealable": "flag", "level": "text"}
    | {"notice_date": "date", "notice_from": "text"}
    | _STEP
    | {"findings": "text"}
)

_EPOCH = date(1970, 1, 1)
_NO_DAY = np.iinfo(np.int32).min

# A day's number: 0 is none, the next ones say what is wrong with the cell, the rest are days.
_WRONG = ("", *sorted(PROBLEMS))
_FIRST_DAY = 100
_DAY_ZERO = (date(1900, 1, 1) - _EPOCH).days - _FIRST_DAY
_DAY_BITS = 17
_ALL_DAYS = 1 << _DAY_BITS
_LAST_DAY = (date(2099, 12, 31) - _EPOCH).days - _DAY_ZERO


@dataclass(frozen=True)
class Answer:
    """One column of answers: `kind` is that of ANSWERS.

    `values` are places in `words` for text (-1: missing), days from 1970-01-01 for dates and counts
    (the least int32: missing), and booleans for flags.
    """

    kind: str
    values: np.ndarray
    words: tuple[str, ...] = ()


# --- numbers for cells ---------------------------------------------------------------------------


def numbers(parts: list[tuple[np.ndarray, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return one number per row for its combination, and the parts of each distinct one (a row each).

    `parts` are (numbers from 0, how many there can be).
    """
    running, width, seen = None, 1, None
    for at, (part, size) in enumerate(parts):
        if running is None:
            running, width = part.astype(np.int64), size
        elif width * size < 1 << 62:
            running = running * size + part
            width *= size
        else:
            running, columns = _distinct(running, width, [s for _, s in parts[:at]], seen)
            seen, width = (at, columns), len(columns)
            running = running * np.int64(size) + part
            width *= size
    return _distinct(running, width, [size for _, size in parts], seen)


def _distinct(running, width, sizes, seen) -> tuple[np.ndarray, np.ndarray]:
    number, distinct = _factorized(running, width)
    first, known = seen if seen else (0, None)
    columns = []
    for size in reversed(sizes[first:]):
        distinct, part = np.divmod(distinct, size)
        columns.append(part)
    out = np.stack(columns[::-1], axis=1) if columns else np.empty((len(distinct), 0), np.int64)
    return number, out if known is None else np.concatenate([known[distinct], out], axis=1)


def _factorized(values: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return int32 places and the distinct values; values run from 0 to width."""
    if width <= max(4 * len(values), 4096) and width <= 1 << 24:
        seen = np.zeros(width, dtype=bool)
        seen[values] = True
        distinct = np.flatnonzero(seen)
        place = np.zeros(width, dtype=np.int32)
        place[distinct] = np.arange(len(distinct), dtype=np.int32)
        return place[values], distinct
    number, distinct = pd.factorize(values)
    return number.astype(np.int32), distinct


def distinct_cells(column: Any) -> tuple[np.ndarray, list | np.ndarray | pa.Array]:
    """Return each row's place among the distinct cells (-1: missing), and these as Python values.

    Takes a pandas Series or an Arrow column. Texts come back as an Arrow array.
    """
    if isinstance(column, pd.Series):
        kind = column.dtype
        if isinstance(kind, pd.CategoricalDtype):
            values = column.cat.categories
            if len(values) <= max(len(column), 1000):
                return column.cat.codes.to_numpy(), _plain(values)
        elif kind.kind != "O" and not isinstance(kind, pd.StringDtype | pd.ArrowDtype):
            place, values = pd.factorize(column)
            return place, _plain(values)
        column = _as_arrow(column)
    if isinstance(column, pa.ChunkedArray):
        column = column.unify_dictionaries() if pa.types.is_dictionary(column.type) else column
        column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        if isinstance(column, pa.ChunkedArray):
            column = pa.concat_arrays(column.chunks) if column.chunks else pa.nulls(0, column.type)
    if pa.types.is_nested(column.type):  # a list of remark codes is no key
        column = pa.array([facts.text_of(one) for one in column.to_pylist()], pa.large_string())
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    places = column.indices
    places = places.fill_null(-1) if places.null_count else places
    return places.to_numpy(zero_copy_only=False), column.dictionary


def _as_arrow(column: pd.Series) -> pa.Array | pa.ChunkedArray:
    """Return a column of texts or of Python objects as Arrow holds it; of mixed ones, their texts."""
    try:
        return pa.Array.from_pandas(column)
    except (
        pa.ArrowInvalid,
        pa.ArrowTypeError,
        pa.ArrowNotImplementedError,  # raised for a column of mixed objects: its cells' texts are used
        OverflowError,
    ):
        return pa.array([facts.text_of(value) for value in column.array], pa.large_string())


def _plain(values: pd.Index) -> list:
    return values.tolist() if isinstance(values, pd.Index) else list(values)


class _Cells:
    """The distinct cells of one column that were read so far: number 0 is an empty one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.read = facts.READERS[name]
        self.entries: list[facts.Read] = [(None, "")]
        self.of_entry: dict[facts.Read, int] = {(None, ""): 0}
        self.of_cell: dict[Any, int] = {}

    def __len__(self) -> int:
        return len(self.entries)

    def numbers(self, column: Any) -> np.ndarray:
        """Return the number of each row's cell; equal readings have one number."""
        place, values = distinct_cells(column)
        if self.name == "denial_text" and isinstance(values, pa.Array):
            values = pc.replace_substring_regex(
                values.cast(pa.large_string()), facts.LONG_NUMBER, facts.ANY_NUMBER
            )
        values = values.to_pylist() if isinstance(values, pa.Array) else values
        if len(self.of_cell) > 1_000_000:
            self.of_cell.clear()
        known, number = self.of_cell, self._number
        table = np.empty(len(values) + 1, dtype=np.int32)
        for at, value in enumerate(values):
            found = known.get(value)
            table[at] = number(value) if found is None else found
        table[-1] = 0
        return table[place]

    def _number(self, value: Any) -> int:
        text = facts.text_of(value)
        entry = self.read(text) if text else (None, "")
        found = self.of_entry.get(entry)
        if found is None:
            found = self.of_entry[entry] = len(self.entries)
            self.entries.append(entry)
        self.of_cell[value] = found
        return found

    def value(self, number: int) -> Any:
        return self.entries[number][0]


def day_numbers(name: str, column: Any) -> np.ndarray:
    """Return the number of each row's day (see `_FIRST_DAY`); a time of day is dropped."""
    days = _native_days(column)
    if days is not None:
        off = days - _DAY_ZERO
        out = np.where(
            (off < _FIRST_DAY) | (off > _LAST_DAY), _WRONG.index("date_out_of_range"), off
        )
        out[days == NOTHING] = 0
        return out.astype(np.int32)
    place, values = distinct_cells(column)
    values = values.to_pylist() if isinstance(values, pa.Array) else values
    table = np.zeros(len(values) + 1, dtype=np.int32)
    for at, value in enumerate(values):
        day, problem = facts.read(name, value)
        table[at] = _WRONG.index(problem) if problem else 0 if day is None else day - _DAY_ZERO
    return table[place]


def _native_days(column: Any) -> np.ndarray | None:
    """Return days from 1970-01-01 of a column that holds dates; None where it holds something else."""
    if isinstance(column, pd.Series):
        if column.dtype.kind == "M" and not isinstance(column.dtype, pd.ArrowDtype):
            if column.dt.tz is not None:
                column = column.dt.tz_localize(None)  # the day that the clock on the wall showed
            # NaT is the least int64, which is NOTHING
            return column.to_numpy().astype("datetime64[D]").astype(np.int64)
        if column.dtype.kind in "OM" and not isinstance(column.dtype, pd.CategoricalDtype):
            column = _as_arrow(column)
    if isinstance(column, pa.Array | pa.ChunkedArray):
        kind = column.type
        if pa.types.is_timestamp(kind) and kind.tz is not None:
            column = pc.local_timestamp(column)
        if pa.types.is_timestamp(kind) or pa.types.is_date64(kind):
            column = pc.floor_temporal(column, unit="day").cast(pa.timestamp("s")).cast(pa.date32())
        elif not pa.types.is_date32(kind):
            return None
        return column.cast(pa.int32()).cast(pa.int64()).fill_null(NOTHING).to_numpy()
    return None


def _of_day(number: int) -> date | None:
    return _EPOCH + timedelta(days=number + _DAY_ZERO) if number >= _FIRST_DAY else None


# --- answers that are kept -----------------------------------------------------------------------


class _Kept:
    """The answers to one question so far, a row each, column by column; texts are numbered."""

    def __init__(self, kinds: Mapping[str, str]) -> None:
        self.kinds = dict(kinds)
        self.columns = {name: array("b" if kind == "flag" else "i") for name, kind in kinds.items()}
        self.words: dict[str, dict[str, int]] = {n: {} for n, k in kinds.items() if k == "text"}
        self.size = 0

    def add(self, answer: Mapping[str, Any]) -> int:
        for name, kind in self.kinds.items():
            value = answer[name]
            if kind == "text":
                words = self.words[name]
                number = -1 if value is None else words.setdefault(value, len(words))
            elif kind == "flag":
                number = bool(value)
            elif value is None:
                number = _NO_DAY
            else:
                number = (value - _EPOCH).days if kind == "date" else int(value)
            self.columns[name].append(number)
        self.size += 1
        return self.size - 1

    def column(self, name: str) -> np.ndarray:
        """Return a copy of one column: an array that is looked at cannot grow."""
        kind = np.int8 if self.kinds[name] == "flag" else np.int32
        return np.frombuffer(self.columns[name], dtype=kind).copy()


class Asker:
    """The questions of one triage with what was asked so far; not for several threads at once."""

    def __init__(self, *, as_of: date, hospital: Hospital) -> None:
        # Who pays is looked up in the payer table and the contracts alone.
        looked_up = hospital.payers or hospital.contracts
        self.idle = () if looked_up else ("payer_id", "payer_name", "plan_name")
        self._payer, self._code = payer_question(hospital).of, code_question().of
        self._contract = contract_question(hospital).of
        self._step = step_question(hospital, as_of=as_of).of
        self._empty()

    def _empty(self) -> None:
        names = (
            *facts.WHO,
            *facts.WHAT,
            "stage",
            "case_status",
            "last_level",
            "outcome",
            "filed_on",
        )
        self.cells = {name: _Cells(name) for name in names}
        self._kinds_of_service = _Kinds()
        self._who, self._what, self._look = {}, {}, {}
        self._who_facts: list[dict[str, Any]] = []
        self._what_class = array("i")  # two for each: before an appeal, and after a decision
        self.who = _Kept(_WHO | {"findings": "text"})
        self.what = _Kept(_CODE | {"look": "text", "why_not": "text", "findings": "text"})
        self.look = _Kept({"second_look": "text"})
        self.step = _Kept(_STEP | {"from_decision": "flag", "by_contract": "flag"})
        self._classes: dict[tuple, int] = {}
        self._combos: dict[tuple, int] = {}
        self._combo_of: dict[tuple, int] = {}
        self._combo_facts: list[dict[str, Any]] = []
        self._keys = np.empty(0, dtype=np.int64)
        self._places = np.empty(0, dtype=np.int32)

    # --- the parts -------------------------------------------------------------------------------

    def forget(self) -> None:
        """Start anew where so much was asked that what is kept would have no bound."""
        if self.step.size > _KEPT:
            self._empty()

    def answers(self, columns: Mapping[str, Any], wanted: Iterable[str]) -> dict[str, Answer]:
        """Return the wanted answers to rows, whose facts are columns of pandas or of Arrow."""
        wanted = list(wanted)
        columns = {name: column for name, column in columns.items() if name not in self.idle}
        found: dict[str, Answer] = {}
        row = _Row(columns)
        who = self.ask_who(row)
        what = looks = None
        stepped = set(wanted) & ({"route", "notice_date", "notice_from"} | set(_STEP))
        if stepped or set(wanted) & (set(_CODE) | {"second_look", "findings"}):
            what = self.ask_what(row, who)
        if "second_look" in wanted:
            looks = self.ask_looks(row, who, what)
        step = self.ask_step(row, who, what) if stepped else None
        for name in wanted:
            if name in _WHO:
                found[name] = _answered(self.who, name, who)
            elif name == "second_look":
                found[name] = _answered(self.look, name, looks)
            elif name == "route":
                found[name] = self._route(what, step)
            elif name in _CODE:
                found[name] = _answered(self.what, name, what)
            elif name == "why":
                found[name] = self._why(what, step)
            elif name in _STEP:
                found[name] = _answered(self.step, name, step)
            elif name == "notice_date":
                found[name] = self._notice_date(row, step)
            elif name == "notice_from":
                found[name] = self._notice_from(row, step)
            else:
                found[name] = self._told(row, who, what)
        return found

    def ask_who(self, row: "_Row") -> "_Asked":
        number, distinct = row.numbered(self, facts.WHO)
        places = [self._who_of(tuple(key)) for key in distinct.tolist()]
        return _Asked(number, np.array(places, dtype=np.int32))

    def _who_of(self, key: tuple) -> int:
        found = self._who.get(key)
        if found is None:
            stated = dict(zip(facts.WHO, map(self._value, facts.WHO, key), strict=True))
            answer = self._payer(**stated)
            names = {name: stated[name] for name in ("payer_id", "payer_name", "plan_name")}
            bound = self._contract(program=answer["program"], **names)
            problems = (self.cells[n].entries[k][1] for n, k in zip(facts.WHO, key, strict=True))
            wrong = [_finding(*one) for one in zip(facts.WHO, problems, strict=True) if one[1]]
            answer["findings"] = "; ".join(wrong)
            found = self._who[key] = self.who.add(answer)
            step = {
                "program": answer["program"],
                "contracted": answer["contracted"],
                **{
                    name: answer[name] if name in turns_on(answer["program"]) else None
                    for name in ("state_window", "jurisdiction")
                },
                "contract": bound["contract"],
                "program_gap": None if answer["program"] else answer["program_gap"],
            }
            self._who_facts.append(step | {"class": self._class("who", tuple(step.values()))})
        return found

    def _value(self, name: str, number: int) -> Any:
        return self.cells[name].value(number)

    def _class(self, kind: str, key: tuple) -> int:
        return self._classes.setdefault((kind, *key), len(self._classes))

    def ask_what(self, row: "_Row", who: "_Asked") -> "_Asked":
        part = self._program_of(who)
        number, distinct = row.numbered(self, facts.WHAT, part)
        by_place = self._program_names()
        places = [self._what_of(tuple(key), by_place[whose]) for *key, whose in distinct.tolist()]
        return _Asked(number, np.array(places, dtype=np.int32))

    def _program_names(self) -> dict[int, str | None]:
        names = (f["program"] for f in self._who_facts)
        return dict(zip(self._program_numbers().tolist(), names, strict=True))

    def _program_numbers(self) -> np.ndarray:
        return self.who.column("program") + 1

    def _program_of(self, who: "_Asked") -> tuple[np.ndarray, int]:
        table = self._program_numbers()
        return table[who.places][who.number], int(table.max(initial=0)) + 1

    def _what_of(self, key: tuple, program_id: str | None) -> int:
        found = self._what.get((*key, program_id))
        if found is None:
            group, carc, rarcs, text = map(self._value, facts.WHAT, key)
            answer = self._code(
                group_code=group, carc=carc, rarcs=rarcs, text=text, program=program_id,
                unpaid_alone=None,
            )  # fmt: skip
            answer["look"] = answer["second_look"]
            answer["findings"] = "; ".join(_code_findings(group, carc, rarcs, text))
            found = self._what[*key, program_id] = self.what.add(answer)
            matters = turns_on(program_id)
            category = answer["denial_category"] if "denial_category" in matters else None
            nature = answer["nature"] if "nature" in matters else None
            why_not = None if answer["appealable"] else _BARRED
            self._what_class.append(self._class("what", (category, None, why_not)))
            self._what_class.append(self._class("what", (category, nature, why_not)))
        return found

    def ask_looks(self, row: "_Row", who: "_Asked", what: "_Asked") -> "_Asked":
        """Return the warnings: those of the codes, and those that turn on the service."""
        service, size = row.services(self._kinds_of_service)
        program_number, programs_seen = self._program_of(who)
        number, distinct = numbers(
            [(what.rows(), self.what.size), (service, size), (program_number, programs_seen)]
        )
        names = self._program_names()
        words = {
            name: list(self.what.words[name]) for name in ("denial_category", "reason", "look")
        }
        columns = {name: self.what.columns[name] for name in words}
        places = []
        for at, kind, whose in distinct.tolist():
            key = (at, kind)
            found = self._look.get(key)
            if found is None:
                said = {name: words[name][columns[name][at]] for name in words}
                looks = said.pop("look")
                on = turns_on_service()
                if any(said[name] in on[name] for name in said):
                    drug, of = self._kinds_of_service.entries[kind]
                    more = of_service(**said, program=names[whose], drug=drug, service=of)
                    looks = " ".join(filter(None, (looks, *more)))
                found = self._look[key] = self.look.add({"second_look": looks})
            places.append(found)
        return _Asked(number, np.array(places, dtype=np.int32))

    def ask_step(self, row: "_Row", who: "_Asked", what: "_Asked") -> "_Asked":
        """Return what is next and by when, asked once per combination and day."""
        event = row.event(self)
        classes = np.array([f["class"] for f in self._who_facts], dtype=np.int64)
        off_on = self._what_classes()
        size = len(self._classes)
        off = off_on[what.places, 0][what.number]
        if event.goes_on is not None:
            off = np.where(event.goes_on, off_on[what.places, 1][what.number], off)
        parts = [
            (self._program_of(who)[0], self.who.size + 1),
            (classes[who.places][who.number], size),
            (off, size),
            (row.codes(self, "stage"), len(self.cells["stage"])),
            *event.parts(self, who),
        ]
        number, distinct = numbers(parts)
        whose = self._who_by_class()
        what_by_class = {n: k[1:] for k, n in self._classes.items() if k[0] == "what"}
        known = self._combo_of
        combos = np.empty(len(distinct), dtype=np.int64)
        for at, (_, *key) in enumerate(distinct.tolist()):
            found = known.get(key := tuple(key))
            if found is None:
                found = known[key] = self._combo(key, whose, what_by_class, event)
            combos[at] = found
        packed = combos[number] << (2 * _DAY_BITS)
        packed += event.days()
        if len(packed) == 0:
            return _Asked(number, np.empty(0, dtype=np.int32))
        inverse, keys = pd.factorize(packed)
        return _Asked(inverse.astype(np.int32), self._step_places(keys))

    def _what_classes(self) -> np.ndarray:
        return np.frombuffer(self._what_class, dtype=np.int32).copy().reshape(-1, 2)

    def _who_by_class(self) -> dict[int, dict[str, Any]]:
        return {f["class"]: f for f in self._who_facts}

    def _combo(self, key: tuple, whose: dict, what_by_class: dict, event: "_Event") -> int:
        """Return the number of one combination of facts other than days."""
        given = whose[key[0]]
        stage, stage_problem = self.cells["stage"].entries[key[2]]
        happened = event.of(self, key[3:], given["program"])
        category, nature, why_not = what_by_class[key[1]]
        combo = {
            **{name: given[name] for name in _WHOSE},
            "denial_category": category, "nature": nature, "why_not": why_not,
            "stage": stage or "payment", **happened,
        }  # fmt: skip
        wrong = ("stage", stage_problem) if stage_problem else combo.pop("wrong")
        combo.pop("wrong", None)
        combo["unread"] = bool(wrong)
        if wrong:
            combo |= _unread(*wrong)
        if happened["filed"] and not wrong and combo["outcome"] in (None, *_ENDS):
            # Nothing else matters for what still waits, or was won or withdrawn.
            combo |= dict.fromkeys(_IDLE)
            combo["stage"] = "payment"
        token = tuple(combo.values())
        found = self._combos.get(token)
        if found is None:
            found = self._combos[token] = len(self._combo_facts)
            self._combo_facts.append(combo)
        return found

    def _step_places(self, keys: np.ndarray) -> np.ndarray:
        """Return where the answers to packed keys are kept; what is new is asked."""
        at = np.searchsorted(self._keys, keys)
        at[at == len(self._keys)] = 0
        known = self._keys[at] == keys if len(self._keys) else np.zeros(len(keys), dtype=bool)
        if not known.all():
            new = keys[~known]
            places = np.fromiter(map(self._answer, new.tolist()), dtype=np.int32, count=len(new))
            merged = np.concatenate([self._keys, new])
            order = np.argsort(merged, kind="stable")
            self._keys = merged[order]
            self._places = np.concatenate([self._places, places])[order]
            at = np.searchsorted(self._keys, keys)
        return self._places[at]

    def _answer(self, key: int) -> int:
        first, second = (key >> _DAY_BITS) & (_ALL_DAYS - 1), key & (_ALL_DAYS - 1)
        asked = self._combo_facts[key >> (2 * _DAY_BITS)]
        decided = asked["goes_on"]
        days = {
            "notice_date": None if decided else _of_day(first),
            "notice_received": None if decided else _of_day(second),
            "decided_on": _of_day(first) if decided else None,
        }
        facts_of = {n: value for n, value in asked.items() if n not in ("goes_on", "unread")}
        if not decided and not asked["unread"] and (wrong := _wrong_day(first, second)):
            facts_of |= _unread(*wrong)
        answer = self._step(**facts_of, **days)
        if answer["why"] == _BARRED:
            answer["why"] = None
        return self.step.add(answer)

    # --- key tables ------------------------------------------------------------------------------

    def keyed(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Return, for rows of raw facts, the numbers by which key tables are joined (a row each).

        `who`, `what`, `look` and `step` say where the answers are kept; `program` is the number of
        the program, `who_class` and `what_class` what the step needs to know of both, and `kind`
        the kind of service. `unread` is (places, texts) of the cells that could not be read.
        """
        row = _Row({name: column for name, column in columns.items() if name not in self.idle})
        who = self.ask_who(row)
        what = self.ask_what(row, who)
        looks = self.ask_looks(row, who, what)
        step = self.ask_step(row, who, what)
        classes = np.array([f["class"] for f in self._who_facts], dtype=np.int32)
        known = [self._class("pair", tuple(pair)) for pair in self._what_classes().tolist()]
        pairs = np.array(known, dtype=np.int32)
        return {
            "who": who.rows(),
            "program": self._program_numbers()[who.rows()].astype(np.int32),
            "who_class": classes[who.rows()],
            "what": what.rows(),
            "what_class": pairs[what.rows()],
            "kind": row.services(self._kinds_of_service)[0],
            "look": looks.rows(),
            "step": step.rows(),
            "unread": self.unread_when(row, who),
        }

    def kept(self, of: str, names: Iterable[str]) -> pa.Table:
        """Return the answers to one question that are kept so far: a row each, texts as texts."""
        kept: _Kept = getattr(self, of)
        places = np.arange(kept.size)
        asked = _Asked(places, places)
        columns = {name: to_arrow(_answered(kept, name, asked), plain=True) for name in names}
        return pa.table({"at": pa.array(places, pa.int32()), **columns})

    def amount_matters(self) -> np.ndarray:
        """Return for each kept answer of `who` whether the amount in dispute matters there."""
        return np.array(["amount" in turns_on(f["program"]) for f in self._who_facts], dtype=bool)

    # --- what rows say beside the answers --------------------------------------------------------

    def _route(self, what: "_Asked", step: "_Asked") -> Answer:
        """Return the routes; an appeal by the contract's own terms is a contract dispute."""
        words = self.what.words["route"]
        by_contract = self.step.column("by_contract")[step.places].astype(bool)
        table = self.what.column("route")[what.places]
        appeal = words.get("appeal", -2)
        if not by_contract.any() or not (table == appeal).any():
            return _answered(self.what, "route", what)
        instead = words.setdefault("contract_dispute", len(words))
        values = table[what.number]
        values[by_contract[step.number] & (values == appeal)] = instead
        return _compact("text", values, words)

    def _why(self, what: "_Asked", step: "_Asked") -> Answer:
        """Return the reasons; where the code leaves no appeal, they are the code's."""
        words = self.step.words["why"]
        values = self.step.column("why")[step.places]
        if not (values < 0).any():
            return _answered(self.step, "why", step)
        words = dict(words)
        of_code = [words.setdefault(word, len(words)) for word in self.what.words["why_not"]]
        values = values[step.number]
        at = np.flatnonzero(values < 0)
        codes = self.what.column("why_not")[what.places][what.number[at]]
        values[at] = np.array(of_code, dtype=np.int32)[codes]
        return _compact("text", values, words)

    def _notice_date(self, row: "_Row", step: "_Asked") -> Answer:
        days, _ = row.notice()
        decided = self.step.column("from_decision")[step.places].astype(bool)
        if decided.any():
            days = np.where(decided[step.number], row.days("decided_on"), days)
        days = np.where(days < _FIRST_DAY, _NO_DAY, days + np.int32(_DAY_ZERO))
        return Answer("date", days.astype(np.int32))

    def _notice_from(self, row: "_Row", step: "_Asked") -> Answer:
        _, source = row.notice()
        decided = self.step.column("from_decision")[step.places].astype(bool)
        if decided.any():
            source = np.where(decided[step.number], 3, source)
        words = {"": 0, "notice_date": 1, "remittance_date": 2, "decided_on": 3}
        return _compact("text", source.astype(np.int32), words)

    def _told(self, row: "_Row", who: "_Asked", what: "_Asked") -> Answer:
        """Return what could not be read, by column: never what a cell says."""
        said = []
        for kept, asked in ((self.who, who), (self.what, what)):
            said.append((asked.rows(), _words_of(kept, "findings")))
        said.append(self.unread_when(row, who))
        if row.amount_name in row.columns:
            says = ["", *(_finding(row.amount_name, problem) for problem in _MONEY)]
            said.append((row.amount_problem(), says))
        return _joined_texts(said, row.size)

    def unread_when(self, row: "_Row", who: "_Asked") -> tuple[np.ndarray, list[str]]:
        """Return what could not be read of the stage, the days and the appeal, where it matters."""
        said = []
        for name in ("stage", "case_status", "outcome"):
            if name in row.columns:
                codes = row.codes(self, name)
                entries = self.cells[name].entries
                said.append((codes, [_finding(name, problem) for _, problem in entries]))
        filed = np.zeros(row.size, dtype=bool)
        if "last_level" in row.columns:
            level = row.codes(self, "last_level")
            filed |= level > 0
            whose = (self._program_numbers()[who.rows()], int(self.who.size) + 1)
            number, distinct = numbers([(level, len(self.cells["last_level"])), whose])
            names = self._program_names()
            says = [
                _finding("last_level", self._level(word, names[at])[1])
                for word, at in distinct.tolist()
            ]
            said.append((number, says))
        if "filed_on" in row.columns:
            filed |= row.codes(self, "filed_on") > 0
        if "decided_on" in row.columns:
            filed |= row.days("decided_on") > 0
        counts = {"notice_date": ~filed, "notice_received": ~filed}
        counts["remittance_date"] = ~filed & (row.days("notice_date") == 0)
        if "outcome" in row.columns:
            counts["decided_on"] = row.codes(self, "outcome") > 0
        for name in facts.DAYS:
            if name in row.columns:
                days = row.days(name)
                wrong = np.where(days < _FIRST_DAY, days, 0)
                if name in counts:
                    wrong = np.where(counts[name], wrong, 0)
                said.append((wrong, [_finding(name, problem) for problem in _WRONG]))
        answer = _joined_texts(said, row.size)
        return answer.values, list(answer.words)

    def _level(self, number: int, program_id: str | None) -> facts.Read:
        return facts.level_of(program_id, self._value("last_level", number))


_ENDS = ("overturned", "withdrawn")
_WHOSE = ("program", "contracted", "state_window", "jurisdiction", "contract", "program_gap")
_IDLE = (*_WHOSE[1:], "denial_category", "nature", "why_not", "amount")
_BARRED = "barred by the code"  # stands for the code's own words, so that keys stay few
_KEPT = 1_000_000  # past so many answers the asker starts anew: what is kept has a bound
_MONEY = ("not_money", "too_many_decimals")


def _unread(column: str, problem: str) -> dict[str, Any]:
    """Return the facts that make a step a gap, as a cell that its date turns on cannot be read."""
    return {"program": None, "program_gap": _finding(column, problem), "last_level": None,
            "filed": False, "outcome": None}  # fmt: skip


def _finding(column: str, problem: str) -> str:
    if not problem:
        return ""
    says = facts.SAYS[problem]
    return f"{column}: {says}"


def _wrong_day(first: int, second: int) -> tuple[str, str] | None:
    """Return the column and kind of a day that cannot be read: the notice's, or its receipt's."""
    if first in range(1, _FIRST_DAY):
        remittance = first >= _FIRST_DAY // 2
        at = first - _FIRST_DAY // 2 if remittance else first
        return ("remittance_date" if remittance else "notice_date"), _WRONG[at]
    if second in range(1, _FIRST_DAY):
        return "notice_received", _WRONG[second]
    return None


def _code_findings(*cells: str | None) -> list[str]:
    given = dict(zip(facts.WHAT, cells, strict=True))
    found = findings_of(given | {"program": None, "procedure_code": None})
    return [f"{column}: {FINDINGS[code]}" for column, code in found]


def _words_of(kept: "_Kept", name: str) -> list[str]:
    """Return a text column of the answers that are kept, a text for each."""
    words = list(kept.words[name])
    return [words[at] for at in kept.columns[name]]


def _joined_texts(said: list[tuple[np.ndarray, list[str]]], size: int) -> Answer:
    """Return the texts of several columns as one, parted by semicolons."""
    said = [(np.asarray(codes), says) for codes, says in said if any(says)]
    if not said:
        return Answer("text", np.zeros(size, dtype=np.int8), ("",))
    parts = []
    for codes, says in said:
        words: dict[str, int] = {"": 0}
        table = np.zeros(max(int(codes.max(initial=0)) + 1, len(says)), dtype=np.int32)
        table[: len(says)] = [words.setdefault(text, len(words)) for text in says]
        parts.append((table[codes], list(words)))
    number, distinct = numbers([(codes, len(words)) for codes, words in parts])
    texts = [
        "; ".join(filter(None, (parts[at][1][n] for at, n in enumerate(key))))
        for key in distinct.tolist()
    ]
    words = {}
    table = np.array([words.setdefault(text, len(words)) for text in texts], dtype=np.int32)
    return _compact("text", table[number], words)


@dataclass(frozen=True)
class _Asked:
    """A question's answers: the row of the answers that are kept, for each distinct number."""

    number: np.ndarray
    places: np.ndarray

    def rows(self) -> np.ndarray:
        """Return where the answer of each row is kept."""
        return self.places[self.number]


def _answered(kept: _Kept, name: str, asked: _Asked) -> Answer:
    kind, table = kept.kinds[name], kept.column(name)[asked.places]
    if kind == "flag":
        return Answer(kind, table.astype(bool)[asked.number])
    if kind != "text":
        return Answer(kind, table[asked.number])
    table, words = _narrow(table, kept.words[name])
    return Answer(kind, table[asked.number], words)


def _compact(kind: str, values: np.ndarray, words: Mapping[str, int]) -> Answer:
    """Return a text answer with the words that appear, in the smallest numbers."""
    values, words = _narrow(values, words)
    return Answer(kind, values, words)


def _narrow(values: np.ndarray, words: Mapping[str, int]) -> tuple[np.ndarray, tuple[str, ...]]:
    said = list(words)
    seen = np.zeros(len(said) + 1, dtype=bool)
    seen[values] = True  # -1 is the last
    used = np.flatnonzero(seen[:-1])
    place = np.full(len(said) + 1, -1, dtype=_smallest(len(used)))
    place[used] = np.arange(len(used))
    return place[values], tuple(said[at] for at in used)


def _smallest(count: int) -> type:
    return np.int8 if count < 1 << 7 else np.int16 if count < 1 << 15 else np.int32


class _Kinds:
    """Kinds of service: whether a drug, and the family. A code matters only by what it is one of."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str]] = []
        self.of_entry: dict[tuple[str, str], int] = {}

    def numbers(self, column: Any) -> np.ndarray:
        place, values = distinct_cells(column)
        values = values.to_pylist() if isinstance(values, pa.Array) else values
        table = [self.number(facts.text_of(value) or None) for value in values]
        return np.array([*table, self.number(None)], dtype=np.int32)[place]

    def number(self, procedure_code: str | None) -> int:
        entry = (is_drug(procedure_code), service_of(procedure_code))
        found = self.of_entry.setdefault(entry, len(self.entries))
        if found == len(self.entries):
            self.entries.append(entry)
        return found


# --- the rows ------------------------------------------------------------------------------------


class _Row:
    """The rows' columns as numbers, each made when it is first needed."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        self.columns = columns
        self.size = len(next(iter(columns.values())))
        self._codes: dict[str, np.ndarray] = {}
        self._notice: tuple[np.ndarray, np.ndarray] | None = None

    def codes(self, asker: Asker, name: str) -> np.ndarray:
        if name not in self._codes:
            there = name in self.columns
            self._codes[name] = (
                asker.cells[name].numbers(self.columns[name])
                if there
                else np.zeros(self.size, dtype=np.int8)
            )
        return self._codes[name]

    def numbered(self, asker: Asker, names: Iterable[str], *more: tuple[np.ndarray, int]):
        """Return the rows' combinations of columns; a column that is not there is always empty."""
        names = tuple(names)
        there = [name for name in names if name in self.columns]
        parts = [(self.codes(asker, name), len(asker.cells[name])) for name in there]
        if not parts and not more:
            count = min(self.size, 1)
            return np.zeros(self.size, np.int32), np.zeros((count, len(names)), np.int64)
        number, distinct = numbers([*parts, *more])
        full = np.zeros((len(distinct), len(names) + len(more)), dtype=np.int64)
        where = [names.index(name) for name in there]
        full[:, [*where, *range(len(names), len(names) + len(more))]] = distinct
        return number, full

    def days(self, name: str) -> np.ndarray:
        if name not in self._codes:
            self._codes[name] = (
                day_numbers(name, self.columns[name])
                if name in self.columns
                else np.zeros(self.size, dtype=np.int32)
            )
        return self._codes[name]

    def services(self, kinds: _Kinds) -> tuple[np.ndarray, int]:
        if "procedure_code" in self.columns:
            codes = kinds.numbers(self.columns["procedure_code"])
        else:
            codes = np.full(self.size, kinds.number(None), dtype=np.int32)
        return codes, len(kinds.entries)

    def notice(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the day of the notice, else of the remittance, and which: 1, 2 or 0 for none.

        A notice date that cannot be read is not replaced by the remittance's.
        """
        if self._notice is None:
            days = self.days("notice_date")
            source = (days > 0).astype(np.int8)
            if "remittance_date" in self.columns:
                other = self.days("remittance_date")
                wrong = (other > 0) & (other < _FIRST_DAY)
                other = np.where(wrong, other + _FIRST_DAY // 2, other).astype(np.int32)
                source = np.where(days > 0, np.int8(1), np.where(other > 0, np.int8(2), np.int8(0)))
                days = np.where(days > 0, days, other)
            source[(days > 0) & (days < _FIRST_DAY)] = 0
            self._notice = days, source
        return self._notice

    def event(self, asker: Asker) -> "_Event":
        return _Event(self, asker)

    @property
    def amount_name(self) -> str:
        return next((name for name in facts.AMOUNT if name in self.columns), "denied_cents")

    def cents_at(self, at: np.ndarray) -> np.ndarray:
        """Return the whole cents of some of the rows."""
        column = self.columns.get(self.amount_name)
        if column is None:
            return np.full(len(at), NOTHING)
        part = column.iloc[at] if isinstance(column, pd.Series) else column.take(pa.array(at))
        return cents_of(part, dollars=self.amount_name == "denied")[0]

    def amount_problem(self) -> np.ndarray:
        """Return 0, or the place (from 1) among the kinds of finding of an amount."""
        column = self.columns.get(self.amount_name)
        if column is None:
            return np.zeros(self.size, dtype=np.int8)
        return cents_of(column, dollars=self.amount_name == "denied")[1]


class _Event:
    """The last appeal of each row, and what it leaves of the other facts."""

    def __init__(self, row: _Row, asker: Asker) -> None:
        self.row = row
        there = [name for name in facts.EVENT if name in row.columns]
        self.there = bool(there)
        self.goes_on = self.filed = None
        if not there:
            return
        level, outcome = row.codes(asker, "last_level"), row.codes(asker, "outcome")
        entries = asker.cells["outcome"].entries
        undecided = np.array([value in NO_OUTCOME for value, _ in entries])
        ends = np.array([value in _ENDS for value, _ in entries])
        wrong = np.array([bool(problem) for _, problem in entries])
        decided = (outcome > 0) & ~undecided[outcome]
        decided_on = row.days("decided_on")
        self.filed = (level > 0) | (decided_on > 0) | decided
        if "filed_on" in row.columns:
            self.filed |= row.codes(asker, "filed_on") > 0
        self.goes_on = self.filed & decided & ~ends[outcome] & ~wrong[outcome]
        self.first = np.where(self.goes_on & (decided_on >= _FIRST_DAY), decided_on, 0)

    def parts(self, asker: Asker, who: _Asked) -> list[tuple[np.ndarray, int]]:
        """Return the facts of the event as numbers, for `numbers`."""
        row = self.row
        status = (row.codes(asker, "case_status"), len(asker.cells["case_status"]))
        if not self.there:
            return [status]
        level = row.codes(asker, "last_level")
        level = np.where(self.filed, level, 0)
        return [
            status,
            (level, len(asker.cells["last_level"])),
            (np.where(self.filed, row.codes(asker, "outcome"), 0), len(asker.cells["outcome"])),
            (self.filed.astype(np.int8), 2),
            (self.goes_on.astype(np.int8), 2),
            (self._sides(asker, who), len(telling_amounts()) + 2),
        ]

    def _sides(self, asker: Asker, who: _Asked) -> np.ndarray:
        """Return on which side of the rules' amounts a decided row lies; 0 where it cannot matter."""
        sides = np.zeros(self.row.size, dtype=np.int8)
        matters = np.array(
            ["amount" in turns_on(f["program"]) for f in asker._who_facts], dtype=bool
        )
        at = np.flatnonzero(self.goes_on & matters[who.rows()])
        if len(at):
            cents = self.row.cents_at(at)
            side = np.searchsorted(telling_amounts(), cents // 100, side="right") + 1
            sides[at] = np.where(cents == NOTHING, 0, side)
        return sides

    def of(self, asker: Asker, key: tuple, program_id: str | None) -> dict[str, Any]:
        """Return the facts that a combination of these numbers stands for."""
        closed = asker._value("case_status", key[0]) == "closed"
        if not self.there:
            return {"last_level": None, "filed": False, "outcome": None, "amount": None,
                    "closed": closed, "goes_on": False, "wrong": None}  # fmt: skip
        _, level, outcome, filed, goes_on, side = key
        said, problem = asker.cells["outcome"].entries[outcome]
        dollars = (0, *telling_amounts())
        return {
            "last_level": asker._level(level, program_id)[0],
            "filed": bool(filed),
            "outcome": None if said in NO_OUTCOME else said,
            "amount": dollars[side - 1] if side else None,
            "closed": closed,
            "goes_on": bool(goes_on),
            "wrong": ("outcome", problem) if problem else None,
        }

    def days(self) -> np.ndarray:
        """Return both days of each row as one number: notice and receipt, or the decision."""
        notice, _ = self.row.notice()
        packed = notice.astype(np.int64) << _DAY_BITS
        if "notice_received" in self.row.columns:
            packed += self.row.days("notice_received")
        if self.filed is not None:
            packed[self.filed] = self.first[self.filed].astype(np.int64) << _DAY_BITS
        return packed


def cents_of(column: Any, *, dollars: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return whole cents (NOTHING: missing) and 0 or the place (from 1) in the kinds of finding."""
    if isinstance(column, pd.Series):
        column = _as_arrow(column)
    exact = _exact_cents(column, dollars=dollars)
    if exact is not None:
        return exact, np.zeros(len(exact), dtype=np.int8)
    place, values = distinct_cells(column)
    values = values.to_pylist() if isinstance(values, pa.Array) else values
    texts = [facts.text_of(value) for value in values]
    cents = np.full(len(texts) + 1, NOTHING, dtype=np.int64)
    wrong = np.zeros(len(texts) + 1, dtype=np.int8)
    there = [at for at, text in enumerate(texts) if text]
    read, problems = read_moneys([texts[at] for at in there])
    if not dollars:  # a count of cents that is written with decimals has parts of a cent
        whole = (read != NOTHING) & (read % 100 == 0)
        parts = np.flatnonzero(~whole & (read != NOTHING)).tolist()
        problems = problems | dict.fromkeys(parts, "too_many_decimals")
        read = np.where(whole, read // 100, NOTHING)
    cents[there] = read
    for at, problem in problems.items():
        wrong[there[at]] = _MONEY.index(problem) + 1
    return cents[place], wrong[place]


def _exact_cents(column: pa.Array | pa.ChunkedArray, *, dollars: bool) -> np.ndarray | None:
    """Return the cents of a column of whole numbers or of decimals; None for any other."""
    kind = column.type
    if pa.types.is_decimal(kind) and kind.scale <= 2 and kind.precision - kind.scale <= 16:
        cents = pc.multiply(
            column.cast(pa.decimal128(18, 2)), pa.scalar(Decimal(100 if dollars else 1))
        )
        if not dollars and kind.scale:
            return None
    elif pa.types.is_integer(kind):
        cents = pc.multiply(column.cast(pa.int64()), 100 if dollars else 1)
    else:
        return None
    return cents.cast(pa.int64()).fill_null(NOTHING).to_numpy()


# --- pandas --------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def asker(*, as_of: date, hospital: Hospital) -> Asker:
    """Return the asker of these arguments: the one of before, with what it was asked, if there is."""
    return Asker(as_of=as_of, hospital=hospital)


def wanted(columns: Iterable[str] | None) -> tuple[str, ...]:
    """Return the answers that are asked for, in their order; refuse a name that is none."""
    if columns is None:
        return tuple(ANSWERS)
    if isinstance(columns, str):
        columns = (columns,)
    asked = set(columns)
    if strange := asked - set(ANSWERS):
        raise UsageError(
            f"columns: {len(strange)} of the names are no answers; they are {', '.join(ANSWERS)}"
        )
    return tuple(name for name in ANSWERS if name in asked)


def there(names: Iterable[str]) -> tuple[str, ...]:
    """Return which of a frame's columns are facts; refuse a frame that holds no reason."""
    names = list(map(str, names))
    found = tuple(name for name in facts.FACTS if name in names)
    if not set(facts.REASONS) & set(found):
        raise UsageError(
            f"the rows have no column {', '.join(facts.REASONS[:-1])} or {facts.REASONS[-1]}; "
            f"columns read: {', '.join(facts.FACTS)}. Rename yours to these."
        )
    twice = [name for name in found if names.count(name) > 1]
    if twice:
        raise UsageError(f"the rows have the column {twice[0]} twice")
    return found


# So many rows are numbered at once: what is held beside the frame has a bound.
_BLOCK = 400_000


def triage_frame(frame: pd.DataFrame, asked: Asker, names: tuple[str, ...]) -> pd.DataFrame:
    """Return the frame with the answers `names`, in its order and with its index."""
    facts_there = there(frame.columns)
    asked.forget()
    if len(frame) <= _BLOCK * 3 // 2:
        found = asked.answers({name: frame[name] for name in facts_there}, names)
    else:
        parts = []
        for start in range(0, len(frame), _BLOCK):
            part = frame.iloc[start : start + _BLOCK]
            parts.append(asked.answers({name: part[name] for name in facts_there}, names))
        found = {name: joined([part.pop(name) for part in parts]) for name in names}
    added = {name: to_pandas(found.pop(name)) for name in names}
    out = frame.copy(deep=False)
    new = {}
    for name, values in added.items():
        if name in out.columns:
            out[name] = pd.Series(values, index=out.index, copy=False)
        else:
            new[name] = values
    return pd.concat([out, pd.DataFrame(new, index=out.index, copy=False)], axis=1) if new else out


def joined(parts: list[Answer]) -> Answer:
    """Return answers to parts of the rows as one."""
    kind = parts[0].kind
    if kind != "text":
        return Answer(kind, np.concatenate([part.values for part in parts]))
    words: dict[str, int] = {}
    tables = [[words.setdefault(word, len(words)) for word in part.words] for part in parts]
    size = _smallest(len(words))
    values = [
        np.array([*table, -1], dtype=size)[part.values]
        for table, part in zip(tables, parts, strict=True)
    ]
    return Answer(kind, np.concatenate(values), tuple(words))


def to_pandas(answer: Answer) -> Any:
    """Return an answer as pandas holds it: categories, datetime64[us], Int64 or bool."""
    if answer.kind == "text":
        words = pd.Index(answer.words, dtype="str")
        return pd.Categorical.from_codes(answer.values, words, validate=False)
    if answer.kind == "flag":
        return answer.values
    missing = answer.values == _NO_DAY
    if answer.kind == "date":
        days = answer.values.astype("datetime64[D]").astype("datetime64[us]")
        days[missing] = np.datetime64("NaT")
        return days
    values = answer.values.astype(np.int64)
    values[missing] = 0
    return pd.arrays.IntegerArray(values, missing)


def to_arrow(answer: Answer, *, plain: bool = False) -> pa.Array:
    """Return an answer as Arrow holds it: a dictionary of texts (`plain`: texts), date32, int32, bool."""
    if answer.kind == "flag":
        return pa.array(answer.values)
    if answer.kind == "text":
        places = pa.array(answer.values, mask=answer.values < 0)
        if plain:
            return pa.array(answer.words, pa.string()).take(places)
        return pa.DictionaryArray.from_arrays(places, pa.array(answer.words, pa.string()))
    values = pa.array(answer.values, pa.int32(), mask=answer.values == _NO_DAY)
    return values.cast(pa.date32()) if answer.kind == "date" else values


def triage_table(table: pa.Table, asked: Asker, names: tuple[str, ...]) -> pa.Table:
    """Return the Arrow table with the answers `names`, in its order; texts are dictionaries."""
    found = there(table.column_names)
    asked.forget()
    answers = asked.answers({name: table[name] for name in found}, names)
    for name in names:
        values = to_arrow(answers.pop(name))
        if name in table.column_names:
            table = table.set_column(table.column_names.index(name), name, values)
        else:
            table = table.append_column(name, values)
    return table
