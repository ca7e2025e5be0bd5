"""The metrics: worked examples, definitions, intervals, censoring, and numbers that agree."""

import doctest
from dataclasses import replace
from functools import cache

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reports_sources import AS_OF, source

from toolkit.errors import UsageError
from toolkit.metrics import (
    SMALL_N,
    Facts,
    definitions,
    facts_of,
    measures,
    named,
    open_facts,
    outcomes,
    outside,
    reconcile,
    tables,
    wilson,
    work,
)
from toolkit.metrics import statistics as statistics_module
from toolkit.metrics.example import AS_OF as DAY
from toolkit.metrics.example import example as made_example
from toolkit.metrics.example import example_rows
from toolkit.metrics.facts import TABLES
from toolkit.metrics.metric import Row, condition
from toolkit.metrics.parcel import PERSONAL
from toolkit.metrics.statistics import day_reached, days_by_which, ratio_interval

example = cache(made_example)  # made once: no test changes it


@pytest.mark.parametrize("measure", measures(), ids=lambda m: m.definition.id)
def test_each_metric_gives_what_its_worked_example_says(measure):
    assert measure(example()).value == (
        None if measure.row.example is None else pytest.approx(measure.row.example, abs=1e-12)
    )


def test_the_examples_of_the_statistics_hold():
    assert doctest.testmod(statistics_module).failed == 0


@pytest.mark.parametrize("definition", definitions(), ids=lambda d: d.id)
def test_each_definition_says_what_it_counts_and_by_whose_word(definition):
    for field in ("name", "numerator", "unit", "grain", "date_basis", "source", "mark"):
        assert getattr(definition, field).strip(), f"{definition.id}: {field} is empty"
    assert definition.unit in {"denials", "appeals", "claims", "cents", "ratio", "days"}
    assert definition.direction in {"up", "down", "none"}
    if definition.unit == "ratio":
        assert definition.denominator


@pytest.mark.parametrize("measure", measures(), ids=lambda m: m.definition.id)
def test_each_row_of_the_table_states_what_its_kind_needs(measure):
    row: Row = measure.row
    needs = {
        "count": ("where",) if row.unit != "denials" or row.where else (),
        "dollars": ("amount",),
        "share": ("of",),
        "dollar_share": ("amount", "of_amount", "of"),
        "prior_rate": ("where", "of", "weight", "of_weight"),
        "days": ("from_", "to", "where", "of", "share"),
        "mean_days": ("from_", "to", "where"),
        "breakeven": ("where", "of"),
        "study": ("numerator", "source"),
    }[row.kind]
    assert all(getattr(row, name) for name in needs)
    assert (row.unit == "cents") == (row.kind in ("dollars", "breakeven", "study"))
    assert (row.unit == "days") == (row.kind in ("days", "mean_days"))


def test_no_two_metrics_share_an_id_or_a_name():
    found = definitions()
    assert len({d.id for d in found}) == len({d.name for d in found}) == len(found)


def test_an_unknown_metric_is_refused_with_those_that_there_are():
    with pytest.raises(UsageError, match="no metric named overdoo; there are: denials, "):
        named("overdue", "overdoo")
    with pytest.raises(AttributeError, match="no metric named appeal_rate in work"):
        work.appeal_rate  # noqa: B018
    assert named("overdue")[0] is work.overdue


def test_a_metric_carries_its_definition_and_cannot_be_changed():
    metric = work.overdue(example())
    assert metric.numerator == work.overdue.definition.numerator
    with pytest.raises(AttributeError):
        metric.value = 0


def test_an_interval_stays_inside_zero_and_one_and_around_the_share():
    for count, out_of in ((0, 1), (1, 1), (0, 40), (40, 40), (7, 9)):
        low, high = wilson(count, out_of)
        assert 0 <= low <= count / out_of <= high <= 1
    assert wilson(0, 0) == (None, None)


@given(
    st.lists(
        st.tuples(st.integers(1, 10_000), st.floats(0, 1)), min_size=2, max_size=40
    )
)  # fmt: skip
@settings(deadline=None)
def test_the_interval_of_a_dollar_rate_holds_the_rate_and_narrows_with_the_same_claims_again(some):
    def interval(pairs):
        sums = [
            sum(terms)
            for terms in zip(
                *((y * s, y, (y * s) ** 2, y * s * y, y * y) for y, s in pairs), strict=True
            )
        ]
        (low, high), worth = ratio_interval(len(pairs), *sums)
        return low, sums[0] / sums[1], high, worth

    low, rate, high, worth = interval(some)
    assert 0 <= low <= rate + 1e-9 and rate - 1e-9 <= high <= 1
    assert worth <= len(some) + 1e-6
    again = interval(some * 4)
    assert again[2] - again[0] <= high - low + 1e-9


