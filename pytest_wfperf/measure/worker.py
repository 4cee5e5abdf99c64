"""Drives the rounds of a pytest item in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from _pytest.runner import runtestprotocol
from _pytest.unittest import TestCaseFunction

from .decorate import doing_nothing, timed
from .rounds import Measurement

MEASUREMENT = pytest.StashKey[Measurement]()

LATE_FRESH = """\
It passed {passed} and failed in round {failed}{of}. Every round gets new function-scoped fixtures, so the likely
cause is state that outlives a test: a module-level variable or cache, a class- or session-scoped
fixture, a file outside tmp_path. Reset it in a function-scoped fixture or in the marker's setup=, or
measure only what can be repeated, with wfperf.run(function)."""
LATE_SHARED = """\
It passed {passed} and failed in round {failed}{of}. With isolation="shared" every round uses the same
fixtures, so the likely cause is a fixture that the first round used up. Leave isolation at "fresh",
or reset the state in the marker's setup=."""


def take_rounds(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Take every round of the item but the last; whether there is nothing left to run.

    Each is a whole pass (set-up, call, tear-down) whose reports are held back. The last is left
    to pytest and whoever else runs items. A pass that ends it early (a failure, a skip, a body
    that takes its rounds itself) is reported as the test's own.
    """
    measurement = item.stash[MEASUREMENT]
    if not measurement.plan.fresh:
        return False
    while not measurement.on_last:
        taken = measurement.taken
        reports = runtestprotocol(item, log=False, nextitem=item.parent)  # type: ignore[arg-type]
        ended = not all(report.passed for report in reports) or measurement.complete
        if ended or measurement.owns_rounds or measurement.taken == taken:
            _log(item, nextitem, reports)
            return True
        item._report_sections.clear()  # noqa: SLF001  they grow with every round
        forget_instance(item)
    return False


def _log(item: pytest.Item, nextitem: pytest.Item | None, reports: list[pytest.TestReport]) -> None:
    """Report a held pass, after tearing down what only it kept up."""
    teardown = pytest.CallInfo.from_call(
        lambda: item.session._setupstate.teardown_exact(nextitem),  # noqa: SLF001
        when="teardown",
        reraise=(KeyboardInterrupt, pytest.exit.Exception),
    )
    if teardown.excinfo is not None:
        reports[-1] = item.ihook.pytest_runtest_makereport(item=item, call=teardown)
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)


def forget_instance(item: pytest.Item) -> None:
    """Let the next round have a test instance of its own, as the next test would. TestCase items do so themselves."""
    if isinstance(item, pytest.Function) and not isinstance(item, TestCaseFunction) and item.cls is not None:
        vars(item).pop("_instance", None)
        vars(item).pop("_obj", None)


@contextmanager
def timing(item: pytest.Item) -> Iterator[None]:
    """Time the item's function while the block runs it, innermost, so that no fixture is on the clock."""
    measurement = item.stash[MEASUREMENT]

    def begin() -> None:
        if measurement.setup is not None:
            measurement.setup()
        if not measurement.owns_rounds:
            measurement.ready()
        measurement.begin()

    def end(passed: bool) -> None:  # noqa: FBT001
        if not measurement.owns_rounds:
            measurement.end(passed=passed)
            measurement.keep()

    if not isinstance(item, pytest.Function):  # an item of another collector has no function: time all of it
        begin()
        yield
        end(passed=True)
        return
    function = item.obj
    item.obj = timed(function, begin, end)
    try:
        yield
    finally:
        item.obj = function


def repeat_shared(item: pytest.Item) -> None:
    """Take every round but the last with the same fixtures, inside one call phase.

    A body that took its rounds itself has nothing left to run: pytest is given a function that does nothing.
    """
    measurement = item.stash[MEASUREMENT]
    while not (measurement.plan.fresh or measurement.on_last or measurement.complete or measurement.owns_rounds):
        taken = measurement.taken
        item.runtest()
        if measurement.taken == taken:
            break
    exhausted = measurement.owns_rounds or (measurement.pace is not None and measurement.complete)
    if not measurement.plan.fresh and exhausted and isinstance(item, pytest.Function):
        item.obj = doing_nothing(item.obj)


def late_failure(item: pytest.Item) -> str:
    """Why a test that passed in earlier rounds may have failed in this one; empty where none passed before."""
    measurement = item.stash[MEASUREMENT]
    taken = [*measurement.warmup, *measurement.rounds]
    if taken and taken[-1].status == "passed":  # not the body failed: a strict xfail, or subtests
        return ""
    passed = sum(r.status == "passed" for r in taken)
    if measurement.owns_rounds or passed == 0:
        return ""
    planned = measurement.plan.warmup + measurement.plan.rounds
    return (LATE_FRESH if measurement.plan.fresh else LATE_SHARED).format(
        passed="in round 1" if passed == 1 else f"in rounds 1 to {passed}", failed=passed + 1, of=f" of {planned}"
    )


def time_limit(item: pytest.Item) -> float | None:
    """Seconds a run of the item may take by pytest-timeout's marker, option, environment or ini key; None without."""
    if not any(map(item.config.pluginmanager.hasplugin, ("timeout", "pytest_timeout"))):
        return None
    mark = item.get_closest_marker("timeout")
    given = (mark.args[0] if mark.args else mark.kwargs.get("timeout")) if mark is not None else None
    for value in (given, item.config.getoption("timeout", None), os.environ.get("PYTEST_TIMEOUT"), _ini_timeout(item)):
        try:
            seconds = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            continue
        return seconds if seconds > 0 else None
    return None


def _ini_timeout(item: pytest.Item) -> object:
    try:
        return item.config.getini("timeout")
    except ValueError:
        return None
