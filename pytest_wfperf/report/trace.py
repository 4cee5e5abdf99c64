"""The trace: the round of median length of every workflow, for Perfetto and chrome://tracing.

Trace Event Format (Chromium, JSON object format): complete events on threads, arrows for declared edges, counters.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from itertools import chain
from typing import Any

from ..judged import Judgement, RunResult, Verdict
from ..model import Round, Span
from .exhibit import Exhibit, Occasion
from .itemwise import itemwise
from .reasons import reasons
from .side import Side, before, now, stretches, title
from .text import printable
from .timeline import Bar

FORMAT = 1  # of the schema trace-1: of what is said, in a format that is not this package's own
ROUND, PATH, LANES = 1, 2, 3  # threads: the whole round, the critical path, the first lane
APART = 1000  # between processes: Perfetto takes the thread that bears its process's number for the main one, and first

Event = dict[str, Any]


def part(exhibit: Exhibit) -> list[list[Event]]:
    """The events of one process for the workflow and one for its baseline, without their ``pid``."""
    judgement, this, that = exhibit.judgement, now(exhibit), before(exhibit)
    first = _absent(judgement) if this is None else _process(this, judgement)
    return [first] if that is None else [first, _process(that, None)]


def whole(run: RunResult, occasion: Occasion, parts: Sequence[Any]) -> bytes:
    """The trace after the published schema ``trace-1``, its processes in the order of the run."""
    events: list[Event] = []
    arrows = 0
    for number, process in enumerate(chain.from_iterable(parts), 1):
        pid = number * APART
        events.append({"ph": "M", "pid": pid, "name": "process_sort_index", "args": {"sort_index": number}})
        events += [{**event, "pid": pid} | ({"id": arrows + event["id"]} if "id" in event else {}) for event in process]
        arrows += sum(event["ph"] == "s" for event in process)
    about = {
        "kind": "trace",
        "format": FORMAT,
        "wfperf": metadata.version("pytest-wfperf"),
        "verdict": str(Verdict.PASS if run.holds else Verdict.FAILED),
        "baseline": printable(run.baseline),
        "commit": printable(occasion.commit),
        "branch": printable(occasion.branch),
        "created": occasion.created.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    return itemwise({"displayTimeUnit": "ms", "otherData": about, "traceEvents": events})


# --- a process --------------------------------------------------------------------------


def _process(side: Side, judgement: Judgement | None) -> list[Event]:
    """``judgement`` is that of the run at hand, None on the baseline's side."""
    rows = {ROUND: "round"} | ({PATH: "critical path"} if side.path else {})
    rows |= {LANES + lane: f"lane {lane + 1}" for lane in range(side.lanes)}
    why = [] if judgement is None else reasons(judgement)
    timed = [_round(side, judgement, why), *_failed(side.taken), *_critical(side), *_steps(side), *_counters(side)]
    timed.sort(key=lambda event: (event.get("tid", 0), event["ts"]))  # stable: what nests stays in its order
    return [*_named(side.name, why[:1]), *chain.from_iterable(_row(*row) for row in rows.items()), *timed]


def _absent(judgement: Judgement) -> list[Event]:
    """A workflow without a round: a moment that says why, for a process with nothing in it is not shown."""
    why = reasons(judgement)
    moment = {"ph": "i", "s": "t", "tid": ROUND, "ts": 0.0, "cat": "verdict", "name": str(judgement.verdict)}
    args = {"reasons": list(map(printable, why))}
    return [*_named(title(judgement), why[:1]), *_row(ROUND, "round"), {**moment, "args": args}]


def _named(name: str, labels: Sequence[str]) -> Iterator[Event]:
    yield {"ph": "M", "name": "process_name", "args": {"name": name}}
    for label in labels:
        yield {"ph": "M", "name": "process_labels", "args": {"labels": printable(label)}}


def _row(tid: int, name: str) -> Iterator[Event]:
    yield {"ph": "M", "tid": tid, "name": "thread_name", "args": {"name": name}}
    yield {"ph": "M", "tid": tid, "name": "thread_sort_index", "args": {"sort_index": tid}}


def _us(ns: int) -> float:
    return ns / 1000


