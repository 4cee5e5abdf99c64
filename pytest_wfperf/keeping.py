"""What of a run is on disk while it goes on, and what it takes over from one that was cut off."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from .errors import BaselineError, MeasurementError, WfperfError
from .judged import Measured
from .measure import revision
from .measure.arms import Invocation
from .measure.code import code, digest
from .measure.conditions import environment
from .measure.steps import DELAYS
from .report.text import age, plural
from .settings import Settings
from .store.layout import storable
from .store.runs import Journal, Run, Runs

_TELLING = re.compile(r"-[vqx]+|-r\w+|--(verbose|quiet|wfperf-resume|(tb|color|wfperf-report)=.*)")
"""Arguments that change what is told of a run, not what it measures."""

_PASSING = re.compile(
    r"_|PWD|OLDPWD|SHLVL|COLUMNS|LINES|LS_COLORS|MAIL|DISPLAY|WINDOWID|STY|COLORTERM|INVOCATION_ID|JOURNAL_STREAM"
    r"|TERM|TMUX|(TERM|TMUX|SSH|XDG|DBUS|WAYLAND|GPG|VTE|ITERM|KONSOLE|KITTY|WT|VSCODE|SYSTEMD|GITHUB|RUNNER)_.*"
    r"|BUILD_(ID|NUMBER|TAG|URL)|CI_(JOB|PIPELINE)_.*|PYTEST_(ADDOPTS|CURRENT_TEST|XDIST_.*)|WFPERF_(RESUME|REPORT)"
)
"""Environment variables of a login, a terminal or a job: another time they are others, and the code is the same."""


class Keeping:
    """One run's folder, made when there is something to keep. What cannot be written is told, and the run goes on.

    ``found`` is, by workflow, what the interrupted run that this one resumes has of it; ``resumed`` is that run.
    ``opening`` is what to tell at the start. Raises MeasurementError for a revision that git does not know.
    """

    def __init__(self, settings: Settings, call: Invocation, concurrency: int) -> None:
        self.found: dict[str, Measured] = {}
        self.resumed: Run | None = None
        self.opening = ""
        self._runs = Runs(settings.store)
        self._journal: Journal | None = None
        self._age_s = 0.0
        self._problems: list[str] = []
        self._writable = DELAYS not in os.environ  # rounds with delays in them are no run to look at
        commit, against = revision.commit(call.rootdir), settings.against
        same = {} if against is None else {"revision": revision.resolve(call.rootdir, against)}
        try:
            same |= _called(call, concurrency) | code(
                call.rootdir, commit, also=call.paths, apart=settings.store.resolve()
            )
        except MeasurementError as error:
            same, why = {}, str(error)
        self._about: dict[str, Any] = {
            "arguments": call.arguments, "commit": commit, "environment": environment(concurrency),
            "same": {storable(name): storable(value) for name, value in same.items()},
        }  # fmt: skip
        if settings.resume and same:
            self._resume(self._about["same"])
        elif settings.resume:
            self._say_not(why)

    def _resume(self, same: Mapping[str, str]) -> None:
        try:
            journal = self._runs.resume(same)
            self.found, problems = journal.found()
            self._age_s = journal.age_s()
        except BaselineError as error:
            self._say_not(str(error))
            return
        self._journal, self.resumed = journal, journal.run
        self._problems += [f"not reused: {problem}" for problem in problems]
        self.opening = f"resuming run {journal.run.name}, which has measured {plural(len(self.found), 'workflow')}"

    def _say_not(self, why: str) -> None:
        self.opening = f"nothing is reused: {why}"
        self._problems.append(self.opening)

    @property
    def reused(self) -> dict[str, Measured]:
        """Of what was found, what was measured in the tests' own process: launches go on by themselves with theirs."""
        return {w: found for w, found in self.found.items() if found.profile is not None and not found.profile.fresh}

    # --- while it goes on -------------------------------------------------------------------

    def settle(self, launches: int, note: str) -> None:
        """Write down how many launches a workflow is to have at most, and what code the sides run."""
        self._write(lambda journal: journal.plan(launches, note))

    def keep(self, measured: Measured) -> None:
        """Put what was measured of a workflow on disk."""
        profile, against = measured.profile, measured.against
        if profile is not None:
            self._write(lambda journal: journal.keep(profile, against))

    def finish(self) -> None:
        """The run has come to its end."""
        if self._journal is not None:
            self._write(Journal.finish)

    def _write(self, act: Callable[[Journal], None]) -> None:
        if not self._writable:
            return
        try:
            if self._journal is None:
                self._journal = self._runs.begin(**self._about)
            act(self._journal)
        except WfperfError as error:
            self._writable = False
            self._problems.append(f"this run cannot be resumed: {error}")

    # --- what is told -----------------------------------------------------------------------

    def told(self, judged: Collection[Measured]) -> Iterator[str]:
        """What the report says of what was reused of all that was ``judged``, and of what could not be kept."""
        if self.resumed is not None:
            whole = sum(measured.wholly_reused for measured in judged)
            parts = [measured.reused for measured in judged if measured.reused and not measured.wholly_reused]
            more = f" and {plural(sum(parts), 'launch')} of {len(parts)} more" if parts else ""
            ago = f" (measured up to {age(self._age_s)} ago)" if whole or parts else ""
            yield f"resumed run {self.resumed.name}: reused {whole} of {plural(len(judged), 'workflow')}{more}{ago}"
        yield from self._problems


def _called(call: Invocation, concurrency: int) -> dict[str, str]:
    """How pytest was called, by name: all that may change what a workflow does or takes, but for its code.

    Of the value of an environment variable, which may be a secret, too few digits are kept to find it by.
    """
    words = [*shlex.split(call.environ.get("PYTEST_ADDOPTS", "")), *call.arguments]
    variables = {name: value for name, value in sorted(call.environ.items()) if not _PASSING.fullmatch(name)}
    return {
        **dict(environment(concurrency).facts),
        "arguments": shlex.join(word for word in words if not _TELLING.fullmatch(word)) or "none",
        "directory": str(call.cwd),
        "configuration": "none" if call.inifile is None else digest(call.inifile),
        **{f"environment variable {name}": _digest(value, 4) for name, value in variables.items()},
        "environment variables": _digest(repr(variables), 16),
    }


def _digest(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:digits]
