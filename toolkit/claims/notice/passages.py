"""What a letter says in sentences and blocks: where to appeal and by when, what was applied, how fast."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import msgspec

from toolkit.claims.notice.dates import Order, find_dates
from toolkit.claims.notice.pages import Page
from toolkit.claims.notice.programs import any_of
from toolkit.claims.notice.proposal import Proposal, quoted
from toolkit.claims.notice.sentences import Sentence, each_value
from toolkit.rules import RULES, read


class Passages(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The words of `toolkit/rules/notices/passages.yaml`."""

    appeal: tuple[str, ...]
    not_appeal: tuple[str, ...]
    department: tuple[str, ...]
    department_ends: tuple[str, ...]
    send: tuple[str, ...]
    not_filing: tuple[str, ...]
    filing: tuple[str, ...]
    expedited_request: tuple[str, ...]
    expedited_offer: tuple[str, ...]
    says_little: tuple[str, ...]
    part_b_drug: tuple[str, ...]
    concurrent: tuple[str, ...]
    criteria_names: tuple[str, ...]
    criteria: tuple[str, ...]


@cache
def words() -> Passages:
    """Return the words by which passages are found."""
    return read(RULES / "notices" / "passages.yaml", Passages)


# ---- where to appeal

_ZIP_LINE = re.compile(r"[A-Za-z.' -]{2,40},?\s+[A-Z]{2}\.?\s+\d{5}(?:-\d{4})?(?!\d)")
# What an address stands behind in its line: "mail to:", another label, the words of a sentence.
_BEHIND = (
    re.compile(r".*\b(?i:to|at|mail|address|writing|deliver(?:y|ed)?)\s*:\s*"),
    re.compile(r".*\b(?:to|at|write|write to|mail|or)\s+(?:the\s+)?(?=[A-Z][\w&'’.-]+(?: |$))"),
    re.compile(r".*(?<!Attn)(?<!ATTN)(?<!Attention):\s+(?=[A-Z0-9])"),
)
# Where a line of an address begins that stands in a sentence.
_LINE_OF = re.compile(
    r",\s*(?=(?i:P\.?\s?O\.?\s)|\d+\s|Att(?:n|ention)\b|[A-Z][A-Za-z.]+(?: [A-Z][A-Za-z.]+){0,2},?\s+[A-Z]{2}\s+\d{5})"
)
_FAST = re.compile(r"(?<!\w)(?:fast|faster|expedited|urgent)(?!\w)[^\n]{0,60}\Z", re.IGNORECASE)
_FAX = re.compile(
    r"(?<!\w)(?:fax|facsimile|telefax)[^\d\n(+]{0,40}[:\s#(+]{0,3}(?:1[-. ])?(\(?\d{3}\)?[-.\s/]{0,2}\d{3}[-.\s]\d{4})(?!\d)",
    re.IGNORECASE,
)
_FAX_TO = re.compile(
    r"(?<!\w)(?:fax|facsimile)[^\n]{0,60}?(\(?\d{3}\)?[-.\s/]{0,2}\d{3}[-.\s]\d{4})(?!\d)",
    re.IGNORECASE,
)
_DEAR = re.compile(r"^\s*(?:dear\b|to whom it may concern)", re.IGNORECASE | re.MULTILINE)
_LINES, _CONTEXT = 7, 420


class _Place(NamedTuple):
    page: Page
    start: int
    end: int
    value: str


def addresses(pages: Sequence[Page]) -> Iterator[Proposal]:
    """Give the address, fax number and department to which the letter says an appeal goes."""
    places = [one for page in pages for one in _blocks(page) if _is_for_appeals(one)]
    yield from _several("plan_address", "address for the appeal", places, enters="plan_address")
    faxes = [one for page in pages for one in _faxes(page) if _is_for_appeals(one)]
    faxes = [one for one in faxes if not _FAST.search(one.page.text[: one.start])] or faxes
    yield from _several("plan_fax", "fax number for the appeal", faxes, enters="plan_fax")
    pattern = _department()
    rooms = [
        _Place(page, m.start(), m.end(), " ".join(m[0].split()).strip(" ,"))
        for page in pages
        for m in pattern.finditer(page.text)
    ]
    yield from _several("appeal_department", "department for the appeal", rooms, enters="")


def _several(name: str, says: str, places: list[_Place], *, enters: str) -> Iterator[Proposal]:
    first: dict[str, _Place] = {}
    for one in places:
        first.setdefault(re.sub(r"\W+", " ", one.value).casefold().strip(), one)
    values = [one.value for one in first.values()]
    for one in first.values():
        yield Proposal(
            name=name,
            says=says,
            value=one.value,
            page=one.page.number,
            quotation=quoted(one.page.text, one.start, one.end),
            certain=len(values) == 1,
            also_found=tuple(other for other in values if other != one.value),
            enters=enters,
        )


