"""The payer's letter itself: its pages as text, and what it proposes for a case."""

from toolkit import lazy

_WHERE = {
    "LetterFinding": "notice",
    "Notice": "notice",
    "Page": "pages",
    "Pages": "pages",
    "Proposal": "proposal",
    "is_document": "pages",
    "is_notice": "notice",
    "notice_of": "notice",
    "read_notice": "notice",
    "read_pages": "pages",
    "says_of": "notice",
}

__all__ = sorted(_WHERE)
__getattr__, __dir__ = lazy.names(__name__, _WHERE)
