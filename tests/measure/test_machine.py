import sys
from itertools import count, cycle

import pytest

from pytest_wfperf.measure import machine
from pytest_wfperf.measure.machine import Ticks


def tree(root, *, files):
    """A fake root directory with these files in it."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return root


CPU = "sys/devices/system/cpu"


def seen(finding):
    return finding.value, finding.fit


def test_nothing_to_read_is_unknown_and_no_error(tmp_path):
    readers = (
        machine.cpu_quota, machine.cpu_set, machine.memory, machine.governor, machine.boost, machine.siblings,
        machine.virtual,
    )  # fmt: skip
    for read in readers:
        finding = read(tmp_path)
        assert seen(finding) == (None, "unknown"), finding
        assert finding.advice
    assert machine.ticks(tmp_path) is None
    assert machine.cpus(tmp_path, usable=4).fit == "good"


def test_this_machine_can_be_examined():
    findings = machine.examine()
    assert len({finding.name for finding in findings}) == len(findings) == 12
    for finding in findings:
        assert finding.fit in ("good", "poor", "unknown")
        assert (finding.fit == "good") is (finding.advice == "")


def test_garbage_is_unknown(tmp_path):
    names = [
        f"{CPU}/cpu0/topology/thread_siblings_list",
        f"{CPU}/smt/active",
        f"{CPU}/cpufreq/boost",
        f"{CPU}/online",
        "proc/stat",
        "proc/self/cgroup",
        "sys/fs/cgroup/cpu.max",
        "sys/fs/cgroup/memory.max",
        "sys/fs/cgroup/cpuset.cpus",
    ]
    tree(tmp_path, files=dict.fromkeys(names, "cpu ?? \x00"))
    for read in (machine.cpu_quota, machine.cpu_set, machine.boost):
        assert machine.ticks(tmp_path) is None
        assert seen(read(tmp_path)) == (None, "unknown")
    machine.memory(tmp_path)
    machine.siblings(tmp_path)
    assert machine.cpus(tmp_path, usable=2).fit == "good"


# --- the process ----------------------------------------------------------------------


def test_addresses_are_fixed_where_children_agree():
    assert seen(machine.addresses(lambda: "262144 100 200\n")) == ("fixed", "good")


@pytest.mark.parametrize(
    ("flags", "why"), [(262144, "accepts the request and does not follow it"), (0, "seccomp"), (-1, "seccomp")]
)
def test_addresses_are_random_where_children_differ_whatever_their_personality_says(flags, why):
    numbers = count()
    finding = machine.addresses(lambda: f"{flags} {next(numbers)} 200")
    assert seen(finding) == ("random", "poor")
    assert why in finding.advice
    assert "INCONCLUSIVE" in finding.advice


def test_addresses_that_cannot_be_looked_at():
    def fails():
        raise OSError("no more processes")

    assert seen(machine.addresses(fails)) == (None, "unknown")
    assert seen(machine.addresses(lambda: "")) == (None, "unknown")


def test_another_system_has_random_addresses(monkeypatch):
    monkeypatch.setattr(machine.sys, "platform", "darwin")
    finding = machine.addresses()
    assert seen(finding) == ("random", "poor")
    assert "no way to fix them" in finding.advice


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux")
def test_real_children_tell_what_they_see():
    flags, *places = machine._fixed_child().split()
    assert int(flags) >= -1
    assert all(int(place) > 0 for place in places)
    assert machine.addresses().fit in ("good", "poor")


def test_the_interpreter():
    assert seen(machine.interpreter({}, dev_mode=False, debug=False)) == ("plain", "good")
    odd = {"PYTHONMALLOC": "debug", "WFPERF_WITHOUT": "heap,aslr", "PYTHONTRACEMALLOC": ""}
    value = "-X dev, debug build, PYTHONMALLOC=debug, WFPERF_WITHOUT=aslr,heap"
    assert seen(machine.interpreter(odd, dev_mode=True, debug=True)) == (value, "poor")


def test_the_clock():
    fine, coarse, stopped = count(0, 40), count(0, 16_000_000), cycle([5])
    assert seen(machine.clock(lambda: next(fine), 1e-9)) == (40, "good")
    assert seen(machine.clock(lambda: next(fine), 1e-6)) == (1_000, "good")
    assert seen(machine.clock(lambda: next(coarse), 1e-9)) == (16_000_000, "poor")
    assert seen(machine.clock(lambda: next(stopped))) == (None, "unknown")


def test_the_clock_of_now():
    finding = machine.clock()
    assert 0 < finding.value < 1e8
    assert finding.unit == "time"


# --- what else runs -------------------------------------------------------------------


def test_cpus(tmp_path):
    tree(tmp_path, files={f"{CPU}/online": "0-3,6"})
    assert seen(machine.cpus(tmp_path, usable=2)) == ("2 of 5", "good")
    assert seen(machine.cpus(tmp_path, usable=1)) == ("1 of 5", "poor")


@pytest.mark.parametrize(
    ("average", "usable", "fit"), [(0.4, 1, "good"), (0.9, 1, "poor"), (1.4, 2, "good"), (1.6, 2, "poor")]
)
def test_load(average, usable, fit):
    assert seen(machine.load(lambda: (average, 9, 9), usable)) == (f"{average:.2f} on {usable}", fit)


def test_load_where_there_is_none(monkeypatch):
    def fails():
        raise OSError

    assert machine.load(fails, 2).fit == "unknown"
    monkeypatch.delattr(machine.os, "getloadavg", raising=False)
    assert machine.load().fit == "unknown"


def test_steal(tmp_path):
    tree(tmp_path, files={"proc/stat": "cpu  100 0 50 800 5 0 3 42 7 0\ncpu0 1 2 3"})
    assert machine.ticks(tmp_path) == Ticks(total=1000, stolen=42)
    before = Ticks(total=1000, stolen=42)
    assert seen(machine.steal(before, Ticks(total=1100, stolen=43))) == (0.01, "good")
    assert seen(machine.steal(before, Ticks(total=1100, stolen=52))) == (0.1, "poor")
    for after in (None, before):
        assert machine.steal(before, after).fit == "unknown"
    assert machine.steal(None, before).fit == "unknown"


def test_an_old_kernel_does_not_tell_of_steal(tmp_path):
    tree(tmp_path, files={"proc/stat": "cpu  100 0 50 800"})
    assert machine.ticks(tmp_path) is None


# --- the container --------------------------------------------------------------------


def test_limits_of_a_control_group_of_version_2(tmp_path):
    files = {
        "proc/self/cgroup": "0::/jobs/this",
        "sys/fs/cgroup/jobs/cpu.max": "150000 100000",
        "sys/fs/cgroup/jobs/this/cpu.max": "max 100000",
        "sys/fs/cgroup/jobs/this/memory.max": "max",
        "sys/fs/cgroup/jobs/memory.max": "268435456",
        "sys/fs/cgroup/jobs/this/cpuset.cpus.effective": "0-1,4",
    }
    tree(tmp_path, files=files)
    assert seen(machine.cpu_quota(tmp_path)) == ("1.5 CPUs", "poor")
    assert seen(machine.memory(tmp_path)) == (268435456, "poor")
    assert machine.memory(tmp_path).unit == "bytes"
    assert seen(machine.cpu_set(tmp_path)) == ("0-1,4", "good")


def test_no_limits(tmp_path):
    files = {
        "proc/self/cgroup": "0::/",
        "sys/fs/cgroup/cpu.max": "max 100000",
        "sys/fs/cgroup/memory.max": "max",
    }
    tree(tmp_path, files=files)
    assert seen(machine.cpu_quota(tmp_path)) == ("none", "good")
    assert seen(machine.memory(tmp_path)) == ("none", "good")


def test_limits_of_control_groups_of_version_1(tmp_path):
    group = "sys/fs/cgroup/cpu,cpuacct"
    files = {
        "proc/self/cgroup": "9:name=systemd:/\n4:memory:/outside/of/this/namespace\n2:cpu,cpuacct:/job\n1:cpuset:/../..",
        f"{group}/job/cpu.cfs_quota_us": "400000",
        f"{group}/job/cpu.cfs_period_us": "100000",
        f"{group}/cpu.cfs_quota_us": "-1",
        f"{group}/cpu.cfs_period_us": "100000",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
        "sys/fs/cgroup/cpuset/cpuset.effective_cpus": "3",
    }
    tree(tmp_path, files=files)
    assert seen(machine.cpu_quota(tmp_path)) == ("4 CPUs", "good")
    assert seen(machine.memory(tmp_path)) == ("none", "good")
    assert seen(machine.cpu_set(tmp_path)) == ("3", "good")


# --- the processor --------------------------------------------------------------------


def test_the_governor(tmp_path):
    for number in (0, 1):
        tree(tmp_path, files={f"{CPU}/cpu{number}/cpufreq/scaling_governor": "performance"})
    assert seen(machine.governor(tmp_path)) == ("performance", "good")
    tree(tmp_path, files={f"{CPU}/cpu1/cpufreq/scaling_governor": "powersave"})
    assert seen(machine.governor(tmp_path)) == ("performance, powersave", "poor")
    assert "cpupower" in machine.governor(tmp_path).advice


@pytest.mark.parametrize(
    ("name", "text", "value", "advice"),
    [
        ("intel_pstate/no_turbo", "0", "on", "write 1 to /sys/devices/system/cpu/intel_pstate/no_turbo"),
        ("intel_pstate/no_turbo", "1", "off", ""),
        ("cpufreq/boost", "1", "on", "write 0 to /sys/devices/system/cpu/cpufreq/boost"),
        ("cpufreq/boost", "0", "off", ""),
    ],
)
def test_boost(tmp_path, name, text, value, advice):
    tree(tmp_path, files={f"{CPU}/{name}": text})
    finding = machine.boost(tmp_path)
    assert seen(finding) == (value, "poor" if value == "on" else "good")
    assert advice in finding.advice


def test_threads_of_one_core(tmp_path):
    tree(tmp_path, files={f"{CPU}/cpu0/topology/thread_siblings_list": "0"})
    assert seen(machine.siblings(tmp_path)) == ("off", "good")
    tree(tmp_path, files={f"{CPU}/cpu0/topology/thread_siblings_list": "0,4"})
    assert seen(machine.siblings(tmp_path)) == ("on", "poor")


@pytest.mark.parametrize(("text", "value", "fit"), [("1", "on", "poor"), ("0", "off", "good")])
def test_threads_of_cores_by_the_kernels_own_word(tmp_path, text, value, fit):
    assert seen(machine.siblings(tree(tmp_path, files={f"{CPU}/smt/active": text}))) == (value, fit)


@pytest.mark.parametrize(
    ("text", "value", "fit"),
    [
        ("flags\t\t: fpu hypervisor sse", "yes", "unknown"),
        ("flags\t\t: fpu sse", "no", "good"),
        ("Features\t: fp asimd", None, "unknown"),
    ],
)
def test_a_guest(tmp_path, text, value, fit):
    assert seen(machine.virtual(tree(tmp_path, files={"proc/cpuinfo": f"processor\t: 0\n{text}"}))) == (value, fit)
