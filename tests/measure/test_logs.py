"""Where commands' output is kept, and for how long."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pytest_wfperf.errors import MeasurementError
from pytest_wfperf.measure.attempts import run_command
from pytest_wfperf.measure.command import Command, CommandResult
from pytest_wfperf.measure.logs import KEPT, log_folder
from pytest_wfperf.measure.recorder import Recorder


@pytest.fixture
def run(tmp_path):
    """Runs Python code as a command whose logs are in ``tmp_path/logs``, or in another folder."""
    recorder = Recorder()
    recorder.begin()

    def run(code: str, name: str = "it", folder: Path = tmp_path / "logs") -> CommandResult:
        argv = [sys.executable, "-I", "-S", "-c", code]
        return run_command(Command(name=name, argv=argv, check=False), recorder, folder)

    return run


def test_the_latest_log_and_the_last_failures_are_kept(run, tmp_path):
    kept = run("print('first')")
    again = run("print('second')")
    assert kept.log == again.log
    assert kept.log.read_text() == "second\n"
    assert kept.output == "first\n", "a result holds its own output"
    for n in range(KEPT + 3):
        failed = run(f"print({n}); raise SystemExit(1)").log
        os.utime(failed, ns=(n, n))
    assert again.log.read_text() == "second\n"
    logs = sorted(path.read_text() for path in (tmp_path / "logs").glob("*.failed-*.log"))
    assert logs == sorted(f"{n}\n" for n in range(3, KEPT + 3))


def test_every_name_has_a_log_of_its_own_in_the_folder(run, tmp_path):
    names = ["Build", "build", "../../x", "a/b", "a-b", "\ud800", "x" * 300, "é", "con"]
    logs = {run("", name=name).log for name in names}
    assert len(logs) == len(names)
    assert {log.parent for log in logs} == {tmp_path / "logs"}
    assert all(len(log.name) < 120 and log.name.isascii() for log in logs)


@pytest.mark.skipif(os.name != "posix", reason="modes and owners")
def test_logs_are_nobody_elses(run, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = log_folder("test_it.py::test_a[../..]")
    own = tmp_path / f"pytest-wfperf-logs-{os.getuid()}"
    assert folder.parent == own
    assert log_folder("test_it.py::test_b") != folder
    own.chmod(0o755)
    log_folder("x")
    assert own.stat().st_mode & 0o777 == 0o700
    log = run("", folder=folder).log
    assert (folder.stat().st_mode & 0o777, log.stat().st_mode & 0o777) == (0o700, 0o600)
    log.unlink(), folder.rmdir(), own.rmdir()
    (tmp_path / "elsewhere").mkdir()
    own.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(MeasurementError, match="is not a directory of this user's"):
        log_folder("x")


def test_a_folder_that_cannot_be_made_is_an_error(run, tmp_path):
    (tmp_path / "logs").write_text("a file")
    with pytest.raises(MeasurementError, match="no log can be written for command 'it': "):
        run("")
