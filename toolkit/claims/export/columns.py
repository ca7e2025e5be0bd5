"""An export's columns, read one after the other: typed values, and a finding for each bad cell."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.claims.export import cells as read_cells
from toolkit.claims.export.grids import Note, Tally, tally
from toolkit.claims.export.layouts import COLUMNS, Layout, level_table, plain, word_table
from toolkit.claims.export.sheets import Cells, Sheet
from toolkit.claims.tables import conform, same, texts, whole

NOTHING = read_cells.NOTHING
_CODE_READERS = {
    "procedure_code": read_cells.read_procedure,
    "rarc": read_cells.read_rarcs,
    "modifiers": read_cells.read_modifiers,
    "revenue_code": read_cells.read_revenue_code,
}
_FILE = -1  # in place of a row's number: the finding concerns the file
_PAYMENTS = ("denied_amount", "paid", "claim_paid", "recovered")


class Notes:
    """The findings of one file, gathered by column; they never hold what a cell says.

    `tallies` are those that are given once for many rows; the parts of a file add up.
    """

    def __init__(self, file: str, sheet: Sheet):
        self.file, self.file_id = file, sheet.file_id
        self.parts: list[tuple[np.ndarray, str, str, str, int]] = []
        self.tallies: list[Tally] = []
        self.add_all(sheet.notes)

    def add(self, rows, column: str, code: str, says: str) -> None:
        """Note the same finding in each of the rows; None stands for the file."""
        if len(rows):
            if not isinstance(rows, np.ndarray):
                rows = np.array([_FILE if row is None else row for row in rows], dtype=np.int64)
            rows = np.unique(rows)  # a row with several adjustments is one row
            self.parts.append((rows, column, code, says, 1))

    def add_all(self, notes: list[Note]) -> None:
        """Note findings that concern one row each, or the file."""
        for row, column, code, says in notes:
            self.add([row], column, code, says)

    def add_counted(self, tallies: list[Tally]) -> None:
        """Note findings that stand for many rows each, on the first of them."""
        for one in tallies:
            first, column, code, says = one.note
            self.parts.append((np.array([first]), column, code, says, one.rows))

    def count(self, rows: np.ndarray, column: str, code: str, says: str) -> None:
        """Note one finding for all of the rows, with how many they are and the first."""
        if len(rows):
            self.tallies.append(tally(np.unique(rows), column, code, says))

    def forget(self, rows: np.ndarray, column: str | None = None) -> None:
        """Drop what was noted of cells in rows where they are about something else."""
        self.parts = [
            (part[0][~np.isin(part[0], rows)], *part[1:]) if column in (None, part[1]) else part
            for part in self.parts
        ]
        self.parts = [part for part in self.parts if len(part[0])]

    def table(self) -> pd.DataFrame:
        """Return the findings by row and column, the file's first."""
        if not self.parts:
            return conform({}, "findings")
        parts = sorted(self.parts, key=lambda part: part[1])  # by column; rows below
        rows = np.concatenate([part[0] for part in parts]).astype(np.int64, copy=False)
        order = np.argsort(rows, kind="stable")
        rows = rows[order]
        part = np.repeat(np.arange(len(parts)), [len(part[0]) for part in parts])[order]
        columns, codes, says = (_words([p[i] for p in parts], part) for i in (1, 2, 3))
        counts = np.array([p[4] for p in parts], dtype=np.int64)[part]
        return conform(
            {
                "file": same(self.file, len(rows)),
                "file_id": same(self.file_id, len(rows)),
                "row": whole(rows, rows == _FILE),
                "column": columns,
                "code": codes,
                "count": whole(counts, counts == 1),
                "says": says,
            },
            "findings",
        )


def _words(words: list[str], part: np.ndarray):
    return texts(pa.array(words, pa.large_string()), part)


@dataclass(frozen=True)
class Read:
    """Our columns of some rows as typed cells, with the number of each row.

    Text and numbers are lists, days and cents arrays of int64; no value comes twice among the
    values of a column, and none is missing. `amount_shared` marks rows whose amount is in another
    row of the same row of the file.
    """

    columns: dict[str, Cells]
    rows: np.ndarray


def read_columns(sheet: Sheet, notes: Notes) -> dict[str, Cells]:
    """Return our columns as typed cells, but for those of adjustments (see `toolkit.claims.export.reasons`)."""
    chosen = sheet.match.layout
    out: dict[str, Cells] = {}
    for column, positions in sheet.match.positions.items():
        if column == "carc":
            continue
        raw = sheet.columns[positions[0]]
        for position in positions[1:]:
            raw = joined(raw, sheet.columns[position])
        out[column] = read_column(column, raw, sheet, notes)
    _split_procedures(out)
    _join_names(out)
    _state_program(out, chosen, sheet, notes)
    return out


