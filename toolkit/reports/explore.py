"""The blocks of the exploration: what is denied, by whom, for what, how much, and what changed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from toolkit.claims.adjudication import statuses
from toolkit.denials import categories, code
from toolkit.denials.codes import shown
from toolkit.denials.second_look import looks
from toolkit.denials.services import families, service_of
from toolkit.hospital import Hospital
from toolkit.metrics.parcel import NOT_STATED, PERSONAL, stated
from toolkit.metrics.tables import unclassified as without_category
from toolkit.reports import blocks, charts, words
from toolkit.reports.page import Page, sample_claims
from toolkit.reports.source import Source, parcel

_BARS = 12  # of a chart
_ROWS = 15  # of a table
_MONTHS = 24  # of a chart by month
_NO_FAMILY = "No family on file"
_BANDS = ((0, "Under $100"), (100_00, "$100 to $999"), (1_000_00, "$1,000 to $9,999"),
          (10_000_00, "$10,000 to $99,999"), (100_000_00, "$100,000 and more"))  # fmt: skip


@dataclass(frozen=True, eq=False)
class Exploration:
    """One source's denials with their month and service family; no column may identify a patient.

    `denials`: one row per denial of the worklist. `decided`: claims decided, by month. `rejections`:
    statuses of 277 and 999 files, kept apart.
    """

    page: Page
    denials: pd.DataFrame
    decided: pd.DataFrame
    claims: int
    rejections: pd.DataFrame


def open_exploration(
    source: str, *, as_of: str, hospital: Hospital, store: Path | str | None = None
) -> Exploration:
    """Return the exploration of a source: "sample", a file, or a folder of exports and remittances.

    `as_of` is an ISO date; `store` the case store (default: local/cases.sqlite). The sample has its own hospital: no payer in it is real.
    """
    from toolkit.cases import one_history, recorded_at
    from toolkit.claims import read
    from toolkit.hospital import sample_hospital
    from toolkit.hospital.places import local_folder
    from toolkit.worklist.triage import triage

    day = date.fromisoformat(as_of)
    synthetic = source == "sample"
    recorded = () if synthetic else recorded_at(store or local_folder() / "cases.sqlite")
    if synthetic:
        claims, hospital = sample_claims(day), sample_hospital()
    else:
        claims = read(Path(source))
    claims = one_history(claims, hospital=hospital, recorded=recorded, as_of=day)
    worklist = triage(claims, as_of=day, hospital=hospital)
    note = "A small sample made for this notebook." if synthetic else ""
    given = parcel(Source.of(source, claims, worklist, day, note, synthetic=synthetic))
    page = Page(given, "sample" if synthetic else Path(source).name, "payer", by_hand=True)
    return Exploration(
        page,
        _with_months(worklist.drop(columns=[c for c in worklist if c in PERSONAL]), claims),
        _decided(claims),
        len(claims.claims),
        claims.rejections,
    )


def about(found: Exploration) -> blocks.Block:
    """Return what is explored: its files, size, and the message in one paragraph."""
    return blocks.block(
        found.page.about("Explore denials"),
        blocks.paragraph(_message(found), "lead"),
    )


def what(found: Exploration) -> blocks.Block:
    """Return what is denied: dollars by category, and the codes that make most of them."""
    if found.denials.empty:
        return _nothing()
    names = {c.id: c.name for c in categories()}
    sums = _sums(found.denials, found.denials["denial_category"].map(names))
    by_code = _sums(found.denials, _codes(found.denials)).head(_ROWS)
    return blocks.block(
        _chart(sums, "category", "denied dollars by category"),
        _table(sums, "Category", "Denials by category, most dollars first", found),
        blocks.heading("Codes"),
        blocks.table(
            ("Code", "In our words", "Denials", "Dollars"),
            [
                (name, _says(name), f"{row.denials:,}", _amount(row))
                for name, row in by_code.iterrows()
            ],
            caption=f"The {len(by_code)} primary codes with most dollars",
            right=(2, 3),
        ),
    )


def payers(found: Exploration) -> blocks.Block:
    """Return by whom: dollars by payer, with each payer's largest category."""
    if found.denials.empty:
        return _nothing()
    payer = stated(found.denials["payer_name"])
    sums = _sums(found.denials, payer)
    names = {c.id: c.name for c in categories()}
    pairs = found.denials.assign(payer=payer).groupby(["payer", "denial_category"])["denied_cents"]
    most = pairs.sum().fillna(0).astype("int64").sort_values(ascending=False).reset_index()
    most = most.drop_duplicates("payer").set_index("payer")["denial_category"].map(names)
    return blocks.block(
        _chart(sums, "payer", "denied dollars by payer"),
        _table(
            sums,
            "Payer",
            "Denials by payer, most dollars first",
            found,
            more=("Largest category", lambda name: most.get(name, "")),
        ),
    )


