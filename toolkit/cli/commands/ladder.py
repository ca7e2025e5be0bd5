"""`toolkit ladder`: list every level of appeal of a program, in order."""

import argparse
from typing import Any

from toolkit.cli.arguments import add_jurisdiction, program_id

SAYS = "list every level of appeal of a program, in order"
EXAMPLE = "ladder --program part_d"


def add_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument("--program", type=program_id, required=True, help="program id or name")
    add_jurisdiction(one)


def run(options: argparse.Namespace) -> dict[str, Any]:
    import msgspec

    from toolkit.law import ladder, program

    where = options.jurisdiction
    levels = ladder(options.program, where)
    rules = program(options.program, options.jurisdiction)
    return {
        "program": rules.program,
        "name": rules.name,
        "governing_law": rules.governing_law,
        "jurisdiction": options.jurisdiction,
        "levels": [
            _ladder_level(level) | {"of_state": _of_state(level, where)} for level in levels
        ],
        "standing": msgspec.to_builtins(rules.standing),
        "switches": msgspec.to_builtins(rules.switches),
        "not_modelled": list(rules.not_modelled),
    }


def _ladder_level(level: Any) -> dict[str, Any]:
    """Return a level as JSON: who decides, whom to file with, and its rules."""
    import msgspec

    found = msgspec.to_builtins(level)
    decided_by, filed_with = found.pop("decider"), found.pop("filed_with")
    head = {"id": found.pop("id"), "name": found.pop("name")}
    return head | {"filed_with": filed_with or decided_by, "decided_by": decided_by} | found


def _of_state(level: Any, jurisdiction: str | None) -> str:
    """Return what applies at the level in a jurisdiction whose own law is not on file, '' otherwise."""
    from toolkit.law import jurisdictions

    one = level.without_its_own(jurisdiction) or level.floor_of(jurisdiction)
    if not jurisdiction or level.jurisdiction or not one:
        return ""
    return f"{jurisdictions()[jurisdiction]}: {one.says} ({one.citation}; mark {one.status})"


def show(answer: dict[str, Any]) -> None:
    import msgspec

    from toolkit.law.model import DecisionRule, FilingRule
    from toolkit.law.wording import ANCHORS, decision_for, filing_for, span, starts, window

    where = f" ({answer['jurisdiction']})" if answer["jurisdiction"] else ""
    print(f"{answer['name']}{where}: {answer['governing_law']}")
    for level in answer["levels"]:
        print(f"\n{level['id']}  {level['name']}; decided by {level['decided_by']}")
        if level["filed_with"] != level["decided_by"]:
            print(f"  filed with {level['filed_with']}")
        if level["of_state"]:
            print(f"  {level['of_state']}")
        for rule in msgspec.convert(level["filing"], tuple[FilingRule, ...]):
            until = f" until {rule.applies_until}" if rule.applies_until else ""
            only = filing_for(rule)
            counted = window(rule) if rule.open_ended else f"{window(rule)} from {starts(rule)}"
            print(
                f"  from {rule.applies_from}{until}: {counted}, {rule.filed_when}"
                f"{f' ({only})' if only else ''}  [{rule.citation}; {rule.status}]"
            )
        for one in (level["automatic"], level["by_terms"], level["forwarded"]):
            if one:
                print(f"  {one['says']}  [{one['citation']}; {one['status']}]")
        for rule in msgspec.convert(level["decision"], tuple[DecisionRule, ...]):
            meant = decision_for(rule) or "every request"
            print(
                f"  decision in {span(rule.due)} from {ANCHORS[rule.starts]} ({meant})"
                f"  [{rule.citation}; {rule.status}]"
            )
    for one in answer["switches"]:
        print(f"\nFrom {one['applies_from']}, by {one['keyed_to']}: {one['says']}")
        print(f"  [{one['citation']}; {one['status']}]")
    print("\nNot modeled:")
    for one in answer["not_modelled"]:
        print(f"  {one}")
