"""Second look: what does not fit together is said, by columns and never by values."""

from datetime import date

import pytest

from toolkit.claims import read
from toolkit.denials import classify
from toolkit.denials import codes as code_lists
from toolkit.denials.second_look import FACTS, look, looks, of_service, second_look
from toolkit.denials.services import is_drug
from toolkit.errors import UsageError
from toolkit.letters.authority import authority
from toolkit.triage import triage
from toolkit.worklist import WORKLIST


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
    work = triage(read(path), as_of=date(2026, 3, 1))
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
