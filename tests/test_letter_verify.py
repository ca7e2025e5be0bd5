"""A letter that was edited still says what its record says, or it is told in which sentences it does not."""

import json
import re
import shutil
import zipfile
from pathlib import Path

import msgspec
import pytest
from docx import Document
from letter_samples import filled
from test_letters import letter_of

from toolkit import letters
from toolkit.cli import main
from toolkit.errors import InputError, UsageError
from toolkit.letters.comparing import compare
from toolkit.letters.reading import blocks_of
from toolkit.letters.record import read_record

HOSTILE = "A & B <i> #1 $5 {{ 7*7 }} | [x] \\ _u_ `c` ## 1. - *z* ~ &amp; é ﬁ 50%"
# Texts from right to left with figures, signs and Latin words: on a page these stand in another order.
LEFTWARD = {
    "patient_name": "כהן, משה-3 (2)",
    "plan_name": "د. محمد 12/34 علي [x] Jr.",
    "plan_address": "רחוב 12, דירה 7\n45501 עיר",
    "denial_words": "לא נחוץ +12% (ראה 3.1) - #7 <i> No. 5",
}
SENTENCE = "The plan asks first for a quantitative ultrasound of the heel."


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("letters")
    for ending in ("docx", "pdf", "md"):
        letters.write(letter_of(), folder / f"letter.{ending}")
    return folder


@pytest.fixture
def own(written, tmp_path):
    return Path(shutil.copytree(written, tmp_path / "own"))


def edit(path: Path, change) -> None:
    document = Document(str(path))
    change(document)
    document.save(str(path))


def paragraph(document, words: str):
    return next(one for one in document.paragraphs if words in one.text)


@pytest.mark.parametrize("ending", ["docx", "pdf", "md"])
@pytest.mark.parametrize(
    "given",
    [
        {"patient_name": HOSTILE, "plan_name": HOSTILE, "denial_words": HOSTILE},
        {
            "procedure_reason": "- one\n\n    two\n# three\n\n1. four",
            "patient_name": "- of one line",
        },
        {"procedure_reason": "a long note " * 833},
        {"category_finding": "x" * 3000 + " a finding" * 400},  # a table over several pages
        {"patient_name": "שלום כהן", "plan_name": "Πλάνο Здоровье"},
        LEFTWARD,
    ],
    ids=["signs", "lines", "long", "table", "scripts", "leftward"],
)
def test_a_letter_just_written_says_what_its_record_says(given, ending, tmp_path):
    found = letters.verify(letters.write(letter_of(given), tmp_path / f"a.{ending}"))
    assert found.holds and found.untouched, found


def test_a_figure_or_a_word_changed_in_a_text_from_right_to_left_is_named(tmp_path):
    path = letters.write(letter_of(LEFTWARD), tmp_path / "a.pdf")
    record, blocks = read_record(path.with_suffix(".record.json")), blocks_of(path)
    assert compare(record, blocks, shaped=True).holds
    for before, after in (("12/34", "13/34"), ("Jr", "Sr"), ("45501", "45510"), ("עיר", "כפר")):
        text = json.dumps(record, ensure_ascii=False).replace(before, after)
        found = compare(json.loads(text), blocks, shaped=True)
        assert not found.holds, before
        assert any(after in line for line in (*(one.was for one in found.changed), *found.removed))


@pytest.mark.parametrize("ending", ["docx", "pdf", "md"])
def test_a_letter_that_encloses_nothing_has_no_list_of_enclosures(ending, tmp_path):
    letter = filled(letters.compose("necessity_letter", "part_d", "", "coding"))
    letter = msgspec.structs.replace(letter, enclosures=())
    path = letters.write(letter, tmp_path / f"a.{ending}")
    assert letters.verify(path).holds
    assert "Enclosures" not in "".join(blocks_of(path))


def test_a_draft_says_what_its_record_says(tmp_path):
    letter = letter_of({"signer_name": "", "order_date": ""})
    for ending in ("docx", "pdf", "md"):
        path = letters.write(letter, tmp_path / f"a.{ending}", draft=True)
        assert letters.verify(path).holds, ending


def test_what_word_does_to_a_letter_is_no_difference(own):
    def change(document):
        for one in document.paragraphs:
            for (
                run
            ) in one.runs:  # other fonts, other quotation marks, other spaces, runs cut in two
                run.font.name = "Georgia"
                run.text = re.sub(" ", "\u00a0", run.text.replace("’", "'"), count=1)
                run.text = run.text.replace("“", '"').replace("”", '"').replace("CFR", "C\u00adFR")
        document.paragraphs[4].paragraph_format.page_break_before = True
        document.add_paragraph("")

    edit(own / "letter.docx", change)
    found = letters.verify(own / "letter.docx")
    assert found.holds and not found.untouched


