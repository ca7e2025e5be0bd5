"""How facts are counted, in SQL over rows that know claims, lines and texts by number.

`toolkit.metrics.rows` gives the rows: `w` (the worklist, by denial key), `c` (claims), `l` (claim
lines), `e` (appeal events), `a` (adjustments), `r` (recorded events) and `later` (levels that are not
the first of a program). In all of them `c` is a claim, `l` a line and `n` a denial; `rank` is their
place by their keys.
"""

# An appeal that ended on its merits; a dismissed or withdrawn one was never decided.
DECIDED = ("overturned", "partly_overturned", "upheld")
WON = ("overturned", "partly_overturned")
OUTCOMES = (*DECIDED, "dismissed", "withdrawn")

# A due state that reports tell apart: a decision is dated, and its outcome is not known.
NOT_READ = "outcome_not_read"

_ACTED = (
    "corrected_claim_sent", "records_sent", "filed", "paid", "written_off", "closed_in_tracker",
)  # fmt: skip
_ENDED = ("paid", "written_off", "closed_in_tracker")


def _list(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)


# Each step is one table over the ones before it.
STEPS = (
    # What a payer denies of a charge that another payer denied already is counted once: of the same
    # line of two claims under one account number, and of two claims with the same charge and day.
    """
    CREATE TEMP TABLE d AS
    WITH several AS (
      SELECT number FROM w WHERE number IS NOT NULL
      GROUP BY 1 HAVING min(who) <> max(who) AND count(*) <= getvariable('placeholder')),
    ranked AS (
      SELECT n, c, l, number, who, service_from, procedure, billed_cents, claim_billed, denied_on,
        stated_cents AS denied_cents,
        row_number() OVER (PARTITION BY c, service_from, procedure, billed_cents ORDER BY n) AS k
      FROM w SEMI JOIN several USING (number)),
    by_line AS (
      SELECT *, coalesce(sum(coalesce(denied_cents, 0)) OVER charge, 0) AS before,
        min(who) OVER whole IS DISTINCT FROM max(who) OVER whole AS denied_by_two
      FROM ranked
      WINDOW whole AS (PARTITION BY number, service_from, procedure, billed_cents, k),
        charge AS (whole ORDER BY denied_on NULLS LAST, n
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
      WINDOW bills AS (PARTITION BY number, service_from, claim_billed),
        bill AS (bills ORDER BY denied_on NULLS LAST, n
          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING))
    SELECT n, c, l,
      (CASE WHEN billed_to_two AND claim_billed > 0 AND once > 0
      THEN greatest(least(once, claim_billed - before), 0) ELSE once END)::BIGINT AS counted
    FROM by_bill
    UNION ALL
    SELECT n, c, l, stated_cents AS counted FROM w ANTI JOIN several USING (number)
    """,
    # The unit of an appeal: a claim, a level, a day of filing and of decision.
    f"""
    CREATE TEMP TABLE ev AS
    SELECT *, outcome IN ({_list(WON)}) AS won,
      dense_rank() OVER (ORDER BY c, level, filed_on, decided_on) AS s
    FROM e
    """,
    # Which denials each appeal disputes, each once, and what the lines themselves say.
    """
    CREATE TEMP TABLE pairs AS
    SELECT s, n, any_value(counted) AS denied, sum(back) AS back
    FROM (
      SELECT ev.s, d.n, d.counted, CASE WHEN ev.won THEN ev.recovered_cents END AS back
      FROM ev JOIN d ON ev.l = d.l
      UNION ALL
      SELECT ev.s, d.n, d.counted, NULL
      FROM ev JOIN d ON ev.c = d.c WHERE ev.l IS NULL)
    GROUP BY s, n
    """,
    # What each appeal says of itself. Lines that no denial is known for decide only where all are so.
    """
    CREATE TEMP TABLE said AS
    WITH lines AS (
      SELECT ev.*, ev.l IS NULL OR d.n IS NOT NULL AS denied_line FROM ev LEFT JOIN d ON ev.l = d.l),
    mine AS (
      SELECT * FROM lines WHERE denied_line
      UNION ALL
      SELECT * FROM lines ANTI JOIN (SELECT s FROM lines WHERE denied_line) USING (s))
    SELECT s, any_value(c) AS c, min(file) AS file, min(row) AS row, any_value(level) AS level,
      any_value(filed_on) AS filed_on, any_value(decided_on) AS decided_on, count(*) AS lines,
      bool_and(l IS NOT NULL) AS all_lines,
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
    CREATE TEMP TABLE amounts AS
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
    CREATE TEMP TABLE back AS
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
    CREATE TEMP TABLE later_pay AS
    WITH numbered AS (SELECT * FROM c WHERE shared)
    SELECT one.c, other.c AS paying, other.on_day AS day, one.paid_cents AS before_cents,
      other.paid_cents
    FROM numbered one JOIN numbered other USING (number)
    WHERE one.c <> other.c AND one.who IS NOT DISTINCT FROM other.who
      AND one.service_from IS NOT DISTINCT FROM other.service_from
      AND other.remitted AND other.on_day > one.on_day
      AND other.paid_cents > 0 AND NOT other.is_reversal
    """,
    # What was paid later of a denial without an appeal: its line's payment, or the claim's.
    """
    CREATE TEMP TABLE paid_back AS
    WITH mine AS (
      SELECT n, d.c, d.l, counted FROM d JOIN w USING (n)
      WHERE w.paid_later),
    of_files AS (
      SELECT mine.n, min(p.day) AS day,
        CASE WHEN any_value(mine.l) IS NULL
          THEN greatest(sum(p.paid_cents) - any_value(coalesce(p.before_cents, 0)), 0)
          ELSE sum(theirs.paid_cents) END AS cents
      FROM mine JOIN later_pay p USING (c)
      LEFT JOIN l own ON own.l = mine.l
      LEFT JOIN l theirs ON theirs.c = p.paying
        AND theirs.procedure IS NOT DISTINCT FROM own.procedure
        AND theirs.service_from IS NOT DISTINCT FROM own.service_from
        AND theirs.billed_cents IS NOT DISTINCT FROM own.billed_cents
      GROUP BY mine.n),
    recorded AS (
      SELECT c, min(day)::DATE AS day, sum(amount_cents) AS cents
      FROM r WHERE event = 'paid' GROUP BY 1)
    SELECT mine.n, coalesce(recorded.day, of_files.day) AS day,
      CASE WHEN recorded.cents IS NOT NULL AND sum(mine.counted) OVER whole > 0 THEN
          (recorded.cents::HUGEINT * mine.counted // sum(mine.counted) OVER whole)::BIGINT
        ELSE of_files.cents::BIGINT END AS cents
    FROM mine LEFT JOIN of_files USING (n) LEFT JOIN recorded USING (c)
    WINDOW whole AS (PARTITION BY mine.c)
    """,
    # The codes that deny, by claim and line; `turn` is their order by dollars, then by code.
    """
    CREATE TEMP TABLE coded AS
    SELECT c, l, carc, group_code, turn, duplicate, amount_cents FROM a WHERE denies AND amount_cents > 0
    """,
    # Which decisions of claims deny anything: by the worklist, or by a code of an adjustment.
    """
    CREATE TEMP TABLE denying AS
    WITH listed AS (
      SELECT c, bool_and(duplicate) AS duplicate,
        sum(greatest(coalesce(denied_cents, 0), 0)) AS cents
      FROM w GROUP BY 1),
    summed AS (
      SELECT c, bool_and(duplicate) AS duplicate, sum(amount_cents) AS cents FROM coded GROUP BY 1)
    SELECT c, coalesce(listed.duplicate, summed.duplicate, false) AS duplicate,
      greatest(coalesce(listed.cents, 0), coalesce(summed.cents, 0))::BIGINT AS cents
    FROM listed FULL JOIN summed USING (c)
    """,
)

