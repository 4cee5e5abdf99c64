"""What pytest's configuration means for launches: the arguments they get, the terminal they report to, signals."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from .errors import MeasurementError
from .judged import Measured
from .keeping import Keeping
from .launching import Launching
from .measure import process, revision
from .measure.arms import Invocation, arms, verify
from .measure.launch import here
from .measure.workplace import workplace
from .settings import Settings
from .store.shared import VARIABLE, place

BAR = 20  # characters


def launch(
    config: pytest.Config, settings: Settings, expected_s: Callable[[str], float | None], keeping: Keeping
) -> dict[str, Measured] | None:
    """What fresh processes measured, by workflow, and keep; None where this system cannot launch any.

    Raises MeasurementError where it could not be done although it can, or has to be.
    """
    progress = Progress(config)
    if not process.POSSIBLE:
        why = "this system cannot hand a socket to a new process"
        if settings.against is not None:
            raise MeasurementError(f"--wfperf-against={settings.against}: {why}, so two revisions cannot be compared")
        progress.say(f"{why}: measuring in the test's own process")
        return None
    with workplace(_leave) as directory:
        launching = Launching(
            settings,
            [here(_arguments(config), config.invocation_params.dir)],
            progress,
            options=_options(config),
            expected_s=expected_s,
            keeping=keeping,
        )
        if settings.against is not None:
            _hold_against(launching, config, directory)
        return launching.run(directory)


def _hold_against(launching: Launching, config: pytest.Config, directory: Path) -> None:
    """Give the launches their second side: the code of the revision. Raises MeasurementError where it cannot be had."""
    settings = launching.settings
    root = revision.toplevel(config.rootpath)
    commit = revision.resolve(config.rootpath, str(settings.against))
    sides = arms(invocation(config), commit, _cache(), directory, settings.build or "", apart=settings.store)
    store = settings.store.resolve()
    changed = {name for name in revision.differing(root, commit) if not (root / name).resolve().is_relative_to(store)}
    shared = {VARIABLE: str(place(settings.store, config.rootpath).absolute())}  # built once, and alike for both
    launching.arms = [replace(side, environment={**side.environment, **shared}) for side in sides]
    launching.baseline = f"revision {settings.against}"
    launching.verify = lambda audits: "; ".join(verify(sides, (audits[0], audits[1]), changed, aa=settings.aa))


def invocation(config: pytest.Config) -> Invocation:
    """How pytest was called."""
    return Invocation(
        rootdir=config.rootpath,
        cwd=config.invocation_params.dir,
        inifile=config.inipath,
        arguments=tuple(_arguments(config)),
        paths=tuple(config.invocation_params.dir / str(argument).partition("::")[0] for argument in config.args),
        python_files=tuple(config.getini("python_files")),
        sys_path=tuple(sys.path),
        environ=dict(os.environ),
    )


def _cache() -> Path:
    """Where checked-out revisions are kept between runs."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "pytest-wfperf" / "revisions"


def _options(config: pytest.Config) -> list[str]:
    """What the launches need besides the user's own arguments, to be alike and to leave the user's files alone."""
    options = ["-o", "tmp_path_retention_policy=none"]  # or every round's files would be there until the run ends
    if hasattr(config.option, "cov_source"):  # pytest-cov: processes that come and go at once break its data files
        options.append("--no-cov")
    seed = getattr(config.option, "randomly_seed", None)
    if seed is not None:  # pytest-randomly: one order everywhere
        options.append(f"--randomly-seed={seed}")
    return options


def _leave(_: int) -> None:
    pytest.exit("terminated", 2)


class Progress:
    """A bar on a terminal; elsewhere one line a workflow."""

    def __init__(self, config: pytest.Config) -> None:
        self._reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
        self._quiet = self._reporter is None or config.option.verbose < 0
        self._live = not self._quiet and bool(getattr(self._reporter, "isatty", False))

    def show(self, launch: int, launches: int, workflow: str, left_s: float) -> None:
        """Redraw the bar."""
        if self._live:
            width = self._reporter._tw.fullwidth - 1  # noqa: SLF001
            done = min(BAR, BAR * launch // launches)
            of = f" of {launches}" if launches > 1 else ""  # not known before the first is over
            text = f"wfperf [{'#' * done:.<{BAR}}] launch {launch}{of}, at most {left_s:.0f} s left  {workflow}"
            self._reporter.rewrite(text[:width], erase=True)

    def settled(self, workflow: str, text: str) -> None:
        """A workflow has all of its launches."""
        self.say(f"measured {workflow}: {text}")

    def say(self, text: str) -> None:
        if self._quiet:
            return
        if self._live:
            self._reporter.rewrite("", erase=True)
        self._reporter.write_line(f"wfperf: {text}")

    def end(self) -> None:
        """Leave the line free."""
        if self._live:
            self._reporter.rewrite("", erase=True)


def _arguments(config: pytest.Config) -> list[str]:
    """The command line's arguments as pytest got them."""
    return [str(argument) for argument in config.invocation_params.args]
