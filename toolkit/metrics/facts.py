"""Narrow facts of a source: one row per denial, per appeal submitted, per claim, and counts of lines.

No column may identify a patient. Parts of a source give facts that are put one below the other: every
number of a report is a sum over them (`toolkit.metrics.parcel`).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from toolkit.claims.tables import Claims, conform
from toolkit.hospital.payers import SELF_PAY, is_self_pay

if TYPE_CHECKING:
    import duckdb

# An appeal that ended on its merits; a dismissed or withdrawn one was never decided.
DECIDED = ("overturned", "partly_overturned", "upheld")
WON = ("overturned", "partly_overturned")
OUTCOMES = (*DECIDED, "dismissed", "withdrawn")

# A due state that reports tell apart: a decision is dated, and its outcome is not known.
NOT_READ = "outcome_not_read"

_WORK = (
    "denial_key", "claim_key", "line_key", "file_id", "row", "payer_id", "payer_name", "facility",
    "owner", "program", "level", "denial_category", "reason", "route", "preventable", "appealable",
    "group_code", "carc", "rarcs", "other_reasons", "gap", "citation", "rule_status", "due", "state",
    "state_from", "last_level", "filed_on", "decided_on", "outcome", "file_by", "last_filing_date",
    "denied_cents", "billed_cents", "patient_control_number", "service_from", "procedure_code",
    "decision_due",
)  # fmt: skip
_CLAIM = (
    "claim_key", "file_id", "row", "payer_id", "payer_name", "facility", "program", "case_status",
    "claim_status", "is_reversal", "notice_date", "remittance_date", "billed_cents", "paid_cents",
    "patient_control_number", "frequency_code", "service_from",
)  # fmt: skip
_LINE = (
    "claim_key", "line_key", "procedure_code", "modifiers", "service_from",
    "billed_cents", "paid_cents",
)  # fmt: skip
_EVENT = (
    "claim_key", "line_key", "file_id", "row", "level", "filed_on", "received_on", "decided_on",
    "outcome", "recovered_cents",
)  # fmt: skip
_ADJUSTMENT = ("claim_key", "line_key", "group_code", "carc", "amount_cents")
_RECORDED = ("claim_key", "line_key", "event", "day", "amount_cents")
_A_PERSON_HAS = 50  # claims at most, of one payer
_ACTED = (
    "corrected_claim_sent", "records_sent", "filed", "paid", "written_off", "closed_in_tracker",
)  # fmt: skip
_ENDED = ("paid", "written_off", "closed_in_tracker")

# Claim statuses (CLP02) of a second or third payer, and the frequency codes of a rebill.
_SECONDARY = ("2", "3", "20", "21")
_REBILLS = ("7", "8")


@dataclass(frozen=True, eq=False)
class FactTables:
    """The facts of a source or of a part of it, as Arrow tables.

    `denials`: one row per denial of the worklist. `denied_cents` counts a charge that two payers
    deny once, `stake_cents` is what appeals have not brought back, `recovered_cents` what they have;
    where a closed denial was won and the amount is not stated, neither the stake is known nor
    `known_back_cents`. `paid_back_cents` is what the payer paid later without an appeal, and
    `resolved_on` the day a closed denial ended, where either is known.
    `submissions`: one row per appeal, which is a claim, a level, a day of filing and of decision; its
    outcome is derived from its lines, `unread` where one of them has none though the appeal has ended,
    `dispute_cents` is what was still denied when it was filed.
    `claims`: one row per decision of a claim, reversals left out, and the cases made of letters, whose
    claims are in no file: the day, whether anything of it
    was denied, whether that was the claim's first denial, whether it is a rebill. `lines`: service
    lines by month, payer, procedure and denial code, counted. `bridge`: the adjustments that are
    denials of the worklist, and those that are not, by code, payer and facility.

    A payer whose name is a person's, as with self-pay, stands under `SELF_PAY` (`without_persons`).
    """

    denials: pa.Table
    submissions: pa.Table
    claims: pa.Table
    lines: pa.Table
    bridge: pa.Table


TABLES = tuple(one.name for one in fields(FactTables))


def facts_of(
    claims: Claims, worklist: pd.DataFrame, *, as_of: date
) -> tuple[FactTables, pd.DataFrame]:
    """Return the facts of these claims and their worklist, and what was found wrong with amounts.

    All rows of a claim number have to be among them. The findings are rows of FINDINGS.
    """
    from toolkit.history import seen_on  # a notebook that opens facts needs none of it

    claims = seen_on(claims, as_of)
    claims, worklist = without_persons(claims, worklist)
    with _connected(claims, worklist) as db:
        for statement in _STEPS:
            db.execute(statement)
        tables = FactTables(*(db.sql(_OUT[name]).to_arrow_table() for name in TABLES))
        found = db.sql(_FOUND).df()
    return tables, _findings(found, claims)


def without_persons(claims: Claims, worklist: pd.DataFrame) -> tuple[Claims, pd.DataFrame]:
    """Return both with one payer for all whose name says self-pay, or is the patient's own name."""
    table = claims.claims
    payer = table["payer_name"]
    names = {name for name in payer.dropna().unique() if is_self_pay(name)}
    counts = payer.map(payer.value_counts())
    rare = table.loc[counts.le(_A_PERSON_HAS) & table["patient_name"].notna()]
    names |= {
        name
        for name, patient in zip(rare["payer_name"], rare["patient_name"], strict=True)
        if _words(patient) <= _words(name)
    }
    names |= set(worklist.loc[worklist["program"].eq("self_pay"), "payer_name"].dropna().unique())
    if not names:
        return claims, worklist

    def masked(frame: pd.DataFrame) -> pd.DataFrame:
        person = frame["payer_name"].isin(names)
        return frame.assign(
            payer_name=frame["payer_name"].astype("str").mask(person, SELF_PAY),
            payer_id=frame["payer_id"].mask(person),
        )

    return replace(claims, claims=masked(table)), masked(worklist)


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w{2,}", text.casefold())) or {text}


