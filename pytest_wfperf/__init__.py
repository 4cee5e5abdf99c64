"""Gates the performance of workflows in pytest."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .errors import (
        BaselineCorrupt,
        BaselineError,
        BaselineMissing,
        CommandError,
        ConfigError,
        MeasurementError,
        SchemaTooNew,
        WfperfError,
    )
    from .fixture import Wfperf
    from .judged import Comparison
    from .loads import Load
    from .model import Profile

__all__ = [
    "BaselineCorrupt",
    "BaselineError",
    "BaselineMissing",
    "CommandError",
    "Comparison",
    "ConfigError",
    "Load",
    "MeasurementError",
    "Profile",
    "SchemaTooNew",
    "Wfperf",
    "WfperfError",
]
_HOMES = {"Wfperf": "fixture", "Profile": "model", "Comparison": "judged", "Load": "loads"}


def __getattr__(name: str) -> object:
    """Import a public name when it is asked for: pytest imports this package at every start."""
    if name not in __all__:
        raise AttributeError(f"module 'pytest_wfperf' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(f".{_HOMES.get(name, 'errors')}", __name__), name)
