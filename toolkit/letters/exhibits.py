"""The exhibits of a letter: the documents that it encloses, each with its label, in the order of the facts."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from string import ascii_uppercase

import msgspec

from toolkit.cases.case import Case
from toolkit.letters.facts import enter, fact_types, in_words, rows

IMAGES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")  # pictures that a packet takes, besides PDFs
CITED = re.compile(r"\(Exhibit (?:(?P<number>\d{1,3})|(?P<letters>[A-Z]{1,2}))\)")


class Exhibit(msgspec.Struct, frozen=True):
    """One document: its label (Exhibit A), its title, and its file, none where it is only on paper."""

    label: str
    title: str
    file: Path | None = None

    @property
    def line(self) -> str:
        """How a list of exhibits names it."""
        return f"{self.label}: {self.title}"

    def __repr__(self) -> str:
        return f"Exhibit({self.label!r})"  # a title may name a patient


def exhibits_of(values: Mapping[str, object], folder: Path | None) -> tuple[Exhibit, ...]:
    """Return the exhibits; they are lettered, and numbered where a text of the facts cites them so."""
    found = rows(values.get("documents"), fact_types()["documents"])
    texts = (value for name, value in values.items() if name != "documents")
    numbered = any(
        cited["number"] for text in texts if isinstance(text, str) for cited in CITED.finditer(text)
    )
    return tuple(
        Exhibit(
            f"Exhibit {n if numbered else letters_of(n)}",
            _title(row),
            (folder or Path()) / str(row["file"]) if row.get("file") else None,
        )
        for n, row in enumerate(found, 1)
    )


def _title(row: Mapping[str, object]) -> str:
    day = f", {in_words(row['date'])}" if row.get("date") else ""
    pages = f", pages {row['pages']}" if row.get("pages") else ""
    return f"{row['name']}{day}{pages}"


def letters_of(number: int) -> str:
    """Return the letters of an exhibit by its number: A, B ... Z, AA, AB ..."""
    more, last = divmod(number - 1, len(ascii_uppercase))
    return (letters_of(more) if more else "") + ascii_uppercase[last]


def number_cited(cited: re.Match[str]) -> int:
    """Return the number of the exhibit that a text cites, by its number or its letters."""
    if cited["number"]:
        return int(cited["number"])
    number = 0
    for letter in cited["letters"]:
        number = number * len(ascii_uppercase) + ascii_uppercase.index(letter) + 1
    return number


def with_exhibits(
    case: Case, files: Iterable[Path], *, titles: Mapping[Path, str] | None = None
) -> Case:
    """Return the case with these files among its documents, after those that the facts name.

    A file that the facts name already is not added again. Its title is its name without the ending,
    unless `titles` has another.
    """
    known = fact_types()["documents"]
    there = rows(case.value("documents"), known)
    named = {Path(str(row["file"])).name for row in there if row.get("file")}
    more = [
        {
            "name": (titles or {}).get(path) or title_of(path.name),
            "file": str(path.absolute()),
        }
        for path in dict.fromkeys(files)
        if path.name not in named
    ]
    kept = [{name: str(cell) for name, cell in row.items()} for row in there]
    return enter(case, {"documents": [*kept, *more]}, source="added as an exhibit")


def title_of(name: str) -> str:
    """Return the title of an exhibit from the name of its file."""
    return " ".join(Path(name).stem.replace("_", " ").split()) or name
