"""Whether a change of time was bought with something else that counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from ..estimate import quantile_bounds
from ..judged import Comparison, Verdict
from ..model import Metric, Profile
from .compare import Stored
from .quantity import metric_names, metric_values

NOTABLE = 0.05  # of a metric: what moved by less was not traded
MOST = 3  # metrics told


def trade(comparison: Comparison, profile: Profile, stored: Stored) -> str:
    """``trade: time -30 %, tokens +40 %`` where the workflow got faster and a metric worse, or the reverse; else empty.

    A metric counts where its median moved by more than 5 % and beyond its noise: the 95 % intervals of
    both medians do not meet. One that never varies is its own interval.
    """
    total = comparison.total
    if total.verdict is Verdict.IMPROVED and total.change < 0:
        faster = True
    elif total.verdict is Verdict.REGRESSED and total.change > 0:
        faster = False
    else:
        return ""
    against = [(name, change, told) for name, change, told in _moved(profile, stored) if (change > 0) is faster]
    if not against:
        return ""
    against.sort(key=lambda each: -abs(each[1]))
    more = f" and {len(against) - MOST} more" if len(against) > MOST else ""
    return f"trade: time {_percent(total.change)}, " + ", ".join(told for *_, told in against[:MOST]) + more


def _moved(profile: Profile, stored: Stored) -> Iterator[tuple[str, float, str]]:
    """Every metric that moved notably: its name, by what part it got worse (negative: better), and words for it."""
    for name in metric_names(profile):
        now = metric_values(profile.rounds, name)
        before = [metric for _, session in stored for metric in metric_values(session.rounds, name)]
        if not before or {m.unit for m in now} != {m.unit for m in before} or not _apart(now, before):
            continue
        old, new = median(m.value for m in before), median(m.value for m in now)
        change = (new - old) / abs(old) if old else float("inf") if new > old else float("-inf")
        if abs(change) > NOTABLE:
            told = f"{name} {_percent(change)}" if old else f"{name} {old:g} → {new:g}"
            yield name, change if now[0].better == "lower" else -change, told


def _apart(now: Sequence[Metric], before: Sequence[Metric]) -> bool:
    (low, high), (least, most) = _median_within(now), _median_within(before)
    return low > most or high < least


def _median_within(metrics: Sequence[Metric]) -> tuple[float, float]:
    values = [metric.value for metric in metrics]
    return (values[0], values[0]) if len(set(values)) == 1 else quantile_bounds(values, 0.5)


def _percent(change: float) -> str:
    return f"{100 * change:+.0f} %"
