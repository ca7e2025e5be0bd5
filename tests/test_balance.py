"""A made-up month of a thousand billed claims: every claim is in its bucket, to the cent."""

import csv
import io
import json
import random
import runpy
from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from statistics import median

import balance_month
import pandas as pd
import pytest
from balance_month import BILLED, OURS, PARTS, Claim, Month, month

from toolkit.balance import Balance, balance
from toolkit.balance.definitions import definitions
from toolkit.balance.files import read_files
from toolkit.cli import main
from toolkit.errors import InputError
from toolkit.hospital import Hospital, Provider
from toolkit.hospital.fees import Fee, read_fees

DAY = date(2026, 6, 30)
HOSPITAL = replace(Hospital.unknown(), providers=(Provider(npi=OURS),))
SEED = 20260301


def put(folder: Path, made: Month) -> dict[str, Path]:
    texts = {"billing.csv": made.billing, "tracker.csv": made.tracker, "fees.csv": made.fees}
    found = {}
    for name, text in (texts | made.remittances).items():
        found[name] = folder / name
        found[name].write_text(text)
    return found


def balanced(paths: dict[str, Path], remits: list[Path], **more) -> Balance:
    files = read_files(
        [paths["billing.csv"], *remits], paths["tracker.csv"], fees=paths["fees.csv"]
    )
    return balance(
        files.billed, files.remittances, files.tracker, as_of=DAY, hospital=HOSPITAL,
        fees=files.fees, **more,
    )  # fmt: skip


def remits_of(paths: dict[str, Path]) -> list[Path]:
    return [path for name, path in paths.items() if name.endswith(".835")]


@pytest.fixture(scope="module")
def made() -> Month:
    return month(SEED)


@pytest.fixture(scope="module")
def paths(made, tmp_path_factory) -> dict[str, Path]:
    return put(tmp_path_factory.mktemp("month"), made)


@pytest.fixture(scope="module")
def found(paths) -> Balance:
    return balanced(paths, remits_of(paths))


def billed(made: Month) -> list[Claim]:
    return [one for one in made.claims if one.in_billing]


def truth(made: Month) -> dict[int, tuple]:
    """Return bucket and parts of every row of the billing file, by its number."""
    rows = {one.row: (one.bucket, *(one.parts[name] for name in PARTS)) for one in billed(made)}
    for one in billed(made):
        for again in one.again:
            parts = tuple(again["cents"] if name == "resent" else 0 for name in PARTS)
            rows[again["row"]] = ("resent", *parts)
    return rows


def test_the_month_has_a_thousand_claims(made):
    assert len(billed(made)) == BILLED


def test_every_claim_is_in_its_bucket_to_the_cent(made, found):
    kind = {one.row: one.kind for one in billed(made)}
    rows = {
        row.row: (row.bucket, *(int(getattr(row, name)) for name in PARTS))
        for row in found.by_claim.itertuples()
    }
    wrong = {
        row: (kind.get(row), rows.get(row), told)
        for row, told in truth(made).items()
        if rows.get(row) != told
    }
    assert wrong == {}
    assert len(rows) == len(truth(made))


def test_every_bucket_has_its_claims_and_cents(made, found):
    count = Counter(told[0] for told in truth(made).values())
    assert found.by_bucket["claims"].to_dict() == {
        name: count[name] for name in found.by_bucket.index
    }
    for bucket, row in found.by_bucket.iterrows():
        for at, name in enumerate(PARTS, start=1):
            assert row[name] == sum(told[at] for told in truth(made).values() if told[0] == bucket)


def test_the_parts_of_every_claim_are_its_charge(found):
    table = found.by_claim
    assert (table[list(PARTS)].sum(axis=1) == table["billed"]).all()


def test_the_buckets_are_the_file_to_the_cent(made, found):
    rows = csv.DictReader(io.StringIO(made.billing))
    whole = sum(Decimal(row["Total Charges"]) for row in rows)
    assert found.difference == 0
    assert Decimal(found.as_answer()["billed"]) == whole
    assert Decimal(found.as_answer()["total"]["billed"]) == whole


@pytest.mark.parametrize(
    "name",
    ["closed_but_denied", "open_but_paid", "paid_twice", "payments_without_claim",
     "decisions_without_claim", "foreign_remittances"],
)  # fmt: skip
def test_what_is_only_in_one_file_is_reported(made, found, name):
    told = sorted(one.reports[name] for one in made.claims if name in one.reports)
    assert sorted(entry.cents for entry in found.reports[name]) == told


