"""A payer's letter as proposals: what it says of a case, and what it does not say."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from toolkit.claims.findings import effect_of, severity_of
from toolkit.claims.notice import codes, passages
from toolkit.claims.notice.against_law import compared
from toolkit.claims.notice.dates import Order, find_dates, order_of
from toolkit.claims.notice.kinds import UNKNOWN, Seen, kinds_of, notice_kinds
from toolkit.claims.notice.labels import Hit, NoticeFact, notice_facts, read_labels
from toolkit.claims.notice.pages import Page, Pages, is_document, read_pages
from toolkit.claims.notice.programs import program_proposals
from toolkit.claims.notice.proposal import Proposal, quoted
from toolkit.claims.notice.reason import reasons
from toolkit.claims.notice.sentences import Sentence, sentences_of
from toolkit.errors import InputError

# What every notice is searched for, beside the labels, and the kinds in which it is missed.
_WANTED = {
    "denial_words": ("pre_service_denial", "claim_denial", "appeal_decision"),
    "procedure_code": ("pre_service_denial", "claim_denial"),
    "program": ("all",),
    "plan_address": ("pre_service_denial", "claim_denial"),
    "stated_deadline": ("pre_service_denial", "claim_denial"),
}
_SAYS = {
    "denial_words": "reason in the payer's own words",
    "procedure_code": "procedure code",
    "program": "program",
    "plan_address": "address for the appeal",
    "stated_deadline": "time to appeal, as the letter states it",
}
_NO_REASON = ("records_request", "approval")
_OLDEST = 20 * 366  # days before today: an older notice or service is questioned


class LetterFinding(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong or uncertain in a letter, and what to do, without its values; `page` None: all."""

    code: str
    says: str
    page: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON shows it."""
        return {
            "code": self.code,
            "page": self.page,
            "says": self.says,
            "effect": effect_of(self.code),
        }


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A letter: its kind, its pages, what it proposes, and what was looked for and not found.

    Nothing of it is entered anywhere: `proposals` wait for a person. `sha256` is of the file's bytes.
    """

    file: str
    sha256: str
    kind: str
    pages: int
    proposals: tuple[Proposal, ...]
    not_found: tuple[str, ...]
    findings: tuple[LetterFinding, ...]

    def of(self, name: str) -> tuple[Proposal, ...]:
        """Return the proposals for a fact: several where the letter gives several values."""
        return tuple(one for one in self.proposals if one.name == name)

    def as_dict(self) -> dict[str, Any]:
        """Return it as `toolkit read --json` shows it."""
        return {
            "kind": self.kind,
            "pages": self.pages,
            "proposals": [one.as_dict() for one in self.proposals],
            "not_found": list(self.not_found),
            "findings": [one.as_dict() for one in self.findings],
        }


