"""The rows job as a good analyst writes it without the toolkit: lookup tables, merges, dates.

The lookup tables (codes, rules, working days) lie ready before the clock runs, as an analyst keeps
them in files. They are filled from the rules on file, so that the answers can be compared; the
joins and the date arithmetic are written again here, on purpose, and know only what this job needs:
notices from the autumn of 2023 on, levels of appeal as the program names them.
"""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from toolkit.denials import classify, normalize_text
from toolkit.law import program, programs
from toolkit.law.calendar import next_working_day, off_day, previous_working_day
from toolkit.law.pathway import next_step

FIRST, LAST = date(2023, 8, 1), date(2031, 12, 31)
PROBE = date(2026, 3, 2)
CODES = ("group_code", "carc", "rarcs")
EVENT = ("last_level", "outcome", "nature", "band")
ANSWERED = ("denial_category", "barred", "nature")
CONTRACTED = ("contracted", "not_contracted", "")
# The one window on file that counts working days is 30, its first day counted.
COUNTED_WORKING_DAYS = 29
STAGES = ("payment", "pre_service", "prior_authorization", "concurrent", "part_b_drug")


def code_table(combinations: pd.DataFrame) -> pd.DataFrame:
    """Return the code map: one row per group code, CARC and remarks that the export holds."""
    rows = []
    for group, carc, rarcs in combinations[list(CODES)].itertuples(index=False, name=None):
        found = classify(group or None, carc, tuple((rarcs or "").split()))
        nature = "clinical" if found.nature == "clinical" else "other"
        rows.append((group, carc, rarcs, found.denial_category, not found.appealable, nature))
    return pd.DataFrame(rows, columns=[*CODES, *ANSWERED])


def text_answer(text: str) -> tuple[str, bool, str]:
    """Return category, whether no appeal lies, and nature of a denial with words and no code."""
    found = classify(None, None, (), text=normalize_text(text) if text else None)
    nature = "clinical" if found.nature == "clinical" else "other"
    return found.denial_category, not found.appealable, nature


def thresholds() -> tuple[int, ...]:
    """Return the dollars at which some level of appeal begins to exist, in order."""
    found = {
        rule.minimum_amount.dollars
        for name in programs()
        for level in program(name).levels
        for rule in level.filing
        if rule.minimum_amount
    }
    return tuple(sorted(found))


def rule_table() -> pd.DataFrame:
    """Return the dated rules: one row per program, contract status, stage, last event and first day.

    The last event is '' in all its columns where nothing was filed; `band` says between which
    thresholds the dollars lie. `state` is that of the next step; for file there are the window
    (days, months or working days), what starts it, the presumed days of receipt, whether the last
    day rolls, and the days of a second, earlier reading counted from the notice (missing: none).
    """
    rows = []
    for name in programs():
        for contracted in CONTRACTED:
            for stage in STAGES:
                who = {"stage": stage, "contracted": contracted or None}
                rows += _rules(name, (name, contracted, stage, "", "", "", 0), who)
                for level in program(name).levels:
                    rows += _after(name, contracted, level.id, who)
    frame = pd.DataFrame(rows, columns=[*RULED_BY, *_RULE])
    for column in ("from", "until"):
        frame[column] = pd.to_datetime(frame[column]).astype("datetime64[us]")
    return frame


RULED_BY = ("program", "contracted", "stage", *EVENT)
_RULE = (
    "from", "until", "state", "days", "months", "working_days", "from_receipt", "presumed", "rolls",
    "safe_days",
)  # fmt: skip


def _after(name: str, contracted: str, level: str, who: dict[str, Any]) -> list[tuple]:
    rows = []
    for outcome in ("upheld", "partly_overturned"):
        for nature in ("clinical", "other"):
            for band, dollars in enumerate((0, *thresholds())):
                key = (name, contracted, who["stage"], level, outcome, nature, band)
                event = {"last_level": level, "filed": True, "outcome": outcome, "amount": dollars,
                         "nature": nature if nature == "clinical" else "technical"}  # fmt: skip
                rows += _rules(name, key, who | event)
    return rows


def _asked(name: str, given: dict[str, Any], day: date, *, received: bool = True) -> Any:
    """Return the next step with its clock begun on a day: by a notice, or by a decision."""
    if given.get("filed"):
        return next_step(name, **given, decided_on=day)
    return next_step(name, **given, notice_date=day, received=day if received else None)


