"""Charts that read without color and say their message in words."""

from base64 import b64encode
from datetime import date, timedelta
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING

import pandas as pd

from toolkit.metrics import Metric
from toolkit.reports import words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito (2008): told apart with every common color vision.
COLORS = {
    "overdue": "#D55E00",
    "past_safe_date": "#E69F00",
    "due_this_week": "#CC79A7",
    "due_later": "#0072B2",
    "no_date": "#8A8A8A",
    "awaiting_decision": "#56B4E9",
    "outcome_not_read": "#009E73",
    "no_appeal_right": "#C9C9C9",
}
_INK, _QUIET = "#1f2933", "#52606d"

# The weeks shown around the report's date; what lies outside is said in words, not drawn.
_WEEKS_BACK, _WEEKS_ON = 8, 16


def figure_html(fig: "Figure", alt: str) -> str:
    """Return the figure as one `<img>` with its message as alternative text."""
    if not alt.strip():
        raise ValueError("a chart needs an alternative text")
    image = BytesIO()
    fig.savefig(image, format="png", dpi=160, metadata={"Software": None})
    picture = b64encode(image.getvalue()).decode("ascii")
    return f'<img class="chart" alt="{escape(alt)}" src="data:image/png;base64,{picture}">'


def due_states(table: pd.DataFrame, alt: str) -> str:
    """Return a bar per due state, as long as its dollars, labeled with dollars and count."""
    table = table.iloc[::-1]
    fig, axes = _figure(height=0.55 + 0.42 * len(table))
    amounts = table["cents"].astype("float64") / 100
    names = [words.DUE[state] for state in table["due"]]
    bars = axes.barh(names, amounts, color=[COLORS[s] for s in table["due"]], height=0.68)
    labels = [
        f" {words.short_dollars(c)} in {words.count(int(n), 'denial')}"
        for c, n in zip(table["cents"], table["denials"], strict=True)
    ]
    axes.bar_label(bars, labels=labels, color=_INK, fontsize=9, parse_math=False)
    axes.set_xlim(0, max(float(amounts.max()), 1.0) * 1.28)
    axes.set_xticks([])
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return figure_html(fig, alt)


def weeks(table: pd.DataFrame, *, as_of: date) -> tuple[str, str]:
    """Return the open dollars per week of the file-by date, and what lies outside the picture."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.ticker import FuncFormatter

    monday = as_of - timedelta(days=as_of.weekday())
    first = pd.Timestamp(monday - timedelta(weeks=_WEEKS_BACK))
    last = pd.Timestamp(monday + timedelta(weeks=_WEEKS_ON))
    inside = table[table["week"].between(first, last)]
    early, late = table[table["week"] < first], table[table["week"] > last]

    fig, axes = _figure(height=2.9)
    heights = inside.pivot_table(index="week", columns="due", values="cents", aggfunc="sum")
    heights = (
        heights.reindex(pd.date_range(first, last, freq="7D")).fillna(0).astype("float64") / 100
    )
    floor = pd.Series(0.0, index=heights.index)
    for state in [s for s in COLORS if s in heights]:
        axes.bar(
            heights.index, heights[state], bottom=floor, width=6, align="edge",
            color=COLORS[state], label=words.DUE[state], edgecolor="white", linewidth=0.5,
        )  # fmt: skip
        floor = floor + heights[state]
    top = max(float(floor.max()), 1.0)
    axes.axvline(pd.Timestamp(as_of), color=_INK, linewidth=1.2, linestyle=(0, (4, 2)))
    axes.annotate(
        f"as of {as_of:%b} {as_of.day}", (pd.Timestamp(as_of), top * 1.13), color=_INK,
        fontsize=8.5, xytext=(4, 0), textcoords="offset points", va="top",
    )  # fmt: skip
    axes.set_ylim(0, top * 1.15)
    axes.set_xlim(first - pd.Timedelta(days=2), last + pd.Timedelta(days=8))
    locator = AutoDateLocator(minticks=4, maxticks=9)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: words.short_dollars(round(y * 100))))
    axes.set_ylabel("open dollars per week of file-by date", fontsize=8.5, color=_QUIET)
    _quiet(axes)
    if len(heights.columns):
        fig.legend(loc="outside upper left", ncols=4, frameon=False, fontsize=8.5, handlelength=1.1)

    peak = floor.idxmax()
    alt = (
        f"Bars of open dollars by week of the file-by date, {_WEEKS_BACK} weeks before to "
        f"{_WEEKS_ON} weeks after {words.long_day(as_of)}. "
        + (
            f"The largest is the week of {words.day(peak)} with {words.short_dollars(round(top * 100))}."
            if len(inside)
            else "No open denial falls into these weeks."
        )
    )
    outside = [
        f"{words.count(int(part['denials'].sum()), 'denial')} "
        f"({words.dollars(int(part['cents'].sum()))}) {words_}"
        for part, words_ in ((early, "earlier"), (late, "later"))
        if len(part)
    ]
    return figure_html(fig, alt), (
        f"Outside the picture: {' and '.join(outside)}." if outside else ""
    )


def rates(groups: list[tuple[str, Metric]], alt: str, *, overall: float) -> str:
    """Return a dot per group's rate with its 95 % interval, labeled with its counts, beside all."""
    groups = groups[::-1]
    fig, axes = _figure(height=0.9 + 0.38 * len(groups))
    for place, (_, rate) in enumerate(groups):
        color = "#8A8A8A" if rate.small else "#0072B2"
        axes.plot([rate.low, rate.high], [place, place], color=color, linewidth=2, alpha=0.55)
        axes.plot(rate.value, place, "o" if not rate.small else "D", color=color, markersize=6,
                  markerfacecolor="white" if rate.small else color)  # fmt: skip
        label = f"{rate.value:.0%}  ({rate.count:,} of {rate.out_of:,})"
        axes.text(1.04, place, label + (", small n" if rate.small else ""), va="center",
                  fontsize=8.5, color=_INK)  # fmt: skip
    axes.axvline(overall, color=_QUIET, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
    # A dollar sign in a payer's name is a dollar sign, not mathematics.
    axes.set_yticks(range(len(groups)), [name for name, _ in groups], parse_math=False)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.6, len(groups) - 0.4)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
    axes.grid(axis="x", color="#e4e7eb", linewidth=0.8)
    _quiet(axes)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return figure_html(fig, alt)


