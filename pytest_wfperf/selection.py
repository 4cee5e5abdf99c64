"""What a run set out to run, and so which workflows can be missing from it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

_NARROWING = {
    "keyword": "-k",
    "markexpr": "-m",
    "deselect": "--deselect",
    "lf": "--last-failed",
    "stepwise": "--stepwise",
    "ignore": "--ignore",
    "ignore_glob": "--ignore-glob",
    "pyargs": "--pyargs",
}


class Selection:
    """Gathered while pytest collects, in whichever process does; complete unless something narrowed it."""

    def __init__(self, config: pytest.Config) -> None:
        self.collected: set[str] = set()
        self.stopped = ""
        self._narrowed = [flag for name, flag in _NARROWING.items() if _given(config, name)]
        self._prefixes = [_prefix(argument, config) for argument in config.args]
        if any(prefix.startswith("..") for prefix in self._prefixes):
            self.narrow("tests outside the rootdir, whose ids do not tell where they are")

    def add(self, node_ids: Iterable[str]) -> None:
        """Node ids that were collected and selected."""
        self.collected.update(node_ids)

    def narrow(self, why: str) -> None:
        """Something left tests out."""
        if why not in self._narrowed:
            self._narrowed.append(why)

    @property
    def partial(self) -> str:
        """Why this run is not a whole one; empty where it is."""
        return self.stopped or ", ".join(self._narrowed)

    def expects(self, node_id: str) -> bool:
        """Whether a run of this selection should have met the test, if it still exists."""
        return not self.partial and any(_under(node_id, prefix) for prefix in self._prefixes)


def _given(config: pytest.Config, name: str) -> Any:
    return getattr(config.option, name, None)


def _prefix(argument: str, config: pytest.Config) -> str:
    """A command-line argument as the start of the node ids below it; empty for the rootdir itself."""
    path, colons, rest = str(argument).partition("::")
    relative = os.path.relpath(Path(config.invocation_params.dir, path), config.rootpath).replace(os.sep, "/")
    return ("" if relative == "." else relative) + colons + rest


def _under(node_id: str, prefix: str) -> bool:
    return not prefix or node_id == prefix or node_id.startswith((prefix + "/", prefix + "::", prefix + "["))
