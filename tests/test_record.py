"""Recording what happened to a claim, at the command line, and what the worklist's tables get of it."""

import csv
import getpass
import json
import sqlite3
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest

from toolkit.cases import (
    Case,
    CaseIdentity,
    CaseStore,
    Event,
    Fact,
    event_rules,
    record_event,
    recorded_cases,
    with_recorded,
)
from toolkit.claims.tables import Claims, concat, conform, empty
from toolkit.cli import main
from toolkit.desk.compact import CompactClaims
from toolkit.errors import RefusedError, UsageError
from toolkit.history.identity import ClaimIdentity, LineIdentity

SENTINEL = "ZZSENTINEL"
TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
DENIAL = {
    "Claim Number": f"{SENTINEL}-1",
    "Payer Claim Number": "",
    "Patient Name": f"{SENTINEL}, Ivy",
    "Payer ID": "",
    "Payer": "Test Health",
    "Financial Class": "Medicare Advantage",
    "Contracted": "No",
    "Stage": "Payment",
    "Service From": "2026-08-06",
    "Line Number": "1",
    "Procedure Code": "77080",
    "Billed Amount": "253.66",
    "Paid Amount": "0.00",
    "Group Code": "CO",
    "Reason Code (CARC)": "50",
    "Denied Amount": "253.66",
    "Remittance Date": "2026-09-25",
    "Notice Date": "2026-09-25",
}
FILED = {"event": "filed", "date": "2026-10-01", "level": "reconsideration"}
DECIDED = {"event": "decided", "date": "2026-11-01", "level": "reconsideration", "outcome": "upheld"}  # fmt: skip


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def export(place: Path, *rows: dict, name: str = "export.csv") -> Path:
    rows = rows or ({},)
    with (place / name).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(DENIAL))
        writer.writeheader()
        writer.writerows(DENIAL | row for row in rows)
    return place / name


def run(capsys, *words: str) -> tuple[int, dict, str]:
    code = main(["record", *words, "--as-of", "2026-11-23", "--json"])
    out, err = capsys.readouterr()
    assert SENTINEL not in out + err
    return code, json.loads(out), err


def record(capsys, path: Path, *more: str, claim: str = f"{SENTINEL}-1", **event: str):
    words = [word for name, value in event.items() for word in (f"--{name}", value)]
    return run(capsys, str(path), "--claim", claim, *words, *more)


# --- the command -----------------------------------------------------------------------------


def test_a_recorded_event_is_answered_with_its_entry_case_time_and_writer(place, capsys):
    code, found, _ = record(capsys, export(place), **FILED, who="ana")
    assert code == 0
    assert {"entry", "event", "date", "case", "at", "who", "level"} == set(found)
    assert (found["event"], found["date"], found["who"]) == ("filed", "2026-10-01", "ana")
    assert datetime.fromisoformat(found["at"]).utcoffset().total_seconds() == 0
    with CaseStore(place / "local" / "cases.sqlite") as store:
        [event] = store.events(found["case"])
    assert (event.entry, event.level, event.day) == (found["entry"], "reconsideration", date(2026, 10, 1))  # fmt: skip


def test_the_writer_is_the_login_name_where_none_is_given(place, capsys, monkeypatch):
    monkeypatch.setattr(getpass, "getuser", lambda: "login")
    assert record(capsys, export(place), **FILED)[1]["who"] == "login"


def test_a_decision_follows_its_filing(place, capsys):
    path = export(place)
    code, found, _ = record(capsys, path, **DECIDED)
    assert code == 3
    assert found["needs"] == ["--event filed --level reconsideration with its date, first"]
    assert record(capsys, path, **FILED)[0] == 0
    code, found, _ = record(capsys, path, **DECIDED, amount="100.00")
    assert code == 0 and found["outcome"] == "upheld"


def test_a_level_that_a_case_reaches_by_itself_is_decided_without_a_filing(place, capsys):
    assert record(capsys, export(place), **DECIDED | {"level": "ire_review"})[0] == 0


