"""What a person may type into a letter: facts. Law and rates of success come from nowhere else."""

import re
from collections.abc import Mapping

from toolkit.errors import RefusedError
from toolkit.letters.exhibits import CITED, number_cited
from toolkit.letters.facts import Column, FactType, fact_types, rows

_LAW = re.compile(
    r"""\b\d+\s*C\.?F\.?R\b | \b\d+\s*U\.?\s?S\.?\s?C\b | § | \b(section|sec\.)\s*\d{3,}
      | \b(ERISA|NCD|LCD|HPMS)\b | \bCMS\b(?!-\d) | \bCMS-\d{4}-(F|FC|IFC|P)\d?\b | (?-i:\b[A-Z]\w+\s+Act\b)
      | \bACA\s+(section|requires?|rules?)\b
      | \b(statutes?|statutory|regulations|the\s+regulation|(federal|state|the|by|public)\s+law(?!\s+enforcement))\b
      | \bU\.?\s?S\.?\s+Code\b | \b(a|the|any|every)\s+courts?\s+(would|will|has|have|held|holds)\b
      | \b(unlawful|illegal|lawsuits?|litigat\w+|legally|bad\s+faith|violat\w+\s+(of\s+)?(the|its|federal))\b
      | \b((is|are|was|were)\s+required|oblig\w+(\s+you|\s+the\s+(plan|payer))?)\s+to\s+(pay|cover|approve)\b
      | \b(must|shall)\s+(pay|cover|approve)\b
      | \b(plan|payer|insurer|MAC|you)\s+(may|can|must|shall)\s*not\s+(deny|refuse|require|impose|limit|withhold)\b
      | \b(Medicare|Medicaid|contract|law|rules?)\s+(law\s+|rules?\s+)?(requires?|obliges?|mandates?|demands?|prohibits?|forbids?)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_ENDS = (
    r"\b(appeals|denials|overturn\w*|reversals|approvals|wins?|won|success\s+rates?|prevail\w*)\b"
)
_RATE = r"\b(\d{1,3}(\.\d+)?\s*%|[\w.]+\s+percent\b)"
# Of a share that is also how pain is rated or how many drugs were tried, only what speaks of many appeals.
_WON = r"\b(appeals|overturned|reversals|prevail\w*|succeed\w*|wins?|winning|won|judges|side[sd]?\s+with)\b"
_NUMBER = r"(\d{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|hundred)"
_SHARE = rf"\b{_NUMBER}[\s-]+(out\s+of|of|in)[\s-]+(every\s+|a\s+)?{_NUMBER}\b"
_PART = r"(most|nearly\s+all|almost\s+all|(the|a)\s+(vast\s+|large\s+)?majority\s+of|half\s+(of)?|two[\s-]thirds\s+of|three[\s-]quarters\s+of)"
_MOST = rf"\b{_PART}\s*(\w+\s+){{0,2}}(appeals|denials\s+are)\b"
_OFTEN = r"\b(usually|typically|routinely|regularly|generally|often|(almost|nearly)?\s*always)\s+(\w+\s+)?(granted|overturned|won|reversed|approved|allowed|paid)\b"
_MANY = r"\b(appeals|(such|these|similar)\s+(\w+\s+)?(cases|denials|claims))\b"
_CHANCE = r"\b(chances?|odds|likelihood|probability)\s+of\s+(success\s+(on|at)\s+(the\s+)?(appeal|\w+\s+level)|winning|(an?\s+)?(overturn\w*|reversal))\b"


def _near(one: str, other: str) -> str:
    return rf"{one}[^.]{{0,80}}{other}|{other}[^.]{{0,80}}{one}"


_ODDS = re.compile(
    "|".join((_near(_RATE, _ENDS), _near(_SHARE, _WON), _near(_MANY, _OFTEN), _MOST, _CHANCE)),
    re.IGNORECASE,
)
_QUOTED = re.compile(rf"“[^”]*” {CITED.pattern}")
_NOT_SPEECH = ("Sender", "Plan", "Patient")  # names and addresses


def check(values: Mapping[str, object], names: frozenset[str]) -> None:
    """Refuse a text in which a person argues law or promises success, naming the fact, never the text.

    `names` are the facts that the letter can print. A passage that quotes an enclosed document
    (“...” (Exhibit B)) may hold what the document holds.
    """
    exhibits = len(rows(values.get("documents"), fact_types()["documents"]))
    wrong: list[str] = []
    for name in sorted(names & values.keys()):
        known = fact_types().get(name)
        if known is None or values[name] is None or known.group in _NOT_SPEECH:
            continue
        for label, text in _texts(known, values[name]):
            if said := _says(text, exhibits):
                wrong.append(f"{label}: {said}")
    if wrong:
        raise RefusedError(
            "A fact that was typed argues law or promises success; the letter's law comes from the "
            "authorities on file.",
            needs=tuple(f"{each}; state what the record says, or quote an enclosed document as "
                        "“...” (Exhibit A)" for each in dict.fromkeys(wrong)),
        )  # fmt: skip


def _texts(known: FactType, value: object) -> list[tuple[str, str]]:
    if known.kind == "table":
        return [
            (f"{known.label}, row {n}, {known.columns[name].label}", str(cell))
            for n, row in enumerate(rows(value, known), 1)
            for name, cell in row.items()
            if _is_speech(known.columns[name])
        ]
    return [(f"{known.label} ({known.name})", str(value))] if _is_speech(known) else []


def _is_speech(known: FactType | Column) -> bool:
    return known.words == "ours" and known.kind in ("text", "long text")


def _says(text: str, exhibits: int) -> str:
    for match in _QUOTED.finditer(text):
        if 0 < number_cited(match) <= exhibits:
            text = text.replace(match[0], "")
    if _ODDS.search(text):
        return "holds a rate of success"
    return "speaks of law" if _LAW.search(text) else ""
