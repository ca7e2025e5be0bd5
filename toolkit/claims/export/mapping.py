"""A column map for an export of an unknown system: proposed here, corrected by people, then read.

Of a file's cells only kinds, counts and lengths leave this module, of its dates only the months;
never a value. What a layout knows, as written or with its abbreviations written out, is proposed as
read; what is merely like a known heading is proposed in a comment, for a person to decide.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from toolkit.claims.export import cells as read_cells
from toolkit.claims.export.headings import find_headings, first_of_each
from toolkit.claims.export.layouts import (
    BASE,
    COLUMNS,
    Match,
    Need,
    choose,
    column_of,
    lay_over,
    layout,
    layouts,
    letters,
    plain,
)
from toolkit.claims.export.likeness import Guess, likely
from toolkit.claims.export.pieces import (
    NotCut,
    Opened,
    open_exports,
    pieces,
    places,
    read_whole,
    sheet_of,
)
from toolkit.claims.export.sheets import Cells, Sheet
from toolkit.errors import ExportError, UsageError
from toolkit.hospital.heading_words import is_word, keys
from toolkit.outputs import whole

EXAMINED = 20_000  # different values of a column that are looked at
_MOST = 0.8  # of the filled cells make a column's kind
_EPOCH = date(1970, 1, 1)
_RECENT = "2000-01"  # days of service and of denials are later

_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_WHOLE_BYTES = 64 << 20  # of a longer file only the first rows are looked at

# The kinds of values that fit a kind of our columns; a proposal that does not fit is not made.
_FITS = {
    "date": {"dates", "numbers"},
    "money": {"amounts", "numbers"},
    "number": {"numbers", "amounts"},
    "id": {"ids", "numbers", "codes", "amounts", "words"},
    "code": {"codes", "numbers", "ids", "words"},
    "word": {"words", "codes", "numbers"},
    "text": {"words", "codes", "ids", "numbers"},
}


@dataclass(frozen=True)
class Values:
    """What the cells of a column are like: shares are of the rows, lengths in characters."""

    kind: str  # dates, amounts, numbers, codes, ids, words, mixed or empty
    kinds: dict[str, float]
    date_forms: dict[str, float]
    filled: float
    different: int
    shortest: int
    longest: int
    first_month: str = ""
    last_month: str = ""


@dataclass(frozen=True)
class Column:
    """One heading of the file and what is proposed for it.

    `state` is read (a layout knows the heading), beside (a further adjustment in the same row),
    passed_over (another heading is preferred for the same column), decide (it is like headings of
    one or more columns) or not_read. `numbered` is the heading without its number, where it is the
    first of several side by side.
    """

    position: int
    heading: str
    state: str
    column: str
    why: str
    score: int
    others: tuple[Guess, ...]
    values: Values
    numbered: str = ""

    @property
    def letter(self) -> str:
        """The column's letters in a spreadsheet."""
        return letters(self.position)


@dataclass(frozen=True)
class Proposal:
    """The column map proposed for one table of a file. `rows` counts those that were checked."""

    table: str
    layout: str
    heading_row: int
    rows: int
    columns: tuple[Column, ...]
    lacking: tuple[Need, ...]
    kind: str = "denials"
    tables: tuple[str, ...] = field(default=())  # all tables of the file that have headings


def propose(path: Path) -> Proposal:
    """Return the map proposed for a file: of its tables, the one whose headings are known best.

    Raises ExportError if the file cannot be read or no row of it looks like headings.
    """
    opened = open_exports(Path(path), layout=_every_column)
    made = [(_laid(one.headings), one) for one in opened]
    match, best = max(made, key=lambda pair: pair[0].fit)
    return _proposal(match, best, tuple(one.name for one in opened))


