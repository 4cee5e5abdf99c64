"""How many rounds a workflow gets in this process, and what came of each."""

from __future__ import annotations

import inspect
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..errors import MeasurementError
from ..model import Launch, Round
from .contention import run_delay_ns
from .facts import Facts
from .pace import Pace
from .recorder import Recorder

if TYPE_CHECKING:
    from .resources import Sampler

Arguments = tuple[Sequence[Any], Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Rounds to take. ``fresh`` re-makes function-scoped fixtures for each; ``resources`` samples memory and CPU.

    No round is begun that, by the length of the first, would end after ``max_time_s``; where even
    the first is longer it is the one that counts.
    """

    rounds: int = 1
    warmup: int = 0
    max_time_s: float = 60.0
    fresh: bool = True
    resources: bool = False


ONCE = Plan()


class Measurement:
    """One workflow being measured in this process: counts its rounds and keeps what they recorded."""

    def __init__(
        self,
        plan: Plan = ONCE,
        clock: Callable[[], int] = time.perf_counter_ns,
        setup: Callable[[], Any] | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.plan = plan
        self.setup = setup
        self.clock = clock
        self.pace = pace  # where another process says when to take a round, and whether
        self.recorder = Recorder(clock, _sampler() if plan.resources else None)
        self.rounds: list[Round] = []
        self.warmup: list[Round] = []
        self.owns_rounds = False  # the body took its rounds itself, in run, compare or load
        self._beside = Facts()
        self._recorded = True  # by this recorder, whose own cost is then worth knowing
        self.result: Any = None
        self._left = plan.warmup + plan.rounds
        self._warmup_left = plan.warmup
        self._started_ns: int | None = None
        self._cpu_ns = 0
        self._run_delay_ns: int | None = None
        self._ended = True
        self._passed = True

    @property
    def taken(self) -> int:
        """Rounds taken so far, warm-up included."""
        return len(self.rounds) + len(self.warmup)

    @property
    def timing(self) -> bool:
        """Whether a round's clock is running."""
        return not self._ended

    @property
    def complete(self) -> bool:
        """Whether no further round is to be taken."""
        if self.pace is not None:
            return not (self._passed and self.pace.another())
        return self._left <= 0

    @property
    def on_last(self) -> bool:
        """Whether exactly one round is still to be taken."""
        return self.pace is None and self._left == 1

    def ready(self) -> None:
        """Wait for the round's signal where another process gives it; everything before this is off the clock."""
        if self.pace is not None:
            self.pace.ready()

    def begin(self) -> None:
        """Start a round, in the context in which its body runs."""
        if self._started_ns is None:
            self._started_ns = self.clock()
        self._ended, self._passed = False, True
        self._run_delay_ns = run_delay_ns()
        self._cpu_ns = time.process_time_ns()
        self.recorder.begin()

    def end(self, *, passed: bool = True) -> None:
        """Stop the round's clock."""
        self.recorder.end()
        self._cpu_ns = time.process_time_ns() - self._cpu_ns
        before_ns, now_ns = self._run_delay_ns, run_delay_ns()
        self._run_delay_ns = None if before_ns is None or now_ns is None else max(0, now_ns - before_ns)
        self._ended, self._passed = True, passed

    def freeze(self) -> Round:
        """The round that has just ended, as data."""
        if not self._ended:  # the body went away without ending it (an exit or interrupt)
            self.end(passed=False)
        return self.recorder.freeze(passed=self._passed, cpu_ns=self._cpu_ns, run_delay_ns=self._run_delay_ns)

    def keep(self, taken: Round | None = None) -> None:
        """File the round that has just ended, and settle after the first how many will follow."""
        taken = self.freeze() if taken is None else taken
        if self.pace is not None:
            self.rounds.append(taken)
            self.pace.done([taken])
            if self.recorder.sampler is not None and not self.pace.sampled:
                self.recorder.sampler = None
            return
        self._left -= 1
        if self.taken == 0:
            self._settle(taken.total_ns)
        if self._warmup_left > 0 and self._left > 0 and self._passed:
            self._warmup_left -= 1
            self.warmup.append(taken)
        else:
            self.rounds.append(taken)
        if self.recorder.sampler is not None and self._warmup_left == 0 and self.warmup:
            self.recorder.sampler = None  # measured rounds run undisturbed where warm-up rounds were sampled
        if not self._passed:
            self._left = 0

    def _settle(self, first_ns: int) -> None:
        """The first round tells what the rest will cost; their number is fixed from here on."""
        assert self._started_ns is not None
        elapsed_ns = max(first_ns, self.clock() - self._started_ns)
        affordable = int((self.plan.max_time_s * 1e9 - elapsed_ns) / max(1, elapsed_ns))
        self._left = min(self._left, max(0, affordable))

    def launch(self) -> Launch:
        """Everything taken, as one launch."""
        self.recorder.facts.close()
        measured = self._recorded and len(self.rounds) + len(self.warmup) > 1
        rounds = list(self.rounds)
        if rounds and self.owns_rounds:  # what the body recorded around its rounds belongs to the last of them
            self.set_aside()
            rounds[-1] = self._beside.added_to(rounds[-1])
        return Launch(
            rounds=tuple(rounds), warmup=tuple(self.warmup), recorder_ns=recorder_cost_ns() if measured else 0
        )

    def beside(self) -> Round | None:
        """What the body recorded around rounds that it took itself, as a round of no length; None where nothing."""
        self.set_aside()
        return self._beside.added_to(Round(total_ns=0)) if self.owns_rounds else None

    # --- rounds inside the body ---------------------------------------------------------

    def own(self) -> None:
        """The body takes its rounds itself from here on; the times measured around it are forgotten."""
        if self.owns_rounds:
            raise MeasurementError(
                "a workflow is one call of wfperf.run, compare or load, and this test makes another: "
                "make them steps of one callable, or two tests"
            )
        self.owns_rounds = True
        if self.pace is not None:
            self.pace.own()
        self.set_aside()
        self.rounds.clear()
        self.warmup.clear()
        self._left, self._warmup_left, self._started_ns = self.plan.warmup + self.plan.rounds, self.plan.warmup, None

    def set_aside(self) -> None:
        """Keep facts that were recorded while no round was open from becoming those of the next."""
        self._beside.add(self.recorder.facts.take())

    def take_over(self, rounds: Sequence[Round]) -> None:
        """Another tool took these rounds inside the body; no further one is to be taken."""
        self.own()
        self.rounds.extend(rounds)
        self._left, self._recorded = 0, False
        if self.pace is not None and self.pace.another():
            self.pace.ready()
            self.pace.done(rounds)

    def run(self, function: Callable[..., Any], arguments: Arguments, setup: Any, teardown: Any) -> None:
        """All rounds of ``function``; its last result is in :attr:`result`."""
        while not self.complete:
            with Pass(self, setup, teardown, arguments) as (args, kwargs):
                result = function(*args, **kwargs)
            if inspect.isawaitable(result):
                getattr(result, "close", lambda: None)()
                raise MeasurementError(
                    f"{function!r} returned an awaitable, so only its making was timed; "
                    "give wfperf.run the coroutine function itself"
                )
            self.result = result
            self.keep()

    async def run_async(self, function: Callable[..., Any], arguments: Arguments, setup: Any, teardown: Any) -> None:
        """As :meth:`run`, for a coroutine function, inside a running event loop."""
        while not self.complete:
            with Pass(self, setup, teardown, arguments) as (args, kwargs):
                self.result = await function(*args, **kwargs)
            self.keep()

    def pairs(
        self, candidate: Callable[[], Any], reference: Callable[[], Any], setup: Any, teardown: Any
    ) -> tuple[list[Round], list[Round]]:
        """Rounds of both in pairs, a fair coin deciding which goes first; the candidate's count as the workflow's.

        In a launch all of them are one turn: half of a comparison tells nothing.
        """
        rounds: tuple[list[Round], list[Round]] = ([], [])
        pace, self.pace = self.pace, None
        if pace is not None:
            pace.ready()
        warmup_pairs, settled = self.plan.warmup, False
        while not self.complete:
            sides = [(candidate, rounds[0]), (reference, rounds[1])]
            random.SystemRandom().shuffle(sides)
            pair: dict[int, Round] = {}
            for function, into in sides:
                with Pass(self, setup, teardown, ((), {})):
                    result = function()
                pair[id(into)] = self.freeze()
                if function is candidate:
                    self.result = result
            self._left -= 1
            if not settled:
                settled = True
                self._settle(sum(taken.total_ns for taken in pair.values()))
            if warmup_pairs > 0 and self._left > 0:
                warmup_pairs -= 1
                self.warmup.append(pair[id(rounds[0])])
            else:
                for into in rounds:
                    into.append(pair[id(into)])
                self.rounds.append(pair[id(rounds[0])])
        self.pace = pace
        if pace is not None:
            pace.done(self.rounds)
        return rounds


def _sampler() -> Sampler:
    from .resources import Sampler  # noqa: PLC0415  psutil is dear to import, and few thresholds need it

    return Sampler()


class Pass:
    """One round inside a body: the marker's set-up and its own before the clock starts, tear-down after it stopped.

    A set-up that returns ``(args, kwargs)`` supplies the round's arguments.
    """

    def __init__(self, measurement: Measurement, setup: Any, teardown: Any, arguments: Arguments) -> None:
        self.measurement, self.setup, self.teardown, self.arguments = measurement, setup, teardown, arguments

    def __enter__(self) -> Arguments:
        self.measurement.set_aside()
        if self.measurement.setup is not None:
            self.measurement.setup()
        if self.setup is not None:
            made = self.setup()
            if isinstance(made, tuple) and len(made) == 2 and isinstance(made[0], tuple) and isinstance(made[1], dict):
                self.arguments = made
        self.measurement.ready()
        self.measurement.begin()
        return self.arguments

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.measurement.end(passed=kind is None)
        if self.teardown is not None:
            self.teardown()


@cache
def recorder_cost_ns(steps: int = 500) -> int:
    """What one recorded step costs in this process, ns: the best of three stretches."""
    best = float("inf")
    for _ in range(3):
        recorder = Recorder()
        recorder.begin()
        with recorder.step("outer"):
            started = time.perf_counter_ns()
            for _ in range(steps):
                with recorder.step("inner"):
                    pass
            best = min(best, (time.perf_counter_ns() - started) / steps)
        recorder.end()
        recorder.freeze()
    return round(best)
