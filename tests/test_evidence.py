"""Clinical evidence in letters: for whom it is used, apart from law, and how old it is."""

import re
from datetime import date
from decimal import Decimal
from functools import cache

import pytest
from letter_samples import AS_OF, facts_of, filled, value_of

from toolkit import letters
from toolkit.denials.services import families
from toolkit.letters.conditions import AnyOf
from toolkit.letters.evidence import age_limit, guidelines, of_service, statements
from toolkit.letters.facts import fact_types
from toolkit.letters.letter_kind import compose
from toolkit.letters.proof import proof
from toolkit.letters.services import services
from toolkit.letters.speech import check

LEVEL = {
    "original_medicare": "redetermination", "medicare_advantage": "reconsideration",
    "commercial_plan": "internal_appeal", "medicaid_managed_care": "appeal",
}  # fmt: skip
STATEMENTS = {one.id: one for one in statements()}
_BESIDE = {">=": 3, ">": 3, "<=": -3, "<": -3}


def born(age: int) -> str:
    return f"{2026 - age}-01-01"  # the service of the samples is on July 12, 2026


def facts_for(statement) -> dict[str, str]:
    """Facts under which the statement is about the patient."""
    found: dict[str, str] = {}
    for term in statement.when:
        assert not isinstance(term, AnyOf)
        if term.fact == "axial_dxa":
            found["procedure_code"] = "77080"
        elif term.how == "known":
            found[term.fact] = f"sample {term.fact}"
        elif term.how in ("=", "in"):
            found[term.fact] = term.values[0]
        else:
            number = Decimal(term.values[0]) + _BESIDE[term.how]
            name = "birth_date" if term.fact == "age" else term.fact
            found.setdefault(name, born(int(number)) if term.fact == "age" else str(number))
    return found


@cache
def letter_on(name: str, act: str = "appeal"):
    """A complete letter with this statement, on the first service and program that it can stand in."""
    statement = STATEMENTS[name]
    service = services().good[statement.services[0]]
    program = service.programs[0]
    code = {"procedure_code": service.codes[0].code} if service.codes else {}
    kind = compose(
        act, program, LEVEL[program] if act == "appeal" else "", "coverage_policy", service.id
    )
    facts = code | facts_for(statement)
    printed = {fact for fact in statement.fits.facts if fact in fact_types()} - facts.keys()
    return filled(kind, given=facts | {fact: str(value_of(fact)) for fact in printed})


def texts_of(letter) -> str:
    return "\n".join(p.text for p in letter.paragraphs)


def test_there_are_forty_statements_and_two_usable_ones_for_every_family():
    assert len(STATEMENTS) >= 40
    assert guidelines().broken == ()
    for name in families():
        assert len(of_service(name)) >= 2, name
    assert {one.status for one in STATEMENTS.values()} == {"V", "V2", "M"}


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_has_its_body_date_grade_source_and_an_honest_mark(name):
    one = STATEMENTS[name]
    assert one.body and one.title and one.grade and one.population
    assert one.published <= one.verified_on <= "2026-11-28"
    assert ("from memory" in one.source) >= (
        one.status == "M"
    ) or "its rating is from memory" in one.source
    if one.status == "V":
        assert re.search(r"https?://", one.source), (
            "what was read at the body is named by its address"
        )
        assert "memory" not in one.source
    assert len(one.says.split()) < 60
    check({"clinical_summary": one.says}, frozenset({"clinical_summary"}))  # it argues no law


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_statement_stands_in_a_letter_with_the_sentence_of_the_patient(name):
    letter, one = letter_on(name), STATEMENTS[name]
    assert letter.complete
    (section,) = [s for s in letter.sections if s.clause == "clinical_evidence"]
    (item,) = [p for p in section.paragraphs if p.text.startswith(f"{one.reference}: {one.says}.")]
    said, fits = item.sentences
    assert [b.kind for b in said.bindings] == ["evidence"] and said.role == "evidence"
    assert {b.kind for b in fits.bindings} <= {"fact", "computed"}
    assert one in letter.evidence
    assert one.reference in {row["guideline"] for row in proof(letter)["evidence"]}


