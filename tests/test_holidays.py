"""Our federal holidays, dated data of our own, against the holidays package for 2010-2035."""

from datetime import date

import holidays
import pytest

from toolkit.law.calendar import federal_holidays, off_day

YEARS = range(2010, 2036)

# What the package has beside the legal public holidays, one by one. None of it is a holiday by
# 5 U.S.C. 6103, so none of it may move a last filing date; a decider may be closed all the same.
EXECUTIVE_ORDERS = {
    date(2012, 12, 24): "offices closed by executive order",
    date(2014, 12, 26): "offices closed by executive order",
    date(2015, 12, 24): "offices closed for half the day by executive order",
    date(2018, 12, 5): "day of mourning for President G. H. W. Bush",
    date(2018, 12, 24): "offices closed by executive order",
    date(2019, 12, 24): "offices closed by executive order",
    date(2020, 12, 24): "offices closed by executive order",
    date(2024, 12, 24): "offices closed by executive order",
    date(2025, 1, 9): "day of mourning for President Carter",
    date(2025, 12, 24): "offices closed by executive order",
    date(2025, 12, 26): "offices closed by executive order",
}


def ours() -> dict[date, str]:
    return {day: name for year in YEARS for day, name in federal_holidays(year).items()}


def theirs(**kind) -> dict[date, str]:
    # Whole years beyond both ends: New Year's Day may be observed in the year before.
    found = holidays.country_holidays("US", years=range(2009, 2037), observed=True, **kind)
    return {day: name for day, name in found.items() if day.year in YEARS}


def test_the_federal_holidays_are_those_of_the_holidays_package_with_their_observed_days():
    assert set(ours()) == set(theirs())


def test_an_observed_day_of_ours_is_an_observed_day_of_theirs():
    package = theirs()
    observed = {day for day, name in ours().items() if name.endswith("(observed)")}
    assert observed == {day for day, name in package.items() if name.endswith("(observed)")}
    assert len(observed) == 36


def test_the_names_are_those_of_the_statute_and_the_package_differs_in_one():
    package = theirs()
    differing = {
        (name, package[day]) for day, name in ours().items() if not same_name(name, package[day])
    }
    # The statute says "Birthday of Martin Luther King, Jr."
    assert differing == {("Birthday of Martin Luther King Jr.", "Martin Luther King Jr. Day")}


def same_name(name: str, other: str) -> bool:
    return name.replace(",", "") == other.replace(",", "")


def test_days_that_only_an_executive_order_made_free_are_working_days_here():
    government = theirs(categories="government")
    extra = set(government) - set(ours())
    assert set(ours()) <= set(government)
    assert extra <= set(EXECUTIVE_ORDERS)  # the older the package, the fewer it knows
    assert [day for day in EXECUTIVE_ORDERS if off_day(day)] == []


def test_inauguration_day_is_a_holiday_in_washington_only_and_a_working_day_here():
    # In 2013 it was a Sunday, observed with, and in 2025 it fell on, the birthday of Dr. King.
    washington = holidays.country_holidays("US", subdiv="DC", years=YEARS)
    days = {day: off_day(day) for day, name in washington.items() if "Inauguration Day" in name}
    assert days == {
        date(2013, 1, 20): "Sunday",
        date(2013, 1, 21): "Birthday of Martin Luther King Jr.",
        date(2017, 1, 20): None,
        date(2021, 1, 20): None,
        date(2025, 1, 20): "Birthday of Martin Luther King Jr.",
        date(2029, 1, 20): "Saturday",
        date(2033, 1, 20): None,
    }


def test_emancipation_day_is_a_holiday_of_the_district_of_columbia_and_not_a_federal_one():
    washington = holidays.country_holidays("US", subdiv="DC", years=YEARS)
    days = [day for day, name in washington.items() if name.startswith("Emancipation Day")]
    assert len(days) >= len(YEARS)
    assert [day for day in days if day in ours()] == []


@pytest.mark.parametrize(
    ("year", "kept"),
    [(2019, []), (2020, []), (2021, [18, 19]), (2022, [19, 20]), (2023, [19])],
)
def test_juneteenth_begins_in_2021_and_was_observed_the_day_after_it_became_law(year, kept):
    # Pub. L. 117-17 was signed on Thursday, June 17, 2021; the Saturday was observed on the 18th.
    days = [day for day, name in federal_holidays(year).items() if name.startswith("Juneteenth")]
    assert sorted(day.day for day in days) == kept
    assert sorted(days) == sorted(
        d for d, n in theirs().items() if d.year == year and "Junete" in n
    )