def test_an_unanswered_claim_is_reported_with_its_days(made, found):
    some = found.reports["unanswered_claims"]
    assert len(some) == sum(one.bucket == "unanswered" for one in billed(made))
    assert {entry.days for entry in some} == {(DAY - date(2026, 3, 10)).days}


def test_a_resent_remittance_counts_once_and_is_reported(made, found):
    again = [text for name, text in made.remittances.items() if name.startswith("again-")]
    assert len(found.reports["resent_remittances"]) == sum(text.count("~CLP*") for text in again)


def test_what_does_not_add_up_is_reported_as_unexplained(made, found):
    told = sorted(one.parts["unexplained"] for one in billed(made) if one.parts["unexplained"])
    assert sorted(one.cents for one in found.reports["unexplained_claims"]) == told


def test_a_row_of_the_tracker_without_a_claim_is_reported(found):
    assert len(found.reports["tracker_without_claim"]) == 1
    assert found.reports["match_unsure"] == ()


def test_a_claim_paid_short_is_reported_with_its_stake(made, found):
    inpatient = {one.row: one for one in billed(made) if one.kind.startswith("inpatient")}
    share = {row: Decimal(one.parts["paid"]) / one.charge for row, one in inpatient.items()}
    told = {one.row: one.short for one in billed(made) if one.short > 0}
    for row, one in inpatient.items():
        if one.short:
            usual = median(its for other, its in share.items() if other != row)
            told[row] = round(usual * one.charge) - one.parts["paid"]
    rows = found.by_claim.set_index("bill")["row"]
    stakes = {int(rows[one.bill]): one.stake for one in found.paid_short}
    assert stakes.keys() == told.keys()
    assert all(abs(stakes[row] - told[row]) <= 1 for row in told)
    assert set(found.by_claim.loc[found.by_claim["short"].notna(), "bucket"]) == {"paid"}


def test_the_order_of_the_remittances_changes_nothing(paths, found):
    remits = remits_of(paths)
    for seed in range(2):
        random.Random(seed).shuffle(remits)
        other = balanced(paths, remits)
        pd.testing.assert_frame_equal(other.by_claim, found.by_claim)
        amounts = [{n: sum(e.cents or 0 for e in some) for n, some in one.reports.items()}
                   for one in (found, other)]  # fmt: skip
        assert amounts[0] == amounts[1]


def test_another_seed_is_balanced_as_well(tmp_path):
    made = month(7)
    paths = put(tmp_path, made)
    found = balanced(paths, remits_of(paths))
    rows = {
        row.row: (row.bucket, *(int(getattr(row, name)) for name in PARTS))
        for row in found.by_claim.itertuples()
    }
    assert rows == truth(made)
    assert found.difference == 0


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def asked(paths, tmp_path, monkeypatch, capsys):
    """Run the command in a folder whose local/ names the hospital's provider."""
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "providers.csv").write_text(f"npi\n{OURS}\n")
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str]:
        files = [str(paths["billing.csv"]), *map(str, remits_of(paths))]
        code = main(["balance", *files, "--as-of", str(DAY), *words])
        return code, capsys.readouterr().out

    return run


def test_the_command_answers_as_its_contract_says(asked, paths, made):
    code, out = asked("--json", "--tracker", str(paths["tracker.csv"]))
    answer = json.loads(out)
    count = Counter(told[0] for told in truth(made).values())
    assert code == 0
    assert answer["difference"] == "0.00"
    assert answer["counts"] == dict(count)
    assert list(answer["counts"]) == ["not_ours", "resent", "unanswered", "denied", "recovered",
                                      "lost", "paid"]  # fmt: skip
    assert sum(map(Decimal, answer["amounts"].values())) == Decimal(answer["billed"])


def test_no_claim_number_is_in_the_answer(asked, paths):
    for words in (["--json"], []):
        _, out = asked(*words, str(paths["tracker.csv"]))
        assert "ACCT" not in out and "ICN" not in out
        assert "NOWHERE" not in out


def test_the_table_shows_every_bucket_and_the_difference(asked):
    code, out = asked()
    assert code == 0
    for name in (
        "not_ours",
        "resent",
        "unanswered",
        "denied",
        "recovered",
        "lost",
        "paid",
        "total",
    ):
        assert f"\n{name:<12}" in f"\n{out}"
    assert "difference: 0.00" in out


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".parquet"])
def test_one_row_per_billed_claim_is_written(asked, made, tmp_path, ending):
    out = tmp_path / f"balance{ending}"
    assert asked("--out", str(out))[0] == 0
    read = {".csv": pd.read_csv, ".xlsx": pd.read_excel, ".parquet": pd.read_parquet}[ending]
    table = read(out, **({"engine": "openpyxl"} if ending == ".xlsx" else {}))
    assert len(table) == len(truth(made))
    cents = (table["billed"].astype(float) * 100).round().astype(int)
    assert cents.sum() == sum(sum(told[1:]) for told in truth(made).values())


