"""Whether a letter still says what its record says: sentences that were changed, removed or added.

Compared are words, figures and punctuation. Typography, line and page breaks, fonts, numbers of lists
and the order of paragraphs are not: Word and whoever edits in it change those without changing what
the letter says.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from toolkit.letters.reading import blocks_of
from toolkit.letters.record import read_record, record_path
from toolkit.outputs import digest

_SAME = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′`´", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        "⁄": "/",
        "…": "...",
        **dict.fromkeys("·•▪◦", ""),  # between the parts of a line, or before an item
    }
)
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)]*\s+(?=[A-Z“\"‘(])")
_LEAD = re.compile(r"[(]?(\d{1,3}|[A-Za-z])[.)]?")  # what stands before an item of a list
_PAGE = re.compile(r"Page\s*\d+\s*of\s*\d+")
# Scripts whose letters are joined, reordered or written from right to left: Hebrew to Myanmar, Khmer.
_SHAPED = re.compile(r"[\u0590-\u109f\u1780-\u17ff\ufb1d-\ufdff\ufe70-\ufefc]+")
_ALIKE = 0.5  # two texts of which more than half is the same are one sentence that was changed
_MOST_JOINED = 4  # sentences that one sentence may have become
_SURE = 14  # characters by which a line is known wherever it stands


class Changed(msgspec.Struct, frozen=True):
    """A line of the record and what the letter says in its place."""

    was: str
    now: str
    part: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a letter and its record have in common, and what not."""

    same: int  # lines that the letter says as its record does
    changed: tuple[Changed, ...]
    removed: tuple[str, ...]
    added: tuple[str, ...]
    untouched: bool  # the file has the very bytes that were written

    @property
    def holds(self) -> bool:
        """Whether the letter says what its record says."""
        return not (self.changed or self.removed or self.added)


def verify(letter_file: Path, record_file: Path | None = None) -> Verdict:
    """Return how a letter differs from its record, by default the one beside it.

    Raises InputError where one of the two cannot be read.
    """
    record = read_record(record_file or record_path(letter_file))
    packet = record.get("packet") or {}
    is_packet = letter_file.suffix.lower() == ".pdf" and packet.get("letter_pages")
    pages = tuple(packet["letter_pages"]) if is_packet else None
    blocks = blocks_of(letter_file, pages=pages)
    found = compare(record, blocks, shaped=letter_file.suffix.lower() == ".pdf")
    written = record.get("letter") or {}
    return msgspec.structs.replace(found, untouched=written.get("sha256") == digest(letter_file))


def compare(record: dict[str, Any], blocks: Sequence[str], *, shaped: bool = False) -> Verdict:
    """Return how the blocks of a letter differ from the lines of its record.

    `shaped`: the blocks come from a PDF, which holds the glyphs of a script that joins or reorders its
    letters, or that runs from right to left, and not always each letter in its place.
    """
    own_words = _own_words(record, blocks)
    page = _Page(_without_edges(record, own_words) if shaped else own_words, shaped)
    lines = [line for line in record["lines"] if line.get("printed", True)]
    wanted = [_bare(line["text"], shaped) for line in lines]
    # What the template says of its own may stand there, and may as well have gone.
    own = [_bare(text, shaped) for text in record.get("template", ())]
    places = page.claim([*wanted, *own], first=len(wanted))[: len(wanted)]
    changed: list[Changed] = []
    removed: list[str] = []
    added: list[str] = []
    for run, units in page.differences(places):
        pairs, left = _paired([wanted[n] for n in run], units, shaped)
        for n, text in zip(run, pairs, strict=True):
            if text is None:
                removed.append(lines[n]["text"])
            else:
                changed.append(Changed(lines[n]["text"], text, lines[n].get("part", "")))
        added += left
    same = sum(place is not None for place in places)
    return Verdict(
        same=same,
        changed=tuple(changed),
        removed=tuple(removed),
        added=tuple(added),
        untouched=False,
    )


def as_printed(record: dict[str, Any], blocks: Sequence[str]) -> dict[str, Any]:
    """Return the record of a letter just written, with what its template added and has no place for.

    `template` holds the texts that are the template's own, and `printed` says of a line whether it is
    in the letter.
    """
    page = _Page(_own_words(record, blocks), False)
    wanted = [_bare(line["text"], False) for line in record["lines"]]
    places = page.claim(wanted, first=len(wanted))
    lines = [
        line | {"printed": place is not None}
        for line, place in zip(record["lines"], places, strict=True)
    ]
    return record | {"lines": lines, "template": page.unclaimed()}


