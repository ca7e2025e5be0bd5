"""Why a letter says it denied: the sentence that gives the reason, and what the reader makes of it."""

import re
from collections.abc import Iterator, Sequence

from toolkit.claims.notice.passages import words
from toolkit.claims.notice.proposal import Proposal
from toolkit.claims.notice.sentences import Sentence
from toolkit.rules.words import capital

_MOST = 6  # sentences of one passage


def reasons(sentences: Sequence[Sentence]) -> Iterator[Proposal]:
    """Give the reason in the letter's own words, its category, and the reason and remark codes.

    Sentences about rights, deadlines and what to do next never are the reason. Passages that give
    reasons of different categories are each proposed, and none is chosen.
    """
    passages = _passages(sentences)
    values = [_words(sentences, one) for one in passages]
    for at, (passage, value) in enumerate(zip(passages, values, strict=True)):
        first = sentences[passage[0]]
        known = bool(_category(sentences, passage))
        yield Proposal(
            name="denial_words",
            says="reason in the payer's own words",
            value=value,
            page=first.page.number,
            quotation=_quoted(sentences, passage),
            certain=len(passages) == 1 and known,
            also_found=tuple(other for n, other in enumerate(values) if n != at),
            enters="denial_words",
        )
    found = {_category(sentences, one): one for one in reversed(passages)}
    found.pop(None, None)
    for category, passage in reversed(found.items()):
        yield Proposal(
            name="denial_category",
            says="category of the reason, inferred from its words",
            value=str(category),
            page=sentences[passage[0]].page.number,
            quotation=_quoted(sentences, passage),
            certain=False,
            also_found=tuple(str(one) for one in found if one != category),
        )
    yield from _codes(sentences)


def _category(sentences: Sequence[Sentence], passage: Sequence[int]) -> str | None:
    first = min(passage, key=lambda at: _order(sentences[at].told))
    return _of(sentences[first])


def _of(one: Sentence) -> str | None:
    """Return the category of a sentence: of the phrase that says why before one that says only what."""
    phrases = one.told.phrases
    telling = [phrase for phrase in phrases if phrase.id not in words().says_little]
    return (telling or phrases)[0].category if phrases else None


def _is_heading(one: Sentence) -> bool:
    """Return whether a sentence only names what the letter is about: a short line without an end."""
    words = one.words
    if words[-1] in ".!?)":
        return False
    row = ":" in words and len(words.split()) < 9 and not _LABEL.match(words)
    row |= sum(any(c.isdigit() for c in word) for word in words.split()) > 1
    return row or len(words.split()) < 5 or bool(_SUBJECT.match(words))


def _says_little(one: Sentence) -> bool:
    return all(phrase.id in words().says_little for phrase in one.told.phrases)


def _order(told) -> int:
    return told.decides if told.decides is not None else 1 << 30


# "We denied it because ..." says why; "we denied what you asked for" does not.
_CAUSE = re.compile(
    r"(?<!\w)(?:because|due to|reasons?|rationale|since|for lack of|based on)(?!\w)", re.IGNORECASE
)


def _is_outcome(one: Sentence) -> bool:
    """Return whether a sentence says only how an appeal ended."""
    return bool(one.told.phrases) and _of(one) == "appeal_result"


def _gives_reason(one: Sentence, *, said: bool) -> bool:
    told = one.told
    if told.role in ("footer", "next_step") or (said and told.role == ""):
        return False
    if one.words.endswith(":") and not _CAUSE.search(one.words):
        return False  # it announces a list of what was denied
    return bool(told.phrases) and _of(one) != "not_a_denial"