def test_no_evidence_stands_under_law_and_no_law_under_evidence():
    seen = 0
    for name in STATEMENTS:
        letter = letter_on(name)
        for section in letter.sections:
            parts = [section.heading] if section.heading else []
            parts += [s for p in section.paragraphs for s in p.sentences]
            parts += [cell for row in (section.table.rows if section.table else ()) for cell in row]
            kinds = {b.kind for s in parts for b in s.bindings}
            if "evidence" in kinds:
                seen += 1
                assert section.clause == "clinical_evidence" and section.number is None
                assert not kinds & {"authority", "rule"}
                assert not {s.role for s in parts} & {"rule", "argument"}
                assert not [g for s in parts for g in s.segments if g.role in ("cite", "quote")]
        around = [*(r.value for r in letter.reference), *letter.signature, *letter.enclosures]
        assert not [b for s in around for b in s.bindings if b.kind == "evidence"]
        assert not {a.citation for a in letter.authorities} & {e.reference for e in letter.evidence}
    assert seen == len(STATEMENTS)


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_is_used_only_for_its_service_and_its_patients(name):
    one = STATEMENTS[name]
    facts = {fact: "x" for fact in one.fits.facts}
    assert not one.is_of({}) and not one.is_of(facts)
    for other in set(families()) - set(one.services):
        assert one not in of_service(other)


def test_evidence_is_of_the_patients_age_on_the_day_of_the_service():
    kind = compose(
        "appeal", "original_medicare", "redetermination", "coverage_policy", "colorectal_screening"
    )
    for birth, says in (("1976-07-12", "grade A"), ("1976-07-13", "grade B"), ("1981-07-13", None)):
        text = texts_of(filled(kind, given={"procedure_code": "G0121", "birth_date": birth}))
        assert [grade for grade in ("grade A", "grade B") if grade in text] == (
            [says] if says else []
        )
    unknown = letters.draft(facts_of(kind, {}, {"procedure_code": "G0121"}), kind, as_of=AS_OF)
    assert "Clinical evidence" not in {s.heading.text for s in unknown.sections if s.heading}


def test_the_necessity_letter_has_the_evidence_and_the_request_for_criteria_has_none():
    assert letter_on("uspstf_lung.smokers", "necessity_letter").evidence
    kind = compose("criteria_request", "original_medicare", "", "coverage_policy", "cpap")
    assert kind.evidence == ()
    assert (
        compose("appeal", "original_medicare", "redetermination", "duplicate", "cpap").evidence
        == ()
    )


def test_evidence_stands_also_where_the_issue_argues_no_criteria_of_the_service():
    kind = compose(
        "appeal", "original_medicare", "redetermination", "level_of_care", "inpatient_two_midnight"
    )
    given = {"admitted_for": "pneumonia", "pneumonia_class": "IV", "admitted_for_record": "page 3"}
    letter = filled(kind, given=given)
    assert kind.service is None
    assert "The patient was in class IV of the index (page 3)." in texts_of(letter)


def test_evidence_is_the_same_in_a_program_that_has_no_criteria_of_its_own_for_the_service():
    kind = compose(
        "appeal", "commercial_plan", "internal_appeal", "coverage_policy", "bone_mass_measurement"
    )
    given = {"procedure_code": "77080", "sex": "female", "birth_date": born(70)}
    letter = filled(kind, given=given)
    assert kind.service is None
    assert "axial DXA of lumbar spine and hip is the measurement to use" in texts_of(letter)


def test_a_guideline_is_old_after_the_limit_and_a_confirmation_makes_it_young():
    from msgspec.structs import replace

    one = STATEMENTS["uspstf_osteoporosis.women_65"]
    years = age_limit().years
    assert not one.is_old(date(2025 + years, 1, 14)) and one.is_old(date(2025 + years, 1, 15))
    month = replace(one, published="2019-11")
    assert not month.is_old(date(2019 + years, 11, 28)) and month.is_old(date(2019 + years, 12, 1))
    assert not replace(month, reaffirmed="2025-03-01").is_old(date(2027, 1, 1))
    assert (
        "(November 2019, reaffirmed March 1, 2025;"
        in replace(month, reaffirmed="2025-03-01").reference
    )


def test_the_sender_is_warned_of_old_guidelines_and_of_those_from_memory():
    letter = letter_on("aha_stroke_rehabilitation.rehabilitation_facility")
    (old,) = [one for one in letter.warnings if "Guidelines older than" in one]
    assert "Guidelines for Adult Stroke Rehabilitation and Recovery (May 4, 2016)" in old
    memory = letter_on("aha_heart_failure.rehabilitation").warnings
    assert any("Evidence from memory (M)" in one and "class 2a" in one for one in memory)
    young = letter_on("uspstf_osteoporosis.women_65").warnings
    assert not any("Prevent Fractures" in one for one in young)
    assert not any("older than" in p.text for p in letter.paragraphs)


def test_the_facts_that_only_guidelines_ask_about_are_asked_with_their_reason():
    kind = compose("appeal", "original_medicare", "redetermination", "coverage_policy", "mri")
    wanted = {need.name: need for need in letters.needs(kind)}
    assert "American College of Radiology" in wanted["mri_indication"].why
    assert not wanted["mri_indication"].required
