"""Tests and files of pytest-benchmark: its rounds become a workflow of one step, its saved runs a baseline.

A value is one iteration of the benchmarked function. The step is always called ``benchmark``: a saved
run does not say which function it timed, and the step has to bear the same name on both sides.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Never

from ..errors import BaselineCorrupt, BaselineMissing, ConfigError
from ..model import Environment, Launch, Profile, Round, Span
from ..store.directory import Store
from ..store.layout import storable

if TYPE_CHECKING:
    from ..measure.rounds import Measurement

STEP = "benchmark"
MOST_ROUNDS = 1000  # kept of one benchmark; pytest-benchmark takes some 100,000 where a round is short
LONGEST_S = 1e9  # a stored time has 63 bits of nanoseconds
WALL_CLOCKS = frozenset(["perf_counter", "time", "monotonic", "default_timer", "unknown"])
_NO_COMMIT = frozenset(["unversioned", "unknown"])


# --- a test that uses its fixture -----------------------------------------------------


@contextmanager
def adopting(measurement: Measurement, fixture: Any, session: Any) -> Iterator[None]:
    """Run a test's call, then make the rounds its ``benchmark`` fixture took the workflow's own.

    ``session`` is pytest-benchmark's; it keeps silent about this test from here on.
    """
    silence(session, fixture.fullname)
    if fixture.disabled:
        for name in ("_raw", "_raw_pedantic"):
            setattr(fixture, name, measurement.recorder.step(STEP)(getattr(fixture, name)))
    try:
        yield
    finally:
        adopt(measurement, fixture)


def adopt(measurement: Measurement, fixture: Any) -> None:
    """Make what the ``benchmark`` fixture timed the workflow's rounds, once the test's call is over.

    Where benchmarks are disabled the function ran once, so this pass is a round of it and wfperf
    takes as many as of any workflow. A test that never called the fixture, whose benchmarked
    function raised, or that calls ``wfperf.run`` or ``compare``, stays as it was measured.
    """
    passes = measurement.rounds or measurement.warmup
    if measurement.owns_rounds or not passes or fixture.has_error:
        return
    taken = passes[-1]
    if fixture.disabled:
        passes[-1] = _called_once(taken)
    elif fixture.stats is not None and fixture.stats.stats.data:
        stats = fixture.stats
        rounds = _rounds(stats.stats.data, int(stats.iterations))
        if taken.spans:
            left_out = "1 step in the test is" if len(taken.spans) == 1 else f"{len(taken.spans)} steps in the test are"
            note = f"{left_out} left out: the rounds are pytest-benchmark's"
            rounds[0] = replace(rounds[0], notes=(*rounds[0].notes, note))
        beside = partial(replace, checks=taken.checks, metrics=taken.metrics, caches=taken.caches)
        measurement.take_over([beside(r, memory_bytes=taken.memory_bytes) for r in rounds])


def environment_of(here: Environment, fixture: Any) -> Environment:
    """The environment of what the fixture timed: times of another kind are not comparable with the ordinary."""
    facts = dict(here.facts)
    if fixture.stats is not None:
        facts |= _measured(getattr(fixture.stats.options["timer"], "__name__", "unknown"))
    elif fixture.disabled and facts["concurrency"] == "alone":  # beside others there are only disabled ones
        facts["measured"] = "one call a round"
    return replace(here, facts=tuple(sorted(facts.items())))


def silence(session: Any, workflow: str) -> None:
    """Leave a test out of pytest-benchmark's table and comparison; its own files still hold it."""
    judged: set[str] = vars(session).setdefault("judged_by_wfperf", set())
    if not judged:
        session.prepare_benchmarks = partial(_of_others, session, session.prepare_benchmarks, judged)
    judged.add(workflow)


