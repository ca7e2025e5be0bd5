"""What a kernel does before a page needs it (`kernels.py`): import the desk, and ask what every page asks first.

Importing this module does it. Nothing of the user's is read: a few invented denials are triaged. What is
there then stays for good, so the garbage collector need not look at it again: that took 0.1 s now and then.
"""

import gc
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import toolkit.desk.desk  # noqa: F401  # what takes longest
from toolkit.claims import read
from toolkit.desk.caseload import with_letters
from toolkit.hospital import sample_hospital
from toolkit.sample import write_sample
from toolkit.worklist.triage import triage

_ROWS = 50
_TODAY = date.today()

with TemporaryDirectory() as _folder:
    _path = Path(_folder) / "sample.parquet"
    write_sample(_path, rows=_ROWS, seed=1, as_of=_TODAY)
    _rows = triage(read(_path), as_of=_TODAY, hospital=sample_hospital())
    with_letters(_rows, as_of=_TODAY)
del _rows
gc.collect()
gc.freeze()
