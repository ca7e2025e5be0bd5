"""Cases: what the files hold on one denial, and the store that never loses what was entered."""

import multiprocessing
import sqlite3
import stat
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest

from toolkit.cases import Case, CaseStore, Event, Fact, case_from, with_facts
from toolkit.claims.tables import Claims, conform
from toolkit.errors import InputError, UsageError
from toolkit.hospital import Hospital
from toolkit.hospital.payers import Payer

UNKNOWN = Hospital.unknown()

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
SENTINEL = "ZZSENTINELZZ"


def claims_of(file_id: str = "f1f1f1f1", source: str = "export") -> Claims:
    key = f"{file_id}-1"
    return Claims(
        claims=conform(
            pd.DataFrame(
                {
                    "claim_key": [key],
                    "file_id": [file_id],
                    "patient_control_number": ["PCN-SYN-1"],
                    "patient_name": [f"Testcase, {SENTINEL}"],
                    "member_id": ["SYN-1"],
                    "birth_date": [pd.Timestamp("1951-04-09")],
                    "payer_name": ["Lakeshore Synthetic Advantage"],
                    "facility": ["Maple Harbor Regional Hospital"],
                }
            ),
            "claims",
        ),
        claim_lines=conform(
            pd.DataFrame(
                {
                    "claim_key": [key, key, key],
                    "line_key": [f"{key}-1", f"{key}-2", f"{key}-3"],
                    "procedure_code": ["77080", "99213", "77080"],
                    "diagnosis_code": ["M81.0", "M81.0", "M81.0"],
                }
            ),
            "claim_lines",
        ),
        adjustments=conform(
            pd.DataFrame(
                {
                    "adjustment_key": [f"{key}-a1", f"{key}-a2"],
                    "claim_key": [key, key],
                    "line_key": [f"{key}-1", f"{key}-1"],
                    "group_code": ["CO", "CO"],
                    "carc": ["45", "50"],
                    "amount_cents": [1000, 12345],
                    "denial_text": [pd.NA, "Step therapy requirement not met"],
                }
            ),
            "adjustments",
        ),
        appeal_events=conform(
            pd.DataFrame(
                {
                    "claim_key": [key, key, key],
                    "line_key": [f"{key}-1", f"{key}-2", pd.NA],
                    "level": ["reconsideration", "reconsideration", "ire_review"],
                    "filed_on": pd.to_datetime(["2026-10-25", "2026-10-25", pd.NA]),
                    "decided_on": pd.to_datetime(["2026-11-01", pd.NA, "2026-11-20"]),
                    "outcome": ["upheld", pd.NA, "overturned"],
                    "recovered_cents": [pd.NA, pd.NA, 5000],
                }
            ),
            "appeal_events",
        ),
        files=conform(
            pd.DataFrame({"file": ["a.csv"], "file_id": [file_id], "source": [source]}), "files"
        ),
    )


def worklist_of(file_id: str = "f1f1f1f1", lines: int = 2) -> pd.DataFrame:
    keys = [f"{file_id}-1-1", f"{file_id}-1-3"][:lines]
    return pd.DataFrame(
        {
            "denial_key": keys,
            "claim_key": f"{file_id}-1",
            "line_key": keys,
            "file_id": file_id,
            "patient_control_number": "PCN-SYN-1",
            "payer_claim_control_number": "ICN-SYN-1",
            "payer_id": "P-1",
            "payer_name": "Lakeshore Synthetic Advantage",
            "program": "medicare_advantage",
            "program_from": "payers.csv",
            "contracted": pd.Series([pd.NA] * lines, dtype="str"),
            "service_from": pd.Timestamp("2026-10-09"),
            "procedure_code": "77080",
            "stage": "payment",
            "group_code": "CO",
            "carc": "50",
            "rarcs": "",
            "reason": "step_therapy",
            "level": "reconsideration",
            "denied_cents": pd.array([12345] * lines, dtype="Int64"),
            "notice_date": pd.Timestamp("2026-10-20"),
            "notice_from": "notice_date",
            "notice_received": pd.NaT,
            "last_filing_date": pd.Timestamp("2026-12-24"),
            "file_by": pd.Timestamp("2026-12-18"),
        }
    )


