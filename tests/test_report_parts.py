"""Reports of parts: any partition of the claims gives the numbers, words and rows of the whole."""

import pickle
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reports_sources import AS_OF, SENTINEL, source

from toolkit.claims.tables import TABLES, Claims, conform
from toolkit.errors import UsageError
from toolkit.hospital import Hospital
from toolkit.metrics import add_up, appeals, open_ledger, outcomes, tables, work
from toolkit.metrics.ledger import PERSONAL
from toolkit.metrics.metric import day_reached, days_by_which
from toolkit.reports import Source, kinds, overdue, part_of, rows, workbook
from toolkit.reports import outcomes as outcome_blocks
from toolkit.reports.page import Page, sample_claims
from toolkit.reports.parcel import pack, parcel, unpack
from toolkit.worklist.triage import triage

UNKNOWN = Hospital.unknown()

DAY = date(2026, 11, 1)
LISTS = ("urgent", "worklist", "appeals", "found")


@pytest.fixture(scope="module")
def whole():
    """A sample's claims and worklist, with blank names, unknown amounts and findings."""
    claims = sample_claims(DAY)
    worklist = triage(claims, as_of=DAY, hospital=UNKNOWN)
    every = np.arange(len(worklist))
    holes = {
        "denied_cents": worklist["denied_cents"].mask(every % 11 == 0),
        "payer_name": worklist["payer_name"].mask(every % 7 == 0).mask(every % 13 == 0, ""),
        "denial_category": worklist["denial_category"].mask(every % 17 == 0, "unclassified"),
    }
    events = claims.appeal_events
    other = events.iloc[::5].assign(
        filed_on=events["filed_on"].iloc[::5] + pd.Timedelta(days=9), outcome=None
    )
    findings = pd.DataFrame(
        {
            "file": "sample.csv",
            "file_id": "ab12cd34",
            "row": [*range(2, 60), None, None],
            "column": ["service_from", None] * 30,
            "code": ["not_a_date", "no_units", "no_units"] * 20,
            "says": ["not a date: write 2026-03-02", "no units", "no units on file"] * 20,
        }
    )
    return (
        replace(
            claims,
            appeal_events=conform(pd.concat([events, other]), "appeal_events"),
            findings=conform(findings, "findings"),
        ),
        worklist.assign(**holes),
    )


def parted(claims: Claims, worklist: pd.DataFrame, of_claim) -> list[tuple[Claims, pd.DataFrame]]:
    """Return the parts: claim number n goes to part `of_claim[n]`, files and findings to part 0."""
    keys = claims.claims["claim_key"].drop_duplicates()
    part = pd.Series(np.resize(of_claim, len(keys)), index=keys.to_numpy())
    found = []
    for number in sorted({0, *part}):
        held = {}
        for name in TABLES:
            table = getattr(claims, name)
            mine = table["claim_key"].map(part).eq(number) if "claim_key" in table else number == 0
            held[name] = table[np.broadcast_to(mine, len(table))].reset_index(drop=True)
        mine = worklist["claim_key"].map(part).eq(number)
        found.append((Claims(**held), worklist[mine].reset_index(drop=True)))
    return found


def same(one, other) -> bool:
    for name, table in one.tables.items():
        pd.testing.assert_frame_equal(table, other.tables[name])
    return one.distinct == other.distinct and one.as_of == other.as_of


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_ledgers_of_any_partition_add_up_to_that_of_the_whole_in_any_order(whole, of_claim, turn):
    parts = [open_ledger(*part, as_of=DAY) for part in parted(*whole, of_claim)]
    turn.shuffle(parts)
    total = add_up(parts)
    assert same(total, open_ledger(*whole, as_of=DAY))
    assert same(parts[0].added(parts[1:]), total)
    assert same(add_up([add_up(parts[1:] or parts), *parts[: len(parts) > 1]]), total)


def test_more_ledgers_than_are_held_at_a_time_add_up():
    one = source(rows=60)
    parts = [
        open_ledger(*part, as_of=AS_OF) for part in parted(one.claims, one.worklist, range(50))
    ]
    assert len(parts) == 50
    assert same(add_up(iter(parts)), open_ledger(one.claims, one.worklist, as_of=AS_OF))


def test_parts_of_any_partition_list_the_rows_that_the_whole_lists(whole):
    for most, number in ((7, 3), (90, 18), (10_000, 2)):
        all_ = part_of(*whole, as_of=DAY, most=most)
        of_claim = np.random.default_rng(most).integers(0, number, 1000)
        parts = [part_of(*part, as_of=DAY, most=most) for part in parted(*whole, of_claim)]
        np.random.default_rng(most).shuffle(parts)
        # Sent from process to process on the way, the sum too.
        sent = (pickle.loads(pickle.dumps(part)) for part in parts)
        total = pickle.loads(pickle.dumps(Source.of_parts("sum", sent, as_of=DAY).part))
        assert same(total.ledger, all_.ledger)
        for name in LISTS:
            pd.testing.assert_frame_equal(
                rows.frame(getattr(total, name)), rows.frame(getattr(all_, name))
            )
        pd.testing.assert_frame_equal(total.findings, all_.findings)
        pd.testing.assert_frame_equal(total.files, all_.files)


