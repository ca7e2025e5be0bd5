"""From canonical tables to the worklist: one row per denial, with dates and reasons.

What the law and the codes say is asked once per distinct combination of facts, in plain Python,
and joined back. Nothing of it is said again here.

Claims and lines are numbers from the first step to the last, and texts of few distinct values are
numbers too (`toolkit.worklist.keys.Coded`): a text is looked up once at the start and written once at the
end, since taking, joining, sorting and comparing texts is what a triage would else spend its time on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from threading import RLock
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.claims.adjudication import (
    BARE_REASONS,
    Stated,
    limited,
    money_of,
    reasons_taken,
    repeated,
    statuses,
)
from toolkit.claims.export.layouts import CLOSED
from toolkit.claims.tables import Claims, text
from toolkit.denials import classify, normalize_text
from toolkit.denials.second_look import of_history, programs_looked_at, turns_on_service
from toolkit.history import seen_on
from toolkit.history.fold import Denied
from toolkit.history.recorded import OF_APPEALS, TRACKER_CLOSED
from toolkit.history.states import open_states, sent_on
from toolkit.history.table import Histories, histories
from toolkit.history.table import Rows as DeniedRows
from toolkit.hospital import Hospital
from toolkit.law import (
    barred_categories,
    opening_remarks,
    program_of_remarks,
    telling_amounts,
    turns_on,
)
from toolkit.worklist import comparison, controversy
from toolkit.worklist.keys import (
    Coded,
    Memory,
    coded,
    combined,
    firsts,
    keys_at,
    keys_of,
    positions,
    taken,
)
from toolkit.worklist.questions import (
    Question,
    Steps,
    code_question,
    contract_question,
    payer_question,
    state_question,
)
from toolkit.worklist.table import WORKLIST
from toolkit.worklist.tallies import dollars

# The reason of a row that is no denial: a payment that may be negotiated.
INITIAL_PAYMENT = "initial_payment"

_NEVER = np.datetime64("NaT", "us")
_OPEN = open_states()
# Open, but no notice is known whose clock could be counted.
_NO_CLOCK = frozenset({"review", "taken_back"})
_REVERSAL_GAP = (
    "a reversal with positive amounts and no earlier decision: ask the payer whether it is a denial"
)
_TAKEN_BACK_GAP = "a payment was taken back: find the notice that says why, and enter its date"


def _day(column: pd.Series) -> np.ndarray:
    return column.to_numpy("datetime64[us]")


@dataclass(frozen=True, eq=False)
class Brain:
    """The questions of one triage; kept over the parts of a big file, it asks each key once.

    Any number of threads may use it: one asks at a time, and the others find what it asked.
    """

    payer: Question
    code: Question
    contract: Question
    steps: Steps
    state: Question
    _memories: dict[str, Memory] = field(default_factory=dict, repr=False)
    _texts: dict[str, str] = field(default_factory=dict, repr=False)
    _lock: Any = field(default_factory=RLock, repr=False)

    def memory(self, name: str) -> Memory:
        """Return the memory of one of the questions."""
        if name not in self._memories:
            owner = self.steps if name in _OF_STEPS else self
            question = getattr(owner, name)
            self._memories[name] = Memory(question.keys, question.answers, question.of)
        return self._memories[name]

    def ask(self, name: str, facts: Mapping[str, Coded]) -> tuple[np.ndarray, dict[str, Coded]]:
        """Return each row's number in the table of a question's answers, and the table, by name."""
        with self._lock:
            return self.memory(name).ask(facts)

    def ask_step(
        self, facts: Mapping[str, Coded], days: Mapping[str, np.ndarray]
    ) -> tuple[np.ndarray, dict[str, Coded]]:
        """Return what is next by when: the clock of each row's facts, put to those days that it looks at."""
        with self._lock:
            if self.steps.size > _REMEMBERED_STEPS:
                self.steps.forget()
                for name in _OF_STEPS:
                    self._memories.pop(name, None)
            number, clocks = self.memory("clock").ask(facts)
            starts = clocks["starts"].take(number)
            notice = starts.isin({"notice"})
            day = days["notice_date"]
            for source, name in (("decision", "decided_on"), ("filing", "filed_on")):
                day = np.where(starts.isin({source}), days[name], day)
            put = {
                "clock": clocks["clock"].take(number),
                "day": _days(day, starts.code >= 0),
                "received": _days(days["notice_received"], notice),
                "earliest_notice": _days(days["earliest_notice"], notice),
            }
            number, steps = self.memory("dated").ask(put)
            return self.memory("answer").ask(dict(facts) | {"step": steps["step"].take(number)})

    def normalized(self, given: Coded) -> Coded:
        """Return free texts as the codes' question reads them, each changed once."""
        number: dict[str, int] = {}
        place = []
        with self._lock:
            if len(self._texts) > _REMEMBERED_TEXTS:
                self._texts.clear()
            for said in given.values:
                plain = self._texts.get(said)
                if plain is None:
                    plain = self._texts[said] = normalize_text(said)
                place.append(number.setdefault(plain, len(number)))
        return Coded(np.array([*place, -1], dtype="int32")[given.code], list(number))


# Free texts may be as many as the rows: past this many they are forgotten.
_REMEMBERED_TEXTS = 200_000
# So may the days of a file: past this many clocks and steps they are asked anew.
_REMEMBERED_STEPS = 150_000
_OF_STEPS = ("clock", "dated", "answer")


def brain(*, as_of: date, hospital: Hospital) -> Brain:
    """Return the questions that a triage asks, as the hospital's payers and contracts answer them."""
    return Brain(
        payer_question(hospital),
        code_question(),
        contract_question(hospital),
        Steps(hospital, as_of=as_of),
        state_question(),
    )


def triage(claims: Claims, *, as_of: date, hospital: Hospital) -> pd.DataFrame:
    """Return the worklist: one row per denied service line, or per claim-level denial.

    A payment that a remark code opens to negotiation (No Surprises Act) is a row too, without denied
    cents. Columns are WORKLIST, in order; money in whole cents; rows in the order of the files. Reversed
    claims and their reversals are netted and do not appear, nor do claims without a decision of this
    payer. `denied_cents` splits the claim's denied dollars by row, never repeats them, and is, for a
    remittance, never more than charge less payment (`toolkit.claims.adjudication`). What is later than
    `as_of` is left out (`toolkit.history.seen_on`). Sources: the
    rules of `toolkit.denials` and `toolkit.law`, each row naming the entry that decided.
    """
    return triaged(seen_on(claims, as_of), brain(as_of=as_of, hospital=hospital))


def triaged(
    claims: Claims, asked: Brain, *, looks: bool = True, categories: bool = False
) -> pd.DataFrame:
    """Return the worklist of `triage` by questions that may have been asked before.

    Without `looks`, `second_look` has only what the codes say, and nothing that turns on the
    service or on other lines. With `categories` the texts are categories, but for the keys and the
    claim's two numbers; each column's are the texts that it has.
    """
    set_ = _Set(claims)
    rows = _rows(set_, asked)
    if looks:
        part, at = _compared_rows(set_, rows)
        if len(at):
            patients = part["patient"].dropna().unique()
            given = comparison.given(claims, set_.undone, patients, claim_of=set_.claim_of_line)
            rows = _looked(rows, at, comparison.compared(part, given))
    return _worklist(set_, rows, asked, categories=categories)


