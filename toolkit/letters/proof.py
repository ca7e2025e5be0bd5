"""The proof of a letter: each sentence with what binds it, each citation with who read it.

It is for the sender's file and for whoever signs; it is no part of the letter and is written apart
from it, so that it is never sent by mistake.
"""

from toolkit.letters.facts import in_words
from toolkit.letters.layout import day_of, heading
from toolkit.letters.letter import Letter, Sentence

TITLE = "Proof of the letter"
INTERNAL = "For the sender's file. Not part of the letter; do not send."
MARKS = {
    "V": "V: the text itself was read",
    "V2": "V2: a named source that quotes or describes it was read",
    "M": "M: from memory; verify before sending",
}


def proof(letter: Letter, *, sha256: str = "") -> dict:
    """Return the proof as plain texts: warnings, sentences with bindings, sources."""
    return {
        "title": TITLE,
        "day": day_of(letter.as_of),
        "internal": INTERNAL,
        "letter": f"{letter.subject}, {in_words(letter.as_of)}",
        "kind": letter.title,
        "sha256": sha256,
        "complete": letter.complete,
        "missing": [need.label for need in letter.missing],
        "warnings": list(letter.warnings),
        "sentences": _sentences(letter),
        "sources": [
            {
                "citation": a.citation,
                "gist": f"{a.gist}; {a.caution}" if a.caution else a.gist,
                "mark": a.status,
                "copy": a.copy_date,
                "verified_on": a.verified_on,
                "source": a.source,
            }
            for a in letter.authorities
        ]
        + [
            {
                "citation": rule.citation,
                "gist": rule.gist,
                "mark": rule.status,
                "copy": "",
                "verified_on": rule.verified_on,
                "source": rule.source,
            }
            for rule in letter.rules
        ],
        "evidence": [
            {
                "guideline": one.reference,
                "says": f"{one.says} (for {one.population})",
                "mark": one.status,
                "verified_on": one.verified_on,
                "source": one.source,
            }
            for one in letter.evidence
        ],
        "marks": list(MARKS.values()),
    }


def _sentences(letter: Letter) -> list[dict]:
    groups: list[tuple[str, list[Sentence]]] = [
        ("Letterhead and address", [*letter.sender, *letter.sent_by, *letter.addressee]),
        ("Reference", [line.value for line in letter.reference]),
    ]
    for section in letter.sections:
        found = [section.heading] if section.heading else []
        found += [s for p in section.paragraphs for s in p.sentences]
        for row in section.table.rows if section.table else ():
            found += [row[0], row[2]]
        groups.append((heading(section), found))
    groups.append(("Signature", list(letter.signature)))
    groups.append(("Enclosures and copies", [*letter.enclosures, *letter.copies]))
    return [
        {
            "part": part,
            "text": sentence.text,
            "role": sentence.role,
            "proof": [b.short for b in sentence.bindings],
        }
        for part, found in groups
        for sentence in found
    ]
