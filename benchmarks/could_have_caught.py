"""The smallest slowdown that a run in one process would have flagged 95 times in 100, by stored sessions.

Simulated: processes of the same code differ by 2 % (standard deviation), rounds lie a few percent
above the fastest; four steps, twelve rounds, one workflow. Medians over 101 draws.
"""

from __future__ import annotations

import math
import random
from statistics import median

from pytest_wfperf.judge.compare import compare, default_limit
from pytest_wfperf.model import Environment, Launch, Profile, Round, Span

STEPS_MS = (1.0, 0.3, 2.0, 5.0)
DRAWS, ROUNDS, PROCESS_SD, ROUND_SD = 101, 12, 0.02, 0.03
HOUR_S = 3600.0


def process(rng: random.Random) -> Profile:
    shift = math.exp(rng.gauss(0, PROCESS_SD))
    rounds = []
    for _ in range(ROUNDS):
        times = [round(ms * 1e6 * shift * (1 + abs(rng.gauss(0, ROUND_SD)))) for ms in STEPS_MS]
        spans = tuple(
            Span(path=f"step {i}", count=1, total_ns=ns, min_ns=ns, max_ns=ns, own_ns=ns, start_ns=0, end_ns=ns)
            for i, ns in enumerate(times)
        )
        rounds.append(Round(total_ns=sum(times), spans=spans))
    return Profile(workflow="w", environment=Environment(facts=()), launches=(Launch(rounds=tuple(rounds)),))


def could_have_caught(sessions: int, limits: dict[str, float]) -> float:
    rng = random.Random(3)
    found = []
    for _ in range(DRAWS):
        stored = [(i * HOUR_S, process(rng)) for i in range(sessions)]
        total = compare(process(rng), stored, limits=limits, workflows=1, baseline="main").total
        found.append(total.could_have_caught or math.inf)
    return median(found)


def main() -> None:
    print("sessions  default limit  could have caught  under a limit of 5 %")
    for sessions in (1, 2, 5, 10, 20):
        default, named = could_have_caught(sessions, {}), could_have_caught(sessions, {"": 0.05})
        print(f"{sessions:8}  {default_limit(sessions):13.0%}  {default:17.0%}  {named:20.0%}")


if __name__ == "__main__":
    main()
