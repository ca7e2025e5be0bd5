"""Values that stand after a label, under the heading of a table, or after certain words of a sentence."""

import re
from collections.abc import Iterator
from datetime import date
from functools import cache
from typing import Literal, NamedTuple

import msgspec

from toolkit.claims.notice import dates
from toolkit.claims.notice.dates import Order
from toolkit.claims.notice.pages import Page
from toolkit.rules import RULES, read

Kind = Literal["date", "number", "money", "name", "text", "revenue code"]


class NoticeFact(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A fact that letters state by labels (`toolkit/rules/notices/facts.yaml`); no name: something else."""

    name: str
    says: str
    kind: Kind
    labels: tuple[str, ...]
    second: tuple[str, ...] = ()
    prose: tuple[str, ...] = ()
    enters: str = ""
    personal: Literal["yes", "no"] = "no"
    wanted: tuple[str, ...] = ()


class Hit(NamedTuple):
    """A value of a fact in a page: where it stands, where its label begins, and how good the label is.

    `rank` 0 is a label or a heading, 1 the words of a sentence, 2 a label of the second choice.
    """

    fact: NoticeFact
    value: str | date | int
    page: int
    text: str
    start: int
    end: int
    begins: int
    rank: int
    other: date | None = None
    until: date | None = None


class Labelled(NamedTuple):
    """What the labels of a page give, the places they claim, and whether a number was masked."""

    hits: tuple[Hit, ...]
    claimed: tuple[tuple[int, int], ...]
    masked: bool


@cache
def notice_facts() -> tuple[NoticeFact, ...]:
    """Return the facts that labels name, and what other labels stand for."""
    return read(RULES / "notices" / "facts.yaml", tuple[NoticeFact, ...])


# ---- labels as patterns

_NUMBER_WORD = r"(?:numbers?|num\.?|nbr\.?|nos?\.?|id\.?(?:\s*(?:\#|no\.?|number))?|i\.d\.|\#)"
WRAPPED = r" \n"  # words of a sentence may stand in two lines


def pattern_of(words: str, space: str = " ") -> str:
    """Return the pattern of a label's words: plurals, abbreviated numbers; `space` parts them."""
    gap = f"[{space}]{{1,3}}"
    pattern, joint = "", ""
    for word in words.split():
        if word == "...":
            joint = rf"{gap}(?:[^.:;]{{0,60}}?{gap})?"
            continue
        if word == "number":
            pattern += rf"(?:[ ]{{1,2}}{_NUMBER_WORD}|[ ]{{0,2}}\#)" if pattern else _NUMBER_WORD
        else:
            plural = r"(?:'s|’s|s|\(s\))?" if word[-1].isalpha() else ""
            pattern += joint + re.escape(word) + plural
        joint = gap
    return pattern


class _Label(NamedTuple):
    fact: NoticeFact
    rank: int


@cache
def _labels() -> tuple[re.Pattern[str], list[_Label]]:
    rows = [
        (words, _Label(fact, rank))
        for fact in notice_facts()
        for rank, some in ((0, fact.labels), (2, fact.second))
        for words in some
    ]
    rows.sort(key=lambda row: -len(row[0]))
    any_of = "|".join(f"(?P<l{at}>{pattern_of(words)})" for at, (words, _) in enumerate(rows))
    pattern = re.compile(rf"(?<![\w'’/-])(?:{any_of})(?![\w'’-])", re.IGNORECASE)
    return pattern, [label for _, label in rows]


@cache
def _prose(*, apart: bool) -> tuple[re.Pattern[str], list[_Label]]:
    """Return the words of sentences; `apart`: those with others between ("services provided ... on")."""
    rows = [
        (words, _Label(fact, 1))
        for fact in notice_facts()
        for words in fact.prose
        if ("..." in words) == apart
    ]
    rows.sort(key=lambda row: -len(row[0]))
    any_of = "|".join(
        f"(?P<p{at}>{pattern_of(words, WRAPPED)})" for at, (words, _) in enumerate(rows)
    )
    return re.compile(rf"(?<!\w)(?:{any_of})(?!\w)", re.IGNORECASE), [label for _, label in rows]


def _which(match: re.Match[str]) -> int:
    name = match.lastgroup or ""
    return int(name[1:])


# ---- values

_SEPARATOR = re.compile(r"[ ]{0,3}(?:[:#=]+|\.{2,}|[-–—](?=[ ]))[ :#]*")
_CELL = re.compile(r"(?:[ ]{3,}|[ ]*\|[ ]*)")
_TOKEN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9*/_-]|\.(?=[A-Za-z0-9]))*")
_MBI = re.compile(r"[1-9][A-Za-z][A-Za-z0-9]\d[ -][A-Za-z][A-Za-z0-9]\d[ -][A-Za-z]{2}\d{2}(?!\w)")
_PREFIXED = re.compile(r"[A-Z]{2,4}[ ]\d[\w-]*(?!\w)")
_MASK = re.compile(r"[*•]{2,}|[xX]{3,}")
_MONEY = re.compile(r"\$[ ]?(\d{1,3}(?:,\d{3})+|\d+)(\.\d{2})?(?![\d,])|(?<![\w.,])(\d{1,3}(?:,\d{3})+|\d+)(\.\d{2})(?![\d,.]\d)")  # fmt: skip
_NAME_END = re.compile(r"[ ]{2,}|[|;(\n]|,[ ]*(?=[a-z])")
_NAME = re.compile(r"[A-Z][\w'’.-]*(?:[ ]*,?[ ]+[A-Z][\w'’.-]*){1,4}")
_REVENUE = re.compile(r"0?\d{3}(?!\d)")
_WEEKDAY = re.compile(
    r"[\s:]*(?:(?:the|of|on|about)\s+)*(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,?\s*)?",
    re.IGNORECASE,
)


