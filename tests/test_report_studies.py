"""What the parent works out for reports: cases counted by hand, and what must hold for any."""

import re
from argparse import Namespace
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from reports_sources import AS_OF, source

from toolkit.claims.tables import Claims, conform
from toolkit.cli.commands import report
from toolkit.errors import ReportError
from toolkit.hospital import sample_hospital
from toolkit.metrics import (
    Facts,
    assumed,
    facts_of,
    named,
    open_facts,
    outcomes,
    rates,
    tables,
    work,
)
from toolkit.metrics.effort import effort_in
from toolkit.metrics.example import example
from toolkit.metrics.planning import WEEKS, _Cases, best, fits, greedy, plan
from toolkit.metrics.prevention import rules
from toolkit.metrics.statistics import day_reached, wilson
from toolkit.metrics.studies import (
    adjusted,
    as_frame,
    changes,
    curve,
    day_interval,
    differences,
    expected,
    from_frame,
    prior,
    shrunk,
    study,
)
from toolkit.reports.groups import Groups
from toolkit.reports.page import sample_claims
from toolkit.reports.prepared import prepare, prepared
from toolkit.reports.source import Source, parcel
from toolkit.worklist import WORKLIST
from toolkit.worklist.triage import triage

CASES = Path(__file__).parent / "cases" / "reports"


def cases(name: str) -> list:
    return [
        pytest.param(one, id=one["case"])
        for one in yaml.safe_load((CASES / f"{name}.yaml").read_text("utf-8"))
    ]


def claims_of(months: dict, *, kind: str = "remittance") -> tuple[Claims, pd.DataFrame]:
    """Return claims of a month each, as `rates.yaml` states them, and no row of a worklist."""
    held, lines, denied = [], [], []
    for month, counts in months.items():
        day = pd.Timestamp(f"{month}-15")
        for what, count in counts.items():
            for _ in range(count):
                key = f"c-{len(held)}"
                cut = {"paid": 0, "denied": 100_00, "part": 40_00, "rebill": 100_00}[what]
                held.append(
                    {
                        "claim_key": key, "file_id": "f", "remittance_date": day, "payer_id": "P",
                        "payer_name": "Payer", "billed_cents": 100_00, "paid_cents": 100_00 - cut,
                        "frequency_code": "7" if what == "rebill" else "1", "claim_status": "1",
                    }
                )  # fmt: skip
                lines.append(
                    {"claim_key": key, "line_key": f"{key}-1", "procedure_code": "70553",
                     "billed_cents": 100_00, "paid_cents": 100_00 - cut}
                )  # fmt: skip
                if cut:
                    denied.append(
                        {"adjustment_key": f"{key}-a1", "claim_key": key, "line_key": f"{key}-1",
                         "group_code": "CO", "carc": "197", "amount_cents": cut}
                    )  # fmt: skip
    files = conform({"file_id": ["f"], "source": [kind]}, "files")
    made = Claims(
        claims=conform(pd.DataFrame(held), "claims"),
        claim_lines=conform(pd.DataFrame(lines), "claim_lines"),
        adjustments=conform(pd.DataFrame(denied), "adjustments"),
        files=files,
    )
    return made, pd.DataFrame({c.name: pd.Series(dtype="object") for c in WORKLIST})


def facts_by_month(months: dict, *, kind: str = "remittance") -> Facts:
    last = pd.Period(max(months), "M").end_time.date()
    return open_facts(*claims_of(months, kind=kind), as_of=last)


@pytest.mark.parametrize("case", cases("rates"))
def test_the_rates_of_a_month_are_as_counted_by_hand(case):
    facts = facts_by_month(case["claims"], kind=case.get("source", "remittance"))
    for name, value in case["expect"].items():
        [measure] = named(name)
        metric = measure(facts)
        assert metric.value == (None if value is None else pytest.approx(value)), name
        if name.startswith("initial"):
            assert bool(metric.withheld) == (value is None)


