"""Logic of three values, after Kleene: True, False, and None for what is not known yet.

Filling in what is unknown never changes a result that is already True or False.
"""

from collections.abc import Iterable

Value = bool | None


def all_of(values: Iterable[Value]) -> Value:
    """Return whether every value is True: False where one is, else None where one is unknown."""
    found = list(values)
    if False in found:
        return False
    return None if None in found else True


def any_of(values: Iterable[Value]) -> Value:
    """Return whether one value is True: True where one is, else None where one is unknown."""
    found = list(values)
    if True in found:
        return True
    return None if None in found else False


def negated(value: Value) -> Value:
    """Return the opposite; what is unknown stays so."""
    return None if value is None else not value


def at_least(number: int, values: Iterable[Value]) -> Value:
    """Return whether at least so many values are True."""
    found = list(values)
    sure, open_ = found.count(True), found.count(None)
    if sure >= number:
        return True
    return None if sure + open_ >= number else False
