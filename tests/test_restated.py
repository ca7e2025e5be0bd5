"""A claim that several files hold counts once, by the newest of them."""

import csv
from collections import Counter
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from toolkit.claims.export.exports import read_export
from toolkit.claims.restated import add_up, latest, once, tallies, told
from toolkit.claims.tables import TABLES, Claims, concat
from toolkit.claims.x12.remittance import read_remittance
from toolkit.errors import UsageError
from toolkit.hospital import Hospital
from toolkit.rules import load_yaml
from toolkit.worklist.triage import triage

UNKNOWN = Hospital.unknown()

HERE = Path(__file__).parent
QUIRKS = HERE.parent / "data" / "samples" / "remits" / "quirks"
KEYS = {
    "claims": "claim_key",
    "claim_lines": "line_key",
    "adjustments": "adjustment_key",
    "remark_codes": "",
    "appeal_events": "",
}
HEADINGS = {
    "claim": "Claim Number",
    "icn": "Payer Claim Number",
    "payer": "Payer",
    "payer_id": "Payer ID",
    "class": "Financial Class",
    "notice": "Notice Date",
    "received": "Notice Received",
    "remitted": "Remittance Date",
    "status": "Case Status",
    "owner": "Owner",
    "line": "Line Number",
    "procedure": "Procedure Code",
    "modifiers": "Modifiers",
    "revenue": "Revenue Code",
    "billed": "Billed Amount",
    "paid": "Paid Amount",
    "group": "Group Code",
    "code": "CARC",
    "text": "Denial Reason",
    "amount": "Denied Amount",
    "remarks": "Remark Codes",
    "level": "Appeal Level",
    "filed": "Appeal Filed",
    "decided": "Appeal Decided",
    "outcome": "Appeal Outcome",
}
USUAL = {
    "payer": "Harborlight Health",
    "class": "Medicare Advantage",
    "notice": "2026-03-01",
    "procedure": "77080",
    "group": "CO",
    "code": "50",
    "amount": "10.00",
}


class Case(msgspec.Struct, forbid_unknown_fields=True):
    case: str
    files: dict[str, list[dict[str, str]]]
    expect: "Expect"


class Expect(msgspec.Struct, forbid_unknown_fields=True):
    denials: list[str]
    claims: int | None = None
    status: list[str] | None = None
    received: list[str] | None = None
    notices: list[str] | None = None
    remarks: list[str] | None = None
    appeals: list[str] | None = None
    found: dict[str, str] = {}


CASES = msgspec.convert(load_yaml(HERE / "cases" / "restated.yaml"), list[Case], strict=False)


def export(folder: Path, name: str, rows: list[dict]) -> Claims:
    path = folder / f"{name}.csv"
    rows = [USUAL | row for row in rows]
    # a column of its own makes the bytes of two equal files differ
    heads = [h for h in HEADINGS if any(h in row for row in rows)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*(HEADINGS[h] for h in heads), f"Made in {name}"])
        writer.writerows([*(row.get(h, "") for h in heads), ""] for row in rows)
    return read_export(path)


def read_all(folder: Path, files: dict[str, list[dict]]) -> Claims:
    return concat([export(folder, name, rows) for name, rows in files.items()])


def denials(claims: Claims) -> Counter:
    """Return claim, line, reason and dollars of each adjustment, by the keys that tie them."""
    number = claims.claims.set_index("claim_key")["patient_control_number"]
    line = claims.claim_lines.set_index("line_key")
    found = Counter()
    for row in claims.adjustments.itertuples():
        service = "nan"
        if isinstance(row.line_key, str):
            at = line.loc[row.line_key]
            assert at["claim_key"] == row.claim_key
            service = at["procedure_code"]
            if isinstance(at["modifiers"], str):
                service += f" {at['modifiers']}"
        dollars = f"{row.amount_cents // 100}.{row.amount_cents % 100:02d}"
        found[f"{number[row.claim_key]} {service} {row.group_code}-{row.carc} {dollars}"] += 1
    return found