def read_notice(path: Path, *, as_of: date) -> Notice:
    """Return what a letter proposes: a PDF, a Word document, plain text or a picture.

    `as_of` is today: days of a notice that are still to come are questioned. Raises InputError in words for
    the user where the file cannot be read.
    """
    path = Path(path)
    pages = read_pages(path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return notice_of(pages, file=path.name, sha256=sha256, as_of=as_of)


def says_of(name: str) -> str:
    """Return what a name of `not_found` means in words."""
    return _SAYS.get(name) or next(one.says for one in notice_facts() if one.name == name)


def is_notice(path: Path) -> bool:
    """Return whether a file is a letter: by its bytes, and a plain text by what its sentences say."""
    if is_document(path):
        return True
    if path.suffix.lower() not in (".txt", ".text", ""):
        return False
    try:
        pages = read_pages(path).pages
    except InputError:
        return False
    if _is_table(pages[0].text):
        return False
    sentences = sentences_of(pages)
    return bool(kinds_of(sentences)) or any(one.told.decides is not None for one in sentences)


def _is_table(text: str) -> bool:
    """Return whether most lines of a text have the same number of one separator, as those of an export."""
    lines = [line for line in text.split("\n") if line.strip()]
    for mark in "|,;\t":
        counts = [line.count(mark) for line in lines]
        usual = max(set(counts), key=counts.count)
        if usual > 1 and counts.count(usual) * 5 >= len(lines) * 3:
            return True
    return False


def notice_of(pages: Pages, *, file: str, sha256: str, as_of: date) -> Notice:
    """Return what the pages of a letter propose (see `read_notice`)."""
    sentences = sentences_of(pages.pages)
    order = order_of(page.text for page in pages.pages)
    seen = kinds_of(sentences)
    kind, sure = _kind(seen)
    stages = {one.kind: one.stage for one in notice_kinds()}
    hits, claimed, masked = _hits(pages.pages, order)
    found = [
        *_kind_proposals(seen, kind, sure),
        *_labelled(
            hits, pages.pages, claimed, order, as_of, early=stages.get(kind) == "pre_service"
        ),
        *codes.codes(pages.pages, claimed),
        *(reasons(sentences) if kind not in _NO_REASON else ()),
        *passages.criteria(sentences),
        *passages.addresses(pages.pages),
        *passages.deadlines(sentences, order),
        *passages.expedited(sentences),
        *program_proposals(sentences),
        *_stage(seen, kind, sure, sentences),
    ]
    if not any(one.name == "plan_name" for one in found):
        found += _letterhead(pages.pages)
    names = {one.name for one in found}
    wanted = {fact.name: fact.wanted for fact in notice_facts() if fact.name} | _WANTED
    not_found = [
        name for name, kinds in wanted.items() if name not in names and {"all", kind} & set(kinds)
    ]
    findings = _findings(pages, order, found, kind, masked, as_of)
    findings.sort(key=lambda one: severity_of(one.code))
    return Notice(
        file=file, sha256=sha256, kind=kind, pages=pages.count, proposals=tuple(found),
        not_found=tuple(not_found), findings=tuple(findings),
    )  # fmt: skip


# ---- what kind it is


def _kind(seen: Sequence[Seen]) -> tuple[str, bool]:
    """Return the kind of notice, and whether it is clear of the next."""
    if not seen:
        return UNKNOWN, False
    first, rest = seen[0], seen[1].weight if len(seen) > 1 else 0
    if first.weight == rest:
        return UNKNOWN, False
    return first.kind.kind, rest == 0 or first.weight - rest >= 2


def _kind_proposals(seen: Sequence[Seen], kind: str, sure: bool) -> Iterator[Proposal]:
    near = [one for one in seen if one.weight + 1 >= seen[0].weight] if not sure else seen[:1]
    for one in near:
        yield Proposal(
            name="kind",
            says="kind of notice",
            value=one.kind.kind,
            page=one.evidence.page.number,
            quotation=one.evidence.quotation,
            certain=sure and one.kind.kind == kind,
            also_found=tuple(other.kind.kind for other in near if other is not one),
        )


def _stage(
    seen: Sequence[Seen], kind: str, sure: bool, sentences: Sequence[Sentence]
) -> Iterator[Proposal]:
    first = next((one for one in seen if one.kind.kind == kind), None)
    finer = passages.finer_stage(sentences)
    if first is None or not first.kind.stage:
        return
    evidence = first.evidence
    value = first.kind.stage
    if finer is not None and value == "pre_service":
        value, evidence = finer
    yield Proposal(
        name="stage", says="stage of the denial", value=value, page=evidence.page.number,
        quotation=evidence.quotation, certain=sure, enters="stage",
    )  # fmt: skip


# ---- what labels say


def _hits(
    pages: Sequence[Page], order: Order
) -> tuple[list[Hit], dict[int, list[tuple[int, int]]], bool]:
    """Return the values of labels; of the text side by side only what the running text does not give."""
    hits: list[Hit] = []
    claimed: dict[int, list[tuple[int, int]]] = {}
    masked = False
    for page in pages:
        read = read_labels(page, page.text, order)
        hits += read.hits
        claimed[page.number] = list(read.claimed)
        masked |= read.masked
    given = {hit.fact.name for hit in hits if hit.rank == 0}
    for page in pages:
        if page.aligned and page.aligned != page.text:
            read = read_labels(page, page.aligned, order)
            hits += [hit for hit in read.hits if hit.fact.name not in given]
    return hits, claimed, masked


def _labelled(
    hits: list[Hit],
    pages: Sequence[Page],
    claimed: dict[int, list[tuple[int, int]]],
    order: Order,
    as_of: date,
    *,
    early: bool,
) -> Iterator[Proposal]:
    by_name: dict[str, list[Hit]] = {}
    for hit in hits:
        by_name.setdefault(hit.fact.name, []).append(hit)
    births = {hit.value for hit in by_name.get("birth_date", ())}
    for fact in notice_facts():
        mine = by_name.get(fact.name, []) if fact.name else []
        if fact.name == "notice_date":
            mine += _heading_date(fact, pages, claimed, order)
        if fact.name in ("service_date", "planned_date", "notice_date"):
            mine = [hit for hit in mine if hit.value not in births]
        if not mine:
            continue
        best = min(hit.rank for hit in mine)
        keep = [hit for hit in mine if hit.rank == best or (best == 0 and hit.rank == 1)]
        yield from _proposed(fact, keep, as_of, early)


def _heading_date(
    fact: NoticeFact,
    pages: Sequence[Page],
    claimed: dict[int, list[tuple[int, int]]],
    order: Order,
) -> Iterator[Hit]:
    """Give the day that stands by itself above the salutation, as a letter is dated."""
    page = next((one for one in pages if one.number == 1), None)
    if page is None:
        return
    dear = re.search(r"^\s*(?:dear|re:|to whom)\b", page.text, re.IGNORECASE | re.MULTILINE)
    at = 0
    for line in page.text.split("\n"):
        found = find_dates(line, order).found
        if found and (not dear or at < dear.start()) and page.text.count("\n", 0, at) < 30:
            one = found[0]
            alone = not (line[: one.start] + line[one.end :]).strip(" .,|")
            start = at + one.start
            if alone and not any(a <= start < b for a, b in claimed.get(1, ())):
                yield Hit(fact, one.day, 1, page.text, start, at + one.end, start, 0, one.other)
                return
        at += len(line) + 1


def _proposed(
    fact: NoticeFact, hits: Sequence[Hit], as_of: date, early: bool
) -> Iterator[Proposal]:
    first: dict[Any, Hit] = {}
    for hit in hits:
        first.setdefault(_same(fact, hit.value), hit)
    values = [hit.value for hit in first.values()]
    for hit in first.values():
        others = [one for one in values if one != hit.value]
        if hit.other is not None and hit.other not in others:
            others.append(hit.other)
        doubtful = isinstance(hit.value, date) and _doubtful(fact.name, hit.value, as_of, early)
        yield _of_hit(
            fact, fact.name, hit.value, hit, tuple(others), sure=not others and not doubtful
        )
    ends = dict.fromkeys(hit.until for hit in first.values() if hit.until)
    if fact.name == "service_date" and ends:
        hit = next(one for one in first.values() if one.until)
        last = max(ends)
        yield _of_hit(
            fact, "service_to", last, hit, (), sure=len(values) == 1 and hit.other is None
        )


def _of_hit(
    fact: NoticeFact, name: str, value: str | date | int, hit: Hit, others: tuple, *, sure: bool
) -> Proposal:
    return Proposal(
        name=name,
        says=fact.says if name == fact.name else "last day of the service",
        value=value,
        page=hit.page,
        quotation=quoted(hit.text, hit.begins, hit.end),
        certain=sure,
        also_found=others,
        enters=fact.enters if name == fact.name else "",
        personal=fact.personal == "yes",
    )


def _same(fact: NoticeFact, value: str | date | int) -> Any:
    """Return a value by what makes it the same: numbers without dashes, names without order and case."""
    if not isinstance(value, str):
        return value
    if fact.kind == "number":
        return re.sub(r"[^0-9A-Za-z]", "", value).upper()
    return frozenset(re.findall(r"\w{2,}", value.casefold()))


def _doubtful(name: str, day: date, as_of: date, early: bool) -> bool:
    to_come = day > as_of and name in ("notice_date", "notice_received", "birth_date")
    to_come |= day > as_of and name == "service_date" and not early
    old = (as_of - day).days > _OLDEST and name != "birth_date"
    return to_come or old


def _letterhead(pages: Sequence[Page]) -> list[Proposal]:
    """Return the payer as the first lines of the letter name it: never certain."""
    page = next((one for one in pages if one.number == 1), None)
    if page is None:
        return []
    for line in page.text.split("\n")[:6]:
        words = re.sub(r"(?i)page \d+( of \d+)?", " ", line)
        words = " ".join(words.split())
        if 1 < len(words.split()) <= 8 and _PAYER.search(words) and not _NO_PAYER.search(words):
            return [
                Proposal(
                    name="plan_name", says="payer or plan, by the letterhead", value=words, page=1,
                    quotation=words, certain=False, enters="plan_name",
                )
            ]  # fmt: skip
    return []


_NO_PAYER = re.compile(
    r"[:?]|\d{3}|(?<!\w)(?:notice|denial|determination|decision|request|explanation|department|letter|dear|appeal|claim|"
    r"approval|important|received)(?!\w)",
    re.IGNORECASE,
)
_PAYER = re.compile(
    r"(?<!\w)(?:health|plan|plans|shield|alliance|choice|partners|advantage|insurance|mutual|medicare|medicaid|care|benefits?|hmo|ppo|blue|assurance|"
    r"administrators?|services|community|managed|network|tricare|rx|pdp)(?!\w)",
    re.IGNORECASE,
)


# ---- findings


def _findings(
    pages: Pages, order: Order, found: Iterable[Proposal], kind: str, masked: bool, as_of: date
) -> list[LetterFinding]:
    findings = [
        LetterFinding(
            code="page_not_read",
            page=number,
            says="the page could not be read; look at it yourself",
        )
        for number in pages.not_read
    ]
    for page in pages.pages:
        if page.scanned:
            says = "the page was read from a picture: letters and figures may be wrong"
            findings.append(LetterFinding(code="page_scanned", page=page.number, says=says))
        if find_dates(page.text, order).impossible:
            says = "a date on the page is a day that does not exist; it is not proposed"
            findings.append(LetterFinding(code="impossible_date", page=page.number, says=says))
    found = list(found)
    days = [one for one in found if isinstance(one.value, date)]
    if any(one.also_found and not one.certain for one in days):
        if order == "":
            says = "nothing shows whether month or day comes first; month first is proposed, not certain"
            findings += _numeric(pages, "date_order_assumed", says)
        elif order == "mixed":
            says = (
                "dates are written month first and day first; those that fit both are not certain"
            )
            findings.append(LetterFinding(code="date_order_mixed", says=says))
    early = kind == "pre_service_denial"
    for one in days:
        if isinstance(one.value, date) and _doubtful(one.name, one.value, as_of, early):
            says = "is still to come" if one.value > as_of else "lies more than twenty years back"
            findings.append(
                LetterFinding(
                    code="date_unlikely",
                    page=one.page,
                    says=f"{one.says}: the day {says}; check it",
                )
            )
    several = [one for one in found if one.also_found and one.name != "kind"]
    for name in dict.fromkeys(one.name for one in several if one.certain is False):
        mine = [one for one in several if one.name == name]
        if len(mine) > 1:
            says = f"{mine[0].says}: the letter gives {len(mine)} values; none is chosen"
            findings.append(LetterFinding(code="several_values", says=says))
    if says := compared(found):
        findings.append(LetterFinding(code="stated_deadline_differs", says=says))
    if masked:
        says = "a number is masked in the letter and is not proposed"
        findings.append(LetterFinding(code="masked_number", says=says))
    if kind in (UNKNOWN, "approval", "remittance"):
        says = {
            UNKNOWN: "the kind of notice is not clear; read it before you confirm anything",
            "approval": "the letter reads as an approval, not as a denial",
            "remittance": "the letter reads as an explanation of benefits or a remittance, not as a notice of denial",
        }[kind]
        findings.append(LetterFinding(code="not_a_denial_notice", says=says))
    return findings


def _numeric(pages: Pages, code: str, says: str) -> Iterator[LetterFinding]:
    for page in pages.pages:
        if any(one.other for one in find_dates(page.text, "").found):
            yield LetterFinding(code=code, page=page.number, says=says)
            return
