"""A balance as text for a terminal."""

from collections.abc import Iterator, Mapping
from typing import Any

from toolkit.balance.definitions import definitions
from toolkit.claims.findings import FindingKind
from toolkit.claims.findings import lines as finding_lines

_COLUMNS = (
    "count",
    "billed",
    "paid",
    "patient",
    "contractual",
    "denied",
    "closed_unpaid",
    "unexplained",
)
_WIDTH = 15
_FIRST = 5


def lines(answer: Mapping[str, Any]) -> Iterator[str]:
    """Return the lines of a balance: buckets, what adds up, what is reported beside them."""
    head = ("claims", *_COLUMNS[1:])
    yield f"{'':<12}" + "".join(f"{name:>{_WIDTH}}" for name in head)
    for name, one in [*answer["buckets"].items(), ("total", answer["total"])]:
        cells = (one[column] for column in _COLUMNS)
        yield f"{name:<12}" + "".join(f"{_cell(cell):>{_WIDTH}}" for cell in cells)
    yield f"Billed in the file: {_cell(answer['billed'])}; difference: {answer['difference']}"
    for name, words in (
        ("other_months", "of other months"),
        ("without_number", "without a number"),
    ):
        if answer[name]["count"]:
            one = answer[name]
            yield f"  {words}: {one['count']:,} claims, {_cell(one['billed'])} billed, in no bucket"
    if answer["without_charge"]:
        yield f"  without a charge: {answer['without_charge']:,} claims"
    if not answer["providers_known"]:
        yield "  there is no providers.csv, so no claim is known to be another provider's"
    short = answer["paid_short"]
    if short["count"]:
        yield f"Paid short: {short['count']:,} claims, {_cell(short['stake'])} at stake"
        yield from _entries(short["claims"], "stake")
    says = {one.id: one.says for one in definitions().reports}
    for name, one in answer["reports"].items():
        if one["count"]:
            yield f"{name}: {one['count']:,}, {_cell(one['amount'])}. {says[name]}"
            yield from _entries(one["claims"], "amount")
    kinds = [FindingKind(**one) for one in answer["findings_list"]]
    yield from (f"  {line}" for line in finding_lines(kinds))


def _entries(claims: list[dict[str, Any]], amount: str) -> Iterator[str]:
    for one in claims[:_FIRST]:
        days = f", {one['days']} days" if "days" in one else ""
        more = "".join(f"; {one[name]}" for name in ("other", "because") if one.get(name))
        cents = "amount not stated" if one[amount] is None else _cell(one[amount])
        yield f"    {one['file']}, row {one['row']}: {cents}{days}{more}"
    if len(claims) > _FIRST:
        yield f"    and {len(claims) - _FIRST:,} more (--json lists all)"


def _cell(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    whole, _, cents = str(value).partition(".")
    return f"{int(whole):,}.{cents}" if whole not in ("-0",) else str(value)