@contextmanager
def _connected(claims: Claims, worklist: pd.DataFrame) -> "Iterator[duckdb.DuckDBPyConnection]":
    """Give a database with the rows as `w`, `c`, `l`, `e`, `a`, `r`, `f`, `later` and `codes`."""
    import duckdb

    from toolkit.claims.restated import PLACEHOLDER

    with duckdb.connect(config={"threads": 1, "preserve_insertion_order": False}) as db:
        for name, frame, columns in (
            ("w", worklist, _WORK),
            ("c", claims.claims, _CLAIM),
            ("e", claims.appeal_events, _EVENT),
            ("a", claims.adjustments, _ADJUSTMENT),
            ("l", claims.claim_lines, _LINE),
            ("r", claims.recorded_events, _RECORDED),
        ):
            db.register(name, _arrow(frame, columns))
        db.register("codes", _codes(claims.adjustments))
        files = claims.files[["file_id", "source"]].drop_duplicates("file_id")
        db.register("f", _arrow(files, ("file_id", "source")))
        db.register("later", _later_levels())
        # A number of so many denials is a placeholder: it tells no claims apart.
        db.execute(f"SET VARIABLE placeholder = {PLACEHOLDER}")
        yield db


_TYPES = {
    "row": pa.int64(), "appealable": pa.bool_(), "is_reversal": pa.bool_(),
    **dict.fromkeys(
        ("denied_cents", "billed_cents", "paid_cents", "recovered_cents", "amount_cents"), pa.int64()
    ),
    **dict.fromkeys(
        ("filed_on", "received_on", "decided_on", "file_by", "last_filing_date", "service_from",
         "notice_date", "remittance_date", "decision_due", "day"), pa.timestamp("us"),
    ),
}  # fmt: skip


def _arrow(frame: pd.DataFrame, columns: tuple[str, ...]) -> pa.Table:
    """Return these columns as an Arrow table; categories stay as they are."""
    schema = pa.schema([(name, _TYPES.get(name, pa.large_string())) for name in columns])
    return pa.Table.from_pandas(frame, schema=schema, preserve_index=False)


@cache
def _later_levels() -> pa.Table:
    """Return the levels that come after the first one of a program's ladder, by program.

    Without a program: those that are later in any of them, so that no first one is guessed.
    """
    from toolkit.law import ladder, programs

    rows = []
    for one in programs():
        steps = [level.id for level in ladder(one) if level.place == "ladder"]
        rows += [(one, level) for level in steps[1:]]
    rows += [(None, level) for level in sorted({level for _, level in rows})]
    names = pa.schema([("program", pa.string()), ("level", pa.string())])
    return pa.Table.from_pylist([dict(zip(names.names, row, strict=True)) for row in rows], names)


def _codes(adjustments: pd.DataFrame) -> pa.Table:
    """Return which codes of the adjustments deny: one row per group code and CARC, with its category."""
    from toolkit.denials.classify import classify

    pairs = adjustments[["group_code", "carc"]].drop_duplicates()
    rows = []
    for group, carc in pairs.itertuples(index=False):
        group, carc = (None if pd.isna(one) else one for one in (group, carc))
        category = classify(group, carc).denial_category
        rows.append((group, carc, category, category != "not_a_denial"))
    names = ("group_code", "carc", "category", "denies")
    kinds = (pa.large_string(), pa.large_string(), pa.string(), pa.bool_())
    return pa.Table.from_pylist(
        [dict(zip(names, row, strict=True)) for row in rows],
        pa.schema(list(zip(names, kinds, strict=True))),
    )


