"""The code lists in our own words, and the spellings in which exports write a code.

Claim adjustment reason codes (CARC), remittance advice remark codes (RARC), group codes, claim
status and provider-level adjustment reasons, read from `toolkit/rules/denials`. A spelling is
understood exactly or not at all: `CO-4` is never `CO-45`, nor the other way round.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from toolkit.errors import RulesError, UsageError
from toolkit.rules import RULES, read, read_csv

FOLDER = RULES / "denials"

Nature = Literal["clinical", "technical", "none"]
Preventable = Literal["yes", "partly", "no", "none"]
Liability = Literal["provider", "patient", "other"]
Confidence = Literal["high", "medium", "low", "inferred"]
Mark = Literal["V", "V2", "M"]
Yes = Literal["yes"]
YesNo = Literal["yes", "no"]


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A row of a rule file: what the file does not declare is refused."""


class Category(_Row, frozen=True, kw_only=True):
    """A denial category of the taxonomy, with the reasons that are finer than it."""

    id: str
    short_id: str
    name: str
    stage: str
    nature: Nature
    default_route: str
    owner: str
    rank: int
    preventable: Preventable
    provider_issue: YesNo  # under group code PR it still points at the provider
    says: str
    plain_reasons: tuple[str, ...]  # say no more than the category; free text may refine them
    mark: Mark
    reasons: dict[str, str]


class Route(_Row, frozen=True, kw_only=True):
    """What to do about a denial; hard where it is an appeal or nothing is left to do."""

    id: str
    hardness: Literal["soft", "hard"]
    says: str


class _Vocabulary(_Row, frozen=True, kw_only=True):
    categories: tuple[Category, ...]
    routes: tuple[Route, ...]


class Carc(_Row, frozen=True, kw_only=True):
    """A claim adjustment reason code: meaning in our own words, and what it decides."""

    code: str
    says: str
    category: str
    reason: str
    route: str
    nature: Nature
    preventable: Preventable
    usual_group: str  # one or more group codes, one space between
    needs_remark: Yes | None = None
    remark_effect: Literal["changes", "keeps", "none"]  # may a remark change the category
    start: str = ""
    stop: str = ""
    status: Literal["active", "retired"]
    retired_to: str = ""  # today's code or codes, the closest first
    example: str
    mark: Mark  # of the meaning
    map_mark: Mark  # of category, reason and route
    source: str
    note: str = ""


class Rarc(_Row, frozen=True, kw_only=True):
    """A remittance advice remark code: meaning in our own words where on file, and its effect."""

    code: str
    says: str = ""
    category: str = ""
    reason: str = ""
    route: str = ""
    # Which CARC its category may overrule: 'all'; 'any' that a remark can change; 'generic', the
    # ones that say little alone; 'alone', only where there is no CARC that decides.
    over: Literal["all", "any", "generic", "alone", ""] = ""
    liability: Literal["provider"] | None = None
    patient_billing: Literal["blocked", "capped"] | None = None
    appeal: Literal["blocked", "confirmed"] | None = None
    route_always: Yes | None = None
    informational: Yes | None = None
    mark: Mark | None = None
    map_mark: Mark | None = None
    source: str
    note: str = ""


class GroupCode(_Row, frozen=True, kw_only=True):
    """A claim adjustment group code: who bears the amount."""

    code: str
    says: str
    liability: Liability
    in_use: YesNo
    mark: Mark
    map_mark: Mark


class ClaimStatus(_Row, frozen=True, kw_only=True):
    """A claim status (CLP02), where it leaves the claim, and whether it is a decision at all."""

    code: str
    says: str
    standing: Literal[
        "decided", "denied", "pending", "reversal", "forwarded", "estimate", "unknown"
    ]
    decision: Literal["yes", "no", "unknown"]
    whose: Literal["this_payer", "other_payer"]
    turn: Literal["first", "second", "third", ""] = ""  # before whom other payers decided
    in_use: YesNo
    mark: Mark
    source: str


class PlbReason(_Row, frozen=True, kw_only=True):
    """A reason of a provider-level adjustment (PLB03-1)."""

    code: str
    says: str
    effect: str
    mark: Mark
    source: str


class _Pairs(_Row, frozen=True, kw_only=True):
    group_code: str
    carcs: tuple[str, ...]
    says: str
    mark: Mark
    category: str = "not_a_denial"
    reason: str = ""
    route: str = ""


class _NotADenial(_Row, frozen=True, kw_only=True):
    pairs: tuple[_Pairs, ...]
    reversal_groups: tuple[str, ...]
    unpaid_alone: tuple[_Pairs, ...]
    elsewhere: tuple[_Pairs, ...]


