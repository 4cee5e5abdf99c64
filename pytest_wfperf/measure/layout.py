"""What moves a process's times without any work being done, and how it is held still or varied on purpose.

Where code and data lie in memory moves a step by some per cent, the same way every time. So the
operating system's own randomisation is switched off where that is possible, the hash seed is
shared within a pair, and the heap is shuffled on purpose, before the code under test is imported
and before each round: what is left is chance that launches average away.
Sources: Mytkowicz et al. 2009 (layout bias); Curtsinger & Berger 2013 (layout randomisation).
"""

from __future__ import annotations

import ctypes
import gc
import random
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

ADDR_NO_RANDOMIZE = 0x0040000  # <sys/personality.h>
_ASK = 0xFFFFFFFF
WITHOUT = "WFPERF_WITHOUT"  # conditions to leave out, for measuring what each is worth: aslr, seed, heap, gc
_OBJECTS = (500, 4_000)  # small objects allocated in a shuffle, of random sizes
_SIZES, _LENGTHS = range(16, 480), range(1, 20)
_FREED = (0.2, 0.8)  # share of them freed again


def without(environment: Mapping[str, str]) -> frozenset[str]:
    """The conditions somebody asked to leave out."""
    return frozenset(filter(None, environment.get(WITHOUT, "").split(",")))


@cache
def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@contextmanager
def fixed_addresses(*, wanted: bool = True) -> Iterator[None]:
    """Processes started in the block get no random addresses, where the system permits it; what took effect they tell.

    Linux has a personality flag, which a container's seccomp profile may forbid. macOS knows an undocumented
    ``posix_spawn`` flag that subprocess cannot set, Windows decides it in the executable: there it stays on.
    """
    libc = _libc() if wanted else None
    before = -1 if libc is None else libc.personality(_ASK)
    if libc is None or before < 0:
        yield
        return
    libc.personality(before | ADDR_NO_RANDOMIZE)
    try:
        yield
    finally:
        libc.personality(before)


def addresses() -> str:
    """Whether this process's addresses are ``fixed`` or ``random``, as far as the system tells."""
    libc = _libc()
    if libc is None:
        return "random"
    flags = libc.personality(_ASK)
    if flags >= 0 and flags & ADDR_NO_RANDOMIZE:
        return "fixed"
    try:
        with open("/proc/sys/kernel/randomize_va_space", encoding="ascii") as file:  # noqa: PTH123
            return "fixed" if file.read().strip() == "0" else "random"
    except OSError:
        return "random"


def die_with_parent() -> None:
    """Let this process be interrupted when the one that launched it dies, where the system can do that."""
    libc = _libc()
    if libc is not None:
        libc.prctl(1, 2, 0, 0, 0)  # PR_SET_PDEATHSIG, SIGINT


class Heap:
    """This process's heap, to be left in another random state before every round."""

    def __init__(self, seed: int, *, shuffled: bool = True, collected: bool = True) -> None:
        self._random = random.Random(seed)  # noqa: S311
        self.shuffled, self.collected = shuffled, collected
        self._held: list[bytes] = []
        self._objects: list[tuple[int, ...]] = []

    def shuffle(self) -> None:
        """Collect what earlier rounds left, then allocate and free at random, and keep the collector off what is there.

        Only what is younger than the last freeze is looked at, so this takes a few milliseconds in a
        process of any size.
        """
        if self.collected:
            gc.collect()
        if self.shuffled:
            rng = self._random
            number = rng.randrange(*_OBJECTS)
            fresh = [bytes(size) for size in rng.choices(_SIZES, k=number)]
            self._held = rng.sample(fresh, int(number * rng.uniform(*_FREED)))
            tuples = [(number,) * size for size in rng.choices(_LENGTHS, k=number // 4)]
            self._objects = rng.sample(tuples, int(len(tuples) * rng.uniform(*_FREED)))
        if self.collected:
            gc.freeze()

    def settle(self) -> None:
        """Collect everything, once between workflows."""
        if self.collected:
            gc.unfreeze()
            gc.collect()
            gc.freeze()


def calibrate(passes: int = 5) -> int:
    """What a fixed piece of work takes here and now, ns: the fastest of some passes of about a millisecond.

    It is of the kinds of work that Python programs do (dictionaries, strings, calls, arithmetic), so
    that a machine that is slower today is seen to be.
    """
    from time import perf_counter_ns  # noqa: PLC0415  bound before anything under test can patch it

    fastest = sys.maxsize
    for _ in range(passes):
        started = perf_counter_ns()
        _work()
        fastest = min(fastest, perf_counter_ns() - started)
    return fastest


def _work() -> int:
    table: dict[str, int] = {}
    for i in range(2_500):
        key = f"key {i % 257}"
        table[key] = table.get(key, 0) + _mixed(i)
    ordered = sorted(table.items(), key=lambda item: (item[1] % 97, item[0]))
    return len(" ".join(name for name, _ in ordered).split())


def _mixed(i: int) -> int:
    return (i * 2_654_435_761 ^ i >> 3) & 0xFFFF
