"""Documents at the desk, without a browser: attach, confirm line by line, and a case made of a letter."""

import io

import pytest
from pypdf import PdfReader, PdfWriter
from test_desk import FACTS, at_desk, pick, place, text, visible  # noqa: F401 (`place` is a fixture)

from toolkit.cases import CaseStore
from toolkit.desk.documents_part import LETTER
from toolkit.errors import UsageError

DENIED = b"""Test Health
Notice of Claim Denial
Date: September 26, 2026
Claim number: ICN-1
Claim number: ICN-9
Patient name: Alex Notreal
Your claim is denied because the step therapy requirement was not met. (CO-B8)
Send your appeal to: Test Health Appeals, PO Box 9, Springfield, ST 00000
"""
BEFORE = b"""Larkspur Medicare Advantage
Notice of Denial of Medical Coverage
Date: September 14, 2026
Case number: UM-4471-26
We denied the request for CPT 77080 because the step therapy requirement was not met.
"""


def upload(widget, name: str, content: bytes) -> None:
    """Choose a file as the browser sends it: in one part."""
    said = {"page": "p", "name": name, "size": len(content), "at": 0}
    widget._received(widget, said, [content])


def row(table, name: str, nth: int = 0) -> int:
    return [at for at, one in enumerate(table.letter.proposals) if one.name == name][nth]


def press(table, name: str, button: int, nth: int = 0) -> None:
    table._buttons[row(table, name, nth)][button].click()


@pytest.fixture
def open_case(place):  # noqa: F811
    desk = at_desk(place)
    pick(desk)
    return desk


def attach(desk, name="denial-letter.txt", content=DENIED, what=LETTER) -> None:
    upload(desk.documents.upload.widget, name, content)
    desk.documents.what.value = what
    desk.documents.whom.value = "payer"
    desk.documents.add.click()


def test_a_letter_is_attached_and_nothing_of_it_is_entered_by_itself(open_case, place):  # noqa: F811
    desk = open_case
    before = dict(desk.view.case.facts)
    attach(desk)
    assert "Attached" in desk.document_notice.text
    said = text(desk.documents.head)
    assert "denial-letter.txt" in said and "payer" in said
    assert "Nothing of it is entered until you confirm it." in text(desk.documents.table.head)
    assert desk.view.case.facts == before
    [kept] = (place / "local" / "documents").iterdir()
    assert kept.name.startswith(desk.view.documents[0].sha256) and kept.read_bytes() == DENIED


def test_a_confirmed_line_is_a_fact_with_its_page_and_quotation(open_case):
    desk = open_case
    attach(desk)
    press(desk.documents.table, "plan_address", 0)
    fact = desk.view.case.facts["plan_address"]
    assert str(fact.value).startswith("Test Health Appeals\nPO Box 9")
    assert fact.source.startswith("entered from page 1 of denial-letter.txt: 'Send your appeal to:")
    with CaseStore(desk.store) as store:
        assert [one.name for one in store.facts(desk.view.case.case_key)] == ["plan_address"]
    button = desk.documents.table._buttons[row(desk.documents.table, "plan_address")][0]
    assert button.disabled and button.description == "Confirmed"
    at = row(desk.documents.table, "plan_address")
    assert desk.documents.table._buttons[at][1].disabled, (
        "it is entered: nobody can say it was left"
    )
    with pytest.raises(UsageError, match="correct it in its field"):
        desk.documents.table.leave(at)


def test_of_two_values_one_is_confirmed_and_the_other_left(open_case):
    desk = open_case
    attach(desk)
    table = desk.documents.table
    press(table, "payer_claim_control_number", 0, nth=1)
    assert desk.view.case.value("payer_claim_control_number") == "ICN-9"
    assert table.answers[row(table, "payer_claim_control_number", 0)] == "left"


def test_a_line_that_is_left_enters_nothing(open_case):
    desk = open_case
    attach(desk)
    press(desk.documents.table, "notice_date", 1)
    with CaseStore(desk.store) as store:
        assert store.facts(desk.view.case.case_key) == ()


