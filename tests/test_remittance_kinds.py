"""Remittances and acknowledgments as they come: what counts, once, for how much, and what is said of it.

The files of `tests/data/field` are made up, each for one kind of fault that people reported; the
variants below are written here. Every remittance is done whole and in parts, with one answer.
"""

import json
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.bulk import Book, gather, triage_book
from toolkit.claims import read, totals
from toolkit.claims.adjudication import statuses
from toolkit.claims.x12.remittance import stream_remittance
from toolkit.cli import main
from toolkit.denials import acknowledgments, codes
from toolkit.denials.codes import claim_statuses, shown
from toolkit.errors import RemittanceError
from toolkit.hospital import Hospital
from toolkit.worklist import summary, tally
from toolkit.worklist.triage import classified_adjustments, triage

UNKNOWN = Hospital.unknown()

FIELD = Path(__file__).parent / "data" / "field"
CASES = json.loads((FIELD / "expected_remittances.json").read_text())
DAY = date(2026, 9, 30)

ISA = (
    "ISA*00*          *00*          *ZZ*PAYERTEST      *ZZ*PROVTEST       *260401*1200*^*00501*"
    "000000101*0*P*:"
)
PLAN, SECOND = "N1*PR*EXAMPLE PLAN*XV*99001", "N1*PR*OTHER PLAN*XV*99002"
HOSPITAL = "N1*PE*EXAMPLE HOSPITAL*XX*1999999984"
ADDRESS = ("N3*1 TEST WAY", "N4*TESTTOWN*OH*45000", "PER*BL*EDI*TE*5550100000")


def claim(number, status, charge, paid, *segments, indicator="12"):
    """Return a claim's segments; those after an SVC stand at the line."""
    return [f"CLP*{number}*{status}*{charge}*{paid}**{indicator}*ICN{number}*11*1", *segments]


def line(charge, paid, *segments, code="99213"):
    return [f"SVC*HC:{code}*{charge}*{paid}**1", "DTM*472*20260301", *segments]


def remittance(
    *claims, paid="0.00", produced="20260401", payment="20260401", version="005010X221A1"
):
    """Return an 835 of one transaction with these claims (lists of segments)."""
    handling = "I" if paid != "0.00" else "H"
    body = [
        "ST*835*0001",
        f"BPR*{handling}*{paid}*C*NON*CCP*01*111000025*DA*1*1999999999**01*111000025*DA*2*{payment}",
        "TRN*1*T1*1999999999",
        *([f"DTM*405*{produced}"] if produced else []),
        PLAN, *ADDRESS, HOSPITAL, "REF*TJ*999999999", "LX*1",
        *(segment for one in claims for segment in one),
    ]  # fmt: skip
    isa = ISA.replace("00501", version[1:6])
    whole = [
        isa, f"GS*HP*PAYERTEST*PROVTEST*20260401*1200*101*X*{version}", *body,
        f"SE*{len(body) + 1}*0001", "GE*1*101", "IEA*1*000000101",
    ]  # fmt: skip
    return "~".join(whole) + "~"


@pytest.fixture
def put(tmp_path):
    def file(text, name="remit.835"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return file


@pytest.fixture
def worked(put, tmp_path):
    """Read and triage a remittance whole and in parts; return claims and worklist, which agree."""

    def work(text):
        path = put(text)
        claims = read(path)
        worklist = triage(claims, as_of=DAY, hospital=UNKNOWN)
        book = Book.at(tmp_path / "book")
        found = gather([path], book, engine="pandas", piece_rows=1)
        with triage_book(
            book, found.files, as_of=DAY, engine="pandas", part_rows=1, hospital=UNKNOWN
        ) as run:
            said = run.summary()
            rows = [row for table in run.tables() for row in table.to_pylist()]
        assert said == summary(tally(worklist), findings=len(claims.findings))
        assert [row["denial_key"] for row in rows] == worklist["denial_key"].tolist()
        cents = [None if row["denied"] is None else int(row["denied"] * 100) for row in rows]
        assert cents == worklist["denied_cents"].astype(object).where(
            worklist["denied_cents"].notna(), None
        ).tolist()  # fmt: skip
        parts = list(stream_remittance(path, claims_at_once=1))
        codes_of = sorted(code for part in parts for code in part.findings["code"])
        assert codes_of == sorted(claims.findings["code"])
        return claims, worklist

    return work


def found(claims) -> dict[str, str]:
    return dict(zip(claims.findings["code"], claims.findings["says"], strict=True))


def denials(worklist) -> list[tuple]:
    names = ["patient_control_number", "denial_category", "carc", "denied_cents"]
    return list(worklist[names].itertuples(index=False, name=None))


# --- the files of the field ------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case["mode"] == "read"])
def test_an_acknowledgment_of_the_field_counts_as_it_should(name):
    case = CASES[name]
    said = totals(read(FIELD / case["files"][0]))
    assert {key: said[key] for key in case["expect"]["json"]} == case["expect"]["json"]


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case["mode"] == "triage"])
def test_a_remittance_of_the_field_counts_as_it_should(name):
    case = CASES[name]
    want = case["expect"]
    claims = read([FIELD / file for file in case["files"]])
    worklist = triage(claims, as_of=date.fromisoformat(case["as_of"]), hospital=UNKNOWN)
    denied = int(worklist["denied_cents"].sum())
    still_open = int(worklist["due"].ne("closed").sum())
    assert want.get("open_denials", still_open) == still_open
    assert want.get("denied_cents", denied) == denied
    plb = int(claims.provider_adjustments["amount_cents"].sum())
    assert want.get("plb_cents", plb) == plb
    rows = worklist.astype({"notice_date": str}).to_dict("records")
    for row in want.get("rows", ()):
        assert any(all(one[key] == value for key, value in row.items()) for one in rows), row
    for one in want.get("claims", ()):
        number = one["patient_control_number"]
        mine = next(row for row in rows if row["patient_control_number"] == number)
        assert {key: mine[key] for key in one} == one
    assert not set(want.get("not_denied", ())) & set(worklist["patient_control_number"])


