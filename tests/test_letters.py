"""Letters: what they say for which facts, what binds each sentence, and how they print."""

import io
import re
import stat
import zipfile
from datetime import date
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from pypdf import PdfReader

from toolkit import letters
from toolkit.cases import Case, Fact
from toolkit.errors import RefusedError, RulesError, UsageError
from toolkit.letters.authority import Authority, authorities
from toolkit.letters.clauses import _Head, clause, clause_of
from toolkit.letters.conditions import holds, parse
from toolkit.letters.facts import DERIVED, fact_types
from toolkit.letters.sentences import sentence_form
from toolkit.letters.services import service
from toolkit.letters.standing import standing_rules
from toolkit.letters.template import TEMPLATE, make_template
from toolkit.rules import RULES, load_yaml, names

HERE = Path(__file__).parent
BOOK = load_yaml(HERE / "cases" / "letters" / "dexa_step_therapy.yaml")
WRONG = load_yaml(HERE / "cases" / "letters" / "wrong_statements.yaml")
KIND = letters.kind(BOOK["kind"])
AS_OF = date.fromisoformat(BOOK["as_of"])
CASES = {case["case"]: case for case in BOOK["cases"]}
NASTY = "A & B <x> #1 $*@ {{ y }} [z] \\ _u_ `c`"
# Facts of the worklist that no letter prints or asks for.
UNASKED = {"level", "reason"}


def case_of(given: dict | None = None) -> Case:
    values = {**BOOK["base"], **(given or {})}
    case = Case("d-test", {n: Fact(values[n], "triage") for n in UNASKED if values.get(n)})
    return letters.enter(case, {n: v for n, v in values.items() if n not in UNASKED})


@cache
def _plain_letter():
    return letters.draft(case_of(), KIND, as_of=AS_OF)


def letter_of(given: dict | None = None):
    return letters.draft(case_of(given), KIND, as_of=AS_OF) if given else _plain_letter()


def drafted():
    for case in BOOK["cases"]:
        if "refused" not in case:
            yield case["case"], letter_of(case.get("given"))


def words(letter) -> str:
    """The letter as a reader sees it: body, table, enclosures, copies."""
    copies = "".join(f"\nCopy: {s.text}" for s in letter.copies)
    paragraphs = "\n".join(p.text for p in letter.paragraphs)
    return f"{paragraphs}\n{letter.text}{copies}"


# --- what the letter says -------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_the_letter_says_what_its_facts_and_the_law_bear(name):
    case = CASES[name]
    if "refused" in case:
        with pytest.raises(RefusedError, match=re.escape(case["refused"])) as caught:
            letter_of(case.get("given"))
        assert caught.value.needs
        assert case.get("needs", "") in " ".join(caught.value.needs)
        return
    letter = letter_of(case.get("given"))
    assert {need.name for need in letter.missing} == set(case.get("missing", ()))
    text = words(letter)
    for said in case.get("must", ()):
        for part in said.split("; "):
            assert part in text, part
    for unsaid in case.get("must_not", ()):
        assert unsaid not in text, unsaid


def test_every_case_of_the_book_says_something():
    for case in BOOK["cases"]:
        assert {"must", "must_not", "missing", "refused"} & set(case), case["case"]


def test_the_arguments_stand_in_the_order_of_their_strength():
    given = {
        "stage": "prior_authorization",
        "confirmatory_test": "first_test_not_dxa",
        "first_test": "heel ultrasound",
        "first_test_record": "page 15",
    }
    numbered = [s.clause for s in letter_of(given).sections if s.number]
    assert numbered == [
        "dexa_benefit_and_criteria",
        "dexa_criteria_met",
        "dexa_choice_of_procedure",
        "dxa_required_monitoring",
        "dxa_required_confirmation",
        "step_therapy_part_b_drugs_only",
        "prior_authorization_purpose",
        "internal_criteria",
    ]
    assert [s.number for s in letter_of(given).sections if s.number] == list(range(1, 9))


