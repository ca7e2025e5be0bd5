"""The hospital's own tables: payers need few columns, and claims of other providers are named."""

import json
from pathlib import Path

import pytest

from toolkit.claims import foreign_claims, own_claims, read, read_payers, read_providers
from toolkit.cli import main
from toolkit.errors import InputError
from toolkit.hospital.payers import read_payer_table

SAMPLE = Path(__file__).parents[1] / "data" / "samples" / "payers.csv"


def table(folder: Path, text: str, name: str = "payers.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "payer_name,program\nExample Plan,medicare_advantage\n",
        "\ufeffProgram,Payer Name\nMEDICARE_ADVANTAGE, Example Plan \n",
        "PAYER_NAME;PROGRAM\r\nExample Plan;Medicare_Advantage\r\n",
        "Payor Name\tprogram\nExample Plan\tmedicare_advantage\n\n",
        "payer_name,program,Contact,Fax\nExample Plan,medicare_advantage,x,y\n",
        'program,payer_name\n"medicare_advantage","Example Plan"\n',
    ],
)
def test_a_payer_table_needs_the_payer_and_its_program_alone(text, tmp_path):
    (payer,) = read_payers(table(tmp_path, text))
    assert (payer.payer_name, payer.program) == ("Example Plan", "medicare_advantage")
    assert (payer.contracted, payer.plan_name, payer.appeals_address) == ("", "", "")


def test_a_table_of_contracts_alone_is_read_too(tmp_path):
    (payer,) = read_payers(table(tmp_path, "payer_id,contracted\nSYN01,Y\n"))
    assert (payer.payer_id, payer.contracted, payer.program) == ("SYN01", "contracted", "")


def test_further_columns_are_named_and_not_refused(tmp_path, capsys):
    path = table(
        tmp_path, "payer_name,program,Contact,Fax\nHarborlight Health,medicare_advantage,x,y\n"
    )
    assert read_payer_table(path).not_read == ("Contact", "Fax")
    export = SAMPLE.parent / "exports" / "generic.csv"
    out = tmp_path / "worklist.csv"
    command = ["worklist", str(export), "--as-of", "2026-11-23", "--payers", str(path), "--json"]
    assert main([*command, "--out", str(out)]) == 0
    assert "payer table: column Contact is not read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("program\nmedicare_advantage\n", "row 1: no column payer_id or payer_name"),
        ("payer_name,funding\nX,insured\n", "row 1: no column program or contracted"),
        ("payer_name,Payer Name,program\nX,Y,part_d\n", "row 1: two columns are called payer_name"),
        ("payer_name,program\nX,ZZSENTINEL\n", "row 2, program: is none of auto_medical, commercial_plan, "),
        ("payer_name,contracted\nX,maybe\n", "row 2, contracted: is none of no, yes"),
        ("payer_name,payer_id,program\n,,part_d\n", "row 2: has no payer"),
        ("payer_name,program\nX,part_d\nx ,part_d\n", "row 3: the same payer and plan as row 2"),
        ('payer_name,program\n"X,part_d\n', "row 2: a quote is not closed"),
        ("payer_name,program,state_window\nX,part_d,soon\n", "row 2, state_window"),
        ("payer_name,program,state_window\nX,part_d,0\n", "row 2, state_window"),
        ("payer_name,program,state_window\nX,part_d,9999\n", "1 to 366"),
        ("payer_name,program,jurisdiction\nX,commercial_plan,ZZSENTINEL\n", "row 2, jurisdiction: the jurisdiction is the two letters"),
        ("payer_name,program,jurisdiction,funding\nX,commercial_plan,NY,self_funded\n", "row 2, jurisdiction: no state's law governs a self-funded plan"),
        ("payer_name,program,address_verified_on\nX,part_d,soon\n", "row 2, address_verified_on"),
        ("\n", "has no rows"),
    ],
)  # fmt: skip
def test_a_payer_table_that_is_wrong_is_refused_with_its_row_and_column(text, says, tmp_path):
    with pytest.raises(InputError) as error:
        read_payers(table(tmp_path, text))
    assert str(error.value).startswith("payers.csv")
    assert says in str(error.value)
    assert "SENTINEL" not in str(error.value)


