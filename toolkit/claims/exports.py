"""Read a denial export (CSV, XLSX, Parquet) into the canonical tables.

An export row is one denial: one adjustment on a claim or on a claim line, with the appeal that was
filed against it. A bad cell or row becomes a finding and stops nothing; a file that is not what it
claims, or that lacks a column without which nothing can be said, raises `ExportError`.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from toolkit.claims import cells as read_cells
from toolkit.claims.layouts import COLUMNS, Layout, level_table, plain, word_table
from toolkit.claims.sheets import Cells, Sheet, headings_at, read_sheet, totals_at, words_at
from toolkit.claims.tables import Claims, conform

NOTHING = read_cells.NOTHING

# Facts of the claim that an export row repeats; `first` row that has one decides.
_CLAIM_FACTS = (
    "payer_claim_control_number", "patient_name", "member_id", "birth_date", "payer_id",
    "payer_name", "plan_name", "program", "claim_filing_indicator", "contracted", "facility",
    "provider_name", "provider_npi", "claim_status", "remittance_date", "notice_date",
    "notice_received", "claim_received", "claim_billed", "claim_paid", "patient_responsibility",
    "case_status", "owner", "stage",
)  # fmt: skip
# A row of the same claim number that differs in one of these is another decision of the payer, as
# another CLP segment would be: its appeal has its own clock.
_DECISION_FACTS = (
    "payer_claim_control_number",
    "notice_date",
    "notice_received",
    "remittance_date",
)
_LINE_FACTS = (
    "line_control_number", "service_from", "service_to", "procedure_code", "modifiers",
    "revenue_code", "diagnosis_code", "units", "billed", "allowed", "paid",
)  # fmt: skip


def read_export(path: Path, *, layout: str | None = None) -> Claims:
    """Return what a denial export holds, as canonical tables with findings.

    Without a `layout` the one whose headings fit best is taken; `ExportError` says what to do where
    none fits, two fit equally well, or the file cannot be read. Grain: see `tables`.
    """
    path = Path(path)
    sheet = read_sheet(path, layout=layout)
    notes = _Notes(path.name, sheet)
    columns = _read_columns(sheet, notes)
    columns, rows = _denial_rows(sheet, columns, notes)
    claim, keys = _claims_of(columns)
    line, at_line = _lines_of(sheet.match.layout, columns, claim)
    _check_dates(columns, rows, notes)
    claims = _claim_table(columns, rows, claim, keys, at_line, sheet.file_id, notes)
    lines, line_keys = _line_table(columns, rows, claim, line, at_line, sheet.file_id, notes)
    names = claims["claim_key"].array.take(claim)
    claims = _with_line_sums(claims, lines)
    adjustments, remarks, events = _row_tables(
        columns, rows, claim, line, names, line_keys, sheet.file_id, notes
    )
    _note_gaps(sheet, columns, rows, notes)
    files = conform(
        {
            "file": [path.name], "file_id": [sheet.file_id], "source": ["export"],
            "layout": [sheet.match.layout.id], "rows_read": [len(sheet.rows)],
        },
        "files",
    )  # fmt: skip
    files.attrs["columns"] = {
        column: [sheet.headings[p] for p in sheet.match.positions[column]]
        for column in COLUMNS
        if column in sheet.match.positions
    }
    return Claims(
        claims=claims,
        claim_lines=lines,
        adjustments=adjustments,
        remark_codes=remarks,
        appeal_events=events,
        findings=notes.table(),
        files=files,
    )


def totals(claims: Claims) -> dict:
    """Return the totals of an export, as `toolkit read --json` shows them; money is text.

    `columns` maps our columns to the headings they were read from; it is empty for tables that no
    longer know the file they came from.
    """
    adjustments = claims.adjustments
    by_code = adjustments.groupby(
        [adjustments["group_code"].fillna("?"), adjustments["carc"].fillna("?")]
    )["amount_cents"].sum()
    findings = claims.findings[["row", "column", "code", "says"]].astype(object)
    return {
        "layout": " ".join(claims.files["layout"].dropna().unique()),
        "rows": int(claims.files["rows_read"].sum()),
        "claims": len(claims.claims),
        "service_lines": len(claims.claim_lines),
        "adjustments": len(adjustments),
        "billed": _dollars(claims.claims["billed_cents"].sum()),
        "paid": _dollars(claims.claims["paid_cents"].sum()),
        "adjustment_total": _dollars(adjustments["amount_cents"].sum()),
        "by_group_code": {f"{g}-{c}": _dollars(v) for (g, c), v in by_code.items()},
        "remark_codes": {
            k: int(v) for k, v in claims.remark_codes["rarc"].value_counts().sort_index().items()
        },
        "appeal_events": len(claims.appeal_events),
        "columns": dict(claims.files.attrs.get("columns", {})),
        "findings": findings.where(findings.notna(), None).to_dict("records"),
    }


def _dollars(cents: int) -> str:
    sign, cents = ("-" if cents < 0 else ""), abs(int(cents))
    return f"{sign}{cents // 100}.{cents % 100:02d}"


class _Notes:
    """The findings of one file, gathered by column; they never hold what a cell says."""

    def __init__(self, file: str, sheet: Sheet):
        self.file, self.file_id = file, sheet.file_id
        self.parts: list[pd.DataFrame] = []
        for row, column, code, says in sheet.notes:
            self.add([row], column, code, says)

    def add(self, rows, column: str, code: str, says: str) -> None:
        if len(rows):
            self.parts.append(
                pd.DataFrame(
                    {
                        "row": pd.array(rows, dtype="Int64"),
                        "column": column,
                        "code": code,
                        "says": says,
                    }
                )
            )

    def table(self) -> pd.DataFrame:
        if not self.parts:
            return conform({}, "findings")
        found = pd.concat(self.parts, ignore_index=True)
        found = found.sort_values(["row", "column"], kind="stable", na_position="first")
        return conform(found.assign(file=self.file, file_id=self.file_id), "findings")


# --------------------------------------------------------------------------- one column at a time


def _read_columns(sheet: Sheet, notes: _Notes) -> dict[str, Cells]:
    """Return our columns as cells whose values are typed: days, cents, numbers, or text."""
    chosen, cells = sheet.match.layout, {}
    for column, positions in sheet.match.positions.items():
        raw = sheet.columns[positions[0]]
        for position in positions[1:]:
            raw = _joined(raw, sheet.columns[position])
        cells[column] = raw
    out: dict[str, Cells] = {}
    for column, raw in cells.items():
        kind = COLUMNS[column][0]
        if column in ("carc", "procedure_code", "rarc", "modifiers", "revenue_code"):
            reader = {
                "carc": read_cells.read_carc, "procedure_code": read_cells.read_procedure,
                "rarc": read_cells.read_rarcs, "modifiers": read_cells.read_modifiers,
                "revenue_code": read_cells.read_revenue_code,
            }[column]  # fmt: skip
            out[column] = _each(raw, reader, column, sheet, notes)
        elif kind == "date":
            forms = frozenset(chosen.dates)
            birth = column == "birth_date"

            def reader(text, birth=birth, forms=forms):
                return read_cells.read_date(
                    text, forms=forms, serials=sheet.serial_dates, birth=birth
                )

            out[column] = _each(raw, reader, column, sheet, notes)
        elif kind == "money":
            cents, problems = read_cells.read_moneys(raw.values)
            if chosen.money_sign == "credits_negative" and column in (
                "denied_amount",
                "paid",
                "claim_paid",
                "recovered",
            ):
                cents = np.where(cents == NOTHING, NOTHING, -cents)
            _note_problems(raw, problems, column, sheet, notes)
            out[column] = _recoded(raw, cents)
        elif kind == "number":
            out[column] = _each(raw, read_cells.read_number, column, sheet, notes)
        elif kind == "word":
            problem = "not_a_group_code" if column == "group_code" else "unknown_word"
            reader = read_cells.read_word(word_table(chosen, column), problem)
            out[column] = _each(raw, reader, column, sheet, notes)
        elif kind == "id":
            ids, problems = read_cells.read_ids(raw.values)
            if problems:
                at = [problems.get(i, "") for i in range(len(ids))]
                _note_problems(raw, at, column, sheet, notes)
            out[column] = _recoded(raw, ids)
        elif kind == "code":
            out[column] = _each(raw, lambda text: (text.upper(), ""), column, sheet, notes)
        else:
            out[column] = raw
    _split_codes(out, sheet, notes)
    _join_names(out)
    _state_program(out, chosen, sheet, notes)
    _name_levels(out, chosen, sheet, notes)
    return out


def _each(raw: Cells, reader, column: str, sheet: Sheet, notes: _Notes) -> Cells:
    read = [reader(value) for value in raw.values]
    _note_problems(raw, [problem for _, problem in read], column, sheet, notes)
    return _recoded(raw, [value for value, _ in read])


def _note_problems(raw: Cells, problems, column: str, sheet: Sheet, notes: _Notes) -> None:
    problems = np.array([*problems, ""], dtype=object)
    for code in sorted(set(problems) - {""}):
        hit = (problems == code)[raw.codes]
        notes.add(sheet.rows[hit], column, code, f"{column} {read_cells.PROBLEMS[code]}")


def _recoded(raw: Cells, values) -> Cells:
    """Return the cells with new values; None, NOTHING and nan are missing, equal values one."""
    if values is raw.values:
        return raw
    if isinstance(values, np.ndarray) and values.dtype == np.int64:
        remap, kept = pd.factorize(values)
        nothing = np.flatnonzero(kept == NOTHING)
        if len(nothing):
            remap = np.where(remap == nothing[0], -1, remap)
        return Cells(np.append(remap, -1)[raw.codes], kept.tolist())
    known = np.empty(len(values), dtype=object)
    known[:] = [None if v is None or v == NOTHING or v != v else v for v in values]
    remap, kept = pd.factorize(known)
    return Cells(np.append(remap, -1)[raw.codes], list(kept))


def _joined(left: Cells, right: Cells) -> Cells:
    """Return two columns' texts as one column, a space between."""
    width = len(right.values) + 1
    pair = (left.codes.astype(np.int64) + 1) * width + (right.codes + 1)
    codes, keys = pd.factorize(pair)
    texts = []
    for key in keys:
        a, b = divmod(int(key), width)
        parts = ([left.values[a - 1]] if a else []) + ([right.values[b - 1]] if b else [])
        texts.append(" ".join(parts) or None)
    return _recoded(Cells(codes, texts), texts)