def test_every_file_of_the_field_has_its_case():
    files = {file for case in CASES.values() for file in case["files"]}
    mine = {path.name for path in FIELD.iterdir() if path.suffix in (".835", ".277", ".edi")}
    assert files <= mine


# --- adjustments at the claim and again at its lines -------------------------------------------------


def test_adjustments_repeated_at_several_lines_count_once_at_the_lines(worked):
    claims, worklist = worked(
        remittance(
            claim(
                "A1", 1, "300.00", "0.00", "CAS*CO*197*300.00",
                *line("200.00", "0.00", "CAS*CO*197*200.00"),
                *line("100.00", "0.00", "CAS*CO*197*100.00"),
            )
        )
    )  # fmt: skip
    assert [row[3] for row in denials(worklist)] == [200_00, 100_00]
    assert worklist["line_key"].notna().all()
    assert "adjustments_repeated" in found(claims) and "claim_does_not_balance" in found(claims)


def test_of_several_codes_all_that_are_repeated_count_once(worked):
    _, worklist = worked(
        remittance(
            claim(
                "A1", 1, "300.00", "50.00", "CAS*CO*45*100.00**97*150.00",
                *line("300.00", "50.00", "CAS*CO*45*100.00**97*150.00"),
            ),
            paid="50.00",
        )
    )  # fmt: skip
    assert denials(worklist) == [("A1", "bundling", "97", 150_00)]


def test_only_the_code_that_does_not_fit_is_counted_once(worked):
    # 20.00 of 97 at both levels is right; 197 is repeated.
    claims, worklist = worked(
        remittance(
            claim(
                "A1", 1, "340.00", "0.00", "CAS*CO*197*300.00**97*20.00",
                *line("340.00", "0.00", "CAS*CO*197*300.00**97*20.00"),
            )
        )
    )  # fmt: skip
    assert worklist["denied_cents"].sum() == 340_00
    assert "adjustments_repeated" in found(claims)


def test_adjustments_at_both_levels_that_balance_are_left_alone(worked):
    claims, worklist = worked(
        remittance(
            claim(
                "A1", 1, "600.00", "0.00", "CAS*CO*197*300.00",
                *line("600.00", "300.00", "CAS*CO*197*300.00"),
            )
        )
    )  # fmt: skip
    assert sorted(row[3] for row in denials(worklist)) == [300_00, 300_00]
    assert not {"adjustments_repeated", "more_adjusted_than_unpaid"} & set(found(claims))


def test_another_reason_at_the_claim_adds_no_dollar_and_is_an_other_reason(worked):
    claims, worklist = worked(
        remittance(
            claim(
                "A1", 1, "300.00", "0.00", "CAS*CO*29*300.00",
                *line("300.00", "0.00", "CAS*CO*197*300.00"),
            )
        )
    )  # fmt: skip
    assert denials(worklist) == [("A1", "authorization", "197", 300_00)]
    assert worklist["other_reasons"].tolist() == ["CO-29"]
    assert "more_adjusted_than_unpaid" in found(claims)


