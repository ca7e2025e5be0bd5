"""Ask a plain-Python question once per distinct key, and join the answers back.

This is how what the law and the codes say reaches a frame: decided in one place, one fact at a
time, and never said again in the language of columns.
"""

from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd


def ask(
    frame: pd.DataFrame, keys: Iterable[str], question: Callable[..., dict[str, Any]]
) -> pd.DataFrame:
    """Ask a plain-Python question once per distinct combination of keys; join the answers back.

    `question` takes the keys as keyword arguments (missing is None, dates are `date`) and returns
    a dict; the result has the frame's index and one column per key of that dict.
    """
    keys = list(keys)
    if frame.empty:  # asked once of nothing, to know the columns
        return pd.DataFrame([question(**dict.fromkeys(keys))]).iloc[:0].set_axis(frame.index)
    number = frame.groupby(keys, dropna=False, sort=False).ngroup()
    distinct = frame.loc[~number.duplicated(), keys]
    columns = [_plain(distinct[key]) for key in keys]
    answers = [
        question(**dict(zip(keys, values, strict=True))) for values in zip(*columns, strict=True)
    ]
    return pd.DataFrame(answers).take(number.to_numpy()).set_index(frame.index)


def _plain(column: pd.Series) -> list:
    if column.dtype.kind == "M":
        return [None if day is pd.NaT else day.date() for day in column]
    return [
        None if missing else value for value, missing in zip(column, column.isna(), strict=True)
    ]
