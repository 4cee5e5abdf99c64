"""Stored sessions of the committed code: taken with ``--wfperf-save``, kept over restarts, dealt out to runs.

A new one is taken whenever the newest is older than ten minutes, so that they spread over the campaign.
The gate counts only sessions an hour apart, so each that is dealt is dated two hours after the one before;
how old they really were is in the raw data. Minutes differ less than days: a short campaign flatters these rows.
"""

from __future__ import annotations

import random
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from trust_work.project import Project, RunError, committed, tail

from pytest_wfperf.store.directory import Store

FRESH_S = 600


class Sessions:
    def __init__(self, directory: Path, test: str, arguments: tuple[str, ...]) -> None:
        self.directory = directory
        self._test, self._arguments = test, arguments

    def deal(self, count: int, project: Project) -> list[int]:
        """Put so many sessions into the project's own store as its baseline; their true ages in seconds."""
        self._replenish(count)
        dealt = sorted(random.sample(self._taken(), count))
        store, now = Store(project.directory / ".wfperf"), datetime.now(UTC)
        for i, stamp in enumerate(dealt):
            (version,) = Store(self._place(stamp)).in_force("main")
            profiles = [profile for workflow in version.workflows() for profile in version.sessions(workflow)]
            add = store.extend if i else store.save
            add("main", profiles, environment=version.environment, when=now - timedelta(hours=2 * (count - i)))
        return [round(time.time()) - stamp for stamp in dealt]

    def _replenish(self, count: int) -> None:
        while len(taken := self._taken()) < count or time.time() - taken[-1] > FRESH_S:
            self._take()

    def _taken(self) -> list[int]:
        return sorted(int(path.name) for path in self.directory.glob("*") if path.name.isdigit())

    def _place(self, stamp: int) -> Path:
        return self.directory / str(stamp)

    def _take(self) -> None:
        stamp = max([round(time.time()), *(taken + 1 for taken in self._taken()[-1:])])
        with committed() as project:
            done, _ = project.pytest(
                "-p", "pytest_wfperf.plugin", *self._arguments, self._test, "--wfperf-save", "--wfperf-store=taken"
            )
            if done.returncode:
                raise RunError(f"--wfperf-save: exit {done.returncode}\n{tail(done)}")
            unfinished = self.directory / f"{stamp}.unfinished"
            shutil.copytree(project.directory / "taken", unfinished, dirs_exist_ok=True)
            unfinished.rename(self._place(stamp))
