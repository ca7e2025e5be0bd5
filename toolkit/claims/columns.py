"""An export's columns, read one after the other: typed values, and a finding for each bad cell."""

import numpy as np
import pandas as pd

from toolkit.claims import cells as read_cells
from toolkit.claims.layouts import COLUMNS, Layout, level_table, plain, word_table
from toolkit.claims.sheets import Cells, Sheet
from toolkit.claims.tables import conform

NOTHING = read_cells.NOTHING
_CODE_READERS = {
    "carc": read_cells.read_carc,
    "procedure_code": read_cells.read_procedure,
    "rarc": read_cells.read_rarcs,
    "modifiers": read_cells.read_modifiers,
    "revenue_code": read_cells.read_revenue_code,
}
_PAYMENTS = ("denied_amount", "paid", "claim_paid", "recovered")


class Notes:
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


def read_columns(sheet: Sheet, notes: Notes) -> dict[str, Cells]:
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
        if column in _CODE_READERS:
            out[column] = _each(raw, _CODE_READERS[column], column, sheet, notes)
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


def _each(raw: Cells, reader, column: str, sheet: Sheet, notes: Notes) -> Cells:
    read = [reader(value) for value in raw.values]
    _note_problems(raw, [problem for _, problem in read], column, sheet, notes)
    return _recoded(raw, [value for value, _ in read])


def _note_problems(raw: Cells, problems, column: str, sheet: Sheet, notes: Notes) -> None:
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


def _name_levels(out: dict[str, Cells], chosen: Layout, sheet: Sheet, notes: Notes) -> None:
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