_DENIALS = f"""
WITH appealed AS (
  SELECT n, max(back_after) AS recovered, min(filed_on) FILTER (is_first) AS first_filed_on,
    arg_max(pending, turn) AS pending, bool_and(known) AS known
  FROM (
    SELECT b.n, b.turn, b.back_after, am.filed_on, b.turn = 1 AND later.level IS NULL AS is_first,
      am.outcome IS NULL AND am.decided_on IS NULL AS pending,
      am.back_known OR am.outcome NOT IN ({_list(WON)}) AS known
    FROM back b JOIN amounts am USING (s) JOIN w USING (n)
    LEFT JOIN later ON later.level = am.level AND later.program IS NOT DISTINCT FROM w.program)
  GROUP BY n)
SELECT coalesce(a.pending, true) AS pending,
  a.n IS NOT NULL OR marked AS appealed,
  acted.c IS NOT NULL OR closed AS acted,
  a.first_filed_on::DATE AS first_filed_on,
  CASE WHEN closed THEN coalesce(p.day, ends.day, CASE WHEN ended THEN w.decided_on END) END
    AS resolved_on,
  counted AS denied_cents, coalesce(a.recovered, 0)::BIGINT AS recovered_cents,
  CASE WHEN coalesce(a.known, true) THEN coalesce(a.recovered, 0)::BIGINT END AS known_back_cents,
  CASE WHEN paid THEN
    CASE WHEN p.cents IS NOT NULL THEN least(p.cents, counted - coalesce(a.recovered, 0))::BIGINT END
    ELSE 0 END AS paid_back_cents,
  CASE WHEN counted IS NOT NULL AND (NOT closed OR coalesce(a.known, true))
    THEN greatest(counted - coalesce(a.recovered, 0), 0)::BIGINT END AS stake_cents
FROM w JOIN d USING (n) LEFT JOIN appealed a USING (n) LEFT JOIN paid_back p USING (n)
LEFT JOIN (SELECT c, max(day)::DATE AS day FROM r WHERE event IN ({_list(_ENDED)}) GROUP BY 1) ends
  ON ends.c = w.c
LEFT JOIN (SELECT DISTINCT c FROM r WHERE event IN ({_list(_ACTED)})) acted ON acted.c = w.c
ORDER BY n
"""

