"""Write docs/letters.md: which letters each program and level has, why not others, and what they must contain.

The page is generated from `toolkit/rules/letters` and `toolkit/rules/programs`; a test keeps it equal to
what this script writes. Run `python scripts/letters_page.py` after a change there.
"""

from collections import Counter
from pathlib import Path

from toolkit.law import program, programs
from toolkit.letters.criteria import Criterion
from toolkit.letters.evidence import age_limit, guidelines, of_service
from toolkit.letters.forums import acts, forum, issues
from toolkit.letters.letter_kind import in_words
from toolkit.letters.matrix import BESIDE, Cell, cell, levels_of
from toolkit.letters.services import services
from toolkit.letters.word import BLOCKS, INLINE

PAGE = Path(__file__).parents[1] / "docs" / "letters.md"
_OPENING = """# Letters

*This page is generated from the rules by `python scripts/letters_page.py`; change the rules, not this page.*

A letter combines four things: an **act** (what the letter does), a **forum** (a program and a level, with what the law
requires in a request there), an **issue** (what the denial is about) and a **service** (its coverage criteria).
`toolkit draft EXPORT --claim ID --kind ACT` writes one; without `--kind`, it writes the act that best answers the
denial. Three checks come first:

1. **History**: the current state of the denial. A denial that was paid, closed or replaced gets no letter; one that
   awaits a decision gets none before the decision is due.
2. **Route**: how a denial of this kind is answered. An unprocessable claim is sent again, not appealed.
3. **Law**: whether the level takes a letter, who may file and with which documents, and by which day. The dates, the
   names of the levels, the documents and the time to decide come from the program's rules; nobody types them. After
   the last day, a letter is written only if the law accepts good cause.

A refusal (exit code 3) says what to do instead. `toolkit checklist EXPORT --claim ID` lists the steps and documents for
every denial, the letters that it can have, and why it can't have the others.

## What you can type

You can type facts of the chart, the claim and the notice. Text that argues law or promises a rate of success is refused;
you can quote an enclosed document as “...” (Exhibit A). No date may be after the letter's date, and dates and documents
must be consistent (`rules/letters/coherence.yaml`). Facts that are tables are lists of rows in a facts file:

```yaml
therapies:
  - {what: methotrexate 15 mg weekly, started: 2026-01-10, ended: 2026-04-20, outcome: no response, page: record page 7}
requirements:
  - {words: failure of one conventional drug, policy: Drug Policy 12, met: met, fact: methotrexate without response, page: record page 7}
documents:
  - {name: Drug Policy 12, date: 2026-01-01, pages: 1 to 6, file: policy12.pdf}
```

One facts file can serve many denials: facts that hold for all of them stand at the top, and under `claims`, by account or
claim number, the facts of single claims (`data/samples/tour/ten_facts.yaml`).

Each sentence is a fact, a rule, an argument (which names its premises), evidence or a request. The proof of a letter
(`toolkit.letters.write_proof`) shows the role of each sentence and what supports it.

## What is written

| Command | Writes |
|---|---|
| `toolkit draft EXPORT --claim ID --out FILE.docx` (`.pdf`, `.md`) | the letter, and its record `FILE.record.json` |
| `... --packet --exhibit FILE... --out FILE.pdf` | one PDF: contents, letter, exhibits with cover sheets, pages n of N |
| `toolkit draft EXPORT --all --out DIR` | every letter that is complete, and `manifest.json`: for each denial, what was written or why not |
| `toolkit draft --new-template local/letterhead.docx` | the Word template, for the hospital to edit |
| `toolkit verify LETTER` | nothing; it prints which sentences of an edited letter differ from its record |
| `toolkit clauses EXPORT... --letters DIR` | nothing; it shows how the appeals ended, by the clauses of the letters that were filed |

**Exhibits** are the documents in the facts file that name a `file`, then those of `--exhibit`: PDF, PNG, JPEG or
TIFF. A file that is encrypted, damaged or of another kind is refused by name, and so is one that does not match its
`sha256` in the facts file. In a letter on timely filing the payer's 277CA is an exhibit too: its status for this claim
becomes a page. A 999 is not proof and is refused.

**The letterhead** is a Word document with fields; its styles, header, footer and pictures are kept. If the footer
has no `{{ identifiers }}`, a line with them and the page number is added. A patient's own letter has no letterhead.

| Field | What it prints |
|---|---|
FIELDS

Each of the first four must be alone in a paragraph of the text; `{{ letter }}` or `{{ body }}` is required.

**What wins.** `toolkit clauses` counts each letter once that was decided on the merits at its level, by a decision in
the case store or in a file that you name: for each clause that it holds, how many won, of how many, with the 95 %
interval. Drafts, and letters written after the filing, don't count. Below 30 letters it says that they are too few to
compare. It proves no cause: which letters hold a clause follows from the denial, the record and the payer.

**PDF** letters are PDF/A-2a and PDF/UA-1; a packet is neither, because others made its exhibits. Emoji
and writing systems that typst's own fonts lack come from `pip install denial-toolkit[scripts]` or from the computer's
fonts.
"""