WRONG = {
    "a day in the future": (FILED | {"date": "2026-11-24"}, 3, "in the future"),
    "a day before the service": (FILED | {"date": "2026-08-05"}, 3, "before the service"),
    "a level that the program has not": (FILED | {"level": "redetermination"}, 3, "no such level"),
    "a decision before its filing": (DECIDED | {"date": "2026-09-30"}, 3, "before the filing"),
    "an amount above the charge": (
        {"event": "paid", "date": "2026-11-01", "amount": "253.67"}, 3, "above the charge"),
    "the same event twice": (FILED, 3, "already recorded: entry 2"),
    "a correction of what is not there": (
        FILED | {"date": "2026-10-02", "correct": "99"}, 3, "entry 99 is not"),
    "an event that nobody knows": (FILED | {"event": "lost"}, 2, "--event must be one of"),
    "an outcome that nobody knows": (DECIDED | {"outcome": "won"}, 2, "--outcome must be one of"),
    "a filing without its level": ({"event": "filed", "date": "2026-10-01"}, 2, "needs --level"),
    "a payment without its amount": ({"event": "paid", "date": "2026-10-01"}, 2, "needs --amount"),
    "a filing with an outcome": (FILED | {"outcome": "upheld"}, 2, "takes no --outcome"),
    "a note without words": ({"event": "note", "date": "2026-10-01"}, 2, "needs --proof"),
    "no day": ({"event": "filed", "level": "reconsideration"}, 2, "--date"),
    "a case that was not asked for": (DECIDED | {"case": "c-1"}, 2, "no cases to choose from"),
}  # fmt: skip


@pytest.mark.parametrize(("event", "code", "says"), WRONG.values(), ids=WRONG)
def test_it_is_refused_in_words_and_nothing_is_written(place, capsys, event, code, says):
    path = export(place)
    assert record(capsys, path, **FILED)[0] == 0
    with CaseStore(place / "local" / "cases.sqlite") as store:
        before = store.verify()
    got, found, err = record(capsys, path, **event)
    assert got == code and says in err
    assert ("refused" in found) == (code == 3)
    with CaseStore(place / "local" / "cases.sqlite") as store:
        assert store.verify() == before


@pytest.mark.parametrize("amount", ["0", "-1", "1.234", "ten", "nan", "1e99"])
def test_an_amount_is_dollars_above_zero(place, capsys, amount):
    with pytest.raises(SystemExit) as caught:
        record(capsys, export(place), event="paid", date="2026-10-01", amount=amount)
    assert caught.value.code == 2


def test_payments_together_do_not_exceed_the_charge(place, capsys):
    path, paid = export(place), {"event": "paid", "amount": "200"}
    assert record(capsys, path, **paid, date="2026-10-01")[0] == 0
    code, found, _ = record(capsys, path, **paid, date="2026-10-02")
    assert code == 3 and "payments recorded before" in found["refused"]


def test_before_the_service_only_what_is_about_a_service_to_come_is_recorded(place, capsys):
    path = export(place, {"Stage": "Pre-Service"})
    before = {"date": "2026-08-01"}
    assert record(capsys, path, **FILED | before)[0] == 0
    assert record(capsys, path, event="paid", amount="1", **before)[0] == 3


def test_a_correction_replaces_an_event_and_a_note_takes_one_back(place, capsys):
    path = export(place)
    first = record(capsys, path, **FILED)[1]
    second = record(capsys, path, **FILED | {"date": "2026-10-02"}, correct=str(first["entry"]))[1]
    assert second["corrects"] == first["entry"]
    code, found, _ = record(capsys, path, **FILED, correct=str(first["entry"]))
    assert code == 3 and found["needs"] == [f"--correct {second['entry']}, to correct that one"]
    note = {"event": "note", "date": "2026-10-03", "proof": "entered on the wrong claim"}
    assert record(capsys, path, **note, correct=str(second["entry"]))[0] == 0
    with CaseStore(place / "local" / "cases.sqlite") as store:
        assert [one.event for one in store.all_events()] == ["note"]


def test_a_filing_is_not_taken_from_under_its_decision(place, capsys):
    path = export(place)
    filed = str(record(capsys, path, **FILED)[1]["entry"])
    decided = record(capsys, path, **DECIDED)[1]["entry"]
    later = FILED | {"date": "2026-11-02", "correct": filed}
    note = {"event": "note", "date": "2026-11-02", "proof": "wrong", "correct": filed}
    for correction in (later, note):
        code, found, _ = record(capsys, path, **correction)
        assert code == 3 and f"entry {decided} " in found["refused"]
    assert record(capsys, path, **FILED | {"date": "2026-10-31", "correct": filed})[0] == 0


