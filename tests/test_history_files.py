"""The history of claims over files as people have them: remittances, exports, trackers."""

import json
from datetime import date

import pandas as pd
import pytest

from toolkit.bulk import Book, gather, triage_book
from toolkit.claims import read
from toolkit.cli import main
from toolkit.history import settled
from toolkit.hospital import Hospital
from toolkit.worklist.triage import triage

DAY = date(2026, 9, 30)
HOSPITAL = Hospital.unknown()
HEADS = (
    "Claim Number,Payer,Payer ID,Service From,Procedure Code,Group Code,CARC,Denied Amount,Notice Date,"
    "Billed Amount,Paid Amount,Case Status,Owner,Plan,Appeal Filed,Appeal Level"
)
DENIED = (
    "A1,Example Plan,99001,2026-01-05,70551,CO,50,500.00,2026-01-20,500.00,0.00,Open,Team A,PPO,,"
)


def remittance(day: str, *claims: list[str], plb: tuple[str, ...] = ()) -> str:
    body = [
        "ST*835*0001",
        f"BPR*H*0.00*C*NON*CCP*01*111000025*DA*1*1999999999**01*111000025*DA*2*{day}",
        f"TRN*1*T{day}*1999999999", f"DTM*405*{day}", "N1*PR*EXAMPLE PLAN*XV*99001",
        "N3*1 TEST WAY", "N4*TESTTOWN*OH*45000", "PER*BL*EDI*TE*5550100000",
        "N1*PE*EXAMPLE HOSPITAL*XX*1999999984", "REF*TJ*999999999", "LX*1",
        *(segment for one in claims for segment in one), *plb,
    ]  # fmt: skip
    return (
        "~".join(
            [
                "ISA*00*          *00*          *ZZ*PAYERTEST      *ZZ*PROVTEST       *260401*1200*^*"
                f"00501*{int(day):09d}*0*P*:",
                f"GS*HP*PAYERTEST*PROVTEST*20260401*1200*{day}*X*005010X221A1",
                *body, f"SE*{len(body) + 1}*0001", f"GE*1*{day}", f"IEA*1*{int(day):09d}",
            ]
        )
        + "~"
    )  # fmt: skip


def claim(
    *cas: str, paid: str = "0.00", status: str = "1", number: str = "ICN1", more=(), frequency="1"
) -> list[str]:
    sign = "-" if status == "22" else ""
    return [
        f"CLP*A1*{status}*{sign}500.00*{paid}**12*{number}*11*{frequency}", *more,
        f"SVC*HC:70551*{sign}500.00*{paid}**1", "DTM*472*20260105", *(f"CAS*{one}" for one in cas),
    ]  # fmt: skip


DENIAL = remittance("20260118", claim("CO*50*500.00", status="4"))
PAID = remittance("20260316", claim("CO*45*200.00", paid="300.00", frequency="7"))


@pytest.fixture
def work(tmp_path):
    """Triage files whole and in parts, in both orders; return claims and worklist, which agree."""

    def worked(*texts: str) -> tuple:
        paths = []
        for number, text in enumerate(texts):
            paths.append(tmp_path / f"f{number}{'.835' if text.startswith('ISA') else '.csv'}")
            paths[-1].write_text(text)
        claims = settled(read(paths))
        worklist = triage(claims, as_of=DAY, hospital=HOSPITAL)
        turned = triage(settled(read(paths[::-1])), as_of=DAY, hospital=HOSPITAL)
        assert rows(turned) == rows(worklist)
        book = Book.at(tmp_path / "book")
        found = gather(paths, book, engine="pandas")
        with triage_book(
            book, found.files, as_of=DAY, hospital=HOSPITAL, engine="pandas",
            findings=found.findings, part_rows=1,
        ) as run:  # fmt: skip
            tables = [table.to_pandas() for table in run.tables()] or [worklist.iloc[:0]]
            parts = pd.concat(tables, ignore_index=True)
            kinds = {one.code for one in run.finding_kinds()}
        assert rows(parts) == rows(worklist)
        assert kinds == set(claims.findings["code"])
        return claims, worklist

    return worked


def rows(worklist: pd.DataFrame) -> list[tuple]:
    names = ["carc", "state", "state_from", "due", "owner", "plan_name", "second_look", "gap"]
    return sorted(
        tuple(row) for row in worklist[names].astype("object").fillna("").to_numpy().tolist()
    )


