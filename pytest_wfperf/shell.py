"""Between pytest's items and the rooms: which tests are workflows, how their rounds are taken, what is carried away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .errors import WfperfError
from .fixture import Wfperf
from .measure import worker
from .measure.conditions import environment
from .measure.pace import Pace
from .measure.rounds import ONCE, Measurement, Plan
from .model import Environment, Launch, Profile
from .options import CARRIED
from .selection import Selection
from .settings import Settings, resolve

if TYPE_CHECKING:
    from .judging import Judging

CHILD = "pytest_wfperf.child"  # the plugin of a launched process
BENCHMARKS = "pytest-benchmark"  # the name under which that plugin registers its session
_SETTINGS = pytest.StashKey[Settings]()
NARROWED, PROBLEM = "wfperf_narrowed", "wfperf_problem"  # what an xdist worker tells the controller at its end
LAUNCHED, REUSED = "wfperf_launched", "wfperf_reused"  # what the controller tells its workers: what is already measured


class Shell:
    """One process's side of a pytest run."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        try:
            self.settings = resolve(config)
        except WfperfError as error:
            raise pytest.UsageError(f"wfperf: {error}") from error
        self.selection = Selection(config)
        self.problem = ""
        worker_input = getattr(config, "workerinput", None)
        self.child = config.pluginmanager.hasplugin(CHILD)
        self._judges = worker_input is None and not self.child
        self._judging: Judging | None = None
        self._launched = frozenset(worker_input[LAUNCHED]) if worker_input and LAUNCHED in worker_input else None
        self._reused = frozenset(worker_input[REUSED]) if worker_input and REUSED in worker_input else frozenset()
        self.concurrency = int(worker_input["workercount"]) if worker_input else _workers(config)

    def header(self) -> str | None:
        """What differs from the defaults, and where it came from."""
        told = self.settings.differing()
        return f"wfperf: {told}" if told else None

    @property
    def judging(self) -> Judging | None:
        """The judging side of this run, made when first asked for; None where reports go to another process."""
        if self._judging is None and self._judges:
            from .judging import Judging  # noqa: PLC0415  launched processes and workers do without it

            self._judging = Judging(self.config, self.settings, self.selection, self.concurrency)
        return self._judging

    # --- collection ---------------------------------------------------------------------

    def collected(self, items: list[pytest.Item]) -> None:
        """Read every workflow's markers, and with ``--wfperf-only`` leave the other tests out.

        An xdist worker cannot stop the run: it runs nothing and leaves the error to the controller.
        """
        workflows = [item for item in items if self.is_workflow(item)]
        try:
            for item in workflows:
                item.stash[_SETTINGS] = self.settings.for_marker(_marks(item), item.nodeid)
            if self.judging is not None and any(self._plan(item) is not ONCE for item in workflows):
                self.judging.configure()
                self.judging.start()
        except WfperfError as error:
            if self.judging is not None:
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
        if any(map(self.is_workflow, items)):
            self.selection.narrow("tests were deselected")

    def node_configured(self, worker_input: dict[str, Any]) -> None:
        """An xdist worker is about to start."""
        if self.launched is not None:
            worker_input[LAUNCHED] = sorted(self.launched)
        worker_input[REUSED] = sorted(self.reused)

    def node_collected(self, node_ids: list[str]) -> None:
        """An xdist worker has collected."""
        self.selection.add(node_ids)

    def node_down(self, output: dict[str, Any] | None) -> None:
        """An xdist worker is done, or died with what it knew."""
        for why in ["a worker died"] if output is None else output.get(NARROWED, []):
            self.selection.narrow(why)
        if self.judging is not None and (output or {}).get(PROBLEM):
            self.judging.problem = str((output or {})[PROBLEM])

    def tell_controller(self, output: dict[str, Any]) -> None:
        """What an xdist worker has to say at its end."""
        output[NARROWED] = [self.selection.partial] if self.selection.partial else []
        output[PROBLEM] = self.problem

    def is_workflow(self, item: pytest.Item) -> bool:
        """Whether the test asks for the fixture, bears the marker, or is adopted from pytest-benchmark."""
        return "wfperf" in getattr(item, "fixturenames", ()) or bool(_marks(item)) or self.adopts(item)

    def adopts(self, item: pytest.Item) -> bool:
        """Whether a test is a workflow for its use of pytest-benchmark: where the run asks for measurement."""
        return self.settings.asked and _benchmarks(item)

    # --- launches -----------------------------------------------------------------------

    @property
    def launched(self) -> frozenset[str] | None:
        """Workflows that launches have measured; None where there were no launches."""
        return self._launched if self._judging is None else self._judging.launched

    @property
    def reused(self) -> frozenset[str]:
        """Workflows that the interrupted run which this one resumes has measured in their own process."""
        return self._reused if self._judging is None else self._judging.reused

    def described(self, item: pytest.Item) -> dict[str, Any]:
        """What the process that measures has to know of a workflow."""
        settings = self._settings(item)
        plan = self._plan(item)
        return {
            "workflow": item.nodeid,
            "thresholds": [[threshold.text, threshold.source] for threshold in settings.thresholds],
            "launches": settings.launches,
            "rounds": plan.rounds,
            "warmup": plan.warmup,
            "resources": plan.resources,
            "max_time": settings.max_time,
            "time_limit": worker.time_limit(item),
        }

    def measured(self, item: pytest.Item, pace: Pace) -> Measurement:
        """A measurement of the item whose rounds are taken when another process says so."""
        measurement = Measurement(self._plan(item), setup=self._settings(item).setup, pace=pace)
        item.stash[worker.MEASUREMENT] = measurement
        return measurement

    # --- one test -----------------------------------------------------------------------

    def take_rounds(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """All rounds but the last, which is left to pytest; True where there is nothing left to run."""
        item.stash[worker.MEASUREMENT] = Measurement(self._plan(item), setup=self._settings(item).setup)
        return worker.take_rounds(item, nextitem) or None

    def fixture(self, item: pytest.Item) -> Wfperf:
        """The test's own object of the ``wfperf`` fixture."""
        return Wfperf(self._measurement(item), item.nodeid, self._environment, shared=self._shared)

    def _shared(self) -> Path:
        from .store.shared import place  # noqa: PLC0415  of use to few tests

        return place(self.settings.store, self.config.rootpath)

    def _measurement(self, item: pytest.Item) -> Measurement:
        """What measures the item now; a new one where another plugin runs the test again after it was measured."""
        measurement = item.stash.get(worker.MEASUREMENT, None)
        if measurement is None or (measurement.pace is None and measurement.complete):
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
        if measurement is None or not ends or self.settings.off or self.child or "subtests" in type(report).__module__:
            return
        if report.failed and (told := worker.late_failure(item)):
            report.sections.append(("wfperf", told))
        if report.passed and measurement.taken and not measurement.complete:
            return  # a round among others
        launch = measurement.launch()
        if self._plan(item) is ONCE and not self.settings.asked and not _failing_check(launch):
            return
        profile = Profile(
            workflow=item.nodeid,
            environment=self._environment_of(item),
            launches=(launch,),
            variant=measurement.recorder.facts.called,
        )
        from .store.schema import encode_profile  # noqa: PLC0415  launched processes carry nothing

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
        measured = item.nodeid in (self.launched or ()) or item.nodeid in self.reused
        if settings.off or not (self.settings.asked or judgeable) or measured:
            return ONCE
        too_long = self.launched is not None and settings.launches != 0  # for launches: its one run is its launch
        if too_long and not self.child:
            return Plan(rounds=1, max_time_s=settings.max_time)
        return Plan(
            rounds=settings.rounds if repeatable else 1,
            warmup=settings.warmup if repeatable else 0,
            max_time_s=settings.max_time,
            fresh=settings.isolation == "fresh" or _benchmarks(item),
            resources=any(t.quantity in ("memory", "cpu") for t in settings.thresholds),
        )


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