def services(found: Exploration) -> blocks.Block:
    """Return for what: dollars by family of services, and the procedure codes that make most."""
    if found.denials.empty:
        return _nothing()
    titles = {name: one.title for name, one in families().items()}
    family = found.denials["service"].map(titles).fillna(_NO_FAMILY)
    sums = _sums(found.denials, family)
    named = sums.drop(index=_NO_FAMILY, errors="ignore")
    by_code = _sums(found.denials, stated(found.denials["procedure_code"]))
    by_code = by_code.drop(index=NOT_STATED, errors="ignore").head(_ROWS)
    return blocks.block(
        _chart(named, "family", "denied dollars by family of services"),
        _table(sums, "Family", "Denials by family of services, most dollars first", found),
        blocks.heading("Procedure codes"),
        blocks.table(
            ("Procedure", "Family", "Denials", "Dollars"),
            [
                (name, titles.get(service_of(name), ""), f"{r.denials:,}", _amount(r))
                for name, r in by_code.iterrows()
            ],
            caption=f"The {len(by_code)} procedure codes with most dollars",
            right=(2, 3),
            kind="narrow",
        )
        if len(by_code)
        else "",
    )


def amounts(found: Exploration) -> blocks.Block:
    """Return how much: denials and dollars by size, and by what to do about them."""
    if found.denials.empty:
        return _nothing()
    cents = found.denials["denied_cents"]
    edges = [low for low, _ in _BANDS]
    band = pd.Series(pd.NA, index=cents.index, dtype="object")
    for low, name in zip(edges, (name for _, name in _BANDS), strict=True):
        band = band.mask(cents.ge(low).fillna(False), name)
    by_size = _sums(found.denials, band.fillna("Amount not stated"))
    order = [name for _, name in _BANDS] + ["Amount not stated"]
    by_size = by_size.reindex([name for name in order if name in by_size.index])
    by_route = _sums(found.denials, found.denials["route"].map(words.plain))
    return blocks.block(
        blocks.paragraph(_few(cents)),
        _table(by_size, "Denied on the line", "Denials by size", found),
        blocks.heading("What to do about them"),
        _chart(by_route, "route", "denied dollars by route"),
        _table(by_route, "Route", "Denials by what to do first", found),
    )


