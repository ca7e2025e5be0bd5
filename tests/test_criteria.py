"""Criteria of coverage: trees of all, any, not and at least so many, judged with three values."""

import json
from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from letter_samples import AS_OF, facts_of, filled, filled_with_facts

from toolkit import letters
from toolkit.denials.services import CriterionForm, families
from toolkit.errors import RefusedError
from toolkit.letters.conditions import check_decidable, judge, parse
from toolkit.letters.conditions import facts as facts_in
from toolkit.letters.criteria import blocking, criterion, shown, still_open
from toolkit.letters.facts import fact_types
from toolkit.letters.letter_kind import criteria
from toolkit.letters.services import services
from toolkit.letters.three_valued import all_of, any_of, at_least, negated
from toolkit.rules import RULES

VALUES = (True, False, None)
some_values = st.lists(st.sampled_from(VALUES), max_size=7)
# Facts of choices and numbers that are on file, for trees made at random.
LEAVES = {
    "needs_pt": ("yes", "no"), "needs_ot": ("yes", "no"), "needs_slp": ("yes", "no"),
    "apnea_index": ("3", "9", "31"), "smoking_status": ("current", "former", "never"),
}  # fmt: skip
CONDITIONS = (
    "needs_pt = yes", "needs_ot != yes", "apnea_index >= 15", "apnea_index < 15 and needs_slp = yes",
    "smoking_status in current, former", "(needs_pt = yes or apnea_index > 5)",
)  # fmt: skip


@st.composite
def trees(draw, depth=3):
    """A criterion of the file's form, made at random."""
    name = f"c{draw(st.integers(0, 10**9))}"
    how = draw(st.sampled_from(("leaf", "all", "any", "not", "at_least"))) if depth else "leaf"
    base = {"id": name, "says": name, "authorities": ("410.49",)}
    if how == "leaf":
        return CriterionForm(**base, met=draw(st.sampled_from(CONDITIONS)))
    if how == "not":
        return CriterionForm(**base, negated=draw(trees(depth=depth - 1)))
    parts = tuple(draw(st.lists(trees(depth=depth - 1), min_size=1, max_size=3)))
    if how == "at_least":
        number = draw(st.integers(1, len(parts)))
        return CriterionForm(**base, at_least=number, of=parts)
    return CriterionForm(**base, **{how: parts})


some_facts = st.fixed_dictionaries(
    {name: st.sampled_from((None, *values)) for name, values in LEAVES.items()}
)


def compiled(form: CriterionForm):
    return criterion(form, "test", ("original_medicare",))


# --- the logic ----------------------------------------------------------------------------------


def test_the_three_values_are_those_of_kleene():
    assert [all_of(p) for p in product(VALUES, VALUES)] == [
        True, False, None, False, False, False, None, False, None,
    ]  # fmt: skip
    assert [any_of(p) for p in product(VALUES, VALUES)] == [
        True, True, True, True, False, None, True, None, None,
    ]  # fmt: skip
    assert [negated(one) for one in VALUES] == [False, True, None]
    assert (all_of(()), any_of(())) == (True, False)


@settings(max_examples=200, deadline=None)
@given(some_values)
def test_all_and_any_keep_to_de_morgan(values):
    assert negated(all_of(values)) == any_of(negated(one) for one in values)
    assert negated(any_of(values)) == all_of(negated(one) for one in values)


@settings(max_examples=200, deadline=None)
@given(some_values, st.integers(1, 7))
def test_at_least_so_many_is_one_of_the_sets_of_that_size(values, number):
    sets = (all_of(part) for part in combinations(values, number))
    assert at_least(number, values) == any_of(sets)
    assert at_least(1, values) == any_of(values)
    if values:
        assert at_least(len(values), values) == all_of(values)
        # Not so many are met exactly where more than the rest are not.
        over = len(values) - number + 1
        if number <= len(values):
            assert negated(at_least(number, values)) == at_least(over, map(negated, values))


