"""The replicas of a load together: a thread, a task or a process for each, which lives from set-up to tear-down."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Protocol

from ..errors import MeasurementError
from ..model import Round
from .facts import averaged
from .replica import Call, Replica, Stretch, driven

Work = Callable[[Replica], Coroutine[Any, Any, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one replica did in a stretch: its calls, and the facts they recorded as those of one round.

    The round has spans where the replica had a recorder of its own.
    """

    calls: Sequence[Call]
    taken: Round


class Crew(Protocol):
    """Replicas that are set up while it is entered."""

    async def __aenter__(self) -> Crew: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def take(self, stretch: Stretch, replicas: int) -> list[Part]:
        """Let the first so many replicas make their calls, all at once; time that."""


class _Here(ABC):
    """Replicas in this process."""

    def __init__(self, replicas: Sequence[Replica]) -> None:
        self.replicas = replicas

    async def __aenter__(self) -> Crew:
        try:
            await self._each(self.replicas, Replica.set_up)
        except BaseException as error:
            await self.__aexit__(type(error), error, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for replica in self.replicas:
            replica.stopped = True
        await self._each(self.replicas, Replica.tear_down)

    async def take(self, stretch: Stretch, replicas: int) -> list[Part]:
        taken = await self._taken(stretch, self.replicas[:replicas])
        stretch.clock.end()
        nothing = Round(total_ns=0)
        return [Part(calls=calls, taken=averaged([call.facts.added_to(nothing) for call in calls])) for calls in taken]

    @abstractmethod
    async def _each(self, replicas: Sequence[Replica], work: Work) -> list[Any]:
        """Let every replica do some work; wait for all, then raise what the first of them raised."""

    @abstractmethod
    async def _taken(self, stretch: Stretch, replicas: Sequence[Replica]) -> list[list[Call]]:
        """Every replica's calls. They start together."""


class Threads(_Here):
    """A thread for each replica."""

    def __init__(self, replicas: Sequence[Replica]) -> None:
        super().__init__(replicas)
        self._threads = [ThreadPoolExecutor(1, f"wfperf-replica-{replica.index}") for replica in replicas]

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await super().__aexit__(kind, error, trace)
        finally:
            for thread in self._threads:
                thread.shutdown()

    async def _each(self, replicas: Sequence[Replica], work: Work) -> list[Any]:
        futures = [
            self._threads[replica.index].submit(replica.context.run, driven, work(replica)) for replica in replicas
        ]
        wait(futures)
        return [future.result() for future in futures]

    async def _taken(self, stretch: Stretch, replicas: Sequence[Replica]) -> list[list[Call]]:
        barrier = threading.Barrier(len(replicas), stretch.begin)
        try:
            return await self._each(replicas, lambda replica: replica.take(stretch, barrier.wait))
        except BaseException:
            barrier.abort()  # an interrupt may have come before all were there
            raise


class Tasks(_Here):
    """A task of the running event loop for each replica."""

    async def __aenter__(self) -> Crew:
        if asyncio._get_running_loop() is None:  # noqa: SLF001  the public one raises
            raise MeasurementError(
                "wfperf.load runs coroutine functions as tasks of asyncio, and another event loop is running here; "
                "give it a plain function, such as a lambda that runs that loop itself"
            )
        return await super().__aenter__()

    async def _each(self, replicas: Sequence[Replica], work: Work) -> list[Any]:
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(work(replica), context=replica.context) for replica in replicas]
        done = await asyncio.gather(*tasks, return_exceptions=True)
        for result in done:
            if isinstance(result, BaseException):
                raise result
        return done

    async def _taken(self, stretch: Stretch, replicas: Sequence[Replica]) -> list[list[Call]]:
        stretch.begin()
        return await self._each(replicas, partial(Replica.take, stretch=stretch, released=lambda: None))
