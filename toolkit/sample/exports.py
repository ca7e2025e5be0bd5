"""Make a synthetic denial export: invented payers and patients, dated around a given day.

The same number of rows, seed and day give the same bytes on every machine: all chance comes from the
raw bits of PCG64, whose stream numpy guarantees, and is used in whole numbers only. What the sample
is made of stands in `mix.yaml` beside this file.
"""

import datetime as dt
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import UsageError
from toolkit.outputs import whole
from toolkit.rules import read

MIX = Path(__file__).with_name("mix.yaml")
CLAIMS_AT_A_TIME = 150_000
_EXCEL_ROWS = 1_048_575
_EPOCH = dt.date(1970, 1, 1).toordinal()
_YEAR_DAYS = 365
_CREATED = dt.datetime(2000, 1, 1)  # noqa: DTZ001  # a workbook's clock would change its bytes

Kind = Literal["text", "date", "money", "count"]

# The headings of the sample, all known to the generic layout.
HEADINGS: dict[str, Kind] = {
    "Claim Number": "text",
    "Payer Claim Number": "text",
    "Patient Name": "text",
    "Member ID": "text",
    "Birth Date": "date",
    "Payer ID": "text",
    "Payer": "text",
    "Plan": "text",
    "Financial Class": "text",
    "Contracted": "text",
    "Facility": "text",
    "Provider NPI": "text",
    "Owner": "text",
    "Case Status": "text",
    "Stage": "text",
    "Service From": "date",
    "Service To": "date",
    "Line Number": "count",
    "Procedure Code": "text",
    "Modifiers": "text",
    "Revenue Code": "text",
    "Diagnosis Code": "text",
    "Units": "count",
    "Billed Amount": "money",
    "Paid Amount": "money",
    "Group Code": "text",
    "Reason Code (CARC)": "text",
    "Remark Codes (RARC)": "text",
    "Denial Reason": "text",
    "Denied Amount": "money",
    "Remittance Date": "date",
    "Notice Date": "date",
    "Notice Received": "date",
    "Appeal Level": "text",
    "Appeal Filed": "date",
    "Appeal Decided": "date",
    "Appeal Outcome": "text",
    "Recovered Amount": "money",
}

_ARROW = {
    "text": pa.dictionary(pa.int32(), pa.string()),
    "date": pa.date32(),
    "money": pa.decimal128(12, 2),
    "count": pa.int32(),
}
_UNIQUE = ("Claim Number", "Payer Claim Number", "Member ID")
_NONE = np.iinfo(np.int64).min

Range = tuple[int, int]


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class _Program(_Strict):
    about_days: int
    received_given: int
    pool: str
    levels: dict[str, int]
    ages: Range


class _Plan(_Strict):
    payer_id: str
    payer: str
    plan: str
    program: str
    contracted: str
    funding: str
    weight: int
    words: dict[str, int]
    answered: Literal["yes", "no"] = "yes"


class _Facility(_Strict):
    name: str
    npi: str
    weight: int


class _Service(_Strict):
    code: str
    revenue: str
    family: str
    pool: str
    weight: int
    charge: Range
    diagnoses: tuple[str, ...]
    units: Range = (1, 1)
    days: Range = (0, 0)
    modifiers: tuple[str, ...] = ("",)


class _Reason(_Strict):
    id: str
    group: str
    carc: str
    families: tuple[str, ...]
    weight: int
    rarcs: tuple[str, ...]
    texts: tuple[str, ...]


class _Contractual(_Strict):
    group: str
    carc: str
    share: Range


class _CostShare(_Strict):
    group: str
    carc: tuple[str, ...]
    share: Range


class _Pattern(_Strict):
    rows: tuple[Literal["denial", "contractual", "cost_share", "second", "line"], ...]
    weight: int


class _Waiting(_Strict):
    weight: int
    days_left: Range


class _Times(_Strict):
    notice_ago: Range
    after_notice: Range = (0, 0)
    takes: Range = (0, 0)


class _Outcome(_Strict):
    word: str
    weight: int
    closed: int
    recovered: Range = (0, 0)


class _BoneDensity(_Strict):
    plan: str
    word: str
    service: str
    diagnosis: str
    reason: str
    rarc: str
    text: str
    owner: str
    days_left: dict[str, int]


