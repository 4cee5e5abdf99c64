"""Commands as steps: real processes, and what is recorded of them."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pytest_wfperf.errors import CommandError, MeasurementError
from pytest_wfperf.measure.attempts import run_command
from pytest_wfperf.measure.command import Command
from pytest_wfperf.measure.recorder import Recorder

MB = 1_000_000
FAILS_TWICE = """
import pathlib, sys
path = pathlib.Path("tries")
tries = len(path.read_text()) if path.exists() else 0
path.write_text("x" * (tries + 1))
print("try", tries + 1)
sys.exit(75 if tries < 2 else 0)
"""


def python(code: str, *words: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code, *words]


class Bench:
    """Runs commands in one round, in a directory of their own."""

    def __init__(self, place: Path) -> None:
        self.place, self.logs = place, place / "logs"
        self.recorder = Recorder()
        self.recorder.begin()
        self.slept: list[float] = []

    def __call__(self, argv, name="it", after=(), group=None, **settings):
        command = Command(name=name, argv=argv, **{"cwd": self.place} | settings)
        return run_command(command, self.recorder, self.logs, after=after, group=group, sleep=self.slept.append)

    def fails(self, argv, **settings) -> CommandError:
        with pytest.raises(CommandError) as caught:
            self(argv, **settings)
        return caught.value

    def taken(self):
        self.recorder.end()
        return self.recorder.freeze()

    def spans(self):
        return {span.path: span for span in self.taken().spans}


@pytest.fixture
def bench(tmp_path) -> Bench:
    return Bench(tmp_path)


def test_a_command_is_a_step_with_its_output_kept(bench):
    code = "import sys, time; print('out', flush=True); print('err', file=sys.stderr); time.sleep(0.02)"
    with bench.recorder.step("outer"):
        result = bench(python(code), after="x", group="g")
    assert (result.exit_code, result.ok, result.attempts, result.timed_out) == (0, True, 1, False)
    assert result.output == result.log.read_text() == "out\nerr\n"
    assert result.log.parent == bench.logs
    assert [path.name for path in bench.logs.iterdir()] == [result.log.name], "nothing else is left"
    taken = bench.taken()
    outer, span = taken.spans
    assert (span.path, span.after, span.group, span.status, span.count) == ("outer/it", ("x",), "g", "ok", 1)
    assert span.total_ns == result.duration_ns >= 20_000_000
    assert outer.own_ns == outer.total_ns - span.total_ns
    assert (span.cpu_ns, span.memory_bytes) == (result.cpu_ns, result.memory_bytes)
    assert (span.retries, span.retry_ns, taken.notes) == (0, 0, ())


def test_a_failure_tells_what_is_needed_to_find_its_cause(bench):
    code = r"""