# --- the lists -----------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _vocabulary() -> _Vocabulary:
    return read(FOLDER / "categories.yaml", _Vocabulary)


@lru_cache(maxsize=1)
def categories() -> tuple[Category, ...]:
    """Return every denial category, in the order of the file."""
    return _vocabulary().categories


@lru_cache(maxsize=1)
def category_of() -> Mapping[str, Category]:
    """Return the categories by id."""
    return _by("id", categories(), "categories.yaml")


@lru_cache(maxsize=1)
def routes() -> Mapping[str, Route]:
    """Return the routes by id."""
    return _by("id", _vocabulary().routes, "categories.yaml")


@lru_cache(maxsize=1)
def carcs() -> Mapping[str, Carc]:
    """Return every claim adjustment reason code on file, by code."""
    return _by("code", _checked(read_csv(FOLDER / "carc.csv", Carc), "carc.csv"), "carc.csv")


@lru_cache(maxsize=1)
def rarcs() -> Mapping[str, Rarc]:
    """Return every remittance advice remark code on file, by code."""
    return _by("code", _checked(read_csv(FOLDER / "rarc.csv", Rarc), "rarc.csv"), "rarc.csv")


@lru_cache(maxsize=1)
def group_codes() -> Mapping[str, GroupCode]:
    """Return the group codes, by code."""
    rows = read(FOLDER / "group_codes.yaml", tuple[GroupCode, ...])
    return _by("code", rows, "group_codes.yaml")


@lru_cache(maxsize=1)
def claim_statuses() -> Mapping[str, ClaimStatus]:
    """Return the claim statuses (CLP02), by code."""
    return _by("code", read_csv(FOLDER / "claim_status.csv", ClaimStatus), "claim_status.csv")


@lru_cache(maxsize=1)
def plb_reasons() -> Mapping[str, PlbReason]:
    """Return the reasons of provider-level adjustments (PLB03-1), by code."""
    return _by("code", read_csv(FOLDER / "plb_reasons.csv", PlbReason), "plb_reasons.csv")


@lru_cache(maxsize=1)
def not_a_denial() -> _NotADenial:
    """Return the pairs of group code and CARC that are not denials (taxonomy 4.6, rules 1 and 2)."""
    return read(FOLDER / "not_a_denial.yaml", _NotADenial)


_LISTS = {
    "carc": carcs,
    "rarc": rarcs,
    "group_code": group_codes,
    "claim_status": claim_statuses,
    "plb_reason": plb_reasons,
}
_LIST_NAMES = {
    "cagc": "group_code",
    "group": "group_code",
    "clp02": "claim_status",
    "plb03-1": "plb_reason",
    "plb": "plb_reason",
}


def code(of: str, value: Any) -> Carc | Rarc | GroupCode | ClaimStatus | PlbReason | None:
    """Return the entry of a code list for a code in any safe spelling; None if none is on file.

    Lists: carc, rarc, group_code, claim_status (CLP02), plb_reason (PLB03-1). An unknown list is a
    UsageError.
    """
    name = of.strip().lower()
    name = _LIST_NAMES.get(name, name)
    if name not in _LISTS:
        raise UsageError(f"code: unknown list; the lists are {', '.join(_LISTS)}")
    if name == "carc":
        return carcs().get(read_carc(value)[1])
    if name == "rarc":
        found = read_rarcs(value)[0]
        return rarcs().get(found[0]) if len(found) == 1 else None
    if name == "claim_status":
        return claim_statuses().get(read_status(value))
    return _LISTS[name]().get(_text(value).upper())


# --- spellings -----------------------------------------------------------------------------------

_BLANK = {"", "nan", "none", "<na>", "nat", "null"}
_GROUP = "CO|PR|OA|PI|CR"
_BETWEEN = r"[\s\-*:_/.#]*"
# A CARC is one to three digits, or a letter and one or two digits. The group code may stand before
# it, and so may the word CARC; `.0` is what a spreadsheet makes of a number.
_CARC = re.compile(
    rf"(?:CARC{_BETWEEN})?(?:({_GROUP}){_BETWEEN})?(?:CARC{_BETWEEN})?"
    r"(?:([ABDPWY]?)0*([1-9][0-9]{0,2}|0(?=\.|\Z)))(?:\.0+)?"
)
_RARC = re.compile(r"(?:RARC[\s\-:#]*)?(MA|M|N)[\s\-]*0*([1-9][0-9]{0,3})(?:\.0+)?")
_RARC_GAP = re.compile(r"[\s,;|/:*^]+")


