"""`toolkit classify`: category, route and reason of codes, text or both."""

import argparse
from typing import Any

from toolkit.cli.arguments import program_id
from toolkit.cli.output import show_json
from toolkit.errors import UsageError

SAYS = "category, route and reason of codes, text or both"
EXAMPLE = "classify --group CO --carc 16 --rarc MA130"


def add_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument("--group")
    one.add_argument("--carc")
    one.add_argument("--rarc", action="append", default=[])
    one.add_argument("--text")
    one.add_argument("--cpt")
    one.add_argument("--program", type=program_id)


def run(options: argparse.Namespace) -> dict[str, Any]:
    import msgspec

    from toolkit.denials import classify
    from toolkit.denials.official import official_texts
    from toolkit.denials.second_look import second_look

    if not (options.carc or options.text or options.rarc):
        raise UsageError("name a CARC, a RARC or a text: --carc 16 --rarc MA130, or --text '...'")
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
    """Return one second look as the command shows it: what it saw, what it says, the ways on."""
    ways = [{"route": way.route, "says": way.says, "burns": way.burns} for way in look.routes]
    return {"id": look.id, "columns": list(look.columns), "says": look.says, "routes": ways}


show = show_json