def _split_codes(out: dict[str, Cells], sheet: Sheet, notes: _Notes) -> None:
    """Part `CO-16` into group code and CARC, and `99213-25` into procedure and modifiers."""
    for column, other in (("carc", "group_code"), ("procedure_code", "modifiers")):
        if column not in out:
            continue
        pair = out[column]
        first = 1 if column == "carc" else 0
        out[column] = _recoded(pair, [v[first] for v in pair.values])
        extra = _recoded(pair, [v[1 - first] or None for v in pair.values])
        if other not in out:
            if extra.values:
                out[other] = extra
            continue
        own = out[other]
        if column == "carc":
            texts = np.array([*own.values, None], dtype=object)[own.codes]
            inside = np.array([*extra.values, None], dtype=object)[extra.codes]
            differs = (extra.codes >= 0) & (own.codes >= 0) & (texts != inside)
            notes.add(
                sheet.rows[differs], "group_code", "group_differs",
                "group_code and the code's own group differ; group_code was taken: correct one",
            )  # fmt: skip
            out[other] = _filled(own, extra)
        else:
            out[other] = _joined(extra, own) if extra.values else own


def _filled(cells: Cells, other: Cells) -> Cells:
    """Return the cells, taking the other's where they have none."""
    values = [*cells.values, *other.values]
    codes = np.where(
        cells.codes >= 0, cells.codes,
        np.where(other.codes >= 0, other.codes + len(cells.values), -1),
    )  # fmt: skip
    return _recoded(Cells(codes, values), values)