def _of_others(session: Any, prepare: Callable[[], Iterator[Any]], judged: set[str]) -> Iterator[Any]:
    everything = session.benchmarks
    session.benchmarks = [bench for bench in everything if bench.fullname not in judged]
    if session.compare_fail:
        told = f"--benchmark-compare-fail is not applied to what wfperf judges: {_counted(judged, 'test')}"
        session.logger.info(told)
    try:
        yield from prepare()
    finally:
        session.benchmarks = everything


def _called_once(taken: Round) -> Round:
    """The round cut down to the call of the benchmarked function, where there was one."""
    span = next((span for span in taken.spans if span.path == STEP), None)
    if span is None:
        return taken
    return replace(taken, total_ns=span.total_ns, cpu_ns=None, spans=tuple(_moved(s, span) for s in taken.spans))


def _moved(span: Span, origin: Span) -> Span:
    start, end = (max(0, t - origin.start_ns) for t in (span.start_ns, span.end_ns))
    return replace(span, start_ns=start, end_ns=end)


# --- rounds ---------------------------------------------------------------------------


def _rounds(seconds: Sequence[float], iterations: int, note: str = "") -> list[Round]:
    """Rounds from the seconds of one iteration in each.

    Of more than ``MOST_ROUNDS`` only so many are kept, evenly spaced by length, the fastest and
    the slowest among them.
    """
    values = [max(1, round(s * 1e9)) for s in seconds]
    kept = _thinned(values)
    notes = [note] if note else []
    if len(kept) < len(values):
        notes.append(f"{len(kept)} of {len(values)} rounds are kept, evenly spaced by length")
    rounds = [
        Round(
            total_ns=ns,
            iterations=iterations,
            spans=(Span(path=STEP, count=1, total_ns=ns, min_ns=ns, max_ns=ns, own_ns=ns, start_ns=0, end_ns=ns),),
        )
        for ns in kept
    ]
    rounds[0] = replace(rounds[0], notes=tuple(notes))
    return rounds