def as_answer(proposal: Proposal) -> dict:
    """Return a proposal as `toolkit map --json` shows it."""
    return {
        "table": proposal.table,
        "tables": list(proposal.tables),
        "layout": proposal.layout,
        "kind": proposal.kind,
        "heading_row": proposal.heading_row,
        "rows": proposal.rows,
        "columns": [_column_answer(column) for column in proposal.columns],
        "lacking": [list(need.any_of) for need in proposal.lacking],
        "decide": [c.heading for c in proposal.columns if c.state in ("decide", "passed_over")],
    }


def as_yaml(proposal: Proposal, name: str) -> str:
    """Return the proposal as a layout file of one's own, with a comment to each heading."""
    read = [c for c in proposal.columns if c.state == "read"]
    lines = [
        # Without the name of the file, which may be a patient's: a map is kept and passed on.
        "# Column map, proposed by `toolkit map`. Read it, correct it, then read",
        "# files with it: `toolkit read FILE --layout THIS.yaml`. In local/layouts it is found by itself.",
        f"# Headings in row {proposal.heading_row}, {proposal.rows:,} rows below them checked.",
        *_lacking_lines(proposal),
        f"id: {_quoted(name)}",
        *(["kind: billing"] if proposal.kind == "billing" else []),
        "# Only the headings below are read. If a file has two headings of one column, the first in the list is read.",
        "columns_of: none",
        "columns:" if read else "columns: {}",
    ]
    for ours in COLUMNS:
        mine = [c for c in read if c.column == ours]
        if mine:
            lines.append(f"  {ours}:  # {COLUMNS[ours][1]}")
            for c in mine:
                lines.append(f"    - {_quoted(c.heading)}  # {_remark(c)}")
                if c.numbered:
                    lines.append(f"    - {_quoted(c.numbered)}  # the same without its number")
    known = {plain(c.heading) for c in read}
    unread = [
        c for c in proposal.columns
        if c.state not in ("read", "beside") and c.heading and plain(c.heading) not in known
    ]  # fmt: skip
    lines += _undecided_lines([c for c in unread if c.state != "not_read"])
    if unread:
        lines.append(
            "# Headings that are not read. To read one, move it from here to a column above."
        )
        lines.append("not_read:")
        lines += [
            f"  - {_quoted(c.heading)}  # column {c.letter}: {_seen(c.values, birth=_is_birth(c))}"
            for c in unread
        ]
    lines += _choice_lines(read)
    return "\n".join(lines) + "\n"


def write_map(proposal: Proposal, out: Path) -> Path:
    """Write the proposal as a layout file; a file that is there is not replaced.

    Raises UsageError if it is there already, since a person may have corrected it, and for a
    name that no layout of one's own can have.
    """
    if out.suffix.lower() not in (".yaml", ".yml"):
        raise UsageError("--out must end in .yaml or .yml")
    if out.stem in layouts():
        raise UsageError(f"{out.name}: a layout in the package has this name; choose another")
    if out.exists():
        raise UsageError(f"{out.name}: already exists; name another file, or delete it first")
    with whole(out) as made:
        made.write_text(as_yaml(proposal, out.stem), encoding="utf-8")
    return out


# ------------------------------------------------------------------------- which row is the headings


def _every_column(rows: list[list[str]], where: str) -> Match:
    """Return the row of headings with every column wanted, whatever its heading.

    That is the row that a layout fits, else the one that looks most like headings.
    """
    try:
        row = choose(rows, name=None, where=where).row - 1
    except ExportError:
        row = max(range(len(rows)), key=lambda at: (_headingness(rows[at]), -at), default=-1)
        if row < 0 or _headingness(rows[row]) <= 0:
            raise ExportError(
                f"{where}: none of the first {len(rows)} rows looks like headings; put the headings "
                "in one row above the rows"
            ) from None
    every = {at: frozenset({""}) for at in range(len(rows[row]))}
    return Match(layout=layout(BASE), row=row + 1, positions={}, leave_out=every)


