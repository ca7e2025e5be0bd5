"""X12 835 remittances: what is read, what is found, what is refused."""

import json
import re
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.claims.tables import DTYPES, TABLES, concat
from toolkit.claims.x12.envelope import is_x12, open_envelope
from toolkit.claims.x12.remittance import read_references_and_amounts, read_remittance, totals
from toolkit.errors import RemittanceError

SAMPLES = Path(__file__).parents[1] / "data" / "samples" / "remits"
BASELINE = (SAMPLES / "quirks" / "q01_baseline.835").read_bytes()
EXPECTED = {
    (folder, name): totals_of_file
    for folder in ("public", "quirks")
    for name, totals_of_file in json.loads(
        (SAMPLES / folder / "expected_totals.json").read_text()
    ).items()
}


@pytest.fixture
def read(tmp_path):
    """Read bytes as a remittance file."""

    def read_bytes(data: bytes):
        path = tmp_path / "remit.835"
        path.write_bytes(data)
        return read_remittance(path)

    return read_bytes


def changed(old: bytes, new: bytes, data: bytes = BASELINE) -> bytes:
    assert old in data
    return data.replace(old, new)


def codes(claims) -> set[str]:
    return set(claims.findings["code"])


def money(claims) -> tuple:
    """Counts and money only: what must not depend on how the file is laid out."""
    found = totals(claims)
    return tuple(found[key] for key in ("claims", "billed", "paid", "adjustments")) + (
        found["adjustment_total"],
        tuple(sorted(found["by_group_code"].items())),
        tuple(sorted(found["remark_codes"].items())),
    )


BASELINE_MONEY = (
    1,
    "500.00",
    "300.00",
    2,
    "200.00",
    (("CO-45", "150.00"), ("PR-1", "50.00")),
    (("M76", 1), ("N130", 1)),
)


# --- totals of every sample -----------------------------------------------------------------


@pytest.mark.parametrize("folder, name", EXPECTED)
def test_a_sample_gives_its_independent_totals(folder, name):
    want, claims = EXPECTED[folder, name], read_remittance(SAMPLES / folder / name)
    got = totals(claims)
    found_in = claims.remark_codes["found_in"].value_counts()

    def count(value):
        return value if isinstance(value, int) else sum(value.values())

    assert got["claims"] == want["claims"]
    assert got["transactions"] == want["st_835"]
    assert Decimal(got["billed"]) == Decimal(want.get("billed", want.get("sum_billed_CLP03")))
    assert Decimal(got["paid"]) == Decimal(want.get("paid", want.get("sum_paid_CLP04")))
    assert got["adjustments"] == want["cas_triplets"]
    assert Decimal(got["adjustment_total"]) == Decimal(want["cas_total"])
    assert Decimal(got["provider_adjustments_total"]) == Decimal(want["plb_total"])
    assert found_in.get("LQ", 0) == count(want["lq"])
    assert found_in.get("MOA", 0) == count(want.get("moa", want.get("moa_remarks")))
    assert found_in.get("MIA", 0) == count(want.get("mia", want.get("mia_remarks")))


@pytest.mark.parametrize("name", [name for folder, name in EXPECTED if folder == "public"])
def test_a_public_sample_gives_its_finer_totals(name):
    want, claims = EXPECTED["public", name], read_remittance(SAMPLES / "public" / name)
    got = totals(claims)
    by_level = claims.adjustments.groupby("adjustment_level")["amount_cents"].sum()
    assert got["service_lines"] == want["service_lines"]
    assert {k: Decimal(v) for k, v in got["by_group_code"].items()} == {
        k: Decimal(v) for k, v in want["cas_by_group_code"].items()
    }
    for level, key in (("claim", "cas_claim_level"), ("line", "cas_service_level")):
        assert by_level.get(level, 0) == Decimal(want[key]) * 100
    responsibility = claims.claims["patient_responsibility_cents"].sum()
    assert responsibility == Decimal(want["sum_patient_resp_CLP05"]) * 100
    assert claims.claims["claim_status"].value_counts().to_dict() == want["claim_status"]
    remarks = claims.remark_codes.groupby("found_in")["rarc"].value_counts()
    for found_in, codes_wanted in (
        ("LQ", {k.split(":")[1]: n for k, n in want["lq"].items()}),
        ("MOA", want["moa_remarks"]),
        ("MIA", want["mia_remarks"]),
    ):
        got_codes = remarks[found_in].to_dict() if found_in in remarks else {}
        assert got_codes == codes_wanted


