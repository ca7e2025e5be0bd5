"""277CA and 999 files are read, in codes and places only, and kept apart from the denials."""

import csv
import re
from datetime import date
from pathlib import Path

import pytest

from toolkit.claims import read, totals
from toolkit.claims.tables import TABLES
from toolkit.claims.x12.rejections import is_rejections, read_rejections
from toolkit.cli import main
from toolkit.denials import acknowledgments, codes
from toolkit.errors import RemittanceError
from toolkit.hospital import Hospital
from toolkit.worklist.triage import classified_adjustments, triage

UNKNOWN = Hospital.unknown()

SAMPLES = Path(__file__).parent.parent / "data" / "samples" / "remits"
PUBLIC = sorted((SAMPLES / "public-277").iterdir())

ISA = (
    "ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *260105*1200*^*00501*"
    "000000001*0*P*:~"
)


def envelope(kind, version, *segments):
    body = "".join(f"{s}~" for s in segments)
    count = len(segments) + 2
    return (
        f"{ISA}GS*{'FA' if kind != '277' else 'HN'}*A*B*20260105*1200*1*X*{version}~"
        f"ST*{kind}*0001*{version}~{body}SE*{count}*0001~GE*1*1~IEA*1*000000001~"
    )


# One claim of a patient taken in, one with two statuses of which one rejects it, one rejected.
CA = envelope(
    "277", "005010X214",
    "BHT*0085*08*1*20260105*1200*TH",
    "HL*1**20*1", "NM1*PR*2*PAYER*****PI*1", "TRN*1*X",
    "HL*2*1*21*1", "NM1*41*2*SENDER*****46*1", "TRN*2*X", "STC*A1:20*20260105*WQ*900",
    "HL*3*2*19*1", "NM1*85*2*HOSPITAL*****XX*1", "TRN*1*0", "STC*A1:19*20260105*WQ*900",
    "HL*4*3*PT", "NM1*QC*1*ZEBRA*QUENTIN****MI*SECRET1",
    "TRN*2*ACCT1", "STC*A2:20*20260105*WQ*100.5", "REF*1K*ICN1",
    "TRN*2*ACCT2", "STC*A2:20*20260105*WQ*300", "STC*A7:562:85*20260105*U*300******A7:145:85*A3:21",
    "HL*5*3*PT", "NM1*QC*1*ZEBRA*ZOE****MI*SECRET2",
    "TRN*2*ACCT3", "STC*A3:54*20260105*U*500", "SVC*HC:77080*500", "STC*A6:454*20260105*U*500",
)  # fmt: skip
ACK = envelope(
    "999", "005010X231A1",
    "AK1*HC*1*005010X223A2",
    "AK2*837*0001*005010X223A2", "IK5*A",
    "AK2*837*0002*005010X223A2",
    "IK3*CLM*22*2300*8", "CTX*CLM01:SECRET3", "IK4*5:3*1325*7*SECRET4", "IK4*2*782*1",
    "IK3*NM1*31*2310B*I9", "IK5*R*5",
    "AK2*837*0003*005010X223A2", "IK3*HI*40*2300*8", "IK4*1*1271*I12*SECRET5", "IK5*E",
    "AK9*P*3*3*2",
)  # fmt: skip


