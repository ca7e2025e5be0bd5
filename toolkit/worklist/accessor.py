"""`df.denials.classify()`: what the rows of any frame are, beside the plain function `classify_frame`.

Import this module once and every frame with the columns has the accessor:

    import toolkit.accessor
    answers = df.denials.classify()

It holds no state, and asks what the codes say once per distinct key (`toolkit.worklist.keys.ask`).
"""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from toolkit.denials import classify, codes, hardness, normalize_text
from toolkit.denials.second_look import second_look
from toolkit.denials.services import is_drug, service_of
from toolkit.worklist.keys import ask, each

COLUMNS = ("group_code", "carc", "rarcs", "denial_text", "procedure_code", "program")

# One of these has to be there: without a reason there is nothing to classify.
_ONE_OF = ("carc", "denial_text")


@pd.api.extensions.register_dataframe_accessor("denials")
class DenialsAccessor:
    """The denials of a frame with a column carc or denial_text; AttributeError where it has neither."""

    def __init__(self, frame: pd.DataFrame) -> None:
        _check(frame)
        self._frame = frame

    def classify(self) -> pd.DataFrame:
        """Return what each row is and what to do about it: see `classify_frame`."""
        return classify_frame(self._frame)


def classify_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row per row of the frame, with its index: what the denial is, and what to do.

    Reads the columns group_code, carc, rarcs (a text or a list), denial_text, procedure_code and
    program, those that are there; `16.0`, `co16`, blanks and missing cells are understood. Gives the
    fields of `Denial`, `hardness`, `second_look` (ids) and `findings`: what could not be read, by
    column. Texts are categories. `attrs["findings"]` counts them: row (the first, from 1), column,
    code, says, rows. The frame is left as it was. Raises AttributeError where neither carc nor
    denial_text is a column.
    """
    _check(frame)
    there = [name for name in COLUMNS if name in frame.columns]
    keys = pd.DataFrame({name: _texts(frame, name) for name in there}, index=frame.index)
    if "procedure_code" in there:
        keys["procedure_code"] = _services(keys["procedure_code"])
    keys = keys.reset_index(drop=True)
    answers = ask(keys, there, _answer, categories=True).set_axis(frame.index)
    answers = answers.astype({"appealable": bool, "is_denial": bool})
    answers.attrs["findings"] = _counted(answers["findings"])
    return answers


def _check(frame: pd.DataFrame) -> None:
    if not any(name in frame.columns for name in _ONE_OF):
        raise AttributeError(
            f"denials: the frame has no column {' or '.join(_ONE_OF)}; columns read: "
            f"{', '.join(COLUMNS)}. Rename yours to these."
        )
    twice = [name for name in COLUMNS if list(frame.columns).count(name) > 1]
    if twice:
        raise AttributeError(f"denials: the frame has the column {twice[0]} twice")


def _texts(frame: pd.DataFrame, name: str) -> pd.Series:
    """Return a column as text that may be a key; each distinct cell is put into words once."""
    column = frame[name]
    if column.dtype == "object":
        column = column.map(_cell)  # a list of remark codes is no key
    if name != "denial_text":
        return each(column, _cell)

    def plain(value: Any) -> str | None:
        text = _cell(value)
        return normalize_text(text) if text else None

    return each(column, plain)


def _services(procedure_codes: pd.Series) -> pd.Series:
    """Return one code for all of the same family: a code matters only by what it is one of."""
    first: dict[tuple[str, str], str] = {}
    return each(
        procedure_codes,
        lambda code: first.setdefault((service_of(code), is_drug(code)), code),
    )


def _cell(value: Any) -> str | None:
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return " ".join(text for one in value if (text := _cell(one)))
    return None if pd.isna(value) else str(value)


def _answer(**there: str | None) -> dict[str, Any]:
    cells = dict.fromkeys(COLUMNS) | there
    given: dict[str, Any] = {name: cells[name] for name in ("group_code", "carc", "program")}
    given |= {"rarcs": cells["rarcs"] or "", "text": cells["denial_text"]}
    denial = classify(**given)
    looks = second_look(denial, procedure_code=cells["procedure_code"], **given)
    answer = {name: getattr(denial, name) for name in denial.__struct_fields__}
    return answer | {
        "warnings": "; ".join(denial.warnings),
        "hardness": hardness(denial),
        "second_look": " ".join(look.id for look in looks),
        "findings": "; ".join(f"{column}: {FINDINGS[code]}" for column, code in findings_of(cells)),
    }


FINDINGS = {
    "no_reason": "no code and no text give a reason",
    "not_a_code": "holds no single code that can be read",
    "not_on_file": "the code is not on file",
    "not_a_group": "is not a group code (CO, PR, OA, PI, CR)",
    "part_not_read": "a part of it is not a remark code",
    "not_a_program": "is not a program that the rules know",
}


def findings_of(cells: dict[str, str | None]) -> list[tuple[str, str]]:
    """Return (column, kind) of what could not be read as what it is. Never the cell's content."""
    found = []
    group = codes.read_group(cells["group_code"] or "")
    carc, raw = codes.read_carc(cells["carc"] or "")[1], codes.read_group(cells["carc"] or "")
    remarks, whole = codes.read_rarcs(cells["rarcs"] or "")
    in_group = codes.read_carc(group)
    swapped = raw in codes.group_codes() and in_group[1] in codes.carcs()
    both = in_group[0] and in_group[1] in codes.carcs()  # CO-16 in one cell is safe to read
    if group and group not in codes.group_codes() and not swapped and not both:
        found.append(("group_code", "not_a_group"))
    if raw and not carc and not swapped and not codes.read_rarcs(raw)[0]:
        found.append(("carc", "not_a_code"))
    elif carc and carc not in codes.carcs():
        found.append(("carc", "not_on_file"))
    elif not raw and not remarks and not (cells["denial_text"] or "").strip():
        found.append(("carc", "no_reason"))
    if not whole:
        found.append(("rarcs", "part_not_read"))
    elif any(remark not in codes.rarcs() for remark in remarks):
        found.append(("rarcs", "not_on_file"))
    if cells["program"] and cells["program"] not in _programs():
        found.append(("program", "not_a_program"))
    return found


def _programs() -> tuple[str, ...]:
    from toolkit.law import programs

    return programs()


def _counted(findings: pd.Series) -> list[dict[str, Any]]:
    """Return each kind of finding once: its first row, column, kind, words, and how many rows."""
    number, distinct = pd.factorize(findings.reset_index(drop=True))
    sizes = pd.Series(number).groupby(number).size()
    first = pd.Series(range(len(number))).groupby(number).first()
    counted: dict[tuple[str, str], dict[str, Any]] = {}
    says = {words: kind for kind, words in FINDINGS.items()}
    for at, cell in enumerate(distinct):
        for part in filter(None, cell.split("; ")):
            column, _, words = part.partition(": ")
            entry = counted.setdefault(
                (column, words),
                {"row": int(first[at]) + 1, "column": column, "code": says[words], "says": words,
                 "rows": 0},
            )  # fmt: skip
            entry["row"] = min(entry["row"], int(first[at]) + 1)
            entry["rows"] += int(sizes[at])
    return list(counted.values())


__all__ = ["COLUMNS", "FINDINGS", "DenialsAccessor", "classify_frame", "findings_of"]