def days(column: pd.Series) -> list[str]:
    return column.astype("str").tolist()


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.case)
def test_a_case_of_several_exports_comes_out_as_signed(one, tmp_path):
    claims = read_all(tmp_path, one.files)
    found = latest(claims)
    expect = one.expect
    assert denials(found) == Counter(expect.denials)
    if expect.claims is not None:
        assert len(found.claims) == expect.claims
    for column, wanted in (
        ("case_status", expect.status),
        ("notice_received", expect.received),
        ("notice_date", expect.notices),
    ):
        if wanted is not None:
            assert days(found.claims[column]) == wanted
    if expect.remarks is not None:
        assert found.remark_codes["rarc"].tolist() == expect.remarks
    if expect.appeals is not None:
        events = found.appeal_events[["level", "filed_on", "decided_on", "outcome"]]
        assert [" ".join(row) for row in events.astype("str").fillna("nan").to_numpy()] == (
            expect.appeals
        )
    told_now = found.findings.iloc[len(claims.findings) :]
    assert set(told_now["code"]) == set(expect.found)
    for code, words in expect.found.items():
        assert (
            told_now.loc[told_now["code"].eq(code), "says"].str.contains(words, regex=False).all()
        )


def test_every_case_says_what_no_other_does():
    assert len({one.case for one in CASES}) == len(CASES) > 30


# ------------------------------------------------------------------------------- what always holds


@cache
def made_up(seed: int, files: int = 3) -> Claims:
    """Return exports whose claims repeat, contradict and leave blank at random."""
    rng = np.random.default_rng(seed)
    choices = {
        "claim": ["A1", "A2", "A3", "A4", "A5", ""],
        "icn": ["X1", "X1", "X2", ""],
        "payer": ["Harborlight Health", "harborlight health", "Summit Mutual", ""],
        "payer_id": ["SYN02", "SYN02", "", ""],
        "notice": ["2026-03-01", "2026-03-01", "2026-04-01", ""],
        "remitted": ["2026-02-20", "2026-02-20", "", ""],
        "received": ["2026-03-05", "2026-03-06", "", ""],
        "status": ["open", "closed", ""],
        "procedure": ["77080", "74177", ""],
        "modifiers": ["26", "", ""],
        "revenue": ["0320", "", ""],
        "billed": ["30.00", "20.00", ""],
        "paid": ["0.00", ""],
        "code": ["50", "16", "97"],
        "amount": ["10.00", "20.00", ""],
        "text": ["not necessary", ""],
        "remarks": ["N115", "MA130", ""],
        "level": ["Reconsideration", "", ""],
        "filed": ["2026-04-01", "2026-04-02", "", ""],
        "decided": ["2026-05-01", "", ""],
        "outcome": ["Upheld", "", ""],
    }
    months = {
        f"month{number}": [
            {"icn": "X9"} | {name: str(rng.choice(of)) for name, of in choices.items()}
            for _ in range(int(rng.integers(4, 14)))
        ]
        for number in range(files)
    }
    with TemporaryDirectory() as folder:
        return read_all(Path(folder), months)


