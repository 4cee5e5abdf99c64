"""Variants of one workflow, ranked: which pass more often, which are faster, and which cannot be told apart.

The tests of one function are a family; each of them that calls itself a variant stands on its board. A variant is
ahead of another where a larger share of its rounds passes, or the same share and it is faster beyond chance: a fast one
that fails more often is never ahead. Its rank is one more than the number of those ahead of it.

Two times differ beyond chance where the interval of their ratio excludes 1 at the board's error, shared by Holm 1979
over all pairs. Of fresh processes the unit of evidence is a launch, whose value is the median of its rounds, and the
test is Student's t on their logarithms; sessions do not come into it, for all variants were measured in one. In one
process, two pieces of code differ by chance as :mod:`.difference` says of two processes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations
from math import log
from statistics import fmean, median, variance

from ..judged import Judgement, Leaderboard, Standing
from ..model import Metric, Profile
from ..priors import ESTIMATOR_SD
from .difference import Difference, of_sessions, scatter
from .prices import COST
from .quality import passed_rounds

ERROR = 0.05  # at most so many boards of variants that take the same time tell any two of them apart

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One variant and what it is ranked by."""

    variant: str
    profile: Profile
    median_ns: float
    passed: int
    cost: Metric | None

    @property
    def share(self) -> float:
        return self.passed / len(self.profile.rounds)


def leaderboards(judged: Iterable[tuple[Judgement, Profile]]) -> tuple[Leaderboard, ...]:
    """A board for every family of which several variants were measured, in the order in which they were met."""
    families: dict[str, list[_Entry]] = {}
    for judgement, profile in judged:
        if profile.variant and profile.rounds:
            families.setdefault(family(profile.workflow), []).append(_entry(judgement, profile))
    return tuple(_board(name, entries) for name, entries in families.items() if len(entries) > 1)


def family(node_id: str) -> str:
    """The node id of a test function, without the parameters of one of its tests."""
    path, colons, name = node_id.partition("::")  # a folder's name may have brackets too
    return path + colons + name.partition("[")[0]


def _entry(judgement: Judgement, profile: Profile) -> _Entry:
    metrics = judgement.summary.metrics if judgement.summary else ()
    return _Entry(
        variant=profile.variant,
        profile=profile,
        median_ns=median(r.total_ns for r in profile.rounds),
        passed=passed_rounds(profile.rounds, judgement.pass_rates),
        cost=next((metric for metric in metrics if metric.name == COST), None),
    )


def _board(name: str, entries: Sequence[_Entry]) -> Leaderboard:
    faster, everyone = _faster(entries), range(len(entries))
    labels = [_label(entry, entries, name) for entry in entries]
    standings = [
        Standing(
            variant=labels[i],
            workflow=entry.profile.workflow,
            median_ns=entry.median_ns,
            passed=entry.passed,
            rounds=len(entry.profile.rounds),
            rank=1 + sum(_ahead(entries, faster, (j, i)) for j in everyone),
            tied=tuple(labels[j] for j in everyone if j != i and not {(i, j), (j, i)} & faster),
            beaten=any(_beats(entries, faster, (j, i)) for j in everyone),
            cost=entry.cost,
        )
        for i, entry in enumerate(entries)
    ]
    standings.sort(key=lambda standing: (standing.rank, standing.median_ns))
    return Leaderboard(workflow=name, standings=tuple(standings))


def _label(entry: _Entry, entries: Sequence[_Entry], name: str) -> str:
    """The variant's name, and where several tests have it, which of them this is."""
    alone = sum(other.variant == entry.variant for other in entries) == 1
    return entry.variant if alone else f"{entry.variant} {entry.profile.workflow.removeprefix(name)}"


# --- who is better --------------------------------------------------------------------


def _ahead(entries: Sequence[_Entry], faster: set[Pair], pair: Pair) -> bool:
    one, other = (entries[i] for i in pair)
    return one.share > other.share or (one.share == other.share and pair in faster)


def _beats(entries: Sequence[_Entry], faster: set[Pair], pair: Pair) -> bool:
    """Whether the first is no worse than the second in rounds passed, time and cost, and better in one of them."""
    one, other = (entries[i] for i in pair)
    here, there = one.cost, other.cost
    if (here and here.unit) != (there and there.unit):
        return False  # nobody knows what it would cost in the other's currency
    saved = there.value - here.value if here and there else 0.0
    no_worse = one.share >= other.share and pair[::-1] not in faster and saved >= 0
    return no_worse and (one.share > other.share or pair in faster or saved > 0)


def _faster(entries: Sequence[_Entry]) -> set[Pair]:
    """The pairs of which the first is faster beyond chance: Holm's step-down over all."""
    pairs = permutations(range(len(entries)), 2)
    tests = [(pair, _difference(*(entries[i].profile for i in pair))) for pair in pairs]
    tests = [(pair, difference) for pair, difference in tests if difference.value < 0]
    tests.sort(key=lambda test: test[1].value / test[1].reach(1 - ERROR / 2))
    found: set[Pair] = set()
    for rank, (pair, difference) in enumerate(tests):
        error = ERROR / (len(entries) * (len(entries) - 1) / 2 - rank)
        if -difference.value < difference.reach(1 - error / 2):
            break
        found.add(pair)
    return found


def _difference(one: Profile, other: Profile) -> Difference:
    """ln(one's time/the other's)."""
    here, there = (
        [log(max(1, median(r.total_ns for r in launch.rounds))) for launch in profile.launches if launch.rounds]
        for profile in (one, other)
    )
    n, m = len(here), len(there)
    if one.fresh and other.fresh and min(n, m) > 1:
        pooled = ((n - 1) * variance(here) + (m - 1) * variance(there)) / (n + m - 2)
        return Difference(
            value=fmean(here) - fmean(there),
            session_variance=pooled * (1 / n + 1 / m),
            round_variance=ESTIMATOR_SD**2,
            df=n + m - 2,
        )
    times, others = ([max(1, r.total_ns) for r in profile.rounds] for profile in (one, other))
    return of_sessions([median(others)], median(times), scatter(times, [others]), 0.0)