def test_a_sentence_changed_removed_or_added_is_named(own):
    def change(document):
        one = paragraph(document, SENTENCE)
        text = one.text.replace("heel", "wrist")
        for run in one.runs[1:]:
            run.text = ""
        one.runs[0].text = text
        gone = paragraph(document, "Thank you for your review.")
        gone._p.getparent().remove(gone._p)
        document.paragraphs[6].insert_paragraph_before("We shall sue the plan.")

    edit(own / "letter.docx", change)
    found = letters.verify(own / "letter.docx")
    assert [(c.was, c.now) for c in found.changed] == [
        (SENTENCE, SENTENCE.replace("heel", "wrist"))
    ]
    assert "Thank you for your review." in found.removed
    assert found.added == ("We shall sue the plan.",)


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("November 23, 2026", "November 24, 2026"),  # a date
        ("SYN-000-4471", "SYN-000-4472"),  # a number of the reference
        ("422.590(a)", "422.590(b)"),  # a citation
        ("To the physician reviewer:", "To whom it may concern:"),
        ("denied central", "rightly denied central"),
        ("The notice names no criterion.", "The notice names a criterion."),
    ],
)
def test_one_word_is_enough(was, now, own):
    path = own / "letter.md"
    text = path.read_text(encoding="utf-8")
    assert was in text
    path.write_text(text.replace(was, now, 1), encoding="utf-8")
    found = letters.verify(path)
    assert len(found.changed) == 1 and not found.removed and not found.added, found
    assert now in found.changed[0].now


def test_a_tracked_change_counts_as_accepted(own):
    path = own / "letter.docx"
    with zipfile.ZipFile(path) as parts:
        kept = {name: parts.read(name) for name in parts.namelist()}
    xml = kept["word/document.xml"].decode()
    run = re.search(r"<w:r>(?:(?!</w:r>).)*notice names no criterion(?:(?!</w:r>).)*</w:r>", xml)[0]
    deleted = run.replace("<w:t", "<w:delText").replace("</w:t>", "</w:delText>")
    inserted = run.replace("no criterion", "a criterion")
    tracked = f'<w:del w:id="1" w:author="x">{deleted}</w:del><w:ins w:id="2" w:author="x">{inserted}</w:ins>'
    kept["word/document.xml"] = xml.replace(run, tracked).encode()
    with zipfile.ZipFile(path, "w") as parts:
        for name, data in kept.items():
            parts.writestr(name, data)
    assert [c.now for c in letters.verify(path).changed] == ["The notice names a criterion."]


def test_an_edited_letter_saved_as_pdf_is_compared_with_the_same_record(own):
    record = own / "letter.record.json"
    (own / "saved.pdf").write_bytes((own / "letter.pdf").read_bytes())
    assert letters.verify(own / "saved.pdf", record).holds


def test_paragraphs_in_another_order_are_no_difference(written):
    record = read_record(written / "letter.record.json")
    lines = [line["text"] for line in record["lines"]]
    assert compare(record, [*lines[60:], *lines[:60]]).holds
    assert compare(record, lines[1:]).removed == (lines[0],)


def test_what_a_letterhead_prints_on_each_page_is_no_part_of_a_sentence(written):
    record = read_record(written / "letter.record.json") | {
        "template": ["By the lake", "Est. 1890"]
    }
    words = " ".join(line["text"] for line in record["lines"]).split()
    half = len(words) // 2  # a page ends in the middle of a sentence
    pages = [" ".join(words[:half]), " ".join(words[half:])]
    printed = [f"By the lake\n{page}\nEst. 1890 Page 1 of 2" for page in pages]
    assert compare(record, printed, shaped=True).holds
    changed = [page.replace("By the lake", "By the sea") for page in printed]
    assert not compare(record, changed, shaped=True).holds


def test_the_command_exits_0_or_3_with_the_sentences(own, capsys):
    letter = own / "letter.md"
    assert main(["verify", str(letter), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["holds"] and answer["untouched"] and answer["changed"] == []
    text = letter.read_text(encoding="utf-8").replace("of the heel", "of the wrist")
    letter.write_text(text, encoding="utf-8")
    record = ["--record", str(own / "letter.record.json")]
    assert main(["verify", *record, str(letter), "--json"]) == 3
    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert answer["refused"] and answer["needs"] and answer["holds"] is False
    assert answer["changed"][0]["was"] == SENTENCE and "wrist" in answer["changed"][0]["now"]
    assert "heel" not in err and "wrist" not in err  # a message never repeats what a letter says
    assert main(["verify", str(letter)]) == 3
    assert "wrist" in capsys.readouterr().out


def test_what_cannot_be_read_is_said(own, capsys):
    assert main(["verify", str(own / "none.docx"), "--json"]) == 4
    capsys.readouterr()
    (own / "other.record.json").write_text("[]")
    for path, record in (
        (own / "letter.docx", own / "other.record.json"),
        (own / "letter.docx", own / "none.record.json"),
    ):
        with pytest.raises(InputError):
            letters.verify(path, record)
    for ending in ("docx", "pdf"):
        (own / f"broken.{ending}").write_bytes(b"not a letter")
        with pytest.raises(InputError, match=f"broken.{ending}"):
            letters.verify(own / f"broken.{ending}", own / "letter.record.json")
    (own / "letter.txt").write_text("x")
    with pytest.raises(UsageError):
        letters.verify(own / "letter.txt", own / "letter.record.json")


def test_the_record_says_what_binds_each_sentence(written):
    record = read_record(written / "letter.record.json")
    letter = letter_of()
    bound = [line for line in record["lines"] if line["role"] != "frame"]
    assert all(line["bound"] for line in bound)
    printed = [s.text for s in letter.sentences]
    assert [line["text"] for line in bound] == [text for text in printed if text]
    assert record["clauses"] and record["program"] == "medicare_advantage"
