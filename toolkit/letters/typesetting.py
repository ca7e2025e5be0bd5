"""PDF pages, set by typst: with its own fonts, so that every machine gives the same pages."""

import json
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

from toolkit.errors import RefusedError

_HERE = Path(__file__).parent
# What a letter keeps to: tagged and readable aloud (PDF/UA-1), and kept for years as it is (PDF/A-2a).
ACCESSIBLE = ("ua-1", "a-2a")
_NO_GLYPH = "could not be displayed"
_ONE_AT_A_TIME = Lock()  # a compiler serves one thread


# Packages of the extra `scripts`, with fonts of what typst's own fonts lack.
FONT_PACKAGES = ("manimgx_fonts", "noto_cjk_sans_jp_regular")
# Where a glyph is looked for, in turn. Only a letter that needs it sees what a machine has installed.
_SOURCES = ("own", "packages", "machine")


def typeset(name: str, data: dict, *, standards: tuple[str, ...] = ACCESSIBLE) -> bytes:
    """Return the PDF that `NAME.typ` makes of the data.

    A character that typst's own fonts lack is looked for in the packages of the extra `scripts`, then
    in the fonts of the machine. Raises RefusedError, which says what to install, where none has it.
    """
    return _set(_source(name, data), standards)[0]


def placed(
    name: str, data: dict, *, standards: tuple[str, ...] = ACCESSIBLE
) -> tuple[bytes, dict[str, dict[str, Any]]]:
    """Return the PDF, and where each mark is in it: its page from 1, and how far down in points."""
    import typst

    source = _source(name, data)
    pdf, fonts = _set(source, standards)
    compiler = typst.Compiler(source, root=str(_HERE), font_paths=_fonts(fonts))
    found = json.loads(compiler.query("metadata", field="value"))
    return pdf, {one["name"]: one for one in found if isinstance(one, dict) and "down" in one}


def _source(name: str, data: dict) -> bytes:
    """Return the source that sets the paper `NAME.typ` with the data.

    The data are part of the source, as one text in JSON: with `sys_inputs` typst would forget what it
    has set before, and set anew each paragraph that many letters share.
    """
    text = json.dumps(data).replace("\\", r"\\").replace('"', r"\"")
    return f'#import "/{name}.typ": paper\n#paper(json(bytes("{text}")))\n'.encode()


def _set(source: bytes, standards: tuple[str, ...]) -> tuple[bytes, str]:
    """Return the PDF and where its fonts are; the standards see to it that no glyph is an empty box."""
    import typst

    for fonts in _SOURCES:
        try:
            with _ONE_AT_A_TIME:
                pdf = _compiler(fonts).compile(
                    input=source, format="pdf", timestamp=0, pdf_standards=list(standards)
                )
        except typst.TypstError as error:
            if _NO_GLYPH not in str(error):  # else its message repeats the character
                raise
        else:
            return pdf, fonts
    raise RefusedError(
        "No font at hand has a glyph for a character of the letter.",
        needs=(
            "the fonts of the extra `scripts` (emoji; Chinese, Japanese, Korean; Arabic, Armenian, "
            "Ethiopic, Georgian, and the scripts of India and Southeast Asia): "
            "pip install denial-toolkit[scripts]",
            "or a font of this machine that has it",
            "or the same letter as .docx or .md, which use the fonts of whoever reads it",
        ),
    )


@lru_cache(maxsize=len(_SOURCES))
def _compiler(fonts: str) -> Any:
    import typst

    return typst.Compiler(b"", root=str(_HERE), font_paths=_fonts(fonts))


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