def test_a_month_without_claims_has_empty_buckets_and_no_difference(asked):
    _, out = asked("--json", "--month", "2026-02")
    answer = json.loads(out)
    assert sum(answer["counts"].values()) == 0
    assert answer["other_months"]["billed"] == answer["billed"]
    assert answer["difference"] == "0.00"


def test_the_month_of_the_billing_has_every_claim(asked, made):
    _, out = asked("--json", "--month", "2026-03")
    assert json.loads(out)["total"]["count"] == len(truth(made))


@pytest.mark.parametrize("words", [["--month", "March"], ["--out", "balance.txt"]])
def test_a_wrong_word_is_a_usage_error(asked, words):
    assert asked(*words)[0] == 2


def test_a_balance_needs_a_remittance(paths):
    assert main(["balance", str(paths["billing.csv"])]) == 2


# --- single rules ---------------------------------------------------------------------------------

HEAD = "Account Number,Payer,NPI,Type of Bill,Bill Date,Service Date,Total Charges"


def small(
    tmp_path: Path, rows: list[str], claims: list[Claim] = (), head: str = HEAD, **more
) -> Balance:
    """Return the balance of a few rows, and of remittances that decide these claims."""
    (tmp_path / "billing.csv").write_text("\n".join([head, *rows]) + "\n")
    words = [w for one in claims for _, _, w in one.words]
    text = balance_month.remittance(words, [], "first", OURS, 0, 1)
    (tmp_path / "remit.835").write_text(text)
    files = read_files([tmp_path / "billing.csv", tmp_path / "remit.835"])
    return balance(files.billed, files.remittances, None, as_of=DAY, hospital=HOSPITAL, **more)


def claim(account: str, charge: int, paid: int, day: date = date(2026, 3, 1), **more) -> Claim:
    one = Claim("", account, "first", day, [balance_month.Line("99213", charge)])
    lines = [one.lines[0].but(paid, ("CO", "45", charge - paid))]
    one.decide(0, lines, **more)
    return one


def test_a_row_without_a_number_is_in_no_bucket_and_shown(tmp_path):
    found = small(
        tmp_path,
        ["A1,EXAMPLE PLAN,,131,2026-03-02,2026-03-01,100.00",
         ",EXAMPLE PLAN,,131,2026-03-02,2026-03-01,70.00"],
        [claim("A1", 10_000, 8_000)],
    )  # fmt: skip
    assert found.without_number == (1, 7_000)
    assert found.billed_cents == 17_000
    assert found.difference == 0
    assert [entry.row for entry in found.reports["without_number"]] == [3]


def test_a_row_that_sums_up_others_is_not_billed(tmp_path):
    found = small(
        tmp_path,
        ["A1,EXAMPLE PLAN,,131,2026-03-02,2026-03-01,100.00", "Total,,,,,,100.00"],
        [claim("A1", 10_000, 8_000)],
    )
    assert found.billed_cents == 10_000


def test_service_lines_of_one_bill_are_one_claim(tmp_path):
    head = "Account Number,Payer,Bill Date,Service Date,CPT,Units,Line Charge"
    rows = ["A1,EXAMPLE PLAN,2026-03-02,2026-03-01,99213,1,60.00",
            "A1,EXAMPLE PLAN,2026-03-02,2026-03-01,70551,1,40.00",
            "A1,EXAMPLE PLAN,2026-03-09,2026-03-01,99213,1,60.00",
            "A1,EXAMPLE PLAN,2026-03-09,2026-03-01,70551,1,40.00"]  # fmt: skip
    found = small(tmp_path, rows, [claim("A1", 10_000, 8_000)], head)
    assert found.by_claim["bucket"].tolist() == ["paid", "resent"]
    assert found.by_claim["billed"].tolist() == [10_000, 10_000]
    assert found.difference == 0


def test_two_claims_of_one_account_and_day_are_told_apart_by_their_charges(tmp_path):
    rows = ["A1,EXAMPLE PLAN,,131,2026-03-02,2026-03-01,100.00",
            "A1,EXAMPLE PLAN,,131,2026-03-02,2026-03-01,300.00"]  # fmt: skip
    found = small(tmp_path, rows, [claim("A1", 30_000, 8_000)])
    assert found.by_claim["bucket"].tolist() == ["unanswered", "paid"]