# `at_...` are the denials whose texts are the claim's; `category_n` has the most dollars of those disputed.
_SUBMISSIONS = f"""
WITH money AS (
  SELECT c, day::DATE AS day FROM r WHERE event = 'paid'
  UNION ALL SELECT c, day FROM later_pay),
cash AS (
  SELECT am.s, min(money.day) AS day FROM amounts am JOIN money USING (c)
  WHERE money.day >= am.decided_on::DATE GROUP BY 1),
disputed AS (
  SELECT s, sum(coalesce(denied, 0) - least(back_before, coalesce(denied, 0)))::BIGINT AS dispute,
    count(*) FILTER (denied IS NULL) AS unknown,
    sum(back_after - back_before)::BIGINT AS counted, bool_or(turn = 1) AS opens,
    sum(denied) FILTER (decides_first)::BIGINT AS opens_cents,
    arg_max(n, (coalesce(denied, -1), -n)) FILTER (has_category) AS category_n
  FROM back JOIN w USING (n) GROUP BY s),
who AS (
  SELECT c, min(n) FILTER (has_payer_id) AS at_payer_id, min(n) FILTER (has_payer_name)
    AS at_payer_name, min(n) FILTER (has_facility) AS at_facility,
    min(n) FILTER (program IS NOT NULL) AS at_program, min(n) FILTER (has_owner) AS at_owner,
    arg_min(program, n) AS program
  FROM w SEMI JOIN said USING (c) GROUP BY c)
SELECT am.c, who.c IS NOT NULL AS denied, at_payer_id, at_payer_name, at_facility, at_program,
  at_owner, p.category_n, am.file, am.row, am.level, am.filed_on::DATE AS filed_on,
  am.decided_on::DATE AS decided_on, am.outcome,
  CASE WHEN am.outcome IN ({_list(WON)}) THEN cash.day END AS cash_on,
  CASE WHEN am.outcome IN ({_list(DECIDED)}) THEN 'decided'
    WHEN am.outcome IS NOT NULL THEN am.outcome
    WHEN am.decided_on IS NOT NULL THEN '{NOT_READ}' ELSE 'pending' END AS stage,
  am.unread, p.s IS NOT NULL AS has_denial, am.lines,
  coalesce(p.opens, false) AND later.level IS NULL AS is_first,
  CASE WHEN p.unknown = 0 THEN p.dispute END AS dispute_cents,
  CASE WHEN p.unknown = 0 THEN coalesce(p.opens_cents, 0)::BIGINT END AS opens_cents,
  CASE WHEN am.outcome IN ({_list(WON)}) AND am.back_known THEN p.counted::BIGINT
    WHEN am.outcome IN ({_list(WON)}) THEN NULL ELSE 0 END AS recovered_cents,
  coalesce(p.counted, 0) AS counted_cents
FROM amounts am LEFT JOIN disputed p USING (s) LEFT JOIN who USING (c)
LEFT JOIN cash USING (s)
LEFT JOIN c USING (c)
LEFT JOIN later ON later.level = am.level
  AND later.program IS NOT DISTINCT FROM coalesce(who.program, c.program)
"""