@settings(max_examples=200, deadline=None)
@given(trees(), some_facts, some_facts)
def test_what_is_filled_in_never_changes_what_is_decided(form, known, more):
    one = compiled(form)
    filled_in = {name: more[name] if value is None else value for name, value in known.items()}
    before, after = one.value(known), one.value(filled_in)
    assert before is None or after == before
    for text in CONDITIONS:
        before = judge(parse(text), known)
        assert before is None or judge(parse(text), filled_in) == before


@settings(max_examples=200, deadline=None)
@given(trees(), some_facts)
def test_a_tree_is_unknown_with_something_to_ask_and_unmet_with_something_to_name(form, known):
    one = compiled(form)
    value = one.value(known)
    asked = still_open(one, known)
    assert bool(asked) == (value is None)
    assert all(known[each.fact] is None for each in asked)
    assert bool(blocking(one, known)) == (value is False)


@settings(max_examples=100, deadline=None)
@given(trees(), some_facts)
def test_answering_what_is_asked_always_ends_in_a_decision(form, known):
    one = compiled(form)
    for _ in range(len(LEAVES) + 1):
        asked = still_open(one, known)
        if not asked:
            break
        known = known | {each.fact: LEAVES[each.fact][0] for each in asked}
    assert one.value(known) is not None


# --- the forms ----------------------------------------------------------------------------------


def form(**more) -> CriterionForm:
    return CriterionForm(id="c", says="says", authorities=("410.49",), **more)


def test_a_plain_list_is_all_of_its_criteria_and_a_bare_one_is_met_by_the_record():
    one = services().good["therapy"].criteria[0]
    assert (one.how, one.plain) == ("", True)
    finding, page = one.facts
    assert one.value({}) is None
    assert {each.fact for each in still_open(one, {finding: "a plan"})} == {page}
    assert one.value({finding: "a plan", page: "page 3"}) is True


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"all": (form(),), "any": (form(),)}, "a group is one of"),
        ({"at_least": 2, "of": (form(),)}, "at_least is no number of its parts"),
        ({"at_least": 2}, "belong together"),
        ({"any": (form(),), "shown_by": ("x",)}, "shown by its parts"),
    ],
)
def test_a_group_that_means_nothing_is_refused(more, says):
    with pytest.raises(ValueError, match=says):
        form(**more)


@pytest.mark.parametrize(
    ("tree", "says"),
    [
        (form(any=(form(met="needs_pt = yes", when="stage = payment"),)), "have no place"),
        (form(negated=form(met="needs_pt = yes", optional="yes")), "have no place"),
        (form(met="not needs_pt"), "decides nothing"),
        (form(met="need_pt = yes"), "is no fact"),
        (form(any=(form(met="needs_pt = yes", programs=("tricare",)),)), "is no program"),
    ],
)
def test_a_tree_that_would_take_the_unknown_for_an_answer_is_refused(tree, says):
    with pytest.raises(ValueError, match=says):
        compiled(tree)


def test_a_condition_about_codes_knows_how_a_code_begins():
    terms = parse("diagnosis_code begins M80, M81")
    check_decidable(terms)
    assert judge(terms, {}) is None
    assert judge(terms, {"diagnosis_code": "M81.0"}) and judge(terms, {"diagnosis_code": "m800"})
    assert judge(terms, {"diagnosis_code": "M54.5"}) is False


def test_every_criterion_of_every_family_has_its_sentence_of_the_record():
    seen = 0

    def walk(one, shown_above: bool) -> None:
        nonlocal seen
        seen += 1
        is_shown = shown_above or one.record is not None or one.how == "not"
        assert one.how or is_shown, one.id
        for part in one.parts:
            walk(part, is_shown)

    for each in services().good.values():
        for top in each.criteria:
            walk(top, False)
    assert seen > 100
    assert {one.how for s in services().good.values() for t in s.criteria for one in t.every} == {
        "", "all", "any", "not", "at_least",
    }  # fmt: skip
    assert set(families()) == {path.stem for path in (RULES / "services").glob("*.yaml")}


# --- in letters ---------------------------------------------------------------------------------


def kind_of(service: str, program: str = "original_medicare", act: str = "appeal"):
    level = {"original_medicare": "redetermination", "medicare_advantage": "reconsideration"}
    at = level[program] if act == "appeal" else ""
    return letters.compose(act, program, at, "coverage_policy", service)


