"""What this machine does to times, read from the machine: what is there, whether it is fit, what to change.

Every reader copes with what is not there: another system, a container without ``/proc`` or ``/sys``, a
file that holds something else. What cannot be read is ``unknown``, never an error.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Literal

from .conditions import usable_cpus
from .layout import ADDR_NO_RANDOMIZE, WITHOUT, fixed_addresses, without

ROOT = Path("/")
STEAL_LIMIT = 0.02  # of all CPU time, taken by other guests of the host
TICK_LIMIT_NS = 1_000  # a step of 0.1 ms cannot be told 1 % slower by a coarser clock
CPUS_OF_A_PAIR = 2  # two processes start at once, and one of them is on the clock beside the one that measures
MEMORY_LIMIT = 512 * 2**20
_NO_LIMIT = 2**60  # cgroup v1 writes a number near 2⁶³ where there is none
_READINGS = 5_000
_CHILD_LIMIT_S = 30.0
_PROBE = (
    "import ctypes; c = ctypes.CDLL(None); "
    "print(c.personality(0xFFFFFFFF), ctypes.cast(c.personality, ctypes.c_void_p).value, id(int))"
)

Fit = Literal["good", "poor", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. ``advice`` says what to change, or what it means; empty where nothing is amiss.

    ``unit`` is ``time`` (ns), ``bytes``, ``fraction`` or empty; ``value`` is None where there is nothing to read.
    """

    name: str
    value: str | int | float | None
    fit: Fit
    advice: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticks:
    """CPU time of the whole machine since it started, in ticks; ``stolen`` is what other guests of its host took."""

    total: int
    stolen: int


def examine(root: Path = ROOT) -> tuple[Finding, ...]:
    """Everything that can be read at once; :func:`steal` needs a while between two readings."""
    return (
        addresses(),
        interpreter(os.environ),
        clock(),
        cpus(root),
        load(),
        cpu_quota(root),
        cpu_set(root),
        memory(root),
        governor(root),
        boost(root),
        siblings(root),
        virtual(root),
    )


# --- the process ----------------------------------------------------------------------


def addresses(probe: Callable[[], str] | None = None) -> Finding:
    """Whether processes can be started at fixed addresses: what such processes see, not what was asked for.

    ``probe`` starts one and returns what it printed: its personality, then where some things lie in it.
    """
    name = "addresses"
    if probe is None and sys.platform != "linux":
        return Finding(name=name, value="random", fit="poor", advice=_random("this system has no way to fix them"))
    try:
        seen = [(probe or _fixed_child)().split() for _ in range(3)]
        flags = int(seen[0][0])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return Finding(name=name, value=None, fit="unknown", advice="no process could be started to look at them.")
    if all(each[1:] == seen[0][1:] for each in seen):
        return Finding(name=name, value="fixed", fit="good")
    if flags >= 0 and flags & ADDR_NO_RANDOMIZE:
        why = "the system accepts the request and does not follow it"
    else:
        why = "a container's seccomp profile forbids personality(): allow it (docker run --security-opt seccomp=…)"
    return Finding(name=name, value="random", fit="poor", advice=_random(why))


def _random(why: str) -> str:
    return (
        "every process gets other addresses, which moves a step by some per cent; "
        f"{why}. Runs need more launches, and a limit below 10 % will often be INCONCLUSIVE."
    )


def _fixed_child() -> str:
    with fixed_addresses():
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-I", "-S", "-c", _PROBE],
            capture_output=True, text=True, check=True, timeout=_CHILD_LIMIT_S, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    return done.stdout


def interpreter(environment: Mapping[str, str], *, dev_mode: bool | None = None, debug: bool | None = None) -> Finding:
    """Whether Python runs as it will in earnest: no debug build, no checking allocator, nothing traced."""
    odd = ["-X dev"] if (sys.flags.dev_mode if dev_mode is None else dev_mode) else []
    if hasattr(sys, "gettotalrefcount") if debug is None else debug:
        odd.append("debug build")
    odd += [f"{n}={environment[n]}" for n in ("PYTHONMALLOC", "PYTHONTRACEMALLOC") if environment.get(n)]
    left_out = sorted(without(environment))
    if left_out:
        odd.append(f"{WITHOUT}={','.join(left_out)}")
    if not odd:
        return Finding(name="interpreter", value="plain", fit="good")
    advice = "times are not those of the program in use; measure with a release build and without these."
    return Finding(name="interpreter", value=", ".join(odd), fit="poor", advice=advice)