def test_no_line_is_denied_more_than_its_charge_less_its_payment(worked):
    claims, worklist = worked(
        remittance(
            claim(
                "A1", 1, "300.00", "80.00",
                *line("100.00", "80.00", "CAS*CO*197*100.00"),
                *line("200.00", "0.00", "CAS*CO*97*200.00"),
            ),
            paid="80.00",
        )
    )  # fmt: skip
    assert [row[3] for row in denials(worklist)] == [20_00, 200_00]
    assert "more_adjusted_than_unpaid" in found(claims)


def test_interest_is_no_payment_of_the_charge(worked):
    # Charge 100.00, of which 60.00 is paid with 8.00 of interest: 40.00 is denied.
    claims, worklist = worked(
        remittance(
            claim(
                "A1", 1, "100.00", "68.00", "AMT*I*8.00",
                *line("100.00", "68.00", "CAS*CO*50*40.00**225*-8.00"),
            ),
            paid="68.00",
        )
    )  # fmt: skip
    assert [row[3] for row in denials(worklist)] == [40_00]
    assert "more_adjusted_than_unpaid" not in found(claims)


amounts = st.integers(0, 50_000)


@settings(max_examples=60, deadline=None)
@given(
    charge=amounts,
    paid=amounts,
    own=st.lists(st.tuples(st.sampled_from(["45", "197", "50", "225"]), amounts), max_size=3),
    below=st.lists(st.tuples(st.sampled_from(["45", "197", "50", "16"]), amounts), max_size=3),
)
def test_a_claim_is_never_denied_more_than_charge_less_payment(
    tmp_path_factory, charge, paid, own, below
):
    def cas(adjustments):
        return [f"CAS*CO*{carc}*{cents / 100:.2f}" for carc, cents in adjustments]

    money = f"{charge / 100:.2f}", f"{paid / 100:.2f}"
    text = remittance(claim("A1", 1, *money, *cas(own), *line(*money, *cas(below))))
    path = tmp_path_factory.mktemp("kinds") / "remit.835"
    path.write_text(text)
    claims = read(path)
    denied = int(triage(claims, as_of=DAY, hospital=UNKNOWN)["denied_cents"].sum())
    assert denied <= max(charge - paid, 0)
    assert {"claim_does_not_balance"} <= set(found(claims)) or denied <= charge - paid


# --- statuses that are no decision -------------------------------------------------------------------


@pytest.mark.parametrize("status", ["5", "10", "13", "15", "16", "17", "25"])
def test_a_status_without_a_decision_is_no_denial_and_is_found(worked, status):
    claims, worklist = worked(
        remittance(
            claim("A1", status, "100.00", "0.00", *line("100.00", "0.00", "CAS*CO*197*100.00")),
            claim("A2", 1, "100.00", "0.00", *line("100.00", "0.00", "CAS*CO*197*100.00")),
            version="004010X091A1",
        )
    )
    assert [row[0] for row in denials(worklist)] == ["A2"]
    assert found(claims)["status_no_decision"].startswith("1 claim:")
    assert totals(claims)["claims"] == 2  # read, and counted among what the file holds


def test_a_claim_that_is_another_payer_s_is_no_denial_of_this_one(worked):
    claims, worklist = worked(
        remittance(
            claim("A1", 23, "100.00", "0.00", *line("100.00", "0.00", "CAS*OA*109*100.00")),
            claim("A2", 23, "50.00", "0.00", *line("50.00", "0.00", "CAS*OA*109*50.00")),
        )
    )
    assert worklist.empty
    assert found(claims)["status_other_payer"].startswith("2 claims, this one first:")


@pytest.mark.parametrize("status", ["1", "2", "3", "4", "19", "20", "21"])
def test_a_decision_of_this_payer_stays_a_denial(worked, status):
    claims, worklist = worked(
        remittance(
            claim("A1", status, "100.00", "0.00", *line("100.00", "0.00", "CAS*CO*197*100.00"))
        )
    )
    assert denials(worklist) == [("A1", "authorization", "197", 100_00)]
    assert not [code for code in found(claims) if code.startswith("status_")]


@pytest.mark.parametrize("status", ["27", "99"])
def test_a_status_that_does_not_say_is_counted_and_found(worked, status):
    claims, worklist = worked(
        remittance(
            claim("A1", status, "100.00", "0.00", *line("100.00", "0.00", "CAS*CO*197*100.00"))
        )
    )
    assert len(worklist) == 1
    assert "status_not_known" in found(claims)


def test_an_undecided_claim_counts_in_no_dollar_of_the_adjustments(worked):
    claims, _ = worked(
        remittance(claim("A1", 5, "100.00", "0.00", *line("100.00", "0.00", "CAS*CO*197*100.00")))
    )
    assert classified_adjustments(claims, hospital=UNKNOWN).empty


