"""pytest-benchmark on the same functions, in the same minutes, in the same tree."""

from __future__ import annotations

import json
import re
from typing import Any

from trust_work.project import Project, RunError, tail

_STEP = re.compile(r".*\[(\w+)\]")


class Peer:
    """One session of the committed code, stored as its users do, and one of the edited code held against it."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.seconds = 0.0
        self._run("--benchmark-save=before")

    def growth(self) -> dict[str, Any]:
        """By statistic and step, how much longer the edited code took."""
        self._run("--benchmark-compare=0001", "--benchmark-json=b.json")
        (saved,) = self.project.directory.glob("saved/*/0001_*.json")
        before, after = (
            {_STEP.sub(r"\1", b["name"]): b["stats"] for b in json.loads(path.read_text())["benchmarks"]}
            for path in (saved, self.project.directory / "b.json")
        )
        return {"seconds": self.seconds} | {
            statistic: {step: after[step][statistic] / before[step][statistic] - 1 for step in after}
            for statistic in ("median", "min")
        }

    def _run(self, *arguments: str) -> None:
        done, seconds = self.project.pytest(
            "-p", "pytest_benchmark.plugin", "test_benchmark.py", "--benchmark-storage=./saved", *arguments
        )
        self.seconds += seconds
        if done.returncode:
            raise RunError(f"pytest-benchmark: exit {done.returncode}\n{tail(done)}")