def bars(names: list[str], cents: list[int], labels: list[str], alt: str) -> str:
    """Return a bar per name, as long as its dollars, the first on top; `labels` stand beside them."""
    amounts = [c / 100 for c in cents][::-1]
    fig, axes = _figure(height=0.5 + 0.34 * len(names))
    places = list(range(len(names)))
    drawn = axes.barh(places, amounts, color="#0072B2", height=0.7)
    axes.bar_label(
        drawn, labels=[f" {label}" for label in labels[::-1]], color=_INK, fontsize=8.5,
        parse_math=False,
    )  # fmt: skip
    axes.set_yticks(places, names[::-1], parse_math=False)
    axes.set_xlim(0, max(*amounts, 1.0) * 1.32)
    axes.set_xticks([])
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return figure_html(fig, alt)


def months(table: pd.DataFrame, alt: str, *, compared: tuple = (), narrow: bool = False) -> str:
    """Return a column per month (`month`, `cents`); the months compared are drawn darker.

    A `narrow` one stands beside another chart.
    """
    from matplotlib.ticker import FuncFormatter

    fig, axes = _figure(height=2.15 if narrow else 2.6, width=_NARROW if narrow else _WIDE)
    places = list(range(len(table)))
    colors = ["#0072B2" if month in compared else "#9CC3DC" for month in table["month"]]
    amounts = table["cents"].astype("float64") / 100
    drawn = axes.bar(places, amounts, color=colors, width=0.72)
    if len(table) <= 18:
        top = table["cents"].max()  # side by side there is room for some labels only
        labels = [
            words.short_dollars(cents) if not narrow or month in compared or cents == top else ""
            for month, cents in zip(table["month"], table["cents"], strict=True)
        ]
        axes.bar_label(drawn, labels=labels, color=_INK, fontsize=8, parse_math=False, padding=2)
    step = -(-len(table) // (7 if narrow else 14))
    axes.set_xticks(places[::-step], [f"{m:%b %Y}" for m in table["month"]][::-step])
    axes.tick_params(axis="x", labelsize=8)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: words.short_dollars(round(y * 100))))
    axes.set_ylim(0, max(float(amounts.max()), 1.0) * 1.14)
    says = "denied dollars" if narrow else "denied dollars by month of the notice"
    axes.set_ylabel(says, fontsize=8.5, color=_QUIET)
    _quiet(axes)
    return figure_html(fig, alt)


# The older, the darker.
_AGES = ("#CFE3EF", "#9CC3DC", "#5B9CC4", "#0072B2", "#003F63")