def test_the_proposals_of_one_case_are_not_confirmed_on_another(place):  # noqa: F811
    desk = at_desk(place, {}, {"Payer Claim Number": "ICN-2", "Patient Name": "Other, One"})
    pick(desk)
    attach(desk)
    table = desk.documents.table
    one, file = table.letter.of("plan_address")[0], table.letter.file
    key = desk.view.case.case_key
    desk.close_case()
    pick(desk, 1)
    assert not visible(table.widget)
    with desk.document_notice.catching():
        desk.confirm(key, one, file)
    assert "another case" in desk.document_notice.text


def test_an_attached_letter_is_read_again_and_a_changed_one_is_not(open_case, place):  # noqa: F811
    desk = open_case
    attach(desk)
    desk.documents.open.click()
    assert desk.documents.table.letter.file == "denial-letter.txt"
    [kept] = (place / "local" / "documents").iterdir()
    kept.write_bytes(b"changed")
    desk.documents.open.click()
    assert "was changed" in desk.document_notice.text
    pick(desk)
    assert "was changed" in text(desk.documents.head)


def test_a_document_of_the_checklist_is_there_once_it_is_attached(open_case):
    desk = open_case
    wanted = desk.documents.what.options[1]
    attach(desk, "record.pdf", b"%PDF-1.4 nothing", what=wanted)
    assert "Attached" in desk.document_notice.text and desk.view.case.documents == (wanted,)
    assert not visible(desk.documents.table.widget)


def test_a_letter_that_cannot_be_read_is_attached_and_said(open_case):
    desk = open_case
    attach(desk, "broken.pdf", b"%PDF-1.4 nothing")
    assert "not read" in desk.document_notice.text and "damaged" in desk.document_notice.text
    assert len(desk.view.documents) == 1


def test_without_a_file_nothing_is_attached(open_case):
    open_case.documents.add.click()
    assert "Choose a file first." in open_case.document_notice.text


def test_a_letter_whose_claim_is_in_no_file_becomes_a_case_of_the_list(place):  # noqa: F811
    desk = at_desk(place)
    part = desk.new_case
    part.begin.value = True
    upload(part.upload.widget, "before-the-service.txt", BEFORE)
    part.look.click()
    for name in (
        "notice_date",
        "denial_words",
        "authorization_number",
        "program",
        "stage",
        "procedure_code",
    ):
        press(part.table, name, 0)
    with CaseStore(desk.store) as store:
        assert store.keys() == ()
    part.make.click()
    assert desk.view is not None, desk.new_notice.text
    assert (desk.view.row["stage"], desk.view.row["program"]) == (
        "pre_service",
        "medicare_advantage",
    )
    assert "UM-4471-26" in text(desk.head) and "before-the-service.txt" in text(desk.documents.head)
    desk.close_case()
    assert len(desk.cases.keys()) == 2
    again = at_desk(place)
    assert len(again.cases.keys()) == 2


def test_a_case_is_made_of_what_is_confirmed_only(place):  # noqa: F811
    desk = at_desk(place)
    part = desk.new_case
    upload(part.upload.widget, "letter.txt", BEFORE)
    part.look.click()
    assert "<h2" in part.table.head.value and "<h3" not in part.table.head.value  # after the h1
    part.make.click()
    assert "Confirm what is right" in desk.new_notice.text
    press(part.table, "notice_date", 0)
    part.make.click()
    assert "needs the reason and the date" in desk.new_notice.text and desk.view is None


def test_values_and_what_is_missing_stand_in_words(open_case):
    desk = open_case
    attach(desk)
    rows = " ".join(text(one.children[0]) for one in desk.documents.table.rows.children)
    assert (
        "Kind of notice: denial of a claim" in rows and "payment denied after the service" in rows
    )
    assert "not found in the letter: date of service" in text(desk.documents.table.head)
    assert "Denial of a claim" in text(desk.documents.head)


def test_the_grid_shows_each_criterion_with_its_state_fact_document_and_page(open_case):
    desk = open_case
    rows = {one.id: one for one in desk.criteria.grid}
    assert rows["order"].state == "not_known" and "not known" in text(desk.criteria.table)
    attach(desk, "order.txt", b"Order", what=desk.view.kind.service.criteria[3].looked_for[0])
    desk.enter("order_date", "2026-07-22")
    desk.enter("order_record", "record page 11")
    desk.enter("ordering_practitioner", "Dr. Robin Notreal")
    rows = {one.id: one for one in desk.criteria.grid}
    assert (rows["order"].state, rows["order"].documents) == ("met", ("order.txt",))
    said = text(desk.criteria.table)
    for part in ("order.txt", "record page 11", "July 22, 2026", "42 CFR 410.31(b)(1)(i)"):
        assert part in said


