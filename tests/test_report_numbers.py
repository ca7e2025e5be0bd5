"""Numbers of reports that were recounted by hand: the kinds of fault that once made them wrong."""

import re
from datetime import date
from itertools import permutations
from math import exp, sqrt
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from reports_sources import BLOCKS

from toolkit.cases import one_history
from toolkit.claims import read
from toolkit.errors import ReportError
from toolkit.hospital import Hospital
from toolkit.metrics import Facts, facts_of, outcomes, rates, reconcile, tables, work
from toolkit.metrics.statistics import Z95
from toolkit.metrics.studies import study
from toolkit.reports import (
    Source,
    defined,
    front,
    kinds,
    monthly,
    overdue,
    prevention,
    scorecard,
    weekly,
    workbook,
)
from toolkit.reports import outcomes as outcome_blocks
from toolkit.reports.differences import difference
from toolkit.reports.page import Page
from toolkit.reports.reread import check_workbook
from toolkit.reports.source import Parcel, parcel
from toolkit.worklist.triage import triage

CASES = Path(__file__).parent / "data" / "reports"
DAY = date(2026, 3, 16)
UNKNOWN = Hospital.unknown()
HEADS = (
    "Claim Number,Payer ID,Payer,Financial Class,Contracted,Case Status,Service From,Line Number,"
    "Procedure Code,Billed Amount,Paid Amount,Group Code,Reason Code (CARC),Denied Amount,Notice Date,"
    "Appeal Level,Appeal Filed,Appeal Decided,Appeal Outcome,Recovered Amount"
)
ROW = {
    "claim": "C1", "id": "P1", "payer": "Alpha MAC", "class": "Medicare", "contracted": "No",
    "status": "Open", "from": "2025-12-01", "line": "1", "code": "99213", "billed": "1000.00",
    "paid": "0.00", "group": "CO", "carc": "50", "denied": "1000.00", "notice": "2026-01-02",
    "level": "", "filed": "", "decided": "", "outcome": "", "back": "",
}  # fmt: skip


def export(folder: Path, *rows: dict, name: str = "export.csv") -> Path:
    lines = [",".join((ROW | row).values()) for row in rows]
    path = folder / name
    path.write_text("\n".join([HEADS, *lines]) + "\n", encoding="utf-8")
    return path


def source(*paths: Path, day: date = DAY) -> Source:
    claims = one_history(read(list(paths)), hospital=UNKNOWN, recorded=(), as_of=day)
    return Source.of("export", claims, triage(claims, as_of=day, hospital=UNKNOWN), day)


def seen(*paths: Path, day: date = DAY) -> Parcel:
    """Return what the reports see; its numbers agree."""
    given = parcel(source(*paths, day=day))
    assert not [c for c in reconcile(given.facts, told=given.told) if not c.holds]
    return given


def facts(*paths: Path, day: date = DAY) -> Facts:
    return seen(*paths, day=day).facts


def codes(given: Parcel) -> dict[str, int]:
    return given.findings.groupby("code")["rows"].sum().to_dict()


def page(given: Parcel) -> Page:
    return Page(given, "export", "payer", by_hand=False)


def dues(found: Facts) -> dict[str, int]:
    return dict(zip(tables.by_due(found)["due"], tables.by_due(found)["denials"], strict=True))


# --- the files that were recounted -----------------------------------------------------------------


def test_an_appeal_repeated_on_each_line_of_a_claim_is_one_appeal_and_its_amount_counts_once():
    given = seen(CASES / "lines.csv")
    rate, money = (
        outcomes.overturn_rate_decided(given.facts),
        outcomes.recovered_dollars(given.facts),
    )
    assert outcomes.appeals_filed(given.facts).value == 12
    assert (rate.count, rate.out_of, rate.small) == (9, 12, True)
    assert (round(rate.low, 3), round(rate.high, 3)) == (0.468, 0.911)
    assert money.value == 9_000_00
    assert codes(given) == {"recovered_repeated": 9}
    assert "small n" in outcome_blocks.summary(page(given))


def test_what_is_decided_after_the_day_of_the_report_is_still_pending_on_it():
    given = seen(CASES / "hist.csv", day=date(2026, 1, 31))
    assert outcomes.appeals_decided(given.facts).value == 0
    assert outcomes.appeals_pending(given.facts).value == 40
    assert outcomes.recovered_dollars(given.facts).value == 0
    assert dues(given.facts) == {"awaiting_decision": 40}
    assert codes(given) == {"appealed_later": 40}


