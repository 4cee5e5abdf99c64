"""``wfperf doctor``: is this machine fit for measuring?"""

# ruff: noqa: T201

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Any

from .output import print_json

if TYPE_CHECKING:
    import argparse

_LONGEST_S = 3600.0  # that the doctor may take


def add(commands: Any) -> None:
    """Give ``wfperf`` its doctor."""
    command = commands.add_parser(
        "doctor",
        help="is this machine fit for measuring?",
        description="Look at this machine, and run unchanged code against itself: what would gates be worth here?",
        epilog="Exit codes: 0 fit, 1 something makes gates unreliable, 2 it could not be found out.",
        allow_abbrev=False,
    )
    command.set_defaults(run=_doctor)
    command.add_argument("--json", action="store_true", help="print JSON instead of text")
    command.add_argument(
        "--seconds", type=_seconds, default=15.0, metavar="S", help="how long to run the code (default: 15)"
    )


def _doctor(arguments: argparse.Namespace) -> int:
    try:
        from .. import doctor  # noqa: PLC0415 - of use to this command only
        from ..report.doctor import as_json, render  # noqa: PLC0415

        examined = doctor.examine(arguments.seconds, _show_progress if sys.stderr.isatty() else _show_nothing)
    except KeyboardInterrupt:
        print("wfperf: interrupted", file=sys.stderr)
        return 130
    if arguments.json:
        print_json(as_json(examined))
    else:
        print(render(examined))
    return examined.exit_code


def _seconds(text: str) -> float:
    """A length of time. Raises ValueError for what is none; argparse says so."""
    value = float(text)
    if not 0 <= value <= _LONGEST_S:
        raise ValueError(text)
    return value


def _show_progress(text: str) -> None:
    """Redraw the line on the terminal; an empty text leaves it free."""
    width = shutil.get_terminal_size().columns - 1
    print(f"\r\x1b[K{f'wfperf doctor: {text}'[:width] if text else ''}", end="", file=sys.stderr, flush=True)


def _show_nothing(_: str) -> None:
    pass