def payers() -> tuple[Payer, ...]:
    return (
        Payer(payer_id="P-0", appeals_address="elsewhere"),
        Payer(
            payer_name="LAKESHORE SYNTHETIC ADVANTAGE",
            appeals_address="P.O. Box 0000",
            address_verified_on=date(2026, 11, 1),
        ),
    )


def a_case(**values: object) -> Case:
    return Case("c-1", {name: Fact(v, "entered by the analyst") for name, v in values.items()})


@pytest.fixture
def store(tmp_path):
    with CaseStore(tmp_path / "cases.sqlite") as opened:
        yield opened


# --- the case --------------------------------------------------------------------------------


def test_a_case_holds_what_the_files_say_with_its_source():
    case = case_from(
        claims_of(), worklist_of(), "f1f1f1f1-1-1", hospital=replace(UNKNOWN, payers=payers())
    )
    assert case.facts["program"] == Fact("medicare_advantage", "triage (payers.csv)")
    assert case.facts["notice_date"] == Fact(date(2026, 10, 20), "export column notice_date")
    assert case.facts["last_filing_date"] == Fact(date(2026, 12, 24), "triage")
    assert case.facts["denied_cents"] == Fact(12345, "triage")
    assert case.value("denial_words") == "Step therapy requirement not met"
    assert case.value("birth_date") == date(1951, 4, 9)
    assert case.value("hospital_name") == "Maple Harbor Regional Hospital"
    assert case.facts["plan_address"] == Fact(
        "P.O. Box 0000", "payers.csv column appeals_address", date(2026, 11, 1)
    )
    for unknown in ("contracted", "notice_received", "rarcs", "plan_fax"):
        assert unknown not in case.facts


def test_a_remittance_names_its_segments_as_sources():
    case = case_from(
        claims_of(source="remittance"), worklist_of(), "f1f1f1f1-1-1", hospital=UNKNOWN
    )
    assert case.facts["payer_claim_control_number"].source == "835 CLP07"
    assert case.facts["carc"].source == "835 CAS02"
    assert case.facts["patient_name"].source == "835 NM1*QC"


def test_a_case_has_the_events_of_its_line_and_its_claim_in_order():
    case = case_from(claims_of(), worklist_of(), "f1f1f1f1-1-1", hospital=UNKNOWN)
    assert [(e.level, e.outcome) for e in case.events] == [
        ("ire_review", "overturned"),
        ("reconsideration", "upheld"),
    ]
    assert case.events[0].recovered_cents == 5000


def test_the_same_denial_keeps_its_case_when_a_later_file_holds_it_again():
    today = case_from(claims_of(), worklist_of(), "f1f1f1f1-1-1", hospital=UNKNOWN)
    tomorrow = case_from(
        claims_of("e2e2e2e2"), worklist_of("e2e2e2e2"), "e2e2e2e2-1-1", hospital=UNKNOWN
    )
    assert today.case_key == tomorrow.case_key
    assert "PCN" not in today.case_key


def test_two_lines_with_one_code_are_two_cases():
    first = case_from(claims_of(), worklist_of(), "f1f1f1f1-1-1", hospital=UNKNOWN)
    second = case_from(claims_of(), worklist_of(), "f1f1f1f1-1-3", hospital=UNKNOWN)
    assert first.case_key != second.case_key


def test_a_denial_that_the_worklist_lacks_is_refused_without_its_key():
    with pytest.raises(UsageError) as caught:
        case_from(claims_of(), worklist_of(), SENTINEL, hospital=UNKNOWN)
    assert SENTINEL not in str(caught.value)


