"""The tables of docs/scale.md: what each step of a run costs, from the figures of one benchmark."""

from typing import Any

HOURS = 3600
BILLION = 1_000_000_000


def cost_tables(told: dict[str, Any]) -> dict[str, str]:
    """Return the blocks of docs/scale.md by the names of their markers."""
    return {"steps": _steps(told), "keys": _questions(told), "billion": _billion(told)}


def _spark(told: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the Spark jobs of the greatest size, those with a figure."""
    jobs = [job for job in told["jobs"] if job["part"] == "spark" and not job["why_not"]]
    most = max((job["size"] for job in jobs), default=0)
    return [job for job in jobs if job["size"] == most]


def _steps(told: dict[str, Any]) -> str:
    """Return CPU seconds and bytes per million rows of each step, as measured on one machine."""
    jobs = _spark(told)
    if not jobs:
        return "Not measured in this run (no Spark or no Java)."
    lines = [
        f"`local[{told['machine']['cores']}]`, {jobs[0]['size']:,} rows of Parquet, {told['date']}.",
        "",
        "| step | CPU s per million rows | of it in the JVM's tasks | in GB per million | shuffled MB per million | spilled MB per million | peak MB of the process tree |",
        "|---|---|---|---|---|---|---|",
    ]
    for job in jobs:
        millions, answer = job["size"] / 1e6, job["answer"]
        lines.append(
            f"| {job['says']} | {job['cpu'] / millions:.2f} | {answer['task_cpu'] / millions:.2f} | "
            f"{answer['bytes_in'] / millions / 1e9:.3f} | {answer['shuffled'] / millions / 1e6:.3f} | "
            f"{answer['spilled'] / millions / 1e6:.1f} | {job['peak'] / 1e6:,.0f} |"
        )
    return "\n".join(lines)


def _questions(told: dict[str, Any]) -> str:
    """Return how often each question was asked in plain Python, by rows."""
    jobs = [j for j in told["jobs"] if j["part"] == "questions" and not j["why_not"]]
    if not jobs:
        return "Not measured in this run."
    names = list(dict.fromkeys(name for job in jobs for name in job["answer"]["questions"]))
    head = ["rows", *names, "all, per million rows", "days put to clocks by arrays"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for job in jobs:
        asked = job["answer"]["questions"]
        counts = " | ".join(f"{asked.get(name, 0):,}" for name in names)
        lines.append(
            f"| {job['size']:,} | {counts} | {per_million(job):,.0f} | "
            f"{job['answer']['days_at_once']:,} |"
        )
    return "\n".join(lines)


def per_million(job: dict[str, Any]) -> float:
    """Return how many questions a million rows cost."""
    return job["answer"]["questions"]["all"] * 1e6 / job["answer"]["rows"]


def _billion(told: dict[str, Any]) -> str:
    """Return the cost of a billion rows by the formula of the page, from the measured steps."""
    jobs = _spark(told)
    if not jobs:
        return "Not computed: the run has no Spark figures."
    cores = told["machine"]["cores"]
    lines = [
        "| what is run | core-hours for a billion rows | hours on 16 cores | on 64 cores | on 256 cores | read, GB | shuffled, GB |",
        "|---|---|---|---|---|---|---|",
    ]
    for job in jobs:
        # A core that waits is paid as well: the measured wall time times the cores it had.
        held = max(job["cpu"], job["seconds"] * cores) / job["size"] * BILLION / HOURS
        share = BILLION / job["size"]
        each = " | ".join(f"{held / n:.2f}" for n in (16, 64, 256))
        lines.append(
            f"| {job['says']} | {held:.1f} | {each} | {job['answer']['bytes_in'] * share / 1e9:,.0f} | "
            f"{job['answer']['shuffled'] * share / 1e9:.2f} |"
        )
    return "\n".join(lines)
