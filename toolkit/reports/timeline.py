"""A deadline as a picture: every day of it on one line of time, one row each, so no label meets another."""

from datetime import date, timedelta
from textwrap import shorten, wrap

from toolkit.law import Deadline
from toolkit.law.wording import long_day
from toolkit.reports.charts import figure_html
from toolkit.rules.words import capital

# Okabe and Ito (2008), told apart with every common color vision; the shapes differ as well.
# The words beside a mark are darker than the mark, to be read on white.
_SAFE, _LAST, _STEP = (
    ("#D55E00", "D", "#b23b00"),
    ("#0072B2", "s", "#00558a"),
    ("#6b7785", "o", "#1f2933"),
)
_QUIET, _LINE = "#52606d", "#cbd2d9"
_LETTERS, _ROWS_OF_TEXT = 46, 3


def timeline_html(deadline: Deadline) -> str:
    """Return the deadline's days as one `<img>`, whose alternative text says the message.

    Raises ValueError where nothing is to be filed or no last day is on file: there is no day to draw.
    """
    if not deadline.last_filing_date or not deadline.steps:
        raise ValueError("a timeline needs a deadline with a day to file")
    days = _days(deadline)
    image = figure_html(_figure(days), _message(deadline, days))
    # Drawn finer than it is shown: without a width a notebook would show it twice as large.
    return image.replace("<img ", '<img style="width:720px;max-width:100%;height:auto" ', 1)


def _days(deadline: Deadline) -> list[tuple[date, str, tuple[str, str, str], list[str]]]:
    """Return each distinct day in order: what it is called, its mark, and its lines of text."""
    said: dict[date, list[str]] = {}
    for step in deadline.steps:
        said.setdefault(step.date, []).append(step.what)
    said.setdefault(deadline.file_by, [])
    said.setdefault(deadline.last_filing_date, [])
    days = []
    for day in sorted(said):
        names = [
            name
            for name, one in (
                ("not before", deadline.not_before),
                ("file by", deadline.file_by),
                ("last filing date", deadline.last_filing_date),
            )
            if one == day
        ]
        mark = _SAFE if "file by" in names else _LAST if "last filing date" in names else _STEP
        text = "; ".join(dict.fromkeys(said[day]))
        text = capital(text)
        lines = wrap(shorten(text, _LETTERS * _ROWS_OF_TEXT, placeholder=" …"), _LETTERS)
        days.append((day, capital(" and ".join(names)), mark, lines))
    return days


def _figure(days):
    from matplotlib.figure import Figure

    heights = [0.30 + 0.17 * max(len(lines), 1) for _, _, _, lines in days]
    fig = Figure(figsize=(7.2, sum(heights) + 0.45), layout="constrained", facecolor="white")
    axes = fig.add_subplot()
    first, last = days[0][0], days[-1][0]
    width = max((last - first).days, 1)
    tops = [sum(heights[:place]) for place in range(len(days))]
    bottom = sum(heights)
    for (day, name, (color, shape, ink), lines), top in zip(days, tops, strict=True):
        y = top + 0.16
        axes.plot([day, day], [y, bottom], color=_LINE, linewidth=1, zorder=1)
        axes.plot(day, y, shape, color=color, markersize=8 if name else 6, zorder=4)
        on_right = (day - first).days / width < 0.5  # of its mark: the label has its room there
        place = {
            "xy": (day, y), "textcoords": "offset points", "ha": "left" if on_right else "right",
            "va": "top", "parse_math": False,
        }  # fmt: skip
        side = 11 if on_right else -11
        head = long_day(day) + (f"  {name}" if name else "")
        text = "\n".join(lines)
        # White paper behind the whole label: the lines of other days pass under it, not through it.
        axes.annotate(
            f"{head}\n{text}", xytext=(side, 6), fontsize=9.5, fontweight="bold", color="none",
            linespacing=1.15, zorder=2,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5}, **place,
        )  # fmt: skip
        axes.annotate(
            head, xytext=(side, 6), fontsize=9.5, color=ink,
            fontweight="bold" if name else "normal", zorder=3, **place,
        )  # fmt: skip
        axes.annotate(
            text, xytext=(side, -8), fontsize=8.5, color=_QUIET, linespacing=1.2, zorder=3, **place
        )
    _dress(axes, first, width, bottom)
    return fig


def _dress(axes, first: date, width: int, height: float) -> None:
    from matplotlib.dates import AutoDateLocator, num2date
    from matplotlib.ticker import FuncFormatter

    room = timedelta(days=width * 0.03 + 0.4)
    axes.set_xlim(first - room, first + timedelta(days=width) + room)
    axes.set_ylim(height, -0.05)
    axes.set_yticks([])
    locator = AutoDateLocator(minticks=3, maxticks=6)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: _tick(num2date(x), width)))
    axes.tick_params(axis="x", labelsize=8.5, colors=_QUIET, length=3)
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_LINE)


def _tick(day: date, width: int) -> str:
    return f"{day:%b} {day.day}" if width < 300 else f"{day:%b %Y}"


def _message(deadline: Deadline, days) -> str:
    """Return what the picture says: the day to keep, the last day, what lies between them."""
    file_by, last = deadline.file_by, deadline.last_filing_date
    text = f"Timeline of {deadline.level_name}: file by {long_day(file_by)}"
    between = (last - file_by).days
    if between:
        plural = "" if between == 1 else "s"
        text += f", {between} day{plural} before the last filing date, {long_day(last)}"
    else:
        text += ", which is the last filing date"
    steps = "; ".join(f"{long_day(day)}: {' '.join(lines)}" for day, _, _, lines in days if lines)
    return f"{text}. {steps}."
