"""The metrics: worked examples, definitions, intervals, censoring, and numbers that agree."""

import doctest
from dataclasses import replace
from datetime import date

import pandas as pd
import pytest
from reports_sources import AS_OF, source

from toolkit.claims.tables import Claims, conform
from toolkit.metrics import (
    SMALL_N,
    appeals,
    definitions,
    ledger_of,
    measures,
    open_ledger,
    outcomes,
    reconcile,
    tables,
    wilson,
    work,
)
from toolkit.metrics import metric as metric_module
from toolkit.metrics.example import example, example_rows
from toolkit.metrics.ledger import PERSONAL
from toolkit.metrics.metric import days_by_which


@pytest.mark.parametrize("measure", measures(), ids=lambda f: f.definition.id)
def test_each_metric_gives_what_its_worked_example_says(measure):
    names = {"example": example, measure.__name__: measure}
    said = doctest.DocTestParser().get_doctest(measure.__doc__, names, measure.__name__, None, 0)
    assert said.examples, f"{measure.__name__} has no worked example"
    assert doctest.DocTestRunner(verbose=False).run(said).failed == 0


def test_the_examples_of_the_statistics_hold():
    assert doctest.testmod(metric_module).failed == 0


@pytest.mark.parametrize("definition", definitions(), ids=lambda d: d.id)
def test_each_definition_says_what_it_counts_and_by_whose_word(definition):
    for field in ("name", "numerator", "unit", "grain", "date_basis", "source", "mark"):
        assert getattr(definition, field).strip(), f"{definition.id}: {field} is empty"
    assert definition.unit in {"denials", "appeals", "cents", "ratio", "days"}
    assert definition.mark in {"V", "V2", "M", "own"}
    if definition.unit == "ratio":
        assert definition.denominator


def test_no_two_metrics_share_an_id_or_a_name():
    found = definitions()
    assert len({d.id for d in found}) == len({d.name for d in found}) == len(found)


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


def test_a_rate_on_few_cases_is_labeled_small():
    assert outcomes.overturn_rate_decided(example()).small
    assert not replace(outcomes.overturn_rate_decided(example()), n=SMALL_N).small


def test_no_appeal_gives_no_rate_rather_than_zero():
    denials, disputes = example_rows()
    none = ledger_of(denials, disputes.iloc[:0], as_of=example().as_of)
    for measure in (
        outcomes.overturn_rate_decided,
        outcomes.overturn_rate_dollars,
        outcomes.dismissed_share,
        outcomes.days_to_decision,
    ):
        assert measure(none).value is None


def test_pending_appeals_make_the_days_to_decision_longer_never_shorter():
    done = pd.Series([10, 20, 30, 40])
    for waited in (5, 15, 25, 50):
        longer = days_by_which(0.5, done, pd.Series([waited] * 3))
        assert longer is None or longer >= days_by_which(0.5, done)
    assert days_by_which(0.5, pd.Series([10]), pd.Series([99, 99, 99])) is None


def test_an_overturned_appeal_with_no_recovered_amount_is_left_out_of_the_dollar_rate():
    denials, disputes = example_rows()
    won = disputes["outcome"] == "overturned"
    blank = disputes.assign(recovered_cents=disputes["recovered_cents"].mask(won))
    rate = outcomes.overturn_rate_dollars(ledger_of(denials, blank, as_of=example().as_of))
    assert (rate.count, rate.out_of, rate.left_out) == (40_000, 150_000, 1)


def test_dollars_recovered_beyond_the_dispute_do_not_push_the_rate_above_one():
    denials, disputes = example_rows()
    rich = disputes.assign(recovered_cents=disputes["recovered_cents"] * 100)
    rate = outcomes.overturn_rate_dollars(ledger_of(denials, rich, as_of=example().as_of))
    assert rate.value <= 1


def test_the_due_states_of_a_worklist_add_up_to_all_of_it():
    book = example()
    assert all(check.holds for check in reconcile(book))
    assert tables.by_due(book)["cents"].sum() == work.denied_dollars(book).value


def test_a_due_state_that_nobody_knows_breaks_the_reconciliation():
    denials, disputes = example_rows()
    strange = denials.assign(due=denials["due"].replace("closed", "finished"))
    book = ledger_of(strange, disputes, as_of=example().as_of)
    broken = [c for c in reconcile(book) if not c.holds]
    assert {c.name for c in broken} == {
        "denials by due state = all denials",
        "dollars by due state = all denied dollars",
    }


def test_a_denial_that_stands_twice_breaks_the_reconciliation():
    denials, disputes = example_rows()
    twice = pd.concat([denials, denials.iloc[[0]]], ignore_index=True)
    broken = [
        c for c in reconcile(ledger_of(twice, disputes, as_of=example().as_of)) if not c.holds
    ]
    assert [(c.name, c.left, c.right) for c in broken] == [("each denial stands once", 12, 13)]


def test_a_denial_whose_key_is_not_its_claim_s_breaks_the_reconciliation():
    denials, disputes = example_rows()
    # example-1 begins the key example-12, which is another claim's.
    foreign = denials.assign(claim_key=denials["claim_key"].replace("example-12", "example-1"))
    broken = [
        c for c in reconcile(ledger_of(foreign, disputes, as_of=example().as_of)) if not c.holds
    ]
    assert [(c.name, c.left, c.right) for c in broken] == [("each denial stands once", 11, 12)]


def test_groups_add_up_to_the_whole_with_the_rest_as_one_group():
    book = example()
    found = tables.by_group(
        book, "payer_name", (work.denials, work.denied_dollars), of="denials", top=1
    )
    assert [name for name, _ in found] == ["Payer A", "all others (2)"]
    assert sum(m[0].value for _, m in found) == work.denials(book).value
    assert sum(m[1].value for _, m in found) == work.denied_dollars(book).value


def test_a_group_that_the_file_does_not_name_is_kept():
    names = [name for name, _ in tables.by_group(
        example(), "program", (work.denials,), of="denials"
    )]  # fmt: skip
    assert "(not stated)" in names


def test_the_ledger_holds_no_column_that_may_identify_a_patient():
    one = source(rows=20)
    book = open_ledger(one.claims, one.worklist, as_of=AS_OF)
    assert "patient_control_number" in one.worklist
    for table in book.tables.values():
        assert not PERSONAL & set(table.columns)


def test_an_appeal_of_a_claim_disputes_each_of_its_denials_once_and_one_of_a_line_its_own():
    claims = Claims(
        claims=conform(
            {"claim_key": ["f-1"], "notice_date": pd.to_datetime(["2026-01-05"])}, "claims"
        ),
        appeal_events=conform(
            {
                "claim_key": ["f-1", "f-1", "f-1"],
                "line_key": [None, "f-1-2", "f-1-9"],
                "filed_on": pd.to_datetime(["2026-02-01", "2026-02-02", "2026-02-03"]),
            },
            "appeal_events",
        ),
    )
    worklist = pd.DataFrame(
        {
            "claim_key": ["f-1", "f-1"],
            "line_key": ["f-1-1", "f-1-2"],
            "payer_name": "Payer",
            "facility": None,
            "program": "part_d",
            "denial_category": ["coding", "authorization"],
            "denied_cents": pd.array([1_000, 4_000], dtype="Int64"),
        }
    )
    found = appeals(claims, worklist)
    assert found["dispute_cents"].tolist() == [5_000, 4_000, pd.NA]
    assert found["denial_category"].tolist()[:2] == ["authorization", "authorization"]
    assert found["is_first"].all()
    assert set(found["denied_on"].dt.date) == {date(2026, 1, 5)}
