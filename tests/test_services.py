"""Families of services: one test walks every file, the others say what a code means."""

import subprocess
import sys
from datetime import date

import pytest

from toolkit.denials import services
from toolkit.denials.services import (
    covered_again,
    families,
    family,
    frequency_of,
    is_drug,
    service_of,
)
from toolkit.errors import RulesError
from toolkit.letters.authority import authority
from toolkit.letters.facts import DERIVED, fact_types
from toolkit.letters.services import service
from toolkit.rules import load_yaml, names

ASKED_FOR = {
    "ambulance", "anticancer_drugs", "bone_mass_measurement", "cardiac_rehabilitation",
    "colorectal_screening", "cpap", "emergency", "fdg_pet", "genetic_tests", "home_health",
    "inpatient_rehabilitation", "inpatient_two_midnight", "lung_cancer_screening_ct", "mammography",
    "mental_health_parity", "mri", "part_b_drugs", "preventive", "skilled_nursing_facility",
    "therapy",
}  # fmt: skip


def test_the_families_of_the_coverage_list_are_on_file():
    assert set(families()) >= ASKED_FOR


@pytest.mark.parametrize("name", names("services"))
def test_a_family_stands_on_its_codes_criteria_facts_and_authorities(name):
    form = family(name)
    assert service(name).id == name  # refuses an authority that is not on file or does not govern
    assert form.codes or form.revenue_codes
    assert form.criteria
    for criterion in form.leaves:
        assert criterion.facts or criterion.met, criterion.id
        assert criterion.authorities, criterion.id
        if criterion.record:
            assert set(criterion.facts) <= {*fact_types(), *DERIVED}
    cited = {a for c in form.leaves for a in c.authorities} | {
        f.authority for f in form.frequencies
    }
    for program in form.programs:  # every program of a family has a criterion and a rule of its own
        asked = [c for c in form.criteria if program in (c.programs or form.programs)]
        assert asked, program
        assert any(authority(a).governs(program) for c in asked for a in c.authorities)
    assert all(authority(a).citation for a in cited)
    for entry in (*form.codes, *form.revenue_codes):
        assert entry.says and len(entry.says) < 90, entry.code


@pytest.mark.parametrize("name", names("services"))
def test_a_frequency_is_never_surer_than_the_authority_it_cites(name):
    order = ("V", "V2", "M")
    for frequency in family(name).frequencies:
        told = authority(frequency.authority).status
        assert order.index(frequency.status) >= order.index(told), frequency.says


def test_no_code_stands_in_two_families():
    assert services.codes_twice() == ()


def test_a_code_of_two_families_leads_to_neither_and_takes_no_other_down():
    one, other = family("cpap"), family("mri")
    wide = services.ServiceCode(code="70540", through="70560", says="a range that reaches too far")
    entries = [(code, one) for code in one.codes] + [(code, other) for code in other.codes]
    found = services._Index([*entries, (wide, one)])
    assert any("stands in" in says and "cpap" in says and "mri" in says for says in found.twice)
    for code, owner in (("E0601", "cpap"), ("70336", "mri"), ("70550", "cpap"), ("70560", "cpap")):
        assert found.find(services._place(code))[1].id == owner
    for code in ("70540", "70545", "70549", "70551", "70559"):
        assert found.find(services._place(code)) is None
    assert found.find(services._place("E0602")) is None


def test_the_first_and_the_last_code_of_every_range_lead_to_the_family():
    for name, form in families().items():
        for entry in form.codes:
            assert service_of(entry.code) == service_of(entry.last) == name
        for entry in form.revenue_codes:
            assert service_of(None, entry.code) == service_of("", entry.last) == name


@pytest.mark.parametrize(
    ("procedure_code", "revenue_code", "expected"),
    [
        ("77080", None, "bone_mass_measurement"),
        (" 77080 ", None, "bone_mass_measurement"),
        ("77080-26", None, "bone_mass_measurement"),
        (77080.0, None, "bone_mass_measurement"),
        ("g0299", None, "home_health"),
        ("J9271", None, "anticancer_drugs"),
        ("0037U", None, "genetic_tests"),
        (None, "0450", "emergency"),
        (None, "450", "emergency"),
        (None, 120.0, "inpatient_two_midnight"),
        ("97110", "0450", "therapy"),
        ("7708", None, ""),
        ("770801", None, ""),
        ("99214", None, ""),
        ("", "", ""),
        (float("nan"), float("nan"), ""),
    ],
)
def test_a_code_is_looked_up_whole_and_before_the_revenue_code(
    procedure_code, revenue_code, expected
):
    assert service_of(procedure_code, revenue_code) == expected


@pytest.mark.parametrize(
    ("procedure_code", "expected"),
    [("J3490", "yes"), ("J9271", "yes"), ("Q5107", "yes"), ("90686", "yes"), ("C9399", "yes"),
     ("77080", "no"), ("Q3014", "no"), ("C9600", "no"), ("99213", "no"), ("A9552", "no"),
     ("90471", "no"), ("", "unknown"), (None, "unknown"), ("00004080012", "unknown")],
)  # fmt: skip
def test_a_drug_is_known_by_its_code_and_not_by_its_first_letter(procedure_code, expected):
    assert is_drug(procedure_code) == expected


@pytest.mark.parametrize(
    ("procedure_code", "last", "again"),
    [
        ("77080", date(2024, 3, 1), date(2026, 3, 1)),
        ("77080", date(2024, 3, 31), date(2026, 3, 1)),
        ("77067", date(2025, 1, 15), date(2026, 1, 1)),
        ("82270", date(2025, 12, 31), date(2026, 12, 1)),
        ("G0104", date(2022, 1, 10), date(2026, 1, 1)),
        ("G0105", date(2024, 1, 10), date(2026, 1, 1)),
        ("G0121", date(2016, 1, 10), date(2026, 1, 1)),
        ("77066", date(2025, 1, 15), None),  # diagnostic: no interval
        ("93798", date(2025, 1, 15), None),  # a number of sessions, no months
        ("99214", date(2025, 1, 15), None),
    ],
)
def test_a_service_is_covered_again_after_the_full_months_that_follow(procedure_code, last, again):
    assert covered_again(procedure_code, last) == again


def test_the_letter_and_the_second_look_count_the_same_months():
    letter = service("bone_mass_measurement")
    assert letter.months == frequency_of("77080").months == 23
    known = {"prior_bmm": "performed", "last_bmm_date": date(2024, 3, 31)}
    for day, said in ((date(2026, 2, 28), "sooner"), (date(2026, 3, 1), "passed")):
        assert letter.interval_of(known | {"service_date": day}, as_of=day) == said
        assert (day >= covered_again("77080", known["last_bmm_date"])) == (said == "passed")


def test_the_files_are_text_and_say_how_sure_their_codes_are():
    for name in names("services"):
        assert load_yaml(services.RULES / "services" / f"{name}.yaml")["codes_status"] in (
            "V", "V2", "M",
        )  # fmt: skip


def test_an_unknown_family_is_refused():
    with pytest.raises(RulesError, match="is not on file"):
        family("haircut")


def test_the_look_up_loads_no_frames():
    command = (
        "import sys; from toolkit.denials.services import service_of; service_of('77080');"
        "print([m for m in ('pandas', 'numpy', 'toolkit.letters') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
