"""How much slower fresh processes were than those of stored sessions, and how sure one can be of it.

A launch's value is ln(time), less ln of what a fixed piece of work took in the same process where
that was measured: a machine that is slower today slows both. A session's value is the median of
Walsh averages over its launches (Hodges & Lehmann 1963). With k sessions, L launches now, ΣL
stored, w the sd of launches within sessions and S² the variance of the stored sessions' values,

    τ² = (4·max(σ², w²) + (k − 1)·max(0, S² − w²/L)) / (k + 3),   k + 3 degrees of freedom,
    V_s = τ²·(1 + 1/k) + (SPEED_SD·D)² + C,
    V_l = w²·(1/L + 1/ΣL) + ESTIMATOR_SD²,

σ being CALIBRATED_SD where every launch was calibrated, else SESSION_SD, D by how much the
machine's speed differed, and C what other processes add (:mod:`.contention`). How the two
variances make a verdict is told in :mod:`.difference`. ``SPEED_SD`` says how differently one step
follows the machine's speed from another; it is large enough (t·SPEED_SD > 1 up to twenty sessions)
that a wrong D is no alarm by itself, however large.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean, harmonic_mean, variance

from ..estimate import hodges_lehmann
from ..priors import (
    CALIBRATED_SD,
    ESTIMATOR_SD,
    LAUNCH_SD,
    PRIOR_WEIGHT,
    PROCESS_SD,
    SESSION_SD,
    SPEED_SD,
)
from .difference import BETA, Difference
from .spread import scale

MOST_SESSIONS = 100  # nobody is told to gather more

Values = Sequence[Sequence[float]]  # ln, session by session, launch by launch


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What there is to judge one statistic by.

    ``speed`` is D, in ln, None where launches were not calibrated; ``contention`` is C; ``sessions`` are the
    stored ones' sizes.
    """

    value: float
    session_spread: float
    launch_variance: float
    speed: float | None
    launches: int
    sessions: tuple[int, ...]
    contention: float = 0.0

    def difference(self, *, negligible: bool = False) -> Difference:
        k = len(self.sessions)
        session_variance = self._tau2(k) * (1 + 1 / k) + (SPEED_SD * (self.speed or 0.0)) ** 2 + self.contention
        spread = self.launch_variance * (1 / self.launches + 1 / sum(self.sessions))
        return Difference(
            value=self.value,
            session_variance=session_variance,
            round_variance=ESTIMATOR_SD**2 + spread,
            df=PRIOR_WEIGHT + k - 1,
            negligible=negligible,
        )

    def _tau2(self, k: int) -> float:
        usual = SESSION_SD if self.speed is None else CALIBRATED_SD
        prior = max(usual**2, self.launch_variance)  # sessions differ by no less than launches within one do
        return (PRIOR_WEIGHT * prior + (k - 1) * self.session_spread) / (PRIOR_WEIGHT + k - 1)

    def after(self, sessions: int) -> Evidence:
        """The same with so many stored sessions in all, as far apart as those that there are (and the prior) say."""
        present = self._tau2(len(self.sessions))
        usual = round(fmean(self.sessions)) or 1
        more = (usual,) * (sessions - len(self.sessions))
        return replace(self, session_spread=present, sessions=(*self.sessions, *more))


def evidence(now: Sequence[float], before: Values, *, speed: float | None = None, contention: float = 0.0) -> Evidence:
    """``now`` and ``before`` are launches' values in ln, less the calibration's where there is one."""
    levels = [hodges_lehmann(session) for session in before]
    freedom = sum(len(group) - 1 for group in (now, *before))
    launch_variance = (freedom * scale([now, *before]) ** 2 + 2 * LAUNCH_SD**2) / (freedom + 2)
    spread = 0.0
    if len(before) > 1:
        spread = max(0.0, variance(levels) - launch_variance / harmonic_mean([len(session) for session in before]))
    return Evidence(
        value=hodges_lehmann(now) - fmean(levels),
        session_spread=spread,
        launch_variance=launch_variance,
        speed=speed,
        launches=len(now),
        sessions=tuple(len(session) for session in before),
        contention=contention,
    )


def could_have_caught(difference: Difference, limit: float, error: float) -> float:
    """The slowdown (0.1 is 10 %) flagged 95 times in 100 under a limit, at a gate's share of the error."""
    return math.expm1(difference.shown_from(limit, error) + difference.reach(1 - BETA))


def processes_needed(difference: Difference, sessions: int, limit: float, error: float) -> int | None:
    """As :func:`sessions_needed`, where each session is one process in which rounds were run.

    Of one session nobody knows how far another lies from it: then sessions are taken to differ as they usually do.
    """
    present = difference.session_variance / (1 + 1 / sessions) if sessions > 1 else SESSION_SD**2
    for k in range(sessions, MOST_SESSIONS + 1):
        tau2 = (PRIOR_WEIGHT * PROCESS_SD**2 + (k - 1) * present) / (PRIOR_WEIGHT + k - 1)
        then = replace(difference, session_variance=tau2 * (1 + 1 / k), df=PRIOR_WEIGHT + k - 1)
        if could_have_caught(then, limit, error) <= limit:
            return k
    return None


def sessions_needed(evidence: Evidence, limit: float, error: float) -> int | None:
    """How many stored sessions in all would make a gate of ``limit`` possible; None where no number would."""

    def enough(sessions: int) -> bool:
        return could_have_caught(evidence.after(sessions).difference(), limit, error) <= limit

    here = len(evidence.sessions)
    if could_have_caught(evidence.difference(), limit, error) <= limit:
        return here
    return next((sessions for sessions in range(here + 1, MOST_SESSIONS + 1) if enough(sessions)), None)
