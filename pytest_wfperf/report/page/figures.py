"""What the charts of one workflow are drawn from, as small as it can be said.

Steps are named by their places in one list of paths. Times are whole numbers of ``unit`` ns: a few digits are more
than a screen can show. What follows from the rest is left out. ``unpack.js`` undoes all this when a chart is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ...analyse.history import Drift, History, Point
from ...judged import Comparison, Effect, Verdict
from ...model import Profile, Round
from ...samples import quantile
from .. import side
from ..exhibit import Exhibit
from ..side import Side
from ..timeline import Bar
from .dependencies import dependencies

DIGITS, DIGITS_OF_ROUNDS = 5, 4  # of the largest time of a chart
MOST_SAMPLES = 200  # of a side
MOST_BARS = 300  # of a chart: what is shorter than those is left out
MOST_POINTS = 200  # of the history: the newest
UNBOUNDED = math.log(1e6)  # an interval that reaches as far says nothing

Places = Mapping[str, int]  # of a step's path in the list of steps


def figures(exhibit: Exhibit) -> dict[str, Any]:
    """The workflow's entry in the page's data; a chart for which there is nothing is None."""
    judgement, profile, found = exhibit.judgement, exhibit.profile, exhibit.analysis
    here, there = side.now(exhibit), side.before(exhibit)
    now, then = passed([] if profile is None else [profile]), passed(exhibit.before)
    shown = [one.taken for one in (here, there) if one is not None]  # perhaps a round that failed
    places = _places([*now, *then, *shown], judgement.comparison)
    return {
        "id": judgement.workflow,
        "verdict": str(judgement.verdict),
        "baseline": judgement.baseline,
        "steps": _steps(places),
        "now": None if here is None else _bars(here, places),
        "then": None if there is None else _bars(there, places),
        "spread": _spread([] if profile is None else [profile], exhibit.before),
        "effects": None if judgement.comparison is None else _effects(judgement.comparison, places),
        "flame": _flame(now, places),
        "graphs": [] if found is None or here is None else list(dependencies(found, here.taken, places)),
        "history": None if exhibit.history is None else _history(exhibit.history),
    }


def passed(profiles: Iterable[Profile]) -> tuple[Round, ...]:
    """The rounds that tell how long it takes: those that passed, or all where none did."""
    taken = tuple(one for profile in profiles for one in profile.rounds)
    return tuple(one for one in taken if one.status == "passed") or taken


def _places(rounds: Sequence[Round], comparison: Comparison | None) -> Places:
    seen = [span.path for one in rounds for span in one.spans]
    compared = [] if comparison is None else [effect.path for effect in comparison.steps]
    return {path: place for place, path in enumerate(dict.fromkeys([*seen, *compared]))}


def _steps(places: Places) -> list[str | list[str | int]]:
    """A path; of a step inside another, that one's place and the rest of the path."""
    told: list[str | list[str | int]] = []
    for path in places:
        outer, _, name = path.rpartition("/")
        told.append([places[outer], name] if places.get(outer, len(told)) < len(told) else path)
    return told


def _unit(longest_ns: float, digits: int = DIGITS) -> int:
    """The power of ten of which the longest time has no more than so many digits."""
    return int(10 ** max(0, len(str(round(longest_ns))) - digits))


# --- the round of median length ---------------------------------------------------------


