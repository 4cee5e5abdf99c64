"""What replicas at once took, in a line each."""

from __future__ import annotations

from collections.abc import Iterator

from ..loads import Load
from ..model import Profile
from .text import duration, plural, printable


def lines(profile: Profile) -> Iterator[str]:
    """A line for every load of the profile; of one that several rounds had, the last round's figures."""
    last = {load.name: load for taken in profile.rounds for load in taken.loads}
    yield from map(_line, last.values())


def _line(load: Load) -> str:
    done = load.calls - load.failures
    told = [f"{plural(done, 'call')}, {load.throughput:.4g} a second" if done else "no call completed"]
    if load.failures:
        told.append(f"{load.failures} of {load.calls} failed")
    if done:
        told.append(f"p95 {duration(load.latency.p95 * 1e9)}")
    if load.alone_ns is not None:
        told.append(f"{load.inflation:.3g}x as long as alone")
        most = load.most_inflated
        if most is not None:
            told.append(f"most of it in step {printable(most.path)} ({most.inflation:.3g}x)")
    return f"{load.name}: {', '.join(told)}"