def test_one_large_claim_among_many_makes_a_dollar_rate_few_cases():
    big = [(1_000_000, 1.0), *[(100, 0.0)] * 60]
    sums = [sum(t) for t in zip(*((y * s, y, (y * s) ** 2, y * s * y, y * y) for y, s in big), strict=True)]  # fmt: skip
    (low, _), worth = ratio_interval(len(big), *sums)
    assert worth < 2 and low < 0.3


def test_a_dollar_rate_of_one_claim_is_withheld():
    claims, worklist = example_rows()
    one = worklist["claim_key"] == "example-11"
    facts = open_facts(claims, worklist[one], as_of=DAY)
    rate = outcomes.overturn_rate_dollars(facts)
    assert (rate.value, rate.low, rate.withheld) == (None, None, "too few claims for an interval")


def test_a_rate_on_few_cases_is_labeled_small():
    assert outcomes.overturn_rate_decided(example()).small
    assert not replace(outcomes.overturn_rate_decided(example()), n=SMALL_N).small
    rate = outcomes.overturn_rate_dollars(example())
    assert replace(rate, n=500).small and not replace(rate, worth=31.0).small


def test_no_appeal_gives_no_rate_rather_than_zero():
    claims, worklist = example_rows()
    claims = replace(claims, appeal_events=claims.appeal_events.iloc[:0])
    none = open_facts(claims, worklist, as_of=DAY)
    for measure in (
        outcomes.overturn_rate_decided,
        outcomes.overturn_rate_dollars,
        outcomes.dismissed_share,
        outcomes.days_to_decision,
    ):
        assert measure(none).value is None


def test_pending_appeals_make_the_days_to_decision_longer_never_shorter():
    done = [10, 20, 30, 40]
    for waited in (5, 15, 25, 50):
        longer = days_by_which(0.5, done, [waited] * 3)
        assert longer is None or longer >= days_by_which(0.5, done)
    assert days_by_which(0.5, [10], [99, 99, 99]) is None


@given(
    st.lists(st.integers(0, 40), max_size=30),
    st.lists(st.integers(0, 40), max_size=30),
    st.lists(st.integers(0, 40), max_size=30),
    st.sampled_from([0.1, 0.5, 0.9]),
)
@settings(deadline=None)
def test_ends_of_another_kind_never_bring_the_day_nearer(done, waiting, otherwise, share):
    def tally(days):
        return {day: days.count(day) for day in days}

    without = day_reached(share, tally(done), tally([*waiting, *otherwise]))
    found = day_reached(share, tally(done), tally(waiting), tally(otherwise))
    assert found is None or (without is not None and without <= found)
    if not waiting and done:  # nothing is open: the plain share of all
        reached = [d for d in sorted(done) if sum(x <= d for x in done) >= share * len(done + otherwise) - 1e-9]  # fmt: skip
        assert found == (reached[0] if reached else None)


def test_an_overturned_appeal_with_no_recovered_amount_withholds_the_dollar_rate():
    claims, worklist = example_rows()
    events = claims.appeal_events
    won = events["outcome"] == "overturned"
    events = events.assign(recovered_cents=events["recovered_cents"].mask(won))
    facts = open_facts(replace(claims, appeal_events=events), worklist, as_of=DAY)
    rate = outcomes.overturn_rate_dollars(facts)
    assert (rate.value, rate.low, rate.left_out) == (None, None, 1)
    assert rate.withheld == "a denial that was won or paid states no recovered amount"
    assert outcomes.overturn_rate_decided(facts).value == 0.5
    money = outcomes.recovered_dollars(facts)
    assert (money.value, money.left_out) == (40_000, 1)
    assert outcomes.recovery_rate(facts).value is None


def test_dollars_recovered_beyond_the_dispute_are_found_and_not_counted():
    claims, worklist = example_rows()
    events = claims.appeal_events
    events = events.assign(recovered_cents=events["recovered_cents"] * 100, file_id="f", row=1)
    claims = replace(claims, appeal_events=events)
    found, findings = facts_of(claims, worklist, as_of=DAY)
    facts = Facts.of(found, as_of=DAY)
    assert outcomes.overturn_rate_dollars(facts).value <= 1
    assert outcomes.recovered_dollars(facts).value == 150_000  # all that claims 11 and 12 denied
    assert findings["code"].tolist() == ["recovered_above_denied"] * 2


def test_the_due_states_of_a_worklist_add_up_to_all_of_it():
    facts = example()
    assert all(check.holds for check in reconcile(facts))
    assert tables.by_due(facts)["denied"].sum() == work.denied_dollars(facts).value


def test_a_due_state_that_nobody_knows_breaks_the_reconciliation():
    claims, worklist = example_rows()
    strange = worklist.assign(due=worklist["due"].replace("closed", "finished"))
    broken = [c for c in reconcile(open_facts(claims, strange, as_of=DAY)) if not c.holds]
    assert {c.name for c in broken} == {
        "denials by due state = all denials",
        "dollars by due state = all denied dollars",
    }


