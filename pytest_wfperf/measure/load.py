"""One callable put under load: replicas of it at once, held against one of them alone."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median, quantiles
from time import perf_counter_ns
from typing import Any

from ..errors import MeasurementError
from ..loads import Load, LoadStep
from ..model import Round, Span
from .crews import Crew, Part, Tasks, Threads
from .facts import averaged, with_facts_of
from .replica import Call, Replica, Schedule, Stretch
from .rounds import Measurement
from .spawned import Face, Processes

ALONE = 5  # calls of one replica that the others are held against
EXAMPLES = 5  # failures that are told of
HELD = 1_001  # times of calls: more are held as the quantiles in steps of 0.1 %, the finest that anyone asks for
MODES = ("auto", "thread", "task", "process")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What load is asked for. Raises MeasurementError for what cannot be."""

    fn: Callable[..., Any]
    concurrency: int
    rounds: int
    duration: float | None
    rate: float | None
    mode: str
    warmup: int
    setup: Callable[..., Any] | None
    teardown: Callable[..., Any] | None
    baseline: bool

    def __post_init__(self) -> None:
        self._check("concurrency", self.concurrency >= 1, "at least 1")
        self._check("rounds", self.rounds >= 1, "at least 1")
        self._check("rounds", self.duration is None or self.rounds == 1, "left out where there is a duration")
        self._check("warmup", self.warmup >= 0, "at least 0")
        self._check("duration", self.duration is None or self.duration > 0, "above 0 seconds")
        self._check("rate", self.rate is None or self.rate > 0, "above 0 calls a second")
        self._check("mode", self.mode in MODES, f"one of {', '.join(MODES)}")
        fits = {"thread": not self.awaits, "task": self.awaits}.get(self.mode, True)
        self._check("mode", fits, f"{self.kind!r} or 'process' for {self.fn!r}")

    def _check(self, name: str, fits: bool, wanted: str) -> None:  # noqa: FBT001
        if not fits:
            raise MeasurementError(f"wfperf.load({name}={getattr(self, name)!r}): it has to be {wanted}")

    @property
    def awaits(self) -> bool:
        return inspect.iscoroutinefunction(self.fn)

    @property
    def kind(self) -> str:
        """What a replica is: ``thread``, ``task`` or ``process``."""
        if self.mode == "process":
            return "process"
        return "task" if self.awaits else "thread"

    @property
    def name(self) -> str:
        return f"load:{self.concurrency}"

    @property
    def schedule(self) -> Schedule:
        return Schedule(concurrency=self.concurrency, rounds=self.rounds, duration_s=self.duration, rate=self.rate)

    def crew(self, wfperf: object, face: Callable[[], Face]) -> Crew:
        """The replicas, not yet set up."""
        functions = (self.fn, self.setup, self.teardown)
        if self.kind == "process":
            return Processes(self.concurrency, functions, face())
        if self.kind == "task":
            return Tasks([Replica(i, *functions, wfperf=wfperf, wait=asyncio.sleep) for i in range(self.concurrency)])
        return Threads([Replica(i, *functions, wfperf=wfperf) for i in range(self.concurrency)])


async def load(measurement: Measurement, order: Order, wfperf: object, face: Callable[[], Face]) -> Load:
    """Take the workflow's one round: as long as the replicas are at it together, after one of them was measured alone.

    In a launch all of that is one turn. ``wfperf`` is what a callable with a parameter of that name is given,
    ``face()`` makes what makes it in another process.
    """
    if measurement.clock is not perf_counter_ns:
        raise MeasurementError("what replicas do at once cannot be counted: it depends on which of them comes first")
    if measurement.setup is not None:
        measurement.setup()
    async with order.crew(wfperf, face) as crew:
        measurement.set_aside()
        measurement.ready()
        try:
            before, alone = await _before(crew, order, measurement)
            taken, parts = await _at_once(crew, order, measurement)
        except BaseException:
            measurement.begin()  # whoever waits for a round gets one, which failed
            measurement.end(passed=False)
            measurement.keep()
            raise
        calls = [call for part in parts for call in part.calls]
        notes = [*_failures(order.name, "before the start", before), *_failures(order.name, "", calls)]
        taken = replace(taken, notes=tuple(dict.fromkeys([*taken.notes, *notes])))
        if all(call.error for call in calls):
            measurement.keep(replace(taken, status="failed"))
            raise MeasurementError(f"no call completed, so there is nothing to measure; {'; '.join(notes)}")
        found = _load(order, taken.total_ns, calls, alone)
        measurement.keep(replace(taken, loads=(found,)))
        measurement.result = found
    return found


