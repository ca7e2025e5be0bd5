"""The desk without a browser: values are set, buttons are clicked, and what is shown is read."""

import html
import json
import re
import stat
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import ipywidgets as w
import pandas as pd
import pytest
from docx import Document
from pypdf import PdfReader

from toolkit.cases import CaseStore
from toolkit.desk import desk as desk_module
from toolkit.desk import open_desk
from toolkit.errors import StoreError
from toolkit.hospital import Hospital
from toolkit.worklist import DUE

ROOT = Path(__file__).parents[1]
TODAY = date(2026, 11, 23)
SENTINEL = "ZZSENTINEL"
UNKNOWN = Hospital.unknown()
DEXA = {
    "Claim Number": "ACCT-1",
    "Payer Claim Number": "ICN-1",
    "Patient Name": f"{SENTINEL}, Ivy",
    "Member ID": f"{SENTINEL}-7",
    "Birth Date": "1950-05-05",
    "Payer ID": "T01",
    "Payer": "Test Health",
    "Plan": "Test Journey",
    "Financial Class": "Medicare Advantage",
    "Contracted": "No",
    "Facility": "Test General Hospital",
    "Provider NPI": "1000000012",
    "Case Status": "Open",
    "Stage": "Payment",
    "Service From": "2026-08-06",
    "Service To": "2026-08-06",
    "Line Number": "1",
    "Procedure Code": "77080",
    "Diagnosis Code": "M81.0",
    "Units": "1",
    "Billed Amount": "253.66",
    "Paid Amount": "0.00",
    "Group Code": "CO",
    "Reason Code (CARC)": "B8",
    "Remark Codes (RARC)": "",
    "Denial Reason": "Step therapy not met - a preferred alternative must be tried first",
    "Denied Amount": "253.66",
    "Remittance Date": "2026-09-25",
    "Notice Date": "2026-09-25",
    "Notice Received": "",
    "Appeal Level": "",
    "Appeal Filed": "",
    "Appeal Decided": "",
    "Appeal Outcome": "",
    "Recovered Amount": "",
}
# What the letter still needs of the case above, once the provider itself files.
FACTS = {
    "filer": "non_contract_provider",
    "waiver_date": date(2026, 11, 20),
    "hospital_address": "100 Example Way\nSpringfield, ST 00000",
    "signer_name": "Sam Placeholder, MD",
    "signer_title": "Physician advisor",
    "signer_phone": "555-0100",
    "plan_address": "Appeals, PO Box 100\nSpringfield, ST 00000",
    "sent_by": "courier",
    "ordering_practitioner": "Dr. Robin Notreal",
    "order_date": date(2026, 7, 22),
    "order_record": "order, record page 11",
    "evaluation_date": date(2026, 7, 21),
    "evaluation_record": "progress note, record pages 9 to 10",
    "procedure_determined": "yes",
    "qualifying_category": "estrogen_deficient",
    "category_finding": "postmenopausal, with a fracture of the wrist",
    "category_record": "problem list, record page 4",
    "confirmatory_test": "no",
    "prior_bmm": "none_on_record",
    "prior_bmm_record": "imaging history, record page 12",
}


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A folder made like the project, with the notebook's folder as the working one."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "data" / "incoming").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "notebooks")
    return tmp_path


def export(place: Path, *rows: dict, name: str = "export.csv") -> Path:
    """Write one claim a row: the DEXA case with these changes."""
    made = [DEXA | {"Claim Number": f"ACCT-{at}"} | row for at, row in enumerate(rows or ({},), 1)]
    path = place / "data" / "incoming" / name
    pd.DataFrame(made).to_csv(path, index=False)
    return path


def at_desk(place: Path, *rows: dict, payers=(), contracts=()):
    hospital = replace(UNKNOWN, payers=payers, contracts=contracts)
    desk = open_desk(export(place, *rows), hospital=hospital, as_of=TODAY)
    assert desk.docket is not None, desk.notice.text
    return desk


