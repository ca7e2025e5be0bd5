"""Denial letters: what is proposed of each, as a PDF too, and what a person is told of the rest."""

import json
import stat
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
import typst
from docx import Document
from PIL import Image
from pypdf import PdfReader, PdfWriter

from toolkit.bulk.inputs import run_on
from toolkit.cases import (
    CaseStore,
    attach_document,
    case_from,
    notices_at,
    one_history,
    problem_with,
    with_notices,
)
from toolkit.claims import Claims, read
from toolkit.claims.notice import Page, Pages, Proposal, notice_of, read_notice
from toolkit.claims.notice.dates import find_dates, order_of
from toolkit.claims.notice.kinds import notice_kinds
from toolkit.claims.notice.labels import notice_facts
from toolkit.cli import main
from toolkit.errors import InputError, RefusedError, UsageError
from toolkit.hospital import Hospital
from toolkit.law.wording import STAGES
from toolkit.letters import case_of_notice, checklist_of, confirmed
from toolkit.letters.facts import fact_types
from toolkit.reports.page import Page as ReportPage
from toolkit.reports.source import Source, frame, parcel, part_of_run
from toolkit.rules import load_yaml
from toolkit.worklist.triage import triage

TODAY = date(2026, 11, 27)
FOLDER = Path(__file__).parent / "cases" / "notices"
CASES = [
    pytest.param(case, id=case["case"])
    for path in sorted(FOLDER.glob("*.yaml"))
    for case in load_yaml(path)
]
PAGES = """
#set page(width: 8.5in, height: 11in, margin: 0.8in)
#set text(size: 10pt)
#for (at, page) in json(bytes(sys.inputs.pages)).enumerate() {
  if at > 0 { pagebreak() }
  if sys.inputs.raw == "yes" { raw(page, block: true) } else {
    for part in page.split("\\n\\n") { par(part.split("\\n").map(line => [#line]).join(linebreak())) }
  }
}
"""


def pages_of(case: dict) -> list[str]:
    return case["text"].split("=====\n")


def pdf(texts: list[str], *, raw: bool) -> bytes:
    return typst.compile(
        PAGES.encode(), sys_inputs={"pages": json.dumps(texts), "raw": "yes" if raw else "no"}
    )


def shown(case: dict, notice) -> list[str]:
    """Return what differs from what is expected of a letter."""
    expect, wrong = case["expect"], []
    found: dict[str, list[Proposal]] = {}
    for one in notice.proposals:
        found.setdefault(one.name, []).append(one)

    def values(name: str) -> list[str]:
        return [str(one.value) for one in found.get(name, [])]

    if notice.kind != expect["kind"]:
        wrong.append(f"kind is {notice.kind}")
    for name, value in expect.get("values", {}).items():
        if values(name) != [value] or not found[name][0].certain:
            wrong.append(f"{name} is {[(str(o.value), o.certain) for o in found.get(name, [])]}")
    for name, some in expect.get("doubtful", {}).items():
        if values(name) != list(some) or any(one.certain for one in found[name]):
            wrong.append(f"{name} is {values(name)}, or certain")
    for name, some in expect.get("also", {}).items():
        if [str(one) for one in found[name][0].also_found] != list(some):
            wrong.append(f"{name}: also {found[name][0].also_found}")
    for name, some in expect.get("never", {}).items():
        if set(values(name)) & set(some):
            wrong.append(f"{name} has {values(name)}")
    wrong += [
        f"{name} is proposed: {values(name)}" for name in expect.get("absent", []) if name in found
    ]
    wrong += [
        f"{n} is not said to be missing"
        for n in expect.get("not_found", [])
        if n not in notice.not_found
    ]
    codes = {one.code for one in notice.findings}
    wrong += [f"no finding {code}" for code in expect.get("findings", []) if code not in codes]
    if why := expect.get("reason"):
        words = values("denial_words")
        if len(words) != 1 or not words[0].startswith(why["starts"]):
            wrong.append(f"reason is {words}")
        if "category" in why and values("denial_category") != [why["category"]]:
            wrong.append(f"category is {values('denial_category')}")
    for name, page in expect.get("page_of", {}).items():
        if found[name][0].page != int(page):
            wrong.append(f"{name} is on page {found[name][0].page}")
    return wrong