@pytest.mark.parametrize("row", WRONG, ids=lambda row: row["wrong"][:60])
def test_no_wrong_statement_stands_in_a_clause_or_a_letter(row):
    pattern = re.compile(row["pattern"], re.IGNORECASE)
    assert pattern.search(row["example"]), "the pattern catches its own example"
    for name in names("letters/clauses", ".md"):
        body = (RULES / "letters" / "clauses" / f"{name}.md").read_text()
        assert not pattern.search(body), name
    for name in names("services"):
        for criterion in service(name).criteria:
            assert not pattern.search(criterion.says), criterion.id
    for name, letter in drafted():
        assert not pattern.search(words(letter)), name
        assert not pattern.search(letters.as_markdown(letter)), name


def test_a_complete_letter_prints_no_gap():
    letter = letter_of()
    assert letter.complete
    assert not [s for s in letter.sentences for g in s.segments if g.role == "missing"]
    assert "[" not in "".join(p.text for p in letter.paragraphs)


# --- what binds each sentence ----------------------------------------------------------------


def test_every_sentence_of_every_letter_is_bound_and_every_binding_resolves():
    for name, letter in drafted():
        for sentence in letter.sentences:
            assert sentence.bindings, (name, sentence.text)
            for binding in sentence.bindings:
                if binding.kind == "fact":
                    assert binding.name in fact_types()
                elif binding.kind == "authority":
                    assert binding.name in authorities()
                elif binding.kind == "computed":
                    assert binding.name in DERIVED
                else:
                    assert re.match(r"Please|If |Thank you", sentence.text), sentence.text


def test_every_authority_cited_governs_the_program_and_comes_with_the_rule_that_binds_the_plan():
    for name, letter in drafted():
        cited = {a.id for a in letter.authorities}
        for each in letter.authorities:
            assert each.governs("medicare_advantage"), (name, each.id)
            assert each.through.get("medicare_advantage", each.id) in cited, (name, each.id)


def test_a_fact_known_from_the_file_says_where_it_comes_from():
    case = case_of().with_facts({"member_id": Fact("SYN-9", "835 NM1*QC09", date(2026, 10, 21))})
    letter = letters.draft(case, KIND, as_of=AS_OF)
    proofs = [s.proof for s in letter.sentences if s.text == "SYN-9"]
    assert proofs == ["Member number: 835 NM1*QC09, as of October 21, 2026"]


def test_what_stands_between_quotation_marks_is_an_allowed_quote_or_the_plans_own_words():
    allowed = {q.text for a in authorities().values() for q in a.quotes}
    for name, letter in drafted():
        for fragment in re.findall(r"“([^”]*)”", words(letter)):
            assert fragment in allowed or fragment == "Step therapy requirement not met", name


def test_a_quote_is_printed_with_the_date_of_the_copy_that_was_read():
    text = letter_of().text
    assert "42 CFR 422.136 (text of November 22, 2024)" in text
    assert "42 CFR 410.31(b)(1)(i) (text of October 1, 2007)" in text


def test_an_authority_that_nobody_read_is_never_quoted():
    for each in authorities().values():
        assert not (each.status == "M" and each.quotes), each.id
    for name in ("422.101(c)(1)(i)(A)", "422.562(c)(2)"):
        assert authorities()[name].never_quote and not authorities()[name].quotes


