"""Letters and notes as a whole: which sentence decides, codes in a text, and texts that name a topic."""

from pathlib import Path

import pytest

from toolkit.denials import classify, codes, normalize_text, text
from toolkit.rules import load_yaml

TESTS = Path(__file__).parent
CASES = [
    pytest.param(case, id=case["case"])
    for case in load_yaml(TESTS / "cases" / "phrases" / "letters.yaml")
]


@pytest.mark.parametrize("case", CASES)
def test_each_text_is_read_as_its_case_says(case):
    answer = classify(text=case["text"])
    assert f"{answer.denial_category}/{answer.reason}" == case["expect"]


@pytest.mark.parametrize("case", CASES)
def test_a_text_and_the_same_text_normalized_have_one_answer(case):
    once = normalize_text(case["text"])
    assert normalize_text(once) == once
    assert classify(text=once) == classify(text=case["text"])


def test_a_letter_with_a_footer_on_timely_filing_is_read_by_its_reason():
    letter = (TESTS / "data" / "texts" / "letter_with_boilerplate.txt").read_text()
    answer = classify(text=letter)
    assert (answer.denial_category, answer.reason) == ("coding", "modifier")


def test_a_code_of_its_own_column_goes_before_a_code_in_the_text():
    answer = classify("CO", "29", text="Reason code CO-197")
    assert answer.denial_category == "timely_filing"
    answer = classify(None, None, ["N290"], text="Denied with N115")
    assert answer.denial_category == "provider_enrollment"


def test_an_answer_from_a_code_in_the_text_says_so_and_is_never_sure():
    answer = classify(text="Reason code CO-197")
    assert answer.decided_by == "carc 197 in denial_text"
    assert answer.confidence == "medium"
    assert answer.liability == "provider"
    assert any("denial_text" in warning for warning in answer.warnings)


def test_every_listed_code_in_a_text_has_the_category_that_it_has_in_its_column():
    for carc in codes.carcs():
        in_text = classify(text=f"Reason code CO-{carc}")
        assert in_text.denial_category == classify("CO", carc).denial_category, carc


def test_every_name_of_a_topic_has_a_category_and_every_category_but_one_has_a_topic():
    topics, _ = text._topics()
    named = {topic.category for topic in topics.values()}
    assert named == {c.id for c in codes.categories()} - {"unclassified"}
    for topic in topics.values():
        for name in topic.says:
            assert classify(text=name).denial_category != "unclassified", name


def test_sentences_of_a_letter_in_another_order_give_the_same_reason():
    parts = [
        "Reason: the diagnosis code is not valid.",
        "Appeals must be filed within 60 days.",
        "The member may not be billed.",
        "Corrected claims must be received within the timely filing limit.",
    ]
    for turn in range(len(parts)):
        letter = "\n".join(parts[turn:] + parts[:turn])
        assert classify(text=letter).denial_category == "coding"