def _own_words(record: dict[str, Any], blocks: Sequence[str]) -> list[str]:
    """Return the blocks without what is printed on every page, or again on a table's next page."""
    found = [_without_frame(record, block).strip() for block in blocks]
    heads = record.get("heads", [])
    for head in dict.fromkeys(heads):
        words = re.compile(_spaced(head))
        again = sum(len(words.findall(block)) for block in found) - heads.count(head)
        for n, block in enumerate(found[1:], 1):
            if again > 0 and (match := words.match(block)):
                found[n] = block[match.end() :]
                again -= 1
    return found


def _without_edges(record: dict[str, Any], pages: Sequence[str]) -> list[str]:
    """Return the pages of a PDF without what the template prints at their heads and feet.

    It would stand in the middle of a sentence that goes on overleaf.
    """
    said = {" ".join(line["text"].split()) for line in record["lines"]}
    own = [re.compile(_spaced(text)) for text in record.get("template", ()) if text not in said]
    found = []
    for page in pages:
        text, before = page.strip(), None
        while text != before:
            before = text
            for words in own:
                if match := words.match(text):
                    text = text[match.end() :].lstrip()
                for match in words.finditer(text):
                    if not text[match.end() :].strip():
                        text = text[: match.start()].rstrip()
        found.append(text)
    return found


def _spaced(words: str) -> str:
    """Return a pattern of the words, however they are spaced."""
    pieces = unicodedata.normalize("NFKC", words).split()
    return r"\s*".join(re.escape(piece) for piece in pieces)


def _without_frame(record: dict[str, Any], block: str) -> str:
    """Return a block without what stands on every page: the footer, page numbers, the draft's marks."""
    text = unicodedata.normalize("NFKC", block)
    furniture = [record["footer"], *record.get("furniture", ())]
    for words in sorted(furniture, key=len, reverse=True):
        if words.strip():
            text = re.sub(_spaced(words), "\n", text)
    return _PAGE.sub("\n", text)


def _bare(text: str, shaped: bool) -> str:
    """Return the text as it is compared: without spaces and typography."""
    return "".join(char for char, _ in _compared(unicodedata.normalize("NFKC", text), shaped))


def _compared(text: str, shaped: bool) -> list[tuple[str, int]]:
    """Return the characters that are compared, each with its place in the text."""
    found: list[tuple[str, int]] = []
    for place, char in enumerate(text):
        for one in unicodedata.normalize("NFKC", char).translate(_SAME):
            if not one.isspace() and unicodedata.category(one) not in ("Cf", "Cc"):
                found.append((one, place))
    found = _unhyphenated(found)
    return _as_sets(found) if shaped else found


