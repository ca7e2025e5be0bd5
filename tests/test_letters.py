"""Letters: what they say for which facts, what binds each sentence, and how they print."""

import re
import stat
import tomllib
import zipfile
from datetime import date
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from pypdf import PdfReader

from toolkit import letters
from toolkit.cases import Case, Fact
from toolkit.errors import InputError, RefusedError, RulesError, UsageError
from toolkit.letters import typesetting
from toolkit.letters.authority import Authority, authorities
from toolkit.letters.clauses import bound
from toolkit.letters.conditions import holds, parse
from toolkit.letters.derived import DERIVED, LAW
from toolkit.letters.facts import fact_types
from toolkit.letters.forms import ClauseForm
from toolkit.letters.layout import layout
from toolkit.letters.sentences import sentence_form
from toolkit.letters.template import TEMPLATE, make_template
from toolkit.rules import load_yaml

HERE = Path(__file__).parent
BOOK = load_yaml(HERE / "cases" / "letters" / "dexa_step_therapy.yaml")
_KIND = BOOK["kind"]
KIND = letters.compose(
    _KIND["act"], _KIND["program"], _KIND["level"], _KIND["issue"], _KIND["service"]
)
AS_OF = date.fromisoformat(BOOK["as_of"])
CASES = {case["case"]: case for case in BOOK["cases"]}
NASTY = "A & B <x> #1 $*@ {{ y }} [z] \\ _u_ `c`"
# Facts of the worklist that no letter prints or asks for.
UNASKED = {"level", "reason", "denial_category", "route", "state"}


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
        "plan_follows_medicare",
        "criteria_table",
        "dexa_choice_of_procedure",
        "dxa_required_monitoring",
        "dxa_required_confirmation",
        "step_therapy_part_b_drugs_only",
        "prior_authorization_purpose",
        "internal_criteria",
    ]
    assert [s.number for s in letter_of(given).sections if s.number] == list(range(1, 9))


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
                elif binding.kind == "rule":
                    assert binding.name in LAW
                elif binding.kind == "evidence":
                    assert binding.name in {one.id for one in letter.evidence}
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
    proofs = ["; ".join(b.says for b in s.bindings) for s in letter.sentences if s.text == "SYN-9"]
    assert proofs == ["Member number: 835 NM1*QC09, as of October 21, 2026"]


def test_what_stands_between_quotation_marks_is_an_allowed_quote_or_the_plans_own_words():
    allowed = {q.text for a in authorities().values() for q in a.quotes}
    payers = {
        "Step therapy requirement not met",
        "a heel ultrasound within 12 months",
        "age 50 or older",
    }
    for name, letter in drafted():
        for fragment in re.findall(r"“([^”]*)”", words(letter)):
            assert fragment in {*allowed, *payers}, name


def test_the_date_of_the_copy_that_was_read_stands_in_the_proof_and_not_in_the_letter():
    letter = letter_of()
    assert "text of" not in letter.text
    proofs = " ".join(b.says for sentence in letter.sentences for b in sentence.bindings)
    assert "42 CFR 422.136 (V2), text of 2024-11-22" in proofs
    assert "42 CFR 410.31(b)(1)(i) (V), text of 2007-10-01" in proofs


def test_each_sentence_has_a_role_and_an_argument_names_its_premises():
    roles = {"fact": 0, "rule": 0, "argument": 0, "evidence": 0, "request": 0}
    for name, letter in drafted():
        for sentence in letter.sentences:
            roles[sentence.role] += 1
            kinds = {binding.kind for binding in sentence.bindings}
            if sentence.role == "argument":
                assert kinds & {"authority", "rule"}, (name, sentence.text)
            if sentence.role == "fact":
                assert not kinds & {"authority", "rule"}, (name, sentence.text)
    assert all(roles.values())


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
    ("change", "says"),
    [
        ({"text": "It is so, [[422.136]]."}, "422.136 does not govern part_d"),
        ({"text": "It is so, [[422.136]]. {in: medicare_advantage}"}, "no program of the clause"),
        ({"acts": ("poem",)}, "poem is no act"),
        ({"issues": ("rain",)}, "rain is no issue"),
        ({"levels": ("roof",)}, "roof is no level"),
        ({"table": "device"}, "device is no table"),
    ],
)
def test_a_clause_that_could_never_stand_or_cites_what_does_not_govern_is_refused(change, says):
    import msgspec

    form = {"id": "c", "slot": "argument", "text": "It is {{ plan_name }}.", **change}
    with pytest.raises(ValueError, match=re.escape(says)):
        bound(msgspec.convert(form, ClauseForm), programs=("part_d",))


