"""Build the documentation site into site/, and check that its pages load nothing from elsewhere."""

import logging
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort

ROOT = Path(__file__).resolve().parent.parent
_ELSEWHERE = re.compile(r"\s*(?:[a-z]+:)?//", re.I)
_IN_CSS = re.compile(r"(?:url\(|@import)\s*['\"]?\s*((?:https?:)?//[^'\")\s]+)", re.I)


class _Loads(HTMLParser):
    """Collects the addresses that a browser fetches for a page; what a person clicks is no part of it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        given = {name: value or "" for name, value in attrs}
        addresses = [given.get("src", ""), given.get("poster", ""), given.get("data", "")]
        addresses += [one.split()[0] for one in given.get("srcset", "").split(",") if one.strip()]
        if tag == "link" and given.get("rel") not in ("canonical", "next", "prev"):
            addresses.append(given.get("href", ""))
        if "mermaid" in given.get("class", "").split():
            addresses.append("//mermaid is fetched by the theme from another host")
        self.found += [one for one in addresses if _ELSEWHERE.match(one)]
        self.found += _IN_CSS.findall(given.get("style", ""))

    def handle_data(self, data):
        if self.cdata_elem == "style":
            self.found += _IN_CSS.findall(data)


def loads(page: str) -> list[str]:
    """Return the addresses on other hosts that a browser fetches to show a page."""
    parser = _Loads()
    parser.feed(page)
    return parser.found


def main() -> int:
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        build(load_config(str(ROOT / "mkdocs.yml")))
    except Abort:
        return 1
    site, wrong = ROOT / "site", []
    for path in sorted(site.rglob("*.html")):
        wrong += [(path, address) for address in loads(path.read_text(encoding="utf-8"))]
    for path in sorted(site.rglob("*.css")):
        wrong += [(path, address) for address in _IN_CSS.findall(path.read_text(encoding="utf-8"))]
    for path, address in wrong:
        sys.stderr.write(f"{path.relative_to(ROOT)} loads {address}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
