"""The process in which reports end up: measures by launches, turns reports into judgements and those into outcomes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import pytest
from _pytest._code.code import ReprFileLocation, TerminalRepr

from . import report as reports
from .concluding import conclude
from .errors import WfperfError
from .gate import Gate
from .judged import Judgement, Measured, RunResult
from .keeping import Keeping
from .launcher import Progress, invocation, launch
from .options import CARRIED
from .posting import Posting
from .recalling import Recalling
from .report.exhibit import Occasion
from .report.terminal import render, short_reason
from .selection import Selection
from .settings import Settings
from .showing import exhibits, occasion
from .store.layout import check_name
from .store.schema import decode_profile

if TYPE_CHECKING:
    from _pytest._io import TerminalWriter

P = ParamSpec("P")
R = TypeVar("R")


def usage(function: Callable[P, R]) -> Callable[P, R]:
    """Turn what a user has to mend into pytest's own usage error, once."""

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except WfperfError as error:
            raise pytest.UsageError(f"wfperf: {error}") from error

    return checked


class Judging:
    """The judging side of a run: a single process's, or xdist's controller's."""

    def __init__(self, config: pytest.Config, settings: Settings, selection: Selection, concurrency: int) -> None:
        self.config, self.settings, self.selection, self.concurrency = config, settings, selection, concurrency
        self.result: RunResult | None = None
        self.problem = ""
        self._places: dict[str, tuple[str, int | None]] = {}  # file and line of each workflow's test
        self.launched: frozenset[str] | None = None  # workflows that launches have measured, once there were any
        self._has_launched = False
        self.reused: frozenset[str] = frozenset()  # workflows that an interrupted run has measured in its own process
        self._keeping: Keeping | None = None
        self._gate: Gate | None = None

    @property
    def gate(self) -> Gate:
        """The judge of this run, made when first asked for."""
        if self._gate is None:
            self._gate = Gate(self.settings, self.config.rootpath, concurrency=self.concurrency)
        return self._gate

    # --- before anything runs -----------------------------------------------------------

    @usage
    def configure(self) -> None:
        """Check what can be checked before pytest looks for tests."""
        settings = self.settings
        for name in ("baseline", "save", "extend"):
            if getattr(settings, name) is not None:
                check_name(getattr(settings, name), settings.sources[name])
        if settings.report:
            base = self.config.invocation_params.dir
            places = {"base": base, "rootpath": self.config.rootpath, "store": settings.store}
            reports.check(settings.report, settings.sources["report"], **places)
        settings.check_together()

    @usage
    def start(self) -> None:
        """Find out whether the baseline can be read before spending time on tests."""
        if self.runs_tests:
            self.gate.open()

    @property
    def runs_tests(self) -> bool:
        """Whether this run measures anything: it may be switched off, or pytest asked to do something else."""
        option = self.config.option
        others = ("collectonly", "setuponly", "setupplan", "showfixtures", "show_fixtures_per_test")
        return not (self.settings.off or any(getattr(option, other, False) for other in others))

    @usage
    def launch(self) -> None:
        """Measure the selected workflows in fresh processes, before any of them runs here."""
        if not self.runs_tests or not self.settings.asked or self._has_launched:
            return
        self._has_launched = True
        try:
            keeping = self._keeping = self._kept()
            measured = None
            if self.settings.launched:
                measured = launch(self.config, self.settings, self.gate.round_s, keeping)
        except WfperfError as error:
            self.problem = f"wfperf: {error}"
            raise
        if measured is not None:
            self.gate.measured, self.launched = measured, frozenset(measured)

    def _kept(self) -> Keeping:
        """This run's folder, or that of the interrupted run which it goes on with."""
        keeping = Keeping(self.settings, invocation(self.config), self.concurrency)
        self.gate.reused, self.reused = keeping.reused, frozenset(keeping.reused)
        self.gate.resumed = None if keeping.resumed is None else keeping.resumed.created
        if keeping.opening:
            Progress(self.config).say(keeping.opening)
        return keeping

    # --- reports ------------------------------------------------------------------------

    def receive(self, report: pytest.TestReport) -> None:
        """Judge the profile a report carries and let a failing verdict fail the test."""
        if report.outcome not in ("passed", "failed", "skipped") or not self.runs_tests:
            return
        try:
            self._judge(report)
        except WfperfError as error:  # the store or the waivers cannot be read, and nothing had asked for them before
            self.problem = f"wfperf: {error}"
            report.outcome, report.longrepr = "failed", GateFailure(report.location, self.problem)

    def _judge(self, report: pytest.TestReport) -> None:
        carried = getattr(report, CARRIED, None)
        if report.failed:
            self.gate.broken.add(report.nodeid)
        if carried is not None:
            file, line, _ = report.location
            self._places[report.nodeid] = (file, None if line is None else line + 1)
        if carried is None:
            return
        if report.skipped:
            self.gate.skipped[report.nodeid] = _why_skipped(report)
            return
        if self.gate.workflows is None:
            self.gate.workflows = self.gate.stored_among(self.selection.collected)
        judgement = self.gate.judge(carried, _why_failed(report) if report.failed else "")
        elsewhere = report.nodeid in self.gate.measured or report.nodeid in self.gate.reused
        if report.passed and self._keeping is not None and not elsewhere:
            self._keeping.keep(Measured(profile=decode_profile(carried["profile"], "the test's report")))
        if report.passed and self._fails(judgement):
            report.outcome = "failed"
            report.longrepr = GateFailure(report.location, short_reason(judgement))

    def _fails(self, judgement: Judgement) -> bool:
        return judgement.verdict.fails_strict if self.settings.strict else judgement.verdict.fails

    def report_missing(self, session: pytest.Session) -> None:
        """Report what the baseline has and this run should have met, as failed tests."""
        if self.problem:
            raise pytest.UsageError(self.problem)
        if self._gate is None or not self.runs_tests:
            return
        self._note_stop(session)
        for node_id in self.gate.missing(self.selection):
            judgement = self.gate.miss(node_id)
            if self._fails(judgement):
                location = (node_id.partition("::")[0], None, node_id.partition("::")[2])
                report = pytest.TestReport(
                    node_id, location, {}, "failed", GateFailure(location, short_reason(judgement)), "call"
                )
                self.config.hook.pytest_runtest_logreport(report=report)

    def _note_stop(self, session: pytest.Session) -> None:
        if session.shouldfail or session.shouldstop:
            self.selection.stopped = f"it stopped early: {session.shouldfail or session.shouldstop}"

    def finish(self, session: pytest.Session) -> None:
        """Judge the run, store it, write its reports, and let the exit status say so."""
        if self.problem or not self.runs_tests or (self._gate is None and not self.settings.asked):
            return
        self._note_stop(session)
        status = int(session.exitstatus)
        if status not in (0, 1, 5) and not self.selection.stopped:
            self.selection.stopped = "it was interrupted"
        self.result = self._written(self._told(conclude(self.gate, self.selection)))
        if self.result.errors and status in (0, 1, 5):
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        elif not self.result.holds and status in (0, 5):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _told(self, result: RunResult) -> RunResult:
        """The result with what there is to say of the run's folder; a run that came to its end is not resumed."""
        if self.config.getoption("verbose", 0) > 0 or self.settings.report:
            drifted = Recalling(self.gate, Occasion(created=datetime.now(UTC))).drifted(result)
            result = replace(result, notes=(*result.notes, *drifted))
        if self._keeping is None:
            return result
        if not self.selection.stopped:
            self._keeping.finish()
        judged = [self.gate.measured_of(judgement.workflow) for judgement in result.judgements]
        return replace(result, notes=(*result.notes, *self._keeping.told(judged)))

    def _written(self, result: RunResult) -> RunResult:
        """Write the reports and post the run; what cannot be written is an error of the run."""
        posts = self.settings.github and (bool(result.judgements) or self.settings.asked)
        if not (self.settings.report or posts):
            return result
        source = self.settings.sources["github"] if posts else ""
        posting, when = Posting(os.environ, self.config.rootpath, source), occasion(self.gate)
        result = posting.begun(result)
        paths, base = self.settings.report, self.config.invocation_params.dir
        recalling = Recalling(self.gate, when) if reports.shows_history(paths, base=base) else None
        shown = posting.seen(exhibits(self.gate, result, self._places, recalling))
        for path, problem in reports.write(paths, result, when, shown, base=base).items():
            result = result.with_error(f"--wfperf-report={path} was not written: {problem}")
        return posting.post(result, when, self._print)

    def _print(self, lines: Sequence[str]) -> None:
        """Print each from the beginning of a line, whatever pytest has left on the one at hand."""
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        for line in ("", *lines):
            if reporter is not None:
                reporter.write_line(line)
            else:
                sys.stdout.write(f"{line}\n")

    def summarise(self, reporter: pytest.TerminalReporter) -> None:
        """Print what was computed."""
        if self.result is None or not (self.result.judgements or self.settings.asked):
            return
        reporter.section("wfperf")
        width = reporter._tw.fullwidth  # noqa: SLF001  what section() itself fills
        verbosity = self.config.option.verbose
        for line in render(self.result, width=width, verbosity=verbosity, profile=self.gate.profile):
            reporter.write_line(line.text, **({line.colour: True} if line.colour else {}))


class GateFailure(TerminalRepr):
    """A failing verdict in place of a traceback."""

    def __init__(self, location: tuple[str, int | None, str], message: str) -> None:
        self.message = message
        self.reprcrash = ReprFileLocation(location[0], (location[1] or 0) + 1, message.splitlines()[0])

    def toterminal(self, tw: TerminalWriter) -> None:
        for line in self.message.splitlines():
            tw.line(line, red=True)


def _why_failed(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(report.longrepr or "").strip()
    first = text.splitlines()[0] if text else "no message"
    return f"its test failed{'' if report.when == 'call' else f' in {report.when}'}: {first}"


def _why_skipped(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return f"expected to fail: {report.wasxfail}"
    return str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr).removeprefix("Skipped: ")