def _list(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)


# Each step is one table over the ones before it.
_STEPS = (
    # What a payer denies of a charge that another payer denied already is counted once: of the same
    # line of two claims under one account number, and of two claims with the same charge and day.
    f"""
    CREATE TABLE d AS
    WITH rows AS (
      SELECT w.* REPLACE (CASE WHEN w.reason = 'initial_payment' THEN 0 ELSE w.denied_cents END
          AS denied_cents), row_number() OVER (ORDER BY w.denial_key) AS n,
        coalesce(c.notice_date, c.remittance_date)::DATE AS denied_on,
        c.billed_cents AS claim_billed, c.case_status,
        coalesce(w.payer_id, w.payer_name) AS who, a.claim_key IS NOT NULL AS acted
      FROM w LEFT JOIN c USING (claim_key)
      LEFT JOIN (SELECT DISTINCT claim_key FROM r WHERE event IN ({_list(_ACTED)})) a
        USING (claim_key)),
    several AS (
      SELECT patient_control_number FROM rows WHERE patient_control_number IS NOT NULL
      GROUP BY 1 HAVING min(who) <> max(who) AND count(*) <= getvariable('placeholder')),
    ranked AS (
      SELECT *, row_number() OVER (PARTITION BY claim_key, service_from, procedure_code, billed_cents
        ORDER BY denial_key) AS k
      FROM rows SEMI JOIN several USING (patient_control_number)),
    by_line AS (
      SELECT *, coalesce(sum(coalesce(denied_cents, 0)) OVER charge, 0) AS before,
        min(who) OVER whole IS DISTINCT FROM max(who) OVER whole AS denied_by_two
      FROM ranked
      WINDOW whole AS (PARTITION BY patient_control_number, service_from, procedure_code,
          billed_cents, k),
        charge AS (whole ORDER BY denied_on NULLS LAST, denial_key
          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)),
    by_line_cut AS (
      SELECT * EXCLUDE (before, denied_by_two),
        CASE WHEN denied_by_two AND billed_cents IS NOT NULL AND denied_cents > 0
        THEN greatest(least(denied_cents, billed_cents - before), 0) ELSE denied_cents END AS once
      FROM by_line),
    by_bill AS (
      SELECT *, coalesce(sum(coalesce(once, 0)) OVER bill, 0) AS before,
        min(who) OVER bills IS DISTINCT FROM max(who) OVER bills AS billed_to_two
      FROM by_line_cut
      WINDOW bills AS (PARTITION BY patient_control_number, service_from, claim_billed),
        bill AS (bills ORDER BY denied_on NULLS LAST, denial_key
          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING))
    SELECT * EXCLUDE (k, once, before, billed_to_two),
      CASE WHEN billed_to_two AND claim_billed > 0 AND once > 0
      THEN greatest(least(once, claim_billed - before), 0) ELSE once END AS counted
    FROM by_bill
    UNION ALL BY NAME
    SELECT *, denied_cents AS counted FROM rows ANTI JOIN several USING (patient_control_number)
    """,
    # The unit of an appeal: a claim, a level, a day of filing and of decision.
    """
    CREATE TABLE ev AS
    SELECT *, dense_rank() OVER (ORDER BY claim_key, level, filed_on, decided_on) AS s FROM e
    """,
    # Which denials each appeal disputes, each once, and what the lines themselves say.
    f"""
    CREATE TABLE pairs AS
    SELECT s, n, any_value(counted) AS denied,
      sum(back) AS back, bool_or(by_line) AS by_line
    FROM (
      SELECT ev.s, d.n, d.counted, true AS by_line,
        CASE WHEN ev.outcome IN ({_list(WON)}) THEN ev.recovered_cents END AS back
      FROM ev JOIN d ON ev.line_key = d.line_key
      UNION ALL
      SELECT ev.s, d.n, d.counted, false, NULL
      FROM ev JOIN d ON ev.claim_key = d.claim_key WHERE ev.line_key IS NULL)
    GROUP BY s, n
    """,
    # What each appeal says of itself. Lines that no denial is known for decide only where all are so.
    f"""
    CREATE TABLE said AS
    WITH lines AS (
      SELECT ev.*, ev.line_key IS NULL OR d.n IS NOT NULL AS denied_line,
        ev.outcome IN ({_list(WON)}) AS won
      FROM ev LEFT JOIN d ON ev.line_key = d.line_key),
    mine AS (
      SELECT * FROM lines
      QUALIFY denied_line OR NOT bool_or(denied_line) OVER (PARTITION BY s))
    SELECT s, any_value(claim_key) AS claim_key, arg_min(file_id, (file_id, row)) AS file_id,
      min(row) AS row, any_value(level) AS level, any_value(filed_on) AS filed_on,
      min(received_on) AS received_on, any_value(decided_on) AS decided_on, count(*) AS lines,
      bool_and(line_key IS NOT NULL) AS all_lines,
      CASE WHEN count(outcome) = 0 THEN NULL
        WHEN bool_and(outcome = 'overturned') FILTER (outcome IS NOT NULL) THEN 'overturned'
        WHEN bool_or(won) THEN 'partly_overturned'
        WHEN bool_or(outcome = 'upheld') THEN 'upheld'
        WHEN bool_or(outcome = 'dismissed') THEN 'dismissed' ELSE 'withdrawn' END AS outcome,
      bool_or(outcome IS NULL) AND (count(outcome) > 0 OR any_value(decided_on) IS NOT NULL) AS unread,
      count(*) FILTER (won) AS won_lines,
      count(recovered_cents) FILTER (won) AS won_known,
      sum(recovered_cents) FILTER (won) AS won_cents,
      min(recovered_cents) FILTER (won) AS won_least,
      max(recovered_cents) FILTER (won) AS won_most,
      coalesce(sum(recovered_cents) FILTER (NOT coalesce(won, false)), 0) AS other_cents
    FROM mine GROUP BY s
    """,
    # An amount that each line repeats, and that is more than the lines' own, is the claim's.
    """
    CREATE TABLE amounts AS
    SELECT said.*, p.denials, p.dispute,
      won_known > 1 AND won_least = won_most AND won_cents > coalesce(p.dispute, 0) AS repeated,
      CASE WHEN won_known = 0 THEN NULL
        WHEN won_known > 1 AND won_least = won_most AND won_cents > coalesce(p.dispute, 0)
        THEN won_least ELSE won_cents END AS back,
      won_known = won_lines OR coalesce(won_cents >= p.dispute, false) AS back_known
    FROM said LEFT JOIN (
      SELECT s, count(*) AS denials, sum(denied) AS dispute FROM pairs GROUP BY s) p USING (s)
    """,
    # What came back of each denial by each appeal: never more than what was left of it.
    f"""
    CREATE TABLE back AS
    WITH shares AS (
      SELECT p.s, p.n, p.denied, a.filed_on, a.decided_on,
        a.outcome IN ({_list(DECIDED)}) AS decided,
        CASE WHEN a.back IS NULL THEN 0
          WHEN a.all_lines AND NOT a.repeated THEN coalesce(p.back, 0)
          WHEN coalesce(a.dispute, 0) > 0 THEN
            (a.back::HUGEINT * sum(coalesce(p.denied, 0)) OVER upto // a.dispute
             - a.back::HUGEINT * (sum(coalesce(p.denied, 0)) OVER upto - coalesce(p.denied, 0))
               // a.dispute)::BIGINT
          WHEN row_number() OVER upto = 1 THEN a.back ELSE 0 END AS share
      FROM pairs p JOIN amounts a USING (s)
      WINDOW upto AS (PARTITION BY p.s ORDER BY p.n)),
    running AS (
      SELECT *, sum(share) OVER so_far AS total,
        row_number() OVER so_far AS turn,
        decided AND count(*) FILTER (decided) OVER so_far = 1 AS decides_first
      FROM shares
      WINDOW so_far AS (PARTITION BY n ORDER BY filed_on NULLS LAST, decided_on NULLS LAST, s
        ROWS UNBOUNDED PRECEDING))
    SELECT s, n, denied, turn, share, decides_first,
      least(total, coalesce(denied, total)) AS back_after,
      least(total - share, coalesce(denied, total - share)) AS back_before
    FROM running
    """,
    # Later payments under the claim's own number and day of service, by the same payer.
    """
    CREATE TABLE numbered AS
    SELECT *, coalesce(payer_id, payer_name) AS who,
      coalesce(remittance_date, notice_date)::DATE AS on_day,
      count(*) OVER (PARTITION BY patient_control_number) AS under_number
    FROM c WHERE patient_control_number IS NOT NULL
    """,
    """
    CREATE TABLE later_pay AS
    SELECT one.claim_key, other.claim_key AS paying, other.on_day AS day,
      one.paid_cents AS before_cents, other.paid_cents
    FROM numbered one JOIN numbered other USING (patient_control_number)
    WHERE one.claim_key <> other.claim_key AND one.who IS NOT DISTINCT FROM other.who
      AND one.service_from IS NOT DISTINCT FROM other.service_from
      AND one.under_number BETWEEN 2 AND getvariable('placeholder')
      AND other.remittance_date IS NOT NULL AND other.on_day > one.on_day
      AND other.paid_cents > 0 AND NOT coalesce(other.is_reversal, false)
    """,
    # What was paid later of a denial without an appeal: its line's payment, or the claim's.
    """
    CREATE TABLE paid_back AS
    WITH mine AS (
      SELECT n, claim_key, line_key, counted FROM d WHERE due = 'closed' AND state = 'paid_later'),
    of_files AS (
      SELECT mine.n, min(p.day) AS day,
        CASE WHEN any_value(mine.line_key) IS NULL
          THEN greatest(sum(p.paid_cents) - any_value(coalesce(p.before_cents, 0)), 0)
          ELSE sum(theirs.paid_cents) END AS cents
      FROM mine JOIN later_pay p USING (claim_key)
      LEFT JOIN l own ON own.line_key = mine.line_key
      LEFT JOIN l theirs ON theirs.claim_key = p.paying
        AND theirs.procedure_code IS NOT DISTINCT FROM own.procedure_code
        AND theirs.service_from IS NOT DISTINCT FROM own.service_from
        AND theirs.billed_cents IS NOT DISTINCT FROM own.billed_cents
      GROUP BY mine.n),
    recorded AS (
      SELECT claim_key, min(day)::DATE AS day, sum(amount_cents) AS cents
      FROM r WHERE event = 'paid' GROUP BY 1)
    SELECT mine.n, coalesce(recorded.day, of_files.day) AS day,
      CASE WHEN recorded.cents IS NOT NULL AND sum(mine.counted) OVER whole > 0 THEN
          (recorded.cents::HUGEINT * mine.counted // sum(mine.counted) OVER whole)::BIGINT
        ELSE of_files.cents::BIGINT END AS cents
    FROM mine LEFT JOIN of_files USING (n) LEFT JOIN recorded USING (claim_key)
    WINDOW whole AS (PARTITION BY mine.claim_key)
    """,
    # Which decisions of claims deny anything: by the worklist, or by a code of an adjustment.
    """
    CREATE TABLE denying AS
    WITH coded AS (
      SELECT a.claim_key, a.line_key, a.carc, a.group_code, codes.category, a.amount_cents
      FROM a JOIN codes ON a.carc IS NOT DISTINCT FROM codes.carc
        AND a.group_code IS NOT DISTINCT FROM codes.group_code
      WHERE codes.denies AND a.amount_cents > 0),
    listed AS (
      SELECT claim_key, count(*) AS denials, bool_and(denial_category = 'duplicate') AS duplicate,
        sum(greatest(coalesce(denied_cents, 0), 0)) AS cents
      FROM w GROUP BY 1),
    summed AS (
      SELECT claim_key, bool_and(category = 'duplicate') AS duplicate, sum(amount_cents) AS cents
      FROM coded GROUP BY 1)
    SELECT claim_key, coalesce(listed.duplicate, summed.duplicate) AS duplicate,
      greatest(coalesce(listed.cents, 0), coalesce(summed.cents, 0))::BIGINT AS cents
    FROM listed FULL JOIN summed USING (claim_key)
    """,
)

