"""stub"""

from toolkit.claims.grids import Grid
from toolkit.claims.sheets import cell_text
from toolkit.errors import ExportError


def grids(path):
    import python_calamine

    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        return [
            Grid(
                [
                    [cell_text(c) for c in r]
                    for r in book.get_sheet_by_index(i).to_python(skip_empty_area=False)
                ],
                name=f"sheet {i + 1}",
                serial_dates=True,
            )
            for i in range(len(book.sheet_names))
        ]
    except Exception:
        raise ExportError(
            f"{path.name}: is damaged or not an .xlsx workbook; save it again as .xlsx"
        ) from None