class _Value(NamedTuple):
    value: str | date | int
    start: int
    end: int
    other: date | None = None
    until: date | None = None


def _value(
    fact: NoticeFact, text: str, start: int, end: int, order: Order, *, prose: bool
) -> _Value | None:
    """Return the value of a fact's kind at the start of a span of a page's text."""
    span = text[start:end]
    if fact.kind == "date":
        return _date(span, start, order, prose=prose)
    if fact.kind == "money":
        match = _MONEY.search(span)
        if match is None or len(span[: match.start()].split()) > 2:
            return None
        whole, cents = (match[1] or match[3]).replace(",", ""), match[2] or match[4] or ".00"
        return _Value(int(whole) * 100 + int(cents[1:]), start + match.start(), start + match.end())
    if fact.kind == "number":
        return _number(span, start, prose=prose)
    if fact.kind == "revenue code":
        match = _REVENUE.match(span)
        return _Value(match[0].zfill(4), start, start + match.end()) if match else None
    return _words(span, start, name=fact.kind == "name")


def _date(span: str, start: int, order: Order, *, prose: bool) -> _Value | None:
    found = dates.find_dates(span, order).found
    if not found:
        return None
    first = found[0]
    lead = _WEEKDAY.match(span)
    if first.start > (lead.end() if lead else 0) and (prose or span[: first.start].strip()):
        return None
    until = dates.ranges(span, found).get(first.start)
    at = start + first.start, start + (until or first).end
    return _Value(first.day, *at, first.other, until.day if until else None)


def _number(span: str, start: int, *, prose: bool) -> _Value | None:
    lead = len(span) - len(span.lstrip(" #:"))
    match = _MBI.match(span, lead) or (not prose and _PREFIXED.match(span, lead))
    match = match or _TOKEN.match(span, lead)
    if match is None:
        return None
    token = match[0].rstrip("-/_.")
    digits = sum(c.isdigit() for c in token)
    few = digits < 4 and (digits < 3 or len(token) < 6)
    if digits < 1 or (prose and (few or len(token) < 5)) or len(token) < 3 or _MASK.search(token):
        return None
    if (
        dates.find_dates(token, "").found
        or re.fullmatch(r"\d+\.\d\d", token)
        or (token.isdigit() and len(token) > 24)
    ):
        return None
    if re.match(r"[ ]?\(?\d{3}\)?[-. ]\d{3}[-. ]\d{4}(?!\d)|1-\d{3}-\d{3}-\d{4}", span[lead:]):
        return None  # a telephone number
    return _Value(token, start + lead, start + lead + len(token))


