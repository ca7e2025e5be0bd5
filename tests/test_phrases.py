"""Free text: how a denial reason is read, what negates it, and which of several reasons decides."""

import csv
import random
from pathlib import Path

import pytest

from toolkit.denials import classify, codes, normalize_text, text
from toolkit.errors import RulesError

# Texts that the phrases were written with: they keep what works, and measure nothing.
PARAPHRASES = Path(__file__).parent / "cases" / "phrases" / "paraphrases.csv"
PHRASES = [pytest.param(p, id=p.id) for p in text.phrases()]


def category(words: str) -> str:
    return classify(text=words).denial_category


@pytest.mark.parametrize("phrase", PHRASES)
def test_the_category_of_every_example_is_its_phrases(phrase):
    for example in phrase.examples:
        answer = classify(text=example)
        assert answer.denial_category == phrase.category, example
        assert answer.confidence == "inferred"
        assert answer.decided_by.startswith("phrase ")
    for counter in phrase.counter_examples:
        assert phrase not in text.find(counter), counter


def test_every_paraphrase_is_read_as_its_category():
    with PARAPHRASES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 600
    wrong = [row["text"] for row in rows if category(row["text"]) != row["denial_category"]]
    assert wrong == []


def test_every_reason_of_the_phrases_is_declared_and_most_declared_reasons_have_one():
    with_phrase = {(p.category, p.reason) for p in text.phrases()}
    declared = {(c.id, r) for c in codes.categories() for r in c.reasons}
    assert with_phrase <= declared
    assert len(with_phrase) >= 95


@pytest.mark.parametrize(
    "words, expected",
    [
        # the negation of one thing leaves the reason that is named beside it
        ("Not bundled and not a duplicate; the claim was filed late", "timely_filing"),
        ("No referral is needed, but the provider is out of network", "provider_enrollment"),
        ("Authorization was obtained; the stay was not medically necessary", "medical_necessity"),
        ("Records were received, and the service is not covered by the plan", "non_covered"),
        # what is settled is no reason
        ("Prior authorization is no longer required", "unclassified"),
        ("Medical necessity is not in dispute", "unclassified"),
        ("Eligibility was not the problem", "unclassified"),
        ("Neither a duplicate nor experimental", "unclassified"),
        ("Authorization on file", "unclassified"),
        ("Timely filing requirement was met", "unclassified"),
        # a negation ends with its clause
        ("Not payable because no authorization is on file", "authorization"),
        ("Not a duplicate, auth missing", "authorization"),
        # not only is no negation
        ("Not only experimental but also costly", "medical_necessity"),
    ],
)
def test_a_negation_reaches_as_far_as_its_clause(words, expected):
    assert category(words) == expected


@pytest.mark.parametrize(
    "words, expected",
    [
        ("No precert. Also experimental.", "authorization"),
        ("Experimental; also no precert", "medical_necessity"),
        ("Modifier missing, and filed past the timely filing limit", "timely_filing"),
        ("Not covered: cosmetic", "non_covered"),
        ("Deductible applied; visit limit reached", "benefit_limit"),
        ("If you have proof of timely filing, send it. Modifier missing.", "coding"),
    ],
)
def test_the_reason_named_first_decides_and_late_filing_before_it(words, expected):
    answer = classify(text=words)
    assert answer.denial_category == expected
    assert answer.confidence == "inferred"


def test_several_reasons_are_said_and_a_patients_share_is_none():
    said = classify(text="No precert. Also experimental.").warnings
    assert any("several reasons" in warning for warning in said)
    said = classify(text="No precert. Copay applied.").warnings
    assert not any("several reasons" in warning for warning in said)


@pytest.mark.parametrize(
    "words, expected",
    [
        ("autorization missing", "authorization"),
        ("experimantal treatment", "medical_necessity"),
        ("timly filng limt exceded", "timely_filing"),
        ("medcal recrods not recieved", "documentation"),
        ("not medicaly necesary", "medical_necessity"),
        ("member not eligble on date of servce", "eligibility"),
    ],
)
def test_a_slip_of_the_pen_is_read_as_the_word_it_is_near(words, expected):
    assert category(words) == expected


def test_words_that_are_known_are_no_slips_of_others():
    reader = text._reader()
    for word in ("dental", "mental", "rated", "trail", "brand", "review", "county", "recover"):
        assert reader.word(word) == word
    assert reader.word("xqzzyk") == "xqzzyk"


