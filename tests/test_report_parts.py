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
from reports_sources import AS_OF, BLOCKS, SENTINEL, source

from toolkit.claims.tables import TABLES, Claims, conform
from toolkit.errors import UsageError
from toolkit.history import seen_on
from toolkit.hospital import Hospital
from toolkit.metrics import Facts, facts_of, measures, open_facts, outcomes, reconcile, tables, work
from toolkit.metrics.parcel import PERSONAL
from toolkit.metrics.statistics import days_by_which
from toolkit.reports import Source, kinds, overdue, part_of, workbook
from toolkit.reports import outcomes as outcome_blocks
from toolkit.reports.page import Page, sample_claims
from toolkit.reports.prepared import PREPARED, prepare
from toolkit.reports.source import frame, parcel, unpack
from toolkit.worklist.triage import triage

UNKNOWN = Hospital.unknown()

DAY = date(2026, 11, 1)
LISTS = ("urgent", "worklist", "appeals", "found")
GROUPS = ("payer_name", "facility", "program", "level", "denial_category")


@pytest.fixture(scope="module")
def whole():
    """A sample's claims and worklist, with blank names, unknown amounts and findings."""
    claims = sample_claims(DAY)
    worklist = triage(claims, as_of=DAY, hospital=UNKNOWN)
    every = np.arange(len(worklist))
    holes = {
        "denied_cents": worklist["denied_cents"].mask(every % 11 == 0),
        "payer_name": worklist["payer_name"].mask(every % 7 == 0).mask(every % 13 == 0, ""),
        "payer_id": worklist["payer_id"].mask(every % 7 == 0).mask(every % 13 == 0, ""),
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
        if number:  # each part names the files that its rows are of
            counts = claims.files.select_dtypes("number").columns
            held["files"] = claims.files.assign(**dict.fromkeys(counts, pd.NA)).astype(
                claims.files.dtypes
            )
        mine = worklist["claim_key"].map(part).eq(number)
        found.append((Claims(**held), worklist[mine].reset_index(drop=True)))
    return found


def numbers(facts: Facts) -> list:
    """Return every metric, of all and of each group, and every small table."""
    every = facts.measure(measures())[None]
    groups = [
        tables.by_group(facts, column, measures(), of=of, top=3)
        for column in GROUPS
        for of in ("denials", "appeals")
    ]
    small = [
        getattr(tables, name)(facts).to_csv()
        for name in (
            "by_due", "by_route", "by_week", "by_age", "gaps", "no_right", "unclassified",
            "citations", "outcome_gaps", "closures", "stages", "bridge", "claims_by_month",
            "inventory", "by_month", "causes", "pairs", "moved_claims",
        )
    ]  # fmt: skip
    return [every, groups, small, facts.payers, reconcile(facts)]


@pytest.fixture(scope="module")
def of_whole(whole):
    """The numbers of the whole, counted once."""
    return numbers(open_facts(*whole, as_of=DAY))


@settings(max_examples=5, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_facts_of_any_partition_give_the_numbers_of_the_whole_in_any_order(
    whole, of_whole, of_claim, turn
):
    parts = [facts_of(*part, as_of=DAY)[0] for part in parted(*whole, of_claim)]
    turn.shuffle(parts)
    assert numbers(Facts.of_parts(parts, as_of=DAY)) == of_whole


def test_claims_said_twice_in_another_order_give_the_same_numbers(whole, of_whole):
    claims, worklist = whole
    turned = {name: getattr(claims, name).iloc[::-1].reset_index(drop=True) for name in TABLES}
    back = worklist.iloc[::-1].reset_index(drop=True)
    assert numbers(open_facts(Claims(**turned), back, as_of=DAY)) == of_whole
    twice = pd.concat([claims.appeal_events] * 2, ignore_index=True)
    again = open_facts(replace(claims, appeal_events=twice), worklist, as_of=DAY)
    once = open_facts(claims, worklist, as_of=DAY)
    for measure in (outcomes.appeals_filed, outcomes.overturn_rate_decided, outcomes.appeal_rate):
        assert measure(again) == measure(once)


def test_parts_of_any_partition_list_the_rows_that_the_whole_lists(whole, of_whole):
    for most, number in ((7, 3), (90, 18), (10_000, 2)):
        all_ = Source.of("sum", *whole, DAY, most=most)
        of_claim = np.random.default_rng(most).integers(0, number, 1000)
        parts = [part_of(*part, as_of=DAY, most=most) for part in parted(*whole, of_claim)]
        np.random.default_rng(most).shuffle(parts)
        # Sent from process to process on the way, the sum too.
        sent = (pickle.loads(pickle.dumps(part)) for part in parts)
        total = pickle.loads(pickle.dumps(Source.of_parts("sum", sent, as_of=DAY)))
        assert numbers(parcel(total).facts) == of_whole
        for name in LISTS:
            pd.testing.assert_frame_equal(frame(getattr(total, name)), frame(getattr(all_, name)))
        pd.testing.assert_frame_equal(total.findings, all_.findings)
        pd.testing.assert_frame_equal(total.files, all_.files)
        assert total.told == all_.told


def test_the_rows_listed_are_appeals_first_in_each_state_then_by_dollars_at_stake_and_date(whole):
    _, worklist = whole
    one = Source.of("sum", *whole, DAY)
    stake = dict(parcel(one).facts.rows("SELECT denial_key, stake_cents FROM denials"))
    listed = frame(one.worklist)
    open_ = worklist[worklist["due"].isin(tables.OPEN)]
    order = open_.assign(
        urgency=open_["due"].map({state: n for n, state in enumerate(tables.OPEN)}),
        apart=open_["route"] != "appeal",
        stake=open_["denial_key"].map(stake),
    ).sort_values(
        ["urgency", "apart", "stake", "file_by", "denial_key"],
        ascending=[True, True, False, True, True],
    )
    assert listed["denial_key"].tolist() == order["denial_key"].tolist()
    urgent = frame(one.urgent)
    for state in tables.URGENT:
        wanted = order.loc[order["due"] == state, "denial_key"].tolist()[:40]
        assert urgent.loc[urgent["due"] == state, "denial_key"].tolist() == wanted


def test_every_block_of_the_page_reads_the_same_from_parts(whole, tmp_path):
    of_claim = np.random.default_rng(5).integers(0, 6, 1000)
    parts = [part_of(*part, as_of=DAY) for part in parted(*whole, of_claim)]
    shown = []
    for number, one in enumerate(
        (
            Source.of("sample", *whole, as_of=DAY, most=10_000),
            Source.of_parts("sample", parts, as_of=DAY),
        )
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        one.pack(folder)
        page = Page(unpack(folder), one.name, "payer", by_hand=False)
        blocks = [page.about("Report"), page.findings(), page.reconciliation()]
        prepare(folder, page.facts, PREPARED)
        blocks += [name(page) for name in BLOCKS]
        for module, kind, names in (
            (overdue, "overdue", ("summary", "states", "routes", "calendar", "cases", "groups", "gaps",
                                  "no_right", "unclassified")),
            (outcome_blocks, "outcomes", ("summary", "stages", "groups", "days", "gaps")),
        ):  # fmt: skip
            blocks += [getattr(module, name)(page) for name in names]
            blocks.append(page.definitions(kind))
        shown.append(blocks)
    assert shown[0] == shown[1]


def test_a_metric_of_the_facts_is_that_of_the_rows(whole):
    claims, worklist = whole
    facts = open_facts(*whole, as_of=DAY)
    for state, measure in (("overdue", work.overdue), ("no_date", work.no_date)):
        assert measure(facts).value == (worklist["due"] == state).sum()
    held = worklist["denied_cents"]
    found = work.denied_dollars(facts)
    assert (found.value, found.left_out) == (held.sum(), held.isna().sum())
    blank = (worklist["payer_name"].fillna("") == "") & (worklist["payer_id"].fillna("") == "")
    [(name, (cut, money))] = [
        one
        for one in tables.by_group(
            facts, "payer_name", (work.denials, work.denied_dollars), of="denials", top=99
        )
        if one[0] == "(not stated)"
    ]
    assert cut.value == blank.sum() > 0
    assert money.value == worklist.loc[blank, "denied_cents"].sum()

    events = seen_on(claims, DAY).appeal_events.drop_duplicates(
        ["claim_key", "level", "filed_on", "decided_on"]
    )
    of_none = facts.rows("SELECT claim_key FROM submissions WHERE NOT has_denial")
    assert facts.filed == len(events) == outcomes.appeals_filed(facts).value + len(of_none)
    events = events[~events["claim_key"].isin([key for (key,) in of_none])]
    merits = events["outcome"].isin(["overturned", "partly_overturned", "upheld"])
    other = events["outcome"].isin(["dismissed", "withdrawn"])
    waits = events["outcome"].isna() & events["decided_on"].isna()
    took = (events["decided_on"] - events["filed_on"]).dt.days
    done, ended = took[merits & (took >= 0)], took[other & (took >= 0)]
    waited = (pd.Timestamp(DAY) - events.loc[waits, "filed_on"]).dt.days
    metric = outcomes.days_to_decision(facts)
    assert metric.n == len(done) > 0
    assert (metric.censored, metric.otherwise) == (len(waited), len(ended))
    # As if they had ended never: no day is nearer than without them.
    assert metric.value is None or metric.value >= days_by_which(0.5, done, [*waited, *ended])


def test_no_part_of_a_parcel_holds_what_may_identify_a_patient(tmp_path):
    source(rows=120).source.pack(tmp_path)
    written = sorted(path.stem for path in tmp_path.glob("*.parquet"))
    assert written == [
        "bridge", "claims", "denials", "files", "findings", "lines", "submissions", "urgent",
    ]  # fmt: skip
    for path in tmp_path.glob("*.parquet"):
        table = pd.read_parquet(path)
        assert not PERSONAL & set(table.columns), path.name
        assert SENTINEL not in table.to_csv(), path.name
    assert SENTINEL not in (tmp_path / "about.json").read_text("utf-8")


def test_parts_of_two_days_do_not_add_up():
    one = source(rows=20)
    with pytest.raises(ValueError, match="no part"):
        Facts.of_parts([], as_of=AS_OF)
    part = part_of(one.claims, one.worklist, as_of=AS_OF)
    with pytest.raises(UsageError, match="two days: a part of it is seen on another day"):
        Source.of_parts("two days", [part], as_of=AS_OF + timedelta(days=1))


def test_a_source_of_no_part_holds_nothing_and_its_numbers_agree():
    nothing = parcel(Source.of_parts("nothing", [], as_of=AS_OF))
    assert work.denials(nothing.facts).value == 0
    page = Page(nothing, "nothing", "payer", by_hand=False)
    assert "there are no denials" in overdue.summary(page)
    assert "holds" in page.reconciliation()


def test_what_is_read_of_one_file_in_several_parts_adds_up():
    one = source(rows=30)
    parts = [part_of(one.claims, one.worklist.iloc[:0], as_of=AS_OF) for _ in range(3)]
    files = Source.of_parts("file", parts, as_of=AS_OF).files
    assert files["rows_read"].tolist() == [90]
    assert files["transactions"].isna().all()


def test_a_list_that_is_cut_says_how_many_there_are_in_all(whole, tmp_path):
    one = Source.of("sample", *whole, DAY, synthetic=True, most=20)
    seen = parcel(one)
    many = seen.facts.count(*tables.OPEN)
    path = tmp_path / "book.xlsx"
    said = {}
    for kind in ("overdue", "outcomes"):
        workbook.write(
            path, kind=kinds.kinds()[kind], source=one, given=seen, name="sample", by="payer"
        )
        book = openpyxl.load_workbook(path)
        said |= {
            sheet.title: [row[0].value for row in sheet.iter_rows(max_row=2)] for sheet in book
        }
        sizes = {sheet.title: sheet.max_row for sheet in book}
    assert said["Worklist"][1] == (
        f"The first 20 of {many:,} open denials by urgency; toolkit worklist writes all of them."
    )
    assert said["Appeals"][1] == f"The latest 20 of {seen.facts.filed:,} appeals."
    assert said["Findings"][0] == f"The first 20 of {seen.found:,} findings."
    assert sizes["Appeals"] == 23 and sizes["Findings"] == 22
    page = Page(seen, "sample", "payer", by_hand=False)
    assert f"{seen.found:,} findings in" in page.findings()
    assert "The workbook lists the first 20." in page.findings()


def test_a_state_with_more_denials_than_the_page_shows_says_where_the_others_are():
    one = source(rows=900)
    late = one.parcel.facts.count("overdue")
    assert late > 40
    for most, has in ((20, "the first 20 open denials by urgency"), (10_000, "all")):
        given = parcel(Source.of("sample", one.claims, one.worklist, AS_OF, most=most))
        page = Page(given, "sample", "payer", by_hand=False)
        said = f"40 of {late:,} rows, the workbook has {has}; the last row adds up all"
        assert said in overdue.cases(page)


def test_a_sum_keeps_no_text_of_a_row_that_it_no_longer_lists(whole):
    parts = [part_of(*part, as_of=DAY, most=5) for part in parted(*whole, range(8))]
    total = Source.of_parts("sum", parts, as_of=DAY)
    assert len(total.worklist) == len(total.appeals) == 5
    for listed in (total.worklist, total.appeals):
        for column in listed.itercolumns():
            if pa.types.is_dictionary(column.type):
                assert len(column.combine_chunks().dictionary) <= 5