def read_column(column: str, raw: Cells, sheet: Sheet, notes: Notes) -> Cells:
    """Return one column's cells as what its kind says, noting those that are not."""
    kind, chosen = COLUMNS[column][0], sheet.match.layout
    if column in _CODE_READERS:
        return _each(raw, _CODE_READERS[column], column, sheet, notes)
    if kind == "date":
        return _dates(column, raw, sheet, notes)
    if kind == "money":
        return _money(column, raw, sheet, notes)
    if kind == "number":
        return _each(raw, read_cells.read_number, column, sheet, notes)
    if kind == "word":
        problem = "not_a_group_code" if column == "group_code" else "unknown_word"
        reader = read_cells.read_word(word_table(chosen, column), problem)
        return _each(raw, reader, column, sheet, notes)
    if kind == "id":
        ids, problems = read_cells.read_ids(raw.texts)
        note_problems(raw, problems, column, sheet, notes)
        return raw if ids is None else recoded(raw, ids)
    if kind == "code":
        return _each(raw, lambda text: (text.upper(), ""), column, sheet, notes)
    return raw


def _dates(column: str, raw: Cells, sheet: Sheet, notes: Notes) -> Cells:
    days, problems = read_cells.read_dates(
        raw.texts,
        order=sheet.decisions.date_order.get(column, "month_first"),
        birth=column == "birth_date",
        epoch=read_cells.EPOCH_1904 if sheet.epoch_1904 else read_cells.EPOCH_1900,
    )
    blanks = {i: p for i, p in problems.items() if p == "placeholder_date"}
    if blanks:
        says = f"with a {column} such as 1900-01-01 or 9999-12-31, a placeholder; read as blank"
        notes.count(_rows_of(raw, blanks, sheet), column, "placeholder_date", says)
    note_problems(raw, {i: p for i, p in problems.items() if i not in blanks}, column, sheet, notes)
    if not sheet.serial_dates:
        texts = raw.texts
        digits = pc.and_(pc.utf8_is_digit(texts), pc.equal(pc.utf8_length(texts), 5))
        read = np.flatnonzero(digits.to_numpy(zero_copy_only=False) & (days != NOTHING))
        if len(read):
            says = (
                f"with a {column} written as a spreadsheet's serial number, and read as that date"
            )
            notes.count(_rows_of(raw, read, sheet), column, "serial_date", says)
    return recoded(raw, days)


def _money(column: str, raw: Cells, sheet: Sheet, notes: Notes) -> Cells:
    cents, problems = read_cells.read_moneys(raw.texts)
    turned = column in sheet.decisions.negated or (
        sheet.match.layout.money_sign == "credits_negative" and column in _PAYMENTS
    )
    if turned:
        cents = np.where(cents == NOTHING, NOTHING, -cents)
    note_problems(raw, problems, column, sheet, notes)
    return recoded(raw, cents)


def _each(raw: Cells, reader, column: str, sheet: Sheet, notes: Notes) -> Cells:
    read = [reader(value) for value in raw.values]
    problems = {i: problem for i, (_, problem) in enumerate(read) if problem}
    note_problems(raw, problems, column, sheet, notes)
    return recoded(raw, [value for value, _ in read])


def _rows_of(raw: Cells, values, sheet: Sheet) -> np.ndarray:
    """Return the numbers of the rows that hold one of the values, which are named by their place."""
    hit = np.zeros(len(raw.values) + 1, dtype=bool)
    hit[list(values)] = True
    return sheet.rows[hit[raw.codes]]


def note_problems(
    raw: Cells, problems: dict[int, str], column: str, sheet: Sheet, notes: Notes
) -> None:
    """Note the rows that hold a value with a problem; `problems` are by place among the values."""
    for code in sorted(set(problems.values())):
        some = [i for i, problem in problems.items() if problem == code]
        says = f"{column} {read_cells.PROBLEMS[code]}"
        notes.add(_rows_of(raw, some, sheet), column, code, says)


def recoded(raw: Cells, values) -> Cells:
    """Return the cells with new values; None, NOTHING and nan are missing, equal values one."""
    if isinstance(values, np.ndarray):
        remap, kept = pd.factorize(values)
        nothing = np.flatnonzero(kept == NOTHING)
        if len(nothing):
            remap = np.where(remap == nothing[0], -1, remap)
        elif len(kept) == len(values):
            return Cells(raw.codes, values)
        return Cells(_remapped(raw.codes, remap), kept)
    kept = [v for v in dict.fromkeys(values) if v is not None and v == v]
    if len(kept) == len(values):
        return Cells(raw.codes, kept)
    number = {v: i for i, v in enumerate(kept)}
    return Cells(_remapped(raw.codes, [number.get(v, -1) for v in values]), kept)