def test_a_kind_that_lacks_the_rule_by_which_an_authority_governs_is_refused():
    import msgspec

    from toolkit.letters import letter_kind

    fewer = [c for c in KIND.clauses if c.id not in ("plan_follows_medicare",)]
    with pytest.raises(RulesError, match=re.escape("through 422.101(b)(2): cite it too")):
        letter_kind._check_bridges(msgspec.structs.replace(KIND, clauses=tuple(fewer)))


def test_conditions_mean_what_they_say():
    facts = {"a": "x", "d": date(2026, 1, 2), "e": date(2026, 1, 3), "n": "5.0"}
    for text, answer in {
        "a": True, "b": False, "not a": False, "not b": True, "a = x": True, "a = y": False,
        "a != y": True, "b != y": True, "a in x, y": True, "b in x, y": False,
        "a and not b": True, "": True,
        "(a = y or not b)": True, "(a = y or b) and a": False, "a and (a = y or a = x)": True,
        "d < e": True, "e < d": False, "d <= d": True, "d < b": False, "d > 2026-01-01": True,
        "n >= 5": True, "n > 5": False, "n < 5.1": True,
    }.items():  # fmt: skip
        assert holds(parse(text), facts) is answer, text


# --- needs -----------------------------------------------------------------------------------


def test_a_letter_without_facts_lists_every_fact_it_always_needs():
    empty = letters.draft(Case("d-x", {}), KIND, as_of=AS_OF)
    always = {need.name for need in letters.needs(KIND) if need.required}
    sender = {name for name in fact_types() if name.startswith(("hospital_", "signer_"))}
    # The sender is not needed where the patient signs, the name of a service not where its code is known.
    assert always == {need.name for need in empty.missing} - sender - {"service_name"}
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
        "the interval since the last service is too short"
    )


def test_the_kind_is_put_together_by_act_program_level_issue_and_service():
    assert repr(letters.suggest(case_of())) == repr(KIND)
    assert letters.suggest(case_of()) == letters.kind_of(case_of())
    assert letters.kind_of(case_of()) == letters.kind_of(case_of(), "appeal")
    other = letters.kind_of(case_of({"reason": "frequency", "procedure_code": "70551"}))
    assert (other.issue.id, other.service.id) == ("frequency", "mri")
    with pytest.raises(UsageError, match="criteria_request"):
        letters.kind_of(case_of(), "poem")


def test_the_program_and_the_answer_are_never_assumed():
    with pytest.raises(RefusedError, match="program that governs the claim is not known"):
        letters.kind_of(case_of({"program": ""}))
    with pytest.raises(RefusedError, match="No letter answers this denial first"):
        letters.kind_of(case_of({"route": "bill_patient"}))
    assert letters.suggest(case_of({"route": "accept"})) is None


@pytest.mark.parametrize(
    ("route", "act"),
    [
        ("appeal", "appeal"),
        ("retro_authorization", "appeal"),
        ("corrected_claim", "corrected_claim_cover"),
        ("send_records", "records_cover"),
        ("reopening", "clerical_reopening"),
        ("other_payer", "corrected_claim_cover"),
    ],
)
def test_the_route_of_a_denial_names_its_first_letter(route, act):
    assert letters.kind_of(case_of({"route": route})).id == act


