"""What is worked out once in the parent and read by every report.

Intervals of days (Kaplan and Meier; cumulative incidence where another end competes), tests of
differences with the false-discovery rate held (Benjamini and Hochberg), and rates of appeal by payer and
category shrunk toward all of them. Nothing here is imported when the toolkit or a notebook starts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

import numpy as np
import pandas as pd

from toolkit.metrics.metric import SMALL_N, condition, measures
from toolkit.metrics.parcel import PAIR, Facts, Studied
from toolkit.metrics.statistics import Z95, ratio_interval
from toolkit.metrics.tables import FEWEST_WON, months_missing

# What is named different passes this; of many tests, so that one in twenty findings may be chance.
ALPHA = 0.05

# Cuts whose days have intervals of their own.
_DAY_CUTS = ("", "payer_name", "level", "program", "denial_category")

# Open denials that an appeal can still bring back.
_TO_RECOVER = (
    "stake_cents > 0 AND (due = 'awaiting_decision' OR route = 'appeal' AND due IN "
    "('past_safe_date', 'due_this_week', 'due_later'))"
)

Studies = dict[tuple[str, str, str], Studied]


def study(facts: Facts) -> Studies:
    """Return what the parent works out: (metric, cut, group) -> value, low, high and cases."""
    return _days(facts) | _recoverable(facts)


# --- days ------------------------------------------------------------------------------------------


def _days(facts: Facts) -> Studies:
    """Return the 95 % interval of each metric of days, of all and of the groups of each cut."""
    found: Studies = {}
    for one in measures():
        if one.row.kind != "days":
            continue
        for cut in _DAY_CUTS:
            if cut == "level" and one.row.from_table != "submissions":
                continue  # a denial's level is the one to file next
            groups: dict[str, list[tuple[str, int, int]]] = {}
            for group, what, days, count in facts.clocks(one, cut or None):
                if what:
                    groups.setdefault(group, []).append((what, int(days), int(count)))
            for group, cases in groups.items():
                low, high = day_interval(one.row.share or 0.5, cases)
                done = sum(n for what, _, n in cases if what == "done")
                found[one.definition.id, cut, group] = (None, low, high, done)
    return found


def day_interval(
    share: float, cases: Iterable[tuple[str, int, int]]
) -> tuple[float | None, float | None]:
    """Return the 95 % interval of the day by which `share` of the cases are done.

    A case is what became of it (done, waiting, otherwise), after how many days, and how many such.
    The days are those where the log-log interval of the curve meets the share (Brookmeyer and Crowley
    1982); an end that the curve does not reach is None.
    """
    kinds = {"waiting": 0, "done": 1, "otherwise": 2}
    rows = [(max(days, 0), kinds[what], n) for what, days, n in cases if n]
    if not any(kind == 1 for _, kind, _ in rows):
        return None, None
    time, status, weight = (np.array(column, dtype="float64") for column in zip(*rows, strict=True))
    days, reached, spread = curve(time, status, weight)
    return _crossing(share, days, reached, spread)


def curve(time: np.ndarray, status: np.ndarray, weight: np.ndarray) -> tuple:
    """Return the days, the share done by each, and its standard error.

    Kaplan and Meier with Greenwood's error; where some ended otherwise, the cumulative incidence of Aalen
    and Johansen. A test holds both equal to statsmodels', which takes a second to be imported.
    """
    days, at = np.unique(time, return_inverse=True)
    of_kind = [np.bincount(at, weights=np.where(status == kind, weight, 0)) for kind in (0, 1, 2)]
    _, done, other = of_kind
    risk = np.cumsum(sum(of_kind)[::-1])[::-1]
    left = np.cumprod(1 - (done + other) / risk)
    with np.errstate(divide="ignore", invalid="ignore"):  # where nobody is left at risk
        hazard = (done + other) / (risk * (risk - done - other))
        if not other.any():
            kept = done > 0
            return days[kept], 1 - left[kept], (left * np.sqrt(np.cumsum(hazard)))[kept]
        before = np.append(1.0, left[:-1]) / risk
        reached = np.cumsum(before * done)
        spread = (
            reached**2 * np.cumsum(hazard)
            - 2 * reached * np.cumsum(reached * hazard)
            + np.cumsum(reached**2 * hazard)
            + np.cumsum(before**2 * (risk - done) * done / risk)
            - 2 * reached * np.cumsum(before * done / risk)
            + 2 * np.cumsum(reached * before * done / risk)
        )
        return days, reached, np.sqrt(spread)


def _crossing(
    share: float, days: np.ndarray, reached: np.ndarray, spread: np.ndarray
) -> tuple[float | None, float | None]:
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = np.clip(1 - reached, 0, 1)
        reach = Z95 * spread / (rest * np.abs(np.log(rest)))
        middle = np.log(-np.log(rest))
        upper = 1 - np.exp(-np.exp(middle + reach))
        lower = 1 - np.exp(-np.exp(middle - reach))
    # Nothing is known of the spread where all are done, or none: no bound from above there.
    sure = (rest <= 0) | (rest >= 1) | ~np.isfinite(reach)
    upper, lower = np.where(sure, reached, upper), np.where(sure, 0.0, lower)
    first, last = (np.flatnonzero(side >= share - 1e-12) for side in (upper, lower))
    return (
        float(days[first[0]]) if len(first) else None,
        float(days[last[0]]) if len(last) else None,
    )


# --- differences -----------------------------------------------------------------------------------


def adjusted(values: Iterable[float]) -> np.ndarray:
    """Return p-values with the false-discovery rate held (Benjamini and Hochberg 1995)."""
    given = np.array(list(values), dtype="float64")
    order = np.argsort(given)
    raised = given[order] * len(given) / np.arange(1, len(given) + 1)
    held = np.empty(len(given))
    held[order] = np.minimum.accumulate(raised[::-1])[::-1].clip(max=1.0)
    return held


def differences(facts: Facts) -> pd.DataFrame:
    """Return the appeals won and decided of each payer, and of each facility, against all others.

    Columns: cut (payer_name or facility), group (key), won, decided, p (Fisher's exact test), q (with the
    false-discovery rate held), differs, and of all groups of the cut together `chi2`, `df` and
    `overall_p`. A ranking means something only if `overall_p` is below ALPHA; groups with few decided
    appeals are tested, and labeled as few.
    """
    cuts = (("payer_name", "payer"), ("facility", "coalesce(facility, '')"))
    return pd.concat([_differences(facts, cut, key) for cut, key in cuts], ignore_index=True)


def _differences(facts: Facts, cut: str, key: str) -> pd.DataFrame:
    from scipy.stats import chi2 as chi_squared
    from scipy.stats import fisher_exact

    found = facts.frame(
        f"SELECT '{cut}' AS cut, {key} AS \"group\", "
        "count(*) FILTER (outcome IN ('overturned', 'partly_overturned')) AS won, "
        "count(*) AS decided FROM submissions WHERE has_denial AND stage = 'decided' "
        "GROUP BY 1, 2 ORDER BY 4 DESC, 2"
    )
    won, decided = found["won"].to_numpy(), found["decided"].to_numpy()
    total, cases = int(won.sum()), int(decided.sum())
    several = len(found) > 1
    found["p"] = [
        float(fisher_exact([[w, n - w], [total - w, cases - n - (total - w)]])[1])
        if several
        else 1.0
        for w, n in zip(won, decided, strict=True)
    ]
    found["q"] = adjusted(found["p"])
    statistic, freedom, overall = 0.0, max(len(found) - 1, 0), 1.0
    if freedom and 0 < total < cases:
        wins = decided * total / cases
        off = (won - wins) ** 2
        statistic = float((off / wins + off / (decided - wins)).sum())
        overall = float(chi_squared.sf(statistic, freedom))
    found["differs"] = (found["q"] < ALPHA) & (overall < ALPHA)
    return found.assign(chi2=statistic, df=freedom, overall_p=overall)


def changes(facts: Facts) -> pd.DataFrame:
    """Return what changed: denials of the report's month by payer and category, against three months.

    Columns: payer, category, now, before (of the three months), cents and before_cents, p (the month's
    share of the four, a binomial test against one in four), q and differs. Where one of the four months
    has no denial at all, the files may not reach it: nothing is tested, and p and q are missing.
    """
    from scipy.stats import binomtest

    found = facts.frame(
        "SELECT payer, coalesce(denial_category, '') AS category, "
        "count(*) FILTER (denied_on >= report_month()) AS now, "
        "count(*) FILTER (denied_on < report_month()) AS before, "
        "coalesce(sum(denied_cents) FILTER (denied_on >= report_month()), 0)::BIGINT AS cents, "
        "coalesce(sum(denied_cents) FILTER (denied_on < report_month()), 0)::BIGINT AS before_cents "
        "FROM denials WHERE denied_on >= report_month() - INTERVAL 3 MONTH "
        "AND denied_on < report_month() + INTERVAL 1 MONTH GROUP BY 1, 2 ORDER BY 1, 2"
    )
    if months_missing(facts):
        return found.assign(p=np.nan, q=np.nan, differs=False)
    found["p"] = [
        float(binomtest(int(now), int(now + before), 0.25).pvalue)
        for now, before in zip(found["now"], found["before"], strict=True)
    ]
    found["q"] = adjusted(found["p"])
    return found.assign(differs=found["q"] < ALPHA)


# --- rates of payer and category, shrunk toward all --------------------------------------------------


def shrunk(facts: Facts) -> pd.DataFrame:
    """Return the overturn rate of decided appeals by payer and category, shrunk toward all of them.

    Columns: payer, category, won, decided, rate, alpha, beta, shrunk, low and high (95 %). A cell with
    few appeals is drawn to the rate of all, one with many keeps its own: a beta-binomial prior whose
    strength is what the spread of the cells beyond chance asks for (method of moments, empirical
    Bayes). No row where no appeal is decided.
    """
    from scipy.stats import beta

    found, known = _decided(facts), learned(facts)
    alpha = found["won"] + known.mean * known.weight
    other = found["decided"] - found["won"] + (1 - known.mean) * known.weight
    ends = {"low": 0.025, "high": 0.975}
    return found.assign(
        rate=found["won"] / found["decided"],
        alpha=alpha,
        beta=other,
        shrunk=alpha / (alpha + other),
        **{name: beta.ppf(share, alpha, other) for name, share in ends.items()},
    )


@dataclass(frozen=True, eq=False)
class Learned:
    """What decided appeals say of the next one.

    `cells` are the appeals won and decided by payer and category, `mean` and `weight` the prior that each
    cell leans on, `back` the share of the dispute that won appeals brought back and its standard deviation
    (None where too few say so).
    """

    cells: pd.DataFrame
    mean: float
    weight: float
    back: tuple[float, float] | None

    @property
    def decided(self) -> int:
        """How many appeals it is learned from."""
        return int(self.cells["decided"].sum())

    def expected(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return what to expect of a dollar at stake of these payers and categories, row by row.

        Columns: rate, share, expected, and the standard deviations spread, common and chance; decided.
        """
        assert self.back is not None
        share, cells = self.back[0], self.cells.set_index(["payer", "category"])
        mine = cells.reindex(pd.MultiIndex.from_frame(rows[["payer", "category"]])).fillna(0)
        won, decided = mine["won"].to_numpy("float64"), mine["decided"].to_numpy("float64")
        alpha = won + self.mean * self.weight
        other = decided - won + (1 - self.mean) * self.weight
        rate = alpha / (alpha + other)
        own = np.sqrt(rate * (1 - rate))
        lean = self.weight / (self.weight + decided)
        return pd.DataFrame(
            {
                "rate": rate,
                "share": share,
                "expected": share * rate,
                "spread": share * own / np.sqrt(alpha + other + 1),
                "common": share * lean * sqrt(self.mean * (1 - self.mean) / (self.decided + 2)),
                "chance": share * own,
                "decided": decided,
            },
            index=rows.index,
        )