def test_days_to_the_first_appeal_are_not_known_where_only_a_later_level_is_on_file():
    metric = outcomes.days_to_appeal(facts(CASES / "lvl2.csv"))
    assert (metric.value, metric.n, metric.left_out) == (None, 0, 5)


def test_withdrawn_appeals_are_an_end_of_their_own_and_no_decision():
    found = facts(CASES / "comp.csv")
    metric = outcomes.days_to_decision(found)
    assert (metric.value, metric.n, metric.censored, metric.otherwise) == (None, 5, 15, 20)
    stages = tables.stages(found).set_index("stage")["appeals"].to_dict()
    assert stages == {"withdrawn": 20, "pending": 15, "upheld": 5}
    assert outcomes.overturn_rate_decided(found).out_of == 5


def test_wins_without_an_amount_are_not_zero_dollars():
    given = seen(CASES / "p50.csv")
    rate, money = (
        outcomes.overturn_rate_dollars(given.facts),
        outcomes.recovered_dollars(given.facts),
    )
    assert (rate.value, money.value, money.left_out) == (None, None, 333)
    assert outcomes.recovery_rate(given.facts).value is None
    said = outcome_blocks.summary(page(given))
    assert "withheld" in said and "what came back is not stated" in said
    assert "$0.00" not in said
    states = overdue.states(page(given))
    assert "$333,000.00" in states  # denied to those that were won; what is left of it is not known
    assert '<td class="n">$333,000.00</td><td class="n"></td>' in states


def test_what_came_back_already_is_not_at_stake_at_the_next_level():
    found = facts(CASES / "part.csv")
    assert work.overdue_dollars(found).value == 100_00
    assert work.overdue_after_loss(found).value == 1
    assert work.overdue_never_appealed(found).value == 0


def test_closed_paid_written_off_and_zero_balance_are_states_of_their_own():
    given = seen(CASES / "status.csv")
    closed = tables.closures(given.facts).set_index("closed_as")["denials"].to_dict()
    assert closed == {"closed": 3, "paid": 2, "written_off": 2, "zero_balance": 1}
    assert work.written_off(given.facts).value == 2
    back = work.gross_recovery(given.facts)  # two were paid, and nothing says how much
    assert (back.value, back.left_out) == (None, 2)
    assert work.written_off_dollars(given.facts).value == 2_000_00
    assert dues(given.facts)["overdue"] == 5
    assert "Written off" in overdue.states(page(given))


def test_a_case_status_that_says_appeal_started_is_an_appeal(tmp_path):
    sample = Path(__file__).parents[1] / "data" / "samples" / "exports" / "epic_bdc.csv"
    assert facts(sample, day=date(2026, 11, 1)).filed == 1
    heads, *rows = sample.read_text(encoding="utf-8").splitlines()
    more = "APPEAL_LEVEL_C_NAME,APPEAL_SENT_DATE,APPEAL_DECISION_DATE,APPEAL_OUTCOME_C_NAME"
    started = next(row for row in rows if "Appeal Started" in row)
    path = tmp_path / "epic.csv"
    path.write_text(
        f"{heads},{more}\n{started},Redetermination,2026-09-20,2026-10-20,Overturned\n",
        encoding="utf-8",
    )
    found = facts(path, day=date(2026, 11, 1))
    assert found.rows("SELECT level, filed_on, decided_on, outcome FROM submissions") == [
        ("redetermination", date(2026, 9, 20), date(2026, 10, 20), "overturned")
    ]


# --- the kinds that a second recount found ---------------------------------------------------------


def test_two_lines_won_and_two_lost_are_one_appeal_partly_overturned(tmp_path):
    lost = {"level": "Redetermination", "filed": "2026-01-10", "decided": "2026-02-10",
            "denied": "250.00", "billed": "250.00", "outcome": "Upheld"}  # fmt: skip
    won = lost | {"outcome": "Overturned", "back": "250.00"}
    rows = [lost | {"line": "1"}, won | {"line": "2"}, lost | {"line": "3"}, won | {"line": "4"}]
    results = set()
    for turn, order in enumerate(permutations(rows)):
        found = facts(export(tmp_path, *order, name=f"{turn}.csv"))
        [(outcome, back, lines)] = found.rows(
            "SELECT outcome, recovered_cents, lines FROM submissions"
        )
        results.add((outcome, back, lines, outcomes.overturn_rate_decided(found).out_of))
        if turn == 5:
            break
    assert results == {("partly_overturned", 500_00, 4, 1)}