def sorted_by_all(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values(list(frame.columns), ignore_index=True)


@pytest.mark.parametrize("seed", range(6))
def test_parts_by_claim_number_together_give_what_the_whole_gives(seed):
    claims = made_up(seed)
    number = claims.claims.set_index("claim_key")["patient_control_number"].fillna("")
    parts = []
    for bucket in ({"A1", "A2"}, {"A3", ""}, {"A4", "A5"}):
        mine = {
            name: frame[frame["claim_key"].map(number).isin(bucket)].reset_index(drop=True)
            for name in KEYS
            for frame in [getattr(claims, name)]
        }
        parts.append(once(replace(claims, **mine)))
    whole, tally = once(claims)
    assert not tally.empty
    for name in KEYS:
        together = pd.concat([getattr(part, name) for part, _ in parts], ignore_index=True)
        assert_frame_equal(sorted_by_all(together), sorted_by_all(getattr(whole, name)))
    added = add_up([counts for _, counts in parts])
    assert_frame_equal(added, tally)
    assert_frame_equal(tally, tallies(claims))
    findings = latest(claims).findings.iloc[len(claims.findings) :].reset_index(drop=True)
    assert_frame_equal(told(added, claims.files), findings)


@pytest.mark.parametrize("seed", range(6))
def test_keys_stay_unique_and_tie_every_row_to_a_line_and_a_claim(seed):
    found = latest(made_up(seed))
    for name, key in KEYS.items():
        frame = getattr(found, name)
        assert frame["claim_key"].isin(found.claims["claim_key"]).all()
        assert not key or frame[key].is_unique
        if name not in ("claims", "claim_lines"):
            stated = frame[frame["line_key"].notna()]
            line = found.claim_lines.set_index("line_key")["claim_key"]
            assert stated["line_key"].map(line).tolist() == stated["claim_key"].tolist()
        if key in ("line_key", "adjustment_key"):
            own = zip(frame[key], frame["claim_key"], strict=True)
            assert all(one.startswith(f"{claim}-") for one, claim in own)
        types = {c: str(d) for c, d in frame.dtypes.items()}
        assert types == {c: str(d) for c, d in getattr(Claims(), name).dtypes.items()}


@pytest.mark.parametrize("seed", range(6))
def test_no_denied_service_of_a_claim_is_lost(seed):
    claims = made_up(seed)

    def services(of: Claims) -> set:
        rows = of.adjustments.merge(
            of.claims[["claim_key", "patient_control_number", "notice_date"]], on="claim_key"
        ).merge(of.claim_lines[["line_key", "procedure_code", "modifiers"]], how="left")
        names = ["patient_control_number", "notice_date", "procedure_code", "modifiers"]
        return set(rows[names].astype("str").fillna("").itertuples(index=False, name=None))

    before, after = services(claims), services(latest(claims))
    dated = {row for row in before if row[1]}
    assert dated <= after
    # a claim without a notice date may have joined one that states it
    joined = {(number, *line) for number, _, *line in after}
    assert {(number, *line) for number, _, *line in before} == joined


def decides_alike(one: pd.Series, other: pd.Series) -> bool:
    facts = ["payer_id", "payer", "payer_claim_control_number", "notice_date", "remittance_date"]
    return all(pd.isna(one[f]) or pd.isna(other[f]) or one[f] == other[f] for f in facts)


@pytest.mark.parametrize("seed", range(6))
def test_claims_are_merged_as_a_walk_over_every_pair_would_merge_them(seed):
    claims = made_up(seed)
    table = claims.claims.copy()
    table["payer"] = table["payer_name"].str.lower()
    table["number"] = "ours " + table["patient_control_number"]
    table["number"] = table["number"].fillna("theirs " + table["payer_claim_control_number"])
    age = {file_id: at for at, file_id in enumerate(claims.files["file_id"])}
    expected = set()
    for _, group in table.groupby("number"):
        rows = [row for _, row in group.iterrows()]
        alike = [[decides_alike(a, b) for b in rows] for a in rows]
        torn = [
            any(
                alike[i][j] and alike[i][k] and not alike[j][k]
                for j in range(len(rows))
                for k in range(len(rows))
            )
            for i in range(len(rows))
        ]
        facts = ["payer_id", "payer", "payer_claim_control_number", "notice_date",
                 "remittance_date"]  # fmt: skip
        says = [tuple(row[facts].astype("str").fillna("")) for row in rows]
        sets: list[list[int]] = []
        for i in range(len(rows)):
            for one in sets:
                j = one[0]
                if says[i] == says[j] or (alike[i][j] and not torn[i] and not torn[j]):
                    one.append(i)
                    break
            else:
                sets.append([i])
        for one in sets:
            files = [rows[i]["file_id"] for i in one]
            if len(set(files)) < len(files):  # told apart by what they say and by their receipt
                parts: dict = {}
                for i in one:
                    parts.setdefault((says[i], str(rows[i]["notice_received"])), []).append(i)
                split = [part for part in parts.values() if len(part) > 1 and
                         len({rows[i]["file_id"] for i in part}) == len(part)]  # fmt: skip
                done = {i for part in split for i in part}
                left: dict = {}
                for i in one:
                    if i not in done:
                        left.setdefault(str(rows[i]["notice_received"]), []).append(i)
                for part in left.values():
                    if len({rows[i]["file_id"] for i in part}) == len(part):
                        split.append(part)
                    else:
                        split += [[i] for i in part]
            else:
                split = [one]
            for part in split:
                newest = max(part, key=lambda i: age[rows[i]["file_id"]])
                expected.add(rows[newest]["claim_key"])
    assert set(latest(claims).claims["claim_key"]) == expected


@pytest.mark.parametrize("seed", range(3))
def test_a_file_that_repeats_the_one_before_gives_what_it_gives_alone(seed, tmp_path):
    rng = np.random.default_rng(seed)
    rows = [
        {
            "claim": f"A{rng.integers(6)}",
            "line": str(rng.integers(1, 4)),
            "code": str(rng.choice(["16", "50"])),
            "status": "open",
            "remarks": str(rng.choice(["N115", ""])),
            "filed": str(rng.choice(["2026-04-01", ""])),
        }
        for _ in range(20)
    ]
    files = [export(tmp_path, name, rows) for name in ("january", "february")]
    found = latest(concat(files))
    for name in KEYS:
        assert_frame_equal(getattr(found, name), getattr(files[1], name))
    assert found.findings["code"].tolist()[-1] == "repeated_in_later_file"
    worklist = triage(found, as_of=date(2026, 5, 1), hospital=UNKNOWN)
    assert_frame_equal(worklist, triage(files[1], as_of=date(2026, 5, 1), hospital=UNKNOWN))


def test_the_order_given_says_which_file_is_newest(tmp_path):
    files = {"a": [{"claim": "A1", "status": "open"}], "b": [{"claim": "A1", "status": "closed"}]}
    claims = read_all(tmp_path, files)
    older, newer = claims.files["file_id"]
    assert latest(claims).claims["case_status"].tolist() == ["closed"]
    assert latest(claims, order=[newer, older]).claims["case_status"].tolist() == ["open"]
    with pytest.raises(UsageError, match="leaves out 1 of 2"):
        latest(claims, order=[newer])


def test_tables_of_one_file_are_given_back_as_they_are(tmp_path):
    claims = export(tmp_path, "january", [{"claim": "A1"}, {"claim": "A1", "procedure": "74177"}])
    assert latest(claims) is claims
    assert tallies(claims).empty
    assert told(tallies(claims), claims.files).empty


def test_a_finding_names_columns_and_counts_and_no_value(tmp_path):
    secret = "ZZSENTINELZZ"
    row = {"claim": secret, "icn": secret, "text": secret, "owner": secret}
    claims = read_all(
        tmp_path,
        {
            "january": [row, row | {"notice": "2026-04-01"}],
            "february": [row | {"owner": secret + "2"}],
            "march": [row | {"notice": ""}],
        },
    )
    found = latest(claims).findings
    assert set(found["code"]) >= {"restated_in_later_file", "not_merged_ambiguous"}
    assert not found["says"].str.contains(secret).any()
    assert found["row"].notna().all()


def test_a_number_under_which_hundreds_of_statements_stand_is_matched_by_equal_ones_only(tmp_path):
    rows = [{"claim": "UNKNOWN", "icn": f"X{n}"} for n in range(150)]
    claims = read_all(
        tmp_path,
        {"january": rows, "february": [*rows, {"claim": "UNKNOWN", "notice": ""}]},
    )
    found, tally = once(claims)
    assert len(found.claims) == 151
    assert tally["count"].tolist() == [150]


# ------------------------------------------------------------------------------------- remittances


def remittance(folder: Path, name: str, *changes: tuple[str, str], of: str = "q01_baseline.835"):
    text = (QUIRKS / of).read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_remittance(path)


AGAIN = ("000000905", "000000906")  # another envelope number, so other bytes
BLOCK = "CLP*C1*1*500*300*50*12*ICNC1*11*1~NM1*QC*1*DOE*JANE****MI*M123~DTM*232*20251201~SVC*HC:99213:25*500*300**1~DTM*472*20251201~CAS*CO*45*150~CAS*PR*1*50~LQ*HE*N130~LQ*HE*M76~"


@pytest.mark.parametrize("of", ["q01_baseline.835", "q09_reversal_correction.835"])
def test_a_remittance_under_another_envelope_number_counts_once(of, tmp_path):
    first = remittance(tmp_path, "first.835", of=of)
    again = remittance(tmp_path, "again.835", AGAIN, of=of)
    both = concat([first, again])
    found = latest(both)
    for name in KEYS:
        assert_frame_equal(getattr(found, name), getattr(first, name))
    told_now = found.findings.iloc[len(both.findings) :]
    assert told_now["code"].tolist() == ["remittance_repeated"]
    assert told_now["file"].tolist() == ["again.835"]
    count = len(first.claims)
    assert f"{count} claim payment" in told_now["says"].iloc[0]
    assert "first.835" in told_now["says"].iloc[0]


TAKEN = ("SE*", "PLB*1999999984*20261231*WO:ICNC1*50~SE*")


def test_provider_adjustments_of_a_resent_remittance_count_once(tmp_path):
    first = remittance(tmp_path, "first.835", TAKEN)
    found = latest(concat([first, remittance(tmp_path, "again.835", TAKEN, AGAIN)]))
    assert_frame_equal(found.provider_adjustments, first.provider_adjustments)


def test_provider_adjustments_beside_a_new_payment_count(tmp_path):
    first = remittance(tmp_path, "first.835", TAKEN)
    other = remittance(tmp_path, "other.835", TAKEN, AGAIN, ("CLP*C1*", "CLP*C9*"))
    assert len(latest(concat([first, other])).provider_adjustments) == 2


@pytest.mark.parametrize(
    "change",
    [
        ("CAS*PR*1*50~", "CAS*PR*2*50~"),
        ("CAS*CO*45*150~", "CAS*CO*45*149~CAS*CO*253*1~"),
        ("CLP*C1*1*500*300*50*", "CLP*C1*1*500*300*49*"),
        ("CLP*C1*1*", "CLP*C1*2*"),
        ("CLP*C1*", "CLP*C2*"),
        ("*ICNC1*", "*ICNC2*"),
        ("DTM*405*20260114", "DTM*405*20260115"),
        ("DTM*472*20251201", "DTM*472*20251202"),
        ("SVC*HC:99213:25*", "SVC*HC:99213*"),
        ("LQ*HE*M76", "LQ*HE*N20"),
        ("N1*PR*ACME PAYER*", "N1*PR*BEST PAYER*"),
    ],
    ids=lambda change: change[0],
)
def test_a_claim_payment_that_differs_in_anything_is_left(change, tmp_path):
    both = concat([remittance(tmp_path, "a.835"), remittance(tmp_path, "b.835", AGAIN, change)])
    found, tally = once(both)
    assert tally.empty
    for name in KEYS:
        assert_frame_equal(getattr(found, name), getattr(both, name))


@pytest.mark.parametrize(("here", "there", "stand"), [(2, 2, 2), (2, 1, 2), (1, 2, 2), (2, 0, 2)])
def test_payments_that_stand_twice_in_one_file_are_left(here, there, stand, tmp_path):
    def of(name: str, times: int, *changes) -> Claims:
        return remittance(tmp_path, name, (BLOCK, BLOCK * times), *changes)

    parts = [of("a.835", here)]
    if there:
        parts.append(of("b.835", there, AGAIN))
    found, tally = once(concat(parts))
    assert len(found.claims) == stand
    assert tally["count"].sum() == here + there - stand


def test_the_remittance_that_came_first_in_the_order_stands(tmp_path):
    both = concat([remittance(tmp_path, "a.835"), remittance(tmp_path, "b.835", AGAIN)])
    a, b = both.files["file_id"]
    assert latest(both).claims["file_id"].tolist() == [a]
    assert latest(both, order=[b, a]).claims["file_id"].tolist() == [b]


def test_an_export_and_a_remittance_of_one_claim_are_two_views(tmp_path):
    row = {"claim": "C1", "icn": "ICNC1", "payer": "ACME PAYER", "remitted": "2026-01-14"}
    both = concat([export(tmp_path, "january", [row]), remittance(tmp_path, "a.835")])
    assert len(latest(both).claims) == 2
    assert tallies(both).empty


def test_every_table_of_claims_is_gone_through():
    by_claim = {
        name for name, columns in TABLES.items() if "claim_key" in {c.name for c in columns}
    }
    # recorded_events are brought to the claims afterwards (toolkit.cases.recorded)
    assert by_claim - {"recorded_events"} == set(KEYS)
