"""The settings of a run, each with the place it came from."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ConfigError
from .judge.prices import Price, read_prices
from .judge.threshold import Threshold, parse
from .options import SETTINGS, Setting, from_ini

if TYPE_CHECKING:
    import pytest

# these alone measure nothing
_QUIET = {"off", "only", "strict", "store", "accept", "aa", "build", "price", "resume", "github"}
_NAMES = ("baseline", "save", "extend", "against")  # settings that ask for measurement wherever they stand
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a user can set, resolved: marker over command line over environment over ini over default.

    ``sources`` names where each value that is not the default came from; ``thresholds`` are
    those of every source together. ``setup`` is only ever a marker's.
    """

    baseline: str | None
    save: str | None
    extend: str | None
    against: str | None
    aa: bool
    build: str | None
    accept: str | None
    store: Path
    thresholds: tuple[Threshold, ...]
    min_pass_rate: float
    launches: int | None
    rounds: int
    warmup: int
    max_time: float
    isolation: str
    report: tuple[str, ...]
    github: bool
    resume: bool
    strict: bool
    only: bool
    off: bool
    sources: Mapping[str, str]
    setup: Any = None
    prices: tuple[Price, ...] = ()

    @property
    def asked(self) -> bool:
        """Whether the command line or the environment asks for a measured run."""
        return not self.off and any(
            name not in _QUIET and (name in _NAMES or not source.startswith("ini"))
            for name, source in self.sources.items()
        )

    @property
    def judges_against(self) -> str | None:
        """The baseline this run is held against: to gate, or to refuse a save that would hide a regression."""
        return self.baseline or self.extend or self.save

    @property
    def launched(self) -> bool:
        """Whether workflows are measured in fresh processes, unless a marker says otherwise."""
        if not self.asked or self.launches == 0:
            return False
        return self.launches is not None or any(getattr(self, name) is not None for name in _NAMES)

    @property
    def gates(self) -> bool:
        """Whether the command line or the environment asks for a verdict on the run."""
        return self.asked and not {*_NAMES, "threshold", "min_pass_rate"}.isdisjoint(
            name for name, source in self.sources.items() if name in _NAMES or not source.startswith("ini")
        )

    def asks_for(self, name: str) -> bool:
        """Whether the command line or the environment sets ``name``."""
        return name in self.sources and not self.sources[name].startswith("ini")

    def check_together(self) -> None:
        """Raise ConfigError for settings that make no sense together."""
        if self.accept is not None and self.save is None:
            raise ConfigError(f"{self.sources['accept']}: there is nothing to accept; it goes with --wfperf-save")
        for name in ("aa", "build"):
            if getattr(self, name) and self.against is None and not self.sources[name].startswith("ini"):
                raise ConfigError(f"{self.sources[name]}: {name} goes with --wfperf-against")
        self._check_resume()
        self._check_against()
        if self.save is not None and self.extend is not None:
            raise ConfigError(
                f"{self.sources['save']} and {self.sources['extend']} exclude each other: "
                "a run becomes a new version or one more session of the version in force"
            )

        for name in ("save", "extend"):
            target = getattr(self, name)
            if target is not None and self.baseline not in (None, target):
                raise ConfigError(
                    f"{self.sources[name]}: cannot {name} baseline {target!r} in a run that is gated against "
                    f"{self.baseline!r}; do one after the other"
                )
        if not any(getattr(self, name) for name in _NAMES):
            for threshold in self.thresholds:
                if threshold.relative and not threshold.source.startswith("ini"):
                    raise ConfigError(f"{threshold.source}: {threshold.text!r} needs a baseline; add --wfperf-baseline")

    def _check_resume(self) -> None:
        if self.resume and self.asks_for("resume") and not (self.asked or self.off):
            raise ConfigError(
                f"{self.sources['resume']}: there is nothing to resume; it goes with what measures, "
                "such as --wfperf-save: repeat the interrupted command and add it"
            )

    def _check_against(self) -> None:
        if self.against is None:
            return
        for name in ("baseline", "save", "extend"):
            if getattr(self, name) is not None:
                raise ConfigError(
                    f"{self.sources['against']} and {self.sources[name]} exclude each other: "
                    "a run is held against a revision or against the store"
                )
        if self.launches == 0:
            raise ConfigError(
                f"{self.sources['against']}: another revision's code cannot run in the test's own process; "
                f"take {self.sources['launches']} away"
            )

    def differing(self) -> str:
        """What differs from the default and where it came from, for the header."""
        return ", ".join(f"{name}={_shown(self, name)} ({source})" for name, source in self.sources.items())

    def for_marker(self, marks: list[pytest.Mark], where: str) -> Settings:
        """These settings with a test's markers on top; the closest marker counts. ConfigError names the test."""
        changed: dict[str, Any] = {}
        sources = dict(self.sources)
        thresholds = list(self.thresholds)
        known = {setting.name: setting for setting in SETTINGS if setting.marker}
        source = f"marker of {where}"
        for mark in reversed(marks):
            for text in mark.args:
                if not isinstance(text, str):
                    raise ConfigError(f"{source}: a threshold is a string like 'p95 < 200ms', not {text!r}")
                thresholds.append(parse(text, source))
            for name, value in mark.kwargs.items():
                if name not in known:
                    near = _near(name, known)
                    raise ConfigError(f"{source}: unknown keyword {name}={value!r}; known are {', '.join(known)}{near}")
                changed[name] = _checked(known[name], value, source)
                sources[name] = "marker"
        return replace(self, thresholds=tuple(dict.fromkeys(thresholds)), sources=sources, **changed)


