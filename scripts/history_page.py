"""Make docs/history.md's tables and docs/pictures/history.svg from rules/history/states.yaml."""

from pathlib import Path
from xml.sax.saxutils import escape

from toolkit.history.states import table

ROOT = Path(__file__).parents[1]
MARK = "<!-- from rules/history/states.yaml: python scripts/history_page.py -->"

# Where each state is drawn: column and row. Open states are drawn with a heavy line.
_PLACES = {
    "open": (1, 1), "review": (1, 0), "paid": (1, 3), "settled": (1, 4), "forwarded": (1, 5),
    "awaiting_decision": (2, 0), "decided": (3, 0), "closed": (3, 1), "paid_later": (2, 2),
    "taken_back": (3, 2), "superseded": (2, 3), "reversed": (2, 4), "duplicate": (2, 5),
}  # fmt: skip
# The arrows worth drawing: from, to, and what happens.
_ARROWS = (
    ("", "open", "denied"), ("", "review", "a reversal that contradicts itself"),
    ("", "paid", "paid"), ("", "settled", "patient's share"), ("", "forwarded", "sent on"),
    ("open", "awaiting_decision", "appeal filed"), ("awaiting_decision", "decided", "appeal lost"),
    ("decided", "awaiting_decision", ""), ("open", "closed", "won, withdrawn, written off"),
    ("open", "paid_later", "a later decision pays"), ("paid_later", "taken_back", "payment taken back"),
    ("open", "superseded", "a later decision denies it no more"),
    ("open", "reversed", "the decision is taken back"), ("paid", "duplicate", "refused as a copy"),
)  # fmt: skip
_WIDE, _HIGH, _ACROSS, _DOWN = 168, 44, 300, 92


def page() -> str:
    """Return the tables of the states and of the steps."""
    rules = table()
    lines = [MARK, "", "| State | Open | Means |", "|---|---|---|"]
    lines += [f"| `{name}` | {one.is_open} | {one.says} |" for name, one in rules.states.items()]
    lines += ["", "| Event | When | State from then on | Because |", "|---|---|---|---|"]
    for step in rules.steps:
        events = (step.event,) if isinstance(step.event, str) else step.event
        state = f"`{step.state}`" if step.state else "as before"
        lines.append(f"| {', '.join(events)} | {_when(step.when)} | {state} | {step.says} |")
    return "\n".join(lines) + "\n"


def _when(when) -> str:
    words = []
    for name in when.__struct_fields__:
        value = getattr(when, name)
        if value is not None:
            words.append(f"{name}: {value if isinstance(value, str) else ', '.join(value)}")
    return "; ".join(words)


def picture() -> str:
    """Return the drawing of how a state comes about."""
    rules = table()
    width, height = 4 * _ACROSS + 20, 6 * _DOWN + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'font-family="Helvetica, Arial, sans-serif" font-size="14">',
        "<title>How the state of a denied claim line comes about</title>",
        '<defs><marker id="end" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0 L10 5 L0 10 z" fill="#444"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    arrows = [_arrow(*one) for one in _ARROWS]
    parts += [path for path, _ in arrows] + [text for _, text in arrows]
    parts.append(_box("", "a decision", (0, 1), open_=False))
    parts += [
        _box(name, name.replace("_", " "), _PLACES[name], open_=state.is_open == "yes")
        for name, state in rules.states.items()
    ]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _corner(place: tuple[float, float]) -> tuple[float, float]:
    return 16 + place[0] * _ACROSS, 20 + place[1] * _DOWN


def _box(name: str, says: str, place: tuple[float, float], *, open_: bool) -> str:
    x, y = _corner(place)
    fill, line = ("#fff3d6", 2.5) if open_ else ("#eef1f4", 1)
    return (
        f'<rect x="{x}" y="{y}" width="{_WIDE}" height="{_HIGH}" rx="6" fill="{fill}" stroke="#333" '
        f'stroke-width="{line}"/><text x="{x + _WIDE / 2}" y="{y + 28}" text-anchor="middle">'
        f"{escape(says)}</text>"
    )


def _arrow(start: str, end: str, says: str) -> tuple[str, str]:
    """Return the arrow, and the words that stand on it."""
    (x0, y0), (x1, y1) = _corner(_PLACES.get(start, (0, 1))), _corner(_PLACES[end])
    if x1 > x0:
        x0, y0, y1 = x0 + _WIDE, y0 + _HIGH / 2, y1 + _HIGH / 2
    else:  # back to the left, below the box
        x0, y0, x1, y1 = x0 + 20, y0 + _HIGH, x1 + _WIDE - 20, y1 + _HIGH
        return (
            f'<path d="M{x0} {y0} C{x0} {y0 + 26} {x1} {y1 + 26} {x1} {y1}" fill="none" stroke="#444" '
            'marker-end="url(#end)"/>',
            "",
        )
    middle = x0 + 26
    path = (
        f'<path d="M{x0} {y0} C{middle} {y0} {x0} {y1} {middle} {y1} L{x1} {y1}" fill="none" '
        'stroke="#444" marker-end="url(#end)"/>'
    )
    begin = x0 if y0 == y1 else middle + 8
    return path, _words(says, (begin + x1) / 2, y1 - 6)


def _words(says: str, x: float, y: float) -> str:
    """Return the words above an arrow, in as many lines as they need."""
    lines: list[str] = []
    for word in says.split():
        if lines and len(lines[-1]) + len(word) < 18:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    found = []
    for at, line in enumerate(lines):
        high = y - 13 * (len(lines) - 1 - at)
        found.append(
            f'<text x="{x}" y="{high}" text-anchor="middle" font-size="12" fill="#444" '
            f'stroke="#fff" stroke-width="3" paint-order="stroke">{escape(line)}</text>'
        )
    return "".join(found)


def written() -> dict[Path, str]:
    """Return the files and what they should hold."""
    doc = ROOT / "docs" / "history.md"
    head = doc.read_text(encoding="utf-8").partition(MARK)[0]
    return {doc: head + page(), ROOT / "docs" / "pictures" / "history.svg": picture()}


if __name__ == "__main__":
    for path, text in written().items():
        path.write_text(text, encoding="utf-8")
