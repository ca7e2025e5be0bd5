"""Which heading of an export is which of our columns: one YAML file per layout, read strictly.

The folder `toolkit/rules/layouts` is the registry. Headings are compared with case, spaces and
punctuation ignored; words are compared whole, never by a part of them.
"""

import unicodedata
from functools import cache
from typing import Literal

import msgspec

from toolkit.errors import ExportError, RulesError
from toolkit.rules import RULES, names, read

Kind = Literal["text", "id", "code", "word", "date", "money", "number"]

# Our columns of an export row: its kind and what it means. An export row is one denial: one
# adjustment on a claim or on a claim line, with the appeal that was filed against it, if any.
COLUMNS: dict[str, tuple[Kind, str]] = {
    "patient_control_number": ("id", "our claim or account number, as sent to the payer"),
    "payer_claim_control_number": ("id", "the payer's claim number (ICN)"),
    "patient_name": ("text", "the patient's name"),
    "patient_last_name": ("text", "the patient's last name, where it stands alone"),
    "patient_first_name": ("text", "the patient's first name, where it stands alone"),
    "member_id": ("id", "the patient's number with the payer"),
    "birth_date": ("date", "the patient's birth date"),
    "payer_id": ("id", "the payer's identifier"),
    "payer_name": ("text", "the payer"),
    "plan_name": ("text", "the plan"),
    "financial_class": ("text", "the hospital's financial class of the claim"),
    "program": ("text", "the program, in words that state it"),
    "claim_filing_indicator": ("code", "claim filing indicator (CLP06)"),
    "contracted": ("word", "whether the provider is contracted with the payer"),
    "facility": ("text", "where the service was given"),
    "provider_name": ("text", "billing provider or payee"),
    "provider_npi": ("id", "its NPI"),
    "claim_status": ("text", "claim status"),
    "service_from": ("date", "first day of service"),
    "service_to": ("date", "last day of service"),
    "remittance_date": ("date", "production date of the remittance"),
    "notice_date": ("date", "date on the denial notice"),
    "notice_received": ("date", "day the notice was received"),
    "claim_received": ("date", "day the payer received the claim"),
    "claim_billed": ("money", "total charge of the claim"),
    "claim_paid": ("money", "payment on the claim"),
    "patient_responsibility": ("money", "patient responsibility of the claim"),
    "case_status": ("word", "whether the case is open or closed"),
    "owner": ("text", "work queue or team that holds the case"),
    "stage": ("word", "what was asked for: payment, prior authorization, ..."),
    "line_number": ("id", "number of the line on the claim"),
    "line_control_number": ("id", "our number for the line (REF 6R)"),
    "procedure_code": ("code", "CPT or HCPCS, with or without its modifiers"),
    "modifiers": ("code", "modifiers"),
    "revenue_code": ("code", "revenue code"),
    "diagnosis_code": ("code", "principal diagnosis"),
    "units": ("number", "units of service"),
    "billed": ("money", "charge of the line, or of the claim where the row names no line"),
    "allowed": ("money", "allowed amount of the line"),
    "paid": ("money", "payment on the line"),
    "group_code": ("word", "claim adjustment group code"),
    "carc": ("code", "claim adjustment reason code, with or without its group code"),
    "rarc": ("code", "remittance advice remark codes"),
    "denial_text": ("text", "the reason in words"),
    "denied_amount": ("money", "amount of the adjustment"),
    "quantity": ("number", "quantity of the adjustment"),
    "appeal_level": ("text", "level of the appeal on file"),
    "appeal_filed": ("date", "day it was filed"),
    "appeal_decided": ("date", "day it was decided"),
    "appeal_outcome": ("word", "how it was decided"),
    "recovered": ("money", "paid after the decision"),
}

# May stand in several columns of one export ("Remark Code 1", "Remark Code 2").
SEVERAL = frozenset({"rarc", "modifiers"})

# The words that each `word` column may become. `undecided` and the like map to nothing.
WORDS: dict[str, frozenset[str]] = {
    "contracted": frozenset({"contracted", "not_contracted"}),
    "case_status": frozenset({"open", "closed"}),
    "stage": frozenset(
        {"pre_service", "prior_authorization", "payment", "part_b_drug", "concurrent"}
    ),
    "appeal_outcome": frozenset(
        {
            "overturned",
            "partly_overturned",
            "upheld",
            "dismissed",
            "withdrawn",
            "in_progress",
            "not_appealed",
            "undecided",
        }
    ),  # fmt: skip
    "claim_status": frozenset({"denied", "paid", "pending"}),
    "group_code": frozenset({"CO", "PR", "OA", "PI", "CR"}),
}

