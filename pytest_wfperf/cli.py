"""The ``wfperf`` command: looks into a store, or at this machine, without running a test of the project."""

# ruff: noqa: T201

from __future__ import annotations

import argparse
import difflib
import json
import os
import shutil
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import BaselineMissing, WfperfError
from .report.text import duration, printable
from .samples import quantile
from .store.directory import Baseline, Store
from .store.layout import environment_directory

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .model import Profile, Round

_SLOWEST = 3
_LONGEST_S = 3600.0  # that the doctor may take


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
        print(f"wfperf: {printable(str(error))}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="wfperf",
        description="Look into a store of performance baselines.",
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
    for name, run, text in (
        ("list", _list, "every baseline and its version in force"),
        ("show", _show, "one baseline: its versions, workflows and steps"),
        ("verify", _verify, "read every file of the store and say what is damaged"),
    ):
        command = commands.add_parser(name, help=text, description=text, parents=[place], allow_abbrev=False)
        command.set_defaults(run=run)
        if name != "verify":
            command.add_argument("--json", action="store_true", help="print JSON instead of tables")
        if name == "show":
            command.add_argument("name", nargs="?", default="main", metavar="NAME", help="the baseline (default: main)")
            command.add_argument("--workflow", metavar="ID", help="show this workflow's sessions and steps")
            command.add_argument("--limit", type=int, default=10, metavar="N", help="how many versions (default: 10)")
    command = commands.add_parser(
        "import",
        help="make saved runs of pytest-benchmark a baseline",
        description="Make saved runs of pytest-benchmark a new version of a baseline: one session a file.",
        parents=[place],
        allow_abbrev=False,
    )
    command.set_defaults(run=_import)
    command.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a file that --benchmark-save wrote")
    command.add_argument("--name", default="main", metavar="NAME", help="the baseline (default: main)")
    command.add_argument("--reason", default="", metavar="TEXT", help="why this is the level to hold")
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
    return parser


# --- commands -------------------------------------------------------------------------


def _list(arguments: argparse.Namespace) -> int:
    store = Store(arguments.store)
    store.check()
    baselines = [_about(baseline) for name in store.names() for baseline in store.in_force(name)]
    if arguments.json:
        _print_json(baselines)
    elif baselines:
        _print_table(_LIST, baselines)
    else:
        print(f"no baseline in {printable(str(arguments.store))}: create one with `pytest --wfperf-save`")
    return 0


def _show(arguments: argparse.Namespace) -> int:
    store = Store(arguments.store)
    shown = [
        _workflow(baseline, arguments.workflow) if arguments.workflow else _baseline(store, baseline, arguments.limit)
        for baseline in store.in_force(arguments.name)
        if not arguments.workflow or arguments.workflow in baseline.workflows()
    ]
    if not shown:
        known = {workflow for baseline in store.in_force(arguments.name) for workflow in baseline.workflows()}
        near = difflib.get_close_matches(arguments.workflow, sorted(known), n=3, cutoff=0.4)
        raise BaselineMissing(
            f"workflow {arguments.workflow!r} (from --workflow) is not in baseline {arguments.name!r}: "
            f"{'it has ' + ', '.join(near) if near else 'see `wfperf show` for those it has'}"
        )
    if arguments.json:
        _print_json(shown)
        return 0
    for entry in shown:
        print(f"baseline {entry['name']}, version {entry['version']}, {entry['environment']}\n")
        (_print_workflow if arguments.workflow else _print_baseline)(entry)
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    problems = Store(arguments.store).verify()
    for problem in problems:
        print(printable(problem))
    counted = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}" if problems else "every file is sound"
    print(f"{printable(str(arguments.store))}: {counted}")
    return 1 if problems else 0


def _import(arguments: argparse.Namespace) -> int:
    from .interop.pytest_benchmark import import_files  # noqa: PLC0415 - of use to this command only

    for line in import_files(arguments.files, arguments.store, arguments.name, arguments.reason).splitlines():
        print(printable(line))
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    try:
        from . import doctor  # noqa: PLC0415 - of use to this command only
        from .report.doctor import as_json, render  # noqa: PLC0415

        examined = doctor.examine(arguments.seconds, _show_progress if sys.stderr.isatty() else _show_nothing)
    except KeyboardInterrupt:
        print("wfperf: interrupted", file=sys.stderr)
        return 130
    if arguments.json:
        _print_json(as_json(examined))
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


# --- what is shown --------------------------------------------------------------------


def _about(baseline: Baseline) -> dict[str, Any]:
    return {
        "name": baseline.name,
        "environment": environment_directory(baseline.environment),
        "facts": dict(baseline.environment.facts),
        "version": baseline.version,
        "created": f"{baseline.created:%Y-%m-%d %H:%M:%SZ}",
        "commit": baseline.commit,
        "reason": baseline.reason,
        "sessions": len(baseline.contents),
        "workflows": len(baseline.workflows()),
    }