# A payer is its id; one without an id is its name, which is never taken for an id's.
_PAYER = "CASE WHEN {0} <> '' THEN {0} WHEN {1} <> '' THEN '=' || {1} ELSE '' END"

_DENIALS = f"""
WITH appealed AS (
  SELECT n, max(back_after) AS recovered, min(filed_on) FILTER (is_first) AS first_filed_on,
    arg_max(pending, turn) AS pending, bool_and(known) AS known
  FROM (
    SELECT b.n, b.turn, b.back_after, am.filed_on, b.turn = 1 AND l.level IS NULL AS is_first,
      am.outcome IS NULL AND am.decided_on IS NULL AS pending,
      am.back_known OR am.outcome NOT IN ({_list(WON)}) AS known
    FROM back b JOIN amounts am USING (s) JOIN d USING (n)
    LEFT JOIN later l ON l.level = am.level AND l.program IS NOT DISTINCT FROM d.program)
  GROUP BY n)
SELECT denial_key, claim_key, {_PAYER.format("payer_id", "payer_name")} AS payer, payer_name,
  facility, owner, program, level,
  denial_category, reason, route, preventable, coalesce(appealable, false) AS appealable,
  group_code, carc, rarcs, gap, citation, rule_status,
  CASE WHEN due = 'awaiting_decision' AND NOT coalesce(a.pending, true) THEN '{NOT_READ}'
    ELSE due END AS due, state,
  CASE WHEN due <> 'closed' THEN NULL
    WHEN state = 'paid_later' THEN 'paid'
    WHEN outcome IN ('overturned', 'withdrawn') THEN outcome
    WHEN case_status IN ('paid', 'written_off', 'zero_balance') THEN case_status
    WHEN state_from = 'recorded' THEN 'written_off'
    ELSE 'closed' END AS closed_as,
  a.n IS NOT NULL OR coalesce(last_level IS NOT NULL OR filed_on IS NOT NULL OR decided_on IS NOT NULL
    OR outcome IS NOT NULL, false) AS appealed,
  acted OR due = 'closed' AS acted,
  coalesce(outcome IN ('upheld', 'dismissed', 'partly_overturned'), false) AS lost,
  denied_on, a.first_filed_on::DATE AS first_filed_on, file_by::DATE AS file_by,
  decision_due::DATE AS decision_due, procedure_code,
  CASE WHEN due = 'closed' THEN coalesce(p.day, ends.day,
    CASE WHEN outcome IN ('overturned', 'withdrawn') THEN decided_on::DATE END) END AS resolved_on,
  last_filing_date::DATE AS last_filing_date, billed_cents, denied_cents AS stated_cents,
  counted::BIGINT AS denied_cents, coalesce(a.recovered, 0)::BIGINT AS recovered_cents,
  CASE WHEN coalesce(a.known, true) THEN coalesce(a.recovered, 0)::BIGINT END AS known_back_cents,
  CASE WHEN due = 'closed' AND (state = 'paid_later' OR case_status = 'paid') THEN
    CASE WHEN p.cents IS NOT NULL THEN least(p.cents, counted - coalesce(a.recovered, 0))::BIGINT END
    ELSE 0 END AS paid_back_cents,
  CASE WHEN counted IS NOT NULL AND (due <> 'closed' OR coalesce(a.known, true))
    THEN greatest(counted - coalesce(a.recovered, 0), 0)::BIGINT END AS stake_cents
FROM d LEFT JOIN appealed a USING (n) LEFT JOIN paid_back p USING (n)
LEFT JOIN (SELECT claim_key, max(day)::DATE AS day FROM r WHERE event IN ({_list(_ENDED)}) GROUP BY 1)
  ends USING (claim_key)
"""

