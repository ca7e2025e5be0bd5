"""Whether a letter still says what its record says: sentences that were changed, removed or added.

Compared are words, figures and punctuation. Typography, line and page breaks, fonts, numbers of lists
and the order of paragraphs are not: Word and whoever edits in it change those without changing what
the letter says.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
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
# Scripts whose letters are joined or reordered, other than those from right to left: Devanagari to Khmer.
_SHAPED = re.compile(r"[\u0900-\u109f\u1780-\u17ff]+")
# Scripts written from right to left, from Hebrew on, with their marks and their forms for display.
_LEFTWARD = re.compile(
    r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]+"
)
# A number or a word of another script: it keeps its order on a page.
_WORD = re.compile(r"\d+(?:[.,/:]\d+)*|[^\W\d_]+")
# In a text from right to left a bracket is drawn as its mirror, and a PDF has one character for each glyph.
_MIRRORED = {")": "(", "]": "[", "}": "{", ">": "<"}
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
    leftward = record.get("right_to_left", ()) if shaped else ()
    wanted = [_wanted(line["text"], shaped, leftward) for line in lines]
    # What the template says of its own may stand there, and may as well have gone.
    own = [_wanted(text, shaped, leftward) for text in record.get("template", ())]
    places = page.claim([*wanted, *own], first=len(wanted))[: len(wanted)]
    changed: list[Changed] = []
    removed: list[str] = []
    added: list[str] = []
    for run, units in page.differences(places):
        pairs, left = _paired([wanted[n].bare for n in run], units, shaped)
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
    wanted = [_wanted(line["text"], False) for line in record["lines"]]
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
    return _as_sets([(_MIRRORED.get(one, one), at) for one, at in found]) if shaped else found


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


class _Leftward(msgspec.Struct, frozen=True):
    """A text from right to left: on a page its words, figures and signs stand in another order.

    `letters` are those of its scripts, which a PDF may repeat, `others` its other characters, each as
    often as it is there, and `words` those of them that keep their order.
    """

    letters: frozenset[str]
    others: str
    words: tuple[str, ...]
    length: int

    def ends(self, text: str, at: int, stop: int) -> list[int]:
        """Return where the text may end if it begins at a place, the likeliest end first."""
        left, seen, found = Counter(self.others), set(), []
        for end in range(at, stop):
            char = text[end]
            if char in self.letters:
                seen.add(char)
            elif left[char] > 0:
                left[char] -= 1
            else:
                break
            if len(seen) == len(self.letters) and not left.total():
                found.append(end + 1)
        whole = [end for end in found if all(word in text[at:end] for word in self.words)]
        return sorted(whole, key=lambda end: (abs(end - at - self.length), end))


class _Wanted(msgspec.Struct, frozen=True):
    """A line of the record as it is compared, and the pieces by which it is found on a page."""

    bare: str
    pieces: tuple[str | _Leftward, ...]

    def places(self, text: str, start: int, stop: int) -> Iterable[tuple[int, int]]:
        """Return each stretch of the text that says the line, in turn; those of its own length first."""
        found = self._stretches(text, start, stop)
        if all(isinstance(piece, str) for piece in self.pieces):
            return found
        return sorted(found, key=lambda one: abs(one[1] - one[0] - len(self.bare)))

    def _stretches(self, text: str, start: int, stop: int) -> Iterator[tuple[int, int]]:
        first = self.pieces[0]
        at = start
        while at < stop:
            if isinstance(first, str):
                at = text.find(first, at, stop)
                if at < 0:
                    return
            for end in self._ends(text, at, stop, 0):
                yield at, end
            at += 1

    def _ends(self, text: str, at: int, stop: int, n: int) -> Iterator[int]:
        if n == len(self.pieces):
            yield at
            return
        piece = self.pieces[n]
        if isinstance(piece, str):
            if text.startswith(piece, at, stop):
                yield from self._ends(text, at + len(piece), stop, n + 1)
            return
        for end in piece.ends(text, at, stop):
            yield from self._ends(text, end, stop, n + 1)


def _wanted(text: str, shaped: bool, leftward: Sequence[str] = ()) -> _Wanted:
    """Return a line as it is compared; `leftward` are the texts that a page sets from right to left."""
    text = unicodedata.normalize("NFKC", text)
    compared = _compared(text, shaped)
    bare = "".join(char for char, _ in compared)
    if not shaped:
        return _Wanted(bare, (bare,))
    among = [unicodedata.normalize("NFKC", one) for one in leftward]
    known = "|".join(re.escape(one) for one in sorted(among, key=len, reverse=True))
    spans = re.finditer(f"{known}|{_LEFTWARD.pattern}" if known else _LEFTWARD.pattern, text)
    inside = bytearray(len(text))
    for match in spans:
        inside[match.start() : match.end()] = b"\1" * len(match[0])
    return _Wanted(bare, tuple(_pieces(compared, inside)))


def _pieces(compared: list[tuple[str, int]], inside: bytearray) -> Iterator[str | _Leftward]:
    """Yield the texts from right to left, with the signs beside them, and what stands between them."""
    signs_of = [not char.isalnum() and not _LEFTWARD.match(char) for char, _ in compared]
    leftward = [bool(inside[place]) for _, place in compared]
    for way in (1, -1):  # a sign beside such a text may have gone to its other side
        steps = list(range(len(compared)))[::way]
        for before, n in pairwise(steps):
            leftward[n] |= leftward[before] and signs_of[n]
    for is_leftward, run in groupby(zip(compared, leftward, strict=True), key=lambda one: one[1]):
        text = "".join(char for (char, _), _ in run)
        if is_leftward:
            letters = frozenset("".join(_LEFTWARD.findall(text)))
            others = _LEFTWARD.sub(" ", text)
            words = tuple(_WORD.findall(others))
            yield _Leftward(letters, "".join(others.split()), words, len(text))
        else:
            yield text


class _Page:
    """The text of a letter, of which each line of the record claims its own stretch."""

    def __init__(self, blocks: Iterator[str], shaped: bool):
        self._text = "\n\n".join(blocks)
        compared = _compared(self._text, shaped)
        self._bare = "".join(char for char, _ in compared)
        self._places = [place for _, place in compared]
        self._taken = bytearray(len(self._bare))

    def claim(self, wanted: Sequence[_Wanted], *, first: int) -> list[tuple[int, int] | None]:
        """Return the stretch that each text claims, long ones first; none where it is not there.

        Texts from the number `first` on take what the others have left, wherever it stands.
        """
        claimed: list[tuple[int, int] | None] = [None] * len(wanted)
        for whole_words in (True, False):
            for n in sorted(range(first), key=lambda one: (-len(wanted[one].bare), one)):
                if claimed[n] is None and wanted[n].bare:
                    claimed[n] = self._claim_one(wanted[n], n, claimed[:first], whole_words)
        for n in sorted(range(first, len(wanted)), key=lambda one: (-len(wanted[one].bare), one)):
            claimed[n] = self._claim_one(wanted[n], 0, [None], True) if wanted[n].bare else None
        return [
            (0, 0) if not one.bare else place for one, place in zip(wanted, claimed, strict=True)
        ]

    def _claim_one(
        self, line: _Wanted, n: int, claimed: list[tuple[int, int] | None], whole_words: bool
    ) -> tuple[int, int] | None:
        before = next((one for one in reversed(claimed[:n]) if one), (0, 0))[1]
        after = next((one for one in claimed[n + 1 :] if one), (len(self._bare), 0))[0]
        windows = [(before, after)] if before <= after else []
        if whole_words and (len(line.bare) >= _SURE or not windows):
            windows.append((0, len(self._bare)))
        for start, stop in windows:
            for at, end in line.places(self._bare, start, stop):
                if not any(self._taken[at:end]) and not (whole_words and self._cuts(at, end)):
                    self._taken[at:end] = b"\1" * (end - at)
                    return at, end
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
