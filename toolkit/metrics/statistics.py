"""The statistics of the metrics: intervals of shares and of dollar rates, and days with open cases."""

from collections.abc import Iterable, Mapping
from math import exp, sqrt

# The standard normal quantile for a two-sided 95 % interval.
Z95 = 1.959963984540054

Interval = tuple[float, float] | tuple[None, None]


def wilson(count: float, out_of: float) -> Interval:
    """Return the 95 % Wilson score interval of a share; (None, None) where there is no case.

    Source: Wilson (1927), J. Am. Stat. Assoc. 22:209. It stays inside 0 to 1 and holds for the
    small counts of one payer's appeals, where the plain normal interval does not.

    >>> [round(bound, 4) for bound in wilson(3, 10)]
    [0.1078, 0.6032]
    """
    if not out_of:
        return None, None
    share, z2 = count / out_of, Z95**2
    middle = (share + z2 / (2 * out_of)) / (1 + z2 / out_of)
    reach = Z95 * sqrt(share * (1 - share) / out_of + z2 / (4 * out_of**2)) / (1 + z2 / out_of)
    return (
        max(0.0, middle - reach) if count > 0 else 0.0,
        min(1.0, middle + reach) if count < out_of else 1.0,
    )


def ratio_interval(
    claims: int, part: float, whole: float, part2: float, cross: float, whole2: float
) -> tuple[Interval, float]:
    """Return the 95 % interval of a ratio by claim, and how many equal claims it is worth.

    `part` and `whole` are the sums over the claims, `part2`, `cross` and `whole2` those of their
    squares and products. The variance is that of a ratio of totals with claims as the sampled units
    (Cochran 1977, section 6.4); the interval is Wilson's with the number of claims that would give
    the same variance, at most the number of equal claims that the dollars are spread over
    (Kish 1965). So a rate that hangs on one large claim has a wide interval, also at 0 % and 100 %.

    >>> (low, high), worth = ratio_interval(4, 200, 400, 20_000, 20_000, 40_000)
    >>> round(low, 2), round(high, 2), round(worth, 6)
    (0.15, 0.85, 4.0)
    """
    if claims < 2 or whole <= 0:
        return (None, None), 0.0
    share = min(max(part / whole, 0.0), 1.0)
    worth = whole**2 / whole2
    spread = max(part2 - 2 * share * cross + share**2 * whole2, 0.0)
    variance = spread * claims / (claims - 1) / whole**2
    if variance > 0 and 0 < share < 1:
        worth = min(worth, share * (1 - share) / variance * claims / (claims - 1))
    return wilson(share * worth, worth), worth


def totals_interval(
    part: float, part2: float, whole: float, whole2: float
) -> tuple[Interval, float]:
    """Return the 95 % interval of one total over another of other claims, and how many claims it is worth.

    `part` and `whole` are the sums over their claims, `part2` and `whole2` those of the squares. Neither
    holds the other (a month's denied charges over the charges of the months before), so the ratio may be
    above 1 and is no share: each total varies as a sum over a random number of claims, and the interval
    is symmetric in the logarithm (delta method; of counts, that of a ratio of two Poisson rates). Where
    nothing is denied the upper end is Wilson's for as many equal claims as `whole` is worth.

    >>> (low, high), worth = totals_interval(200, 20_000, 1_000, 100_000)
    >>> round(low, 3), round(high, 3), round(worth, 6)
    (0.044, 0.913, 10.0)
    """
    if whole <= 0:
        return (None, None), 0.0
    worth = whole**2 / whole2
    if part <= 0:
        return wilson(0, worth), worth
    reach = exp(Z95 * sqrt(part2 / part**2 + whole2 / whole**2))
    return (part / whole / reach, part / whole * reach), worth


def day_reached(
    share: float,
    done: Mapping[int, int],
    waiting: Mapping[int, int] | None = None,
    otherwise: Mapping[int, int] | None = None,
) -> int | None:
    """Return the first day by which `share` of the cases are done; None if it is not reached.

    Each mapping is days -> how many cases. `waiting` are still open after so many days: they count as
    censored, since leaving them out would make every slow payer look quick (product-limit estimate,
    Kaplan and Meier 1958). `otherwise` ended in another way, after which they can never be done: a
    competing end (cumulative incidence, Aalen and Johansen 1978).

    >>> day_reached(0.5, {10: 1, 20: 2})
    20
    >>> day_reached(0.5, {10: 1, 20: 1, 30: 1}, {25: 3})
    30
    >>> day_reached(0.5, {49: 5}, {55: 15}, {2: 20}) is None
    True
    """
    waiting, otherwise = waiting or {}, otherwise or {}
    at_risk = sum(done.values()) + sum(waiting.values()) + sum(otherwise.values())
    going_on, reached = 1.0, 0.0
    for day in sorted({*done, *waiting, *otherwise}):
        ended, other = done.get(day, 0), otherwise.get(day, 0)
        if ended:
            reached += going_on * ended / at_risk
            if reached >= share - 1e-12:
                return day
        going_on *= 1 - (ended + other) / at_risk if at_risk else 0.0
        at_risk -= ended + other + waiting.get(day, 0)
    return None


def days_by_which(
    share: float, done: Iterable[int], waiting: Iterable[int] | None = None
) -> int | None:
    """Return what `day_reached` does, of cases one by one.

    >>> days_by_which(0.5, [10, 20, 30])
    20
    >>> days_by_which(0.5, [10, 20, 30], [25, 25, 25])
    30
    """
    return day_reached(share, _tally(done), _tally(waiting or ()))


def _tally(days: Iterable[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for day in days:
        found[int(day)] = found.get(int(day), 0) + 1
    return found
