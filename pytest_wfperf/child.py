"""The pytest plugin of a launched process: collects the workflows and takes their rounds when told to.

Loaded with ``-p`` by the process that measures, whose end of a socket it finds in the environment. It is
the user's own pytest with the user's own arguments, but for what would make two such processes
get into each other's way or into the user's files.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.runner import runtestprotocol

from .measure import worker
from .measure.channel import END, Channel, Closed, encode_round
from .measure.contention import Beside
from .measure.counts import Counter, counted
from .measure.imports import Audit, audit, prepare_imports
from .measure.layout import Heap, addresses, calibrate, die_with_parent
from .measure.pace import Pace
from .measure.rounds import Measurement, recorder_cost_ns

if TYPE_CHECKING:
    from .shell import Shell

DEFUSED: dict[str, Any] = {
    "numprocesses": 0, "dist": "no", "tx": [], "maxfail": 0, "usepdb": False, "trace": False, "xmlpath": None,
    "json_report": False, "htmlpath": None, "report_log": None, "pastebin": None, "log_file": os.devnull,
}  # fmt: skip
_CHILD = pytest.StashKey["Child"]()
_PROBLEMS: list[str] = []  # of this process's one collection


def _shell(config: pytest.Config) -> Shell:
    from .plugin import shell_of  # noqa: PLC0415  pytest wants to load that plugin itself, and rewrite its asserts

    return shell_of(config)


class Child:
    """One launched process."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        die_with_parent()
        self._parent = os.getppid()
        self._beside = Beside()
        self.channel = Channel(socket.socket(fileno=descriptor))
        self.order = self.channel.receive()
        without = self.order["without"]
        self.prepare_imports()
        self.heap = Heap(self.order["seed"], shuffled="heap" not in without, collected="gc" not in without)
        self.items: dict[str, pytest.Item] = {}

    def prepare_imports(self) -> None:
        """Where this is one of two sides, let it import nothing of the other."""
        if self.order["strip"]:
            prepare_imports(self.order["strip"], [self.order["root"], *self.order["import_paths"]])

    @property
    def orphaned(self) -> bool:
        return os.getppid() != self._parent

    def conditions(self) -> dict[str, str]:
        """What really took effect in this process."""
        return {
            "addresses": addresses(),
            "collector": ("collected and frozen before each round" if self.heap.collected else "left alone")
            + ("" if gc.isenabled() else ", switched off"),
            "hash_seed": "shared" if os.environ.get("PYTHONHASHSEED", "random") != "random" else "random",
            "heap": "shuffled before each round" if self.heap.shuffled else "left alone",
        }

    # --- orders ---------------------------------------------------------------------------

    def serve(self, session: pytest.Session, shell: Shell) -> None:
        """Say what was collected, then do as told until the other side has enough or is gone."""
        wanted = set(self.order["only"] or ())
        self.items = {
            item.nodeid: item
            for item in session.items
            if shell.is_workflow(item) and (not wanted or item.nodeid in wanted)
        }
        workflows = [shell.described(item) for item in self.items.values()]
        self.channel.send(
            {"is": "ready", "workflows": workflows, "conditions": self.conditions(), "problems": _PROBLEMS}
        )
        try:
            while (message := self.channel.receive())["do"] != "finish":
                self._obey(message, shell)
            self.channel.send({"is": "finished", "audit": self._audit()})
        except Closed:
            pytest.exit("the process that measures is gone", 2)
        finally:
            session._setupstate.teardown_exact(None)  # noqa: SLF001

    def _obey(self, message: dict[str, Any], shell: Shell) -> None:
        item = self.items[message["workflow"]]
        pytest.CallInfo.from_call(  # of what the one before had, this one shares some; the tests' own run tells errors
            lambda: item.session._setupstate.teardown_exact(item),  # noqa: SLF001
            when="teardown",
            reraise=(KeyboardInterrupt, pytest.exit.Exception),
        )
        if message["do"] == "count":
            self.channel.send({"is": "ended", "counts": self._count(item)})
        else:
            self._measure(item, shell, calibrated=message["calibrated"])

    def _measure(self, item: pytest.Item, shell: Shell, *, calibrated: bool) -> None:
        """Rounds of one workflow for as long as they are wanted; every pass of the item is a fresh run of it."""
        calibration = [calibrate()] if calibrated else []
        pace = Pace(self.channel, self.heap)
        measurement = shell.measured(item, pace)
        self.heap.settle()
        kind, why = "", ""
        while not (measurement.complete or measurement.owns_rounds) and not why:
            taken = measurement.taken
            kind, why = self._pass(item)
            if measurement.taken == taken and not (measurement.owns_rounds or why):
                kind, why = "failed", "the test ran, but its body was never called"
        if calibrated:
            calibration.append(calibrate())
        beside = measurement.beside()
        self.channel.send(
            {
                "is": "ended",
                "kind": kind,
                "why": why,
                "beside": None if beside is None else encode_round(beside),
                "calibration_ns": min(calibration, default=0),
                "recorder_ns": recorder_cost_ns(),
                "others": self._beside.share(),
            }
        )

    def _pass(self, item: pytest.Item) -> tuple[str, str]:
        """One run of the item; how it ended otherwise than well, and why."""
        reports = runtestprotocol(item, log=False, nextitem=item.parent)  # type: ignore[arg-type]
        item._report_sections.clear()  # noqa: SLF001  they grow with every round
        worker.forget_instance(item)
        for report in reports:
            if report.failed:
                crash = getattr(report.longrepr, "reprcrash", None)
                first = crash.message if crash is not None else f"failed in {report.when}"
                return "failed", "\n".join(filter(None, [first, report.longreprtext, worker.late_failure(item)]))
            if report.skipped:
                return "skipped", report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        return "", ""

    def _count(self, item: pytest.Item) -> list[dict[str, Any]]:
        """What one round of the workflow does, counted: a round for each kind of count, after one to warm up.

        Nothing for a body that does not pass then: it may look at its own times.
        """
        found: list[dict[str, Any]] = []
        for what, clock in (("", None), *Counter.KINDS.items()):
            with Counter(what) as counter:
                measurement = Measurement(clock=clock(counter)) if clock else Measurement()
                item.stash[worker.MEASUREMENT] = measurement
                self.heap.settle()
                if self._pass(item)[1]:
                    return []
            if what and measurement.rounds:
                found += [
                    {"path": path, "what": what, "value": value} for path, value in counted(measurement.rounds[-1])
                ]
        return found

    def _audit(self) -> Audit | None:
        """Which code this process has loaded, where it is one of two sides."""
        order = self.order
        return audit(Path(order["root"]), Path(order["strip"][0]), order["import_paths"]) if order["strip"] else None