def test_tables_that_hold_what_was_recorded_change_no_check_and_repeat_no_appeal(tmp_path):
    given = {"as_of": TODAY, "who": "ana", "now": NOW, "level": "appeal"}
    with CaseStore(tmp_path / "s") as store:
        filed = record_event(store, Case("c-1", {}), "filed", day=date(2026, 3, 1), **given)
        more = given | {"day": date(2026, 4, 1), "outcome": "upheld"}
        record_event(store, Case("c-1", {}), "decided", **more)
        [appeal] = store.resume(Case("c-1", {})).events
        of_tables = Event(
            level="appeal", filed_on=appeal.filed_on, decided_on=appeal.decided_on,
            outcome="upheld", source="export, appeal events",
        )  # fmt: skip
        case = store.resume(Case("c-1", {}, (of_tables,)))
        assert case.events == (of_tables,)
        with pytest.raises(RefusedError, match="depends on the entry"):
            record_event(store, case, "note", day=date(2026, 4, 2), proof="x", corrects=filed.entry,
                         **given | {"level": ""})  # fmt: skip


def test_a_store_that_was_changed_is_noticed(place, capsys):
    record(capsys, export(place), **FILED)
    code, found, _ = run(capsys, "--verify")
    assert code == 0 and found["entries"] == 2 and len(found["last_hash"]) == 64
    with sqlite3.connect(place / "local" / "cases.sqlite") as db:
        db.execute("DROP TRIGGER entries_UPDATE")
        db.execute("UPDATE entries SET day = '2026-09-01' WHERE entry = 2")
    code, found, _ = run(capsys, "--verify")
    assert code == 3 and found["refused"].startswith("entry 2 of the case store was changed")


def test_a_store_that_is_not_there_is_not_made_by_looking_at_it(place, capsys):
    assert run(capsys, "--verify", "--store", "none.sqlite")[0] == 4
    assert not (place / "none.sqlite").exists()


def test_words_without_an_export_are_wrong_usage(place, capsys):
    code, _, err = run(capsys, "--event", "filed")
    assert code == 2 and "EXPORT, --claim, --date" in err


def test_the_help_and_the_page_name_every_event_of_the_rules(capsys):
    with pytest.raises(SystemExit):
        main(["record", "--help"])
    shown = capsys.readouterr().out
    page = (Path(__file__).parents[1] / "docs" / "records.md").read_text(encoding="utf-8")
    assert [event for event in event_rules().events if event not in shown] == []
    assert [event for event in event_rules().events if f"| `{event}` |" not in page] == []


# --- the same claim tomorrow -----------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [{"Payer": "TEST HEALTH"}, {"Payer ID": "T01"}, {"Payer Claim Number": "ICN-1"}],
    ids=["respelled", "id added", "number added"],
)
def test_an_event_stays_with_its_claim_when_the_next_export_says_more(place, capsys, change):
    first = record(capsys, export(place), **FILED)[1]
    tomorrow = export(place, change, name="tomorrow.csv")
    second = record(capsys, tomorrow, **DECIDED)
    assert second[0] == 0 and second[1]["case"] == first["case"]


def test_an_event_stays_with_its_line_when_lines_change_their_order(place, capsys):
    lines = [
        {"Line Number": "1", "Billed Amount": "100.00", "Denied Amount": "100.00"},
        {"Line Number": "2", "Billed Amount": "200.00", "Denied Amount": "200.00"},
    ]
    path = export(place, *lines)
    _, asked, _ = record(capsys, path, **FILED)
    key = asked["needs"][0].split()[-1]
    first = record(capsys, path, **FILED, claim=key)[1]
    swapped = [lines[1] | {"Line Number": "1"}, lines[0] | {"Line Number": "2"}]
    tomorrow = export(place, *swapped, name="tomorrow.csv")
    keys = [one.split()[-1] for one in record(capsys, tomorrow, **FILED)[1]["needs"]]
    found = [record(capsys, tomorrow, **FILED | {"date": "2026-10-02"}, claim=k)[1] for k in keys]
    assert [one["case"] == first["case"] for one in found].count(True) == 1
    with CaseStore(place / "local" / "cases.sqlite") as store:
        charge = store.identities()[first["case"]][0].line.billed_cents
        assert {one.line.billed_cents for one in store.identities()[first["case"]]} == {charge}


