"""Every kind of letter at every level of every program: complete, cited by program, with what the law wants in it."""

import re
from functools import cache
from pathlib import Path

import pytest
from letter_samples import AS_OF, facts_of, filled, filled_with_facts

from toolkit import letters
from toolkit.errors import RefusedError
from toolkit.law import on_file, programs
from toolkit.letters.authority import authority
from toolkit.letters.conditions import holds, parse
from toolkit.letters.facts import fact_types, is_place
from toolkit.letters.forums import acts, forum, issues, problems
from toolkit.letters.letter_kind import criteria, papers
from toolkit.letters.matrix import cells
from toolkit.letters.services import services
from toolkit.rules import RULES, load_yaml

HERE = Path(__file__).parent
WRONG = load_yaml(HERE / "cases" / "letters" / "wrong_statements.yaml")
POSSIBLE = [one for one in cells() if one.possible]
FAMILIES = {path.stem for path in (RULES / "services").glob("*.yaml")}
# The kinds of letter that the command line promises; a file more adds a kind.
PROMISED = {
    "appeal", "criteria_request", "necessity_letter", "clerical_reopening", "corrected_claim_cover",
    "records_cover", "late_filing_request", "waiver_of_liability", "representative_cover",
    "dismissal_review", "missed_decision", "external_review", "state_fair_hearing",
    "open_negotiation", "contract_dispute", "peer_to_peer",
}  # fmt: skip
_LEVEL = {
    "original_medicare": "redetermination", "medicare_advantage": "reconsideration",
    "commercial_plan": "internal_appeal", "medicaid_managed_care": "appeal",
}  # fmt: skip


def name_of(one) -> str:
    return f"{one.act}-{one.program}-{one.level or 'beside'}"


@cache
def kinds_of(one) -> tuple:
    """The kinds of a cell: one for each issue where the act argues, and one without."""
    argues = acts().good[one.act].form.argues == "yes"
    found = ["", *(issues().good if argues else ())]
    return tuple(letters.compose(one.act, one.program, one.level, issue) for issue in found)


@cache
def letters_of(one) -> tuple:
    """Two letters of each kind: with the facts it cannot do without, and with every fact."""
    return tuple(
        (kind, filled(kind, every=every)) for kind in kinds_of(one) for every in (False, True)
    )


@cache
def of_services() -> tuple:
    """Letters on every family of services, in each of its programs, on every issue that argues criteria."""
    found = []
    for name, family in services().good.items():
        code = family.codes[0].code if family.codes else None
        for program in family.programs:
            for issue in issues().good.values():
                if issue.form.criteria == "yes":
                    kind = letters.compose("appeal", program, _LEVEL[program], issue.id, name)
                    given = {"procedure_code": code} if code else {}
                    found.append((kind, filled(kind, given=given, every=True)))
    return tuple(found)


def text_of(letter) -> str:
    paragraphs = "\n".join(p.text for p in letter.paragraphs)
    return f"{paragraphs}\n{letter.text}"


def test_the_promised_kinds_are_there_and_no_file_is_broken():
    assert problems() == ()
    assert set(acts().good) >= PROMISED
    assert list(letters.kinds()) == list(acts().good.values())