import sys
print("\x1b[31mred\x1b[0m", flush=True)
for n in range(30): print("line", n)
print("10%\r20%\rdone")
print("bell\a and\ttab")
sys.exit(3)
"""
    error = bench.fails(python(code))
    lines = str(error).split("\n")
    assert lines[0] == "command 'it' failed: exit code 3"
    assert lines[1].startswith(f"  {sys.executable} -I -S -c ")
    assert lines[2] == f"  log: {error.result.log}"
    assert lines[3] == "it printed, at the end:"
    assert lines[4:] == [f"  line {n}" for n in range(12, 30)] + ["  done", "  bell\\x07 and       tab"]
    assert error.result.exit_code == 3
    assert "red" in error.result.log.read_text()
    span = bench.spans()["it"]
    assert (span.status, span.error) == ("error", "exit code 3")


def test_colours_are_no_part_of_what_is_told(bench):
    error = bench.fails(python(r"print('\x1b[1;31mred\x1b[0m \x1b]8;;http://x\x1b\\link'); raise SystemExit(1)"))
    assert str(error).endswith("\n  red link")
    assert str(bench.fails(python("raise SystemExit(1)"))).endswith("\nit printed nothing")


def test_an_unchecked_failure_is_in_the_result_alone(bench):
    result = bench(python("raise SystemExit(1)"), check=False)
    assert (result.exit_code, result.ok) == (1, False)
    assert bench.spans()["it"].status == "ok"


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_signal_is_told_by_its_name(bench):
    error = bench.fails(python("import os; os.kill(os.getpid(), 11)"))
    assert str(error).startswith("command 'it' failed: ended by signal SIGSEGV\n")
    assert error.result.exit_code == -11


def test_environment_directory_and_input_are_the_commands(bench, monkeypatch):
    monkeypatch.setenv("INHERITED", "1")
    (bench.place / "in.txt").write_text("from a file")
    code = "import os, sys; print(os.environ['INHERITED'], os.environ['OWN'], os.getcwd(), sys.stdin.read())"
    for given, read in (
        ("text", "text"),
        (b"bytes", "bytes"),
        (bench.place / "in.txt", "from a file"),
        (None, ""),
        ("x" * MB, "x" * 9),
    ):
        result = bench(python(code), env={"OWN": "2"}, stdin=given)
        assert result.output.startswith(f"1 2 {bench.place} {read}") or len(result.output) == 1 << 16
    assert "OWN" not in os.environ


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"argv": ["no-such-program", "x"]},
            "cannot be started: [Errno 2] No such file or directory: 'no-such-program'",
        ),
        ({"argv": ["/"]}, "cannot be started: [Errno 13] Permission denied: '/'"),
        ({"argv": [sys.executable], "cwd": "/no/such/place"}, "No such file or directory: '/no/such/place'"),
        ({"argv": [sys.executable], "stdin": Path("/no/such/file")}, "No such file or directory: '/no/such/file'"),
        ({"argv": [sys.executable, "a\0b"]}, "cannot be started: embedded null byte"),
        ({"argv": [sys.executable], "env": {"A": 1}}, "cannot be started: expected str"),
    ],
)
def test_what_cannot_be_started_says_why(bench, settings, told):
    error = bench.fails(**{"argv": settings["argv"], "retries": 3, "check": False} | settings)
    assert str(error).startswith("command 'it' ")
    assert told in str(error)
    assert bench.slept == [], "it would not start a second time either"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"argv": "make all"}, "argv='make all' is one string; no shell is used, so give a list of words"),
        ({"argv": []}, "argv=[] is no list of words"),
        ({"argv": {"a"}}, "argv={'a'} is no list of words"),
        ({"argv": ["head", "-n", 3]}, "3 in argv is neither a string nor a path"),
        ({"timeout_s": 0}, "timeout=0 is not a number of seconds above 0"),
        ({"timeout_s": "5"}, "timeout='5' is not"),
        ({"retries": -1}, "retries=-1 is not a whole number from 0"),
        ({"retries": 1.5}, "retries=1.5 is not"),
        ({"backoff_s": float("nan")}, "backoff=nan is not a number of seconds from 0"),
        ({"retry_on": "timeout"}, "retry_on='timeout' is no collection"),
        ({"retry_on": 75}, "retry_on=75 is no collection"),
        ({"retry_on": (75, "time-out")}, "'time-out' in retry_on is neither an exit code nor 'timeout'"),
        ({"name": ""}, "a command's name has to be a non-empty string, not ''"),
    ],
)
def test_what_cannot_be_meant_is_an_error_before_anything_runs(settings, told):
    with pytest.raises(MeasurementError) as caught:
        Command(**{"name": "it", "argv": ["true"]} | settings)
    assert told in str(caught.value)


# --- retries ------------------------------------------------------------------------------


def test_the_last_attempt_is_the_time_and_all_are_the_cost(bench):
    with bench.recorder.step("outer"):
        result = bench(python(FAILS_TWICE), retries=3, backoff_s=0.5)
    assert (result.attempts, result.exit_code, result.output) == (3, 0, "try 3\n")
    assert bench.slept == [0.5, 1.0]
    spans = bench.spans()
    step, tries = spans["outer/it"], [spans[f"outer/it/attempt {n}"] for n in (1, 2, 3)]
    assert (step.start_ns, step.end_ns, step.total_ns) == (tries[2].start_ns, tries[2].end_ns, tries[2].total_ns)
    assert (step.count, step.status, step.retries) == (1, "ok", 2)
    assert step.retry_ns == tries[2].start_ns - tries[0].start_ns > 0
    assert step.cpu_ns == result.cpu_ns == sum(span.cpu_ns for span in tries) > 0
    assert [(span.status, span.error) for span in tries] == [("error", "exit code 75")] * 2 + [("ok", "")]
    assert spans.keys() == {"outer", "outer/it", "outer/it/attempt 1", "outer/it/attempt 2", "outer/it/attempt 3"}


def test_every_attempt_in_vain_is_an_error_that_counts_them(bench):
    error = bench.fails(python("print('no'); raise SystemExit(9)"), retries=2)
    assert str(error).startswith("command 'it' failed: exit code 9 (attempt 3 of 3)\n")
    assert (error.result.attempts, bench.slept) == (3, [1.0, 2.0])
    assert len(list(bench.logs.iterdir())) == 3


@pytest.mark.parametrize(
    ("retry_on", "attempts"),
    [
        ((75,), 3),
        ({1, 75, "timeout"}, 3),
        ((74, "timeout"), 1),
        ((), 1),
        (lambda result: result.output == "try 1\n", 2),
    ],
)
def test_only_stated_failures_are_tried_again(bench, retry_on, attempts):
    result = bench(python(FAILS_TWICE), retries=5, retry_on=retry_on, check=False)
    assert result.attempts == attempts
    assert result.ok == (attempts == 3)


def test_a_timeout_is_a_failure_to_try_again_after(bench):
    code = FAILS_TWICE.replace("sys.exit", "import time; time.sleep(600) if tries < 1 else 0; sys.exit")
    result = bench(python(code), retries=5, retry_on=["timeout"], timeout_s=3, check=False)
    assert (result.attempts, result.exit_code, result.timed_out) == (2, 75, False)
    first = bench.spans()["it/attempt 1"]
    assert first.error == "it took longer than 3 s, so it and its processes were ended"


# --- what it costs ------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="a shell")
def test_memory_and_cpu_time_are_those_of_the_whole_tree(bench):
    burn = "import time\nheld = b'x' * 50_000_000\nwhile time.process_time() < 0.3: pass"
    result = bench(["sh", "-c", '"$@"; exit 0', "sh", *python(burn)])
    assert 50 * MB < result.memory_bytes < 120 * MB
    assert 300 * MB < result.cpu_ns < 3_000 * MB


@pytest.mark.skipif(os.name != "posix", reason="a shell")
def test_memory_of_processes_side_by_side_adds_up(bench):
    hold = "import time; held = b'x' * 50_000_000; time.sleep(0.6)"
    result = bench(["sh", "-c", '"$@" & "$@" & wait', "sh", *python(hold)])
    assert 100 * MB < result.memory_bytes < 220 * MB


@pytest.mark.skipif(sys.platform != "linux", reason="tells what processes share")
def test_memory_that_processes_share_counts_once(bench):
    share = "import os, time; held = b'x' * 50_000_000; [os.fork() for _ in '12']; time.sleep(0.6)"
    result = bench(python(share))
    assert 50 * MB < result.memory_bytes < 100 * MB


@pytest.mark.skipif(os.name != "posix", reason="the system's own account")
def test_a_peak_between_samples_is_told_by_the_system(bench, monkeypatch):
    import resource

    monkeypatch.setattr("pytest_wfperf.measure.process_tree.FIRST_S", 600)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    large = bench(python(f"b'x' * {own + 50 * MB}"))
    assert own + 50 * MB < large.memory_bytes < own + 120 * MB
    assert bench(python("pass")).memory_bytes is None


# --- where it runs ------------------------------------------------------------------------


def test_commands_in_threads_hang_under_their_own_steps(bench):
    def task(n):
        with bench.recorder.step(f"task {n}"):
            return bench(python(f"print({n})"), name="same").output

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(task, range(8))) == [f"{n}\n" for n in range(8)]
    spans = bench.spans()
    assert spans.keys() == {f"task {n}" for n in range(8)} | {f"task {n}/same" for n in range(8)}
    assert len(list(bench.logs.iterdir())) == 1


def test_a_command_runs_inside_an_event_loop(bench):
    async def main():
        async with bench.recorder.step("outer"):
            return bench(python("print('in a loop')")).output

    assert asyncio.run(main()) == "in a loop\n"
    assert bench.spans().keys() == {"outer", "outer/it"}


def test_a_command_that_outlives_its_round_is_in_no_round(bench):
    started, go_on = bench.place / "started", bench.place / "go on"
    code = """
import pathlib, sys, time
pathlib.Path(sys.argv[1]).touch()
while not pathlib.Path(sys.argv[2]).exists(): time.sleep(0.01)
"""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(bench, python(code, str(started), str(go_on)))
        while not started.exists():
            time.sleep(0.01)
        assert bench.taken().spans == ()
        bench.recorder.begin()
        go_on.touch()
        assert running.result().ok
    assert bench.taken().spans == ()