def _slice(tid: int, category: str, name: str, times_ns: tuple[int, int], args: dict[str, Any]) -> Event:
    start_ns, end_ns = times_ns
    times = {"ts": _us(start_ns), "dur": _us(end_ns - start_ns)}
    return {"ph": "X", "tid": tid, "cat": category, "name": printable(name), **times, "args": args}


# --- its rows ---------------------------------------------------------------------------


def _round(side: Side, judgement: Judgement | None, why: Sequence[str]) -> Event:
    taken = side.taken
    args: dict[str, Any] = {
        "workflow": printable(side.profile.workflow),
        "total_ns": taken.total_ns,
        "status": taken.status,
        "rounds": len(side.profile.rounds),
        "launches": len(side.profile.launches),
    }
    more = {
        "verdict": "" if judgement is None else str(judgement.verdict),
        "reasons": list(map(printable, why)),
        "cpu_ns": taken.cpu_ns,
        "memory_bytes": taken.memory_bytes,
        "metrics": {printable(metric.name): metric.value for metric in taken.metrics},
        "caches": {printable(cache.name): {"hits": cache.hits, "misses": cache.misses} for cache in taken.caches},
        "notes": list(map(printable, taken.notes)),
    }
    args |= {name: value for name, value in more.items() if value not in (None, "", [], {})}
    return _slice(ROUND, "round", "round", (0, taken.total_ns), args)


def _failed(taken: Round) -> Iterator[Event]:
    """When in its round a check failed is not recorded: it is marked at the end."""
    for check in taken.checks:
        if not check.passed:
            args = {"detail": printable(check.detail), "value": check.value, "minimum": check.minimum}
            yield {
                "ph": "i",
                "s": "t",
                "tid": ROUND,
                "ts": _us(taken.total_ns),
                "cat": "check",
                "name": f"check failed: {printable(check.name)}",
                "args": {name: value for name, value in args.items() if value not in (None, "")},
            }


def _critical(side: Side) -> Iterator[Event]:
    """The workflow's own steps on the path, one after another, and the gaps between them."""
    names = {bar.path: bar.name for bar in side.bars}
    reached = 0
    for stretch in stretches(side.path):
        if stretch.depth:
            continue
        yield from _gap(reached, stretch.start_ns, f"before {stretch.path}")
        args = {"path": printable(stretch.path), "gap_ns": stretch.gap_ns, "drag_ns": stretch.drag_ns}
        name = names.get(stretch.path, stretch.path)
        yield _slice(PATH, "critical", name, (stretch.start_ns, stretch.end_ns), args)
        reached = stretch.end_ns
    if side.path:
        yield from _gap(reached, side.taken.total_ns, "after the last step")


def _gap(start_ns: int, end_ns: int, where: str) -> Iterator[Event]:
    if end_ns > start_ns:
        yield _slice(PATH, "gap", "(gap)", (start_ns, end_ns), {"where": printable(where)}) | {"cname": "grey"}


def _steps(side: Side) -> Iterator[Event]:
    """Every bar, followed by the ends of arrows that touch it."""
    spans = {span.path: span for span in side.taken.spans}
    arrows = _arrows(side.bars)
    for bar in side.bars:
        category = "step,critical" if bar.critical else "step"
        args = _step_args(bar, spans[bar.path], side.taken.total_ns)
        event = _slice(LANES + bar.lane, category, bar.name, (bar.start_ns, bar.end_ns), args)
        yield event if bar.status == "ok" else event | {"cname": "terrible" if bar.status == "error" else "bad"}
        yield from arrows[bar.path]


def _step_args(bar: Bar, span: Span, total_ns: int) -> dict[str, Any]:
    args: dict[str, Any] = {
        "path": printable(bar.path),
        "count": bar.count,
        "busy_ns": bar.busy_ns,
        "own_ns": span.own_ns,
        "share": round(bar.busy_ns / max(1, total_ns), 6),
        "status": bar.status,
        "waited_ns": span.waited_ns,
    }
    more = {
        "error": printable(span.error),
        "after": list(map(printable, bar.after)),
        "group": None if span.group is None else printable(span.group),
        "shortest_ns": span.min_ns if span.count > 1 else None,
        "longest_ns": span.max_ns if span.count > 1 else None,
        "retries": span.retries or None,
        "retry_ns": span.retry_ns or None,
        "cpu_ns": span.cpu_ns,
        "memory_bytes": span.memory_bytes,
    }
    return args | {name: value for name, value in more.items() if value not in (None, "", [])}


