"""The official wording of the codes, where a licensed user keeps it on this computer.

X12's code lists are copyrighted, so the project ships code numbers and its own words. A user who has a
license puts the official text into `local/official_codes.csv` (columns list, code, text; lists as
`toolkit.denials.code` names them). Git does not see that folder; the text is shown beside our words on
the screen and goes nowhere else: no report, letter, log or error holds it.
"""

from functools import lru_cache
from pathlib import Path

from toolkit.denials import codes
from toolkit.errors import InputError

LOCAL = Path("local") / "official_codes.csv"
_COLUMNS = ("list", "code", "text")


def official_text(of: str, code: object, *, path: Path | None = None) -> str:
    """Return the official wording of a code from the user's own file; '' if there is none.

    Lists: carc, rarc, group_code, claim_status, plb_reason, and their X12 names (CARC, RARC, CAGC,
    CLP02, PLB03-1). Raises InputError naming file, row and column of a file that cannot be read.
    """
    path = path or LOCAL
    if not path.exists():
        return ""
    return _texts(path.resolve(), path.stat().st_mtime_ns).get((_list(of), _code(of, code)), "")


def official_texts(
    group_code: object, carc: object, rarcs: object, *, path: Path | None = None
) -> dict[str, str]:
    """Return the official wordings of a denial's codes, by code; empty if no file is there."""
    group, reason = codes.read_carc(carc)
    wanted = [("group_code", codes.read_group(group_code) or group), ("carc", reason)]
    wanted += [("rarc", remark) for remark in codes.read_rarcs(rarcs)[0]]
    found = {code: official_text(of, code, path=path) for of, code in wanted if code}
    return {code: text for code, text in found.items() if text}


def _list(of: str) -> str:
    name = of.strip().lower()
    return codes._LIST_NAMES.get(name, name)


def _code(of: str, code: object) -> str:
    name = _list(of)
    if name == "carc":
        return codes.read_carc(code)[1]
    if name == "rarc":
        found = codes.read_rarcs(code)[0]
        return found[0] if len(found) == 1 else ""
    return str(code).strip().upper()


@lru_cache(maxsize=4)
def _texts(path: Path, changed: int) -> dict[tuple[str, str], str]:
    import csv  # few have the file

    found: dict[tuple[str, str], str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines)
            missing = set(_COLUMNS) - set(rows.fieldnames or ())
            if missing:
                raise InputError(f"{path.name}: has no column {', '.join(sorted(missing))}")
            for row in rows:
                name = _list(row["list"] or "")
                code = _code(name, row["code"] or "")
                if name not in codes._LISTS:
                    raise InputError(
                        f"{path.name}, row {rows.line_num}: list is one of {', '.join(codes._LISTS)}"
                    )
                if not code or not (row["text"] or "").strip():
                    raise InputError(f"{path.name}, row {rows.line_num}: code or text is empty")
                found[name, code] = " ".join(row["text"].split())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path.name}: cannot be read ({type(error).__name__})") from None
    return found