def page() -> str:
    """Return the page as Markdown."""
    parts = [
        _OPENING.replace("FIELDS", _fields()),
        _acts(),
        *(_program(name) for name in programs()),
        _issues(),
        _services(),
        _criteria(),
        _evidence(),
    ]
    return "\n".join(parts).rstrip() + "\n"


def _fields() -> str:
    return "\n".join(f"| `{{{{ {name} }}}}` | {says} |" for name, says in (BLOCKS | INLINE).items())


def _acts() -> str:
    lines = ["## The acts", "", "| `--kind` | What it is | Answers first | States |"]
    lines += ["|---|---|---|---|"]
    for act in acts().good.values():
        routes = ", ".join(act.form.routes) or "any"
        lines.append(f"| `{act.id}` | {act.title} | {routes} | {', '.join(act.form.states)} |")
    return "\n".join([*lines, ""])


def _program(name: str) -> str:
    rules = program(name)
    lines = [f"## {rules.name}", "", f"`{name}`", ""]
    names = {level.id: level.name for level in rules.levels} | {BESIDE: "outside the appeals"}
    lines += ["| Level | Letters |", "|---|---|"]
    for level in levels_of(name):
        here = [f"`{act}`" for act in acts().good if cell(act, name, level).possible]
        lines.append(f"| {names[level]} | {', '.join(here) or 'none'} |")
    lines += ["", *_required(name), *_impossible(name, names)]
    return "\n".join([*lines, ""])


def _required(name: str) -> list[str]:
    rows = [
        (program(name).level(level).name, element)
        for level, form in forum(name).form.levels.items()
        for element in form.required
    ]
    if not rows:
        return []
    lines = ["What a request must contain:", "", "| Level | What | Citation | Mark | Source |"]
    lines += ["|---|---|---|---|---|"]
    lines += [
        f"| {level} | {one.says} | {one.citation} | {one.status} | {one.source} |"
        for level, one in rows
    ]
    return [*lines, ""]


def _impossible(name: str, names: dict[str, str]) -> list[str]:
    """Return why letters are not possible: each reason once, with its levels and citations."""
    found: dict[tuple[str, str], list[Cell]] = {}
    for act in acts().good:
        for level in levels_of(name):
            one = cell(act, name, level)
            if not one.possible:
                found.setdefault((act, one.why_not), []).append(one)
    every = len(levels_of(name))
    lines = ["<details><summary>Why there is no other letter</summary>", ""]
    lines += ["| Letter | Levels | Why not | Citation | Mark |", "|---|---|---|---|---|"]
    for (act, says), where in found.items():
        at = "all" if len(where) == every else "; ".join(names[one.level] for one in where)
        cited = "; ".join(dict.fromkeys(one.citation for one in where))
        marks = ", ".join(sorted({one.status for one in where}))
        lines.append(f"| `{act}` | {at} | {says} | {cited} | {marks} |")
    return [*lines, "", "</details>"]