def test_every_sample_has_its_totals_and_its_source():
    sources = (SAMPLES / "SOURCES.md").read_text()
    for folder in ("public", "quirks"):
        names = {p.name for p in (SAMPLES / folder).iterdir()} - {"expected_totals.json"}
        assert names == {name for f, name in EXPECTED if f == folder}
    for folder in ("public", "public-277"):
        for path in (SAMPLES / folder).iterdir():
            assert path.name == "expected_totals.json" or f"{folder}/{path.name}" in sources


@pytest.mark.parametrize("folder, name", EXPECTED)
def test_charge_less_payment_less_adjustments_is_nothing_where_no_finding_says_otherwise(
    folder, name
):
    claims = read_remittance(SAMPLES / folder / name)
    assert not codes(claims) & {"claim_does_not_balance", "line_does_not_balance"}
    adjusted = claims.adjustments.groupby("claim_key")["amount_cents"].sum()
    own = claims.claims.set_index("claim_key")
    off = own["billed_cents"] - own["paid_cents"] - adjusted.reindex(own.index, fill_value=0)
    assert (off == 0).all()


# --- the tables -----------------------------------------------------------------------------


@pytest.mark.parametrize("folder, name", EXPECTED)
def test_the_tables_have_the_canonical_columns_and_types(folder, name):
    claims = read_remittance(SAMPLES / folder / name)
    for table, columns in TABLES.items():
        frame = getattr(claims, table)
        assert list(frame.columns) == [c.name for c in columns]
        assert [str(t) for t in frame.dtypes] == [DTYPES[c.kind] for c in columns]


def test_keys_are_file_and_ordinal_and_hold_no_value_of_a_claim():
    claims = read_remittance(SAMPLES / "public" / "tastypackets_x12-parser_profee-multiple.edi")
    file_id = claims.files["file_id"][0]
    assert claims.claims["claim_key"].tolist()[:2] == [f"{file_id}-000001", f"{file_id}-000002"]
    assert claims.claims["claim_key"].is_unique
    assert claims.claim_lines["line_key"].is_unique
    assert claims.adjustments["adjustment_key"].is_unique
    assert claims.claim_lines["line_key"].str.fullmatch(rf"{file_id}-\d{{6}}-\d{{3}}").all()
    assert (claims.claim_lines["line_key"].str[:-4] == claims.claim_lines["claim_key"]).all()
    on_line = claims.adjustments.dropna(subset="line_key")
    assert on_line["line_key"].isin(claims.claim_lines["line_key"]).all()


def test_a_claim_carries_its_payer_payee_patient_and_dates():
    claims = read_remittance(SAMPLES / "quirks" / "q01_baseline.835")
    claim, line = claims.claims.iloc[0], claims.claim_lines.iloc[0]
    assert claim[["payer_id", "payer_name"]].tolist() == ["12345", "ACME PAYER"]
    assert claim[["provider_name", "provider_npi"]].tolist() == ["GENERAL HOSPITAL", "1234567893"]
    assert claim[["patient_name", "member_id"]].tolist() == ["DOE, JANE", "M123"]
    assert claim[["patient_control_number", "payer_claim_control_number"]].tolist() == [
        "C1",
        "ICNC1",
    ]
    assert claim["claim_filing_indicator"] == "12"
    assert claim["remittance_date"] == pd.Timestamp(2026, 1, 14)
    assert claim["service_from"] == claim["service_to"] == pd.Timestamp(2025, 12, 1)
    assert claim["patient_responsibility_cents"] == 5000
    assert claim["row"] == 14
    assert line[["procedure_code", "modifiers", "units"]].tolist() == ["99213", "25", 1.0]
    assert line["service_from"] == pd.Timestamp(2025, 12, 1)


def test_the_payment_date_stands_in_for_a_missing_production_date(read):
    claims = read(changed(b"DTM*405*20260114~", b""))
    assert claims.claims["remittance_date"][0] == pd.Timestamp(2026, 1, 15)


