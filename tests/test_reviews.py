"""Public reviews: a base rate with its source and its warning, never in place of a hospital's own."""

import re

import pytest

from toolkit.errors import RulesError
from toolkit.metrics import reviews
from toolkit.reports import outcomes
from toolkit.reports.page import Page


def test_the_public_table_is_the_one_its_source_describes():
    said, table = reviews.public_reviews()
    assert len(table) == said.rows == 19_245
    assert (table["year"].min(), table["year"].max()) == said.years
    rates = table.groupby("type")["overturned"].mean().round(3).to_dict()
    assert rates == {
        "Medical Necessity": 0.456, "Experimental/Investigational": 0.399, "Urgent Care": 0.416,
    }  # fmt: skip
    assert set(table) == {"year", "type", "diagnosis", "treatment", "overturned"}  # no person's


def test_another_table_than_the_described_one_is_refused(monkeypatch):
    monkeypatch.setattr(reviews, "digest", lambda path: "0" * 64)
    reviews.public_reviews.cache_clear()
    with pytest.raises(RulesError, match="not the file that california"):
        reviews.public_reviews()


def test_the_page_shows_local_rates_beside_the_public_ones_with_the_warning():
    from reports_sources import source

    given = source(rows=200).parcel
    found = reviews.base_rates(given.facts).set_index("what")
    [(decided, won)] = given.facts.rows(
        "SELECT count(*), count(*) FILTER (outcome <> 'upheld') FROM submissions "
        "WHERE stage = 'decided' AND denial_category = 'medical_necessity'"
    )
    assert tuple(found.loc["Every other level", ["decided", "overturned"]]) == (decided, won)
    assert found.loc["External review", "decided"] == 0  # none yet, never zero percent
    said = outcomes.public(Page(given, "x", "payer", by_hand=False))
    assert "is not the chance of an internal" in said and "[V2]" in said
    assert re.search(r"external review</td><td[^>]*>0</td><td[^>]*>none yet", said)
