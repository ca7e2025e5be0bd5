"""Classify one denial, choose its route, and name the entry that decided.

The order of rules is the denial taxonomy's (4.6): what is not a denial goes first, a remark that
closes the appeal sets the route before anything else, then the remark's refinement, then the
code's own default; free text decides only if there is no code. Nothing is guessed: a code that
is not on file is unclassified and says so.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from toolkit.denials import codes
from toolkit.denials.codes import Carc, Category, Rarc
from toolkit.errors import UsageError

if TYPE_CHECKING:
    from toolkit.denials.text import Found


class Denial(msgspec.Struct, frozen=True, kw_only=True):
    """What one adjustment is, what to do about it, and which entry of the rules decided."""

    denial_category: str
    reason: str
    route: str
    nature: codes.Nature
    preventable: codes.Preventable
    liability: codes.Liability
    confidence: codes.Confidence
    decided_by: str
    appealable: bool
    why_not: str
    warnings: tuple[str, ...]
    is_denial: bool


class _Draft:
    """The answer while the rules are applied in their order."""

    __slots__ = (
        "category",
        "reason",
        "route",
        "nature",
        "preventable",
        "confidence",
        "decided_by",
        "warnings",
    )
    nature: codes.Nature
    preventable: codes.Preventable
    confidence: codes.Confidence

    def __init__(self, warnings: list[str]) -> None:
        self.warnings = warnings

    def take(
        self, category: str, reason: str, route: str, decided_by: str, confidence: codes.Confidence
    ) -> None:
        """Let an entry decide; nature and preventable follow the category."""
        about = codes.category_of()[category]
        self.category, self.reason = category, reason
        self.route = route or about.default_route
        self.nature, self.preventable = about.nature, about.preventable
        self.decided_by, self.confidence = decided_by, confidence

    def take_carc(self, entry: Carc) -> None:
        self.category, self.reason, self.route = entry.category, entry.reason, entry.route
        self.nature, self.preventable = entry.nature, entry.preventable
        self.decided_by, self.confidence = f"carc {entry.code}", "high"


@lru_cache(maxsize=1)
def _pairs() -> dict[str, dict[tuple[str, str], Any]]:
    rules = codes.not_a_denial()
    tables = {
        name: {(p.group_code, carc): p for p in getattr(rules, name) for carc in p.carcs}
        for name in ("pairs", "unpaid_alone", "elsewhere")
    }
    for name in ("unpaid_alone", "elsewhere"):
        for pair in tables[name].values():
            codes.check_reason(pair.category, pair.reason, pair.route, f"not_a_denial.yaml, {name}")
    return tables


# Codes that say little alone: a remark that changes their category contradicts nothing.
_OPEN_CATEGORIES = frozenset({"unclassified", "claim_data", "non_covered"})


def classify(
    group_code: Any = None,
    carc: Any = None,
    rarcs: Any = (),
    *,
    text: str | None = None,
    program: str | None = None,
    unpaid_alone: bool = False,
) -> Denial:
    """Return what one adjustment with its remark codes is, and what to do about it.

    Grain: one adjustment. `rarcs` is one cell or a list of remark codes; `text` is used to refine
    the reason a code gave, and decides alone only if there is no code; codes written in it are
    read where `carc` holds none. `unpaid_alone`: the line
    was paid nothing and this is its only adjustment. A cell that cannot be read never raises: the
    answer is `unclassified` with a warning that names the column. Warnings name the columns seen,
    never their values. Source: denial taxonomy 4.4 to 4.6, marks in the rule files.
    """
    warnings: list[str] = []
    group, code, remarks = _read(group_code, carc, rarcs, warnings)
    said = _said(text)
    in_text = False
    if not code and said is not None and (said.adjustments or said.rarcs):
        group, code, remarks, in_text = _codes_in_text(said, group, remarks, warnings)
    entry = codes.carcs().get(code)
    if code and entry is None:
        warnings.append(
            "the code in carc is unknown, so the denial is unclassified; add it to carc.csv"
        )
    today = code
    if entry is not None and entry.status == "retired":
        today = entry.retired_to.partition(" ")[0] or code
        warnings.append(_retired(code))
    if entry is not None and entry.note:
        warnings.append(f"carc {code}: {entry.note}")

    draft = _Draft(warnings)
    known = _known(remarks, warnings)
    settled = _no_denial(draft, group, code, today, entry, unpaid_alone)
    if not settled:
        _decide(draft, code, entry, known)
        _blocking_route(draft, known)
        _add_text(draft, said, has_code=bool(code), in_text=in_text, unpaid_alone=unpaid_alone)
    elif draft.category != "not_a_denial":
        _blocking_route(draft, known)
    if in_text and draft.decided_by.startswith(("carc", "rarc", "group")):
        draft.decided_by += " in denial_text"
        draft.confidence = "medium" if draft.confidence == "high" else draft.confidence
    return _finish(draft, group, entry, known, program)


_UNREADABLE = "carc has no single readable code"


# --- reading -------------------------------------------------------------------------------------


def _read(
    group_code: Any, carc: Any, rarcs: Any, warnings: list[str]
) -> tuple[str, str, tuple[str, ...]]:
    """Return group code, CARC and remark codes, put right where the column was wrong and it is safe."""
    groups = codes.group_codes()
    group = codes.read_group(group_code)
    prefix, code = codes.read_carc(carc)
    remarks, whole = codes.read_rarcs(rarcs)
    if not whole:
        warnings.append("a remark code in rarcs cannot be read")
    if not code and (raw := codes.read_group(carc)):
        moved, all_of_it = codes.read_rarcs(carc)
        if raw in groups and (swapped := codes.read_carc(group_code)[1]) in codes.carcs():
            warnings.append("group_code and carc are in each other's column, and were swapped")
            group, code = raw, swapped
        elif raw in groups:
            warnings.append("carc has a group code but no reason code")
            group = group or raw
        elif moved and all_of_it:
            warnings.append("carc holds remark codes: read as rarcs")
            remarks = tuple(dict.fromkeys((*remarks, *moved)))
        else:
            warnings.append(_UNREADABLE)
    if prefix:
        if group and group != prefix:
            warnings.append("group_code and the group in carc differ: group_code is used")
        group = group or prefix
    if group and group not in groups:
        # CO-16 in the group column, and nothing in the other: safe to read.
        both = codes.read_carc(group_code)
        if both[0] and both[1] in codes.carcs() and (not code or code == both[1]):
            group, code = both
        else:
            warnings.append("group_code is not a group code (CO, PR, OA, PI, CR), and was ignored")
            group = ""
    elif not group and code:
        warnings.append("group_code is empty, so it is not known who bears the amount")
    return group, code, remarks


def _said(text: str | None) -> "Found | None":
    """Return the phrases and codes of a free text; None if there is none."""
    if not isinstance(text, str) or not text.strip():
        return None
    from toolkit.denials.text import read_text  # where there is text to read

    return read_text(text)


def _codes_in_text(
    said: "Found", group: str, remarks: tuple[str, ...], warnings: list[str]
) -> tuple[str, str, tuple[str, ...], bool]:
    """Return group code, CARC and remark codes as the text gives them, and whether it gives any.

    What stands in a column of its own goes first. Of several codes the first that is a denial is
    taken; where none is, and the words name a denial, the words decide.
    """
    denials = [pair for pair in said.adjustments if not _is_no_denial(*pair)]
    words = bool(said.phrases) and said.phrases[0].category != "not_a_denial"
    if said.adjustments and not denials and words:
        return group, "", remarks, False
    own, code = (denials or said.adjustments or (("", ""),))[0]
    if not code and remarks:
        return group, "", remarks, False
    warnings.append("the codes were read from denial_text: check the remittance")
    if len(denials) > 1:
        warnings.append("denial_text has several denial codes: the first is used")
    if not (group or own) and code:
        warnings.append("group_code is empty, so it is not known who bears the amount")
    return group or own, code, remarks or said.rarcs, True


def _is_no_denial(group: str, code: str) -> bool:
    entry = codes.carcs().get(code)
    today = entry.retired_to.partition(" ")[0] or code if entry is not None else code
    return (
        group in codes.not_a_denial().reversal_groups
        or (group, today) in _pairs()["pairs"]
        or (entry is not None and entry.category == "not_a_denial")
    )


@lru_cache(maxsize=1024)
def _retired(code: str) -> str:
    entry = codes.carcs()[code]
    since = f" since {entry.stop}" if entry.stop else ""
    today = f"; today's code: {entry.retired_to.replace(' ', ' or ')}" if entry.retired_to else ""
    return f"carc {code} is retired{since}{today}"


def _known(remarks: tuple[str, ...], warnings: list[str]) -> tuple[Rarc, ...]:
    """Return the entries of the remark codes on file; warn about the others."""
    if not remarks:
        return ()
    table = codes.rarcs()
    known = []
    for remark in remarks:
        row = table.get(remark)
        if row is None:
            warnings.append("a remark code in rarcs is unknown: read it on the remittance")
        elif not row.source or not (row.says or row.category):
            warnings.append(f"rarc {remark}: its meaning is unknown: read it on the remittance")
        else:
            known.append(row)
            if row.note:
                warnings.append(f"rarc {remark}: {row.note}")
    return tuple(known)


# --- the rules, in order -------------------------------------------------------------------------


def _no_denial(
    draft: _Draft, group: str, code: str, today: str, entry: Carc | None, unpaid_alone: bool
) -> bool:
    """Rules 1, 2 and 6: reversals and the pairs of group code and CARC that are not denials."""
    if group in codes.not_a_denial().reversal_groups:
        draft.take("not_a_denial", "reversal", "none", f"group {group}", "high")
        return True
    if entry is None:
        return False
    tables = _pairs()
    pair = (group, today)
    by = f"group {group} + carc {code}"
    if unpaid_alone and (alone := tables["unpaid_alone"].get(pair)):
        draft.take(alone.category, alone.reason, alone.route, f"{by}, unpaid alone", "medium")
        draft.warnings.append(f"paid_cents is 0 and this is the only adjustment: {alone.says}")
        return True
    if pair in tables["pairs"]:
        draft.take_carc(entry)
        draft.category, draft.decided_by = "not_a_denial", by
        return True
    if other := tables["elsewhere"].get(pair):
        draft.take(other.category, other.reason, other.route, by, "medium")
        draft.warnings.append(f"group_code and carc: {other.says}")
        return True
    if entry.category == "not_a_denial":
        draft.take_carc(entry)
        return True
    return False


def _decide(draft: _Draft, code: str, entry: Carc | None, known: tuple[Rarc, ...]) -> None:
    """Rule 5: the remark's refinement, else the code's default."""
    decider, at_odds = _deciding_remark(draft, code, entry, known)
    if entry is None:
        if decider is not None:
            confidence = "medium" if decider.category != "unclassified" else "low"
            draft.take(
                decider.category, decider.reason, decider.route, f"rarc {decider.code}", confidence
            )
        else:
            reason = "unknown_code" if code else "no_code"
            if _UNREADABLE in draft.warnings:
                reason = "unreadable_code"
            elif not code:
                draft.warnings.append("no column holds a reason code")
            draft.take("unclassified", reason, "review", "no entry on file", "low")
        return
    draft.take_carc(entry)
    if decider is None:
        if at_odds:
            draft.confidence = "medium"
        if entry.needs_remark:
            draft.confidence = "low"
            draft.warnings.append(
                f"carc {entry.code} needs a remark code, and rarcs has none that explains it"
            )
        return
    if decider.category == entry.category:
        draft.reason = decider.reason
        draft.route = decider.route or entry.route
    else:
        draft.take(decider.category, decider.reason, decider.route, "", "high")
        if entry.category not in _OPEN_CATEGORIES and not (
            entry.needs_remark and entry.category == "coding"
        ):
            draft.confidence = "medium"
            draft.warnings.append(
                f"carc and rarcs indicate different categories ({entry.category}, {decider.category}): the remark is used"
            )
    draft.decided_by = f"rarc {decider.code}"


def _deciding_remark(
    draft: _Draft, code: str, entry: Carc | None, known: tuple[Rarc, ...]
) -> tuple[Rarc | None, bool]:
    """Return the remark that may decide over this code, first by rank, and whether one may not."""
    may, against = [], []
    for row in known:
        if not row.category:
            continue
        if _may_decide(row, code, entry):
            may.append(row)
        elif entry is not None and row.over == "any" and row.category != entry.category:
            against.append(row)
    if against and entry is not None and not may:
        draft.warnings.append(
            f"carc and rarcs indicate different categories ({entry.category}, {against[0].category}): the code is used, because the remark cannot change it"
        )
    if not may:
        return None, bool(against)
    about = codes.category_of()
    # An outcome of an appeal is the last word on the line, so it goes before the ranks.
    may.sort(key=lambda r: (r.over != "all", r.over == "alone", about[r.category].rank, r.code))
    if len({r.category for r in may if r.over != "alone"}) > 1:
        draft.warnings.append(
            "the remark codes in rarcs indicate several categories: the first by rank is used"
        )
    return may[0], False


def _may_decide(row: Rarc, code: str, entry: Carc | None) -> bool:
    # That a claim was forwarded makes no denial undone: only where there is no code at all.
    if row.category == "not_a_denial":
        return not code
    if entry is None or row.over == "all":
        return True
    # A code that only points to its remark (A1) leaves the answer to any remark there is.
    if row.over == "alone":
        return entry.category == "unclassified" or (
            row.category == entry.category and bool(entry.needs_remark)
        )
    if row.category == entry.category:
        return True
    if row.over == "generic":
        return bool(entry.needs_remark) and entry.category in _OPEN_CATEGORIES
    return entry.remark_effect == "changes"


def _blocking_route(draft: _Draft, known: tuple[Rarc, ...]) -> None:
    """Rule 4: a remark that closes the appeal, or asks for a new claim, sets the route."""
    for row in known:
        if row.route_always or (row.appeal == "blocked" and row.route):
            draft.route = row.route
    if draft.route in _APPEALS and any(row.appeal == "blocked" for row in known):
        draft.route = "review"


_APPEALS = frozenset({"appeal", "contract_dispute"})


def _add_text(
    draft: _Draft, said: "Found | None", *, has_code: bool, in_text: bool, unpaid_alone: bool
) -> None:
    """Rule 9: free text refines the reason a code gave, and decides only if there is no code."""
    if said is None:
        return
    hits = said.phrases
    if not hits:
        if not has_code and draft.category == "unclassified" and not in_text:
            draft.warnings.append("denial_text matches no known phrase")
        return
    first = hits[0]
    if in_text and _is_open(draft) and first.category not in (draft.category, "not_a_denial"):
        # "CO-16: modifier missing": the words beside the code say what a remark code would.
        draft.take(first.category, first.reason, "", f"phrase {first.id}", "inferred")
        return
    if not has_code and draft.decided_by == "no entry on file":
        draft.take(first.category, first.reason, "", f"phrase {first.id}", "inferred")
        draft.warnings.append("decided only by denial_text, so it is inferred: read the notice")
        if len({p.category for p in hits} - {"not_a_denial"}) > 1:
            draft.warnings.append(
                "denial_text names several reasons: the first is used, but late filing takes precedence"
            )
        alone = [p for p in _pairs()["unpaid_alone"].values() if first.reason == "contractual"]
        if unpaid_alone and alone:
            draft.take(
                alone[0].category, alone[0].reason, alone[0].route, draft.decided_by, "inferred"
            )
            draft.warnings.append(
                f"paid_cents is 0 and this is the only adjustment: {alone[0].says}"
            )
        return
    about = codes.category_of()[draft.category]
    # A reason of the same name counts too: "frequency" is one under several categories.
    same = [p for p in hits if p.category == draft.category or p.reason in about.reasons]
    finer = [p for p in same if p.reason != draft.reason and p.reason not in about.plain_reasons]
    if not same:
        draft.warnings.append(
            f"the codes and denial_text disagree: the codes say {draft.category},"
            f" the text {first.category}"
        )
    elif finer and draft.reason in about.plain_reasons:
        draft.reason = finer[0].reason
        draft.decided_by += f", phrase {finer[0].id}"
        draft.confidence = "medium"
    elif finer:
        draft.warnings.append(
            f"the codes and denial_text name different reasons: the codes {draft.reason},"
            f" the text {finer[0].reason}"
        )


def _is_open(draft: _Draft) -> bool:
    """Return whether a code decided that says little without a remark code, and has none."""
    return draft.confidence == "low" and draft.category in _OPEN_CATEGORIES


# --- who may appeal ------------------------------------------------------------------------------


def _finish(
    draft: _Draft,
    group: str,
    entry: Carc | None,
    known: tuple[Rarc, ...],
    program: str | None,
) -> Denial:
    liability = _liability(group, entry)
    # A defective advance notice shifts the amount to the provider, who may then dispute it.
    shifted = next((r for r in known if r.liability == "provider"), None)
    if shifted is not None and draft.category != "not_a_denial":
        liability = "provider"
    why_not = _why_not(draft, group, entry, known, shifted, program)
    _patient_billing(draft, liability, group, known)
    if why_not and draft.category != "not_a_denial" and any(r.appeal == "confirmed" for r in known):
        draft.warnings.append(
            "rarcs state an appeal right, but another fact excludes it: read the notice"
        )
    return Denial(
        denial_category=draft.category,
        reason=draft.reason,
        route=draft.route,
        nature=draft.nature,
        preventable=draft.preventable,
        liability=liability,
        confidence=draft.confidence,
        decided_by=draft.decided_by,
        appealable=not why_not,
        why_not=why_not,
        warnings=tuple(draft.warnings),
        is_denial=draft.category != "not_a_denial",
    )


def _liability(group: str, entry: Carc | None) -> codes.Liability:
    if group:
        return codes.group_codes()[group].liability
    if entry is not None and " " not in entry.usual_group:
        return codes.group_codes()[entry.usual_group].liability
    return "other"


def _why_not(
    draft: _Draft,
    group: str,
    entry: Carc | None,
    known: tuple[Rarc, ...],
    shifted: Rarc | None,
    program: str | None,
) -> str:
    """Return why the provider has no appeal right on this, '' if it has one; mend the route."""
    if draft.category == "not_a_denial":
        return f"{draft.decided_by}: not a denial"
    for row in known:
        if row.appeal == "blocked":
            return f"rarc {row.code}: {row.says}"
    rules = _rules(program) if program else None
    for rule in rules.no_appeal if rules else ():
        if draft.category in rule.denial_categories:
            draft.route = "review"
            return f"{rule.says} ({rule.citation}; {rule.status})"
    if draft.category == "timely_filing":
        draft.warnings.append(
            "an appeal of a late filing needs proof of timely filing or good cause; Original Medicare has no such appeal"
        )
    for note in rules.denial_notes if rules else ():
        if draft.category in note.denial_categories:
            draft.warnings.append(f"{note.says} ({note.citation}; {note.status})")
    if group == "PR" and shifted is None:
        usual = entry is None or "PR" in entry.usual_group
        if codes.category_of()[draft.category].provider_issue == "yes" and not usual:
            draft.warnings.append(
                f"group_code is PR but the category is {draft.category}: the provider's responsibility, charged to the patient"
            )
            return ""
        if draft.category == "unclassified":
            return ""
        if draft.route in {"appeal", "contract_dispute", "retro_authorization", "send_records"}:
            draft.route = "bill_patient"
        return "group PR: the patient's share; the provider cannot appeal it unless the notice or the benefit is wrong"
    return ""


@lru_cache(maxsize=1024)
def _rules(program: str) -> Any:
    """Return the rules of the program; None if there are none on file."""
    from toolkit import law  # where a program is given: codes alone need no law

    return law.program(program) if program in law.programs() else None


def _patient_billing(draft: _Draft, liability: str, group: str, known: tuple[Rarc, ...]) -> None:
    """Let a remark that limits what the patient may be billed stop that route."""
    for row in known:
        if row.patient_billing == "blocked" or (row.patient_billing == "capped" and group != "PR"):
            draft.warnings.append(f"rarc {row.code}: the patient may not be billed for this")
        elif row.patient_billing == "capped":
            draft.warnings.append(f"rarc {row.code}: the patient may be billed the PR amounts only")
            continue
        else:
            continue
        if draft.route == "bill_patient":
            draft.route = "none" if draft.category == "not_a_denial" else "review"


# --- beside classify -----------------------------------------------------------------------------


def hardness(denial: Denial) -> str:
    """Return 'soft' where the route needs no appeal, 'hard' where it is one or none is left.

    '' for what is not a denial. The routes carry the rule in categories.yaml (taxonomy 4.2).
    """
    return codes.routes()[denial.route].hardness if denial.is_denial else ""


def rank(category: str) -> int:
    """Return a category's place among the adjustments of one line: 0 goes first (4.6 rule 7)."""
    about = codes.category_of().get(category)
    if about is None:
        raise UsageError(f"rank: no such category; they are {', '.join(codes.category_of())}")
    return about.rank


def primary(denials: Iterable[tuple[Denial, int]]) -> int | None:
    """Return the index of a line's primary denial: the largest amount, then the rank of rule 7.

    Takes (denial, amount in cents) in the order of the file; None if nothing is a denial.
    """
    held = [
        (-abs(cents), rank(denial.denial_category), i)
        for i, (denial, cents) in enumerate(denials)
        if denial.is_denial
    ]
    return min(held)[2] if held else None


def categories() -> tuple[Category, ...]:
    """Return every denial category with its name, stage, nature, route, owner, rank and reasons."""
    return codes.categories()