def test_a_case_and_a_fact_print_without_values():
    case = case_from(claims_of(), worklist_of(), "f1f1f1f1-1-1", hospital=UNKNOWN)
    assert SENTINEL in case.value("patient_name")
    assert SENTINEL not in f"{case!r} {case.facts!r}"


def test_a_case_from_the_files_suggests_its_letter():
    from toolkit import letters

    case = case_from(
        claims_of(), worklist_of(), "f1f1f1f1-1-1", hospital=replace(UNKNOWN, payers=payers())
    )
    kind = letters.suggest(case)
    assert kind.id == "ma_reconsideration_dexa_step_therapy"
    letter = letters.draft(case, kind, as_of=date(2026, 11, 23))
    assert "Step therapy requirement not met" in letter.text
    assert {"filer", "order_date"} <= {need.name for need in letter.missing}


def test_facts_of_a_file_are_entered_under_its_name(tmp_path):
    path = tmp_path / "facts.yaml"
    path.write_text("order_date: 2026-10-08\nprocedure_code: '77080'\nnotice_names_criterion: no\n")
    case = with_facts(Case("c-1", {}), path, as_of=date(2026, 11, 23))
    assert case.facts["order_date"] == Fact(
        date(2026, 10, 8), "entered in the facts file facts.yaml", date(2026, 11, 23)
    )
    assert case.value("notice_names_criterion") == "no"


@pytest.mark.parametrize(
    "text", [f"- {SENTINEL}", f"a: {{b: {SENTINEL}}}", f"a: 1\na: {SENTINEL}", "a: ["]
)
def test_a_file_of_facts_that_cannot_be_read_is_refused_without_its_values(tmp_path, text):
    path = tmp_path / "facts.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match="facts.yaml") as caught:
        with_facts(Case("c-1", {}), path)
    assert SENTINEL not in str(caught.value)
    with pytest.raises(InputError, match="gone.yaml"):
        with_facts(Case("c-1", {}), tmp_path / "gone.yaml")


# --- the store -------------------------------------------------------------------------------


def test_what_is_saved_comes_back_as_it_was(store):
    case = Case(
        "c-1",
        {
            "a": Fact("text", "export column a"),
            "b": Fact(date(2026, 3, 1), "835 DTM", date(2026, 3, 2)),
            "c": Fact(1234, "triage"),
        },
        (Event(level="reconsideration", filed_on=date(2026, 3, 5), recovered_cents=7),),
    )
    assert store.save(case, now=NOW) == 4
    assert store.case("c-1") == case
    assert store.keys() == ("c-1",)
    assert store.case("c-2") is None


def test_saving_the_same_case_again_adds_nothing(store):
    store.save(a_case(x="1"), now=NOW)
    assert store.save(a_case(x="1"), now=NOW) == 0
    assert len(store.history("c-1")) == 1


def test_every_value_ever_entered_stays_in_the_history(store):
    for value in ("first", "second", "first"):
        store.save(a_case(x=value), now=NOW)
    store.withdraw("c-1", "x", source="entered by the analyst", now=NOW)
    kept = [entry.fact.value if entry.fact else None for entry in store.history("c-1", name="x")]
    assert kept == ["first", "second", "first", None]
    assert store.case("c-1") is None
    assert store.history("c-1")[0].entered_at == "2026-11-23T09:30:00+00:00"


@pytest.mark.parametrize("table", ["facts", "events", "letters"])
@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET case_key = 'z'"])
def test_the_file_itself_refuses_to_change_or_drop_an_entry(store, tmp_path, table, change):
    event = Event(level="reconsideration", filed_on=date(2026, 3, 5))
    store.save(Case("c-1", {"x": Fact("1", "s")}, (event,)), now=NOW)
    store.record_letter(
        "c-1", kind="k", sha256="0" * 64, file_type="pdf", letter_date=date(2026, 3, 1), now=NOW
    )
    with (
        sqlite3.connect(tmp_path / "cases.sqlite") as other,
        pytest.raises(sqlite3.IntegrityError, match="only added"),
    ):
        other.execute(change.format(table))