def _unhyphenated(found: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Leave out a hyphen between two small letters: at a line's end it may be the program's own.

    So is one before the first letter or after the last: on the page another text stands beside it.
    """
    around = [" ", *(char for char, _ in found), " "]
    small = [char.islower() for char in around]
    small[0], small[-1] = True, True
    return [
        one
        for n, one in enumerate(found, 1)
        if not (one[0] == "-" and small[n - 1] and small[n + 1])
    ]


def _as_sets(found: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Bring each run of a shaped script into the set of its letters: a PDF may repeat and reorder them."""
    text = "".join(char for char, _ in found)
    kept: list[tuple[str, int]] = []
    end = 0
    for match in _SHAPED.finditer(text):
        kept += found[end : match.start()]
        run = sorted(set(match[0]))
        places = [place for _, place in found[match.start() : match.end()]]
        kept += zip(run, [*places[: len(run) - 1], places[-1]], strict=True)
        end = match.end()
    return kept + found[end:]


class _Page:
    """The text of a letter, of which each line of the record claims its own stretch."""

    def __init__(self, blocks: Iterator[str], shaped: bool):
        self._text = "\n\n".join(blocks)
        compared = _compared(self._text, shaped)
        self._bare = "".join(char for char, _ in compared)
        self._places = [place for _, place in compared]
        self._taken = bytearray(len(self._bare))

    def claim(self, wanted: Sequence[str], *, first: int) -> list[tuple[int, int] | None]:
        """Return the stretch that each text claims, long ones first; none where it is not there.

        Texts from the number `first` on take what the others have left, wherever it stands.
        """
        claimed: list[tuple[int, int] | None] = [None] * len(wanted)
        for whole_words in (True, False):
            for n in sorted(range(first), key=lambda one: (-len(wanted[one]), one)):
                if claimed[n] is None and wanted[n]:
                    claimed[n] = self._claim_one(wanted[n], n, claimed[:first], whole_words)
        for n in sorted(range(first, len(wanted)), key=lambda one: (-len(wanted[one]), one)):
            claimed[n] = self._claim_one(wanted[n], 0, [None], True) if wanted[n] else None
        return [(0, 0) if not text else place for text, place in zip(wanted, claimed, strict=True)]

    def _claim_one(
        self, text: str, n: int, claimed: list[tuple[int, int] | None], whole_words: bool
    ) -> tuple[int, int] | None:
        before = next((one for one in reversed(claimed[:n]) if one), (0, 0))[1]
        after = next((one for one in claimed[n + 1 :] if one), (len(self._bare), 0))[0]
        windows = [(before, after)] if before <= after else []
        if whole_words and (len(text) >= _SURE or not windows):
            windows.append((0, len(self._bare)))
        for start, stop in windows:
            at = self._bare.find(text, start, stop)
            while at >= 0:
                end = at + len(text)
                if not any(self._taken[at:end]) and not (whole_words and self._cuts(at, end)):
                    self._taken[at:end] = b"\1" * len(text)
                    return at, end
                at = self._bare.find(text, at + 1, stop)
        return None

    def _cuts(self, at: int, end: int) -> bool:
        """Say whether a stretch begins or ends inside a word."""
        return self._inside(at) or self._inside(end)

    def _inside(self, at: int) -> bool:
        if not 0 < at < len(self._bare) or self._taken[at - 1] or self._taken[at]:
            return False
        together = self._places[at] - self._places[at - 1] <= 1
        return together and self._bare[at - 1].isalnum() and self._bare[at].isalnum()

    def differences(
        self, places: Sequence[tuple[int, int] | None]
    ) -> Iterator[tuple[list[int], list[str]]]:
        """Yield texts that claimed nothing, by their numbers, beside what nothing claimed where they belong."""
        left = {at: units for at, units in self._unclaimed()}
        run: list[int] = []
        before = 0
        for n, place in enumerate([*places, (len(self._bare),) * 2]):
            if place is None:
                run.append(n)
                continue
            if place == (0, 0):
                continue
            units = [u for at in sorted(left) if before <= at <= place[0] for u in left.pop(at)]
            if run or units:
                yield run, units
            run, before = [], place[1]
        if rest := [u for at in sorted(left) for u in left[at]]:
            yield [], rest

    def unclaimed(self) -> list[str]:
        """Return the sentences that no text has claimed."""
        return [unit for _, units in self._unclaimed() for unit in units]

    def _unclaimed(self) -> Iterator[tuple[int, list[str]]]:
        """Yield where a stretch that nothing claimed begins, and its sentences."""
        at = 0
        while (at := self._taken.find(0, at)) >= 0:
            end = self._taken.find(1, at)
            end = len(self._bare) if end < 0 else end
            text = self._text[self._places[at] : self._places[end - 1] + 1]
            units = [u for u in _units(text) if not _is_frame(u)]
            if units:
                yield at, units
            at = end


def _units(text: str) -> list[str]:
    """Return the sentences of a text, each on one line."""
    blocks = re.split(r"\n\s*\n", text)
    return [
        " ".join(unit.split()) for block in blocks for unit in _SENTENCE_END.split(block) if unit
    ]


def _is_frame(unit: str) -> bool:
    """Say whether it is only the number of an item, a bullet or punctuation."""
    return not any(char.isalnum() for char in unit) or bool(_LEAD.fullmatch(unit.strip()))


def _paired(
    wanted: list[str], units: list[str], shaped: bool
) -> tuple[list[str | None], list[str]]:
    """Return what each wanted text became, in their order, and the units that none became."""
    from rapidfuzz.distance import Indel

    if len(wanted) == len(units) == 1:  # one in the place of the other, however different
        return [units[0]], []
    best: dict[tuple[int, int], tuple[float, tuple]] = {}
    for i in range(len(wanted), -1, -1):
        for j in range(len(units), -1, -1):
            options: list[tuple[float, tuple]] = [(0.0, ())]
            if i < len(wanted):
                options.append((best[i + 1, j][0], ("none", i + 1, j)))
                for k in range(j + 1, min(j + _MOST_JOINED, len(units)) + 1):
                    alike = Indel.normalized_similarity(
                        wanted[i], _bare(" ".join(units[j:k]), shaped)
                    )
                    if alike > _ALIKE:
                        options.append((alike + best[i + 1, k][0], ("pair", i + 1, k)))
            if j < len(units):
                options.append((best[i, j + 1][0], ("left", i, j + 1)))
            best[i, j] = max(options, key=lambda one: one[0])
    pairs: list[str | None] = [None] * len(wanted)
    left = set(range(len(units)))
    i = j = 0
    while step := best[i, j][1]:
        how, after_i, after_j = step
        if how == "pair":
            pairs[i] = " ".join(units[j:after_j])
            left -= set(range(j, after_j))
        i, j = after_i, after_j
    return pairs, [units[n] for n in sorted(left)]
