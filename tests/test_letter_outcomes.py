"""Clauses of written letters beside the decisions recorded later."""

from datetime import date

import pytest
from test_letters import letter_of

from toolkit import letters
from toolkit.cases import EventEntry
from toolkit.letters.record import record_of
from toolkit.reports.learned import (
    EVERY,
    Decision,
    decisions_in,
    decisions_recorded,
    ends,
    outcomes_by_clause,
    records_in,
)


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
    rows = outcomes_by_clause(records, decisions_recorded(events), by_payer=True)
    return {(r.clause, r.payer): r for r in rows}


def test_each_clause_has_its_letters_its_wins_and_their_interval():
    records = [written(f"c-{n}") for n in range(10)]
    outcomes = ["overturned", "overturned", "partly_overturned"] + ["upheld"] * 7
    events = [decided(f"c-{n}", outcome) for n, outcome in enumerate(outcomes)]
    found = by_clause(records, events)["brief", "Plan A"]
    assert (found.letters, found.won, found.partly) == (10, 3, 1)
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
    assert by_clause([written("c-1", **change)], [decided(**event)]) == {}


def test_of_several_letters_the_last_before_the_decision_counts_once():
    records = [
        written("c-1", "2026-03-01", clauses=["old"]),
        written("c-1", "2026-03-10", clauses=["sent"]),
        written("c-1", "2026-05-01", clauses=["later"]),
    ]
    events = [decided("c-1", "upheld", "2026-04-20"), decided("c-1", "overturned", "2026-04-01")]
    won = {clause: r.won for (clause, _), r in by_clause(records, events).items()}
    assert won == {EVERY: 1, "sent": 1}


def test_what_was_written_after_the_filing_was_not_filed():
    records = [
        written("c-1", "2026-03-01", clauses=["filed"]),
        written("c-1", "2026-03-10", clauses=["too late"]),
        written("c-2", "2026-03-10", clauses=["never"]),
    ]
    decisions = [
        Decision(case=case, level="reconsideration", day=date(2026, 4, 1), outcome="upheld",
                 filed_on=date(2026, 3, 5))
        for case in ("c-1", "c-2")
    ]  # fmt: skip
    assert [record["clauses"] for record, _ in ends(records, decisions)] == [["filed"]]


def test_a_letter_without_a_decision_waits():
    (one,) = ends([written("c-1"), written("c-1", "2026-03-02", clauses=["newer"])], [])
    assert (one[0]["clauses"], one[1]) == (["newer"], "waiting")


def test_the_row_of_all_letters_comes_first_and_payers_are_told_apart_only_where_asked():
    records = [written("c-1"), written("c-2", payer="Plan B", clauses=["brief"])]
    events = [decided("c-1", "overturned"), decided("c-2", "upheld")]
    rows = outcomes_by_clause(records, decisions_recorded(events))
    assert [(r.clause, r.letters, r.won) for r in rows] == [
        (EVERY, 2, 1), ("brief", 2, 1), ("ask", 1, 1),
    ]  # fmt: skip


def test_a_decision_of_a_file_counts_for_the_cases_of_its_claim():
    row = {"claim_key": "f-1", "level": "reconsideration", "filed_on": date(2026, 3, 2),
           "decided_on": date(2026, 4, 1), "outcome": "overturned"}  # fmt: skip
    waiting = row | {"outcome": None, "decided_on": None}
    found = decisions_in([row, waiting, row | {"claim_key": "f-2"}], {"f-1": ["c-1"]})
    assert [(one.case, one.day, one.filed_on) for one in found] == [
        ("c-1", date(2026, 4, 1), date(2026, 3, 2))
    ]


def test_payers_are_told_apart_and_a_broken_record_is_left_out(tmp_path):
    letters.write(letter_of(), tmp_path / "a.md")
    (tmp_path / "b.record.json").write_text("{}")
    (record,) = records_in(tmp_path)
    events = [decided(record["case"], "overturned", "2026-12-01"), decided("c-2", "upheld")]
    found = by_clause([record, written("c-2")], events)
    assert {payer for _, payer in found} == {"Lakeshore Synthetic Advantage", "Plan A"}
    assert {name for name, payer in found if payer != "Plan A"} == {EVERY, *record["clauses"]}


def test_the_command_joins_letters_with_decisions_of_the_store_and_of_a_file(
    tmp_path, capsys, monkeypatch
):
    import csv
    import json
    from pathlib import Path

    from toolkit.cli import main

    monkeypatch.chdir(tmp_path)
    sample = Path(__file__).parents[1] / "data" / "samples" / "tour"
    with (sample / "denial.csv").open(newline="") as lines:
        (first,) = csv.DictReader(lines)
    two = {"Claim Number": "SYN000000002", "Payer Claim Number": "ICN00001000004"}
    later = {"Appeal Level": "Reconsideration", "Appeal Filed Date": "2026-11-24",
             "Appeal Decision Date": "2026-12-20", "Appeal Outcome": "Overturned"}  # fmt: skip

    def export(name: str, *rows: dict) -> str:
        with (tmp_path / name).open("w", newline="") as out:
            table = csv.DictWriter(out, dict.fromkeys((*first, *later)))
            table.writeheader()
            table.writerows(first | row for row in rows)
        return name

    def run(*words: str) -> dict:
        assert main([*words, "--json"]) == 0, capsys.readouterr().err
        return json.loads(capsys.readouterr().out)

    before = export("before.csv", {}, two)
    rules = ["--payers", str(sample.parent / "payers.csv"), "--store", "cases.sqlite"]
    made = run("draft", before, "--all", "--out", "out", "--as-of", "2026-11-23", *rules,
               "--facts", str(sample / "facts.yaml"))  # fmt: skip
    assert made["written"] == 2
    for event, day in (("filed", "2026-11-24"), ("decided", "2026-12-18")):
        more = ["--outcome", "upheld"] if event == "decided" else []
        run("record", before, "--claim", "SYN000000001", "--event", event, "--date", day,
            "--level", "reconsideration", "--as-of", "2027-01-05", "--who", "x", *more, *rules)  # fmt: skip
    after = export("after.csv", {}, two | later)
    found = run("clauses", after, "--letters", "out", "--as-of", "2027-01-05", *rules)
    assert found["outcomes"] == {"overturned": 1, "upheld": 1} and found["letters"] == 2
    top = found["clauses"][0]
    assert (top["clause"], top["letters"], top["won"], top["too_few"]) == (None, 2, 1, True)
    assert "not that the clause won" in found["note"]
    alone = run("clauses", "--letters", "out", "--as-of", "2027-01-05", *rules)
    assert alone["outcomes"] == {"upheld": 1, "waiting": 1}