def _issues() -> str:
    lines = ["## Issues", "", "| Issue | Denials it answers | Argued in a letter | Criteria |"]
    lines += ["|---|---|---|---|"]
    for one in issues().good.values():
        answers = "; ".join(
            f"{a.category}{': ' + ', '.join(a.reasons) if a.reasons else ''}"
            for a in one.form.answers
        )
        argued = "yes" if one.clauses else "checklist only"
        criteria = "of the service" if one.form.criteria == "yes" else ""
        lines.append(f"| {one.form.title} | {answers} | {argued} | {criteria} |")
    return "\n".join([*lines, ""])


def _services() -> str:
    lines = [
        "## Services",
        "",
        "| Service | Programs | Criteria | Own arguments | Evidence |",
    ]
    lines += ["|---|---|---|---|---|"]
    for one in services().good.values():
        own = str(len(one.clauses)) if one.clauses else ""
        criteria = sum(len(each.leaves) for each in one.criteria)
        evidence = len(of_service(one.id))
        programs_ = ", ".join(one.programs)
        lines.append(f"| {one.title} | {programs_} | {criteria} | {own} | {evidence} |")
    return "\n".join([*lines, ""])


_CRITERIA_SAYS = """## Criteria of coverage

Everything in a list is required, except what is optional, which is shown if it is known. Under *one of these*, one is
enough. A criterion is met, not met, or unknown. The toolkit asks for what is unknown and never takes it as unmet; of
several ways, it asks only for those that can still be met. If a criterion is not met, a letter that argues the criteria
is refused, and the refusal names the criterion. The table in the letter shows the way that is met.

A criterion without its own condition is met if the record shows it: the finding and its page are entered. If the record
was searched and does not show it, enter a row of `unmet_criteria`, with the name shown in `code` here.
"""


def _criteria() -> str:
    lines = [_CRITERIA_SAYS]
    for one in services().good.values():
        lines += [f"<details><summary>{one.title}</summary>", ""]
        for criterion in one.criteria:
            lines += _criterion(criterion, one.programs, 0)
        lines += ["", "</details>", ""]
    return "\n".join(lines)


_HOW = {"all": "all of these", "any": "one of these", "not": "not this"}


def _criterion(one: Criterion, around: tuple[str, ...], depth: int) -> list[str]:
    says = [f"`{one.id}` {one.says}"]
    if one.how:
        says.append(_HOW.get(one.how) or f"at least {one.number} of these")
    if one.met:
        says.append(f"where {in_words(one.met)}")
    if one.when:
        says.append(f"asked for where {in_words(one.when)}")
    if one.optional:
        says.append("optional")
    if one.programs != around:
        says.append(f"in {', '.join(one.programs)}")
    lines = [f"{'    ' * depth}- {'; '.join(says)}"]
    for part in one.parts:
        lines += _criterion(part, one.programs, depth + 1)
    return lines


def _evidence() -> str:
    found = [one for group in guidelines().good.values() for one in group]
    marks = Counter(one.status for one in found)
    lines = ["## Clinical evidence", ""]
    lines += [
        f"{len(found)} guideline statements, in our own words: {marks['V']} were read on the publisher's own page or",
        f"paper (V), {marks['V2']} in another's description of it (V2), and {marks['M']} are from memory (M); the last are",
        "listed before sending. A statement is used only for its services, and only for patients who are known to meet",
        "its condition. It is in its own section, *Clinical evidence*, and is never cited as law; no law is cited",
        f"there. Before sending, guidelines older than {age_limit().years} years are listed. A guideline that a newer edition",
        "replaced is left out. The grade is the publisher's own, in its own terms.",
        "",
        "| Services | Body, guideline, date | Statement, for whom | Grade | Used where | Mark | Source |",
        "|---|---|---|---|---|---|---|",
    ]
    title = {name: one.title for name, one in services().good.items()}
    for one in sorted(found, key=lambda each: (each.services, each.id)):
        of = f"{one.body}: {one.title} ({one.published})"
        newer = f"; replaced by {one.superseded_by}" if one.superseded_by else ""
        cells = (
            ", ".join(title[name] for name in one.services), f"{of}{newer}",
            f"{one.says} (for {one.population})", one.grade, in_words(one.when), one.status, one.source,
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