def _bars(shown: Side, places: Places) -> dict[str, Any]:
    kept = _longest(shown.bars, [bar.end_ns - bar.start_ns for bar in shown.bars])
    total_ns = shown.taken.total_ns
    unit = _unit(max([total_ns, *(bar.end_ns for bar in kept)]))
    rows = [_bar(bar, places, unit) for bar in kept]
    return {"unit": unit, "total": total_ns // unit, "bars": rows} | _left(len(shown.bars) - len(kept))


def _bar(bar: Bar, places: Places, unit: int) -> list[int]:
    """How long it was busy, how often, whether without an error: left out where that is all the time, once and yes."""
    row = [places[bar.path], bar.lane, bar.depth, bar.start_ns // unit, bar.end_ns // unit, int(bar.critical)]
    if (bar.count, bar.status) == (1, "ok") and bar.busy_ns >= bar.end_ns - bar.start_ns:
        return row
    return [*row, min(bar.busy_ns, bar.end_ns - bar.start_ns) // unit, bar.count, int(bar.status == "ok")]


def _longest(things: Sequence[Any], lengths: Sequence[float]) -> list[Any]:
    """The longest of them in the order they have."""
    if len(things) <= MOST_BARS:
        return list(things)
    wanted = set(sorted(range(len(things)), key=lambda place: -lengths[place])[:MOST_BARS])
    return [thing for place, thing in enumerate(things) if place in wanted]


def _left(count: int) -> dict[str, int]:
    """How many steps are not drawn, where there are any."""
    return {"left": count} if count else {}


# --- the distribution of launches -------------------------------------------------------


def _spread(now: Collection[Profile], then: Collection[Profile]) -> dict[str, Any] | None:
    sides = [_totals(now), _totals(then)]
    longest = max((total for side in sides for launch in side for total in launch), default=None)
    if longest is None:
        return None
    unit = _unit(longest, DIGITS_OF_ROUNDS)
    thin = [[_from_least([total // unit for total in launch]) for launch in _thinned(side)] for side in sides]
    return {"unit": unit, "now": thin[0], "then": thin[1]}


def _from_least(values: Sequence[int]) -> list[int]:
    """The least value, then by how much each exceeds it."""
    least = min(values)
    return [least, *(value - least for value in values)]


def _totals(profiles: Collection[Profile]) -> list[list[int]]:
    """By launch, how long the rounds took."""
    only_passed = any(one.status == "passed" for profile in profiles for one in profile.rounds)
    launches = [
        [one.total_ns for one in launch.rounds if one.status == "passed" or not only_passed]
        for profile in profiles
        for launch in profile.launches
    ]
    return [launch for launch in launches if launch]


def _thinned(launches: Sequence[Sequence[int]]) -> Sequence[Sequence[int]]:
    """At most 200 values: of every launch its evenly spaced order statistics, of too many launches every so-manieth."""
    count = min(len(launches), MOST_SAMPLES)
    kept = [launches[len(launches) * i // count] for i in range(count)]
    size = sum(map(len, kept))
    if size <= MOST_SAMPLES:
        return kept
    thin = []
    for launch in kept:
        room = max(1, min(len(launch), MOST_SAMPLES * len(launch) // size))
        ordered = sorted(launch)
        thin.append([ordered[(2 * i + 1) * len(ordered) // (2 * room)] for i in range(room)])
    return thin[:MOST_SAMPLES]


# --- what changed -----------------------------------------------------------------------


def _effects(comparison: Comparison, places: Places) -> list[list[Any]]:
    """The whole first, then the steps; of too many, those that tell most."""
    steps = sorted(comparison.steps, key=lambda e: (e.verdict is not Verdict.REGRESSED, -abs(e.log_ratio)))
    told = set(map(id, steps[:MOST_BARS]))
    kept = [comparison.total, *(effect for effect in comparison.steps if id(effect) in told)]
    return [_effect(effect, places) for effect in kept]


def _effect(effect: Effect, places: Places) -> list[Any]:
    """The verdict is its place among all verdicts; an end of the interval that so few launches cannot bound is None."""
    ends = [_short(math.expm1(end)) if -math.inf < end < UNBOUNDED else None for end in (effect.low, effect.high)]
    caught = None if effect.could_have_caught is None else _short(effect.could_have_caught)
    place = places[effect.path] if effect.path else -1
    return [place, _short(effect.change), *ends, _short(effect.limit), list(Verdict).index(effect.verdict), caught]


def _short(fraction: float) -> float:
    return round(fraction, 3)  # finer than it is ever told


# --- nested steps -----------------------------------------------------------------------


def _flame(rounds: Sequence[Round], places: Places) -> dict[str, Any] | None:
    """Medians of the steps over the rounds that entered them; what encloses others stands before them."""
    total: dict[str, list[int]] = {}
    own: dict[str, list[int]] = {}
    for span in (span for one in rounds for span in one.spans):
        total.setdefault(span.path, []).append(span.total_ns)
        own.setdefault(span.path, []).append(span.own_ns)
    if not total:
        return None
    medians = {path: quantile(values, 0.5) for path, values in total.items()}
    unit = _unit(max(medians.values()))
    paths = sorted(medians, key=lambda path: path.count("/"))  # sorting keeps the order of first appearance
    kept = _longest(paths, [medians[path] for path in paths])
    rows = [
        [places[path], _parent(path, places, medians), *_total_and_own(medians[path], quantile(own[path], 0.5), unit)]
        for path in kept
    ]
    return {"unit": unit, "steps": rows} | _left(len(paths) - len(rows))


def _total_and_own(total_ns: float, own_ns: float, unit: int) -> list[int]:
    """Only the total where all of it is the step's own."""
    total, own = round(total_ns / unit), round(own_ns / unit)
    return [total] if total == own else [total, own]


def _parent(path: str, places: Places, seen: Collection[str]) -> int:
    while "/" in path:
        path = path.rpartition("/")[0]
        if path in seen:
            return places[path]
    return -1


# --- the history ------------------------------------------------------------------------


def _history(history: History) -> dict[str, Any] | None:
    """Texts are places in a list of them, dates whole seconds since 1970."""
    if not history.points:
        return None
    left, drift = max(0, len(history.points) - MOST_POINTS), history.drift
    points = history.points[left:]
    unit = _unit(max(point.high_ns or point.level_ns for point in points))
    texts: dict[str, int] = {}
    return {
        "unit": unit,
        "points": [_point(point, unit, texts) for point in points],
        "changes": [
            [one.at - left, round(one.before_ns / unit), round(one.after_ns / unit), float(f"{one.p_value:.2g}")]
            for one in history.changes
            if one.at >= left
        ],
        "drift": None if drift is None or drift.since not in points else _drift(drift, points),
        "texts": list(texts),
    }


def _drift(drift: Drift, points: Sequence[Point]) -> list[Any]:
    ends = [_short(end) if math.isfinite(end) else None for end in (drift.low, drift.high)]
    return [points.index(drift.since), _short(drift.change), *ends, drift.versions]


def _point(point: Point, unit: int, texts: dict[str, int]) -> list[Any]:
    levels = [None if level is None else round(level / unit) for level in (point.level_ns, point.low_ns, point.high_ns)]
    told = [texts.setdefault(text, len(texts)) for text in (point.version, point.commit, point.reason)]
    return [round(point.created.timestamp()), *levels, *told, int(point.accepted)]