def test_a_claim_without_dates_takes_the_span_of_its_lines(read):
    more = b"LQ*HE*M76~SVC*HC:99214*0*0**1~DTM*150*20251203~DTM*151*20251205~"
    claims = read(changed(b"LQ*HE*M76~", more, changed(b"DTM*232*20251201~", b"")))
    claim = claims.claims.iloc[0]
    assert claim["service_from"] == pd.Timestamp(2025, 12, 1)
    assert claim["service_to"] == pd.Timestamp(2025, 12, 5)


def test_a_line_without_dates_takes_those_of_its_claim(read):
    dated = changed(b"DTM*232*20251201~", b"DTM*232*20251201~DTM*233*20251204~")
    line = read(changed(b"DTM*472*20251201~", b"", dated)).claim_lines.iloc[0]
    assert [line["service_from"], line["service_to"]] == [
        pd.Timestamp(2025, 12, 1),
        pd.Timestamp(2025, 12, 4),
    ]


def test_allowed_is_b6_of_the_lines_and_never_the_coverage_amount(read):
    line = b"DTM*472*20251201~CAS*CO*45*150~CAS*PR*1*50~AMT*B6*350~"
    stated = changed(b"DTM*472*20251201~CAS*CO*45*150~CAS*PR*1*50~", line)
    stated = changed(b"DTM*232*20251201~", b"DTM*232*20251201~AMT*AU*480~", stated)
    claims = read(stated)
    assert claims.claim_lines["allowed_cents"][0] == 35000
    assert claims.claims["allowed_cents"][0] == 35000
    assert pd.isna(read(changed(b"AMT*B6*350~", b"", stated)).claims["allowed_cents"][0])


def test_received_date_line_number_revenue_code_and_plan_are_read(read):
    data = changed(b"DTM*232*20251201~", b"REF*CE*GOLD PLAN~DTM*232*20251201~DTM*050*20251210~")
    data = changed(b"SVC*HC:99213:25*500*300**1~", b"SVC*HC:99213:25:59*500*300*0450*0**3~", data)
    data = changed(b"CAS*PR*1*50~", b"CAS*PR*1*50~REF*6R*LINE7~", data)
    claims = read(data)
    line = claims.claim_lines.iloc[0]
    assert claims.claims["claim_received"][0] == pd.Timestamp(2025, 12, 10)
    assert claims.claims["plan_name"][0] == "GOLD PLAN"
    assert line[["line_control_number", "revenue_code", "modifiers"]].tolist() == [
        "LINE7",
        "0450",
        "25 59",
    ]
    assert line["units"] == 3  # billed, where the payer paid another count


def test_a_revenue_code_in_place_of_a_procedure_is_a_revenue_code(read):
    line = read(changed(b"HC:99213:25", b"NU:450")).claim_lines.iloc[0]
    assert line["revenue_code"] == "0450"
    assert pd.isna(line["procedure_code"])


def test_a_social_security_number_is_never_a_member_id(read):
    assert pd.isna(read(changed(b"****MI*M123~", b"****34*M123~")).claims["member_id"][0])


def test_the_insured_stands_in_for_a_patient_without_a_number(read):
    data = changed(b"NM1*QC*1*DOE*JANE****MI*M123~", b"NM1*QC*1*DOE*JANE~NM1*IL*1*ROE*JO****MI*S9~")
    claim = read(data).claims.iloc[0]
    assert claim[["patient_name", "member_id"]].tolist() == ["DOE, JANE", "S9"]


def test_reversals_are_flagged_and_keep_their_sign():
    claims = read_remittance(SAMPLES / "quirks" / "q09_reversal_correction.835").claims
    assert claims["is_reversal"].tolist() == [True, False]
    assert claims["billed_cents"].tolist() == [-50000, 50000]


def test_all_six_triplets_of_a_segment_are_read_in_their_order():
    adjustments = read_remittance(SAMPLES / "quirks" / "q13_six_triplets.835").adjustments
    first = adjustments[adjustments["group_code"] == "CO"]
    assert first["carc"].tolist() == ["45", "97", "16", "50", "197", "18"]
    assert first["amount_cents"].tolist() == [1000, 2000, 3000, 4000, 5000, 6000]