def clock(read_ns: Callable[[], int] = time.perf_counter_ns, resolution_s: float | None = None) -> Finding:
    """The timer's tick in ns: its stated resolution or the smallest step seen of it, whichever is the larger."""
    stated = time.get_clock_info("perf_counter").resolution if resolution_s is None else resolution_s
    readings = [read_ns() for _ in range(_READINGS)]
    steps = [later - earlier for earlier, later in pairwise(readings) if later > earlier]
    if not steps:
        return Finding(name="clock", value=None, fit="unknown", advice="the clock did not move while it was watched.")
    tick = max(min(steps), round(stated * 1e9))
    if tick <= TICK_LIMIT_NS:
        return Finding(name="clock", value=tick, fit="good", unit="time")
    advice = "the clock is coarse: steps of less than a thousand of its ticks cannot be gated. Is the TSC in use?"
    return Finding(name="clock", value=tick, fit="poor", unit="time", advice=advice)


# --- what else runs -------------------------------------------------------------------


def cpus(root: Path = ROOT, usable: int | None = None) -> Finding:
    """How many CPUs this process may run on, of those that are there."""
    mine = usable_cpus() if usable is None else usable
    there = len(_listed(_read(root / "sys/devices/system/cpu/online"))) or os.cpu_count() or mine
    value = f"{mine} of {max(mine, there)}"
    if mine >= CPUS_OF_A_PAIR:
        return Finding(name="CPUs", value=value, fit="good")
    advice = "everything else that runs takes turns with what is measured; use two CPUs or more."
    return Finding(name="CPUs", value=value, fit="poor", advice=advice)


def load(averages: Callable[[], Sequence[float]] | None = None, usable: int | None = None) -> Finding:
    """Processes that wanted a CPU over the last minute. Poor where they leave none for what is measured."""
    read = averages or getattr(os, "getloadavg", None)
    mine = usable_cpus() if usable is None else usable
    try:
        busy = None if read is None else float(read()[0])
    except OSError:
        busy = None
    if busy is None:
        return Finding(name="load", value=None, fit="unknown", advice="see for yourself that nothing else runs.")
    value = f"{busy:.2f} on {mine}"
    if busy <= max(0.5, mine - 0.5):
        return Finding(name="load", value=value, fit="good")
    advice = "no CPU is left for what is measured; stop what else runs, or wait a minute if it has just ended."
    return Finding(name="load", value=value, fit="poor", advice=advice)


def ticks(root: Path = ROOT) -> Ticks | None:
    """The machine's CPU time so far; None where it cannot be read."""
    for line in _read(root / "proc/stat").splitlines():
        if line.startswith("cpu "):
            try:
                times = [int(word) for word in line.split()[1:9]]  # guest time is in user time already
            except ValueError:
                return None
            return Ticks(total=sum(times), stolen=times[7]) if len(times) == 8 else None
    return None


def steal(before: Ticks | None, after: Ticks | None) -> Finding:
    """CPU time that other guests of the host took in between; only while something ran here could any be taken."""
    if before is None or after is None or after.total <= before.total:
        return Finding(name="steal", value=None, fit="unknown", advice="this system does not tell.")
    stolen = max(0, after.stolen - before.stolen) / (after.total - before.total)
    if stolen <= STEAL_LIMIT:
        return Finding(name="steal", value=stolen, fit="good", unit="fraction")
    advice = "other guests of the host take CPU time away; use a dedicated or larger instance, or another hour."
    return Finding(name="steal", value=stolen, fit="poor", unit="fraction", advice=advice)


# --- the container --------------------------------------------------------------------


def cpu_quota(root: Path = ROOT) -> Finding:
    """The control groups' limit on CPU time, in CPUs: a process beyond it is stopped for the rest of a period."""
    found = list(_quotas(root))
    limits = [limit for limit in found if limit is not None]
    if not found:
        return _not_in_a_group("CPU quota")
    if not limits:
        return Finding(name="CPU quota", value="none", fit="good")
    least = min(limits)
    value = f"{least:g} CPUs"
    if least >= CPUS_OF_A_PAIR:
        return Finding(name="CPU quota", value=value, fit="good")
    advice = "what is measured is stopped whenever the quota is used up; give the container two CPUs or no quota."
    return Finding(name="CPU quota", value=value, fit="poor", advice=advice)


def _quotas(root: Path) -> Iterator[float | None]:
    for group in _groups(root):
        quota, _, period = _read(group / "cpu.max").partition(" ")
        if not quota:
            quota, period = _read(group / "cpu.cfs_quota_us"), _read(group / "cpu.cfs_period_us")
        if quota in ("max", "-1"):
            yield None
        elif quota.isdecimal() and period.isdecimal() and int(period):
            yield int(quota) / int(period)


