"""Measure the classification of free text on the labelled texts of tests/cases/evaluation.

    python scripts/evaluate.py                            every set
    python scripts/evaluate.py --half both                the two halves of the first set
    python scripts/evaluate.py --half open                while working on phrases
    python scripts/evaluate.py --half open_2              the second set, open as a whole
    python scripts/evaluate.py --half short_open          short reasons; letters_open: letters
    python scripts/evaluate.py --half open --show-misses open

Precision: of the texts that got a category, the share that is right. Recall: of the texts whose label
is a category, the share that got the right one. Coverage: of all texts, the share that got a category.
Reasons: of the texts whose label names a reason and that got that category, the share with that reason.
`unclassified` and `not_a_denial` are no categories here. A text with several reasons is right when the
answer is its label or one of its others. The texts of the held-back halves are never shown.
"""

import argparse
import csv
import json
import sys
from pathlib import Path

from toolkit.denials import classify

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "cases" / "evaluation"
HALVES = ("open", "held_back")
SETS = (*HALVES, "open_2", *(f"{name}_{half}" for name in ("short", "letters") for half in HALVES))
ASKED = {"all": SETS, "both": HALVES}
NO_CATEGORY = ("unclassified", "not_a_denial")


def answers(half: str) -> list[dict]:
    """Return the set's texts, each with its `answer`, the entry that decided, and whether it is `right`."""
    name = half if half.startswith(("short", "letters")) else f"texts_{half}"
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        denial = classify(text=row["text"])
        row["answer"], row["decided_by"] = denial.denial_category, denial.decided_by
        row["answer_reason"] = denial.reason
        row["right"] = row["answer"] in (row["denial_category"], *row["also"].split())
    return rows


def share(part: int, whole: int) -> float | None:
    """Return part of whole to four places; None when the whole is nothing."""
    return round(part / whole, 4) if whole else None


def counts(rows: list[dict]) -> dict:
    """Return precision, recall and coverage of some answers, with what they were counted from."""
    answered = [row for row in rows if row["answer"] not in NO_CATEGORY]
    labelled = [row for row in rows if row["denial_category"] not in NO_CATEGORY]
    right, found = sum(row["right"] for row in answered), sum(row["right"] for row in labelled)
    finer = [row for row in labelled if row["reason"] and row["answer"] == row["denial_category"]]
    same = sum(row["answer_reason"] == row["reason"] for row in finer)
    return {
        "texts": len(rows),
        "answered": len(answered),
        "answered_right": right,
        "labelled": len(labelled),
        "found": found,
        "with_reason": len(finer),
        "reason_right": same,
        "precision": share(right, len(answered)),
        "recall": share(found, len(labelled)),
        "coverage": share(len(answered), len(rows)),
        "reasons": share(same, len(finer)),
    }


def table(rows: list[dict]) -> dict[str, dict]:
    """Return per category: texts with that label, how many are right; answers with it, how many are right."""
    names = sorted({row[column] for row in rows for column in ("denial_category", "answer")})
    result = {}
    for name in names:
        labelled = [row for row in rows if row["denial_category"] == name]
        answered = [row for row in rows if row["answer"] == name]
        result[name] = {
            "labelled": len(labelled),
            "found": sum(row["right"] for row in labelled),
            "answered": len(answered),
            "answered_right": sum(row["right"] for row in answered),
        }
    return result


def lines(half: str, measured: dict) -> list[str]:
    """Return one set's figures, its table and, when they are there, its misses, line by line."""
    said = [f"{half}: {measured['texts']} texts"]
    for name, part, whole in (
        ("precision", "answered_right", "answered"),
        ("recall", "found", "labelled"),
        ("coverage", "answered", "texts"),
        ("reasons", "reason_right", "with_reason"),
    ):
        value = "none" if measured[name] is None else f"{measured[name]:.3f}"
        said.append(f"  {name:<10}{value:>6}   {measured[part]} of {measured[whole]}")
    columns = ("labelled", "found", "answered", "answered_right")
    said += ["", f"  {'category':<26}" + "".join(f"{column:>16}" for column in columns)]
    for name, row in measured["by_category"].items():
        said.append(f"  {name:<26}" + "".join(f"{row[column]:>16}" for column in columns))
    for row in measured.get("misses", ()):
        said += ["", f"  {row['text']}"]
        said.append(f"    {row['denial_category']}, not {row['answer']} ({row['decided_by']})")
    return [*said, ""]


def say(text: str) -> None:
    """Write to standard output."""
    sys.stdout.write(text + "\n")


def main() -> None:
    """Measure the sets asked for, and print them; always exit with 0."""
    parser = argparse.ArgumentParser(description="Measure the classification of free text.")
    parser.add_argument("--half", choices=(*SETS, *ASKED), default="all")
    parser.add_argument("--show-misses", choices=SETS, help="an open set's misses")
    parser.add_argument("--json", action="store_true", help="one JSON object and nothing else")
    asked = parser.parse_args()
    if asked.show_misses and asked.show_misses.endswith("held_back"):
        refused = "The held-back texts are not shown: phrases must not be written from them."
        say(json.dumps({"refused": refused}) if asked.json else refused)
        return
    measured = {}
    for half in ASKED.get(asked.half, (asked.half,)):
        rows = answers(half)
        measured[half] = {**counts(rows), "by_category": table(rows)}
        if asked.show_misses == half:
            measured[half]["misses"] = [row for row in rows if not row["right"]]
    if asked.json:
        say(json.dumps(measured))
    else:
        say("\n".join(line for half in measured for line in lines(half, measured[half])))


if __name__ == "__main__":
    main()