def test_the_rows_listed_are_the_first_by_urgency_then_dollars_then_date(whole):
    _, worklist = whole
    listed = rows.frame(part_of(*whole, as_of=DAY).worklist)
    open_ = worklist[worklist["due"].isin(tables.OPEN)]
    urgency = open_["due"].map({state: n for n, state in enumerate(tables.OPEN)})
    order = open_.assign(urgency=urgency).sort_values(
        ["urgency", "denied_cents", "file_by", "denial_key"], ascending=[True, False, True, True]
    )
    assert listed["denial_key"].tolist() == order["denial_key"].tolist()
    urgent = rows.frame(part_of(*whole, as_of=DAY).urgent)
    for state in tables.URGENT:
        wanted = order.loc[order["due"] == state, "denial_key"].tolist()[:40]
        assert urgent.loc[urgent["due"] == state, "denial_key"].tolist() == wanted


def test_every_block_of_the_page_reads_the_same_from_parts(whole, tmp_path):
    of_claim = np.random.default_rng(5).integers(0, 6, 1000)
    parts = [part_of(*part, as_of=DAY) for part in parted(*whole, of_claim)]
    shown = []
    for number, one in enumerate(
        (
            Source.of("sample", *whole, as_of=DAY),
            Source.of_parts("sample", parts, as_of=DAY),
        )
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        pack(parcel(one.part, note="", synthetic=True), folder)
        page = Page(unpack(folder, as_of=DAY), one.name, "payer", by_hand=False)
        blocks = [page.about("Report"), page.findings(), page.reconciliation()]
        for module, names in (
            (overdue, ("summary", "cases", "groups", "gaps", "no_right", "unclassified")),
            (outcome_blocks, ("summary", "groups", "days", "gaps")),
        ):
            blocks += [getattr(module, name)(page) for name in names]
            blocks.append(page.definitions(module.METRICS))
        shown.append(blocks)
    assert shown[0] == shown[1]


def test_a_metric_of_the_ledger_is_that_of_the_rows(whole):
    claims, worklist = whole
    book, disputes = open_ledger(*whole, as_of=DAY), appeals(*whole)
    for state, measure, dollars in (
        ("overdue", work.overdue, work.overdue_dollars),
        ("no_date", work.no_date, work.no_date_dollars),
    ):
        held = worklist[worklist["due"] == state]
        assert measure(book).value == len(held)
        found = dollars(book)
        assert found.value == held["denied_cents"].sum()
        assert found.left_out == held["denied_cents"].isna().sum() > 0
    blank = worklist["payer_name"].fillna("") == ""
    cut = book.where("payer_name", "(not stated)")
    assert work.denials(cut).value == blank.sum() > 0
    assert work.denied_dollars(cut).value == worklist.loc[blank, "denied_cents"].sum()
    assert outcomes.appeals_filed(book).value == len(disputes) == len(claims.appeal_events)
    took = (disputes["decided_on"] - disputes["filed_on"]).dt.days[disputes["decided_on"].notna()]
    waits = disputes["outcome"].isna() & disputes["decided_on"].isna()
    waited = (pd.Timestamp(DAY) - disputes.loc[waits, "filed_on"]).dt.days
    for share, measure in (
        (0.5, outcomes.days_to_decision),
        (0.9, outcomes.days_to_decision_p90),
    ):
        metric = measure(book)
        assert metric.value == days_by_which(share, took[took >= 0], waited[waited >= 0])
        assert metric.n == (took >= 0).sum() > 0
        assert metric.left_out == (~(took >= 0)).sum()
        assert metric.censored == (waited >= 0).sum() > 0


@given(
    st.lists(st.integers(0, 40), max_size=30),
    st.lists(st.integers(0, 40), max_size=30),
    st.sampled_from([0.1, 0.5, 0.9, 1.0]),
)
@settings(deadline=None)
def test_days_that_are_counted_give_the_days_of_the_rows(done, waiting, share):
    open_, reached = 1.0, None
    for day in sorted(set(done)):
        at_risk = sum(n >= day for n in done + waiting)
        open_ *= 1 - done.count(day) / at_risk
        if open_ <= 1 - share + 1e-12:
            reached = day
            break
    counts = [pd.Series(days, dtype="int64").value_counts() for days in (done, waiting)]
    assert day_reached(share, *counts) == reached
    # Counts of two parts, one below the other.
    halves = [pd.concat([c, c]) for c in counts]
    assert day_reached(share, *halves) == reached


def test_no_part_of_a_parcel_holds_what_may_identify_a_patient(tmp_path):
    one = source(rows=120)
    pack(one.parcel, tmp_path)
    written = sorted(tmp_path.glob("*.parquet"))
    assert len(written) == 15
    for path in written:
        table = pd.read_parquet(path)
        assert not PERSONAL & set(table.columns), path.name
        assert SENTINEL not in table.to_csv(), path.name
    assert SENTINEL not in (tmp_path / "about.json").read_text("utf-8")


def test_a_ledger_is_cut_once_and_by_a_column_of_the_reports():
    book = source(rows=30).source.part.ledger
    with pytest.raises(ValueError, match="payer_name, facility, program, level, denial_category"):
        book.where("patient_control_number", "1")
    cut = book.where("facility", "Main campus")
    with pytest.raises(KeyError):
        cut.where("payer_name", "Northwind Health")
    with pytest.raises(KeyError):
        tables.gaps(cut)


def test_ledgers_of_two_days_do_not_add_up():
    one = source(rows=20)
    books = [open_ledger(one.claims, one.worklist, as_of=AS_OF + timedelta(days=n)) for n in (0, 1)]
    with pytest.raises(ValueError, match="different days"):
        add_up(books)
    with pytest.raises(ValueError, match="no ledger"):
        add_up([])
    part = part_of(one.claims, one.worklist, as_of=AS_OF)
    with pytest.raises(UsageError, match="two days: a part of it is seen on another day"):
        Source.of_parts("two days", [part], as_of=AS_OF + timedelta(days=1))


def test_a_source_of_no_part_holds_nothing_and_its_numbers_agree():
    nothing = Source.of_parts("nothing", [], as_of=AS_OF)
    assert work.denials(nothing.part.ledger).value == 0
    page = Page(parcel(nothing.part, note="", synthetic=False), "nothing", "payer", by_hand=False)
    assert "there are no denials" in overdue.summary(page)
    assert "holds" in page.reconciliation()


def test_what_is_read_of_one_file_in_several_parts_adds_up():
    one = source(rows=30)
    parts = [part_of(one.claims, one.worklist.iloc[:0], as_of=AS_OF) for _ in range(3)]
    files = Source.of_parts("file", parts, as_of=AS_OF).part.files
    assert files["rows_read"].tolist() == [90]
    assert files["transactions"].isna().all()


def test_a_list_that_is_cut_says_how_many_there_are_in_all(whole, tmp_path):
    part = part_of(*whole, as_of=DAY, most=20)
    seen = parcel(part, note="", synthetic=True)
    many = part.ledger.count(*tables.OPEN)
    path = tmp_path / "book.xlsx"
    said = {}
    for kind in ("overdue", "outcomes"):
        workbook.write(
            path, kind=kinds.kinds()[kind], part=part, given=seen, name="sample", by="payer"
        )
        book = openpyxl.load_workbook(path)
        said |= {
            sheet.title: [row[0].value for row in sheet.iter_rows(max_row=2)] for sheet in book
        }
        sizes = {sheet.title: sheet.max_row for sheet in book}
    assert said["Worklist"][1] == (
        f"The first 20 of {many:,} open denials by urgency; toolkit worklist writes all of them."
    )
    assert said["Appeals"][1] == f"The latest 20 of {part.ledger.filed:,} appeals."
    assert said["Findings"][0] == "The first 20 of 60 findings."
    assert sizes["Appeals"] == 23 and sizes["Findings"] == 22
    page = Page(seen, "sample", "payer", by_hand=False)
    assert "60 findings in 1 file." in page.findings()
    assert "The workbook lists the first 20." in page.findings()


def test_a_state_with_more_denials_than_the_page_shows_says_where_the_others_are():
    one = source(rows=900)
    late = one.source.part.ledger.count("overdue")
    assert late > 40
    for most, has in ((20, "the first 20 open denials by urgency"), (10_000, "all")):
        part = part_of(one.claims, one.worklist, as_of=AS_OF, most=most)
        page = Page(parcel(part, note="", synthetic=True), "sample", "payer", by_hand=False)
        said = f"40 of {late:,} rows, the workbook has {has}; the last row adds up all"
        assert said in overdue.cases(page)


def test_a_sum_keeps_no_text_of_a_row_that_it_no_longer_lists(whole):
    parts = [part_of(*part, as_of=DAY, most=5) for part in parted(*whole, range(8))]
    total = Source.of_parts("sum", parts, as_of=DAY).part
    assert len(total.worklist) == len(total.appeals) == 5
    for listed in (total.worklist, total.appeals):
        for column in listed.itercolumns():
            if pa.types.is_dictionary(column.type):
                assert len(column.combine_chunks().dictionary) <= 5
