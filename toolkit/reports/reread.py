"""Read a workbook back as Excel would, and hold its sums to the metrics and to the rows that it lists."""

from pathlib import Path

from toolkit.errors import ReportError
from toolkit.metrics import Metric, named, tables
from toolkit.reports.kinds import Kind
from toolkit.reports.source import Parcel

# The sheet of rows that a sheet of a report lists, the column of dollars, and what it must add up to.
_OPEN_STAKE = "SELECT coalesce(sum(stake_cents), 0), count(*) FROM denials WHERE due IN {open_}"
_BACK = "SELECT coalesce(sum(recovered_cents), 0), count(*) FROM submissions"
_LISTED = {
    "worklist": ("Worklist", "At stake", _OPEN_STAKE.format(open_=tables.OPEN)),
    "appeals": ("Appeals", "Recovered", _BACK),
}
_GROUPED = {
    "denial_groups": "denials", "payers": "denials", "facilities": "denials", "owners": "denials", "pairs": "denials",
    "appeal_groups": "submissions",
}  # fmt: skip


def check_workbook(path: Path, *, kind: Kind, given: Parcel) -> None:
    """Raise ReportError where a sum of the written workbook is another than the report's.

    The headline's values are those of the metrics, the groups of each sheet add up to all, and the
    rows that a sheet lists, where it lists all, add up to what the cards say.
    """
    from python_calamine import load_workbook

    book = load_workbook(path)
    measures = named(*kind.metrics)
    metrics = given.facts.measure(measures)[None]
    wrong = []
    if "headline" in kind.sheets:
        rows = _rows(book, "Headline")
        shown = {row[0]: row[1] for row in rows[1:]}
        wrong += [
            f"Headline, {one.name}"
            for one in metrics
            if _cell(one) is not None and not _same(shown.get(one.name), _cell(one))
        ]
    for sheet, table in _GROUPED.items():
        if sheet in kind.sheets:
            adding = [
                one.definition.name
                for one in measures
                if one.row.kind in ("count", "dollars") and one.row.from_table == table
            ]
            names = [name for name in book.sheet_names if name.startswith("By ")]
            wrong += [fault for name in names for fault in _groups(book, name, adding)]
    for sheet, (name, column, query) in _LISTED.items():
        if sheet in kind.sheets:
            [(cents, count)] = given.facts.rows(query)
            rows = _rows(book, name)
            head = next(n for n, row in enumerate(rows) if column in row)
            listed = rows[head + 1 :]
            at = rows[head].index(column)
            total = sum(round(row[at] * 100) for row in listed if isinstance(row[at], float))
            if len(listed) == count and total != int(cents):
                wrong.append(f"{name}, {column}")
    if wrong:
        raise ReportError(
            f"{path.name}: sums of the workbook are not those of the report: {'; '.join(wrong)}"
        )


def _rows(book, name: str) -> list[list]:
    return book.get_sheet_by_name(name).to_python(skip_empty_area=True)


def _groups(book, name: str, adding: list[str]) -> list[str]:
    """Return the columns of a sheet of groups whose rows do not add up to the last one."""
    rows = _rows(book, name)
    if len(rows) < 2 or rows[-1][0] != "All":
        return []
    found = []
    for place, heading in enumerate(rows[0]):
        cells = [row[place] for row in rows[1:]]
        if heading in adding and all(isinstance(cell, float) for cell in cells):
            *groups, whole = (round(cell * 100) for cell in cells)
            if sum(groups) != whole:
                found.append(f"{name}, {heading}")
    return found


def _cell(one: Metric) -> float | None:
    """Return what the headline's cell of a metric is, None where it is words."""
    if one.value is None or (one.unit == "cents" and one.left_out):
        return None
    return one.value / 100 if one.unit == "cents" else one.value


def _same(cell: object, value: float) -> bool:
    return isinstance(cell, int | float) and abs(cell - value) < 1e-6
