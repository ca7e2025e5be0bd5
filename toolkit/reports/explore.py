"""The blocks of the exploration: what is denied, over months, by whom, for what, what changed, row by row.

Every number is a sum over the narrow facts, by the names and words of the reports. No block shows a
value of a patient: rows are known by our key.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from toolkit.denials import code
from toolkit.denials.second_look import looks
from toolkit.denials.services import families, service_of
from toolkit.errors import UsageError
from toolkit.hospital import Hospital
from toolkit.metrics import outcomes, tables, work
from toolkit.metrics.parcel import NOT_STATED
from toolkit.reports import blocks, charts, front, monthly, words
from toolkit.reports.page import Page, sample_claims
from toolkit.reports.source import Source, parcel

_ROWS = 15  # of a table
_LISTED = 40  # denials of a drill-down
_MONTHS = 24
_CELLS = 9  # payers and categories of the heat map
_OTHERS = "All others"
_BY_ROUTE = (work.denials, work.denied_dollars, work.never_worked, work.gross_recovery)
_COLUMNS = (
    work.denials, work.denied_dollars, work.never_worked, outcomes.appeals_filed,
    outcomes.overturn_rate_decided, work.gross_recovery, work.recoverable_dollars,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Exploration:
    """One source, opened: its facts, what does not fit together, and rejections, kept apart.

    `looks`: second_look and denied_cents of each denial that has a second look. `rejections`: statuses
    of 277 and 999 files.
    """

    page: Page
    looks: pd.DataFrame
    rejections: pd.DataFrame


def open_exploration(
    source: str, *, as_of: str, hospital: Hospital, store: Path | str | None = None
) -> Exploration:
    """Return the exploration of a source: "sample", a file, or a folder of exports and remittances.

    `as_of` is an ISO date; what is later is left out. `store` is the case store (default:
    local/cases.sqlite). The sample has its own hospital: no payer in it is real.
    """
    from toolkit.cases import notices_at, one_history, recorded_at, with_notices
    from toolkit.claims import read
    from toolkit.hospital import sample_hospital
    from toolkit.hospital.places import local_folder
    from toolkit.metrics.studies import study
    from toolkit.worklist.triage import triage

    try:
        day = date.fromisoformat(as_of)
    except ValueError:
        raise UsageError("as_of is a date such as 2026-03-02") from None
    synthetic, recorded = source == "sample", ()
    if synthetic:
        claims, hospital = sample_claims(day), sample_hospital()
    else:
        place = store or local_folder() / "cases.sqlite"
        claims = with_notices(read(Path(source)), notices_at(place))
        recorded = recorded_at(place)
    claims = one_history(claims, hospital=hospital, recorded=recorded, as_of=day)
    worklist = triage(claims, as_of=day, hospital=hospital)
    note = "A small sample made for this notebook." if synthetic else ""
    given = parcel(Source.of(source, claims, worklist, day, note, synthetic=synthetic))
    given.facts.studies = study(given.facts)
    page = Page(given, "sample" if synthetic else Path(source).name, "payer", by_hand=True)
    looks_ = worklist.loc[worklist["second_look"].ne(""), ["second_look", "denied_cents"]]
    return Exploration(page, looks_.reset_index(drop=True), claims.rejections)


def about(found: Exploration) -> blocks.Block:
    """Return what is explored: its files, size, and the message in one paragraph."""
    return blocks.block(
        found.page.about("Explore denials"),
        blocks.paragraph(_message(found), "lead"),
    )


def trend(found: Exploration) -> blocks.Block:
    """Return denials over the months of their notices, and how old the open ones were."""
    if not found.page.facts.count():
        return _nothing()
    chart, note = front.ages(found.page)
    return blocks.block(
        _months(found, {}),
        blocks.heading("Open denials by age"),
        chart,
        blocks.paragraph(note, "note") if note else "",
    )


def what(found: Exploration) -> blocks.Block:
    """Return what is denied: by category, and the codes that make most of it."""
    facts = found.page.facts
    if not facts.count():
        return _nothing()
    codes = tables.by_code(facts)
    rows = [
        (
            words.code(r.group_code, r.carc), words.plain(r.denial_category) or words.NOT_STATED,
            _says(r.carc), f"{r.denials:,}", words.amount(r.denied, r.denials, r.unstated),
        )
        for r in codes.head(_ROWS).itertuples()
    ]  # fmt: skip
    more = f", the {_ROWS} largest of {len(codes):,}" if len(codes) > _ROWS else ""
    return blocks.block(
        _cut(found, "denial_category", "Category"),
        blocks.heading("Codes"),
        blocks.table(
            ("Code", "Category", "In our words", "Denials", "Denied dollars"), rows, right=(3, 4),
            caption=f"Primary codes, most denied dollars first{more}",
        ),
    )  # fmt: skip


def payers(found: Exploration) -> blocks.Block:
    """Return by whom: the metrics of each payer."""
    return _cut(found, "payer_name", "Payer") if found.page.facts.count() else _nothing()


def heat(found: Exploration) -> blocks.Block:
    """Return payers against categories: denied dollars, the larger the darker, and the same as a table."""
    facts = found.page.facts
    pairs = tables.pairs(facts)
    if pairs.empty:
        return _nothing()
    pairs = pairs.assign(
        payer=facts.names("payer_name", pairs["payer"]),
        category=[words.plain(one) or words.NOT_STATED for one in pairs["category"]],
    )
    for column in ("payer", "category"):
        sums = pairs.groupby(column)["denied"].sum().sort_values(ascending=False, kind="stable")
        kept = set(sums.index[:_CELLS])
        if len(sums) > _CELLS:
            pairs[column] = pairs[column].where(pairs[column].isin(kept), _OTHERS)
    cells = pairs.pivot_table(
        index="payer", columns="category", values="denied", aggfunc="sum", fill_value=0
    ).astype("int64")
    cells = cells.loc[_by_sum(cells.sum(axis=1)), _by_sum(cells.sum())]
    top = cells.stack().idxmax()
    says = (
        f"Denied dollars of {words.count(len(cells), 'payer')} by category, the larger the darker. The "
        f"largest is {top[0]}, {top[1].lower()}, with {words.dollars(int(cells.loc[top]))}."
    )
    rows = [
        (str(name), *(words.dollars(int(cents)) if cents else "" for cents in row))
        for name, row in zip(cells.index, cells.to_numpy(), strict=True)
    ]
    return blocks.block(
        charts.heat(cells, says) if cells.size > 1 else "",
        blocks.paragraph(says),
        blocks.table(
            ("Payer", *map(str, cells.columns)), rows, right=tuple(range(1, len(cells.columns) + 1)),
            caption="Denied dollars by payer and category",
            total=("All", *(words.dollars(int(one)) for one in cells.sum())), kind="fine",
        ),
    )  # fmt: skip


def changes(found: Exploration) -> blocks.Block:
    """Return what changed in the last month that is over, as the monthly report has it."""
    return blocks.block(monthly.changed(found.page), monthly.claims(found.page))


def services(found: Exploration) -> blocks.Block:
    """Return for what: dollars by family of services, and the procedure codes that make most."""
    codes = tables.by_procedure(found.page.facts)
    if codes.empty:
        return _nothing()
    titles = {name: one.title for name, one in families().items()}
    family = [titles.get(service_of(one or None, None), "No family on file") for one in codes["procedure_code"]]  # fmt: skip
    codes = codes.assign(family=family)
    sums = codes.groupby("family")[["denials", "denied", "unstated"]].sum()
    sums = sums.sort_values(["denied", "denials"], ascending=False, kind="stable").reset_index()
    named = codes[codes["procedure_code"].ne("")]
    return blocks.block(
        _summed(sums, "family", "Family", "Denials by family of services"),
        blocks.heading("Procedure codes"),
        _summed(named.head(_ROWS), "procedure_code", "Procedure", "Procedure codes with most dollars",
                whole=named, also="family"),
    ) if len(named) else _summed(sums, "family", "Family", "Denials by family of services")  # fmt: skip


def amounts(found: Exploration) -> blocks.Block:
    """Return how much: denials by size, and by what to do about them."""
    if not found.page.facts.count():
        return _nothing()
    sizes = tables.by_size(found.page.facts)
    return blocks.block(
        _summed(sizes, "size", "Denied on the line", "Denials by size"),
        blocks.heading("What to do about them"),
        _cut(found, "route", "Route"),
    )


def drill(found: Exploration, **only: str) -> blocks.Block:
    """Return the denials with these values: their months, their sums and the first rows, by our key.

    `only` names payer, category, month (2026-02), due, route, code (CO-50), owner or facility, each as
    the blocks show it or as an id; '' is any. Raises UsageError for a value that no denial has.
    """
    facts = found.page.facts
    if strange := set(only) - set(tables.ONLY):
        raise UsageError(f"{sorted(strange)[0]}: pick denials by {', '.join(tables.ONLY)}")
    chosen = {name: _value(found, name, value) for name, value in only.items() if value}
    sums = tables.sums_of(facts, chosen)
    rows = tables.listed(facts, chosen, most=_LISTED)
    if rows.empty:
        return blocks.block(blocks.paragraph("No denial has all of these values.", "empty"))
    picked = (
        ", ".join(_shown(found, name, value) for name, value in chosen.items()) or "all denials"
    )
    said = (
        f"{picked[0].upper()}{picked[1:]}: {words.count(int(sums.denials), 'denial')}, "
        f"{words.amount(sums.denied, sums.denials, sums.unstated)} denied, "
        f"{words.amount(sums.cents, sums.denials, sums.unknown)} at stake."
    )
    names = facts.names("payer_name", rows["payer"])
    cells = [
        (
            r.denial_key, name, words.category(r.category, r.reason), words.code(r.group_code, r.carc),
            words.plain(r.route), words.DUE[r.due], words.day(r.denied_on), words.day(r.file_by),
            words.day(r.last_filing_date), words.dollars(r.denied_cents), words.dollars(r.stake_cents),
        )
        for name, r in zip(names, rows.itertuples(), strict=True)
    ]  # fmt: skip
    more = f", the first {len(rows)} of {int(sums.denials):,}" if sums.denials > len(rows) else ""
    return blocks.block(
        blocks.paragraph(said, "lead"),
        _months(found, chosen) if chosen and "month" not in chosen else "",
        blocks.table(
            ("Denial key", "Payer", "Category", "Code", "Route", "Due", "Notice", "File by", "Last day",
             "Denied", "At stake"),
            cells, right=(9, 10), keep=(0, 6, 7, 8), kind="fine",
            caption=f"Open denials first, then by the day to file by{more}",
        ),
        blocks.paragraph(
            "A key names the denial in toolkit history, checklist and draft (--claim KEY) and in the "
            "worklist; it holds no claim's value.",
            "note",
        ),
    )  # fmt: skip


def second_looks(found: Exploration) -> blocks.Block:
    """Return what does not fit together, with the ways on and what their clocks burn."""
    said = found.looks
    if said.empty:
        return blocks.block(
            blocks.paragraph("Nothing in these denials contradicts itself.", "empty")
        )
    each = said.assign(look=said["second_look"].str.split(" ")).explode("look")
    sums = each.groupby("look")["denied_cents"].agg(denials="size", cents="sum", known="count")
    sums = sums.assign(unknown=sums["denials"] - sums["known"]).astype("int64")
    sums = sums.sort_values(["cents", "denials"], ascending=False, kind="stable")
    rows = [
        (
            looks()[name].says,
            "; ".join(
                f"{words.plain(way.route)}: {way.says} (burns: {way.burns})"
                for way in looks()[name].routes
            ),
            ", ".join(looks()[name].columns),
            f"{row.denials:,}",
            words.amount(row.cents, row.denials, row.unknown),
        )
        for name, row in sums.iterrows()
    ]
    return blocks.block(
        blocks.paragraph(
            "A denial can stand in several rows, so the rows do not add up to the denials. Columns "
            "are named, never what stands in them."
        ),
        blocks.table(
            ("What does not fit", "Ways on", "Columns seen", "Denials", "Dollars"),
            rows,
            caption="What does not fit together, most dollars first",
            right=(3, 4),
            kind="fine",
        ),
    )


def unclassified(found: Exploration) -> blocks.Block:
    """Return the codes that no entry on file classifies, with count and dollars."""
    table = tables.unclassified(found.page.facts)
    if table.empty:
        return blocks.block(blocks.paragraph("Every denial has a category.", "empty"))
    rows = [
        ("-".join(c for c in (r.group_code, r.carc) if isinstance(c, str) and c) or "no code",
         r.rarcs, f"{r.denials:,}", words.dollars(r.denied))
        for r in table.itertuples()
    ]  # fmt: skip
    return blocks.block(
        blocks.table(
            ("Code", "Remark codes", "Denials", "Dollars"),
            rows,
            caption="Codes without a category",
            right=(2, 3),
            total=("All", "", f"{table['denials'].sum():,}", words.dollars(table["denied"].sum())),
            kind="narrow",
        )
    )


def rejections(found: Exploration) -> blocks.Block:
    """Return the rejections of 277 and 999 files, which no figure above counts."""
    table = found.rejections
    if table.empty:
        return blocks.block(blocks.paragraph("No 277 or 999 file is among the files.", "empty"))
    keys = ["kind", "level", "standing", "category_code", "status_codes", "error_code"]
    says = ["category_says", "status_says", "error_says"]
    table = table.assign(**{c: table[c].fillna("") for c in (*keys, *says)})
    # A batch that is rejected as a whole stands for the claims that it does not list.
    many = table["unlisted_rejected"].where(table["standing"].eq("rejected")).fillna(0)
    sums = many.clip(lower=1).groupby([table[c] for c in (*keys, *says)]).sum()
    sums = sums.sort_values(ascending=False, kind="stable")
    rows = [
        (
            kind, words.plain(level), words.plain(standing),
            " ".join(part for part in (category, status, error) if part),
            "; ".join(part for part in said if part), f"{n:,}",
        )
        for (kind, level, standing, category, status, error, *said), n in sums.head(_ROWS).items()
    ]  # fmt: skip
    return blocks.block(
        blocks.paragraph(
            "A rejected claim was never decided: it is not a denial, cannot be appealed, "
            "and is not counted in any figure above. Fix it and resend it within the filing limit."
        ),
        blocks.table(
            ("File", "Level", "Standing", "Codes", "In our words", "Count"),
            rows,
            caption="Statuses and errors before adjudication, most frequent first",
            right=(5,),
        ),
    )


# --- what the blocks are made of -----------------------------------------------------------------


def _months(found: Exploration, only: dict[str, str]) -> str:
    """Return denied dollars by month of the notice, drawn and listed, and what is not among them."""
    facts = found.page.facts
    table = tables.by_month(facts, _MONTHS, only).set_index("month")
    if len(table):  # a month without a denial is a month, too
        every = pd.date_range(table.index.min(), pd.Timestamp(facts.month), freq="MS", name="month")
        table = table.reindex(every, fill_value=0)
    table = table.reset_index()
    sums = tables.sums_of(facts, only)
    rest = int(sums.denials - table["denials"].sum())
    note = (
        f"{words.count(rest, 'denial')} of other months, of the month that is not over, or without a day of "
        "notice are not among them."
        if rest
        else ""
    )
    chart = ""
    if len(table) > 1:
        top = table.loc[table["cents"].idxmax()]
        alt = (
            f"Columns of denied dollars by month of the notice, up to {facts.month:%B %Y}. The largest is "
            f"{top.month:%B %Y} with {words.dollars(int(top.cents))} in "
            f"{words.count(int(top.denials), 'denial')}."
        )
        chart = charts.months(table, alt, compared=(pd.Timestamp(facts.month),))
    rows = [
        (f"{r.month:%B %Y}", f"{r.denials:,}", words.dollars(int(r.cents)))
        for r in table.itertuples()
    ]
    listed = blocks.table(
        ("Month", "Denials", "Denied dollars"), rows, right=(1, 2), kind="narrow",
        caption="By month of the notice",
    )  # fmt: skip
    return chart + (listed if rows else "") + (blocks.paragraph(note, "note") if note else "")


def _cut(found: Exploration, column: str, title: str) -> blocks.Block:
    """Return the metrics of each group, the same as in the reports, with their dollars drawn."""
    facts = found.page.facts
    columns = _BY_ROUTE if column == "route" else _COLUMNS
    groups = tables.by_group(facts, column, columns, of="denials", top=_ROWS)
    name = str if column == "payer_name" else words.group
    named = [(name(group), row) for group, row in groups]
    shares = [(group, row[1].value or 0, row[0].value or 0) for group, row in named]
    chart = ""
    if len(shares) > 1:
        labels = [
            f"{words.short_dollars(int(cents))} in {words.count(int(n), 'denial')}"
            for _, cents, n in shares
        ]
        alt = (
            f"Bars of denied dollars by {title.lower()}, {words.count(len(shares), 'bar')}. The first is "
            f"{shares[0][0]} with {labels[0]}."
        )
        chart = charts.bars(
            [group if len(group) <= 44 else f"{group[:43]}…" for group, _, _ in shares],
            [int(cents) for _, cents, _ in shares], labels, alt,
        )  # fmt: skip
    return blocks.block(
        chart,
        blocks.table(
            (title, *(words.short_name(one) for one in columns)),
            [(group, *(words.marked(m) for m in row)) for group, row in named],
            caption=f"By {title.lower()}, most denied dollars first; {words.SMALL}",
            right=tuple(range(1, len(columns) + 1)),
            total=("All", *(words.marked(m) for m in facts.measure(columns)[None])),
        ),
    )  # fmt: skip


def _summed(
    sums: pd.DataFrame,
    column: str,
    title: str,
    caption: str,
    *,
    whole: pd.DataFrame | None = None,
    also: str = "",
) -> blocks.Block:
    """Return a table of sums by a column; `whole` is what its last row adds up."""
    every = sums if whole is None else whole
    total = int(every["denied"].sum())
    rows = [
        (
            str(getattr(r, column)), *([str(getattr(r, also))] if also else []), f"{r.denials:,}",
            words.amount(r.denied, r.denials, r.unstated),
            words.percent(r.denied / total) if total else "",
        )
        for r in sums.itertuples()
    ]  # fmt: skip
    all_ = every[["denials", "denied", "unstated"]].sum()
    beside = [also.capitalize()] if also else []
    return blocks.block(
        blocks.table(
            (title, *beside, "Denials", "Denied dollars", "Share of dollars"), rows, caption=caption,
            right=tuple(range(1 + len(beside), 4 + len(beside))), kind="narrow",
            total=("All", *("" for _ in beside), f"{all_.denials:,}",
                   words.amount(all_.denied, all_.denials, all_.unstated), ""),
        )
    )  # fmt: skip


def _value(found: Exploration, name: str, value: str) -> str:
    """Return the value of the facts that is meant: as it is, or as the blocks show it."""
    known = tables.values_of(found.page.facts, name)
    alike = [one for one in known if value in (one, _shown(found, name, one))]
    if len(alike) != 1:
        some = ", ".join(_shown(found, name, one) for one in known[:_ROWS])
        more = f", and {len(known) - _ROWS} more" if len(known) > _ROWS else ""
        raise UsageError(f"no denial has this {name}; there are: {some}{more}")
    return alike[0]


def _shown(found: Exploration, name: str, value: str) -> str:
    if name == "payer":
        [shown] = found.page.facts.names("payer_name", [value])
        return shown
    if not value:
        return NOT_STATED
    if name == "due":
        return words.DUE[value]
    return words.plain(value) if name in ("category", "route") else value


def _by_sum(sums: pd.Series) -> list:
    """Return the names with most dollars first; all others are last."""
    order = sums.sort_values(ascending=False, kind="stable").index
    return [*(one for one in order if one != _OTHERS), *(one for one in order if one == _OTHERS)]


def _says(carc: str) -> str:
    entry = code("carc", carc) if carc else None
    return entry.says if entry else ""


def _message(found: Exploration) -> str:
    facts = found.page.facts
    if not facts.count():
        apart = (
            " Rejections of 277 and 999 files are kept apart below."
            if len(found.rejections)
            else ""
        )
        return f"There are no denials.{apart}"
    sums = tables.sums_of(facts)
    groups = tables.by_group(facts, "denial_category", (work.denied_dollars,), of="denials", top=1)
    top, (dollars,) = groups[0]
    share = f" ({(dollars.value or 0) / sums.denied:.0%} of the dollars)" if sums.denied else ""
    said = [
        f"{words.count(int(sums.denials), 'denial')}, "
        f"{words.amount(sums.denied, sums.denials, sums.unstated)} denied, "
        f"{words.amount(sums.cents, sums.denials, sums.unknown)} still at stake.",
        f"The largest category is {words.group(top).lower()} with {words.value(dollars)}{share}.",
    ]
    if len(found.looks):
        said.append(
            f"{words.count(len(found.looks), 'denial')} hold something that does not fit together."
        )
    if len(found.rejections):
        said.append("Rejections of 277 and 999 files are kept apart below.")
    return " ".join(said)


def _nothing() -> blocks.Block:
    return blocks.block(blocks.paragraph("There are no denials.", "empty"))