def text(widget: w.HTML) -> str:
    """What a reader sees of a block of HTML."""
    plain = re.sub(r"<style>.*?</style>", " ", widget.value, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", plain)).split())


def visible(widget: w.DOMWidget) -> bool:
    return widget.layout.display != "none"


def pick(desk, at: int = 0) -> None:
    desk.cases.rows[at].open.click()


def fill(desk, facts: dict) -> None:
    for name, value in facts.items():
        if name not in desk.form.fields:
            group = next(need.group for need in desk.form._needs if need.name == name)
            desk.form.buttons[group].click()
        desk.form.fields[name].control.value = value


def states(desk) -> list[str]:
    """The due states of the cases that the list holds, in its order."""
    frame = desk.docket.sorted().set_index("denial_key")
    return list(frame.loc[desk.cases.keys(), "due"])


def every_widget(widget) -> list:
    return [widget] + [
        one for child in getattr(widget, "children", ()) for one in every_widget(child)
    ]


# ---- the whole way


def test_the_dexa_case_of_the_sample_goes_from_the_list_to_two_files(place):
    desk = open_desk("sample", hospital=UNKNOWN, as_of=TODAY)
    desk.cases.letter.value = "ready"
    row = next(row for row in desk.cases.rows if "77080" in row.text.value)
    key = row.denial_key
    row.open.click()
    assert visible(desk.case) and not visible(desk.cases.widget)
    assert "another service should have been used first" in text(desk.denied)
    assert "42 CFR 422.582(b)" in text(desk.ledger) and "second-hand" in text(desk.ledger)
    assert "waiver of liability" in text(desk.denied)
    assert not desk.matter.letter.complete and visible(desk.letter.as_draft)
    fill(desk, FACTS)
    assert desk.matter.letter.complete and not visible(desk.letter.as_draft)
    assert "Dr. Robin Notreal" in text(desk.letter.preview)
    assert "Nothing is missing" in text(desk.letter.missing)
    desk.letter.docx.click()
    assert desk.letter_notice.text == f"Saved: reports/letters/2026-11-23/{key}.docx"
    desk.letter.pdf.click()
    word, pdf = (place / "reports/letters/2026-11-23" / f"{key}.{end}" for end in ("docx", "pdf"))
    assert stat.S_IMODE(word.stat().st_mode) == stat.S_IMODE(pdf.stat().st_mode) == 0o600
    assert "Sam Placeholder, MD" in "\n".join(p.text for p in Document(word).paragraphs)
    assert "Sam Placeholder, MD" in "\n".join(page.extract_text() for page in PdfReader(pdf).pages)
    assert "2 letters saved" in text(desk.letter.written)


def test_what_was_entered_is_there_again_at_a_new_desk(place):
    first = at_desk(place)
    pick(first)
    fill(first, {"signer_name": "Sam Placeholder, MD", "order_date": date(2026, 7, 22)})
    store = place / "local" / "cases.sqlite"
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    second = at_desk(place)
    second.cases.letter.value = "begun"
    assert len(second.cases.keys()) == 1
    pick(second)
    fields = second.form.fields
    second.form.buttons["Sender"].click()
    assert fields["signer_name"].control.value == "Sam Placeholder, MD"
    assert "entered on 2026-" in text(fields["signer_name"].note).lower()
    second.form.buttons["Order"].click()
    assert fields["order_date"].control.value == date(2026, 7, 22)


def test_an_entry_in_tomorrow_s_file_of_another_order_is_found_again(place):
    first = at_desk(place, {}, {"Procedure Code": "99214"})
    pick(first, [r.denial_key for r in first.cases.rows].index(first.cases.keys()[0]))
    first.enter("signer_name", "Sam Placeholder, MD")
    number = first.matter.row["patient_control_number"]
    rows = [{"Claim Number": "ACCT-2", "Procedure Code": "99214"}, {"Claim Number": "ACCT-1"}]
    second = open_desk(export(place, *rows, name="tomorrow.csv"), hospital=UNKNOWN, as_of=TODAY)
    begun = [row for row in second.cases.rows if "begun" in row.text.value]
    assert [row.open.description for row in begun] == [number]


@pytest.mark.parametrize("change", [{"Payer": "TEST HEALTH"}, {"Payer": "T.H.", "Payer ID": "T01"}])
def test_what_was_entered_is_there_when_the_payer_is_respelled(place, change):
    first = at_desk(place)
    pick(first)
    first.enter("signer_name", "Sam Placeholder, MD")
    second = at_desk(place, change)
    assert list(second.docket.begun.values()) == ["facts"]
    pick(second)
    assert second.matter.case.value("signer_name") == "Sam Placeholder, MD"
    assert not visible(second.attach_part)


def test_entries_that_may_be_of_the_claim_are_asked_about_and_never_brought_in_silence(place):
    first = at_desk(place)
    pick(first)
    first.enter("signer_name", "Sam Placeholder, MD")
    unsure = {"Payer Claim Number": "", "Payer": "", "Payer ID": "", "Service From": ""}
    second = at_desk(place, unsure | {"Service To": ""})
    assert "entries to check" in second.cases.rows[0].text.value
    pick(second)
    assert visible(second.attach_part)
    assert "Entries exist for a claim that may be this one." in text(second.attach_notice)
    assert second.matter.case.value("signer_name") is None
    second.attach_button.click()
    assert second.matter.case.value("signer_name") == "Sam Placeholder, MD"
    assert not visible(second.attach_part)
    third = at_desk(place, unsure | {"Service To": ""})
    assert list(third.docket.begun.values()) == ["facts"]


def test_entries_of_another_claim_are_not_asked_about_again(place):
    first = at_desk(place)
    pick(first)
    first.enter("signer_name", "Sam Placeholder, MD")
    unsure = {"Payer Claim Number": "", "Payer": "", "Payer ID": "", "Service From": ""}
    second = at_desk(place, unsure | {"Service To": ""})
    pick(second)
    second.apart_button.click()
    assert not visible(second.attach_part)
    assert second.matter.case.value("signer_name") is None


def test_a_fact_that_somebody_else_entered_meanwhile_is_shown_before_it_is_replaced(place):
    one, other = at_desk(place), at_desk(place)
    other.who = "Robin"
    for desk in (one, other):
        pick(desk)
        desk.form.buttons["Sender"].click()
    other.form.fields["signer_name"].control.value = "Robin Notreal"
    field = one.form.fields["signer_name"]
    field.control.value = "Sam Placeholder, MD"
    assert "fact signer_name by Robin" in one.letter_notice.text
    assert "Notreal" not in one.letter_notice.text
    assert field.control.value == "Robin Notreal"  # nothing of ours was saved
    field.control.value = "Sam Placeholder, MD"
    assert one.matter.case.value("signer_name") == "Sam Placeholder, MD"
    with CaseStore(one.store) as store:
        entries = store.history(one.matter.case.case_key, name="signer_name")
    assert [entry.fact.value for entry in entries] == ["Robin Notreal", "Sam Placeholder, MD"]


def test_an_entry_that_the_store_does_not_take_is_marked_beside_its_field(place, monkeypatch):
    desk = at_desk(place)
    pick(desk)
    desk.form.buttons["Sender"].click()
    field = desk.form.fields["signer_name"]

    def full(*words, **more):
        raise StoreError("cases.sqlite: the disk is full; nothing of this entry was saved")

    monkeypatch.setattr(CaseStore, "enter", full)
    field.control.value = "Sam Placeholder, MD"
    assert "nothing of this entry was saved" in text(field.note)
    assert "the disk is full" in desk.letter_notice.text
    assert field.control.value == "Sam Placeholder, MD"  # the text is still there to be entered
    assert desk.matter.case.value("signer_name") is None


def test_an_incomplete_letter_is_saved_only_as_a_draft(place):
    desk = at_desk(place)
    pick(desk)
    desk.letter.pdf.click()
    assert "not complete" in desk.letter_notice.text
    assert "Date of the order" in desk.letter_notice.text
    assert not list((place / "reports").rglob("*.pdf"))
    desk.letter.as_draft.value = True
    desk.letter.pdf.click()
    assert desk.letter_notice.text.endswith("-draft.pdf")
    pages = PdfReader(next((place / "reports").rglob("*-draft.pdf"))).pages
    assert all("DRAFT" in page.extract_text() for page in pages)
    with CaseStore(desk.store) as store:
        assert [one.is_draft for one in store.letters(desk.matter.case.case_key)] == [True]


def test_a_letter_that_somebody_changed_by_hand_is_never_written_over(place):
    desk = at_desk(place)
    pick(desk)
    desk.letter.as_draft.value = True
    desk.letter.docx.click()
    desk.letter.docx.click()
    files = sorted((place / "reports").rglob("*.docx"))
    assert len(files) == 1
    files[0].write_bytes(b"changed by hand")
    desk.letter.docx.click()
    assert files[0].read_bytes() == b"changed by hand"
    assert desk.letter_notice.text.endswith("-draft-2.docx")


def test_a_letter_s_file_is_named_by_its_key_and_by_no_value_of_the_claim(place):
    desk = at_desk(place)
    pick(desk)
    desk.letter.as_draft.value = True
    desk.letter.docx.click()
    (path,) = (place / "reports").rglob("*.docx")
    assert path.name == f"{desk.matter.row['denial_key']}-draft.docx"
    assert "ACCT" not in str(path) and SENTINEL not in str(path)


# ---- the form


def test_the_days_of_a_case_are_saved_as_a_calendar_that_names_no_patient(place):
    desk = at_desk(place)
    pick(desk)
    assert visible(desk.calendar)
    desk.calendar.click()
    (path,) = (place / "reports" / "letters").rglob("*.ics")
    text = path.read_bytes().decode()
    assert "DTSTART;VALUE=DATE:20261124" in text and SENTINEL not in text and "ACCT" not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "Saved: reports/letters" in desk.notice.text


def test_an_emptied_field_goes_back_to_what_the_file_says_and_then_is_unknown(place):
    desk = at_desk(place)
    pick(desk)
    desk.form.buttons["Patient"].click()
    name = desk.form.fields["patient_name"]
    given = name.control.value
    name.control.value = "Ivy Other"
    assert "Ivy Other" in text(desk.letter.preview)
    name.control.value = ""
    assert name.control.value == given and "export column" in text(name.note)
    with CaseStore(desk.store) as store:
        entries = store.history(desk.matter.case.case_key, name="patient_name")
    assert [entry.fact.source.startswith("entered") for entry in entries] == [True, False]
    name.control.value = ""
    assert name.control.value == "" and "(needed)" in name.control.description
    again = at_desk(place)
    pick(again)
    assert again.matter.case.value("patient_name") is None


def test_a_value_of_the_wrong_kind_is_told_beside_its_field_and_not_kept(place):
    desk = at_desk(place)
    pick(desk)
    fill(desk, {"qualifying_category": "glucocorticoid"})
    desk.form.buttons["Category"].click()
    dose = desk.form.fields["glucocorticoid_dose_mg"]
    assert visible(dose.widget)
    dose.control.value = f"five {SENTINEL}"
    assert "is a number" in text(dose.note) and SENTINEL not in text(dose.note)
    assert desk.matter.case.value("glucocorticoid_dose_mg") is None


def test_only_what_the_letter_can_use_now_is_asked_for(place):
    desk = at_desk(place)
    pick(desk)
    desk.form.buttons["Standing"].click()
    form = desk.form.fields["representative_form_date"]
    assert not visible(form.widget)
    fill(desk, {"filer": "representative"})
    assert visible(form.widget) and "(needed)" in form.control.description
    fill(desk, {"filer": "enrollee"})
    assert not visible(form.widget)
    desk.form.every.value = True
    assert visible(form.widget)


def test_next_missing_fact_opens_its_group(place):
    desk = at_desk(place)
    pick(desk)
    desk.form.buttons["Patient"].click()
    desk.form.next.click()
    chosen = [name for name, b in desk.form.buttons.items() if "dd-chosen" in b._dom_classes]
    assert len(chosen) == 1 and "missing" in desk.form.buttons[chosen[0]].description


def test_a_year_that_is_half_typed_is_not_kept(place):
    desk = at_desk(place)
    pick(desk)
    fill(desk, {"order_date": date(202, 7, 22)})
    assert desk.matter.case.value("order_date") is None
    fill(desk, {"order_date": date(2026, 7, 22)})
    assert desk.matter.case.value("order_date") == date(2026, 7, 22)


def test_every_control_has_a_label(place):
    desk = at_desk(place)
    pick(desk)
    for button in list(desk.form.buttons.values()):
        button.click()
    kinds = (w.Text, w.Textarea, w.Dropdown, w.DatePicker, w.Checkbox, w.Button)
    controls = [one for one in every_widget(desk.view) if isinstance(one, kinds)]
    assert len(controls) > 40
    shown = [one for one in controls if one not in [row.open for row in desk.cases.rows]]
    assert all(one.description.strip() for one in shown)


def test_every_block_has_its_colors_and_no_image_lacks_words(place):
    desk = at_desk(place, {}, {"Financial Class": ""}, {"Notice Date": "2026-08-01"})
    for at in range(3):
        pick(desk, at)
        for block in (desk.denied, desk.ledger, desk.cautions, desk.letter.preview):
            assert not block.value or re.match(r'<div class="dd-(block|page)', block.value)
        assert not re.search(r"<img(?![^>]*\balt=)", desk.letter.preview.value)
        desk.back.click()
    css = (ROOT / "toolkit/desk/style.css").read_text()
    light, dark = re.findall(r"\.dd-desk \{\n(.*?)\n\}", css, re.DOTALL)
    names = [set(re.findall(r"--dd-[a-z-]+(?=:)", part)) for part in (light, dark)]
    assert names[0] == names[1]
    assert "color: var(--dd-ink); background: var(--dd-page)" in css


# ---- the list


def test_the_most_urgent_case_stands_first_and_closed_ones_are_asked_for(place):
    rows = [
        {"Notice Date": (TODAY - timedelta(days=ago)).isoformat(), "Remittance Date": ""}
        for ago in (5, 90, 56, 63)
    ]
    desk = at_desk(place, *rows, {"Case Status": "Closed"}, {"Financial Class": ""})
    due = states(desk)
    assert due == ["overdue", "past_safe_date", "due_this_week", "due_later", "no_date"]
    assert due == sorted(due, key=list(DUE).index)
    desk.cases.due.value = "closed"
    assert states(desk) == ["closed"]


def test_each_filter_narrows_the_list_and_the_pages_hold_it_all(place):
    rows = [{"Procedure Code": "99214", "Payer": "Other Health"}] * 12 + [{}]
    desk = at_desk(place, *rows, {"Reason Code (CARC)": "29", "Denial Reason": ""})
    assert len(desk.cases.keys()) == 14 and not desk.cases.next.disabled
    assert "1 to 10 of 14 cases" in text(desk.cases.shown)
    desk.cases.next.click()
    assert [visible(row.widget) for row in desk.cases.rows].count(True) == 4
    desk.cases.payer.value = "Test Health"
    assert len(desk.cases.keys()) == 2
    desk.cases.category.value = "timely_filing"
    assert len(desk.cases.keys()) == 1
    desk.cases.category.value = ""
    desk.cases.letter.value = "ready"
    assert len(desk.cases.keys()) == 1
    desk.cases.letter.value = desk.cases.payer.value = ""
    desk.cases.search.value = "acct-13"
    assert [row.open.description for row in desk.cases.rows][0] == "ACCT-13"
    desk.cases.search.value = desk.docket.worklist["denial_key"].iloc[3]
    assert len(desk.cases.keys()) == 1
    desk.cases.search.value = "no such number"
    assert "No case passes" in text(desk.cases.shown)


def test_the_next_case_is_the_next_one_of_the_list(place):
    desk = at_desk(place, {}, {}, {})
    keys = desk.cases.keys()
    pick(desk)
    assert desk.previous.disabled
    desk.next.click()
    desk.next.click()
    assert desk.matter.row["denial_key"] == keys[2] and desk.next.disabled
    desk.previous.click()
    desk.back.click()
    assert visible(desk.cases.widget) and not visible(desk.case)


# ---- the states


def test_a_desk_with_nothing_open_says_what_to_do_and_offers_the_files(place):
    path = export(place)
    desk = open_desk(hospital=UNKNOWN)
    assert "Nothing is open yet" in text(desk.welcome) and visible(desk.welcome)
    assert not visible(desk.cases.widget) and not visible(desk.case)
    assert desk.files.options[0][1] == "sample"
    desk.files.value = path
    desk.open_button.click()
    assert len(desk.cases.keys()) == 1 and not visible(desk.welcome)


def test_a_typed_path_counts_from_the_project_s_folder(place):
    export(place)
    desk = open_desk(hospital=UNKNOWN)
    desk.path.value = "data/incoming/export.csv"
    desk.open_button.click()
    assert len(desk.cases.keys()) == 1
    assert desk.files.value.name == "export.csv" and desk.path.value == ""
    elsewhere = export(place).rename(place / "elsewhere.csv")
    desk.path.value = str(elsewhere)
    desk.open_button.click()
    assert desk.path.value == "elsewhere.csv" and len(desk.cases.keys()) == 1


def test_every_file_of_incoming_can_be_opened_at_once(place):
    export(place, {"Claim Number": "ACCT-A"}, name="a.csv")
    export(place, {"Claim Number": "ACCT-B"}, {"Claim Number": "ACCT-C"}, name="b.csv")
    desk = open_desk(hospital=UNKNOWN, as_of=TODAY)
    desk.files.value = desk.files.options[-1][1]
    desk.open_button.click()
    assert len(desk.cases.keys()) == 3 and "2 files: 3 claims" in text(desk.cases.summary)
    assert desk.files.options[-1][0] == "all 2 files of data/incoming" == desk.files.label


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("cut.835", b"ISA*00*ZZSENTINEL"),
        ("noheads.csv", b"ZZSENTINEL,b\n1,2\n"),
        ("not.xlsx", b"PK\x03\x04ZZSENTINEL"),
        ("absent.csv", None),
    ],
)
def test_a_file_that_cannot_be_read_is_told_in_one_line_without_its_content(
    place, capsys, name, content
):
    path = place / "data" / "incoming" / name
    if content is not None:
        path.write_bytes(content)
    desk = open_desk(path, hospital=UNKNOWN, as_of=TODAY)
    assert name in desk.notice.text and "nternal error" not in desk.notice.text
    assert "Traceback" not in desk.notice.text and SENTINEL not in desk.notice.text
    assert visible(desk.welcome)
    assert SENTINEL not in "".join(capsys.readouterr())


