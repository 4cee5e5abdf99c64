"""Gates the performance of workflows in pytest."""

from .errors import (
    BaselineCorrupt,
    BaselineError,
    BaselineMissing,
    ConfigError,
    MeasurementError,
    SchemaTooNew,
    WfperfError,
)

__all__ = [
    "BaselineCorrupt",
    "BaselineError",
    "BaselineMissing",
    "ConfigError",
    "MeasurementError",
    "SchemaTooNew",
    "WfperfError",
]
