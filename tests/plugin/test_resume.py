"""Runs that are cut off, by real signals, and gone on with: what was measured counts, and the verdict is right."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from pytest_wfperf.store.directory import Store
from pytest_wfperf.store.layout import workflow_file
from pytest_wfperf.store.runs import Runs

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals and launches")

ONE, TWO = "test_it.py::test_one", "test_it.py::test_two"
LAUNCHES = 4
SAVE = ("--wfperf-save", f"--wfperf-launches={LAUNCHES}", "--wfperf-rounds=3")
OWN_PROCESS = ("--wfperf-rounds=3",)
BOTH = """
import os, sys
CHILD = "pytest_wfperf.child" in sys.modules
def note(name):
    with open(os.environ["SIDE"] + "/" + name, "a") as file:
        file.write(f"{os.getpid()}\\n")
"""
LAUNCHED = (
    BOTH
    + """
@pytest.mark.wfperf(launches=2)
def test_one(wfperf):
    note("one")
    with wfperf.step("s"):
        time.sleep(0.002)
def test_two(wfperf):
    note("two")
    with wfperf.step("s"):
        time.sleep(0.05)
"""
)
IN_PROCESS = (
    BOTH
    + """
def test_one(wfperf):
    note("one")
    with wfperf.step("s"):
        time.sleep(float(os.environ.get("MS", "15")) / 1000)
def test_two(wfperf):
    note("two")
    with wfperf.step("s"):
        time.sleep(0.4)
"""
)


@pytest.fixture
def side(tmp_path_factory) -> Path:
    """Where workflows note that they ran, and in which process."""
    return tmp_path_factory.mktemp("side")


def noted(side: Path, name: str) -> list[str]:
    path = side / name
    return path.read_text().split() if path.exists() else []


def cut_off(project, side, *args, env=None, sign=signal.SIGKILL, launches=1, when=None):
    """Run until so many launches of the first workflow are on disk, or ``when``, then send the signal.

    Returns the run's name and what it printed.
    """
    words, environment = project.command(*args, env={"SIDE": str(side)} | (env or {}))
    runs = Runs(project.root / ".wfperf")
    known = runs.names()

    def kept():
        found = {w: p for name in runs.names() if name not in known for w, p in runs.profiles(name).items()}
        return ONE in found and len(found[ONE].launches) >= launches

    with subprocess.Popen(
        words, cwd=project.root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        until = time.monotonic() + 60
        while not (when or kept)():
            assert process.poll() is None and time.monotonic() < until, process.communicate()[0]
            time.sleep(0.01)
        process.send_signal(sign)
        out = process.communicate(timeout=60)[0]
    assert process.returncode in (-sign, 2), out
    for pid in {pid for path in side.iterdir() for pid in path.read_text().split()}:
        waited_until_gone(int(pid))
    return runs.latest(), out


def waited_until_gone(pid: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return
        if state == "Z":
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} is still there")


def resumed(project, side, *args, env=None):
    """The same command once more, resumed; what the workflows note now is all there is in ``side``."""
    for path in side.iterdir():
        path.unlink()
    return project.run(*args, "--wfperf-resume", env={"SIDE": str(side)} | (env or {}))


def profiles(project, name):
    return Runs(project.root / ".wfperf").profiles(name)


# --- launches ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sign", "workers", "launches"),
    [(signal.SIGKILL, (), 1), (signal.SIGKILL, (), 2), (signal.SIGKILL, ("-n2",), 2), (signal.SIGINT, (), 2)],
)
def test_only_what_is_not_on_disk_is_launched_again(launched, side, sign, workers, launches):
    launched.write(LAUNCHED)
    name, out = cut_off(launched, side, *SAVE, *workers, sign=sign, launches=launches)
    assert sign == signal.SIGKILL or "--wfperf-save refused: it was interrupted" in out
    before = profiles(launched, name)
    of_one, of_two = (before[w].launches if w in before else () for w in (ONE, TWO))
    assert (len(of_one), len(of_two) < LAUNCHES) == (launches, True)
    ran = resumed(launched, side, *SAVE, *workers)
    assert ran.ret == 0, ran.out + ran.err
    ran.says(
        f"resuming run {name}, which has measured ",
        f"resumed run {name}: reused {launches - 1} of 2 workflows",
        "stored baseline main 0001-",
    )
    counted, own = 2, 1
    assert len(set(noted(side, "one"))) == 2 - launches + counted + own
    assert len(set(noted(side, "two"))) == LAUNCHES - len(of_two) + counted + own
    (saved,) = Store(launched.root / ".wfperf").in_force("main")
    (one,), (two,) = saved.sessions(ONE), saved.sessions(TWO)
    assert one.launches[:launches] == of_one and len(one.launches) == 2
    assert two.launches[: len(of_two)] == of_two and len(two.launches) == LAUNCHES
    assert one.counts and two.counts
    dates = {w: session.created for session in saved.contents for w in session.workflows}
    if launches == 2:
        assert dates[ONE] == Runs(launched.root / ".wfperf").about(name).created < dates[TWO], "it keeps its own time"
    assert profiles(launched, name) == {ONE: one, TWO: two}


def test_a_run_that_came_to_its_end_is_not_resumed(project, side):
    project.write(IN_PROCESS)
    env = {"SIDE": str(side)}
    assert project.run(*OWN_PROCESS, env=env).ret == 0
    ran = resumed(project, side, *OWN_PROCESS)
    ran.says("nothing is reused: there is no unfinished run in ")
    assert len(noted(side, "one")) == 4


def test_a_reused_workflow_that_is_slower_fails_the_gate(launched, side):
    launched.write(LAUNCHED.replace("time.sleep(0.002)", "time.sleep(float(os.environ.get('MS', '2')) / 1000)"))
    assert launched.run(*SAVE, env={"SIDE": str(side)}).ret == 0
    gate = ("--wfperf-baseline", *SAVE[1:])
    slow = {"MS": "40"}
    name, _ = cut_off(launched, side, *gate, env=slow, launches=2)
    ran = resumed(launched, side, *gate, env=slow)
    assert ran.ret == 1, ran.out
    ran.says(f"resumed run {name}: reused 1 of 2", f"FAILED {ONE} - REGRESSED: ")


# --- pairs -------------------------------------------------------------------------------


@pytest.fixture
def repository(launched):
    launched.write("def work(name):\n    return sum(i * i % 7 for i in range(10_000))\n", "shop.py")
    launched.write(
        BOTH
        + """
