"""`toolkit classify`: give the category, route and reason of denial codes, free text or both."""

import argparse
from typing import Any

from toolkit.cli.arguments import program_id
from toolkit.cli.output import show_json
from toolkit.errors import UsageError

SAYS = "give the category, route and reason of denial codes, free text or both"
EXAMPLE = "classify --group CO --carc 16 --rarc MA130"


def add_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument("--group", help="group code: CO, PR, OA, PI or CR")
    one.add_argument("--carc", help="claim adjustment reason code, such as 16")
    one.add_argument(
        "--rarc", action="append", default=[], help="remark code, such as MA130; repeat for several"
    )
    one.add_argument("--text", help="the denial reason in words")
    one.add_argument("--cpt", help="procedure code (CPT or HCPCS)")
    one.add_argument("--program", type=program_id, help="program id or name")


def run(options: argparse.Namespace) -> dict[str, Any]:
    import msgspec

    from toolkit.denials import classify
    from toolkit.denials.official import official_texts
    from toolkit.denials.second_look import second_look

    if not (options.carc or options.text or options.rarc):
        raise UsageError("give a CARC, a RARC or a text: --carc 16 --rarc MA130, or --text '...'")
    rarcs = tuple(options.rarc)
    given = {"group_code": options.group, "carc": options.carc, "rarcs": rarcs}
    given |= {"text": options.text, "program": options.program}
    denial = classify(**given)
    looks = second_look(denial, procedure_code=options.cpt, **given)
    official = official_texts(options.group, options.carc, rarcs)
    return (
        msgspec.to_builtins(denial)
        | {"second_look": [_look(one) for one in looks]}
        | ({"official": official} if official else {})
    )


def _look(look: Any) -> dict[str, Any]:
    """Return one second look as JSON: the columns seen, the warning, and the options for what to do next."""
    ways = [{"route": way.route, "says": way.says, "burns": way.burns} for way in look.routes]
    return {"id": look.id, "columns": list(look.columns), "says": look.says, "routes": ways}


show = show_json