_SUBMISSIONS = f"""
WITH money AS (
  SELECT claim_key, day::DATE AS day FROM r WHERE event = 'paid'
  UNION ALL SELECT claim_key, day FROM later_pay),
cash AS (
  SELECT am.s, min(money.day) AS day FROM amounts am JOIN money USING (claim_key)
  WHERE money.day >= am.decided_on::DATE GROUP BY 1),
disputed AS (
  SELECT s, sum(coalesce(denied, 0) - least(back_before, coalesce(denied, 0)))::BIGINT AS dispute,
    count(*) FILTER (denied IS NULL) AS unknown,
    sum(back_after - back_before)::BIGINT AS counted, bool_or(turn = 1) AS opens,
    sum(denied) FILTER (decides_first)::BIGINT AS opens_cents,
    arg_max(d.denial_category, (coalesce(denied, -1), -n)) AS category
  FROM back JOIN d USING (n) GROUP BY s),
who AS (
  SELECT claim_key, any_value(payer_id) AS payer_id, any_value(payer_name) AS payer_name,
    any_value(facility) AS facility, any_value(program) AS program, any_value(owner) AS owner
  FROM d GROUP BY claim_key)
SELECT am.claim_key, am.file_id, am.row,
  CASE WHEN who.claim_key IS NULL THEN {_PAYER.format("c.payer_id", "c.payer_name")}
    ELSE {_PAYER.format("who.payer_id", "who.payer_name")} END AS payer,
  CASE WHEN who.claim_key IS NULL THEN c.payer_name ELSE who.payer_name END AS payer_name,
  coalesce(who.facility, c.facility) AS facility, coalesce(who.program, c.program) AS program,
  owner, p.category AS denial_category, am.level,
  coalesce(c.notice_date, c.remittance_date)::DATE AS denied_on, am.filed_on::DATE AS filed_on,
  am.decided_on::DATE AS decided_on, am.outcome,
  CASE WHEN am.outcome IN ({_list(WON)}) THEN cash.day END AS cash_on,
  CASE WHEN am.outcome IN ({_list(DECIDED)}) THEN 'decided'
    WHEN am.outcome IS NOT NULL THEN am.outcome
    WHEN am.decided_on IS NOT NULL THEN '{NOT_READ}' ELSE 'pending' END AS stage,
  am.unread, p.s IS NOT NULL AS has_denial, am.lines,
  coalesce(p.opens, false) AND l.level IS NULL AS is_first,
  CASE WHEN p.unknown = 0 THEN p.dispute END AS dispute_cents,
  CASE WHEN p.unknown = 0 THEN coalesce(p.opens_cents, 0)::BIGINT END AS opens_cents,
  CASE WHEN am.outcome IN ({_list(WON)}) AND am.back_known THEN p.counted::BIGINT
    WHEN am.outcome IN ({_list(WON)}) THEN NULL ELSE 0 END AS recovered_cents,
  coalesce(p.counted, 0) AS counted_cents
FROM amounts am LEFT JOIN disputed p USING (s) LEFT JOIN who USING (claim_key)
LEFT JOIN cash USING (s)
LEFT JOIN c USING (claim_key)
LEFT JOIN later l ON l.level = am.level
  AND l.program IS NOT DISTINCT FROM coalesce(who.program, c.program)
"""

