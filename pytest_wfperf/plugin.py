"""The pytest hooks, in the order of a run's life.

An installed, unused plugin must cost next to nothing, so nothing but pytest and the table of
options is imported here before an option or a workflow asks for more.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from . import options
from .options import CARRIED

if TYPE_CHECKING:
    from .fixture import Wfperf
    from .judging import Judging
    from .shell import Shell

MARKER = (
    "wfperf(*thresholds, rounds=, warmup=, launches=, max_time=, setup=, isolation=): a workflow whose "
    "performance is measured and gated, e.g. @pytest.mark.wfperf('p95 < 200ms', 'step:render regression < 10%')"
)
_SHELL = pytest.StashKey["Shell"]()


def shell_of(config: pytest.Config) -> Shell:
    """This process's side of the run, made when first asked for. Raises pytest.UsageError for bad settings."""
    if _SHELL not in config.stash:
        from .shell import Shell  # noqa: PLC0415

        config.stash[_SHELL] = Shell(config)
    return config.stash[_SHELL]


def _judging(config: pytest.Config) -> Judging | None:
    """The judging side of a run that asks for something, in the process where reports end up."""
    return config.stash[_SHELL].judging if _SHELL in config.stash else None


def _is_workflow(item: pytest.Item) -> bool:
    declared = "wfperf" in getattr(item, "fixturenames", ()) or item.get_closest_marker("wfperf") is not None
    return declared or (_SHELL in item.config.stash and item.config.stash[_SHELL].adopts(item))


def pytest_addoption(parser: pytest.Parser) -> None:
    options.register(parser)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Judge(config), "wfperf-judge")
    if options.given(config):
        judging = shell_of(config).judging
        if judging is not None:
            judging.configure()


def pytest_report_header(config: pytest.Config) -> str | None:
    return config.stash[_SHELL].header() if _SHELL in config.stash else None


def pytest_sessionstart(session: pytest.Session) -> None:
    judging = _judging(session.config)
    if judging is not None:
        judging.start()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if _SHELL in config.stash or any(map(_is_workflow, items)):
        shell_of(config).collected(items)


def pytest_deselected(items: list[pytest.Item]) -> None:
    if items and _SHELL in items[0].config.stash:
        items[0].config.stash[_SHELL].deselected(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    if _SHELL in node.config.stash:
        node.config.stash[_SHELL].node_collected(ids)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    output = getattr(node, "workeroutput", None)
    if _SHELL in node.config.stash or (output or {}).get("wfperf_problem"):
        shell_of(node.config).node_down(output)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    judging = _judging(config)
    if judging is not None:
        judging.launch()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    if _SHELL in node.config.stash:
        node.config.stash[_SHELL].node_configured(node.workerinput)


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    judging = _judging(session.config)
    if judging is not None and (not session.testsfailed or session.config.option.continue_on_collection_errors):
        judging.launch()
    result = yield
    judging = _judging(session.config)
    if judging is not None:
        judging.report_missing(session)
    return result


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    return shell_of(item.config).take_rounds(item, nextitem) if _is_workflow(item) else None


@pytest.fixture
def wfperf(request: pytest.FixtureRequest) -> Wfperf:
    """Profile this test's steps: ``with wfperf.step("parse"): ...``; see also run, compare, check and metric."""
    return shell_of(request.config).fixture(request.node)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    if not _is_workflow(item):
        return (yield)
    with shell_of(item.config).timing(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if _is_workflow(item):
        shell_of(item.config).carry(item, report)
    return report


class _Judge:
    """Registered where reports end up: in a single process, or in xdist's controller."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None, None, None]:
        """Judge before anyone else sees the report, so that whoever counts failures counts this one."""
        if hasattr(report, CARRIED) or (report.failed and _SHELL in self.config.stash):
            judging = shell_of(self.config).judging
            if judging is not None:
                judging.receive(report)
        return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    judging = _judging(session.config)
    if judging is not None:
        judging.finish(session)
    elif _SHELL in session.config.stash and hasattr(session.config, "workeroutput"):
        session.config.stash[_SHELL].tell_controller(session.config.workeroutput)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    judging = _judging(config)
    if judging is not None:
        judging.summarise(terminalreporter)
