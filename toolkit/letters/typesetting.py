"""PDF pages, set by typst: with its own fonts, so that every machine gives the same pages."""

import json
from collections.abc import Iterable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from toolkit.errors import RefusedError

_HERE = Path(__file__).parent
# What a letter keeps to: tagged and readable aloud (PDF/UA-1), and kept for years as it is (PDF/A-2a).
ACCESSIBLE = ("ua-1", "a-2a")
_NO_GLYPH = "could not be displayed"


# Packages of the extra `scripts`, each with a font of a script that typst's own fonts lack.
FONT_PACKAGES = (
    "noto_cjk_sans_jp_regular",
    "fontpkg_noto_sans_arabic",
    "fontpkg_noto_sans_devanagari",
    "fontpkg_noto_sans_khmer",
    "fontpkg_noto_sans_tamil",
    "fontpkg_noto_sans_telugu",
    "fontpkg_noto_sans_thai",
)
# Where a glyph is looked for, in turn. Only a letter that needs it sees what a machine has installed.
_SOURCES = ("own", "packages", "machine")


def typeset(name: str, data: dict, *, standards: tuple[str, ...] = ACCESSIBLE) -> bytes:
    """Return the PDF that `NAME.typ` makes of the data.

    A character that typst's own fonts lack is looked for in the packages of the extra `scripts`, then
    in the fonts of the machine. Raises RefusedError, which says what to install, where none has it.
    """
    return _set(name, data, standards)[0]


def letter_pdf(page: dict) -> bytes:
    """Return the PDF of a letter's layout, set so that its last page holds more than a few lines."""
    return _fitted(page)[1]


def fitted(page: dict) -> dict:
    """Return the layout of a letter set so that its last page holds more than a few lines, if it can be."""
    return _fitted(page)[0]


def places(name: str, data: dict, labels: Iterable[str]) -> list[dict[str, Any]]:
    """Return where each label stands: its page from 1, and how far down in points."""
    _, compiler = _set(name, data, ACCESSIBLE[:1])
    return [_place(compiler, label) for label in labels]


def _place(compiler: Any, label: str) -> dict[str, Any]:
    (found,) = json.loads(compiler.query(f"<{label}>", field="value"))
    return found


_FEW_LINES = 200.0  # points from the top of a page: the margin and some eight lines


def _fitted(page: dict) -> tuple[dict, bytes]:
    pdf, compiler = _set("letter", page, ACCESSIBLE)
    first = _place(compiler, "end")
    if first["page"] == 1 or first["down"] >= _FEW_LINES:
        return page, pdf
    for fit in ("tight", "loose"):
        other = page | {"fit": fit}
        set_anew, compiler = _set("letter", other, ACCESSIBLE)
        found = _place(compiler, "end")
        if found["down"] >= _FEW_LINES and found["page"] <= first["page"]:
            return other, set_anew
    return page, pdf


def _set(name: str, data: dict, standards: tuple[str, ...]) -> tuple[bytes, Any]:
    """Return the PDF and its compiler; the standards see to it that no glyph is an empty box."""
    import typst

    for source in _SOURCES:
        compiler = typst.Compiler(
            str(_HERE / f"{name}.typ"),
            root=str(_HERE),
            font_paths=_fonts(source),
            sys_inputs={name: json.dumps(data)},
        )
        try:
            pdf = compiler.compile(format="pdf", timestamp=0, pdf_standards=list(standards))
        except typst.TypstError as error:
            if _NO_GLYPH not in str(error):  # else its message repeats the character
                raise
        else:
            return pdf, compiler
    raise RefusedError(
        "No font at hand has a glyph for a character of the letter.",
        needs=(
            "the fonts of the extra `scripts` (Chinese, Japanese, Korean, Arabic, Devanagari, Khmer, "
            "Tamil, Telugu, Thai): pip install denial-toolkit[scripts]",
            "or a font of this machine that has it, such as Noto Emoji for emoji",
            "or the same letter as .docx or .md, which use the fonts of whoever reads it",
        ),
    )


@lru_cache(maxsize=len(_SOURCES))
def _fonts(source: str) -> Any:
    import typst

    return typst.Fonts(
        include_system_fonts=source == "machine",
        include_embedded_fonts=True,
        font_paths=[] if source == "own" else [str(folder) for folder in _font_folders()],
    )


def _font_folders() -> list[Path]:
    """Return the folders of the fonts of those packages that are installed."""
    found = (find_spec(name) for name in FONT_PACKAGES)
    homes = [Path(spec.origin).parent for spec in found if spec and spec.origin]
    return sorted({font.parent for home in homes for font in home.rglob("*.[ot]tf")})
