"""What the buckets, parts and reports of a balance are: the definitions in `rules/history/buckets.yaml`."""

from functools import cache

import msgspec

from toolkit.rules import RULES, read


class Definition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A bucket, a part of the charge or a report, with what it means."""

    id: str
    says: str


class ShortRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When a claim is reported as paid short; `status` is the mark of the rule (V, V2 or M)."""

    id: str
    says: str
    source: str
    verified_on: str
    status: str
    below: float = 0.0
    least_claims: int = 0
    least_contractual: float = 0.0


class Inpatient(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What makes a claim an inpatient claim."""

    bill_types: tuple[str, ...]
    revenue_codes: tuple[str, str]
    remarks: tuple[str, ...]
    source: str
    verified_on: str
    status: str


class Definitions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The buckets in the order in which they are tried, the parts of a charge, and the reports."""

    buckets: tuple[Definition, ...]
    parts: tuple[Definition, ...]
    reports: tuple[Definition, ...]
    paid_short: tuple[ShortRule, ...]
    inpatient: Inpatient


@cache
def definitions() -> Definitions:
    """Return the definitions of a balance."""
    return read(RULES / "history" / "buckets.yaml", Definitions)


@cache
def short_rule(name: str) -> ShortRule:
    """Return a rule for claims that were paid short."""
    return next(rule for rule in definitions().paid_short if rule.id == name)


def names(kind: str) -> tuple[str, ...]:
    """Return the ids of `buckets`, `parts` or `reports`, in their order."""
    return tuple(one.id for one in getattr(definitions(), kind))