def rows_of(letter) -> list[tuple[str, ...]]:
    found = [s.table for s in letter.sections if s.clause == "criteria_table" and s.table]
    return [tuple(cell.text for cell in row) for table in found for row in table.rows]


@pytest.mark.parametrize("service", sorted(families()))
def test_a_complete_letter_argues_criteria_that_are_all_met(service):
    program = services().good[service].programs[0]
    if program == "commercial_plan":
        kind = letters.compose("appeal", program, "internal_appeal", "coverage_policy", service)
    else:
        kind = kind_of(service, program)
    letter, facts = filled_with_facts(kind)
    assert letter.complete and rows_of(letter)
    case = facts_of(kind, {}, facts)
    values = {name: fact.value for name, fact in case.facts.items()}
    values |= {"age": "75", "interval": "passed", "axial_dxa": "yes"}
    for one in criteria(kind):
        assert one.value(values) is True, one.id
        assert shown(one, values) or one.optional or one.when or one.how == "not", one.id


HEART_FAILURE = {
    "rehab_condition": "heart_failure", "ejection_fraction": "30", "nyha_class": "II",
    "therapy_weeks": "8",
}  # fmt: skip


@pytest.mark.parametrize(
    ("service", "criterion", "facts", "met"),
    [
        ("inpatient_two_midnight", "inpatient_basis", {"admission_expected": "two_midnights"}, True),
        # the midnights that were spent are not what the physician expected
        ("inpatient_two_midnight", "expectation", {"midnights": "3"}, None),
        ("inpatient_two_midnight", "expectation", {"admission_expected": "shorter", "midnights": "3"}, False),
        ("mammography", "mammogram", {"mammogram_kind": "screening", "age": "40"}, True),
        ("mammography", "mammogram", {"mammogram_kind": "screening", "age": "39"}, False),
        ("mammography", "mammogram", {"mammogram_kind": "baseline", "age": "39"}, True),
        ("mammography", "mammogram", {"mammogram_kind": "baseline", "age": "35"}, True),
        ("mammography", "mammogram", {"mammogram_kind": "baseline", "age": "34"}, False),
        ("mammography", "mammogram", {"mammogram_kind": "baseline"}, None),
        ("cardiac_rehabilitation", "heart_failure", HEART_FAILURE | {"rehab_stable": "yes"}, True),
        ("cardiac_rehabilitation", "heart_failure", HEART_FAILURE | {"rehab_stable": "no"}, False),
        ("cardiac_rehabilitation", "heart_failure", HEART_FAILURE, None),
        ("fdg_pet", "not_left_out", {"pet_strategy": "initial", "pet_left_out": "none"}, True),
        ("fdg_pet", "not_left_out", {"pet_strategy": "initial", "pet_left_out": "prostate"}, False),
        ("fdg_pet", "not_left_out", {"pet_strategy": "initial"}, None),
        ("fdg_pet", "not_left_out", {"pet_strategy": "subsequent", "pet_left_out": "prostate"}, True),
        ("bone_mass_measurement", "axial", {"qualifying_category": "monitoring", "confirmatory_test": "no", "axial_dxa": "no"}, False),
        ("bone_mass_measurement", "axial", {"qualifying_category": "monitoring", "axial_dxa": "yes"}, True),
        ("bone_mass_measurement", "axial", {"qualifying_category": "vertebral", "confirmatory_test": "no", "axial_dxa": "no"}, True),
        ("bone_mass_measurement", "axial", {"qualifying_category": "vertebral", "axial_dxa": "no"}, None),
    ],
)  # fmt: skip
def test_a_criterion_asks_what_the_law_asks(service, criterion, facts, met):
    every = [one for top in services().good[service].criteria for one in top.every]
    (asked,) = (one for one in every if one.id == criterion)
    decides = {name for one in asked.every for name in (*facts_in(one.met), *facts_in(one.when))}
    printed = {name: "x" for one in asked.every for name in one.facts if name not in decides}
    assert asked.value(printed | facts) is met