@pytest.mark.parametrize("case", CASES)
def test_a_letter_proposes_what_it_says(case):
    texts = pages_of(case)
    pages = Pages(tuple(Page(at, text) for at, text in enumerate(texts, 1)), len(texts))
    assert not shown(case, notice_of(pages, file="letter.txt", sha256="", as_of=TODAY))


@pytest.mark.parametrize("raw", [True, False], ids=["one width", "proportional"])
@pytest.mark.parametrize("case", CASES)
def test_the_same_letter_as_a_pdf_proposes_the_same(case, raw, tmp_path):
    path = tmp_path / "letter.pdf"
    path.write_bytes(pdf(pages_of(case), raw=raw))
    notice = read_notice(path, as_of=TODAY)
    assert not shown(case, notice)
    assert notice.pages == len(pages_of(case))


SIDE_BY_SIDE = """
#set page(margin: 1in)
#grid(columns: (1fr, 1fr), column-gutter: 20pt,
  [Claim Number: 260-11-A \\ Patient: Ada Roe \\ Patient Account: 99812],
  [Notice Date: 06/30/2026 \\ Group: 1188 \\ Provider NPI: 1000000012])
#table(columns: 2, [Member ID], [ZX100], [Date of Birth], [04/09/1950], [Service Dates], [06/02/2026 - 06/04/2026])
#table(columns: 4, [Procedure], [Billed], [Denied], [Reason], [99223], [\\$410.00], [\\$400.00], [CO-252])
#columns(2)[
  This claim was denied because the medical records that we asked for were not received in time.
  #colbreak()
  Mail disputes to: Beech Tree Insurance, Provider Disputes, PO Box 90, Boise, ID 83700.
]
"""


def test_columns_and_tables_of_a_pdf_are_read_across(tmp_path):
    path = tmp_path / "letter.pdf"
    path.write_bytes(typst.compile(SIDE_BY_SIDE.encode()))
    found = {
        one.name: (str(one.value), one.certain) for one in read_notice(path, as_of=TODAY).proposals
    }
    expect = {
        "payer_claim_control_number": "260-11-A",
        "patient_name": "Ada Roe",
        "patient_control_number": "99812",
        "notice_date": "2026-06-30",
        "member_id": "ZX100",
        "birth_date": "1950-04-09",
        "service_date": "2026-06-02",
        "service_to": "2026-06-04",
        "procedure_code": "99223",
        "billed_cents": "41000",
        "denied_cents": "40000",
        "carc": "CO-252",
        "plan_address": "Beech Tree Insurance, Provider Disputes\nPO Box 90\nBoise, ID 83700",
    }
    assert {name: found.get(name) for name in expect} == {
        name: (v, True) for name, v in expect.items()
    }


@pytest.mark.parametrize("case", CASES)
def test_every_quotation_stands_on_its_page(case):
    texts = pages_of(case)
    pages = Pages(tuple(Page(at, text) for at, text in enumerate(texts, 1)), len(texts))
    for one in notice_of(pages, file="letter.txt", sha256="", as_of=TODAY).proposals:
        page = " ".join(texts[one.page - 1].split())
        assert one.quotation in page, one.name


# ---- what cannot be read, and what is read only in part


LETTER = "Juniper Health\nDate: May 12, 2026\nClaim number: JH5500001\nThe claim was denied because it was filed late.\n"


@cache
def scan() -> bytes:
    """A PDF of one page that is a picture."""
    import io

    made = io.BytesIO()
    Image.new("L", (200, 100), 255).save(made, format="PDF")
    return made.getvalue()


@pytest.fixture
def no_tesseract(monkeypatch):
    monkeypatch.setattr("toolkit.claims.notice.pages.shutil.which", lambda name: None)


@pytest.fixture
def tesseract(monkeypatch, tmp_path):
    """A program that says what tesseract would read in the picture."""
    program = tmp_path / "tesseract"
    program.write_text(f"#!/bin/sh\ncat > /dev/null\nprintf '%s' '{LETTER}'\n", encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr("toolkit.claims.notice.pages.shutil.which", lambda name: str(program))


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def encrypted(password: str = "secret", algorithm: str = "AES-256") -> bytes:
    import io

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf([LETTER], raw=False))))
    writer.encrypt(password, owner_password="owner", algorithm=algorithm)
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


def blank() -> bytes:
    import io

    writer = PdfWriter()
    writer.add_blank_page(300, 300)
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


