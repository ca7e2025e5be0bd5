"""Write the tables of docs/balance.md from the definitions of `toolkit/rules/history/buckets.yaml`."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "balance.md"


def written() -> dict[Path, str]:
    """Return the page as it should be, by its path."""
    sys.path.insert(0, str(ROOT))
    from toolkit.balance.definitions import definitions

    text = PAGE.read_text(encoding="utf-8")
    known = definitions()
    for name in ("buckets", "parts", "reports", "paid_short"):
        rows = [f"| `{one.id}` | {one.says.strip()} |" for one in getattr(known, name)]
        table = "\n".join(["| | |", "|---|---|", *rows])
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        text = re.sub(
            f"{begin}.*?{end}", lambda _, x=f"{begin}\n\n{table}\n\n{end}": x, text, flags=re.DOTALL
        )
    return {PAGE: text}


if __name__ == "__main__":
    for path, text in written().items():
        path.write_text(text, encoding="utf-8")