def _rules(name: str, key: tuple, given: dict[str, Any]) -> list[tuple]:
    step = _asked(name, given, PROBE)
    if step.state != "file":
        return [(*key, FIRST, LAST, step.state, 0, 0, 0, False, None, False, None)]
    rows = []
    for rule in program(name).level(step.level).filing:
        if rule.window is None:  # no last day, as after a decision that was missed: not of this job
            continue
        day = max(rule.applies_from, FIRST)
        until = rule.applies_until or LAST
        then = _asked(name, given, day) if until >= day else None
        # Of the rules for other filers and stages the toolkit takes none on a day inside them.
        if then is None or not then.deadline or then.deadline.applies_from != rule.applies_from:
            continue
        window = _window(rule, then.deadline)
        presumed = rule.presumption.days if rule.presumption else None
        rolls = bool(rule.roll) and rule.roll.force == "law"
        rows.append((*key, day, until, "file", *window, rule.starts == "receipt", presumed, rolls,
                     _safe_days(name, given, rule, day)))  # fmt: skip
    return rows


def _window(rule: Any, deadline: Any) -> tuple[int, int, int]:
    """Return days, months and working days of a window; all but one are 0."""
    span = rule.window
    if span.unit == "business_days":
        return 0, 0, span.count - 1
    if span.unit == "days":
        return span.count - span.first_day_counts, 0, 0
    return 0, span.count * {"months": 1, "years": 12}[span.unit], 0


def _safe_days(name: str, given: dict, rule: Any, day: date) -> int | None:
    """Return the days of the earlier reading from the notice, None where the rule has none."""
    for reading in rule.readings:
        found = _asked(name, given, day + timedelta(days=1), received=False)
        if found.deadline and any(reading.says in one.what for one in found.deadline.steps):
            return reading.window.count
    return None


def working_days() -> pd.DataFrame:
    """Return for each day itself, the working day at or after it, the one before, the 29th after."""
    days = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days)]
    frame = pd.DataFrame(
        {
            "day": days,
            "next": [next_working_day(one) for one in days],
            "previous": [previous_working_day(one) for one in days],
        }
    ).astype("datetime64[us]")
    day = frame["day"].to_numpy().astype("datetime64[D]")
    later = np.busday_offset(day, COUNTED_WORKING_DAYS, roll="forward", holidays=holidays())
    frame[f"after_{COUNTED_WORKING_DAYS}"] = later.astype("datetime64[us]")
    return frame


def holidays() -> np.ndarray:
    """Return the days of the week that are no working days."""
    days = (FIRST + timedelta(days=n) for n in range((LAST - FIRST).days))
    return np.array([one for one in days if one.weekday() < 5 and off_day(one)], "datetime64[D]")


def no_appeal() -> pd.DataFrame:
    """Return program and category of the denials that the program's own law lets nobody appeal."""
    rows = [
        (name, category)
        for name in programs()
        for rule in program(name).no_appeal
        for category in rule.denial_categories
    ]
    return pd.DataFrame(rows, columns=["program", "denial_category"]).assign(shut=True)


def tables(codes: pd.DataFrame) -> dict[str, Any]:
    """Return every lookup table of the job."""
    return {
        "codes": code_table(codes),
        "rules": rule_table(),
        "holidays": holidays(),
        "no_appeal": no_appeal(),
    }


