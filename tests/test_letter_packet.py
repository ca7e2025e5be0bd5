"""A packet: the letter with its exhibits in one PDF that can be read, cited and found again."""

import json
import re

import pytest
import typst
from PIL import Image, ImageDraw
from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    FloatObject,
    NameObject,
)
from test_letters import AS_OF, KIND, case_of

from toolkit import letters
from toolkit.cases import Case, Fact
from toolkit.errors import RefusedError
from toolkit.letters.exhibits import exhibits_of, letters_of
from toolkit.letters.packet import MANY_PAGES

ACK = "ISA*00*          *00*          *ZZ*PAYER          *ZZ*US             *260105*1008*^*00501*000000001*0*P*:~"


def pdf(path, text: str, pages: int = 1, setting: str = 'paper:"us-letter"'):
    body = "#pagebreak()".join(f"{text} page {n}\n" for n in range(1, pages + 1))
    path.write_bytes(typst.Compiler(f"#set page({setting})\n{body}".encode()).compile(format="pdf"))
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exhibits")
    pdf(folder / "progress_note.pdf", "NOTE", 2)
    pdf(folder / "wide.pdf", "WIDE", setting='paper:"a3", flipped: true')
    turned = PdfWriter(clone_from=PdfReader(folder / "progress_note.pdf"))
    turned.pages[0].rotate(90)
    _stamp(turned)
    turned.write(folder / "turned.pdf")
    picture = Image.new("RGBA", (600, 900), (255, 255, 255, 0))
    ImageDraw.Draw(picture).text((40, 40), "SCAN", fill=(0, 0, 0, 255))
    picture.save(folder / "scan.png")
    picture.convert("RGB").save(folder / "photo.jpg")
    return folder


def _stamp(writer) -> None:
    """Put a note with a look of its own onto the first page."""
    look = DecodedStreamObject()
    look.set_data(b"BT /F1 12 Tf 2 2 Td (STAMPED) Tj ET")
    font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
    fonts = DictionaryObject({NameObject(k): NameObject(v) for k, v in font.items()})
    look.update(
        {
            NameObject("/Subtype"): NameObject("/Form"),
            NameObject("/BBox"): ArrayObject(map(FloatObject, (0, 0, 100, 20))),
            NameObject("/Resources"): DictionaryObject(
                {NameObject("/Font"): DictionaryObject({NameObject("/F1"): fonts})}
            ),
        }
    )
    note = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Annot"),
            NameObject("/Subtype"): NameObject("/Stamp"),
            NameObject("/Rect"): ArrayObject(map(FloatObject, (100, 100, 300, 140))),
            NameObject("/AP"): DictionaryObject({NameObject("/N"): writer._add_object(look)}),
        }
    )
    writer.pages[0][NameObject("/Annots")] = ArrayObject([writer._add_object(note)])


def letter_with(*paths):
    return letters.draft(letters.with_exhibits(case_of(), paths), KIND, as_of=AS_OF)


@pytest.fixture(scope="module")
def packet(files):
    names = ("progress_note.pdf", "turned.pdf", "wide.pdf", "scan.png", "photo.jpg")
    path, warnings = letters.write_packet(
        letter_with(*(files / name for name in names)), files / "out" / "packet.pdf"
    )
    return path, PdfReader(path), warnings


def test_every_page_has_its_number_and_the_claims_identifiers(packet):
    _, reader, _ = packet
    count = len(reader.pages)
    for n, page in enumerate(reader.pages, 1):
        text = page.extract_text()
        assert f"Page {n} of {count}" in text
        assert "SYN-000-4471" in text and "PA-SYN-88102" in text


