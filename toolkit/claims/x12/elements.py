"""Say which elements of an 835 the parser brings, and under which names.

The parser's own tables leave out remark codes (LQ, MOA, MIA), modifiers, revenue codes, REF, AMT
and the day the claim was received, and pass over an adjustment that has an amount and no reason.
So its loops and segments stay as they are, and its tables are replaced by the ones below. Amounts
are read with six decimals: what is finer than a cent can then be seen, and refused, by us.
"""

import json
from functools import lru_cache
from typing import Any

import oxedi

SCALE = 6  # decimals of every amount and quantity
TRIPLETS = range(1, 7)  # CAS02-04, CAS05-07 ... CAS17-19; the same six pairs in PLB


def _at(segment: str, element: int, component: int | None = None, **where: str) -> dict[str, Any]:
    column: dict[str, Any] = {"segment": segment, "element": element}
    if component:
        column["component"] = component
    if where:
        column["where"] = {key.lstrip("e"): value for key, value in where.items()}
    return column


def _in(loop: str, segment: str, element: int, **where: str) -> dict[str, Any]:
    return {"loop": loop, **_at(segment, element, **where)}


def _of(occurrence: str, element: int) -> dict[str, Any]:
    return {"occurrence": occurrence, "element": element}


_PAYMENTS = {
    "transaction_set": _at("ST", 1),
    "amount": _at("BPR", 2),
    "payment_date": _at("BPR", 16),
    "production_date": _at("DTM", 2, e1="405"),
    "payer_name": _in("1000A", "N1", 2),
    "payer_id": _in("1000A", "N1", 4),
    "payer_id_2u": _in("1000A", "REF", 2, e1="2U"),
    "payer_id_naic": _in("1000A", "REF", 2, e1="NF"),
    "payee_name": _in("1000B", "N1", 2),
    "payee_id_kind": _in("1000B", "N1", 3),
    "payee_id": _in("1000B", "N1", 4),
}

_CLAIMS = {
    "patient_control_number": _at("CLP", 1),
    "claim_status": _at("CLP", 2),
    "billed": _at("CLP", 3),
    "paid": _at("CLP", 4),
    "patient_responsibility": _at("CLP", 5),
    "claim_filing_indicator": _at("CLP", 6),
    "payer_claim_control_number": _at("CLP", 7),
    "patient_last": _of("patient_name", 3),
    "patient_first": _of("patient_name", 4),
    "patient_id_kind": _of("patient_name", 8),
    "patient_id": _of("patient_name", 9),
    "insured_last": _of("insured_name", 3),
    "insured_first": _of("insured_name", 4),
    "insured_id_kind": _of("insured_name", 8),
    "insured_id": _of("insured_name", 9),
    "frequency_code": _at("CLP", 9),
    "contract_class": _at("REF", 2, e1="CE"),
    "original_reference": _at("REF", 2, e1="F8"),
    "statement_from": _at("DTM", 2, e1="232"),
    "statement_to": _at("DTM", 2, e1="233"),
    "claim_received": _at("DTM", 2, e1="050"),
}

_SERVICES = {
    "code_kind": _at("SVC", 1, 1),
    "code": _at("SVC", 1, 2),
    **{f"modifier_{n}": _at("SVC", 1, n + 2) for n in range(1, 5)},
    "billed": _at("SVC", 2),
    "paid": _at("SVC", 3),
    "revenue_code": _at("SVC", 4),
    "units_paid": _at("SVC", 5),
    "units_billed": _at("SVC", 7),
    "service_date": _at("DTM", 2, e1="472"),
    "period_from": _at("DTM", 2, e1="150"),
    "period_to": _at("DTM", 2, e1="151"),
    "line_control_number": _at("REF", 2, e1="6R"),
    "allowed": _at("AMT", 2, e1="B6"),
}

_CAS = {"group_code": {"element": 1}}
_PLB = {"provider_id": {"element": 1}, "fiscal_period_end": {"element": 2}}
for _n in TRIPLETS:
    _CAS[f"carc_{_n}"] = {"element": 3 * _n - 1}
    _CAS[f"amount_{_n}"] = {"element": 3 * _n}
    _CAS[f"quantity_{_n}"] = {"element": 3 * _n + 1}
    _PLB[f"reason_code_{_n}"] = {"element": 2 * _n + 1, "component": 1}
    _PLB[f"reference_id_{_n}"] = {"element": 2 * _n + 1, "component": 2}
    _PLB[f"amount_{_n}"] = {"element": 2 * _n + 2}

# At most five remarks stand in each; the elements between them are amounts.
_MOA = {f"remark_{n}": {"element": element} for n, element in enumerate((3, 4, 5, 6, 7), 1)}
_MIA = {f"remark_{n}": {"element": element} for n, element in enumerate((5, 20, 21, 22, 23), 1)}

_QUALIFIED = {"qualifier": {"element": 1}, "value": {"element": 2}}

TABLES = {
    "payments": {"loops": ["transaction"], "ref": "payment", "columns": _PAYMENTS},
    "claims": {"loops": ["2100"], "ref": "claim", "columns": _CLAIMS},
    "services": {"loops": ["2110"], "ref": "service", "columns": _SERVICES},
    "adjustments": {"loops": ["2100", "2110"], "segment": "CAS", "columns": _CAS},
    "remarks": {"loops": ["2110"], "segment": "LQ", "columns": _QUALIFIED},
    "outpatient": {"loops": ["2100"], "segment": "MOA", "columns": _MOA},
    "inpatient": {"loops": ["2100"], "segment": "MIA", "columns": _MIA},
    "references": {"loops": ["2100", "2110"], "segment": "REF", "columns": _QUALIFIED},
    "amounts": {"loops": ["2100", "2110"], "segment": "AMT", "columns": _QUALIFIED},
    "provider_adjustments": {"loops": ["transaction"], "segment": "PLB", "columns": _PLB},
}

_AMOUNT_SEGMENTS = ("BPR", "CLP", "SVC", "CAS", "PLB", "AMT")
_NO_SCALE_CHANGE = {("CLP", "12"), ("CLP", "13")}  # DRG weight and discharge fraction


@lru_cache(maxsize=2)
def spec(version: str) -> oxedi.Spec:
    """Return the parser's spec for '5010' or '4010' with our tables in place of its own."""
    builtin = oxedi.Spec.builtin(version)
    own = json.loads(builtin.to_json())
    scales: dict[str, Any] = {}
    for segment in _AMOUNT_SEGMENTS:
        for number, element in own["segments"][segment]["elements"].items():
            if element.get("type") == "R" and (segment, number) not in _NO_SCALE_CHANGE:
                scales.setdefault(segment, {"elements": {}})["elements"][number] = {"scale": SCALE}
    emptied = builtin.patch({"tables": dict.fromkeys(own["tables"]), "segments": scales})
    return emptied.patch({"tables": TABLES})


@lru_cache(maxsize=1)
def segment_ids() -> frozenset[str]:
    """Return every segment identifier that the spec knows."""
    return frozenset(json.loads(oxedi.Spec.builtin().to_json())["segments"])