@lru_cache(maxsize=65536)
def _read_carc(text: str) -> tuple[str, str]:
    match = _CARC.fullmatch(text)
    if not match:
        return "", ""
    group, letter, digits = match[1] or "", match[2], match[3]
    # `0` in A0 is a digit of its own, not a leading zero.
    return group, letter + digits if letter or digits != "0" else ""


def read_carc(value: Any) -> tuple[str, str]:
    """Return (group code or '', CARC or '') of one cell; both empty if it holds no single code.

    `CO16`, `CO-16`, `co 16`, `CO*16`, `carc16`, `16`, `16.0` and `016` are all CARC 16. The code
    need not be on file; a part of a longer word or number is never a code.
    """
    text = _text(value)
    return _read_carc(text.upper()) if text else ("", "")


@lru_cache(maxsize=65536)
def _read_rarcs(text: str) -> tuple[tuple[str, ...], bool]:
    found, at, whole = [], 0, True
    while at < len(text):
        gap = _RARC_GAP.match(text, at)
        if gap:
            at = gap.end()
            continue
        match = _RARC.match(text, at)
        if match and (match.end() == len(text) or _RARC_GAP.match(text, match.end())):
            # The list writes MA01 with its zero and N1 without.
            found.append(match[1] + (match[2].zfill(2) if match[1] == "MA" else match[2]))
            at = match.end()
        else:
            whole = False
            nxt = _RARC_GAP.search(text, at)
            at = nxt.end() if nxt else len(text)
    return tuple(dict.fromkeys(found)), whole


def read_rarcs(value: Any) -> tuple[tuple[str, ...], bool]:
    """Return the remark codes of a cell or a list of cells, and whether all of it was understood.

    `MA-130`, `ma 130`, `MA0130` and `RARC MA130` are all MA130; several may stand in one cell.
    """
    if not isinstance(value, str) and isinstance(value, Iterable):
        if len(value := tuple(value)) == 1:
            return read_rarcs(value[0])
        parts = [read_rarcs(part) for part in value]
        return (
            tuple(dict.fromkeys(c for codes, _ in parts for c in codes)),
            all(whole for _, whole in parts),
        )
    text = _text(value)
    return _read_rarcs(text.upper()) if text else ((), True)


def read_status(value: Any) -> str:
    """Return a claim status cell as the list writes it: `05` and `5.0` are 5."""
    return re.sub(r"\.0+\Z", "", _text(value).upper()).lstrip("0")


def read_group(value: Any) -> str:
    """Return a group code cell as upper-case text without blanks; '' if it is blank."""
    return _text(value).upper()


MASKED = "?"
# Codes not on file too; a row of X is what published samples have instead of one.
_CARC_FORM = re.compile(r"[A-Z]{0,2}[0-9]{1,3}|X{1,5}")


def shown(of: Literal["carc", "rarc", "group_code"], value: Any) -> str:
    """Return a code as it may be shown anywhere; `?` for what has not the form of one, '' for none.

    What a file has in a code's place may be any text, and a text may name a patient.
    """
    text = "" if value is None else _text(value).upper()
    if not text:
        return ""
    if of == "group_code":
        return text if text in group_codes() else MASKED
    return text if (_CARC_FORM if of == "carc" else _RARC).fullmatch(text) else MASKED


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else str(value)
    text = text.strip()
    return "" if text.lower() in _BLANK else text


# --- checks --------------------------------------------------------------------------------------


def check_reason(category: str, reason: str, route: str, where: str) -> None:
    """Refuse a category, reason or route that categories.yaml does not declare."""
    known = category_of().get(category)
    if known is None:
        raise RulesError(f"{where}: category {category} is not in categories.yaml")
    if reason not in known.reasons:
        raise RulesError(f"{where}: reason {reason} is not declared under {category}")
    if route and route not in routes():
        raise RulesError(f"{where}: route {route} is not in categories.yaml")


def _checked(rows: tuple, name: str) -> tuple:
    for row in rows:
        if row.category:
            check_reason(row.category, row.reason, row.route, f"{name}, code {row.code}")
    return rows


def _by(field: str, rows: Iterable, name: str) -> Mapping[str, Any]:
    table: dict[str, Any] = {}
    for row in rows:
        key = getattr(row, field)
        if key in table:
            raise RulesError(f"{name}: {key} is listed twice")
        table[key] = row
    return MappingProxyType(table)
