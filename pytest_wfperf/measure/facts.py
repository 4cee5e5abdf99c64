"""What a round records beside its times: checks, scores, metrics and cache look-ups."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import replace

from ..errors import MeasurementError
from ..model import Cache, Check, Metric, Round


class Facts:
    """Facts of one round. Lists are only ever appended to, so that threads may record at once."""

    def __init__(self) -> None:
        self._checks: list[Check] = []
        self._metrics: dict[str, Metric] = {}
        self._caches: list[Cache] = []
        self.called = ""  # the variant that the workflow is, in every round
        self._closed = False

    def take(self) -> Facts:
        """Everything recorded so far, which is forgotten here."""
        taken = Facts()
        taken._checks, self._checks = self._checks, []
        taken._metrics, self._metrics = self._metrics, {}
        taken._caches, self._caches = self._caches, []
        return taken

    def add(self, other: Facts) -> None:
        """Count the other's facts among these; of a metric the later value."""
        self._checks += other._checks
        self._metrics |= other._metrics
        self._caches += other._caches

    def added_to(self, taken: Round) -> Round:
        """A round with these facts among its own."""
        self._checks[:0] = taken.checks
        self._metrics = {metric.name: metric for metric in taken.metrics} | self._metrics
        self._caches[:0] = taken.caches
        return replace(taken, checks=self.checks, metrics=self.metrics, caches=self.caches)

    def _here(self) -> Facts:
        """Where what this context records belongs."""
        call = diverted.get()
        return self if call is None else call

    def close(self) -> None:
        """Let nothing more be recorded: the profile is on its way to be judged."""
        self._closed = True

    def _check_open(self, what: str, name: object) -> None:
        if self._closed:
            raise MeasurementError(
                f"{what} {name!r} was recorded after the workflow was measured (in a fixture's tear-down?), "
                "where nothing judges it; record it in the test"
            )

    @property
    def checks(self) -> tuple[Check, ...]:
        """One outcome per name, in the order in which they were first recorded."""
        return _merged_checks(self._checks)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return tuple(self._metrics.values())

    @property
    def caches(self) -> tuple[Cache, ...]:
        """One sum of look-ups per name."""
        return _merged_caches(self._caches)

    def check(self, name: str, passed: object, detail: str = "") -> None:
        """Record a quality-gate outcome; several of one name in a round hold only together."""
        self._check_open("check", name)
        here: Facts = self._here()
        here._checks.append(Check(name=_name("check", name), passed=bool(passed), detail=str(detail)))

    def score(self, name: str, value: float, minimum: float) -> None:
        """Record a score that has to reach ``minimum``."""
        self._check_open("score", name)
        number, floor = _number("score", name, value), _number("minimum of score", name, minimum)
        detail = "" if number >= floor else f"{number:g} is below {floor:g}"
        here: Facts = self._here()
        here._checks.append(
            Check(name=_name("score", name), passed=number >= floor, detail=detail, value=number, minimum=floor)
        )

    def metric(self, name: str, value: float, unit: str = "", better: str = "lower") -> None:
        """Record one number of this round; ``better`` is ``lower`` or ``higher``."""
        self._check_open("metric", name)
        if better not in ("lower", "higher"):
            raise MeasurementError(f"metric {name!r}: better={better!r} is neither 'lower' nor 'higher'")
        metric = Metric(name=_name("metric", name), value=_number("metric", name, value), unit=str(unit), better=better)
        here: Facts = self._here()
        if name in here._metrics:
            raise MeasurementError(
                f"metric {name!r} was recorded twice in one round ({here._metrics[name].value:g}, then {value:g}); "
                "add the values up and record it once"
            )
        here._metrics[name] = metric

    def cache(self, name: str, hits: int, misses: int, *, timed: bool = True) -> None:
        """Add look-ups of a cache; several calls in a round add up. ``timed`` is false for those off the clock."""
        self._check_open("cache", name)
        for what, value in (("hits", hits), ("misses", misses)):
            if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                raise MeasurementError(f"cache {name!r}: {what}={value!r} is not a count (an int of at least 0)")
        here: Facts = self._here()
        here._caches.append(Cache(name=_name("cache", name), hits=hits, misses=misses, timed=timed))

    def variant(self, name: str) -> None:
        """Name which of several ways to do the same this workflow is: an agent, a prompt, an implementation."""
        self._check_open("variant", name)
        if self.called not in ("", _name("variant", name)):
            raise MeasurementError(
                f"variant {name!r}: this workflow is variant {self.called!r} already; a test is one variant, "
                "so make the other another test (pytest.mark.parametrize does)"
            )
        self.called = name


