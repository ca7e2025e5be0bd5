"""The arguments that commands share, and how their values are parsed."""

import argparse
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from toolkit.errors import UsageError


def iso_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("expected a date as YYYY-MM-DD") from None


def positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError("expected a whole number above zero")
    return int(text)


def dollars(text: str) -> float:
    from math import isfinite

    from toolkit.law.filing import MOST_DOLLARS

    try:
        dollars = float(text)
    except ValueError:
        dollars = -1.0
    if not isfinite(dollars) or not 0 <= dollars <= MOST_DOLLARS:
        raise argparse.ArgumentTypeError("expected dollars such as 1234.50, zero or more")
    return dollars


def cents(text: str) -> int:
    from decimal import Decimal, InvalidOperation

    try:
        cents = Decimal(text.replace(",", "").removeprefix("$")) * 100
    except InvalidOperation:
        raise argparse.ArgumentTypeError("expected dollars such as 1234.50") from None
    if not cents.is_finite() or cents != int(cents) or not 0 < cents < 10**13:
        raise argparse.ArgumentTypeError("expected dollars above zero, with at most two decimals")
    return int(cents)


def add_as_of(one: argparse.ArgumentParser) -> None:
    one.add_argument("--as-of", type=iso_date, default=date.today(), help="default: today")


def add_files(one: argparse.ArgumentParser) -> None:
    add_layout(one)
    one.add_argument("--payers", type=Path, help="payer table; default: local/payers.csv")
    one.add_argument(
        "--contracts",
        type=Path,
        metavar="DIR",
        help="folder of contracts; default: local/contracts",
    )
    one.add_argument(
        "--store",
        metavar="FILE",
        help="case store, or a postgresql:// URL; default: local/cases.sqlite",
    )


def add_layout(one: argparse.ArgumentParser) -> None:
    one.set_defaults(own_folder=True)
    one.add_argument(
        "--layout",
        metavar="NAME|FILE.yaml",
        help="layout of the exports, or your own YAML file; default: the one that matches",
    )


def program_id(text: str) -> str:
    """Return the id of the program that the text names, or the text itself if it names none."""
    from toolkit.law import program_named

    return program_named(text) or text


def jurisdiction(text: str) -> str:
    """Return a jurisdiction's two letters in capitals."""
    from toolkit.law import known_jurisdiction

    try:
        return known_jurisdiction(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_level(one: argparse.ArgumentParser) -> None:
    from toolkit.law import STAGES

    one.add_argument("--program", type=program_id, required=True, help="program id or name")
    one.add_argument("--level", required=True, help="level id, as toolkit ladder lists them")
    one.add_argument(
        "--stage",
        choices=STAGES,
        help="whether the denial came before, during or after the service",
    )
    one.add_argument("--expedited", action="store_true", help="the request is expedited")


def add_engine(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--engine",
        choices=("auto", "local", "pandas", "duckdb", "spark"),
        default="auto",
        help="pandas reads all at once; duckdb and spark do it in parts, of any size; "
        "default: by size; the answers are the same",
    )
    one.add_argument(
        "--book", type=Path, help="folder that keeps what was read: a new month adds its file"
    )


def add_jurisdiction(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--jurisdiction",
        type=jurisdiction,
        metavar="XX",
        help="two letters of the state whose law governs an insured plan; leave out if self-funded",
    )


def options_given(options: argparse.Namespace, *words: str) -> list[str]:
    """Return the names of the options that were given."""
    return [word for word in words if getattr(options, word) not in (None, False)]


def not_used(words: Sequence[str]) -> tuple[str, ...]:
    """Return one sentence that names the options the answer does not depend on; () if there are none."""
    said = ", ".join(f"--{word.replace('_', '-')}" for word in words)
    return (f"Not used: {said}. No rule of this level depends on it.",) if words else ()