import shop
@pytest.mark.wfperf("regression < 20%")
def test_one(wfperf):
    note("one" if CHILD else "own")
    shop.work("load")
@pytest.mark.wfperf("step:parse regression < 20%")
def test_two(wfperf):
    note("two" if CHILD else "own")
    with wfperf.step("parse"):
        shop.work("parse")
    if not CHILD and not os.path.exists(os.environ["SIDE"] + "/end"):
        time.sleep(60)
"""
    )
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-qm", "one"]):
        subprocess.run(["git", "-C", str(launched.root), *words], check=True, capture_output=True)
    launched.write(
        "def work(name):\n    return sum(i * i % 7 for i in range(10_000 if name == 'load' else 20_000))\n", "shop.py"
    )
    return launched


def test_pairs_are_gone_on_with(repository, side):
    name, _ = cut_off(repository, side, "--wfperf-against=HEAD")
    before = profiles(repository, name)
    assert (repository.root / ".wfperf" / "runs" / name / "against" / workflow_file(ONE)).exists()
    results = going_on(repository, side)
    for workflow, each in ((ONE, "one"), (TWO, "two")):
        found = next(w for w in results["workflows"] if w["workflow"] == workflow)
        pairs, old = found["comparison"]["launches"], len(before[workflow].launches) if workflow in before else 0
        assert pairs >= 6 > old
        counted = 2 if found["verdict"] == "REGRESSED" else 0
        assert len(set(noted(side, each))) == 2 * (pairs - old + counted)
        assert (found["verdict"] == "REGRESSED") == (each == "two"), found["reasons"]
        assert "of 1 loaded modules differ" in found["comparison"]["note"]


def going_on(project, side):
    (side / "end").touch()
    for path in side.iterdir():
        if path.name != "end":
            path.unlink()
    path = project.root / "results.json"
    ran = project.run("--wfperf-against=HEAD", "--wfperf-resume", f"--wfperf-report={path}", env={"SIDE": str(side)})
    assert path.exists(), ran.out + ran.err
    return json.loads(path.read_text())


def test_pairs_that_were_decided_are_not_run_again_and_decided_alike(repository, side):
    name, _ = cut_off(repository, side, "--wfperf-against=HEAD", when=lambda: len(noted(side, "own")) == 2)
    before = profiles(repository, name)
    results = going_on(repository, side)
    assert noted(side, "one") == noted(side, "two") == []
    assert len(noted(side, "own")) == 2
    assert any(f"resumed run {name}: reused 2 of 2 workflows (measured up to " in note for note in results["notes"])
    assert {w["workflow"]: w["comparison"]["launches"] for w in results["workflows"]} == {
        workflow: len(profile.launches) for workflow, profile in before.items()
    }
    assert [w["verdict"] == "REGRESSED" for w in results["workflows"]] == [False, True]
    assert all("loaded modules differ" in w["comparison"]["note"] for w in results["workflows"])
    assert "more calls" in next(w for w in results["workflows"] if w["workflow"] == TWO)["comparison"]["kind"]


def test_another_revision_under_the_same_name_is_another_run(repository, side):
    name, _ = cut_off(repository, side, "--wfperf-against=HEAD")
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    words = ["git", "-C", str(repository.root), *identity, "commit", "-q", "--allow-empty", "-m", "two"]
    subprocess.run(words, check=True, capture_output=True)
    notes = going_on(repository, side)["notes"]
    assert not any("resumed" in note for note in notes)
    assert any(f"nothing is reused: run {name} is unfinished, but not the same: commit (" in note for note in notes)


# --- in the test's own process -----------------------------------------------------------


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_a_workflow_measured_in_its_own_process_runs_once_and_its_profile_is_judged(project, side, workers):
    project.write(IN_PROCESS)
    saved = project.run("--wfperf-save", *OWN_PROCESS, *workers, env={"SIDE": str(side)})
    assert saved.ret == 0, saved.out
    slow = {"MS": "150"}
    gate = ("--wfperf-baseline", *OWN_PROCESS, *workers)
    name, _ = cut_off(project, side, *gate, env=slow)
    before = profiles(project, name)
    assert before.keys() == {ONE}
    assert len(before[ONE].rounds) == 3
    ran = resumed(project, side, *gate, env=slow)
    assert ran.ret == 1, ran.out
    ran.says(f"resumed run {name}: reused 1 of 2 workflows (measured up to ", f"FAILED {ONE} - REGRESSED", "1 PASS")
    assert len(noted(side, "one")) == 1
    assert len(noted(side, "two")) == 4
    assert profiles(project, name)[ONE] == before[ONE]


def test_a_reused_workflow_whose_own_run_fails_is_no_pass(project, side):
    project.write(IN_PROCESS.replace('    note("one")\n', '    note("one")\n    assert not os.path.exists("broken")\n'))
    save = ("--wfperf-save", *OWN_PROCESS)
    cut_off(project, side, *save)
    (project.root / "broken").touch()
    ran = resumed(project, side, *save)
    assert ran.ret == 1, ran.out
    ran.says("reused 1 of 2 workflows", "1 FAILED", "--wfperf-save refused")


def test_a_test_that_failed_is_not_kept(project, side):
    project.write(IN_PROCESS.replace('    note("one")\n', '    note("one")\n    assert "MS" not in os.environ\n'))
    env = {"MS": "1", "SIDE": str(side)}
    assert project.run(*OWN_PROCESS, env=env).ret == 1
    runs = Runs(project.root / ".wfperf")
    assert runs.profiles(runs.latest()).keys() == {TWO}
    assert runs.about(runs.latest()).finished


def test_a_run_resumed_twice_keeps_all_it_had(project, side):
    project.write(IN_PROCESS + "def test_three(wfperf):\n    note('three')\n    time.sleep(0.4)\n")
    save = ("--wfperf-save", *OWN_PROCESS)
    name, _ = cut_off(project, side, *save)
    known = len(profiles(project, name))
    cut_off(project, side, *save, "--wfperf-resume", when=lambda: len(profiles(project, name)) > known)
    assert len(profiles(project, name)) == known + 1
    ran = resumed(project, side, *save)
    assert ran.ret == 0, ran.out
    ran.says(f"resumed run {name}: reused {known + 1} of 3 workflows")
    assert Runs(project.root / ".wfperf").names() == (name,)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("test", "file test_it.py ("),
        ("module", "file shop.py ("),
        ("settings", "arguments ("),
        ("variable", "environment variable UNITS (none then, "),
        ("ini", "configuration ("),
    ],
)
def test_of_another_code_or_command_nothing_is_reused(project, side, change, told):
    project.write("PRICE = 1\n", "shop.py")
    project.write(IN_PROCESS)
    save = ("--wfperf-save", *OWN_PROCESS)
    name, _ = cut_off(project, side, *save)
    if change == "test":
        project.write(IN_PROCESS + "# another line\n")
    elif change == "module":
        project.write("PRICE = 2\n", "shop.py")
    elif change == "ini":
        (project.root / "pytest.ini").write_text("[pytest]\nwfperf_warmup = 1\n")
    args = ("--wfperf-rounds=4",) if change == "settings" else ()
    ran = resumed(project, side, *save, *args, env={"UNITS": "3"} if change == "variable" else {})
    assert ran.ret == 0, ran.out
    ran.says(f"nothing is reused: run {name} is unfinished, but not the same: ", told)
    ran.never_says("resumed run")
    assert len(noted(side, "one")) == len(noted(side, "two")) == (5 if change == "settings" else 4)


def test_what_only_shapes_the_report_may_differ(project, side):
    project.write(IN_PROCESS)
    save = ("--wfperf-save", *OWN_PROCESS)
    name, _ = cut_off(project, side, *save)
    ran = resumed(project, side, *save, "-v", "-rA", "--wfperf-report=results.json")
    assert ran.ret == 0
    ran.says(f"resumed run {name}: reused 1 of 2 workflows")
    assert f"resumed run {name}" in (project.root / "results.json").read_text()


def test_a_damaged_file_is_said_and_its_workflow_measured_again(project, side):
    project.write(IN_PROCESS)
    save = ("--wfperf-save", *OWN_PROCESS)
    name, _ = cut_off(project, side, *save)
    path = project.root / ".wfperf" / "runs" / name / workflow_file(ONE)
    path.write_bytes(path.read_bytes().replace(b"0", b"1", 1))
    ran = resumed(project, side, *save)
    assert ran.ret == 0, ran.out
    ran.says(f"resumed run {name}: reused 0 of 2 workflows", "not reused: ", path.name, "does not match its checksum")
    assert len(noted(side, "one")) == 4
    assert len(profiles(project, name)[ONE].rounds) == 3


# --- what is said where there is nothing to do --------------------------------------------


def test_resuming_needs_something_that_measures(project):
    project.write("def test_it(wfperf): pass\n")
    for args, env in ((("--wfperf-resume",), {}), ((), {"WFPERF_RESUME": "1"})):
        ran = project.run(*args, env=env)
        assert ran.ret == 4
        assert "there is nothing to resume; it goes with what measures, such as --wfperf-save" in ran.err
    (project.root / "pytest.ini").write_text("[pytest]\nwfperf_resume = true\n")
    assert project.run().ret == 0
    assert not (project.root / ".wfperf").exists()


def test_what_cannot_be_kept_is_said_and_the_run_goes_on(project):
    project.write("def test_it(wfperf): pass\n")
    ran = project.run("--wfperf-rounds=2", "--wfperf-store=/proc/nowhere")
    assert ran.ret == 0, ran.out
    ran.says("this run cannot be resumed: cannot write to /proc/nowhere")