def _remapped(codes: np.ndarray, remap) -> np.ndarray:
    return np.append(np.asarray(remap, dtype=np.int32), np.int32(-1))[codes]


def pairs_of(left: Cells, right: Cells) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Return the number of each row's pair of codes, and the pairs."""
    width = len(right.values) + 1
    pair = (left.codes.astype(np.int64) + 1) * width + (right.codes + 1)
    if (len(left.values) + 1) * width <= len(pair):
        seen = np.zeros((len(left.values) + 1) * width, dtype=bool)
        seen[pair] = True
        codes, keys = (np.cumsum(seen) - 1)[pair], np.flatnonzero(seen)
    else:
        codes, keys = pd.factorize(pair)
    a, b = np.divmod(keys, width)
    return codes.astype(np.int32), list(zip((a - 1).tolist(), (b - 1).tolist(), strict=True))


def differ(left: Cells, right: Cells) -> np.ndarray:
    """Return which rows hold something in both, and not the same."""
    number = {v: i for i, v in enumerate(left.values)}
    as_left = np.array([*(number.get(v, -2) for v in right.values), -1])[right.codes]
    return (left.codes >= 0) & (right.codes >= 0) & (left.codes != as_left)


def joined(left: Cells, right: Cells) -> Cells:
    """Return two columns' texts as one column, a space between."""
    codes, pairs = pairs_of(left, right)
    texts = []
    for a, b in pairs:
        parts = ([left.values[a]] if a >= 0 else []) + ([right.values[b]] if b >= 0 else [])
        texts.append(" ".join(parts) or None)
    return recoded(Cells(codes, texts), texts)


def filled(cells: Cells, other: Cells) -> Cells:
    """Return the cells, taking the other's where they have none."""
    values = [*cells.values, *other.values]
    codes = np.where(
        cells.codes >= 0, cells.codes,
        np.where(other.codes >= 0, other.codes + len(cells.values), -1),
    )  # fmt: skip
    return recoded(Cells(codes, values), values)


def _split_procedures(out: dict[str, Cells]) -> None:
    """Part `99213-25` into procedure and modifiers."""
    if "procedure_code" not in out:
        return
    pair = out["procedure_code"]
    out["procedure_code"] = recoded(pair, [code for code, _ in pair.values])
    extra = recoded(pair, [modifiers or None for _, modifiers in pair.values])
    if not extra.values:
        return
    own = out.get("modifiers")
    out["modifiers"] = extra if own is None else joined(extra, own)


def _join_names(out: dict[str, Cells]) -> None:
    last, first = out.pop("patient_last_name", None), out.pop("patient_first_name", None)
    if last is None or "patient_name" in out:
        return
    if first is None:
        out["patient_name"] = last
        return
    marked = Cells(last.codes, [f"{v}," for v in last.values])
    out["patient_name"] = joined(marked, first)


def _state_program(out: dict[str, Cells], chosen: Layout, sheet: Sheet, notes: Notes) -> None:
    """Read the program that a row states; two columns that state different ones state none."""
    table = word_table(chosen, "program")
    program: Cells | None = None
    differs = np.zeros(len(sheet.rows), dtype=bool)
    for column in ("program", "financial_class", "plan_name"):
        if column not in out:
            continue
        said = recoded(out[column], [table.get(plain(v)) for v in out[column].values])
        if program is None:
            program = said
            continue
        differs |= differ(program, said)
        program = filled(program, said)
    plan, financial = out.get("plan_name"), out.pop("financial_class", None)
    if financial is not None:
        out["plan_name"] = filled(plan, financial) if plan is not None else financial
    if program is None:
        out.pop("program", None)
        return
    notes.add(
        sheet.rows[differs], "program", "program_differs",
        "plan and financial class state different programs, so neither was used: correct one, or state the program in payers.csv",
    )  # fmt: skip
    out["program"] = Cells(np.where(differs, -1, program.codes), program.values)


def name_levels(out: dict[str, Cells], chosen: Layout, sheet: Sheet, notes: Notes) -> None:
    """Read the words of the appeal level, which mean different levels in different programs."""
    said = out.get("appeal_level")
    if said is None:
        return
    table = level_table(chosen)
    program = out.get("program", Cells(np.full(len(sheet.rows), -1), []))
    codes, pairs = pairs_of(program, said)
    words = {word for _, word in table}
    levels, problems = [], {}
    for i, (at, word) in enumerate(pairs):
        level = None
        if word >= 0:
            name, text = (program.values[at] if at >= 0 else ""), plain(said.values[word])
            level = table.get((name, text))
            if not level:
                unknown_program = at < 0 and text in words
                problems[i] = "level_needs_program" if unknown_program else "level_not_known"
        levels.append(level)
    cells = Cells(codes, levels)
    note_problems(cells, problems, "appeal_level", sheet, notes)
    out["appeal_level"] = recoded(cells, levels)