def test_where_entries_may_be_of_the_claim_it_is_asked_once(place, capsys):
    first = record(capsys, export(place), **FILED)[1]
    unsure = {"Payer": "", "Service From": ""}
    path = export(place, unsure, name="unsure.csv")
    code, found, _ = record(capsys, path, **DECIDED)
    assert code == 3 and len(found["needs"]) == 2
    assert found["needs"][0].startswith(f"--case {first['case']}, if its 1 entries")
    assert record(capsys, path, **DECIDED, case="c-other")[0] == 2
    code, answered, _ = record(capsys, path, **DECIDED, case=first["case"])
    assert code == 0 and answered["case"] == first["case"]
    note = {"event": "note", "date": "2026-11-02", "proof": "called"}
    assert record(capsys, path, **note)[1]["case"] == first["case"]


def test_the_answer_that_it_is_another_claim_is_kept_too(place, capsys):
    first = record(capsys, export(place), **FILED)[1]
    path = export(place, {"Payer": "", "Service From": ""}, name="unsure.csv")
    other = record(capsys, path, **FILED, case="new")[1]
    assert other["case"] != first["case"]
    assert record(capsys, path, **DECIDED)[1]["case"] == other["case"]


# --- with Python -----------------------------------------------------------------------------


def test_a_writer_of_events_is_told_of_another_ones(tmp_path):
    with CaseStore(tmp_path / "s") as store:
        given = {"day": date(2026, 3, 1), "as_of": TODAY, "who": "ana", "now": NOW}
        record_event(store, Case("c-1", {}), "filed", level="appeal", **given)
        with pytest.raises(RefusedError, match="event filed .appeal. by ana"):
            record_event(store, Case("c-1", {}), "note", proof="x", after=0, **given)


def test_without_a_program_a_level_of_any_program_is_taken(tmp_path):
    with CaseStore(tmp_path / "s") as store:
        given = {"day": date(2026, 3, 1), "as_of": TODAY, "who": "ana", "now": NOW}
        record_event(store, Case("c-1", {}), "filed", level="opm_review", **given)
        with pytest.raises(RefusedError, match="no such level"):
            record_event(store, Case("c-1", {}), "filed", level="nothing", **given)
        with pytest.raises(UsageError, match="at most 2,000"):
            record_event(store, Case("c-1", {}), "note", proof="x" * 2001, **given)


# --- the tables ------------------------------------------------------------------------------


def tables(*claims: dict, file_id: str = "f1") -> Claims:
    """Return the tables of a file with these claims; `lines` are charges in cents of code 77080."""
    rows, lines = [], []
    for n, one in enumerate(claims, 1):
        key = f"{file_id}-{n}"
        row = {"patient_control_number": "A-1", "payer_name": "Test Health",
               "service_from": pd.Timestamp("2026-08-06")}  # fmt: skip
        row |= {name: value for name, value in one.items() if name != "lines"}
        rows.append(row | {"claim_key": key, "file_id": file_id, "row": n})
        lines += [
            {"claim_key": key, "line_key": f"{key}-{at}", "procedure_code": "77080",
             "billed_cents": cents}
            for at, cents in enumerate(one.get("lines", (100, 200)), 1)
        ]  # fmt: skip
    return Claims(
        claims=conform(pd.DataFrame(rows), "claims"),
        claim_lines=conform(pd.DataFrame(lines), "claim_lines") if lines else empty("claim_lines"),
        files=conform(
            {"file": [f"{file_id}.csv"], "file_id": [file_id], "sha256": [file_id]}, "files"
        ),
    )


def identity(*, cents: int | None = 200, **claim: object) -> CaseIdentity:
    stated = {"account": "A-1", "payer_name": "Test Health", "service_from": date(2026, 8, 6)}
    lines = (LineIdentity(procedure_code="77080", billed_cents=cents),) if cents else ()
    return CaseIdentity(claim=ClaimIdentity(**stated | claim), lines=lines)


@pytest.fixture
def store(tmp_path):
    with CaseStore(tmp_path / "cases.sqlite") as opened:
        yield opened


def put(store: CaseStore, of: CaseIdentity, event: str = "filed", day=date(2026, 10, 1), **more):
    case = Case(f"c-{len(store.keys())}", {}, identity=of)
    return store.record(case, event, day=day, who="ana", now=NOW, **more)


def test_an_event_comes_to_the_line_that_it_was_recorded_for(store):
    made = put(store, identity(cents=200), level="reconsideration", proof="fax")
    found = with_recorded(tables({}, {"patient_control_number": "A-2"}), recorded_cases(store))
    [row] = found.recorded_events.to_dict("records")
    assert (row["claim_key"], row["line_key"], row["entry"]) == ("f1-1", "f1-1-2", made.entry)
    assert (row["event"], row["day"], row["level"]) == ("filed", pd.Timestamp("2026-10-01"), "reconsideration")  # fmt: skip
    assert (row["who"], row["proof"], row["entered_at"]) == ("ana", "fax", NOW.isoformat())
    assert found.findings.empty