def test_a_bad_payer_table_or_store_is_told_and_nothing_is_opened(place):
    (place / "local").mkdir()
    (place / "local" / "payers.csv").write_text("payer_id\nP1\n")
    desk = open_desk(export(place), hospital="local", as_of=TODAY)
    assert "payers.csv, row 1" in desk.notice.text
    store = place / "store.sqlite"
    store.write_bytes(b"not a store at all, but long enough to be looked at" * 40)
    desk = open_desk(export(place), hospital=UNKNOWN, store=store, as_of=TODAY)
    assert "store.sqlite: is not a case store" in desk.notice.text and desk.docket is None
    desk = open_desk(export(place), hospital=UNKNOWN, as_of="soon")
    assert "as_of is a date" in desk.notice.text


def test_an_export_without_an_open_case_says_so(place):
    desk = at_desk(place, {"Case Status": "Closed"})
    assert "Every denial in what was read is closed" in text(desk.cases.shown)
    paid = {
        "Group Code": "CO",
        "Reason Code (CARC)": "45",
        "Denial Reason": "",
        "Paid Amount": "200",
    }
    desk = at_desk(place, paid | {"Denied Amount": "53.66"})
    assert "holds no denial" in text(desk.cases.shown)


def test_a_denial_without_a_kind_of_letter_shows_its_route_and_the_kinds_there_are(place):
    desk = at_desk(
        place, {"Reason Code (CARC)": "16", "Remark Codes (RARC)": "M51", "Denial Reason": ""}
    )
    pick(desk)
    said = text(desk.letter.preview)
    assert "No letter." in said and "corrected claim" in said
    assert "Medicare Advantage reconsideration" in said
    assert not visible(desk.letter.save) and not visible(desk.facts)


