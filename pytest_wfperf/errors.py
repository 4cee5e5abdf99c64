"""What can go wrong, and who has to mend it.

::

    WfperfError
    ├── ConfigError            an option, marker, threshold or waiver that cannot be used
    ├── BaselineError          the store cannot give what was asked of it
    │   ├── BaselineMissing    there is no such baseline
    │   ├── BaselineCorrupt    a file is unreadable, torn, or not what it says it is
    │   └── SchemaTooNew       a file was written by a newer pytest-wfperf
    ├── CommandError           a command that a test runs as a step could not be started, or failed
    └── MeasurementError       a test recorded something that cannot be measured

Every message names the value, where it came from and what to do. A regression
is a verdict, not an error.
"""

from __future__ import annotations

from typing import Any


class WfperfError(Exception):
    """Base of every error this package raises on purpose."""


class ConfigError(WfperfError):
    """An option, marker, threshold or waiver that cannot be used."""


class BaselineError(WfperfError):
    """The store cannot give, or take, what was asked of it."""


class BaselineMissing(BaselineError):
    """There is no such baseline."""


class BaselineCorrupt(BaselineError):
    """A stored file is unreadable, torn, or not what it says it is."""


class SchemaTooNew(BaselineError):
    """A stored file was written by a newer pytest-wfperf."""


class CommandError(WfperfError):
    """A command that a test runs as a step could not be started, or failed: ``result`` then says how."""

    def __init__(self, message: str, result: Any = None) -> None:
        super().__init__(message)
        self.result = result


class MeasurementError(WfperfError):
    """A test recorded something that cannot be measured."""