def export(*lines: str) -> str:
    return "\n".join([HEADS, *lines]) + "\n"


def test_an_export_and_a_remittance_of_one_decision_are_one_denial(work):
    claims, worklist = work(export(DENIED), DENIAL)
    [row] = worklist.to_dict("records")
    assert (row["denied_cents"], row["owner"], row["plan_name"]) == (50000, "Team A", "PPO")
    assert str(row["notice_date"])[:10] == "2026-01-20"
    assert row["payer_claim_control_number"] == "ICN1"  # the remittance's
    assert claims.findings["code"].tolist().count("joined_with_remittance") == 1


def test_the_earlier_of_notice_and_remittance_is_the_safe_day(work):
    _, worklist = work(export(DENIED), DENIAL.replace("**12*", "**MB*"))
    [row] = worklist.to_dict("records")
    assert row["program"] == "original_medicare"
    later = pd.Timestamp(row["last_filing_date"]) - pd.Timestamp(row["file_by"])
    assert later >= pd.Timedelta(days=2)  # two days between the remittance and the notice


def test_an_appeal_of_the_export_is_the_appeal_of_the_remittances_denial(work):
    appealed = DENIED.replace("PPO,,", "PPO,2026-02-01,reconsideration")
    _, worklist = work(export(appealed), DENIAL)
    [row] = worklist.to_dict("records")
    assert (row["state"], row["due"]) == ("awaiting_decision", "awaiting_decision")


def test_what_the_payer_paid_later_is_not_open_whatever_the_tracker_says(work):
    _, worklist = work(export(DENIED), DENIAL, PAID)
    [row] = worklist.to_dict("records")
    assert (row["state"], row["due"], row["second_look"]) == (
        "paid_later", "closed", "open-but-paid",
    )  # fmt: skip


def test_what_the_tracker_closed_and_the_payer_still_denies_is_said(work):
    _, worklist = work(export(DENIED.replace("Open", "Closed")), DENIAL)
    [row] = worklist.to_dict("records")
    assert (row["state"], row["due"], row["second_look"]) == (
        "closed", "closed", "closed-but-denied",
    )  # fmt: skip


def test_a_denial_of_the_tracker_gives_way_to_the_payment_of_a_remittance_alone(work):
    _, worklist = work(export(DENIED), PAID)
    [row] = worklist.to_dict("records")
    assert (row["state"], row["due"]) == ("paid_later", "closed")


def test_another_payers_claim_of_the_same_account_is_not_joined(work):
    other = DENIED.replace("99001", "99002").replace("Example Plan", "Other Plan")
    _, worklist = work(export(other), DENIAL)
    assert len(worklist) == 2


def test_another_claim_of_a_recurring_account_is_not_joined(work):
    _, worklist = work(export(DENIED.replace("2026-01-05", "2026-02-05")), DENIAL)
    assert len(worklist) == 2


def test_a_denial_sent_on_to_another_payer_says_so(work):
    _, worklist = work(remittance("20260118", claim("CO*50*500.00", status="19")))
    assert worklist["second_look"].tolist() == ["sent-on"]
    _, worklist = work(
        remittance("20260118", [*claim("CO*50*500.00"), "LQ*HE*N89"]),
    )
    assert worklist["second_look"].tolist() == ["sent-on"]


PLB = ("PLB*1999999984*20261231*WO:ICN1*300.00",)


def test_a_payment_that_a_provider_adjustment_takes_back_is_open_again(work):
    claims, worklist = work(DENIAL, PAID, remittance("20260501", plb=PLB))
    [row] = worklist.to_dict("records")
    assert (row["state"], row["due"]) == ("taken_back", "no_date")
    assert "find the notice" in row["gap"]
    assert "payment_taken_back" in set(claims.findings["code"])


def test_a_reversal_with_positive_amounts_and_nothing_to_take_back_is_shown_for_review(work):
    odd = [one.replace("*-500.00", "*500.00") for one in claim("CO*109*500.00", status="22")]
    claims, worklist = work(remittance("20260118", odd))
    [row] = worklist.to_dict("records")
    assert (row["state"], row["route"], row["due"]) == ("review", "review", "no_date")
    assert "reversal_for_review" in set(claims.findings["code"])