def _join_names(out: dict[str, Cells]) -> None:
    last, first = out.pop("patient_last_name", None), out.pop("patient_first_name", None)
    if last is None or "patient_name" in out:
        return
    if first is None:
        out["patient_name"] = last
        return
    marked = Cells(last.codes, [f"{v}," for v in last.values])
    out["patient_name"] = _joined(marked, first)


def _state_program(out: dict[str, Cells], chosen: Layout, sheet: Sheet, notes: _Notes) -> None:
    """Read the program that a row states; two columns that state different ones state none."""
    table = word_table(chosen, "program")
    program: Cells | None = None
    differs = np.zeros(len(sheet.rows), dtype=bool)
    for column in ("program", "financial_class", "plan_name"):
        if column not in out:
            continue
        said = _recoded(out[column], [table.get(plain(v)) for v in out[column].values])
        if program is None:
            program = said
            continue
        a = np.array([*program.values, None], dtype=object)[program.codes]
        b = np.array([*said.values, None], dtype=object)[said.codes]
        differs |= (program.codes >= 0) & (said.codes >= 0) & (a != b)
        program = _filled(program, said)
    plan, financial = out.get("plan_name"), out.pop("financial_class", None)
    if financial is not None:
        out["plan_name"] = _filled(plan, financial) if plan is not None else financial
    if program is None:
        out.pop("program", None)
        return
    notes.add(
        sheet.rows[differs], "program", "program_differs",
        "plan and financial class state different programs, so none was taken: correct one, "
        "or state the program in payers.csv",
    )  # fmt: skip
    out["program"] = Cells(np.where(differs, -1, program.codes), program.values)