def test_the_contents_and_the_bookmarks_lead_to_each_part(packet):
    path, reader, _ = packet
    record = json.loads(path.with_suffix(".record.json").read_text(encoding="utf-8"))["packet"]
    contents = " ".join(reader.pages[0].extract_text().split())
    marks = {mark.title: reader.get_destination_page_number(mark) + 1 for mark in reader.outline}
    assert list(marks)[:2] == ["Contents", "Letter"] and marks["Letter"] == 2
    assert [one["label"] for one in record["exhibits"]] == [f"Exhibit {x}" for x in "ABCDE"]
    for one, after in zip(record["exhibits"], [*record["exhibits"][1:], None], strict=True):
        name, first = f"{one['label']}: {one['title']}", one["first_page"]
        last = after["first_page"] - 1 if after else record["pages"]
        assert marks[name] == first and f"{name} {first} to {last}" in contents
        assert one["label"] in reader.pages[first - 1].extract_text()
        assert re.fullmatch("[0-9a-f]{64}", one["sha256"])
    assert record["exhibits"][0]["title"] == "progress note"


def test_each_page_of_an_exhibit_is_drawn_whole_on_a_page_of_letter_size(packet):
    _, reader, _ = packet
    text = "\n".join(page.extract_text() for page in reader.pages)
    assert text.count("NOTE page 1") == text.count("NOTE page 2") == 2
    assert "WIDE page 1" in text and "STAMPED" in text
    assert {tuple(sorted(map(float, p.mediabox[2:]))) for p in reader.pages} == {(612.0, 792.0)}
    assert sum(len(page.images) for page in reader.pages) == 2


def test_the_letter_lists_its_exhibits_and_still_says_what_its_record_says(packet):
    path, reader, warnings = packet
    text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
    assert "Exhibit A: progress note" in text
    found = letters.verify(path)
    assert found.holds and found.untouched, found
    assert any("more papers than its exhibits" in warning for warning in warnings)


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("words.docx", b"PK\x03\x04 not for a packet", "not a PDF or a picture"),
        ("empty.pdf", b"", "is empty"),
        ("cut.pdf", b"%PDF-1.7\ncut", "cannot be read as a PDF"),
        ("cut.png", b"\x89PNG\r\n\x1a\n", "cannot be read as a picture"),
        ("text.pdf", b"plain text", "not a PDF or a picture"),
    ],
)
def test_a_file_that_cannot_be_an_exhibit_is_named_with_the_reason(name, data, says, tmp_path):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(RefusedError) as caught:
        letters.write_packet(letter_with(tmp_path / name), tmp_path / "packet.pdf")
    assert f"Exhibit A: {name}" in caught.value.needs[0] and says in caught.value.needs[0]
    assert not (tmp_path / "packet.pdf").exists()


def test_an_encrypted_or_missing_exhibit_is_refused(files, tmp_path):
    locked = PdfWriter(clone_from=PdfReader(files / "wide.pdf"))
    locked.encrypt("secret", algorithm="RC4-128")
    locked.write(tmp_path / "locked.pdf")
    with pytest.raises(RefusedError) as caught:
        letters.write_packet(letter_with(tmp_path / "locked.pdf"), tmp_path / "packet.pdf")
    assert "is encrypted" in caught.value.needs[0]
    with pytest.raises(RefusedError, match="is not there"):
        letter_with(tmp_path / "none.pdf")


def test_a_very_long_exhibit_is_said(tmp_path):
    writer = PdfWriter()
    for _ in range(MANY_PAGES):
        writer.add_blank_page(612, 792)
    writer.write(tmp_path / "long.pdf")
    path, warnings = letters.write_packet(
        letter_with(tmp_path / "long.pdf"), tmp_path / "packet.pdf"
    )
    assert any("Exhibit A has 500 pages" in warning for warning in warnings)
    assert "Page 505 of 505" in PdfReader(path).pages[-1].extract_text()


