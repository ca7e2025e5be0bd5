"""`df.denials.classify()`: import this module, and every frame of denials has the accessor."""

from toolkit.worklist.accessor import (
    COLUMNS,
    FINDINGS,
    DenialsAccessor,
    classify_frame,
    findings_of,
)

__all__ = ["COLUMNS", "FINDINGS", "DenialsAccessor", "classify_frame", "findings_of"]
