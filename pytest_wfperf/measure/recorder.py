"""Records one round at a time: steps, facts beside them, and what the process used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter_ns
from typing import TYPE_CHECKING

from ..model import Round
from .facts import Facts
from .steps import LIMIT, Steps

if TYPE_CHECKING:
    from .resources import Sampler


class Recorder:
    """The one mutable thing: records a round between :meth:`begin` and :meth:`end`, then freezes it.

    Facts recorded before :meth:`begin`, in a fixture say, are the next round's.

    ``clock`` returns ns. It is bound here once, so that a clock patched later (freezegun,
    time-machine) does not bend a duration.
    """

    def __init__(
        self, clock: Callable[[], int] = perf_counter_ns, sampler: Sampler | None = None, limit: int = LIMIT
    ) -> None:
        self.clock = clock
        self.sampler = sampler
        self.steps = Steps(clock, limit)
        self.facts = Facts()
        self.step = self.steps.step
        self._outside = ""
        self._start_ns = self._end_ns = 0

    def begin(self) -> None:
        """Start the round's clock, in the context in which its body runs."""
        outside = len(self.steps.entries)
        entered = "1 step" if outside == 1 else f"{outside} steps"
        self._outside = f"{entered} entered outside the round (in a fixture?), not recorded" if outside else ""
        self.steps.reset(keep_intervals=self.sampler is not None)
        if self.sampler is not None:
            self.sampler.start()
        self.steps.begin()
        self._start_ns = self.clock()

    def end(self) -> None:
        """Stop the round's clock."""
        self._end_ns = self.clock()
        if self.sampler is not None:
            self.sampler.stop()

    def freeze(self, *, passed: bool = True, cpu_ns: int | None = None, run_delay_ns: int | None = None) -> Round:
        """The ended round as data; ``cpu_ns`` is what the process itself spent in it."""
        spans = self.steps.spans(self._start_ns, self._end_ns)
        facts = self.facts.take()
        usage = self.sampler.usage if self.sampler is not None else None
        if usage is not None:
            intervals = self.steps.intervals
            spans = [
                replace(
                    span,
                    cpu_ns=usage.cpu_within(intervals[span.path]),
                    memory_bytes=usage.peak_growth_within(intervals[span.path]),
                )
                if span.cpu_ns is None  # a command knows what its own processes used
                else span
                for span in spans
            ]
        return Round(
            total_ns=self._end_ns - self._start_ns,
            status="passed" if passed else "failed",
            spans=tuple(spans),
            checks=facts.checks,
            metrics=facts.metrics,
            caches=facts.caches,
            cpu_ns=cpu_ns if usage is None or cpu_ns is None else cpu_ns + usage.children_cpu_ns,
            run_delay_ns=run_delay_ns,
            memory_bytes=None if usage is None else usage.peak_growth_bytes,
            folded=self.steps.folded,
            notes=tuple(dict.fromkeys(filter(None, [self._outside, *self.steps.notes]))),
        )
