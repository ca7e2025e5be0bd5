"""The rows that facts are counted over: claims, lines and texts by number, and the texts kept apart.

Numbers are joined, grouped and sorted ten times as quickly as keys and texts, so the statements of
`toolkit.metrics.statements` see nothing else of most columns; the texts are put back at the end.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.claims.tables import Claims
from toolkit.worklist.keys import Coded, coded, combined, keys_of, positions

_REBILLS = ("7", "8")  # frequency codes
_SECONDARY = ("2", "3", "20", "21")  # claim statuses (CLP02) of a second or third payer

ONCE = pa.dictionary(pa.int32(), pa.large_string())
_KEY = pa.large_string()


@dataclass(frozen=True, eq=False)
class Rows:
    """Some claims and their worklist by number; all rows of a claim number are among them.

    The denials are in the order of their keys.
    """

    claims: Claims
    worklist: pd.DataFrame

    # --- keys ---------------------------------------------------------------------------------

    @cached_property
    def order(self) -> np.ndarray:
        """The place in the worklist of each denial."""
        return pc.sort_indices(keys_of(self.worklist["denial_key"])).to_numpy().astype("int64")

    @cached_property
    def claim_keys(self) -> pa.Array:
        """The claims by number: those of the claims' table, then those that only other tables know."""
        return self._numbered("claim_key", "claims")

    @cached_property
    def line_keys(self) -> pa.Array:
        """The service lines by number, likewise."""
        return self._numbered("line_key", "claim_lines")

    def _numbered(self, column: str, table: str) -> pa.Array:
        names = ("claim_lines", "adjustments", "appeal_events", "recorded_events")
        others = [getattr(self.claims, name) for name in names if name != table]
        known = keys_of(getattr(self.claims, table)[column])
        return _known(known, *(keys_of(one[column]) for one in (*others, self.worklist)))

    def claim(self, frame: pd.DataFrame) -> np.ndarray:
        """Return the claim of each row."""
        return positions(keys_of(frame["claim_key"]), self.claim_keys)

    def line(self, frame: pd.DataFrame) -> np.ndarray:
        """Return the line of each row; -1 for what is of a whole claim."""
        return positions(keys_of(frame["line_key"]), self.line_keys)

    # --- texts --------------------------------------------------------------------------------

    @cached_property
    def work(self) -> "_Texts":
        """The worklist in the order of the denials."""
        return _Texts(self.worklist, self.order)

    @cached_property
    def claim_texts(self) -> "_Texts":
        """The claims, each with the `source` of its file."""
        texts = _Texts(self.claims.claims)
        files = self.claims.files.drop_duplicates("file_id")
        sources = dict(zip(files["file_id"], files["source"].fillna("export"), strict=True))
        of_file = texts["file_id"]
        found = Coded(of_file.code, [sources.get(one, "export") for one in of_file.values])
        texts["source"] = found.filled("export")
        return texts

    @cached_property
    def line_texts(self) -> "_Texts":
        """The service lines."""
        return _Texts(self.claims.claim_lines)

    @cached_property
    def files(self) -> Coded:
        """The files that rows are of, by the letters of their ids."""
        every = [self.worklist["file_id"], self.claims.appeal_events["file_id"]]
        return _by_letters(coded(pd.concat([one.astype("str") for one in every])))

    @cached_property
    def codes(self) -> tuple[Coded, Coded]:
        """The group codes and the CARCs of adjustments, by their letters."""
        table = self.claims.adjustments
        return _by_letters(coded(table["group_code"])), _by_letters(coded(table["carc"]))

    @cached_property
    def levels(self) -> Coded:
        """The levels of appeal events, by their letters."""
        return _by_letters(coded(self.claims.appeal_events["level"]))

    @cached_property
    def day(self) -> np.ndarray:
        """The day of each claim's decision: its remittance, else its notice."""
        table = self.claims.claims
        return _either(_days(table["remittance_date"]), _days(table["notice_date"]))

    @cached_property
    def noticed(self) -> np.ndarray:
        """The day of each claim's notice, else of its remittance."""
        table = self.claims.claims
        return _either(_days(table["notice_date"]), _days(table["remittance_date"]))

    @cached_property
    def denied_claim(self) -> np.ndarray:
        """The claim of each denial; -1 where the claims' table does not have it."""
        claim = self.claim(self.worklist)[self.order]
        return np.where(claim < len(self.claims.claims), claim, -1)

    @cached_property
    def case_status(self) -> Coded:
        """What the tracker says of each denial's claim."""
        return self.claim_texts["case_status"].take(self.denied_claim)

    @cached_property
    def programs(self) -> Coded:
        """The programs of the denials, then those of the claims."""
        return self.work["program"].followed(self.claim_texts["program"])

    @cached_property
    def denied_on(self) -> pa.Array:
        """The day of each denial."""
        return pa.array(self.noticed).take(places(self.denied_claim))

    @cached_property
    def stated_cents(self) -> pa.Array:
        """What each denial states to be denied; an initial payment denies nothing."""
        initial = pa.array(self.work["reason"].isin(("initial_payment",)))
        return pc.if_else(initial, 0, whole(self.worklist["denied_cents"], self.order))

    @cached_property
    def rebill(self) -> np.ndarray:
        """Which claims are rebills."""
        return self.claim_texts["frequency_code"].isin(_REBILLS)

    @cached_property
    def kinds(self) -> tuple[np.ndarray, np.ndarray]:
        """The number of each claim's month, payer, facility, file and rebill, and the first claim of each."""
        texts = self.claim_texts
        months = Coded(*_factorized(self.day.astype("datetime64[M]")))
        rebill = Coded(self.rebill.astype("int64"), (False, True))
        return combined(
            [
                months,
                texts["payer"],
                texts["payer_name"],
                texts["facility"],
                texts["file_id"],
                rebill,
            ]
        )

    @cached_property
    def cuts(self) -> tuple[np.ndarray, np.ndarray]:
        """The number of each claim's payer and facility, and the first claim of each."""
        return combined([self.claim_texts["payer"], self.claim_texts["facility"]])

    @cached_property
    def services(self) -> tuple[np.ndarray, np.ndarray]:
        """The number of each line's procedure and modifiers, and the first line of each."""
        return combined([self.line_texts["procedure_code"], self.line_texts["modifiers"]])

    # --- tables -------------------------------------------------------------------------------

    def tables(self, placeholder: int) -> dict[str, pa.Table]:
        """Return the tables of the statements; a number of more than `placeholder` claims tells none apart."""
        w = self._w()
        return {
            "w": w, "c": self._c(placeholder), "l": self._l(), "e": self._e(), "a": self._a(),
            "r": self._r(), "later": self._later(),
        }  # fmt: skip

    def _w(self) -> pa.Table:
        rows, order, texts = self.worklist, self.order, self.work
        claims, inside = self.claims.claims, self.denied_claim
        closed, paid_later = texts["due"].isin(("closed",)), texts["state"].isin(("paid_later",))
        marked = rows[["last_level", "filed_on", "decided_on", "outcome"]].notna().any(axis=1)
        category = texts["denial_category"]
        duplicate = pa.array(category.isin(("duplicate",)), mask=category.code < 0)
        flags = {
            f"has_{name}": pa.array(texts[column].code >= 0)
            for name, column in (
                ("payer_id", "payer_id"), ("payer_name", "payer_name"), ("facility", "facility"),
                ("owner", "owner"), ("category", "denial_category"),
            )
        }  # fmt: skip
        return pa.table(
            {
                "n": pa.array(np.arange(len(rows))),
                "c": _number(self.claim(rows)[order]),
                "l": _number(self.line(rows)[order]),
                "file": _number(self.files.code[: len(rows)][order]),
                "row": whole(rows["row"], order),
                "who": _number(texts["who"].code),
                "number": _number(_codes(keys_of(rows["patient_control_number"]))[order]),
                "service_from": _times(rows["service_from"], order),
                "procedure": _number(texts["procedure_code"].code),
                "billed_cents": whole(rows["billed_cents"], order),
                "denied_cents": whole(rows["denied_cents"], order),
                "stated_cents": self.stated_cents,
                "claim_billed": whole(claims["billed_cents"]).take(places(inside)),
                "denied_on": self.denied_on,
                "decided_on": days(rows["decided_on"], order),
                "program": _number(self.programs.code[: len(rows)]),
                "closed": pa.array(closed),
                "paid_later": pa.array(closed & paid_later),
                "paid": pa.array(closed & (paid_later | self.case_status.isin(("paid",)))),
                "ended": pa.array(texts["outcome"].isin(("overturned", "withdrawn"))),
                "duplicate": duplicate,
                "marked": pa.array(marked.to_numpy()[order]),
                **flags,
            }
        )  # fmt: skip

    def _c(self, placeholder: int) -> pa.Table:
        table, texts = self.claims.claims, self.claim_texts
        number = _codes(keys_of(table["patient_control_number"]))
        count = np.bincount(number + 1, minlength=1)[number + 1]
        rank = np.empty(len(table), dtype="int64")
        rank[pc.sort_indices(keys_of(table["claim_key"])).to_numpy()] = np.arange(len(table))
        return pa.table(
            {
                "c": pa.array(np.arange(len(table))),
                "rank": pa.array(rank),
                "number": _number(number),
                "shared": pa.array((number >= 0) & (count > 1) & (count <= placeholder)),
                "who": _number(texts["who"].code),
                "payer": _number(texts["payer"].code),
                "program": _number(self.programs.code[len(self.worklist) :]),
                "kind": _number(self.kinds[0]),
                "cut": _number(self.cuts[0]),
                "on_day": pa.array(self.day),
                "remitted": pa.array(table["remittance_date"].notna().to_numpy()),
                "service_from": _times(table["service_from"]),
                "billed_cents": whole(table["billed_cents"]),
                "paid_cents": whole(table["paid_cents"]),
                "is_reversal": pa.array(table["is_reversal"].fillna(False).to_numpy(bool)),
                "rebill": pa.array(self.rebill),
                "secondary": pa.array(texts["claim_status"].isin(_SECONDARY)),
                "of_letter": pa.array(texts["source"].isin(("notice",))),
            }
        )

    def _l(self) -> pa.Table:
        table = self.claims.claim_lines
        return pa.table(
            {
                "c": _number(self.claim(table)),
                "l": pa.array(np.arange(len(table))),
                "service": _number(self.services[0]),
                "procedure": _number(self.line_texts["procedure_code"].code),
                "service_from": _times(table["service_from"]),
                "billed_cents": whole(table["billed_cents"]),
                "paid_cents": whole(table["paid_cents"]),
            }
        )

    def _e(self) -> pa.Table:
        table = self.claims.appeal_events
        return pa.table(
            {
                "c": _number(self.claim(table)),
                "l": _number(self.line(table)),
                "file": _number(self.files.code[len(self.worklist) :]),
                "row": whole(table["row"]),
                "level": _number(self.levels.code),
                "filed_on": _times(table["filed_on"]),
                "decided_on": _times(table["decided_on"]),
                "outcome": _text(coded(table["outcome"])),
                "recovered_cents": whole(table["recovered_cents"]),
            }
        )

    def _a(self) -> pa.Table:
        table = self.claims.adjustments
        group, carc = self.codes
        denies, duplicate = _denying(group, carc)
        return pa.table(
            {
                "c": _number(self.claim(table)),
                "l": _number(self.line(table)),
                "group_code": _number(group.code),
                "carc": _number(carc.code),
                "amount_cents": whole(table["amount_cents"]),
                "turn": pa.array(_turns(table["amount_cents"], carc)),
                "denies": pa.array(denies),
                "duplicate": pa.array(duplicate),
                "in_denial": pa.array(self._in_denial(group, carc)),
            }
        )

    def _in_denial(self, group: Coded, carc: Coded) -> np.ndarray:
        """Return which adjustments are among the reasons of a denial of the worklist."""
        table = self.claims.adjustments
        of_claims = pc.binary_join_element_wise(
            keys_of(table["claim_key"]), *(pa.scalar(one, _KEY) for one in "c-")
        )
        keys = pc.coalesce(keys_of(table["line_key"]), of_claims)
        at = positions(keys, keys_of(self.worklist["denial_key"]).take(pa.array(self.order)))
        theirs = [self.work[name].take(at) for name in ("group_code", "carc", "other_reasons")]
        columns = [group, carc, *theirs]
        number, first = combined(columns)
        asked = zip(*(one.take(first).plain() for one in columns), strict=True)
        among = np.array([_is_among(*one) for one in asked], dtype=bool)
        amount = table["amount_cents"].ne(0).fillna(True).to_numpy(bool)
        return (at >= 0) & amount & among[number]

    def _r(self) -> pa.Table:
        table = self.claims.recorded_events
        return pa.table(
            {
                "c": _number(self.claim(table)),
                "event": _text(coded(table["event"])),
                "day": _times(table["day"]),
                "amount_cents": whole(table["amount_cents"]),
            }
        )

    def _later(self) -> pa.Table:
        """Return the levels of events that come after the first one of a program's ladder."""
        number = {level: at for at, level in enumerate(self.levels.values)}
        program = {None: None} | {name: at for at, name in enumerate(self.programs.values)}
        rows = [
            (program[one], number[level])
            for one, level in _later_levels()
            if one in program and level in number
        ]
        programs, levels = zip(*rows, strict=True) if rows else ((), ())
        return pa.table(
            {"program": pa.array(programs, pa.int32()), "level": pa.array(levels, pa.int32())}
        )


