"""Between pytest and the rooms: turns items into measurements, reports into judgements, verdicts into outcomes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import pytest
from _pytest._code.code import ReprFileLocation, TerminalRepr

from . import report as reports
from .errors import WfperfError
from .fixture import Wfperf
from .gate import Gate
from .measure import worker
from .measure.conditions import environment
from .measure.rounds import ONCE, Measurement, Plan
from .model import Environment, Judgement, Launch, Profile, RunResult
from .options import CARRIED
from .report.terminal import render, short_reason
from .selection import Selection
from .settings import Settings, resolve
from .store.layout import check_name
from .store.schema import encode_profile

if TYPE_CHECKING:
    from _pytest._io import TerminalWriter

BENCHMARKS = "pytest-benchmark"  # the name under which that plugin registers its session
P = ParamSpec("P")
R = TypeVar("R")
_SETTINGS = pytest.StashKey[Settings]()
NARROWED, PROBLEM = "wfperf_narrowed", "wfperf_problem"  # what an xdist worker tells the controller at its end


def _usage(function: Callable[P, R]) -> Callable[P, R]:
    """Turn what a user has to mend into pytest's own usage error, once."""

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except WfperfError as error:
            raise pytest.UsageError(f"wfperf: {error}") from error

    return checked


class Shell:
    """One process's side of a pytest run."""

    @_usage
    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.settings = resolve(config)
        self.selection = Selection(config)
        self.result: RunResult | None = None
        self.problem = ""
        self._gate: Gate | None = None
        worker_input = getattr(config, "workerinput", None)
        self.judges = worker_input is None
        self.concurrency = int(worker_input["workercount"]) if worker_input else _workers(config)

    # --- before anything runs -----------------------------------------------------------

    @_usage
    def configure(self) -> None:
        """Check what can be checked before pytest looks for tests."""
        settings = self.settings
        for name in ("baseline", "save", "extend"):
            if getattr(settings, name) is not None:
                check_name(getattr(settings, name), settings.sources[name])
        for path in settings.report:
            reports.check(path, settings.sources["report"])
        settings.check_together()

    def header(self) -> str | None:
        """What differs from the defaults, and where it came from."""
        told = self.settings.differing()
        return f"wfperf: {told}" if told else None

    @_usage
    def start(self) -> None:
        """Find out whether the baseline can be read before spending time on tests."""
        if self.judges and self.runs_tests:
            self.gate.open()

    @property
    def runs_tests(self) -> bool:
        """Whether this run measures anything: it may be switched off, or pytest asked to do something else."""
        option = self.config.option
        others = ("collectonly", "setuponly", "setupplan", "showfixtures", "show_fixtures_per_test")
        return not (self.settings.off or any(getattr(option, other, False) for other in others))

    @property
    def gate(self) -> Gate:
        """The judge of this run, made when first asked for."""
        if self._gate is None:
            self._gate = Gate(self.settings, self.config.rootpath, concurrency=self.concurrency)
        return self._gate

    # --- collection ---------------------------------------------------------------------

    def collected(self, items: list[pytest.Item]) -> None:
        """Read every workflow's markers, and with ``--wfperf-only`` leave the other tests out.

        An xdist worker cannot stop the run: it runs nothing and leaves the error to the controller.
        """
        workflows = [item for item in items if self._is_workflow(item)]
        try:
            for item in workflows:
                item.stash[_SETTINGS] = self.settings.for_marker(_marks(item), item.nodeid)
            if self.judges and any(self._plan(item) is not ONCE for item in workflows):
                self.configure()
                self.start()
        except WfperfError as error:
            if self.judges:
                raise pytest.UsageError(f"wfperf: {error}") from error
            self.problem = f"wfperf: {error}"
            items.clear()
            return
        if self.settings.only and not self.settings.off:
            kept = set(workflows)
            others = [item for item in items if item not in kept]
            items[:] = workflows
            if others:
                self.config.hook.pytest_deselected(items=others)
        self.selection.add(item.nodeid for item in items)

    def deselected(self, items: list[pytest.Item]) -> None:
        """Some plugin left tests out; that makes the run partial if a workflow is among them."""
        if any(map(self._is_workflow, items)):
            self.selection.narrow("tests were deselected")

    def node_collected(self, node_ids: list[str]) -> None:
        """An xdist worker has collected."""
        self.selection.add(node_ids)

    def node_down(self, output: dict[str, Any] | None) -> None:
        """An xdist worker is done, or died with what it knew."""
        for why in ["a worker died"] if output is None else output.get(NARROWED, []):
            self.selection.narrow(why)
        self.problem = (output or {}).get(PROBLEM) or self.problem

    def _is_workflow(self, item: pytest.Item) -> bool:
        return "wfperf" in getattr(item, "fixturenames", ()) or bool(_marks(item)) or self.adopts(item)

    def adopts(self, item: pytest.Item) -> bool:
        """Whether a test is a workflow for its use of pytest-benchmark: where the run asks for measurement."""
        return self.settings.asked and _benchmarks(item)

    # --- one test -----------------------------------------------------------------------

    def take_rounds(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """All rounds but the last, which is left to pytest; True where there is nothing left to run."""
        item.stash[worker.MEASUREMENT] = Measurement(self._plan(item), setup=self._settings(item).setup)
        return worker.take_rounds(item, nextitem) or None

    def fixture(self, item: pytest.Item) -> Wfperf:
        """The test's own object of the ``wfperf`` fixture."""
        return Wfperf(self._measurement(item), item.nodeid, self._environment)

    def _measurement(self, item: pytest.Item) -> Measurement:
        """What measures the item now; a new one where another plugin runs the test again after it was measured."""
        measurement = item.stash.get(worker.MEASUREMENT, None)
        if measurement is None or measurement.complete:
            measurement = Measurement(setup=self._settings(item).setup)
            item.stash[worker.MEASUREMENT] = measurement
        return measurement

    @contextmanager
    def timing(self, item: pytest.Item) -> Iterator[None]:
        """The test's call, timed; with shared fixtures, all of its rounds."""
        measurement = self._measurement(item)
        with worker.timing(item), self._adopting(item, measurement):
            worker.repeat_shared(item)
            yield

    def carry(self, item: pytest.Item, report: pytest.TestReport) -> None:
        """Hang the profile on the report that ends the workflow's measurement, for whoever judges it."""
        measurement = item.stash.get(worker.MEASUREMENT, None)
        ends = report.when == "call" or (report.when == "setup" and not report.passed)
        if measurement is None or not ends or self.settings.off or "subtests" in type(report).__module__:
            return
        if report.failed and (told := worker.late_failure(item)):
            report.sections.append(("wfperf", told))
        if report.passed and measurement.taken and not measurement.complete:
            return  # a round among others
        launch = measurement.launch()
        if self._plan(item) is ONCE and not self.settings.asked and not _failing_check(launch):
            return
        profile = Profile(workflow=item.nodeid, environment=self._environment_of(item), launches=(launch,))
        thresholds = [[threshold.text, threshold.source] for threshold in self._settings(item).thresholds]
        setattr(report, CARRIED, {"profile": encode_profile(profile), "thresholds": thresholds})

    def _settings(self, item: pytest.Item) -> Settings:
        return item.stash.get(_SETTINGS, self.settings)

    def _environment(self) -> Environment:
        return environment(self.concurrency)

    def _environment_of(self, item: pytest.Item) -> Environment:
        fixture = self._benchmark(item)
        if fixture is None:
            return self._environment()
        from .interop import pytest_benchmark  # noqa: PLC0415

        return pytest_benchmark.environment_of(self._environment(), fixture)

    def _adopting(self, item: pytest.Item, measurement: Measurement) -> AbstractContextManager[None]:
        """Where the test uses pytest-benchmark and is judged here, what makes that plugin's rounds the workflow's."""
        fixture = self._benchmark(item)
        if fixture is None:
            return nullcontext()
        from .interop import pytest_benchmark  # noqa: PLC0415

        return pytest_benchmark.adopting(measurement, fixture, item.config.pluginmanager.get_plugin(BENCHMARKS))

    def _benchmark(self, item: pytest.Item) -> Any:
        """The test's fixture of pytest-benchmark; None where it has none, or nobody asks for a judgement."""
        judged = self.settings.asked or self._plan(item) is not ONCE
        return item.funcargs.get("benchmark") if judged and _benchmarks(item) else None  # type: ignore[attr-defined]

    def _plan(self, item: pytest.Item) -> Plan:
        """Rounds where the run or the test's own thresholds ask for a judgement, else the one that any test gets.

        A benchmark fixture is good for one call, so every round has a new one. A test with subtests, which
        report themselves, and an item that is no function run once.
        """
        settings = self._settings(item)
        repeatable = isinstance(item, pytest.Function) and "subtests" not in item.fixturenames
        judgeable = any(not t.relative or settings.judges_against for t in settings.thresholds if "marker" in t.source)
        if settings.off or not (self.settings.asked or judgeable):
            return ONCE
        return Plan(
            rounds=settings.rounds if repeatable else 1,
            warmup=settings.warmup if repeatable else 0,
            max_time_s=settings.max_time,
            fresh=settings.isolation == "fresh" or _benchmarks(item),
            resources=any(t.quantity in ("memory", "cpu") for t in settings.thresholds),
        )

    # --- judging, where reports end up -----------------------------------------------------

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
        if carried is None:
            return
        if report.skipped:
            self.gate.skipped[report.nodeid] = _why_skipped(report)
            return
        if self.gate.workflows is None:
            self.gate.workflows = self.gate.stored_among(self.selection.collected)
        judgement = self.gate.judge(carried, _why_failed(report) if report.failed else "")
        if report.passed and self._fails(judgement):
            report.outcome = "failed"
            report.longrepr = GateFailure(report.location, short_reason(judgement))

    def _fails(self, judgement: Judgement) -> bool:
        return judgement.verdict.fails_strict if self.settings.strict else judgement.verdict.fails

    def report_missing(self, session: pytest.Session) -> None:
        """Report what the baseline has and this run should have met, as failed tests."""
        if self.judges and self.problem:
            raise pytest.UsageError(self.problem)
        if not self.judges or self._gate is None or not self.runs_tests:
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
        if not self.judges:
            output = self.config.workeroutput  # type: ignore[attr-defined]
            output[NARROWED] = [self.selection.partial] if self.selection.partial else []
            output[PROBLEM] = self.problem
            return
        if self.problem or not self.runs_tests or (self._gate is None and not self.settings.asked):
            return
        self._note_stop(session)
        status = int(session.exitstatus)
        if status not in (0, 1, 5) and not self.selection.stopped:
            self.selection.stopped = "it was interrupted"
        self.result = self.gate.finish(self.selection)
        self.result = self._written(self.result)
        if self.result.errors and status in (0, 1, 5):
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        elif not self.result.holds and status in (0, 5):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _written(self, result: RunResult) -> RunResult:
        """Write the reports; one that cannot be written is an error of the run."""
        for path in self.settings.report:
            try:
                reports.write(self.config.invocation_params.dir / Path(path), result, self.gate.profile_data())
            except (WfperfError, OSError) as error:
                result = result.with_error(f"--wfperf-report={path} was not written: {error}")
        return result

    def summarise(self, reporter: pytest.TerminalReporter) -> None:
        """Print what was computed."""
        if self.result is None or not (self.result.judgements or self.settings.asked):
            return
        reporter.section("wfperf")
        width = reporter._tw.fullwidth  # noqa: SLF001  what section() itself fills
        for line in render(self.result, width=width, verbosity=self.config.option.verbose):
            reporter.write_line(line.text, **({line.colour: True} if line.colour else {}))


class GateFailure(TerminalRepr):
    """A failing verdict in place of a traceback."""

    def __init__(self, location: tuple[str, int | None, str], message: str) -> None:
        self.message = message
        self.reprcrash = ReprFileLocation(location[0], (location[1] or 0) + 1, message.splitlines()[0])

    def toterminal(self, tw: TerminalWriter) -> None:
        for line in self.message.splitlines():
            tw.line(line, red=True)


def _marks(item: pytest.Item) -> list[pytest.Mark]:
    return list(item.iter_markers("wfperf"))


def _benchmarks(item: pytest.Item) -> bool:
    """Whether the test uses pytest-benchmark (its fixture's name is taken by others too)."""
    return "benchmark" in getattr(item, "fixturenames", ()) and item.config.pluginmanager.hasplugin(BENCHMARKS)


def _workers(config: pytest.Config) -> int:
    processes = getattr(config.option, "numprocesses", None)
    return processes if isinstance(processes, int) else 0


def _failing_check(launch: Launch) -> bool:
    return any(not check.passed for r in launch.rounds for check in r.checks)


def _why_failed(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(report.longrepr or "").strip()
    first = text.splitlines()[0] if text else "no message"
    return f"its test failed{'' if report.when == 'call' else f' in {report.when}'}: {first}"


def _why_skipped(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return f"expected to fail: {report.wasxfail}"
    return str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr).removeprefix("Skipped: ")
