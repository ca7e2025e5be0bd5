"""Second look: what does not fit together is said, by columns and never by values."""

import random
from datetime import date

import pandas as pd
import pyarrow as pa
import pytest

from toolkit.claims import Claims, read
from toolkit.denials import classify
from toolkit.denials import codes as code_lists
from toolkit.denials.second_look import FACTS, look, looks, of_service, second_look
from toolkit.denials.services import is_drug
from toolkit.errors import UsageError
from toolkit.hospital import Hospital
from toolkit.letters.authority import authority
from toolkit.worklist import WORKLIST
from toolkit.worklist.comparison import asked, compared, given, second_looks
from toolkit.worklist.triage import brain, triage, triaged, triaged_with_comparison

UNKNOWN = Hospital.unknown()


def seen(group, carc, rarcs=(), **more):
    facts = {name: more.pop(name) for name in ("original", "interval") if name in more}
    asked = {name: value for name, value in more.items() if name != "procedure_code"}
    denial = classify(group, carc, rarcs, **asked)
    found = second_look(denial, group_code=group, carc=carc, rarcs=rarcs, **more, **facts)
    return [each.id for each in found]


@pytest.mark.parametrize("each", looks().values(), ids=lambda each: each.id)
def test_a_warning_names_its_columns_its_ways_on_and_what_each_burns(each):
    assert set(each.when) <= set(FACTS)
    assert each.columns and each.routes and each.says
    for way in each.routes:
        assert way.route in code_lists.routes() and way.says and way.burns
    for name in each.authorities:
        assert authority(name).citation
    for fact, known in (
        ("denial_category", code_lists.category_of()),
        ("route", code_lists.routes()),
    ):
        assert set(each.when.get(fact, ())) <= set(known)
    reasons = {reason for c in code_lists.categories() for reason in c.reasons}
    assert set(each.when.get("reason", ())) <= reasons


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (dict(group="CO", carc="B8", procedure_code="77080"), ["step-therapy-no-drug"]),
        (dict(group="CO", carc="B8", procedure_code="J3490"), []),
        (dict(group="CO", carc="B8", procedure_code="Q3014"), ["step-therapy-no-drug"]),
        (dict(group="CO", carc="B8"), []),  # without the code nobody can know
        (
            dict(group="CO", carc="B8", procedure_code="J3490", program="original_medicare"),
            ["step-therapy-original-medicare"],
        ),
        (dict(group="CO", carc="50", rarcs=("N54",)), ["necessity-code-authorization-remark"]),
        (dict(group="CO", carc="50", rarcs=("N115",)), []),
        (dict(group="CO", carc="197", rarcs=("N115",)), ["authorization-code-necessity-remark", "code-and-remark-disagree"]),
        (dict(group="PR", carc="197"), ["patient-group-provider-reason"]),
        (dict(group="PR", carc="29"), ["patient-group-provider-reason"]),
        (dict(group="PR", carc="27"), []),
        (dict(group="PR", carc="1"), []),
        (dict(group="CO", carc="35"), ["provider-group-patient-reason"]),
        (dict(group="CO", carc="16", rarcs=("N54",)), []),  # 16 says little alone
        (dict(group="CO", carc="29", rarcs=("N115",)), ["code-and-remark-disagree"]),
        (dict(group="CO", carc="18", original="paid"), ["duplicate-original-paid"]),
        (dict(group="CO", carc="18", original="unpaid"), ["duplicate-original-denied"]),
        (dict(group="CO", carc="18", original="none"), ["duplicate-no-original"]),
        (dict(group="CO", carc="18"), []),
        (dict(group="CO", carc="151", interval="passed"), ["frequency-interval-passed"]),
        (dict(group="CO", carc="119", interval="sooner"), ["frequency-sooner"]),
        (dict(group="CO", carc="96", rarcs=("N357",), interval="unknown"), ["frequency-no-earlier"]),
        (dict(group="CO", carc="45", interval="passed"), []),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_and_what_fits_is_not(given, expected):
    assert seen(**given) == expected


def test_a_code_and_a_text_that_disagree_are_said():
    assert "code-and-text-disagree" in seen("CO", "29", text="not medically necessary")
    assert seen("CO", "29", text="the claim was filed after the time limit") == []


def test_a_warning_never_repeats_what_stands_in_a_cell():
    for each in looks().values():
        assert not set("0123456789") & set(each.says), each.id


def test_an_unknown_warning_is_refused():
    assert look("step-therapy-no-drug").authorities == ("422.136",)
    with pytest.raises(UsageError, match="no warning with that id"):
        look("nothing")