def test_adjustments_and_remarks_of_the_claim_stand_without_a_line():
    claims = read_remittance(SAMPLES / "quirks" / "q14_claim_level_cas_moa.835")
    assert claims.adjustments["adjustment_level"].tolist() == ["claim"] * 3
    assert claims.adjustments["line_key"].isna().all()
    assert claims.remark_codes["rarc"].tolist() == ["MA130", "N115"]
    assert claims.remark_codes["found_in"].tolist() == ["MOA", "MOA"]
    assert claims.remark_codes["line_key"].isna().all()


def test_codes_lose_leading_zeros_and_small_letters(read):
    claims = read(changed(b"CAS*CO*45*150~", b"CAS*CO*0b7*150~"))
    assert claims.adjustments["carc"].tolist() == ["B7", "1"]


def test_an_adjustment_without_a_reason_keeps_its_money_and_is_found(read):
    claims = read(changed(b"CAS*CO*45*150~", b"CAS*CO*45*100***50~"))
    assert claims.adjustments["amount_cents"].tolist() == [10000, 5000, 5000]
    assert claims.adjustments["carc"].isna().tolist() == [False, True, False]
    assert "adjustment_without_reason" in codes(claims)


def test_a_pharmacy_reject_code_is_found_and_is_no_remark(read):
    claims = read(changed(b"LQ*HE*M76~", b"LQ*RX*70~"))
    assert claims.remark_codes["rarc"].tolist() == ["N130"]
    assert "not_a_remark_code" in codes(claims)


def test_references_and_amounts_come_with_their_qualifiers():
    path = SAMPLES / "public" / "keironstoddart_edi-835-parser_united_healthcare_legacy_sample.txt"
    references, amounts = read_references_and_amounts(path)
    keys = set(read_remittance(path).claims["claim_key"])
    assert set(references["claim_key"]) == keys
    assert {"6R", "1L", "CE"} <= set(references["qualifier"])
    covered = amounts[amounts["qualifier"] == "AU"]
    assert covered["amount_cents"].iloc[0] == 19418
    assert covered["line_key"].isna().all()


def test_a_remittance_read_twice_counts_once():
    part = read_remittance(SAMPLES / "quirks" / "q01_baseline.835")
    assert money(concat([part, part])) == BASELINE_MONEY


def test_a_remittance_of_provider_adjustments_only_is_read(read):
    head = BASELINE[: BASELINE.index(b"LX*1")]
    claims = read(head + b"PLB*1*20261231*WO:A*-300~SE*12*0001~GE*1*1~IEA*1*000000905~")
    assert len(claims.claims) == 0
    assert claims.provider_adjustments["amount_cents"].tolist() == [-30000]
    assert codes(claims) == set()


# --- money ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written, cents",
    [
        (b".5", 50),
        (b"-.5", -50),
        (b"007", 700),
        (b"5.", 500),
        (b"0", 0),
        (b"-0.01", -1),
        (b"150.000", 15000),
        (b"99999999999.99", 9999999999999),
    ],
)
def test_an_amount_becomes_whole_cents(read, written, cents):
    amounts = read(changed(b"CAS*CO*45*150~", b"CAS*CO*45*" + written + b"~")).adjustments
    assert amounts["amount_cents"].tolist() == [cents, 5000]


@given(st.lists(st.integers(-(10**13), 10**13), min_size=1, max_size=60))
@settings(max_examples=15, deadline=None)
def test_cents_survive_the_way_through_a_file(tmp_path_factory, cents):
    path = tmp_path_factory.mktemp("cents") / "remit.835"
    written = "".join(f"CAS*CO*45*{Decimal(n).scaleb(-2):f}~" for n in cents).encode()
    path.write_bytes(changed(b"CAS*CO*45*150~", written))
    assert read_remittance(path).adjustments["amount_cents"].tolist()[:-1] == cents