UNREADABLE = {
    "empty": (lambda: b"", "is empty"),
    "broken": (lambda: b"%PDF-1.7\n1 0 obj\n<< /Type", "is damaged"),
    "cut in half": (lambda: pdf(["A letter of some length"], raw=False)[:900], "is damaged"),
    "protected": (encrypted, "is protected by a password"),
    "without text": (blank, "no readable text"),
    "a scan": (scan, "needs tesseract"),
    "a damaged picture": (lambda: b"\x89PNG\r\n\x1a\nno picture", "a damaged picture"),
    "a damaged Word file": (lambda: b"PK\x03\x04 no archive", "is not text, a PDF"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_letter_that_cannot_be_read_is_refused_in_words(name, tmp_path, no_tesseract, capsys):
    make, says = UNREADABLE[name]
    path = written(tmp_path / "letter.pdf", make())
    with pytest.raises(InputError, match=says) as error:
        read_notice(path, as_of=TODAY)
    assert error.value.exit_code == 4 and str(error.value).startswith("letter.pdf: ")


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-128", "AES-256"])
def test_a_letter_that_may_only_not_be_changed_is_read(tmp_path, algorithm):
    path = written(tmp_path / "letter.pdf", encrypted("", algorithm))
    assert read_notice(path, as_of=TODAY).of("notice_date")


def test_the_command_line_ends_with_4_where_a_letter_cannot_be_read(tmp_path, no_tesseract, capsys):
    path = written(tmp_path / "letter.pdf", scan())
    assert main(["read", str(path), "--json"]) == 4
    assert "tesseract" in json.loads(capsys.readouterr().out)["error"]


@pytest.mark.parametrize("make", [scan, lambda: _png()], ids=["PDF", "PNG"])
def test_a_scan_is_read_by_tesseract_and_marked(make, tmp_path, tesseract):
    notice = read_notice(written(tmp_path / "scan", make()), as_of=TODAY)
    assert [str(one.value) for one in notice.of("notice_date")] == ["2026-05-12"]
    assert "page_scanned" in {one.code for one in notice.findings}


def _png() -> bytes:
    import io

    made = io.BytesIO()
    Image.new("L", (60, 40), 255).save(made, format="PNG")
    return made.getvalue()


def test_pages_that_are_pictures_are_named_where_the_others_are_read(tmp_path, no_tesseract):
    import io

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf([LETTER], raw=False))))
    writer.append(PdfReader(io.BytesIO(scan())))
    made = io.BytesIO()
    writer.write(made)
    notice = read_notice(written(tmp_path / "letter.pdf", made.getvalue()), as_of=TODAY)
    assert notice.of("notice_date") and notice.pages == 2
    assert [(one.code, one.page) for one in notice.findings if one.code == "page_not_read"] == [
        ("page_not_read", 2)
    ]


def test_a_word_file_is_read_with_its_tables(tmp_path):
    document = Document()
    for line in LETTER.splitlines():
        document.add_paragraph(line)
    table = document.add_table(rows=2, cols=2)
    for cell, words in zip(
        table._cells, ["Member ID", "Date of service", "JH1002003", "04/30/2026"], strict=True
    ):
        cell.text = words
    path = tmp_path / "letter.docx"
    document.save(str(path))
    notice = read_notice(path, as_of=TODAY)
    found = {one.name: str(one.value) for one in notice.proposals}
    assert (found["member_id"], found["service_date"]) == ("JH1002003", "2026-04-30")


# ---- the command line


