"""Denials: what one adjustment is, what to do about it, and which entry of the rules decided.

Plain Python over the data in `toolkit/rules/denials`, without data frames. Bulk work asks once per
distinct key.
"""

from toolkit import lazy
from toolkit.denials.classify import Denial, categories, classify, hardness, primary, rank
from toolkit.denials.codes import code, read_carc, read_group, read_rarcs

__all__ = [
    "Denial",
    "categories",
    "classify",
    "code",
    "hardness",
    "normalize_text",
    "primary",
    "rank",
    "read_carc",
    "read_group",
    "read_rarcs",
]

# The reader of free text is imported where there is text to read.
__getattr__, _ = lazy.names(__name__, {"normalize_text": "text", "text": None})