def test_dollars_count_once_over_the_levels_and_the_stake_of_a_level_is_what_remained(tmp_path):
    rows = []
    for n in range(4):
        first = {"claim": f"C{n}", "level": "Redetermination", "filed": "2025-06-01",
                 "decided": "2025-07-01", "outcome": "Partially Overturned", "back": "400.00",
                 "notice": "2025-05-01", "from": "2025-04-01"}  # fmt: skip
        rows += [
            first,
            first | {"level": "Reconsideration", "filed": "2025-08-01", "decided": "2025-10-01",
                     "outcome": "Overturned", "back": "600.00"},
        ]  # fmt: skip
    found = facts(export(tmp_path, *rows))
    rate = outcomes.overturn_rate_dollars(found)
    assert (rate.count, rate.out_of, rate.value) == (4_000_00, 4_000_00, 1.0)
    at_level = dict(tables.by_group(found, "level", (outcomes.overturn_rate_level,), of="appeals"))
    assert [(at_level[n][0].count, at_level[n][0].out_of) for n in ("redetermination", "reconsideration")] == [
        (1_600_00, 4_000_00), (2_400_00, 2_400_00),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "decided"), [("Upheld", "2026-02-10"), ("Dismissed", "2026-02-10"), ("", "")]
)
def test_money_on_an_appeal_that_was_not_won_did_not_come_back(outcome, decided, tmp_path):
    row = {"level": "Redetermination", "filed": "2026-01-10", "decided": decided,
           "outcome": outcome, "back": "300.00"}  # fmt: skip
    given = seen(export(tmp_path, row))
    assert outcomes.recovered_dollars(given.facts).value == 0
    assert codes(given)["recovered_without_win"] == 1


def test_more_recovered_than_denied_is_a_finding_and_counts_as_what_was_denied(tmp_path):
    row = {"level": "Redetermination", "filed": "2026-01-10", "decided": "2026-02-10",
           "outcome": "Overturned", "back": "1400.00"}  # fmt: skip
    given = seen(export(tmp_path, row))
    assert outcomes.recovered_dollars(given.facts).value == 1_000_00
    assert codes(given)["recovered_above_denied"] == 1


@pytest.mark.parametrize("word", ["Denial Overturned", "Overturned - Paid"])
def test_words_of_a_win_are_read(word, tmp_path):
    row = {"level": "Redetermination", "filed": "2026-01-10", "decided": "2026-02-10",
           "outcome": word, "back": "1000.00"}  # fmt: skip
    found = facts(export(tmp_path, row))
    assert outcomes.overturn_rate_decided(found).count == 1


def test_a_decision_whose_outcome_is_not_read_is_the_same_state_in_both_reports(tmp_path):
    row = {"level": "Redetermination", "filed": "2026-01-10", "decided": "2026-02-10",
           "outcome": "Zork 7"}  # fmt: skip
    given = seen(export(tmp_path, row))
    assert dues(given.facts) == {"outcome_not_read": 1}
    assert outcomes.appeals_not_read(given.facts).value == 1
    assert outcomes.appeals_pending(given.facts).value == 0
    for block in (overdue.states(page(given)), outcome_blocks.stages(page(given))):
        assert "Decided, outcome not read" in block


def test_days_to_appeal_take_open_denials_of_the_same_routes_as_censored(tmp_path):
    filed = {"level": "Redetermination", "filed": "2026-01-12"}
    rows = [filed | {"claim": f"F{n}"} for n in range(4)] + [{"claim": f"O{n}"} for n in range(6)]
    rows += [{"claim": "R1", "carc": "16"}]  # a corrected claim, not an appeal
    metric = outcomes.days_to_appeal(facts(export(tmp_path, *rows)))
    assert (metric.value, metric.n, metric.censored) == (None, 4, 6)


def test_the_appeal_rate_is_over_the_right_to_appeal_and_the_worked_rate_beside_it(tmp_path):
    appealed = {"level": "Redetermination", "filed": "2026-01-12"}
    rows = [
        appealed | {"claim": "A"}, appealed | {"claim": "B", "carc": "16"}, {"claim": "C"},
        {"claim": "D", "carc": "16"}, {"claim": "E", "status": "Closed"},
    ]  # fmt: skip
    found = facts(export(tmp_path, *rows))
    rate, worked = outcomes.appeal_rate(found), outcomes.worked_rate(found)
    right = found.one("SELECT count(*) FROM denials WHERE appealable")
    assert (rate.count, rate.out_of) == (2, right)
    assert (worked.count, worked.out_of) == (3, 5)


