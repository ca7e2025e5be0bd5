"""An export's columns, read one after the other: typed values, and a finding for each bad cell."""

import numpy as np
import pandas as pd
import pyarrow as pa

from toolkit.claims import cells as read_cells
from toolkit.claims.layouts import COLUMNS, Layout, level_table, plain, word_table
from toolkit.claims.sheets import Cells, Sheet
from toolkit.claims.tables import conform, same, texts, whole

NOTHING = read_cells.NOTHING
_CODE_READERS = {
    "carc": read_cells.read_carc,
    "procedure_code": read_cells.read_procedure,
    "rarc": read_cells.read_rarcs,
    "modifiers": read_cells.read_modifiers,
    "revenue_code": read_cells.read_revenue_code,
}
_FILE = -1  # in place of a row's number: the finding concerns the file
_PAYMENTS = ("denied_amount", "paid", "claim_paid", "recovered")


class Notes:
    """The findings of one file, gathered by column; they never hold what a cell says."""

    def __init__(self, file: str, sheet: Sheet):
        self.file, self.file_id = file, sheet.file_id
        self.parts: list[tuple[np.ndarray, str, str, str]] = []
        for row, column, code, says in sheet.notes:
            self.add([row], column, code, says)

    def add(self, rows, column: str, code: str, says: str) -> None:
        """Note the same finding in each of the rows; None stands for the file."""
        if len(rows):
            if not isinstance(rows, np.ndarray):
                rows = np.array([_FILE if row is None else row for row in rows], dtype=np.int64)
            self.parts.append((rows, column, code, says))

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
        return conform(
            {
                "file": same(self.file, len(rows)),
                "file_id": same(self.file_id, len(rows)),
                "row": whole(rows, rows == _FILE),
                "column": columns,
                "code": codes,
                "says": says,
            },
            "findings",
        )


def _words(words: list[str], part: np.ndarray):
    return texts(pa.array(words, pa.large_string()), part)


def read_columns(sheet: Sheet, notes: Notes) -> dict[str, Cells]:
    """Return our columns as cells whose values are typed.

    Text and numbers are lists, days and cents arrays of int64; no value stands twice among the
    values of a column, and none is missing.
    """
    chosen, cells = sheet.match.layout, {}
    for column, positions in sheet.match.positions.items():
        raw = sheet.columns[positions[0]]
        for position in positions[1:]:
            raw = _joined(raw, sheet.columns[position])
        cells[column] = raw
    out: dict[str, Cells] = {}
    for column, raw in cells.items():
        kind = COLUMNS[column][0]
        if column in _CODE_READERS:
            out[column] = _each(raw, _CODE_READERS[column], column, sheet, notes)
        elif kind == "date":
            days, problems = read_cells.read_dates(
                raw.values,
                forms=frozenset(chosen.dates),
                serials=sheet.serial_dates,
                birth=column == "birth_date",
            )
            _note_problems(raw, problems, column, sheet, notes)
            out[column] = _recoded(raw, days)
        elif kind == "money":
            cents, problems = read_cells.read_moneys(raw.values)
            if chosen.money_sign == "credits_negative" and column in _PAYMENTS:
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
            _note_problems(raw, problems, column, sheet, notes)
            out[column] = raw if ids is raw.values else _recoded(raw, ids)
        elif kind == "code":
            out[column] = _each(raw, lambda text: (text.upper(), ""), column, sheet, notes)
        else:
            out[column] = raw
    _split_codes(out, sheet, notes)
    _join_names(out)
    _state_program(out, chosen, sheet, notes)
    _name_levels(out, chosen, sheet, notes)
    return out


def _each(raw: Cells, reader, column: str, sheet: Sheet, notes: Notes) -> Cells:
    read = [reader(value) for value in raw.values]
    problems = {i: problem for i, (_, problem) in enumerate(read) if problem}
    _note_problems(raw, problems, column, sheet, notes)
    return _recoded(raw, [value for value, _ in read])


def _note_problems(
    raw: Cells, problems: dict[int, str], column: str, sheet: Sheet, notes: Notes
) -> None:
    """Note the rows that hold a value with a problem; `problems` are by place among the values."""
    for code in sorted(set(problems.values())):
        bad = np.zeros(len(raw.values) + 1, dtype=bool)
        bad[[i for i, problem in problems.items() if problem == code]] = True
        says = f"{column} {read_cells.PROBLEMS[code]}"
        notes.add(sheet.rows[bad[raw.codes]], column, code, says)


def _recoded(raw: Cells, values) -> Cells:
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


def _pairs(left: Cells, right: Cells) -> tuple[np.ndarray, list[tuple[int, int]]]:
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


def _differ(left: Cells, right: Cells) -> np.ndarray:
    """Return which rows hold something in both, and not the same."""
    number = {v: i for i, v in enumerate(left.values)}
    as_left = np.array([*(number.get(v, -2) for v in right.values), -1])[right.codes]
    return (left.codes >= 0) & (right.codes >= 0) & (left.codes != as_left)


def _joined(left: Cells, right: Cells) -> Cells:
    """Return two columns' texts as one column, a space between."""
    codes, pairs = _pairs(left, right)
    texts = []
    for a, b in pairs:
        parts = ([left.values[a]] if a >= 0 else []) + ([right.values[b]] if b >= 0 else [])
        texts.append(" ".join(parts) or None)
    return _recoded(Cells(codes, texts), texts)


def _split_codes(out: dict[str, Cells], sheet: Sheet, notes: Notes) -> None:
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
            differs = _differ(own, extra)
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


def _state_program(out: dict[str, Cells], chosen: Layout, sheet: Sheet, notes: Notes) -> None:
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
        differs |= _differ(program, said)
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


def _name_levels(out: dict[str, Cells], chosen: Layout, sheet: Sheet, notes: Notes) -> None:
    """Read the words of the appeal level, which mean different levels in different programs."""
    said = out.get("appeal_level")
    if said is None:
        return
    table = level_table(chosen)
    program = out.get("program", Cells(np.full(len(sheet.rows), -1), []))
    codes, pairs = _pairs(program, said)
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
    _note_problems(cells, problems, "appeal_level", sheet, notes)
    out["appeal_level"] = _recoded(cells, levels)
    # a level that could not be read is still an appeal on file
    out["appeal_stated"] = Cells(np.where(said.codes >= 0, 0, -1), ["stated"])
