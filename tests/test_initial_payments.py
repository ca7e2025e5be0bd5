"""An initial payment under the No Surprises Act is worked, and no dollar of it is called denied."""

import json
from pathlib import Path

import pandas as pd
import pytest

from toolkit.cli import main

SEGMENTS = """ISA*00*          *00*          *ZZ*PAYER          *ZZ*HOSPITAL       *261102*1200*^*00501*000000001*0*P*:
GS*HP*PAYER*HOSPITAL*20261102*1200*1*X*005010X221A1
ST*835*0001
BPR*I*140*C*ACH*CCP*01*999999999*DA*123456*1999999999**01*999999999*DA*123456*20261102
TRN*1*12345*1999999999
DTM*405*20261102
N1*PR*EXAMPLE PLAN*XV*12345
N1*PE*EXAMPLE HOSPITAL*XX*1234567893
LX*1
CLP*PAID*1*400*100*100*12*ICN1
NM1*QC*1*DOE*J
SVC*HC:99285*400*100**1
DTM*472*20261001
CAS*CO*45*200
CAS*PR*2*100
LQ*HE*{remark}
CLP*DENIED*1*300*40*0*12*ICN2
NM1*QC*1*DOE*K
SVC*HC:99285*300*40**1
DTM*472*20261001
CAS*CO*45*60
CAS*CO*50*200
LQ*HE*{remark}
SE*22*0001
GE*1*1
IEA*1*000000001
"""


def remittance(folder: Path, remark: str) -> Path:
    path = folder / f"{remark}.835"
    path.write_text(SEGMENTS.format(remark=remark).replace("\n", "~"))
    return path


@pytest.fixture
def said(tmp_path, monkeypatch, capsys):
    """Run a command of a hospital without a contract and return its JSON."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "payers.csv").write_text(
        "payer_name,program,contracted\nEXAMPLE PLAN,commercial_plan,no\n"
    )

    def run(*words: object) -> dict:
        assert main([*map(str, words), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return run


@pytest.mark.parametrize("engine", ["local", "duckdb"])
@pytest.mark.parametrize("remark", ["N877", "N864"])
def test_a_remittance_s_initial_payment_is_worked_and_inflates_no_total(
    said, tmp_path, remark, engine
):
    out = tmp_path / "worklist.csv"
    path, day = remittance(tmp_path, remark), ("--as-of", "2026-11-20")
    answer = said("worklist", path, *day, "--out", out, "--engine", engine)
    assert (answer["denials"], answer["denied"], answer["without_amount"]) == (2, "200.00", 1)
    rows = pd.read_csv(out, dtype="str", keep_default_na=False).set_index("patient_control_number")
    paid = rows.loc["PAID"]
    assert (paid["level"], paid["reason"], paid["denied"]) == (
        "open_negotiation", "initial_payment", "",
    )  # fmt: skip
    assert paid["last_filing_date"] == "2026-12-15"
    assert "$100.00 was paid of a charge of $400.00" in paid["why"]
    denied = "open_negotiation" if remark == "N877" else "internal_appeal"
    assert (rows.loc["DENIED", "level"], rows.loc["DENIED", "denied"]) == (denied, "200.00")


def test_what_adds_up_is_as_it_was_without_the_remark(said, tmp_path):
    found = {}
    for remark in ("N877", "N115"):
        path = remittance(tmp_path, remark)
        read = said("read", path)
        read.pop("remark_codes")
        history = said("history", path, "--claim", "DENIED", "--as-of", "2026-11-20")
        found[remark] = read, [(one["state"], one["stake"]) for one in history["lines"]]
    assert found["N877"] == found["N115"]


def test_the_history_says_that_the_payment_may_be_negotiated(said, tmp_path):
    path = remittance(tmp_path, "N877")
    (line,) = said("history", path, "--claim", "PAID", "--as-of", "2026-11-20")["lines"]
    assert (line["state"], line["stake"]) == ("open", None)
    assert "may be negotiated; nothing is denied" in line["because"]