def ages(table: pd.DataFrame, alt: str) -> str:
    """Return a column per day (`on`) of open denials, cut by age, the oldest at the bottom."""
    counts = table.pivot_table(index="on", columns="age", values="denials", aggfunc="sum").fillna(0)
    names = [name for name in dict.fromkeys(table["age"]) if name in counts]
    order = sorted(names, key=lambda name: int(name.removeprefix("over ").split()[0]))
    fig, axes = _figure(height=2.15, width=_NARROW)
    places, floor = list(range(len(counts))), pd.Series(0.0, index=counts.index)
    for name in order[::-1]:
        axes.bar(places, counts[name], bottom=floor, width=0.72, label=name,
                 color=_AGES[order.index(name) + len(_AGES) - len(order)], edgecolor="white",
                 linewidth=0.5)  # fmt: skip
        floor = floor + counts[name]
    for place, height in zip(places, floor, strict=True):
        axes.annotate(f"{int(height):,}", (place, height), ha="center", va="bottom", fontsize=8,
                      color=_INK)  # fmt: skip
    axes.set_xticks(places, [f"{day:%b} {day.day}\n{day.year}" for day in counts.index])
    axes.tick_params(axis="x", labelsize=8)
    axes.set_ylim(0, max(float(floor.max()), 1.0) * 1.12)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set_ylabel("open denials by age", fontsize=8, color=_QUIET)
    _quiet(axes)
    fig.legend(loc="outside upper left", ncols=5, frameon=False, fontsize=7.5, handlelength=1,
               columnspacing=1)  # fmt: skip
    return figure_html(fig, alt)


def changes(names: list[str], cents: list[int], alt: str) -> str:
    """Return a bar per name to the right where dollars rose and to the left where they fell."""
    amounts = [c / 100 for c in cents][::-1]
    fig, axes = _figure(height=0.5 + 0.34 * len(names))
    places = list(range(len(names)))
    colors = ["#D55E00" if amount > 0 else "#0072B2" for amount in amounts]
    drawn = axes.barh(places, amounts, color=colors, height=0.7)
    labels = [f" {'+' if c > 0 else ''}{words.short_dollars(c)} " for c in cents[::-1]]
    axes.bar_label(drawn, labels=labels, color=_INK, fontsize=8.5, parse_math=False)
    axes.set_yticks(places, names[::-1], parse_math=False)
    widest = max(*(abs(amount) for amount in amounts), 1.0) * 1.3
    axes.set_xlim(-widest if min(amounts) < 0 else 0, widest if max(amounts) > 0 else widest * 0.05)
    axes.axvline(0, color=_INK, linewidth=0.9)
    axes.set_xticks([])
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return figure_html(fig, alt)


def heat(table: pd.DataFrame, alt: str) -> str:
    """Return a cell per row and column of a table of cents, the darker the more; 0 stays blank."""
    from matplotlib.colors import LinearSegmentedColormap, PowerNorm

    amounts = table.to_numpy("float64") / 100
    top = max(float(amounts.max()), 1.0)
    fig, axes = _figure(height=1.5 + 0.34 * len(table))
    blues = LinearSegmentedColormap.from_list("blues", ["#FFFFFF", "#9CC3DC", "#0072B2", "#003F63"])
    # The root of the dollars: else one large cell leaves all others white.
    norm = PowerNorm(0.5, vmin=0, vmax=top)
    axes.pcolormesh(amounts, cmap=blues, norm=norm, edgecolors="white", linewidth=1.5)
    for row, cells in enumerate(table.to_numpy()):
        for column, cents in enumerate(cells):
            if cents:
                color = "white" if norm(cents / 100) > 0.55 else _INK
                axes.text(column + 0.5, row + 0.5, words.short_dollars(int(cents)), color=color,
                          ha="center", va="center", fontsize=8, parse_math=False)  # fmt: skip
    axes.set_yticks([at + 0.5 for at in range(len(table))], list(table.index), parse_math=False)
    axes.set_xticks([at + 0.5 for at in range(len(table.columns))], list(table.columns),
                    rotation=35, ha="left", rotation_mode="anchor", parse_math=False)  # fmt: skip
    axes.xaxis.tick_top()
    axes.invert_yaxis()
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="both", length=0)
    axes.tick_params(axis="x", labelsize=8)
    return figure_html(fig, alt)


_WIDE, _NARROW = 8.6, 5.2


def _figure(*, height: float, width: float = _WIDE):
    # The figure is made without pyplot: no global state, nothing for the notebook to draw twice.
    from matplotlib.figure import Figure

    fig = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    axes = fig.add_subplot()
    axes.tick_params(labelsize=9, colors=_INK)
    axes.set_axisbelow(True)
    return fig, axes


def _quiet(axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        axes.spines[side].set_color("#cbd2d9")