def test_the_page_of_the_letters_is_what_the_rules_say():
    import importlib.util

    path = HERE.parent / "scripts" / "letters_page.py"
    spec = importlib.util.spec_from_file_location("letters_page", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.PAGE.read_text(encoding="utf-8") == script.page(), "run scripts/letters_page.py"


def test_where_something_stands_in_the_record_is_a_place_by_its_name():
    for name, known in fact_types().items():
        assert is_place(name) or not known.label.startswith("Where "), name


def test_every_program_has_its_forum_and_every_cell_its_letter_or_its_reason():
    for name in programs():
        assert forum(name).form.program == name
    found = cells()
    for one in found:
        assert one.possible or (one.why_not and one.citation and one.status), one
    assert {one.act for one in POSSIBLE} == set(acts().good)
    assert {one.program for one in POSSIBLE} == set(programs())


@pytest.mark.parametrize("one", POSSIBLE, ids=name_of)
def test_each_cell_of_the_matrix_gives_a_complete_letter_without_a_gap(one):
    for kind, letter in letters_of(one):
        assert letter.complete, kind
        gaps = [s.text for s in letter.sentences for g in s.segments if g.role == "missing"]
        assert gaps == [], kind
        assert letter.paragraphs and letter.addressee and letter.signature, kind
        # What the letter cites of the record is enclosed: nobody is sent to a page that is not there.
        enclosed = [s.text for one in letter.enclosures for s in one.segments]
        for place in (s for one in letter.sentences for s in one.segments if is_place(s.name)):
            assert place.text in enclosed, (kind, place.name)
        assert letter.salutation.endswith(":")


@pytest.mark.parametrize("one", POSSIBLE, ids=name_of)
def test_each_letter_cites_what_governs_its_program_and_binds_every_sentence(one):
    for kind, letter in letters_of(one):
        cited = {a.id for a in letter.authorities}
        for each in letter.authorities:
            assert each.governs(kind.program), (kind, each.id)
            assert each.through.get(kind.program, each.id) in cited, (kind, each.id)
        for sentence in letter.sentences:
            assert sentence.bindings, (kind, sentence.text)
            if sentence.role == "argument":
                assert {b.kind for b in sentence.bindings} & {"authority", "rule"}, sentence.text


def test_a_decider_above_the_payer_is_not_asked_for_its_own_notice_and_numbers():
    seen = set()
    for one in POSSIBLE:
        for kind, letter in letters_of(one):
            to_payer = not kind.form or kind.form.to == "payer"
            own = [line.label for line in letter.reference if line.label.startswith("Your ")]
            own += [each.text for each in letter.enclosures if each.text.startswith("Your ")]
            assert to_payer or own == [], (kind, own)
            seen.add((to_payer, bool(own)))
    assert seen >= {(True, True), (False, False)}


@pytest.mark.parametrize("one", POSSIBLE, ids=name_of)
def test_what_the_law_wants_in_a_request_stands_in_every_letter(one):
    for kind in kinds_of(one):
        for every in (False, True):
            letter, facts = filled_with_facts(kind, every=every)
            printed = {s.name for sentence in letter.sentences for s in sentence.segments}
            for element in kind.elements:
                if holds(parse(element.when), facts):
                    assert set(element.facts) <= printed, (kind, element.says)


@pytest.mark.parametrize("one", [c for c in POSSIBLE if c.act == "appeal"], ids=name_of)
def test_a_fact_that_the_law_wants_is_missed_when_it_is_gone(one):
    kind = kinds_of(one)[0]
    wanted = {name for element in kind.elements if not element.when for name in element.facts}
    wanted -= {"service_name"}
    base = filled(kind)
    assert base.complete
    for name in wanted:
        required = {need.name for need in letters.needs(kind) if need.required}
        assert name in required, (kind, name)


@pytest.mark.parametrize(
    ("issue", "given"),
    [("emergency", {}), ("no_authorization", {"authorization_ground": "emergency"})],
)
def test_an_emergency_is_argued_under_the_statute_of_the_plan_by_who_pays_its_claims(issue, given):
    cited = {}
    for funding in (None, "insured", "self_funded"):
        kind = letters.compose("appeal", "commercial_plan", "internal_appeal", issue, "emergency")
        more = {"emergency_service": "rule out a stroke", "service_name": "CT of the head", **given}
        letter = filled(kind, given={**more, **({"funding": funding} if funding else {})})
        cited[funding] = {a.id for a in letter.authorities}
    assert cited[None] == cited["insured"]
    assert {"300gg-111(a)(1)", "300gg-111(a)(3)(C)"} <= cited["insured"]
    assert not {one for one in cited["insured"] if one.startswith(("1185e", "2590.716"))}
    assert {"1185e(a)(1)", "1185e(a)(3)(C)"} <= cited["self_funded"]
    assert not {"300gg-111(a)(3)(C)", "149.110", "149.110(b)(4)"} & cited["self_funded"]


def test_open_negotiation_with_an_employers_plan_is_started_under_erisa():
    kind = letters.compose("open_negotiation", "no_surprises", "open_negotiation")
    of = {f: {a.id for a in filled(kind, given={"funding": f}).authorities} for f in ("insured", "self_funded")}  # fmt: skip
    assert "1185e(c)" not in of["insured"] and "300gg-111(c)" in of["insured"]
    assert {"1185e(c)", "300gg-111(c)"} <= of["self_funded"]


def test_a_request_for_a_hearing_says_whether_an_investigation_is_known():
    for program in ("original_medicare", "medicare_advantage"):
        kind = letters.compose("appeal", program, "alj_hearing", "coverage_policy")
        letter = filled(kind, given={"investigation": "none that the hospital knows of"})
        assert "another law enforcement agency: none that the hospital knows of." in text_of(letter)


def test_every_element_on_file_carries_its_citation_source_and_mark():
    found = [
        e
        for name in programs()
        for level in forum(name).form.levels.values()
        for e in level.required
    ]
    assert len(found) >= 40
    assert {element.status for element in found} == {"V", "V2", "M"}
    for element in found:
        assert element.citation and element.source
        assert element.status != "V" or "memory" not in element.source


def test_every_paper_of_every_program_is_a_fact_that_a_letter_asks_for():
    wanted = {p for rules in on_file() for s in rules.rules.standing for p in s.papers}
    assert wanted <= set(papers())
    assert {paper.fact for paper in papers().values()} <= set(fact_types())


def test_every_family_of_services_has_letters_with_each_of_its_criteria():
    seen = set()
    for kind, letter in of_services():
        assert letter.complete, kind
        rows = [row for s in letter.sections if s.table for row in s.table.rows]
        said = {row[0].text for row in rows}
        for criterion in criteria(kind):
            if not criterion.when and not criterion.optional and criterion.how != "not":
                assert said & {one.says for one in criterion.every}, (kind, criterion.id)
        for each in letter.authorities:
            assert each.governs(kind.program), (kind, each.id)
        seen.add(kind.service.id)
    assert seen == set(services().good) == FAMILIES


def _about(row: dict, program: str, service: str) -> bool:
    return program in row.get("programs", programs()) and (
        "services" not in row or service in row["services"]
    )


@pytest.mark.parametrize("row", WRONG, ids=lambda row: row["wrong"][:60])
def test_no_wrong_statement_stands_in_a_letter_of_its_program_and_service(row):
    pattern = re.compile(row["pattern"], re.IGNORECASE)
    assert pattern.search(row["example"]), "the pattern catches its own example"
    assert set(row.get("programs", ())) <= set(programs())
    assert set(row.get("services", ())) <= set(services().good)
    all_of_them = [pair for one in POSSIBLE for pair in letters_of(one)] + list(of_services())
    looked = 0
    for kind, letter in all_of_them:
        service = kind.service.id if kind.service else ""
        if _about(row, kind.program, service):
            looked += 1
            assert not pattern.search(text_of(letter)), (kind, pattern.search(text_of(letter)))
    assert looked


def test_a_quote_is_letter_for_letter_one_that_is_allowed_or_the_payers_own_words():
    allowed = {
        q.text
        for a in {
            b.name for one in POSSIBLE for _, letter in letters_of(one) for b in _laws(letter)
        }
        for q in authority(a).quotes
    }
    for one in POSSIBLE:
        for kind, letter in letters_of(one):
            for fragment in re.findall(r"“([^”]*)”", text_of(letter)):
                assert fragment in allowed or fragment.startswith("sample "), (kind, fragment)


def _laws(letter):
    return [b for s in letter.sentences for b in s.bindings if b.kind == "authority"]


def test_every_fact_on_file_is_used_by_a_letter_or_a_checklist():
    used = {paper.fact for paper in papers().values()}
    used |= {d.fact for one in issues().good.values() for d in one.form.documents}
    for one in POSSIBLE:
        for kind in kinds_of(one):
            used |= {need.name for need in letters.needs(kind)}
    for kind, _ in of_services():
        used |= {need.name for need in letters.needs(kind)}
    assert set(fact_types()) - used == set()


def test_no_clause_on_file_is_left_that_no_letter_can_hold():
    held = {c for one in POSSIBLE for kind in kinds_of(one) for c in kind.clauses}
    held |= {c for kind, _ in of_services() for c in kind.clauses}
    files = [*acts().good.values(), *(forum(p) for p in programs()), *issues().good.values()]
    for each in (*files, *services().good.values()):
        for clause in each.clauses:
            assert clause in held, (each, clause.id)


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """A copy of the rules in which a file can be broken; what was read is forgotten before and after."""
    import shutil

    from toolkit.denials import services as families_
    from toolkit.letters import authority as authorities
    from toolkit.letters import evidence, files, forms, forums, letter_kind, matrix
    from toolkit.letters import facts as of_facts
    from toolkit.letters import services as of_services_
    from toolkit.rules import loader

    def forget():
        for one in (
            loader.names, forms.act_files, forms.forum_files, forms.issue_files, forms.guideline_files,
            evidence.guidelines, evidence.age_limit,
            families_._read_families, families_._codes, families_._revenue_codes,
            families_.service_of, forums.acts, forums.forums, forums.issues, of_services_.services, of_facts.fact_types,
            letter_kind.compose, letter_kind.frame, letter_kind.papers, matrix.cell,
            authorities.authorities,
        ):  # fmt: skip
            one.cache_clear()

    own = tmp_path / "rules"
    shutil.copytree(RULES, own)
    for module in (loader, files, forms, forums, letter_kind, authorities, of_facts, evidence):
        if hasattr(module, "RULES"):
            monkeypatch.setattr(module, "RULES", own)
    monkeypatch.setattr("toolkit.denials.services.RULES", own)
    from toolkit.denials.services import family

    family.cache_clear()
    forget()
    yield own
    monkeypatch.undo()
    family.cache_clear()
    forget()


_TWICE = (
    "{name: smoking_record, label: Other, kind: text, group: Criteria, from: chart, help: none}"
)


@pytest.mark.parametrize(
    ("file", "change", "says"),
    [
        ("letters/acts/peer_to_peer.yaml", ("{{ call_times }}", "{{ call_tims }}"), "call_tims"),
        ("letters/issues/bundling.yaml", ("[[ncci]]", "[[nccy]]"), "nccy"),
        ("letters/issues/frequency.yaml", ("id: frequency", "id: frequent"), "name of the file"),
        ("letters/forums/tricare.yaml", ("[[199.4(a)]]", "[[1862(a)(1)(A)]]"), "does not govern"),
        ("services/mri.yaml", ("criteria:", "critria:"), "critria"),
        ("services/cpap.yaml", ("any:", "or:"), "line "),
        (
            "services/fdg_pet.yaml",
            ("met: pet_strategy = initial", "met: not pet_strategy"),
            "decides nothing",
        ),
        (
            "services/therapy.yaml",
            (
                "        says: Skilled services by which",
                "        optional: 'yes'\n        says: Skilled services by which",
            ),
            "have no place",
        ),
        (
            "services/therapy.yaml",
            ("cautions:", f"facts: [{_TWICE}]\ncautions:"),
            "smoking_record is declared twice",
        ),
        ("letters/evidence/uspstf_lung.yaml", ("grade: grade B", "grad: grade B"), "line 13"),
        (
            "letters/evidence/uspstf_breast.yaml",
            ("sex = female and", "gender = female and"),
            "line 10: biennial: gender",
        ),
        (
            "letters/evidence/aasm_pap.yaml",
            ("says: treatment", "says: 42 CFR treatment"),
            "speaks of law",
        ),
        (
            "letters/evidence/acs_lung.yaml",
            ("[lung_cancer_screening_ct]", "[lung_cancer]"),
            "no family of services",
        ),
        (
            "letters/evidence/acip_zoster.yaml",
            ("published: 2018-01-26", "published: spring of 2018"),
            "published is a year",
        ),
    ],
)
def test_a_broken_file_is_reported_left_out_and_takes_nothing_else_down(broken, file, change, says):
    path = broken / file
    text = path.read_text()
    assert change[0] in text
    path.write_text(text.replace(*change, 1))
    (found,) = [one for one in problems() if Path(file).stem in one.file]
    assert says in found.says and file in found.file
    for act in set(acts().good) - {"peer_to_peer"}:
        one = next(c for c in POSSIBLE if c.act == act and c.program != "tricare")
        kind = letters.compose(one.act, one.program, one.level)
        letter = filled(kind, given={"procedure_code": "70551"})
        assert letter.complete and any(found.says in one for one in letter.warnings)


def _added(broken: Path, file: str, text: str) -> None:
    from toolkit.rules import loader

    (broken / file).write_text(text)
    loader.names.cache_clear()


_ISSUE = """
id: missing_signature
title: Signature
answers: [{category: documentation, reasons: [certificate]}]
asks: [signed_by]
facts:
  - {name: signed_by, label: Who signed, kind: text, group: Clinical, from: chart, help: name, why: it was missed}
clauses:
  - id: signed
    slot: argument
    text: |
      It was signed by {{ signed_by }}.
"""
_ACT = """
id: thank_you
order: 170
title: Thanks
subject: Thanks
at: beside
states: [paid_later]
where:
  tricare: [""]
elsewhere: {says: Nobody is thanked here., citation: none, source: this test, verified_on: 2026-11-28, status: M}
clauses:
  - id: thanks
    slot: opening
    text: |
      Thank you for the payment. {request}
"""


def test_one_file_adds_an_issue_with_its_own_facts(broken):
    _added(broken, "letters/issues/missing_signature.yaml", _ISSUE)
    found = letters.compose("appeal", "tricare", "reconsideration", "missing_signature")
    assert "signed_by" in {need.name for need in letters.needs(found)}
    assert "It was signed by sample signed by." in text_of(filled(found))


def test_one_file_adds_an_act_with_its_places(broken):
    _added(broken, "letters/acts/thank_you.yaml", _ACT)
    assert problems() == ()
    found = letters.compose("thank_you", "tricare", "")
    letter = filled(found, triage={"state": "paid_later"})
    assert "Thank you for the payment." in text_of(letter)
    with pytest.raises(RefusedError, match="Nobody is thanked here"):
        filled_elsewhere = letters.compose("thank_you", "fehb", "")
        letters.draft(facts_of(filled_elsewhere, {}, {}), filled_elsewhere, as_of=AS_OF)


def test_one_file_adds_a_service_and_its_criteria_are_argued(broken):
    source = (broken / "services" / "mri.yaml").read_text()
    added = re.sub(r"(?m)^id: mri", "id: sleep_study", source)
    added = re.sub(
        r"(?ms)^codes:\n.*?(?=^\S)", 'codes:\n  - {code: "95810", says: sleep study}\n', added
    )
    _added(broken, "services/sleep_study.yaml", added)
    found = letters.compose(
        "appeal", "original_medicare", "redetermination", "coverage_policy", "sleep_study"
    )
    letter = filled(found)
    assert any(name.startswith("sleep_study_") for name in (n.name for n in letters.needs(found)))
    assert any(section.table for section in letter.sections)


_GUIDELINE = """
id: test_body
body: Body of this test
title: Imaging of the head
published: "2020"
source: this test
verified_on: 2026-11-28
status: M
facts:
  - {name: headache, label: Headache, kind: choice, group: Evidence, from: chart, help: new or old, choices: {new: new, old: old}}
statements:
  - id: new_headache
    services: [mri]
    says: MRI of the head is appropriate for a new headache
    grade: grade X
    population: patients with a new headache
    when: headache = new
    fits: "The headache is {{ headache }}."
"""


def test_one_file_adds_a_piece_of_evidence_with_its_own_facts(broken):
    _added(broken, "letters/evidence/test_body.yaml", _GUIDELINE)
    assert problems() == ()
    found = letters.compose(
        "appeal", "original_medicare", "redetermination", "coverage_policy", "mri"
    )
    letter = filled(found, given={"headache": "new"})
    says = "Body of this test, Imaging of the head (2020; grade X): MRI of the head is appropriate"
    assert says in text_of(letter) and "The headache is new." in text_of(letter)
    assert any("older than 5 years" in one and "(2020)" in one for one in letter.warnings)
    assert any("memory (M)" in one and "grade X" in one for one in letter.warnings)
    assert says not in text_of(filled(found, given={"headache": "old"}))
    assert says not in text_of(filled(found))


def test_a_guideline_that_a_newer_edition_replaced_is_left_out(broken):
    newer = _GUIDELINE.replace("status: M\n", "status: M\nsuperseded_by: edition of 2025\n", 1)
    _added(broken, "letters/evidence/test_body.yaml", newer)
    assert problems() == ()
    found = letters.compose(
        "appeal", "original_medicare", "redetermination", "coverage_policy", "mri"
    )
    assert "Body of this test" not in text_of(filled(found, given={}))
    assert all(one.body != "Body of this test" for one in found.evidence)


def test_a_code_that_two_families_claim_is_reported_and_every_other_one_stays(broken):
    path = broken / "services" / "therapy.yaml"
    text = path.read_text().replace("codes:\n", 'codes:\n  - {code: "70551", says: not ours}\n', 1)
    path.write_text(text)
    (found,) = problems()
    assert "70551 stands in" in found.says and "therapy" in found.says and "mri" in found.says
    assert set(services().good) == FAMILIES
    from toolkit.denials.services import service_of

    assert service_of("70551") == ""
    assert (service_of("70552"), service_of("97110")) == ("mri", "therapy")


def test_a_letter_bears_the_day_it_was_given_and_none_later():
    kind = letters.compose("appeal", "original_medicare", "redetermination", "coverage_policy")
    assert filled(kind).as_of == AS_OF
    with pytest.raises(RefusedError, match="lies after that day"):
        letters.draft(facts_of(kind, {}, {"notice_date": "2027-01-01"}), kind, as_of=AS_OF)
