"""Whether this machine is fit for measuring: what it is like, and what a run of unchanged code shows on it.

The A/A run starts pairs of fresh pytest processes on one and the same small workflow. What the two
sides of a pair differ by is chance alone; so it tells what a pair costs, how small a slowdown can be
seen in how many seconds, and how often the judge would raise a false alarm.
"""

from __future__ import annotations

import math
import os
import random
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

from .errors import MeasurementError
from .judge.difference import ALPHA
from .judge.estimate import clopper_pearson_lower, clopper_pearson_upper
from .judge.looks import alpha_levels, schedule
from .judge.pairs import Trial
from .judge.shift import Cuts, Shift
from .judge.spread import scale
from .launching import DEFAULT_LIMIT, LAYOUT_SD, MOST_PAIRS
from .measure import launch, machine
from .measure.arms import Arm
from .measure.launch import Crew, Effort
from .measure.layout import WITHOUT
from .measure.machine import Finding
from .model import Launch, Verdict
from .report.text import amount, caught, duration, plural, printable, share

LEAST_PAIRS = 6  # below it no verdict is reached
BUDGETS_S = (1, 10, 60)  # the last one is what a run takes at most where nobody says otherwise
REPLAYS = 300  # none flagged of so many shows at most 1 % at 95 % confidence
REPLAY_LIMIT_S = 6.0  # a noisy machine takes long to judge: then they are fewer
DRIFT_LIMIT = 0.05  # sd of the calibration over launches; a stored baseline is one such launch against another
_SEED = 20_160_229
_ROUND_LIMIT_S = 60.0
_WHOLE = "the whole workflow"
# What both sides of a pair meet alike: what it does to a run, the A/A run tells
_SHARED = frozenset(["governor", "boost", "SMT"])

Pair = tuple[Launch, Launch]

WORKFLOW = '''"""Four steps of the kinds of work that tests do, 0.2 to 2 ms each."""

import json
import re
import sqlite3

ROWS = [{"id": i * 7919 % 1009, "name": f"row {i}", "price": i * 0.25, "tags": ["a", "b"]} for i in range(400)]
TEXT = " ".join(f"user{i}@host{i % 7}.example.org said {i}:{i % 60:02}" for i in range(1000))
PATTERN = re.compile(r"(\\w+)@(\\w+)\\.example\\.org said (\\d+):(\\d\\d)")


def test_steps(wfperf):
    with wfperf.step("json"):
        assert len(json.loads(json.dumps(ROWS))) == 400
    with wfperf.step("sort"):
        for key in ("name", "tags", "id", "price"):
            ordered = sorted(ROWS, key=lambda row: (row[key], row["id"]))
        assert ordered == ROWS
    with wfperf.step("regex"):
        assert len(PATTERN.findall(TEXT)) == 1000
    with wfperf.step("sqlite"):
        base = sqlite3.connect(":memory:")
        base.execute("create table t (id, name)")
        base.executemany("insert into t values (?, ?)", [(row["id"], row["name"]) for row in ROWS])
        assert len(base.execute("select id, count(*) from t group by id order by id").fetchall()) == 400
        base.close()
'''


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One time of the A/A run: the whole workflow (an empty path) or a step.

    ``pair_sd`` is that of ln(one side/the other). ``caught`` is by seconds the smallest slowdown (0.05 is 5 %) that
    a run of that length catches 95 times in 100; None where so few pairs can show nothing.
    """

    path: str
    fastest_ns: int
    pair_sd: float
    caught: tuple[tuple[int, float | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What the judge said of runs drawn from the A/A pairs: in how many it flagged something, or passed all.

    ``pairs`` is how many such a run took on average.
    """

    replays: int
    flagged: int
    passed: int
    pairs: float

    @property
    def least(self) -> float:
        """The lower end of the share that is flagged, as :attr:`bound` is the upper one."""
        return clopper_pearson_lower(self.flagged, self.replays)

    @property
    def bound(self) -> float:
        """The upper end of the share that is flagged, one-sided 95 %. Source: Clopper & Pearson 1934."""
        return clopper_pearson_upper(self.flagged, self.replays)


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What the A/A run found. ``drift`` is the sd of ln(calibration) over all launches, which took ``calibration_ns``.

    ``flagged`` is whether the judge raised an alarm on the pairs themselves. ``swapped`` are replays with the sides
    of each drawn pair exchanged by coin: that nothing is slower is then true, and what they flag is the risk of a
    false alarm. ``replay`` is of the pairs as they were taken: whatever these happened to lean to one side by counts
    as a slowdown there, the more the noisier the machine is.
    """

    pairs: int
    pair_s: float
    addresses: str
    limit: float
    affordable: tuple[tuple[int, int], ...]
    gates: tuple[Gate, ...]
    flagged: bool
    replay: Replay
    swapped: Replay
    calibration_ns: tuple[int, ...]
    drift: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """Everything the doctor has to say; ``impossible`` is why there was no A/A run."""

    findings: tuple[Finding, ...]
    experiment: Experiment | None
    impossible: str = ""

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences on what makes gates unreliable here."""
        poor = [f for f in self.findings if f.fit == "poor" and f.name not in _SHARED]
        found = [f"{f.name} {_value(f)}: {f.advice}" for f in poor]
        return (*found, *(_problems(self.experiment) if self.experiment is not None else ()))

    @property
    def exit_code(self) -> int:
        """0 fit, 1 something makes gates unreliable, 2 there was no A/A run."""
        return 2 if self.experiment is None else min(1, len(self.problems))