@pytest.mark.parametrize("day", [date(2026, 1, 30), date(2026, 1, 31), date(2026, 2, 1)])
def test_the_month_of_a_report_is_the_last_complete_one(day):
    facts = Facts.of(facts_of(*claims_of({"2026-01": {"paid": 1}}), as_of=day)[0], as_of=day)
    assert facts.month == (date(2025, 12, 1) if day.day == 30 else date(2026, 1, 1))


def test_one_claim_said_by_two_remittances_is_denied_first_once(months=("2025-12", "2026-01")):
    claims, worklist = claims_of(dict.fromkeys(months, {"denied": 1}))
    same = claims.claims.assign(patient_control_number="N1")
    facts = open_facts(
        Claims(claims=same, adjustments=claims.adjustments, files=claims.files), worklist,
        as_of=date(2026, 1, 31),
    )  # fmt: skip
    found = tables.claims_by_month(facts)
    assert found["first_denials"].tolist() == [1, 0]
    assert found["denied"].tolist() == [1, 1]
    moved = tables.moved_claims(facts).set_index("why")
    assert moved.loc["denied before, and denied again", "claims"] == 1


# --- intervals of days -----------------------------------------------------------------------------


@pytest.mark.parametrize("case", cases("days"))
def test_days_and_their_interval_are_as_worked_by_hand(case):
    parts = [(what, case.get(what, {})) for what in ("done", "waiting", "otherwise")]
    rows = [(what, days, n) for what, some in parts for days, n in some.items()]
    low, high = day_interval(0.5, rows)
    value = day_reached(0.5, *(some for _, some in parts))
    assert {"value": value, "low": low, "high": high} == case["expect"]


@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=40),
    st.lists(st.integers(0, 60), max_size=30),
    st.lists(st.integers(0, 60), max_size=10),
    st.sampled_from([0.5, 0.9]),
)
@settings(deadline=None, max_examples=25)
def test_the_interval_of_days_holds_the_day_in_any_order_of_the_cases(done, waiting, other, share):
    rows = [("done", d, 1) for d in done] + [("waiting", d, 1) for d in waiting]
    rows += [("otherwise", d, 1) for d in other]
    low, high = day_interval(share, rows)
    assert day_interval(share, rows[::-1]) == (low, high)

    def tally(days):
        return {d: days.count(d) for d in days}

    day = day_reached(share, tally(done), tally(waiting), tally(other))
    if day is not None:
        assert low is not None and low <= day
        assert high is None or day <= high


@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.integers(0, 2), st.integers(1, 4)), min_size=1, max_size=30
    )
)
@settings(deadline=None)  # statsmodels is imported
def test_the_curve_of_days_and_its_error_are_those_of_statsmodels(cases):
    from statsmodels.duration.survfunc import CumIncidenceRight, SurvfuncRight

    time, status, weight = (np.array(column) for column in zip(*cases, strict=True))
    if not (status == 1).any():
        return
    times, kinds = np.repeat(time, weight), np.repeat(status, weight)
    with np.errstate(divide="ignore", invalid="ignore"):
        if (kinds == 2).any():
            theirs = CumIncidenceRight(times, kinds)
            expected = (theirs.times, theirs.cinc[0], theirs.cinc_se[0])
        else:
            theirs = SurvfuncRight(times, kinds)
            expected = (theirs.surv_times, 1 - theirs.surv_prob, theirs.surv_prob_se)
    for ours, other in zip(curve(time, status, weight), expected, strict=True):
        sure = np.isfinite(other)
        assert np.allclose(np.asarray(ours)[sure], other[sure], atol=1e-9)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
@settings(deadline=None)
def test_false_discoveries_are_held_as_statsmodels_does(values):
    from statsmodels.stats.multitest import multipletests

    assert np.allclose(adjusted(values), multipletests(values, method="fdr_bh")[1])


@given(st.integers(0, 60), st.integers(1, 60))
@settings(deadline=None)
def test_the_interval_of_a_share_is_statsmodels_wilson(count, more):
    from statsmodels.stats.proportion import proportion_confint

    out_of = count + more
    assert wilson(count, out_of) == pytest.approx(
        proportion_confint(count, out_of, method="wilson"), abs=1e-12
    )


# --- differences -----------------------------------------------------------------------------------