# --- arrows -----------------------------------------------------------------------------


def _arrows(bars: Sequence[Bar]) -> dict[str, list[Event]]:
    """By path, the ends of the arrows for declared edges that touch a step.

    chrome://tracing binds an end to the slice around its moment, Perfetto to the one that began last: an end lies
    within its step and before all steps inside it (where one begins with it, at the same ns, viewers take that one).
    An edge whose order was not kept, or that touches a step which took no time, has no arrow: none could bind it.
    """
    by_path = {bar.path: bar for bar in bars}
    within = _first_within(bars)
    found: dict[str, list[Event]] = defaultdict(list)
    number = 0
    for bar in bars:
        for path in bar.after:
            first = by_path.get(path)
            if first is None or first.start_ns >= bar.start_ns or min(_length(first), _length(bar)) == 0:
                continue
            start = _last_moment(first, within[path], bar.start_ns)
            found[path].append(_end("s", number, first, start))
            found[bar.path].append(_end("f", number, bar, _first_moment(bar, within[bar.path])) | {"bp": "e"})
            number += 1
    return found


def _end(phase: str, number: int, bar: Bar, at_ns: int) -> Event:
    return {"ph": phase, "id": number, "tid": LANES + bar.lane, "ts": _us(at_ns), "cat": "after", "name": "after"}


def _length(bar: Bar) -> int:
    return bar.end_ns - bar.start_ns


def _first_within(bars: Sequence[Bar]) -> dict[str, int]:
    """By path, when the first step inside on the same lane begins; the step's end where there is none."""
    found: dict[str, int] = {}
    open_on: dict[int, list[Bar]] = defaultdict(list)
    for bar in bars:
        lane = open_on[bar.lane]
        while lane and lane[-1].end_ns <= bar.start_ns:
            lane.pop()
        if lane:
            found[lane[-1].path] = min(found[lane[-1].path], bar.start_ns)
        lane.append(bar)
        found[bar.path] = bar.end_ns
    return found


def _first_moment(bar: Bar, within: int) -> int:
    at = min(bar.start_ns + 1, bar.end_ns - 1)
    return at if at <= within else bar.start_ns


def _last_moment(bar: Bar, within: int, limit_ns: int) -> int:
    return max(bar.start_ns, min(bar.end_ns, within, limit_ns) - 1)


# --- counters ---------------------------------------------------------------------------


def _counters(side: Side) -> Iterator[Event]:
    """What steps used, where it was recorded: the most of any step at work, for their samples overlap."""
    spans = {span.path: span for span in side.taken.spans}

    def memory(bar: Bar) -> float | None:
        return spans[bar.path].memory_bytes

    def cores(bar: Bar) -> float | None:
        cpu_ns = spans[bar.path].cpu_ns
        return None if cpu_ns is None or bar.busy_ns <= 0 else round(cpu_ns / bar.busy_ns, 3)

    yield from _counter("peak memory of a step", "bytes", side.bars, memory)
    yield from _counter("CPUs used by a step", "CPUs", side.bars, cores)


def _counter(name: str, unit: str, bars: Sequence[Bar], used: Callable[[Bar], float | None]) -> Iterator[Event]:
    counted = {bar.path: value for bar in bars if (value := used(bar)) is not None and _length(bar)}
    moments: dict[int, list[Bar]] = defaultdict(list)  # at each, the bars that begin, outer ones first
    for bar in bars:
        if bar.path in counted:
            moments[bar.start_ns].append(bar)
            moments[bar.end_ns] += ()
    lanes: dict[int, list[Bar]] = defaultdict(list)
    told: float | None = None
    for at_ns, begun in sorted(moments.items()):
        for lane in lanes.values():
            while lane and lane[-1].end_ns <= at_ns:
                lane.pop()
        for bar in begun:
            lanes[bar.lane].append(bar)
        value = max((counted[lane[-1].path] for lane in lanes.values() if lane), default=0)
        if value != told:
            yield {"ph": "C", "cat": "usage", "name": name, "ts": _us(at_ns), "args": {unit: value}}
            told = value
