"""What one cell of an export says: dates, money, codes and words, read one distinct text at a time.

Each reader returns (value, problem): `problem` is '' or the id of a kind of finding, whose words
stand in `PROBLEMS`. A cell is never read as nearly what it says; what is not exact is missing.
"""

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.claims.export.layouts import plain

PROBLEMS = {
    "not_a_date": "is not a date in a known format; write it as YYYY-MM-DD",
    "impossible_date": "is not a valid date; write it as YYYY-MM-DD",
    "ambiguous_date": "fits both month first and day first, and its column has both; write it as YYYY-MM-DD",
    "placeholder_date": "is a placeholder date, such as 1900-01-01 or 9999-12-31, and was read as blank",
    "two_digit_birth_year": "has a two-digit birth year, which fits two centuries; write four digits",
    "date_out_of_range": "is before 1900 or after 2099 and was left out; correct it",
    "not_money": "is not an amount of dollars such as 1234.50, $1,234.50 or (12.00); correct it",
    "too_many_decimals": "has a fraction of a cent; write dollars and cents",
    "not_a_number": "is not a number; correct it",
    "scientific": "was rounded to scientific notation by a spreadsheet, so the number is lost; export the column as text",
    "code_not_read": "has a part that looks like a code but is not on any list; that part is left out",
    "not_a_rarc": "has a part that is not a remark code such as N130, M20 or MA01; that part is left out",
    "not_a_group_code": "is not one of CO, PR, OA, PI, CR; correct it",
    "not_a_revenue_code": "is not a revenue code of up to four digits; correct it",
    "not_a_modifier": "has a part that is not a two-character modifier; that part is left out",
    "unknown_word": "is a word that the layout does not know; add it to the layout's words",
    "level_not_known": "is not a level of appeal of this program; correct it, or add the word to the layout",
    "level_needs_program": "means different levels in different programs, and the program is not stated",
}