@pytest.mark.parametrize(
    "written, code",
    [
        (b"150.005", "part_of_a_cent"),
        (b"-0.001", "part_of_a_cent"),
        (b"12345678901234567890", "amount_too_large"),
        (b"15x", "not_readable"),
        (b"1,500", "not_readable"),
        (b"0.1234567", "not_readable"),
    ],
)
def test_an_amount_that_is_no_money_is_found_and_missing(read, written, code):
    claims = read(changed(b"CAS*CO*45*150~", b"CAS*CO*45*" + written + b"~"))
    assert claims.adjustments["amount_cents"].isna().tolist() == [True, False]
    found = claims.findings[claims.findings["code"] == code]
    assert found["row"].tolist() == [19]
    assert found["column"].str.startswith("CAS").all()


@pytest.mark.parametrize(
    "old, new, code, row, column",
    [
        (b"CAS*CO*45*150", b"CAS*CO*45*149.99", "claim_does_not_balance", 14, "CLP03"),
        (b"CAS*CO*45*150", b"CAS*CO*45*149.99", "line_does_not_balance", 17, "SVC02"),
        (b"BPR*I*300*", b"BPR*I*300.01*", "payment_does_not_balance", 4, "BPR02"),
        (b"SE*21*", b"SE*22*", "count_differs", 23, "SE01"),
        (b"DTM*232*20251201", b"DTM*232*20251301", "not_readable", 16, "DTM02"),
        (b"LX*1~", b"LX*1~ZZZ*1~", "segment_not_read", 14, "segment"),
        (b"PER*BL*JOHN*TE*8005551212~", b"", "segment_missing", 10, "PER"),
    ],
)
def test_a_defect_is_found_where_it_stands(read, old, new, code, row, column):
    findings = read(changed(old, new)).findings
    assert (row, column) in list(
        findings.loc[findings["code"] == code, ["row", "column"]].itertuples(index=False, name=None)
    )


def test_repeated_transactions_are_counted_and_found_once(read):
    claims = read(BASELINE + BASELINE + BASELINE)
    assert totals(claims)["billed"] == "1500.00"
    found = claims.findings[claims.findings["code"] == "repeated_transactions"]
    assert found["row"].tolist() == [28]  # the second ST
    assert found["says"].str.startswith("2 transactions").all()


# --- the bytes ------------------------------------------------------------------------------


def wrapped(data: bytes, width: int, ending: bytes) -> bytes:
    return ending.join(data[at : at + width] for at in range(0, len(data), width))


@pytest.mark.parametrize("width", [1, 3, 80, 104, 105, 106, 200])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_wrapped_lines_change_no_total(read, width, ending):
    claims = read(wrapped(BASELINE, width, ending))
    assert money(claims) == BASELINE_MONEY
    assert codes(claims) == set()


@pytest.mark.parametrize(
    "name", ["q06_ctrl_delims.835", "q08_multi_ST.835", "q10_plb.835", "q17_truncated.835"]
)
def test_no_width_of_the_lines_changes_a_segment(name):
    data = (SAMPLES / "quirks" / name).read_bytes()
    want = open_envelope(data, name).batches
    for width in range(1, 300):
        for ending in (b"\n", b"\r\n"):
            got = open_envelope(wrapped(data, width, ending), name).batches
            assert [b.data for b in got] == [b.data for b in want], width
            assert [b.rows.tolist() for b in got] == [b.rows.tolist() for b in want], width


@pytest.mark.parametrize(
    "data",
    [
        changed(b"~", b"~\n"),
        changed(b"~", b"~\r\n"),
        changed(b"~", b"\n"),
        changed(b"~", b"\r\n"),
        changed(b"~", b"\r"),
        changed(b"~", b"\n~"),
        changed(b"~", b"\r\n~"),
        changed(b"~", b"~\n   "),
        changed(b"LX*1~", b"LX*1~~~"),
        changed(b"~", b"'"),
        changed(b"*", b"|").replace(b":", b">"),
        changed(b"*", b"\x1d").replace(b":", b"\x1f").replace(b"~", b"\x1c"),
        b"\xef\xbb\xbf" + BASELINE,
        b"  \r\n\t" + BASELINE,
        b"\xef\xbb\xbf \n" + BASELINE + b"\n\n\x1a",
        BASELINE[:-1],
    ],
    ids=lambda data: repr(data[103:110]),
)
def test_layout_of_the_bytes_changes_nothing(read, data):
    claims = read(data)
    assert money(claims) == BASELINE_MONEY
    assert codes(claims) == set()