AUTHORITY = dict(
    id="x", citation="1 CFR 1", gist="g", programs=("part_d",), effective_from="unknown",
    copy_date="2026", source="s", verified_on="2026-11-23", status="V",
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"source": " "}, "source is empty"),
        ({"verified_on": "lately"}, "not an ISO date"),
        ({"status": "sure"}, "one of V, V2, M"),
        ({"programs": ()}, "programs are empty"),
        ({"status": "M", "quotes": ({"text": "a", "status": "V"},)}, "may not be quoted"),
        ({"never_quote": "why", "quotes": ({"text": "a", "status": "V"},)}, "may not be quoted"),
        ({"quotes": ({"text": "a", "status": "M"},)}, "a quote is V or V2"),
        ({"quotes": ({"text": "word " * 26, "status": "V"},)}, "more than 25 words"),
        ({"through": {"medicare_advantage": "y"}}, "does not govern"),
        ({"opinion": "x"}, "unknown field"),
    ],
)
def test_an_authority_on_file_carries_its_source_and_keeps_to_its_mark(change, says):
    import msgspec

    with pytest.raises(msgspec.ValidationError, match=says):
        msgspec.convert({**AUTHORITY, **change}, Authority)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("The scan is needed.", "bound to no fact and no authority"),
        ("The plan must cover {{ device }}.", "speaks of law and names no authority"),
        ("See 42 CFR 422.101 on {{ device }}.", "typed by hand"),
        ("NCD 150.3 on {{ device }}.", "typed by hand"),
        ('The plan said "no" to {{ device }}.', "typed by hand"),
        ("A {{ device }} is here. It is cleared.", "two sentences"),
        ("The {{ color }} is known.", "not in rules/letters/facts.yaml"),
        ("As [[422.999]] says.", "not on file"),
        ("It is “a right of the plan”, [[422.136]].", "not an allowed quote"),
        ("It is “step therapy for drugs”, [[422.136]].", "not an allowed quote"),
        ("It is “To confirm the presence of diagnoses or other medical criteria that are the basis"
         " for coverage determinations for the specific item or service”, [[422.138(b)]].",
         "date of its copy"),
        ("It is “open, [[422.136]].", "open quotation mark"),
        ("The plan is wrong. {request}", "marked as a request and is none"),
        ("Please obey the regulation. {request}", "claims law"),
        ("It is {{ device }}. {if: device or drug}", "not understood"),
    ],
)  # fmt: skip
def test_a_sentence_that_proves_nothing_is_refused(line, says):
    with pytest.raises((ValueError, RulesError), match=re.escape(says)):
        sentence_form(line)


@pytest.mark.parametrize(
    ("head", "body", "says"),
    [
        ({"id": "other"}, "It is {{ device }}.", "name of the file"),
        ({}, "It is so, [[422.136]].", "which the heading lacks"),
        ({"authorities": ("422.136", "410.31"), "mark": "V2"}, "So [[422.136]].", "never uses it"),
        ({"authorities": ("422.136",), "mark": "V"}, "So [[422.136]].", "the mark is V2"),
        ({"heading": "A claim"}, "It is {{ device }}.", "name its authorities"),
    ],
)
def test_a_clause_whose_front_matter_and_text_disagree_is_refused(head, body, says):
    with pytest.raises(ValueError, match=says):
        clause_of(_Head(**{"id": "c", "mark": "V", **head}), body, "c")


def test_every_clause_and_every_standing_rule_on_file_loads_and_is_used():
    used = {name for k in letters.kinds() for name in (c.id for c in k.clauses)}
    assert used == set(names("letters/clauses", ".md"))
    assert {k.standing for k in letters.kinds()} == set(names("letters/standing"))
    for name in used:
        assert clause(name).paragraphs
    for name in names("letters/standing"):
        assert standing_rules(name)


def test_every_fact_on_file_is_used_by_a_letter():
    used = {need.name for k in letters.kinds() for need in letters.needs(k)}
    assert used == set(fact_types())


def test_a_kind_that_cites_an_authority_of_another_program_is_refused(monkeypatch):
    from toolkit.letters import letter_kind

    form = letter_kind.read(RULES / "letters" / "kinds" / f"{KIND.id}.yaml", letter_kind._File)
    import msgspec

    other = msgspec.structs.replace(form, program="original_medicare")
    with pytest.raises(ValueError, match="does not govern original_medicare"):
        letter_kind._check(letter_kind._kind(other), KIND.id)
    fewer = msgspec.structs.replace(form, clauses=("dexa_choice_of_procedure",))
    with pytest.raises(ValueError, match=re.escape("through 422.101(b)(2): cite it too")):
        letter_kind._check(letter_kind._kind(fewer), KIND.id)


def test_conditions_mean_what_they_say():
    facts = {"a": "x"}
    for text, answer in {
        "a": True, "b": False, "not a": False, "not b": True, "a = x": True, "a = y": False,
        "a != y": True, "b != y": True, "a in x, y": True, "b in x, y": False,
        "a and not b": True, "": True,
    }.items():  # fmt: skip
        assert holds(parse(text), facts) is answer, text


