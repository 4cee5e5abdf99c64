"""``wfperf list``, ``show``, ``verify`` and ``import``: what a store holds."""

# ruff: noqa: T201

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BaselineMissing
from ..report.text import duration, printable
from ..samples import quantile
from ..store.directory import Baseline, Store
from ..store.layout import environment_directory
from .history import MOST, show_history
from .output import print_json, print_table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    from ..model import Profile, Round

VERSIONS = 10  # shown of a baseline
_SLOWEST = 3


def add(commands: Any, place: argparse.ArgumentParser) -> None:
    """Give ``wfperf`` these commands; ``place`` is the parent parser that knows the store."""
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
            command.add_argument("--history", action="store_true", help="show the levels of all stored sessions")
            command.add_argument(
                "--limit",
                type=int,
                metavar="N",
                help=f"how many versions (default: {VERSIONS}), or with --history sessions (default: {MOST})",
            )
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


# --- commands -------------------------------------------------------------------------


def _list(arguments: argparse.Namespace) -> int:
    store = Store(arguments.store)
    store.check()
    baselines = [_about(baseline) for name in store.names() for baseline in store.in_force(name)]
    if arguments.json:
        print_json(baselines)
    elif baselines:
        print_table(_LIST, baselines)
    else:
        print(f"no baseline in {printable(str(arguments.store))}: create one with `pytest --wfperf-save`")
    return 0


def _show(arguments: argparse.Namespace) -> int:
    store = Store(arguments.store)
    baselines = _holding(store, arguments.name, arguments.workflow)
    if arguments.history:
        return show_history(store, baselines, arguments)
    limit = VERSIONS if arguments.limit is None else arguments.limit
    shown = [
        _workflow(baseline, arguments.workflow) if arguments.workflow else _baseline(store, baseline, limit)
        for baseline in baselines
    ]
    if arguments.json:
        print_json(shown)
        return 0
    for entry in shown:
        print(f"baseline {entry['name']}, version {entry['version']}, {entry['environment']}\n")
        (_print_workflow if arguments.workflow else _print_baseline)(entry)
    return 0


def _holding(store: Store, name: str, workflow: str | None) -> list[Baseline]:
    """The versions in force, in every environment; of those only that hold the workflow where one is named."""
    in_force = store.in_force(name)
    found = [baseline for baseline in in_force if not workflow or workflow in baseline.workflows()]
    if found:
        return found
    known = {known for baseline in in_force for known in baseline.workflows()}
    near = difflib.get_close_matches(workflow or "", sorted(known), n=3, cutoff=0.4)
    raise BaselineMissing(
        f"workflow {workflow!r} (from --workflow) is not in baseline {name!r}: "
        f"{'it has ' + ', '.join(near) if near else 'see `wfperf show` for those it has'}"
    )


def _verify(arguments: argparse.Namespace) -> int:
    problems = Store(arguments.store).verify()
    for problem in problems:
        print(printable(problem))
    counted = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}" if problems else "every file is sound"
    print(f"{printable(str(arguments.store))}: {counted}")
    return 1 if problems else 0


def _import(arguments: argparse.Namespace) -> int:
    from ..interop.pytest_benchmark import import_files  # noqa: PLC0415 - of use to this command only

    for line in import_files(arguments.files, arguments.store, arguments.name, arguments.reason).splitlines():
        print(printable(line))
    return 0


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


def _print_baseline(entry: dict[str, Any]) -> None:
    history = [{**version, "in_force": "in force" if version["in_force"] else ""} for version in entry["history"]]
    workflows = [{**figures, "slowest": _slowest(figures["steps"])} for figures in entry["workflows"]]
    print_table(_HISTORY, history)
    print_table(_WORKFLOWS, workflows)


def _print_workflow(entry: dict[str, Any]) -> None:
    print(f"{printable(entry['workflow'])}\n")
    print_table(_SESSIONS, entry["sessions"])
    print_table(_STEPS, entry["steps"])


def _slowest(steps: list[dict[str, Any]]) -> str:
    return ", ".join(f"{step['path']} {duration(step['own_ns'])}" for step in steps[:_SLOWEST])
