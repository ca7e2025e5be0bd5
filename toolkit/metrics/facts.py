"""Narrow facts of a source: one row per denial, per appeal submitted, and counts of claims by month.

No column may identify a patient. Parts of a source give facts that are put one below the other: every
number of a report is a sum over them (`toolkit.metrics.parcel`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import date
from functools import cache

import duckdb
import pandas as pd
import pyarrow as pa

from toolkit.claims.tables import Claims, conform

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
)  # fmt: skip
_CLAIM = (
    "claim_key", "file_id", "row", "payer_id", "payer_name", "facility", "program", "case_status",
    "claim_status", "is_reversal", "notice_date", "remittance_date", "billed_cents", "paid_cents",
)  # fmt: skip
_EVENT = (
    "claim_key", "line_key", "file_id", "row", "level", "filed_on", "received_on", "decided_on",
    "outcome", "recovered_cents",
)  # fmt: skip
_ADJUSTMENT = ("claim_key", "line_key", "group_code", "carc", "amount_cents")
_ACTED = (
    "corrected_claim_sent",
    "records_sent",
    "filed",
    "paid",
    "written_off",
    "closed_in_tracker",
)


@dataclass(frozen=True, eq=False)
class FactTables:
    """The facts of a source or of a part of it, as Arrow tables.

    `denials`: one row per denial of the worklist. `denied_cents` counts a charge that two payers
    deny once, `stake_cents` is what appeals have not brought back, `recovered_cents` what they have;
    where a closed denial was won and the amount is not stated, neither the stake is known nor
    `known_back_cents`.
    `submissions`: one row per appeal, which is a claim, a level, a day of filing and of decision; its
    outcome is derived from its lines, `dispute_cents` is what was still denied when it was filed.
    `months`: claims by month of their decision. `bridge`: the adjustments that are denials of the
    worklist, and those that are not, by code.
    """

    denials: pa.Table
    submissions: pa.Table
    months: pa.Table
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
    with _connected(claims, worklist) as db:
        for statement in _STEPS:
            db.execute(statement)
        tables = FactTables(*(db.sql(_OUT[name]).to_arrow_table() for name in TABLES))
        found = db.sql(_FOUND).df()
    return tables, _findings(found, claims)


@contextmanager
def _connected(claims: Claims, worklist: pd.DataFrame) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a database with the rows as `w`, `c`, `e`, `a`, `f`, `acted` and `later`."""
    from toolkit.claims.restated import PLACEHOLDER

    with duckdb.connect(config={"threads": 1, "preserve_insertion_order": False}) as db:
        for name, frame, columns in (
            ("w", worklist, _WORK),
            ("c", claims.claims, _CLAIM),
            ("e", claims.appeal_events, _EVENT),
            ("a", claims.adjustments, _ADJUSTMENT),
        ):
            db.register(name, _arrow(frame, columns))
        acted = claims.recorded_events
        keys = acted["claim_key"][acted["event"].isin(_ACTED)].drop_duplicates()
        db.register("acted", pa.table({"claim_key": pa.array(keys, pa.large_string())}))
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
         "notice_date", "remittance_date"), pa.timestamp("us"),
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


def _list(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)