def test_a_decision_that_could_be_of_two_claims_counts_for_none(tmp_path):
    rows = ["A1,EXAMPLE PLAN,,131,2026-03-02,2026-03-01,100.00",
            "A1,EXAMPLE PLAN,,131,2026-03-02,2026-03-01,300.00"]  # fmt: skip
    found = small(tmp_path, rows, [claim("A1", 20_000, 8_000)])
    assert found.by_claim["bucket"].tolist() == ["unanswered", "unanswered"]
    assert [entry.cents for entry in found.reports["match_unsure"]] == [8_000]


def test_a_claim_billed_to_two_payers_is_two_claims(tmp_path):
    first = claim("A1", 10_000, 6_000)
    second = Claim("", "A1", "second", date(2026, 3, 1), [balance_month.Line("99213", 10_000)])
    second.decide(
        0, [second.lines[0].but(1_000, ("OA", "23", 9_000))], status="2", number="S1"
    )  # fmt: skip
    (tmp_path / "billing.csv").write_text(
        f"{HEAD}\nA1,EXAMPLE PLAN,,131,2026-03-02,2026-03-01,100.00\n"
        "A1,OTHER PLAN,,131,2026-03-20,2026-03-01,100.00\n"
    )
    for payer, one in (("first", first), ("second", second)):
        text = balance_month.remittance([one.words[0][2]], [], payer, OURS, 0, 1)
        (tmp_path / f"{payer}.835").write_text(text)
    files = read_files([tmp_path / name for name in ("billing.csv", "first.835", "second.835")])
    found = balance(files.billed, files.remittances, None, as_of=DAY, hospital=HOSPITAL)
    assert found.by_claim["paid"].tolist() == [6_000, 1_000]
    assert found.by_claim["contractual"].tolist() == [4_000, 9_000]
    assert found.by_claim["unexplained"].tolist() == [0, 0]


# --- what people recorded -------------------------------------------------------------------------


@pytest.fixture
def recorded(tmp_path, monkeypatch, capsys):
    """Record an event on a claim denied for 500.00, and return its line of the balance."""
    monkeypatch.chdir(tmp_path)
    one = Claim("", "A1", "first", date(2026, 3, 1), [balance_month.Line("99213", 50_000)])
    one.decide(0, [one.lines[0].but(0, ("CO", "50", 50_000))], status="4")
    (tmp_path / "billing.csv").write_text(
        f"{HEAD}\nA1,EXAMPLE PLAN,,131,2026-03-02,2026-03-01,500.00\n"
    )
    text = balance_month.remittance([one.words[0][2]], [], "first", OURS, 0, 1)
    (tmp_path / "remit.835").write_text(text)

    def line(*words: str) -> pd.Series:
        event = ["record", "remit.835", "--claim", "A1", "--date", "2026-04-20", *words]
        assert main([*event, "--store", "cases.sqlite", "--as-of", "2026-06-30"]) == 0
        files = ["balance", "billing.csv", "remit.835", "--store", "cases.sqlite"]
        assert main([*files, "--out", "balance.parquet", "--as-of", "2026-06-30"]) == 0
        capsys.readouterr()
        return pd.read_parquet("balance.parquet").iloc[0]

    return line


def test_a_recorded_write_off_closes_what_was_denied(recorded):
    line = recorded("--event", "written_off")
    assert (line["bucket"], line["closed_unpaid"], line["denied"]) == ("lost", 500, 0)


def test_a_recorded_payment_lowers_what_is_at_stake(recorded):
    line = recorded("--event", "paid", "--amount", "120.00")
    assert (line["bucket"], line["paid"], line["denied"]) == ("denied", 120, 380)
    assert line["unexplained"] == 0


def test_a_recorded_payment_in_full_recovers_the_claim(recorded):
    line = recorded("--event", "paid", "--amount", "500.00")
    assert (line["bucket"], line["paid"], line["unexplained"]) == ("recovered", 500, 0)


# --- paid short -----------------------------------------------------------------------------------


def fees(tmp_path: Path, *rows: str) -> tuple[Fee, ...]:
    path = tmp_path / "fee_schedule.csv"
    path.write_text("\n".join(["payer,procedure_code,modifiers,amount,from,to", *rows]) + "\n")
    return read_fees(path)