def test_the_order_of_the_files_changes_no_number(tmp_path):
    old = export(tmp_path, {"claim": "A"}, {"claim": "B"}, name="one.csv")
    new = export(
        tmp_path,
        {"claim": "B", "level": "Redetermination", "filed": "2026-01-12"},
        {"claim": "C", "denied": "70.00"},
        name="two.csv",
    )
    third = export(tmp_path, {"claim": "D", "payer": "Beta", "id": "P2"}, name="three.csv")
    results = []
    for order in permutations((old, new, third)):
        found = facts(*order)
        every = [m.value for m in found.measure([getattr(work, n) for n in dir(work)])[None]]
        results.append((every, found.payers))
    assert all(one == results[0] for one in results)


def test_payers_are_their_ids_each_with_one_name_and_two_ids_stay_two(tmp_path):
    rows = [
        {"claim": "A", "id": "P1", "payer": "Alpha"}, {"claim": "B", "id": "P1", "payer": "Alpha"},
        {"claim": "C", "id": "P1", "payer": "ALPHA INC"}, {"claim": "D", "id": "P2", "payer": "Alpha"},
        {"claim": "E", "id": "", "payer": "Gamma"},
    ]  # fmt: skip
    found = facts(export(tmp_path, *rows))
    groups = tables.by_group(found, "payer_name", (work.denials,), of="denials")
    assert {name: metrics[0].value for name, metrics in groups} == {
        "Alpha (P1)": 3, "Alpha (P2)": 1, "Gamma": 1,
    }  # fmt: skip


def test_a_primary_and_a_secondary_denial_of_one_charge_never_exceed_the_charge(tmp_path):
    second = {"id": "P2", "payer": "Beta Plan", "class": "Commercial", "notice": "2026-02-20"}
    rows = [{}, second, {"line": "2", "denied": "300.00", "code": "99214"}]
    given = seen(export(tmp_path, *rows))
    assert given.facts.count() == 3
    assert work.denied_dollars(given.facts).value == 1_300_00
    assert codes(given)["charge_denied_twice"] == 1
    said = page(given).reconciliation()
    assert "of one charge that two payers deny, counted once" in said


def test_appeals_of_what_is_no_denial_are_in_no_rate_and_are_named(tmp_path):
    appeal = {"level": "Redetermination", "filed": "2026-01-12", "decided": "2026-02-01",
              "outcome": "Upheld"}  # fmt: skip
    rows = [
        appeal | {"claim": "A"},
        appeal | {"claim": "B", "group": "CO", "carc": "45", "paid": "500.00", "denied": "500.00"},
        appeal | {"claim": "C", "group": "PR", "carc": "1", "paid": "900.00", "denied": "100.00"},
    ]
    rows[2] |= {"id": "P2", "payer": "Beta"}
    one = source(export(tmp_path, *rows))
    given = parcel(one)
    for kind in kinds.kinds().values():
        path = tmp_path / f"{kind.kind}.xlsx"
        workbook.write(path, kind=kind, source=one, given=given, name="x", by="payer")
        check_workbook(path, kind=kind, given=given)
    assert outcomes.appeals_filed(given.facts).value == 1
    assert outcomes.appeals_of_no_denial(given.facts).value == 2
    assert outcomes.overturn_rate_decided(given.facts).out_of == 1
    assert codes(given)["appeal_without_denial"] == 2
    said = page(given).reconciliation()
    assert "CO-45" in said and "PR-1" in said


def test_denied_above_billed_is_a_finding(tmp_path):
    given = seen(export(tmp_path, {"denied": "1200.00"}, {"claim": "C2"}))
    assert codes(given)["denied_above_billed"] == 1


def test_amounts_of_zero_and_below_are_on_the_bridge_from_rows_to_denials(tmp_path):
    rows = [{"claim": "A"}, {"claim": "B", "denied": "0.00"}, {"claim": "C", "denied": "-50.00"}]
    rows += [{"claim": ""}]
    given = seen(export(tmp_path, *rows))
    steps = {row.step: int(row.adjustments) for row in tables.bridge(given.facts).itertuples()}
    assert sum(steps.values()) == 3
    assert steps["denial"] == given.facts.count() == 1
    said = page(given).reconciliation()
    for words in (
        "Rows read of the exports",
        "left out (no claim number)",
        "in no denial: zero amounts",
        "Denials on the worklist",
    ):
        assert words in said


def test_days_late_and_overdue_count_from_the_same_day(tmp_path):
    given = seen(export(tmp_path, {"notice": "2025-05-01", "from": "2025-04-01"}))
    [row] = given.urgent.itertuples()
    late = (pd.Timestamp(DAY) - row.last_filing_date).days
    assert "Days late" in overdue.cases(page(given))
    assert f'<td class="n">{late}</td>' in overdue.cases(page(given))


