"""What stands of a claim after everything that happened to it: the decision table and its cases."""

import itertools
from datetime import date
from pathlib import Path

import msgspec
import pytest

from toolkit.history.decisions import Decision, Line
from toolkit.history.fold import Denied, account, outcomes
from toolkit.history.identity import ClaimIdentity, LineIdentity
from toolkit.history.states import Happened, Standing, fold, table
from toolkit.rules import load_yaml

HERE = Path(__file__).parent
CASES = load_yaml(HERE / "cases" / "history" / "decisions.yaml")
APPEALS = load_yaml(HERE / "cases" / "history" / "appeals.yaml")
_NO_DENIAL = ("CO-45", "OA-23")


def cents(text: str) -> int:
    return round(float(text) * 100)


def reason(text: list[str]) -> tuple[tuple[str, int], ...]:
    return tuple((pair, cents(amount)) for pair, amount in zip(text[::2], text[1::2], strict=True))


def denies(pair: str) -> bool:
    return pair not in _NO_DENIAL and not pair.startswith("PR-")


def line(text: str, place: int) -> Line:
    """Return a line as the cases write it: "70551 500.00 paid 0.00 CO-50 500.00"."""
    code, charge, _, paid, *reasons = text.split()
    identity = LineIdentity(
        procedure_code=code, service_from=date(2026, 1, 5), billed_cents=abs(cents(charge))
    )
    return Line(place=place, identity=identity, paid=cents(paid), reasons=reason(reasons))


def decisions(case: dict) -> list[Decision]:
    found, count = [], itertools.count()
    for at, one in enumerate(case["decisions"]):
        lines = tuple(line(text, next(count)) for text in one.get("lines", ()))
        charges = [text.split()[1] for text in one.get("lines", ())]
        number, refers = one.get("number"), one.get("refers_to")
        found.append(
            Decision(
                place=at,
                identity=ClaimIdentity(
                    account="X1",
                    payer_numbers=frozenset(x for x in (number, refers) if x),
                    payer_id=one.get("payer", "first"),
                    service_from=date(2026, 1, 5),
                ),
                source=one.get("source", "remittance"),
                number=number,
                refers_to=refers,
                frequency=one.get("frequency", "1"),
                day=date.fromisoformat(one["day"]) if "day" in one else None,
                reverses=one.get("reverses") == "yes",
                decides="sent_on" not in one,
                forwards="sent_on" in one,
                billed=cents(one["charge"]) if "charge" in one else sum(map(cents, charges)),
                paid=cents(one["paid"]) if "paid" in one else sum(x.paid for x in lines),
                lines=lines,
                reasons=reason([x for text in one.get("reasons", ()) for x in text.split()]),
                tie=(at,),
            )
        )
    return found


def denied(given: list[Decision]) -> dict:
    found = {}
    for one in given:
        if one.reverses or not one.decides:
            continue
        for place, reasons in [(-1, one.reasons), *((x.place, x.reasons) for x in one.lines)]:
            mine = [(pair, amount) for pair, amount in reasons if denies(pair)]
            if mine:
                copy = all(pair.endswith("-18") for pair, _ in mine)
                found[one.place, place] = Denied(sum(amount for _, amount in mine), copy)
    return found


def happened(text: str) -> Happened:
    event, _, outcome = text.partition(" ")
    return Happened(event=event, outcome=outcome)


def stands(case: dict, given: list[Decision], steps=None) -> list[str]:
    """Return the rows that somebody sees, as the cases write them."""
    names = {
        (one.place, x.place): x.identity.procedure_code for one in given for x in one.lines
    } | {(one.place, -1): "claim" for one in given}
    then = [happened(text) for text in case.get("then", ())]
    rows = []
    plb = {number: cents(amount) for number, amount in (x.split() for x in case.get("plb", ()))}
    known = account(given, plb)
    every = case.get("of") == "every line"
    for place, found in sorted(outcomes(known, denied(given), every=every).items()):
        if not found.shown:
            continue
        row = f"{place[0] + 1} {names[place]}"
        if then:
            now = fold(then, start=Standing(found.state, True), steps=steps)
            rows.append(f"{row} {now.state}")
        else:
            row += f" {found.state} by {found.decided_by + 1}"
            closed = found.state not in ("open", "review")
            rows.append(row if closed else f"{row} at stake {found.cents / 100:.2f}")
    return rows


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_what_stands_is_what_the_case_says(case):
    assert stands(case, decisions(case)) == case["stands"]


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_the_order_in_which_files_are_given_changes_nothing(case):
    given = decisions(case)
    for shuffled in itertools.islice(itertools.permutations(given), 24):
        assert stands(case, list(shuffled)) == case["stands"]


@pytest.mark.parametrize("case", APPEALS, ids=[case["case"] for case in APPEALS])
def test_what_an_appeal_makes_of_a_state(case):
    assert after(case) == case["state"]


def after(case: dict) -> str:
    return fold(map(happened, case["then"]), start=Standing(case["from"], True)).state


# --- misreadings: each wrong table fails a case ------------------------------------------------------


def misread() -> list[tuple[str, tuple]]:
    """Return tables with one thing wrong, each with what is wrong in it."""
    steps = table().steps
    found = []
    for at, step in enumerate(steps):

        def put(new, at=at):
            return (*steps[:at], *([new] if new else []), *steps[at + 1 :])

        if step.state is not None:
            found.append((f"{step.id} is left out", put(None)))
        for name in ("denies", "pays", "denied", "target"):
            asked = getattr(step.when, name)
            if asked is not None:
                other = "no" if asked == "yes" else "yes"
                when = msgspec.structs.replace(step.when, **{name: other})
                found.append((f"{step.id} asks {name} {other}", put(replaced(step, when=when))))
        for state in sorted({"open", "paid_later", "reversed", "closed", "decided"} - {step.state}):
            found.append((f"{step.id} gives {state}", put(replaced(step, state=state, keeps="no"))))
        for name in ("before", "outcome"):
            for value in getattr(step.when, name) or ():
                rest = tuple(x for x in getattr(step.when, name) if x != value)
                when = msgspec.structs.replace(step.when, **{name: rest})
                found.append((f"{step.id} forgets {name} {value}", put(replaced(step, when=when))))
    return found


def replaced(step, **changes):
    return msgspec.structs.replace(step, **changes)


@pytest.mark.parametrize(("wrong", "steps"), misread(), ids=[wrong for wrong, _ in misread()])
def test_a_misread_step_fails_a_case(monkeypatch, wrong, steps):
    wrong_table = msgspec.structs.replace(table(), steps=steps)
    monkeypatch.setattr("toolkit.history.states.table", lambda: wrong_table)
    fails = any(stands(case, decisions(case)) != case["stands"] for case in CASES)
    assert fails or any(after(case) != case["state"] for case in APPEALS), wrong