@pytest.mark.parametrize(
    ("row", "stake"),
    [
        ("EXAMPLE PLAN,99213,,90.00,,", 1_000),
        ("example-plan,99213,,90.00,2026-01-01,2026-12-31", 1_000),
        ("99001,99213,,90.00,2026-03-01,2026-03-01", 1_000),
        ("EXAMPLE PLAN,99213,,80.00,,", None),
        ("EXAMPLE PLAN,99213,25,90.00,,", None),
        ("EXAMPLE PLAN,99213,,90.00,2026-03-02,", None),
        ("EXAMPLE PLAN,99213,,90.00,,2026-02-28", None),
        ("OTHER PLAN,99213,,90.00,,", None),
        ("EXAMPLE PLAN,99213,,900.00,,", 2_000),
    ],
)
def test_a_line_below_the_fee_schedule_is_short_by_the_difference(tmp_path, row, stake):
    row_of_bill = "A1,EXAMPLE PLAN,,131,2026-03-02,2026-03-01,100.00"
    found = small(tmp_path, [row_of_bill], [claim("A1", 10_000, 8_000)], fees=fees(tmp_path, row))
    assert [one.stake for one in found.paid_short] == ([] if stake is None else [stake])


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("EXAMPLE PLAN,99213,,ninety,,", "row 2, amount"),
        ("EXAMPLE PLAN,,,90.00,,", "row 2, procedure_code"),
        ("EXAMPLE PLAN,99213,,90.00,March,", "row 2, from"),
    ],
)
def test_a_fee_that_cannot_be_read_is_refused_without_its_value(tmp_path, row, words):
    with pytest.raises(InputError, match=words) as refused:
        fees(tmp_path, row)
    assert not any(cell and cell in str(refused.value) for cell in ("ninety", "March", "99213"))


def test_two_fees_for_one_service_and_day_are_refused(tmp_path):
    with pytest.raises(InputError, match="row 3: the same service and days as row 2"):
        fees(tmp_path, "P,99213,,90.00,2026-01-01,", "P,99213,,95.00,2026-06-01,")


def inpatients(tmp_path: Path, paid: list[int], mark: str) -> Balance:
    """Return the balance of claims of 100,000.00 that were paid so; `mark` says how they are inpatient."""
    head = "Account Number,Payer,Bill Date,Service Date,Total Charges,Type of Bill"
    bill_type = "0111" if mark == "type of bill" else ""
    rows = [
        f"A{n},EXAMPLE PLAN,2026-03-02,2026-03-01,100000.00,{bill_type}" for n in range(len(paid))
    ]
    claims = []
    for n, cents in enumerate(paid):
        one = Claim("", f"A{n}", "first", date(2026, 3, 1), [balance_month.Line("", 10_000_000)])
        lines = [one.lines[0].but(cents, ("CO", "45", 10_000_000 - cents))]
        one.decide(0, lines, whole=True)
        words = one.words[0][2]
        if mark == "room and board":
            at = next(n for n, word in enumerate(words) if word.startswith("NM1"))
            words.insert(at + 2, f"SVC*NU:0120*100000.00*{balance_month.money(cents)}")
        if mark == "remark":
            words.append("MIA*0***0.00*MA01")
        claims.append(one)
    return small(tmp_path, rows, claims, head)


@pytest.mark.parametrize("mark", ["type of bill", "room and board", "remark"])
def test_an_inpatient_claim_paid_a_fraction_is_short_by_the_payers_usual_share(tmp_path, mark):
    found = inpatients(tmp_path, [5_500_000] * 8 + [1_000_000], mark)
    assert [(one.bill, one.stake) for one in found.paid_short] == [(8, 4_500_000)]
    assert found.by_claim["bucket"].eq("paid").all()


@pytest.mark.parametrize(
    ("paid", "mark"),
    [
        ([5_500_000] * 7 + [1_000_000], "type of bill"),  # too few to compare with
        ([5_500_000] * 8 + [2_750_000], "type of bill"),  # half the usual share
        ([5_500_000] * 8 + [1_000_000], ""),  # nothing says that they are inpatient
    ],
)
def test_what_is_no_clear_shortfall_is_not_reported(tmp_path, paid, mark):
    assert inpatients(tmp_path, paid, mark).paid_short == ()


# --- the definitions ------------------------------------------------------------------------------


def test_the_document_has_every_definition_as_the_rules_have_it():
    page = Path(__file__).parents[1] / "scripts" / "balance_page.py"
    for path, text in runpy.run_path(str(page))["written"]().items():
        assert path.read_text(encoding="utf-8") == text, "run: python scripts/balance_page.py"
        assert all(f"| `{one.id}` |" in text for one in definitions().buckets)


def test_a_balance_says_so_where_no_provider_is_known(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small(tmp_path, ["A1,EXAMPLE PLAN,1888888885,131,2026-03-02,2026-03-01,100.00"])
    assert main(["balance", "billing.csv", "remit.835"]) == 0
    assert "no claim is known to be another provider's" in capsys.readouterr().out
