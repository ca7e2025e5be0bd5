"""Denials: every code, every rule of the taxonomy, and every phrase, walked from readable cases."""

import itertools
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from toolkit import denials
from toolkit.denials import codes, text
from toolkit.denials.classify import Denial, classify
from toolkit.errors import RulesError, UsageError
from toolkit.rules import RULES, read, read_csv
from toolkit.rules.loader import load_yaml

CASES = Path(__file__).parent / "cases" / "denials"


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A case that a compliance officer can read: facts, the answer, words of its reasons."""

    case: str
    given: dict[str, str | list[str]]
    expect: dict[str, str]
    warns: tuple[str, ...] = ()
    says_why: tuple[str, ...] = ()


def cases() -> list:
    return [
        pytest.param(case, id=f"{path.stem}: {case.case}")
        for path in sorted(CASES.glob("*.yaml"))
        for case in read(path, tuple[Case, ...])
    ]


def ask(given: dict) -> Denial:
    given = dict(given)
    if "unpaid_alone" in given:
        given["unpaid_alone"] = given["unpaid_alone"] == "yes"
    return classify(**given)


def shown(answer: Denial, name: str) -> str:
    value = getattr(answer, name)
    return ("yes" if value else "no") if isinstance(value, bool) else value


@pytest.mark.parametrize("case", cases())
def test_the_answer_is_the_one_the_case_expects(case):
    answer = ask(case.given)
    assert {name: shown(answer, name) for name in case.expect} == case.expect
    for words in case.warns:
        assert any(words in warning for warning in answer.warnings), answer.warnings
    for words in case.says_why:
        assert words in answer.why_not


def test_no_two_cases_have_the_same_name():
    names = [p.id for p in cases()]
    assert len(names) == len(set(names))


# --- the code lists ------------------------------------------------------------------------------

CARCS = [pytest.param(c, id=c.code) for c in codes.carcs().values()]


@pytest.mark.parametrize("entry", CARCS)
def test_a_carc_row_gives_the_answer_of_its_own_example(entry):
    key, _, expected = entry.example.partition(" = ")
    carc, *rarcs = key.split()
    assert codes.read_carc(carc)[1] == entry.code
    answer = classify(None, carc, rarcs)
    assert f"{answer.denial_category}/{answer.reason}" == expected
    assert entry.code in answer.decided_by or any(r in answer.decided_by for r in rarcs)


def test_every_code_of_the_lists_is_on_file():
    # Counts of the code list when it was read, with what came after it: four reason codes, and the remarks to N885. The
    # list has the three remarks that only the taxonomy names, and N782, N822 and N823, already.
    assert len(codes.carcs()) >= 401 + 4
    after = [f"N{number}" for number in range(735, 886)]
    assert set(after) <= set(codes.rarcs())
    assert len(codes.rarcs()) >= 1004 + 3 + len(after) - 3


def test_every_remark_of_the_no_surprises_act_has_its_meaning():
    for number in [830, *range(858, 861), *range(862, 880), 882, 884, 885]:
        row = codes.rarcs()[f"N{number}"]
        assert row.says and row.mark, row.code
    for code in ("N876", "N877"):
        answer = classify("CO", "45", [code])
        assert any("open negotiation" in warning for warning in answer.warnings)
    assert len(codes.group_codes()) == 5
    assert len(codes.claim_statuses()) == 17
    assert len(codes.plb_reasons()) == 41


def test_every_remark_with_words_has_an_effect_and_marks():
    for row in codes.rarcs().values():
        assert bool(row.says) == bool(row.mark) == bool(row.map_mark), row.code
        effects = (row.category, row.appeal, row.liability, row.patient_billing, row.informational)
        assert bool(row.says) == any(effects), row.code
        assert bool(row.category) == bool(row.over), row.code


def test_every_remark_gives_an_answer_under_every_group():
    for group, row in itertools.product(["CO", "PI", "PR", "OA"], codes.rarcs()):
        answer = classify(group, "16", [row])
        assert answer.denial_category in codes.category_of()
        assert answer.route in codes.routes()


def test_every_answer_speaks_the_declared_vocabulary():
    for group, carc in itertools.product(["CO", "PI", "PR", "OA", "CR", None], codes.carcs()):
        answer = classify(group, carc)
        about = codes.category_of()[answer.denial_category]
        assert answer.reason in about.reasons
        assert answer.route in codes.routes()
        assert answer.appealable == (not answer.why_not)
        assert answer.is_denial == (answer.denial_category != "not_a_denial")
        if not answer.appealable:
            assert answer.route not in {"appeal", "contract_dispute"}


def test_the_pairs_that_are_no_denial_agree_with_the_rows_of_their_codes():
    rules = codes.not_a_denial()
    named = {carc for pair in rules.pairs for carc in pair.carcs}
    assert named == set("1 2 3 66 178 241 247 248 45 253 104 131 144 246 23".split())
    for row in codes.carcs().values():
        if row.code in named:
            assert row.category == "not_a_denial", row.code
        if row.category == "not_a_denial":
            assert (row.nature, row.needs_remark) == ("none", None), row.code


def test_a_retired_code_has_a_sibling_in_use_and_its_category():
    # B5 stays where the taxonomy puts it; its siblings are medical necessity.
    for row in codes.carcs().values():
        siblings = row.retired_to.split()
        assert not siblings or row.status == "retired", row.code
        for sibling in siblings:
            assert codes.carcs()[sibling].status == "active", row.code
        if siblings and row.code != "B5":
            assert row.category == codes.carcs()[siblings[0]].category, row.code


def test_a_denial_code_that_is_retired_names_its_sibling():
    unnamed = {
        c.code
        for c in codes.carcs().values()
        if c.status == "retired" and c.category != "not_a_denial" and not c.retired_to
    }
    assert unnamed == set()


def test_a_code_with_its_group_is_found_by_its_spellings_only():
    assert denials.code("CARC", "CO-4").code == "4"
    assert denials.code("carc", "045").code == "45"
    assert denials.code("rarc", "ma 130").code == "MA130"
    assert denials.code("group", "co").code == "CO"
    assert denials.code("CLP02", 22.0).standing == "reversal"
    assert denials.code("PLB03-1", "wo").effect == "recovery"
    assert denials.code("carc", "999") is None
    assert denials.code("rarc", "N115 N386") is None
    with pytest.raises(UsageError, match="unknown list"):
        denials.code("icd", "1")


def test_every_file_of_the_folder_says_where_it_comes_from():
    listed = [entry["file"] for entry in load_yaml(codes.FOLDER / "sources.yaml")]
    on_disk = {p.name for p in codes.FOLDER.iterdir() if p.suffix in {".csv", ".yaml"}}
    assert len(listed) == len(set(listed))
    assert set(listed) | {"sources.yaml"} == on_disk


def test_meanings_are_short_and_not_the_wording_of_the_lists():
    # Habits of the official wording that no text of ours has.
    habits = re.compile(
        r"claim/service|service/equipment/drug|is inconsistent with|payment adjusted because|"
        r"remittance advice remark code|usage:|note: refer to|missing/incomplete/invalid|alert:",
        re.IGNORECASE,
    )
    for table in (codes.carcs(), codes.rarcs(), codes.claim_statuses(), codes.plb_reasons()):
        for row in table.values():
            assert not habits.search(row.says), row.code
            assert len(row.says) < 120, row.code


# --- spellings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spelling",
    ["CO16", "CO-16", "co 16", "CO*16", "CO_16", "CO:16", "CO 016", "carc16", " 16 ", "16.0",
     "016", 16, 16.0, "CARC 16", "carc-16", "CO-CARC 16", "Carc CO-16", "0016", "16.00"],
)  # fmt: skip
def test_a_spelling_of_sixteen_is_sixteen(spelling):
    assert codes.read_carc(spelling)[1] == "16"


@pytest.mark.parametrize(
    "spelling", ["MA130", "MA-130", "ma 130", "MA0130", "rarc ma130", "RARC: MA130"]
)
def test_a_spelling_of_the_unprocessable_remark_is_that_remark(spelling):
    assert codes.read_rarcs(spelling) == (("MA130",), True)
    assert not classify("CO", "16", spelling).appealable


@pytest.mark.parametrize("spelling", ["MA01", "MA1", "ma-1", "MA 001"])
def test_a_remark_that_the_list_writes_with_a_zero_keeps_it(spelling):
    assert codes.read_rarcs(spelling) == (("MA01",), True)


@pytest.mark.parametrize(
    "cell, expected",
    [
        ("M76 MA130", ("M76", "MA130")),
        ("M76,MA130;N1", ("M76", "MA130", "N1")),
        ("N1|N1", ("N1",)),
        (["ma 130", "M76 N20"], ("MA130", "M76", "N20")),
        (("MA130", None, ""), ("MA130",)),
        ("", ()),
        (None, ()),
        (float("nan"), ()),
        ([], ()),
    ],
)
def test_remark_codes_are_read_from_one_cell_or_a_list(cell, expected):
    assert codes.read_rarcs(cell) == (expected, True)


def test_a_remark_that_cannot_be_read_is_said_so_and_the_others_are_kept():
    answer = classify("CO", "16", "M76 missing diagnosis")
    assert answer.reason == "diagnosis_code"
    assert any("rarcs" in warning for warning in answer.warnings)


@pytest.mark.parametrize(
    "cell",
    ["", "0", "CO", "16 45", "16,45", "16/45", "1616", "16.5", "-16", "C016", "CO16X", "X16", "MA130",
     "CO--", "16%", "$16.00", "1e1", "A", "AA1", "CO-16-45", "not covered", None, float("nan"), "<NA>"],
)  # fmt: skip
def test_what_is_no_single_code_is_never_a_code(cell):
    if cell == "CO--":
        assert codes.read_carc(cell)[1] == ""
    else:
        assert codes.read_carc(cell) == ("", "")


def test_a_code_is_never_the_prefix_of_another():
    known = sorted(codes.carcs())
    for group in ("CO", "PR", "OA", "PI"):
        for carc in known:
            for spelling in (f"{group}{carc}", f"{group}-{carc}", f"{group} {carc}".lower()):
                assert codes.read_carc(spelling) == (group, carc)
    for remark in codes.rarcs():
        assert codes.read_rarcs(remark.lower()) == ((remark,), True)


def test_a_code_with_more_digits_is_another_code():
    assert classify("CO", "4").denial_category == "coding"
    for longer in ("40", "45", "49"):
        assert classify("CO", longer).decided_by != "carc 4"
    assert classify("PR", "1").denial_category == "not_a_denial"
    assert classify("PR", "100").decided_by == "carc 100"
    assert classify("CO", "4444").denial_category == "unclassified"


def test_the_group_written_with_the_reason_is_used_where_the_column_is_empty():
    assert classify(None, "PR-27") == classify("PR", "27")
    assert classify("co", "CO-16") == classify("CO", "16")
    assert classify("CO-16", None) == classify("CO", "16")


def test_a_warning_never_repeats_what_stands_in_a_cell():
    answer = classify("ZEBRA", "QUAGGA 16", "OKAPI", text="OKAPI QUAGGA", program="QUAGGA")
    words = " ".join((*answer.warnings, answer.why_not, answer.decided_by, answer.reason)).upper()
    assert not any(w in words for w in ("ZEBRA", "QUAGGA", "OKAPI"))
    assert answer.denial_category == "unclassified"


# --- ranks, primary reason, soft and hard --------------------------------------------------------


def test_the_ranks_are_those_of_rule_seven():
    order = [
        "timely_filing",
        "eligibility",
        "coordination_of_benefits",
        "authorization",
        "medical_necessity",
        "clinical_validation",
        "documentation",
        "claim_data",
        "coding",
        "bundling",
        "duplicate",
        "benefit_limit",
        "non_covered",
        "provider_enrollment",
        "pricing",
    ]
    assert [denials.rank(c) for c in order] == list(range(15))
    assert sorted(c.rank for c in denials.categories()) == list(range(18))
    assert denials.rank("not_a_denial") == 17
    with pytest.raises(UsageError, match="no such category"):
        denials.rank("other")


def test_the_categories_are_those_of_the_contract():
    assert {c.id: c.short_id for c in denials.categories()} == {
        "not_a_denial": "NAD", "eligibility": "ELIG", "coordination_of_benefits": "COB",
        "authorization": "AUTH", "medical_necessity": "MEDNEC", "clinical_validation": "CLINVAL",
        "coding": "CODE", "bundling": "BUNDLE", "documentation": "DOC", "claim_data": "DATA",
        "timely_filing": "TIMELY", "duplicate": "DUP", "non_covered": "NONCOV",
        "benefit_limit": "LIMIT", "provider_enrollment": "PROV", "pricing": "PRICE",
        "appeal_result": "APPRES", "unclassified": "OTHER",
    }  # fmt: skip
    assert set(codes.routes()) == {
        "appeal", "corrected_claim", "send_records", "reopening", "other_payer",
        "retro_authorization", "contract_dispute", "bill_patient", "accept", "review", "none",
    }  # fmt: skip
    wanted = {"step_therapy", "experimental", "frequency", "level_of_care",
              "not_reasonable_and_necessary", "coverage_policy"}  # fmt: skip
    assert wanted <= set(codes.category_of()["medical_necessity"].reasons)
    for category in denials.categories():
        assert category.default_route in codes.routes()
        assert set(category.plain_reasons) <= set(category.reasons)


def test_the_primary_denial_is_the_largest_and_ties_go_by_rank():
    late, auth, share = classify("CO", "29"), classify("CO", "197"), classify("PR", "1")
    assert denials.primary([(auth, 500), (late, 400), (share, 9000)]) == 0
    assert denials.primary([(auth, 500), (late, 500)]) == 1
    assert denials.primary([(share, 9000), (auth, -500)]) == 1
    assert denials.primary([(auth, 500), (auth, 500)]) == 0
    assert denials.primary([(share, 9000)]) is None


def test_soft_and_hard_follow_from_the_route():
    assert denials.hardness(classify("CO", "50", ["N115"])) == "hard"
    assert denials.hardness(classify("CO", "16", ["M76"])) == "soft"
    assert denials.hardness(classify("CO", "252", ["M127"])) == "soft"
    assert denials.hardness(classify("CO", "45")) == ""


def test_the_order_of_remarks_never_changes_the_category():
    remarks = ["N115", "M76", "M127", "MA130", "N211", "MA01", "N290"]
    for carc in ("16", "50", "11", "29", "A1", "45"):
        for three in itertools.combinations(remarks, 3):
            found = {
                (a.denial_category, a.reason, a.route, a.appealable)
                for order in itertools.permutations(three)
                for a in [classify("CO", carc, order)]
            }
            assert len(found) == 1


def test_a_blocking_remark_closes_the_appeal_under_every_code():
    for remark, carc in itertools.product(["MA130", "N211", "MA44", "N83", "N111"], codes.carcs()):
        answer = classify("CO", carc, [remark])
        assert not answer.appealable
        assert answer.route not in {"appeal", "contract_dispute"}
        if answer.is_denial:
            assert remark in answer.why_not
            if remark == "MA130":
                assert answer.route == "corrected_claim"


# --- free text -----------------------------------------------------------------------------------

PHRASES = [pytest.param(p, id=p.id) for p in text.phrases()]


@pytest.mark.parametrize("phrase", PHRASES)
def test_a_phrase_finds_its_examples_and_leaves_its_counter_examples(phrase):
    for example in phrase.examples:
        assert phrase in text.find(example), example
    for example in phrase.counter_examples:
        assert phrase not in text.find(example), example


def test_a_negation_of_something_else_leaves_the_reason():
    assert text.find("Not covered: experimental")[0].reason == "experimental"
    assert text.find("Not on formulary, no prior authorization")[0].category == "authorization"


def test_an_empty_cell_of_a_frame_is_no_text():
    missing = float("nan")
    assert classify("CO", "29", missing, text=missing) == classify("CO", "29")


def test_there_are_phrases_for_every_category_but_unclassified():
    assert len(PHRASES) >= 40
    assert {p.category for p in text.phrases()} == set(codes.category_of()) - {"unclassified"}


@pytest.mark.parametrize(
    "negated",
    [
        "This service does not require prior authorization",
        "Doesn't need preauthorization",
        "Prior authorization is not required",
        "Not subject to step therapy",
        "This is not a duplicate",
        "Not considered experimental or unproven",
        "Neither cosmetic nor experimental",
        "No referral is required",
        "Timely filing limit was met",
    ],
)
def test_a_negated_reason_is_no_reason(negated):
    assert text.find(negated) == ()
    assert classify(text=negated).denial_category == "unclassified"


@pytest.mark.parametrize(
    "raw, normalized",
    [
        ("Claim #A123456 DENIED on 01/15/2026!", "claim # denied on #"),
        ("Pre-cert wasn't obtained.", "pre cert was not obtained"),
        ("Paid $1,234.56 on Jan 5, 2026", "paid # on #"),
        ("Dr. Jane Smith's request; Patient: Doe, John was late", "request . was late"),
        ("once every 24 months", "once every # months"),
        ("", ""),
        ("  ...  ", ""),
    ],
)
def test_a_text_is_normalized_to_few_distinct_ones(raw, normalized):
    assert text.normalize_text(raw) == normalized


def test_normalizing_twice_changes_nothing():
    for phrase in text.phrases():
        for example in (*phrase.examples, *phrase.counter_examples, "A1-22: x (3/4) 5 6 may 7"):
            once = text.normalize_text(example)
            assert text.normalize_text(once) == once
            assert text.find(once) == text.find(example)


def test_a_may_that_is_no_month_stays():
    assert text.normalize_text("you may appeal") == "you may appeal"


# --- the files themselves ------------------------------------------------------------------------


def test_a_reason_that_is_not_declared_is_refused():
    with pytest.raises(RulesError, match="not declared"):
        codes.check_reason("coding", "step_therapy", "", "here")
    with pytest.raises(RulesError, match="not in categories.yaml"):
        codes.check_reason("denied", "x", "", "here")
    with pytest.raises(RulesError, match="route"):
        codes.check_reason("coding", "modifier", "phone", "here")


def test_a_column_that_the_list_does_not_know_is_refused(tmp_path):
    source = (codes.FOLDER / "claim_status.csv").read_text(encoding="utf-8")
    bad = tmp_path / "claim_status.csv"
    bad.write_text(source.replace("standing", "state", 1), encoding="utf-8")
    with pytest.raises(RulesError):
        read_csv(bad, codes.ClaimStatus)


def test_the_rule_files_stand_in_their_folder():
    assert codes.FOLDER == RULES / "denials"


def test_importing_the_room_loads_no_frames():
    command = (
        "import sys, toolkit.denials as d; d.classify('CO', '16');"
        "print([m for m in ('pandas', 'numpy', 'matplotlib', 'IPython') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