class _Texts:
    """The columns of a frame by numbers, each made when it is first asked for."""

    def __init__(self, frame: pd.DataFrame, order: np.ndarray | None = None) -> None:
        self._frame, self._order = frame, order
        self._made: dict[str, Coded] = {}

    def __getitem__(self, name: str) -> Coded:
        if name not in self._made:
            self._made[name] = self._asked(name)
        return self._made[name]

    def __setitem__(self, name: str, column: Coded) -> None:
        self._made[name] = column

    def _asked(self, name: str) -> Coded:
        if name == "payer":
            return payers(self["payer_id"], self["payer_name"])
        if name == "who":  # whose claim it is: the payer's id, where there is none its name
            return self["payer_id"].otherwise(self["payer_name"])
        column = coded(self._frame[name])
        return column if self._order is None else column.take(self._order)


def payers(ids: Coded, names: Coded) -> Coded:
    """Return the payers by what they are known by: the id, else '=' and the name, else ''."""
    number, first = combined([ids, names])
    both = zip(ids.take(first).plain(), names.take(first).plain(), strict=True)
    return Coded(number, [one or (f"={name}" if name else "") for one, name in both]).used()


@cache
def _later_levels() -> tuple[tuple[str | None, str], ...]:
    """Return the levels that come after the first one of a program's ladder: (program, level).

    Without a program: those that are later in any of them, so that no first one is guessed.
    """
    from toolkit.law import ladder, programs

    rows = []
    for one in programs():
        steps = [level.id for level in ladder(one) if level.place == "ladder"]
        rows += [(one, level) for level in steps[1:]]
    return (*rows, *((None, level) for level in sorted({level for _, level in rows})))


