"""Which revision of the code was measured."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def commit(directory: Path) -> str:
    """The commit checked out at ``directory``, with ``-dirty`` where files differ from it; empty outside git."""
    head = _git(directory, "rev-parse", "--verify", "HEAD")
    if not head:
        return ""
    return head + ("-dirty" if _git(directory, "status", "--porcelain", "--untracked-files=no") else "")


def _git(directory: Path, *arguments: str) -> str:
    """What git prints, empty where it cannot answer. A hook's GIT_* variables must not redirect it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603
            ["git", "-C", str(directory), *arguments],  # noqa: S607
            env=environment, capture_output=True, text=True, check=False, timeout=20, errors="replace",
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