def test_a_contracted_provider_is_refused_and_told_what_to_do(place):
    desk = at_desk(place, {"Contracted": "Yes"})
    pick(desk)
    said = text(desk.letter.preview)
    assert "No letter of this kind." in said and "dispute process under the contract" in said
    assert "The contract sets the date." in text(desk.ledger)
    assert "dd-chosen" in desk.form.buttons["Standing"]._dom_classes
    fill(desk, {"filer": "enrollee", "enrollee_liability": "yes"})
    assert desk.matter.refused is None and desk.matter.letter is not None
    assert "Last filing date" in text(desk.ledger)


def test_a_missed_date_points_to_good_cause_and_the_letter_asks_for_it(place):
    desk = at_desk(place, {"Notice Date": "2026-07-01", "Remittance Date": ""})
    pick(desk)
    assert "good cause" in text(desk.cautions) and "reason the request is late" in text(
        desk.cautions
    )
    assert "Overdue" in text(desk.head)
    assert "good_cause" in {need.name for need in desk.matter.letter.missing}


def test_what_is_missing_for_a_date_is_filled_in_at_the_desk_and_kept(place):
    desk = at_desk(place, {"Financial Class": "", "Plan": "", "Contracted": ""})
    assert "no date" in text(desk.cases.rows[0].text).lower()
    pick(desk)
    assert (
        "No date can be given yet" in text(desk.ledger)
        and "program unknown" in text(desk.ledger).lower()
    )
    assert visible(desk.date_form.widget) and "State the program" in text(desk.letter.preview)
    desk.date_form.fields["program"].control.value = "medicare_advantage"
    assert "contract status unknown" in text(desk.ledger).lower()
    desk.date_form.fields["contracted"].control.value = "not_contracted"
    assert "Sun, Nov 29, 2026" in text(desk.ledger)
    assert "entered by the analyst" in text(desk.denied)
    assert desk.matter.kind is not None
    desk.back.click()
    assert "Due this week" in text(desk.cases.rows[0].text)
    again = at_desk(place, {"Financial Class": "", "Plan": "", "Contracted": ""})
    assert "Due this week" in text(again.cases.rows[0].text)
    pick(again)
    again.date_form.fields["program"].control.value = ""
    assert again.matter.row["due"] == "no_date"