def test_a_test_of_the_payers_is_scipys_and_false_discoveries_are_held():
    from scipy.stats import chi2_contingency

    facts = source(rows=400).parcel.facts
    both = differences(facts)
    assert set(both["cut"]) == {"payer_name", "facility"}
    assert both.groupby("cut")["decided"].sum().nunique() == 1
    found = both[both["cut"] == "facility"]  # the sample's denials have one payer ID
    assert found["decided"].sum() == outcomes.appeals_decided(facts).value
    assert found["won"].sum() == outcomes.overturn_rate_decided(facts).count
    table = [found["won"], found["decided"] - found["won"]]
    chi2, p, df, _ = chi2_contingency(table, correction=False)
    assert (found["chi2"].iloc[0], found["df"].iloc[0]) == (pytest.approx(chi2), df)
    assert found["overall_p"].iloc[0] == pytest.approx(p)
    assert (found["q"] >= found["p"] - 1e-12).all()


def test_of_twenty_tests_by_chance_none_is_a_discovery_and_one_real_one_is():
    rng = np.random.default_rng(1)
    chance = rng.uniform(0.05, 1, 20)
    assert not (adjusted(chance) < 0.05).any()
    assert (adjusted([*chance, 1e-6]) < 0.05).sum() == 1
    assert len(adjusted([])) == 0


def test_what_changed_counts_every_denial_of_the_four_months_once():
    facts = source(rows=300).parcel.facts
    found = changes(facts)
    four = facts.one(
        "SELECT count(*) FROM denials WHERE denied_on >= report_month() - INTERVAL 3 MONTH "
        "AND denied_on < report_month() + INTERVAL 1 MONTH"
    )
    assert found["now"].sum() + found["before"].sum() == four


# --- shrinkage and what is recoverable -----------------------------------------------------------------


def test_cells_alike_share_one_rate_and_cells_apart_keep_their_own():
    alike = prior(np.array([5.0, 10.0, 20.0]), np.array([10.0, 20.0, 40.0]))
    apart = prior(np.array([1.0, 39.0]), np.array([40.0, 40.0]))
    assert alike[1] == 1_000 and apart[1] < 10


def test_a_shrunk_rate_lies_between_its_cell_and_all_cells():
    facts = source(rows=400).parcel.facts
    found = shrunk(facts)
    mean, _ = prior(found["won"].to_numpy(float), found["decided"].to_numpy(float))
    low, high = found["rate"].clip(upper=mean), found["rate"].clip(lower=mean)
    assert ((found["shrunk"] >= low - 1e-9) & (found["shrunk"] <= high + 1e-9)).all()
    assert ((found["low"] <= found["shrunk"]) & (found["shrunk"] <= found["high"])).all()


def test_recoverable_dollars_add_up_over_owners_and_payers_and_never_exceed_the_stake():
    facts = source(rows=400).parcel.facts
    facts.studies = study(facts)
    whole = work.recoverable_dollars(facts)
    assert 0 < whole.low < whole.value < whole.high
    assert whole.value <= expected(facts)["stake_cents"].sum()
    for cut in (
        "owner",
        "payer_name",
        "program",
        "denial_category",
        "facility",
        "payer_and_category",
    ):
        found = tables.by_group(facts, cut, (work.recoverable_dollars,), of="denials", top=2)
        assert sum(m[0].value for _, m in found) == pytest.approx(whole.value, abs=len(found))


def test_what_is_studied_survives_being_written_down():
    facts = example()
    assert from_frame(as_frame(facts.studies)) == facts.studies


def test_without_a_decided_appeal_nothing_is_recoverable_that_anybody_knows():
    one = source(rows=60, appealed=False)
    facts = one.parcel.facts
    facts.studies = study(facts)
    metric = work.recoverable_dollars(facts)
    assert (metric.value, metric.withheld) == (
        None,
        "too few appeals won with a stated amount to learn from",
    )
    assert plan(facts).empty and shrunk(facts).empty


# --- the plan of the week ----------------------------------------------------------------------------


