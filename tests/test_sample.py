"""Synthetic exports: the same for the same seed and day, and holding the mix they claim."""

import csv
import datetime as dt
import hashlib
import json
from functools import cache
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from toolkit.claims.export.exports import read_export
from toolkit.claims.export.layouts import layout, level_table, plain, word_table
from toolkit.errors import UsageError
from toolkit.sample.exports import HEADINGS, mix, write_sample

AS_OF = dt.date(2026, 5, 4)
DATA = Path(__file__).parents[1] / "data" / "samples"


@pytest.fixture(scope="session")
def sample(tmp_path_factory):
    path = write_sample(
        tmp_path_factory.mktemp("sample") / "s.parquet", rows=5000, seed=11, as_of=AS_OF
    )
    return pd.read_parquet(path)


@cache
def word_programs() -> dict[str, str]:
    return word_table(layout("generic"), "program")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("suffix", ["csv", "parquet", "xlsx"])
def test_the_same_rows_seed_and_day_give_the_same_bytes(tmp_path, suffix):
    one = write_sample(tmp_path / f"one.{suffix}", rows=300, seed=5, as_of=AS_OF)
    two = write_sample(tmp_path / f"two.{suffix}", rows=300, seed=5, as_of=AS_OF)
    assert one.read_bytes() == two.read_bytes()
    other = write_sample(tmp_path / f"three.{suffix}", rows=300, seed=6, as_of=AS_OF)
    later = write_sample(tmp_path / f"four.{suffix}", rows=300, seed=5, as_of=dt.date(2026, 5, 5))
    assert len({digest(p) for p in (one, other, later)}) == 3


def test_a_sample_has_the_bytes_that_it_had_when_this_test_was_written(tmp_path):
    """Guards against chance that differs between machines or versions of numpy."""
    path = write_sample(tmp_path / "s.csv", rows=1000, seed=1, as_of=AS_OF)
    assert digest(path)[:16] == "a7622b7608c6fed3"


def test_the_shipped_generic_sample_is_what_the_generator_writes(tmp_path):
    path = write_sample(tmp_path / "s.csv", rows=5, seed=159, as_of=dt.date(2026, 11, 23))
    assert path.read_bytes() == (DATA / "exports" / "generic.csv").read_bytes()


@pytest.mark.parametrize("rows", [1, 2, 3, 49, 1000])
def test_a_sample_has_exactly_the_rows_asked_for(tmp_path, rows):
    for seed in range(3):
        path = write_sample(tmp_path / "s.csv", rows=rows, seed=seed, as_of=AS_OF)
        with path.open(encoding="utf-8", newline="") as lines:
            assert len(list(csv.DictReader(lines))) == rows


def test_a_large_sample_is_written_in_batches_without_repeating_a_claim(tmp_path, monkeypatch):
    monkeypatch.setattr("toolkit.sample.exports.CLAIMS_AT_A_TIME", 500)
    path = write_sample(tmp_path / "s.parquet", rows=4000, seed=2, as_of=AS_OF)
    claims = pd.read_parquet(path)["Claim Number"]
    assert len(claims) == 4000
    assert claims.ne(claims.shift()).sum() == claims.nunique() > 2000


def test_the_generic_layout_knows_every_heading_of_the_sample(tmp_path):
    path = write_sample(tmp_path / "s.csv", rows=50, seed=1, as_of=AS_OF)
    claims = read_export(path)
    assert claims.files["layout"].tolist() == ["generic"]
    read = [h for hs in json.loads(claims.files["columns"].iloc[0]).values() for h in hs]
    assert sorted(read) == sorted(HEADINGS)


def test_a_sample_is_read_without_a_finding_about_a_cell(tmp_path):
    path = write_sample(tmp_path / "s.parquet", rows=5000, seed=11, as_of=AS_OF)
    claims = read_export(path)
    assert set(claims.findings["code"]) == {"program_not_stated"}
    assert claims.appeal_events["level"].notna().all()


def test_a_sample_holds_every_program_and_rows_that_state_none(sample):
    found = {word_programs().get(plain(w)) for w in sample["Financial Class"].unique()}
    assert found == {*mix().programs, None}
    assert set(sample["Contracted"].dropna()) == {"Yes", "No"}
    assert sample["Contracted"].isna().mean() > 0.1


