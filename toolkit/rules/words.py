"""How words of rules are compared with those that people write, and how a text begins a sentence."""

import unicodedata
from functools import lru_cache


@lru_cache(maxsize=1 << 14)
def plain(text: str) -> str:
    """Return the text in lower case with only its letters and digits."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def capital(text: str) -> str:
    """Return the text with a capital first letter and every other letter as it is."""
    return text[:1].upper() + text[1:]
