"""What has to match for two times to be comparable, read from this process."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from functools import cache

from ..model import Environment


@cache
def environment(concurrency: int = 0) -> Environment:
    """The environment of profiles taken in this process; ``concurrency`` is the number of xdist workers (0: none)."""
    facts = {
        "concurrency": "alone" if concurrency < 2 else f"{concurrency} at once",
        "cpu": _cpu_model(),
        "cpus": str(usable_cpus()),
        "gil": "on" if getattr(sys, "_is_gil_enabled", lambda: True)() else "off",
        "machine": platform.machine(),
        "python": f"{sys.implementation.name}{sys.version_info.major}.{sys.version_info.minor}",
        "python_options": " ".join(_interpreter_options()) or "none",
        "system": platform.system(),
        "tracing": _tracing(),
    }
    notes = {
        "aslr": _read("/proc/sys/kernel/randomize_va_space") or "unknown",
        "compiler": platform.python_compiler(),
        "host": platform.node(),
        "kernel": platform.release(),
        "python_version": platform.python_version(),
    }
    return Environment(facts=tuple(sorted(facts.items())), notes=tuple(sorted(notes.items())))


def usable_cpus() -> int:
    """CPUs this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _tracing() -> str:
    """What watches every line or call of this process, and so slows it down unevenly."""
    watching = {name for name, tool in (("settrace", sys.gettrace()), ("setprofile", sys.getprofile())) if tool}
    monitoring = getattr(sys, "monitoring", None)
    if monitoring is not None:
        watching |= {name for name in map(monitoring.get_tool, range(6)) if name}
    return " ".join(sorted(watching)) or "none"


def _interpreter_options() -> list[str]:
    options = [f"-{'O' * sys.flags.optimize}"] if sys.flags.optimize else []
    if sys.flags.dev_mode:
        options.append("-X dev")
    if hasattr(sys, "gettotalrefcount"):
        options.append("debug build")
    if os.environ.get("PYTHONMALLOC"):
        options.append(f"PYTHONMALLOC={os.environ['PYTHONMALLOC']}")
    return options


def _cpu_model() -> str:
    for line in (_read("/proc/cpuinfo") or "").splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Processor", "cpu model"):
            return value.strip()
    if sys.platform == "darwin":
        asked = subprocess.run(
            ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False
        )
        if asked.stdout.strip():
            return asked.stdout.strip()
    return platform.processor() or platform.machine() or "unknown"


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            return file.read().strip()
    except OSError:
        return None