def test_a_corrected_notice_date_moves_the_deadline_and_can_be_taken_back(place):
    desk = at_desk(place)
    pick(desk)
    field = desk.date_form.fields["notice_date"]
    field.control.value = date(2026, 10, 20)
    assert "Thu, Dec 24, 2026" in text(desk.ledger)
    assert desk.matter.case.value("last_filing_date") == date(2026, 12, 24)
    field.control.value = None
    assert "Sun, Nov 29, 2026" in text(desk.ledger)
    assert field.control.value == date(2026, 9, 25)


def test_a_fault_names_its_kind_and_place_and_no_value(place, monkeypatch, capsys):
    desk = at_desk(place)

    def fails(*_, **__):
        raise ValueError(f"{SENTINEL} is not what was expected")

    monkeypatch.setattr(desk_module, "open_matter", fails)
    pick(desk)
    assert re.search(r"Internal error: ValueError at test_desk\.py, line \d+", desk.notice.text)
    monkeypatch.undo()
    monkeypatch.chdir(place / "notebooks")
    pick(desk)
    desk.form.buttons["Sender"].click()
    monkeypatch.setattr(desk_module, "enter_fact", fails)
    desk.form.fields["signer_name"].control.value = "Sam"
    assert "Internal error" in desk.letter_notice.text
    shown = desk.notice.text + desk.letter_notice.text + "".join(capsys.readouterr())
    assert SENTINEL not in shown and "Traceback" not in shown