def examine(seconds: float, show: Callable[[str], None]) -> Examination:
    """Look at the machine, and take pairs for so many seconds; ``show`` is told how far that has come."""
    findings = machine.examine()
    before, experiment, impossible = machine.ticks(), None, ""
    try:
        pairs, pair_s = take(seconds, show)
        show("replaying the pairs")
        experiment = assess(pairs, pair_s)
    except MeasurementError as error:
        impossible = str(error)
    finally:
        show("")
    return Examination(
        findings=(*findings, machine.steal(before, machine.ticks())), experiment=experiment, impossible=impossible
    )


# --- the A/A run ----------------------------------------------------------------------


def take(seconds: float, show: Callable[[str], None]) -> tuple[list[Pair], float]:
    """Pairs of launches of the bundled workflow, six at least, and what one of them took, s.

    Raises MeasurementError where processes cannot be launched. No process and no file outlives the call.
    """
    if not launch.POSSIBLE:
        raise MeasurementError("this system cannot hand a socket to a new process: there are no launches, and no pairs")
    pairs: list[Pair] = []
    costs: list[float] = []
    with _terminated_as_exit(), tempfile.TemporaryDirectory(prefix="wfperf-", ignore_cleanup_errors=True) as place:
        arms = [_arm(Path(place))] * 2
        end = launch.now() + seconds
        while len(pairs) < LEAST_PAIRS or (launch.now() + fmean(costs) <= end and len(pairs) < MOST_PAIRS):
            show(f"A/A run: pair {len(pairs) + 1}, {max(0.0, end - launch.now()):.0f} s left")
            began = launch.now()
            pairs.append(_pair(arms, Path(place), len(pairs)))
            costs.append(launch.now() - began)
    return pairs, median(costs)


def _pair(arms: Sequence[Arm], directory: Path, number: int) -> Pair:
    with Crew(arms, directory, number) as crew:
        described = crew.hellos[0]["workflows"]
        if len(described) != 1:
            raise MeasurementError(f"the bundled workflow was not collected: {len(described)} were")
        effort = Effort(rounds=described[0]["rounds"], warmup=described[0]["warmup"])
        one, other = crew.measure(
            described[0]["workflow"], lambda _: effort, limit_s=_ROUND_LIMIT_S, calibrated=True, sampled=False
        )
    return one, other


