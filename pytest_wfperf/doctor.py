"""Whether this machine is fit for measuring: what it is like, and what a run of unchanged code shows on it.

The A/A run starts pairs of fresh pytest processes on one and the same small workflow. What the two
sides of a pair differ by is chance alone; so it tells what a pair costs, how small a slowdown can be
seen in how many seconds, and how often the judge would raise a false alarm.
"""

from __future__ import annotations

import math
import os
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import fmean, median
from time import monotonic

from .errors import MeasurementError
from .examination import Examination, Experiment, Gate, Replay
from .judge.difference import ALPHA
from .judge.looks import alpha_levels, schedule
from .judge.pairs import Trial
from .judge.shift import Cuts, Shift
from .judge.spread import scale
from .judged import Verdict
from .launching import MOST_PAIRS
from .measure import machine, process
from .measure.arms import Arm
from .measure.launch import Crew, Effort
from .measure.layout import WITHOUT
from .measure.workplace import workplace
from .model import Launch
from .pairing import DEFAULT_LIMIT, LAYOUT_SD

LEAST_PAIRS = 6  # below it no verdict is reached
BUDGETS_S = (1, 10, 60)  # the last one is what a run takes at most where nobody says otherwise
REPLAYS = 300  # none flagged of so many shows at most 1 % at 95 % confidence
REPLAY_LIMIT_S = 6.0  # a noisy machine takes long to judge: then they are fewer
_SEED = 20_160_229
_ROUND_LIMIT_S = 60.0

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
    if not process.POSSIBLE:
        raise MeasurementError("this system cannot hand a socket to a new process: there are no launches, and no pairs")
    pairs: list[Pair] = []
    costs: list[float] = []
    with workplace(_leave) as place:
        arms = [_arm(place)] * 2
        end = monotonic() + seconds
        while len(pairs) < LEAST_PAIRS or (monotonic() + fmean(costs) <= end and len(pairs) < MOST_PAIRS):
            show(f"A/A run: pair {len(pairs) + 1}, {max(0.0, end - monotonic()):.0f} s left")
            began = monotonic()
            pairs.append(_pair(arms, place, len(pairs)))
            costs.append(monotonic() - began)
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


def _leave(number: int) -> None:
    raise SystemExit(128 + number)


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

    end = monotonic() + REPLAY_LIMIT_S
    runs: list[tuple[set[Verdict], int]] = []
    while not runs or (len(runs) < REPLAYS and monotonic() < end):
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
