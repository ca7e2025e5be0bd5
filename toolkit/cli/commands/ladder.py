"""`toolkit ladder`: every level of a program, in order."""

import argparse
from typing import Any

from toolkit.cli.arguments import add_jurisdiction, program_id

SAYS = "every level of a program, in order"
EXAMPLE = "ladder --program part_d"


def add_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument("--program", type=program_id, required=True)
    add_jurisdiction(one)


def run(options: argparse.Namespace) -> dict[str, Any]:
    import msgspec

    from toolkit.law import ladder, program

    levels = ladder(options.program, options.jurisdiction)
    rules = program(options.program, options.jurisdiction)
    return {
        "program": rules.program,
        "name": rules.name,
        "governing_law": rules.governing_law,
        "jurisdiction": options.jurisdiction,
        "levels": [_ladder_level(level) for level in levels],
        "standing": msgspec.to_builtins(rules.standing),
        "switches": msgspec.to_builtins(rules.switches),
        "not_modelled": list(rules.not_modelled),
    }


def _ladder_level(level: Any) -> dict[str, Any]:
    """Return a level as the ladder shows it: decided by whom, filed with whom, and its rules."""
    import msgspec

    found = msgspec.to_builtins(level)
    decided_by, filed_with = found.pop("decider"), found.pop("filed_with")
    head = {"id": found.pop("id"), "name": found.pop("name")}
    return head | {"filed_with": filed_with or decided_by, "decided_by": decided_by} | found


def show(answer: dict[str, Any]) -> None:
    import msgspec

    from toolkit.law.model import When
    from toolkit.law.wording import ANCHORS, when

    where = f" ({answer['jurisdiction']})" if answer["jurisdiction"] else ""
    print(f"{answer['name']}{where}: {answer['governing_law']}")
    for level in answer["levels"]:
        print(f"\n{level['id']}  {level['name']}; decided by {level['decided_by']}")
        if level["filed_with"] != level["decided_by"]:
            print(f"  filed with {level['filed_with']}")
        for rule in level["filing"]:
            window = rule["window"] or {
                "count": f"{rule['state_window']['least']} to {rule['state_window']['most']}",
                "unit": "days (the state chooses)",
            }
            until = f" until {rule['applies_until']}" if rule["applies_until"] else ""
            only = when(msgspec.convert(rule["when"], When))
            print(
                f"  from {rule['applies_from']}{until}: {window['count']} {window['unit']} from "
                f"{rule['starts']}, {rule['filed_when']}{f' ({only})' if only else ''}  "
                f"[{rule['citation']}; {rule['status']}]"
            )
        for one in (level["automatic"], level["by_terms"], level["forwarded"]):
            if one:
                print(f"  {one['says']}  [{one['citation']}; {one['status']}]")
        for rule in level["decision"]:
            start = ANCHORS[rule["starts"]]
            stages = rule["service"] or ", ".join(rule["when"]["stages"]) or "all stages"
            stages += f" in {', '.join(rule['states'])}" if rule["states"] else ""
            fast = ", expedited" if rule["when"]["expedited"] else ""
            print(
                f"  decision in {rule['due']['count']} {rule['due']['unit']} from {start} ({stages}{fast})"
                f"  [{rule['citation']}; {rule['status']}]"
            )
    for one in answer["switches"]:
        print(f"\nFrom {one['applies_from']}, by {one['keyed_to']}: {one['says']}")
        print(f"  [{one['citation']}; {one['status']}]")
    print("\nNot modelled:")
    for one in answer["not_modelled"]:
        print(f"  {one}")