def _headingness(cells: list[str]) -> float:
    """Return how much a row looks like headings; 0 if it does not."""
    texts = [cell.strip() for cell in cells if cell.strip()]
    if len(texts) < 2 or len({plain(text) for text in texts}) * 2 < len(texts):
        return 0
    known = sum(_is_heading(text) for text in texts)
    words = sum(any(map(is_word, _words(text))) for text in texts)
    if known < 2 and words < max(2, 0.4 * len(texts)):
        return 0
    values = sum(_looks_like_a_value(text) for text in texts)
    return 3 * known + words - 3 * values


def _words(text: str) -> set[str]:
    return {word for key in keys(text) for word in (*key.words, *key.anywhere)}


def _is_heading(text: str) -> bool:
    return any(column_of(layout(name), text) for name in layouts())


def _looks_like_a_value(text: str) -> bool:
    digits = sum(char.isdigit() for char in text)
    return digits >= 4 or (digits > 0 and not any(char.isalpha() for char in text))


# ----------------------------------------------------------------------------- what the columns hold


def _laid(headings: list[str]) -> Match:
    """Return the layout that fits the headings best, or the generic one where none fits."""
    try:
        return find_headings([headings], layout=None, where="").match
    except ExportError:
        return lay_over(layout(BASE), first_of_each(headings), row=1)


def _proposal(match: Match, opened: Opened, tables: tuple[str, ...]) -> Proposal:
    sheet = _some_rows(opened)
    seen = {at: values_of(cells, len(sheet.rows)) for at, cells in sheet.columns.items()}
    first = first_of_each(opened.headings)
    columns = tuple(
        _column(match, at, heading, first[at], seen[at])
        for at, heading in enumerate(opened.headings)
    )
    return Proposal(
        table=opened.name,
        layout=match.layout.id,
        heading_row=opened.match.row,
        rows=len(sheet.rows),
        columns=columns,
        lacking=match.lacking,
        kind=match.layout.kind,
        tables=tables,
    )


def _some_rows(opened: Opened) -> Sheet:
    """Return the rows of a table, or the first of them where the file is long."""
    if opened.path.stat().st_size > _WHOLE_BYTES:
        try:
            table = next(pieces(opened, next(places(opened)))).table
            return sheet_of(opened, table, np.arange(len(table)))
        except (NotCut, StopIteration):
            pass
    return read_whole(opened).sheet


def _column(match: Match, at: int, heading: str, first: str, values: Values) -> Column:
    read, beside = match.columns_at, {p: c for one in match.adjustments for c, p in one.items()}
    over = {p: column for column, ps in match.passed_over.items() for p in ps if p not in beside}
    known = at in read or at in over or at in beside or _is_heading(heading)
    shown = heading.strip() if known or not _looks_like_a_value(heading) else ""
    if at in beside:
        why = "a further adjustment next to the first, read together with it"
        return Column(at, shown, "beside", beside[at], why, 100, (), values)
    if at in read:
        exact = at not in match.written_out
        why = f"layout {match.layout.id} knows the heading"
        why += "" if exact else ", with its abbreviations written out"
        numbered = "" if plain(first) == plain(heading) else first.strip()
        why += "; the first of several side by side" if numbered else ""
        score, others = 100 if exact else 95, _elsewhere(match, heading)
        return Column(at, shown, "read", read[at], why, score, others, values, numbered)
    if at in over:
        taken = letters(match.positions[over[at]][0])
        why = f"fits {over[at]} too, which is read from column {taken}"
        return Column(at, shown, "passed_over", over[at], why, 95, (), values)
    found = {
        g.column: g
        for g in reversed((*_elsewhere(match, heading), *likely(layout(BASE).listed(), shown)))
    }
    guesses = tuple(
        sorted((g for g in found.values() if _fits(g.column, values)), key=lambda g: -g.score)
    )[:3]
    if guesses and shown:
        why = "like " + " or ".join(guess.heading for guess in guesses)
        return Column(
            at, shown, "decide", guesses[0].column, why, guesses[0].score, guesses, values
        )
    return Column(at, shown, "not_read", "", "no layout knows the heading", 0, (), values)


