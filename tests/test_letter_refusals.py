"""Letters ask first: what bars one, what it names instead, and what does not bar it."""

import re
from datetime import date
from pathlib import Path

import pytest

from toolkit import letters
from toolkit.cases import Case, Fact
from toolkit.cases.case import Event
from toolkit.errors import RefusedError
from toolkit.history.states import table
from toolkit.letters.forums import acts
from toolkit.letters.permission import ways_on
from toolkit.outputs import digest
from toolkit.rules import load_yaml

BOOK = load_yaml(Path(__file__).parent / "cases" / "letters" / "refusals.yaml")
AS_OF = date.fromisoformat(BOOK["as_of"])
_DAYS = ("decision_due", "last_filing_date")


def case_of(given: dict) -> Case:
    said = {**BOOK["base"]["worklist"], **given.get("worklist", {})}
    facts = {
        name: Fact(
            date.fromisoformat(value) if name in _DAYS else value,
            "entered by the analyst" if name == "last_filing_date" else "triage",
        )
        for name, value in said.items()
        if value
    }
    entered = {**BOOK["base"]["entered"], **given.get("entered", {})}
    events = tuple(Event(**one) for one in (given.get("appeal"),) if one)
    return letters.enter(Case("d-test", facts, events), entered)


def letter_of(given: dict):
    case = case_of(given)
    kind = letters.kind_of(case, given.get("act", "appeal"))
    return letters.draft(case, kind, as_of=AS_OF)


@pytest.mark.parametrize("given", BOOK["cases"], ids=lambda given: given["case"])
def test_a_letter_that_may_not_be_written_is_refused_with_the_way_on(given):
    with pytest.raises(RefusedError, match=re.escape(given["refused"])) as caught:
        letter_of(given)
    assert caught.value.needs
    assert given.get("needs", "") in " ".join(caught.value.needs)


@pytest.mark.parametrize("given", BOOK["incomplete"], ids=lambda given: given["case"])
def test_a_letter_that_lacks_what_decides_is_not_written(given, tmp_path):
    with pytest.raises(RefusedError, match=re.escape(given["refused"])) as caught:
        letters.write(letter_of(given), tmp_path / "letter.md")
    assert any(need.startswith(given["needs"]) for need in caught.value.needs)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("given", BOOK["allowed"], ids=lambda given: given["case"])
def test_a_letter_that_may_be_written_is(given):
    letter = letter_of(given)
    text = "\n".join(p.text for p in letter.paragraphs)
    assert given["says"] in text
    signed = {line.text for line in letter.signature}
    assert {given[name] for name in ("signed",) if name in given} <= signed
    enclosed = [line.text for line in letter.enclosures]
    assert enclosed == given.get("encloses", enclosed)
    assert given.get("lacks_no") not in [need.name for need in letter.missing]
    assert given.get("warns", "") in " ".join(letter.warnings)


def test_a_day_that_the_law_gives_cannot_be_entered():
    for name in ("last_filing_date", "decision_due", "file_by"):
        with pytest.raises(RefusedError, match="is computed and never typed"):
            letters.enter(Case("d-x", {}), {name: "2027-12-31"})


def test_every_state_and_every_route_names_a_way_on():
    from toolkit.denials.codes import routes

    assert set(ways_on().states) == set(table().states)
    assert set(ways_on().routes) == set(routes())
    for act in acts().good.values():
        assert set(act.form.states) <= set(table().states), act.id
        assert set(act.form.routes + act.form.allows) <= set(routes()), act.id


def test_a_refusal_never_repeats_what_was_typed():
    sentinel = "ZZSENTINELZZ"
    for text in (f"{sentinel} violates federal law", f"99 percent of appeals win {sentinel}"):
        with pytest.raises(RefusedError) as caught:
            letter_of({"entered": {"clinical_summary": text}})
        assert sentinel not in f"{caught.value} {caught.value.needs}"


def test_an_enclosed_file_that_is_there_is_enclosed(tmp_path):
    (tmp_path / "summary.pdf").write_bytes(b"%PDF-1.4")
    case = case_of({"entered": {"documents": [{"name": "Summary", "file": "summary.pdf"}]}})
    kind = letters.kind_of(case, "appeal")
    letter = letters.draft(case, kind, as_of=AS_OF, folder=tmp_path)
    assert "Exhibit A: Summary" in [sentence.text for sentence in letter.enclosures]
    with pytest.raises(RefusedError, match="is not there"):
        letters.draft(case, kind, as_of=AS_OF, folder=tmp_path / "elsewhere")
    listed = {"name": "Summary", "file": "summary.pdf", "sha256": digest(tmp_path / "summary.pdf")}
    case = letters.enter(case, {"documents": [listed]})
    assert letters.draft(case, kind, as_of=AS_OF, folder=tmp_path)
    (tmp_path / "summary.pdf").write_bytes(b"%PDF-1.5")
    with pytest.raises(RefusedError) as caught:
        letters.draft(case, kind, as_of=AS_OF, folder=tmp_path)
    assert caught.value.needs == (
        "documents, row 1: the file as it was listed; its SHA-256 is another",
    )