@pytest.mark.parametrize("case", cases("plans"))
def test_the_plan_takes_what_was_found_by_hand(case):
    names = list(case["cases"])
    mine = _Cases(*(np.array(column) for column in zip(*case["cases"].values(), strict=True)))
    taken, _ = best(mine, case["weekly"])
    assert [name for name, one in zip(names, taken, strict=True) if one] == case["take"]
    first = greedy(mine, case["weekly"])
    assert [n for n, one in zip(names, first, strict=True) if one] == case.get(
        "greedy", case["take"]
    )


@given(
    st.lists(
        st.tuples(st.integers(10, 120), st.integers(1, 5_000), st.integers(0, WEEKS - 1)),
        min_size=1, max_size=10,
    ),
    st.integers(60, 400),
)  # fmt: skip
@settings(deadline=None, max_examples=20)
def test_the_best_plan_fits_and_none_of_all_subsets_is_better(some, weekly):
    mine = _Cases(*(np.array(column) for column in zip(*some, strict=True)))
    taken, _ = best(mine, weekly)
    assert fits(taken, mine, weekly)
    assert mine.value[taken].sum() >= mine.value[greedy(mine, weekly)].sum()
    subsets = (
        np.array([number >> place & 1 for place in range(len(some))], dtype=bool)
        for number in range(2 ** len(some))
    )
    most = max(mine.value[one].sum() for one in subsets if fits(one, mine, weekly))
    assert mine.value[taken].sum() >= most * (1 - 2e-4)


def test_a_plan_files_nothing_after_its_week_and_no_week_has_more_minutes_than_it_has():
    facts = source(rows=400).parcel.facts
    found = plan(facts)
    assert len(found) and found["denial_key"].is_unique
    taken = found[found["taken"]]
    assert (taken["do_week"] <= taken["due_week"]).all()
    assert (taken["net_cents"] > 0).all()
    used = taken.groupby(["owner", "do_week"])["minutes"].sum()
    longest = max(assumed().minutes.values())
    assert (used <= assumed().weekly_minutes + longest).all()
    assert (found["net_cents"] == found["expected_cents"] - found["cost_cents"]).all()


def test_a_hospitals_own_minutes_take_the_place_of_the_assumed(tmp_path):
    assert effort_in(tmp_path) is assumed()
    text = (Path(__file__).parents[1] / "toolkit" / "rules" / "effort.yaml").read_text("utf-8")
    mine = text.replace("dollars_per_hour: 40", "dollars_per_hour: 90")
    (tmp_path / "effort.yaml").write_text(mine, "utf-8")
    assert effort_in(tmp_path).cents_of("appeal") == 135_00
    assert assumed().cents_of("appeal") == 60_00


# --- rules before the bill ---------------------------------------------------------------------------


def test_a_rule_is_found_on_the_earlier_months_and_replayed_on_the_later_ones():
    months = {"2025-11": {"paid": 4, "denied": 6}, "2025-12": {"paid": 12, "denied": 8}}
    [rule] = rules(facts_by_month(months)).itertuples()
    assert (rule.learned, rule.learned_lines) == (6, 10)
    assert (rule.caught, rule.false_alarms, rule.caught_cents) == (8, 12, 800_00)
    assert rule.precision == 0.4
    # Twenty lines are held, each costs a review of 20 minutes at $40 an hour.
    assert rule.held_cents == 20 * assumed().cents_of("review")
    assert rule.net_cents == rule.caught_cents - rule.held_cents
    assert not rule.same_months


def test_without_paid_lines_false_alarms_are_not_known_and_with_one_month_it_is_said():
    found = rules(facts_by_month({"2025-12": {"denied": 8}}, kind="export"))
    [rule] = found.itertuples()
    assert (rule.caught, rule.same_months, rule.full) == (8, True, False)
    assert pd.isna(rule.false_alarms) and pd.isna(rule.precision) and pd.isna(rule.net_cents)