def _passages(sentences: Sequence[Sentence]) -> list[list[int]]:
    """Return the sentences that give the reason, those that stand together as one; one per category."""
    said = any(_gives_reason(one, said=True) and not _is_outcome(one) for one in sentences)
    found = [at for at, one in enumerate(sentences) if _gives_reason(one, said=said)]
    for better in (
        lambda one: not _says_little(one),
        lambda one: not _is_outcome(one),
        lambda one: bool(_CAUSE.search(one.words)),
    ):
        found = [at for at in found if better(sentences[at])] or found
    if all(_is_heading(sentences[at]) for at in found):
        said_at = next(_labelled(sentences), None)
        return [[said_at]] if said_at is not None else [[at] for at in found[:1]]
    found = [at for at in found if not _is_heading(sentences[at])]
    found.sort(key=lambda at: _order(sentences[at].told))
    passages: list[list[int]] = []
    categories: set[str] = set()
    for at in found:
        category = str(_of(sentences[at]))
        if category in categories:
            continue
        categories.add(category)
        if not any(at in passage for passage in passages):
            passages.append(_around(sentences, at, category))
    return passages


def _around(sentences: Sequence[Sentence], at: int, category: str) -> list[int]:
    """Return the sentence with those right beside it, on its page, that give the same reason."""
    passage = [at]
    for step in (-1, 1):
        near = at + step
        while 0 <= near < len(sentences) and len(passage) < _MOST:
            one = sentences[near]
            told = one.told
            same = _of(one) == category
            if one.page is not sentences[at].page or told.role not in ("reason", "outcome", ""):
                break
            if not same or _apart(
                sentences[min(near, near - step)], sentences[max(near, near - step)]
            ):
                break
            passage.append(near)
            near += step
    return sorted(passage)


def _apart(one: Sentence, following: Sentence) -> bool:
    return "\n\n" in one.page.text[one.end : following.start]


def _labelled(sentences: Sequence[Sentence]) -> Iterator[int]:
    """Give the sentences that say why in words that no phrase on file knows."""
    for at, one in enumerate(sentences):
        words = one.words
        whole = (
            one.told.role in ("reason", "outcome") and len(words.split()) > 6 and words[-1] == "."
        )
        if whole and (_CAUSE.search(words) or re.search(r"(?<!\w)not?(?!\w)", words)):
            yield at
    for at, (head, one) in enumerate(zip(sentences, sentences[1:], strict=False), 1):
        if head.told.role == one.told.role == "reason" and len(one.words.split()) > 3:
            yield at


def _quoted(sentences: Sequence[Sentence], passage: Sequence[int]) -> str:
    first, last = sentences[passage[0]], sentences[passage[-1]]
    return " ".join(first.page.text[first.start : last.end].split())


def _words(sentences: Sequence[Sentence], passage: Sequence[int]) -> str:
    words = f"{_quoted(sentences, passage)} {sentences[passage[-1]].more}".strip()
    return capital(_LABEL.sub("", words))


_LABEL = re.compile(
    r"\A(?:[A-Za-z/()]+ ){0,4}(?:reasons?|reason\(s\)|why|rationale|explanation|basis|denial|decision|determination|findings?)"
    r"(?: [A-Za-z/()]+){0,3}\s*:\s+(?=\S+ \S)",
    re.IGNORECASE,
)
_SUBJECT = re.compile(r"(?:re|subject|regarding)\s*:", re.IGNORECASE)
_NAMED = re.compile(
    r"(?<!\w)(?:remark|rarc|carc|reason|adjustment|denial) codes?(?!\w)|(?<!\w)(?:rarc|carc)(?!\w)",
    re.IGNORECASE,
)


def _codes(sentences: Sequence[Sentence]) -> Iterator[Proposal]:
    seen: set[tuple[str, str]] = set()
    for one in sentences:
        if one.told.role == "footer":
            continue
        named = (
            one.told.role in ("reason", "outcome")
            or bool(_NAMED.search(one.words))
            or any(group for group, _ in one.told.adjustments)
        )
        pairs = [
            ("carc", f"{group}-{code}" if group else code)
            for group, code in one.told.adjustments
            if group or named
        ]
        for name, value in (*pairs, *(("rarc", code) for code in one.told.rarcs if named)):
            if (name, value) in seen:
                continue
            seen.add((name, value))
            yield Proposal(
                name=name,
                says="reason code" if name == "carc" else "remark code",
                value=value,
                page=one.page.number,
                quotation=one.quotation,
            )