def test_routes_are_kept_apart_in_headline_and_table(tmp_path):
    old = {"notice": "2025-05-01", "from": "2025-04-01"}
    rows = [old | {"claim": "A"}, old | {"claim": "B", "carc": "16"}]
    given = seen(export(tmp_path, *rows))
    said = overdue.summary(page(given))
    assert "1 appeal worth $1,000.00 is past the last day to file: 1 never appealed" in said
    assert "1 denial past that day goes another route" in said
    routes = tables.by_route(given.facts)
    assert set(routes["route"]) == {"appeal", "corrected_claim"}


def test_a_denial_lost_at_the_level_before_is_not_one_that_nobody_touched(tmp_path):
    old = {"notice": "2025-03-01", "from": "2025-02-01"}
    lost = old | {"claim": "B", "level": "Redetermination", "filed": "2025-04-01",
                  "decided": "2025-05-01", "outcome": "Upheld"}  # fmt: skip
    found = facts(export(tmp_path, old | {"claim": "A"}, lost))
    assert work.overdue_appeals(found).value == 2
    assert work.overdue_never_appealed(found).value == 1
    assert work.overdue_after_loss(found).value == 1


def test_the_sheet_by_level_holds_nothing_that_counts_denials_by_their_next_level(tmp_path):
    one = source(CASES / "comp.csv", CASES / "lvl2.csv")
    path = tmp_path / "book.xlsx"
    kind = kinds.kinds()["outcomes"]
    workbook.write(path, kind=kind, source=one, given=parcel(one), name="x", by="payer")
    book = openpyxl.load_workbook(path)
    headings = {name: [c.value for c in book[name][1]] for name in ("By level", "By payer")}
    assert "Appeal rate" in headings["By payer"]
    assert "Appeals filed" in headings["By level"]
    assert not {"Appeal rate", "Worked rate"} & set(headings["By level"])


def test_won_paid_and_written_off_make_the_share_of_denials_overturned(tmp_path):
    won = {"level": "Redetermination", "filed": "2026-01-10", "decided": "2026-02-10",
           "outcome": "Overturned", "back": "1000.00"}  # fmt: skip
    rows = [
        won | {"claim": "A"}, {"claim": "B", "status": "Paid"}, {"claim": "C", "status": "Write-off"},
        {"claim": "D", "status": "Written Off", "denied": "500.00"}, {"claim": "E", "status": "Closed"},
        {"claim": "F"},
    ]  # fmt: skip
    found = facts(export(tmp_path, *rows))
    share, dollars = outcomes.overturned_share_hfma(found), outcomes.overturned_dollars_hfma(found)
    assert (share.count, share.out_of) == (2, 4)
    assert (dollars.count, dollars.out_of) == (2_000_00, 3_500_00)
    assert dollars.low < dollars.value < dollars.high


def test_the_sums_of_the_workbook_are_those_of_the_cards_and_of_the_rows_listed(tmp_path):
    one = source(CASES / "lines.csv", CASES / "part.csv", CASES / "comp.csv")
    given = parcel(one)
    path = tmp_path / "book.xlsx"
    for kind in ("overdue", "outcomes"):
        workbook.write(
            path, kind=kinds.kinds()[kind], source=one, given=given, name="x", by="payer"
        )
        book = openpyxl.load_workbook(path)
        headline = {
            row[0]: row[1] for row in book["Headline"].iter_rows(min_row=2, values_only=True)
        }
        listed, money, card = {
            "overdue": ("Worklist", "At stake", None), "outcomes": ("Appeals", "Recovered", "Dollars recovered"),
        }[kind]  # fmt: skip
        rows = list(book[listed].iter_rows(values_only=True))
        place = next(n for n, row in enumerate(rows) if money in row)
        at = rows[place].index(money)
        total = round(sum(row[at] or 0 for row in rows[place + 1 :]) * 100)
        if card is None:
            sums = tables.by_due(given.facts)
            assert total == sums.loc[sums["due"] != "closed", "cents"].sum()
        else:
            assert (
                total
                == round(headline[card] * 100)
                == outcomes.recovered_dollars(given.facts).value
            )
        groups = list(book["By payer"].iter_rows(min_row=2, values_only=True))
        assert [sum(row[1] for row in groups[:-1])] == [groups[-1][1]]