def changes(found: Exploration) -> blocks.Block:
    """Return what changed: dollars by month, and the last two whole months side by side."""
    table = by_month(found)
    if table.empty:
        return blocks.block(blocks.paragraph("No denial has the date of its notice.", "empty"))
    compared = whole_months(found)
    drawn = table.tail(_MONTHS)
    chart = ""
    if drawn["denials"].gt(0).sum() > 1:  # one column alone compares nothing
        peak = drawn.loc[drawn["cents"].idxmax()]
        chart = charts.months(
            drawn,
            f"Columns of denied dollars by month of the notice, {words.count(len(drawn), 'month')} to "
            f"{_month(drawn['month'].iloc[-1])}. The largest is {_month(peak.month)} with "
            f"{words.short_dollars(int(peak.cents))}.",
            compared=compared,
        )
    early = table.iloc[: -len(drawn)]
    if chart and early["denials"].any():
        said = (
            f"Not drawn: {words.count(int(early['denials'].sum()), 'denial')} "
            f"({_amount(early.drop(columns='month').sum())}) of earlier months."
        )
        chart += blocks.paragraph(said, "note")
    listed = table[table["denials"].gt(0) | table["decided"].gt(0)].tail(_MONTHS)
    # An export of denials alone holds no claim that was paid: a share of it would be no rate.
    only_denied = bool((table["claims"] == table["decided"]).all())
    months = blocks.table(
        ("Month", "Denials", "Dollars", "Claims on file", "Of them with a denial"),
        [
            (
                _month(r.month), f"{r.denials:,}", _amount(r), f"{r.decided:,}",
                f"{r.claims:,}"
                + (f" ({r.claims / r.decided:.1%})" if r.decided and not only_denied else ""),
            )
            for r in listed.itertuples()
        ],
        caption="By month of the notice, where there is one",
        right=(1, 2, 3, 4),
    )  # fmt: skip
    if only_denied:
        said = "Every claim in these files has a denial, so they give no denial rate."
        months += blocks.paragraph(said, "note")
    if len(compared) < 2:
        said = "There are not two whole months to compare yet."
        return blocks.block(chart, months, blocks.paragraph(said, "empty"))
    names = {c.id: c.name for c in categories()}
    parts = [
        _change(
            found, compared, found.denials["denial_category"].map(names), "Category", drawn=True
        ),
        _change(found, compared, stated(found.denials["payer_name"]), "Payer"),
        _change(found, compared, _codes(found.denials), "Code"),
    ]
    head = f"{_month(compared[1])} against {_month(compared[0])}"
    return blocks.block(chart, months, blocks.heading(head), *parts)