def _arm(directory: Path) -> Arm:
    """The bundled workflow in a directory of its own, without anything of the project the doctor is called in."""
    directory = directory.resolve()
    (directory / "test_doctor.py").write_text(WORKFLOW, encoding="utf-8")
    (directory / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    own = {name: "" for name in os.environ if name.startswith("WFPERF_") and name != WITHOUT}
    home = Path(__file__).parents[1]
    path = [] if home.name in ("site-packages", "dist-packages") else [str(home)]
    environment = {
        **own,
        "PYTEST_ADDOPTS": "",
        "PYTEST_PLUGINS": "",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": os.pathsep.join([*path, *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    return Arm(
        name="bundled workflow",
        root=directory,
        cwd=directory,
        arguments=("-c", "pytest.ini", "-p", "pytest_wfperf.plugin", "-p", "no:cacheprovider", "test_doctor.py"),
        environment=environment,
        import_paths=(),
        strip=(),
    )


@contextmanager
def _terminated_as_exit() -> Iterator[None]:
    """Let SIGTERM unwind the stack, so that no launched process is left behind."""

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    try:
        before = signal.signal(signal.SIGTERM, leave)
    except ValueError:  # not the main thread: signals are somebody else's
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


# --- what it tells --------------------------------------------------------------------


def assess(pairs: Sequence[Pair], pair_s: float) -> Experiment:
    """What pairs of one and the same code, each of which took so many seconds, say of the machine."""
    launches = [each for pair in pairs for each in pair]
    addresses = "fixed" if all(dict(each.conditions).get("addresses") == "fixed" for each in launches) else "random"
    affordable = tuple((s, max(1, min(MOST_PAIRS, int(s / pair_s)))) for s in BUDGETS_S)
    calibration = tuple(each.calibration_ns for each in launches)
    return Experiment(
        pairs=len(pairs),
        pair_s=pair_s,
        addresses=addresses,
        limit=DEFAULT_LIMIT[addresses],
        affordable=affordable,
        gates=tuple(_gates(pairs, addresses, affordable)),
        flagged=_flagged(pairs, addresses),
        replay=_replayed(pairs, addresses, affordable[-1][1], swapped=False),
        swapped=_replayed(pairs, addresses, affordable[-1][1], swapped=True),
        calibration_ns=calibration,
        drift=scale([[math.log(max(1, ns)) for ns in calibration]]),
    )


def _gates(pairs: Sequence[Pair], addresses: str, affordable: Sequence[tuple[int, int]]) -> Iterator[Gate]:
    """The workflow and its steps, each with what a run of no more than them could catch (rule 5 of the statistics)."""
    times = [tuple(_minima(each) for each in pair) for pair in pairs]
    paths = list(times[0][0])
    for path in paths:
        logs = [math.log(now[path] / then[path]) for now, then in times]
        gates = len(paths) - 1 if path else 1  # steps share one half of the run's error, workflows the other
        cuts = Cuts(delta=math.log1p(DEFAULT_LIMIT[addresses]), layout_sd=LAYOUT_SD[addresses], error=ALPHA / 2 / gates)
        shift = Shift(logs=logs, cuts=cuts)
        yield Gate(
            path=path,
            fastest_ns=min(side[path] for pair in times for side in pair),
            pair_sd=shift.sd,
            caught=tuple((seconds, _caught(shift, number, gates)) for seconds, number in affordable),
        )


def _minima(taken: Launch) -> dict[str, int]:
    """The fastest of a launch's rounds, of the whole and of each step."""
    found = {"": min(r.total_ns for r in taken.rounds)}
    for r in taken.rounds:
        for span in r.spans:
            found[span.path] = max(1, min(span.total_ns, found.get(span.path, span.total_ns)))
    return found


def _caught(shift: Shift, pairs: int, gates: int) -> float | None:
    """The smallest slowdown that so many pairs catch; each gate has two statistics, the minimum and the mean."""
    looks, tests = schedule(pairs), 2 * gates
    level = alpha_levels(looks, ALPHA / 2, tests)[-1] / tests
    logs = shift.could_have_caught(pairs, looks[0].launches, level)
    return None if logs is None else math.expm1(logs)


def _replayed(pairs: Sequence[Pair], addresses: str, most: int, *, swapped: bool) -> Replay:
    """Runs of pairs drawn with replacement, judged at the default limit as a run of at most so many would be."""
    rng = random.Random(_SEED)  # noqa: S311

    def draw() -> Pair:
        one, other = rng.choice(pairs)
        return (other, one) if swapped and rng.random() < 0.5 else (one, other)

    end = launch.now() + REPLAY_LIMIT_S
    runs: list[tuple[set[Verdict], int]] = []
    while not runs or (len(runs) < REPLAYS and launch.now() < end):
        runs.append(_judged(draw, addresses, most))
    return Replay(
        replays=len(runs),
        flagged=sum(Verdict.REGRESSED in verdicts for verdicts, _ in runs),
        passed=sum(verdicts <= {Verdict.PASS, Verdict.IMPROVED} for verdicts, _ in runs),
        pairs=fmean(taken for _, taken in runs),
    )


def _flagged(pairs: Sequence[Pair], addresses: str) -> bool:
    """Whether the pairs in the order in which they were taken are a false alarm, with either side as the current."""
    sides: tuple[Iterator[Pair], ...] = (iter(pairs), ((other, one) for one, other in pairs))
    verdicts = [_judged(side.__next__, addresses, len(pairs))[0] for side in sides]
    return any(Verdict.REGRESSED in each for each in verdicts)


def _judged(another: Callable[[], Pair], addresses: str, most: int) -> tuple[set[Verdict], int]:
    """The verdicts on a run that takes pairs one by one, and how many it took."""
    looks = schedule(most)
    trial = Trial({}, default=DEFAULT_LIMIT[addresses], looks=looks, layout_sd=LAYOUT_SD[addresses])
    taken: list[Pair] = []
    for number, look in enumerate(looks):
        taken += [another() for _ in range(look.launches - len(taken))]
        if not trial.look({"": taken}, number):
            break
    return {effect.verdict for effect in trial.comparison("", "").effects}, len(taken)


def _problems(found: Experiment) -> Iterator[str]:
    replay, limit = found.swapped, share(found.limit)
    if found.flagged:
        yield (
            f"a false alarm: of these {plural(found.pairs, 'pair')} of unchanged code one side was flagged as slower "
            f"than the other at a limit of {limit}; let nothing else run, and try again."
        )
    if replay.least > ALPHA:
        yield (
            f"false alarms: {replay.flagged} of {replay.replays} replayed runs of unchanged code were flagged at a "
            f"limit of {limit}; let nothing else run, and try again."
        )
    seconds, pairs = found.affordable[-1]
    missed = [gate for gate in found.gates if (least := gate.caught[-1][1]) is None or least > found.limit + 1e-9]
    if missed:
        which = ", ".join(f"{caught(gate.caught[-1][1])} in {gate.path or _WHOLE}" for gate in missed)
        more = " or allow more time (--wfperf-max-time)" if pairs < MOST_PAIRS else ""
        yield (
            f"slowdowns of {limit}, the default limit, are not caught in {seconds} s, but {which}; "
            f"let nothing else run{more}."
        )
    if found.drift > DRIFT_LIMIT:
        yield (
            f"drift: the same piece of work took ± {_rough(found.drift)} over the launches; stored baselines will see "
            "that as a change, so compare with a revision (--wfperf-against), which measures both at once."
        )


# --- what is printed ------------------------------------------------------------------


def as_json(examined: Examination) -> dict[str, Any]:
    """The examination as builtins. Keys are only ever added."""
    found = examined.experiment
    return {
        "fit": examined.exit_code == 0,
        "problems": list(examined.problems),
        "findings": [asdict(finding) for finding in examined.findings],
        "impossible": examined.impossible or None,
        "experiment": None if found is None else _experiment(found),
    }


def _experiment(found: Experiment) -> dict[str, Any]:
    replays = {"as_taken": found.replay, "swapped": found.swapped}
    return {
        "pairs": found.pairs,
        "pair_s": found.pair_s,
        "addresses": found.addresses,
        "limit": found.limit,
        "affordable_pairs": {str(seconds): number for seconds, number in found.affordable},
        "gates": [{**asdict(gate), "caught": {str(s): least for s, least in gate.caught}} for gate in found.gates],
        "flagged": found.flagged,
        "replays": {name: {**asdict(each), "upper_bound": each.bound} for name, each in replays.items()},
        "calibration_ns": list(found.calibration_ns),
        "drift": found.drift,
    }


def render(examined: Examination) -> str:
    """The examination as a text to read."""
    parts = [_findings(examined.findings)]
    for fit, heading in (("poor", "what to change"), ("unknown", "what cannot be seen")):
        advice = [f"  {f.name}: {f.advice}" for f in examined.findings if f.fit == fit]
        parts += ["\n".join([heading, *advice])] if advice else []
    if examined.experiment is not None:
        parts += _told(examined.experiment)
    else:
        parts.append(f"no A/A run: {examined.impossible}")
    return _printable_lines("\n\n".join([*parts, _conclusion(examined)]))


def _printable_lines(text: str) -> str:
    """``text`` with nothing in it that could steer a terminal, but its line ends."""
    return "\n".join(map(printable, text.splitlines()))


def _findings(findings: Sequence[Finding]) -> str:
    return _table(["this machine", "", "fit"], [[f.name, _value(f), f.fit] for f in findings], ["left"] * 3)


def _value(finding: Finding) -> str:
    if finding.value is None:
        return "-"
    return str(finding.value) if isinstance(finding.value, str) else amount(finding.value, finding.unit)


def _told(found: Experiment) -> Iterator[str]:
    yield (
        f"A/A run: {plural(found.pairs, 'pair')} of fresh processes on one workflow, "
        f"{duration(found.pair_s * 1e9)} a pair, addresses {found.addresses}"
    )
    yield _catches(found)
    yield (
        "smallest slowdown caught 95 times in 100, by a run of so many seconds at a limit of "
        f"{share(found.limit)}\nwith m = {len(found.gates)} gates: one workflow of {len(found.gates) - 1} steps, "
        "with no limits of their own; a project's own\nprocesses take longer to start"
    )
    yield "\n".join(_alarms(found))
    calibration = found.calibration_ns
    yield (
        f"drift: a fixed piece of work took {duration(min(calibration))} to {duration(max(calibration))} "
        f"over {len(calibration)} launches (sd {_rough(found.drift)})"
    )


def _catches(found: Experiment) -> str:
    headings = [f"in {s} s\n({plural(number, 'pair')})" for s, number in found.affordable]
    rows = [
        [gate.path or _WHOLE, duration(gate.fastest_ns), _rough(gate.pair_sd)]
        + [caught(least) for _, least in gate.caught]
        for gate in found.gates
    ]
    return _table(["step", "fastest", "sd of a pair", *headings], rows, ["left", *["right"] * (2 + len(headings))])


def _alarms(found: Experiment) -> Iterator[str]:
    flagged = "are" if found.flagged else "are not"
    yield f"false alarms: the pairs themselves {flagged} flagged; of runs drawn from them,"
    for name, replay in (
        ("sides swapped by coin", found.swapped),
        ("as they were taken, whichever side they lean to", found.replay),
    ):
        seconds = duration(replay.pairs * found.pair_s * 1e9)
        yield (
            f"  {name}: {replay.flagged} of {replay.replays} flagged (at most {_rough(replay.bound)} at 95 % "
            f"confidence),\n    {_rough(replay.passed / replay.replays)} passed; {replay.pairs:.1f} pairs "
            f"({seconds}) on average"
        )


def _rough(fraction: float) -> str:
    """In percent, to a tenth of one."""
    return share(round(fraction, 3))


def _conclusion(examined: Examination) -> str:
    problems = examined.problems
    if problems:
        return "\n".join(["not fit for gates", *(f"  {problem}" for problem in problems)])
    return "fit for gates" if examined.experiment is not None else "not examined: it takes an A/A run to tell"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]], alignment: Sequence[str]) -> str:
    from tabulate import tabulate  # noqa: PLC0415 - not needed for --json

    return tabulate(rows, headings, tablefmt="simple", disable_numparse=True, colalign=alignment)
