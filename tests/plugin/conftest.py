"""A small project in a directory of its own, whose tests are run by a real pytest process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

WORK = """
import time, pytest

def sleep_step(wfperf, name, ms, **kw):
    with wfperf.step(name, **kw):
        time.sleep(ms / 1000)
"""


PLUGINS = {
    "-n": "xdist.plugin",
    "--reruns": "pytest_rerunfailures",
    "mark.asyncio": "pytest_asyncio.plugin",
    "mark.anyio": "anyio.pytest_plugin",
}


@dataclass
class Ran:
    ret: int
    out: str
    err: str

    def says(self, *parts: str) -> None:
        for part in parts:
            assert part in self.out, f"{part!r} is not in:\n{self.out}\n{self.err}"

    def never_says(self, *parts: str) -> None:
        for part in parts:
            assert part not in self.out, f"{part!r} is in:\n{self.out}"


@dataclass
class Project:
    root: Path
    launches: bool = False

    def write(self, source: str, name: str = "test_it.py") -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(WORK + source if name.endswith(".py") and "test_" in name else source, encoding="utf-8")
        return path

    def command(self, *args: str, env: dict[str, str] | None = None) -> tuple[list[str], dict[str, str]]:
        """The words and the environment of a pytest run."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("WFPERF_", "PYTEST_", "COV_"))}
        environment |= {"COLUMNS": "140", "PYTHONDONTWRITEBYTECODE": "1"} | (env or {})
        # other people's plugins cost a second a start: only those that the run is about are loaded
        environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        plugins = ["pytest_wfperf.plugin", *(plugin for sign, plugin in PLUGINS.items() if self._mentions(sign, args))]
        switches = [word for plugin in plugins for word in ("-p", plugin)]
        if not self.launches:
            switches += ["-o", "wfperf_launches=0"]  # fresh processes have their own tests
        if "CACHE" not in environment:
            switches += ["-p", "no:cacheprovider"]
        return [sys.executable, "-m", "pytest", *switches, *args], environment

    def run(self, *args: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> Ran:
        words, environment = self.command(*args, env=env)
        done = subprocess.run(
            words, cwd=cwd or self.root, env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def _mentions(self, sign: str, args: tuple[str, ...]) -> bool:
        sources = "".join(path.read_text(encoding="utf-8") for path in self.root.rglob("*.py"))
        return sign in sources or any(arg.startswith(sign) for arg in args)

    def results(self, *args: str, **kwargs) -> dict:
        """The results file of a run."""
        path = self.root / "results.json"
        path.unlink(missing_ok=True)
        ran = self.run(f"--wfperf-report={path}", *args, **kwargs)
        assert path.exists(), ran.out + ran.err
        return json.loads(path.read_text())

    @property
    def versions(self) -> list[str]:
        return sorted(p.parent.name for p in self.root.glob(".wfperf/baselines/*/*/*/manifest.json"))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return Project(tmp_path)


@pytest.fixture
def launched(tmp_path: Path) -> Project:
    """A project whose runs measure in fresh processes."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return Project(tmp_path, launches=True)