def test_open_cases_are_overdue_due_this_week_and_due_later(sample):
    """The windows are those of the mix; the law itself is tested elsewhere."""
    waiting = sample[sample["Appeal Filed"].isna() & (sample["Case Status"] == "Open")]
    for plan in mix().plans:
        mine = waiting[waiting["Plan"] == plan.plan]
        notice = pd.to_datetime(mine["Notice Date"].fillna(mine["Remittance Date"]))
        left = (notice - pd.Timestamp(AS_OF)).dt.days + mix().programs[plan.program].about_days
        assert (left < 0).sum() >= 3
        assert left.between(0, 6).sum() >= 3
        assert (left > 6).mean() > 0.5
        assert (notice <= pd.Timestamp(AS_OF)).all()


def test_appeals_are_undecided_or_decided_in_every_way_at_several_levels(sample):
    filed = sample[sample["Appeal Filed"].notna()]
    assert filed["Appeal Outcome"].isna().sum() > 100
    assert set(filed["Appeal Outcome"].dropna()) == {o.word for o in mix().outcomes}
    levels = filed.groupby("Plan")["Appeal Level"].nunique()
    assert (levels >= 2).all()
    decided = filed.dropna(subset=["Appeal Decided"])
    assert (
        pd.to_datetime(decided["Appeal Decided"]) >= pd.to_datetime(decided["Appeal Filed"])
    ).all()
    assert (pd.to_datetime(decided["Appeal Decided"]) <= pd.Timestamp(AS_OF)).all()
    won = decided["Appeal Outcome"].isin(["Overturned", "Partly overturned"])
    assert decided.loc[won, "Recovered Amount"].notna().all()
    assert decided.loc[~won, "Recovered Amount"].isna().all()


def test_every_level_word_of_the_mix_is_one_that_its_program_knows():
    table = level_table(layout("generic"))
    for name, program in mix().programs.items():
        assert all((name, plain(word)) in table for word in program.levels)


def test_charge_is_payment_plus_adjustments_on_every_line(sample):
    lines = sample.groupby(["Claim Number", "Line Number"])
    whole = lines["Billed Amount"].first()
    parts = lines["Paid Amount"].first() + lines["Denied Amount"].sum()
    assert (whole == parts).all()
    assert (sample["Denied Amount"] > 0).all()


def test_contractual_and_cost_share_rows_stand_beside_denials(sample):
    several = sample[sample.duplicated(["Claim Number", "Line Number"], keep=False)]
    code = several["Group Code"].str.cat(several["Reason Code (CARC)"], sep="-")
    assert {"CO-45", "PR-1", "PR-2", "PR-3"} <= set(code)
    assert (sample.groupby("Claim Number")["Line Number"].nunique() == 2).any()
    alone = sample[~sample.duplicated(["Claim Number"], keep=False)]
    assert "45" not in set(alone["Reason Code (CARC)"].dropna())


def test_some_denials_have_words_only_and_some_codes_only(sample):
    assert (sample["Reason Code (CARC)"].isna() & sample["Denial Reason"].notna()).any()
    assert (sample["Reason Code (CARC)"].notna() & sample["Denial Reason"].isna()).any()
    assert (sample["Reason Code (CARC)"].notna() | sample["Denial Reason"].notna()).all()


def test_part_d_rows_are_drugs_and_no_other_plan_has_them(sample):
    drugs = {s.code for s in mix().services if s.pool == "pharmacy"}
    part_d = sample["Financial Class"] == "Medicare Part D"
    assert set(sample.loc[part_d, "Procedure Code"]) <= drugs
    assert not set(sample.loc[~part_d, "Procedure Code"].dropna()) & drugs


@pytest.mark.parametrize("day", range(7))
@pytest.mark.parametrize("rows", [1, 10, 2000])
def test_a_bone_density_case_due_within_the_week_is_among_the_first_rows(tmp_path, day, rows):
    as_of = AS_OF + dt.timedelta(days=day)
    path = write_sample(tmp_path / "s.parquet", rows=rows, seed=day, as_of=as_of)
    first = pd.read_parquet(path).head(50)
    case = mix().bone_density_case
    found = first[
        (first["Procedure Code"] == "77080") & (first["Reason Code (CARC)"] == "B8")
        & (first["Plan"] == case.plan) & (first["Denial Reason"] == case.text)
    ]  # fmt: skip
    assert len(found) == 1
    row = found.iloc[0]
    assert (row["Contracted"], row["Case Status"], row["Stage"]) == ("No", "Open", "Payment")
    assert pd.isna(row["Appeal Filed"])
    assert pd.isna(row["Notice Received"])
    for window in (60, 65):  # the two readings of the time for a reconsideration
        last = row["Notice Date"] + dt.timedelta(days=window)
        while last.weekday() >= 5:
            last -= dt.timedelta(days=1)
        assert as_of <= last < as_of + dt.timedelta(days=7)


