"""Appeal pathways and clocks from dated, cited law. Knows no frames, widgets or notebooks."""

from toolkit.law.contract import Contract, read_contract, read_contracts
from toolkit.law.decision import DecisionDue, decision_due
from toolkit.law.filing import Deadline, Step, filing_deadline
from toolkit.law.model import (
    CARE,
    FILERS,
    PROCESSES,
    SERVICES,
    STAGES,
    Program,
    jurisdictions,
    known_jurisdiction,
    narrowest,
    on_file,
    opening_remarks,
    program,
    program_named,
    program_names,
    program_of_remarks,
    programs,
)
from toolkit.law.pathway import (
    NextStep,
    amount_levels,
    disputed_at,
    ladder,
    next_step,
    telling_amounts,
    turns_on,
)
from toolkit.law.standing import standing

__all__ = [
    "amount_levels",
    "disputed_at",
    "CARE",
    "FILERS",
    "PROCESSES",
    "SERVICES",
    "STAGES",
    "Contract",
    "Deadline",
    "DecisionDue",
    "NextStep",
    "Program",
    "Step",
    "decision_due",
    "filing_deadline",
    "jurisdictions",
    "known_jurisdiction",
    "ladder",
    "narrowest",
    "next_step",
    "on_file",
    "program",
    "program_named",
    "program_names",
    "opening_remarks",
    "program_of_remarks",
    "programs",
    "read_contract",
    "read_contracts",
    "standing",
    "telling_amounts",
    "turns_on",
]