def test_the_warnings_of_the_service_are_those_that_the_whole_look_finds():
    for carc, facts in (
        ("B8", {"procedure_code": "77080"}),
        ("18", {"original": "paid"}),
        ("151", {"interval": "sooner"}),
    ):
        denial = classify("CO", carc)
        whole = second_look(denial, group_code="CO", carc=carc, **facts)
        code = facts.pop("procedure_code", None)
        part = of_service(
            denial_category=denial.denial_category,
            reason=denial.reason,
            drug=is_drug(code),
            **facts,
        )
        assert part == tuple(each.id for each in whole)


# --- with the other lines of the files -----------------------------------------------------------

HEAD = (
    "Claim Number,Member ID,Payer,Service From,Procedure Code,Billed Amount,Paid Amount,Group Code,"
    "Reason Code (CARC),Denied Amount,Remittance Date\n"
)


def looked(tmp_path, *rows):
    path = tmp_path / "export.csv"
    path.write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")
    work = triage(read(path), as_of=date(2026, 3, 1), hospital=UNKNOWN)
    return work.set_index("patient_control_number")["second_look"].to_dict()


def test_a_duplicate_is_compared_with_the_other_lines_of_the_patient(tmp_path):
    found = looked(
        tmp_path,
        "A1,M1,P,2026-01-05,77080,200.00,150.00,CO,45,50.00,2026-02-01",
        "A2,M1,P,2026-01-05,77080,200.00,0.00,CO,18,200.00,2026-02-20",
        "B1,M2,P,2026-01-05,99214,200.00,0.00,CO,197,200.00,2026-02-01",
        "B2,M2,P,2026-01-05,99214,200.00,0.00,CO,18,200.00,2026-02-20",
        "C1,M3,P,2026-01-05,77080,200.00,0.00,CO,18,200.00,2026-02-20",
        "D1,M4,P,2026-01-06,77080,200.00,150.00,CO,45,50.00,2026-02-01",
        "D2,M4,P,2026-01-05,77080,200.00,0.00,CO,18,200.00,2026-02-20",
    )
    assert found == {
        "A2": "duplicate-original-paid",
        "B1": "",
        "B2": "duplicate-original-denied",
        "C1": "duplicate-no-original",
        "D2": "duplicate-no-original",  # another day is another service
    }


def test_a_frequency_denial_is_held_against_the_months_of_the_rule(tmp_path):
    found = looked(
        tmp_path,
        "A1,M1,P,2024-01-31,77080,200.00,150.00,CO,45,50.00,2024-02-20",
        "A2,M1,P,2026-01-01,77080,200.00,0.00,CO,119,200.00,2026-02-20",
        "B1,M2,P,2024-02-01,77081,200.00,150.00,CO,45,50.00,2024-02-20",
        "B2,M2,P,2026-01-31,77080,200.00,0.00,CO,119,200.00,2026-02-20",
        "C1,M3,P,2026-01-05,77080,200.00,0.00,CO,119,200.00,2026-02-20",
        "D1,M4,P,2024-02-01,77080,200.00,0.00,CO,197,200.00,2024-02-20",
        "D2,M4,P,2026-01-05,77080,200.00,0.00,CO,119,200.00,2026-02-20",
        "E1,M5,P,2026-01-05,99214,200.00,0.00,CO,119,200.00,2026-02-20",
    )
    assert found == {
        "A2": "frequency-interval-passed",
        "B2": "frequency-sooner",  # another code under the same rule
        "C1": "frequency-no-earlier",
        "D1": "",
        "D2": "frequency-no-earlier",  # what was never paid starts no interval
        "E1": "",
    }


def test_step_therapy_on_a_scan_is_seen_in_bulk(tmp_path):
    found = looked(
        tmp_path,
        "A1,M1,P,2026-01-05,77080,200.00,0.00,CO,B8,200.00,2026-02-20",
        "A2,M1,P,2026-01-05,J3490,200.00,0.00,CO,B8,200.00,2026-02-20",
    )
    assert found == {"A1": "step-therapy-no-drug", "A2": ""}


def test_the_worklist_has_the_column_with_ids_only(tmp_path):
    assert "second_look" in [column.name for column in WORKLIST]
    found = looked(tmp_path, "A1,M1,P,2026-01-05,77080,200.00,0.00,PR,197,200.00,2026-02-20")
    assert set(found["A1"].split()) <= set(looks())


# --- compared later, over parts ------------------------------------------------------------------