async def _before(crew: Crew, order: Order, measurement: Measurement) -> tuple[list[Call], list[Call]]:
    """Calls that warm every replica up, and those of one of them alone; all of them, then the latter that completed."""
    before: list[Call] = []
    alone: list[Call] = []
    stages = [(order.concurrency, order.warmup, before), (1, ALONE if order.baseline else 0, alone)]
    recorder = measurement.recorder
    for replicas, rounds, calls in stages:
        if rounds:
            stretch = Stretch(order.name, Schedule(concurrency=replicas, rounds=rounds), recorder, recorder)
            calls += [call for part in await crew.take(stretch, replicas) for call in part.calls]
            recorder.steps.fold()
    return before + alone, [call for call in alone if not call.error]


async def _at_once(crew: Crew, order: Order, clock: Measurement) -> tuple[Round, list[Part]]:
    stretch = Stretch(order.name, order.schedule, clock.recorder, clock)
    parts = await crew.take(stretch, order.concurrency)
    taken = clock.freeze()
    spans = _merged([*taken.spans, *(span for part in parts for span in part.taken.spans)])
    notes = (note for part in parts for note in part.taken.notes)
    taken = replace(taken, spans=spans, notes=(*taken.notes, *notes))
    return with_facts_of(averaged([part.taken for part in parts]), taken), parts


def _failures(name: str, when: str, calls: Sequence[Call]) -> list[str]:
    """A sentence on the calls that failed; none where none did."""
    failed = sum(bool(call.error) for call in calls)
    if not failed:
        return []
    return [f"{name}: {failed} of {len(calls)} calls {when and f'{when} '}failed ({'; '.join(_examples(calls))})"]


def _examples(calls: Iterable[Call]) -> tuple[str, ...]:
    told = dict.fromkeys(f"replica {call.replica}: {call.error}" for call in calls if call.error)
    return tuple(told)[:EXAMPLES]


def _load(order: Order, wall_ns: int, calls: Sequence[Call], alone: Sequence[Call]) -> Load:
    """What the calls come to. Those that failed tell nothing about times."""
    done = [call for call in calls if not call.error]
    paths = dict.fromkeys(path for call in done for path in call.paths)
    return Load(
        concurrency=order.concurrency,
        mode=order.kind,
        wall_ns=wall_ns,
        calls=len(calls),
        failures=len(calls) - len(done),
        latency_ns=_held([call.late_ns + call.service_ns for call in done]),
        service_ns=_held([call.service_ns for call in done]),
        at_once_ns=_at_once_ns([(call.replica, call.service_ns) for call in done]),
        alone_ns=_alone_ns([call.service_ns for call in alone]),
        rate=order.rate,
        examples=_examples(calls),
        steps=tuple(
            LoadStep(
                path=path,
                at_once_ns=_at_once_ns([(call.replica, call.paths[path]) for call in done if path in call.paths]),
                alone_ns=_alone_ns([call.paths[path] for call in alone if path in call.paths]),
            )
            for path in paths
        ),
    )


def _at_once_ns(times: Iterable[tuple[int, int]]) -> int:
    """Of times by replica the median over replicas of each one's mean.

    Where replicas take turns at a lock, most calls of the one that has it are fast: the others' few are slow.
    """
    by_replica: dict[int, list[int]] = {}
    for replica, ns in times:
        by_replica.setdefault(replica, []).append(ns)
    return round(median(map(fmean, by_replica.values())))


def _alone_ns(times: Sequence[int]) -> int | None:
    return round(median(times)) if times else None


def _held(values: Sequence[int]) -> tuple[int, ...]:
    if len(values) <= HELD:
        return tuple(sorted(values))
    return (min(values), *map(round, quantiles(values, n=HELD - 1, method="inclusive")), max(values))


def _merged(spans: Sequence[Span]) -> tuple[Span, ...]:
    """One span for each path, of which every process that entered it has one."""
    by_path: dict[str, list[Span]] = {}
    for span in spans:
        by_path.setdefault(span.path, []).append(span)
    return tuple(_together(same) if len(same) > 1 else same[0] for same in by_path.values())


def _together(spans: Sequence[Span]) -> Span:
    def sum_of(name: str) -> Any:
        return sum(getattr(span, name) for span in spans)

    worst = next((span for span in spans if span.status != "ok"), spans[0])
    return replace(
        spans[0],
        **{name: sum_of(name) for name in ("count", "total_ns", "own_ns", "waited_ns", "retries", "retry_ns")},
        min_ns=min(span.min_ns for span in spans),
        max_ns=max(span.max_ns for span in spans),
        start_ns=min(span.start_ns for span in spans),
        end_ns=max(span.end_ns for span in spans),
        growth_ns=round(sum_of("growth_ns") / len(spans)),
        status=worst.status,
        error=worst.error,
    )
