"""Pick the stored case of a denial; if several are possible, ask and never guess."""

from datetime import datetime

from toolkit.cases.case import Case
from toolkit.cases.entry import local_time
from toolkit.cases.store import CaseStore
from toolkit.errors import RefusedError, UsageError

NEW = "new"


def pick_case(
    store: CaseStore, case: Case, answer: str | None = None, *, who: str, now: datetime
) -> Case:
    """Return today's case with what was entered on it before (see `CaseStore.resume`).

    Where stored cases may be of this claim, `answer` names the one that is, or is "new" for none of
    them; the answer is kept, so that it is asked for once. Raises RefusedError with the cases to
    choose from where there is no answer, and UsageError where the answer is none of them.
    """
    found = store.find(case)
    if not found.candidates:
        if answer not in (None, found.case_key, NEW) or (answer == NEW and found.case_key):
            raise UsageError("--case: there are no cases to choose from; omit it")
        return store.resume(case)
    keys = [one.case_key for one in found.candidates]
    if answer is None:
        raise RefusedError(
            "entries exist for a claim that may be this one.",
            needs=(
                *(
                    f"--case {one.case_key}, if its {one.entries} entries (the last by {one.who} on "
                    f"{local_time(one.entered_at)}) are of this claim"
                    for one in found.candidates
                ),
                f"--case {NEW}, if this is another claim",
            ),
        )
    if answer not in (*keys, NEW):
        raise UsageError("--case must be one of the cases listed, or new")
    key = case.case_key if answer == NEW else answer
    if case.identity is None:
        raise UsageError("--case: the claim has no number by which it could be found again")
    store.attach(key, case.identity, who=who, now=now)
    return store.resume(case)