def test_read_shows_a_letter_by_its_contract(tmp_path, capsys):
    path = written(tmp_path / "letter.pdf", pdf([LETTER], raw=False))
    assert main(["read", str(path), "--json", "--as-of", "2026-11-27"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert set(answer) == {"kind", "pages", "proposals", "not_found", "findings"}
    assert {"name", "value", "page", "quotation", "certain"} <= set(answer["proposals"][0])
    assert "member_id" in answer["not_found"] and answer["kind"] == "claim_denial"


def test_a_letter_as_plain_text_is_read_as_one_and_an_unknown_export_is_not(tmp_path, capsys):
    assert main(["read", str(written(tmp_path / "letter.txt", LETTER.encode())), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "claim_denial"
    rows = "a|b|c\n" + "1|claim denied because it was late|2\n" * 5
    assert main(["read", str(written(tmp_path / "rows.txt", rows.encode())), "--json"]) == 4


def test_no_message_or_repr_repeats_what_a_letter_says(tmp_path):
    notice = read_notice(written(tmp_path / "letter.txt", LETTER.encode()), as_of=TODAY)
    assert "JH5500001" not in repr(notice.proposals)
    assert not any("JH5500001" in one.says for one in notice.findings)


# ---- the rules


def test_what_a_proposal_enters_is_a_fact_of_a_case():
    entered = {fact.enters for fact in notice_facts()} - {""}
    assert entered <= set(fact_types())
    assert {kind.stage for kind in notice_kinds()} - {""} <= set(STAGES)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_expected_values_name_what_is_proposed(path):
    known = {fact.name for fact in notice_facts()} | set(fact_types())
    known |= {
        "service_to",
        "carc",
        "rarc",
        "stated_deadline",
        "expedited_appeal",
        "appeal_department",
    }
    for case in load_yaml(path):
        assert set(case["expect"].get("values", {})) <= known, case["case"]


@pytest.mark.parametrize(
    ("text", "order", "days"),
    [
        ("March 3, 2026 and 3 March 2026 and 2026-03-03", "", ["2026-03-03"] * 3),
        ("Mar. 3rd, 2026; the 3rd of March 2026; 03-MAR-26", "", ["2026-03-03"] * 3),
        ("03/13/2026", "", ["2026-03-13"]),
        ("13/03/2026", "day_first", ["2026-03-13"]),
        ("13.03.2026", "day_first", ["2026-03-13"]),
        ("3/4/26", "month_first", ["2026-03-04"]),
        ("02/30/2026, 13/13/2026, February 31, 2026", "", []),
        ("phone 555-010-2026, section 4.01.2026.7, 12/2026", "", []),
    ],
)  # fmt: skip
def test_days_in_a_text(text, order, days):
    assert [str(one.day) for one in find_dates(text, order).found] == days


def test_the_order_of_a_letter_s_dates_is_what_one_of_them_shows():
    assert order_of(["03/04/2026"]) == ""
    assert order_of(["03/04/2026", "03/25/2026"]) == "month_first"
    assert order_of(["25/03/2026 and 03/25/2026"]) == "mixed"
    assert order_of(["April 3, 2026: 03/04/2026"]) == "day_first"


# ---- documents, and cases made of letters

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
DENIED = """Larkspur Medicare Advantage
Notice of Denial of Medical Coverage
Date: September 14, 2026
Member ID: LK-99812
Case number: UM-4471-26
We denied the request for CPT 77080 because the step therapy requirement was not met.
You may ask for an appeal within 60 calendar days of the date of this notice.
"""
BY = {"who": "Sam Placeholder", "now": NOW}


@pytest.fixture
def letter(tmp_path):
    path = written(tmp_path / "denial-letter.txt", DENIED.encode())
    return path, read_notice(path, as_of=NOW.date())


@pytest.fixture
def made(tmp_path, letter):
    """Give the place of a store with a case made of the letter, and the case's key."""
    path, notice = letter
    facts = confirmed(
        [one for one in notice.proposals if one.enters and one.certain],
        file=notice.file,
        as_of=NOW.date(),
    )
    place = tmp_path / "cases.sqlite"
    with CaseStore(place) as store:
        key = case_of_notice(
            store, notice, path, facts, folder=tmp_path / "documents",
            hospital=Hospital.unknown(), as_of=NOW.date(), **BY,
        )  # fmt: skip
    return place, key


def test_a_shorter_time_than_the_law_s_is_said_and_never_takes_its_place(letter):
    said = [one.says for one in letter[1].findings if one.code == "stated_deadline_differs"]
    assert len(said) == 1 and "5 days less" in said[0] and "42 CFR 422.582(b)" in said[0]


def test_nothing_enters_until_somebody_confirms_it(tmp_path, letter):
    facts = confirmed(letter[1].of("notice_date"), file="denial-letter.txt", as_of=NOW.date())
    assert set(facts) == {"notice_date"}
    assert facts["notice_date"].source == (
        "entered from page 1 of denial-letter.txt: 'Date: September 14, 2026'"
    )
    with pytest.raises(UsageError, match="not a fact of a case"):
        confirmed(letter[1].of("stated_deadline"), file="x", as_of=NOW.date())
    with pytest.raises(UsageError, match="two values"):
        confirmed(letter[1].of("notice_date") * 2, file="x", as_of=NOW.date())


def test_a_letter_without_a_claim_becomes_a_case_with_a_row_a_checklist_and_a_letter(made, capsys):
    place, key = made
    claims = with_notices(Claims(), notices_at(place))
    rows = triage(claims, as_of=NOW.date(), hospital=Hospital.unknown())
    row = rows.iloc[0]
    assert (row["stage"], row["program"], row["reason"]) == (
        "pre_service", "medicare_advantage", "step_therapy",
    )  # fmt: skip
    assert str(row["last_filing_date"].date()) == "2026-11-18"
    words = ["--claim", "UM-4471-26", "--store", str(place), "--as-of", "2026-11-01", "--json"]
    assert main(["checklist", *words]) == 0
    answer = json.loads(capsys.readouterr().out)
    notice = next(
        one for one in answer["documents"] if one["what"].startswith("notice of the denial")
    )
    assert notice["have"] and any(step["by"] == "2026-11-18" for step in answer["steps"])


def test_a_case_made_of_a_letter_gives_way_to_its_claim_in_a_file(made):
    notices = notices_at(made[0])
    alone = with_notices(Claims(), notices)
    assert len(alone.claims) == 1
    assert len(with_notices(alone, notices).claims) == 1


def test_the_same_letter_again_comes_to_the_same_case(made, letter, tmp_path):
    place, key = made
    path, notice = letter
    facts = confirmed(notice.of("member_id"), file=notice.file, as_of=NOW.date())
    facts |= confirmed(
        [*notice.of("notice_date"), *notice.of("denial_words"), *notice.of("authorization_number"),
         *notice.of("program"), *notice.of("stage"), *notice.of("procedure_code")],
        file=notice.file, as_of=NOW.date(),
    )  # fmt: skip
    with CaseStore(place) as store:
        again = case_of_notice(
            store, notice, path, facts, folder=tmp_path / "documents",
            hospital=Hospital.unknown(), as_of=NOW.date(), **BY,
        )  # fmt: skip
        assert again == key and len(store.documents(key)) == 1 and store.verify().wrong is None


def test_a_case_needs_a_reason_and_a_date(letter, tmp_path):
    path, notice = letter
    with CaseStore(tmp_path / "s.sqlite") as store:
        with pytest.raises(RefusedError, match="reason and the date") as refused:
            case_of_notice(
                store, notice, path, {}, folder=tmp_path / "d", hospital=Hospital.unknown(),
                as_of=NOW.date(), **BY,
            )  # fmt: skip
        assert len(refused.value.needs) == 2 and store.keys() == ()


def test_a_document_is_kept_by_its_hash_and_its_loss_or_change_is_said(made, tmp_path):
    place, key = made
    folder = tmp_path / "documents"
    with CaseStore(place) as store:
        [document] = store.documents(key)
    assert document.kept_as == f"{document.sha256}.txt" and document.who == BY["who"]
    kept = folder / document.kept_as
    assert (
        stat.S_IMODE(kept.stat().st_mode) == 0o600 and stat.S_IMODE(folder.stat().st_mode) == 0o700
    )
    assert problem_with(document, folder) == ""
    kept.write_text("changed", encoding="utf-8")
    assert "changed" in problem_with(document, folder)
    kept.unlink()
    assert "no longer there" in problem_with(document, folder)


def test_an_attached_document_is_there_in_the_checklist(made, tmp_path):
    place, key = made
    claims = with_notices(Claims(), notices_at(place))
    with CaseStore(place) as store:
        rows = triage(claims, as_of=NOW.date(), hospital=Hospital.unknown())
        case = case_from(claims, rows, rows["denial_key"].iloc[0], hospital=Hospital.unknown())
        missing = [
            d.what
            for d in checklist_of(store.resume(case), as_of=NOW.date()).documents
            if not d.have
        ]
        note = written(tmp_path / "note.pdf", pdf(["progress note"], raw=False))
        attach_document(
            store, store.resume(case), note, folder=tmp_path / "documents", kind=missing[0], **BY
        )
        after = [
            d.what
            for d in checklist_of(store.resume(case), as_of=NOW.date()).documents
            if not d.have
        ]
    assert missing[0] not in after and len(after) < len(missing)


def test_a_case_made_of_a_letter_is_recorded_and_followed_without_an_export(made, capsys):
    place, _ = made
    words = ["--claim", "UM-4471-26", "--store", str(place), "--as-of", "2026-11-01", "--json"]
    filed = [
        "--event",
        "filed",
        "--level",
        "reconsideration",
        "--date",
        "2026-10-20",
        "--who",
        "Sam",
    ]
    assert main(["record", *filed, *words]) == 0
    capsys.readouterr()
    assert main(["checklist", *words]) == 0
    first = json.loads(capsys.readouterr().out)["steps"][0]
    assert first["do"].startswith("Wait for the decision") and first["by"] == "2026-11-19"
    assert main(["history", *words[:4], "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [one["what"] for one in answer["events"]][-1] == "appeal_filed"
    assert answer["lines"][0]["state"] == "awaiting_decision"


def test_the_history_of_a_letter_s_case_is_told_beside_a_book_too(made, tmp_path, capsys):
    export, book = tmp_path / "export.csv", str(tmp_path / "book")
    export.write_text(HEADINGS + OTHER, encoding="utf-8")
    assert main(["gather", str(export), "--book", book]) == 0
    words = ["--claim", "UM-4471-26", "--store", str(made[0]), "--as-of", "2026-11-01", "--json"]
    capsys.readouterr()
    assert main(["history", *words]) == 0
    alone = json.loads(capsys.readouterr().out)
    assert main(["history", book, *words]) == 0
    assert json.loads(capsys.readouterr().out) == alone


# ---- the worklist and the reports count them

CLAIM = "{mine},{theirs},Sample Plan,Medicare Advantage,2026-08-03,71046,300.00,0.00,CO,50,300.00,2026-09-01\n"
HEADINGS = (
    "Claim Number,Payer Claim Control Number,Payer,Program,Service From,Procedure Code,Billed Amount,"
    "Paid Amount,Group Code,Reason Code (CARC),Denied Amount,Remittance Date\n"
)
OTHER = CLAIM.format(mine="ACCT-1", theirs="ICN-1")
SAME = CLAIM.format(mine="ACCT-2", theirs="UM-4471-26")  # the number of the letter's case


def listed(place: Path, export: Path, engine: str, capsys) -> tuple[pd.DataFrame, dict]:
    out = export.with_name(f"{engine}.parquet")
    words = [str(export), "--out", str(out), "--engine", engine, "--store", str(place)]
    assert main(["worklist", *words, "--as-of", "2026-11-01", "--json"]) == 0
    return pd.read_parquet(out), json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(("rows", "from_letters"), [([OTHER], 1), ([OTHER, SAME], 0)])
def test_the_worklist_has_a_letter_s_case_once_whatever_does_the_work(
    made, tmp_path, capsys, rows, from_letters
):
    export = tmp_path / "export.csv"
    export.write_text(HEADINGS + "".join(rows), encoding="utf-8")
    once, said = listed(made[0], export, "pandas", capsys)
    parts, said_too = listed(made[0], export, "duckdb", capsys)
    assert said["from_letters"] == from_letters and len(once) == 2
    pd.testing.assert_frame_equal(once, parts)
    assert said | {"out": ""} == said_too | {"out": ""}
    if from_letters:
        last = once.iloc[-1]
        assert (last["stage"], last["reason"]) == ("pre_service", "step_therapy")
        assert str(last["last_filing_date"]) == "2026-11-18"


def test_a_report_counts_a_letter_s_case_and_no_claim_of_it(made, tmp_path):
    export = tmp_path / "export.csv"
    export.write_text(HEADINGS + OTHER, encoding="utf-8")
    day, hospital = NOW.date(), Hospital.unknown()
    notices = notices_at(made[0])
    claims = one_history(
        with_notices(read(export), notices), hospital=hospital, recorded=(), as_of=day
    )
    once = Source.of("export", claims, triage(claims, as_of=day, hospital=hospital), day)
    with run_on(
        [export], as_of=day, hospital=hospital, notices=notices, also=part_of_run, engine="pandas"
    ) as run:
        parts = Source.of_run("export", run)
    for source in (once, parts):
        given = parcel(source)
        assert given.told and given.told.from_letters == given.from_letters == 1
        assert (given.facts.count(), given.rows_read) == (2, 1)
        assert given.facts.one("SELECT count(*) FROM claims") == 1
        page = ReportPage(given, "export", "payer", by_hand=True)
        assert "2, of them 1 from letters" in page.about("A report")
        assert "Denials of letters attached at the desk" in page.reconciliation()
        assert "denial-letter" not in page.about("A report") + source.files.to_csv()
    assert frame(once.worklist).equals(frame(parts.worklist))
