"""Lays out for the reports what a judged run has to show, one workflow at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .analyse.analysis import analyse
from .errors import BaselineError
from .judged import Judgement, RunResult
from .measure.revision import branch, commit
from .model import Profile
from .report.exhibit import Exhibit, Occasion
from .store.schema import decode_profile

if TYPE_CHECKING:
    from .gate import Gate
    from .recalling import Recalling

Places = Mapping[str, tuple[str, int | None]]  # file and line by workflow


def exhibits(gate: Gate, result: RunResult, places: Places, recalling: Recalling | None = None) -> Iterator[Exhibit]:
    """One exhibit for each judgement of the run, in its order; only the one at hand is held.

    They have a history where ``recalling`` gives one.
    """
    for judgement in result.judgements:
        encoded = gate.encoded(judgement.workflow)
        profile = None if encoded is None else decode_profile(encoded, judgement.workflow)
        file, line = places.get(judgement.workflow, (judgement.workflow.partition("::")[0], None))
        yield Exhibit(
            judgement=judgement,
            encoded=encoded,
            profile=profile,
            analysis=None if profile is None or not (profile.rounds and profile.steps) else analyse(profile),
            before=() if profile is None else _before(gate, judgement, profile),
            history=None if profile is None or recalling is None else recalling.history(profile),
            file=file,
            line=line,
        )


def occasion(gate: Gate) -> Occasion:
    """When and on what code the run is."""
    return Occasion(created=datetime.now(UTC), commit=commit(gate.rootpath), branch=branch(gate.rootpath))


def _before(gate: Gate, judgement: Judgement, profile: Profile) -> tuple[Profile, ...]:
    """What the workflow was held against. What cannot be read has failed its judgement already."""
    if not judgement.baseline:
        return ()
    try:
        return gate.before(profile)
    except BaselineError:
        return ()