def second_looks(found: Exploration) -> blocks.Block:
    """Return what does not fit together, with the ways on and what their clocks burn."""
    said = found.denials.loc[found.denials["second_look"].ne(""), ["second_look", "denied_cents"]]
    if said.empty:
        return blocks.block(
            blocks.paragraph("Nothing in these denials contradicts itself.", "empty")
        )
    each = said.assign(look=said["second_look"].str.split(" ")).explode("look")
    sums = _sums(each, each["look"])
    rows = [
        (
            looks()[name].says,
            "; ".join(
                f"{words.plain(way.route)}: {way.says} (burns: {way.burns})"
                for way in looks()[name].routes
            ),
            ", ".join(looks()[name].columns),
            f"{row.denials:,}",
            _amount(row),
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
    table = without_category(found.page.facts)
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


# --- what the blocks rest on ---------------------------------------------------------------------


def by_month(found: Exploration) -> pd.DataFrame:
    """Return one row per month of notice, none left out: denials, cents, unknown, claims, decided.

    `unknown` counts the denials that state no amount, `claims` those with a denial of `decided`.
    """
    dated = found.denials[found.denials["month"].notna()]
    sums = dated.groupby("month").agg(
        denials=("denied_cents", "size"),
        cents=("denied_cents", "sum"),
        unknown=("denied_cents", lambda cents: cents.isna().sum()),
        claims=("claim_key", "nunique"),
    )
    if sums.empty:
        return sums.assign(decided=0).reset_index()
    sums = sums.reindex(pd.date_range(sums.index.min(), sums.index.max(), freq="MS", name="month"))
    decided = found.decided.set_index("month")["claims"]
    sums["decided"] = decided.reindex(sums.index)
    return sums.fillna(0).astype("int64").reset_index()


def whole_months(found: Exploration) -> tuple[pd.Timestamp, ...]:
    """Return the last two months that are over on the day of the exploration, neighbors, oldest first.

    Empty where the files do not hold both.
    """
    held = set(found.denials["month"].dropna())
    current = pd.Timestamp(found.page.facts.as_of).to_period("M").to_timestamp()
    over = sorted(month for month in held if month < current)
    if not over or (before := over[-1] - pd.DateOffset(months=1)) not in held:
        return ()
    return before, over[-1]


def _with_months(worklist: pd.DataFrame, claims) -> pd.DataFrame:
    from toolkit.worklist.keys import ask

    # The first notice of the denial: the worklist's own date moves on with each decision.
    facts = claims.claims.drop_duplicates("claim_key").set_index("claim_key")
    first = facts["notice_date"].fillna(facts["remittance_date"])
    day = first.reindex(worklist["claim_key"]).set_axis(worklist.index)
    month = day.dt.to_period("M").dt.to_timestamp()
    revenue = claims.claim_lines.drop_duplicates("line_key").set_index("line_key")["revenue_code"]
    asked = worklist[["procedure_code"]].assign(
        revenue_code=revenue.reindex(worklist["line_key"]).set_axis(worklist.index)
    )
    service = ask(
        asked,
        ["procedure_code", "revenue_code"],
        lambda procedure_code, revenue_code: {"service": service_of(procedure_code, revenue_code)},
    )
    return worklist.assign(month=month, service=service["service"])


def _decided(claims) -> pd.DataFrame:
    reversal = claims.claims["is_reversal"].fillna(False).astype(bool)
    held = claims.claims[~reversal & statuses(claims.claims["claim_status"]).decided]
    day = held["notice_date"].fillna(held["remittance_date"])
    month = day.dt.to_period("M").dt.to_timestamp().rename("month")
    return held.groupby(month)["claim_key"].nunique().rename("claims").reset_index()


def _sums(denials: pd.DataFrame, by: pd.Series) -> pd.DataFrame:
    """Return denials, cents, and unknown (denials that state no amount) by group, largest first."""
    grouped = denials["denied_cents"].groupby(by)
    sums = pd.DataFrame({"denials": grouped.size(), "cents": grouped.sum()}).astype("int64")
    sums["unknown"] = denials["denied_cents"].isna().groupby(by).sum().astype("int64")
    return sums.sort_values(["cents", "denials"], ascending=False, kind="stable")


def _amount(sums: Any) -> str:
    return words.amount(int(sums.cents), int(sums.denials), int(sums.unknown))


def _codes(denials: pd.DataFrame) -> pd.Series:
    both = _masked(denials, "group_code") + "-" + _masked(denials, "carc")
    return both.str.strip("-").replace("", "no code")


def _masked(denials: pd.DataFrame, of: str) -> pd.Series:
    """Return a column of codes; what does not have a code's form may be any text and is `?`."""
    known = {code: shown(of, code) for code in denials[of].dropna().unique()}
    return denials[of].map(known).astype("str").fillna("")


def _says(name: str) -> str:
    entry = code("carc", name)
    return entry.says if entry else ""


def _short(sums: Any) -> str:
    return "no amount" if sums.unknown == sums.denials else words.short_dollars(int(sums.cents))


def _chart(sums: pd.DataFrame, noun: str, title: str) -> str:
    shown = sums.head(_BARS)
    if len(shown) < 2:  # one bar alone compares nothing; the table says it
        return ""
    labels = [f"{_short(r)} in {words.count(int(r.denials), 'denial')}" for r in shown.itertuples()]
    plural = {"category": "categories", "family": "families"}.get(noun, f"{noun}s")
    of = f"the {len(shown)} largest of {len(sums)} {plural}" if len(sums) > len(shown) else (
        f"all {len(sums)} {plural}")  # fmt: skip
    alt = f"Bars of {title}, {of}. The largest is {shown.index[0]} with {labels[0]}."
    names = [name if len(name) <= 44 else f"{name[:43]}…" for name in shown.index]
    return charts.bars(names, [int(c) for c in shown["cents"]], labels, alt)


def _table(
    sums: pd.DataFrame,
    heading: str,
    caption: str,
    found: Exploration,
    *,
    more: tuple[str, Callable[[str], str]] | None = None,
) -> str:
    total = int(sums["cents"].sum())
    headings = [heading, "Denials", "Dollars", "Share of dollars", *([more[0]] if more else [])]
    shown = sums.head(_ROWS * 2)
    rows = [
        (
            str(name), f"{r.denials:,}", _amount(r),
            words.percent(r.cents / total) if total else "",
            *([more[1](name)] if more else []),
        )
        for name, r in shown.iterrows()
    ]  # fmt: skip
    if len(shown) < len(sums):
        caption += f", the first {len(shown)} of {len(sums)}"
    foot = ("All", f"{sums['denials'].sum():,}", _amount(sums.sum()), "", *([""] if more else []))
    return blocks.table(headings, rows, caption=caption, right=(1, 2, 3), total=foot, kind="narrow")


def _change(
    found: Exploration,
    compared: Sequence[pd.Timestamp],
    by: pd.Series,
    heading: str,
    *,
    drawn: bool = False,
) -> str:
    before, after = (
        _sums(found.denials[found.denials["month"].eq(month)], by) for month in compared
    )
    both = before.add_suffix("_before").join(after.add_suffix("_after"), how="outer").fillna(0)
    both = both.astype("int64")
    both["change"] = both["cents_after"] - both["cents_before"]
    both = both.reindex(both["change"].abs().sort_values(ascending=False, kind="stable").index)
    shown = both[both["change"].ne(0)].head(_BARS)
    if shown.empty:
        return blocks.paragraph(f"{heading}: nothing changed.", "empty")
    rows = [
        (
            str(name), f"{r.denials_before:,}", f"{r.denials_after:,}",
            words.amount(r.cents_before, r.denials_before, r.unknown_before),
            words.amount(r.cents_after, r.denials_after, r.unknown_after), f"{'+' if r.change > 0 else ''}{words.dollars(r.change)}",
        )
        for name, r in shown.iterrows()
    ]  # fmt: skip
    early, late = (_month(month) for month in compared)
    short = [f"{month:%b %Y}" for month in compared]
    chart = ""
    if drawn and len(shown) > 1:
        first = shown.iloc[0]
        alt = (
            f"Bars of the change in denied dollars from {early} to {late} by {heading.lower()}. The "
            f"largest is {shown.index[0]}, {'up' if first.change > 0 else 'down'} by "
            f"{words.short_dollars(abs(int(first.change)))}."
        )
        chart = charts.changes(list(shown.index), [int(c) for c in shown["change"]], alt)
    return chart + blocks.table(
        (
            heading,
            f"Denials {short[0]}",
            f"Denials {short[1]}",
            f"Dollars {short[0]}",
            f"Dollars {short[1]}",
            "Change",
        ),
        rows,
        caption=f"Largest changes by {heading.lower()}",
        right=(1, 2, 3, 4, 5),
    )


def _message(found: Exploration) -> str:
    denials = found.denials
    if denials.empty:
        return "There are no denials."
    total = int(denials["denied_cents"].sum())
    whole = words.amount(total, len(denials), int(denials["denied_cents"].isna().sum()))
    names = {c.id: c.name for c in categories()}
    top = _sums(denials, denials["denial_category"].map(names)).iloc[0]
    said = [
        f"{words.count(len(denials), 'denial')} on {words.count(denials['claim_key'].nunique(), 'claim')} "
        f"of {found.claims:,} on file, {whole} in all.",
        f"The largest category is {top.name.lower()} with {_amount(top)}"
        + (f" ({top.cents / total:.0%} of the dollars)." if total else "."),
    ]
    odd = int(denials["second_look"].ne("").sum())
    if odd:
        said.append(f"{words.count(odd, 'denial')} hold something that does not fit together.")
    if len(found.rejections):
        said.append("Rejections of 277 and 999 files are kept apart below.")
    return " ".join(said)


def _few(cents: pd.Series) -> str:
    known = cents.dropna().astype("int64").sort_values(ascending=False)
    total = int(known.sum())
    if not total:
        return "No amount is known."
    tenth = max(len(known) // 10, 1)
    share = known.head(tenth).sum() / total
    middle = int(known.median())
    return (
        f"Half of the denials are of {words.dollars(middle)} or less; the largest tenth "
        f"({words.count(tenth, 'denial')}) holds {share:.0%} of the dollars."
    )


def _month(month: pd.Timestamp) -> str:
    return f"{month:%B %Y}"


def _nothing() -> blocks.Block:
    return blocks.block(blocks.paragraph("There are no denials.", "empty"))