diverted: ContextVar[Facts | None] = ContextVar("wfperf_facts", default=None)
"""Where a context's facts go that are not the round's own: the calls of a load's replicas keep theirs apart."""


def averaged(passes: Sequence[Round]) -> Round:
    """The facts of many passes as those of one, of no length.

    Checks hold only together and look-ups add up; a metric is the mean over the passes that recorded it.
    """
    metrics: dict[str, list[Metric]] = {}
    for metric in (metric for each in passes for metric in each.metrics):
        metrics.setdefault(metric.name, []).append(metric)
    return Round(
        total_ns=0,
        checks=_merged_checks([check for each in passes for check in each.checks]),
        metrics=tuple(map(_mean, metrics.values())),
        caches=_merged_caches([cache for each in passes for cache in each.caches]),
    )


def _mean(metrics: Sequence[Metric]) -> Metric:
    values = [metric.value for metric in metrics]
    exact = len(set(values)) == 1  # a mean of floats may miss them all by a rounding
    return metrics[0] if exact else replace(metrics[0], value=math.fsum(values) / len(values))


def with_facts_of(beside: Round, taken: Round) -> Round:
    """``taken`` with the other round's checks, metrics and caches among its own."""
    facts = Facts()
    facts._checks, facts._caches = list(beside.checks), list(beside.caches)  # noqa: SLF001
    facts._metrics = {metric.name: metric for metric in beside.metrics}  # noqa: SLF001
    return facts.added_to(taken)


def _name(kind: str, name: object) -> str:
    if not isinstance(name, str) or not name:
        raise MeasurementError(f"the name of a {kind} has to be a non-empty string, not {name!r}")
    return name


def _number(kind: str, name: object, value: object) -> float:
    """The value as an int or float; MeasurementError for what is not a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        value = getattr(value, "item", lambda: value)()  # numpy's scalars and their kin know their Python value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise MeasurementError(f"{kind} {name!r}: {value!r} is not a finite number")
    return value


def _merged_checks(checks: Sequence[Check]) -> tuple[Check, ...]:
    """One outcome per name: passed where all of that name passed, with the first failure's detail."""
    merged: dict[str, Check] = {}
    counts: dict[str, list[int]] = {}
    for check in checks:
        count = counts.setdefault(check.name, [0, 0])
        count[0] += 1
        count[1] += not check.passed
        if check.name not in merged or (merged[check.name].passed and not check.passed):
            merged[check.name] = check
    for name, (total, failed) in counts.items():
        if total > 1 and failed:
            found = merged[name]
            detail = f"failed {failed} of {total} times" + (f": {found.detail}" if found.detail else "")
            merged[name] = Check(name=name, passed=False, detail=detail, value=found.value, minimum=found.minimum)
    return tuple(merged.values())


def _merged_caches(caches: Sequence[Cache]) -> tuple[Cache, ...]:
    merged: dict[str, Cache] = {}
    for cache in caches:
        before = merged.get(cache.name, Cache(name=cache.name, hits=0, misses=0, timed=False))
        merged[cache.name] = Cache(
            name=cache.name,
            hits=before.hits + cache.hits,
            misses=before.misses + cache.misses,
            timed=before.timed or cache.timed,
        )
    return tuple(merged.values())