def test_every_due_state_of_the_sample_opens_without_a_fault(place):
    desk = open_desk("sample", hospital=UNKNOWN, as_of=TODAY)
    frame = desk.docket.worklist
    states = frame.drop_duplicates(["due", "program", "level"])["denial_key"]
    assert len(states) > 30
    for key in states:
        desk.pick(key)
        assert desk.notice.text == ""
        row = desk.matter.row
        dated = desk.matter.deadline is not None and desk.matter.deadline.last_filing_date
        assert bool(dated) == (not pd.isna(row["last_filing_date"]))
        if dated:
            assert desk.matter.deadline.file_by == row["file_by"].date()


# ---- what stays behind


def test_what_a_notebook_keeps_of_the_desk_says_nothing_of_a_case(place):
    desk = at_desk(place)
    pick(desk)
    kept = desk._repr_mimebundle_()
    assert set(kept) == {"text/plain", "application/vnd.jupyter.widget-view+json"}
    assert "ACCT" not in str(kept) and SENTINEL not in str(kept)
    assert repr(desk) == kept["text/plain"] and SENTINEL not in repr(desk.matter.case)


def test_going_from_case_to_case_leaves_no_widgets_behind(place):
    desk = at_desk(place, {}, {"Procedure Code": "99214", "Reason Code (CARC)": "16"}, {})
    for at in (0, 1, 2):
        pick(desk, at)
        desk.back.click()
    before = len(w.widget._instances)
    for at in (0, 1, 2, 0, 1, 2):
        pick(desk, at)
        desk.back.click()
    assert len(w.widget._instances) <= before


def test_the_drafting_notebook_only_calls_and_holds_no_output():
    book = json.loads((ROOT / "notebooks" / "draft_letters.ipynb").read_text())
    assert len(book["cells"]) <= 4 and set(book["metadata"]) == {"kernelspec", "language_info"}
    code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert not any(
        re.search(r"\b(def|class|for|lambda)\b", "".join(cell["source"])) for cell in code
    )
    assert [cell["metadata"] for cell in code] == [{"tags": ["parameters"]}, {}]
