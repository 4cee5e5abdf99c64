"""What a history shows and what it does not, against known truth: series of sessions made up with a fixed seed.

Sessions of unchanged code are 1.5 % apart (standard deviation of ln), as calibrated sessions are; "heavy" is
Student's t with three degrees of freedom scaled to the same deviation. Printed are the share of series in which
chance alone shows a change, the share of steps found (within one session of their place), the share of drift
intervals that hold the truth, and processor time.
"""

from __future__ import annotations

import math
import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pytest_wfperf.analyse.change_points import change_points
from pytest_wfperf.analyse.history import Taken, history
from pytest_wfperf.model import Environment, Launch, Profile, Round

RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 200
SEED, SESSION_SD, LAUNCH_SD = 20_140_108, 0.015, 0.01
HERE = Environment(facts=())
Noise = Callable[[random.Random], float]


def normal(source: random.Random) -> float:
    return source.gauss(0, SESSION_SD)


def heavy(source: random.Random) -> float:
    """t with three degrees of freedom, whose variance is 3."""
    return SESSION_SD / math.sqrt(3) * source.gauss(0, 1) / math.sqrt(source.gammavariate(1.5, 2) / 3)


def series(source: random.Random, noise: Noise, n: int, slower: float, begin: int, end: int) -> list[float]:
    return [noise(source) + (math.log1p(slower) if begin <= i < end else 0.0) for i in range(n)]


def share_found(noise: Noise, n: int, slower: float, begin: int, end: int) -> float:
    """The share of series whose changes are there, and no more than a session off; of unchanged ones, that have any."""
    source = random.Random(SEED)
    wanted = [at for at in (begin, end) if 0 < at < n] if slower else []
    found = 0
    runs = RUNS if wanted else 4 * RUNS
    for _ in range(runs):
        cuts = [cut.at for cut in change_points(series(source, noise, n, slower, begin, end))]
        found += all(any(abs(cut - at) <= 1 for cut in cuts) for at in wanted) if wanted else bool(cuts)
    return found / runs


def profile(source: random.Random, level: float, launches: int = 10) -> Profile:
    level += normal(source)
    return Profile(
        workflow="t.py::test",
        environment=HERE,
        launches=tuple(
            Launch(
                rounds=(Round(total_ns=round(1e8 * math.exp(level + source.gauss(0, LAUNCH_SD)))),),
                calibration_ns=1_000_000,
                conditions=(("addresses", "fixed"),),
            )
            for _ in range(launches)
        ),
    )


def covered(sessions: int, versions: int) -> tuple[float, float]:
    """The share of drift intervals that hold a true +8 %, and their mean width."""
    source = random.Random(SEED)
    held, width = 0, 0.0
    for _ in range(RUNS):
        taken, when = [], datetime(2026, 1, 1, tzinfo=UTC)
        for version in range(versions):
            for session in range(sessions):
                when += timedelta(days=1)
                level = math.log(1.08) * version / versions
                found = profile(source, level)
                taken.append(Taken(profile=found, created=when, version=f"{version}", accepted=session == 0))
        taken.append(Taken(profile=profile(source, math.log(1.08)), created=when + timedelta(days=1)))
        drift = history(taken).drift
        assert drift is not None
        held += drift.low <= 0.08 <= drift.high
        width += drift.high - drift.low
    return held / RUNS, width / RUNS


def main() -> None:
    print(f"{RUNS} series each, {4 * RUNS} unchanged ones\n")
    sizes = (5, 8, 10, 20, 50)
    print(f"{'sessions':>44}" + "".join(f"{n:>8}" for n in sizes))
    for told, slower, begin, end in (
        ("unchanged: shows a change", 0.0, lambda _: 0, lambda _: 0),
        ("+5 % from the middle on", 0.05, lambda n: n // 2, lambda n: n),
        ("+10 % from the middle on", 0.10, lambda n: n // 2, lambda n: n),
        ("+5 % in the last three", 0.05, lambda n: n - 3, lambda n: n),
        ("+10 % in the last three", 0.10, lambda n: n - 3, lambda n: n),
        ("+10 % for a quarter, then back", 0.10, lambda n: n // 2, lambda n: n // 2 + max(3, n // 4)),
    ):
        for noise in (normal, heavy):
            cells = [share_found(noise, n, slower, begin(n), end(n)) for n in sizes]
            print(f"{told + ', ' + noise.__name__:>44}" + "".join(f"{cell:>8.1%}" for cell in cells), flush=True)
    print("\ndrift of +8 %: intervals that hold it, mean width")
    for sessions, versions in ((1, 1), (1, 5), (3, 1), (3, 5)):
        held, width = covered(sessions, versions)
        print(f"{sessions} sessions in each of {versions} versions: {held:6.1%}, {width:.1%}", flush=True)
    print("\nseconds of processor time a series")
    for n in (20, 50, 100):
        for told, slower in (("unchanged", 0.0), ("with a step", 0.10)):
            values = series(random.Random(SEED + 1), normal, n, slower, n // 2, n)
            began = time.process_time()
            change_points(values)
            print(f"{n:>5} {told:<12} {time.process_time() - began:.3f}")


if __name__ == "__main__":
    main()