@pytest.mark.parametrize(
    "words, reason",
    [
        ("Applied to the deductible", "cost_share"),
        ("Contractual adjustment", "contractual"),
        ("Sequestration", "statutory_reduction"),
        ("Encounter only, capitation", "capitation"),
        ("Crossed over to Medigap", "forwarded"),
    ],
)
def test_what_is_no_denial_is_inferred_as_such(words, reason):
    answer = classify(text=words)
    assert (answer.denial_category, answer.reason) == ("not_a_denial", reason)
    assert (answer.confidence, answer.is_denial, answer.route) == ("inferred", False, "none")


def test_a_contractual_text_on_an_unpaid_line_is_looked_at():
    answer = classify(text="Contractual adjustment", unpaid_alone=True)
    assert (answer.denial_category, answer.reason) == ("pricing", "possible_underpayment")
    assert (answer.route, answer.is_denial) == ("review", True)
    assert classify(text="Copay", unpaid_alone=True).denial_category == "not_a_denial"


@pytest.mark.parametrize(
    "words", ["See attached", "per policy", "EX code 4K7", "Denied", "invalid"]
)
def test_a_text_that_says_nothing_stays_unclassified(words):
    answer = classify(text=words)
    assert (answer.denial_category, answer.reason) == ("unclassified", "no_code")
    assert answer.route == "review"


def test_text_never_overrules_a_code():
    for phrase in text.phrases():
        for example in phrase.examples:
            assert classify("CO", "29", text=example).denial_category == "timely_filing"


@pytest.mark.parametrize(
    "raw, normalized",
    [
        ("mod25 / ICD-10 / 30days", "mod # icd # days"),
        ("2nd claim, 1st line", "second claim, first line"),
        ("auth: none - see (remark)", "auth, none, see , remark"),
        ("w/o auth", "without auth"),
        ("req'd 3/4/25 - 3/6/25", "reqd #"),
        ("Member JANE Q. ROE used all visits", "member used all visits"),
        ("Member Jane Roe was not found", "member was not found"),
        ("Patient Not Eligible", "patient not eligible"),
        ("a.,;b", "a . b"),
    ],
)
def test_marks_names_and_numbers_are_normalized(raw, normalized):
    once = normalize_text(raw)
    assert normalize_text(once) == once
    assert once.replace(" ,", ",").replace(" .", ".") == normalized.replace(" ,", ",").replace(
        " .", "."
    )


def test_texts_that_differ_in_numbers_only_are_one():
    chance = random.Random(7)
    texts = {
        normalize_text(f"Claim {chance.randrange(10**9)} filed late on 03/{day:02}/2026, ${day}.50")
        for day in range(1, 29)
    }
    assert len(texts) == 1


def test_normalizing_any_paraphrase_twice_changes_neither_text_nor_answer():
    with PARAPHRASES.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            once = normalize_text(row["text"])
            assert normalize_text(once) == once
            assert text.find(once) == text.find(row["text"])


def test_noise_is_read_without_an_error():
    chance = random.Random(11)
    signs = "abc #.,;:-/()'\"$%\t\né😀0123456789notauth "
    for _ in range(500):
        noise = "".join(chance.choice(signs) for _ in range(chance.randrange(80)))
        once = normalize_text(noise)
        assert normalize_text(once) == once
        text.find(noise)


def test_an_idea_that_is_not_declared_is_refused():
    reader = text._reader()
    with pytest.raises(RulesError, match="no list of words named NOTHING"):
        reader.pattern("NOTHING + claim", "here", 0, keeps_off=False)
    with pytest.raises(RulesError, match="no text can hold"):
        reader.pattern("claim + 4711", "here", 0, keeps_off=False)


def test_order_is_free_with_a_plus_and_kept_with_an_arrow():
    reader = text._reader()

    def holds(line: str, words: str) -> bool:
        pattern = reader.pattern(line, "here", 0, keeps_off=False)
        reader._index()
        read = text._read(normalize_text(words), reader)
        return bool(text._matches(pattern, text._forms(read, reader), read, reader))

    try:
        assert holds("late + claim", "claim was late")
        assert holds("claim > late", "claim was late")
        assert not holds("late > claim", "claim was late")
        assert holds("claim + not late", "claim was not late")
        assert not holds("claim + late", "claim. It was late")
    finally:
        text._reader.cache_clear()
        text._found.cache_clear()
        text.read_text.cache_clear()
