"""One base error, a kind for each thing a caller can do about it, an exit code each.

A message names the file, the row, the column and what to do. It never repeats a claim's value.
"""


def not_opened(error: OSError) -> str:
    """Return in plain words why a file cannot be opened; never its path."""
    plain = {
        FileNotFoundError: "no such file",
        PermissionError: "no permission to read it",
        IsADirectoryError: "it is a folder",
    }
    return plain.get(type(error), type(error).__name__)


class ToolkitError(Exception):
    """Something the toolkit could not do; `exit_code` is what the command line returns."""

    exit_code = 1


class RulesError(ToolkitError):
    """A rule file is defective: an internal error, to be mended in `toolkit/rules`."""


class LocalFileError(RulesError):
    """A YAML or CSV file of the hospital's own cannot be read as what it should be."""

    exit_code = 4


class ReportError(ToolkitError):
    """A report could not be made; the message names the report and the step, never a value.

    `answer` is what was made all the same, for the command line to print.
    """

    def __init__(self, message: str, answer: dict | None = None):
        super().__init__(message)
        self.answer = answer or {}


class UsageError(ToolkitError):
    """The call itself is wrong: an unknown word, two options that exclude each other."""

    exit_code = 2


class RefusedError(ToolkitError):
    """The law or the facts on file give no answer; `needs` lists what would.

    `answer` is what was found all the same: the command line prints it, and no log does.
    """

    exit_code = 3

    def __init__(
        self, message: str, needs: tuple[str, ...] | list[str] = (), answer: dict | None = None
    ):
        super().__init__(message)
        self.needs = tuple(needs)
        self.answer = answer or {}


class NoRuleError(RefusedError):
    """No rule on file covers this program, level or date."""


class MissingFactError(RefusedError):
    """A fact that the rule turns on is unknown."""


class BelowAmountError(RefusedError):
    """Too little is in dispute for this level: the decision before is final."""


class InputError(ToolkitError):
    """A file cannot be read as what it claims to be."""

    exit_code = 4


class ExportError(InputError):
    """A claims export (CSV, XLSX, Parquet) cannot be read."""


class RemittanceError(InputError):
    """An X12 835 remittance cannot be read."""


class StoreError(InputError):
    """The case store cannot be opened, read or written; entries made before are still in it."""


class ChangedError(RefusedError):
    """Somebody added to the case after the writer last looked; nothing was written.

    `changes` are the entries added since (see `toolkit.cases.Change`), `last` the id to pass as
    `after` when the entry is repeated.
    """

    def __init__(self, message: str, changes: tuple = (), last: int = 0):
        super().__init__(message, needs=(f"the same again, after looking at entry {last}",))
        self.changes = changes
        self.last = last
