"""The command line: a contract for people, schedulers and tests.

Every command takes `--json` (one JSON object on standard output and nothing else there); messages
go to standard error. Exit codes: 0 done, 1 internal error, 2 usage error, 3 no answer, 4 the input
can't be read. Heavy imports stay inside the commands that need them.
"""

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from toolkit.cli.output import as_json
from toolkit.cli.parser import names, options_of
from toolkit.errors import RefusedError, ToolkitError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    # Of what a command makes most stays and little refers to itself: to look for that seldom saves a
    # tenth of a small worklist's time.
    gc.set_threshold(50_000, 20, 100)
    if argv and argv[0] in names():
        _import_msgspec()
    options = options_of(argv)
    try:
        with _own_folder(options):
            answer = options.run(options)
        if options.json:
            print(as_json(answer))
        else:
            options.show(answer)
    except ToolkitError as error:
        return _failed(error, options)
    except BrokenPipeError:  # whoever read our output closed it: not an error
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("toolkit: stopped", file=sys.stderr)
        return 1
    except Exception as error:
        return _fault(error, options.json)
    return 0


def _own_folder(options: argparse.Namespace) -> AbstractContextManager:
    """Give the run a private temporary folder where its command reads what may be patient data."""
    if not getattr(options, "own_folder", False):
        return nullcontext()
    from toolkit.outputs.leftovers import run_folder

    return run_folder()


def _fault(error: Exception, in_json: bool) -> int:
    """Report an internal error by type and place only: its text may hold a claim's value."""
    import traceback

    if _disk_is_full(error):
        message = (
            "the disk is full: make room, or set TMPDIR to a folder with more. Nothing was written"
        )
    else:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(frame.filename).name}:{frame.lineno}"
        message = f"internal error ({type(error).__name__} at {place}); please report this"
    print(f"toolkit: {message}", file=sys.stderr)
    if in_json:
        print(as_json({"error": message}))
    return 1


def _disk_is_full(error: BaseException | None) -> bool:
    """Say whether a full disk is behind an error; libraries wrap what the system said in their own."""
    import errno

    while error is not None:
        wrapped = next((one for one in error.args if isinstance(one, OSError)), error)
        if getattr(wrapped, "errno", None) == errno.ENOSPC or "No space left on" in str(wrapped):
            return True
        error = error.__cause__ or error.__context__
    return False


def _import_msgspec() -> None:
    """Import msgspec without typing_extensions, whose import takes longer than msgspec's own.

    msgspec asks for it where it happens to be installed, for names that Python's own typing has.
    """
    if "typing_extensions" in sys.modules:
        return
    sys.modules["typing_extensions"] = None  # type: ignore[assignment]  # as if not installed
    try:
        import msgspec  # noqa: F401
    finally:
        del sys.modules["typing_extensions"]


def _failed(error: ToolkitError, options: argparse.Namespace) -> int:
    refused = isinstance(error, RefusedError)
    needs = list(error.needs) if refused else []
    answer = getattr(error, "answer", {})
    if answer and not options.json:
        options.show(answer)
    print(f"toolkit: {error}", file=sys.stderr)
    for need in needs:
        print(f"  needed: {need}", file=sys.stderr)
    if options.json:
        body = {"refused": str(error), "needs": needs} if refused else {"error": str(error)}
        body |= answer
        print(as_json(body))
    return error.exit_code