def _text(letter) -> str:
    return "\n".join(sentence.text for sentence in letter.sentences)


def test_a_stay_expected_to_be_shorter_is_argued_case_by_case():
    for program, level in (
        ("original_medicare", "redetermination"),
        ("medicare_advantage", "reconsideration"),
    ):
        kind = letters.compose("appeal", program, level, "level_of_care", "inpatient_two_midnight")
        benchmark = "expects hospital care that crosses two midnights"
        text = _text(filled(kind, given={"admission_expected": "shorter"}))
        assert "decided case by case" in text and "412.3(d)(3)" in text
        assert benchmark not in text and "the physician expected hospital care across" not in text
        text = _text(filled(kind, given={"admission_expected": "two_midnights"}))
        assert benchmark in text and "decided case by case" not in text


CPAP = {"procedure_code": "E0601"}


def test_the_table_shows_the_way_that_is_met():
    kind = kind_of("cpap")
    high = {row[0]: row[2] for row in rows_of(filled(kind, given=CPAP | {"apnea_index": "15"}))}
    assert high["An index of 15 or more events an hour"].startswith("15 events an hour (")
    signs = CPAP | {"apnea_index": "14.9", "apnea_sign": "hypertension"}
    low = {row[0]: row[2] for row in rows_of(filled(kind, given=signs))}
    assert "An index of 15 or more events an hour" not in low
    shown_as = low["An index of 5 to 14 events an hour with a listed symptom or comorbidity"]
    assert "14.9 events an hour" in shown_as and "with hypertension" in shown_as


@pytest.mark.parametrize("act", ["appeal", "necessity_letter"])
@pytest.mark.parametrize(
    "facts", [{"apnea_index": "4.9"}, {"apnea_index": "9", "apnea_sign": "none"}]
)
def test_a_letter_whose_criteria_are_not_met_is_refused_and_the_criterion_named(act, facts):
    kind = kind_of("cpap", act=act)
    case = facts_of(kind, {}, CPAP | {"stage": "payment", "filer": "assignee"} | facts)
    with pytest.raises(RefusedError, match="below what the national determination asks") as caught:
        letters.draft(case, kind, as_of=AS_OF)
    assert "NCD 240.4" in str(caught.value)
    assert any("Apnea-hypopnea index" in need for need in caught.value.needs)
    other = letters.compose("criteria_request", "original_medicare", "", "coverage_policy", "cpap")
    assert filled(other, given=CPAP | facts).complete  # it argues no criteria


def test_an_unknown_fact_is_asked_for_with_from_whom_and_why_and_is_never_unmet():
    kind = kind_of("cpap")
    base = CPAP | {"stage": "payment", "filer": "assignee"}
    letter = letters.draft(facts_of(kind, {}, base), kind, as_of=AS_OF)
    missing = {need.name: need for need in letter.missing}
    assert "apnea_index" in missing and not letter.complete
    assert missing["apnea_index"].asked.startswith("apnea_index: Apnea-hypopnea index")
    assert "from: chart" in missing["apnea_index"].asked
    assert "one way is enough for: An index of 15 or more" in missing["apnea_index"].why
    letter = letters.draft(facts_of(kind, {}, base | {"apnea_index": "9"}), kind, as_of=AS_OF)
    assert "apnea_sign" in {need.name for need in letter.missing}
    letter = letters.draft(facts_of(kind, {}, base | {"apnea_index": "31"}), kind, as_of=AS_OF)
    names = {need.name for need in letter.missing}
    assert "apnea_index_record" in names and not names & {"apnea_sign", "apnea_sign_record"}


def test_of_several_ways_that_the_record_shows_one_is_enough():
    kind = kind_of("therapy")
    given = {"procedure_code": "97110"}
    letter = letters.draft(facts_of(kind, {}, given), kind, as_of=AS_OF)
    asked = {need.name: need.why for need in letter.missing}
    assert "one way is enough" in asked["therapy_for_improvement"]
    assert "one way is enough" in asked["therapy_for_maintenance"]
    one_way = given | {
        "therapy_for_maintenance": "a program",
        "therapy_for_maintenance_page": "p. 2",
    }
    letter = letters.draft(facts_of(kind, {}, one_way), kind, as_of=AS_OF)
    assert not {n.name for n in letter.missing} & {"therapy_for_improvement"}
    said = {row[0] for row in rows_of(letter)}
    assert "Skilled services that maintain the patient's condition or slow its decline" in said
    assert "Skilled services by which the patient improves" not in said
    optional = {need.name: need for need in letters.needs(kind)}["therapy_for_improvement"]
    assert not optional.required and "the way to meet" in optional.when


