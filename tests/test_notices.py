"""Denial letters: what is proposed of each, as a PDF too, and what a person is told of the rest."""

import json
import stat
from datetime import date
from functools import cache
from pathlib import Path

import pytest
import typst
from docx import Document
from PIL import Image
from pypdf import PdfReader, PdfWriter

from toolkit.claims.notice import Page, Pages, Proposal, notice_of, read_notice
from toolkit.claims.notice.dates import find_dates, order_of
from toolkit.claims.notice.kinds import notice_kinds
from toolkit.claims.notice.labels import notice_facts
from toolkit.cli import main
from toolkit.errors import InputError
from toolkit.law.wording import STAGES
from toolkit.letters.facts import fact_types
from toolkit.rules import load_yaml

TODAY = date(2026, 11, 27)
FOLDER = Path(__file__).parent / "cases" / "notices"
CASES = [
    pytest.param(case, id=case["case"]) for path in sorted(FOLDER.glob("*.yaml")) for case in load_yaml(path)
]
PAGES = """
#set page(width: 8.5in, height: 11in, margin: 0.8in)
#set text(size: 10pt)
#for (at, page) in json(bytes(sys.inputs.pages)).enumerate() {
  if at > 0 { pagebreak() }
  if sys.inputs.raw == "yes" { raw(page, block: true) } else {
    for part in page.split("\\n\\n") { par(part.split("\\n").map(line => [#line]).join(linebreak())) }
  }
}
"""


def pages_of(case: dict) -> list[str]:
    return case["text"].split("=====\n")


@cache
def compiler() -> typst.Compiler:
    return typst.Compiler(PAGES.encode())


def pdf(texts: list[str], *, raw: bool) -> bytes:
    compiled = typst.compile(
        PAGES.encode(), sys_inputs={"pages": json.dumps(texts), "raw": "yes" if raw else "no"}
    )
    return compiled


def shown(case: dict, notice) -> list[str]:
    """Return what differs from what is expected of a letter."""
    expect, wrong = case["expect"], []
    found: dict[str, list[Proposal]] = {}
    for one in notice.proposals:
        found.setdefault(one.name, []).append(one)

    def values(name: str) -> list[str]:
        return [str(one.value) for one in found.get(name, [])]

    if notice.kind != expect["kind"]:
        wrong.append(f"kind is {notice.kind}")
    for name, value in expect.get("values", {}).items():
        if values(name) != [value] or not found[name][0].certain:
            wrong.append(f"{name} is {[(str(o.value), o.certain) for o in found.get(name, [])]}")
    for name, some in expect.get("doubtful", {}).items():
        if values(name) != list(some) or any(one.certain for one in found[name]):
            wrong.append(f"{name} is {values(name)}, or certain")
    for name, some in expect.get("also", {}).items():
        if [str(one) for one in found[name][0].also_found] != list(some):
            wrong.append(f"{name}: also {found[name][0].also_found}")
    for name, some in expect.get("never", {}).items():
        if set(values(name)) & set(some):
            wrong.append(f"{name} has {values(name)}")
    wrong += [f"{name} is proposed: {values(name)}" for name in expect.get("absent", []) if name in found]
    wrong += [f"{n} is not said to be missing" for n in expect.get("not_found", []) if n not in notice.not_found]
    codes = {one.code for one in notice.findings}
    wrong += [f"no finding {code}" for code in expect.get("findings", []) if code not in codes]
    if why := expect.get("reason"):
        words = values("denial_words")
        if len(words) != 1 or not words[0].startswith(why["starts"]):
            wrong.append(f"reason is {words}")
        if "category" in why and values("denial_category") != [why["category"]]:
            wrong.append(f"category is {values('denial_category')}")
    for name, page in expect.get("page_of", {}).items():
        if found[name][0].page != int(page):
            wrong.append(f"{name} is on page {found[name][0].page}")
    return wrong


@pytest.mark.parametrize("case", CASES)
def test_a_letter_proposes_what_it_says(case):
    texts = pages_of(case)
    pages = Pages(tuple(Page(at, text) for at, text in enumerate(texts, 1)), len(texts))
    assert not shown(case, notice_of(pages, file="letter.txt", sha256="", as_of=TODAY))


@pytest.mark.parametrize("raw", [True, False], ids=["one width", "proportional"])
@pytest.mark.parametrize("case", CASES)
def test_the_same_letter_as_a_pdf_proposes_the_same(case, raw, tmp_path):
    path = tmp_path / "letter.pdf"
    path.write_bytes(pdf(pages_of(case), raw=raw))
    notice = read_notice(path, as_of=TODAY)
    assert not shown(case, notice)
    assert notice.pages == len(pages_of(case))


@pytest.mark.parametrize("case", CASES)
def test_every_quotation_stands_on_its_page(case):
    texts = pages_of(case)
    pages = Pages(tuple(Page(at, text) for at, text in enumerate(texts, 1)), len(texts))
    for one in notice_of(pages, file="letter.txt", sha256="", as_of=TODAY).proposals:
        page = " ".join(texts[one.page - 1].split()).casefold()
        assert one.quotation.casefold().strip(".") in page, one.name