def test_todays_file_renews_its_facts_and_leaves_what_people_entered(store):
    store.save(
        Case("c-1", {"payer_name": Fact("old", "export column payer_name")}).with_facts(
            a_case(order_record="page 3", patient_name="As entered").facts
        ),
        now=NOW,
    )
    store.withdraw("c-1", "member_id", source="entered by the analyst", now=NOW)
    today = Case(
        "c-1",
        {
            "payer_name": Fact("new", "export column payer_name"),
            "patient_name": Fact("As filed", "export column patient_name"),
            "member_id": Fact("wrong", "export column member_id"),
        },
    )
    resumed = store.resume(today)
    assert resumed.value("payer_name") == "new"
    assert resumed.value("order_record") == "page 3"
    assert resumed.value("patient_name") == "As entered"
    assert resumed.value("member_id") is None


def test_every_letter_leaves_its_hash_its_kind_and_its_time(store):
    for is_draft in (True, False):
        store.record_letter(
            "c-1", kind="k", sha256="ab" * 32, file_type="docx", letter_date=date(2026, 11, 23),
            now=NOW, is_draft=is_draft,
        )  # fmt: skip
    first, second = store.letters("c-1")
    assert (first.is_draft, second.is_draft) == (True, False)
    assert second.sha256 == "ab" * 32 and second.letter_date == date(2026, 11, 23)


def test_the_store_is_for_its_owner_only(tmp_path):
    path = tmp_path / "private" / "cases.sqlite"
    with CaseStore(path) as store:
        store.save(a_case(x="1"), now=NOW)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    with CaseStore(path) as store:
        assert store.case("c-1")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_entry_is_whole_or_absent(store):
    good, bad = Fact("1", "s"), Fact(object(), "s")
    with pytest.raises(AttributeError):
        store.enter("c-1", {"a": good, "b": bad}, now=NOW)
    assert store.history("c-1") == ()
    store.enter("c-1", {"a": good}, now=NOW)
    assert store.case("c-1").value("a") == "1"


def test_a_process_that_dies_in_the_middle_leaves_the_store_as_it_was(tmp_path):
    path = tmp_path / "cases.sqlite"
    with CaseStore(path) as store:
        store.save(a_case(x="1"), now=NOW)
    process = multiprocessing.get_context("spawn").Process(target=_die_writing, args=(path,))
    process.start()
    process.join(60)
    assert process.exitcode == 9
    with CaseStore(path) as store:
        assert store.case("c-1").value("x") == "1"
        assert len(store.history("c-1")) == 1
        store.save(a_case(x="2"), now=NOW)
        assert store.case("c-1").value("x") == "2"


def _die_writing(path: Path) -> None:
    import os

    store = CaseStore(path)
    with store._writing():
        store._add("c-1", "x", Fact("half", "s"), NOW)
        os._exit(9)


def test_two_processes_write_to_one_store_and_lose_nothing(tmp_path):
    path = tmp_path / "cases.sqlite"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_write_many, args=(path, name)) for name in "ab"]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    with CaseStore(path) as store:
        assert len(store.history("c-1", name="a")) == len(store.history("c-1", name="b")) == 25


def _write_many(path: Path, name: str) -> None:
    with CaseStore(path) as store:
        for count in range(25):
            store.enter("c-1", {name: Fact(count, "s")}, now=NOW)


def test_a_file_that_is_no_store_is_refused_and_left_as_it_was(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text(SENTINEL * 100)
    path.chmod(0o644)
    with pytest.raises(InputError, match="notes.txt: is not a case store") as caught:
        CaseStore(path)
    assert SENTINEL not in str(caught.value)
    assert path.read_text() == SENTINEL * 100
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_store_of_a_newer_version_is_refused(tmp_path):
    path = tmp_path / "cases.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 99")
    with pytest.raises(InputError, match="newer version"):
        CaseStore(path)
