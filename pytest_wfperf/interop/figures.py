"""What foreign formats are told of a run: each workflow in a few figures, wherever they come from."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import median
from typing import Any

from ..errors import MeasurementError
from ..estimate import walsh_interval
from ..judge.quality import pass_rates
from ..judge.verdict import summary
from ..judged import StepSummary, Summary, Verdict
from ..model import Metric, Profile
from ..samples import quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """The 95 % interval of a median over launches, ns; ``path`` is a step's, empty for the whole workflow."""

    path: str
    low_ns: float
    high_ns: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A time against the baseline's; 0.05 is 5 % slower. ``low`` and ``high`` are None where nothing bounds them."""

    path: str
    change: float
    low: float | None
    high: float | None
    limit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """In how many rounds a check passed; ``name`` is empty for all together, ``minimum`` None where none was asked."""

    name: str
    passed: int
    total: int
    minimum: float | None = None

    @property
    def share(self) -> float:
        return self.passed / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFigures:
    """Replicas at once, medians over the rounds: completed calls a second, and how long those took, ns."""

    name: str
    throughput: float
    median_ns: float
    p95_ns: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One workflow. ``verdict`` is None, and ``fails`` false, where nothing was judged.

    ``summary`` is None where nothing was measured, ``cpu_ns`` (the median round's) and ``memory_bytes`` (the
    highest peak) where they were not sampled; ``created`` and ``commit`` are there where the source knows them.
    ``changes`` and ``rates`` begin with the workflow's own, under an empty path or name.
    """

    workflow: str
    verdict: Verdict | None = None
    fails: bool = False
    reasons: tuple[str, ...] = ()
    baseline: str = ""
    created: datetime | None = None
    commit: str = ""
    launches: int = 0
    summary: Summary | None = None
    intervals: tuple[Interval, ...] = ()
    cpu_ns: float | None = None
    memory_bytes: int | None = None
    rates: tuple[Rate, ...] = ()
    loads: tuple[LoadFigures, ...] = ()
    changes: tuple[Change, ...] = ()

    def interval(self, path: str) -> Interval | None:
        """The interval of a step's median, or of the workflow's; None where too few launches bound it."""
        return next((interval for interval in self.intervals if interval.path == path), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFigures:
    """The workflows of a run. ``holds`` is None where nothing was judged; ``problems`` concern the run as a whole."""

    workflows: tuple[Figures, ...]
    holds: bool | None = None
    problems: tuple[str, ...] = ()

    @property
    def measured(self) -> tuple[Figures, ...]:
        """The workflows of which there are rounds."""
        return tuple(figures for figures in self.workflows if figures.summary is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What a format says of a run, and sentences about what it has no place for."""

    text: str
    left_out: tuple[str, ...] = ()


def refuse_twins(names: Iterable[str], tool: str) -> None:
    """Raise MeasurementError where ``tool`` could not tell two of these names apart."""
    twin = next((name for name, count in Counter(names).items() if count > 1), None)
    if twin is not None:
        raise MeasurementError(
            f"cannot export for {tool}: two things would both be called {twin!r}; rename a step, a check or a metric"
        )


# --- of a profile ---------------------------------------------------------------------


def of_profile(profile: Profile, *, created: datetime | None = None, commit: str = "") -> Figures:
    """The figures of rounds that nobody has judged."""
    rates = pass_rates(profile.rounds, {}, 0.0)
    return Figures(
        workflow=profile.workflow,
        created=created,
        commit=commit,
        summary=summary(profile),
        rates=tuple(Rate(name=rate.name, passed=rate.passed, total=rate.total) for rate in rates),
        **_measured(profile),
    )


