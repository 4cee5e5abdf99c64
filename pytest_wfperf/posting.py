"""Posts a run where GitHub shows it: in the summary of the job's step, and at the lines of tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from .judged import RunResult
from .report import summary
from .report.exhibit import Exhibit, Occasion
from .report.github import commands

SUMMARY, WORKSPACE = "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"
MOST = 1024 * 1024  # bytes of a step's whole summary: of a larger one GitHub takes nothing


class Posting:
    """What one run posts; ``source`` names what asked for it, and is empty where nothing did: then nothing is posted.

    Nor is anything where the environment names no step summary, for this is no step of a GitHub job.
    """

    def __init__(self, environ: Mapping[str, str], rootpath: Path, source: str) -> None:
        self._path, self._workspace = environ.get(SUMMARY, ""), environ.get(WORKSPACE, "")
        self._rootpath, self._source = rootpath, source
        self._parts: list[summary.Part] = []
        self._places: dict[str, tuple[str, int | None]] = {}

    def begun(self, run: RunResult) -> RunResult:
        """The run, with a note where posting was asked for and is not possible."""
        if not self._source or self._path:
            return run
        return _noted(run, f"{self._source}: nothing was posted: ${SUMMARY}, which GitHub sets in a job, is not set")

    def seen(self, exhibits: Iterable[Exhibit]) -> Iterator[Exhibit]:
        """The exhibits unchanged, on their way to the reports; what is posted of each is kept."""
        for exhibit in exhibits:
            if self._posts:
                self._parts.append(summary.part(exhibit))
                self._places[exhibit.judgement.workflow] = self._in_checkout(exhibit.file), exhibit.line
            yield exhibit

    def post(self, run: RunResult, occasion: Occasion, print_lines: Callable[[list[str]], object]) -> RunResult:
        """Append the summary of what was seen and print the annotations; the run with what is to be said of that.

        A file that cannot be written is an error of the run.
        """
        if not self._posts:
            return run
        try:
            run = self._appended(run, occasion)
        except OSError as error:
            run = run.with_error(f"{self._source}: the step's summary {self._path} was not written: {error}")
        lines = commands(run, self._places)
        if lines:
            print_lines(lines)
        return run

    @property
    def _posts(self) -> bool:
        return bool(self._source and self._path)

    def _appended(self, run: RunResult, occasion: Occasion) -> RunResult:
        with Path(self._path).open("ab") as file:
            there = file.seek(0, os.SEEK_END)
            gap = b"\n\n" if there else b""  # what is there may end within a paragraph or a table
            text = summary.render(run, occasion, self._parts, min(summary.LIMIT, MOST - there - len(gap)))
            if not text:
                return _noted(run, f"{self._source}: no room in the step's summary: {there} of {MOST} bytes are taken")
            file.write(gap + text.encode())
        return run

    def _in_checkout(self, file: str) -> str:
        """The path as GitHub knows it: from the workspace's root where pytest's own is inside, else from pytest's."""
        path = Path(os.path.normpath(self._rootpath.resolve() / file))
        workspace = Path(self._workspace).resolve()
        inside = bool(self._workspace) and path.is_relative_to(workspace)
        return (path.relative_to(workspace) if inside else Path(file)).as_posix()


def _noted(run: RunResult, sentence: str) -> RunResult:
    return replace(run, notes=(*run.notes, sentence))