@cache
def _department() -> re.Pattern[str]:
    rule = words()
    of, ends = "|".join(rule.department), "|".join(rule.department_ends)
    return re.compile(
        rf"(?<!\w)(?:[A-Z][\w&'’]+[ ]){{0,3}}(?i:{of})(?:[ ]*(?:&|and|/)[ ]*[A-Z]\w+)*[ ](?:[A-Z]\w+[ ])?(?:{'|'.join(one.capitalize() for one in ends.split('|'))})(?!\w)"
    )


def _blocks(page: Page) -> Iterator[_Place]:
    """Give the US addresses of a page: lines that end with a ZIP code, or a part of a sentence."""
    text = page.text
    for match in _ZIP_LINE.finditer(text):
        end = match.end()
        start = text.rfind("\n", 0, match.start() + 1) + 1
        line = text[start:end]
        behind = _behind(line[:-8])
        start = start + behind if behind else _upward(text, start)
        block = text[start:end]
        opening = text[text.rfind("\n", 0, start) + 1 : start].strip()
        if opening and (opening[-1] != ":" or "," in block.partition("\n")[0]):
            block = " ".join(
                block.split()
            )  # in a sentence the lines are the page's, not the address's
        lines = [" ".join(one.split()) for one in block.split("\n") if one.strip()]
        value = "\n".join(lines) if len(lines) > 1 else _LINE_OF.sub("\n", "".join(lines))
        if re.search(r"\d", value) and len(value) < 300:
            yield _Place(page, start, end, value)


def _behind(line: str) -> int:
    """Return where in a line an address may begin that is not its first word; 0 if there is none."""
    first, *others = (m.end() if (m := pattern.match(line)) else 0 for pattern in _BEHIND)
    return (
        first if 0 < first < len(line) else max((at for at in others if at < len(line)), default=0)
    )


def _upward(text: str, start: int) -> int:
    """Return where the block of lines above a place begins: below a blank line, a colon or a sentence."""
    for _ in range(_LINES - 1):
        above_end = start - 1
        if above_end <= 0:
            return start
        above = text.rfind("\n", 0, above_end) + 1
        line = text[above:above_end]
        stripped = line.strip()
        if not stripped or stripped.endswith(":") or _ZIP_LINE.search(line):
            return start
        if behind := _behind(line):
            return above + behind
        if stripped[-1] in ".?!" and len(stripped.split()) > 5 or len(stripped) > 70:
            return start
        start = above
    return start


def _faxes(page: Page) -> Iterator[_Place]:
    text = page.text
    spans: set[int] = set()
    for pattern in (_FAX, _FAX_TO):
        for match in pattern.finditer(text):
            if match.start(1) not in spans:
                spans.add(match.start(1))
                digits = re.sub(r"\D", "", match[1])
                yield _Place(
                    page, match.start(1), match.end(1), f"{digits[:3]}-{digits[3:6]}-{digits[6:]}"
                )


def _is_for_appeals(place: _Place) -> bool:
    """Return whether the words of a place, or the nearest before it that name a purpose, name an appeal."""
    rule = words()
    text = place.page.text
    inside = text[place.start : place.end]
    if any_of(rule.not_appeal).search(inside):
        return False
    dear = _DEAR.search(text) if place.page.number == 1 else None
    if dear and place.start < dear.start():
        return False
    if any_of(rule.department).search(inside):
        return True
    before = text[max(0, place.start - _CONTEXT) : place.start]
    yes = [m.end() for m in any_of(rule.appeal).finditer(before)]
    no = [m.end() for m in any_of(rule.not_appeal).finditer(before)]
    if not yes or (no and no[-1] > yes[-1]):
        return False
    between = before[yes[-1] :]
    near = before[max(0, yes[-1] - 120) :]
    return bool(any_of(rule.send).search(near)) and between.count("\n\n") < 3


# ---- by when, as the letter states it

_NUMBERS = {
    "ten": 10, "fourteen": 14, "fifteen": 15, "twenty": 20, "thirty": 30, "forty-five": 45, "sixty": 60,
    "sixty-five": 65, "ninety": 90, "one hundred twenty": 120, "one hundred eighty": 180,
    "one hundred and eighty": 180, "six": 6, "four": 4, "twelve": 12, "three": 3, "one": 1, "two": 2,
}  # fmt: skip
_COUNT = re.compile(
    rf"(?<!\w)(?:(?P<word>{'|'.join(sorted(_NUMBERS, key=len, reverse=True))})\s*(?:\(\s*(?P<also>\d{{1,3}})\s*\)\s*)?|(?P<number>\d{{1,3}})[ -]?)"
    r"\s*-?\s*(?P<kind>calendar|business|working)?\s*-?(?P<unit>days?|months?|years?)(?!\w)"
    r"(?P<from>\s*(?:of|from|after|following|since|starting)\s+[^.;,()]{3,90})?",
    re.IGNORECASE,
)
_BY = re.compile(
    r"(?:by|before|until|no later than|on or before|not later than)\s+(?:\w+day,?\s*)?$",
    re.IGNORECASE,
)


