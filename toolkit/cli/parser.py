"""Parse the command line: one parser, made from the files in `commands`."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from toolkit import __version__

_FOLDER = Path(__file__).with_name("commands")


def names() -> tuple[str, ...]:
    """Return the names of all commands, one per file in the folder."""
    files = sorted(path.stem for path in _FOLDER.glob("[!_]*.py"))
    return tuple(name.replace("_", "-") for name in files)


def command(name: str) -> ModuleType:
    """Return the module of a command."""
    return import_module(f"toolkit.cli.commands.{name.replace('-', '_')}")


def options_of(argv: Sequence[str]) -> argparse.Namespace:
    """Return the parsed options; after the command, files and options come in any order."""
    if not argv or argv[0] not in names():
        return parser_of(argv).parse_args(argv)
    one = command(argv[0])
    parser = argparse.ArgumentParser(prog=f"toolkit {argv[0]}", **_about(one))
    _fill(parser, one)
    return parser.parse_intermixed_args(argv[1:])


def _about(one: ModuleType) -> dict[str, Any]:
    return {
        "description": one.SAYS,
        "epilog": f"example: toolkit {one.EXAMPLE}",
        "formatter_class": _Help,
    }


def _fill(parser: argparse.ArgumentParser, one: ModuleType) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.set_defaults(run=one.run, show=one.show)
    one.add_arguments(parser)


def parser_of(argv: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """Return the parser with every command; given `argv`, only the commands it names get their options."""
    parser = argparse.ArgumentParser(
        prog="toolkit",
        description="Denial appeals: categories, pathways, deadlines, letters and reports.",
        formatter_class=_Help,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in names():
        one = command(name)
        words = commands.add_parser(name, help=one.SAYS, **_about(one))
        if argv is None or name in argv:
            _fill(words, one)
    return parser


class _Help(argparse.RawDescriptionHelpFormatter):
    """argparse's help, as wide as the terminal; argparse alone would import archivers to ask it."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_width() - 2)


def _width() -> int:
    """Return the terminal's width: COLUMNS if set, else what the terminal reports, else 80."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or 80
    except (AttributeError, ValueError, OSError):  # no terminal
        return 80