def test_the_jurisdiction_of_a_plan_is_read_in_any_case_and_may_be_missing(tmp_path):
    text = "payer_name,program,funding,Jurisdiction\nA,commercial_plan,insured, ny \nB,commercial_plan,self_funded,\n"
    found = read_payers(table(tmp_path, text))
    assert [one.jurisdiction for one in found] == ["NY", ""]


def test_the_sample_table_is_read_whole():
    found = read_payer_table(SAMPLE)
    assert len(found.payers) == 11
    assert found.not_read == ()


def test_a_row_is_named_by_its_line_though_an_address_has_two(tmp_path):
    text = 'payer_name,program,appeals_address\nA,part_d,"PO Box 1\nTown"\nB,nothing,\n'
    with pytest.raises(InputError, match="row 4, program"):
        read_payers(table(tmp_path, text))


# ----------------------------------------------------------------------------- other providers


EXPORT = (
    "Claim Number,Payer,CARC,Denied Amount,Billing NPI\n"
    "A1,Example Plan,50,1.00,1000000012\n"
    "A2,Example Plan,50,2.00,1999999984\n"
    "A3,Example Plan,50,3.00,\n"
    "A4,Example Plan,50,4.00,123456789\n"
)


def test_claims_that_name_anothers_npi_are_foreign_and_those_that_name_none_are_not(tmp_path):
    claims = read(table(tmp_path, EXPORT, "export.csv"))
    ours = read_providers(
        table(tmp_path, "NPI,Name\n1000000012,Example General Hospital\n", "providers.csv")
    )
    foreign = foreign_claims(claims, ours)
    assert claims.claims["patient_control_number"][foreign].tolist() == ["A2"]
    own = own_claims(claims, ours)
    assert own.claims["patient_control_number"].tolist() == ["A1", "A3", "A4"]
    assert own.adjustments["amount_cents"].tolist() == [100, 300, 400]
    [told] = own.findings[own.findings["code"] == "foreign_claims"].itertuples()
    assert (told.row, told.column, told.count, told.file) == (3, "provider_npi", 1, "export.csv")
    assert "1999999984" not in told.says


def test_claims_of_other_providers_are_on_no_worklist_of_any_engine(tmp_path, monkeypatch, capsys):
    (tmp_path / "local").mkdir()
    table(tmp_path / "local", "npi\n1000000012\n", "providers.csv")
    export = table(tmp_path, EXPORT, "export.csv")
    monkeypatch.chdir(tmp_path)
    for engine in ("pandas", "duckdb"):
        out = tmp_path / "w.csv"
        assert main(["worklist", str(export), "--as-of", "2026-01-01", "--out", str(out),
                     "--engine", engine, "--json"]) == 0  # fmt: skip
        answer = json.loads(capsys.readouterr().out)
        assert (answer["denials"], answer["denied"]) == (3, "8.00")
        assert "foreign_claims" in [one["code"] for one in answer["findings_list"]]


def test_without_a_table_of_providers_no_claim_is_foreign(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    claims = read(table(tmp_path, EXPORT, "export.csv"))
    assert read_providers() == ()
    assert not foreign_claims(claims, read_providers()).any()
    assert own_claims(claims, ()) is claims


def test_the_providers_in_local_are_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "local").mkdir()
    table(tmp_path / "local", "npi\n1000000012\n", "providers.csv")
    assert [provider.npi for provider in read_providers()] == ["1000000012"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name\nX\n", "row 1: no column npi"),
        ("npi\n12\n", "row 2, npi: is not an NPI of ten digits"),
    ],
)
def test_a_table_of_providers_that_is_wrong_is_refused(text, says, tmp_path):
    with pytest.raises(InputError, match=says):
        read_providers(table(tmp_path, text, "providers.csv"))