def _measured(profile: Profile) -> dict[str, Any]:
    """What only the profile knows, by field of :class:`Figures`."""
    rounds = profile.rounds
    cpu = [r.cpu_ns for r in rounds if r.cpu_ns is not None]
    sampled = [r.memory_bytes for launch in profile.launches for r in (*launch.warmup, *launch.rounds)]
    return {
        "launches": len(profile.launches),
        "intervals": tuple(filter(None, (_interval(profile, path) for path in ("", *profile.steps)))),
        "cpu_ns": median(cpu) if cpu else None,
        "memory_bytes": max((peak for peak in sampled if peak is not None), default=None),
        "loads": _loads(profile),
    }


def _interval(profile: Profile, path: str) -> Interval | None:
    """Walsh averages of the launches' medians, in ln (Tukey 1949); wide enough to hold the median of all rounds."""
    launches = [times for launch in profile.launches if (times := _times(launch.rounds, path))]
    if not launches:
        return None
    low, high = walsh_interval([math.log(max(1.0, median(times))) for times in launches])
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    centre = median(time for times in launches for time in times)
    ends = [round(math.exp(end), 3) for end in (low, high)]  # beyond that there is but what ln leaves of digits
    return Interval(path=path, low_ns=min(centre, ends[0]), high_ns=max(centre, ends[1]))


def _times(rounds: Sequence[Any], path: str) -> list[int]:
    if not path:
        return [r.total_ns for r in rounds]
    return [span.total_ns for r in rounds for span in r.spans if span.path == path]


def _loads(profile: Profile) -> tuple[LoadFigures, ...]:
    loads = [load for r in profile.rounds for load in r.loads]
    found = []
    for name in dict.fromkeys(load.name for load in loads):
        same = [load for load in loads if load.name == name and load.latency_ns]
        if same:
            found.append(
                LoadFigures(
                    name=name,
                    throughput=median(load.throughput for load in same),
                    median_ns=median(quantile(load.latency_ns, 0.5) for load in same),
                    p95_ns=median(quantile(load.latency_ns, 0.95) for load in same),
                )
            )
    return tuple(found)


# --- of a results file ----------------------------------------------------------------


def of_results(data: Mapping[str, Any], profiles: Mapping[str, Profile]) -> RunFigures:
    """The figures of a results document, whose profiles were decoded already."""
    return RunFigures(
        workflows=tuple(
            replace(_of_entry(entry, profiles.get(entry["workflow"]), strict=data["strict"]), **_occasion(data))
            for entry in data["workflows"]
        ),
        holds=data["holds"],
        problems=(*data["failures"], *data["errors"]),
    )


def _occasion(data: Mapping[str, Any]) -> dict[str, Any]:
    """When and on which commit, of a document that says so."""
    return {"created": datetime.fromisoformat(data["created"]), "commit": data["commit"]} if "created" in data else {}


def _of_entry(entry: Mapping[str, Any], profile: Profile | None, *, strict: bool) -> Figures:
    verdict = Verdict(entry["verdict"])
    comparison = entry["comparison"]
    effects = [] if comparison is None else [comparison["total"], *comparison["steps"]]
    return Figures(
        workflow=entry["workflow"],
        verdict=verdict,
        fails=verdict.fails_strict if strict else verdict.fails,
        reasons=tuple(entry["reasons"]),
        baseline=entry["baseline"],
        summary=None if entry["summary"] is None else _summary(entry["summary"]),
        rates=tuple(_only(Rate, rate) for rate in entry["pass_rates"]),
        changes=tuple(_only(Change, effect) for effect in effects),
        **({} if profile is None else _measured(profile)),
    )


def _summary(data: Mapping[str, Any]) -> Summary:
    steps = tuple(_only(StepSummary, step) for step in data["steps"])
    metrics = tuple(_only(Metric, metric) for metric in data["metrics"])
    made: Summary = _only(Summary, {**data, "steps": steps, "metrics": metrics, "notes": tuple(data["notes"])})
    return made


def _only(kind: Any, data: Mapping[str, Any]) -> Any:
    """An object of those entries that it has fields for."""
    return kind(**{name: value for name, value in data.items() if name in kind.__dataclass_fields__})
