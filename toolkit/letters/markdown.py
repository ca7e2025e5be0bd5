"""A letter and its proof as Markdown; what a person typed stays literal."""

import re

from toolkit.letters.layout import ENCLOSURES, layout
from toolkit.letters.letter import Letter
from toolkit.letters.proof import proof

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$&])")
_LEADING = re.compile(r"^(\d+(?=[.)])|(?=[-+=]))")
_BLANK = "\N{NO-BREAK SPACE}"  # a line with nothing on it that does not end the paragraph


def as_markdown(letter: Letter, *, draft: bool | None = None) -> str:
    """Return the letter as Markdown; an incomplete one says DRAFT at its head."""
    page = layout(letter, draft=not letter.complete if draft is None else draft)
    lines: list[str] = []
    if page["draft"]:
        lines += ["**DRAFT: not to be sent.**", ""]
        lines += [f"- missing: {_text(gap)}" for gap in page["gaps"]]
        lines.append("")
    lines += _block([f"**{_runs(line)}**" for line in page["name"]] + _each(page["sender"]))
    lines += [page["date"], ""]
    lines += _block(_each(page["sent_by"]) + _each(page["addressee"]))
    lines += [f"**RE: {_text(page['subject'])}**", ""]
    lines += ["| | |", "|---|---|"]
    lines += [f"| {_text(r['label'])} | {_cell(r['value'])} |" for r in page["reference"]]
    lines += ["", page["salutation"], ""]
    for section in page["sections"]:
        lines += _section(section)
    lines += [page["closing"], "", _BLANK, ""]
    lines += _block(_each(page["signature"]))
    lines += [f"**{ENCLOSURES}**", ""] if page["enclosures"] else []
    lines += [f"{n}. {_runs(run)}" for n, run in enumerate(page["enclosures"], 1)]
    if page["copies"]:
        lines += ["", f"Copy: {'; '.join(_each(page['copies']))}"]
    return "\n".join(lines).rstrip() + "\n"


def proof_markdown(letter: Letter, *, sha256: str = "") -> str:
    """Return the proof of the letter as Markdown."""
    page = proof(letter, sha256=sha256)
    lines = [f"# {page['title']}", "", f"**{page['internal']}**", "", _text(page["letter"]), ""]
    lines += [f"SHA-256 of the letter: `{sha256}`", ""] if sha256 else []
    lines += [f"- missing: {_text(label)}" for label in page["missing"]]
    lines += ["## Before sending", "", *(f"- {_text(w)}" for w in page["warnings"]), ""]
    lines += ["## Each sentence, its role, and what binds it", ""]
    lines += ["| sentence | role | bound to |", "|---|---|---|"]
    for row in page["sentences"]:
        bound = "<br>".join(_line(says) for says in row["proof"])
        lines.append(f"| {_line(row['text'])} | {row['role']} | {bound} |")
    lines += ["", "## Sources of this letter", ""]
    lines += ["| citation | what it says | mark | copy of | verified on | source |"]
    lines += ["|---|---|---|---|---|---|"]
    for s in page["sources"]:
        cells = (s["citation"], s["gist"], s["mark"], s["copy"], s["verified_on"], s["source"])
        lines.append(f"| {' | '.join(_line(c) for c in cells)} |")
    if page["evidence"]:
        lines += ["", "## Clinical evidence, which is not law", ""]
        lines += [
            "| guideline | what it says | mark | verified on | source |",
            "|---|---|---|---|---|",
        ]
        for one in page["evidence"]:
            keys = ("guideline", "says", "mark", "verified_on", "source")
            lines.append(f"| {' | '.join(_line(one[key]) for key in keys)} |")
    return "\n".join([*lines, "", *(f"{_text(m)}  " for m in page["marks"])]).rstrip() + "\n"


def _section(section: dict) -> list[str]:
    # Behind ### a number begins no list: only the signs in the words are escaped.
    heading = _SPECIAL.sub(r"\\\1", section["heading"])
    lines = [f"### {heading}", ""] if heading else []
    leads = {"text": "", "item": "- ", "number": "1. "}
    for i, paragraph in enumerate(section["paragraphs"]):
        lines.append(leads[paragraph["style"]] + _runs(paragraph["runs"]))
        after = section["paragraphs"][i + 1 : i + 2]
        if paragraph["style"] == "text" or not after or after[0]["style"] == "text":
            lines.append("")
    if section["rows"]:
        lines += [f"| {' | '.join(section['columns'])} |", "|---|---|---|"]
        lines += [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in section["rows"]]
        lines.append("")
    return lines


_MARK = "\N{LEFT-TO-RIGHT MARK}"  # on both sides of what is written from right to left


def _runs(run: list[dict]) -> str:
    return "".join(_run(r) for r in run)


def _run(run: dict) -> str:
    text = _text(run["text"])
    if run["gap"]:
        return f"**{text}**"
    return f"{_MARK}{text}{_MARK}" if run["rtl"] else text


def _each(lines: list[list[dict]]) -> list[str]:
    return [_runs(line) for line in lines]


def _cell(run: list[dict]) -> str:
    return _runs(run).replace("  \n", "<br>")


def _line(text: str) -> str:
    return _text(text).replace("  \n", "<br>")


def _block(lines: list[str]) -> list[str]:
    return ["  \n".join(lines), ""]


def _text(text: str) -> str:
    """Return the text so that Markdown prints it as it was typed, line by line."""
    first, *more = re.split(r"[ \t]*\n[ \t]*", text)
    return "  \n".join([_literal(first), *(_literal(line) or _BLANK for line in more)])


def _literal(line: str) -> str:
    return _LEADING.sub(r"\1\\", _SPECIAL.sub(r"\\\1", line))