_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T \-].*)?")
_COMPACT = re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})(?:[T ].*)?")
_COMPACT_US = re.compile(r"(\d{2})(\d{2})((?:19|20)\d{2})")
_NUMERIC = re.compile(r"(\d{1,2})([/.\-])(\d{1,2})\2(\d{4}|\d{2})(?:[ ,T].*)?")
_NAMED = re.compile(r"(\d{1,2})[- /]?([A-Za-z]{3})[a-z]*\.?[- /,]*(\d{4}|\d{2})(?:[ ,:].*)?")
_NAMED_US = re.compile(r"([A-Za-z]{3})[a-z]*\.? +(\d{1,2})(?:st|nd|rd|th)?,? +(\d{4})(?:[ ,].*)?")
_WEEKDAY = re.compile(r"^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? +", re.IGNORECASE)
_SERIAL = re.compile(r"(\d{1,6})(?:\.\d+)?")
_TIME = re.compile(
    r"[T ,:\-]\s*\d{1,2}[:.]\d{2}([:.]\d{2}([.:]\d+)?)?\s*([AaPp]\.?[Mm]\.?)?"
    r"\s*(Z|UTC|[A-Z]{2,4}|[+-]\d{2}:?\d{2})?|[T ]\d{4}(\d{2})?|[T ]"
)
_MONTHS = {
    m: i
    for i, m in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
# Days that systems write where there is none: the zero days of Excel, SQL Server and .NET, and ends of time.
_PLACEHOLDERS = frozenset(
    {(1, 1, 1), (1753, 1, 1), (1899, 12, 30), (1899, 12, 31), (1900, 1, 1), (1900, 1, 2),
     (2999, 12, 31), (3000, 1, 1), (9999, 12, 30), (9999, 12, 31)}
)  # fmt: skip
_NO_DAY = re.compile(r"[0/.\-]*0[0/.\-]*(?:[T ]0{1,2}[:.]00.*)?|1900-01-00.*|9{6,8}|9+/9+/9+")

_MONEY = re.compile(r"-?\$?-?(\d+|\d{1,3}(?:,\d{3})+)(\.\d*)?-?|-?\$?-?\.\d+-?")
_CURRENCY = re.compile(r"\b(?:USD?|US\$)\b|US(?=\$)", re.IGNORECASE)
_SIDES = re.compile(r"(?:CR|DR)$", re.IGNORECASE)
_PLAIN_MONEY = r"^-?[0-9]{1,13}(\.[0-9]{1,2})?$"
_NUMBER = re.compile(r"-?\d+(\.\d*)?|-?\.\d+")
_SCIENTIFIC = re.compile(r"\d(\.\d+)?[eE]\+\d+")
_ODD_ID = r"^\d+\.0+$|^\d(\.\d+)?[eE]\+\d+$"
_INTEGRAL = re.compile(r"(\d+)\.0+")

_RARC = re.compile(r"(?:N\d{1,4}|MA?\d{1,3})")
_PARTS = re.compile(r"[\s,;|/+]+")
_PROCEDURE = re.compile(r"(?:HC:)?([0-9A-Z]{4}[0-9A-Z])((?:[\s:,-][0-9A-Z]{2}){1,4})")

EPOCH = dt.date(1970, 1, 1).toordinal()
# Day 0 of a spreadsheet's two date systems; the older one counts right from 1 March 1900 on.
EPOCH_1900 = dt.date(1899, 12, 30).toordinal()
EPOCH_1904 = dt.date(1904, 1, 1).toordinal()
_FIRST_SERIAL = 61
_YEARS = 1900, 2099
_RANGE = (dt.date(_YEARS[0], 1, 1).toordinal(), dt.date(_YEARS[1], 12, 31).toordinal())
NOTHING = np.iinfo(np.int64).min  # a missing day or amount
_PLACEHOLDER_DAYS = [dt.date(*one).toordinal() - EPOCH for one in sorted(_PLACEHOLDERS)]


def read_date(
    text: str, *, order: str, birth: bool, epoch: int | None = EPOCH_1900
) -> tuple[int, str]:
    """Return the day as a count from 1970-01-01.

    `order` is that of the column's numeric dates: month_first, day_first, mixed (only those are read
    that fit one order) or either (only whether it is a date counts). A number of up to five digits is
    a spreadsheet's count of days from `epoch`, if there is one. A year of two digits is 2000 to 2099, and nothing at
    all for a birth date. A time of day is dropped.
    """
    text = _WEEKDAY.sub("", text)
    if _NO_DAY.fullmatch(text):
        return NOTHING, "placeholder_date"
    if (m := _NUMERIC.fullmatch(text)) and _time_or_none(text, m.end(4)):
        return _numeric(int(m[1]), int(m[3]), m[4], order=order, birth=birth)
    parts = _parts(text)
    if parts is None:
        return _serial(text, epoch) if epoch is not None else (NOTHING, "not_a_date")
    year, month, day = parts
    if len(year) == 2:
        if birth:
            return NOTHING, "two_digit_birth_year"
        year = f"20{year}"
    return _day(int(year), month, int(day))


def _parts(text: str) -> tuple[str, int, str] | None:
    """Return year, month and day of a date whose order its own form shows."""
    if (m := _ISO.fullmatch(text)) and _time_or_none(text, m.end(3)):
        return m[1], int(m[2]), m[3]
    if (m := _COMPACT.fullmatch(text)) and _time_or_none(text, m.end(3)):
        return m[1], int(m[2]), m[3]
    if m := _COMPACT_US.fullmatch(text):
        return m[3], int(m[1]), m[2]
    for form, year, month, day in ((_NAMED, 3, 2, 1), (_NAMED_US, 3, 1, 2)):
        m = form.fullmatch(text)
        if m and m[month].lower() in _MONTHS and _time_or_none(text, m.end(year)):
            return m[year], _MONTHS[m[month].lower()], m[day]
    return None


def _numeric(first: int, second: int, year: str, *, order: str, birth: bool) -> tuple[int, str]:
    if len(year) == 2:
        if birth:
            return NOTHING, "two_digit_birth_year"
        if (first, second) in ((12, 31), (31, 12)) and year == "99":
            return NOTHING, "placeholder_date"
        year = f"20{year}"
    if order in ("mixed", "either"):
        if first != second and first <= 12 and second <= 12 and order == "mixed":
            return NOTHING, "ambiguous_date"
        order = "day_first" if first > 12 else "month_first"
    month, day = (second, first) if order == "day_first" else (first, second)
    return _day(int(year), month, day)


def _day(year: int, month: int, day: int) -> tuple[int, str]:
    if (year, month, day) in _PLACEHOLDERS:
        return NOTHING, "placeholder_date"
    try:
        return _in_range(dt.date(year, month, day).toordinal())
    except ValueError:
        return NOTHING, "date_out_of_range" if year < 1 else "impossible_date"


def _serial(text: str, epoch: int) -> tuple[int, str]:
    m = _SERIAL.fullmatch(text)
    if not m or int(m[1]) < _FIRST_SERIAL or len(m[1]) > 5:
        return NOTHING, "placeholder_date" if m and int(m[1]) in (0, 1, 2) else "not_a_date"
    return _in_range(epoch + int(m[1]))


def read_dates(
    texts: pa.Array, *, order: str, birth: bool, epoch: int | None
) -> tuple[np.ndarray, dict[int, str]]:
    """Return days of distinct texts, and the problems by position; plain dates are read at once.

    Plain is a real day of ten characters, YYYY-MM-DD, or MM/DD/YYYY where the column is month first;
    every other text is read by `read_date`, which says the same of the plain ones too.
    """
    days = np.full(len(texts), NOTHING, dtype=np.int64)
    at = np.flatnonzero(pc.binary_length(texts).to_numpy() == 10)
    marks = _bytes_of(texts if len(at) == len(texts) else texts.take(pa.array(at)))[0]
    marks = marks.reshape(len(at), 10)
    forms = [("YYYY/MM/DD", True)]
    forms += [("MM/DD/YYYY", False)] if order == "month_first" else []
    for form, dashes in forms:
        if len(at):
            plain_days, good = _plain_days(marks, form, dashes=dashes)
            days[at[good]] = plain_days[good]
    days[np.isin(days, _PLACEHOLDER_DAYS)] = NOTHING
    problems = {}
    for i in np.flatnonzero(days == NOTHING).tolist():
        days[i], problem = read_date(texts[i].as_py(), order=order, birth=birth, epoch=epoch)
        if problem:
            problems[i] = problem
    return days, problems


def _plain_days(marks: np.ndarray, layout: str, *, dashes: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the days of texts of one layout (a row of bytes each), and which are real days."""
    digits = marks - np.uint8(ord("0"))  # anything else lies above 9
    good = np.ones(len(marks), dtype=bool)
    parts = dict.fromkeys("YMD", 0)
    for i, letter in enumerate(layout):
        if letter == "/":
            good &= (marks[:, i] == ord("/")) | (dashes & (marks[:, i] == ord("-")))
        else:
            good &= digits[:, i] <= 9
            parts[letter] = parts[letter] * 10 + digits[:, i].astype(np.int64)
    good &= (parts["M"] >= 1) & (parts["M"] <= 12) & (parts["D"] >= 1)
    good &= (parts["Y"] >= _YEARS[0]) & (parts["Y"] <= _YEARS[1])
    month = ((parts["Y"] - 1970) * 12 + parts["M"] - 1).astype("datetime64[M]")
    day = month.astype("datetime64[D]") + (parts["D"] - 1)
    good &= day.astype("datetime64[M]") == month
    return day.astype(np.int64), good


def _bytes_of(values: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Return the bytes of all texts in a row, and where each starts and the last ends."""
    _, starts, data = values.buffers()
    if not len(values) or data is None:
        return np.empty(0, dtype=np.uint8), np.zeros(len(values) + 1, dtype=np.int64)
    starts = np.frombuffer(starts, dtype=np.int64)[values.offset : values.offset + len(values) + 1]
    data = np.frombuffer(data, dtype=np.uint8)[starts[0] : starts[-1]]
    return data, starts - starts[0]


def _time_or_none(text: str, end: int) -> bool:
    return len(text) == end or bool(_TIME.fullmatch(text[end:]))


def _in_range(ordinal: int) -> tuple[int, str]:
    if not _RANGE[0] <= ordinal <= _RANGE[1]:
        return NOTHING, "date_out_of_range"
    return ordinal - EPOCH, ""


def read_money(text: str) -> tuple[int, str]:
    """Return whole cents, exactly; a part of a cent is a problem, not a rounding.

    Negative are (12.00), -12.00, 12.00- and 12.00 CR.
    """
    bare = _CURRENCY.sub("", text.replace("−", "-")).replace(" ", "").replace("\xa0", "")
    credit = bare.upper().endswith("CR")
    bare = _SIDES.sub("", bare)
    bare = bare.removeprefix("$") if bare.startswith("$(") else bare
    negative = bare.startswith("(") and bare.endswith(")")
    bare = bare[1:-1] if negative else bare
    if not _MONEY.fullmatch(bare) or bare.count("-") + negative + credit > 1:
        return NOTHING, "not_money"
    dollars = Decimal(bare.replace("$", "").replace(",", "").replace("-", ""))
    cents = dollars * 100
    if cents != cents.to_integral_value():
        return NOTHING, "too_many_decimals"
    if cents > 10**15:
        return NOTHING, "not_money"
    return (-int(cents) if negative or credit or "-" in bare else int(cents)), ""


def read_moneys(values: pa.Array) -> tuple[np.ndarray, dict[int, str]]:
    """Return cents of distinct texts, and the problems by position; plain amounts are read at once.

    Plain is a number of up to 13 digits with at most two decimals; every other text is read by
    `read_money`, which says the same of the plain ones too.
    """
    cents = np.full(len(values), NOTHING, dtype=np.int64)
    two = _two_decimals(values)
    if two.any():
        cents[two] = _without_point(values if two.all() else values.filter(pa.array(two)))
    if not two.all():
        rest = np.flatnonzero(~two)
        others = values.take(pa.array(rest))
        plain_ones = pc.match_substring_regex(others, _PLAIN_MONEY)
        amounts = pc.cast(others.filter(plain_ones), pa.decimal128(17, 2))
        scaled = pc.multiply(amounts, pa.scalar(Decimal(100), pa.decimal128(3, 0)))
        easy = plain_ones.to_numpy(zero_copy_only=False)
        cents[rest[easy]] = pc.cast(scaled, pa.int64()).to_numpy()
    problems = {}
    for i in np.flatnonzero(cents == NOTHING).tolist():
        cents[i], problem = read_money(values[i].as_py())
        if problem:
            problems[i] = problem
    return cents, problems


def _two_decimals(values: pa.Array) -> np.ndarray:
    """Return which texts are up to 13 digits, a point and two digits."""
    data, starts = _bytes_of(values)
    first, after = starts[:-1], starts[1:]
    others = np.append(0, np.cumsum((data - np.uint8(ord("0"))) > 9))  # bytes that are no digits
    good = (others[after] - others[first] == 1) & (after - first >= 4) & (after - first <= 16)
    good[good] = data[after[good] - 3] == ord(".")
    return good


def _without_point(values: pa.Array) -> np.ndarray:
    """Return the whole numbers that texts with one point each are without it."""
    data, starts = _bytes_of(values)
    starts = starts - np.arange(len(starts))
    buffers = [None, pa.py_buffer(starts.tobytes()), pa.py_buffer(data[data != ord(".")].tobytes())]
    return pc.cast(
        pa.Array.from_buffers(pa.large_string(), len(values), buffers), pa.int64()
    ).to_numpy()


def read_number(text: str) -> tuple[float, str]:
    """Return a count of units or the like."""
    bare = text.replace(",", "")
    return (float(bare), "") if _NUMBER.fullmatch(bare) else (float("nan"), "not_a_number")


def read_id(text: str) -> tuple[str | None, str]:
    """Return an identifier as text: `123.0` is `123`, leading zeros stay, rounded ones are lost."""
    if _SCIENTIFIC.fullmatch(text):
        return None, "scientific"
    whole = _INTEGRAL.fullmatch(text)
    return (whole[1] if whole else text), ""


def read_ids(texts: pa.Array) -> tuple[list[str | None] | None, dict[int, str]]:
    """Return identifiers of distinct texts, and the problems by position; None if all stay so."""
    letters = _bytes_of(texts)[0]
    if not np.isin(letters, (ord("."), ord("+"))).any():  # neither 123.0 nor 1.2E+10 are among them
        return None, {}
    odd = pc.match_substring_regex(texts, _ODD_ID).to_numpy(zero_copy_only=False)
    if not odd.any():
        return None, {}
    out, problems = texts.to_pylist(), {}
    for i in np.flatnonzero(odd).tolist():
        out[i], problems[i] = read_id(out[i])
    return out, {i: p for i, p in problems.items() if p}


def read_rarcs(text: str) -> tuple[str | None, str]:
    """Return the cell's remark codes with one space between; they are parted by space , ; | / +."""
    parts = [p for p in _PARTS.split(text.upper()) if p]
    good = [p for p in parts if _RARC.fullmatch(p)]
    return (" ".join(dict.fromkeys(good)) or None), ("not_a_rarc" if len(good) < len(parts) else "")


def read_modifiers(text: str) -> tuple[str | None, str]:
    """Return the cell's modifiers in order with one space between."""
    parts = [p for p in _PARTS.split(text.upper().replace("-", " ").replace(":", " ")) if p]
    good = [p for p in parts if re.fullmatch(r"[0-9A-Z]{2}", p)]
    return (" ".join(good) or None), ("not_a_modifier" if len(good) < len(parts) else "")


def read_procedure(text: str) -> tuple[tuple[str, str] | None, str]:
    """Return (procedure code, modifiers or ''): `99213-25`, `99213 25` and `HC:99213:25` are split."""
    bare, problem = read_id(text.upper())
    if problem:
        return None, problem
    if m := _PROCEDURE.fullmatch(bare):
        return (m[1], " ".join(re.findall(r"[0-9A-Z]{2}", m[2]))), ""
    return (bare, ""), ""


def read_revenue_code(text: str) -> tuple[str | None, str]:
    """Return the revenue code as four digits: `450` is `0450`."""
    bare, problem = read_id(text)
    if problem:
        return None, problem
    return (bare.zfill(4), "") if re.fullmatch(r"\d{1,4}", bare) else (None, "not_a_revenue_code")


def read_word(table: dict[str, str], problem: str = "unknown_word") -> Callable:
    """Return a reader of words that the table knows, normalized, as a whole."""

    def reader(text: str) -> tuple[str | None, str]:
        found = table.get(plain(text))
        return found, "" if found else problem

    return reader
