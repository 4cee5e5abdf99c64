"""The project under test: a git repository of its own for every run, and pytest in it as a user would type it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trust_work.edits import Files, template

TIMEOUT_S = 900
_OUTPUTS = """
import work, work.long, work.settings
work.settings.UNITS.update(dict.fromkeys(work.settings.UNITS, 1))
names = "archive", "rank", "ledger", "evaluate"
print([step() for step in [*work.STEPS.values(), *(getattr(work.long, n) for n in names)]])
"""


class RunError(Exception):
    """A run that did not end in a judgement."""


class Project:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.files = template()

    def write(self, files: Files) -> None:
        for name, text in files.items():
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def edit(self, files: Files) -> None:
        """Change the working tree. No compiled file stays: 40 and 42 are as long, perhaps within one second."""
        self.write({name: text for name, text in files.items() if self.files.get(name) != text})
        for folder in self.directory.rglob("__pycache__"):
            shutil.rmtree(folder)

    def git(self, *arguments: str) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        subprocess.run(
            ["git", "-c", "user.name=t", "-c", "user.email=t@t", "-c", "core.hooksPath=/dev/null", *arguments],
            cwd=self.directory, env=environment | {"GIT_CONFIG_GLOBAL": os.devnull},
            check=True, capture_output=True,
        )  # fmt: skip

    def pytest(self, *arguments: str, without: str = "") -> tuple[subprocess.CompletedProcess[str], float]:
        """What pytest did with these arguments, and the seconds it took. ``without`` is what the plugin leaves out."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "WFPERF_", "GIT_"))}
        environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | ({"WFPERF_WITHOUT": without} if without else {})
        began = time.perf_counter()
        try:
            done = subprocess.run(
                [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
                cwd=self.directory, env=environment, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, errors="replace", check=False, timeout=TIMEOUT_S,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise RunError(f"no end within {TIMEOUT_S} s: {(error.stdout or b'')[-2000:]!r}") from error
        return done, time.perf_counter() - began

    def outputs(self) -> str:
        """What every step returns."""
        done = subprocess.run(
            [sys.executable, "-B", "-c", _OUTPUTS], cwd=self.directory, capture_output=True, text=True, check=True
        )
        return done.stdout


@contextmanager
def committed() -> Iterator[Project]:
    """A fresh project with everything committed, gone after the block."""
    with tempfile.TemporaryDirectory(prefix="trust-", ignore_cleanup_errors=True) as directory:
        project = Project(Path(directory).resolve())
        project.write(project.files)
        project.git("init", "-q", "-b", "main")
        project.git("add", "-A")
        project.git("commit", "-q", "-m", "before")
        yield project


def tail(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stdout[-3000:] + done.stderr[-1000:]).strip()