def _thinned(values: list[int]) -> list[int]:
    n = len(values)
    if n <= MOST_ROUNDS:
        return values
    by_length = sorted(range(n), key=values.__getitem__)
    kept = sorted(by_length[i * (n - 1) // (MOST_ROUNDS - 1)] for i in range(MOST_ROUNDS))
    return [values[i] for i in kept]


def _measured(timer: str) -> dict[str, str]:
    """How times were taken, as a fact of the environment where by no wall clock: CPU time is another kind of time."""
    return {} if timer in WALL_CLOCKS else {"measured": f"by {timer}"}


# --- its files ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """One file of pytest-benchmark; ``summaries`` counts the profiles rebuilt from their summary."""

    path: Path
    when: datetime
    commit: str
    profiles: tuple[Profile, ...]
    summaries: int


def import_files(paths: Sequence[Path], store: Path, name: str = "main", reason: str = "") -> str:
    """Store saved runs as a new version of baseline ``name``, one session a file, and say what was stored.

    Sessions bear the dates of their files. Every file is read before anything is written; what the
    version in force has of other workflows is kept. Raises BaselineError, ConfigError.
    """
    files = sorted((read_file(path) for path in paths), key=lambda saved: saved.when)
    reason = reason or "imported from pytest-benchmark: " + ", ".join(saved.path.name for saved in files)
    place = Store(store)
    environments = dict.fromkeys(profile.environment for saved in files for profile in saved.profiles)
    written = [_write(place, name, reason, environment, files) for environment in environments]
    rebuilt = sum(saved.summaries for saved in files)
    if rebuilt:
        written.append(
            f"rebuilt from their summaries, as their files hold no single rounds: {rebuilt} "
            "(--benchmark-save-data keeps them)"
        )
    return "\n".join(written)


def _write(store: Store, name: str, reason: str, environment: Environment, files: Sequence[Saved]) -> str:
    sessions = [
        (saved, profiles)
        for saved in files
        if (profiles := [profile for profile in saved.profiles if profile.environment == environment])
    ]
    imported = {storable(profile.workflow) for _, profiles in sessions for profile in profiles}
    try:
        in_force = store.open(name, environment)
    except BaselineMissing:
        in_force = None
    kept = frozenset() if in_force is None else in_force.workflows() - imported
    for number, (saved, profiles) in enumerate(sessions):
        if number == 0:
            stored = store.save(
                name,
                profiles,
                environment=environment,
                reason=reason,
                commit=saved.commit,
                carry=kept,
                when=saved.when,
            )
        else:
            stored = store.extend(name, profiles, environment=environment, commit=saved.commit, when=saved.when)
    return (
        f"baseline {stored.name} {stored.version}: {_counted(imported, 'workflow')} in {_counted(sessions, 'session')}"
        + (f", {len(kept)} more kept from before" if kept else "")
    )


def _counted(things: Sized, noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"


def read_saved(path: Path) -> list[Profile]:
    """The profiles in a file of pytest-benchmark; raises ConfigError or BaselineCorrupt naming the file."""
    return list(read_file(path).profiles)


def read_file(path: Path) -> Saved:
    """A file of pytest-benchmark, of any version from 2.5 on.

    A benchmark whose single rounds were not saved is rebuilt from its summary, see
    :func:`from_summary`. What a file does not say of its environment takes its ordinary value,
    and is ``unknown`` where there is none (the CPU, in files before 3.1).
    """
    data = _load(path)
    machine = data.get("machine_info")
    benchmarks = data.get("benchmarks")
    if not isinstance(machine, dict) or not isinstance(benchmarks, list):
        _refuse(path, "it is no saved run of pytest-benchmark (it has no machine_info and benchmarks)")
    if not benchmarks:
        _refuse(path, "it holds no benchmark")
    profiles = [_profile(path, bench, machine) for bench in benchmarks]
    names = [profile.workflow for profile in profiles]
    if len(set(names)) < len(names):
        _refuse(path, f"it holds {next(name for name in names if names.count(name) > 1)} twice")
    commit = data.get("commit_info")
    revision = commit.get("id") if isinstance(commit, dict) else None
    return Saved(
        path=path,
        when=_when(path, data.get("datetime")),
        commit=revision if isinstance(revision, str) and revision not in _NO_COMMIT else "",
        profiles=tuple(profiles),
        summaries=sum("data" not in bench["stats"] for bench in benchmarks),
    )


def _profile(path: Path, bench: Any, machine: dict[str, Any]) -> Profile:
    if not isinstance(bench, dict) or not isinstance(bench.get("stats"), dict):
        _refuse(path, "one of its benchmarks has no stats")
    workflow, stats, options = bench.get("fullname"), bench["stats"], bench.get("options")
    if not isinstance(workflow, str) or not workflow:
        _refuse(path, f"one of its benchmarks has no fullname, but {workflow!r:.80}")
    iterations = _count(path, workflow, "iterations", stats.get("iterations"))
    if "data" in stats:
        data = stats["data"]
        if not isinstance(data, list) or not data:
            _refuse(path, f"the data of {workflow} hold no round")
        rounds = _rounds([_seconds(path, workflow, "data", value) for value in data], iterations)
    else:
        note = f"rebuilt from the summary of {_count(path, workflow, 'rounds', stats.get('rounds'))} rounds"
        rounds = _rounds(from_summary(_summary(path, workflow, stats)), iterations, note)
    timer = options.get("timer") if isinstance(options, dict) else None
    return Profile(
        workflow=workflow,
        environment=_environment(machine, timer if isinstance(timer, str) else "unknown"),
        launches=(Launch(rounds=tuple(rounds)),),
    )


def from_summary(stats: Mapping[str, float]) -> list[float]:
    """A few rounds that say of a run what its summary says, and no more than that.

    They are the summary's minimum, quartiles and maximum, and one round, at most the maximum, that
    brings the mean without the slowest round, which is what is compared beside the minimum, to what
    it was. Of up to three rounds the summary is the whole.
    """
    low, high, mid, n = stats["min"], stats["max"], stats["median"], round(stats["rounds"])
    if n < 4:
        return [low, mid, high][:n] if n != 2 else [low, high]
    few = n < 6  # quartiles of four or five rounds are no rounds of their own
    fixed = [low, mid] if few else [low, stats["q1"], mid, stats["q3"]]
    mean = (n * stats["mean"] - high) / (n - 1)
    balance = (len(fixed) + 1) * mean - sum(fixed)
    return [*fixed, min(max(low, balance), high), high]


def _summary(path: Path, workflow: str, stats: Mapping[str, Any]) -> dict[str, float]:
    n = _count(path, workflow, "rounds", stats.get("rounds"))
    names = ("min", "q1", "median", "q3", "max", "mean")
    numbers = {name: _seconds(path, workflow, name, stats.get(name)) for name in names}
    low, high = numbers["min"], numbers["max"]
    slack = 1e-9 * high  # means are rounded
    for name in names:
        if not low - slack <= numbers[name] <= high + slack:
            _refuse(path, f"{name}={numbers[name]:g} of {workflow} is not between its min {low:g} and max {high:g}")
    return {**numbers, "rounds": n}


def _environment(machine: Mapping[str, Any], timer: str) -> Environment:
    def text(name: str) -> str:
        value = machine.get(name)
        return storable(value) if isinstance(value, str) and value else "unknown"

    cpu = machine.get("cpu")
    known = cpu if isinstance(cpu, dict) else {}
    brand, count = known.get("brand_raw", known.get("brand")), known.get("count")
    python = ".".join(text("python_version").split(".")[:2])
    facts = {
        "concurrency": "alone",  # beside xdist's workers pytest-benchmark does not measure
        "cpu": storable(brand.strip()) if isinstance(brand, str) and brand.strip() else "unknown",
        "cpus": str(count) if type(count) is int and count > 0 else "unknown",
        "gil": "on",
        "machine": text("machine"),
        **_measured(timer),
        "python": f"{text('python_implementation').lower()}{python}",
        "python_options": "none",
        "system": text("system"),
        "tracing": "none",
    }
    notes = {
        "compiler": text("python_compiler"),
        "host": text("node"),
        "kernel": text("release"),
        "python_version": text("python_version"),
        "source": "a file of pytest-benchmark",
    }
    return Environment(facts=tuple(sorted(facts.items())), notes=tuple(sorted(notes.items())))


# --- what is not to be believed -------------------------------------------------------


def _load(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path} cannot be imported: {error.strerror or error}; give a file that exists") from error
    except UnicodeDecodeError as error:
        _refuse(path, f"byte {error.start} is not UTF-8")
    except json.JSONDecodeError as error:
        _refuse(path, f"line {error.lineno}, column {error.colno}: {error.msg}")
    except RecursionError:
        _refuse(path, "it is nested too deeply")
    except ValueError as error:  # an integer of thousands of digits
        _refuse(path, str(error))
    if not isinstance(data, dict):
        _refuse(path, "it is no saved run of pytest-benchmark")
    return data


def _seconds(path: Path, workflow: str, name: str, value: Any) -> float:
    if type(value) not in (int, float) or not 0 < value < LONGEST_S:  # NaN is not below anything
        _refuse(path, f"{name} of {workflow} has {value!r:.80}, which is no time in seconds")
    return float(value)


def _count(path: Path, workflow: str, name: str, value: Any) -> int:
    if type(value) is not int or not 0 < value < 2**63:
        _refuse(path, f"{name}={value!r:.80} of {workflow} is no count of at least 1")
    return value


def _when(path: Path, value: Any) -> datetime:
    """The date a file states; one without a time zone is in UTC."""
    try:
        when = datetime.fromisoformat(value)
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        _refuse(path, f"its datetime {value!r:.80} is no date")


def _refuse(path: Path, problem: str) -> Never:
    raise BaselineCorrupt(f"{path} cannot be imported: {problem}; save the run again with pytest-benchmark")