def test_every_status_says_whether_it_is_a_decision_and_whose():
    for code, status in claim_statuses().items():
        assert (status.decision == "no") == (
            status.standing in ("pending", "estimate", "forwarded")
        )
        assert (status.whose == "other_payer") == (code == "23")
        assert status.mark and status.source
    about = statuses(pd.Series(["5", "05", "5.0", "23", "Denied", None, "4", "2"], dtype="str"))
    assert about.undecided.tolist() == [True, True, True, False, False, False, False, False]
    assert about.decided.tolist() == [False, False, False, False, True, True, True, True]
    assert about.denied.tolist() == [False] * 6 + [True, False]
    assert about.secondary.tolist() == [False] * 7 + [True]


def test_an_export_s_claim_status_is_asked_too(put):
    rows = [
        "Patient Control Number,Payer Name,Group Code,CARC,Denied Amount,Remit Date,Claim Status Code",
        "X1,EXAMPLE PLAN,CO,197,100.00,2026-04-01,5",
        "X2,EXAMPLE PLAN,CO,197,100.00,2026-04-01,1",
        "X3,EXAMPLE PLAN,CO,197,100.00,2026-04-01,Denied",
    ]
    claims = read(put("\n".join(rows) + "\n", "export.csv"))
    worklist = triage(claims, as_of=DAY, hospital=UNKNOWN)
    assert worklist["patient_control_number"].tolist() == ["X2", "X3"]
    noted = claims.findings[claims.findings["code"].eq("status_no_decision")]
    assert noted["row"].tolist() == [2] and noted["column"].tolist() == ["claim_status"]


# --- payers between the claims ------------------------------------------------------------------------


def joined(*between, number="A2"):
    """Return a remittance with segments between its first claim and two more."""
    denied = line("100.00", "0.00", "CAS*CO*197*100.00")
    return remittance(
        claim("A1", 4, "100.00", "0.00", *denied),
        [*between],
        claim(number, 4, "100.00", "0.00", *denied),
        claim("A3", 4, "100.00", "0.00", *denied),
    )


def who(worklist) -> list[tuple]:
    return list(worklist[["payer_name", "payer_id"]].itertuples(index=False, name=None))


FIRST, OTHER = ("EXAMPLE PLAN", "99001"), ("OTHER PLAN", "99002")


@pytest.mark.parametrize(
    "between",
    [
        (SECOND, HOSPITAL, "LX*2"),
        (SECOND, *ADDRESS, HOSPITAL, "REF*TJ*999999999", "LX*2"),
        (SECOND, "LX*2"),
        ("LX*2", SECOND, HOSPITAL, "LX*3"),
        ("N1*PR*OTHER PLAN", *ADDRESS[:2], "REF*2U*99002", "PER*BL*EDI*TE*5550100000", HOSPITAL, "LX*2"),
        ("N1*PR*OTHER PLAN", "REF*NF*99002", HOSPITAL, "LX*2"),
    ],
)  # fmt: skip
def test_claims_after_another_payer_are_that_payer_s(worked, between):
    claims, worklist = worked(joined(*between))
    assert who(worklist) == [FIRST, OTHER, OTHER]
    assert "payer_named_again" in found(claims)
    assert totals(claims)["claims"] == 3 and totals(claims)["adjustment_total"] == "300.00"


def test_a_payer_without_name_and_number_is_unknown_and_never_the_first(worked):
    _, worklist = worked(joined("N1*PR", HOSPITAL, "LX*2"))
    assert worklist["payer_name"].isna().tolist() == [False, True, True]
    assert worklist["payer_id"].isna().tolist() == [False, True, True]


def test_each_further_payer_has_the_claims_behind_it(worked):
    denied = line("100.00", "0.00", "CAS*CO*197*100.00")
    text = remittance(
        claim("A1", 4, "100.00", "0.00", *denied), [SECOND, HOSPITAL, "LX*2"],
        claim("A2", 4, "100.00", "0.00", *denied), [PLAN, HOSPITAL, "LX*3"],
        claim("A3", 4, "100.00", "0.00", *denied),
    )  # fmt: skip
    _, worklist = worked(text)
    assert who(worklist) == [FIRST, OTHER, FIRST]


def test_another_payee_between_claims_is_theirs(worked):
    claims, _ = worked(joined("N1*PE*OTHER HOSPITAL*XX*1888888883", "LX*2"))
    assert claims.claims["provider_npi"].tolist() == ["1999999984", "1888888883", "1888888883"]
    assert claims.claims["payer_id"].tolist() == ["99001"] * 3