def _timely(tmp_path, ack: str, account: str = "SYN1"):
    (tmp_path / "ack.277").write_text(ack)
    kind = letters.compose("appeal", "commercial_plan", "internal_appeal", "timely_filing")
    facts = {"state": "open", "program": "commercial_plan", "level": "internal_appeal"}
    case = Case("d-t", {n: Fact(v, "triage") for n, v in facts.items()})
    given = {
        "stage": "payment", "filer": "assignee", "notice_date": "2026-11-20",
        "claim_sent_on": "2026-01-04", "patient_control_number": account,
        "notice_received": "2026-11-20", "proof_of_filing": "payer_277ca",
    }  # fmt: skip
    case = letters.with_exhibits(letters.enter(case, given), [tmp_path / "ack.277"])
    letter = letters.draft(case, kind, as_of=AS_OF)
    path, _ = letters.write_packet(letter, tmp_path / "packet.pdf", draft=True)
    return " ".join(PdfReader(path).pages[-1].extract_text().split())


def _277ca(status: str, account: str = "SYN1") -> str:
    return (
        f"{ACK}GS*HN*PAYER*US*20260105*1008*1*X*005010X214~ST*277*0001*005010X214~"
        "BHT*0085*08*1*20260105*1008*TH~HL*1**20*1~NM1*PR*2*Lakeshore Plan*****PI*1~"
        "HL*2*1*21*1~NM1*41*2*US*****46*U~HL*3*2*19*1~NM1*85*2*HOSPITAL*****XX*1234567893~"
        "HL*4*3*PT~NM1*QC*1*OTHER*PATIENT~TRN*2*OTHERS~STC*A2:20*20260105*WQ*99~"
        f"HL*5*3*PT~NM1*QC*1*X*Y~TRN*2*{account}~STC*{status}*20260105*WQ*125~REF*1K*ICN77~"
        "SE*18*0001~GE*1*1~IEA*1*000000001~"
    )


def test_an_accepted_277ca_becomes_a_page_about_this_claim_alone(tmp_path):
    page = _timely(tmp_path, _277ca("A2:20"))
    for said in ("Lakeshore Plan", "SYN1", "ICN77", "January 5, 2026", "A2", "$125.00"):
        assert said in page
    assert "OTHER" not in page
    pages = PdfReader(tmp_path / "packet.pdf").pages
    assert all("DRAFT" in one.extract_text() for one in pages)


@pytest.mark.parametrize(
    ("ack", "says"),
    [
        (_277ca("A3:21"), "does not accept this claim"),
        (_277ca("A2:20", "SYN2"), "does not name this claim"),
        (
            f"{ACK}GS*FA*P*US*20260105*1008*1*X*005010X231A1~ST*999*0001*005010X231A1~"
            "AK1*HC*1*005010X222A1~AK2*837*0001~IK5*A~AK9*A*1*1*1~SE*6*0001~GE*1*1~IEA*1*000000001~",
            "a 999 shows that a file arrived",
        ),
    ],
)
def test_what_does_not_prove_that_the_payer_has_the_claim_is_refused(ack, says, tmp_path):
    with pytest.raises(RefusedError) as caught:
        _timely(tmp_path, ack)
    assert says in caught.value.needs[0]


def test_a_277ca_is_no_exhibit_of_another_argument(tmp_path):
    (tmp_path / "ack.277").write_text(_277ca("A2:20"))
    with pytest.raises(RefusedError) as caught:
        letters.write_packet(letter_with(tmp_path / "ack.277"), tmp_path / "packet.pdf")
    assert "does not argue" in caught.value.needs[0]


def test_exhibits_are_lettered_and_numbered_only_where_the_facts_number_them():
    assert [letters_of(n) for n in (1, 26, 27, 53)] == ["A", "Z", "AA", "BA"]
    documents = json.dumps([{"name": "Policy 1"}, {"name": "Policy 2"}])
    by_letter = exhibits_of({"documents": documents, "x": "“a” (Exhibit A)"}, None)
    by_number = exhibits_of({"documents": documents, "x": "“a” (Exhibit 2)"}, None)
    assert [one.label for one in by_letter] == ["Exhibit A", "Exhibit B"]
    assert [one.label for one in by_number] == ["Exhibit 1", "Exhibit 2"]