def triaged_with_comparison(
    claims: Claims,
    asked: Brain,
    *,
    categories: bool = False,
    known: Histories | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the worklist without `looks`, and what `comparison.compared` needs of these claims.

    `known` are the claims' histories, where they are known already.
    For a set that has all claims of an account number but not all of a patient: second, the rows
    to be compared, and third, the services given, of every patient. Over the parts of a whole,
    what `compared` returns for all of the second and third is to be added to `second_look`.
    """
    set_ = _Set(claims, known)
    rows = _rows(set_, asked)
    part, _ = _compared_rows(set_, rows)
    given = comparison.given(claims, set_.undone, claim_of=set_.claim_of_line)
    return _worklist(set_, rows, asked, categories=categories), part, given


def classified_adjustments(claims: Claims, *, hospital: Hospital) -> pd.DataFrame:
    """Return one row per adjustment (claim, line, group code, CARC netted) with its classification.

    The dollars of every adjustment that is not netted away, denial or not; for reconciliation.
    """
    asked = brain(as_of=date.min, hospital=hospital)  # what an adjustment is turns on no day
    set_ = _Set(claims)
    who = _payers(set_, asked)
    found = _classified(set_, who, asked)
    found = found.take((found.amount != 0) | found.unknown)
    found = found.take(~taken(set_.undone, set_.claim_at(found.claim), False))
    kinds = asked.code.answers
    frame = pd.DataFrame(
        {
            "claim_key": text(keys_at(set_.claim_keys, found.claim)),
            "line_key": text(keys_at(set_.line_keys, found.line)),
            "place": text(set_.place_keys(found.line, found.claim)),
            "group_code": found.group_code.array("text"),
            "carc": found.carc.array("text"),
            "text": found.text.array("text"),
            "amount_cents": pd.array(found.amount, dtype="Int64"),
            "unknown": found.unknown,
            "row": found.row,
            "file_id": found.file_id.array("text"),
            "rarcs": found.rarcs.array("text"),
            "unpaid_alone": pd.array(found.unpaid_alone, dtype="boolean"),
            "program": who.of("program", found.claim).array("text"),
            **{name: found.answer(name).array(kinds[name]) for name in kinds},
        }
    )
    return frame.astype({"is_denial": bool})


# --- claims and lines by numbers -----------------------------------------------------------------


class _Set:
    """One set of claims, whose claims and lines are numbers: their places in the two tables.

    A key that adjustments name and the tables lack has a number past the tables' ends.
    """

    def __init__(self, claims: Claims, known: Histories | None = None) -> None:
        self.tables = claims
        self.status = statuses(claims.claims["claim_status"])
        self.history = known or histories(claims)
        # Claims that hold no denial of this payer: undecided, another payer's, a reversal.
        self.netted = (self.history.reversal & ~self.history.review) | ~self.status.decided
        adjustments = claims.adjustments
        self.claim_keys, self.claim = _numbers(
            keys_of(claims.claims["claim_key"]), keys_of(adjustments["claim_key"])
        )
        self.line_keys, self.line = _numbers(
            keys_of(claims.claim_lines["line_key"]), keys_of(adjustments["line_key"])
        )
        self._claim_of_line: np.ndarray | None = None
        self.counted: Stated | None = None  # each adjustment once, when they are classified

    @property
    def payers_files(self) -> frozenset[str]:
        """The files that are a payer's own word."""
        files = self.tables.files
        return frozenset(files["file_id"][files["source"].isin(["remittance", "fhir"])])

    @property
    def undone(self) -> np.ndarray:
        """Which claims say nothing that stands: not decided, a reversal, or taken back."""
        return self.netted | self.history.undone

    @property
    def claim_of_line(self) -> np.ndarray:
        """The claim of each line."""
        if self._claim_of_line is None:
            keys = keys_of(self.tables.claim_lines["claim_key"])
            self._claim_of_line = positions(keys, self.claim_keys)
        return self._claim_of_line

    def same_claim(self, claim: np.ndarray) -> np.ndarray:
        """Return one number for all decisions on a claim: that of the first of them."""
        if not self.history.accounts:
            return claim
        first = np.arange(len(self.claim_keys) + 1)
        first[-1] = -1
        for known in self.history.accounts:
            for decisions in known.claims:
                for one in decisions[1:]:
                    first[one.place] = decisions[0].place
        return first[claim]

    def claim_at(self, claim: np.ndarray) -> np.ndarray:
        """Return the claims' places in their table; -1 for one that it lacks."""
        return np.where(claim < len(self.tables.claims), claim, -1)

    def line_at(self, line: np.ndarray) -> np.ndarray:
        """Return the lines' places in their table; -1 for one that it lacks."""
        return np.where(line < len(self.tables.claim_lines), line, -1)

    def place(self, line: np.ndarray, claim: np.ndarray) -> np.ndarray:
        """Return where a denial stands as one number: on its line, else on its claim."""
        return np.where(line < 0, len(self.line_keys) + claim, line)

    def place_keys(self, line: np.ndarray, claim: np.ndarray) -> pa.Array:
        """Return the key of each place: the line's, or the claim's + '-c'."""
        on_claim = np.flatnonzero(line < 0)
        if not len(on_claim):
            return keys_at(self.line_keys, line)
        keys = self.claim_keys.take(pa.array(claim[on_claim]))
        keys = pc.binary_join_element_wise(
            keys, *(pa.scalar(end, pa.large_string()) for end in ("-c", ""))
        )
        at = line.copy()
        at[on_claim] = len(self.line_keys) + np.arange(len(on_claim))
        return pa.concat_arrays([self.line_keys, keys]).take(pa.array(at))


def _numbers(known: pa.Array, keys: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Return the known keys and after them the unknown ones, and for each key its number."""
    number = positions(keys, known)
    unknown = (number < 0) & keys.is_valid().to_numpy(zero_copy_only=False)
    if unknown.any():
        known = pa.concat_arrays([known, keys.filter(pa.array(unknown)).unique()])
        number = positions(keys, known)
    return known, number


# --- who pays ------------------------------------------------------------------------------------


class _Payers(NamedTuple):
    """What is known of the payer: `facts` by number, and each claim's number among them."""

    number: np.ndarray
    facts: dict[str, Coded]

    def of(self, name: str, claim: np.ndarray) -> Coded:
        """Return a fact of these claims' payers; nothing is known of a claim past the table."""
        inside = np.where(claim < len(self.number), claim, -1)
        return self.facts[name].take(taken(self.number, inside, -1))


def _payers(set_: _Set, asked: Brain) -> _Payers:
    """Return program, contract status and the contract's number by payer, with where from."""
    claims = set_.tables.claims
    columns = {key: coded(claims[key]) for key in asked.payer.keys}
    number, first = combined(columns.values())
    few = {key: column.take(first) for key, column in columns.items()}
    answer, table = asked.ask("payer", few)
    facts = {name: column.take(answer) for name, column in table.items()}
    bound, contracts = asked.ask("contract", few | {"program": facts["program"]})
    return _Payers(number, facts | {"contract": contracts["contract"].take(bound)})


# --- what each adjustment is ---------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Adjustments:
    """Adjustments with their classification; each field has one entry per adjustment."""

    claim: np.ndarray
    line: np.ndarray  # -1: on the claim
    place: np.ndarray
    group_code: Coded
    carc: Coded
    text: Coded
    amount: np.ndarray  # whole cents; nothing stated counts as zero, see `unknown`
    unknown: np.ndarray
    row: pd.api.extensions.ExtensionArray
    file_id: Coded
    alone: np.ndarray | None = None  # the only one of a line that was paid nothing
    rarcs: Coded | None = None
    unpaid_alone: np.ndarray | None = None
    number: np.ndarray | None = None
    table: dict[str, Coded] | None = None  # the answers, by `number`

    def answer(self, name: str) -> Coded:
        return self.table[name].take(self.number)

    def take(self, at: np.ndarray) -> "_Adjustments":
        """Return these adjustments; `at` are places, or says of each whether it stays."""
        if at.dtype == bool:
            if at.all():
                return self
            at = np.flatnonzero(at)
        there = {n: v for n, v in vars(self).items() if v is not None and n != "table"}
        return replace(
            self, **{n: v.take(at) if isinstance(v, Coded) else v[at] for n, v in there.items()}
        )


def _classified(set_: _Set, who: _Payers, asked: Brain) -> _Adjustments:
    """Return the adjustments with what they are; those without an amount only where it may be a reason."""
    found = _summed(_stated(set_, asked))
    stated = (found.amount != 0) | found.unknown
    paid = set_.tables.claim_lines["paid_cents"].to_numpy("int64", na_value=-1)
    number = np.bincount(found.place[stated], minlength=int(found.place.max(initial=-1)) + 1)
    alone = number[found.place] == 1
    alone &= taken(paid, set_.line_at(found.line), -1) == 0
    claim = set_.claim_at(found.claim)
    kept = stated | alone | taken(set_.status.denied, claim, False)
    found = replace(found, alone=alone & stated).take(kept)
    # After another payer's decision a whole charge that is contractual hides nothing.
    first = ~taken(set_.status.secondary, claim, False)[kept]
    found = replace(found, rarcs=_remarks(set_, found), unpaid_alone=found.alone & first)
    program = who.of("program", found.claim)
    facts = {
        # A correction's group code says nothing of what a refused claim was refused for.
        "group_code": found.group_code.only(~found.group_code.isin({"CR"})),
        "carc": found.carc,
        "rarcs": found.rarcs,
        "text": found.text,
        "program": program.only(np.zeros(len(program.code), dtype=bool)),
        "unpaid_alone": Coded(found.unpaid_alone.astype("int8"), [False, True]),
    }
    number, table = asked.ask("code", facts)
    facts["program"] = program.only(_matters_to_a_code(program, number, table))
    number, table = asked.ask("code", facts)
    return replace(found, number=number, table=table)


def _matters_to_a_code(program: Coded, number: np.ndarray, table: dict[str, Coded]) -> np.ndarray:
    """Return which rows' programs matter to what their codes say: they bar it, or a second look asks."""
    category, reason = table["denial_category"].take(number), table["reason"].take(number)
    matters = np.zeros(len(number), dtype=bool)
    for name in program.values:
        looked_at = {one for one in reason.values if name in programs_looked_at(one)}
        here = category.isin(barred_categories(name)) | reason.isin(looked_at)
        matters |= here & program.isin({name})
    return matters


def _stated(set_: _Set, asked: Brain) -> _Adjustments:
    """Return the adjustments that count: each once, without corrections' own and netted claims'."""
    table = set_.tables.adjustments
    amount = table["amount_cents"]
    found = _Adjustments(
        claim=set_.claim,
        line=set_.line,
        place=set_.place(set_.line, set_.claim),
        group_code=coded(table["group_code"]),
        carc=coded(table["carc"]),
        text=asked.normalized(coded(table["denial_text"])),
        amount=amount.to_numpy("int64", na_value=0),
        unknown=amount.isna().to_numpy(),
        row=table["row"].array,
        file_id=coded(table["file_id"]),
    )
    money = _money(set_, found)
    again = repeated(money, ~set_.netted)
    set_.counted = money.without(again)
    claim = money.claim
    stays = ~found.group_code.isin({"CR"})
    if not stays.all():
        explained = np.zeros(len(set_.status.denied), dtype=bool)
        explained[claim[stays & (claim >= 0)]] = True
        stays |= taken(set_.status.denied & ~explained, claim, False)
    stays &= ~again
    if set_.netted.any():
        stays &= ~taken(set_.netted, claim, False)
    return found.take(stays)


def _money(set_: _Set, found: _Adjustments) -> Stated:
    """Return adjustments with the money of their claims and lines."""
    return Stated(
        set_.claim_at(found.claim),
        set_.line_at(found.line),
        combined([found.group_code, found.carc])[0],
        found.amount,
        found.unknown,
        *money_of(set_.tables.claims),
        *money_of(set_.tables.claim_lines),
    )


def _summed(found: _Adjustments) -> _Adjustments:
    """Return one adjustment for those that agree in place, group code, CARC and text."""
    same = [found.group_code, found.carc, found.text]
    places = Coded(found.place, range(found.place.max() + 1 if len(found.place) else 0))
    number, first = combined([places, *same])
    if len(first) == len(number):
        return found
    amount = np.zeros(len(first), dtype="int64")
    np.add.at(amount, number, found.amount)
    unknown = np.bincount(number, weights=found.unknown, minlength=len(first)) > 0
    summed = replace(found.take(first), amount=amount, unknown=unknown)
    # Of several rows the first one that says where it stands.
    row = found.row.take(_first_known(number, first, ~found.row.isna()))
    at = _first_known(number, first, found.file_id.code >= 0)
    return replace(summed, row=row, file_id=found.file_id.take(at))


def _first_known(number: np.ndarray, first: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the first row of each number that is known, else its first row."""
    if known.all():
        return first
    at = np.flatnonzero(known)[::-1]
    found = first.copy()
    found[number[at]] = at
    return found


def _remarks(set_: _Set, found: _Adjustments) -> Coded:
    """Return the remark codes of each adjustment's line and of its claim, sorted, as one text."""
    remarks = set_.tables.remark_codes
    nothing = Coded(np.zeros(len(found.place), dtype="int8"), [""])
    if remarks.empty or not len(found.place):
        return nothing
    rarc = coded(remarks["rarc"])
    words = sorted(rarc.values)
    rank = {word: at for at, word in enumerate(words)}
    rarc = np.array([*map(rank.get, rarc.values), -1], dtype="int64")[rarc.code]
    line_keys = keys_of(remarks["line_key"])
    on_line = line_keys.is_valid().to_numpy(zero_copy_only=False) & (rarc >= 0)
    on_claim = np.flatnonzero(~on_line & (rarc >= 0))
    size = len(set_.line_keys) + len(set_.claim_keys)
    wanted = np.zeros(size, dtype=bool)
    wanted[found.place] = True

    line = positions(line_keys, set_.line_keys)
    at = np.flatnonzero(on_line & (line >= 0))
    at = at[wanted[line[at]]]
    place, word = line[at], rarc[at]
    if len(on_claim):
        keys = keys_of(remarks["claim_key"].iloc[on_claim])
        claim = positions(keys, set_.claim_keys)
        all_places, times = _places_of(found, claim)
        place = np.concatenate([place, all_places])
        word = np.concatenate([word, np.repeat(rarc[on_claim], times)])
    pair = np.sort(place * len(words) + word)
    pair = pair[np.diff(pair, prepend=-1) != 0]
    owner, item = np.divmod(pair, len(words)) if len(words) else (pair, pair)
    told = _joined(owner, item, words, size)
    return told.take(found.place).filled("")


def _places_of(found: _Adjustments, claim: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of each of the claims one after the other, and how many each has."""
    number, first = combined([Coded(found.place, range(found.place.max() + 1))])
    owner = found.claim[first]
    order = np.argsort(owner, kind="stable")
    place, owner = found.place[first][order], owner[order]
    begin = np.searchsorted(owner, claim, side="left")
    times = np.where(claim < 0, 0, np.searchsorted(owner, claim, side="right") - begin)
    nth = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
    return place[np.repeat(begin, times) + nth], times


def _joined(owner: np.ndarray, item: np.ndarray, words: list[str], size: int) -> Coded:
    """Return for each of `size` owners its words in order, one space between; -1 without any.

    `owner` is sorted, `item` the number of each word. Words are joined once per distinct row of
    words: a row is the one before it and one word more.
    """
    code = np.full(size, -1, dtype="int32")
    told: list[str] = []
    nth = np.arange(len(owner)) - np.searchsorted(owner, owner, side="left")
    turn = 0
    while len(owner):
        now = nth == turn
        pair = (code[owner[now]] + 1).astype("int64") * len(words) + item[now]
        number, distinct = pd.factorize(pair)
        code[owner[now]] = len(told) + number
        told += [
            f"{told[before - 1]} {words[word]}" if before else words[word]
            for before, word in (divmod(one, len(words)) for one in distinct.tolist())
        ]
        owner, item, nth, turn = owner[~now], item[~now], nth[~now], turn + 1
    return Coded(code, told)


# --- one row per denial --------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows of the worklist, in their order; each field has one entry per row."""

    claim: np.ndarray
    line: np.ndarray
    denied: pd.arrays.IntegerArray
    other_reasons: Coded
    file_id: Coded
    row: pd.api.extensions.ExtensionArray
    group_code: Coded
    carc: Coded
    rarcs: Coded
    number: np.ndarray
    table: dict[str, Coded]  # what the codes say, by `number`
    who: _Payers
    keys: pa.Array
    procedure_code: Coded
    service_from: np.ndarray
    second_look: Coded
    stands: "_Stands"

    def answer(self, name: str) -> Coded:
        """Return what the codes say, of each row."""
        return self.table[name].take(self.number)

    def payer(self, name: str) -> Coded:
        """Return what is known of each row's payer."""
        return self.who.of(name, self.claim)


def denied_places(claims: Claims, asked: Brain) -> dict[tuple[int, int], Denied]:
    """Return what every decision of the claims denied, also those that no longer stand.

    Keys are the places of the claim in the table of claims and of the line in that of lines (-1: the
    claim as a whole). For the history of single claims: bulk work asks `triage`.
    """
    set_ = _Set(claims)
    every = _denied_rows(set_, _classified(set_, _payers(set_, asked), asked))
    rows = _for_history(set_, every)
    return {
        (claim, line): Denied(None if unknown else cents, copy)
        for claim, line, cents, unknown, copy in zip(
            rows.claim.tolist(), rows.line.tolist(), rows.cents.tolist(), rows.unknown.tolist(),
            rows.is_copy.tolist(), strict=True,
        )
    }  # fmt: skip


class _DeniedRows(NamedTuple):
    """The denied places of every decision, in no order; `given` are codes, `table` the answers."""

    claim: np.ndarray
    line: np.ndarray
    denied: pd.arrays.IntegerArray
    other_reasons: Coded
    row: pd.api.extensions.ExtensionArray
    number: np.ndarray
    table: dict[str, Coded]
    given: dict[str, Coded]


def _denied_rows(set_: _Set, classified: _Adjustments) -> _DeniedRows:
    found = _denials(set_, classified)
    primary, denied, other_reasons = _primary(set_, found)
    mine, denied, other_reasons = _limited(set_, found.take(primary), denied, other_reasons)
    given = {n: getattr(mine, n) for n in _GIVEN}
    every = _DeniedRows(
        mine.claim, mine.line, denied, other_reasons, mine.row, mine.number, mine.table, given
    )
    silent = _silent(set_, mine.claim)
    if not len(silent):
        return every
    claims = set_.tables.claims
    nothing = Coded(np.full(len(silent), -1), [])
    number, table = _with_answer(every.number, every.table, _unexplained(), len(silent))
    more = _DeniedRows(
        silent,
        np.full(len(silent), -1),
        (claims["billed_cents"] - claims["paid_cents"]).array.take(silent),
        nothing.filled(""),
        claims["row"].array.take(silent),
        number[len(every.claim) :],
        table,
        {
            "file_id": coded(claims["file_id"].iloc[silent]),
            "group_code": nothing,
            "carc": nothing,
            "rarcs": nothing.filled(""),
        },
    )
    return _and_more(every, more)


_GIVEN = ("file_id", "group_code", "carc", "rarcs")


def _and_more(every: _DeniedRows, more: _DeniedRows) -> _DeniedRows:
    """Return the rows and more of them, whose table of answers begins with that of the first."""
    return _DeniedRows(
        np.concatenate([every.claim, more.claim]),
        np.concatenate([every.line, more.line]),
        _both(every.denied, more.denied),
        _followed(every.other_reasons, more.other_reasons),
        _both(every.row, more.row),
        np.concatenate([every.number, more.number]),
        more.table,
        {name: _followed(every.given[name], more.given[name]) for name in _GIVEN},
    )


def _payments(
    set_: _Set, who: _Payers, found: _Adjustments, every: _DeniedRows
) -> _DeniedRows | None:
    """Return the payments that are open to negotiation under a program that a remark code opens.

    A remark says that the claim is under the No Surprises Act, the hospital has no contract, and a
    reduction that denies nothing left less than the charge: nothing was denied, and how much is owed
    is not known, so these rows have no denied cents. None where there are none.
    """
    opens = _opening(found.rarcs)
    may = (opens.code >= 0) & ((found.amount > 0) | found.unknown)
    if not may.any():
        return None
    may &= found.answer("reason").isin(BARE_REASONS) & ~found.answer("is_denial").isin({True})
    may &= ~who.of("contracted", found.claim).isin({"contracted"})
    under = {
        (program, remarks)
        for program in (*who.facts["program"].values, None)
        for remarks in opens.values
        if program_of_remarks(program, remarks.split(), payment=True)
    }
    number, first = combined((program := who.of("program", found.claim), opens))
    told = [(_said(program, at), _said(opens, at)) in under for at in first]
    may &= np.array(told, dtype=bool)[number]
    denied = set_.place(every.line, every.claim)
    of_claim = set_.place(np.full(len(found.claim), -1), found.claim)
    may &= ~np.isin(found.place, denied) & ~np.isin(of_claim, denied)
    some = found.take(np.flatnonzero(may))
    if not len(some.claim):
        return None
    primary, _, _ = _primary(set_, some)
    mine = some.take(primary)
    size = len(mine.claim)
    number, table = _with_answer(every.number, every.table, _initial_payment(), size)
    nothing = pd.arrays.IntegerArray(np.zeros(size, dtype="int64"), np.ones(size, dtype=bool))
    given = {name: getattr(mine, name) for name in _GIVEN}
    others = Coded(np.full(size, -1), []).filled("")
    return _DeniedRows(
        mine.claim, mine.line, nothing, others, mine.row, number[-size:], table, given
    )


def _initial_payment() -> dict[str, Any]:
    """Return what is said of a payment that is open to negotiation."""
    return {
        "denial_category": "pricing",
        "reason": INITIAL_PAYMENT,
        "route": "appeal",
        "nature": "technical",
        "preventable": "no",
        "liability": "provider",
        "confidence": "high",
        "decided_by": "remark that opens negotiation",
        "appealable": True,
        "second_look": "",
        "is_denial": False,
    }


def _said(column: Coded, row: int) -> Any:
    return column.values[column.code[row]] if column.code[row] >= 0 else None


def _rows(set_: _Set, asked: Brain) -> _Rows:
    who = _payers(set_, asked)
    classified = _classified(set_, who, asked)
    every = _denied_rows(set_, classified)
    stands, denied = _standing(set_, every)
    payments = _payments(set_, who, classified, every)
    if payments is not None:
        # Whether a denial stands does not turn on a payment; whether a payment does, turns on denials.
        size, every = len(every.claim), _and_more(every, payments)
        with_payments, cents = _standing(set_, every)
        new = np.arange(size, len(every.claim))
        stands, denied = stands.followed(with_payments.take(new)), _both(denied, cents.take(new))
    claim, line, _, other_reasons, row, number, table, given = every
    order, keys = _ordered(set_, claim, line)
    order, keys = order[stands.shown[order]], keys.filter(pa.array(stands.shown[order]))
    claim, line = claim[order], line[order]
    lines, claims = set_.tables.claim_lines, set_.tables.claims
    number = number[order]
    at = set_.line_at(line)
    day = taken(_day(lines["service_from"]), at, _NEVER)
    whole = taken(_day(claims["service_from"]), set_.claim_at(claim), _NEVER)
    found = _Rows(
        claim=claim,
        line=line,
        denied=denied.take(order),
        other_reasons=other_reasons.take(order),
        row=row.take(order),
        number=number,
        table=table,
        who=who,
        keys=keys,
        procedure_code=coded(lines["procedure_code"]).take(at),
        service_from=np.where(np.isnat(day), whole, day),
        second_look=table["second_look"].take(number).filled(""),
        stands=stands.take(order),
        **{name: column.take(order) for name, column in given.items()},
    )
    return _with_history(set_, found)


@dataclass(frozen=True, eq=False)
class _Stands:
    """What stands of each denied place: whether it is a row, its state, and the claim that decided."""

    shown: np.ndarray
    state: Coded
    decided_by: np.ndarray
    recorded: np.ndarray  # whether a person's entry decided

    def followed(self, more: "_Stands") -> "_Stands":
        return _Stands(
            np.concatenate([self.shown, more.shown]),
            _followed(self.state, more.state),
            np.concatenate([self.decided_by, more.decided_by]),
            np.concatenate([self.recorded, more.recorded]),
        )

    def take(self, at: np.ndarray) -> "_Stands":
        return _Stands(self.shown[at], self.state.take(at), self.decided_by[at], self.recorded[at])


def _for_history(set_: _Set, every: _DeniedRows) -> DeniedRows:
    return DeniedRows(
        set_.claim_at(every.claim),
        set_.line_at(every.line),
        every.denied.to_numpy("int64", na_value=0),
        every.denied.isna(),
        every.table["denial_category"].take(every.number).isin({"duplicate"}),
    )


def _standing(set_: _Set, every: _DeniedRows) -> tuple[_Stands, pd.arrays.IntegerArray]:
    """Return what stands of each denied place after all that happened to its claim, and its dollars."""
    rows = _for_history(set_, every)
    found = set_.history.outcomes(rows)
    state, distinct = pd.factorize(found.state)
    nobody = np.zeros(len(state), dtype=bool)
    stands = _Stands(found.shown, Coded(state, distinct.tolist()), found.decided_by, nobody)
    return stands, pd.arrays.IntegerArray(found.cents, rows.unknown)


def _denials(set_: _Set, found: _Adjustments) -> _Adjustments:
    """Return the adjustments that deny something, with what they deny.

    A reduction by a payer that came after another one is no underpayment where it is all there is.
    """
    denies = found.answer("is_denial").isin({True})
    bare = found.answer("reason").isin(BARE_REASONS)
    denies &= ~(
        bare & found.alone & taken(set_.status.secondary, set_.claim_at(found.claim), False)
    )
    rank = np.array([*found.table["rank"].values, 0])[found.answer("rank").code]
    took = reasons_taken(
        _money(set_, found), denies=denies, bare=bare, refused=set_.status.denied, rank=rank
    )
    line = np.where(took.on_claim, -1, found.line)
    place = set_.place(line, found.claim)
    found = replace(found, line=line, place=place, amount=took.amount, unknown=took.unknown)
    return found.take(took.stays)


def _limited(
    set_: _Set, mine: _Adjustments, denied: pd.arrays.IntegerArray, other_reasons: Coded
) -> tuple[_Adjustments, pd.arrays.IntegerArray, Coded]:
    """Return the denials of remittances with no more than charge less payment, by line and claim.

    A denial of the claim for which its lines leave nothing is one of their other reasons.
    """
    files = set_.tables.files
    remittances = files["file_id"][files["source"].eq("remittance")]
    may = set_.tables.claims["file_id"].isin(remittances).to_numpy()
    if not may.any():
        return mine, denied, other_reasons
    claim, unknown = set_.claim_at(mine.claim), denied.isna()
    was = denied.to_numpy("int64", na_value=0)
    cents = limited(set_.counted, claim, set_.line_at(mine.line), was, unknown, may)
    denied = pd.arrays.IntegerArray(cents, unknown)
    gone = (mine.line < 0) & (cents == 0) & (was > 0)
    first = np.full(len(set_.claim_keys), -1)
    stays = np.flatnonzero(~gone)[::-1]
    first[mine.claim[stays]] = stays  # of several rows of a claim the first one stays
    rest = first[mine.claim]
    gone &= rest >= 0
    if not gone.any():
        return mine, denied, other_reasons
    other_reasons = _joined_reasons(mine, other_reasons, np.flatnonzero(gone), rest[gone])
    at = np.flatnonzero(~gone)
    return mine.take(at), denied.take(at), other_reasons.take(at)


def _joined_reasons(mine: _Adjustments, others: Coded, gone: np.ndarray, into: np.ndarray) -> Coded:
    """Return the other reasons with those of denials that are `gone`, each added to the row `into`."""
    item, words = _code_words(mine)
    spelled = Coded(item, words)
    parts = [others.take(into), spelled.take(into), spelled.take(gone), others.take(gone)]
    number, distinct = combined(parts)
    told = []
    for place in distinct:
        had, own, more, its = (one.values[one.code[place]] for one in parts)
        added = [word for word in (more, *its.split()) if word != own]
        told.append(" ".join(dict.fromkeys((*had.split(), *added))))
    code = np.full(len(others.code), -1)
    code[into] = number
    row, few = combined([others, Coded(code, told)])
    words = [
        told[code[place]] if code[place] >= 0 else others.values[others.code[place]]
        for place in few
    ]
    return Coded(row, words)


def _primary(set_: _Set, found: _Adjustments) -> tuple[np.ndarray, pd.arrays.IntegerArray, Coded]:
    """Return the adjustment that stands for each denied place, its dollars, its other reasons.

    The largest amount decides, of equal ones the category that ranks first, and of these the first
    code or text by its letters: never the order of the rows.
    """
    number = pd.factorize(found.place)[0]
    first = firsts(number)
    denied, unknown = found.amount, found.unknown
    nothing = Coded(np.zeros(len(first), dtype="int64"), [""])
    if len(first) == len(number):
        return first, pd.arrays.IntegerArray(denied.copy(), unknown.copy()), nothing
    several = np.flatnonzero((np.bincount(number) > 1)[number])
    some = found.take(several)
    values = some.table["rank"].values
    rank = np.array([*values, 0])[some.answer("rank").code]
    code, words = _code_words(some)
    spelled = (_by_letters(some.text.values)[some.text.code], _by_letters(words)[code])
    order = np.lexsort((*spelled, rank, -some.amount, number[several]))
    several = several[order]
    owner = number[several]
    starts = np.ones(len(owner), dtype=bool)
    starts[1:] = owner[1:] != owner[:-1]
    primary = first.copy()
    primary[owner[starts]] = several[starts]
    denied = np.zeros(len(first), dtype="int64")
    np.add.at(denied, number, found.amount)
    known = np.bincount(number, weights=~found.unknown, minlength=len(first)) > 0
    rest = found.take(several[~starts])
    item, words = _code_words(rest)
    others = _joined(owner[~starts], item, words, len(first)).filled("")
    return primary, pd.arrays.IntegerArray(denied, ~known), others


def _by_letters(values: Iterable[str]) -> np.ndarray:
    """Return the place of each text in the order of their letters; the last is that of none."""
    values = list(values)
    place = {value: at for at, value in enumerate(sorted(set(values)))}
    return np.array([*(place[value] for value in values), -1])


def _code_words(found: _Adjustments) -> tuple[np.ndarray, list[str]]:
    """Return each adjustment's group code and CARC as one text, by numbers."""
    number, first = combined([found.group_code, found.carc])
    groups, carcs = found.group_code.take(first).filled(""), found.carc.take(first).filled("")
    words = [
        f"{groups.values[group]}-{carcs.values[carc]}".strip("-")
        for group, carc in zip(groups.code, carcs.code, strict=True)
    ]
    return number, words


def _silent(set_: _Set, explained: np.ndarray) -> np.ndarray:
    """Return the claims that their status calls denied and that no adjustment explains."""
    status = keys_of(set_.tables.claims["claim_status"])
    if not len(status):
        return np.empty(0, dtype="int64")
    denied = pc.equal(status, "4").fill_null(False).to_numpy(zero_copy_only=False)
    denied = denied & ~set_.netted
    denied[explained[explained < len(denied)]] = False
    return np.flatnonzero(denied)


def _unexplained() -> dict[str, Any]:
    """Return what is said of a claim that its status calls denied and no adjustment explains."""
    asked = classify(None, None, ())
    names = [name for name in asked.__struct_fields__ if name not in ("warnings", "decided_by")]
    return {
        **{name: getattr(asked, name) for name in names},
        "decided_by": "claim status 4",
        "second_look": "",
        "is_denial": True,
        "denial_category": "unclassified",
        "route": "review",
    }


def _with_answer(
    number: np.ndarray, table: dict[str, Coded], answer: dict[str, Any], times: int
) -> tuple[np.ndarray, dict[str, Coded]]:
    """Return the numbers and the table of answers with one answer more, given so many times."""
    one = Coded(np.full(1, -1), [])
    size = len(next(iter(table.values())).code)
    more = {
        name: _followed(column, one.filled(answer[name]) if name in answer else one)
        for name, column in table.items()
    }
    return np.concatenate([number, np.full(times, size)]), more


def _both(before: Any, after: Any) -> Any:
    return pd.concat([pd.Series(before), pd.Series(after)], ignore_index=True).array


def _followed(before: Coded, after: Coded) -> Coded:
    """Return one column after the other."""
    values = list(before.values)
    place = []
    for value in after.values:
        place.append(values.index(value) if value in values else len(values))
        if place[-1] == len(values):
            values.append(value)
    code = np.array([*place, -1], dtype="int64")[after.code]
    return Coded(np.concatenate([before.code, code]), values)


def _ordered(set_: _Set, claim: np.ndarray, line: np.ndarray) -> tuple[np.ndarray, pa.Array]:
    """Return the order of the rows, by claim as in the files and then by key, and their keys."""
    table = np.minimum(claim, len(set_.tables.claims))
    rank = table * (len(set_.line_keys) + len(set_.claim_keys) + 1) + set_.place(line, claim)
    order = np.arange(len(rank))
    if (rank[1:] < rank[:-1]).any():
        order = np.argsort(rank, kind="stable")
    keys = set_.place_keys(line[order], claim[order])
    # Lines stand in a claim in the order of their keys, but for one with ten lines and no zeros.
    near = table[order]
    near = near[1:] == near[:-1]
    wrong = pc.greater(keys[:-1], keys[1:]).to_numpy(zero_copy_only=False) if len(keys) else near
    if (wrong & near).any():
        some = np.isin(table[order], table[order][1:][wrong & near])
        at = np.flatnonzero(some)
        names = np.array(keys.take(pa.array(at)).to_pylist(), dtype=object)
        inner = np.lexsort((pd.factorize(names, sort=True)[0], table[order][at]))
        moved = np.arange(len(order))
        moved[at] = at[inner]
        order, keys = order[moved], keys.take(pa.array(moved))
    return order, keys


# --- the second look -----------------------------------------------------------------------------


def _compared_rows(set_: _Set, rows: _Rows) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the rows that a comparison can tell something of, and where they stand."""
    turns = turns_on_service()
    category, reason = rows.answer("denial_category"), rows.answer("reason")
    at = np.flatnonzero(category.isin(turns["denial_category"]) | reason.isin(turns["reason"]))
    claim, line = rows.claim[at], rows.line[at]
    part = pd.DataFrame(
        {
            "denial_key": text(rows.keys.take(pa.array(at))),
            "claim_key": text(keys_at(set_.claim_keys, claim)),
            "line_key": text(keys_at(set_.line_keys, line)),
            "procedure_code": rows.procedure_code.take(at).array("text"),
            "service_from": rows.service_from[at],
            "program": rows.payer("program").take(at).array("text"),
            "denial_category": category.take(at).array("text"),
            "reason": reason.take(at).array("text"),
        }
    )
    places = set_.claim_at(claim), set_.line_at(line)
    return comparison.asked(part, set_.tables, set_.undone, places=places), at


def _with_history(set_: _Set, rows: _Rows) -> _Rows:
    """Return the rows with the second looks that turn on what else happened to the claim."""
    claims = set_.tables.claims
    status, case = (
        coded(claims[name]).take(set_.claim_at(rows.claim))
        for name in ("claim_status", "case_status")
    )
    about = sent_on()
    words = [bool(set(text.split()) & set(about.remarks)) for text in rows.rarcs.values]
    sent = np.array([*words, False], dtype=bool)[rows.rarcs.code] | status.isin(about.statuses)
    paid = case.isin({"open"}) & rows.stands.state.isin({"paid_later"})
    # A remittance has no case status but what an export of the same claim states.
    of_payer = rows.file_id.isin(set_.payers_files)
    denied = case.isin(CLOSED) & of_payer & rows.stands.state.isin(_OPEN) & ~_is_payment(rows)
    some = np.flatnonzero(sent | paid | denied)
    if not len(some):
        return rows
    tracker = np.where(paid, "open_but_paid", np.where(denied, "closed_but_denied", ""))
    looks = [
        " ".join(of_history(tracker=said or None, sent_on="yes" if on else None))
        for said, on in zip(tracker[some], sent[some], strict=True)
    ]
    return _looked(rows, some, pd.Series(looks, dtype="str"))


def _looked(rows: _Rows, at: np.ndarray, more: pd.Series) -> _Rows:
    """Return the rows with what the comparison adds (in the order of the rows compared)."""
    more = coded(more)
    code = np.full(len(rows.claim), -1)
    code[at] = more.code
    found = rows.second_look
    number, first = combined([found, Coded(code, more.values)])
    pairs = zip(found.code[first], code[first], strict=True)
    words = [*more.values, ""]
    told = [f"{found.values[one]} {words[other]}".strip() for one, other in pairs]
    return replace(rows, second_look=Coded(number, told))


# --- appeals and dates ---------------------------------------------------------------------------


def _events(set_: _Set, rows: _Rows) -> np.ndarray:
    """Return each row's last appeal event, its place in the table: on its line, or on its claim."""
    events = set_.tables.appeal_events
    none = np.full(len(rows.claim), -1)
    if events.empty:
        return none
    day = np.fmax(_day(events["filed_on"]), _day(events["decided_on"]))
    order = np.argsort(day.view("int64"), kind="stable")  # as a number no day comes first
    line_keys = keys_of(events["line_key"])
    on_line = line_keys.is_valid().to_numpy(zero_copy_only=False)
    line = positions(line_keys, set_.line_keys)
    of_line = _last(line, order[on_line[order]], len(set_.line_keys), rows.line)
    of_claim = none
    if not on_line.all():
        claim = positions(keys_of(events["claim_key"]), set_.claim_keys)
        of_claim = _last(claim, order[~on_line[order]], len(set_.claim_keys), rows.claim)
    later = taken(day, of_claim, _NEVER) > taken(day, of_line, _NEVER)
    return np.where((of_line < 0) | later, of_claim, of_line)


def _last(number: np.ndarray, order: np.ndarray, size: int, wanted: np.ndarray) -> np.ndarray:
    """Return the last event, in this order, of each line or claim that is wanted."""
    last = np.full(size, -1, dtype="int64")
    order = order[number[order] >= 0]
    last[number[order]] = order  # of several for one place the last one stays
    return taken(last, wanted, -1)


def _worklist(set_: _Set, rows: _Rows, asked: Brain, *, categories: bool) -> pd.DataFrame:
    """Return the rows as a frame of WORKLIST, with their dates."""
    claims, lines = set_.tables.claims, set_.tables.claim_lines
    events = set_.tables.appeal_events
    stated = rows.denied
    rows, ended = _recorded(set_, rows)
    claim, line = set_.claim_at(rows.claim), set_.line_at(rows.line)
    event = _events(set_, rows)

    def of_claim(name: str) -> Coded:
        return coded(claims[name]).take(claim)

    def day_of_claim(name: str) -> np.ndarray:
        return taken(_day(claims[name]), claim, _NEVER)

    notice, remittance = day_of_claim("notice_date"), day_of_claim("remittance_date")
    received = day_of_claim("notice_received")
    dated = ~np.isnat(notice)
    earliest = day_of_claim("earliest_remittance_date")
    notice_from = np.where(dated, 0, np.where(np.isnat(remittance), 2, 1)).astype("int8")
    notice = np.where(dated, notice, remittance)
    decided_on = taken(_day(events["decided_on"]), event, _NEVER)
    facts = {
        "stage": of_claim("stage").filled("payment"),
        "last_level": coded(events["level"]).take(event),
        "outcome": coded(events["outcome"]).take(event),
        "closed": of_claim("case_status"),
        "standing": rows.stands.state,
        "written_off": Coded(ended.closed.astype("int8"), [False, True]),
    }
    filed_on = taken(_day(events["filed_on"]), event, _NEVER)
    # An appeal of which nothing is known but that there is one stops no clock.
    known = (facts["last_level"].code >= 0) | (facts["outcome"].code >= 0)
    filed = (event >= 0) & (known | ~np.isnat(filed_on) | ~np.isnat(decided_on))
    disputed = _in_controversy(set_, rows, stated, facts, filed, decided_on)
    goes_on = _goes_on(facts["outcome"])
    number, table = asked.ask_step(
        _step_facts(rows, facts, filed, disputed.cents),
        {
            # Once an appeal is filed, its decision (or where a rule says so its filing) is the notice.
            "notice_date": np.where(filed, _NEVER, notice),
            "notice_received": np.where(filed, _NEVER, received),
            "earliest_notice": np.where(filed, _NEVER, earliest),
            "filed_on": np.where(goes_on, filed_on, _NEVER),
            "decided_on": np.where(goes_on, decided_on, _NEVER),
        },
    )
    step = {name: column.take(number) for name, column in table.items() if name in _TURNS}
    decided = step["from_decision"].isin({True})
    negotiated = step["from_filing"].isin({True})
    notice_from[decided], notice_from[negotiated] = 3, 4
    notice = np.where(decided, decided_on, np.where(negotiated, filed_on, notice))
    received[decided | negotiated] = _NEVER
    route = rows.answer("route")
    received_on = taken(_day(events["received_on"]), event, _NEVER)
    requested = np.where(np.isnat(received_on), filed_on, received_on)
    facts["received"] = Coded((~np.isnat(received_on)).astype("int8"), [False, True])
    now, whence = _states(set_, rows, facts, filed, requested, asked)
    why = _joined_words(
        table["why"].take(number), disputed.words, _reduced(set_, rows), now["waits"], ended.sent
    )
    by_contract = step["by_contract"].isin({True}) & route.isin({"appeal"})
    made = {
        "denial_key": text(rows.keys),
        "claim_key": text(keys_at(set_.claim_keys, rows.claim)),
        "line_key": text(keys_at(set_.line_keys, rows.line)),
        "file_id": rows.file_id,
        "row": rows.row,
        "service_from": rows.service_from,
        "procedure_code": rows.procedure_code,
        "stage": facts["stage"],
        "group_code": rows.group_code,
        "carc": rows.carc,
        "rarcs": rows.rarcs,
        "route": route.with_value(by_contract, "contract_dispute").with_value(
            rows.stands.state.isin(_NO_CLOCK), "review"
        ),
        "state": now["state"],
        "state_from": whence,
        "decision_due": now["decision_due"],
        "why": why,
        "second_look": rows.second_look,
        "denied_cents": rows.denied,
        "in_controversy_cents": disputed.cents,
        "other_reasons": rows.other_reasons,
        "notice_date": notice,
        "notice_from": Coded(
            notice_from, ["notice_date", "remittance_date", "", "decided_on", "filed_on"]
        ),
        "notice_received": received,
        "last_level": facts["last_level"],
        "filed_on": filed_on,
        "decided_on": decided_on,
        "outcome": facts["outcome"],
        "recovered_cents": events["recovered_cents"].array.take(event, allow_fill=True),
    }

    def cells(name: str, kind: str) -> Any:
        """Return one column: the few that are ready, then what each question says, then the claim."""
        if name in made:
            return made.pop(name)
        if name in table:
            return table[name].take(number)
        if name in rows.table:
            return rows.answer(name)
        if name in rows.who.facts:
            return rows.payer(name)
        if kind == "cents":
            return _line_else_claim(lines[name].array, line, claims[name].array, claim)
        if name in _NUMBERS:
            return text(keys_at(keys_of(claims[name]), claim))
        return of_claim(name)

    # One column after the other: what it was made of is let go before the next is written out.
    written = {}
    for column in WORKLIST:
        found = cells(column.name, column.kind)
        if isinstance(found, Coded):
            found = found.array(column.kind, categories=categories)
        written[column.name] = found
    return pd.DataFrame(written, copy=False)


# The claim's two numbers: nearly as many texts as rows.
_NUMBERS = frozenset({"patient_control_number", "payer_claim_control_number"})
_TURNS = ("from_decision", "from_filing", "by_contract")


def _line_else_claim(
    of_line: pd.arrays.IntegerArray,
    line: np.ndarray,
    of_claim: pd.arrays.IntegerArray,
    claim: np.ndarray,
) -> pd.arrays.IntegerArray:
    """Return the line's cents, and the claim's where the line states none."""
    found = of_line.take(line, allow_fill=True)
    missing = found.isna()
    if missing.any():
        found[missing] = of_claim.take(claim[missing], allow_fill=True)
    return found


def _step_facts(
    rows: _Rows,
    facts: dict[str, Coded],
    filed: np.ndarray,
    in_controversy: pd.arrays.IntegerArray,
) -> dict[str, Coded]:
    """Return the facts of the next step but for days, without those that cannot change it.

    The nature chooses the level that follows a decision; it matters neither for what was won nor for
    what still waits.
    """
    no_clock = facts["standing"].isin(_NO_CLOCK)
    program = rows.payer("program").only(~no_clock)
    outcome = facts["outcome"]
    goes_on = _goes_on(outcome)
    appealable = ~rows.answer("appealable").isin({False})
    return {
        "program": program,
        "stage": facts["stage"],
        "contracted": rows.payer("contracted"),
        "denial_category": rows.answer("denial_category").only(
            _matters("denial_category", program)
        ),
        "nature": rows.answer("nature").only(goes_on & _matters("nature", program)),
        "last_level": facts["last_level"],
        "filed": Coded(filed.astype("int8"), [False, True]),
        "outcome": outcome,
        "amount": _amounts(in_controversy),
        "state_window": rows.payer("state_window").only(_matters("state_window", program)),
        "jurisdiction": rows.payer("jurisdiction").only(_matters("jurisdiction", program)),
        "contract": rows.payer("contract"),
        "remarks": _opening(rows.rarcs),
        "initial_payment": Coded(_is_payment(rows).astype("int8"), [False, True]),
        "why_not": rows.answer("why_not").only(~appealable),
        "closed": Coded(_ended(facts).astype("int8"), [False, True]),
        "program_gap": rows.payer("program_gap")
        .only(program.code < 0)
        .with_value(facts["standing"].isin({"review"}), _REVERSAL_GAP)
        .with_value(facts["standing"].isin({"taken_back"}), _TAKEN_BACK_GAP),
    }


def _recovered(set_: _Set, claim: np.ndarray, line: np.ndarray) -> controversy.Recovered:
    """Return what appeals brought back of these claims and lines, few of all."""
    events = set_.tables.appeal_events[["claim_key", "line_key", "recovered_cents"]]
    some = events["recovered_cents"].gt(0).fillna(False).to_numpy(bool)
    events = events[some if len(claim) else np.zeros(len(events), dtype=bool)]
    same = set_.same_claim(np.arange(len(set_.claim_keys)))
    claims = np.flatnonzero(np.isin(same, claim))
    of_claim = np.append(same, -1)[_among(events["claim_key"], set_.claim_keys, claims)]
    of_line = _among(events["line_key"], set_.line_keys, np.unique(line[line >= 0]))
    no_line = events["line_key"].isna().to_numpy()
    mine = np.where(no_line, of_claim, of_line) >= 0
    cents = events["recovered_cents"].to_numpy("int64")
    return controversy.Recovered(of_claim[mine], of_line[mine], cents[mine])


def _among(keys: pd.Series, known: pa.Array, places: np.ndarray) -> np.ndarray:
    """Return the place of each key among some places of the known ones; -1 for another."""
    at = positions(keys_of(keys), known.take(pa.array(places)))
    return np.append(places, -1)[at]


def _is_payment(rows: _Rows) -> np.ndarray:
    return rows.answer("reason").isin({INITIAL_PAYMENT})


def _reduced(set_: _Set, rows: _Rows) -> Coded:
    """Return in words what is known of the stake of payments that may be negotiated."""
    code = np.full(len(rows.claim), -1, dtype="int64")
    at = np.flatnonzero(_is_payment(rows))
    claims, lines = set_.tables.claims, set_.tables.claim_lines
    claim, line = set_.claim_at(rows.claim[at]), set_.line_at(rows.line[at])
    billed, paid = (
        _line_else_claim(lines[name].array, line, claims[name].array, claim)
        for name in ("billed_cents", "paid_cents")
    )
    amounts = combined((coded(pd.Series(billed)), coded(pd.Series(paid))))
    code[at] = amounts[0]
    words = [
        "a payment, not a denial, so no amount is denied: "
        f"${dollars(paid[n])} was paid of a charge of ${dollars(billed[n])}, and what is owed of the "
        "difference is for negotiation"
        for n in amounts[1]
    ]
    return Coded(code, words)


def _goes_on(outcome: Coded) -> np.ndarray:
    """Return which rows' last decision leaves something to appeal."""
    return (outcome.code >= 0) & ~outcome.isin({"overturned", "withdrawn"})


def _ended(facts: dict[str, Coded]) -> np.ndarray:
    """Return which rows are closed: by the hospital's own system, a person, or what happened since."""
    ended = facts["closed"].isin(CLOSED) | facts["written_off"].isin({True})
    return ended | ~facts["standing"].isin(_OPEN)


def _in_controversy(
    set_: _Set,
    rows: _Rows,
    stated: pd.arrays.IntegerArray,
    facts: dict[str, Coded],
    filed: np.ndarray,
    decided_on: np.ndarray,
) -> controversy.Amounts:
    """Return what each row's case is about; `stated` are the denied cents without people's entries."""
    outcome, goes_on = facts["outcome"], _goes_on(facts["outcome"])
    counts = (goes_on | ~filed) & ~_ended(facts) & ~facts["standing"].isin(_NO_CLOCK)
    counts &= ~rows.answer("appealable").isin({False})
    level = controversy.levels(
        counts,
        rows.payer("program"),
        facts["last_level"].only(goes_on),
        outcome.only(goes_on),
        rows.answer("nature"),
        rows.answer("denial_category"),
    )
    at = np.flatnonzero(level.code >= 0)
    claim, line, cents = rows.claim[at], rows.line[at], rows.denied[at]
    claims, lines = set_.tables.claims, set_.tables.claim_lines
    places = set_.line_at(line), set_.claim_at(claim)
    billed, paid = (
        _line_else_claim(lines[name].array, places[0], claims[name].array, places[1])
        for name in ("billed_cents", "paid_cents")
    )
    recorded = (stated[at] - cents).to_numpy("int64", na_value=0)
    denials = controversy.Denials(
        set_.same_claim(claim), line, level.take(at), decided_on[at], cents, recorded, billed, paid
    )
    recovered = _recovered(set_, denials.claim, line)
    return controversy.amounts(denials, recovered).spread(at, len(rows.claim))


class _Ended(NamedTuple):
    """What people recorded of each row: whether it was written off, and what was sent, in words."""

    closed: np.ndarray
    sent: Coded


def _recorded(set_: _Set, rows: _Rows) -> tuple[_Rows, _Ended]:
    """Return the rows with what people recorded as paid, and what else they recorded.

    A payment lowers what is at stake, of several rows of a claim in their order; what is paid in full
    is not open any more.
    """
    size = len(rows.claim)
    closed, sent = np.zeros(size, dtype=bool), np.full(size, -1)
    words: list[str] = []
    events = set_.tables.recorded_events
    events = events[~events["event"].isin(OF_APPEALS)].sort_values("day", kind="stable")
    if events.empty or not size:
        return rows, _Ended(closed, Coded(sent, words))
    claim_of = positions(keys_of(events["claim_key"]), set_.claim_keys)
    line_of = positions(keys_of(events["line_key"]), set_.line_keys)
    no_line = events["line_key"].isna().to_numpy()
    denied, unknown = rows.denied.to_numpy("int64", na_value=0).copy(), rows.denied.isna()
    paid_up = np.zeros(size, dtype=bool)
    lines, claims = set_.tables.claim_lines, set_.tables.claims
    paid = _line_else_claim(
        lines["paid_cents"].array, set_.line_at(rows.line),
        claims["paid_cents"].array, set_.claim_at(rows.claim),
    ).to_numpy("int64", na_value=0)  # fmt: skip
    for n, (event, day, cents) in enumerate(
        zip(events["event"], events["day"], events["amount_cents"], strict=True)
    ):
        at = rows.claim == claim_of[n] if no_line[n] else rows.line == line_of[n]
        at = np.flatnonzero(at & rows.stands.state.isin(_OPEN))
        if event in ("written_off", TRACKER_CLOSED) and pd.isna(cents):
            closed[at] = True
        elif event in ("paid", "written_off"):
            left = int(cents)
            if event == "paid":  # what a remittance states already is not paid twice
                left = max(left - int(paid[at].max(initial=0)), 0)
            for row in at[~unknown[at]]:
                part = min(left, denied[row])
                denied[row] -= part
                left -= part
                done = denied[row] == 0
                paid_up[row] |= done and event == "paid"
                closed[row] |= done and event == "written_off"
        elif event in _SENT:
            sent[at] = len(words)
            words.append(f"{_SENT[event]} on {day:%Y-%m-%d} (recorded); the clock runs on")
    state = rows.stands.state.with_value(paid_up, "paid_later")
    stands = replace(rows.stands, state=state, recorded=paid_up)
    done = paid_up | closed
    denied[done] = rows.denied.to_numpy("int64", na_value=0)[done]  # what was denied
    rows = replace(rows, denied=pd.arrays.IntegerArray(denied, unknown), stands=stands)
    return rows, _Ended(closed, Coded(sent, words))


_SENT = {"corrected_claim_sent": "corrected claim sent", "records_sent": "records sent"}


def _joined_words(*parts: Coded) -> Coded:
    """Return texts joined by a semicolon, row by row; what is missing or empty is left out."""
    number, first = combined(list(parts))
    words = []
    for at in first:
        said = (part.values[part.code[at]] for part in parts if part.code[at] >= 0)
        words.append("; ".join(one for one in said if one))
    return Coded(number, words)


def _states(
    set_: _Set,
    rows: _Rows,
    facts: dict[str, Coded],
    filed: np.ndarray,
    requested: np.ndarray,
    asked: Brain,
) -> tuple[dict[str, Coded], Coded]:
    """Return each row's state after its appeals, with the payer's clock, and what decided it."""
    outcome = facts["outcome"]
    waits = filed & (outcome.code < 0)
    number, table = asked.ask(
        "state",
        {
            "standing": rows.stands.state,
            "filed": Coded(filed.astype("int8"), [False, True]),
            "outcome": outcome,
            "closed": Coded(facts["closed"].isin(CLOSED).astype("int8"), [False, True]),
            "written_off": facts["written_off"],
            "program": rows.payer("program").only(waits),
            "level": facts["last_level"].only(waits),
            "stage": facts["stage"].only(waits),
            "requested": _days(requested, waits),
            "received": facts["received"].only(waits),
            "jurisdiction": rows.payer("jurisdiction").only(
                waits & _matters("jurisdiction", rows.payer("program"))
            ),
        },
    )
    answer = {name: column.take(number) for name, column in table.items()}
    whence = answer["decided_by"].with_value(rows.stands.recorded, "recorded")
    own = (rows.stands.decided_by == rows.claim) | rows.stands.recorded
    if own.all():
        return answer, whence
    at = np.flatnonzero(~own & (rows.stands.decided_by >= 0))
    by = set_.tables.claims.iloc[rows.stands.decided_by[at]]
    name = dict(zip(set_.tables.files["file_id"], set_.tables.files["file"], strict=True))
    sources = [
        f"{name.get(file_id, file_id)}, row {row}"
        for file_id, row in zip(by["file_id"], by["row"], strict=True)
    ]
    words = whence.array("text").astype(object)
    still = ~whence.isin({"decision"})[at]
    words[at] = np.where(still, words[at], sources)
    return answer, coded(pd.Series(words, dtype="str"))


def _opening(rarcs: Coded) -> Coded:
    """Return the remark codes that decide whether it is under another program, and no others."""
    known = opening_remarks()
    words = [" ".join(sorted(known.intersection(text.split()))) or None for text in rarcs.values]
    distinct = [word for word in dict.fromkeys(words) if word]
    place = [distinct.index(word) if word else -1 for word in words]
    return Coded(np.array([*place, -1])[rarcs.code], distinct)


def _amounts(cents: pd.arrays.IntegerArray) -> Coded:
    """Return for each amount the telling one at or below it, in whole dollars; none for a missing one."""
    telling = [0, *telling_amounts()]
    whole = np.maximum(cents.to_numpy("int64", na_value=0) // 100, 0)
    return Coded(np.searchsorted(telling, whole, side="right") - 1, telling).only(~cents.isna())


def _matters(fact: str, program: Coded) -> np.ndarray:
    """Return for each row whether its next step can turn on the fact."""
    programs = [*program.values, None]
    return np.array([fact in turns_on(one) for one in programs], dtype=bool)[program.code]


def _days(days: np.ndarray, where: np.ndarray) -> Coded:
    """Return the days by numbers, and none outside `where`."""
    return coded(pd.Series(np.where(where, days, _NEVER)))