# Each step is one table over the ones before it.
_STEPS = (
    # What a payer denies of a charge that another payer denied already is counted once: of the same
    # line of two claims under one account number, and of two claims with the same charge and day.
    """
    CREATE TABLE d AS
    WITH rows AS (
      SELECT w.* REPLACE (CASE WHEN w.reason = 'initial_payment' THEN 0 ELSE w.denied_cents END
          AS denied_cents), row_number() OVER (ORDER BY w.denial_key) AS n,
        coalesce(c.notice_date, c.remittance_date)::DATE AS denied_on,
        c.billed_cents AS claim_billed, c.case_status,
        coalesce(w.payer_id, w.payer_name) AS who, a.claim_key IS NOT NULL AS acted
      FROM w LEFT JOIN c USING (claim_key) LEFT JOIN acted a USING (claim_key)),
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
  last_filing_date::DATE AS last_filing_date, billed_cents, denied_cents AS stated_cents,
  counted::BIGINT AS denied_cents, coalesce(a.recovered, 0)::BIGINT AS recovered_cents,
  CASE WHEN coalesce(a.known, true) THEN coalesce(a.recovered, 0)::BIGINT END AS known_back_cents,
  CASE WHEN counted IS NOT NULL AND (due <> 'closed' OR coalesce(a.known, true))
    THEN greatest(counted - coalesce(a.recovered, 0), 0)::BIGINT END AS stake_cents
FROM d LEFT JOIN appealed a USING (n)
"""

_SUBMISSIONS = f"""
WITH disputed AS (
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
  CASE WHEN am.outcome IN ({_list(DECIDED)}) THEN 'decided'
    WHEN am.outcome IS NOT NULL THEN am.outcome
    WHEN am.decided_on IS NOT NULL THEN '{NOT_READ}' ELSE 'pending' END AS stage,
  p.s IS NOT NULL AS has_denial, am.lines,
  coalesce(p.opens, false) AND l.level IS NULL AS is_first,
  CASE WHEN p.unknown = 0 THEN p.dispute END AS dispute_cents,
  CASE WHEN p.unknown = 0 THEN coalesce(p.opens_cents, 0)::BIGINT END AS opens_cents,
  CASE WHEN am.outcome IN ({_list(WON)}) AND am.back_known THEN p.counted::BIGINT
    WHEN am.outcome IN ({_list(WON)}) THEN NULL ELSE 0 END AS recovered_cents,
  coalesce(p.counted, 0) AS counted_cents
FROM amounts am LEFT JOIN disputed p USING (s) LEFT JOIN who USING (claim_key)
LEFT JOIN c USING (claim_key)
LEFT JOIN later l ON l.level = am.level
  AND l.program IS NOT DISTINCT FROM coalesce(who.program, c.program)
"""

_MONTHS = f"""
SELECT date_trunc('month', coalesce(c.remittance_date, c.notice_date))::DATE AS month,
  {_PAYER.format("c.payer_id", "c.payer_name")} AS payer, c.payer_name, c.facility, coalesce(f.source, 'export') AS source,
  count(*) AS claims, count(*) FILTER (w.claim_key IS NOT NULL) AS denied,
  count(*) FILTER (c.paid_cents = 0) AS zero_paid,
  sum(coalesce(c.billed_cents, 0))::BIGINT AS billed_cents,
  coalesce(sum(c.billed_cents) FILTER (w.claim_key IS NOT NULL), 0)::BIGINT AS denied_billed_cents
FROM c LEFT JOIN f USING (file_id)
LEFT JOIN (SELECT DISTINCT claim_key FROM w) w USING (claim_key)
WHERE NOT coalesce(c.is_reversal, false)
GROUP BY ALL
"""

_BRIDGE = """
SELECT CASE WHEN w.denial_key IS NOT NULL THEN 'denial' WHEN a.amount_cents = 0 THEN 'zero'
    WHEN a.amount_cents < 0 THEN 'negative' ELSE 'other' END AS step,
  a.group_code, a.carc, count(*) AS adjustments,
  sum(coalesce(a.amount_cents, 0))::BIGINT AS cents
FROM a LEFT JOIN w ON coalesce(a.line_key, a.claim_key || '-c') = w.denial_key
  AND a.amount_cents IS DISTINCT FROM 0
  AND (a.carc IS NOT DISTINCT FROM w.carc AND a.group_code IS NOT DISTINCT FROM w.group_code
    OR list_contains(string_split(coalesce(w.other_reasons, ''), ' '),
      coalesce(a.group_code || '-', '') || coalesce(a.carc, '')))
GROUP BY ALL
"""

_OUT = {
    "denials": _DENIALS, "submissions": _SUBMISSIONS, "months": _MONTHS, "bridge": _BRIDGE,
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
    "appeal_without_denial": "an appeal of something that is no denial here (paid, a patient's share, a "
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