def test_two_interchanges_with_different_delimiters_are_both_read(read):
    other = changed(b"*", b"|").replace(b":", b">").replace(b"~", b"\n").replace(b"C1", b"C2")
    for data in (BASELINE + other, other + BASELINE, BASELINE + b"\r\n" + other + BASELINE):
        claims = read(data)
        count = len(claims.claims)
        assert totals(claims)["billed"] == f"{500 * count}.00"
        assert count == data.count(b"ISA")
        assert claims.claims["row"].tolist() == [14 + 25 * n for n in range(count)]


def test_4010_and_5010_in_one_file_are_both_read(read):
    old = (SAMPLES / "quirks" / "q16_4010.835").read_bytes()
    claims = read(BASELINE + old)
    assert totals(claims)["billed"] == "1000.00"
    assert claims.files["layout"][0] == "005010X221A1 004010X091A1"


def test_latin_1_is_read_and_found(read):
    claims = read(changed(b"DOE*JANE", b"PE\xd1A*JOS\xc9"))
    assert claims.claims["patient_name"][0] == "PEÑA, JOSÉ"
    found = claims.findings[claims.findings["code"] == "not_utf_8"]
    assert found["row"].tolist() == [15]
    assert money(claims) == BASELINE_MONEY


def test_a_delimiter_outside_ascii_is_no_hindrance(read):
    claims = read(changed(b"DOE*JANE", b"DOE*JOS\xc9").replace(b"*", b"\xa6"))
    assert claims.claims["patient_name"][0] == "DOE, JOSÉ"
    assert money(claims) == BASELINE_MONEY


def test_utf_16_is_read_and_found(read):
    claims = read(BASELINE.decode().encode("utf-16"))
    assert money(claims) == BASELINE_MONEY
    assert codes(claims) == {"utf_16"}


def test_text_around_an_interchange_is_found_and_not_read(read):
    claims = read(b"Subject: remits\n\n" + BASELINE + b"-- end --\n" + BASELINE)
    assert totals(claims)["billed"] == "1000.00"
    assert {"text_before_the_start", "text_after_the_end"} <= codes(claims)


def test_a_header_without_its_padding_is_read_and_found(read):
    claims = read(changed(b"SUBMITTERS ID  ", b"SUBMITTERS ID"))
    assert money(claims) == BASELINE_MONEY
    assert codes(claims) == {"length_out_of_range"}


def test_the_first_bytes_tell_an_x12_file():
    assert all(is_x12(h) for h in (BASELINE[:20], b"\xef\xbb\xbf\n" + BASELINE[:20], b"ST*835*1~"))
    assert is_x12(BASELINE[:64].decode().encode("utf-16"))
    assert not any(is_x12(h) for h in (b"", b"claim,amount", b"ISAAC NEWTON", b"PK\x03\x04", b"ST"))


# --- other kinds of files -------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted((SAMPLES / "public-277").iterdir()), ids=lambda p: p.name)
def test_a_claim_status_answer_is_refused_by_its_name(path):
    with pytest.raises(
        RemittanceError, match=r"row 3, ST01: this is a claim status answer \(277\)"
    ):
        read_remittance(path)


@pytest.mark.parametrize(
    "data, says",
    [
        (b"", "the file is empty"),
        (b" \r\n ", "the file is empty"),
        (b"claim,amount\n1,2\n", "row 1, ISA01: this is not an X12 file"),
        (b"ISAAC NEWTON", "row 1, ISA01: this is not an X12 file"),
        (b"PK\x03\x04" + bytes(40), "ZIP archive or a workbook"),
        (b"%PDF-1.7", "this is a PDF"),
        (bytes(range(256)), "this is a binary file"),
        (b"<html>", "this is XML or HTML"),
        (b"MSH|^~\\&|", "HL7"),
        (b"ISA*00*short~GS*HP~", "row 1, ISA: the interchange header is short or broken"),
        (BASELINE[:80], "row 1, ISA: the interchange header is short or broken"),
        (BASELINE[:106], "no transaction"),
        (changed(b"ST*835*", b"ST*837*"), r"row 3, ST01: this is a batch of claims \(837\)"),
        (changed(b"ST*835*", b"ST*999*"), r"this is an acknowledgment \(999\)"),
        (changed(b"ST*835*", b"ST*123*"), "another kind of X12 transaction"),
    ],
    ids=lambda value: repr(value[:16]) if isinstance(value, bytes) else "",
)
def test_a_file_that_is_no_remittance_is_refused_in_one_line(read, data, says):
    with pytest.raises(RemittanceError, match=says) as refused:
        read(data)
    assert refused.value.exit_code == 4
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith("remit.835")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(RemittanceError, match="gone.835: the file cannot be opened"):
        read_remittance(tmp_path / "gone.835")