def _words(span: str, start: int, *, name: bool) -> _Value | None:
    lead = len(span) - len(span.lstrip(" :#"))
    rest = span[lead:]
    cut = _NAME_END.search(rest)
    words = (rest[: cut.start()] if cut else rest).strip(" ,;-")
    if name:
        match = _NAME.match(words)
        if not match or re.search(r"\d", match[0]):
            return None
        words = match[0].rstrip(" ,.") if not match[0].endswith(("Jr.", "Sr.")) else match[0]
    if not words or len(words) > 80 or not re.search(r"[A-Za-z]{2}", words):
        return None
    return _Value(words, start + lead, start + lead + len(words))


# ---- a page


class _Seen(NamedTuple):
    start: int  # of the label
    value_from: int
    label: _Label
    alone: bool  # nothing but spaces after it


def read_labels(page: Page, text: str, order: Order) -> Labelled:
    """Return what the labels of a page's text give: of labels that could be several, the longest."""
    hits: list[Hit] = []
    claimed: list[tuple[int, int]] = []
    masked = False
    headings = {line: cells for line, cells in _headings(text)}
    for at, cells in headings.items():
        hits += _column_hits(page, text, at, cells, order)
    off = [(at, at + len(_line_at(text, at))) for at in headings]
    claimed += off
    seen = [one for one in _seen(text) if not _inside(one.start, off)]
    starts = [one.start for one in seen]
    for nth, one in enumerate(seen):
        following = starts[nth + 1] if nth + 1 < len(seen) else len(text)
        start, end = _span(text, one, following)
        value = _value(one.label.fact, text, start, end, order, prose=False)
        masked |= value is None and bool(_MASK.match(text[start:end].lstrip(" #:")))
        if value is not None:
            claimed.append((value.start, value.end))
            hits.append(_hit(one.label, value, page, text, one.start))
    for apart in (False, True):
        pattern, labels = _prose(apart=apart)
        for match in pattern.finditer(text):
            label = labels[_which(match)]
            end = min(len(text), match.end() + 80)
            value = _value(label.fact, text, match.end(), end, order, prose=True)
            if value is not None and not _inside(value.start, claimed):
                claimed.append((value.start, value.end))
                hits.append(_hit(label, value, page, text, match.start()))
    return Labelled(tuple(hit for hit in hits if hit.fact.name), tuple(claimed), masked)


def _hit(label: _Label, value: _Value, page: Page, text: str, begins: int) -> Hit:
    return Hit(
        label.fact, value.value, page.number, text, value.start, value.end, min(begins, value.start),
        label.rank, value.other, value.until,
    )  # fmt: skip


def _seen(text: str) -> Iterator[_Seen]:
    """Give the labels of a text that are labels there: by what is before and after them."""
    pattern, labels = _labels()
    at = 0
    while match := pattern.search(text, at):
        at = match.end()
        label = labels[_which(match)]
        before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
        begins_cell = not before.strip(" •*·-–>|") or bool(
            re.search(r"(?:[ ]{2,}|\||\bre:[ ]*)$", before, re.I)
        )
        after = text[match.end() :]
        separator = _SEPARATOR.match(after)
        ended_with_mark = match[0].endswith("#")
        line = after.partition("\n")[0]
        if not begins_cell and _is_plain_noun(match[0], before):
            at = match.start() + 1
        elif separator or (ended_with_mark and line.strip()):
            to = match.end() + (separator.end() if separator else 0)
            yield _Seen(match.start(), to, label, not text[to:].partition("\n")[0].strip())
            at = to
        elif begins_cell and not line.strip():
            yield _Seen(match.start(), match.end(), label, True)
        elif (
            begins_cell
            and re.match(r"[ ]{2,}|[ ]*\|", line)
            or begins_cell
            and label.fact.kind == "name"
            and " " in match[0]
            and _is_name(line)
        ):
            yield _Seen(match.start(), match.end(), label, False)
        elif begins_cell and label.fact.kind in ("date", "number") and line.startswith(" "):
            # "RECEIVED MAR 05 2026", "Claim 123456789": the value follows at once
            value = _value(
                label.fact, text, match.end(), match.end() + min(len(line), 60), "", prose=True
            )
            if value is not None:
                yield _Seen(match.start(), match.end(), label, False)
        else:
            at = match.start() + 1


def _is_name(line: str) -> bool:
    """Return whether the rest of a line is a name and nothing else ("MEMBER NAME POE, EDGAR")."""
    return bool(re.fullmatch(rf"[ ]{{1,3}}{_NAME.pattern}\s*", line))