def _name_levels(out: dict[str, Cells], chosen: Layout, sheet: Sheet, notes: _Notes) -> None:
    """Read the words of the appeal level, which mean different levels in different programs."""
    said = out.get("appeal_level")
    if said is None:
        return
    table = level_table(chosen)
    program = out.get("program", Cells(np.full(len(sheet.rows), -1), []))
    width = len(said.values) + 1
    codes, keys = pd.factorize((program.codes + 1) * width + (said.codes + 1))
    words = {word for _, word in table}
    levels, problems = [], []
    for key in keys:
        at, word = divmod(int(key), width)
        if not word:
            levels.append(None)
            problems.append("")
            continue
        name, text = (program.values[at - 1] if at else ""), plain(said.values[word - 1])
        level = table.get((name, text))
        levels.append(level)
        problems.append(
            ""
            if level
            else "level_needs_program"
            if not at and text in words
            else "level_not_known"
        )
    cells = Cells(codes, levels)
    _note_problems(cells, problems, "appeal_level", sheet, notes)
    out["appeal_level"] = _recoded(cells, levels)
    # a level that could not be read is still an appeal on file
    out["appeal_stated"] = Cells(np.where(said.codes >= 0, 0, -1), ["stated"])


# ------------------------------------------------------------------------ rows, claims and lines


def _denial_rows(
    sheet: Sheet, columns: dict[str, Cells], notes: _Notes
) -> tuple[dict[str, Cells], np.ndarray]:
    """Leave out rows that are no denial: totals, rows without a claim number, other records."""
    chosen, count = sheet.match.layout, len(sheet.rows)
    keep = np.ones(count, dtype=bool)
    for position, words in sheet.match.leave_out.items():
        hit = words_at(sheet.columns[position], words) & keep
        if hit.any():
            notes.add(
                [int(sheet.rows[hit][0])], "", "not_a_denial_record",
                f"{hit.sum():,} rows are of a kind that layout {chosen.id} leaves out "
                f"(column {sheet.headings[position]}); this is the first",
            )  # fmt: skip
            keep &= ~hit
    numbers = [
        columns[c] for c in ("patient_control_number", "payer_claim_control_number") if c in columns
    ]
    summing = np.zeros(count, dtype=bool)
    nameless = np.logical_and.reduce([c.codes < 0 for c in numbers])
    for cells in numbers:
        summing |= totals_at(cells)
        again = headings_at(cells, sheet.headings) & keep
        notes.add(
            sheet.rows[again], "", "heading_again",
            "repeats the headings and was left out: two exports seem to stand in one file",
        )  # fmt: skip
        keep &= ~again
    if nameless.any():
        for cells in sheet.columns.values():
            summing |= nameless & totals_at(cells)
    if "line_number" in columns and chosen.total_line_numbers:
        summing |= _one_of(columns["line_number"], chosen.total_line_numbers)
    notes.add(sheet.rows[summing & keep], "", "totals_row", "sums up other rows and was left out")
    keep &= ~summing
    notes.add(
        sheet.rows[nameless & keep], "patient_control_number", "no_claim_number",
        "has no claim number and was left out: give it one, or delete the row",
    )  # fmt: skip
    keep &= ~nameless
    if keep.all():
        return columns, sheet.rows
    return {c: Cells(v.codes[keep], v.values) for c, v in columns.items()}, sheet.rows[keep]