def test_the_next_transaction_begins_with_its_own_payer(worked):
    text = joined(SECOND, HOSPITAL, "LX*2")
    first = text[text.index("ST*835") : text.index("GE*1")]
    again = (
        first.replace("*0001~", "*0002~")
        .replace("CLP*A", "CLP*B")
        .replace(SECOND, "N1*PR*THIRD PLAN*XV*99003")
    )
    text = text.replace("GE*1*101", f"{again}GE*2*101")
    _, worklist = worked(text)
    third = ("THIRD PLAN", "99003")
    assert who(worklist) == [FIRST, OTHER, OTHER, FIRST, third, third]


def test_one_payer_for_all_claims_is_no_finding(worked):
    claims, worklist = worked(joined("LX*2"))
    assert who(worklist) == [FIRST] * 3
    assert "payer_named_again" not in found(claims)


# --- payment date and production date ------------------------------------------------------------------

DENIED = ("A1", 1, "100.00", "0.00")
WHOLE = line("100.00", "0.00", "CAS*CO*50*100.00")


def dated(worked, produced, payment):
    claims, worklist = worked(
        remittance(claim(*DENIED, *WHOLE, indicator="MB"), produced=produced, payment=payment)
    )
    row = worklist.iloc[0]
    return claims, [str(row[name])[:10] for name in ("notice_date", "last_filing_date", "file_by")]


def test_file_by_is_counted_from_the_payment_date_where_it_is_the_earlier(worked):
    _, (_, _, early) = dated(worked, "20260316", "20260316")
    _, (notice, last, _) = dated(worked, "20260401", "20260401")
    claims, both = dated(worked, "20260401", "20260316")
    assert both == [notice, last, early]
    assert "payment_date_earlier" in found(claims)
    assert early < last


@pytest.mark.parametrize("payment", ["20260401", "20260406", ""])
def test_a_payment_date_that_is_not_earlier_changes_nothing(worked, payment):
    claims, days = dated(worked, "20260401", payment)
    assert days == dated(worked, "20260401", "20260401")[1]
    assert "payment_date_earlier" not in found(claims)


def test_without_a_production_date_the_payment_date_is_the_notice(worked):
    claims, days = dated(worked, "", "20260316")
    assert days[0] == "2026-03-16"
    assert "payment_date_earlier" not in found(claims)


# --- payers that come after another ---------------------------------------------------------------------

CONTRACTUAL = line("1000.00", "0.00", "CAS*CO*45*1000.00")


@pytest.mark.parametrize("status", ["2", "3", "20", "21"])
@pytest.mark.parametrize("group", ["CO", "PI", "OA"])
def test_a_whole_charge_that_a_later_payer_writes_off_is_no_underpayment(worked, status, group):
    lines = line("1000.00", "0.00", f"CAS*{group}*45*1000.00")
    claims, worklist = worked(remittance(claim("A1", status, "1000.00", "0.00", *lines)))
    assert worklist.empty
    assert ("secondary_contractual" in found(claims)) == (group != "OA")


@pytest.mark.parametrize("status", ["1", "19"])
def test_a_whole_charge_that_the_first_payer_writes_off_is_looked_at_twice(worked, status):
    claims, worklist = worked(remittance(claim("A1", status, "1000.00", "0.00", *CONTRACTUAL)))
    assert denials(worklist) == [("A1", "pricing", "45", 1000_00)]
    assert "secondary_contractual" not in found(claims)


def test_what_another_payer_did_and_the_rest_are_no_denial_of_a_later_one(worked):
    lines = line("1000.00", "0.00", "CAS*OA*23*800.00", "CAS*CO*45*200.00")
    _, worklist = worked(remittance(claim("A1", 2, "1000.00", "0.00", *lines)))
    assert worklist.empty


def test_a_later_payer_can_deny(worked):
    lines = line("1000.00", "0.00", "CAS*OA*23*800.00", "CAS*CO*197*200.00")
    _, worklist = worked(remittance(claim("A1", 2, "1000.00", "0.00", *lines)))
    assert denials(worklist) == [("A1", "authorization", "197", 200_00)]


# --- reasons without an amount -----------------------------------------------------------------------


def reasoned(worked, status, *adjustments, charge="100.00", paid="0.00", own=()):
    claims, worklist = worked(
        remittance(
            claim("A1", status, charge, paid, *own, *line(charge, paid, *adjustments)), paid=paid
        )
    )
    return claims, denials(worklist)


