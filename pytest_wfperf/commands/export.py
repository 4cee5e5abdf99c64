"""``wfperf export``: a run's figures in the formats of other tools."""

# ruff: noqa: T201

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, MeasurementError
from ..interop import bencher, drawing, github_action_benchmark, junit, openmetrics
from ..interop.figures import Export, Figures, RunFigures, of_profile, of_results
from ..model import Profile
from ..report.exhibit import Occasion
from ..report.folder import why
from ..report.text import printable
from ..store.files import replace_file
from .source import HELP, LATEST, Source, read_source, unknown

if TYPE_CHECKING:
    import argparse

FORMATS: Mapping[str, Callable[[RunFigures], Export]] = {
    "openmetrics": openmetrics.export,
    "junit": junit.export,
    "github-action-benchmark": github_action_benchmark.smaller,
    "github-action-benchmark-bigger": github_action_benchmark.bigger,
    "bencher": bencher.export,
}
DRAWN: Mapping[str, Callable[[RunFigures, Mapping[str, Profile], Occasion], Export]] = {
    "trace": drawing.trace,
    "speedscope": drawing.speedscope,
}


def add(commands: Any, place: argparse.ArgumentParser) -> None:
    """Give ``wfperf`` this command; ``place`` is the parent parser that knows the store."""
    text = "a run in the format of another tool, to standard output or into a file"
    command = commands.add_parser("export", help=text, description=text, parents=[place], allow_abbrev=False)
    command.set_defaults(run=_export)
    known = [*FORMATS, *DRAWN]
    command.add_argument("format", choices=known, metavar="FORMAT", help=", ".join(known))
    command.add_argument("source", nargs="?", default=LATEST, metavar="RUN", help=f"{HELP} (default: {LATEST})")
    command.add_argument("--workflow", metavar="ID", help="this workflow only")
    command.add_argument("--output", type=Path, metavar="FILE", help="write this file instead of standard output")


def _export(arguments: argparse.Namespace) -> int:
    source = read_source(arguments.source, arguments.store)
    run = _figures(source, arguments.workflow)
    if arguments.format in DRAWN:
        occasion = Occasion(created=source.created, commit=source.commit)
        made = DRAWN[arguments.format](run, source.profiles, occasion)
    else:
        made = FORMATS[arguments.format](run)
    for sentence in made.left_out:
        print(f"wfperf: left out: {printable(sentence)}", file=sys.stderr)
    _deliver(made.text.encode(), arguments.output)
    return 0


def _figures(source: Source, wanted: str | None) -> RunFigures:
    """The figures of the source, or of one workflow. Raises BaselineMissing, and MeasurementError without any round."""
    run = _of_profiles(source) if source.results is None else of_results(source.results, source.profiles)
    if wanted is not None:
        by_name = {figures.workflow: figures for figures in run.workflows}
        if wanted not in by_name:
            raise unknown(wanted, source.name, by_name)
        run = RunFigures(workflows=(by_name[wanted],))
    if not run.measured:
        what = source.name if wanted is None else f"{wanted} in {source.name}"
        raise MeasurementError(
            f"{what} has no rounds, so there is nothing to export: measure some, with pytest --wfperf-rounds=5 say"
        )
    return run


def _of_profiles(source: Source) -> RunFigures:
    return RunFigures(workflows=tuple(_of_profile(source, workflow) for workflow in source.profiles))


def _of_profile(source: Source, workflow: str) -> Figures:
    created, commit = source.origins[workflow]
    return of_profile(source.profiles[workflow], created=created, commit=commit)


def _deliver(data: bytes, output: Path | None) -> None:
    """Bytes, for a format has its own line ends and encoding whatever the terminal's are."""
    if output is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        return
    try:
        replace_file(output, data)
    except OSError as error:
        raise ConfigError(f"cannot write --output={output}: {why(error, output)}") from error
