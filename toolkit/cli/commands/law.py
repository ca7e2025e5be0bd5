"""`toolkit law`: list the rules, with source and mark."""

import argparse
from datetime import date
from typing import Any

SAYS = "list the rules, with source and mark"
EXAMPLE = "law --age"


def add_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument("--age", action="store_true", help="longest unverified first")


def run(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.law import on_file
    from toolkit.law.age import beside, clocks, marks, shared, stale
    from toolkit.law.events import events

    today = date.today()

    def row(program: str, jurisdiction: str, level: str, clock: str, rule: Any) -> dict[str, Any]:
        return {
            "program": program,
            "jurisdiction": jurisdiction,
            "level": level,
            "clock": clock,
            "applies_from": getattr(rule, "applies_from", None),
            "citation": rule.citation,
            "source": rule.source,
            "verified_on": rule.verified_on,
            "status": rule.status,
            "age_days": (today - date.fromisoformat(rule.verified_on)).days,
        }

    on = [(one.program, one.jurisdiction, one.rules) for one in on_file()]
    rules = [row(*of, *one) for *of, mine in on for one in clocks(mine)]
    others = [row(*of, *one) for *of, mine in on for one in beside(mine)]
    others += [row("", "", *one) for one in shared()]
    if options.age:
        for rows in (rules, others):
            rows.sort(key=lambda rule: rule["age_days"], reverse=True)
    looks = [(rule["citation"], rule["verified_on"]) for rule in (*rules, *others)]
    return {
        "rules": rules,
        "beside": others,
        "marks": {one.id: marks(one.rules) for one in on_file()},
        "events": [
            {
                "event": event.event,
                "name": event.name,
                "citation": one.citation,
                "source": one.source,
                "verified_on": one.verified_on,
                "status": one.status,
            }
            for event in events()
            for one in (event, *event.closed)
        ],
        "warnings": [
            text for citation, day in dict.fromkeys(looks) for text in stale(citation, day, today)
        ],
        "not_modelled": {one.id: list(one.rules.not_modelled) for one in on_file()},
    }


def _in(rule: dict[str, Any]) -> str:
    return f" ({rule['jurisdiction']})" if rule["jurisdiction"] else ""


def show(answer: dict[str, Any]) -> None:
    for rule in answer["rules"]:
        print(
            f"{rule['program']}{_in(rule)} {rule['level']} {rule['clock']}: from {rule['applies_from'] or '-'}; "
            f"{rule['citation']}; {rule['source']}; verified {rule['verified_on']} "
            f"({rule['age_days']} days ago), mark {rule['status']}"
        )
    for rule in answer["beside"]:
        whose = f"{rule['program'] or 'every program'}{_in(rule)} {rule['level']}".strip()
        print(
            f"{whose}, {rule['clock'].replace('_', ' ')}: {rule['citation']}; {rule['source']}; verified "
            f"{rule['verified_on']} ({rule['age_days']} days ago), mark {rule['status']}"
        )
    for name, marks in answer["marks"].items():
        print(f"{name}: " + ", ".join(f"{number} {mark}" for mark, number in marks.items()))
    for warning in answer["warnings"]:
        print(f"Warning: {warning}")
    for name, gaps in answer["not_modelled"].items():
        for gap in gaps:
            print(f"{name}, not modeled: {gap}")