@pytest.mark.parametrize(
    "adjustments",
    [
        ("CAS*CO*16*0.00", "CAS*CO*45*100.00", "LQ*HE*MA130"),
        ("CAS*CO*16*0", "CAS*CO*45*100", "LQ*HE*MA130"),
        ("CAS*CO*16*0.00**45*100.00", "LQ*HE*MA130"),
        ("CAS*co*16*0.00", "CAS*co*45*100.00", "LQ*HE*MA130"),
        ("CAS*PI*16*0.00", "CAS*PI*45*100.00", "LQ*HE*MA130"),
        ("CAS*OA*16*0.00", "CAS*OA*45*100.00", "LQ*HE*MA130"),
        ("CAS*ZZ*16*0.00", "CAS*ZZ*45*100.00", "LQ*HE*MA130"),
        ("CAS*CR*16*100.00", "LQ*HE*MA130"),
        ("CAS*ZZ*16*100.00", "LQ*HE*MA130"),
        ("CAS*OA*16*100.00", "LQ*HE*MA130"),
    ],
)
def test_a_refused_claim_keeps_the_reason_it_was_refused_for(worked, adjustments):
    _, rows = reasoned(worked, 4, *adjustments)
    assert rows == [("A1", "claim_data", "16", 100_00)]


def test_a_reason_at_the_claim_explains_its_lines(worked):
    claims, worklist = worked(
        remittance(
            claim(
                "A1", 4, "300.00", "0.00", "CAS*CO*16*0.00", "MOA***MA130",
                *line("200.00", "0.00", "CAS*CO*45*200.00"),
                *line("100.00", "0.00", "CAS*CO*45*100.00"),
            )
        )
    )  # fmt: skip
    assert denials(worklist) == [("A1", "claim_data", "16", 300_00)]
    assert worklist["line_key"].isna().all()
    assert "zero_amount_reason" in found(claims)


def test_a_reason_at_the_line_explains_what_stands_at_the_claim(worked):
    _, rows = reasoned(worked, 4, "CAS*CO*16*0.00", "LQ*HE*MA130", own=("CAS*CO*45*100.00",))
    assert rows == [("A1", "claim_data", "16", 100_00)]


def test_a_refused_claim_without_any_amount_has_its_reason(worked):
    _, rows = reasoned(worked, 4, "CAS*CO*16*0.00", "LQ*HE*MA130")
    assert rows == [("A1", "claim_data", "16", 100_00)]


def test_an_unpaid_line_takes_the_reason_beside_its_reduction(worked):
    claims, rows = reasoned(worked, 1, "CAS*CO*16*0.00", "CAS*CO*45*100.00", "LQ*HE*MA130")
    assert rows == [("A1", "claim_data", "16", 100_00)]
    assert "zero_amount_reason" in found(claims)


def test_a_reason_with_an_amount_goes_before_one_without(worked):
    claims, rows = reasoned(worked, 4, "CAS*CO*16*0.00", "CAS*CO*197*60.00", "CAS*CO*45*40.00")
    assert rows == [("A1", "authorization", "197", 60_00)]
    assert "zero_amount_reason" not in found(claims)


@pytest.mark.parametrize(
    "adjustments",
    [
        ("CAS*CO*16*0.00", "CAS*CO*45*40.00", "LQ*HE*MA130"),
        ("CAS*CO*16*0.00", "CAS*CO*45*30.00", "CAS*PR*2*10.00"),
        ("CAS*OA*18*0.00", "CAS*CO*45*40.00"),
    ],
)
def test_a_paid_claim_has_no_denial_from_a_reason_without_an_amount(worked, adjustments):
    claims, rows = reasoned(worked, 1, *adjustments, paid="60.00")
    assert rows == []
    assert "zero_amount_reason" not in found(claims)


def test_a_deductible_is_no_denial_for_a_reason_without_an_amount(worked):
    _, rows = reasoned(worked, 1, "CAS*CO*16*0.00", "CAS*CO*45*30.00", "CAS*PR*1*70.00")
    assert rows == []


# --- rejections of a whole batch ------------------------------------------------------------------------


def acknowledgment(kind, version, *segments, before=()):
    count = len(segments) + 2
    body = (
        *before,
        f"GS*{'HN' if kind == '277' else 'FA'}*A*B*20260401*1200*1*X*{version}",
        f"ST*{kind}*0001*{version}", *segments, f"SE*{count}*0001", "GE*1*1",
    )  # fmt: skip
    return "~".join((ISA, *body, "IEA*1*000000101")) + "~"


PAYER_LEVEL = ("BHT*0085*08*1*20260401*1200*TH", "HL*1**20*1", "NM1*PR*2*PLAN*****PI*1", "TRN*1*X")
RECEIVER = ("HL*2*1*21*1", "NM1*41*2*HOSPITAL*****46*1", "TRN*2*B1")
PROVIDER = ("HL*3*2*19*1", "NM1*85*2*HOSPITAL*****XX*1", "TRN*1*0")


