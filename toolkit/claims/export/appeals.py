"""Which of a row's cells speak of an appeal: how a claim came out is not how an appeal came out."""

import re
from dataclasses import replace

import numpy as np

from toolkit.claims.export.columns import Notes, name_levels
from toolkit.claims.export.layouts import NO_OUTCOME, plain
from toolkit.claims.export.sheets import Cells, Sheet

_ABOUT = re.compile(r"appeal|reconsider|redeterm|dispute|grievance|overturn", re.IGNORECASE)
_YES = frozenset({"yes", "y", "true", "1", "x", "filed", "sent", "submitted", "appealed"})
_NO = frozenset(
    {"no", "n", "false", "0", "notfiled", "notsent", "notappealed", "notyet", "pending"}
)
# Headings that are about an appeal only where the row says by another that there was one.
_DOUBTFUL = ("appeal_level", "appeal_decided", "appeal_outcome")


def filed_words(sheet: Sheet) -> tuple[Sheet, np.ndarray]:
    """Return the sheet without yes and no where a filing day is expected, and which rows say yes."""
    yes = np.zeros(len(sheet.rows), dtype=bool)
    columns = dict(sheet.columns)
    for position in sheet.match.positions.get("appeal_filed", ()):
        raw = columns[position]
        said = [plain(value) for value in raw.values]
        words = np.array([word in _YES or word in _NO for word in said] + [False])[raw.codes]
        if not words.any():
            continue
        yes |= np.array([word in _YES for word in said] + [False])[raw.codes]
        columns[position] = Cells(np.where(words, -1, raw.codes).astype(np.int32), raw.values)
    return replace(sheet, columns=columns), yes


def read_appeals(out: dict[str, Cells], yes: np.ndarray, sheet: Sheet, notes: Notes) -> set[int]:
    """Leave the appeal facts of rows that state an appeal; return positions that are not about one.

    A row states an appeal by a day it was filed, by `yes`, by a heading that names appeals, by a column
    of outcomes that are all an appeal's (a tracker's), or by a word that only appeals have (an outcome `Won`, a case status `Appeal Started`). The outcome of a claim (`Outcome`, `Status`) is not one: where
    the file has no claim status, it is that. `appeal_stated` marks rows whose appeal has
    no other fact: it counts as on file, and its clock goes on until the filing is known.
    """
    stated = yes.copy()
    if "appeal_filed" in out:
        stated |= out["appeal_filed"].codes >= 0
    named = {column: _names_appeals(sheet, column) for column in _DOUBTFUL if column in out}
    if "appeal_outcome" in named and sheet.decisions.about_appeals:
        named["appeal_outcome"] = True
    for column, about in named.items():
        if about:
            stated |= _states(out[column], column)
    words = sheet.match.layout
    stated |= _says_one_of(sheet, "appeal_outcome", words.appeal_words)
    stated |= _says_one_of(sheet, "case_status", words.appeal_statuses)
    unused: set[int] = set()
    for column, about in named.items():
        if about:
            continue
        cells = out[column]
        said = _written_in(sheet, column)
        codes = np.where(stated, cells.codes, -1).astype(cells.codes.dtype)
        notes.forget(sheet.rows[said & ~stated], column)  # what its cells say is about the claim
        if column == "appeal_outcome" and "claim_status" not in out:
            raw = sheet.columns[sheet.match.positions[column][0]]
            status = np.where(stated, -1, raw.codes).astype(raw.codes.dtype)
            out["claim_status"] = Cells(status, raw.values)
        elif not (codes >= 0).any():
            unused |= set(sheet.match.positions[column])
        notes.count(
            sheet.rows[said & ~stated], column, "not_of_an_appeal",
            f"with something in {column} but nothing else about an appeal: not read as an appeal",
        )  # fmt: skip
        out[column] = Cells(codes, cells.values)
    level = out.get("appeal_level")
    written = level.codes >= 0 if level is not None else np.zeros(len(sheet.rows), dtype=bool)
    name_levels(out, sheet.match.layout, sheet, notes)
    _settle_outcomes(out)
    # a level that could not be read is still an appeal on file
    marked = (stated & ~_decided_or_dated(out)) | written
    if marked.any():
        out["appeal_stated"] = Cells(np.where(marked, 0, -1), ["stated"])
    bare = stated & ~_decided_or_dated(out) & ~written
    notes.count(
        sheet.rows[bare], "appeal_filed", "appeal_without_day",
        "with an appeal that has no filing date: the deadline still runs; add the date",
    )  # fmt: skip
    return unused


def _written_in(sheet: Sheet, column: str) -> np.ndarray:
    found = np.zeros(len(sheet.rows), dtype=bool)
    for position in sheet.match.positions[column]:
        found |= sheet.columns[position].codes >= 0
    return found


def _says_one_of(sheet: Sheet, column: str, words: tuple[str, ...]) -> np.ndarray:
    """Return which rows have one of these words, which only an appeal has, whatever the heading."""
    known = {plain(word) for word in words}
    found = np.zeros(len(sheet.rows), dtype=bool)
    for position in sheet.match.positions.get(column, ()):
        cells = sheet.columns[position]
        found |= np.array([plain(v) in known for v in cells.values] + [False])[cells.codes]
    return found


def _names_appeals(sheet: Sheet, column: str) -> bool:
    positions = sheet.match.positions.get(column, ())
    headings = [sheet.headings[p] for p in positions]
    return any(_ABOUT.search(heading) for heading in headings)


def _states(cells: Cells, column: str) -> np.ndarray:
    """Return which rows state an appeal by this column, whose heading names appeals."""
    if column != "appeal_outcome":
        return cells.codes >= 0
    said = [value not in ("undecided", "not_appealed") for value in cells.values]
    return np.array([*said, False])[cells.codes]


def _settle_outcomes(out: dict[str, Cells]) -> None:
    """Leave the outcomes of decisions: an appeal that goes on has none yet."""
    cells = out.get("appeal_outcome")
    if cells is None:
        return
    decided = np.array([value not in NO_OUTCOME for value in cells.values] + [False])[cells.codes]
    out["appeal_outcome"] = Cells(
        np.where(decided, cells.codes, -1).astype(cells.codes.dtype), cells.values
    )


def _decided_or_dated(out: dict[str, Cells]) -> np.ndarray:
    count = len(next(iter(out.values())).codes)
    found = np.zeros(count, dtype=bool)
    for column in ("appeal_filed", "appeal_decided", "appeal_outcome"):
        if column in out:
            found |= out[column].codes >= 0
    return found