def resolve(config: pytest.Config) -> Settings:
    """The settings of a pytest run. ConfigError names a bad value and its source."""
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    thresholds: list[Threshold] = []
    prices: tuple[Price, ...] = ()
    for setting in SETTINGS:
        found = [] if setting.ini is None else _found(config, setting)
        values[setting.name] = setting.default
        if setting.kind == "list":
            lines = [(str(line), source) for value, source in reversed(found) for line in value]
            if setting.name == "threshold":
                thresholds = [parse(line, source) for line, source in lines]
            if setting.name == "price":
                prices = read_prices(lines)
            values[setting.name] = tuple(line for line, _ in lines)
        elif found:
            values[setting.name] = _checked(setting, *found[0])
        if found:
            sources[setting.name] = found[0][1]
    _give_way(values, sources)
    values.pop("threshold")
    values.pop("price")
    store = Path(values.pop("store"))
    values["store"] = store if store.is_absolute() else config.rootpath / store
    return Settings(thresholds=tuple(dict.fromkeys(thresholds)), prices=prices, sources=sources, **values)


def _give_way(values: dict[str, Any], sources: dict[str, str]) -> None:
    """What the ini file holds every run against yields to what this one asks for."""

    def asked(*names: str) -> bool:
        return any(name in sources and not sources[name].startswith("ini") for name in names)

    if values["against"] is None:
        return
    stored, in_process = asked("baseline", "save", "extend"), values["launches"] == 0
    yielding: list[str] = []
    if sources["against"].startswith("ini") and (stored or (in_process and asked("launches"))):
        yielding = ["against"]
    else:
        yielding += [] if stored else ["baseline", "save", "extend"]
        yielding += ["launches"] if in_process and not asked("launches") else []
    for name in yielding:
        values[name] = None
        sources.pop(name, None)


def _found(config: pytest.Config, setting: Setting) -> list[tuple[Any, str]]:
    """The setting's values and their sources, the strongest first."""
    found: list[tuple[Any, str]] = []
    given = config.getoption(f"wfperf_{setting.name}", None)
    if given is not None:
        found.append((given, str(setting.flag)))
    env = str(setting.env)
    if os.environ.get(env):
        text = os.environ[env]
        parts = [part.strip() for part in text.split(";") if part.strip()]
        found.append((parts if setting.kind == "list" else text, env))
    stored = from_ini(config, setting)
    if stored is not None:
        found.append((stored, f"ini key {setting.ini}"))
    return found


def _checked(setting: Setting, value: Any, source: str) -> Any:  # noqa: C901  one case a kind
    """The value as the setting's kind. ConfigError says what would do."""
    wanted: str
    match setting.kind:
        case "int":
            number = _as_number(value)
            least = 1 if setting.name == "rounds" else 0
            if number is not None and number == int(number) and number >= least:
                return int(number)
            wanted = f"a whole number of at least {least}"
        case "float":
            number = _as_number(value)
            if number is not None and number > 0:
                return number
            wanted = "a number of seconds above 0"
        case "percent":
            number = _as_number(value.removesuffix("%") if isinstance(value, str) else value)
            if number is not None and 0 <= number <= 100:
                return number / 100
            wanted = "a percentage between 0 and 100"
        case "bool":
            if isinstance(value, bool) or str(value).strip().lower() in _TRUE | _FALSE:
                return value if isinstance(value, bool) else value.strip().lower() in _TRUE
            wanted = "true or false"
        case "callable":
            if callable(value):
                return value
            wanted = "a callable"
        case _:
            return _text(setting, value, source)
    raise ConfigError(f"{source}: {setting.name}={value!r} is not {wanted}")


def _text(setting: Setting, value: Any, source: str) -> str:
    if not isinstance(value, str) or not value.strip():
        what = "a name: leave the = away for 'main'" if setting.kind == "name" else "a text"
        raise ConfigError(f"{source}: {setting.name}={value!r} is not {what}")
    if setting.name == "isolation" and value not in ("fresh", "shared"):
        raise ConfigError(f"{source}: isolation={value!r} is neither 'fresh' nor 'shared'")
    return value


def _as_number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _near(name: str, known: Mapping[str, object]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415  only for a misspelt keyword

    close = get_close_matches(name, known, 1)
    return f" (did you mean {close[0]}?)" if close else ""


def _shown(settings: Settings, name: str) -> str:
    if name == "threshold":
        return "; ".join(threshold.text for threshold in settings.thresholds)
    if name == "price":
        return "; ".join(price.text for price in settings.prices)
    value = getattr(settings, name)
    if name == "min_pass_rate":
        return f"{100 * value:g}"
    return ", ".join(value) if isinstance(value, tuple) else str(value)
