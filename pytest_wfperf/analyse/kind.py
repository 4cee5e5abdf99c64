"""What kind of regression it is: more work, or the same work done slower."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..model import Count

NOTABLE = {"calls": (0.002, 1), "blocks": (0.05, 100), "bytes": (0.01, 512), "files": (0.0, 1)}  # share, and number
NOUNS = {"calls": "calls", "blocks": "memory blocks held", "bytes": "bytes read and written", "files": "files opened"}


def kind(current: Sequence[Count], baseline: Sequence[Count], regressed: Sequence[str]) -> str:
    """A sentence on the ``regressed`` paths, the weightiest first; empty where either side was not counted.

    Counts are the same on a slow machine and on a fast one. Where they have grown, there is more work;
    where they have not, the same work takes longer.
    """
    now, then = ({(c.path, c.what): c.value for c in counts} for counts in (current, baseline))
    for path in regressed:
        if (path, "calls") not in now or (path, "calls") not in then:
            continue
        where = f" in {path}" if path else ""
        grown = list(_grown(path, now, then))
        if grown:
            return f"{', '.join(grown)}{where}: it does more"
        calls = now[path, "calls"]
        return (
            f"the same work{where} as before ({calls} calls, and no more files, bytes or memory): "
            "data, libraries, the environment or the layout of memory may be slower"
        )
    return ""


def _grown(path: str, now: dict[tuple[str, str], int], then: dict[tuple[str, str], int]) -> Iterator[str]:
    for what, (share, number) in NOTABLE.items():
        new, old = now.get((path, what), 0), then.get((path, what), 0)
        if new - old >= max(number, share * abs(old)):
            by = f"{100 * (new - old) / old:.3g} % more" if old > 0 else "more"
            yield f"{by} {NOUNS[what]} ({old} → {new})"