# Only of claims that share a number something comes first; any other is the first of its own.
_CLAIMS = """
WITH decided AS (
  SELECT c.*, denying.c IS NOT NULL AS denied, coalesce(denying.duplicate, false) AS duplicate,
    coalesce(denying.cents, 0) AS denied_cents
  FROM c LEFT JOIN denying USING (c)
  WHERE NOT is_reversal AND NOT of_letter),
turns AS (
  SELECT c, row_number() OVER (whole ORDER BY rebill, on_day NULLS LAST, rank) = 1 AS first_decision,
    row_number() OVER (whole ORDER BY NOT denied, rebill, on_day NULLS LAST, rank) = 1 AS first_denial
  FROM decided WHERE shared
  WINDOW whole AS (PARTITION BY number, service_from, payer))
SELECT c, on_day AS day, rebill, denied, duplicate, secondary,
  coalesce(paid_cents = 0, false) AS zero_paid,
  coalesce(first_decision, true) AS first_decision,
  denied AND NOT rebill AND coalesce(first_denial, true) AS first_denial,
  coalesce(billed_cents, 0)::BIGINT AS billed_cents,
  least(denied_cents, greatest(coalesce(billed_cents, denied_cents), 0))::BIGINT AS denied_cents,
  1 AS one, (coalesce(turns.first_decision, true) AND NOT rebill)::TINYINT AS first_claims,
  CASE WHEN coalesce(turns.first_decision, true) AND NOT rebill THEN coalesce(billed_cents, 0)
    ELSE 0 END::BIGINT AS first_billed_cents
FROM decided LEFT JOIN turns USING (c)
"""

# `kind` is a claim with the same month, payer, facility, file and rebill, `service` a line with the same
# procedure and modifiers.
_LINES = """
WITH of_line AS (
  SELECT l, arg_max(carc, turn) AS carc,
    arg_max(group_code, turn) AS group_code, sum(amount_cents) AS cents
  FROM coded WHERE l IS NOT NULL GROUP BY 1),
of_claim AS (
  SELECT c, arg_max(carc, turn) AS carc,
    arg_max(group_code, turn) AS group_code, sum(amount_cents) AS cents
  FROM coded WHERE l IS NULL GROUP BY 1)
SELECT c.kind, l.service, coalesce(of_line.carc, of_claim.carc) AS carc,
  coalesce(of_line.group_code, of_claim.group_code) AS group_code,
  of_line.l IS NOT NULL OR of_claim.c IS NOT NULL AS denied,
  count(*) AS lines, sum(coalesce(l.billed_cents, 0))::BIGINT AS billed_cents,
  sum(least(coalesce(of_line.cents,
      CASE WHEN of_claim.c IS NOT NULL THEN l.billed_cents END, 0),
    greatest(coalesce(l.billed_cents, of_line.cents, 0), 0)))::BIGINT AS denied_cents
FROM l JOIN c ON l.c = c.c
LEFT JOIN of_line ON of_line.l = l.l LEFT JOIN of_claim ON of_claim.c = l.c
WHERE NOT c.is_reversal AND NOT c.of_letter
GROUP BY ALL
"""

_BRIDGE = """
SELECT CASE WHEN in_denial THEN 'denial' WHEN amount_cents = 0 THEN 'zero'
    WHEN amount_cents < 0 THEN 'negative' ELSE 'other' END AS step,
  c.cut, a.group_code, a.carc, count(*) AS adjustments,
  sum(coalesce(amount_cents, 0))::BIGINT AS cents
FROM a LEFT JOIN c ON a.c = c.c
GROUP BY ALL
"""

OUT = {
    "denials": _DENIALS, "submissions": _SUBMISSIONS, "claims": _CLAIMS, "lines": _LINES,
    "bridge": _BRIDGE,
}  # fmt: skip

# What is wrong with amounts; each names the row of a file.
FOUND = f"""
SELECT file, row, code, amount FROM (
  SELECT file, row, 'recovered_repeated' AS code, 'recovered' AS amount FROM amounts
  WHERE repeated AND denials IS NOT NULL
  UNION ALL
  SELECT am.file, am.row, 'recovered_above_denied', 'recovered' FROM amounts am
  JOIN (SELECT s, sum(back_after - back_before) AS counted FROM back GROUP BY s) b USING (s)
  WHERE am.outcome IN ({_list(WON)}) AND am.dispute IS NOT NULL AND am.back > b.counted
  UNION ALL
  SELECT file, row, 'recovered_without_win', 'recovered' FROM amounts WHERE other_cents > 0
  UNION ALL
  SELECT file, row, 'appeal_without_denial', 'appeal_filed' FROM amounts WHERE denials IS NULL
  UNION ALL
  SELECT file, row, 'denied_above_billed', 'denied_amount' FROM w
  WHERE stated_cents > billed_cents AND billed_cents >= 0
  UNION ALL
  SELECT file, row, 'charge_denied_twice', 'denied_amount' FROM w JOIN d USING (n)
  WHERE counted < stated_cents)
ORDER BY ALL
"""
