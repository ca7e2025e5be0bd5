"""Letters in which every sentence is tied to a fact of the case or to an authority."""

from toolkit import lazy

_WHERE = {
    "Authority": "authority",
    "authorities": "authority",
    "Letter": "letter",
    "LetterKind": "letter_kind",
    "Need": "letter_kind",
    "Checklist": "checklist",
    "checklist_of": "checklist",
    "documents_of": "checklist",
    "grid_of": "grid",
    "Offer": "checklist",
    "offers": "checklist",
    "compose": "letter_kind",
    "kind_of": "letter_kind",
    "kinds": "letter_kind",
    "needs": "letter_kind",
    "suggest": "letter_kind",
    "enter": "facts",
    "facts_in": "entered",
    "with_facts": "entered",
    "confirmed": "received",
    "case_of_notice": "received",
    "problems": "forums",
    "draft": "drafting",
    "as_markdown": "markdown",
    "as_html": "page",
    "proof_html": "page",
    "proof_markdown": "markdown",
    "write": "writing",
    "with_exhibits": "exhibits",
    "write_all": "batch",
    "write_packet": "packet",
    "write_proof": "writing",
    "Verdict": "comparing",
    "verify": "comparing",
    "record_path": "record",
}

__all__ = sorted(_WHERE)
__getattr__, __dir__ = lazy.names(__name__, _WHERE)