class Mix(_Strict):
    """What a sample is made of; see the notes in the file."""

    programs: dict[str, _Program]
    plans: tuple[_Plan, ...]
    contract_stated: int
    addresses: dict[str, str]
    facilities: tuple[_Facility, ...]
    services: tuple[_Service, ...]
    reasons: tuple[_Reason, ...]
    text_given: int
    text_only: int
    contractual: _Contractual
    cost_share: _CostShare
    patterns: tuple[_Pattern, ...]
    partly_paid: int
    paid_share: Range
    situations: dict[str, int]
    waiting: tuple[_Waiting, ...]
    filed: _Times
    decided: _Times
    given_up: _Times
    higher_level_adds: int
    outcomes: tuple[_Outcome, ...]
    stages: dict[str, dict[str, int]]
    notice_blank: int
    received_after: Range
    service_ago: Range
    owners: dict[str, tuple[str, ...]]
    last_names: tuple[str, ...]
    first_names: tuple[str, ...]
    bone_density_case: _BoneDensity


@cache
def mix() -> Mix:
    """Return what the sample is made of."""
    return read(MIX, Mix)


def write_sample(path: Path, *, rows: int, seed: int, as_of: dt.date) -> Path:
    """Write a synthetic export of the generic layout and return its path.

    One row per denial or other adjustment, dated around `as_of`; the ending of `path` (.csv,
    .parquet, .xlsx) chooses the form. The same arguments give the same bytes. Memory stays bounded
    for .csv and .parquet, whatever the number of rows.
    """
    path = Path(path)
    if rows < 1:
        raise UsageError("a sample has at least one row")
    if seed < 0:
        raise UsageError("the seed is a whole number, 0 or more")
    writers = {".csv": _write_csv, ".parquet": _write_parquet, ".xlsx": _write_xlsx}
    if path.suffix.lower() not in writers:
        raise UsageError(f"{path.name}: a sample is written as .csv, .parquet or .xlsx")
    if path.suffix.lower() == ".xlsx" and rows > _EXCEL_ROWS:
        raise UsageError(f"a workbook holds at most {_EXCEL_ROWS:,} rows; write .parquet or .csv")
    with whole(path) as temporary:
        writers[path.suffix.lower()](temporary, _batches(rows, seed=seed, as_of=as_of))
    return path


def _batches(rows: int, *, seed: int, as_of: dt.date):
    done, batch = 0, 0
    while done < rows:
        chance = Chance(seed, as_of.toordinal(), batch)
        table = _batch(chance, batch, as_of.toordinal() - _EPOCH, rows=rows, left=rows - done)
        done += len(table)
        batch += 1
        yield table


# ------------------------------------------------------------------------------------------ chance


class Chance:
    """Draws whole numbers from one stream of raw bits."""

    def __init__(self, *key: int):
        self.bits = np.random.PCG64(np.random.SeedSequence(list(key)))

    def raw(self, count: int) -> np.ndarray:
        return self.bits.random_raw(count)

    def pick(self, weights, count: int) -> np.ndarray:
        """Return positions in a list of weights."""
        return _at(self.raw(count), np.asarray(list(weights)))

    def between(self, low, high, count: int) -> np.ndarray:
        """Return whole numbers from low to high, both included; each may be an array."""
        width = np.asarray(high, dtype=np.int64) - np.asarray(low, dtype=np.int64) + 1
        width = np.maximum(width, 1).astype(np.uint64)
        return (self.raw(count) % width).astype(np.int64) + low

    def percent(self, share, count: int) -> np.ndarray:
        return self.raw(count) % np.uint64(100) < share


def _at(raw: np.ndarray, weights: np.ndarray) -> np.ndarray:
    edges = np.cumsum(weights).astype(np.uint64)
    return np.searchsorted(edges, raw % edges[-1], side="right")


def _by_group(
    raw: np.ndarray, group: np.ndarray, tables: list[list[tuple[int, int]]]
) -> np.ndarray:
    """Pick from the table of each entry's group; a table lists (value, weight)."""
    out = np.zeros(len(raw), dtype=np.int64)
    for number, table in enumerate(tables):
        here = group == number
        if table and here.any():
            values = np.array([v for v, _ in table])
            out[here] = values[_at(raw[here], np.array([w for _, w in table]))]
    return out


