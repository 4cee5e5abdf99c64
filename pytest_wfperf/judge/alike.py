"""Rounds whose caches hit are another population than those whose caches missed: like is held against like.

A round is *warm* where it hit a cache and missed none, else *cold*. Where more of this run's rounds are warm than of
the baseline's, its times would be flattered: then the cold rounds of both are held against each other, or
the warm ones where one side has too few cold. A run with fewer warm rounds than its baseline is judged as it is: what
a cache no longer spares is a slowdown.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..judged import Comparison, Effect, Verdict
from ..model import Profile, Round
from .compare import Stored

MIX = 0.1  # shares of warm rounds that differ by no more are one mix
ENOUGH = 3  # rounds of a kind on either side, to be held against each other


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """Both sides with the rounds that may be held against each other.

    ``told`` says how their caches differ, empty where they do not. ``flattered`` says that they could not be made
    alike: this run's hits stand against the baseline's misses.
    """

    current: Profile
    stored: Stored
    told: str = ""
    flattered: bool = False

    def corrected(self, comparison: Comparison) -> Comparison:
        """The comparison with what there is to say of caches; flattered times pass nothing and improve nothing."""
        if not self.told:
            return comparison
        effects = [self._corrected(effect) for effect in comparison.effects]
        return replace(comparison, total=effects[0], steps=tuple(effects[1:]))

    def _corrected(self, effect: Effect) -> Effect:
        unsure = self.flattered and effect.verdict in (Verdict.PASS, Verdict.IMPROVED)
        detail = "; ".join(filter(None, [effect.detail, "" if effect.automatic else self.told]))
        return replace(effect, verdict=Verdict.INCONCLUSIVE if unsure else effect.verdict, detail=detail)


def alike(current: Profile, stored: Stored, *, paired: bool = False) -> Alike:
    """The two sides made alike. Sides ``paired`` were compared already, so their rounds cannot be chosen any more."""
    now, then = current.rounds, [r for _, profile in stored for r in profile.rounds]
    untouched = Alike(current=current, stored=stored)
    if not any(map(_looked_up, now)) or not then:
        return untouched
    here, there = sum(map(is_warm, now)), sum(map(is_warm, then))
    warmer = here / len(now) - there / len(then)
    if abs(warmer) <= MIX:
        return untouched
    told = f"every look-up hit a cache in {here} of {len(now)} rounds"
    if not any(map(_looked_up, then)):
        return replace(untouched, told=f"{told}; the baseline recorded no look-ups")
    told = f"{told}, in {there} of {len(then)} of the baseline"
    if warmer < 0:
        return replace(untouched, told=told)
    for kind, name in () if paired else ((False, "missed"), (True, "hit")):
        if min(sum(is_warm(r) is kind for r in side) for side in (now, then)) >= ENOUGH:
            sessions = tuple((when, kept) for when, session in stored if (kept := _only(session, kind)).launches)
            return Alike(current=_only(current, kind), stored=sessions, told=f"{told}: judged by rounds that {name}")
    return replace(untouched, told=f"{told}: hits would be held against misses", flattered=True)


def is_warm(taken: Round) -> bool:
    """Whether the round hit a cache and missed none, of those whose look-ups took its time."""
    timed = [cache for cache in taken.caches if cache.timed]
    return any(cache.hits for cache in timed) and not any(cache.misses for cache in timed)


def _looked_up(taken: Round) -> bool:
    return any(cache.timed and (cache.hits or cache.misses) for cache in taken.caches)


def _only(profile: Profile, kind: bool) -> Profile:  # noqa: FBT001
    """The profile with only its warm or only its cold rounds, without launches that have none."""
    kept = [(launch, tuple(r for r in launch.rounds if is_warm(r) is kind)) for launch in profile.launches]
    return replace(profile, launches=tuple(replace(launch, rounds=rounds) for launch, rounds in kept if rounds))