def test_another_transaction_beside_a_remittance_is_found_and_not_read(read):
    other = b"ST*277*0002~BHT*1~SVC*HC:1*5*5~SE*4*0002~"
    for data, row in (
        (changed(b"GE*1*1~", other + b"GE*2*1~"), 24),
        (changed(b"ST*835", other + b"ST*835").replace(b"GE*1*1~", b"GE*2*1~"), 3),
    ):
        claims = read(data)
        assert money(claims) == BASELINE_MONEY
        assert claims.findings[["row", "code"]].values.tolist() == [[row, "not_a_remittance"]]


# --- truncation -----------------------------------------------------------------------------


def test_a_remittance_without_its_trailer_is_read_and_says_where_it_stops():
    claims = read_remittance(SAMPLES / "quirks" / "q17_truncated.835")
    assert money(claims) == BASELINE_MONEY
    found = claims.findings[claims.findings["code"] == "truncated"].iloc[0]
    assert (found["row"], found["column"]) == (22, "SE")
    assert "denied claims may have followed" in found["says"]


@pytest.mark.parametrize(
    "end, row, column",
    [
        (b"LQ*HE*N13", 21, "LQ"),
        (b"CAS*CO*45*150~", 19, "CLP03"),
        (b"CAS*CO*45*1", 19, "CAS"),
        (b"CLP*C1*1*500*30", 14, "CLP"),
        (b"LX*1~", 13, "CLP"),
        (b"BPR*I*3", 4, "BPR"),
    ],
)
def test_a_truncated_remittance_says_where_it_stops(read, end, row, column):
    data = BASELINE[: BASELINE.index(end) + len(end)]
    with pytest.raises(RemittanceError, match=f"row {row}, {column}: the remittance is cut off"):
        read(data)


def test_payments_that_do_not_reach_the_total_show_that_claims_are_missing(read):
    data = BASELINE[: BASELINE.index(b"SE*21")]
    with pytest.raises(RemittanceError, match="row 22, BPR02: .*before its payments reach"):
        read(changed(b"BPR*I*300*", b"BPR*I*900*", data))


@pytest.mark.parametrize("end", [b"SE*21*00", b"GE*1*", b"IEA*1*0000"])
def test_a_cut_in_the_trailer_loses_no_claim_and_is_found(read, end):
    claims = read(BASELINE[: BASELINE.index(end) + len(end)])
    assert money(claims) == BASELINE_MONEY
    found = claims.findings[claims.findings["code"] == "truncated"]
    assert found["column"].tolist() == [end[:2].decode() if end[:1] != b"I" else "IEA"]


def test_a_remittance_cut_off_among_others_is_refused_too(read):
    cut = BASELINE[: BASELINE.index(b"CAS*PR")]
    with pytest.raises(RemittanceError, match="row 19, CLP03: the remittance is cut off"):
        read(cut + BASELINE)


@given(st.integers(min_value=0, max_value=len(BASELINE)))
@settings(max_examples=30, deadline=None)
def test_a_file_cut_anywhere_is_whole_or_loudly_not(tmp_path_factory, length):
    path = tmp_path_factory.mktemp("cut") / "remit.835"
    path.write_bytes(BASELINE[:length])
    try:
        claims = read_remittance(path)
    except RemittanceError as refused:
        assert str(refused).startswith("remit.835")
    else:
        # What is read is all of the money; lost remark codes cannot show in any total.
        assert money(claims)[:6] == BASELINE_MONEY[:6]
        assert length >= len(BASELINE) - 1 or {"truncated", "not_closed"} & codes(claims)


# --- messages -------------------------------------------------------------------------------

