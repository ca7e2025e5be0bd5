"""Layouts: which heading is which column, layouts of one's own, and what is not read is said."""

import csv
from datetime import date
from pathlib import Path

import pytest

from toolkit.claims.export.exports import read_export, totals
from toolkit.claims.export.layouts import (
    COLUMNS,
    OF_DENIALS,
    choose,
    column_of,
    lay_over,
    layout,
    layouts,
    plain,
)
from toolkit.errors import ExportError, LocalFileError
from toolkit.hospital.heading_words import keys, speaks_of_denials
from toolkit.rules.loader import load_yaml

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "data" / "samples"
DATA = Path(__file__).parent / "data" / "layouts"
CASES = {
    case["layout"]: case for case in load_yaml(Path(__file__).parent / "cases" / "layouts.yaml")
}
SENTINEL = "ZZSENTINELZZ"


def written(path: Path, *rows: list[str]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def own(text: str, name: str = "ours") -> Path:
    path = Path("local") / "layouts" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def match_of(headings: str, name=None):
    return choose([headings.split(",")], name=name, where="x.csv")


# ------------------------------------------------------------------------------ the package's own


def test_every_layout_has_a_case_and_every_case_a_layout():
    assert set(CASES) == set(layouts())


@pytest.mark.parametrize("name", layouts())
def test_each_layout_is_chosen_by_its_samples_headings_and_reads_it_exactly(name):
    case = CASES[name]
    claims = read_export(SAMPLES / case["sample"])
    found, expect = totals(claims), case["expect"]
    assert found["layout"] == name
    assert {k: str(found[k]) for k in ("rows", "claims", "adjustments")} == {
        k: expect[k] for k in ("rows", "claims", "adjustments")
    }
    assert found["adjustment_total"] == expect["denied"]
    for amount in ("billed", "paid"):
        assert found[amount] == expect.get(amount, found[amount])
    assert claims.claims["service_from"].min().date() == date.fromisoformat(expect["first_service"])
    last = claims.claims[["service_from", "service_to"]].max().max()
    assert last.date() == date.fromisoformat(expect["last_service"])
    for column, heading in case.get("columns", {}).items():
        assert found["columns"][column] == [heading]
    if "reasons" in case:
        assert found["by_group_code"] == case["reasons"]
    if layout(name).kind != "billing":
        assert claims.adjustments["carc"].notna().all()
    assert (claims.claims["payer_name"].str.len() > 0).all()


@pytest.mark.parametrize("name", layouts())
def test_each_layout_states_its_sources_and_their_marks(name):
    chosen = layout(name)
    assert chosen.name
    assert chosen.says
    assert chosen.required
    assert chosen.sources
    for source in chosen.sources:
        assert date.fromisoformat(source.verified_on) <= date(2026, 12, 31)
        assert source.says
        assert source.source
    if chosen.from_memory:
        assert "M" in {s.status for s in chosen.sources}


@pytest.mark.parametrize("name", layouts())
def test_no_abbreviated_heading_of_a_layout_is_two_of_our_columns(name):
    chosen = layout(name)
    seen: dict = {}
    for table in (chosen.columns, chosen.from_memory):
        for column, headings in table.items():
            for heading in headings:
                assert seen.setdefault(keys(heading)[0], column) == column, heading


@pytest.mark.parametrize("name", layouts())
def test_every_heading_of_a_layout_is_read_as_the_column_it_is_listed_under(name):
    chosen = layout(name)
    for table in (chosen.columns, chosen.from_memory):
        for column, headings in table.items():
            for heading in headings:
                assert column_of(chosen, heading)[0] == column


def test_a_layout_of_claims_reads_nothing_that_only_a_denial_has():
    assert not (set(layout("billing").columns) | set(layout("billing").from_memory)) & OF_DENIALS


# ------------------------------------------------------------------- two headings for one column


def test_of_two_headings_for_one_column_the_preferred_is_read_and_the_other_named():
    claims = read_export(DATA / "37-two-account-columns.csv")
    assert claims.claims["patient_control_number"].tolist() == ["X14A"]
    assert claims.adjustments[["group_code", "carc"]].to_numpy().tolist() == [["CO", "197"]]
    said = claims.findings[claims.findings["code"] == "column_passed_over"]
    assert said["column"].tolist() == ["denied_amount", "patient_control_number"]
    assert "column F would also be that" in said["says"].tolist()[1]


@pytest.mark.parametrize("order", ["Claim No,Patient Account", "Patient Account,Claim No"])
def test_the_order_of_the_columns_does_not_decide_which_is_read(order):
    match = match_of(f"{order},Denial Code,Denial Amount,Denied Amount")
    at = dict(enumerate(f"{order},Denial Code,Denial Amount,Denied Amount".split(",")))
    assert at[match.positions["patient_control_number"][0]] == "Claim No"
    assert [at[p] for p in match.passed_over["patient_control_number"]] == ["Patient Account"]
    assert at[match.positions["denied_amount"][0]] == "Denied Amount"


def test_of_the_same_heading_twice_the_first_is_read():
    match = match_of("Claim Number,Payer,CARC,Facility,Facility")
    assert match.positions["facility"] == (3,)
    assert match.passed_over == {"facility": (4,)}


def test_a_column_map_settles_which_of_two_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own("columns: {patient_control_number: [PATIENT_ACCOUNT]}")
    for layout_named in (None, "ours", "local/layouts/ours.yaml", Path("local/layouts/ours.yaml")):
        claims = read_export(DATA / "37-two-account-columns.csv", layout=layout_named)
        assert claims.files["layout"].tolist() == ["ours"]
        assert claims.claims["patient_control_number"].tolist() == ["9001"]
        assert claims.adjustments["carc"].tolist() == ["197"]


def test_our_own_column_names_are_preferred_unless_a_map_says_otherwise(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    headings = "patient_control_number,Claim Number,carc"
    assert match_of(headings).positions["patient_control_number"] == (0,)
    own("columns: {patient_control_number: [Claim Number]}")
    assert match_of(headings).positions["patient_control_number"] == (1,)


# --------------------------------------------------------------------------------- abbreviations


@pytest.mark.parametrize("name", [None, "generic"])
def test_a_vendor_report_of_abbreviations_is_read(name):
    claims = read_export(DATA / "38-vendor-abbreviations.csv", layout=name)
    assert claims.claims["patient_control_number"].tolist() == ["X12A"]
    assert claims.claims["payer_name"].tolist() == ["Example Plan"]
    adjustments = claims.adjustments[["group_code", "carc", "amount_cents"]]
    assert adjustments.to_numpy().tolist() == [["CO", "197", 15000]]
    assert claims.remark_codes["rarc"].tolist() == ["N130"]
    assert claims.claim_lines["modifiers"].tolist() == ["25"]


@pytest.mark.parametrize(
    ("headings", "column"),
    [
        ("Clm Nbr;CLM_NO;Claim Num;claimNumber;Claim #;clmnbr;CLAIM-NO.;Clm No", "patient_control_number"),
        ("Svc Dt;SRV_DATE;Srvc Date;svcdt;Date Of Svc;Dt of Serv", "service_from"),
        ("Pyr Nm;PAYOR_NAME;PayerNam;Ins Co Name;Carrier Nm;Ins Name", "payer_name"),
        ("Rsn Cd;REASON_CD;Adj Rsn Cd;Denial Rsn Code;Dnl Cd;CAGC/CARC", "carc"),
        ("Grp Cd;Adj Grp;ADJ_GRP_CD", "group_code"),
        ("Rmk Cd;Remark Cds;RMRK CODE 5;Rmk Cd 12", "rarc"),
        ("Adj Amt;AMT_DENIED;Denied Amt;Rej Amt;REJECT_AMOUNT;Dnl Amt", "denied_amount"),
        ("Pd Amt;AMT_PD;Pmt Amt;AMOUNT_PAID", "paid"),
        ("Bill Amt;BILLED_AMT;Chg Amt;Amt Billed", "billed"),
        ("Allwd Amt;Amt Allowed;ALLOW_AMT", "allowed"),
        ("Proc Cd;PROC_CODE;CPT4;HCPC", "procedure_code"),
        ("M1;Mod 2;MODIFIER3", "modifiers"),
        ("Prin Dx;DX_CD;Diag Code;Dx1", "diagnosis_code"),
        ("Pt Acct;PAT_ACCT_NO;Acct Nbr;Enc Nbr;Hosp Acct", "patient_control_number"),
        ("Fac Nm;FACILITY_NM;Hosp Name;Svc Loc", "facility"),
        ("Pt Resp Amt;PAT_RESP", "patient_responsibility"),
        ("Dnl Dt;DENIED_DT;Date Denied;Ltr Dt", "notice_date"),
        ("Chk Dt;CK_DATE;Remit Dt;Pmt Date", "remittance_date"),
    ],
)  # fmt: skip
def test_abbreviations_are_written_out(headings, column):
    for heading in headings.split(";"):
        found = column_of(layout("generic"), heading)
        assert found is not None, heading
        assert found[0] == column, heading


@pytest.mark.parametrize(
    "heading",
    [
        "Ded Amt", "CoIns Amt", "Copay Amt", "Number of Lines", "No of Units", "Claim Payer ID",
        "Rcvd Dt", "Received Date", "Rsn", "Pt ID", "MRN", "Grp Nbr", "Chk Nbr", "Chk Amt",
        "Bill Dt", "Birth", "Post Date", "Prac Name", "Denial Cat", "Adj Dt", "Auth Nbr", "Reason Amt",
        "Prim Ins", "Secondary Payer", "Deduct", "Copay", "Paid Units", "Balance", "Write Off Amt", "Rej Rsn", "Dedamt",
        "Denied Units", "Line Count", "Adj", "Ins ID", "Payer Phone", "Pt Pd Amt", "Ins Pd",
    ],
)  # fmt: skip
def test_a_heading_that_says_something_else_is_not_read(heading):
    assert column_of(layout("generic"), heading) is None


def test_a_numbered_heading_among_others_of_its_kind_is_not_the_one_meant():
    alone = lay_over(layout("generic"), ["CPT 4", "Paid"], row=1)
    many = lay_over(layout("generic"), ["CPT 1", "CPT 2", "CPT 3", "CPT 4"], row=1)
    assert alone.positions["procedure_code"] == (0,)
    assert "procedure_code" not in many.positions


def test_words_run_together_are_parted_only_where_there_is_one_way():
    assert keys("clmnbr") == keys("Clm Nbr")
    assert keys("patient")[0].words == ("patient",)
    assert keys("xyzdate")[0].words == ("xyzdate",)


def test_a_group_code_of_its_own_rules_the_reasons_numbered_beside_it(tmp_path):
    export = written(
        tmp_path / "x.csv",
        ["Claim Number", "Payer", "Group Code", "Reason Code 1", "Amount Denied 1", "Reason Code 2", "Amount Denied 2"],
        ["A1", "Example Plan", "CO", "45", "10.00", "97", "20.00"],
        ["A2", "Example Plan", "PR", "1", "5.00", "", ""],
    )  # fmt: skip
    assert totals(read_export(export))["by_group_code"] == {
        "CO-45": "10.00", "CO-97": "20.00", "PR-1": "5.00",
    }  # fmt: skip


def test_adjustments_of_the_claim_and_of_the_line_side_by_side_are_all_read(tmp_path):
    export = written(
        tmp_path / "x.csv",
        ["PatientControlNumber", "PayerName", "LineProcedureCode",
         *(f"{of}Adj{n}{part}" for of in ("", "Line") for n in (1, 2) for part in ("Group", "ReasonCode", "Amount"))],
        ["A1", "Example Plan", "99213", "OTHER", "23", "1.00", "OTHER", "29", "2.00", "CONTRACTUAL", "45", "4.00", "CONTRACTUAL", "97", "8.00"],
    )  # fmt: skip
    assert totals(read_export(export))["by_group_code"] == {
        "CO-45": "4.00", "CO-97": "8.00", "OA-23": "1.00", "OA-29": "2.00",
    }  # fmt: skip


# --------------------------------------------------------------------------- layouts that compete


def test_layouts_that_read_the_same_are_not_in_each_others_way():
    match = match_of("patient_control_number,carc,denied_amount")
    assert set(match.positions) == {"patient_control_number", "carc", "denied_amount"}


def test_layouts_that_read_a_heading_differently_and_fit_equally_are_refused(monkeypatch):
    import toolkit.claims.export.layouts as module

    first = layout("clearinghouse")
    other = module.msgspec.structs.replace(
        first,
        id="other",
        columns=first.columns | {"notice_date": ("ERA Date",), "remittance_date": ()},
    )
    monkeypatch.setattr(module, "layouts", lambda: ("clearinghouse", "other"))
    monkeypatch.setattr(module, "_of_package", {"clearinghouse": first, "other": other}.get)
    with pytest.raises(ExportError, match=r"x\.csv, row 1: .* read column C differently; name the"):
        match_of("Patient Control Number,CAS Code,ERA Date")
    assert match_of("Patient Control Number,CAS Code").row == 1


# ------------------------------------------------------------------------------ layouts of one's own


def test_a_short_layout_takes_the_rest_from_the_generic_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = own("columns: {denied_amount: [Open Bal]}\nwords: {case_status: {closed: [Archived]}}")
    chosen = layout(path)
    base = layout("generic")
    assert (chosen.id, chosen.required) == ("ours", base.required)
    assert chosen.programs == base.programs
    assert chosen.levels == base.levels
    assert "Archived" in chosen.words["case_status"]["closed"]
    assert set(base.words["case_status"]["open"]) == set(chosen.words["case_status"]["open"])
    export = written(
        tmp_path / "x.csv",
        ["Claim Number", "Reason Code", "Denied Amount", "Open Bal", "Case Status"],
        ["A1", "CO-16", "5.00", "7.00", "Archived"],
    )
    claims = read_export(export)
    assert claims.files["layout"].tolist() == ["ours"]
    assert claims.adjustments["amount_cents"].tolist() == [700]
    assert claims.claims["case_status"].tolist() == ["closed"]


def test_a_word_of_ones_own_is_not_given_another_meaning(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = own("columns: {owner: [Desk]}\nwords: {case_status: {closed: [pending]}}")
    assert "pending" not in layout(path).words["case_status"]["open"]


def test_a_layout_that_reads_its_own_columns_alone_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = own("columns_of: none\ncolumns: {patient_control_number: [Clm], carc: [Rsn]}")
    match = match_of("Clm,Rsn,Denied Amount,Payer", name=path)
    assert set(match.positions) == {"patient_control_number", "carc"}


def test_a_heading_that_a_map_leaves_unread_is_not_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = own("columns: {patient_control_number: [Clm]}\nnot_read: [Denied Amount, program]")
    match = match_of("Clm,CARC,Denied Amount,Program", name=path)
    assert set(match.positions) == {"patient_control_number", "carc"}
    assert match.not_read == (2, 3)


def test_ones_own_layout_is_not_taken_for_a_file_that_has_none_of_its_headings(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    own("columns: {patient_control_number: [Our Key]}")
    assert match_of("Claim Number,CARC,Denied Amount").layout.id == "generic"


def test_a_map_of_ones_own_wins_over_a_layout_that_fits_equally(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own(
        "columns: {patient_control_number: [Claim Number], denied_amount: [Paid Amount]}\nnot_read: [Denied Amount]"
    )
    match = match_of("Claim Number,CARC,Denied Amount,Paid Amount")
    assert match.layout.id == "ours"
    assert match.positions["denied_amount"] == (3,)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("columns: {account_no: [Clm]}", r"ours\.yaml, line \d+: .*no layout has a column called \['account_no'\]"),
        ("id: ours", r"ours\.yaml, line \d+: .*required field `columns`"),
        ("columns: {carc: Rsn}", r"ours\.yaml, line \d+: .*\$\.columns"),
        ("columns: {carc: [Rsn], rarc: [rsn]}", r"ours\.yaml, line \d+: .*is listed for two"),
        ("columns: {carc: [Rsn]}\nsurplus: 1", r"ours\.yaml, line \d+: .*unknown field `surplus`"),
        ("columns: {carc: [Rsn]}\ndate_order: sometimes", r"ours\.yaml, line \d+: .*\$\.date_order"),
        ("columns: {carc: [Rsn]}\nwords_of: nobody", r"ours\.yaml: words_of names no layout"),
        ("columns: {carc: [Rsn]}\nkind: billing", r"ours\.yaml, line \d+: .*no billing layout has a column"),
        ("columns: {carc: ['#']}", r"ours\.yaml, line \d+: .*neither letter nor digit"),
        ("columns: {carc: [Rsn", r"ours\.yaml, line \d"),
        ("columns: {carc: [Rsn]}\ncolumns: {}", r"ours\.yaml, line 2: a key appears twice"),
    ],
)  # fmt: skip
def test_a_wrong_layout_of_ones_own_is_refused_with_its_file_and_field(
    text, says, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    own(text)
    with pytest.raises(LocalFileError, match=says) as error:
        match_of("Claim Number,CARC")
    assert error.value.exit_code == 4


def test_a_layout_file_that_is_not_there_or_not_text_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LocalFileError, match=r"gone\.yaml: cannot be read"):
        layout("gone.yaml")
    (tmp_path / "odd.yaml").write_bytes(b"id: \xff\xfe")
    with pytest.raises(LocalFileError, match=r"odd\.yaml: cannot be read"):
        layout(tmp_path / "odd.yaml")


def test_two_layouts_of_one_id_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own("columns: {carc: [Rsn]}", "generic")
    with pytest.raises(LocalFileError, match=r"generic\.yaml: another layout has the same id"):
        match_of("Claim Number,CARC")


def test_a_changed_layout_file_is_read_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = own("columns: {carc: [Rsn]}")
    assert column_of(layout(path), "Rsn")[0] == "carc"
    own("columns: {denial_text: [Rsn]}")
    assert column_of(layout(path), "Rsn")[0] == "denial_text"


# --------------------------------------------------------------------------------------- refusals


def test_a_refusal_of_unknown_headings_names_the_next_command():
    with pytest.raises(ExportError) as error:
        match_of(f"alpha,{SENTINEL}")
    said = str(error.value)
    assert said.startswith("x.csv: none of the first 1 rows has headings that a layout knows")
    assert "toolkit map 'x.csv' --out local/layouts/NAME.yaml" in said
    assert "--layout local/layouts/NAME.yaml" in said
    assert SENTINEL not in said


def test_a_refusal_for_a_lacking_column_points_to_a_column_that_looks_like_it():
    with pytest.raises(ExportError) as error:
        match_of(f"Claim Number,Payer,Denied Amount,{SENTINEL},Reazon Code")
    said = str(error.value)
    assert "layout generic finds no column for carc or denial_text or rarc" in said
    assert "column E may be carc" in said
    assert "toolkit map 'x.csv'" in said
    assert SENTINEL not in said


# -------------------------------------------------------------------------------- billing exports


def test_a_plain_billing_export_is_read_and_says_what_it_cannot_answer():
    claims = read_export(SAMPLES / "layouts" / "billing.csv")
    assert len(claims.adjustments) == 0
    said = claims.findings[claims.findings["code"] == "billing_export"]["says"].tolist()
    assert len(said) == 1
    assert "not what was denied or why" in said[0]


@pytest.mark.parametrize(
    "heading", ["Rej Cd", "Denial Cat", "Remark Cd Text", "Deny Rsn Note", "CARC Group X"]
)
def test_a_table_that_speaks_of_denials_is_not_taken_for_a_billing_export(heading):
    assert speaks_of_denials([heading]) == [0]
    with pytest.raises(ExportError, match="toolkit map"):
        match_of(f"Account,Charges,Payments,Service Date,{heading}")


def test_adjustments_and_balances_do_not_speak_of_denials():
    assert (
        speaks_of_denials(["Adjustments", "Contractual Adj", "Balance", "Reason for Visit"]) == []
    )
    assert match_of("Account,Charges,Payments,Adjustments,Balance").is_billing


def test_an_export_with_reasons_is_never_a_billing_export():
    match = match_of("Account,Charges,Payments,Service Date,Denial Reason")
    assert not match.is_billing
    assert "denial_text" in match.positions


def test_every_column_of_ours_is_one_that_a_layout_can_name():
    assert set(COLUMNS) >= OF_DENIALS
    assert all(plain(column) for column in COLUMNS)


def test_a_billed_claim_is_a_denial_only_where_its_status_says_so(tmp_path):
    export = written(
        tmp_path / "x.csv",
        ["Account", "Payer", "Service Date", "Charges", "Payments", "Claim Status"],
        ["A1", "Example Plan", "2026-01-05", "100.00", "0.00", "Denied"],
        ["A2", "Example Plan", "2026-01-06", "200.00", "150.00", "Paid"],
        ["A3", "Example Plan", "2026-01-07", "300.00", "", "Billed"],
        ["A4", "Example Plan", "2026-01-07", "300.00", "0.00", ""],
    )
    claims = read_export(export)
    assert len(claims.claims) == 4
    assert claims.adjustments["row"].tolist() == [2]
    assert claims.adjustments["carc"].isna().all()
    assert claims.adjustments["amount_cents"].isna().all()


def test_the_documentation_lists_every_layout_with_its_marks():
    text = (ROOT / "docs" / "layouts.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    listed = {row[0].strip("`"): set(row[2].split(", ")) for row in rows if len(row) == 3}
    marks = {name: {s.status for s in layout(name).sources} for name in layouts()}
    assert {name: listed.get(name, set()) for name in marks} == marks
