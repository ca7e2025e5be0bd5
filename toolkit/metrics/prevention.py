"""Clusters of denials as pre-bill rules, each replayed on past claims.

A rule holds a line before it is billed: this procedure, of one payer or of any, and, where it narrows the
cluster, with these modifiers. It is found on the earlier months and replayed on the later ones, so that it is not praised
for what it was made from: how many denials it would have caught, how many lines it would have held for
nothing, and for how many dollars. A cluster is one only if its code is more frequent than on all other
lines, by more than chance: a rule that holds everything is none.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from toolkit.denials.codes import carcs, shown
from toolkit.metrics.metric import condition
from toolkit.metrics.parcel import Facts
from toolkit.metrics.statistics import wilson

LEAST = 5  # denied lines in the months of learning, fewer are no cluster
_MOST = 40  # rules

COLUMNS = (
    "payer", "procedure_code", "modifiers", "group_code", "carc", "category", "preventable",
    "learned", "learned_lines", "caught", "false_alarms", "caught_cents", "precision",
    "low", "high", "held_cents", "net_cents", "full", "months", "same_months",
)  # fmt: skip

_CLUSTERS = """
WITH mine AS (
  SELECT *, coalesce(modifiers, '') AS mods, month >= ? AS later FROM lines
  WHERE month IS NOT NULL AND coalesce(procedure_code, '') <> '' AND NOT rebill AND {full}),
cells AS (
  SELECT payer, procedure_code, mods, group_code, carc, denied, later, sum(lines) AS lines,
    sum(denied_cents) AS cents FROM mine GROUP BY ALL),
rules AS (
  SELECT payer, procedure_code, NULL AS mods, group_code, carc, sum(lines) AS learned FROM cells
  WHERE denied AND (NOT later OR ?) GROUP BY ALL
  UNION ALL
  SELECT payer, procedure_code, mods, group_code, carc, sum(lines) FROM cells
  WHERE denied AND (NOT later OR ?) GROUP BY ALL
  UNION ALL
  SELECT NULL, procedure_code, NULL, group_code, carc, sum(lines) FROM cells
  WHERE denied AND (NOT later OR ?) GROUP BY ALL HAVING count(DISTINCT payer) > 1)
SELECT r.payer, r.procedure_code, r.mods AS modifiers, r.group_code, r.carc,
  any_value(r.learned)::BIGINT AS learned,
  coalesce(sum(c.lines) FILTER (NOT c.later OR ?), 0)::BIGINT AS learned_lines,
  coalesce(sum(c.lines) FILTER (c.later AND c.denied AND c.carc = r.carc), 0)::BIGINT AS caught,
  coalesce(sum(c.cents) FILTER (c.later AND c.denied AND c.carc = r.carc), 0)::BIGINT AS caught_cents,
  coalesce(sum(c.lines) FILTER (c.later AND NOT (c.denied AND coalesce(c.carc = r.carc, false))), 0)
    ::BIGINT AS false_alarms
FROM rules r JOIN cells c ON (r.payer IS NULL OR c.payer = r.payer)
  AND c.procedure_code = r.procedure_code
  AND (r.mods IS NULL OR c.mods = r.mods)