def test_a_workbook_whose_sums_are_not_the_report_s_is_refused(tmp_path):
    one = source(CASES / "lines.csv", CASES / "comp.csv")
    given = parcel(one)
    path = tmp_path / "book.xlsx"
    for kind, sheet, column, row in (
        ("overdue", "Worklist", "At stake", 3), ("overdue", "Headline", "Value", 2),
        ("outcomes", "By payer", "Appeals filed", 2), ("outcomes", "Appeals", "Recovered", 3),
    ):  # fmt: skip
        chosen = kinds.kinds()[kind]
        workbook.write(path, kind=chosen, source=one, given=given, name="x", by="payer")
        check_workbook(path, kind=chosen, given=given)
        book = openpyxl.load_workbook(path)
        cells = book[sheet]
        place = next(c.column for r in cells.iter_rows(max_row=2) for c in r if c.value == column)
        cells.cell(row, place).value = 77_777.77
        book.save(path)
        with pytest.raises(ReportError, match=f"book.xlsx: sums of the workbook .*{sheet}"):
            check_workbook(path, kind=chosen, given=given)


def test_a_category_has_one_name_in_every_report(tmp_path):
    row = {"level": "Redetermination", "filed": "2025-04-01", "decided": "2025-05-01",
           "outcome": "Upheld", "notice": "2025-03-01", "from": "2025-02-01"}  # fmt: skip
    given = seen(export(tmp_path, row))
    assert "Medical necessity" in overdue.cases(page(given))
    assert "Medical necessity" in outcome_blocks.groups(page(given))


def test_a_source_with_one_row_one_payer_or_nothing_decided_reads_well(tmp_path):
    for rows in (
        [{}],
        [{"claim": "A"}, {"claim": "B"}],
        [{"level": "Redetermination", "filed": "2026-01-12"}],
        [{"notice": "2027-01-02"}, {"claim": "B"}],
    ):
        one = page(seen(export(tmp_path, *rows)))
        for block in (
            overdue.summary, overdue.states, overdue.routes, overdue.calendar, overdue.cases,
            overdue.groups, overdue.gaps, overdue.no_right, overdue.unclassified,
            outcome_blocks.summary, outcome_blocks.stages, outcome_blocks.rates,
            outcome_blocks.groups, outcome_blocks.days, outcome_blocks.gaps, *BLOCKS,
        ):  # fmt: skip
            assert not re.search(r"\b(nan|NaN|NaT|None)\b|<NA>", block(one)), block


def test_every_report_of_bad_or_little_input_says_what_it_cannot_say(tmp_path):
    decided = {"level": "Redetermination", "filed": "2026-01-12", "decided": "2026-02-10",
               "outcome": "Upheld"}  # fmt: skip
    nothing = page(seen(export(tmp_path, {}, {"claim": "B"})))  # two open denials, one payer
    assert "No appeal has been decided yet" in weekly.summary(nothing)
    assert "no payer can be compared" in scorecard.summary(nothing)
    assert "the files hold denials only" in defined.summary(nothing)
    assert "withheld" in monthly.summary(nothing)
    assert "large enough to be a rule" in prevention.summary(nothing)
    assert "No denial asks for anything this week" in front.week(nothing)
    late = page(seen(export(tmp_path, {"notice": "2025-05-01", "from": "2025-04-01"})))
    assert "What is recoverable is not known" in front.week(late)
    lost = page(seen(export(tmp_path, decided, {"claim": "B"})))  # nothing says what a win brings
    assert "there is none to compare it with" in scorecard.summary(lost)
    assert "nothing can be expected" not in weekly.summary(lost)
    future = page(seen(export(tmp_path, {"notice": "2027-01-02"})))
    assert "there are no denials" in scorecard.summary(future)
    assert "There are no denials" in weekly.summary(future)


def test_a_payer_whose_decision_is_late_is_named_with_its_dollars(tmp_path):
    waits = {"level": "Redetermination", "filed": "2025-10-01", "notice": "2025-09-01",
             "from": "2025-08-01"}  # fmt: skip
    rows = [waits | {"claim": "A"}, waits | {"claim": "B", "filed": "2026-03-10"}]
    one = page(seen(export(tmp_path, *rows)))
    assert work.decision_overdue(one.facts).value == 1
    assert work.decision_overdue_dollars(one.facts).value == 1_000_00
    assert (
        "1 denial with $1,000.00 at stake waits for a decision that is late"
        in scorecard.summary(one)
    )
    assert "Alpha MAC" in scorecard.late(one)


def test_payers_are_ranked_only_where_a_test_finds_a_difference(tmp_path):
    def decided(payer: str, won: int, of: int) -> list[dict]:
        return [
            {"claim": f"{payer}{n}", "id": payer, "payer": payer, "level": "Redetermination",
             "filed": "2026-01-12", "decided": "2026-02-10",
             "outcome": "Overturned" if n < won else "Upheld", "back": "1000.00" if n < won else ""}
            for n in range(of)
        ]  # fmt: skip

    alike = page(seen(export(tmp_path, *decided("Alpha", 20, 40), *decided("Beta", 21, 40))))
    assert "finds no difference" in difference(alike)
    apart = [*decided("Alpha", 36, 40), *decided("Beta", 20, 40), *decided("Gamma", 20, 40)]
    said = difference(page(seen(export(tmp_path, *apart))))
    assert "payers differ" in said and "Alpha" in said


