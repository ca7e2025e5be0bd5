"""`toolkit law`: the rules, with source and mark."""

import argparse
from datetime import date
from typing import Any

SAYS = "the rules, with source and mark"
EXAMPLE = "law --age"


def add_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument("--age", action="store_true", help="longest unverified first")


def run(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.law import on_file
    from toolkit.law.age import clocks, marks, stale
    from toolkit.law.events import events

    today = date.today()
    rules = [
        {
            "program": one.program,
            "jurisdiction": one.jurisdiction,
            "level": level,
            "clock": clock,
            "applies_from": getattr(rule, "applies_from", None),
            "citation": rule.citation,
            "source": rule.source,
            "verified_on": rule.verified_on,
            "status": rule.status,
            "age_days": (today - date.fromisoformat(rule.verified_on)).days,
        }
        for one in on_file()
        for level, clock, rule in clocks(one.rules)
    ]
    if options.age:
        rules.sort(key=lambda rule: rule["age_days"], reverse=True)
    looks = [(rule["citation"], rule["verified_on"]) for rule in rules]
    looks += [
        (one.citation, one.verified_on) for event in events() for one in (event, *event.closed)
    ]
    return {
        "rules": rules,
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
    for event in answer["events"]:
        print(
            f"interruption, {event['name']}: {event['citation']}; {event['source']}; "
            f"verified {event['verified_on']}, mark {event['status']}"
        )
    for name, marks in answer["marks"].items():
        print(f"{name}: " + ", ".join(f"{number} {mark}" for mark, number in marks.items()))
    for warning in answer["warnings"]:
        print(f"Warning: {warning}")
    for name, gaps in answer["not_modelled"].items():
        for gap in gaps:
            print(f"{name}, not modelled: {gap}")