def _elsewhere(match: Match, heading: str) -> tuple[Guess, ...]:
    """Return the other columns that other layouts read the heading as."""
    mine = column_of(match.layout, heading)
    found: dict[str, Guess] = {}
    for name in layouts():
        place = column_of(layout(name), heading)
        if place and (mine is None or place[0] != mine[0]):
            found.setdefault(place[0], Guess(place[0], f"layout {name}", 90))
    return tuple(found.values())


def _fits(column: str, values: Values) -> bool:
    return values.kind in ("empty", "mixed") or values.kind in _FITS[COLUMNS[column][0]]


def values_of(cells: Cells, rows: int) -> Values:
    """Return what a column's cells are like; `rows` are all, blank ones too."""
    counts = np.bincount(
        np.asarray(cells.codes, dtype=np.int64) + 1, minlength=len(cells.values) + 1
    )[1:]
    filled = int(counts.sum())
    kinds: dict[str, int] = {}
    forms: dict[str, int] = {}
    dated: list[str] = []
    for value, count in list(zip(cells.values, counts.tolist(), strict=True))[:EXAMINED]:
        kind, form = kind_of_value(value)
        kinds[kind] = kinds.get(kind, 0) + count
        if kind == "dates":
            forms[form] = forms.get(form, 0) + count
            dated.append(value)
    looked = sum(kinds.values()) or 1
    shares = {kind: count / looked for kind, count in sorted(kinds.items(), key=lambda kv: -kv[1])}
    main = next(iter(shares), "empty")
    lengths = [len(value) for value in cells.values] or [0]
    months = _months(dated, day_first=any(form.startswith("DD") for form in forms))
    return Values(
        kind=main if main == "empty" or shares[main] >= _MOST else "mixed",
        kinds={kind: round(share, 3) for kind, share in shares.items()},
        date_forms={form: round(count / looked, 3) for form, count in sorted(forms.items())},
        filled=round(filled / rows, 3) if rows else 0.0,
        different=len(cells.values),
        shortest=min(lengths),
        longest=max(lengths),
        first_month=months[0],
        last_month=months[1],
    )


def kind_of_value(text: str) -> tuple[str, str]:
    """Return the kind of one value, and of a date its form."""
    form = _date_form(text)
    if form:
        return "dates", form
    if not read_cells.read_money(text)[1]:
        return ("amounts" if any(c in text for c in ".$(,") else "numbers"), ""
    letters_in = sum(char.isalpha() for char in text)
    if any(char.isdigit() for char in text) and " " not in text.strip():
        return ("codes" if len(text) <= 7 else "ids"), ""
    return ("codes" if 0 < letters_in <= 3 and text.isupper() else "words"), ""


def _date_form(text: str) -> str:
    """Return the form of a date (YYYY-MM-DD, MM/DD/YYYY, DD/MM/YYYY, ...), or ''."""
    day, problem = read_cells.read_date(text, order="either", birth=False, epoch=None)
    if problem or day == read_cells.NOTHING:
        return ""
    head = text.split("T")[0].split(" ")[0]
    parts = [part for part in head.replace("-", "/").replace(".", "/").split("/") if part]
    if head.isdigit():
        return (
            "YYYYMMDD"
            if read_cells.read_date(head[:4] + "-01-01", order="either", birth=False)[1] == ""
            else "MMDDYYYY"
        )
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        return "with the month's name"
    if len(parts[0]) == 4:
        return "YYYY-MM-DD"
    year = "YYYY" if len(parts[2]) == 4 else "YY"
    if int(parts[0]) > 12:
        return f"DD/MM/{year}"
    return f"MM/DD/{year}" if int(parts[1]) > 12 else f"MM/DD/{year} or DD/MM/{year}"