# Every value of the claim is a word that can stand nowhere else.
SENTINELS = {
    b"CLP*C1*": b"CLP*ZQPCN1*",
    b"ICNC1": b"ZQICN2",
    b"DOE*JANE": b"ZQLAST*ZQFIRST",
    b"*M123": b"*ZQMEMBER",
    b"99213": b"ZQ213",
    b"*500*300*50*": b"*98761.11*98432.22*98543.33*",
    b"*500*300**": b"*98761.11*98432.22**",
    b"45*150~": b"45*87654.44~",
    b"PR*1*50~": b"PR*1*87655.55~REF*6R*ZQLINE~",
    b"20251201": b"19870605",
    b"TRN*1*12345": b"TRN*1*ZQTRACE",
    b"SE*21*": b"PLB*ZQPROV*20261231*WO:ZQREF*765.43~SE*21*",
    b"ACME PAYER": b"ZQPAYER",
}
PLANTED = BASELINE
for _old, _new in SENTINELS.items():
    PLANTED = changed(_old, _new, PLANTED)
SENTINEL = re.compile(r"(?i)zq\w|98761|98432|98543|87654|87655|19870605|765\.43|666")

DEFECTS = {
    "nothing": PLANTED,
    "amount": changed(b"*87654.44~", b"*ZQ87654~", PLANTED),
    "cent": changed(b"*87654.44~", b"*87654.444~", PLANTED),
    "huge": changed(b"*87654.44~", b"*8765487654876548765487654~", PLANTED),
    "date": changed(b"DTM*232*19870605", b"DTM*232*19870666", PLANTED),
    "no amount": changed(b"CAS*CO*45*87654.44~", b"CAS*CO**87654.44~", PLANTED),
    "segment": changed(b"LX*1~", b"LX*1~ZQX*ZQVALUE~ZQLONGNAME~", PLANTED),
    "wrapped name": changed(b"ZQLAST*", b"ZQ~LAST*", PLANTED),
    "codes": changed(b"*WO:", b"*ZQ:", PLANTED).replace(b"CAS*CO", b"CAS*ZQ"),
    "qualifiers": changed(b"LQ*HE*M76", b"LQ*ZQ*ZQCODE", PLANTED).replace(b"REF*6R", b"REF*ZQ"),
    "no CLP": re.sub(rb"CLP\*[^~]*~", b"", PLANTED),
    "no LX": changed(b"LX*1~", b"", PLANTED),
    "no payer": re.sub(rb"N1\*PR[^~]*~", b"", PLANTED),
    "control numbers": changed(b"SE*21*0001", b"SE*ZQ*ZQ01", PLANTED),
    "twice": PLANTED + PLANTED,
    "latin": changed(b"ZQFIRST", b"ZQF\xc9RST", PLANTED),
    "around": b"ZQBANNER\n" + PLANTED + b"ZQTAIL",
    "version": changed(b"005010X221A1", b"ZQ5010", PLANTED),
    "other set": changed(b"ST*835", b"ST*ZQ6", PLANTED),
    "other kind": b"ZQNAME,ZQVALUE\n666,98761",
    "header": b"ISA*ZQ*ZQSHORT~",
    "beside": changed(b"GE*1*1~", b"ST*ZQ7*0002~BHT*ZQ~SE*3*0002~GE*2*1~", PLANTED),
    **{f"cut {n}": PLANTED[:n] for n in range(0, len(PLANTED), 23)},
}


def test_no_message_holds_a_value_of_a_claim(read):
    told = []
    for label, data in DEFECTS.items():
        try:
            claims = read(data)
        except RemittanceError as refused:
            told.append((label, str(refused)))
        else:
            findings = totals(claims)["findings"]
            told += [(label, f"{f['column']} {f['code']} {f['says']}") for f in findings]
            told.append((label, repr(claims)))
    leaks = [(label, message) for label, message in told if SENTINEL.search(message)]
    assert leaks == []
    assert len({message for _, message in told}) > 40  # the defects did provoke their messages


def test_a_modifier_stands_on_the_line_that_has_it():
    claims = read_remittance(SAMPLES / "public" / "azoner_pyx12_x12testdata_835id.txt")
    modifiers = claims.claim_lines["modifiers"]
    assert modifiers.iloc[2] == "TG"
    assert modifiers.iloc[:2].isna().all()
