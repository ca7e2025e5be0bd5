"""Letters of every kind with made-up facts: each fact that a letter lacks is filled until it is complete."""

import json
from datetime import date
from itertools import product

from toolkit import letters
from toolkit.cases import Case, Fact
from toolkit.errors import RefusedError
from toolkit.law import FILERS
from toolkit.letters.facts import fact_types
from toolkit.letters.letter import Letter
from toolkit.letters.letter_kind import LetterKind

AS_OF = date(2026, 11, 23)
_DAYS = {
    "birth_date": "1951-04-09", "evaluation_date": "2026-07-01", "order_date": "2026-07-02",
    "notice_date": "2026-11-20", "notice_received": "2026-11-20", "filed_on": "2025-01-15",
    "claim_sent_on": "2026-08-10", "claim_accepted_on": "2026-08-11", "discharge_date": "2026-07-16",
    "planned_date": "2026-12-10", "last_bmm_date": "2024-05-20", "evidence_date": "2026-12-20",
    "monitored_drug_since": "2023-03-15", "last_service_date": "2024-05-20",
}  # fmt: skip
_WORDS = {
    "procedure_code": "77080", "denied_cents": "50000.00", "midnights": "3",
    "apnea_index": "31", "pack_years": "30", "rehab_months": "3", "ejection_fraction": "30",
    "therapy_weeks": "8", "pd_l1": "60", "age_at_diagnosis": "50", "weeks_of_management": "7",
    "glucocorticoid_dose_mg": "7.5", "glucocorticoid_months": "6", "patient_name": "Testcase, Rosalind",
}  # fmt: skip
_CHOICES = {
    "qualifying_category": "monitoring", "confirmatory_test": "no", "prior_bmm": "performed",
    "procedure_determined": "yes", "sent_by": "fax", "authorization_ground": "emergency",
    "nyha_class": "II", "proof_of_filing": "payer_277ca", "expedited": "no", "contracted": "not_contracted",
}  # fmt: skip
# What the worklist says of a denial that an act can answer.
TRIAGE = {"state": "open", "reason": "not_reasonable_and_necessary"}


def value_of(name: str) -> object:
    """Return a made-up value of a fact, of its kind and in order with the others."""
    known = fact_types()[name]
    if known.kind == "date":
        return _DAYS.get(name, "2026-07-12")
    if known.kind == "choice":
        return _CHOICES.get(name, next(iter(known.choices)))
    if known.kind == "table":
        return json.dumps([_row(known)])
    if known.kind in ("number", "money"):
        return _WORDS.get(name, "2")
    return _WORDS.get(name, f"sample {name.replace('_', ' ')}")


def _row(known) -> dict[str, str]:
    given = {"policy": "Policy 1", "name": "Policy 1", "file": "", "met": "met"}
    return {
        name: given.get(name, "2026-07-01" if column.kind == "date" else f"sample {name}")
        for name, column in known.columns.items()
    }


def facts_of(kind: LetterKind, triage: dict, given: dict) -> Case:
    """Return the case with these facts and what the worklist says of it."""
    said = {**TRIAGE, **triage, "program": kind.program}
    if kind.level and kind.act.form.at != "beside":
        said["level"] = kind.level
    typed = {name: Fact(value, "triage") for name, value in said.items() if value is not None}
    return letters.enter(Case("d-test", typed), given)


# Facts that bar a letter or another sentence, where every fact is filled in.
_LEFT_OUT = {"good_cause", "enrollee_liability", "expedited_reason", "unmet_criteria"}


def filled(kind: LetterKind, **how) -> Letter:
    """Return a complete letter of the kind (see `filled_with_facts`)."""
    return filled_with_facts(kind, **how)[0]


def filled_with_facts(
    kind: LetterKind, *, given: dict | None = None, triage: dict | None = None, every: bool = False
) -> tuple[Letter, dict]:
    """Return a complete letter of the kind and its facts: the first filer and stage that the law allows.

    `every`: also the facts that the letter can do without.
    """
    if every:
        more = {n.name for n in letters.needs(kind)} - _LEFT_OUT
        given = {**{name: value_of(name) for name in more}, **(given or {})}
        given = {n: v for n, v in given.items() if n not in ("filer", "stage", "program")} | {
            "documents": [{"name": "Policy 1", "date": "2026-07-01", "pages": "1 to 3"}]
        }
    refusals = []
    for stage, filer in product(("payment", "prior_authorization"), FILERS):
        facts = {"stage": stage, "filer": filer, "denied_cents": "50000.00", **(given or {})}
        said = dict(triage or {})
        if kind.act.form.at == "waiting":
            said |= {"state": "awaiting_decision", "decision_due": date(2026, 10, 1)}
        if kind.act.form.categories:
            said["denial_category"] = kind.act.form.categories[0]
        if kind.program == "medicaid_managed_care":
            said["state_window"] = 120
        try:
            return _complete(kind, said, facts)
        except RefusedError as refused:
            refusals.append(str(refused))
    raise AssertionError(f"{kind}: {sorted(set(refusals))}")


def _complete(kind: LetterKind, said: dict, facts: dict) -> tuple[Letter, dict]:
    for _ in range(6):
        letter = letters.draft(facts_of(kind, said, facts), kind, as_of=AS_OF)
        if letter.complete:
            return letter, facts
        for need in letter.missing:
            facts[need.name] = value_of(need.name)
    raise AssertionError(f"{kind}: still lacks {[need.name for need in letter.missing]}")