# Words of an outcome that say none: an appeal goes on, there is none, or neither is known.
NO_OUTCOME = frozenset({"undecided", "in_progress", "not_appealed"})

DateForm = Literal["iso", "compact", "us", "us_two_digit_year", "day_month_name", "excel_serial"]


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the headings or words of a layout come from, and how they are known."""

    says: str
    source: str
    verified_on: str
    status: Literal["V", "V2", "M"]


class Need(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Columns of which an export must, or should, have at least one, and what needs them."""

    any_of: tuple[str, ...]
    because: str


class Layout(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How one system's denial export is read."""

    id: str
    name: str
    says: str
    sources: tuple[Source, ...]
    columns: dict[str, tuple[str, ...]]
    from_memory: dict[str, tuple[str, ...]] = {}
    required: tuple[Need, ...]
    wanted: tuple[Need, ...] = ()
    missing: tuple[str, ...] = ()
    dates: tuple[DateForm, ...]
    two_digit_years: Literal["2000-2099"] = "2000-2099"
    date_order: Literal["", "month_first", "day_first"] = ""  # '': as each column shows
    # as_835 turns a column whose every amount is negative; as_written never does
    money_sign: Literal["as_835", "credits_negative", "as_written"] = "as_835"
    leave_out: dict[str, tuple[str, ...]] = {}  # heading -> words; such a row is no denial
    total_line_numbers: tuple[str, ...] = ()  # such a row sums up others
    claim_line_numbers: tuple[str, ...] = ()  # such a row is about the whole claim
    words_of: str = ""
    programs: dict[str, tuple[str, ...]] = {}
    words: dict[str, dict[str, tuple[str, ...]]] = {}
    levels: dict[str, dict[str, tuple[str, ...]]] = {}

    def __post_init__(self) -> None:
        known = set(COLUMNS)
        used = set(self.columns) | set(self.from_memory)
        for need in (*self.required, *self.wanted):
            used |= set(need.any_of)
        if used - known:
            raise ValueError(f"no column of ours is called {sorted(used - known)}")
        if set(self.words) - set(WORDS):
            raise ValueError(
                f"words: no column of ours is called {sorted(set(self.words) - set(WORDS))}"
            )
        for column, words in self.words.items():
            if set(words) - WORDS[column]:
                raise ValueError(
                    f"words of {column}: {sorted(set(words) - WORDS[column])} is none of ours"
                )
        seen: dict[str, str] = {}
        for column, heading in _headings(self):
            if not plain(heading):
                raise ValueError(f"{column}: a heading has neither letter nor digit")
            if seen.setdefault(plain(heading), column) != column:
                raise ValueError(f"heading {heading!r} stands for two of our columns")


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """A layout laid over a row of headings: our column -> positions in the row, from 0."""

    layout: Layout
    row: int
    positions: dict[str, tuple[int, ...]]
    leave_out: dict[int, frozenset[str]] = {}
    # further adjustments beside the first in the same row: our column -> position, one each
    adjustments: tuple[dict[str, int], ...] = ()

    @property
    def lacking(self) -> tuple[Need, ...]:
        """The needs that no heading meets."""
        return tuple(n for n in self.layout.required if not set(n.any_of) & set(self.positions))


def plain(text: str) -> str:
    """Return the text in lower case with only its letters and digits."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def layouts() -> tuple[str, ...]:
    """Return the ids of the layouts on file."""
    return names("layouts")


@cache
def layout(name: str) -> Layout:
    """Return a layout by its id; `ExportError` names the layouts on file where there is none.

    A layout with `words_of` takes every table of words it does not have itself from that layout.
    """
    if name not in layouts():
        raise ExportError(
            f"no layout has the name that was given; the layouts on file are {', '.join(layouts())}"
        )
    found: Layout = read(RULES / "layouts" / f"{name}.yaml", Layout)
    if found.id != name:
        raise RulesError(f"layouts/{name}.yaml: its id is not the name of the file")
    if found.words_of:
        base = layout(found.words_of)
        found = msgspec.structs.replace(
            found,
            programs=found.programs or base.programs,
            words=base.words | found.words,
            levels=found.levels or base.levels,
            missing=found.missing or base.missing,
        )
    word_table(found, "program")
    for column in found.words:
        word_table(found, column)
    return found


def word_table(chosen: Layout, column: str) -> dict[str, str]:
    """Return normalized word -> ours for `program` or a `word` column; exact matches only."""
    groups = chosen.programs if column == "program" else chosen.words.get(column, {})
    table: dict[str, str] = {}
    for ours, words in groups.items():
        for word in (ours, *words):
            if table.setdefault(plain(word), ours) != ours:
                raise RulesError(
                    f"layout {chosen.id}: {column}: {word!r} stands for two of our words"
                )
    return table


def level_table(chosen: Layout) -> dict[tuple[str, str], str]:
    """Return (program, normalized word) -> level id.

    Program '' holds the words that mean the same level in every program that knows them: these
    are all that can be read where the program is unknown.
    """
    table: dict[tuple[str, str], str] = {}
    anywhere: dict[str, set[str]] = {}
    for program, levels in chosen.levels.items():
        for level, words in levels.items():
            for word in (level, *words):
                key = (program, plain(word))
                if table.setdefault(key, level) != level:
                    raise RulesError(f"layout {chosen.id}: {program}: {word!r} is two levels")
                anywhere.setdefault(key[1], set()).add(level)
    table.update({("", w): min(ids) for w, ids in anywhere.items() if len(ids) == 1})
    return table


def lay_over(chosen: Layout, headings: list[str], *, row: int) -> Match:
    """Return which of the headings the layout knows."""
    ours = _heading_table(chosen.id)
    positions: dict[str, tuple[int, ...]] = {}
    for position, heading in enumerate(headings):
        column = ours.get(plain(heading))
        if column:
            positions[column] = (*positions.get(column, ()), position)
    drop = {plain(h): frozenset(map(plain, words)) for h, words in chosen.leave_out.items()}
    leave_out = {i: drop[plain(h)] for i, h in enumerate(headings) if plain(h) in drop}
    return Match(layout=chosen, row=row, positions=positions, leave_out=leave_out)


def choose(rows: list[list[str]], *, name: str | None, where: str) -> Match:
    """Return the layout and the heading row that fit, looking through the first rows of a sheet.

    Each candidate is one layout on one row; the most headings known wins, and of two rows of the
    same layout the first. Two layouts that fit equally well, or none that has its required
    columns, raise `ExportError`. `where` names the file (and sheet).
    """
    candidates = []
    for chosen in (layout(n) for n in ([name] if name else layouts())):
        laid = [lay_over(chosen, headings, row=row) for row, headings in enumerate(rows, start=1)]
        if laid:
            candidates.append(max(laid, key=lambda m: (not m.lacking, _known(m), -m.row)))
    fit = [m for m in candidates if not m.lacking]
    if not fit:
        raise ExportError(_no_fit(candidates, name=name, where=where, rows=len(rows)))
    best = max(_known(m) for m in fit)
    winners = [m for m in fit if _known(m) == best]
    if len(winners) > 1:
        ids = " and ".join(m.layout.id for m in winners)
        raise ExportError(
            f"{where}, row {winners[0].row}: the headings fit the layouts {ids} equally well; "
            "name the layout to use (--layout)"
        )
    _refuse_twins(winners[0], where=where)
    return winners[0]


def letters(position: int) -> str:
    """Return a column's letters as a spreadsheet shows them; position counts from 0."""
    text = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        text = chr(65 + rest) + text
    return text


def _headings(chosen: Layout):
    for table in (chosen.columns, chosen.from_memory):
        for column, headings in table.items():
            # our own column name is always a heading too
            yield from ((column, heading) for heading in headings)
    for column in COLUMNS:
        yield column, column


@cache
def _heading_table(name: str) -> dict[str, str]:
    return {plain(heading): column for column, heading in _headings(layout(name))}


def _known(match: Match) -> int:
    return sum(len(p) for p in match.positions.values())


def _refuse_twins(match: Match, *, where: str) -> None:
    for column, positions in match.positions.items():
        if len(positions) > 1 and column not in SEVERAL:
            at = " and ".join(letters(p) for p in positions)
            raise ExportError(
                f"{where}, row {match.row}, columns {at}: both are our column {column} in layout "
                f"{match.layout.id}; rename or delete one of them"
            )


def _no_fit(candidates: list[Match], *, name: str | None, where: str, rows: int) -> str:
    nearest = max(candidates, key=_known, default=None)
    if nearest is None or (not name and _known(nearest) < 3):
        return (
            f"{where}: none of the first {rows} rows holds headings that a layout knows; put the "
            f"headings in one row, or write a layout for this system (on file: {', '.join(layouts())})"
        )
    lacking = "; ".join(
        f"{' or '.join(n.any_of)} ({n.because}), headed for instance "
        f"'{_example(nearest.layout, n.any_of[0])}'"
        for n in nearest.lacking
    )
    return (
        f"{where}, row {nearest.row}: layout {nearest.layout.id} finds no column for {lacking}; "
        "add the column to the export, or name another layout"
    )


def _example(chosen: Layout, column: str) -> str:
    return next(iter(chosen.columns.get(column, ()) or chosen.from_memory.get(column, ())), column)