def test_few_cases_are_marked_in_the_page_the_chart_and_the_workbook(tmp_path):
    row = {"level": "Redetermination", "filed": "2026-01-12", "decided": "2026-02-10",
           "outcome": "Overturned", "back": "1000.00"}  # fmt: skip
    path = export(tmp_path, *(row | {"claim": f"C{n}"} for n in range(5)))
    one, given = source(path), seen(path)
    assert "100.0% †" in scorecard.card(page(given))
    assert "gray diamonds are few cases" in scorecard.overturned(page(given))
    book = tmp_path / "scorecard.xlsx"
    kind = kinds.kinds()["scorecard"]
    workbook.write(book, kind=kind, source=one, given=given, name="x", by="payer")
    check_workbook(book, kind=kind, given=given)
    cells = openpyxl.load_workbook(book)["By payer"]
    head = [c.value for c in cells[1]]
    place = head.index("Overturn rate of decided appeals (any): label")
    assert cells.cell(2, place + 1).value == "small n (under 30)"


def test_a_later_remittance_that_pays_a_denial_is_recovered_cash_on_its_day(tmp_path):
    from toolkit.claims.tables import Claims, conform
    from toolkit.worklist import WORKLIST

    day = pd.Timestamp
    claims = conform(
        {
            "claim_key": ["a", "b"], "file_id": ["f", "f"], "patient_control_number": ["N", "N"],
            "payer_id": ["P", "P"], "remittance_date": [day("2026-01-02"), day("2026-02-20")],
            "billed_cents": [100_00, 100_00], "paid_cents": [0, 80_00],
        },
        "claims",
    )  # fmt: skip
    held = dict.fromkeys((c.name for c in WORKLIST), [None])
    held |= {
        "denial_key": ["a-c"], "claim_key": ["a"], "payer_id": ["P"], "due": ["closed"],
        "state": ["paid_later"], "patient_control_number": ["N"], "denied_cents": [100_00],
        "billed_cents": [100_00],
    }  # fmt: skip
    files = conform({"file_id": ["f"], "source": ["remittance"]}, "files")
    made = facts_of(Claims(claims=claims, files=files), pd.DataFrame(held), as_of=DAY)[0]
    found = Facts.of(made, as_of=DAY)
    assert found.rows("SELECT closed_as, paid_back_cents, resolved_on FROM denials") == [
        ("paid", 80_00, date(2026, 2, 20))
    ]
    assert work.gross_recovery(found).value == 80_00
    assert work.days_to_resolution_mean(found).value == 49.0


# --- what a file cannot say ----------------------------------------------------------------------


def test_a_list_of_denials_with_a_few_paid_claims_is_no_denominator(tmp_path):
    denied = [{"claim": f"D{n}", "notice": "2026-02-10"} for n in range(9)]
    paid = {"notice": "2026-02-10", "carc": "45", "denied": "200.00", "paid": "800.00"}
    few = facts(export(tmp_path, *denied, paid | {"claim": "P1"}))
    many = facts(export(tmp_path, *denied, *(paid | {"claim": f"P{n}"} for n in range(3))))
    assert rates.month_denial_rate(few).value is None
    assert (rates.month_denial_rate(many).count, rates.month_denial_rate(many).out_of) == (9, 12)


def test_hfma_1_in_dollars_has_an_interval_that_one_large_claim_makes_wide(tmp_path):
    months = ("2025-11-10", "2025-12-10", "2026-01-10", "2026-02-10")
    alike = [
        {"claim": f"{month}-{n}", "notice": month}
        | ({} if n < 4 else {"carc": "45", "denied": "200.00", "paid": "800.00"})
        for month in months
        for n in range(20)
    ]
    large = [
        row | {"billed": "40000.00"} if row["claim"] == "2026-02-10-0" else row for row in alike
    ]
    same, one_large = (rates.initial_denial_dollars_hfma(facts(export(tmp_path, *rows))) for rows in (alike, large))  # fmt: skip
    # 4,000 of 60,000 / 3; the variances of the logarithm are 1/4 and 1/60.
    reach = exp(Z95 * sqrt(1 / 4 + 1 / 60))
    assert (same.value, same.low, same.high) == pytest.approx((0.2, 0.2 / reach, 0.2 * reach))
    assert same.worth == pytest.approx(20)
    assert one_large.value == pytest.approx(43 / 20)
    assert one_large.high / one_large.low > same.high / same.low