def learned(facts: Facts) -> Learned:
    """Return what the decided appeals of a source say; of a group of one, those of the whole source.

    So the expected dollars of all groups add up to those of the whole.
    """
    if facts.whole.learned is None:
        facts.whole.learned = _learned(facts.whole)
    return facts.whole.learned


def _learned(facts: Facts) -> Learned:
    cells = _decided(facts)
    won, decided = cells["won"].to_numpy("float64"), cells["decided"].to_numpy("float64")
    mean, weight = prior(won, decided) if len(cells) else (0.0, 0.0)
    return Learned(cells, mean, weight, _yield(facts))


def _decided(facts: Facts) -> pd.DataFrame:
    return facts.frame(
        "SELECT payer, coalesce(denial_category, '') AS category, "
        "count(*) FILTER (outcome IN ('overturned', 'partly_overturned')) AS won, "
        "count(*) AS decided FROM submissions WHERE has_denial AND stage = 'decided' "
        "GROUP BY 1, 2 ORDER BY 1, 2"
    )


# The weakest and the strongest prior, in appeals: with no spread at all the cells are all alike.
_LEAST, _MOST = 2.0, 1_000.0


def prior(won: np.ndarray, decided: np.ndarray) -> tuple[float, float]:
    """Return the mean of all cells and how many appeals it is worth against a cell's own.

    One is added to the won and the lost, so that a file of wins alone does not promise every one.
    """
    total, cases = won.sum(), decided.sum()
    mean = (total + 1) / (cases + 2)
    if len(won) < 2:
        return mean, _LEAST
    share = won / decided
    chance = mean * (1 - mean)
    squares = float((decided * (share - mean) ** 2).sum())
    scale = float(cases - (decided**2).sum() / cases)
    between = (squares - (len(won) - 1) * chance) / scale if scale > 0 else 0.0
    if between <= 0:
        return mean, _MOST
    return mean, float(np.clip(chance / between - 1, _LEAST, _MOST))


