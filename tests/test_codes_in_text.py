"""Codes in a cell or a sentence: which are read, which numbers are none, and what is left over."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.denials import codes, normalize_text
from toolkit.denials.codes_in_text import CodesFound, read_codes
from toolkit.rules import load_yaml

CELLS = load_yaml(Path(__file__).parent / "cases" / "codes_in_text" / "cells.yaml")


def expected(case: dict) -> CodesFound:
    pairs = (code.rpartition("-") for code in case.get("codes", "").split())
    return CodesFound(
        adjustments=tuple((group, code) for group, _, code in pairs),
        rarcs=tuple(case.get("rarcs", "").split()),
        words=case.get("words", ""),
        unread=case.get("unread") == "yes",
    )


@pytest.mark.parametrize("case", [pytest.param(c, id=c["cell"]) for c in CELLS])
def test_each_cell_holds_the_codes_and_the_words_that_its_case_says(case):
    assert read_codes(case["cell"]) == expected(case)


def test_every_code_on_a_list_is_read_alone_with_its_group_and_with_words():
    for carc in codes.carcs():
        if carc == "0":
            continue
        assert read_codes(carc).adjustments == (("", carc),), carc
        for spelled in (f"CO-{carc}", f"co {carc}", f"CO{carc}", f"Reason code CO-{carc}"):
            assert read_codes(spelled) == CodesFound(adjustments=(("CO", carc),)), spelled
        found = read_codes(f"PR-{carc}: see the remittance")
        assert (found.adjustments, found.words) == ((("PR", carc),), "see the remittance"), carc
    for rarc in codes.rarcs():
        assert read_codes(rarc) == CodesFound(rarcs=(rarc,)), rarc
        assert read_codes(f"CO-16 {rarc}; see the remittance").rarcs == (rarc,), rarc


def test_a_blank_cell_holds_nothing():
    assert read_codes("") == read_codes("  ") == CodesFound()


def test_any_two_codes_are_read_with_any_mark_between_them():
    chance = random.Random(5)
    carcs = sorted(codes.carcs())
    for _ in range(300):
        one, two = chance.sample(carcs, 2)
        mark = chance.choice([",", ", ", ";", "|", " | ", " ", "\n", " and ", " & ", " + "])
        assert read_codes(f"CO-{one}{mark}PR-{two}").adjustments == (("CO", one), ("PR", two))
        assert read_codes(f"{one}{mark}{two}").adjustments == (("", one), ("", two)), (one, mark)


def test_noise_is_read_without_an_error():
    chance = random.Random(3)
    signs = "COPRNMAB 0123456789-/.,:;|()$#'’é😀\t\n codereason"
    for _ in range(2000):
        read_codes("".join(chance.choice(signs) for _ in range(chance.randrange(60))))


PARTS = [
    "CO",
    "PR",
    "-",
    " ",
    "16",
    "197",
    "/",
    "1",
    "2026",
    "code",
    "reason",
    "denied",
    ":",
    "N290",
]
PARTS += [
    "MA130",
    "B7",
    ",",
    "12345",
    "$",
    "50.00",
    "days",
    "words",
    "\n",
    "[CO-16]",
    "[N290]",
    "#",
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=10).map("".join))
def test_a_normalized_text_keeps_its_codes_and_normalizes_to_itself(text):
    once = normalize_text(text)
    assert normalize_text(once) == once
