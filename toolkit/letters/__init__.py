"""Letters that prove themselves: every sentence bound to a fact of the case or to an authority."""

from importlib import import_module

_WHERE = {
    "Authority": "authority",
    "authorities": "authority",
    "Letter": "letter",
    "LetterKind": "letter_kind",
    "Need": "letter_kind",
    "kind": "letter_kind",
    "kind_of": "letter_kind",
    "kinds": "letter_kind",
    "needs": "letter_kind",
    "suggest": "letter_kind",
    "enter": "facts",
    "draft": "drafting",
    "as_markdown": "markdown",
    "as_html": "page",
    "proof_html": "page",
    "proof_markdown": "markdown",
    "write": "writing",
    "write_proof": "writing",
}

__all__ = sorted(_WHERE)


def __getattr__(name: str):
    # Imported when first used: the command line answers a deadline without any of this.
    if name in _WHERE:
        return getattr(import_module(f"toolkit.letters.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'toolkit.letters' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
