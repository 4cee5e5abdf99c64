"""The sequential test of one run whose launches were taken in pairs, current against baseline.

Every workflow and every step that both sides have is a gate; each gate has two statistics, the
minimum of a launch's rounds under the limit δ, and their mean under 3·δ, which sees a path that is
slow in some rounds only. The run's error is shared by halves between what somebody declared (and
the workflows themselves) and the other steps; inside either half by Holm 1979 over the statistics
of all workflows, those passed included. How a statistic is judged is told in :mod:`.shift`, when in
:mod:`.looks`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from ..judged import Comparison, Effect
from .difference import ALPHA, BETA
from .gates import Gate, gates_of
from .looks import ROUNDING, Look, alpha_levels, beta_levels
from .sides import Pair, Sides


@dataclass(slots=True)
class _Case:
    """One workflow: its pairs so far, its gates, and the look at which the first of them was REGRESSED."""

    sides: Sides = field(default_factory=Sides)
    gates: list[Gate] = field(default_factory=list)
    regressed_at: int | None = None
    looked_at: int = 0


@dataclass(slots=True, kw_only=True)
class _Family:
    """Gates that share an error: how many gates and statistics they were at the start, and what each look may spend."""

    error: float
    gates: int
    tests: int
    levels: tuple[float, ...]
    level: float = 0.0  # what the latest look could spend
    flagged: int = 0


class Trial:
    """A run in pairs, judged look by look."""

    def __init__(
        self,
        limits: Mapping[str, Mapping[str, float]],
        *,
        default: float,
        looks: Sequence[Look],
        layout_sd: float,
        goals: Mapping[str, Iterable[tuple[str, float]]] | None = None,
        most: Mapping[str, int] | None = None,
    ) -> None:
        """``limits`` are by workflow the declared slowdowns by step path; ``default`` is every other gate's.

        ``layout_sd`` is τ₀. ``goals`` are by workflow the speedups asked for, as (path, factor): the
        workflow stays open while one is neither proved nor refuted. ``most`` is how many pairs a workflow
        gets at most, where that is fewer than the last look's.
        """
        self._limits, self._default, self._looks, self._layout_sd = limits, default, tuple(looks), layout_sd
        self._goals = {workflow: tuple(asked) for workflow, asked in (goals or {}).items()}
        self._most = dict(most or {})
        self._latest = -1
        self._cases: dict[str, _Case] = {}
        self._open: frozenset[str] = frozenset()
        self._families: dict[bool, _Family] = {}
        self._beta_levels = beta_levels(self._looks, BETA)

    @property
    def workflows(self) -> tuple[str, ...]:
        """Those that had a pair at the first look: all that there is a comparison of."""
        return tuple(self._cases)

    def look(self, pairs: Mapping[str, Sequence[Pair]], number: int) -> frozenset[str]:
        """Judge at look ``number`` (0 is the first) by all pairs so far; returns the workflows still open after it.

        A look that leaves others out, for the time is up, spends what they would have.

        The first look fixes which gates there are. A workflow once decided stays so, whatever
        pairs it comes with; one that is absent keeps what it has and is not open any more.
        """
        if not self._families:
            self._begin(pairs)
        judged = [w for w in self._cases if w in self._open and w in pairs]
        skipped = slice(self._latest + 1, number + 1)
        self._latest = number
        for family in self._families.values():
            family.level = sum(family.levels[skipped])
        for workflow in judged:
            case = self._cases[workflow]
            case.sides.add(pairs[workflow])
            case.looked_at = number
            for gate in case.gates:
                family = self._families[gate.automatic]
                gate.measure(self._layout_sd, family.error / family.gates)
        for automatic in (False, True):
            gates = [g for w in judged for g in self._cases[w].gates if g.automatic is automatic]
            self._flag(gates, self._families[automatic])
        for workflow in judged:
            for gate in self._cases[workflow].gates:
                gate.settle(sum(self._beta_levels[skipped]))
        last = number == len(self._looks) - 1
        self._open = frozenset(w for w in judged if not last and self._stays_open(w, number))
        return self._open

    def comparison(self, workflow: str, baseline: str) -> Comparison:
        """What is known of one workflow by now. Raises KeyError for one that no look has judged."""
        case = self._cases[workflow]
        effects = [self._effect(workflow, gate) for gate in case.gates]
        return Comparison(
            baseline=baseline,
            sessions=0,
            total=effects[0],
            steps=tuple(effects[1:]),
            appeared=case.sides.appeared,
            vanished=case.sides.vanished,
            launches=case.sides.pairs,
            fresh=case.sides.fresh,
        )

    # --- the gates ----------------------------------------------------------------------

    def _begin(self, pairs: Mapping[str, Sequence[Pair]]) -> None:
        """Lay out the gates of every workflow that has a pair, and share the run's error among them."""
        for workflow, taken in pairs.items():
            if taken:
                case = self._cases[workflow] = _Case()
                case.sides.add(taken)
                case.gates = list(gates_of(case.sides, self._limits.get(workflow, {}), self._default))
        self._open = frozenset(self._cases)
        gates = [gate for case in self._cases.values() for gate in case.gates]
        both = any(gate.automatic for gate in gates)
        for automatic in (False, True):
            mine = [gate for gate in gates if gate.automatic is automatic]
            error, tests = ALPHA / (2 if both else 1), sum(len(gate.statistics) for gate in mine)
            self._families[automatic] = _Family(
                error=error, gates=len(mine), tests=tests, levels=alpha_levels(self._looks, error, max(1, tests))
            )

    # --- the verdicts -------------------------------------------------------------------

    def _flag(self, gates: Sequence[Gate], family: _Family) -> None:
        """Holm's step-down at one look: what is flagged already no longer shares the error, what is passed does."""
        left = family.tests - family.flagged
        tests = [s for gate in gates if not gate.regressed for s in gate.statistics]
        for statistic in sorted(tests, key=lambda s: s.known.slower_p):
            shift = statistic.known
            if shift.slower_p > family.level / max(1, left) * ROUNDING:
                break
            if shift.estimate >= shift.cuts.regressed_from and not statistic.negligible:
                statistic.regressed = True
                family.flagged += 1
                left -= 1

    def _stays_open(self, workflow: str, number: int) -> bool:
        """Whether more pairs could change what is said of a workflow.

        Once a gate is REGRESSED the workflow's verdict is certain: it gets one more look if
        another gate looks slow, so that the right step is named.
        """
        case = self._cases[workflow]
        if any(gate.regressed for gate in case.gates):
            first = case.regressed_at is None
            case.regressed_at = number if first else case.regressed_at
            return first and any(gate.suspicious for gate in case.gates)
        waiting = (gate for gate in case.gates if gate.suspicious or (gate.undecided and not gate.automatic))
        return any(not gate.hopeless for gate in waiting) or self._unproved(workflow)

    def _unproved(self, workflow: str) -> bool:
        """Whether a speedup that was asked for is neither proved nor refuted."""
        gates = {gate.path: gate for gate in self._cases[workflow].gates}
        asked = [(gates[path], factor) for path, factor in self._goals.get(workflow, ()) if path in gates]
        return any(
            low <= -math.log(factor) <= high
            for gate, factor in asked
            for low, high in [gate.statistics[0].known.one_sided]
        )

    # --- what is told -------------------------------------------------------------------

    def _effect(self, workflow: str, gate: Gate) -> Effect:
        case, shift, family = self._cases[workflow], gate.statistics[0].known, self._families[gate.automatic]
        ended = workflow in self._open or case.looked_at == len(self._looks) - 1  # with what there is
        level = (family.level if ended else family.levels[-1]) / family.tests
        pairs = len(shift.logs) if ended else self._most.get(workflow, self._looks[-1].launches)
        caught = shift.could_have_caught(pairs, self._looks[0].launches, level)
        flagged_from = shift.flagged_from(pairs, level)
        low, high = shift.interval
        return Effect(
            path=gate.path,
            baseline_ns=median(then for _, then in gate.series.minima),
            current_ns=median(now for now, _ in gate.series.minima),
            log_ratio=shift.estimate,
            low=low,
            high=high,
            could_have_caught=None if caught is None else math.expm1(caught),
            flagged_from=None if flagged_from is None else math.expm1(flagged_from),
            limit=gate.limit,
            automatic=gate.automatic,
            verdict=gate.verdict,
            ratios=tuple(map(math.exp, shift.logs)),
            detail="; ".join(gate.details(family.error / family.tests)),
        )
