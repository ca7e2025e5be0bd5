"""Turn the figures of a run into tables, and put them into docs/performance.md and docs/scale.md.

What people wrote outside the markers stays. Every function here takes what the JSON file holds, so
that a page can be written anew without measuring anew:

    python -m benchmarks.page docs/performance.json
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.cost import cost_tables
from benchmarks.measure import ROOT
from benchmarks.plan import Result, ratio
from benchmarks.reach import Reach, reaches, value_of

TITLES = {
    "starts": "Start-up, and one case",
    "frames": "pandas frame in, pandas frame out",
    "rows": "Ten million denials to a table of payer, category, month and due state",
    "worklists": "An export to a worklist",
    "remittances": "835 to typed tables",
    "spark": "Spark, step by step",
    "questions": "Questions asked in plain Python",
}


def ratios(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Return every ratio that the page tells, each taken within the rounds of one run."""
    by_key = {(one.job.part, one.job.size, one.job.key): one for one in results}
    wanted = {
        (one.job.part, one.job.size, one.job.key, one.job.floor, 0.0)
        for one in results
        if one.job.floor
    }
    for reach in reaches():
        if reach.over:
            wanted.add((reach.part, reach.at, reach.key, reach.over, reach.less))
    found = []
    for part, size, key, over, less in sorted(wanted):
        of, below = by_key.get((part, size, key)), by_key.get((part, size, over))
        taken = of and below and ratio(of, below, less=less)
        if taken:
            median, least, most = (round(one, 3) for one in taken)
            found.append(
                {"part": part, "size": size, "key": key, "over": over, "less": less,
                 "median": median, "least": least, "most": most}
            )  # fmt: skip
    return found


def figures(told: dict[str, Any]) -> str:
    """Return the whole block of docs/performance.md between its markers."""
    parts = list(dict.fromkeys(job["part"] for job in told["jobs"]))
    return "\n\n".join(
        [_machine(told), _reached(told), *(_part(told, part) for part in parts)]
    ).strip()


def _machine(told: dict[str, Any]) -> str:
    here = told["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in here["packages"].items())
    java = f", Java {here['java']}" if here["java"] else ""
    others = [job["other"] for job in told["jobs"] if "other" in job]
    return (
        f"Measured {told['date']} on {here['cores']} cores ({here['cpu']}), {here['memory_gb']} GiB "
        f"of memory, {here['system']}, Python {here['python']}{java}; {packages}. Run "
        f"`{told['scale']}`, {told['minutes']} minutes; {told['answers_compared']} answers of "
        f"competitors were compared and are equal. Everything else on the machine used "
        f"{sum(others):.1f} CPU seconds while the clocks ran (load before: {here['load_before']})."
    )


def _reached(told: dict[str, Any]) -> str:
    lines = ["### What was to be reached, and was it", ""]
    lines += ["| | to reach | measured | |", "|---|---|---|---|"]
    for reach in reaches():
        found = value_of(reach, told)
        if found is None:
            shown, verdict = "not in this run", ""
        else:
            shown = _reach_figure(reach, found)
            verdict = "reached" if reach.reached(found) else f"**not reached.** {reach.why}".strip()
        lines.append(f"| {reach.says} | {_target(reach)} | {shown} | {verdict} |")
    return "\n".join(lines)


def _target(reach: Reach) -> str:
    word, limit = ("at most", reach.at_most) if reach.at_most else ("at least", reach.at_least)
    return f"{word} {limit:,.10g} {reach.unit}".strip()


def _reach_figure(reach: Reach, found: tuple[float, float, float]) -> str:
    median, least, most = found
    spread = "" if least == most else f" ({_short(least)} to {_short(most)})"
    return f"{_short(median)} {reach.unit}{spread}".replace("  ", " ")


def _part(told: dict[str, Any], part: str) -> str:
    jobs = [job for job in told["jobs"] if job["part"] == part]
    by_floor = {
        (one["size"], one["key"], one["over"]): one
        for one in told["ratios"]
        if one["part"] == part and not one["less"]
    }
    lines = [f"### {TITLES.get(part, part)}"]
    for size in sorted({job["size"] for job in jobs}):
        of_size = [job for job in jobs if job["size"] == size]
        lines += ["", _heading(of_size[0]), ""] if size > 1 else [""]
        lines += [
            "| | seconds (least to most) | a second | CPU s | CPU, times the floor | peak MB | extra MB |",
            "|---|---|---|---|---|---|---|",
        ]
        for job in of_size:
            lines.append(_line(job, by_floor.get((size, job["key"], job["floor"]))))
    return "\n".join(lines)


def _heading(job: dict[str, Any]) -> str:
    if job["unit"] == "bytes":
        return f"**{_short(job['size'] / 1e6)} MB**"
    return f"**{job['size']:,} {job['unit']}**"


def _line(job: dict[str, Any], over: dict[str, Any] | None) -> str:
    if job["why_not"]:
        return f"| {job['says']} | no figure: {job['why_not']} | | | | | |"
    scaled = job["stands_for"] != 1
    says = job["says"]
    if scaled:
        says += f" (timed on {job['answer'].get('rows', 0):,} rows, scaled)"
    spread = "" if job["rounds"] == 1 else f" ({_short(job['least'])} to {_short(job['most'])})"
    size = job["answer"].get("bytes", job["size"]) if job["answer"] else job["size"]
    a_second = ""
    if job["unit"] == "bytes":
        a_second = f"{size / job['seconds'] / 1e6:,.1f} MB"
    elif job["unit"] != "processes":
        a_second = f"{size / job['seconds']:,.0f} {job['unit']}"
    times = f"{over['median']:.2f}" if over else ""
    peak, extra = (f"{job[name] / 1e6:,.0f}" for name in ("peak", "extra"))
    if scaled:
        peak = extra = ""
    if job["unit"] == "processes":
        extra = ""
    return (
        f"| {says} | {_short(job['seconds'])}{spread} | {a_second} | {_short(job['cpu'])} | "
        f"{times} | {peak} | {extra} |"
    )


def _short(number: float) -> str:
    """Return three figures that mean something."""
    if number == 0:
        return "0"
    if abs(number) >= 100:
        return f"{number:,.0f}"
    if abs(number) >= 10:
        return f"{number:.1f}"
    return f"{number:.3g}" if abs(number) < 1 else f"{number:.2f}"


# --- into the pages ------------------------------------------------------------------------------

BEGINS, ENDS = "<!-- {name}: written by make bench -->", "<!-- {name}: end -->"


def between(text: str, name: str, block: str) -> str:
    """Return the page with what stands between its markers of that name replaced."""
    begins, ends = BEGINS.format(name=name), ENDS.format(name=name)
    before, found, rest = text.partition(begins)
    _, closed, after = rest.partition(ends)
    if not found or not closed:
        raise ValueError(f"the page has no markers for {name}")
    return f"{before}{begins}\n\n{block.strip()}\n\n{ends}{after}"


def write(told: dict[str, Any], docs: Path) -> list[Path]:
    """Write performance.json, performance.md and scale.md of a folder; return what was written."""
    kept = docs / "performance.json"
    kept.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    written = [kept]
    for name, blocks in (
        ("performance.md", {"figures": figures(told)}),
        ("scale.md", cost_tables(told)),
    ):
        path = docs / name
        text = path.read_text(encoding="utf-8")
        for marker, block in blocks.items():
            text = between(text, marker, block)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


if __name__ == "__main__":
    write(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), ROOT / "docs")