# --- needs -----------------------------------------------------------------------------------


def test_a_letter_without_facts_lists_every_fact_it_always_needs():
    empty = letters.draft(Case("d-x", {}), KIND, as_of=AS_OF)
    always = {need.name for need in letters.needs(KIND) if need.required}
    assert always == {need.name for need in empty.missing}
    assert not empty.complete


def test_each_fact_that_is_required_is_missed_when_it_is_gone():
    for need in letters.needs(KIND):
        if need.required:
            missed = letter_of({need.name: ""}).missing
            assert need.name in {m.name for m in missed}, need.name


def test_a_need_says_its_label_its_kind_and_when_it_is_needed():
    by_name = {need.name: need for need in letters.needs(KIND)}
    assert by_name["qualifying_category"].choices["monitoring"]
    assert by_name["waiver_date"].when and not by_name["waiver_date"].required
    assert by_name["order_date"].kind == "date" and by_name["order_date"].required
    assert by_name["frequency_exception"].when == (
        "the interval since the last measurement is too short"
    )


def test_the_kind_is_suggested_by_program_level_stage_reason_and_service():
    assert letters.suggest(case_of()) is KIND
    for change in ({"program": "part_d"}, {"procedure_code": "70551"}, {"reason": "frequency"}):
        assert letters.suggest(case_of(change)) is None


def test_a_kind_is_found_by_its_id_or_by_the_case_and_never_assumed():
    assert letters.kind_of(case_of()) is letters.kind_of(case_of(), "appeal") is KIND
    assert letters.kind_of(Case("d-x", {}), KIND.id) is KIND
    with pytest.raises(RefusedError, match="No kind of letter"):
        letters.kind_of(case_of({"reason": "frequency"}))
    with pytest.raises(UsageError, match=KIND.id):
        letters.kind_of(case_of(), "poem")


def test_entered_values_are_checked_and_an_error_never_repeats_them():
    sentinel = "ZZSENTINELZZ"
    bad = {
        "order_date": sentinel, "filer": sentinel, "glucocorticoid_dose_mg": sentinel,
        "denied_cents": sentinel, "no_such_fact": sentinel,
    }  # fmt: skip
    with pytest.raises(UsageError) as caught:
        letters.enter(Case("d-x", {}), bad)
    assert sentinel not in str(caught.value)
    for name in bad:
        assert name in str(caught.value)


def test_entered_values_take_the_type_of_their_fact():
    case = letters.enter(
        Case("d-x", {}),
        {"order_date": "2026-10-08", "denied_cents": "$1,234.50", "filer": "The Patient",
         "signer_name": " Ines \x07 Example ", "category_finding": "a\r\nb"},
    )  # fmt: skip
    assert case.value("order_date") == date(2026, 10, 8)
    assert case.value("denied_cents") == 123450
    assert case.value("filer") == "enrollee"
    assert case.value("signer_name") == "Ines Example"
    assert case.value("category_finding") == "a\nb"


def test_an_error_or_a_printed_letter_object_never_repeats_a_fact(tmp_path):
    sentinel = "ZZSENTINELZZ"
    texts = {n: sentinel for n, k in fact_types().items() if k.kind in ("text", "long text")}
    texts.pop("procedure_code")
    case = case_of({**texts, "signer_phone": ""})
    letter = letters.draft(case, KIND, as_of=AS_OF)
    assert sentinel not in repr(letter) and sentinel not in repr(case)
    assert sentinel not in repr(case.facts)
    assert sentinel not in " ".join(letter.warnings)
    with pytest.raises(RefusedError) as caught:
        letters.write(letter, tmp_path / "a.pdf")
    assert sentinel not in f"{caught.value} {caught.value.needs}"
    for case in BOOK["cases"]:
        if "refused" in case:
            given = {**texts, **case["given"]}
            with pytest.raises(RefusedError) as caught:
                letters.draft(case_of(given), KIND, as_of=AS_OF)
            assert sentinel not in f"{caught.value} {caught.value.needs}"


