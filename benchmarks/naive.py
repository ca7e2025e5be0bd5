"""The rows job by the scalar functions, row after row: as it is first written, and with memory."""

from datetime import date
from functools import lru_cache
from typing import Any

import pandas as pd

from toolkit.denials import classify, normalize_text
from toolkit.hospital import Hospital
from toolkit.worklist.questions import payer_question, step_question

# What one row of the job is asked.
ASKED = (
    "payer_id", "payer_name", "plan_name", "program", "contracted", "stage", "group_code", "carc",
    "rarcs", "denial_text", "notice_date", "notice_received", "last_level", "filed_on",
    "decided_on", "outcome",
)  # fmt: skip
DENIED = "denied_cents"  # as whole cents; the files hold dollars with two decimals


def functions(as_of: date) -> tuple[Any, Any, Any]:
    """Return the scalar functions: who pays under what program, what the denial is, what is due."""
    who = payer_question(Hospital.unknown()).of
    step = step_question(Hospital.unknown(), as_of=as_of)

    def program_of(payer_id, payer_name, plan_name, program, contracted):
        found = who(
            claim_filing_indicator=None, program=program, contracted=contracted,
            payer_id=payer_id, payer_name=payer_name, plan_name=plan_name,
        )  # fmt: skip
        return found["program"], found["contracted"], found["program_gap"]

    def category_of(group_code, carc, rarcs, text, program):
        text = normalize_text(text) if text else None
        return classify(group_code, carc, tuple((rarcs or "").split()), text=text, program=program)

    def due_of(
        program, contracted, gap, stage, category, nature, why_not, notice, received, level, filed,
        decided_on, outcome, dollars,
    ):  # fmt: skip
        facts = dict.fromkeys(step.keys) | {
            "program": program, "contracted": contracted, "program_gap": gap,
            "stage": stage or "payment", "denial_category": category, "nature": nature,
            "why_not": why_not, "notice_date": notice, "notice_received": received,
            "last_level": level, "filed": filed, "decided_on": decided_on, "outcome": outcome,
            "amount": dollars, "closed": False,
        }  # fmt: skip
        found = step.of(**facts)
        return found["due"], found["from_decision"]

    return program_of, category_of, due_of


def due_of_row(row: Any, asked: tuple[Any, Any, Any]) -> pd.Series:
    """Return category, month and due state of one row of a frame."""
    found = _walked(*(_none(row[name]) for name in (*ASKED, DENIED)), asked)
    return pd.Series(found, index=["denial_category", "month", "due"])


def applied(frame: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Return the totals by `apply(axis=1)`, the way that lies nearest."""
    asked = functions(as_of)
    found = frame.apply(due_of_row, axis=1, asked=asked)
    found["payer_name"], found[DENIED] = frame["payer_name"], frame[DENIED]
    return _totals(found)


def looped(frame: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Return the totals by a loop over columns, every function remembering what it was asked."""
    asked = tuple(lru_cache(maxsize=None)(one) for one in functions(as_of))
    columns = [_plain(frame[name]) for name in (*ASKED, DENIED)]
    found = [_walked(*values, asked) for values in zip(*columns, strict=True)]
    out = pd.DataFrame(found, columns=["denial_category", "month", "due"])
    out["payer_name"], out[DENIED] = frame["payer_name"].to_numpy(), frame[DENIED].to_numpy()
    return _totals(out)


def _walked(
    payer_id, payer_name, plan_name, program, contracted, stage, group, carc, rarcs, text, notice,
    received, level, filed_on, decided_on, outcome, cents, asked,
):  # fmt: skip
    program_of, category_of, due_of = asked
    program, contracted, gap = program_of(payer_id, payer_name, plan_name, program, contracted)
    denial = category_of(group, carc, rarcs, text, program)
    why_not = None if denial.appealable else denial.why_not
    filed = bool(level or filed_on or decided_on or outcome)
    # What cannot change the answer is left out, or nothing would ever be asked twice.
    dollars = None if outcome is None else cents // 100
    due, from_decision = due_of(
        program, contracted, gap, stage, denial.denial_category, denial.nature, why_not,
        None if filed else notice, None if filed else received, level, filed, decided_on, outcome,
        dollars,
    )  # fmt: skip
    day = decided_on if from_decision else notice
    return denial.denial_category, day.strftime("%Y-%m") if day else None, due


def _totals(found: pd.DataFrame) -> pd.DataFrame:
    by = ["payer_name", "denial_category", "month", "due"]
    return found.groupby(by, dropna=False)[DENIED].agg(["size", "sum"]).reset_index()


def _none(cell: Any) -> Any:
    if cell is None or cell != cell:
        return None
    return cell.date() if isinstance(cell, pd.Timestamp) else cell


def _plain(column: pd.Series) -> list:
    missing = column.isna().to_numpy()
    values = (
        [day.date() if day is not pd.NaT else None for day in column]
        if column.dtype.kind == "M"
        else column.tolist()
    )
    return [None if gone else value for value, gone in zip(values, missing, strict=True)]