def expected(facts: Facts) -> pd.DataFrame:
    """Return each open denial that an appeal can still bring back, with what to expect of it.

    Columns: those of the denial; `rate` of winning at least in part, shrunk; `share` of the dispute that
    came back where an appeal was won; `expected_cents`, and its standard deviations: `spread` for the
    rate of its cell, `common` for the rate of all that the cell leans on, `chance` for the case itself;
    `few` where its cell has few decided appeals. No row where no appeal is decided, or none that was won
    states what came back.
    """
    known = learned(facts)
    found = facts.frame(
        "SELECT denial_key, claim_key, payer, coalesce(denial_category, '') AS category, owner, "
        "facility, due, "
        "route, program, level, file_by, last_filing_date, stake_cents FROM denials "
        f"WHERE {_TO_RECOVER} AND {'true' if known.back else 'false'} ORDER BY denial_key"
    )
    if found.empty:
        names = ("rate", "share", "expected_cents", "spread", "common", "chance", "few")
        return found.assign(**dict.fromkeys(names, 0.0))
    each, stake = known.expected(found), found["stake_cents"].to_numpy("float64")
    return found.assign(
        rate=each["rate"],
        share=each["share"],
        expected_cents=stake * each["expected"],
        **{name: stake * each[name] for name in ("spread", "common", "chance")},
        few=each["decided"] < SMALL_N,
    )


