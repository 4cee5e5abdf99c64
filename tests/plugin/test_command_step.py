"""``wfperf.command`` in real runs of pytest."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="shells and signals")

EMITTING = """
import sys
CODE = '''
import json, os, pathlib, sys
with open(os.environ["WFPERF_STEPS"], "a") as file:
    print(json.dumps({"step": "parse", "duration_ms": 2}), file=file)
    print(json.dumps({"step": "lex", "parent": "parse", "duration_ms": 1}), file=file)
sys.exit(75 if len(sys.argv) > 1 and not pathlib.Path(sys.argv[1]).exists() and not pathlib.Path(sys.argv[1]).touch() else 0)
'''

def test_flow(wfperf, tmp_path):
    wfperf.command("generate", [sys.executable, "-I", "-S", "-c", CODE])
    wfperf.command("flaky", [sys.executable, "-I", "-S", "-c", CODE, str(tmp_path / "tried")], retries=2, backoff=0.01)
"""


def test_launches_store_a_commands_steps_attempts_and_retries(launched, tmp_path):
    launched.write(EMITTING)
    ran = launched.run("--wfperf-save", "--wfperf-launches=2", "--wfperf-rounds=2", env={"TMPDIR": str(tmp_path)})
    assert ran.ret == 0, ran.out + ran.err
    (profile,) = [
        data
        for path in launched.root.glob(".wfperf/baselines/main/*/0*/*/*.json")
        if "workflow" in (data := json.loads(path.read_text()))
    ]
    for launch in profile["launches"]:
        spans = launch["rounds"]["steps"]
        assert {"generate", "generate/parse", "generate/parse/lex", "flaky", "flaky/attempt 1"} <= steps_of(spans)
        assert "flaky/attempt 2/parse/lex" in steps_of(spans)
    text = json.dumps(profile)
    for column in ("retries", "retry_ns", "cpu_ns", "memory_bytes"):
        assert f'"{column}"' in text
    assert len(list(tmp_path.rglob("test-it-py-test-flow-*/generate-*.log"))) == 1
    assert len(list(tmp_path.rglob("test-it-py-test-flow-*/flaky-*.failed-*.log"))) > 1


def steps_of(steps) -> set[str]:
    return {entry["path"] for entry in steps}


def test_a_failed_command_reads_well_in_the_report(project):
    project.write("""
def test_flow(wfperf):
    wfperf.command("compile", ["sh", "-c", "echo no such header; exit 4"], retries=1, backoff=0)
""")
    ran = project.run(env={"TMPDIR": str(project.root)})
    assert ran.ret == 1
    ran.says(
        "E       pytest_wfperf.errors.CommandError: command 'compile' failed: exit code 4 (attempt 2 of 2)",
        "E         sh -c 'echo no such header; exit 4'",
        "E         log: ",
        "E       it printed, at the end:",
        "E         no such header",
        "test_it.py:9: CommandError",
    )
    ran.never_says("attempts.py", "process_tree.py")


def test_a_plain_run_with_a_command_says_nothing_of_it(project):
    project.write("def test_flow(wfperf): assert wfperf.command('it', ['echo', 'hello']).output == 'hello\\n'")
    ran = project.run(env={"TMPDIR": str(project.root)})
    assert ran.ret == 0
    ran.never_says("hello", "wfperf-logs")


def test_lines_that_are_not_right_are_noted(project):
    project.write("""
def test_flow(wfperf):
    wfperf.command("it", ["sh", "-c", "echo oops >> $WFPERF_STEPS"])
""")
    ran = project.run("--wfperf-save", "--wfperf-rounds=2", "-v", env={"TMPDIR": str(project.root)})
    assert ran.ret == 0, ran.out
    ran.says("note: command 'it': line 1 of $WFPERF_STEPS is not JSON: 'oops'")


@pytest.mark.parametrize(
    "body",
    [
        "wfperf.command('it', ARGV)",
        # a thread that nobody waits for
        "threading.Thread(target=wfperf.command, args=('it', ARGV), daemon=True).start(); time.sleep(600)",
    ],
)
def test_ctrl_c_leaves_no_process_behind(project, body):
    project.write(f"""
import threading
ARGV = ["sh", "-c", "sleep 600 & echo $! > child; wait"]
def test_flow(wfperf):
    {body}
""")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "pytest_wfperf.plugin"]
    environment = {
        **os.environ,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(project.root),
    }
    running = subprocess.Popen(command, cwd=project.root, env=environment, stdout=subprocess.PIPE)
    child = project.root / "child"
    limit = time.monotonic() + 30
    while not (child.exists() and child.read_text().strip()):
        assert time.monotonic() < limit
        assert running.poll() is None
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=30)
    assert running.returncode == 2
    pid = int(child.read_text())
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