def _months(dates: list[str], *, day_first: bool) -> tuple[str, str]:
    """Return the first and the last month; nothing where the days may be days of birth."""
    order = "day_first" if day_first else "month_first"
    days = [read_cells.read_date(text, order=order, birth=False)[0] for text in dates]
    days = [day for day in days if day != read_cells.NOTHING]
    if not days:
        return "", ""
    first, last = ((_EPOCH + timedelta(days=d)).strftime("%Y-%m") for d in (min(days), max(days)))
    return (first, last) if first >= _RECENT else ("", "")


# --------------------------------------------------------------------------------- how it is written


def _quoted(text: str) -> str:
    """Return a text as a YAML scalar that cannot be read as anything else."""
    return _UNPRINTABLE.sub(lambda m: f"\\u{ord(m[0]):04x}", json.dumps(text, ensure_ascii=False))


def _percent(share: float) -> str:
    return f"{share:.0%}"


def _seen(values: Values, *, birth: bool = False) -> str:
    if values.kind == "empty":
        return "empty"
    kinds = ", ".join(
        kind if share == 1 else f"{kind} {_percent(share)}" for kind, share in values.kinds.items()
    )
    said = [f"{kinds}; filled {_percent(values.filled)}, {values.different:,} different"]
    if values.date_forms:
        said.append(" and ".join(values.date_forms))
        if values.first_month and not birth:
            said.append(f"{values.first_month} to {values.last_month}")
    else:
        said.append(f"{values.shortest} to {values.longest} characters")
    return "; ".join(said)


def _remark(column: Column) -> str:
    return f"column {column.letter}: {_seen(column.values, birth=_is_birth(column))}; {column.why}{_otherwise(column)}"


def _is_birth(column: Column) -> bool:
    return column.column == "birth_date" or "birth" in _words(column.heading)


def _otherwise(column: Column) -> str:
    """Return what else the heading is in other layouts, for a person to decide."""
    if not column.others:
        return ""
    return "; DECIDE: " + " or ".join(f"{g.column} ({g.heading})" for g in column.others)


def _lacking_lines(proposal: Proposal) -> list[str]:
    return [
        f"# LACKING: {' or '.join(need.any_of)} ({need.because}); without it files are refused."
        for need in proposal.lacking
    ]


def _undecided_lines(columns: list[Column]) -> list[str]:
    if not columns:
        return []
    lines = [
        "# DECIDE: these headings may be the columns named; nothing of them is read as it is. To read",
        "# one, write it under its column above, before or after what is there, and take it out of",
        "# not_read below.",
    ]
    for column in columns:
        names = list(dict.fromkeys([column.column, *(guess.column for guess in column.others)]))
        lines.append(
            f"#   {' or '.join(names)}: {_quoted(column.heading)}  ({column.why}, {column.score} of "
            f"100; {_seen(column.values, birth=_is_birth(column))})"
        )
    return lines


def _choice_lines(read: list[Column]) -> list[str]:
    """Return what else a person may settle, as comments."""
    open_dates = [
        c for c in read
        if COLUMNS[c.column][0] == "date" and any(" or " in form for form in c.values.date_forms)
    ]  # fmt: skip
    lines = [
        "# Also possible here (see docs/layouts.md): money_sign, words, programs, levels, leave_out."
    ]
    if open_dates:
        lines.append(
            "# Dates that fit both orders are read as their whole column shows; to say it yourself:"
        )
        lines.append("# date_order: month_first   # or day_first")
    return lines


def _column_answer(column: Column) -> dict:
    values = column.values
    dated = not _is_birth(column) and values.first_month
    return {
        "column": column.letter,
        "heading": column.heading,
        "state": column.state,
        "proposed": column.column,
        "why": column.why,
        "score": column.score,
        "others": [
            {"column": g.column, "like": g.heading, "score": g.score} for g in column.others
        ],
        "values": {
            "kind": values.kind,
            "kinds": values.kinds,
            "date_forms": values.date_forms,
            "filled": values.filled,
            "different": values.different,
            "characters": [values.shortest, values.longest],
            "months": [values.first_month, values.last_month] if dated else [],
        },
    }