def test_an_event_of_the_claim_has_no_line(store):
    put(store, identity(cents=None), "paid", amount_cents=500)
    [row] = with_recorded(tables({}), recorded_cases(store)).recorded_events.to_dict("records")
    assert row["line_key"] != row["line_key"] and row["amount_cents"] == 500


def test_a_corrected_event_is_in_no_table(store):
    made = put(store, identity(), level="reconsideration")
    case = Case(made.case_key, {}, identity=identity())
    store.record(case, "note", day=date(2026, 10, 2), proof="wrong", corrects=made.entry, who="ana", now=NOW)  # fmt: skip
    assert with_recorded(tables({}), recorded_cases(store)).recorded_events["event"].tolist() == [
        "note"
    ]


def test_an_event_goes_with_the_last_decision_up_to_its_day(store):
    put(store, identity(cents=None), day=date(2026, 10, 1))
    put(store, identity(cents=None), "paid", day=date(2026, 12, 1), amount_cents=1)
    put(store, identity(cents=None), "records_sent", day=date(2026, 8, 10))
    days = ["2026-09-01", "2026-11-01", "2026-11-02"]
    decided = [{"remittance_date": pd.Timestamp(day)} for day in days]
    decided[2]["is_reversal"] = True
    found = with_recorded(tables(*decided), recorded_cases(store)).recorded_events
    assert dict(zip(found["event"], found["claim_key"], strict=True)) == {
        "filed": "f1-1", "paid": "f1-2", "records_sent": "f1-1"}  # fmt: skip


@pytest.mark.parametrize(
    "claims",
    [
        [{}] * 101,
        [{"payer_name": None, "service_from": pd.NaT}],
        [{"lines": ()}],
        [{"payer_id": "P-1"}, {"payer_id": "P-2"}],
    ],
    ids=["a placeholder for a number", "too little stated", "no lines", "two claims"],
)
def test_an_event_that_may_be_of_a_claim_is_a_finding_and_no_row(store, claims):
    put(store, identity())
    found = with_recorded(tables(*claims), recorded_cases(store))
    assert found.recorded_events.empty
    assert found.findings["code"].tolist() == ["recorded_not_matched"]
    assert found.findings["file"].tolist() == ["f1.csv"]
    assert "A-1" not in found.findings["says"].iloc[0]


@pytest.mark.parametrize(
    "claim",
    [{"patient_control_number": "A-2"}, {"payer_name": "Another"}, {"lines": (300,)}],
    ids=["account", "payer", "charge"],
)
def test_an_event_of_another_claim_or_line_is_nowhere(store, claim):
    put(store, identity(payer_name="Test Health", service_from=None))
    found = with_recorded(tables(claim), recorded_cases(store))
    assert found.recorded_events.empty and found.findings.empty


def test_claims_are_found_by_the_payers_number_too(store):
    put(store, identity(account=None, payer_numbers=frozenset(["N-1"]), cents=None))
    for column in ("payer_claim_control_number", "original_reference"):
        assert (
            len(with_recorded(tables({column: "N-1"}), recorded_cases(store)).recorded_events) == 1
        )


def test_what_is_recorded_can_be_taken_along_without_the_store(store):
    put(store, identity())
    known = recorded_cases(store)
    store.close()
    assert len(with_recorded(tables({}), known).recorded_events) == 1


def test_facts_alone_are_in_no_table(store):
    store.save(Case("c-1", {"x": Fact("1", "entered")}, identity=identity()), who="ana", now=NOW)
    claims = tables({})
    assert with_recorded(claims, recorded_cases(store)) is claims


def test_tables_are_put_together_and_cut_with_what_was_recorded(store):
    put(store, identity())
    filled = with_recorded(tables({}, {"patient_control_number": "A-2"}), recorded_cases(store))
    both = concat([filled, tables({}, file_id="f2")])
    assert len(both.recorded_events) == 1
    assert len(CompactClaims.of(both).only(["f1-1"]).recorded_events) == 1
    assert CompactClaims.of(both).only(["f1-2"]).recorded_events.empty
    assert list(empty("recorded_events")) == list(filled.recorded_events)
    assert replace(filled, recorded_events=empty("recorded_events")).recorded_events.empty