def test_hfma_6_is_withheld_where_no_write_off_is_stated(tmp_path):
    won = {"level": "Redetermination", "filed": "2026-01-10", "decided": "2026-02-10",
           "outcome": "Overturned", "back": "1000.00"}  # fmt: skip
    found = facts(export(tmp_path, won, won | {"claim": "C2"}))
    for measure in (outcomes.overturned_share_hfma, outcomes.overturned_dollars_hfma):
        metric = measure(found)
        assert (metric.value, metric.withheld) == (
            None, "no file states a write-off, so the denominator is not known",
        )  # fmt: skip


def test_what_was_paid_later_without_an_amount_is_not_counted_as_nothing(tmp_path):
    given = seen(CASES / "status.csv")
    assert outcomes.recovery_rate(given.facts).value is None
    paid = tables.closures(given.facts).set_index("closed_as").loc["paid"]
    assert (paid.recovered, paid.cents, paid.unknown) == (0, 0, 2)
    assert "Paid</td><td>2</td><td>not stated</td>" in re.sub(
        r' class="[^"]*"', "", str(overdue.states(page(given)))
    )


def test_net_recovery_is_never_said_to_be_more_than_it_may_be(tmp_path):
    won = {"level": "Redetermination", "filed": "2026-01-10", "decided": "2026-02-10",
           "outcome": "Overturned"}  # fmt: skip
    found = facts(export(tmp_path, won | {"back": "1000.00"}, won | {"claim": "C2"}))
    net, cost = outcomes.net_recovery(found), found.effort.cents_of("appeal")
    assert (net.value, net.left_out) == (1_000_00 - 2 * cost, 1)
    none = outcomes.net_recovery(facts(export(tmp_path, won)))
    assert (none.value, none.left_out) == (None, 1)


def test_the_parts_of_the_overdue_appeals_are_all_of_them():
    said = overdue.summary(page(seen(CASES / "status.csv")))
    assert "5 appeals" in said
    assert "4 never appealed, 0 lost at the level before, 1 appealed before without a known" in said


def test_a_month_that_the_files_do_not_reach_is_not_a_month_without_denials(tmp_path):
    reached = {"2025-11-10": 5, "2025-12-10": 5, "2026-01-10": 5, "2026-02-10": 30}
    rows = [
        {"claim": f"{day}-{n}", "notice": day} for day, many in reached.items() for n in range(many)
    ]
    whole = page(seen(export(tmp_path, *rows)))
    assert "More than chance: Alpha MAC" in monthly.summary(whole)
    gap = page(seen(export(tmp_path, *(row for row in rows if row["notice"] != "2025-12-10"))))
    for block in (monthly.summary(gap), monthly.changed(gap)):
        assert "The files hold no denial of December 2025" in block
        assert "chance" not in block
    over = page(seen(export(tmp_path, *(row for row in rows if row["notice"] < "2026-02"))))
    assert "No denial on file has its notice in February 2026" in monthly.summary(over)
    assert "less than" not in monthly.summary(over)


def test_one_appeal_won_promises_nothing_of_the_next(tmp_path):
    won = {"level": "Redetermination", "filed": "2026-01-10", "decided": "2026-02-10",
           "outcome": "Overturned", "back": "500.00"}  # fmt: skip
    rows = [won, won | {"claim": "C2"}, {"claim": "C3"}]
    for some, known in ((rows, True), (rows[1:], False)):
        one = page(seen(export(tmp_path, *some)))
        one.facts.studies = study(one.facts)
        assert (work.recoverable_dollars(one.facts).value is not None) == known
        assert ("Too few appeals were won" in weekly.summary(one)) != known
        assert ("nothing says what an appeal would bring back" in weekly.outside(one)) != known
    alone = facts(export(tmp_path, *rows[:2]))
    alone.studies = study(alone)
    assert work.recoverable_dollars(alone).value == 0  # nothing is open


@pytest.mark.parametrize("decided", ["2026-02-10", ""])
@pytest.mark.parametrize("word", ["", "Panel agreed"])
def test_a_line_without_an_outcome_stops_no_report_where_its_appeal_has_one(
    tmp_path, word, decided
):
    line = {"level": "Redetermination", "filed": "2026-01-10", "decided": decided}
    lines = [line | {"outcome": "Upheld"}, line | {"line": "2", "outcome": word}]
    found = facts(export(tmp_path, *lines))  # its numbers agree
    assert outcomes.appeals_decided(found).value == 1
    assert dues(found)["outcome_not_read"] == 1