_CLAIMS = f"""
WITH decided AS (
  SELECT c.*, {_PAYER.format("c.payer_id", "c.payer_name")} AS payer,
    coalesce(c.remittance_date, c.notice_date)::DATE AS day,
    coalesce(c.frequency_code IN ({_list(_REBILLS)}), false) AS rebill,
    denying.claim_key IS NOT NULL AS denied, coalesce(denying.duplicate, false) AS duplicate,
    coalesce(denying.cents, 0) AS denied_cents,
    CASE WHEN n.under_number <= getvariable('placeholder') THEN c.patient_control_number
      ELSE c.claim_key END AS number
  FROM c LEFT JOIN denying USING (claim_key)
  LEFT JOIN numbered n USING (claim_key)
  WHERE NOT coalesce(c.is_reversal, false))
SELECT claim_key, file_id, day, date_trunc('month', day)::DATE AS month, payer, payer_name, facility,
  coalesce(f.source, 'export') AS source, rebill, denied, duplicate,
  coalesce(claim_status IN ({_list(_SECONDARY)}), false) AS secondary,
  coalesce(paid_cents = 0, false) AS zero_paid,
  row_number() OVER (whole ORDER BY rebill, day NULLS LAST, claim_key) = 1 AS first_decision,
  denied AND NOT rebill AND row_number() OVER
    (whole ORDER BY NOT denied, rebill, day NULLS LAST, claim_key) = 1 AS first_denial,
  coalesce(billed_cents, 0)::BIGINT AS billed_cents,
  least(denied_cents, greatest(coalesce(billed_cents, denied_cents), 0))::BIGINT AS denied_cents,
  1 AS one, (first_decision AND NOT rebill)::TINYINT AS first_claims,
  CASE WHEN first_decision AND NOT rebill THEN coalesce(billed_cents, 0) ELSE 0 END::BIGINT
    AS first_billed_cents
FROM decided LEFT JOIN f USING (file_id)
WHERE f.source IS DISTINCT FROM 'notice'
WINDOW whole AS (PARTITION BY number, service_from, payer)
"""