def ca(*segments):
    return acknowledgment("277", "005010X214", *PAYER_LEVEL, *RECEIVER, *segments)


def counted(path):
    said = totals(read(path))
    return said["accepted"], said["rejected"], said.get("rejected_amount")


@pytest.mark.parametrize(
    ("segments", "want"),
    [
        (("STC*A3:24:41*20260401*U*1550", "QTY*AA*7", "AMT*YY*1550"), (0, 7, "1550.00")),
        (("STC*A3:24:41*20260401*U*1550", "QTY*AA*7"), (0, 7, "1550.00")),
        (("STC*A8:24:41*20260401*U*900", "QTY*90*3", "QTY*AA*4", "AMT*YU*300", "AMT*YY*600"),
         (3, 4, "600.00")),
        (("STC*A1:19*20260401*WQ*900", "QTY*90*5", "AMT*YU*900"), (5, 0, "0.00")),
        (("STC*A1:19*20260401*WQ*900", *PROVIDER, "STC*A3:24:85*20260401*U*900", "QTY*QC*2",
          "AMT*YY*900"), (0, 2, "900.00")),
        (("STC*A1:19*20260401*WQ*900", "QTY*AA*2", "AMT*YY*900", *PROVIDER,
          "STC*A3:24:85*20260401*U*900", "QTY*QC*2", "AMT*YY*900"), (0, 2, "900.00")),
    ],
)  # fmt: skip
def test_a_batch_counts_the_claims_it_does_not_list(put, segments, want):
    path = put(ca(*segments), "back.277")
    assert counted(path) == want
    assert ("batch_rejected" in found(read(path))) == (want[1] > 0)


def test_claims_that_are_listed_count_once_whatever_their_batch_says(put):
    listed = (
        "HL*4*3*PT", "NM1*QC*1*ZEBRA*QUENTIN****MI*S1", "TRN*2*A1", "STC*A7:562*20260401*U*300",
        "HL*5*3*PT", "NM1*QC*1*ZEBRA*ZOE****MI*S2", "TRN*2*A2", "STC*A2:20*20260401*WQ*600",
    )  # fmt: skip
    head = ("STC*A1:19*20260401*WQ*900", "QTY*90*1", "QTY*AA*1", "AMT*YY*300", *PROVIDER)
    path = put(ca(*head, *listed), "back.277")
    assert counted(path) == (1, 1, "300.00")
    assert "batch_rejected" not in found(read(path))
    # One more is rejected than is listed.
    path = put(ca(*(s.replace("AA*1", "AA*2").replace("YY*300", "YY*450") for s in head), *listed))
    assert counted(path) == (1, 2, "450.00")


def test_a_batch_that_does_not_say_how_many_counts_as_one_and_says_so(put):
    path = put(ca("STC*A3:24:41*20260401*U*1550"), "back.277")
    assert counted(path) == (0, 1, "1550.00")
    assert "batch_not_counted" in found(read(path))


def ack(*segments, **given):
    return acknowledgment("999", "005010X231A1", "AK1*HC*1*005010X222A1", *segments, **given)


@pytest.mark.parametrize(
    ("segments", "want"),
    [
        (("AK9*R*5*5*0",), (0, 5)),
        (("AK2*837*0001", "IK5*R*5", "AK9*R*3*3*0"), (0, 3)),
        (("AK2*837*0001", "IK5*A", "AK9*R*3*3*0"), (0, 3)),
        (("AK9*A*4*4*4",), (4, 0)),
        (("AK2*837*0001", "IK5*R*5", "AK9*P*10*10*9"), (9, 1)),
        (("AK2*837*0001", "IK5*A", "AK2*837*0002", "IK5*R*5", "AK9*P*2*2*1"), (1, 1)),
        (("AK9*R",), (0, 1)),
    ],
)
def test_a_group_counts_its_transactions_as_it_says(put, segments, want):
    assert counted(put(ack(*segments), "back.999"))[:2] == want


@pytest.mark.parametrize(
    ("code", "want"), [("R*025", (0, 1)), ("A*000", (1, 0)), ("E*013", (1, 0))]
)
def test_an_interchange_alone_is_taken_in_or_rejected(put, code, want):
    text = f"{ISA}~TA1*000000101*260401*0307*{code}~IEA*0*000000101~"
    claims = read(put(text, "back.ta1"))
    said = totals(claims)
    assert (said["accepted"], said["rejected"]) == want
    assert said["kind"] == "TA1"
    assert ("batch_not_counted" in found(claims)) == (want[1] == 1)
    if want[1]:
        assert "used already" in claims.rejections["error_says"].iloc[0]


