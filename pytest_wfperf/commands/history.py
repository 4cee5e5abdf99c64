"""``wfperf show --history``: the levels of a baseline's workflows over all stored sessions."""

# ruff: noqa: T201

from __future__ import annotations

from typing import TYPE_CHECKING

from ..recalling import MOST, recalled
from ..report.history import as_json, overview, render
from ..store.layout import environment_directory
from .output import print_json

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from ..analyse.history import History
    from ..store.directory import Baseline, Store

__all__ = ["MOST", "show_history"]


def show_history(store: Store, baselines: Sequence[Baseline], arguments: argparse.Namespace) -> int:
    """Print the history of every workflow of the versions in force, in full where one is asked for."""
    most = MOST if arguments.limit is None else arguments.limit
    found = [(baseline, _histories(store, baseline, arguments.workflow, most)) for baseline in baselines]
    if arguments.json:
        print_json(
            [
                {
                    "name": baseline.name,
                    "environment": environment_directory(baseline.environment),
                    "version": baseline.version,
                    "workflows": [as_json(workflow, history) for workflow, history in histories.items()],
                }
                for baseline, histories in found
            ]
        )
        return 0
    for baseline, histories in found:
        print(f"baseline {baseline.name}, version {baseline.version}, {environment_directory(baseline.environment)}\n")
        if arguments.workflow:
            lines = [line for each in histories.items() for line in render(*each, baseline.name)]
        else:
            lines = overview(histories)
        print("\n".join(lines), end="\n\n")
    return 0


def _histories(store: Store, baseline: Baseline, workflow: str | None, most: int) -> dict[str, History]:
    past = store.past(baseline.name, baseline.environment)
    workflows = [workflow] if workflow else sorted(baseline.workflows())
    return {name: history for name in workflows if (history := recalled(past, name, most=most)) is not None}
