"""FHIR ExplanationOfBenefit: bundles and NDJSON become the same tables; what is not read is named."""

import json
from datetime import date
from pathlib import Path

import pytest

from toolkit.bulk import Book, gather, triage_book
from toolkit.claims import read, totals
from toolkit.errors import InputError
from toolkit.hospital import Hospital
from toolkit.worklist.triage import triage

UNKNOWN = Hospital.unknown()

SAMPLES = Path(__file__).parents[1] / "data" / "samples" / "fhir"
BOTH = pytest.mark.parametrize("name", ["bundle.json", "benefits.ndjson"])
DAY = date(2026, 10, 1)


def codes(claims) -> list[str]:
    return sorted(claims.findings["code"])


@BOTH
def test_the_totals_are_those_counted_by_hand(name):
    found = totals(read(SAMPLES / name))
    # e1, e2 and the later e5 count; e3 is cancelled, e4 a request, one e5 came again, one organization
    assert (found["claims"], found["service_lines"], found["rows_in"], found["rows_out"]) == (
        3,
        4,
        7,
        3,
    )
    assert found["rows_left_out"] == 4
    assert (found["billed"], found["paid"]) == (
        "1800.50",
        "290.10",
    )  # 400 + 1200.50 + 200; 90.10 + 200
    assert found["by_group_code"] == {"?-197": "1200.50", "?-45": "59.90", "?-50": "250.00"}
    assert found["remark_codes"] == {"N115": 1}
    assert found["elements_not_read"] == ["careTeam"]


@BOTH
def test_every_fact_of_a_claim_is_where_the_tables_have_it(name):
    claims = read(SAMPLES / name)
    one = claims.claims.iloc[0]
    assert one[["patient_control_number", "payer_claim_control_number", "payer_id", "payer_name", "provider_npi", "provider_name"]].tolist() == ["FH001", "ICN-F1", "99001", "Example Health Plan", "1999999984", "Example Hospital"]  # fmt: skip
    assert str(one["remittance_date"].date()) == "2026-09-18"
    assert claims.claims["program"].isna().all()
    assert claims.adjustments["group_code"].isna().all()
    line = claims.claim_lines.iloc[0]
    assert (line["procedure_code"], line["billed_cents"], line["paid_cents"]) == ("77080", 25000, 0)
    assert claims.claims["claim_status"].fillna("").tolist() == ["", "4", ""]


@BOTH
def test_its_denials_are_worked_like_those_of_a_remittance(name, tmp_path):
    claims = read(SAMPLES / name)
    once = triage(claims, as_of=DAY, hospital=UNKNOWN)
    assert once["denial_category"].tolist() == ["medical_necessity", "authorization"]
    assert once["denied_cents"].tolist() == [25000, 120050]
    book = Book.at(tmp_path / "book")
    found = gather([SAMPLES / name], book, engine="pandas")
    with triage_book(
        book, found.files, as_of=DAY, engine="pandas", findings=found.findings, hospital=UNKNOWN
    ) as run:
        assert run.denials == 2
        assert run.summary()["denied"] == "1450.50"
        assert sorted(run.file_findings["code"]) == codes(claims)


def benefit(**more) -> dict:
    return {"resourceType": "ExplanationOfBenefit", "id": "a", "status": "active", "use": "claim",
            "item": [{"sequence": 1, "adjudication": []}]} | more  # fmt: skip


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_broken_line_is_named_by_its_number_and_the_others_count(tmp_path):
    path = written(
        tmp_path,
        f'{json.dumps(benefit())}\n{{"resourceType": "ZZSENTINEL\n{json.dumps(benefit(id="b"))}\n',
    )
    claims = read(path)
    assert len(claims.claims) == 2
    broken = claims.findings[claims.findings["code"] == "fhir_line_broken"]
    assert broken["row"].tolist() == [2]
    assert "ZZSENTINEL" not in " ".join(claims.findings["says"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"resourceType": "Bundle", "entry": [' + '{"a":' * 100_000, "damaged JSON, or nested too deep"),
        ('{"resourceType": "Patient", "id": "x"}', "no ExplanationOfBenefit"),
        ('{"resourceType": "Bundle", "entry": {}}', "no ExplanationOfBenefit"),
        (json.dumps(benefit(status="entered-in-error")), "no ExplanationOfBenefit"),
    ],
)  # fmt: skip
def test_what_holds_no_benefit_is_refused_in_words(tmp_path, text, says):
    with pytest.raises(InputError, match=says):
        read(written(tmp_path, text))


def test_elements_of_another_shape_are_blank_and_never_a_fault(tmp_path):
    odd = benefit(
        identifier="x", insurer=7, payment=[1], total={"a": 1}, billablePeriod="2026", created="2026",
        item=[{"productOrService": "99213", "adjudication": {"x": 1}, "net": {"value": "1e400"}}, 5],
    )  # fmt: skip
    claims = read(written(tmp_path, json.dumps(odd)))
    assert len(claims.claims) == 1
    assert claims.claims["billed_cents"].isna().all()
    assert {"not_a_date", "not_money"} & set(claims.findings["code"]) == {"not_a_date", "not_money"}


def test_an_amount_in_another_currency_is_not_taken_for_dollars(tmp_path):
    euro = benefit(total=[{"category": {"coding": [{"code": "submitted"}]}, "amount": {"value": 5, "currency": "EUR"}}])  # fmt: skip
    claims = read(written(tmp_path, json.dumps(euro)))
    assert claims.claims["billed_cents"].isna().all()
    assert "fhir_currency" in codes(claims)


def test_a_folder_takes_its_fhir_files_and_leaves_other_json(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(benefit()), encoding="utf-8")
    (tmp_path / "manifest.json").write_text('{"files": 3}', encoding="utf-8")
    assert read(tmp_path).files["file"].tolist() == ["a.json"]