WHERE r.carc IS NOT NULL
GROUP BY 1, 2, 3, 4, 5 HAVING any_value(r.learned) >= {least}
ORDER BY 1 NULLS FIRST, 2, 3 NULLS FIRST, 4, 5
"""


def rules(facts: Facts) -> pd.DataFrame:
    """Return the pre-bill rules worth a look, most dollars caught after the cost of holding first.

    Columns: COLUMNS. `full` says whether the files hold paid lines too: if not, false alarms cannot be
    counted and are missing. `same_months`: there is one month only, so a rule is replayed on the month
    that it was found in. Of a procedure's rule and the same rule with modifiers the better one stays.
    """
    full = bool(
        facts.one(f"SELECT count(*) FROM lines WHERE {condition('lines', ('in_full_files',))}")
    )
    where = condition("lines", ("in_full_files",)) if full else "true"
    counts = facts.rows(
        f"SELECT month, sum(lines)::BIGINT FROM lines WHERE month IS NOT NULL AND {where} "
        "GROUP BY 1 ORDER BY 1"
    )
    if not counts:
        return _shaped(pd.DataFrame(columns=list(COLUMNS)))
    months, same = [month for month, _ in counts], len(counts) == 1
    cut = months[0] if same else _half(counts)
    found = facts.frame(_CLUSTERS.format(full=where, least=LEAST), cut, same, same, same, same)
    found = found[_clustered(found, _elsewhere(facts, where, cut, same))].reset_index(drop=True)
    known = carcs()
    kept = [
        code in known and known[code].preventable in ("yes", "partly") for code in found["carc"]
    ]
    found = found[np.array(kept, dtype=bool)].reset_index(drop=True)
    found["category"] = [known[code].category for code in found["carc"]]
    found["preventable"] = [known[code].preventable for code in found["carc"]]
    hold = facts.effort.cents_of("review")
    held = found["caught"] + found["false_alarms"]
    bounds = [wilson(c, n) for c, n in zip(found["caught"], held, strict=True)]
    found = found.assign(
        precision=found["caught"] / held.where(held > 0), low=[low for low, _ in bounds],
        high=[high for _, high in bounds], held_cents=held * hold,
        net_cents=found["caught_cents"] - held * hold, full=full,
        months=_said(months, cut),
        same_months=same,
    )  # fmt: skip
    if not full:
        for name in ("false_alarms", "precision", "low", "high", "held_cents", "net_cents"):
            found[name] = None
    found = found.sort_values(
        ["net_cents" if full else "caught_cents", "caught_cents", "payer", "procedure_code", "carc",
         "group_code", "modifiers"],
        ascending=[False, False, True, True, True, True, True], kind="stable", na_position="first",
    )  # fmt: skip
    found = found[found["caught"] > 0].drop_duplicates(["payer", "procedure_code", "carc"])
    found["group_code"] = [shown("group_code", one) for one in found["group_code"].fillna("")]
    found["carc"] = [shown("carc", one) for one in found["carc"]]
    return _shaped(found.head(_MOST))


def _elsewhere(facts: Facts, where: str, cut: date, same: bool) -> dict[tuple, int]:
    """Return the lines of the months of learning, all of them and those denied with each code."""
    found = facts.rows(
        "SELECT group_code, carc, sum(lines)::BIGINT FROM lines WHERE month IS NOT NULL "
        f"AND coalesce(procedure_code, '') <> '' AND NOT rebill AND {where} AND (month < ? OR ?) "
        "GROUP BY GROUPING SETS ((group_code, carc), ())",
        cut, same,
    )  # fmt: skip
    counts = {(group, carc): lines for group, carc, lines in found if carc is not None}
    return counts | {(): max((lines for _, _, lines in found), default=0)}


def _clustered(found: pd.DataFrame, lines: dict[tuple, int]) -> np.ndarray:
    """Say of each rule whether its code is more frequent on its lines than on all others."""
    kept = []
    for r in found.itertuples():
        outside = lines[()] - r.learned_lines
        other = max(lines.get((r.group_code, r.carc), 0) - r.learned, 0)
        low, _ = wilson(r.learned, max(r.learned_lines, r.learned))
        kept.append(low is not None and low > (other / outside if outside > 0 else 0.0))
    return np.array(kept, dtype=bool)


def _said(months: Sequence[date], cut: date) -> str:
    """Return on which months the rules were found and on which they were replayed."""
    learned = [month for month in months if month < cut] or list(months)
    later = [month for month in months if month >= cut]
    return (
        f"found on {learned[0]:%Y-%m} to {learned[-1]:%Y-%m}, "
        f"replayed on {later[0]:%Y-%m} to {later[-1]:%Y-%m}"
    )


def _half(counts: Sequence[tuple[date, int]]) -> date:
    """Return the first month of the later half: about as many lines before it as from it on."""
    whole, before = sum(lines for _, lines in counts), 0
    for month, lines in counts[:-1]:
        if before and before + lines / 2 >= whole / 2:
            return month
        before += lines
    return counts[-1][0]


def _shaped(found: pd.DataFrame) -> pd.DataFrame:
    counts = ("learned", "learned_lines", "caught", "false_alarms", "caught_cents", "held_cents", "net_cents")  # fmt: skip
    kinds = dict.fromkeys(counts, "Int64") | dict.fromkeys(("precision", "low", "high"), "Float64")
    kinds |= dict.fromkeys(("full", "same_months"), "boolean")
    return found[list(COLUMNS)].astype(kinds).reset_index(drop=True)
