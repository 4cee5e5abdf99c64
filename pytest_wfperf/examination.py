"""What the doctor has found out: about this machine, and from a run of unchanged code against itself."""

from __future__ import annotations

from dataclasses import dataclass

from .estimate import clopper_pearson_lower, clopper_pearson_upper
from .judge.difference import ALPHA
from .launching import MOST_PAIRS
from .measure.machine import Finding

DRIFT_LIMIT = 0.05  # sd of the calibration over launches; a stored baseline is one such launch against another
# What both sides of a pair meet alike: what it does to a run, the A/A run tells
_SHARED = frozenset(["governor", "boost", "SMT"])


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

    @property
    def alarming(self) -> bool:
        """Whether more runs of unchanged code are flagged than the judge may flag."""
        return self.swapped.least > ALPHA

    @property
    def missed(self) -> tuple[Gate, ...]:
        """The gates where a slowdown of the limit is not caught in the longest of the times."""
        last = [(gate, gate.caught[-1][1]) for gate in self.gates]
        return tuple(gate for gate, least in last if least is None or least > self.limit + 1e-9)

    @property
    def extensible(self) -> bool:
        """Whether a run that is allowed more than the longest of the times takes more pairs."""
        return self.affordable[-1][1] < MOST_PAIRS

    @property
    def drifting(self) -> bool:
        """Whether the machine's speed changes so much between launches that stored baselines see it."""
        return self.drift > DRIFT_LIMIT

    @property
    def fit(self) -> bool:
        """Whether nothing of this makes gates unreliable."""
        return not (self.flagged or self.alarming or self.missed or self.drifting)


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """Everything the doctor has to say; ``impossible`` is why there was no A/A run."""

    findings: tuple[Finding, ...]
    experiment: Experiment | None
    impossible: str = ""

    @property
    def poor(self) -> tuple[Finding, ...]:
        """The findings that make gates unreliable here."""
        return tuple(f for f in self.findings if f.fit == "poor" and f.name not in _SHARED)

    @property
    def exit_code(self) -> int:
        """0 fit, 1 something makes gates unreliable, 2 there was no A/A run."""
        return 2 if self.experiment is None else int(bool(self.poor) or not self.experiment.fit)
