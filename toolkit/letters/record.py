"""The record of a letter: what each of its lines says and what binds it, kept beside the file that was written."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from toolkit import __version__
from toolkit.errors import InputError, not_opened
from toolkit.letters.facts import in_words
from toolkit.letters.layout import CLOSING, DRAFT, ENCLOSURES, footer, right_to_left
from toolkit.letters.letter import Letter, Sentence
from toolkit.outputs import digest, whole

VERSION = 1


def record_path(letter_file: Path) -> Path:
    """Return where the record of a letter is kept: FILE.record.json for FILE.docx, .pdf or .md."""
    return Path(letter_file).with_suffix(".record.json")


def write_record(record: Mapping[str, Any], letter_file: Path, *, content: Path) -> Path:
    """Write the record of a letter beside where its file will be; return the record's path.

    `content` is the file that the letter still is: its record is there first, so that a run that is
    killed leaves no letter without one.
    """
    path = record_path(letter_file)
    said = {**record, "letter": {"file": letter_file.name, "sha256": digest(content)}}
    with whole(path) as temporary:
        temporary.write_bytes(msgspec.json.format(msgspec.json.encode(said), indent=1) + b"\n")
    return path


def record_of(letter: Letter, *, draft: bool) -> dict[str, Any]:
    """Return the record of the letter, without the file that it was written to."""
    return {
        "record": VERSION,
        "toolkit": __version__,
        "kind": letter.kind,
        "title": letter.title,
        "program": letter.program,
        "level": letter.level,
        "issue": letter.issue,
        "service": letter.service,
        "payer": letter.payer,
        "case": letter.case_key,
        "letter_date": letter.as_of.isoformat(),
        "draft": draft,
        "missing": [need.name for need in letter.missing],
        "clauses": [section.clause for section in letter.sections],
        "sources": [
            {
                "citation": one.citation,
                "mark": one.status,
                "verified_on": one.verified_on,
                "source": one.source,
            }
            for one in (*letter.authorities, *letter.rules)
        ],
        "footer": footer(letter),
        "furniture": draft_marks(letter) if draft else [],
        "heads": [" ".join(each.table.columns) for each in letter.sections if each.table],
        "right_to_left": sorted(right_to_left(letter.sentences)),
        "lines": list(_lines(letter)),
    }


def draft_marks(letter: Letter) -> list[str]:
    """Return what a draft says beside the letter: its watermark, and what it still lacks."""
    gaps = [need.label for need in letter.missing]
    missing = f"Draft, not to be sent. Still missing: {', '.join(gaps)}."
    marks = [DRAFT, f"{DRAFT}: not to be sent", f"{DRAFT}: not to be sent."]
    return [*marks, missing, *(f"missing: {gap}" for gap in gaps)]


def read_record(path: Path) -> dict[str, Any]:
    """Return a record; raises InputError where the file is not one."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path.name}: cannot be opened ({not_opened(error)})") from None
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get("record") != VERSION or not _whole(found):
        raise InputError(f"{path.name}: not a record of a letter")
    return found


_TEXTS = ("program", "level", "issue", "payer", "case", "letter_date", "footer")


def _whole(found: dict[str, Any]) -> bool:
    lines, clauses = found.get("lines"), found.get("clauses")
    return (
        isinstance(lines, list)
        and all(isinstance(one, dict) and isinstance(one.get("text"), str) for one in lines)
        and isinstance(clauses, list)
        and isinstance(found.get("draft"), bool)
        and all(isinstance(found.get(name), str) for name in _TEXTS)
    )


def _lines(letter: Letter) -> Iterator[dict[str, Any]]:
    """Yield each line in the order in which it is printed; what no fact binds has the role `frame`."""
    for part, sentences in (
        ("letterhead", letter.sender),
        ("date", ()),
        ("sent by", letter.sent_by),
        ("address", letter.addressee),
    ):
        if part == "date":
            yield _frame(part, in_words(letter.as_of))
        yield from (_bound(part, sentence) for sentence in sentences)
    yield _frame("subject", f"RE: {letter.subject}")
    for line in letter.reference:
        yield _frame("reference", line.label)
        yield _bound("reference", line.value)
    yield _frame("salutation", letter.salutation)
    for section in letter.sections:
        if section.heading:
            yield _bound(section.clause, section.heading)
        for paragraph in section.paragraphs:
            yield from (_bound(section.clause, sentence) for sentence in paragraph.sentences)
        if section.table:
            yield from (_frame(section.clause, name) for name in section.table.columns)
            for row in section.table.rows:
                yield from (_bound(section.clause, cell) for cell in row if cell.text)
    yield _frame("signature", CLOSING)
    yield from (_bound("signature", sentence) for sentence in letter.signature)
    if letter.enclosures:
        yield _frame("enclosures", ENCLOSURES)
    yield from (_bound("enclosures", sentence) for sentence in letter.enclosures)
    if letter.copies:
        yield _frame("copies", "Copy:")
        yield from (_bound("copies", sentence) for sentence in letter.copies)


def _frame(part: str, text: str) -> dict[str, Any]:
    return {"part": part, "role": "frame", "text": text}


def _bound(part: str, sentence: Sentence) -> dict[str, Any]:
    bound = [binding.short for binding in sentence.bindings]
    return {"part": part, "role": sentence.role, "text": sentence.text, "bound": bound}