def _choice(raw: np.ndarray, which: np.ndarray, lists: list[tuple]) -> tuple[np.ndarray, list]:
    """Pick evenly from each entry's own list; return positions in the pool of all lists."""
    sizes = np.array([len(x) for x in lists])
    starts = np.cumsum(sizes) - sizes
    inside = (raw % sizes[which].astype(np.uint64)).astype(np.int64)
    return starts[which] + inside, [item for x in lists for item in x]


# ----------------------------------------------------------------------------------------- a batch


def _batch(chance: Chance, number: int, today: int, *, rows: int, left: int) -> pa.Table:
    m = mix()
    count = CLAIMS_AT_A_TIME if rows > 2 * CLAIMS_AT_A_TIME else max(rows, 1)
    special = None
    if number == 0:
        special = int(chance.raw(1)[0] % np.uint64(min(12, max(1, rows // 3))))
    claim = _claim_columns(chance, m, count, today, special)
    claim["index"] = np.arange(count) + number * CLAIMS_AT_A_TIME
    single = [p.rows for p in m.patterns].index(("denial",))
    sizes = np.array([len(p.rows) for p in m.patterns])[claim["pattern"]]
    claim["pattern"] = np.where(np.cumsum(sizes) > left, single, claim["pattern"])
    return _row_columns(chance, m, claim, special).slice(0, left)  # no claim is cut in two


def _claim_columns(chance: Chance, m: Mix, count: int, today: int, special: int | None) -> dict:
    """Draw what is one per claim: the payer, the first service, and where the case stands."""
    case = m.bone_density_case
    programs = list(m.programs)
    plan = chance.pick([p.weight for p in m.plans], count)
    pattern = chance.pick([p.weight for p in m.patterns], count)
    situation = chance.pick(m.situations.values(), count)
    word_raw, service_raw = chance.raw(count), chance.raw(count)
    stated = chance.percent(m.contract_stated, count)
    if special is not None:
        plan[special] = [p.plan for p in m.plans].index(case.plan)
        pattern[special] = [p.rows for p in m.patterns].index(("denial",))
        situation[special] = list(m.situations).index("waiting")
        stated[special] = True
    program = np.array([programs.index(p.program) for p in m.plans])[plan]
    pools = sorted({s.pool for s in m.services})
    pool = np.array([pools.index(m.programs[p].pool) for p in programs])[program]
    by_pool = [[(i, s.weight) for i, s in enumerate(m.services) if s.pool == p] for p in pools]
    service = _by_group(service_raw, pool, by_pool)
    second_service = _by_group(chance.raw(count), pool, by_pool)
    words = sorted({w for p in m.plans for w in p.words})
    word = _by_group(
        word_raw, plan, [[(words.index(w), n) for w, n in p.words.items()] for p in m.plans]
    )
    if special is not None:
        service[special] = [s.code for s in m.services].index(case.service)
        word[special] = words.index(case.word)
    families = list(dict.fromkeys(s.family for s in m.services))
    family = np.array([families.index(s.family) for s in m.services])[service]
    stages = list(dict.fromkeys(s for table in m.stages.values() for s in table))
    stage = _by_group(
        chance.raw(count), family,
        [[(stages.index(s), n) for s, n in m.stages.get(f, m.stages["other"]).items()] for f in families],
    )  # fmt: skip
    owner, owners = _choice(
        chance.raw(count), family, [m.owners.get(f, m.owners["other"]) for f in families]
    )
    if special is not None:
        stage[special] = stages.index("Payment")
        owner[special] = owners.index(case.owner)
    out = {
        "plan": plan, "pattern": pattern, "service": service, "second_service": second_service,
        "family": family, "families": families, "word": word, "words": words, "stated": stated,
        "stage": stage, "stages": stages, "owner": owner, "owners": owners,
        "facility": chance.pick([f.weight for f in m.facilities], count),
        "last": chance.between(0, len(m.last_names) - 1, count),
        "first": chance.between(0, len(m.first_names) - 1, count),
        "member": chance.between(0, 10**9 - 1, count),
    }  # fmt: skip
    ages = np.array([m.programs[p].ages for p in programs])[program]
    out["birth"] = today - chance.between(ages[:, 0] * _YEAR_DAYS, ages[:, 1] * _YEAR_DAYS, count)
    return out | _case_columns(
        chance, m, program, situation, stage == stages.index("Payment"), today, special
    )


def _case_columns(chance, m: Mix, program, situation, payment, today: int, special) -> dict:
    """Draw the dates of notice and appeal, the level, the outcome and the status."""
    count = len(program)
    names = list(m.programs)
    window = np.array([m.programs[p].about_days for p in names])[program]
    kinds = list(m.situations)
    filed_kind, decided_kind = (
        situation == kinds.index("filed"),
        situation == kinds.index("decided"),
    )
    levels = list(dict.fromkeys(w for p in m.programs.values() for w in p.levels))
    tables = [[(levels.index(w), n) for w, n in p.levels.items()] for p in m.programs.values()]
    level = _by_group(chance.raw(count), program, tables)
    place = np.zeros((len(names), len(levels)), dtype=np.int64)
    for i, p in enumerate(m.programs.values()):
        for step, w in enumerate(p.levels):
            place[i, levels.index(w)] = step
    earlier = place[program, level] * m.higher_level_adds

    ranges = np.array([w.days_left for w in m.waiting])[
        chance.pick([w.weight for w in m.waiting], count)
    ]
    left = chance.between(ranges[:, 0], np.minimum(ranges[:, 1], window - 1), count)
    if special is not None:
        weekday = (today + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0
        rule = m.bone_density_case.days_left
        left[special] = (
            rule["saturday"] if weekday == 5 else rule["sunday"] if weekday == 6 else rule["other"]
        )
    ago = window - left
    for kind, times in (
        (filed_kind, m.filed),
        (decided_kind, m.decided),
        (situation == kinds.index("given_up"), m.given_up),
    ):
        drawn = chance.between(*times.notice_ago, count)
        ago = np.where(kind, drawn, ago)
    appealed = filed_kind | decided_kind
    notice = today - ago - np.where(appealed, earlier, 0)
    times = np.where(decided_kind[:, None], m.decided.after_notice, m.filed.after_notice)
    filed = notice + earlier + chance.between(times[:, 0], times[:, 1], count)
    filed = np.minimum(filed, today - 1)
    decided = np.minimum(filed + chance.between(*m.decided.takes, count), today)
    outcome = chance.pick([o.weight for o in m.outcomes], count)
    closed = chance.percent(100, count)
    closed &= chance.raw(count) % np.uint64(100) < np.array([o.closed for o in m.outcomes])[outcome]
    blank = chance.percent(m.notice_blank, count) & payment
    shares = np.array([m.programs[p].received_given for p in names])[program]
    given = chance.percent(shares, count)
    received = np.minimum(notice + chance.between(*m.received_after, count), today)
    service_from = notice - chance.between(*m.service_ago, count)
    planned = notice + chance.between(5, 30, count)  # a service refused beforehand is still to come
    if special is not None:
        blank[special] = given[special] = False
    return {
        "notice": np.where(blank, _NONE, notice),
        "received": np.where(given, received, _NONE),
        "remitted": np.where(payment, notice, _NONE),
        "service_from": np.where(payment, service_from, planned),
        "level": np.where(appealed, level, -1), "levels": levels,
        "filed": np.where(appealed, filed, _NONE),
        "decided": np.where(decided_kind, decided, _NONE),
        "outcome": np.where(decided_kind, outcome, -1),
        "recovered_share": chance.between(
            np.array([o.recovered[0] for o in m.outcomes])[outcome],
            np.array([o.recovered[1] for o in m.outcomes])[outcome], count,
        ),
        "closed": np.where(decided_kind, closed, situation == kinds.index("given_up")),
    }  # fmt: skip


def _row_columns(chance: Chance, m: Mix, claim: dict, special: int | None) -> pa.Table:
    """Lay the claims out as rows and draw what is one per row: service line, reason, amounts."""
    case = m.bone_density_case
    roles = ["denial", "contractual", "cost_share", "second", "line"]
    widest = max(len(p.rows) for p in m.patterns)
    laid = np.array(
        [[*(roles.index(r) for r in p.rows), *[-1] * (widest - len(p.rows))] for p in m.patterns]
    )
    sizes = (laid >= 0).sum(axis=1)[claim["pattern"]]
    of = np.repeat(np.arange(len(sizes)), sizes)
    start = np.cumsum(sizes) - sizes
    role = laid[claim["pattern"][of], np.arange(len(of)) - start[of]]
    rows, main = len(of), start  # main: the row of each claim's first denial
    is_line, extra = (
        role == roles.index("line"),
        (role == roles.index("contractual")) | (role == roles.index("cost_share")),
    )

    service = np.where(is_line, claim["second_service"][of], claim["service"][of])
    families = claim["families"]
    family = np.array([families.index(s.family) for s in m.services])[service]
    by_family = [
        [(i, r.weight) for i, r in enumerate(m.reasons) if f in r.families or "all" in r.families]
        for f in families
    ]
    reason = _by_group(chance.raw(rows), family, by_family)
    # a second denial of the same line has another reason than the first: the next in the list
    second = np.flatnonzero(role == roles.index("second"))
    same = second[reason[second] == reason[second - 1]]
    names = [r.id for r in m.reasons]
    reason[same] = np.where(
        reason[same] == names.index("claim_data"), names.index("records"), names.index("claim_data")
    )
    diagnosis, diagnoses = _choice(
        chance.raw(len(claim["service"])), claim["service"], [s.diagnoses for s in m.services]
    )
    rarc_raw, text_raw = chance.raw(rows), chance.raw(rows)
    worded, wordless = chance.percent(m.text_given, rows), chance.percent(m.text_only, rows)
    if special is not None:
        at = start[special]
        reason[at] = names.index(case.reason)
        diagnosis[special] = diagnoses.index(case.diagnosis)
        rarc_raw[at] = m.reasons[reason[at]].rarcs.index(case.rarc)
        text_raw[at] = m.reasons[reason[at]].texts.index(case.text)
        worded[at], wordless[at] = True, False
    rarc, rarcs = _choice(rarc_raw, reason, [r.rarcs for r in m.reasons])
    text, texts = _choice(text_raw, reason, [r.texts for r in m.reasons])
    share_code = chance.between(0, len(m.cost_share.carc) - 1, rows)

    charges = np.array([s.charge for s in m.services])
    line_of = np.where(is_line, np.arange(rows), main[of])  # the row that opened this row's line
    billed = (
        chance.between(charges[service, 0], charges[service, 1], rows) * 100
        + chance.between(0, 99, rows)
    )[line_of]
    unit_ranges = np.array([s.days if s.days[1] else s.units for s in m.services])
    units = chance.between(unit_ranges[service, 0], unit_ranges[service, 1], rows)[line_of]
    paid, amount = _amounts(chance, m, claim, of, role, roles, line_of, billed)
    modifier, modifiers = _choice(
        chance.raw(rows)[line_of], service, [s.modifiers for s in m.services]
    )
    stays = np.array([s.days[1] > 0 for s in m.services])[service]
    service_from = claim["service_from"][of]
    recovered = (
        amount[np.where(is_line, np.arange(rows), main[of])] * claim["recovered_share"][of] // 100
    )
    won = np.array([o.recovered[1] > 0 for o in m.outcomes] + [False])[claim["outcome"][of]]

    def per_claim(key: str, pool: list[str]) -> pa.DictionaryArray:
        return _coded(claim[key][of], pool)

    carcs = sorted({*(r.carc for r in m.reasons), m.contractual.carc, *m.cost_share.carc})
    groups = sorted({*(r.group for r in m.reasons), m.contractual.group, m.cost_share.group})
    carc = np.array([carcs.index(r.carc) for r in m.reasons])[reason]
    group = np.array([groups.index(r.group) for r in m.reasons])[reason]
    is_share, is_contract = role == roles.index("cost_share"), role == roles.index("contractual")
    carc = np.where(is_contract, carcs.index(m.contractual.carc), carc)
    carc = np.where(
        is_share, np.array([carcs.index(c) for c in m.cost_share.carc])[share_code], carc
    )
    group = np.where(is_contract, groups.index(m.contractual.group), group)
    group = np.where(is_share, groups.index(m.cost_share.group), group)
    no_code, no_text = wordless & ~extra, (~worded & ~wordless) | extra
    contract_words = ["Yes", "No", ""]
    contracts = np.array([contract_words.index(p.contracted.capitalize()) for p in m.plans])[
        claim["plan"]
    ]
    contracts = np.where(claim["stated"], contracts, 2)[of]
    index = claim["index"]
    name = claim["last"] * len(m.first_names) + claim["first"]
    people = [f"{last}, {first}" for last in m.last_names for first in m.first_names]
    event = lambda key: np.where(extra, _NONE, claim[key][of])  # noqa: E731
    columns = {
        "Claim Number": _numbered("SYN", index + 1, 9).take(pa.array(of)),
        "Payer Claim Number": _numbered("ICN", index * 7 + 1_000_003, 11).take(pa.array(of)),
        "Patient Name": _coded(name[of], people),
        "Member ID": _numbered("TEST", claim["member"], 9).take(pa.array(of)),
        "Birth Date": _dated(claim["birth"][of]),
        "Payer ID": per_claim("plan", [p.payer_id for p in m.plans]),
        "Payer": per_claim("plan", [p.payer for p in m.plans]),
        "Plan": per_claim("plan", [p.plan for p in m.plans]),
        "Financial Class": per_claim("word", claim["words"]),
        "Contracted": _coded(contracts, contract_words),
        "Facility": per_claim("facility", [f.name for f in m.facilities]),
        "Provider NPI": per_claim("facility", [f.npi for f in m.facilities]),
        "Owner": per_claim("owner", claim["owners"]),
        "Case Status": _coded(claim["closed"][of].astype(np.int64), ["Open", "Closed"]),
        "Stage": per_claim("stage", claim["stages"]),
        "Service From": _dated(service_from),
        "Service To": _dated(service_from + np.where(stays, units, 0)),
        "Line Number": pa.array(np.where(is_line, 2, 1).astype(np.int32)),
        "Procedure Code": _coded(service, [s.code for s in m.services]),
        "Modifiers": _coded(modifier, modifiers),
        "Revenue Code": _coded(service, [s.revenue for s in m.services]),
        "Diagnosis Code": _coded(diagnosis[of], diagnoses),
        "Units": pa.array(units.astype(np.int32)),
        "Billed Amount": _money(billed),
        "Paid Amount": _money(paid),
        "Group Code": _coded(np.where(no_code, -1, group), groups),
        "Reason Code (CARC)": _coded(np.where(no_code, -1, carc), carcs),
        "Remark Codes (RARC)": _coded(np.where(no_code | extra, -1, rarc), rarcs),
        "Denial Reason": _coded(np.where(no_text, -1, text), texts),
        "Denied Amount": _money(amount),
        "Remittance Date": _dated(claim["remitted"][of]),
        "Notice Date": _dated(claim["notice"][of]),
        "Notice Received": _dated(claim["received"][of]),
        "Appeal Level": _coded(np.where(extra, -1, claim["level"][of]), claim["levels"]),
        "Appeal Filed": _dated(event("filed")),
        "Appeal Decided": _dated(event("decided")),
        "Appeal Outcome": _coded(np.where(extra, -1, claim["outcome"][of]), [o.word for o in m.outcomes]),
        "Recovered Amount": _money(np.where(won & ~extra, recovered, _NONE)),
    }  # fmt: skip
    return pa.table({name: columns[name] for name in HEADINGS})


def _amounts(
    chance, m: Mix, claim, of, role, roles, line_of, billed
) -> tuple[np.ndarray, np.ndarray]:
    """Part each line's charge into payment and adjustments, so that they add up to it."""
    rows = len(of)
    contract = billed * chance.between(*m.contractual.share, rows) // 100
    cost = billed * chance.between(*m.cost_share.share, rows) // 100
    halves = billed * chance.between(30, 70, rows) // 100
    single = np.array([len(p.rows) == 1 for p in m.patterns])[claim["pattern"][of]]
    partly = single & chance.percent(m.partly_paid, rows)
    paid = np.where(partly, billed * chance.between(*m.paid_share, rows) // 100, 0)
    amount = np.select(
        [role == roles.index(r) for r in ("contractual", "cost_share", "second")],
        [contract, cost, halves], default=0,
    )  # fmt: skip
    taken = np.zeros(rows, dtype=np.int64)
    np.add.at(taken, line_of, amount)
    opens = line_of == np.arange(rows)
    return paid, np.where(opens, billed - paid - taken, amount)


# ------------------------------------------------------------------------------------------ arrays


def _coded(codes: np.ndarray, pool: list[str]) -> pa.DictionaryArray:
    """Return texts as positions in a pool without repetitions; -1 and '' are missing."""
    distinct = sorted(set(pool) - {""})
    remap = np.array([distinct.index(t) if t else -1 for t in pool] + [-1], dtype=np.int32)
    index = remap[codes]
    return pa.DictionaryArray.from_arrays(
        pa.array(index, mask=index < 0), pa.array(distinct, pa.string())
    )


def _numbered(prefix: str, numbers: np.ndarray, width: int) -> pa.Array:
    digits = pc.utf8_lpad(pc.cast(pa.array(numbers), pa.string()), width, padding="0")
    return pc.binary_join_element_wise(prefix, digits, "")


def _dated(days: np.ndarray) -> pa.Array:
    missing = days == _NONE
    return pa.array(np.where(missing, 0, days).astype(np.int32), mask=missing).cast(pa.date32())


def _money(cents: np.ndarray) -> pa.Array:
    """Return cents as decimals of dollars, by their 128-bit form: no float ever holds an amount."""
    missing = cents == _NONE
    low = np.where(missing, 0, cents).astype("<i8")
    words = np.stack([low, low >> 63], axis=1)
    valid = pa.array(~missing).buffers()[1]
    return pa.Array.from_buffers(
        _ARROW["money"], len(cents), [valid, pa.py_buffer(words.tobytes())]
    )


def _schema() -> pa.Schema:
    return pa.schema(
        [(n, pa.string() if n in _UNIQUE else _ARROW[kind]) for n, kind in HEADINGS.items()]
    )


# ------------------------------------------------------------------------------------------- files


def _write_parquet(path: Path, batches) -> None:
    import pyarrow.parquet as pq

    coded = [n for n in HEADINGS if n not in _UNIQUE]
    with pq.ParquetWriter(
        path, _schema(), version="2.6", compression="snappy", use_dictionary=coded,
        data_page_version="1.0", write_statistics=True, store_schema=True,
    ) as writer:  # fmt: skip
        for table in batches:
            writer.write_table(table.cast(_schema()), row_group_size=1 << 18)


def _write_csv(path: Path, batches) -> None:
    import pyarrow.csv as pacsv

    plain = pa.schema([(n, _ARROW[k] if k != "text" else pa.string()) for n, k in HEADINGS.items()])
    with path.open("wb") as file:
        file.write((",".join(HEADINGS) + "\n").encode())
        options = pacsv.WriteOptions(include_header=False, eol="\n", quoting_style="needed")
        for table in batches:
            pacsv.write_csv(table.cast(plain), file, options)


def _write_xlsx(path: Path, batches) -> None:
    import xlsxwriter

    book = xlsxwriter.Workbook(
        str(path), {"constant_memory": True, "default_date_format": "yyyy-mm-dd"}
    )
    book.set_properties({"created": _CREATED, "title": "Synthetic denial export"})
    sheet = book.add_worksheet("Denials")
    bold, money = book.add_format({"bold": True}), book.add_format({"num_format": "#,##0.00"})
    sheet.freeze_panes(1, 1)
    for column, (name, kind) in enumerate(HEADINGS.items()):
        sheet.set_column(column, column, max(len(name), 12) + 1, money if kind == "money" else None)
    sheet.write_row(0, 0, list(HEADINGS), bold)
    write = {"text": sheet.write_string, "date": sheet.write_datetime}
    at = 1
    for table in batches:
        columns = [
            (column, write.get(kind, sheet.write_number), table[name].to_pylist())
            for column, (name, kind) in enumerate(HEADINGS.items())
        ]
        for i in range(len(table)):  # the form itself is written cell by cell, row by row
            for column, put, values in columns:
                if values[i] is not None:
                    put(at, column, values[i])
            at += 1
    sheet.autofilter(0, 0, at - 1, len(HEADINGS) - 1)
    book.close()