def cpu_set(root: Path = ROOT) -> Finding:
    """The CPUs that the control group may use."""
    for group in _groups(root):
        for name in ("cpuset.cpus.effective", "cpuset.effective_cpus", "cpuset.cpus"):
            listed = _read(group / name)
            if _listed(listed):
                return Finding(name="CPU set", value=listed, fit="good")
    return _not_in_a_group("CPU set")


def memory(root: Path = ROOT) -> Finding:
    """The control groups' limit on memory, bytes."""
    found = [_read(group / name) for group in _groups(root) for name in ("memory.max", "memory.limit_in_bytes")]
    limits = [int(text) for text in found if text.isdecimal() and int(text) < _NO_LIMIT]
    if not any(found):
        return _not_in_a_group("memory limit")
    if not limits:
        return Finding(name="memory limit", value="none", fit="good")
    if min(limits) >= MEMORY_LIMIT:
        return Finding(name="memory limit", value=min(limits), fit="good", unit="bytes")
    advice = "two pytest processes at once may reach it, and slow down well before; raise it."
    return Finding(name="memory limit", value=min(limits), fit="poor", unit="bytes", advice=advice)


def _not_in_a_group(name: str) -> Finding:
    return Finding(name=name, value=None, fit="unknown", advice="no control group can be read here.")


def _groups(root: Path) -> Iterator[Path]:
    """The directories of this process's control groups, of both versions, each before those around it."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        inside = PurePosixPath(*(part for part in PurePosixPath(path).parts if part not in ("/", "..")))
        for level in (inside, *inside.parents):
            yield root / "sys/fs/cgroup" / controllers / level


# --- the processor --------------------------------------------------------------------


def governor(root: Path = ROOT) -> Finding:
    """Who sets the CPUs' frequency."""
    found = sorted({_read(path) for path in (root / "sys/devices/system/cpu").glob("cpu*/cpufreq/scaling_governor")})
    value = ", ".join(filter(None, found))
    if not value:
        advice = "the frequency is set where it cannot be seen (by the host, or the firmware)."
        return Finding(name="governor", value=None, fit="unknown", advice=advice)
    if value == "performance":
        return Finding(name="governor", value=value, fit="good")
    advice = "the frequency follows the load; `cpupower frequency-set -g performance` holds it."
    return Finding(name="governor", value=value, fit="poor", advice=advice)


def boost(root: Path = ROOT) -> Finding:
    """Whether the CPUs run faster than they can for long."""
    system = root / "sys/devices/system/cpu"
    no_turbo, boosted = _read(system / "intel_pstate/no_turbo"), _read(system / "cpufreq/boost")
    for reading, on, file, off in ((no_turbo, "0", "intel_pstate/no_turbo", "1"), (boosted, "1", "cpufreq/boost", "0")):
        if reading == on:
            advice = f"the frequency follows the temperature; write {off} to /sys/devices/system/cpu/{file}."
            return Finding(name="boost", value="on", fit="poor", advice=advice)
    if no_turbo == "1" or boosted == "0":
        return Finding(name="boost", value="off", fit="good")
    return Finding(name="boost", value=None, fit="unknown", advice="the system does not tell.")


def siblings(root: Path = ROOT) -> Finding:
    """Whether two of the CPUs are threads of one core, and so slow each other down."""
    system = root / "sys/devices/system/cpu"
    lists = {_read(path) for path in system.glob("cpu*/topology/thread_siblings_list")} - {""}
    active = _read(system / "smt/active")
    if active == "1" or any(len(_listed(each)) > 1 for each in lists):
        advice = "whatever runs on a core's other thread halves its speed; leave it idle, or write off to smt/control."
        return Finding(name="SMT", value="on", fit="poor", advice=advice)
    if active == "0" or lists:
        return Finding(name="SMT", value="off", fit="good")
    return Finding(name="SMT", value=None, fit="unknown", advice="the system does not tell.")


def virtual(root: Path = ROOT) -> Finding:
    """Whether this is a guest of another machine."""
    flags = [line.split() for line in _read(root / "proc/cpuinfo").splitlines() if line.startswith("flags")]
    if not flags:
        return Finding(name="virtual machine", value=None, fit="unknown", advice="the processor does not tell.")
    if "hypervisor" not in flags[0]:
        return Finding(name="virtual machine", value="no", fit="good")
    advice = "frequency and neighbours cannot be seen from inside; steal time and the A/A run have to tell."
    return Finding(name="virtual machine", value="yes", fit="unknown", advice=advice)


# --- files ----------------------------------------------------------------------------


def _read(path: Path) -> str:
    """What a file says, stripped; empty where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _listed(text: str) -> set[int]:
    """The numbers of a list like ``0-2,5``; none of what is no such list."""
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if first.isdecimal() and (last or first).isdecimal():
            found.update(range(int(first), int(last or first) + 1))
    return found