def _yield(facts: Facts) -> tuple[float, float] | None:
    """Return the share of the dispute that won appeals brought back, and its standard deviation.

    None where fewer than two claims were won with a stated amount: of one, nothing is known of the spread.
    """
    [(claims, *sums)] = facts.rows(
        "SELECT count(*), sum(x), sum(y), sum(x * x), sum(x * y), sum(y * y) FROM ("
        "SELECT sum(recovered_cents)::DOUBLE AS x, sum(dispute_cents)::DOUBLE AS y FROM submissions "
        f"WHERE {condition('submissions', ('won_with_amount',))} GROUP BY claim_key)"
    )
    if claims < FEWEST_WON:
        return None
    (low, high), _ = ratio_interval(claims, *sums)
    assert low is not None and high is not None  # two claims or more have an interval
    return min(sums[0] / sums[1], 1.0), (high - low) / (2 * Z95)


def _recoverable(facts: Facts) -> Studies:
    """Return the recoverable dollars of all and of the groups of each cut, with their interval.

    The interval is for what will come back: denials of one payer and category share one unknown rate,
    all lean on the rate of all, and each is won or lost by itself.
    """
    known = learned(facts)
    if known.back is None:
        return {}
    names = ("owner", "program", "facility")
    sums = facts.frame(
        "SELECT payer, coalesce(denial_category, '') AS category, "
        + "".join(f"coalesce({name}, '') AS {name}, " for name in names)
        + "sum(stake_cents)::DOUBLE AS stake, sum(stake_cents::DOUBLE * stake_cents) AS squares "
        f"FROM denials WHERE {_TO_RECOVER} GROUP BY ALL ORDER BY ALL"
    )
    if sums.empty:
        return {("recoverable_dollars", "", ""): (0.0, 0.0, 0.0, known.decided)}
    each, (share, unsure) = known.expected(sums), known.back
    sums = sums.assign(
        all="",
        pair=sums["payer"] + PAIR + sums["category"],
        chance=sums["squares"] * each["chance"] ** 2,
        **{name: sums["stake"] * each[name] for name in ("expected", "spread", "common")},
    )
    found: Studies = {}
    cuts = {
        "": "all", "payer_name": "payer", "owner": "owner", "program": "program",
        "denial_category": "category", "facility": "facility", "payer_and_category": "pair",
    }  # fmt: skip
    for cut, column in cuts.items():
        together = (
            sums.groupby([column, "pair"] if column != "pair" else ["pair"])["spread"].sum() ** 2
        )
        cells = together.groupby(level=0).sum()
        added = sums.groupby(column)[["expected", "stake", "common", "chance"]].sum()
        for group, value, stake, common, chance in added.itertuples():
            reach = Z95 * sqrt(
                float(cells[group])
                + common**2
                + chance
                + (value * unsure / share if share else 0.0) ** 2
            )
            found["recoverable_dollars", cut, str(group)] = (
                value, max(value - reach, 0.0), min(value + reach, stake), known.decided,
            )  # fmt: skip
    return found


def as_frame(studies: Studies) -> pd.DataFrame:
    """Return the studies as a table, to be kept beside the facts."""
    rows = [(*key, *(None if one is None else float(one) for one in value)) for key, value in studies.items()]  # fmt: skip
    return pd.DataFrame(
        rows, columns=["metric", "cut", "group", "value", "low", "high", "n"]
    ).astype({name: "Float64" for name in ("value", "low", "high", "n")})


def from_frame(table: pd.DataFrame) -> Studies:
    """Return the studies of such a table."""
    return {
        (metric, cut, group): (
            *(None if pd.isna(one) else float(one) for one in numbers[:3]),
            None if pd.isna(numbers[3]) else int(numbers[3]),
        )
        for metric, cut, group, *numbers in table.itertuples(index=False)
    }
