"""Cases: what the files hold on one denial, each fact with its source."""

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from toolkit.cases import Case, Fact, bare_cases, case_from
from toolkit.claims.tables import Claims, conform
from toolkit.errors import InputError, UsageError
from toolkit.hospital import Hospital
from toolkit.hospital.payers import Payer
from toolkit.letters import facts_in, with_facts

UNKNOWN = Hospital.unknown()

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
            "denial_category": "medical_necessity",
            "reason": "step_therapy",
            "route": "appeal",
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


def test_a_bare_case_is_named_as_the_whole_one():
    worklist = worklist_of()
    for key, bare in zip(worklist["denial_key"], bare_cases(claims_of(), worklist), strict=True):
        whole = case_from(claims_of(), worklist, key, hospital=UNKNOWN)
        assert (bare.case_key, bare.identity) == (whole.case_key, whole.identity)
        assert bare.version_1_key == whole.version_1_key
        assert not bare.facts and whole.facts


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
    assert (kind.id, kind.level, kind.service.id) == (
        "appeal", "reconsideration", "bone_mass_measurement",
    )  # fmt: skip
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


def test_facts_of_one_claim_count_before_those_of_all(tmp_path):
    path = tmp_path / "facts.yaml"
    path.write_text(
        "filer: assignee\nsigner_name: M\nclaims: {A-1: {filer: enrollee}, P-2: {signer_name: N}}"
    )

    def entered(account: str, payers: str) -> tuple:
        numbers = {"patient_control_number": account, "payer_claim_control_number": payers}
        case = Case("c-1", {name: Fact(value, "835") for name, value in numbers.items()})
        case = with_facts(case, path, as_of=date(2026, 11, 23))
        return case.value("filer"), case.value("signer_name")

    assert entered("A-1", "P-1") == ("enrollee", "M")
    assert entered("A-2", "P-2") == ("assignee", "N")
    assert entered("A-3", "P-3") == ("assignee", "M")
    with pytest.raises(UsageError, match="claims, entry 2: no denial") as caught:
        facts_in(path).check_claims({"A-1"})
    assert "P-2" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [f"- {SENTINEL}", f"a: {{b: {SENTINEL}}}", f"a: 1\na: {SENTINEL}", "a: [",
     f"claims: [{SENTINEL}]", f"claims: {{A-1: {SENTINEL}}}", f"claims: {{A-1: {{a: {{b: {SENTINEL}}}}}}}"],
)  # fmt: skip
def test_a_file_of_facts_that_cannot_be_read_is_refused_without_its_values(tmp_path, text):
    path = tmp_path / "facts.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match="facts.yaml") as caught:
        with_facts(Case("c-1", {}), path)
    assert SENTINEL not in str(caught.value)
    with pytest.raises(InputError, match="gone.yaml"):
        with_facts(Case("c-1", {}), tmp_path / "gone.yaml")