def test_a_need_says_who_has_the_fact_and_why_it_matters():
    by_name = {need.name: need for need in letters.needs(KIND)}
    assert by_name["evaluation_record"].holder == "chart"
    assert "criterion of coverage" in by_name["evaluation_record"].why
    assert "42 CFR 410.31(b)(1)(i)" in by_name["evaluation_record"].why
    assert "has to state" in by_name["signer_name"].why
    assert by_name["representative_form_date"].holder == "patient"
    silent = [n.name for n in letters.needs(KIND) if n.required and not (n.why and n.holder)]
    assert silent == []


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
         "signer_name": " Ines \x07 \u202eExample\u2066 ", "category_finding": "a\r\nb"},
    )  # fmt: skip
    assert case.value("order_date") == date(2026, 10, 8)
    assert case.value("denied_cents") == 123450
    assert case.value("filer") == "enrollee"
    assert case.value("signer_name") == "Ines Example"
    assert case.value("category_finding") == "a\nb"


def test_an_error_or_a_printed_letter_object_never_repeats_a_fact(tmp_path):
    sentinel = "ZZSENTINELZZ"
    texts = {n: sentinel for n, k in fact_types().items() if k.kind in ("text", "long text")}
    for name in ("procedure_code", "good_cause"):
        texts.pop(name)
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