_LINES = f"""
WITH coded AS (
  SELECT a.claim_key, a.line_key, a.carc, a.group_code, a.amount_cents
  FROM a JOIN codes ON a.carc IS NOT DISTINCT FROM codes.carc
    AND a.group_code IS NOT DISTINCT FROM codes.group_code
  WHERE codes.denies AND a.amount_cents > 0),
of_line AS (
  SELECT line_key, arg_max(carc, (amount_cents, carc)) AS carc,
    arg_max(group_code, (amount_cents, carc)) AS group_code, sum(amount_cents) AS cents
  FROM coded WHERE line_key IS NOT NULL GROUP BY 1),
of_claim AS (
  SELECT claim_key, arg_max(carc, (amount_cents, carc)) AS carc,
    arg_max(group_code, (amount_cents, carc)) AS group_code, sum(amount_cents) AS cents
  FROM coded WHERE line_key IS NULL GROUP BY 1)
SELECT date_trunc('month', coalesce(c.remittance_date, c.notice_date))::DATE AS month,
  {_PAYER.format("c.payer_id", "c.payer_name")} AS payer, c.payer_name, c.facility,
  coalesce(f.source, 'export') AS source, c.file_id, l.procedure_code, l.modifiers,
  coalesce(of_line.carc, of_claim.carc) AS carc,
  coalesce(of_line.group_code, of_claim.group_code) AS group_code,
  of_line.line_key IS NOT NULL OR of_claim.claim_key IS NOT NULL AS denied,
  coalesce(c.frequency_code IN ({_list(_REBILLS)}), false) AS rebill,
  count(*) AS lines, sum(coalesce(l.billed_cents, 0))::BIGINT AS billed_cents,
  sum(least(coalesce(of_line.cents,
      CASE WHEN of_claim.claim_key IS NOT NULL THEN l.billed_cents END, 0),
    greatest(coalesce(l.billed_cents, of_line.cents, 0), 0)))::BIGINT AS denied_cents
FROM l JOIN c USING (claim_key) LEFT JOIN f USING (file_id)
LEFT JOIN of_line USING (line_key) LEFT JOIN of_claim USING (claim_key)
WHERE NOT coalesce(c.is_reversal, false) AND f.source IS DISTINCT FROM 'notice'
GROUP BY ALL
"""

