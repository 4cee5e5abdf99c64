"""``wfperf cache``: what ``wfperf.cached`` keeps for launches, workers and runs to share."""

# ruff: noqa: T201

from __future__ import annotations

import argparse
import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from ..report.text import plural, printable, size
from .output import print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ..store.generation import Entry
    from ..store.shared import Shared

_SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*([kmg]i?b|b)?", re.IGNORECASE | re.ASCII)
_DAY_S = 86400.0
_PARAMS_SHOWN = 40  # characters
_COLUMNS = ("name", "key", "params", "size", "built", "last used", "expires")


def add(commands: Any, place: argparse.ArgumentParser) -> None:
    """Give ``wfperf`` this command and its own ones; ``place`` is the parent parser that knows the store."""
    text = "set-up that launches, workers and runs share"
    parser = commands.add_parser("cache", help=text, description=text, parents=[place], allow_abbrev=False)
    inner = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, run, text in (
        ("list", _list, "every set-up: how large, how old, when last used"),
        ("prune", _prune, "remove what is out of date or was not used for long"),
        ("clear", _clear, "remove every set-up, or those of one name"),
    ):
        command = inner.add_parser(name, help=text, description=text, parents=[place], allow_abbrev=False)
        command.set_defaults(run=run)
        if name == "list":
            command.add_argument("--json", action="store_true", help="print JSON instead of a table")
        elif name == "prune":
            command.add_argument(
                "--older-than", type=_days, default=30.0, metavar="DAYS", help="not used for so long (default: 30)"
            )
            command.add_argument(
                "--keep-size", type=_bytes, default=math.inf, metavar="SIZE",
                help="and, the longest unused first, what is beyond SIZE in all, such as 2GB",
            )  # fmt: skip
        else:
            command.add_argument("name", nargs="?", metavar="NAME", help="as given to wfperf.cached (default: all)")


def _shared(arguments: argparse.Namespace) -> Shared:
    from ..store.shared import Shared, place  # noqa: PLC0415  of use to this command only

    return Shared(place(Path(arguments.store), Path()))


def _list(arguments: argparse.Namespace) -> int:
    shared = _shared(arguments)
    entries = shared.entries()
    if arguments.json:
        print_json([_as_json(entry) for entry in entries])
    elif entries:
        print_table({column: column for column in _COLUMNS}, [_row(entry) for entry in entries])
        print(f"{_counted(entries)} in {printable(str(shared.root))}")
    else:
        print(f"no shared set-up in {printable(str(shared.root))}")
    return 0


def _prune(arguments: argparse.Namespace) -> int:
    shared = _shared(arguments)
    return _swept(shared, *shared.prune(unused_s=arguments.older_than * _DAY_S, keep_bytes=arguments.keep_size))


def _clear(arguments: argparse.Namespace) -> int:
    shared = _shared(arguments)
    names = {entry.name for entry in shared.entries()}
    if arguments.name is not None and arguments.name not in names:
        known = ", ".join(sorted(names)) or "none"
        raise ConfigError(f"there is no shared set-up called {arguments.name!r} in {shared.root}; there is {known}")
    return _swept(shared, *shared.clear(arguments.name))


def _days(text: str) -> float:
    """A number of days. Raises ValueError for what is none; argparse says so."""
    value = float(text)
    if not 0 <= value < math.inf:
        raise ValueError(text)
    return value


def _bytes(text: str) -> float:
    """A size in bytes. Raises ArgumentTypeError."""
    from ..judge.quantity import UNITS  # noqa: PLC0415  the sizes that thresholds know

    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is no size: give a number with B, KB, MB, GB, KiB, MiB or GiB")
    units = {unit.lower(): float(factor) for unit, factor in UNITS.items()}
    return float(match[1]) * units[(match[2] or "B").lower()]


# --- what is shown --------------------------------------------------------------------


def _as_json(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "params": entry.params,
        "key": _key(entry),
        "path": str(entry.directory),
        "files": entry.files,
        "size_bytes": entry.size_bytes,
        "build_s": entry.build_s,
        "created": entry.created.isoformat(),
        "used": entry.used.isoformat(),
        "expires": None if entry.expires is None else entry.expires.isoformat(),
        "superseded": entry.superseded,
    }


def _row(entry: Entry) -> dict[str, str]:
    params = json.dumps(entry.params, sort_keys=True, ensure_ascii=False)
    shown = params if len(params) <= _PARAMS_SHOWN else f"{params[: _PARAMS_SHOWN - 1]}…"
    expires = "never" if entry.expires is None else _when(entry.expires)
    cells = (
        entry.name, _key(entry), shown, size(entry.size_bytes), _when(entry.created), _when(entry.used),
        "superseded" if entry.superseded else expires,
    )  # fmt: skip
    return dict(zip(_COLUMNS, cells, strict=True))


def _swept(shared: Shared, removed: Sequence[Entry], left: Sequence[Entry]) -> int:
    for entry in left:
        print(f"in use, so it stays: {printable(entry.name)} ({_key(entry)})")
    print(f"removed {_counted(removed)}, kept {_counted(shared.entries())} in {printable(str(shared.root))}")
    return 0


def _counted(entries: Sequence[Entry]) -> str:
    return f"{plural(len(entries), 'set-up')} ({size(sum(entry.size_bytes for entry in entries))})"


def _key(entry: Entry) -> str:
    return entry.directory.parent.name.rpartition("-")[2]


def _when(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%SZ}"