def test_patients_are_recognizably_invented(sample):
    assert sample["Claim Number"].str.fullmatch(r"SYN\d{9}").all()
    assert sample["Member ID"].str.fullmatch(r"TEST\d{9}").all()
    assert set(sample["Patient Name"].str.split(", ").str[0]) <= set(mix().last_names)
    born = pd.to_datetime(sample["Birth Date"])
    assert (born < pd.Timestamp(AS_OF)).all()


def test_the_shipped_payer_table_has_the_payers_of_the_sample_and_one_without_answers():
    with (DATA / "payers.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert list(rows[0]) == [
        "payer_id", "payer_name", "plan_name", "program", "contracted", "funding",
        "appeals_address", "address_verified_on",
    ]  # fmt: skip
    plans = {(p.payer_id, p.payer, p.plan): p for p in mix().plans}
    assert {(r["payer_id"], r["payer_name"], r["plan_name"]) for r in rows} == set(plans)
    blank = 0
    for row in rows:
        plan = plans[row["payer_id"], row["payer_name"], row["plan_name"]]
        said = (row["program"], row["contracted"], row["funding"], row["appeals_address"])
        if plan.answered == "yes":
            assert said == (
                plan.program,
                plan.contracted,
                plan.funding,
                mix().addresses[plan.payer_id],
            )
            dt.date.fromisoformat(row["address_verified_on"])
        else:
            blank += 1
            assert said == ("", "", "", "")
    assert blank == 1


def test_plan_names_state_no_program_by_themselves():
    assert not {plain(p.plan) for p in mix().plans} & set(word_programs())


def test_parquet_columns_are_typed(tmp_path):
    path = write_sample(tmp_path / "s.parquet", rows=10, seed=1, as_of=AS_OF)
    schema = pq.read_schema(path)
    kinds = {"date": "date32[day]", "money": "decimal128(12, 2)", "count": "int32"}
    for name, kind in HEADINGS.items():
        if kind in kinds:
            assert str(schema.field(name).type) == kinds[kind]


@pytest.mark.parametrize(
    ("name", "rows", "seed", "says"),
    [("s.json", 5, 1, r"\.csv, \.parquet or \.xlsx"), ("s.csv", 0, 1, "at least one row"),
     ("s.csv", 5, -1, "seed"), ("s.xlsx", 2_000_000, 1, "1,048,575")],
)  # fmt: skip
def test_what_cannot_be_written_is_refused_and_leaves_no_file(tmp_path, name, rows, seed, says):
    with pytest.raises(UsageError, match=says):
        write_sample(tmp_path / name, rows=rows, seed=seed, as_of=AS_OF)
    assert not list(tmp_path.iterdir())


def test_a_sample_is_readable_by_its_owner_only(tmp_path):
    path = write_sample(tmp_path / "s.csv", rows=5, seed=1, as_of=AS_OF)
    assert path.stat().st_mode & 0o077 == 0


def test_sample_remittances_are_whole_balanced_and_the_same_each_time(tmp_path):
    """They give reports their denominator: all claims of each month, most of them paid."""
    from toolkit.claims import read
    from toolkit.sample import write_remittances

    paths = write_remittances(tmp_path, claims=120, seed=1, as_of=dt.date(2026, 3, 10), months=2)
    assert [path.name for path in paths] == ["sample-2026-01.835", "sample-2026-02.835"]
    found = [read(path) for path in paths]
    assert len(found[0].claims) == 120 < len(found[1].claims)  # with corrected claims
    for one in found:
        assert one.findings.empty
        denied = one.claims["paid_cents"].eq(0)
        assert 0.04 < denied.mean() < 0.25
    (tmp_path / "again").mkdir()
    again = write_remittances(
        tmp_path / "again", claims=120, seed=1, as_of=dt.date(2026, 3, 31), months=2
    )
    assert [one.read_bytes() for one in again] == [one.read_bytes() for one in paths]