def test_at_least_two_therapies_are_needed_and_one_of_them_physical_or_occupational():
    kind = letters.compose(
        "appeal", "original_medicare", "redetermination", "post_acute", "inpatient_rehabilitation"
    )
    two = {"needs_pt": "yes", "needs_ot": "no", "needs_slp": "yes", "needs_prosthetics": "no"}
    assert filled(kind, given=two).complete
    with pytest.raises(AssertionError, match="Fewer than two therapy disciplines"):
        filled(kind, given=two | {"needs_slp": "no"})
    with pytest.raises(AssertionError, match="Neither physical nor occupational"):
        filled(kind, given=two | {"needs_pt": "no", "needs_prosthetics": "yes"})


def test_what_the_record_denies_is_entered_by_name_and_blocks_the_letter():
    kind = kind_of("mri")
    given = {"procedure_code": "70551", "stage": "payment", "filer": "assignee"}

    def refusal(criterion_id: str, **more) -> RefusedError:
        facts = given | {"unmet_criteria": json.dumps([{"criterion": criterion_id}])} | more
        with pytest.raises(RefusedError) as caught:
            letters.draft(facts_of(kind, {}, facts), kind, as_of=AS_OF)
        return caught.value

    unmet = refusal("reasonable")
    assert "A criterion of coverage is not met: Reasonable and necessary" in str(unmet)
    assert any("in the record: the order" in need for need in unmet.needs)
    strange = refusal("reasonabel")
    assert "does not have" in str(strange) and "reasonable" in strange.needs[0]
    both = refusal("reasonable", mri_reasonable="shown", mri_reasonable_page="page 2")
    assert "facts entered show that it is" in str(both)


def test_none_of_several_ways_names_them_all():
    kind = kind_of("therapy")
    rows = [{"criterion": name} for name in ("for_improvement", "for_maintenance")]
    facts = {"procedure_code": "97110", "unmet_criteria": json.dumps(rows)}
    with pytest.raises(RefusedError, match="none of these is met: Skilled services by which"):
        letters.draft(facts_of(kind, {}, facts), kind, as_of=AS_OF)


def test_the_months_of_a_code_decide_whether_a_reason_is_asked_for():
    kind = letters.compose(
        "appeal", "original_medicare", "redetermination", "frequency", "colorectal_screening"
    )
    given = {"procedure_code": "G0105", "last_service_date": "2024-06-30"}
    passed = filled(kind, given=given | {"service_date": "2026-06-01"})
    assert any("Those months had passed" in p.text for p in passed.paragraphs)
    soon = facts_of(kind, {}, given | {"service_date": "2026-05-31", "stage": "payment"})
    missing = {need.name for need in letters.draft(soon, kind, as_of=AS_OF).missing}
    assert {"frequency_reason", "frequency_record"} <= missing


def test_an_interval_of_medicare_is_not_argued_where_medicare_does_not_govern():
    kind = letters.compose("appeal", "commercial_plan", "internal_appeal", "frequency", "")
    given = {"procedure_code": "G0105", "service_date": "2026-06-01", "stage": "payment"}
    given |= {"last_service_date": "2020-06-30", "last_service_record": "report"}
    letter = letters.draft(facts_of(kind, {}, given), kind, as_of=AS_OF)
    assert "frequency_reason" in {need.name for need in letter.missing}
    letter = filled(kind, given=given | {"filer": "enrollee"})
    said = " ".join(p.text for p in letter.paragraphs)
    assert "months" not in said and "The need for it was this:" in said


def test_the_facts_of_trees_made_at_random_are_on_file():
    assert set(LEAVES) <= set(fact_types())