def _denying(group: Coded, carc: Coded) -> tuple[np.ndarray, np.ndarray]:
    """Return which adjustments deny by their code, and which of them as a duplicate."""
    from toolkit.denials.classify import classify

    number, first = combined([group, carc])
    pairs = zip(group.take(first).plain(), carc.take(first).plain(), strict=True)
    found = np.array([classify(*pair).denial_category for pair in pairs], dtype="str")
    return (found != "not_a_denial")[number], (found == "duplicate")[number]


def _turns(amount: pd.Series, carc: Coded) -> np.ndarray:
    """Return the place of each adjustment by its dollars, then by its code; one without a code is last."""
    code = np.where(carc.code < 0, len(carc.values), carc.code)
    turn = np.empty(len(code), dtype="int64")
    turn[np.lexsort((code, amount.fillna(0).to_numpy("int64")))] = np.arange(len(code))
    return turn


def _is_among(
    group: str | None,
    carc: str | None,
    its_group: str | None,
    its_carc: str | None,
    others: str | None,
) -> bool:
    """Return whether an adjustment's code is a denial's primary code, or one of its other reasons."""
    if (group, carc) == (its_group, its_carc):
        return True
    code = ("" if group is None else f"{group}-") + (carc or "")
    return code in (others or "").split(" ")


