"""The ``wfperf`` command: looks into a store, at a run or at this machine."""

from __future__ import annotations

import argparse
import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

from .commands import cache, explain, export, machine, stored
from .errors import WfperfError
from .report.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return the exit code: 0 holds, 1 a problem was found, 2 could not be done."""
    arguments = _parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except WfperfError as error:
        print(f"wfperf: {printable(str(error))}", file=sys.stderr)  # noqa: T201
        return 2
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="wfperf",
        description="Look into a store of performance baselines, at a run, or at this machine.",
        epilog="Exit codes: 0 holds, 1 a problem was found, 2 could not be done.",
        allow_abbrev=False,
    )
    place = argparse.ArgumentParser(add_help=False)
    for owner, default in ((parser, os.environ.get("WFPERF_STORE") or ".wfperf"), (place, argparse.SUPPRESS)):
        owner.add_argument(
            "--store",
            metavar="DIR",
            type=Path,
            default=default,
            help="the versioned directory (default: $WFPERF_STORE, else .wfperf)",
        )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    stored.add(commands, place)
    explain.add(commands, place)
    export.add(commands, place)
    cache.add(commands, place)
    machine.add(commands)
    return parser
