"""Installed and unused, the plugin is not there: no output, no file, no process, nothing imported."""

from __future__ import annotations

PLAIN = """
import sys
def test_plain(): pass
def test_imports():
    loaded = {m for m in sys.modules if m.startswith("pytest_wfperf")}
    assert loaded <= {"pytest_wfperf", "pytest_wfperf.plugin", "pytest_wfperf.options", "pytest_wfperf.errors"}, loaded
    assert not {"psutil", "tabulate", "filelock"} & set(sys.modules)
"""


def test_nothing_is_said_written_started_or_imported(project):
    project.write(PLAIN)
    project.write(
        """
import sys
def audit(event, args):
    if event in ("subprocess.Popen", "os.posix_spawn", "os.fork", "os.exec"):
        print("STARTED", event, file=sys.__stderr__)
sys.addaudithook(audit)
""",
        "conftest.py",
    )
    isolated = ("-p", "no:xdist", "-p", "no:benchmark", "-p", "no:hypothesispytest", "-p", "no:rerunfailures")
    ran = project.run(*isolated)
    assert ran.ret == 0, ran.out
    assert "STARTED" not in ran.err
    assert "wfperf" not in ran.out.replace("wfperf-0.1.0", "")
    assert sorted(p.name for p in project.root.iterdir()) == ["conftest.py", "pytest.ini", "test_it.py"]


def test_a_workflow_without_options_prints_and_writes_nothing(project):
    project.write("def test_flow(wfperf):\n    sleep_step(wfperf, 's', 1)\n    wfperf.check('ok', True)\n")
    ran = project.run()
    assert ran.ret == 0
    assert "wfperf" not in ran.out.replace("wfperf-0.1.0", "")
    assert not (project.root / ".wfperf").exists()