def test_a_denial_that_stands_twice_breaks_the_reconciliation():
    claims, worklist = example_rows()
    twice = pd.concat([worklist, worklist.iloc[[0]]], ignore_index=True)
    broken = [c for c in reconcile(open_facts(claims, twice, as_of=DAY)) if not c.holds]
    assert [(c.name, c.left, c.right) for c in broken] == [("each denial stands once", 12, 13)]


def test_a_denial_whose_key_is_not_its_claim_s_breaks_the_reconciliation():
    claims, worklist = example_rows()
    # example-1 begins the key example-12, which is another claim's.
    foreign = worklist.assign(claim_key=worklist["claim_key"].replace("example-12", "example-1"))
    broken = [c for c in reconcile(open_facts(claims, foreign, as_of=DAY)) if not c.holds]
    assert ("each denial stands once", 11, 12) in [(c.name, c.left, c.right) for c in broken]


def test_facts_that_lost_a_row_or_a_cent_of_the_worklist_break_the_reconciliation():
    claims, worklist = example_rows()
    told = outside(claims, worklist)
    assert all(check.holds for check in reconcile(example(), told=told))
    short = open_facts(claims, worklist.iloc[1:], as_of=DAY)
    assert "denials = rows of the worklist" in {
        c.name for c in reconcile(short, told=told) if not c.holds
    }
    cheap = worklist.assign(denied_cents=worklist["denied_cents"] - 1)
    broken = {
        c.name for c in reconcile(open_facts(claims, cheap, as_of=DAY), told=told) if not c.holds
    }
    assert broken == {"stated dollars = the worklist's"}
    later = replace(told, latest=told.latest + 10_000)
    assert [c.name for c in reconcile(example(), told=later) if not c.holds] == [
        "last day of an event <= the report's day"
    ]


def test_groups_add_up_to_the_whole_with_the_rest_as_one_group():
    facts = example()
    found = tables.by_group(
        facts, "payer_name", (work.denials, work.denied_dollars), of="denials", top=1
    )
    assert [name for name, _ in found] == ["Payer A", "all others (2)"]
    assert sum(m[0].value for _, m in found) == work.denials(facts).value
    assert sum(m[1].value for _, m in found) == work.denied_dollars(facts).value


@pytest.mark.parametrize(
    "column",
    [
        "payer_name",
        "facility",
        "program",
        "level",
        "denial_category",
        "owner",
        "payer_and_category",
    ],
)
def test_every_metric_of_counts_or_dollars_adds_up_over_the_groups_of_any_cut(column):
    one = source(rows=150)
    facts = open_facts(one.claims, one.worklist, as_of=AS_OF)
    counted = [m for m in measures() if m.row.kind in ("count", "dollars")]
    for table, of in (("denials", "denials"), ("submissions", "appeals")):
        mine = [m for m in counted if m.row.from_table == table]
        found = tables.by_group(facts, column, mine, of=of, top=2)
        whole = facts.measure(mine)[None]
        for place, metric in enumerate(whole):
            total = sum(metrics[place].count for _, metrics in found)
            assert total == metric.count, metric.id


def test_a_group_that_the_file_does_not_name_is_kept():
    names = [name for name, _ in tables.by_group(
        example(), "program", (work.denials,), of="denials"
    )]  # fmt: skip
    assert "(not stated)" in names


def test_the_facts_hold_no_column_that_may_identify_a_patient():
    one = source(rows=20)
    found, _ = facts_of(one.claims, one.worklist, as_of=AS_OF)
    assert "patient_control_number" in one.worklist
    for name in TABLES:
        assert not PERSONAL & set(getattr(found, name).column_names)


def test_facts_are_cut_by_a_column_of_the_reports_only():
    with pytest.raises(ValueError, match="payer_name, facility, program, level, denial_category"):
        example().measure((work.denials,), by="patient_control_number", among=["1"])


def test_overdue_appeals_and_other_routes_are_all_that_is_overdue():
    one = source(rows=300)
    facts = open_facts(one.claims, one.worklist, as_of=AS_OF)
    late = work.overdue(facts).value
    assert late == work.overdue_appeals(facts).value + work.overdue_other_routes(facts).value
    assert work.overdue_other_routes(facts).value > 0
    routes = tables.by_route(facts)
    assert routes[routes["due"] == "overdue"]["denials"].sum() == late


def test_the_sets_of_the_table_are_conditions_that_the_facts_can_answer():
    facts = example()
    for measure in measures():
        row = measure.row
        for sets in (row.where, row.of, row.waiting, row.otherwise):
            where = condition(row.from_table, sets)
            assert facts.one(f"SELECT count(*) FROM {row.from_table} WHERE {where}") >= 0
