"""The criteria of a case as a grid: each requirement, how it stands, and what shows it."""

import json

from letter_samples import AS_OF, facts_of, filled_with_facts

from toolkit import letters
from toolkit.letters.facts import fact_types, is_place
from toolkit.letters.services import services

DEXA = letters.compose(
    "appeal", "medicare_advantage", "reconsideration", "coverage_policy", "bone_mass_measurement"
)
TRIAGE = {"denial_category": "medical_necessity", "reason": "not_reasonable_and_necessary"}
CATEGORY = "Medicare category of the patient"


def grid(facts: dict, attached=None):
    case = facts_of(DEXA, TRIAGE, {"procedure_code": "77080", "stage": "payment"} | facts)
    return {
        one.id or one.says: one for one in letters.grid_of(case, as_of=AS_OF, attached=attached)
    }


def test_what_nobody_has_looked_up_is_not_known_and_never_not_met():
    found = grid({})
    assert {one.state for one in found.values()} <= {"not_known", "met"}
    group = found["qualifying"]
    assert group.is_group and group.note == "one of these is enough" and group.wanted == (CATEGORY,)
    ways = [one for one in found.values() if one.depth == 1]
    assert len(ways) > 5 and not any(CATEGORY in one.wanted for one in ways), "it is named once"


def test_a_row_has_the_fact_its_page_its_day_and_its_citation():
    found = grid(
        {
            "qualifying_category": "vertebral",
            "category_finding": "wedge fracture of L1",
            "category_record": "record page 7",
            "xray_date": "2026-06-30",
        }
    )
    way = found["vertebral"]
    assert (way.state, way.depth, way.pages, way.days) == (
        "met", 1, ("record page 7",), ("June 30, 2026",),
    )  # fmt: skip
    assert "What the chart says: wedge fracture of L1" in way.facts
    assert "410.31(d)" in way.citation and found["qualifying"].state == "met"
    assert "monitoring" not in found, "a way that is not needed any more"


def test_where_one_way_is_ruled_out_the_others_stay_open():
    found = grid({"unmet_criteria": json.dumps([{"criterion": "vertebral"}])})
    assert "vertebral" not in found and found["monitoring"].state == "not_known"


def test_what_the_record_denies_is_not_met_with_its_page_and_the_clinicians_reason():
    row = {"criterion": "order", "page": "record page 2", "reason": "ordered by telephone"}
    one = grid({"unmet_criteria": json.dumps([row])})["order"]
    assert (one.state, one.pages, one.reason) == (
        "not_met", ("record page 2",), "ordered by telephone",
    )  # fmt: skip


def test_a_number_below_the_limit_is_not_met():
    found = grid(
        {"qualifying_category": "glucocorticoid", "glucocorticoid_dose_mg": "2", "prior_bmm": "none_on_record"}
    )  # fmt: skip
    assert found["glucocorticoid_dose"].state == "not_met"
    assert found["qualifying"].state == "not_met"


def test_the_months_since_the_last_service_are_counted():
    early = grid(
        {"prior_bmm": "performed", "last_bmm_date": "2026-01-05", "prior_bmm_record": "page 3"}
    )
    assert "interval_passed" not in early and early["frequency"].wanted
    late = grid(
        {"prior_bmm": "performed", "last_bmm_date": "2023-01-05", "prior_bmm_record": "page 3"}
    )
    assert late["interval_passed"].state == late["frequency"].state == "met"


def test_an_attached_document_stands_in_the_row_that_it_is_of():
    what = DEXA.service.criteria[2].looked_for[0]
    assert what in {
        one.what for one in letters.documents_of(facts_of(DEXA, TRIAGE, {"procedure_code": "77080"}), as_of=AS_OF)
    }  # fmt: skip
    assert grid({})["evaluation"].look_for
    found = grid({}, attached={what: ["note.pdf"]})
    assert found["evaluation"].documents == ("note.pdf",) and not found["evaluation"].look_for
    assert not found["order"].documents


def test_the_payers_own_requirements_follow_with_their_words_and_reasons():
    row = {
        "words": "six weeks of therapy", "policy": "Policy 9", "met": "not_met",
        "page": "page 4", "reason": "contraindicated by the fracture",
    }  # fmt: skip
    one = list(grid({"requirements": json.dumps([row])}).values())[-1]
    assert (one.says, one.citation, one.state) == ("“six weeks of therapy”", "Policy 9", "not_met")
    assert (one.pages, one.reason) == (("page 4",), "contraindicated by the fracture")


def test_a_denial_that_does_not_turn_on_criteria_has_no_grid():
    case = facts_of(
        letters.compose("appeal", "medicare_advantage", "reconsideration", "timely_filing"),
        {"denial_category": "timely_filing", "reason": None}, {"procedure_code": "77080"},
    )  # fmt: skip
    assert letters.grid_of(case, as_of=AS_OF) == ()


def test_every_criterion_that_a_complete_letter_prints_is_met_in_the_grid():
    letter, facts = filled_with_facts(DEXA, given={"procedure_code": "77080"}, triage=TRIAGE)
    case = facts_of(DEXA, TRIAGE, facts)
    rows = {one.id: one for one in letters.grid_of(case, as_of=AS_OF)}
    assert letter.complete and not [one for one in rows.values() if one.state == "not_met"]
    (table,) = [one.table for one in letter.sections if one.table]
    met = {one.says for one in rows.values() if one.state == "met"}
    assert {requirement.text for requirement, _, _ in table.rows} <= met


def test_every_criterion_with_a_sentence_says_where_the_record_shows_it():
    every = [one for s in services().good.values() for top in s.criteria for one in top.every]
    for one in every:
        places = [name for name in one.facts if is_place(name)]
        assert all(fact_types()[name].kind == "text" for name in places)
        assert not one.plain or places, one.id