@pytest.fixture
def put(tmp_path):
    def file(text, name="back.x12"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return file


# --- 277 -----------------------------------------------------------------------------------------


def test_a_claim_counts_once_and_is_rejected_if_one_of_its_statuses_is(put):
    said = totals(read(put(CA)))
    assert said["kind"] == "277CA"
    assert (said["claims"], said["accepted"], said["rejected"]) == (3, 1, 2)
    assert said["transactions"] == 1


def test_each_status_is_a_row_with_its_level_and_codes(put):
    table = read_rejections(put(CA))
    assert list(table) == [column.name for column in TABLES["rejections"]]
    assert table["level"].tolist() == ["receiver", "provider", "claim", "claim", "claim", "claim",
                                       "line"]  # fmt: skip
    assert table["claim"].tolist()[2:] == [1, 2, 2, 3, 3]
    assert table["claim"].isna().tolist()[:2] == [True, True]
    row = table.iloc[4]
    assert (row["category_code"], row["status_codes"]) == ("A7", "562 145 21")
    assert row["entity_codes"] == "85"
    assert row["standing"] == "rejected" and row["billed_cents"] == 300_00
    assert row["category_says"] and "NPI" in row["status_says"]
    assert table["billed_cents"].isna().iloc[6]  # a line's status repeats no charge


@pytest.mark.parametrize("path", PUBLIC, ids=lambda path: path.name)
def test_the_public_files_read_and_hold_no_denial(path):
    claims = read(path)
    assert len(claims.rejections)
    assert claims.files["source"].tolist() == ["rejections"]
    assert not len(claims.claims) and not len(claims.adjustments)
    assert len(claims.rejections) == len(re.findall(rb"\bSTC\*", path.read_bytes()))


@pytest.mark.parametrize(
    ("name", "kind", "accepted", "rejected"),
    [
        ("imsweb_x12-parser_x12_277CA_accepted.txt", "277CA", 1, 0),
        ("imsweb_x12-parser_x12_277CA_rejected.txt", "277CA", 0, 1),
        ("imsweb_x12-parser_x12_277_x212.txt", "277", 8, 0),
        ("LinuxForHealth_x12_demo.277", "277", 0, 0),
    ],
)
def test_the_public_files_are_counted(name, kind, accepted, rejected):
    said = totals(read(SAMPLES / "public-277" / name))
    assert (said["kind"], said["accepted"], said["rejected"]) == (kind, accepted, rejected)


# --- 999 and 997 ---------------------------------------------------------------------------------


def test_an_acknowledgment_gives_its_transactions_and_their_errors(put):
    said = totals(read(put(ACK)))
    assert (said["kind"], said["accepted"], said["rejected"]) == ("999", 2, 1)
    assert said["errors"] == 6
    table = read_rejections(put(ACK))
    errors = table[table["level"].isin(["segment", "element"])]
    places = errors[["segment", "place", "loop", "element", "error_code"]].fillna("")
    assert places.values.tolist()[:4] == [
        ["CLM", 22, "2300", "", "8"],
        ["CLM", 22, "2300", "05-3", "7"],
        ["CLM", 22, "2300", "02", "1"],
        ["NM1", 31, "2310B", "", "I9"],
    ]
    assert table.loc[table["level"].eq("group"), "standing"].tolist() == ["partly"]


def test_the_older_acknowledgment_reads_the_same(put):
    older = envelope(
        "997", "004010", "AK1*HC*1", "AK2*837*0001", "AK3*CLM*22*2300*8", "AK4*5*1325*7*SECRET", "AK5*R*5",
        "AK9*R*1*1*0",
    )  # fmt: skip
    said = totals(read(put(older)))
    assert (said["kind"], said["accepted"], said["rejected"], said["errors"]) == ("997", 0, 1, 2)


# --- kept apart ----------------------------------------------------------------------------------


def test_rejections_beside_a_remittance_change_no_denial_and_no_dollar(put):
    remit = SAMPLES / "quirks" / "q01_baseline.835"
    alone, together = read(remit), read([remit, put(CA), put(ACK, "ack.x12")])
    assert len(together.rejections) == 7 + len(read_rejections(put(ACK)))
    for name in TABLES:
        if name not in ("rejections", "files", "findings"):
            assert getattr(alone, name).equals(getattr(together, name)), name
    day = date(2026, 3, 1)
    assert triage(alone, as_of=day, hospital=UNKNOWN).equals(
        triage(together, as_of=day, hospital=UNKNOWN)
    )
    assert classified_adjustments(alone, hospital=UNKNOWN).equals(
        classified_adjustments(together, hospital=UNKNOWN)
    )
    assert together.findings["code"].tolist().count("rejections_kept_apart") == 2


def test_nothing_of_a_claim_s_content_is_repeated(put):
    for text in (CA, ACK):
        claims = read(put(text))
        whole = claims.rejections.to_csv() + claims.findings.to_csv() + str(totals(claims))
        for value in ("SECRET", "ZEBRA", "ACCT", "ICN1", "HOSPITAL"):
            assert value not in whole


def test_a_status_that_is_no_code_is_not_repeated(put):
    table = read_rejections(put(CA.replace("A3:54", "A3:MEMBERNUMBER9:QUENTIN")))
    assert "MEMBERNUMBER9" not in table.to_csv() and "QUENTIN" not in table.to_csv()


def test_a_code_that_is_not_on_file_is_found_and_counted_as_neither(put):
    claims = read(put(CA.replace("A3:54", "Z9:54").replace("A6:454", "Z9:454")))
    assert totals(claims)["by_standing"] == {"accepted": 1, "rejected": 1, "unknown": 1}
    assert "code_not_on_file" in claims.findings["code"].tolist()


def test_a_file_cut_short_is_read_to_there_and_says_so(put):
    claims = read(put(CA[: CA.index("A6:454") + 3]))
    assert "file_cut" in claims.findings["code"].tolist()
    assert totals(claims)["claims"] == 3


def test_a_remittance_with_a_status_beside_it_stays_a_remittance():
    data = (SAMPLES / "quirks" / "q01_baseline.835").read_bytes()
    assert not is_rejections(data)
    assert not is_rejections(data.replace(b"ST*835", b"ST*277*0002~SE*1*0002~ST*835", 1))
    assert is_rejections(CA.encode()) and is_rejections(CA.replace("~", "~\r\n").encode())
    assert is_rejections(b"\xff\xfe" + ACK.encode("utf-16-le"))


def test_a_file_without_such_a_transaction_is_refused(put):
    with pytest.raises(RemittanceError, match="contains no 277, 999 or 997"):
        read_rejections(SAMPLES / "quirks" / "q01_baseline.835")
    with pytest.raises(RemittanceError, match="cannot be opened"):
        read_rejections(Path("gone.277"))


def test_the_command_shows_accepted_and_rejected(put, capsys):
    assert main(["read", str(put(CA)), "--json"]) == 0
    shown = capsys.readouterr().out
    assert '"kind": "277CA"' in shown and '"rejected": 2' in shown


# --- the code lists ------------------------------------------------------------------------------


def test_every_status_has_a_standing_and_its_words_a_mark():
    assert len(acknowledgments.status_categories()) >= 48
    assert len(acknowledgments.status_codes()) >= 759
    rows = [*acknowledgments.status_categories().values(), *acknowledgments.status_codes().values()]
    assert [row.code for row in rows if bool(row.says) != (row.mark is not None)] == []
    assert {acknowledgments.status_categories()[c].standing for c in ("A3", "A6", "A7", "A8")} == {
        "rejected"
    }
    assert acknowledgments.status_categories()["F2"].standing == "decided"
    assert acknowledgments.acknowledgment_codes()["transaction", "R"].standing == "rejected"


def test_the_lists_are_sorted_as_they_came_and_hold_no_code_twice():
    for name in ("claim_status_categories.csv", "claim_status_codes.csv"):
        with (codes.FOLDER / name).open(encoding="utf-8", newline="") as lines:
            held = [row["code"] for row in csv.DictReader(lines)]
        assert len(held) == len(set(held))