# --- hooks ------------------------------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Before anything of the user's is imported: connect, and shuffle the heap it will lie in."""
    child = Child(int(os.environ.pop(END)))
    early_config.stash[_CHILD] = child
    child.heap.shuffle()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, object, object]:
    option = config.option
    for name, value in DEFUSED.items():
        if hasattr(option, name):
            setattr(option, name, value)
    option.basetemp = config.stash[_CHILD].order["basetemp"]
    return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Collect only what is still to be measured, and leave pytest's cache as it is."""
    config.stash[_CHILD].prepare_imports()  # once more: the ini's pythonpath has been added meanwhile
    only = config.stash[_CHILD].order["only"]
    if only:
        config.args = [f"{config.rootpath}/{node_id}" for node_id in only]  # no Path: it would read an id's // as /


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    cache = getattr(config, "cache", None)
    if cache is not None:
        cache.set = lambda *_: None
    shell = _shell(config)
    items[:] = [item for item in items if shell.is_workflow(item)]


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Where the process that measures was killed, nobody else ends what the tests have started and left."""
    if config.stash[_CHILD].orphaned:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """What cannot be collected is no matter here unless it had a workflow: the other side knows which there are."""
    if report.failed:
        _PROBLEMS.append(f"{report.nodeid}: {report.longreprtext.strip().splitlines()[-1]}")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    session.config.stash[_CHILD].serve(session, _shell(session.config))
    return True
