"""A command's processes are ended to the last one, whatever ends the command."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from pytest_wfperf.errors import CommandError, MeasurementError
from pytest_wfperf.measure.attempts import end_running, run_command
from pytest_wfperf.measure.command import Command
from pytest_wfperf.measure.recorder import Recorder

pytestmark = pytest.mark.skipif(os.name != "posix", reason="shells, signals and sessions")

BROOD = 6
BREEDS = """
import os, signal, subprocess, sys, time
SLEEP = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"]
DEAF = [*SLEEP[:-1], "import signal, sys, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"]

def tell(pid):
    with open("pids", "a") as file: print(pid, file=file)

def leave():  # a daemon as in the books: a session of its own, and no parent
    os.setsid()
    if os.fork(): os._exit(0)

tell(os.getpid())
tell(subprocess.Popen(SLEEP).pid)
tell(subprocess.Popen(SLEEP, start_new_session=True).pid)
deaf = subprocess.Popen(DEAF, stdout=subprocess.PIPE)
deaf.stdout.readline()
tell(deaf.pid)
subprocess.run(["sh", "-c", "sleep 600 & echo $! >> pids"], env={"PATH": os.environ["PATH"]})
if os.fork() == 0:
    leave()
    tell(os.getpid())
    time.sleep(600)
os.wait()
time.sleep(600)
"""


class Brood:
    """A command whose processes breed, each in another way."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.recorder = Recorder()
        self.recorder.begin()

    def run(self, **settings):
        argv = [sys.executable, "-I", "-S", "-c", BREEDS]
        return run_command(
            Command(name="it", argv=argv, cwd=self.place, **settings), self.recorder, self.place / "logs"
        )

    def pids(self) -> list[int]:
        path = self.place / "pids"
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    def grown(self) -> None:
        limit = time.monotonic() + 30
        while len(self.pids()) < BROOD:
            assert time.monotonic() < limit, self.pids()
            time.sleep(0.01)

    def check_gone(self) -> None:
        assert len(self.pids()) == BROOD
        assert not [pid for pid in self.pids() if lives(pid)]


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def brood(tmp_path):
    brood = Brood(tmp_path)
    yield brood
    for pid in filter(lives, brood.pids()):
        os.kill(pid, signal.SIGKILL)


def test_a_timeout_ends_every_process(brood):
    with pytest.raises(CommandError) as caught:
        brood.run(timeout_s=3)
    brood.check_gone()
    assert str(caught.value).startswith(
        "command 'it' failed: it took longer than 3 s, so it and its processes were ended\n"
    )
    assert caught.value.result.timed_out
    brood.recorder.end()
    (span,) = brood.recorder.freeze().spans
    assert (span.status, span.error[:26]) == ("error", "it took longer than 3 s, s")


HYDRA = """
import os, signal, time
signal.signal(15, signal.SIG_IGN)
print(os.getpid(), flush=True)
if os.fork() == 0:
    while not os.fork() or os._exit(0):  # never the same process for long
        with open("beats", "a") as file: file.write(".")
        time.sleep(0.005)
time.sleep(600)
"""


def test_a_process_that_is_another_one_by_the_time_it_is_killed_is_ended_too(tmp_path):
    recorder = Recorder()
    recorder.begin()
    argv = [sys.executable, "-I", "-S", "-c", HYDRA]
    result = run_command(Command(name="it", argv=argv, cwd=tmp_path, timeout_s=0.5, check=False), recorder, tmp_path)
    try:
        beats = (tmp_path / "beats").read_text()
        time.sleep(0.2)
        assert (tmp_path / "beats").read_text() == beats != ""
    finally:
        with suppress(ProcessLookupError):
            os.killpg(int(result.output), signal.SIGKILL)


class OutOfTime(BaseException):
    """What other plugins raise in a test that takes too long."""


@pytest.mark.parametrize(("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGALRM, OutOfTime)])
def test_an_interrupt_ends_every_process(brood, number, raised):
    def interrupt():
        brood.grown()
        signal.pthread_kill(threading.main_thread().ident, number)

    def give_up(*_):
        raise raised

    before = signal.signal(number, give_up)
    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    try:
        with pytest.raises(raised):
            brood.run(retries=5)
    finally:
        interrupter.join()
        signal.signal(number, before)
    brood.check_gone()
    assert [path.suffix for path in (brood.place / "logs").iterdir()] == [".log"]


def test_whoever_abandons_threads_can_end_the_commands_in_them(brood):
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(brood.run, retries=5)
        brood.grown()
        end_running()
        with pytest.raises(MeasurementError, match="command 'it' was ended with the test that ran it"):
            running.result()
    brood.check_gone()


def test_a_command_that_waits_to_try_again_can_be_ended_too(tmp_path):
    recorder = Recorder()
    recorder.begin()
    command = Command(name="it", argv=["false"], retries=5, backoff_s=600)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run_command, command, recorder, tmp_path)
        while not list(tmp_path.glob("*.failed-*")):
            time.sleep(0.01)
        end_running()
        with pytest.raises(MeasurementError, match="was ended with the test"):
            running.result()


def test_what_a_command_leaves_running_by_itself_is_left_alone(tmp_path):
    recorder = Recorder()
    recorder.begin()
    result = run_command(Command(name="it", argv=["sh", "-c", "sleep 600 & echo $!"]), recorder, tmp_path)
    pid = int(result.output)
    try:
        assert lives(pid)
    finally:
        os.kill(pid, signal.SIGKILL)


def test_what_was_ended_has_cost_what_it_had_used_until_then(tmp_path):
    burn = "held = b'x' * 50_000_000\nwhile True: pass"
    argv = ["sh", "-c", '"$@" & wait', "sh", sys.executable, "-I", "-S", "-c", burn]
    recorder = Recorder()
    recorder.begin()
    result = run_command(Command(name="it", argv=argv, timeout_s=1.5, check=False), recorder, tmp_path)
    assert result.timed_out
    assert 100_000_000 < result.cpu_ns < 10_000_000_000
    assert 50_000_000 < result.memory_bytes < 120_000_000


def test_a_lost_exit_status_is_said(tmp_path):
    recorder = Recorder()
    recorder.begin()
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with pytest.raises(MeasurementError, match="exit status was lost"):
            run_command(Command(name="it", argv=["sleep", "0.2"]), recorder, tmp_path)
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_a_stopped_clock_stops_no_timeout(tmp_path):
    from freezegun import freeze_time

    recorder = Recorder()
    recorder.begin()
    with freeze_time("2020-01-01"):
        command = Command(name="it", argv=["sleep", "600"], timeout_s=0.2, check=False)
        assert run_command(command, recorder, tmp_path).timed_out