def _one_of(cells: Cells, words: tuple[str, ...]) -> np.ndarray:
    return np.array([v in words for v in cells.values] + [False])[cells.codes]


def _grouped(*parts: np.ndarray) -> np.ndarray:
    """Return one number per row that is equal where all parts are equal; parts count from -1."""
    group = np.zeros(len(parts[0]), dtype=np.int64)
    for part in parts:
        width = int(part.max(initial=-1)) + 2
        group, _ = pd.factorize(group * width + part + 1)
        group = group.astype(np.int64)
    return group


def _codes(columns: dict[str, Cells], column: str, count: int) -> np.ndarray:
    return columns[column].codes.astype(np.int64) if column in columns else np.full(count, -1)


def _claims_of(columns: dict[str, Cells]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return each row's claim, numbered by first appearance."""
    count = len(next(iter(columns.values())).codes)
    account = _codes(columns, "patient_control_number", count)
    icn = _codes(columns, "payer_claim_control_number", count)
    payer = _grouped(_codes(columns, "payer_id", count), _codes(columns, "payer_name", count))
    # without our own number the payer's is the claim's
    number = np.where(account >= 0, account, account.max(initial=-1) + 1 + icn)
    claim = _grouped(number, payer)
    for column in _DECISION_FACTS:
        if column in columns:
            claim = _grouped(claim, _spread(_codes(columns, column, count), claim))
    return claim, {"number": number}


def _spread(codes: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Return the codes; where a group has only one, its blank rows take it."""
    first = _first(codes, group)
    single = np.ones(len(first), dtype=bool)
    single[group[(codes >= 0) & (codes != first[group])]] = False
    return np.where((codes < 0) & single[group], first[group], codes)


def _first(codes: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Return each group's first code that is not missing."""
    first = np.full(int(group.max(initial=-1)) + 1, -1, dtype=np.int64)
    at = np.flatnonzero(codes >= 0)[::-1]
    first[group[at]] = codes[at]  # the last to be written is the first in the file
    return first


def _lines_of(
    chosen: Layout, columns: dict[str, Cells], claim: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return each row's line, numbered by first appearance over the file, and whether it has one."""
    count = len(claim)
    number = _codes(columns, "line_number", count)
    if "line_number" in columns and chosen.claim_line_numbers:
        whole = _one_of(columns["line_number"], chosen.claim_line_numbers)
    else:
        whole = np.zeros(count, dtype=bool)
    service = _grouped(
        *(
            _codes(columns, c, count)
            for c in ("procedure_code", "modifiers", "revenue_code", "service_from")
        )
    )
    named = (_codes(columns, "procedure_code", count) >= 0) | (
        _codes(columns, "revenue_code", count) >= 0
    )
    at_line = ((number >= 0) | named) & ~whole
    key = np.where(number >= 0, number, number.max(initial=-1) + 1 + service)
    line = np.full(count, -1, dtype=np.int64)
    line[at_line] = _grouped(claim[at_line], key[at_line])
    return line, at_line


# ------------------------------------------------------------------------------------- the tables


def _text(cells: Cells, codes: np.ndarray) -> pd.Series:
    values = pd.array([*cells.values, None], dtype="str")
    return pd.Series(values.take(np.where(codes < 0, len(cells.values), codes)))


def _days(cells: Cells, codes: np.ndarray) -> np.ndarray:
    return np.array([*cells.values, NOTHING], dtype=np.int64)[codes]


def _dates(days: np.ndarray) -> np.ndarray:
    stamps = np.full(len(days), np.datetime64("NaT"), dtype="datetime64[us]")
    known = days != NOTHING
    stamps[known] = days[known].astype("datetime64[D]").astype("datetime64[us]")
    return stamps


def _ints(values: np.ndarray) -> pd.array:
    missing = values == NOTHING
    return pd.arrays.IntegerArray(np.where(missing, 0, values), missing)


def _typed(columns: dict[str, Cells], column: str, codes: np.ndarray):
    kind = COLUMNS[column][0]
    if kind == "date":
        return _dates(_days(columns[column], codes))
    if kind == "money":
        return _ints(_days(columns[column], codes))
    if kind == "number":
        values = np.array([*columns[column].values, np.nan], dtype=float)[codes]
        return pd.arrays.FloatingArray(np.nan_to_num(values), np.isnan(values))
    return _text(columns[column], codes)


def _facts(columns, names, rows, group, notes, *, of: str) -> dict[str, np.ndarray]:
    """Return each group's first code by column, noting rows that say otherwise."""
    found = {}
    for column in names:
        if column not in columns:
            continue
        codes = columns[column].codes.astype(np.int64)
        found[column] = first = _first(codes, group)
        differs = (codes >= 0) & (codes != first[group])
        notes.add(
            rows[differs], column, "differs",
            f"{column} differs from an earlier row of the same {of}; the first was taken",
        )  # fmt: skip
    return found


def _claim_table(columns, rows, claim, keys, at_line, file_id, notes) -> pd.DataFrame:
    """Return one row per claim."""
    total = int(claim.max(initial=-1)) + 1
    first_row = _first(np.arange(len(rows)), claim)
    facts = _facts(columns, _CLAIM_FACTS, rows, claim, notes, of="claim")
    if "case_status" in facts:  # one open row keeps a claim open: nothing is lost by looking again
        cells = columns["case_status"]
        if "open" in cells.values:
            facts["case_status"][claim[cells.codes == cells.values.index("open")]] = (
                cells.values.index("open")
            )
    out: dict = {
        "claim_key": _numbered(file_id, np.arange(1, total + 1)),
        "file_id": [file_id] * total,
        "row": rows[first_row],
    }
    if "patient_control_number" in columns:
        account = columns["patient_control_number"]
        out["patient_control_number"] = _text(account, account.codes[first_row])
    money = {
        "claim_billed": "billed_cents",
        "claim_paid": "paid_cents",
        "patient_responsibility": "patient_responsibility_cents",
    }
    for column, codes in facts.items():
        out[money.get(column, column)] = _typed(columns, column, codes)
    for column, pick in (("service_from", np.minimum), ("service_to", np.maximum)):
        source = column if column in columns else "service_from"
        if source in columns:
            out[column] = _dates(
                _extreme(_days(columns[source], columns[source].codes), claim, total, pick)
            )
    for column, target in (
        ("billed", "billed_cents"),
        ("paid", "paid_cents"),
        ("allowed", "allowed_cents"),
    ):
        # A row without a line speaks of the claim.
        if column in columns and target not in out:
            own = np.where(at_line, -1, columns[column].codes)
            out[target] = _typed(columns, column, _first(own, claim))
    status = out.get("claim_status")
    out["is_reversal"] = [False] * total if status is None else (status == "22").fillna(False)
    return conform(pd.DataFrame(out), "claims")


def _with_line_sums(claims: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """Return the claims with charge and payment summed from the lines where the file has no total.

    An export of denials may leave out a claim's paid lines, so this is the sum of the lines on file.
    A line without an amount leaves the claim's sum unknown.
    """
    filled = {}
    for column in ("billed_cents", "paid_cents"):
        grouped = lines.groupby("claim_key", sort=False)[column]
        sums = grouped.sum(min_count=1).where(grouped.count() == grouped.size())
        filled[column] = claims[column].fillna(claims["claim_key"].map(sums).astype("Int64"))
    return claims.assign(**filled)


def _extreme(days: np.ndarray, group: np.ndarray, total: int, pick) -> np.ndarray:
    known = days != NOTHING
    start = np.iinfo(np.int64).max if pick is np.minimum else NOTHING
    out = np.full(total, start, dtype=np.int64)
    pick.at(out, group[known], days[known])
    return np.where(out == np.iinfo(np.int64).max, NOTHING, out)


def _numbered(prefix, numbers: np.ndarray, mark: str = "") -> pd.Series:
    return pd.Series(prefix + f"-{mark}" + pd.Series(numbers).astype("str"), dtype="str")


def _ordinal(group: np.ndarray) -> np.ndarray:
    """Return each entry's place within its group, from 1, in order of appearance."""
    return pd.Series(group).groupby(group, sort=False).cumcount().to_numpy() + 1


def _line_table(
    columns, rows, claim, line, at_line, file_id, notes
) -> tuple[pd.DataFrame, pd.Series]:
    """Return one row per claim line, and the lines' keys in their order."""
    rows, claim, line = rows[at_line], claim[at_line], line[at_line]
    mine = {c: Cells(v.codes[at_line], v.values) for c, v in columns.items() if c in _LINE_FACTS}
    first_row = _first(np.arange(len(rows)), line)
    facts = _facts(mine, _LINE_FACTS, rows, line, notes, of="line")
    owner = claim[first_row]
    claim_keys = _numbered(file_id, owner + 1)
    line_keys = claim_keys + "-" + pd.Series(_ordinal(owner)).astype("str")
    out = {
        "line_key": line_keys,
        "claim_key": claim_keys,
        "file_id": [file_id] * len(owner),
        "row": rows[first_row],
    }
    money = {"billed": "billed_cents", "allowed": "allowed_cents", "paid": "paid_cents"}
    for column, codes in facts.items():
        out[money.get(column, column)] = _typed(mine, column, codes)
    if "service_to" not in out and "service_from" in out:
        out["service_to"] = out["service_from"]
    return conform(pd.DataFrame(out), "claim_lines"), line_keys


def _row_tables(columns, rows, claim, line, claim_keys, line_keys, file_id, notes):
    """Return adjustments, remark codes and appeal events: each thing once, whatever rows repeat it."""
    count = len(rows)
    at = {c: _codes(columns, c, count) for c in (
        "group_code", "carc", "denied_amount", "denial_text", "quantity", "rarc",
        "appeal_level", "appeal_filed", "appeal_decided", "appeal_outcome", "recovered", "appeal_stated",
    )}  # fmt: skip
    place = _grouped(claim, line)
    adjustment = _grouped(
        place, *(at[c] for c in ("group_code", "carc", "denied_amount", "denial_text", "quantity"))
    )
    has_adjustment = (
        (at["carc"] >= 0)
        | (at["group_code"] >= 0)
        | (at["denied_amount"] >= 0)
        | (at["denial_text"] >= 0)
    )
    event_facts = (
        "appeal_level",
        "appeal_filed",
        "appeal_decided",
        "appeal_outcome",
        "recovered",
        "appeal_stated",
    )
    event = _grouped(place, *(at[c] for c in event_facts))
    outcome = columns.get("appeal_outcome", Cells(at["appeal_outcome"], []))
    decided = outcome.codes >= 0
    if "undecided" in outcome.values:
        decided &= outcome.codes != outcome.values.index("undecided")
    has_event = (
        (at["appeal_stated"] >= 0)
        | (at["appeal_filed"] >= 0)
        | (at["appeal_decided"] >= 0)
        | decided
    )

    whole = _grouped(adjustment, event, at["rarc"])
    repeated = pd.Series(whole).duplicated().to_numpy()
    notes.add(
        rows[repeated], "", "repeated_row",
        "says what an earlier row says and was counted once; where it is a second line of the same "
        "service, add the line number to the export",
    )  # fmt: skip

    text_keys = line_keys.array

    def base(index: np.ndarray) -> dict:
        lines = line[index]
        known = pd.array(text_keys, dtype="str")
        keyed = (
            known.take(lines, allow_fill=True)
            if len(known)
            else pd.array([None] * len(index), dtype="str")
        )
        return {
            "claim_key": claim_keys.take(index), "file_id": np.full(len(index), file_id, dtype=object),
            "row": rows[index], "line_key": keyed,
        }  # fmt: skip

    once = np.flatnonzero(has_adjustment & ~pd.Series(adjustment).duplicated().to_numpy())
    out = base(once)
    out["adjustment_key"] = (
        pd.Series(out["claim_key"]) + "-a" + pd.Series(_ordinal(claim[once])).astype("str")
    )
    out["adjustment_level"] = pd.array(["line", "claim"], dtype="str").take(
        (line[once] < 0).astype(np.int64)
    )
    for column, target in (("group_code", "group_code"), ("carc", "carc"), ("denied_amount", "amount_cents"),
                           ("quantity", "quantity"), ("denial_text", "denial_text")):  # fmt: skip
        if column in columns:
            out[target] = _typed(columns, column, at[column][once])
    adjustments = conform(pd.DataFrame(out), "adjustments")

    remarks = conform({}, "remark_codes")
    if "rarc" in columns and columns["rarc"].values:
        # only codes' own distinct cells are split; their parts are laid out by counting
        split = [v.split() for v in columns["rarc"].values]
        names, flat = pd.factorize(np.array([c for s in split for c in s], dtype=object))
        sizes = np.array([len(s) for s in split])
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        have = np.flatnonzero(at["rarc"] >= 0)
        cell = at["rarc"][have]
        index = np.repeat(have, sizes[cell])
        within = np.arange(len(index)) - np.repeat(
            np.cumsum(sizes[cell]) - sizes[cell], sizes[cell]
        )
        code = names[np.repeat(starts[cell], sizes[cell]) + within]
        first = ~pd.Series(_grouped(place[index], code)).duplicated().to_numpy()
        index, code = index[first], code[first]
        out = base(index)
        out["rarc"] = pd.array(list(flat), dtype="str").take(code)
        out["found_in"] = np.full(len(index), "export", dtype=object)
        remarks = conform(pd.DataFrame(out), "remark_codes")

    once = np.flatnonzero(has_event & ~pd.Series(event).duplicated().to_numpy())
    out = base(once)
    for column, target in (("appeal_level", "level"), ("appeal_filed", "filed_on"), ("appeal_decided", "decided_on"),
                           ("appeal_outcome", "outcome"), ("recovered", "recovered_cents")):  # fmt: skip
        if column in columns:
            out[target] = _typed(columns, column, at[column][once])
    if "outcome" in out:
        out["outcome"] = out["outcome"].where(out["outcome"] != "undecided")
    events = conform(pd.DataFrame(out), "appeal_events")
    return adjustments, remarks, events


# ------------------------------------------------------------------------------------- more notes


def _check_dates(columns, rows, notes) -> None:
    for earlier, later in (
        ("service_from", "service_to"), ("notice_date", "notice_received"), ("appeal_filed", "appeal_decided"),
    ):  # fmt: skip
        if earlier in columns and later in columns:
            a = _days(columns[earlier], columns[earlier].codes)
            b = _days(columns[later], columns[later].codes)
            notes.add(
                rows[(a != NOTHING) & (b != NOTHING) & (b < a)], later, "dates_out_of_order",
                f"{later} is before {earlier}; both were kept: correct one",
            )  # fmt: skip


def _note_gaps(sheet: Sheet, columns, rows, notes) -> None:
    """Note what the export as a whole does not say, once per gap."""
    for need in sheet.match.layout.wanted:
        if not set(need.any_of) & set(sheet.match.positions):
            notes.add(
                [None],
                need.any_of[0],
                "no_column",
                f"no column for {' or '.join(need.any_of)}: {need.because}",
            )
    if "denied_amount" in columns:
        lacking = columns["denied_amount"].codes < 0
        if lacking.any():
            notes.add(
                [int(rows[lacking][0])], "denied_amount", "no_amount",
                f"{lacking.sum():,} rows have no denied amount, so they add nothing to the amounts "
                "at stake; this is the first",
            )  # fmt: skip
    if "plan_name" in columns:
        silent = (columns["plan_name"].codes >= 0) & (_codes(columns, "program", len(rows)) < 0)
        if silent.any():
            notes.add(
                [int(rows[silent][0])], "program", "program_not_stated",
                f"{silent.sum():,} rows have a plan or financial class that states no program; "
                "this is the first: state the programs in payers.csv",
            )  # fmt: skip