def _is_plain_noun(label: str, before: str) -> bool:
    """Return whether a label of one plain word ends another's: "Consult date:" is no "Date:"."""
    word = before.split()[-1] if before.split() else ""
    plain = " " not in label and not (label.isupper() and len(label) < 4) and label.isalpha()
    return plain and word.isalpha()


def _span(text: str, one: _Seen, following: int) -> tuple[int, int]:
    """Return where the value of a label can stand: the rest of its cell, else the next line's first."""
    end = text.find("\n", one.value_from)
    end = len(text) if end < 0 else end
    start = one.value_from
    if one.alone:
        start = end
        while start < len(text) and text[start] in "\n ":
            start += 1
        if text[end:start].count("\n") > 2 or following < start + 1:
            return end, end
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
    if start < following < end:
        end = following
    while start < end and text[start] in " |":
        start += 1
    cell = _CELL.search(text, start, end)
    return start, cell.start() if cell else end


def _inside(place: int, spans: list[tuple[int, int]]) -> bool:
    return any(start <= place < end for start, end in spans)


# ---- tables

_CODE_HEADING = re.compile(
    r"(?:cpt|hcpcs|procedure|proc|service|code|codes|cpt/hcpcs|diagnosis|dx|icd-?10|description|"
    r"description of services?|reason|status|units|qty|remark codes?|mod|modifiers?|line|"
    r"(?:cpt|hcpcs|cpt/hcpcs|procedure|proc|service|diagnosis|dx|icd-?10|remark|reason) codes?)\.?",
    re.IGNORECASE,
)  # fmt: skip


_NEAR = 6  # characters


def cells_of(line: str) -> list[tuple[int, str]]:
    """Return the cells of a line, each with where it begins: what two spaces or a bar part."""
    return [(m.start(), m[0].strip()) for m in re.finditer(r"[^\s|]+(?:[ ][^\s|]+)*", line)]


def _line_at(text: str, at: int) -> str:
    return text[at:].partition("\n")[0]


def _headings(text: str) -> Iterator[tuple[int, list[tuple[int, _Label | None]]]]:
    """Give the lines that are headings of a table: where each begins, and its cells' labels.

    Every cell is a label, or two are and the line below has as many cells, half of them with figures.
    """
    pattern, labels = _labels()
    at = 0
    lines = text.split("\n")
    for number, line in enumerate(lines):
        cells = cells_of(line)
        if len(cells) > 1 and ":" not in line and not any(c.isdigit() for c in line):
            matches = [pattern.fullmatch(words) for _, words in cells]
            known = [
                m is not None or bool(_CODE_HEADING.fullmatch(w))
                for m, (_, w) in zip(matches, cells, strict=True)
            ]
            below = next((one for one in lines[number + 1 :] if one.strip()), "")
            row = [any(c.isdigit() for c in words) for _, words in cells_of(below)]
            is_table = len(row) == len(cells) and sum(row) * 2 >= len(row) and sum(known) > 1
            if any(matches) and (all(known) or is_table):
                yield (
                    at,
                    [
                        (start, labels[_which(match)] if match else None)
                        for (start, _), match in zip(cells, matches, strict=True)
                    ],
                )
        at += len(line) + 1


def _column_hits(
    page: Page, text: str, at: int, heads: list[tuple[int, _Label | None]], order: Order
) -> Iterator[Hit]:
    """Give the values below the headings of a table, each under the nearest heading."""
    start = at + len(_line_at(text, at)) + 1
    rows = 0
    while start < len(text):
        line = _line_at(text, start)
        cells = cells_of(line)
        if len(cells) < 2 and (rows or cells):
            return
        rows += bool(cells)
        for nth, (place, words) in enumerate(cells):
            if len(cells) == len(heads):
                label = heads[nth][1]
            else:  # a cell is empty: what stands below belongs to the nearest heading
                nearest = min(heads, key=lambda one: abs(one[0] - place))
                label = nearest[1] if abs(nearest[0] - place) <= _NEAR else None
            if label is None or not label.fact.name:
                continue
            begin = start + place
            value = _value(label.fact, text, begin, begin + len(words), order, prose=False)
            if value is not None:
                yield _hit(label, value, page, text, value.start)
        start += len(line) + 1