def test_the_sender_is_warned_of_the_safe_date_the_order_and_the_dismissal():
    late = letter_of({"file_by": "2026-11-20", "order_date": "2026-10-01"})
    says = " ".join(late.warnings)
    assert "The safe day to file has passed" in says
    assert "order is older than the evaluation" in says
    assert "A dismissal" in says and "not forwarded" in says
    assert "A dismissal" not in words(late)


# --- how it prints ---------------------------------------------------------------------------


def docx_text(path: Path) -> str:
    from docx import Document

    document = Document(str(path))
    rows = [c.text for t in document.tables for r in t.rows for c in r.cells]
    return "\n".join([p.text for p in document.paragraphs] + rows)


def pdf_text(path: Path) -> list[str]:
    return [re.sub(r"\s+", " ", page.extract_text()) for page in PdfReader(path).pages]


class _Text(HTMLParser):
    def __init__(self):
        super().__init__()
        self.words, self.titles, self.tags = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.titles += [v for k, v in attrs if k == "title"]

    def handle_data(self, data):
        self.words.append(data)


def html_of(text: str) -> _Text:
    parser = _Text()
    parser.feed(text)
    return parser


@pytest.fixture(scope="module")
def nasty():
    return letter_of({"patient_name": NASTY, "denial_words": NASTY, "plan_name": NASTY})


def test_a_name_with_signs_in_it_stays_literal_in_every_form(nasty, tmp_path):
    for name in ("a.docx", "a.pdf", "a.md"):
        letters.write(nasty, tmp_path / name)
    assert docx_text(tmp_path / "a.docx").count(NASTY) >= 4
    assert "".join(pdf_text(tmp_path / "a.pdf")).count(NASTY) >= 4
    page = html_of(letters.as_html(nasty))
    assert "".join(page.words).count(NASTY) >= 4
    assert not [tag for tag, _ in page.tags if tag in ("x", "script")]
    unescaped = re.sub(r"\\([\\`*_{}\[\]<>#|~$&])", r"\1", letters.as_markdown(nasty))
    assert unescaped.count(NASTY) >= 4


def test_every_form_carries_every_sentence_of_the_letter(tmp_path):
    letter = letter_of()
    letters.write(letter, tmp_path / "a.docx")
    letters.write(letter, tmp_path / "a.pdf")
    flat = lambda text: re.sub(r"\s+", "", text).replace("’", "'")  # noqa: E731
    forms = {
        "docx": flat(docx_text(tmp_path / "a.docx")),
        "pdf": flat("".join(re.sub(r"Request for reconsideration of a denied DXA scan, November"
                                   r" 23, 2026 ?Page \d of \d", "", page)
                            for page in pdf_text(tmp_path / "a.pdf"))),
        "html": flat("".join(html_of(letters.as_html(letter)).words)),
    }  # fmt: skip
    for form, text in forms.items():
        for sentence in letter.sentences:
            for line in sentence.text.split("\n"):
                assert flat(line) in text, (form, line)


def test_the_html_shows_what_binds_each_sentence_and_colors_itself():
    letter = letter_of()
    page = html_of(letters.as_html(letter))
    bound = [attrs["title"] for tag, attrs in page.tags if attrs.get("class") == "bound"]
    headings = [s for s in letter.sections if s.heading]
    assert len(bound) == len(letter.sentences) - len(headings)
    assert all(bound)
    assert any("Date of the denial notice" in title for title in bound)
    assert any("42 CFR 422.136 (V2)" in title for title in bound)
    article = next(attrs for tag, attrs in page.tags if tag == "article")
    assert "background:#ffffff" in article["style"] and "color:#1b1f24" in article["style"]
    for tag, attrs in page.tags:
        if tag in ("p", "h3", "td", "th", "li"):
            assert "color:" in attrs["style"], tag


def test_an_incomplete_letter_is_refused_with_the_labels_of_what_is_missing(tmp_path):
    letter = letter_of({"signer_name": "", "order_date": ""})
    for name in ("a.docx", "a.pdf", "a.md"):
        with pytest.raises(RefusedError) as caught:
            letters.write(letter, tmp_path / name)
        assert set(caught.value.needs) == {
            "signer_name: Name of the person who signs",
            "order_date: Date of the order",
        }
    assert not list(tmp_path.iterdir())


