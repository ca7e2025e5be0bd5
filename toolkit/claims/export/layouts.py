"""Which heading of an export is which of our columns: one YAML file per layout, read strictly.

The package's layouts are in `toolkit/rules/layouts`, those of one's own in `local/layouts`; the
folders are the registries. Headings are compared with case, spaces and punctuation ignored, then
with their abbreviations written out (`toolkit.hospital.heading_words`); nothing is read by likeness.
"""

from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from toolkit.errors import ExportError, LocalFileError, RulesError, not_opened
from toolkit.hospital.heading_words import Key, Provenance, exact_only, keys, speaks_of_denials
from toolkit.hospital.places import local_folder
from toolkit.law.model import program_names
from toolkit.rules import RULES, names, read
from toolkit.rules.words import plain

_OF_BILLING = "is a billing export without reason codes: it shows what was billed, paid, unpaid and unanswered, not what was denied or why; a claim paid nothing or in part is not a denial unless its status says so"
BASE = "generic"

Kind = Literal["text", "id", "code", "word", "date", "money", "number"]

# Our columns of an export row: its kind and what it means. An export row is one denial: one
# adjustment on a claim or on a claim line, with the appeal that was filed against it, if any.
COLUMNS: dict[str, tuple[Kind, str]] = {
    "patient_control_number": ("id", "our claim or account number, as sent to the payer"),
    "payer_claim_control_number": ("id", "the payer's claim number (ICN)"),
    "original_reference": ("id", "the payer's number of the claim that this one replaces (REF F8)"),
    "frequency_code": (
        "code",
        "1 original, 7 replacement, 8 void; of a type of bill its last digit",
    ),
    "patient_name": ("text", "the patient's name"),
    "patient_last_name": ("text", "the patient's last name, if in a column of its own"),
    "patient_first_name": ("text", "the patient's first name, if in a column of its own"),
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
    "billed_on": ("date", "day the claim was billed, for a balance"),
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

# What a billing layout never reads: what a denial, and only a denial, has.
OF_DENIALS = frozenset(
    {
        "notice_date", "notice_received", "case_status", "stage", "group_code", "carc", "rarc",
        "denial_text", "denied_amount", "quantity", "appeal_level", "appeal_filed",
        "appeal_decided", "appeal_outcome", "recovered",
    }
)  # fmt: skip

# How a case is closed in the hospital's own system: `closed` where it does not say how.
CLOSED = frozenset({"closed", "paid", "written_off", "zero_balance"})

# The words that each `word` column may become. `undecided` and the like map to nothing.
WORDS: dict[str, frozenset[str]] = {
    "contracted": frozenset({"contracted", "not_contracted"}),
    "case_status": frozenset({"open", *CLOSED}),
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


class Need(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Columns of which an export must, or should, have at least one, and what needs them."""

    any_of: tuple[str, ...]
    because: str


class LayoutFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the YAML file of a layout says. One of your own may give only `columns`.

    The headings of a column are in order of preference: where an export has two of them, the
    earlier is read and the other is named as passed over.
    """

    id: str = ""
    name: str = ""
    says: str = ""
    kind: Literal["denials", "billing"] = "denials"  # billing: no denials in it, claims only
    sources: tuple[Provenance, ...] = ()
    columns: dict[str, tuple[str, ...]]
    from_memory: dict[str, tuple[str, ...]] = {}
    # the layout whose headings are read for columns that this one leaves out, or none
    columns_of: str = ""
    not_read: tuple[str, ...] = ()  # headings that are known and left unread
    required: tuple[Need, ...] = ()
    wanted: tuple[Need, ...] = ()
    missing: tuple[str, ...] = ()
    two_digit_years: Literal["2000-2099"] = "2000-2099"
    date_order: Literal["", "month_first", "day_first"] = ""  # '': as each column shows
    # as_835 turns a column whose every amount is negative; as_written never does
    money_sign: Literal["as_835", "credits_negative", "as_written"] = "as_835"
    leave_out: dict[str, tuple[str, ...]] = {}  # heading -> words; such a row is not a denial
    total_line_numbers: tuple[str, ...] = ()  # such a row sums up others
    claim_line_numbers: tuple[str, ...] = ()  # such a row is about the whole claim
    words_of: str = ""
    programs: dict[str, tuple[str, ...]] = {}
    words: dict[str, dict[str, tuple[str, ...]]] = {}
    levels: dict[str, dict[str, tuple[str, ...]]] = {}
    appeal_words: tuple[str, ...] = ()  # outcomes that speak of an appeal whatever the heading
    appeal_statuses: tuple[str, ...] = ()  # case statuses that say that there is an appeal

    def listed(self) -> Iterator[tuple[str, str]]:
        """Yield each heading that is known, after the column it stands for."""
        for table in (self.columns, self.from_memory):
            for column, headings in table.items():
                yield from ((column, heading) for heading in headings)

    def __post_init__(self) -> None:
        known = set(COLUMNS) - (OF_DENIALS if self.kind == "billing" else set())
        used = set(self.columns) | set(self.from_memory)
        for need in (*self.required, *self.wanted):
            used |= set(need.any_of)
        if used - known:
            kind = "billing layout has a" if self.kind == "billing" else "layout has a"
            raise ValueError(f"no {kind} column called {sorted(used - known)}")
        if set(self.words) - set(WORDS):
            raise ValueError(f"words: no column is called {sorted(set(self.words) - set(WORDS))}")
        for column, words in self.words.items():
            if set(words) - WORDS[column]:
                raise ValueError(
                    f"words of {column}: {sorted(set(words) - WORDS[column])} is not among the known ones"
                )
        seen: dict[str, str] = {}
        for column, heading in self.listed():
            if not plain(heading):
                raise ValueError(f"{column}: a heading has neither letter nor digit")
            if seen.setdefault(plain(heading), column) != column:
                raise ValueError(f"heading {heading!r} is listed for two columns")


class Layout(LayoutFile, frozen=True, kw_only=True):
    """How one system's export is read: a layout file with all that it takes from others.

    `own` are the headings that a file of one's own lists itself, normalized; it is empty for a
    layout of the package.
    """

    own: frozenset[str] = frozenset()

    def __hash__(self) -> int:
        return hash((self.id, self.own))


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """A layout laid over a row of headings: our column -> positions in the row, from 0.

    `passed_over` are positions of further headings that fit a column, which are not read.
    `written_out` are positions whose headings are known only with their abbreviations written out.
    """

    layout: Layout
    row: int
    positions: dict[str, tuple[int, ...]]
    leave_out: dict[int, frozenset[str]] = {}
    # further adjustments beside the first in the same row: our column -> position, one each
    adjustments: tuple[dict[str, int], ...] = ()
    passed_over: dict[str, tuple[int, ...]] = {}
    written_out: frozenset[int] = frozenset()
    not_read: tuple[int, ...] = ()

    @property
    def lacking(self) -> tuple[Need, ...]:
        """The needs that no heading meets."""
        return tuple(n for n in self.layout.required if not set(n.any_of) & set(self.positions))

    @property
    def is_billing(self) -> bool:
        """Whether the rows are billed claims or lines, and none of them states a denial."""
        return self.layout.kind == "billing"

    @property
    def columns_at(self) -> dict[int, str]:
        """Our column by position."""
        return {p: column for column, ps in self.positions.items() for p in ps}

    @property
    def fit(self) -> int:
        """How well the headings fit: 2 for one that is known as written, 1 for one written out."""
        read = self.columns_at
        exact = len(read.keys() - self.written_out) + len(self.not_read)
        return 2 * exact + len(read.keys() & self.written_out)


# What may be asked for as a layout: an id, a YAML file, a layout, or what finds headings itself.
Choice = str | Path | Layout | Callable[[list[list[str]], str], Match] | None


def layouts() -> tuple[str, ...]:
    """Return the ids of the package's layouts."""
    return names("layouts")


def own_layouts() -> dict[str, Layout]:
    """Return the layouts of local/layouts by id; LocalFileError names a file that is not one."""
    found: dict[str, Layout] = {}
    for path in sorted((local_folder() / "layouts").glob("*.yaml")):
        chosen = layout_file(path)
        if chosen.id in found or chosen.id in layouts():
            raise LocalFileError(f"{path.name}: another layout has the same id; give it its own")
        found[chosen.id] = chosen
    return found


def layout(name: str | Path) -> Layout:
    """Return a layout by its id, or the one of a YAML file.

    `ExportError` names the layouts there are; LocalFileError the file and the field that is wrong.
    """
    if isinstance(name, str) and name in layouts():
        return _of_package(name)
    if isinstance(name, Path) or name.lower().endswith((".yaml", ".yml")):
        return layout_file(Path(name))
    own = own_layouts()
    if name not in own:
        raise ExportError(
            "there is no layout with this name; the layouts are "
            f"{', '.join((*layouts(), *own))}; or name a YAML file of your own"
        )
    return own[name]


def layout_file(path: Path) -> Layout:
    """Return the layout of a YAML file of one's own.

    What it leaves out is taken from the generic layout: words, programs, levels,
    what is required, and the headings of columns that it does not name. Its id is its file's name
    where it gives none. Raises LocalFileError naming the file and the field.
    """
    try:
        state = path.stat()
        return _read_file(str(path), state.st_mtime_ns, state.st_size)
    except OSError as error:
        raise LocalFileError(f"{path.name}: cannot be read ({not_opened(error)})") from None


@lru_cache(maxsize=64)
def _read_file(path: str, changed: int, size: int) -> Layout:
    file = Path(path)
    try:
        found: LayoutFile = read(file, LayoutFile)
        base = "billing" if found.kind == "billing" else BASE
        return _complete(
            msgspec.structs.replace(
                found,
                id=found.id or file.stem,
                columns_of=found.columns_of or base,
                words_of=found.words_of or BASE,
            ),
            file.name,
            own=frozenset(plain(heading) for _, heading in found.listed()),
        )
    except RulesError as error:  # the file is not ours, and neither is the fault
        raise LocalFileError(str(error)) from None


@cache
def _of_package(name: str) -> Layout:
    found: LayoutFile = read(RULES / "layouts" / f"{name}.yaml", LayoutFile)
    if found.id != name:
        raise RulesError(f"layouts/{name}.yaml: its id is not the name of the file")
    return _complete(found, f"layouts/{name}.yaml")


def _complete(found: LayoutFile, file: str, *, own: frozenset[str] = frozenset()) -> Layout:
    """Return a layout with what it takes from the layouts that it names.

    A word that it states itself is never given another meaning by those.
    """
    for field in ("words_of", "columns_of"):
        if getattr(found, field) not in ("", "none", *layouts()):
            raise RulesError(f"{file}: {field} names no layout; there are {', '.join(layouts())}")
    fields: dict[str, Any] = msgspec.structs.asdict(found)
    if found.words_of not in ("", "none"):
        base = _of_package(found.words_of)
        for name in ("missing", "appeal_words", "appeal_statuses"):
            fields[name] = fields[name] or getattr(base, name)
        fields["programs"] = _with_words(found.programs, base.programs)
        for name in ("words", "levels"):
            fields[name] = _with_tables(getattr(found, name), getattr(base, name))
    elif not found.words_of:
        fields |= _with_names(found)
    if found.columns_of not in ("", "none"):
        fields |= _with_columns(found, _of_package(found.columns_of))
    if not fields["required"]:
        fields["required"] = _of_package("billing" if found.kind == "billing" else BASE).required
    chosen = Layout(**fields, own=own)
    word_table(chosen, "program")
    for column in chosen.words:
        word_table(chosen, column)
    return chosen


def _with_words(
    mine: dict[str, tuple[str, ...]], theirs: dict[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    taken = {plain(word) for ours, words in mine.items() for word in (ours, *words)}
    more = {
        ours: tuple(word for word in words if plain(word) not in taken)
        for ours, words in theirs.items()
    }
    return {ours: mine.get(ours, ()) + more.get(ours, ()) for ours in theirs | mine}


def _with_tables(mine: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    return {key: _with_words(mine.get(key, {}), theirs.get(key, {})) for key in theirs | mine}


def _with_names(found: LayoutFile) -> dict[str, Any]:
    """Return the words of programs and of levels with the names that their own rules give them."""
    programs = {one.program: one.words for one in program_names()}
    levels = {
        one.program: {level.id: (level.name,) for level in one.levels} for one in program_names()
    }
    return {
        "programs": _with_words(found.programs, programs),
        "levels": _with_tables(found.levels, levels),
    }


def _with_columns(found: LayoutFile, base: Layout) -> dict[str, Any]:
    """Return the columns of a layout and, for those that it does not name, the other's headings."""
    taken = {plain(heading) for _, heading in found.listed()} | set(map(plain, found.not_read))
    taken_words = {keys(heading)[0] for _, heading in found.listed()}
    stated = set(found.columns) | set(found.from_memory)
    tables = {}
    for name in ("columns", "from_memory"):
        more = {
            column: tuple(
                h for h in headings if plain(h) not in taken and keys(h)[0] not in taken_words
            )
            for column, headings in getattr(base, name).items()
            if column not in stated and not (found.kind == "billing" and column in OF_DENIALS)
        }
        tables[name] = getattr(found, name) | more
    return tables | {"wanted": found.wanted or base.wanted}


def word_table(chosen: Layout, column: str) -> dict[str, str]:
    """Return normalized word -> ours for `program` or a `word` column; exact matches only."""
    groups = chosen.programs if column == "program" else chosen.words.get(column, {})
    table: dict[str, str] = {}
    for ours, words in groups.items():
        for word in (ours, *words):
            if table.setdefault(plain(word), ours) != ours:
                raise RulesError(f"layout {chosen.id}: {column}: {word!r} is listed for two words")
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


def column_of(chosen: Layout, heading: str) -> tuple[str, int, bool] | None:
    """Return our column of a heading, its rank among the column's headings, whether written out.

    A lower rank is preferred; None if the layout does not know the heading, or knows two
    columns for it.
    """
    exact, by_words, left = _tables(chosen)
    text = plain(heading)
    if text in left:
        return None
    if text in exact:
        return (*exact[text], False)
    found = {}
    for key in keys(heading):
        place = by_words.get(key)
        if place is None and key.number:
            place = by_words.get(key.without_number())
            if place and place[0] not in SEVERAL:
                place = None
        if place:
            found.setdefault(place[0], place[1])
    if len(found) != 1:
        return None
    ((column, rank),) = found.items()
    return column, len(exact) + rank, True


def lay_over(chosen: Layout, headings: list[str], *, row: int) -> Match:
    """Return which of the headings the layout knows, and which of two for one column is read.

    The heading that is earlier in the layout's list is read; of the same heading twice, the first.
    """
    found: dict[str, list[tuple[int, int]]] = {}
    written_out = set()
    for position, heading in enumerate(headings):
        place = column_of(chosen, heading)
        if place and not _is_one_of_many(place[0], position, headings):
            found.setdefault(place[0], []).append((place[1], position))
            if place[2]:
                written_out.add(position)
    positions: dict[str, tuple[int, ...]] = {}
    passed_over: dict[str, tuple[int, ...]] = {}
    for column, ranked in found.items():
        first, *others = (position for _, position in sorted(ranked))
        if column in SEVERAL:
            positions[column] = tuple(sorted((first, *others)))
            continue
        positions[column] = (first,)
        if others:
            passed_over[column] = tuple(others)
    drop, left = _left_out(chosen)
    return Match(
        layout=chosen,
        row=row,
        positions=positions,
        leave_out={i: drop[plain(h)] for i, h in enumerate(headings) if plain(h) in drop},
        passed_over=passed_over,
        written_out=frozenset(written_out),
        not_read=tuple(i for i, h in enumerate(headings) if plain(h) in left),
    )


def choose(rows: list[list[str]], *, name: Choice, where: str) -> Match:
    """Return the layout and the heading row that fit, looking through the first rows of a sheet.

    Each candidate is one layout on one row; the best fit wins, and of two rows of the same layout
    the first. A layout of billed claims is taken only if no layout of denials fits. Layouts
    that fit equally well and read a heading differently, or none that has its required columns,
    raise `ExportError`. `where` names the file (and sheet).
    """
    if callable(name) and not isinstance(name, Layout):
        return name(rows, where)
    if isinstance(name, Layout):
        tried = [name]
    elif name:
        tried = [layout(name)]
    else:
        tried = [*own_layouts().values(), *map(_of_package, layouts())]
    candidates = []
    for chosen in tried:
        laid = [lay_over(chosen, headings, row=row) for row, headings in enumerate(rows, start=1)]
        if not name:
            laid = [m for m in laid if _may_be_taken(m, rows[m.row - 1])]
        if laid:
            candidates.append(max(laid, key=lambda m: (not m.lacking, m.fit, -m.row)))
    fit = [m for m in candidates if not m.lacking]
    if not fit:
        raise ExportError(_no_fit(candidates, rows, name=name, where=where))
    fit = [m for m in fit if not m.is_billing] or fit
    best = max(m.fit for m in fit)
    winners = sorted((m for m in fit if m.fit == best), key=_preferred)
    _refuse_conflict(winners, where=where)
    return winners[0]


def notes_on(match: Match) -> list[tuple[None, str, str, str]]:
    """Return the findings on what was chosen: a billing export's limits, columns passed over.

    Each is (None, column, code, says).
    """
    read = [p for one in match.adjustments for p in one.values()]
    notes: list[tuple[None, str, str, str]] = []
    if match.is_billing:
        notes.append((None, "", "billing_export", _OF_BILLING))
    for column, others in match.passed_over.items():
        others = [p for p in others if p not in read]
        if others:
            at = " and ".join(letters(p) for p in others)
            taken = letters(match.positions[column][0])
            says = (
                f"column {taken} is read as {column}; column{'s' * (len(others) > 1)} {at} would "
                "also be that and was not read: to read another, name its heading in a layout of "
                "your own (toolkit map FILE --out local/layouts/NAME.yaml)"
            )
            notes.append((None, column, "column_passed_over", says))
    return notes


def letters(position: int) -> str:
    """Return a column's letters as a spreadsheet shows them; position counts from 0."""
    text = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        text = chr(65 + rest) + text
    return text


@lru_cache(maxsize=256)
def _tables(
    chosen: Layout,
) -> tuple[dict[str, tuple[str, int]], dict[Key, tuple[str, int] | None], frozenset[str]]:
    """Return (column, rank) by normalized heading and by written-out words, and what is left unread.

    Words that are two columns' are None. Our own column names are headings too: the preferred ones,
    except where a file of one's own names others.
    """
    exact: dict[str, tuple[str, int]] = {}
    by_words: dict[Key, tuple[str, int] | None] = {}
    for rank, (column, heading) in enumerate(chosen.listed(), start=1):
        exact.setdefault(plain(heading), (column, rank))
        key = keys(heading)[0]
        if key in exact_only():
            continue
        other = by_words.setdefault(key, (column, rank))
        if other is None or other[0] != column:
            by_words[key] = None
    stated = {column for column, heading in chosen.listed() if plain(heading) in chosen.own}
    for column in () if chosen.own and chosen.columns_of == "none" else COLUMNS:
        if chosen.kind == "billing" and column in OF_DENIALS:
            continue
        if exact.get(plain(column), (column,))[0] == column:
            exact[plain(column)] = (column, len(exact) + 1 if column in stated else 0)
    left = frozenset(map(plain, (*chosen.not_read, *chosen.leave_out)))
    return exact, by_words, left - {plain(h) for _, h in chosen.listed()}


@lru_cache(maxsize=256)
def _left_out(chosen: Layout) -> tuple[dict[str, frozenset[str]], frozenset[str]]:
    """Return by normalized heading the words whose rows are left out, and the headings not read."""
    drop = {plain(h): frozenset(map(plain, words)) for h, words in chosen.leave_out.items()}
    return drop, frozenset(map(plain, chosen.not_read))


def _is_one_of_many(column: str, position: int, headings: list[str]) -> bool:
    """Return whether a numbered heading (`CPT 4`) has siblings of other numbers beside it."""
    key = keys(headings[position])[0] if headings[position].strip()[-1:].isdigit() else None
    if column in SEVERAL or key is None or not key.number:
        return False
    return any(
        other.number not in ("", key.number) and other.without_number() == key.without_number()
        for heading in headings
        for other in keys(heading)[:1]
    )


_REASONS = ("carc", "rarc", "denial_text", "group_code")
_A_REASON = 85  # of 100: so like the heading of a reason that the table may hold denials


def _may_be_taken(match: Match, headings: list[str]) -> bool:
    """Return whether a layout that nobody named may be taken for the headings.

    One's own has to find a heading that it lists itself; a billing layout is not taken where
    headings speak of denials that no layout could read.
    """
    if match.layout.own and not match.layout.own & set(map(plain, headings)):
        return False
    if not match.is_billing or match.lacking:
        return True
    from toolkit.claims.export.likeness import likely  # loaded only where a heading is not known

    return not speaks_of_denials(headings) and not any(
        guess.score >= _A_REASON
        for heading in headings
        for guess in likely(_of_package(BASE).listed(), heading, columns=_REASONS)
    )


def _preferred(match: Match) -> tuple:
    """Return the order of layouts that fit equally well: one's own, then the one for any system."""
    chosen = match.layout
    return not chosen.own, chosen.id != BASE, chosen.id


def _refuse_conflict(winners: list[Match], *, where: str) -> None:
    """Refuse layouts that fit equally well and read a heading, or find a column, differently."""
    first = winners[0]
    for other in [] if first.layout.own else winners[1:]:
        at, there = first.columns_at, other.columns_at
        apart = sorted(p for p in at.keys() & there.keys() if at[p] != there[p])
        for column in first.positions.keys() & other.positions.keys():
            if first.positions[column] != other.positions[column]:
                apart += other.positions[column]
        if apart:
            raise ExportError(
                f"{where}, row {first.row}: the headings fit the layouts {first.layout.id} and "
                f"{other.layout.id} equally well, but read column {letters(min(apart))} "
                "differently; name the layout to use (--layout)"
            )


def _no_fit(candidates: list[Match], rows: list[list[str]], *, name: Choice, where: str) -> str:
    nearest = max(candidates, key=lambda m: (len(m.columns_at), m.fit), default=None)
    if nearest is None or (not name and len(nearest.columns_at) < 3):
        there = ", ".join((*layouts(), *own_layouts()))
        return (
            f"{where}: none of the first {len(rows)} rows has headings that a layout knows "
            f"({there}); {_way_out(where)}"
        )
    lacking = "; ".join(
        f"{' or '.join(n.any_of)} ({n.because}), headed for instance '{_example(n.any_of[0])}'"
        for n in nearest.lacking
    )
    return (
        f"{where}, row {nearest.row}: layout {nearest.layout.id} finds no column for {lacking}; "
        f"{_meant(nearest, rows[nearest.row - 1])}add the column to the export, or "
        f"{'name its heading in that layout' if nearest.layout.own else _way_out(where)}"
    )


def _way_out(where: str) -> str:
    file = where.partition(", sheet ")[0]
    return (
        f"run `toolkit map {file!r} --out local/layouts/NAME.yaml`, correct what it proposes, and "
        "read the file again with `--layout local/layouts/NAME.yaml`"
    )


def _meant(nearest: Match, headings: list[str]) -> str:
    """Return which columns look like those that are lacking: by their letters, never their words."""
    from toolkit.claims.export.likeness import likely

    lacking = {column for need in nearest.lacking for column in need.any_of}
    read = nearest.columns_at
    found = [
        f"column {letters(position)} may be {guess.column}"
        for position, heading in enumerate(headings)
        if position not in read
        for guess in likely(_of_package(BASE).listed(), heading, columns=lacking)[:1]
    ]
    return f"{', '.join(found)}: " if found else ""


def _example(column: str) -> str:
    return next(iter(_of_package(BASE).columns.get(column, ())), column)
