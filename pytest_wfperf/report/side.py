"""The two sides of a workflow, each by one round: what traces and flame graphs are drawn from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..analyse.analysis import analyse, typical
from ..analyse.level import Link
from ..judged import Judgement
from ..model import Launch, Profile, Round
from .exhibit import Exhibit
from .reasons import held_against
from .text import printable
from .timeline import Bar, timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """The round of median length: its ``bars``, and the critical ``path`` through it with those inside its steps."""

    name: str
    profile: Profile
    taken: Round
    path: tuple[Link, ...]
    bars: tuple[Bar, ...]

    @property
    def lanes(self) -> int:
        """How many lanes the bars take."""
        return 1 + max((bar.lane for bar in self.bars), default=-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """One step of the critical path where the path has it, as offsets from the round's start.

    ``gap_ns`` passed before it. Stretches of one depth follow each other, deeper ones lie inside.
    """

    path: str
    depth: int
    start_ns: int
    end_ns: int
    gap_ns: int
    drag_ns: int


def title(judgement: Judgement) -> str:
    """``tests/test_shop.py::test_checkout: REGRESSED``."""
    return printable(f"{judgement.workflow}: {judgement.verdict}")


def now(exhibit: Exhibit) -> Side | None:
    """The run at hand; None where it left no round."""
    profile = exhibit.profile
    if profile is None or not profile.rounds:
        return None
    taken = typical(profile)
    path = _path(profile, taken) if exhibit.analysis is None else exhibit.analysis.path
    return _side(title(exhibit.judgement), profile, taken, path)


def before(exhibit: Exhibit) -> Side | None:
    """The newest of what it was held against; None where that is nothing, or has no round."""
    profile = exhibit.before[-1] if exhibit.before else None
    if profile is None or not profile.rounds:
        return None
    judgement = exhibit.judgement
    name = printable(f"{judgement.workflow}: {held_against(judgement.baseline)}")
    taken = typical(profile)
    return _side(name, profile, taken, _path(profile, taken))


def stretches(path: Sequence[Link]) -> Iterator[Stretch]:
    """The path laid out by its gaps and durations, from the round's start on."""
    reached = [0]  # by depth: where the next gap begins
    ends: list[int] = []  # by depth: of the latest stretch
    for link in path:
        del reached[link.depth + 1 :], ends[link.depth :]
        latest = min(ends, default=None)
        start = reached[link.depth] + link.gap_ns
        end = start + link.duration_ns
        if latest is not None:  # the step around it was at work for less than what lies inside
            start, end = min(start, latest), min(end, latest)
        yield Stretch(
            path=link.path, depth=link.depth, start_ns=start, end_ns=end, gap_ns=link.gap_ns, drag_ns=link.drag_ns
        )
        reached[link.depth] = end
        reached.append(start)
        ends.append(end)


def _side(name: str, profile: Profile, taken: Round, path: tuple[Link, ...]) -> Side:
    bars = timeline(taken, {link.path for link in path})
    return Side(name=name, profile=profile, taken=taken, path=path, bars=bars)


def _path(profile: Profile, taken: Round) -> tuple[Link, ...]:
    """The critical path of one round by itself."""
    if not taken.spans:
        return ()
    return analyse(replace(profile, launches=(Launch(rounds=(taken,)),))).path
