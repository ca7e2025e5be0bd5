"""The sentences of a letter, each with where it stands, and what each is for."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from toolkit.claims.notice.pages import Page
from toolkit.claims.notice.proposal import Proposal
from toolkit.denials.text import Told, read_sentences

# After these a period ends no sentence.
_SHORT = re.compile(
    r"(?:\b(?:no|nos|dr|mr|mrs|ms|st|vs|inc|co|corp|dept|ste|apt|ave|blvd|rd|fig|sec|approx|jr|sr|p\.?o|"
    r"e\.g|i\.e|u\.s|u\.s\.c|c\.f\.r|etc|ph|ext|attn|jan|feb|mar|apr|aug|sept?|oct|nov|dec|m\.d|d\.o)|\b[A-Z])\.$",
    re.IGNORECASE,
)
_END = re.compile(r"[.!?]+[\"'”’)]*(?=\s|$)")
_BULLET = re.compile(r"\s*(?:[•▪◦*·–-]|\(?[a-z0-9]{1,2}[.)])\s", re.IGNORECASE)
_SHARE = 0.85  # of the width of the page: a line that had room for the next word ends its paragraph


_LABEL = re.compile(r"[A-Z][A-Za-z/#.'’ -]{2,40}:\s")


_PAGE = re.compile(r"(?:page\s*)?\d{1,3}(?:\s*(?:of|/)\s*\d{1,3})?", re.IGNORECASE)
_ENDED = ".!?:"


class Sentence(NamedTuple):
    """A sentence or heading: its page, where it stands in the page's text, and what it is for."""

    page: Page
    start: int
    end: int
    told: Told
    more: str = ""  # the rest of it, on the next page

    @property
    def quotation(self) -> str:
        """What of it stands on its page, as one line, cut where it is long."""
        return " ".join(self.page.text[self.start : self.end].split())[:240]

    @property
    def words(self) -> str:
        """The sentence as one line."""
        return f"{' '.join(self.page.text[self.start : self.end].split())} {self.more}".strip()


def sentences_of(pages: Sequence[Page]) -> tuple[Sentence, ...]:
    """Return the sentences of a letter in their order, read as one text."""
    nothing = Told("", (), (), (), None)
    found: list[Sentence] = []
    for page in pages:
        mine = [
            one
            for one in (Sentence(page, a, b, nothing) for a, b in _spans(page.text))
            if not _PAGE.fullmatch(one.words)
        ]
        if found and mine and found[-1].words[-1] not in _ENDED and mine[0].words[0].islower():
            found[-1] = found[-1]._replace(more=mine.pop(0).words)
        found += mine
    told = read_sentences([one.words for one in found])
    return tuple(one._replace(told=its) for one, its in zip(found, told, strict=True))


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Give where each sentence stands: it ends with a mark, with its paragraph, or as a heading does."""
    start = 0
    for end in (*_ends(text), len(text)):
        a, b = start, end
        while a < b and text[a].isspace():
            a += 1
        while b > a and text[b - 1].isspace():
            b -= 1
        if b > a and any(c.isalnum() for c in text[a:b]):
            yield a, b
        start = max(start, end)


def _ends(text: str) -> list[int]:
    ends = {m.end() for m in _END.finditer(text) if not _SHORT.search(text[: m.start() + 1][-12:])}
    lines = text.split("\n")
    width = _width(lines)
    at = 0
    for line, following in zip(lines, (*lines[1:], ""), strict=True):
        at += len(line) + 1
        if _ends_line(line, following, width):
            ends.add(min(at, len(text)))
    return sorted(ends)


def _width(lines: list[str]) -> int:
    lengths = sorted(len(line) for line in lines if line.strip())
    return lengths[len(lengths) * 9 // 10] if lengths else 0


def _is_row(line: str) -> bool:
    """Return whether a line is one of a table's: it has cells or labels, or most of its words are numbers."""
    if len(re.findall(r"\S[ ]{2,}(?=\S)|\|", line)) > 1 or len(re.findall(r"\w:[ ]", line)) > 1:
        return True
    words = line.split()
    return len(words) > 2 and sum(any(c.isdigit() for c in one) for one in words) * 2 > len(words)


def _ends_line(line: str, following: str, width: int) -> bool:
    line, following = line.strip(), following.strip()
    if not line or not following or _BULLET.match(f"{following} ") or _LABEL.match(following):
        return True
    if _PAGE.fullmatch(line) or _is_row(line) or _is_row(following):
        return True
    if following[0].islower():
        return False
    return len(line) + 1 + len(following.split()[0]) < width * _SHARE or line[-1] == ":"


def each_value(
    found: Mapping[str, Sentence], *, name: str, says: str, certain: bool = True, enters: str = ""
) -> Iterator[Proposal]:
    """Give each value that was found, with the sentence that states it first; of several none is certain."""
    for value, one in found.items():
        yield Proposal(
            name=name,
            says=says,
            value=value,
            page=one.page.number,
            quotation=one.quotation,
            certain=certain and len(found) == 1,
            also_found=tuple(other for other in found if other != value),
            enters=enters,
        )