def test_a_draft_says_so_on_every_page_and_lists_what_is_missing(tmp_path):
    letter = letter_of({"signer_name": "", "order_date": ""})
    letters.write(letter, tmp_path / "a.pdf", draft=True)
    letters.write(letter, tmp_path / "a.docx", draft=True)
    letters.write(letter, tmp_path / "a.md", draft=True)
    pages = pdf_text(tmp_path / "a.pdf")
    assert len(pages) > 1 and all("DRAFT" in page for page in pages)
    assert "[Date of the order]" in " ".join(pages)
    with zipfile.ZipFile(tmp_path / "a.docx") as parts:
        headers = [n for n in parts.namelist() if re.fullmatch(r"word/header\d*\.xml", n)]
        header = "".join(parts.read(n).decode() for n in headers)
    assert 'string="DRAFT"' in header and "DRAFT: not to be sent" in header
    assert "Still missing: Name of the person who signs, Date of the order" in docx_text(
        tmp_path / "a.docx"
    )
    assert (tmp_path / "a.md").read_text().startswith("**DRAFT: not to be sent.**")
    assert "DRAFT" in letters.as_html(letter)


def test_a_letter_that_is_sent_says_nowhere_that_it_is_a_draft(tmp_path):
    letters.write(letter_of(), tmp_path / "a.pdf")
    letters.write(letter_of(), tmp_path / "a.docx")
    assert "DRAFT" not in "".join(pdf_text(tmp_path / "a.pdf"))
    with zipfile.ZipFile(tmp_path / "a.docx") as parts:
        assert not [n for n in parts.namelist() if b"DRAFT" in parts.read(n)]
        assert not [n for n in parts.namelist() if b"{{" in parts.read(n) or b"{%" in parts.read(n)]
    assert "DRAFT" not in letters.as_html(letter_of())
    assert "DRAFT" not in letters.as_markdown(letter_of())


def test_the_same_letter_gives_the_same_bytes_for_its_owner_only(tmp_path):
    for suffix in ("docx", "pdf", "md"):
        first = letters.write(letter_of(), tmp_path / f"a.{suffix}")
        second = letters.write(letter_of(), tmp_path / f"b.{suffix}")
        assert first.read_bytes() == second.read_bytes(), suffix
        assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []


def test_a_file_type_that_is_not_offered_is_refused(tmp_path):
    for name in ("a.txt", "a"):
        with pytest.raises(UsageError, match="ends in .docx or .pdf or .md"):
            letters.write(letter_of(), tmp_path / name)
    with pytest.raises(UsageError, match="ends in .pdf or .md"):
        letters.write_proof(letter_of(), tmp_path / "a.docx")


def test_the_proof_is_a_file_of_its_own_with_each_source_its_mark_and_its_date(tmp_path):
    letter = letter_of()
    sent = letters.write(letter, tmp_path / "a.pdf")
    proof = letters.write_proof(letter, tmp_path / "proof.pdf", letter_file=sent)
    pages = pdf_text(proof)
    assert all("Not part of the letter; do not send." in page for page in pages)
    text = " ".join(pages)
    assert "Sources of this letter" in text and "A dismissal" in text
    markdown = letters.proof_markdown(letter)
    for each in letter.authorities:
        assert each.verified_on in markdown and f"| {each.status} |" in markdown
    assert "Sources of this letter" not in "".join(pdf_text(sent))
    assert "Sources of this letter" in letters.proof_html(letter)


def test_the_word_template_is_the_one_its_code_makes(tmp_path):
    assert make_template(tmp_path / "letter.docx").read_bytes() == TEMPLATE.read_bytes()


def test_a_hospitals_own_template_is_filled(tmp_path):
    from docx import Document

    document = Document()
    document.add_paragraph("{{ subject }}")
    document.add_paragraph("{{r addressee }}")
    buffer = io.BytesIO()
    document.save(buffer)
    own = tmp_path / "own.docx"
    own.write_bytes(buffer.getvalue())
    letters.write(letter_of(), tmp_path / "a.docx", template=own)
    assert "Lakeshore Synthetic Advantage" in docx_text(tmp_path / "a.docx")