# --- arrays ---------------------------------------------------------------------------------------


def text_at(column: Coded, at: np.ndarray | None = None) -> pa.DictionaryArray:
    """Return a column's texts, each once; `at` places, where -1 is missing."""
    return _text(column if at is None else column.take(at))


def _text(column: Coded) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(
        pa.array(column.code.astype("int32"), mask=column.code < 0), pa.array(column.values, _KEY)
    )


def _by_letters(column: Coded) -> Coded:
    """Return the column with its numbers in the order of its texts."""
    return Coded(column.by_letters(), sorted(set(column.values)))


def _number(code: np.ndarray) -> pa.Array:
    missing = code < 0
    return pa.array(code.astype("int32"), mask=missing if missing.any() else None)


def places(at: np.ndarray) -> pa.Array:
    """Return places to take; where one is -1, nothing is."""
    return pa.array(at, mask=at < 0)


def _codes(keys: pa.Array) -> np.ndarray:
    """Return the number of each key among those of the column; -1 is missing."""
    return keys.dictionary_encode().indices.fill_null(-1).to_numpy().astype("int64")


def _known(keys: pa.Array, *more: pa.Array) -> pa.Array:
    """Return the keys, and after them those that only the others have, each once."""
    odd = [some.filter(pa.array(positions(some, keys) < 0)).drop_null() for some in more]
    odd = [some for some in odd if len(some)]
    return pa.concat_arrays([keys, pc.unique(pa.concat_arrays(odd))]) if odd else keys


def whole(column: pd.Series, order: np.ndarray | None = None) -> pa.Array:
    """Return whole numbers, in this order."""
    found = pa.array(column, pa.int64())
    return found if order is None else found.take(pa.array(order))


def days(column: pd.Series, order: np.ndarray) -> pa.Array:
    """Return days, in this order."""
    return pa.array(_days(column)[order])


def months(found: np.ndarray) -> pa.Array:
    """Return the first day of each day's month."""
    return pa.array(found.astype("datetime64[M]").astype("datetime64[D]"))


def _days(column: pd.Series) -> np.ndarray:
    return column.to_numpy("datetime64[us]").astype("datetime64[D]")


def _times(column: pd.Series, order: np.ndarray | None = None) -> pa.Array:
    times = column.to_numpy("datetime64[us]")
    return pa.array(times if order is None else times[order], pa.timestamp("us"))


def _either(days: np.ndarray, others: np.ndarray) -> np.ndarray:
    return np.where(np.isnat(days), others, days)


def _factorized(days: np.ndarray) -> tuple[np.ndarray, Any]:
    number = np.where(np.isnat(days), -1, days.astype("int64"))
    code, known = pd.factorize(number)
    return np.where(number < 0, -1, code), known
