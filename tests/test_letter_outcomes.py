"""Clauses of written letters beside the decisions recorded later."""

from datetime import date

import pytest
from test_letters import letter_of

from toolkit import letters
from toolkit.cases import EventEntry
from toolkit.letters.learned import outcomes_by_clause, records_in
from toolkit.letters.record import record_of


def written(case: str, day: str = "2026-03-01", **change) -> dict:
    record = record_of(letter_of(), draft=False)
    record |= {"case": case, "letter_date": day, "clauses": ["ask", "brief"], "payer": "Plan A"}
    return record | change


def decided(case: str, outcome: str, day: str = "2026-04-01", level: str = "reconsideration"):
    return EventEntry(
        entry=1, case_key=case, who="x", entered_at="2026-04-02T00:00:00Z", event="decided",
        day=date.fromisoformat(day), level=level, outcome=outcome,
    )  # fmt: skip


def by_clause(records, events):
    return {(r.clause, r.payer): r for r in outcomes_by_clause(records, events)}


def test_each_clause_has_its_letters_its_wins_and_their_interval():
    records = [written(f"c-{n}") for n in range(10)]
    outcomes = ["overturned", "overturned", "partly_overturned"] + ["upheld"] * 7
    events = [decided(f"c-{n}", outcome) for n, outcome in enumerate(outcomes)]
    found = by_clause(records, events)["brief", "Plan A"]
    assert (found.letters, found.won) == (10, 3)
    assert (round(found.low, 4), round(found.high, 4)) == (0.1078, 0.6032)  # Wilson, by hand
    assert found.too_few and found.says == "3 of 10 won (11% to 60%); too few to compare"


def test_thirty_letters_are_enough_to_compare():
    records = [written(f"c-{n}") for n in range(30)]
    found = by_clause(records, [decided(f"c-{n}", "upheld") for n in range(30)])
    assert not found["ask", "Plan A"].too_few and "too few" not in found["ask", "Plan A"].says


@pytest.mark.parametrize(
    ("change", "event"),
    [
        ({"draft": True}, {}),  # never sent
        ({}, {"outcome": "dismissed"}),  # not on the merits
        ({}, {"outcome": "withdrawn"}),
        ({}, {"day": "2026-02-01"}),  # before the letter
        ({}, {"level": "ire_review"}),  # of another level
        ({}, {"case": "c-other"}),
        ({"level": ""}, {}),  # no decision is asked for
    ],
)
def test_what_was_not_decided_on_the_merits_at_its_level_counts_nowhere(change, event):
    event = {"case": "c-1", "outcome": "overturned", **event}
    assert outcomes_by_clause([written("c-1", **change)], [decided(**event)]) == ()


def test_of_several_letters_the_last_before_the_decision_counts_once():
    records = [
        written("c-1", "2026-03-01", clauses=["old"]),
        written("c-1", "2026-03-10", clauses=["sent"]),
        written("c-1", "2026-05-01", clauses=["later"]),
    ]
    events = [decided("c-1", "upheld", "2026-04-20"), decided("c-1", "overturned", "2026-04-01")]
    assert {r.clause: r.won for r in outcomes_by_clause(records, events)} == {"sent": 1}


def test_payers_and_issues_are_told_apart_and_a_broken_record_is_left_out(tmp_path):
    letters.write(letter_of(), tmp_path / "a.md")
    (tmp_path / "b.record.json").write_text("{}")
    (record,) = records_in(tmp_path)
    events = [decided(record["case"], "overturned", "2026-12-01"), decided("c-2", "upheld")]
    found = outcomes_by_clause([record, written("c-2")], events)
    assert {r.payer for r in found} == {"Lakeshore Synthetic Advantage", "Plan A"}
    assert {r.clause for r in found if r.payer != "Plan A"} == set(record["clauses"])