def test_a_code_as_frequent_elsewhere_is_no_cluster():
    months = {"2025-11": {"paid": 14, "denied": 6}, "2025-12": {"paid": 14, "denied": 6}}
    claims, worklist = claims_of(months)
    # Every second line is another procedure: half of the denials are its own.
    lines = claims.claim_lines
    other = (
        lines["procedure_code"]
        .where(lines.index % 2 == 0, "99213")
        .astype(lines["procedure_code"].dtype)
    )
    mixed = replace(claims, claim_lines=lines.assign(procedure_code=other))
    assert rules(open_facts(mixed, worklist, as_of=date(2025, 12, 31))).empty


def test_few_denied_lines_are_no_cluster():
    assert rules(facts_by_month({"2025-11": {"denied": 4}, "2025-12": {"denied": 9}})).empty
    assert rules(facts_by_month({"2025-11": {"paid": 4}})).empty


# --- what came back, and how old what is open is -------------------------------------------------------


def test_the_open_denials_at_the_report_s_day_are_those_with_a_day_of_notice():
    facts = source(rows=300).parcel.facts
    found = tables.inventory(facts)
    now = found[found["on"] == pd.Timestamp(AS_OF)]
    assert now["denials"].sum() == facts.one(
        "SELECT count(*) FROM denials WHERE due <> 'closed' AND denied_on IS NOT NULL"
    )


def test_the_same_rows_twice_or_turned_give_the_same_rates_of_claims():
    months = {"2025-10": {"paid": 3, "denied": 1}, "2025-11": {"paid": 3, "part": 1},
              "2025-12": {"paid": 2, "rebill": 1}, "2026-01": {"paid": 2, "denied": 2}}  # fmt: skip
    claims, worklist = claims_of(months)
    turned = Claims(
        claims=claims.claims.iloc[::-1].reset_index(drop=True), claim_lines=claims.claim_lines,
        adjustments=claims.adjustments.iloc[::-1].reset_index(drop=True), files=claims.files,
    )  # fmt: skip
    day = date(2026, 1, 31)
    every = [one for one in named(*dir(rates))]
    one, two = (open_facts(held, worklist, as_of=day) for held in (claims, turned))
    assert one.measure(every)[None] == two.measure(every)[None]
    [(first, denied)] = one.rows(
        "SELECT sum(first_claims), count(*) FILTER (first_denial) FROM claims"
    )
    assert first + 1 == one.one("SELECT count(*) FROM claims")  # all but the rebill
    assert denied == 4


# --- where it is worked out --------------------------------------------------------------------------


def test_statsmodels_and_scipy_are_imported_inside_the_functions_that_need_them():
    heavy = re.compile(r"^(import|from) (statsmodels|scipy)", re.MULTILINE)
    for path in (Path(__file__).parents[1] / "toolkit").rglob("*.py"):
        assert not heavy.search(path.read_text("utf-8")), path.name


def test_a_notebook_gets_only_the_tables_that_its_metadata_names(tmp_path):
    facts = example()
    prepare(tmp_path, facts, ["plan"])
    kept, made = (prepared(folder, facts, "plan") for folder in (tmp_path, None))
    assert kept.to_csv() == made.to_csv()
    with pytest.raises(ReportError, match="does not say that it prepares rules"):
        prepared(tmp_path, facts, "rules")


def test_the_minutes_of_the_command_line_are_those_of_the_plan(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "local").mkdir()
    assert report._effort(Namespace(minutes=600)).weekly_minutes == 600
    assert report._effort(Namespace(minutes=None)) == assumed()


@pytest.mark.parametrize("by", ["payer", "facility"])
def test_what_groups_can_expect_adds_up_to_what_the_whole_can(by):
    claims = sample_claims(AS_OF)
    worklist = triage(claims, as_of=AS_OF, hospital=sample_hospital())
    groups = Groups(Source.of("x", claims, worklist, AS_OF), by)
    whole = study(groups.facts)["recoverable_dollars", "", ""]
    added = 0.0
    for key in groups.names:
        facts = parcel(groups.one(key)).facts
        facts.whole = groups.facts
        found = study(facts)["recoverable_dollars", "", ""]
        added += found[0] or 0.0
        assert found[3] == whole[3]
    assert len(groups.names) > 1 and added == pytest.approx(whole[0], abs=0.01)