def deadlines(sentences: Sequence[Sentence], order: Order) -> Iterator[Proposal]:
    """Give the time to appeal as the letter states it: a statement of the letter, never the law's day."""
    rule = words()
    found: dict[str, Sentence] = {}
    doubtful = False
    for one in sentences:
        said = one.words
        if not any_of(rule.appeal).search(said) or not any_of(rule.filing).search(said):
            continue
        counts = [m for m in _COUNT.finditer(said) if not _is_own_time(said, m.start(), m.end())]
        mine = [m for m in counts if any_of(rule.appeal).search(_clause(said, m))]
        for match in mine or counts:
            found.setdefault(_counted(match), one)
        for day in find_dates(said, order).found:
            if _BY.search(said[: day.start]) and not any_of(rule.not_filing).search(
                said[: day.start]
            ):
                found.setdefault(day.day.isoformat(), one)
                doubtful |= day.other is not None
    yield from each_value(
        found,
        name="stated_deadline",
        says="time to appeal, as the letter states it",
        certain=not doubtful,
    )


def _clause(said: str, match: re.Match[str]) -> str:
    """Return the clause of a sentence in which a time stands."""
    before = re.split(r"[,;:]\s+(?:or|and|but)?|\bor\b", said[: match.start()])[-1]
    return before + re.split(r"[,;]", said[match.start() :])[0]


def _is_own_time(said: str, start: int, end: int) -> bool:
    """Return whether a time in a sentence is the payer's own, or another level's, and not one to appeal."""
    other = any_of(words().not_filing)
    clause = re.split(r"[;]|\bbut\b|\bthen\b", said[:start])[-1]
    return bool(other.search(clause) or other.match(said[end : end + 60].lstrip(" ,")))


def _counted(match: re.Match[str]) -> str:
    number = match["number"] or match["also"] or str(_NUMBERS[match["word"].lower()])
    unit = match["unit"].lower().rstrip("s") + ("" if number == "1" else "s")
    kind = f"{match['kind'].lower()} " if match["kind"] else ""
    start = " ".join((match["from"] or "").lower().split())
    start = re.split(r" (?:to|with|in|and|by|via|if|or|at) ", start)[0]
    return f"{number} {kind}{unit}{f' {start}' if start else ''}"


# ---- what was applied, and how fast

_ID = r"(?:[ ]*(?:no\.?|number|\#|id|policy)?[ :#(]*(?=[\w.-]*\d)[A-Z0-9][\w.-]*)"
_TITLE = r"(?:[ ]*[:,–-]?[ ]*[\"“(]?[A-Z][\w&/'’-]*(?:[ ](?:[A-Z][\w&/'’-]*|of|for|and|the|in|with|to|or))*[\"”)]?)"


@cache
def _criteria() -> re.Pattern[str]:
    rule = words()
    names = "|".join(sorted((re.escape(one) for one in rule.criteria_names), key=len, reverse=True))
    before = "|".join(sorted((re.escape(one) for one in rule.criteria), key=len, reverse=True))
    return re.compile(
        rf"(?<![\w-])(?P<cited>(?:[A-Z][\w'’&-]*[ ]){{0,3}}(?:(?i:{names})(?!\w)(?:{_TITLE})?(?:{_ID})?|(?i:{before})(?!\w)(?:{_ID}(?:{_TITLE})?|{_TITLE}(?:{_ID})?)))"
    )


def criteria(sentences: Sequence[Sentence]) -> Iterator[Proposal]:
    """Give each policy, guideline or set of criteria that the letter names, by name or number."""
    found: dict[str, Sentence] = {}
    for one in sentences:
        if one.told.role == "footer":
            continue
        for match in _criteria().finditer(one.words):
            value = match["cited"].strip(' ,:–-("“.')
            if not any(value in other for other in found):
                found.setdefault(value, one)
    yield from each_value(
        found,
        name="plan_criterion",
        says="policy or criteria that the letter names",
        enters="plan_criterion",
    )


def expedited(sentences: Sequence[Sentence]) -> Iterator[Proposal]:
    """Give that the request was decided as expedited, and that the letter offers an expedited appeal."""
    rule = words()
    rows = (
        ("expedited", "the request was expedited", "yes", rule.expedited_request, "expedited"),
        ("expedited_appeal", "expedited appeal", "offered", rule.expedited_offer, ""),
    )
    for name, says, value, phrases, enters in rows:
        pattern = any_of(phrases)
        for one in sentences:
            asks = re.search(
                r"(?<!\w)(?:if|may|can|ask|right|request an?)(?!\w)", one.words, re.IGNORECASE
            )
            if pattern.search(one.words) and not (asks and enters):
                yield Proposal(
                    name=name, says=says, value=value, page=one.page.number,
                    quotation=one.quotation, enters=enters,
                )  # fmt: skip
                break


def finer_stage(sentences: Sequence[Sentence]) -> tuple[str, Sentence] | None:
    """Return the stage of a denial before payment where the letter says more of it, and the sentence."""
    for stage, phrases in (
        ("part_b_drug", words().part_b_drug),
        ("concurrent", words().concurrent),
    ):
        pattern = any_of(phrases)
        for one in sentences:
            if one.told.role != "footer" and pattern.search(one.words):
                return stage, one
    return None
