"""Processes that save at once, and processes killed while they save."""

import os
import subprocess
import sys

import pytest
from stored import HERE, profile

from pytest_wfperf.store.directory import Store

A = profile()


def start(script, root, *more):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", script, str(root), *map(str, more)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


SAVER = """
import sys
from pathlib import Path
from stored import HERE, profile
from pytest_wfperf.store.directory import Store
for _ in range(25):
    print(Store(Path(sys.argv[1])).save("main", [profile()], environment=HERE).version)
"""


def test_eight_processes_that_save_at_once_lose_nothing(tmp_path):
    store = Store(tmp_path / ".wfperf")
    savers = [start(SAVER, store.root) for _ in range(8)]
    saved = [version for saver in savers for version in saver.communicate()[0].split()]
    assert [saver.returncode for saver in savers] == [0] * 8
    assert len(set(saved)) == 200
    history = store.history("main", HERE, limit=1000)
    assert {baseline.version for baseline in history} == set(saved)
    assert [baseline.version[:4] for baseline in history[::-1]] == [f"{n:04d}" for n in range(1, 201)]
    assert [baseline.previous for baseline in history] == [baseline.version for baseline in history[1:]] + [""]
    assert store.open("main", HERE) == history[0]
    assert store.verify() == ()


VICTIMS = """
import os, random, signal, sys, time
from pathlib import Path
from stored import HERE, profile
from pytest_wfperf.store.baseline import read_head, read_version
from pytest_wfperf.store.directory import Store

store = Store(Path(sys.argv[1]))
store.save("main", [profile()], environment=HERE)
started = time.perf_counter()
store.save("main", [profile()], environment=HERE)
one = time.perf_counter() - started
debris = 0
place = next((store.root / "baselines" / "main").iterdir())
for round in range(int(sys.argv[2])):
    ready, write = os.pipe()
    victim = os.fork()
    if victim == 0:
        os.close(ready)
        os.write(write, b"!")
        while True:
            baseline = store.extend("main", [profile()], environment=HERE) if random.random() < 0.3 else None
            baseline = baseline or store.save("main", [profile(), profile("other")], environment=HERE, carry={"gone"})
            os.write(write, f" {baseline.version}/{len(baseline.contents)}".encode())
    os.close(write)
    os.read(ready, 1)
    time.sleep(random.uniform(0, 2.5 * one))
    os.kill(victim, signal.SIGKILL)
    os.waitpid(victim, 0)
    told = os.read(ready, 65536).decode().split()
    os.close(ready)
    debris += any(entry.startswith(".tmp-") for entry in os.listdir(place))
    in_force = store.open("main", HERE)
    assert in_force.sessions(profile().workflow)
    for text in told:
        version, sessions = text.split("/")
        assert len(read_version("main", place / version).contents) >= int(sessions), text
        assert in_force.version >= version
        print(version)
print("debris", debris)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
def test_a_process_killed_at_any_moment_of_a_save_tears_nothing(tmp_path):
    store = Store(tmp_path / ".wfperf")
    killer = start(VICTIMS, store.root, 200)
    *told, word, debris = killer.communicate()[0].split()
    assert (killer.returncode, word) == (0, "debris")
    assert told
    assert int(debris) > 0
    store.save("main", [A], environment=HERE)
    assert {b.version for b in store.history("main", HERE, limit=10_000)} >= set(told)
    assert store.verify() == ()


FIRST = """
import os, signal, sys
from pathlib import Path
from stored import HERE, profile
from pytest_wfperf.store.directory import Store

last = None

def die(event, arguments):
    global last
    if last is not None and event in ("open", "os.mkdir", "os.rename", "os.remove", "os.listdir"):
        last -= 1
        if last == 0:
            os.kill(os.getpid(), signal.SIGKILL)

Store(Path(sys.argv[1], "imports")).save("main", [profile()], environment=HERE)
sys.addaudithook(die)
step, status = 0, signal.SIGKILL
while status == signal.SIGKILL:
    step += 1
    store = Store(Path(sys.argv[1], str(step)))
    victim = os.fork()
    if victim == 0:
        last = step
        store.save("main", [profile()], environment=HERE)
        os._exit(0)
    status = os.waitpid(victim, 0)[1]
    store.save("main", [profile()], environment=HERE)
    assert store.open("main", HERE).sessions(profile().workflow) == (profile(),)
    assert store.verify() == (), store.verify()
print(status, step)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
def test_the_very_first_save_may_be_killed_before_any_of_its_steps(tmp_path):
    status, steps = start(FIRST, tmp_path).communicate()[0].split()
    assert status == "0"
    assert int(steps) > 20