def test_an_interchange_taken_in_adds_nothing_to_what_is_acknowledged_beside_it(put):
    text = ack("AK9*A*4*4*4", before=("TA1*000000101*260401*0307*A*000",))
    assert counted(put(text, "back.999"))[:2] == (4, 0)


def test_every_note_of_an_interchange_has_our_own_words():
    table = acknowledgments.acknowledgment_codes()
    assert [table["interchange", code].standing for code in "AER"] == ["accepted"] * 2 + [
        "rejected"
    ]
    assert all(table["note", f"{n:03d}"].says for n in range(32))


# --- what may be shown --------------------------------------------------------------------------------


def test_text_in_a_code_s_place_is_never_shown(put, capsys):
    text = remittance(
        claim("A1", 1, "100.00", "0.00",
              *line("100.00", "0.00", "CAS*ZQ*JANED*100.00", "LQ*HE*QUENT")),
        claim("A2", 1, "100.00", "0.00", *line("100.00", "0.00", "CAS*CO*999*100.00")),
    )  # fmt: skip
    path = put(text)
    said = totals(read(path))
    assert said["by_group_code"] == {"?-?": "100.00", "CO-999": "100.00"}
    assert said["remark_codes"] == {"?": 1}
    assert "code_not_well_formed" in found(read(path))
    out = path.with_name("out.csv")
    assert main(["read", str(path), "--json"]) == 0
    assert main(["worklist", str(path), "--as-of", "2026-09-30", "--out", str(out), "--json"]) == 0
    shown_of_it = capsys.readouterr().out
    assert "JANED" not in shown_of_it and "QUENT" not in shown_of_it
    assert "CO-999" in shown_of_it


def test_every_code_on_file_may_be_shown():
    assert all(shown("carc", code) == code for code in codes.carcs())
    assert all(shown("rarc", code) == code for code in codes.rarcs())
    assert all(shown("group_code", code) == code for code in codes.group_codes())
    assert shown("carc", "SMITH") == shown("rarc", "JANE") == shown("group_code", "JD") == "?"
    assert shown("carc", None) == shown("carc", "") == ""


# --- segments in, segments out ----------------------------------------------------------------------


def test_every_segment_is_counted_and_those_not_read_are_named(worked):
    text = joined("LX*2")
    claims, _ = worked(text)
    assert totals(claims)["segments"] == text.count("~")
    assert totals(claims)["segments_not_read"] == 0
    claims, _ = worked(text.replace("DTM*472*20260301~", "DTM*472*20260301~ZZZ*1~", 1))
    assert totals(claims)["segments"] == text.count("~") + 1
    assert totals(claims)["segments_not_read"] == 1
    assert "segment_not_read" in found(claims)


def test_a_transaction_that_is_no_remittance_is_among_the_segments_not_read(put):
    other = "ST*820*0002~BPR*I*1.00~SE*3*0002~"
    claims = read(put(joined("LX*2").replace("GE*1*101", f"{other}GE*2*101")))
    assert totals(claims)["segments_not_read"] == 3
    assert "not_a_remittance" in found(claims)


def test_a_claim_after_the_end_of_the_interchange_is_counted_and_named(put):
    lost = "CLP*A9*1*100.00*0.00**12*ICN9*11*1~"
    text = joined("LX*2")
    claims = read(put(text + "some text~" + lost))
    assert found(claims)["claim_not_read"].endswith("not read: 1")
    assert totals(claims)["claims"] == 3
    assert totals(claims)["segments_not_read"] == 2


@pytest.mark.parametrize("ending", ["~", "~\n", "~\r\n", "~\n\n", "~  ", "\n", "\r\n"])
def test_layout_changes_no_count(put, ending):
    text = joined("LX*2")
    said = totals(read(put(text.replace("~", ending))))
    assert (said["segments"], said["segments_not_read"]) == (text.count("~"), 0)


@pytest.mark.parametrize(
    ("name", "change"),
    [("segments", {"segments": 7}), ("CLP:", {"claims": 9}), ("CLP04", {"paid": 123})],
)
def test_a_file_whose_bytes_hold_something_else_is_refused(put, monkeypatch, name, change):
    from toolkit.claims.x12 import remittance as module

    count = module.counted

    def other(found):
        answer = count(found)
        for key, value in change.items():
            setattr(answer, key, value)
        return answer

    monkeypatch.setattr(module, "counted", other)
    with pytest.raises(RemittanceError, match=f"{name}.*does not add up"):
        read(put(joined("LX*2")))