def many(tmp_path, seed, rows=240):
    """Claims of a few patients under more account numbers, with duplicates and frequency denials."""
    dice = random.Random(seed)
    lines = []
    for number in range(rows):
        paid = dice.random() < 0.4
        carc = "45" if paid else dice.choice(["18", "18", "119", "151", "B8", "197"])
        day = dice.choice(["2023-11-30", "2023-12-01", "2024-01-31", "2026-01-05", "2026-01-05"])
        code = dice.choice(["77080", "77080", "77081", "99214", ""])
        member = dice.choice(["M1", "M2", "M3", "M4", ""])
        charge = dice.choice(["200.00", "200.00", "300.00"])
        account = f"A{dice.randrange(rows // 3)}" if dice.random() < 0.5 else f"B{number}"
        lines.append(
            f"{account},{member},P,{day},{code},{charge},{'150.00' if paid else '0.00'},CO,{carc},"
            f"{'50.00' if paid else charge},2026-02-01"
        )
    path = tmp_path / f"export{seed}.csv"
    path.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    return read(path)


def part_of(made, accounts):
    """The claims of these account numbers, and what hangs on them."""
    claims = made.claims[made.claims["patient_control_number"].isin(accounts)]
    tables = ("claim_lines", "adjustments", "remark_codes", "appeal_events")
    held = {name: getattr(made, name) for name in tables}
    return Claims(
        claims=claims.reset_index(drop=True),
        **{
            name: table[table["claim_key"].isin(claims["claim_key"])].reset_index(drop=True)
            for name, table in held.items()
        },
    )


@pytest.mark.parametrize("seed", range(6))
def test_any_parts_by_account_number_compared_together_are_the_whole(tmp_path, seed):
    made = many(tmp_path, seed)
    whole = triage(made, as_of=date(2026, 3, 1), hospital=UNKNOWN).set_index("denial_key")[
        "second_look"
    ]
    said = {one for ids in whole for one in ids.split()}
    assert {"duplicate-original-paid", "duplicate-original-denied", "frequency-sooner"} <= said
    dice = random.Random(seed)
    accounts = sorted(made.claims["patient_control_number"].unique())
    home = {account: dice.randrange(5) for account in accounts}
    questions = brain(as_of=date(2026, 3, 1), hospital=UNKNOWN)
    parts = [
        triaged_with_comparison(part_of(made, [a for a in accounts if home[a] == n]), questions)
        for n in range(5)
    ]
    listed, rows, services = zip(*parts, strict=True)
    works = pd.concat([one.frame() for one in listed], ignore_index=True)
    asked, given = pd.concat(rows, ignore_index=True), pa.concat_tables(services)
    more = compared(asked, given)
    found = works.set_index("denial_key")["second_look"]
    assert set(more.index) <= set(found.index)
    found = found.add((" " + more).reindex(found.index, fill_value="")).str.strip()
    assert found.reindex(whole.index).tolist() == whole.tolist()
    # And a part by itself does not know what the others hold.
    alone = [
        triage(part_of(made, [a]), as_of=date(2026, 3, 1), hospital=UNKNOWN) for a in accounts[:40]
    ]
    alone = pd.concat(alone).set_index("denial_key")["second_look"]
    assert alone.tolist() != whole.reindex(alone.index).tolist()


def test_the_three_steps_on_one_set_are_the_second_look_of_the_triage(tmp_path):
    made = many(tmp_path, 7)
    questions = brain(as_of=date(2026, 3, 1), hospital=UNKNOWN)
    whole = triage(made, as_of=date(2026, 3, 1), hospital=UNKNOWN)
    codes_only = triaged(made, questions, looks=False)
    nothing = pd.Series(False, index=made.claims.index)
    found = second_looks(made, codes_only, nothing)
    assert found.tolist() == whole["second_look"].tolist()
    assert codes_only["second_look"].tolist() != found.tolist()
    rows = asked(codes_only, made, nothing)
    assert rows["patient"].isna().sum() == 0 and len(rows) < len(codes_only)
    everyone, some = given(made, nothing), given(made, nothing, pd.Series(["M1"]))
    patients = some["patient"].to_pylist()
    assert set(patients) == {"M1"} and len(some) == everyone["patient"].to_pylist().count("M1")


def test_a_netted_claim_is_no_original(tmp_path):
    made = many(tmp_path, 8)
    netted = pd.Series(True, index=made.claims.index)
    assert not len(given(made, netted))
    work = triaged(made, brain(as_of=date(2026, 3, 1), hospital=UNKNOWN), looks=False)
    rows = asked(work, made, netted)
    assert rows["patient"].isna().all()
    more = compared(rows, given(made, netted))
    assert not any("paid" in ids or "denied" in ids for ids in more)