def vectorized(rows: pd.DataFrame, lookup: dict[str, Any], as_of: date) -> pd.DataFrame:
    """Return denials and cents by payer, category, month and due state: merge, merge_asof, numpy.

    `rows` has program, contracted, stage, the codes, denial_text, the days, the last appeal, payer_name
    and denied_cents.
    """
    names = [*CODES, "denial_text", "program", "contracted", "stage", "last_level", "outcome"]
    rows = rows.assign(**rows[names].fillna({"stage": "payment"}).fillna(""))
    found = rows.merge(lookup["codes"], on=list(CODES), how="left")
    wordy = found["carc"].eq("") & found["rarcs"].eq("")
    texts = found.loc[wordy, "denial_text"]
    answers = {text: text_answer(text) for text in texts.unique()}
    for at, name in enumerate(ANSWERED):
        found.loc[wordy, name] = texts.map(lambda text, at=at: answers[text][at])
    filed = found["last_level"].ne("")
    over = filed & found["outcome"].isin(["overturned", "withdrawn"])
    waiting = filed & found["outcome"].eq("")
    found["starts"] = found["notice_date"].mask(filed, found["decided_on"])
    found["received"] = found["notice_received"].mask(filed)
    found["band"] = np.searchsorted(thresholds(), found["denied_cents"] // 100, side="right")
    found["nature"] = found["nature"].where(filed, "")
    found["band"] = found["band"].where(filed, 0)
    by = list(RULED_BY)
    found["place"] = np.arange(len(found))
    dated = found[found["starts"].notna() & ~over].sort_values("starts")
    rules = lookup["rules"].sort_values("from")
    dated = pd.merge_asof(dated, rules, left_on="starts", right_on="from", by=by)
    last, safe = deadlines(dated, lookup["holidays"])
    due = np.full(len(found), "no_date", dtype=object)
    due[dated["place"].to_numpy()] = _due(dated, last, safe, np.datetime64(as_of, "D"))
    shut = found[["program", "denial_category"]].merge(lookup["no_appeal"], how="left")["shut"]
    stopped = found["barred"].astype(bool).to_numpy() | shut.notna().to_numpy()
    found["due"] = np.select(
        [over, waiting, stopped], ["closed", "awaiting_decision", "no_appeal_right"], due
    )
    # The notice that counts: a decision that starts the next clock, else the denial's own.
    goes_on = np.zeros(len(found), dtype=bool)
    goes_on[dated["place"].to_numpy()] = dated["state"].isin(["file", "nothing_to_file"])
    goes_on &= filed.to_numpy() & ~over.to_numpy() & ~waiting.to_numpy() & shut.isna().to_numpy()
    found["month"] = found["notice_date"].mask(goes_on, found["decided_on"]).dt.strftime("%Y-%m")
    by = ["payer_name", "denial_category", "month", "due"]
    totals = found.groupby(by, dropna=False, observed=True)["denied_cents"].agg(["size", "sum"])
    return totals.reset_index()


def deadlines(dated: pd.DataFrame, holidays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return last filing date and safe date of each row, NaT where there is none."""
    notice = dated["starts"].to_numpy().astype("datetime64[D]")
    received = dated["received"].to_numpy().astype("datetime64[D]")
    presumed = notice + _days(dated["presumed"])
    start = np.where(
        dated["from_receipt"].eq(True),
        np.where(np.isnat(received), np.where(np.isnat(presumed), notice, presumed), received),
        notice,
    )
    end = _ended(start, dated, holidays)
    early = _ended(presumed, dated, holidays)
    late_receipt = ~np.isnat(received) & ~np.isnat(presumed) & (presumed < received)
    safe = np.where(late_receipt, np.minimum(end, early), end)
    other = notice + _days(dated["safe_days"])
    safe = np.where(np.isnat(other) | np.isnat(safe), safe, np.minimum(safe, other))
    rolls = dated["rolls"].eq(True).to_numpy()
    last = np.where(rolls, _working(end, "forward", holidays), end)
    wrong = received < notice
    nothing = wrong | dated["state"].ne("file").to_numpy()
    last[nothing] = np.datetime64("NaT")
    return last, _working(np.where(nothing, np.datetime64("NaT"), safe), "backward", holidays)


def _days(column: pd.Series) -> np.ndarray:
    number = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    whole = np.where(np.isnan(number), 0, number).astype("timedelta64[D]")
    return np.where(np.isnan(number), np.timedelta64("NaT"), whole)


def _ended(start: np.ndarray, dated: pd.DataFrame, holidays: np.ndarray) -> np.ndarray:
    end = start + _days(dated["days"])
    months = dated["months"].fillna(0).to_numpy().astype(int)
    if months.any():
        month = start.astype("datetime64[M]") + months
        day = (start - start.astype("datetime64[M]")).astype("timedelta64[D]")
        last = (month + 1).astype("datetime64[D]") - np.timedelta64(1, "D")
        by_month = np.minimum(month.astype("datetime64[D]") + day, last)
        end = np.where(months > 0, by_month, end)
    working = dated["working_days"].fillna(0).to_numpy().astype(int)
    counted = (working > 0) & ~np.isnat(start)
    if counted.any():
        end[counted] = np.busday_offset(
            start[counted], working[counted], roll="forward", holidays=holidays
        )
    return end


def _working(day: np.ndarray, way: str, holidays: np.ndarray) -> np.ndarray:
    there = ~np.isnat(day)
    moved = day.copy()
    moved[there] = np.busday_offset(day[there], 0, roll=way, holidays=holidays)
    return moved


def _due(dated: pd.DataFrame, last: np.ndarray, safe: np.ndarray, as_of: np.datetime64) -> Any:
    there = ~np.isnat(safe)
    return np.select(
        [
            dated["state"].eq("no_appeal_right"),
            dated["state"].eq("nothing_to_file"),
            ~there,
            there & (last < as_of),
            there & (safe < as_of),
            there & (safe - as_of < np.timedelta64(7, "D")),
        ],
        ["no_appeal_right", "nothing_to_file", "no_date", "overdue", "past_safe_date",
         "due_this_week"],
        "due_later",
    )  # fmt: skip
