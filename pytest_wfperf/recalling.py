"""Recalls from the store what the levels of a workflow were."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .analyse.history import History, Taken, history
from .judged import Comparison, RunResult
from .model import Environment, Profile
from .report.exhibit import Occasion
from .report.history import drift_told
from .report.text import share
from .store.past import Past, PastSession

if TYPE_CHECKING:
    from .gate import Gate

MOST = 50  # sessions read of one workflow, some 3 ms each


class Recalling:
    """What the baseline of a run holds of its workflows' past; read when asked for, its folders listed once."""

    def __init__(self, gate: Gate, when: Occasion) -> None:
        self._gate, self._when = gate, when
        self._pasts: dict[Environment, Past] = {}

    def history(self, profile: Profile, *, most: int = MOST) -> History | None:
        """The history of a workflow that this run measured; None where its baseline holds nothing of it here.

        Of a run held against a revision there is none. What is damaged in the store is noted and left out.
        """
        settings, environment = self._gate.settings, profile.environment
        if settings.judges_against is None or settings.against is not None:
            return None
        if environment not in self._pasts:
            self._pasts[environment] = self._gate.store.past(settings.judges_against, environment)
        now = Taken(profile=profile, created=self._when.created, commit=self._when.commit)
        return recalled(self._pasts[environment], profile.workflow, most=most, now=now)

    def drifted(self, result: RunResult) -> Iterator[str]:
        """A sentence for each workflow that is slower than its oldest version by more than its limit.

        Every version on the way was accepted, so that is no verdict. Reads two stored profiles a workflow.
        """
        for judgement in result.judgements:
            comparison = judgement.comparison
            if comparison is None or comparison.sessions == 0:
                continue
            told = self._drift(judgement.workflow, comparison)
            if told:
                yield told

    def _drift(self, workflow: str, comparison: Comparison) -> str:
        profile, limit = self._gate.profile(workflow), comparison.total.limit
        found = None if profile is None else self.history(profile, most=1)
        drift = None if found is None else found.drift
        if drift is None or not drift.versions or drift.low <= 0 or drift.change <= limit:
            return ""
        told = drift_told(drift, str(self._gate.settings.judges_against))
        return f"{workflow} has drifted {told}, its limit being {share(limit)} at a time"


def recalled(past: Past, workflow: str, *, most: int = MOST, now: Taken | None = None) -> History | None:
    """The workflow's history, ``now`` its last point unless that is stored already; None where nothing is stored."""
    found = past.recall(workflow, most)
    if not found.sessions and not found.notes:
        return None
    taken = [_taken(session) for session in found.sessions]
    if now is not None and all(_times(now.profile) != _times(one.profile) for one in taken):
        taken.append(now)
    return history(taken, left_out=found.left_out, versions=found.versions, notes=found.notes)


def _times(profile: Profile) -> list[tuple[int, int, list[int]]]:
    """What no two sessions share: clocks read in ns."""
    return [
        (launch.recorder_ns, launch.calibration_ns, [r.total_ns for r in launch.rounds]) for launch in profile.launches
    ]


def _taken(kept: PastSession) -> Taken:
    return Taken(
        profile=kept.profile,
        created=kept.session.created,
        version=kept.version.version,
        session=kept.session.directory.name,
        commit=kept.session.commit,
        reason=kept.version.reason,
        accepted=kept.accepted,
    )
