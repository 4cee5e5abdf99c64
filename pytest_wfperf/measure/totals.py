"""All entries of one step in one round, summed as they come."""

from __future__ import annotations

from ..model import Span

GROWTH_FROM = 4  # entries: fewer lie on some line whatever they do


class Total:
    """What is known of one path in one round. Times are in ns, on the recorder's clock."""

    __slots__ = (
        "after", "count", "cpu", "end", "error", "group", "max", "memory", "min", "own", "retries", "retry", "start",
        "status", "total", "waited", "weighted",
    )  # fmt: skip

    def __init__(self) -> None:
        self.count = self.total = self.own = self.max = self.end = self.weighted = 0
        self.waited = self.retries = self.retry = 0
        self.min = self.start = 1 << 63
        self.cpu: int | None = None
        self.memory: int | None = None
        self.status, self.error = "ok", ""
        self.after: tuple[str, ...] = ()
        self.group: str | None = None

    def add(self, start: int, end: int, covered: int) -> None:
        """One more entry, of which nested ones cover so much."""
        duration = end - start
        self.weighted += self.count * duration
        self.count += 1
        self.total += duration
        self.own += max(0, duration - covered)
        self.min = min(self.min, duration)
        self.max = max(self.max, duration)
        self.start = min(self.start, start)
        self.end = max(self.end, end)

    def note(
        self,
        waited_ns: int = 0,
        retries: int = 0,
        retry_ns: int = 0,
        cpu_ns: int | None = None,
        memory_bytes: int | None = None,
    ) -> None:
        """What else is known of an entry: memory is the most of any, everything else adds up."""
        self.waited += waited_ns
        self.retries += retries
        self.retry += retry_ns
        if cpu_ns is not None:
            self.cpu = (self.cpu or 0) + cpu_ns
        if memory_bytes is not None:
            self.memory = max(self.memory or 0, memory_bytes)

    @property
    def growth(self) -> int:
        """How much longer the last entry took than the first, by the least-squares line through all of them."""
        n = self.count
        if n < GROWTH_FROM:
            return 0
        slope = (12 * self.weighted - 6 * (n - 1) * self.total) / (n * (n * n - 1))
        return round(slope * (n - 1))

    def span(self, path: str, origin_ns: int) -> Span:
        return Span(
            path=path,
            count=self.count,
            total_ns=self.total,
            min_ns=self.min,
            max_ns=self.max,
            own_ns=self.own,
            start_ns=max(0, self.start - origin_ns),
            end_ns=max(0, self.end - origin_ns),
            status=self.status,
            error=self.error,
            after=self.after,
            group=self.group,
            cpu_ns=self.cpu,
            memory_bytes=self.memory,
            waited_ns=self.waited,
            retries=self.retries,
            retry_ns=self.retry,
            growth_ns=self.growth,
        )