def test_what_the_record_does_not_meet_is_entered_by_its_row_and_taken_back(open_case):
    desk, part = open_case, open_case.criteria
    part.criterion.value, part.page.value = "order", "record page 2"
    part.reason.value = "ordered by telephone"
    part.save.click()
    assert desk.criteria_notice.text == "Saved."
    said = text(part.table)
    assert "not met" in said and "record page 2" in said and "ordered by telephone" in said
    assert desk.view.refused and "not met" in str(desk.view.refused)
    part.take_back.click()
    assert desk.view.refused is None and "ordered by telephone" not in text(part.table)


def test_nothing_chosen_or_typed_for_a_case_comes_along_to_another(place):  # noqa: F811
    desk = at_desk(place, {}, {})
    pick(desk)
    part, before, file = desk.criteria, desk.view.case.case_key, desk.documents.upload
    part.begin.value, part.criterion.value = True, "order"
    page, save = part.page, part.save
    page.value = "record page 2"
    upload(file.widget, "note.txt", b"words")
    half = {"page": "p", "name": "other.txt", "size": 6, "at": 0}
    file.widget._received(file.widget, half, [b"the"])
    desk.next.click()
    assert "Not saved: Choose a file; Where the record says so." in desk.notice.text
    desk.next.click()
    file.widget._received(file.widget, half | {"at": 3}, [b"end"])  # what was still coming
    assert "interrupted" in desk.document_notice.text
    desk.documents.add.click()
    assert "Choose a file first" in desk.document_notice.text
    page.value = "record page 3"  # as another browser on the same kernel would
    save.click()
    assert "belongs to another case" in desk.criteria_notice.text
    with CaseStore(desk.store) as store:
        assert store.keys() == () and desk.view.case.case_key != before


def test_a_denial_without_criteria_shows_no_grid(place):  # noqa: F811
    desk = at_desk(place, {"Reason Code (CARC)": "29", "Denial Reason": "Filed too late"})
    pick(desk)
    assert desk.criteria.widget.layout.display == "none"


def a_pdf(words: str) -> bytes:
    out = io.BytesIO()
    writer = PdfWriter()
    writer.add_blank_page(612, 792)
    writer.add_metadata({"/Title": words})
    writer.write(out)
    return out.getvalue()


def test_a_packet_is_the_letter_with_the_exhibits_that_were_chosen(open_case, place):  # noqa: F811
    desk = open_case
    attach(desk, "gait_study.pdf", a_pdf("note"), what="other document")
    attach(desk, "fax cover.pdf", a_pdf("cover"), what="other document")
    attach(desk, "draft words.txt", b"words", what="other document")
    boxes = {box.description: box for box in desk.letter.boxes.values()}
    cover = "fax cover.pdf (other document, 1 page)"
    assert list(boxes)[1:] == [cover, "draft words.txt (other document)"]
    assert [box.value for box in boxes.values()] == [True, True, False], "a text is no exhibit"
    boxes[cover].value = False
    for name, value in FACTS.items():
        desk.enter(name, value)
    desk.letter.packet.click()
    assert "-packet.pdf" in desk.letter_notice.text
    [path] = (place / "reports" / "letters").rglob("*-packet.pdf")
    words = " ".join(page.extract_text() for page in PdfReader(path).pages)
    assert "Exhibit A" in words and "gait study" in words and "fax cover" not in words
    assert desk.letter.file.name == path.name and "ACCT" not in str(path)
    assert [one.file_type for one in desk.view.written] == ["pdf"]
    assert "gait study" not in text(desk.letter.preview), "the letter alone encloses what it did"
    desk.enter("signer_title", "Chief physician advisor")
    assert not boxes[cover].value, "the choice stays"


def test_an_exhibit_that_is_gone_is_named_and_no_packet_is_written(open_case, place):  # noqa: F811
    desk = open_case
    attach(desk, "progress_note.pdf", a_pdf("note"), what="other document")
    for one in (place / "local" / "documents").iterdir():
        one.unlink()
    desk.letter.as_draft.value = True
    desk.letter.packet.click()
    assert "progress_note.pdf: the file is no longer there" in desk.letter_notice.text
    assert not list((place / "reports").rglob("*.pdf"))