_BRIDGE = f"""
SELECT CASE WHEN w.denial_key IS NOT NULL THEN 'denial' WHEN a.amount_cents = 0 THEN 'zero'
    WHEN a.amount_cents < 0 THEN 'negative' ELSE 'other' END AS step,
  {_PAYER.format("c.payer_id", "c.payer_name")} AS payer, c.facility, a.group_code, a.carc, count(*) AS adjustments,
  sum(coalesce(a.amount_cents, 0))::BIGINT AS cents
FROM a LEFT JOIN c ON a.claim_key = c.claim_key
LEFT JOIN w ON coalesce(a.line_key, a.claim_key || '-c') = w.denial_key
  AND a.amount_cents IS DISTINCT FROM 0
  AND (a.carc IS NOT DISTINCT FROM w.carc AND a.group_code IS NOT DISTINCT FROM w.group_code
    OR list_contains(string_split(coalesce(w.other_reasons, ''), ' '),
      coalesce(a.group_code || '-', '') || coalesce(a.carc, '')))
GROUP BY ALL
"""

_OUT = {
    "denials": _DENIALS, "submissions": _SUBMISSIONS, "claims": _CLAIMS, "lines": _LINES,
    "bridge": _BRIDGE,
}  # fmt: skip

# What is wrong with amounts; each names the row of a file.
_FOUND = f"""
SELECT file_id, row, code, amount FROM (
  SELECT file_id, row, 'recovered_repeated' AS code, 'recovered' AS amount FROM amounts
  WHERE repeated AND denials IS NOT NULL
  UNION ALL
  SELECT am.file_id, am.row, 'recovered_above_denied', 'recovered' FROM amounts am
  JOIN (SELECT s, sum(back_after - back_before) AS counted FROM back GROUP BY s) b USING (s)
  WHERE am.outcome IN ({_list(WON)}) AND am.dispute IS NOT NULL AND am.back > b.counted
  UNION ALL
  SELECT file_id, row, 'recovered_without_win', 'recovered' FROM amounts WHERE other_cents > 0
  UNION ALL
  SELECT file_id, row, 'appeal_without_denial', 'appeal_filed' FROM amounts WHERE denials IS NULL
  UNION ALL
  SELECT file_id, row, 'denied_above_billed', 'denied_amount' FROM d
  WHERE denied_cents > billed_cents AND billed_cents >= 0
  UNION ALL
  SELECT file_id, row, 'charge_denied_twice', 'denied_amount' FROM d WHERE counted < denied_cents)
ORDER BY ALL
"""

_SAYS = {
    "recovered_repeated": "each line of an appeal states the same recovered amount, which is more than the "
    "lines' own: it counts once, as the claim's",
    "recovered_above_denied": "an appeal states more recovered than was still denied: what is above it is "
    "not counted",
    "recovered_without_win": "a recovered amount is stated on an appeal that is not won: it is not counted "
    "as recovered",
    "appeal_without_denial": "an appeal of something that is not a denial here (paid, a patient's share, a "
    "contractual reduction): it is in no rate",
    "denied_above_billed": "the denied amount is more than the charge: check both",
    "charge_denied_twice": "another payer denied the same charge: its dollars count once",
}


def _findings(found: pd.DataFrame, claims: Claims) -> pd.DataFrame:
    names = dict(zip(claims.files["file_id"], claims.files["file"], strict=False))
    told = found.assign(
        file=[names.get(one, "") for one in found["file_id"]],
        column=found["amount"],
        says=found["code"].map(_SAYS),
    ).drop(columns="amount")
    return conform(told, "findings")