def test_a_reversal_of_a_file_that_is_not_here_is_said_and_denies_nothing(work):
    claims, worklist = work(
        remittance("20260118", claim("CO*50*-500.00", status="22"), claim("CO*45*100.00", paid="400.00"))
    )  # fmt: skip
    assert worklist.empty
    assert "reversal_without_claim" in set(claims.findings["code"])


def test_the_history_of_a_claim_is_told_event_by_event(tmp_path, capsys):
    for name, text in (("a.835", DENIAL), ("b.835", PAID), ("t.csv", export(DENIED))):
        (tmp_path / name).write_text(text)
    files = [str(tmp_path / name) for name in ("t.csv", "b.835", "a.835")]
    assert main(["history", *files, "--claim", "A1", "--as-of", "2026-09-30", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(one["date"], one["what"], one["amount"]) for one in told["events"]] == [
        ("2026-01-18", "adjudicated", "0.00"),
        ("2026-03-16", "corrected", "300.00"),
    ]
    assert told["events"][0]["reasons"] == ["CO-50 500.00"]
    [line] = told["lines"]
    assert (line["state"], line["stake"]) == ("paid_later", "0.00")
    assert line["decided_by"].startswith("b.835, row ")
    assert main(["history", *files, "--claim", "SECRET9"]) == 2
    assert "SECRET9" not in capsys.readouterr().err


def test_the_history_and_the_worklist_say_the_same_state(tmp_path, capsys):
    (tmp_path / "a.835").write_text(DENIAL)
    appealed = DENIED.replace("PPO,,", "PPO,2026-02-01,reconsideration")
    (tmp_path / "t.csv").write_text(export(appealed))
    files = [str(tmp_path / name) for name in ("a.835", "t.csv")]
    out = tmp_path / "w.parquet"
    assert main(["worklist", *files, "--as-of", "2026-09-30", "--out", str(out), "--json"]) == 0
    capsys.readouterr()
    assert main(["history", *files, "--claim", "A1", "--as-of", "2026-09-30", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    row = pd.read_parquet(out).iloc[0]
    assert [line["state"] for line in told["lines"]] == [row["state"]] == ["awaiting_decision"]
    assert told["lines"][0]["stake"] == str(row["denied"])


def test_no_finding_of_a_history_repeats_a_claims_number(work):
    claims, _ = work(export(DENIED), DENIAL, PAID, remittance("20260501", plb=PLB))
    says = " ".join(claims.findings["says"])
    assert "ICN1" not in says and "A1" not in says.replace("f0", "")


def test_a_payer_that_the_tracker_names_otherwise_is_the_one_that_decided_the_same(work):
    named = DENIED.replace("Example Plan,99001", "Ex. Plan of Ohio,")
    _, worklist = work(export(named), DENIAL)
    [row] = worklist.to_dict("records")
    assert (row["owner"], row["payer_name"]) == ("Team A", "EXAMPLE PLAN")


def test_a_payer_named_otherwise_with_another_reason_is_another_denial(work):
    named = DENIED.replace("Example Plan,99001", "Ex. Plan of Ohio,").replace(",50,", ",197,")
    _, worklist = work(export(named), DENIAL)
    assert len(worklist) == 2


def test_a_payer_named_otherwise_is_not_joined_where_two_payers_decided_the_same(work):
    named = DENIED.replace("Example Plan,99001", "Ex. Plan of Ohio,")
    second = DENIAL.replace("EXAMPLE PLAN*XV*99001", "OTHER PLAN*XV*99002").replace(
        "20260118", "20260119"
    )
    _, worklist = work(export(named), DENIAL, second)
    assert len(worklist) == 3


TWO = remittance(
    "20260118",
    [
        "CLP*A1*4*600.00*0.00**MB*ICN1*11*1",
        "SVC*HC:70551*500.00*0.00**1", "DTM*472*20260105", "CAS*CO*50*500.00",
        "SVC*HC:99213*100.00*0.00**1", "DTM*472*20260105", "CAS*CO*197*100.00",
    ],
)  # fmt: skip


def of_line(worklist, code: str) -> dict:
    [row] = worklist[worklist["procedure_code"].eq(code)].to_dict("records")
    return row


def test_a_row_of_one_line_that_the_tracker_closed_closes_that_line_alone(work):
    _, worklist = work(export(DENIED.replace("Open", "Closed")), TWO)
    assert of_line(worklist, "70551")["state"] == "closed"
    assert of_line(worklist, "99213")["state"] == "open"


def test_an_appeal_of_a_row_without_a_service_is_of_the_line_with_its_reason(work):
    bare = (
        DENIED.replace("70551", "")
        .replace("500.00,0.00", ",")
        .replace("PPO,,", "PPO,2026-02-01,redetermination")
    )
    _, worklist = work(export(bare), TWO)
    assert of_line(worklist, "70551")["state"] == "awaiting_decision"
    assert of_line(worklist, "99213")["state"] == "open"


def test_a_code_that_the_tracker_retyped_gives_way_to_the_payers(work):
    claims, worklist = work(export(DENIED.replace(",50,", ",197,")), DENIAL)
    [row] = worklist.to_dict("records")
    assert (row["carc"], row["owner"]) == ("50", "Team A")
    assert "reasons_differ" in set(claims.findings["code"])


def test_a_reversal_and_its_correction_of_one_day_are_two_decisions_of_an_export(work):
    heads = (
        "Patient Control Number,Payer Name,Payer Claim Control Number,Service Date From,Service "
        "Procedure Code,Claim Adjustment Group Code,Adjustment Code,Adjustment Amount,Remittance Date,"
        "Line Charge Amount,Line Paid Amount,Claim Status Code"
    )
    rows = (
        "A1,Plan,I1,2026-01-05,70551,CO,50,500.00,2026-01-16,500.00,0.00,4",
        "A1,Plan,I1,2026-01-05,70551,CO,50,-500.00,2026-03-16,-500.00,0.00,22",
        "A1,Plan,I1,2026-01-05,70551,CO,97,500.00,2026-03-16,500.00,0.00,4",
    )
    _, worklist = work("\n".join([heads, *rows]) + "\n")
    [row] = worklist[worklist["due"].ne("closed")].to_dict("records")
    assert (row["carc"], str(row["notice_date"])[:10]) == ("97", "2026-03-16")


AGAIN = remittance("20260516", claim("CO*50*500.00", status="4", number="ICN2"))
OTHER = remittance("20260316", claim("CO*97*500.00", status="4", number="ICN2"))
APPEALED = DENIED.replace("PPO,,", "PPO,2026-04-01,reconsideration")


def test_an_appeal_goes_with_the_denial_that_stood_when_it_was_filed(work):
    _, worklist = work(export(APPEALED), DENIAL, OTHER)
    [row] = worklist.to_dict("records")
    assert (row["carc"], row["state"]) == ("97", "awaiting_decision")


def test_a_denial_that_is_only_repeated_does_not_end_the_appeal(work):
    _, worklist = work(export(APPEALED), DENIAL, AGAIN)
    [row] = worklist.to_dict("records")
    assert (row["carc"], row["state"]) == ("50", "awaiting_decision")


def test_an_appeal_of_an_older_denial_is_not_one_of_a_new_reason(work):
    early = DENIED.replace("PPO,,", "PPO,2026-02-01,reconsideration")
    _, worklist = work(export(early), DENIAL, OTHER)
    [row] = worklist.to_dict("records")
    assert (row["carc"], row["state"]) == ("97", "open")


def test_what_the_tracker_closed_of_one_line_is_in_its_history(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.835").write_text(TWO)
    (tmp_path / "t.csv").write_text(export(DENIED.replace("Open", "Closed")))
    assert (
        main(["history", "a.835", "t.csv", "--claim", "A1", "--as-of", "2026-09-30", "--json"]) == 0
    )
    told = json.loads(capsys.readouterr().out)
    assert [(one["what"], one["line"]) for one in told["events"]][-1] == ("closed", "1: 70551")
    assert [line["state"] for line in told["lines"]] == ["closed", "open"]


def test_nothing_is_filed_on_a_denial_that_was_paid_later(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = (
        DENIED,
        DENIED.replace(",50,500.00,2026-01-20,500.00,0.00", ",45,200.00,2026-02-20,500.00,300.00"),
    )
    (tmp_path / "t.csv").write_text(export(*rows))
    words = "record t.csv --claim A1 --event filed --level reconsideration --date 2026-03-01"
    assert main([*words.split(), "--who", "ana", "--as-of", "2026-03-02", "--json"]) == 3
    assert "no part of this denial is open" in json.loads(capsys.readouterr().out)["refused"]