def test_the_sender_is_warned_of_the_safe_date_the_paper_and_the_dismissal():
    given = {"stage": "payment", "filer": "non_contract_provider", "service_date": "2026-09-01"}
    given |= {"notice_date": "2026-09-22", "waiver_date": "2026-11-01", "order_date": "2026-08-01"}
    late = letter_of(
        {**given, "evaluation_date": "2026-08-01"}
    )  # plans count 60 days from the notice
    says = " ".join(late.warnings)
    assert "The safe day to file has passed" in says
    assert "The law asks this filer for: waiver of liability" in says
    assert "A dismissal" in says and "not forwarded" in says
    assert "A dismissal" not in words(late)
    assert len(late.warnings) <= 4


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
        "pdf": flat("".join(re.sub(r"November 23, 2026 · Member number SYN-000-4471 · Your"
                                   r" reference PA-SYN-88102 ?Page \d of \d", "", page)
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
    bound = [attrs for tag, attrs in page.tags if attrs.get("class") == "bound"]
    assert len(bound) == len(letter.sentences)
    assert all(attrs["tabindex"] == "0" and attrs["aria-description"] for attrs in bound)
    assert not any("title" in attrs for _, attrs in page.tags), "a pointer alone would show it"
    said = [attrs["aria-description"] for attrs in bound]
    assert any("Date of the denial notice" in text for text in said)
    assert any("42 CFR 422.136 (V2)" in text for text in said)
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
            "signer_name: Name of the person who signs (from: sender; the request has to state who asks,"
            " in writing (42 CFR 422.582(a)))",
            "order_date: Date of the order (from: chart; it shows a criterion of coverage (42 CFR"
            " 410.31(b)(1)(i)))",
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


@pytest.mark.parametrize("name", ["\u738b\u5c0f\u660e", "Testcase \U0001f600"])
def test_a_name_that_no_font_has_is_refused_with_what_to_install(name, tmp_path, monkeypatch):
    monkeypatch.setattr(typesetting, "_SOURCES", ("own",))  # as on a machine without fonts
    letter = letter_of({"patient_name": name})
    with pytest.raises(RefusedError, match="has a glyph") as caught:
        letters.write(letter, tmp_path / "a.pdf")
    assert not set(name) & set(f"{caught.value} {caught.value.needs}") - set("Testcase ")
    assert "denial-toolkit[scripts]" in caught.value.needs[0]
    assert name in docx_text(letters.write(letter, tmp_path / "a.docx"))


def _fonts_of(page) -> list[str]:
    return [str(one.get_object()["/BaseFont"]) for one in page["/Resources"]["/Font"].values()]


@pytest.mark.parametrize(
    "name",
    [
        "\u0645\u062d\u0645\u062f",  # Arabic
        "Testcase \U0001f469\u200d\u2695\ufe0f 1\ufe0f\u20e3 \U0001f1fa\U0001f1f8 \u2764\ufe0f \u00a9",  # emoji
    ],
)
def test_a_font_package_gives_the_pdf_its_script(name, tmp_path, monkeypatch):
    monkeypatch.setattr(typesetting, "_SOURCES", ("own", "packages"))
    path = letters.write(letter_of({"patient_name": name}), tmp_path / "a.pdf")
    assert set(name) <= set("".join(pdf_text(path)))
    assert letters.verify(path).holds
    fonts = {font for page in PdfReader(path).pages for font in _fonts_of(page)}
    assert ("NotoEmoji" in str(fonts)) == ("Testcase" in name)


def test_a_text_from_right_to_left_is_set_apart_in_every_form(tmp_path):
    name = "\u05e9\u05dc\u05d5\u05dd"
    letter = letter_of({"patient_name": name})
    mark = "\u200e"
    assert f"{mark}{name}{mark}, " in letters.as_markdown(letter)
    assert f"<bdi>{name}</bdi>" in letters.as_html(letter)
    path = letters.write(letter, tmp_path / "a.docx")
    assert f"{mark}{name}{mark}, " in docx_text(path)
    with zipfile.ZipFile(path) as parts:
        assert b"<w:rtl/>" in parts.read("word/document.xml")
    assert mark not in letters.as_markdown(letter_of())


def test_the_font_packages_are_those_of_the_extra():
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]
    extra = project["optional-dependencies"]["scripts"]
    names = {line.split(">")[0].replace("-", "_") for line in extra}
    assert names == set(typesetting.FONT_PACKAGES)


def test_a_pdf_says_that_it_is_accessible_and_kept_as_it_is(tmp_path):
    reader = PdfReader(letters.write(letter_of(), tmp_path / "a.pdf"))
    about = reader.trailer["/Root"]["/Metadata"].get_data().decode()
    for said in ("pdfuaid:part>1<", "pdfaid:part>2<", "pdfaid:conformance>A<"):
        assert said in about
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"] and reader.trailer["/Root"]["/Lang"]
    assert reader.metadata.title == letter_of().subject


def test_no_last_page_holds_a_few_lines_only(tmp_path):
    for length in range(0, 1600, 80):  # wherever the last lines of the letter fall
        letter = letter_of({"procedure_reason": "reason " * (length // 8 + 1)})
        _, places = typesetting.placed("letter", layout(letter, draft=False))
        end = places["end"]
        assert end["page"] == 1 or end["down"] >= 200


def test_no_page_holds_a_signature_alone(tmp_path):
    for length in range(0, 1600, 160):  # wherever the last lines of the letter fall
        letter = letter_of({"procedure_reason": "reason " * (length // 8 + 1)})
        letters.write(letter, tmp_path / "a.pdf")
        last = next(page for page in reversed(pdf_text(tmp_path / "a.pdf")) if "Sincerely" in page)
        assert "Thank you for your review." in last


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


def own_template(path, *lines, header="", footer=""):
    from docx import Document

    document = Document()
    for line in lines:
        document.add_paragraph(line)
    if header:
        document.sections[0].header.paragraphs[0].text = header
    if footer:
        document.sections[0].footer.paragraphs[0].text = footer
    document.save(str(path))
    return path


def test_a_hospitals_own_template_keeps_its_looks_and_holds_the_letter(tmp_path):
    from docx import Document
    from docx.shared import Pt

    own = own_template(
        tmp_path / "own.docx", "About: {{ subject }}", "{{ letter }}", "Founded in 1890",
        header="Maple Harbor, by the lake", footer="A member of nobody",
    )  # fmt: skip
    document = Document(str(own))
    document.styles["Normal"].font.name = "Georgia"
    words = document.paragraphs[0]
    for run in words.runs:  # as Word spreads a field over several runs
        run.text = ""
    for piece in ("About: {", "{ sub", "ject }", "}"):
        words.add_run(piece).font.size = Pt(14)
    document.save(str(own))
    path = letters.write(letter_of(), tmp_path / "a.docx", template=own)
    made = Document(str(path))
    text = docx_text(path)
    assert f"About: {letter_of().subject}" in text and "Founded in 1890" in text
    assert made.styles["Normal"].font.name == "Georgia"
    assert "Maple Harbor, by the lake" in made.sections[0].header.paragraphs[0].text
    foot = "".join(one.text for one in made.sections[0].footer.paragraphs)
    assert "A member of nobody" in foot and "SYN-000-4471" in foot and "Page" in foot
    plain = text.replace("’", "'").replace("\u00a0", " ")
    for sentence in letter_of().sentences[len(letter_of().sender) :]:
        assert all(line in plain for line in sentence.text.split("\n")), sentence
    found = letters.verify(path)
    assert found.holds, found
    assert (
        not found.added
        and letters.verify(letters.write(letter_of(), tmp_path / "b.docx", template=own)).untouched
    )


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (
            ["{{ letter }}", "{{ patient }}"],
            r"own.docx: paragraph 2: there is no field \{\{ patient",
        ),
        (["{{ letter }}", "{{ the name }}"], r"paragraph 2: \{\{ the name \}\} is not a field"),
        (["{{ letter }}", "{{ name"], r"paragraph 2: \{\{ is not a field"),
        (["{%p if x %}", "{{ letter }}"], r"paragraph 1: \{%p if x %\} is not a field"),
        (["Dear all, {{ letter }}"], r"paragraph 1: .*stands alone"),
        (["{{ subject }}"], r"the field \{\{ letter \}\} is missing"),
    ],
)
def test_a_template_with_a_wrong_field_is_refused_with_its_place(lines, says, tmp_path):
    own = own_template(tmp_path / "own.docx", *lines)
    with pytest.raises(InputError, match=says):
        letters.write(letter_of(), tmp_path / "a.docx", template=own)
    assert not (tmp_path / "a.docx").exists()


def test_a_wrong_field_in_a_header_is_named_and_a_file_that_is_no_document(tmp_path):
    own = own_template(tmp_path / "own.docx", "{{ letter }}", header="{{ logo }}")
    with pytest.raises(InputError, match="the header, paragraph 1: there is no field {{ logo }}"):
        letters.write(letter_of(), tmp_path / "a.docx", template=own)
    own.write_bytes(b"not a document")
    with pytest.raises(InputError, match="not a Word document"):
        letters.write(letter_of(), tmp_path / "a.docx", template=own)


def test_the_senders_lines_stand_in_the_formats_of_the_template(tmp_path):
    from docx import Document

    first, second = Document(str(letters.write(letter_of(), tmp_path / "a.docx"))).paragraphs[:2]
    assert first.text == "Maple Harbor Regional Hospital"
    assert second.text == "1200 Example Way  ·  Sampleton, OH 00000"
    assert {run.font.size.pt for run in first.runs} == {18}
    assert {run.font.size.pt for run in second.runs} == {9.5}


def test_what_looks_like_a_field_or_a_tag_in_a_fact_stays_text(tmp_path):
    name = "{{ 7*7 }} {_{ x }_} {%p if y %} <w:p/> \ue000date\ue001 ${x}"
    path = letters.write(letter_of({"patient_name": name}), tmp_path / "a.docx")
    assert docx_text(path).count(name) >= 4


def test_a_draft_in_a_hospitals_template_says_so_on_every_page(tmp_path):
    own = own_template(tmp_path / "own.docx", "{{ letter }}", header="Maple Harbor")
    letter = letter_of({"signer_name": ""})
    path = letters.write(letter, tmp_path / "a.docx", template=own, draft=True)
    with zipfile.ZipFile(path) as parts:
        headers = [parts.read(n).decode() for n in parts.namelist() if "word/header" in n]
    assert headers and all('string="DRAFT"' in one and "Maple Harbor" in one for one in headers)
    assert letters.verify(path).holds
