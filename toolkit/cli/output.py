"""How answers are shown: as JSON, or in lines for a person."""

from typing import Any


def as_json(answer: dict[str, Any], indent: int | None = None) -> str:
    import json

    return json.dumps(answer, default=str, indent=indent, ensure_ascii=False)


def show_json(answer: dict[str, Any]) -> None:
    print(as_json(answer, indent=2))


def show_out(answer: dict[str, Any]) -> None:
    print(answer["out"])
    for name, value in answer.items():
        if name in ("out", "findings_list"):
            continue
        if isinstance(value, dict):
            value = [{"what": key} | one for key, one in value.items()]
        if isinstance(value, list | tuple):
            print(f"  {name}:{'' if value else ' none'}")
            for one in value:
                print(f"    {one if isinstance(one, str) else row_line(one)}")
        else:
            print(f"  {name}: {value}")


def row_line(one: dict[str, Any]) -> str:
    """Return one line for a group of denials: name, count and dollars."""
    counts = ("denials", "denied", "without_amount")
    what = "; ".join(str(v) for k, v in one.items() if v and k not in counts) or "no code"
    denials = one["denials"]
    return f"{what}: {denials:,} denial{'' if denials == 1 else 's'}, {money_line(one)}"


def money_line(one: dict[str, Any]) -> str:
    """Return the dollars of a group of denials in words; an amount that is not stated is never zero."""
    if one["denied"] is None:
        return "amount not stated"
    lacking = one.get("without_amount", 0)
    return f"${one['denied']}" + (f" and {lacking:,} without an amount" if lacking else "")