def _baseline(store: Store, baseline: Baseline, limit: int) -> dict[str, Any]:
    history = [
        {**_about(version), "in_force": version.version == baseline.version}
        for version in store.history(baseline.name, baseline.environment, max(limit, 0))
    ]
    workflows = [_figures(workflow, baseline.sessions(workflow)) for workflow in sorted(baseline.workflows())]
    return {**_about(baseline), "history": history, "workflows": workflows}


def _workflow(baseline: Baseline, workflow: str) -> dict[str, Any]:
    profiles = baseline.sessions(workflow)
    sessions = [session for session in baseline.contents if workflow in session.workflows]
    return {
        **_about(baseline),
        **_figures(workflow, profiles),
        "sessions": [
            {
                "session": session.directory.name,
                "commit": session.commit,
                "launches": len(profile.launches),
                **_times([r.total_ns for r in profile.rounds]),
            }
            for session, profile in zip(sessions, profiles, strict=True)
        ],
    }


def _figures(workflow: str, profiles: Sequence[Profile]) -> dict[str, Any]:
    """A workflow and its steps over the rounds of all sessions; the step with most own time first."""
    rounds = [r for profile in profiles for r in profile.rounds]
    steps = [_step(path, rounds) for path in dict.fromkeys(span.path for r in rounds for span in r.spans)]
    return {
        "workflow": workflow,
        "sessions": len(profiles),
        **_times([r.total_ns for r in rounds]),
        "steps": sorted(steps, key=lambda step: -step["own_ns"]),
    }


def _step(path: str, rounds: Iterable[Round]) -> dict[str, Any]:
    spans = [span for r in rounds for span in r.spans if span.path == path]
    own = quantile([span.own_ns for span in spans], 0.5)
    return {"path": path, **_times([span.total_ns for span in spans]), "own_ns": own}


def _times(values_ns: list[int]) -> dict[str, Any]:
    return {
        "rounds": len(values_ns),
        "median_ns": quantile(values_ns, 0.5) if values_ns else None,
        "p95_ns": quantile(values_ns, 0.95) if values_ns else None,
    }


# --- printing -------------------------------------------------------------------------

_LIST = {
    "name": "name",
    "environment": "environment",
    "version": "version",
    "saved": "created",
    "sessions": "sessions",
    "workflows": "workflows",
    "reason": "reason",
}
_HISTORY = {
    "version": "version",
    "": "in_force",
    "saved": "created",
    "commit": "commit",
    "sessions": "sessions",
    "workflows": "workflows",
    "reason": "reason",
}
_TIMES = {"rounds": "rounds", "median": "median_ns", "p95": "p95_ns"}
_WORKFLOWS = {"workflow": "workflow", "sessions": "sessions", **_TIMES, "slowest steps (own time)": "slowest"}
_SESSIONS = {"session": "session", "commit": "commit", "launches": "launches", **_TIMES}
_STEPS = {"step": "path", **_TIMES, "own time": "own_ns"}
_RIGHT = frozenset(["sessions", "workflows", "rounds", "launches", "median_ns", "p95_ns", "own_ns"])


def _print_baseline(entry: dict[str, Any]) -> None:
    history = [{**version, "in_force": "in force" if version["in_force"] else ""} for version in entry["history"]]
    workflows = [{**figures, "slowest": _slowest(figures["steps"])} for figures in entry["workflows"]]
    _print_table(_HISTORY, history)
    _print_table(_WORKFLOWS, workflows)


def _print_workflow(entry: dict[str, Any]) -> None:
    print(f"{printable(entry['workflow'])}\n")
    _print_table(_SESSIONS, entry["sessions"])
    _print_table(_STEPS, entry["steps"])


def _slowest(steps: list[dict[str, Any]]) -> str:
    return ", ".join(f"{step['path']} {duration(step['own_ns'])}" for step in steps[:_SLOWEST])


def _print_table(columns: dict[str, str], rows: list[dict[str, Any]]) -> None:
    """Print one table; ``columns`` are the rows' keys by heading."""
    from tabulate import tabulate  # noqa: PLC0415 - not needed for --json

    if not rows:
        return
    cells = [[_cell(column, row[column]) for column in columns.values()] for row in rows]
    alignment = ["right" if column in _RIGHT else "left" for column in columns.values()]
    print(tabulate(cells, list(columns), tablefmt="simple", disable_numparse=True, colalign=alignment), end="\n\n")


def _cell(column: str, value: Any) -> str:
    if column.endswith("_ns"):
        return "" if value is None else duration(value)
    return printable(str(value))


def _print_json(data: Any) -> None:
    print(json.dumps(data, indent=2))
