"""A checklist for every denial: ordered steps with their days, documents with who has them, letters or not."""

import csv
import json
from datetime import date
from itertools import product
from pathlib import Path

import pytest

from toolkit.cases import Case, Fact
from toolkit.cli import main
from toolkit.denials import codes
from toolkit.denials.services import families
from toolkit.history.states import table
from toolkit.law import programs
from toolkit.letters.checklist import checklist_of
from toolkit.letters.facts import Holder
from toolkit.letters.forums import acts, issue_of
from toolkit.rules import load_yaml

HERE = Path(__file__).parent
SAMPLE = HERE.parent / "data" / "samples" / "tour" / "denial.csv"
BOOK = load_yaml(HERE / "cases" / "letters" / "everyday_denials.yaml")
AS_OF = date(2026, 11, 23)
HOLDERS = set(Holder.__args__)


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """The checklist of every denial of the book, from one export by the command line."""
    folder = tmp_path_factory.mktemp("everyday")
    with SAMPLE.open(newline="") as lines:
        (first,) = csv.DictReader(lines)
    columns = [*first, "Remark Codes (RARC)"]
    plain = {"Plan": "", "Denial Reason": "", "Procedure Code": "70551", "Diagnosis Code": "R51.9"}
    export = folder / "week.csv"
    with export.open("w", newline="") as out:
        rows = csv.DictWriter(out, columns)
        rows.writeheader()
        for n, one in enumerate(BOOK, 1):
            numbers = {"Claim Number": f"EVERYDAY-{n:03}", "Payer Claim Number": f"ICN-{n:06}"}
            rows.writerow({**first, **plain, **numbers, **one["row"]})
    return {one["case"]: _asked(export, f"EVERYDAY-{n:03}") for n, one in enumerate(BOOK, 1)}


def _asked(export: Path, claim: str) -> dict:
    import contextlib
    import io

    out = io.StringIO()
    command = ["checklist", str(export), "--claim", claim, "--as-of", str(AS_OF), "--json"]
    with contextlib.redirect_stdout(out):
        assert main([*command, "--payers", str(_no_payers(export))]) == 0
    return json.loads(out.getvalue())


def _no_payers(export: Path) -> Path:
    path = export.parent / "payers.csv"
    path.write_text("payer_name,program\n")
    return path


@pytest.mark.parametrize("one", BOOK, ids=lambda one: one["case"])
def test_an_everyday_denial_has_its_steps_and_its_documents(answers, one):
    found = answers[one["case"]]
    assert [step["n"] for step in found["steps"]] == list(range(1, len(found["steps"]) + 1))
    steps = "\n".join(f"{step['do']} {step['why']}" for step in found["steps"])
    for said in one["steps"]:
        assert said in steps, steps
    documents = "\n".join(document["what"] for document in found["documents"])
    for said in one["documents"]:
        assert said in documents, documents
    for document in found["documents"]:
        assert document["what"] and document["shows"] and document["from"] in HOLDERS
        assert document["have"] in (True, False)


@pytest.mark.parametrize("one", [o for o in BOOK if "letter" in o], ids=lambda one: one["case"])
def test_an_everyday_denial_names_the_letters_it_can_have(answers, one):
    found = {offer["kind"]: offer for offer in answers[one["case"]]["letters"]}
    assert set(found) == set(acts().good)
    if one["letter"]:
        assert found[one["letter"]]["possible"], found[one["letter"]]
    if "refused" in one:
        assert not found[one["refused"]]["possible"]
    for offer in found.values():
        assert offer["possible"] or (offer["refused"] and offer["needs"]), offer


def test_every_category_and_reason_has_an_issue_that_answers_it():
    for category in codes.categories():
        for reason in category.reasons:
            assert issue_of(category.id, reason), (category.id, reason)


def test_no_two_issues_answer_one_reason_with_the_same_weight():
    from toolkit.letters.forums import issues

    for category in codes.categories():
        for reason in category.reasons:
            weights = [one.weight(category.id, reason, "") for one in issues().good.values()]
            assert weights.count(max(weights)) == 1, (category.id, reason)


@pytest.mark.parametrize("program", [*programs(), None])
def test_every_category_in_every_program_and_state_has_steps_and_documents(program):
    for category, state in product(codes.categories(), table().states):
        known = {
            "program": program,
            "denial_category": category.id,
            "reason": next(iter(category.reasons)),
            "route": category.default_route,
            "state": state,
        }
        case = Case("d-x", {name: Fact(value, "triage") for name, value in known.items() if value})
        found = checklist_of(case, as_of=AS_OF)
        assert found.steps and found.documents
        for step in found.steps:
            assert step.do and step.why, (program, category.id, state)


@pytest.mark.parametrize("program", programs())
def test_every_service_in_every_program_has_a_checklist_whatever_it_was_denied_for(program):
    codes_of = [one.codes[0].code for one in families().values() if one.codes]
    for category, code in product(codes.categories(), codes_of):
        known = {
            "program": program,
            "denial_category": category.id,
            "reason": next(iter(category.reasons)),
            "route": category.default_route,
            "state": "open",
            "procedure_code": code,
        }
        case = Case("d-x", {name: Fact(value, "triage") for name, value in known.items()})
        assert [one.kind for one in checklist_of(case, as_of=AS_OF).letters] == [*acts().good]


def test_the_safe_day_of_the_worklist_stands_at_the_filing(answers):
    steps = answers["Not medically necessary under a policy, Original Medicare"]["steps"]
    filing = next(step for step in steps if step["do"].startswith("File: Redetermination"))
    assert filing["by"] and filing["citation"] == "42 CFR 405.942(a)"


def test_a_closed_denial_has_one_way_on_and_no_filing():
    known = {"program": "original_medicare", "level": "redetermination", "state": "paid_later"}
    case = Case("d-x", {name: Fact(value, "triage") for name, value in known.items()})
    (step,) = checklist_of(case, as_of=AS_OF).steps
    assert step.do.startswith("Post the payment")


def test_what_is_entered_is_no_longer_missing():
    known = {"program": "fehb", "level": "reconsideration", "denial_category": "duplicate"}
    known |= {"reason": "exact_duplicate", "filer": "representative"}
    facts = {name: Fact(value, "triage") for name, value in known.items()}
    (before,) = [
        d for d in checklist_of(Case("d", facts), as_of=AS_OF).documents if "consent" in d.what
    ]
    facts["consent_date"] = Fact(AS_OF, "entered")
    (after,) = [
        d for d in checklist_of(Case("d", facts), as_of=AS_OF).documents if "consent" in d.what
    ]
    assert (before.have, after.have, after.holder) == (False, True, "patient")
