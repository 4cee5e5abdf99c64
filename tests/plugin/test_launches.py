"""Measuring in fresh processes: real children, through pytest's command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="launches need POSIX")

FEW = ("--wfperf-launches=3", "--wfperf-rounds=4")
WORK = """
import os
UNITS = int(os.environ.get("UNITS", "1"))

def work(units=UNITS):
    return sum(i * i for i in range(20_000 * units))
"""
FLOW = (
    WORK
    + """
def test_flow(wfperf):
    with wfperf.step("load"):
        work(1)
    with wfperf.step("parse"):
        work()
    wfperf.check("done", True)
"""
)
IN_CHILD = """
import sys
CHILD = "pytest_wfperf.child" in sys.modules
"""


def profiles(project) -> dict[str, dict]:
    files = project.root.glob(".wfperf/baselines/main/*/0*/*/*.json")
    return {
        data["workflow"]: data for data in map(json.loads, (path.read_text() for path in files)) if "workflow" in data
    }


def test_a_saved_run_has_its_launches_rounds_and_conditions(launched):
    launched.write(
        FLOW
        + "    with open('own.txt', 'a') as f: f.write('x' if 'pytest_wfperf.child' not in __import__('sys').modules else '')\n"
    )
    ran = launched.run("--wfperf-save", *FEW)
    assert ran.ret == 0, ran.out + ran.err
    ran.says("measured test_it.py::test_flow: 3 launches", "stored baseline main")
    (data,) = profiles(launched).values()
    assert len(data["launches"]) == 3
    for launch in data["launches"]:
        assert len(launch["rounds"]["total_ns"]) == 4
        assert len(launch["warmup"]["total_ns"]) == 1
        assert launch["calibration_ns"] > 0
        assert launch["conditions"]["hash_seed"] == "shared"
        assert launch["conditions"]["heap"] == "shuffled before each round"
        assert launch["conditions"]["addresses"] in ("fixed", "random")
    counts = {(c["path"], c["what"]): c["value"] for c in data["counts"]}
    assert counts["load", "calls"] > 10
    assert (launched.root / "own.txt").read_text() == "x", "the workflow's own run is an ordinary one"


def test_a_count_that_hangs_on_the_hash_seed_is_not_told(launched):
    launched.write("""
def one(): return 1
def test_flow(wfperf):
    with wfperf.step("steady"):
        [one() for _ in range(50)]
    with wfperf.step("seeded"):
        [one() for _ in range(hash("x") % 20011)]
""")
    assert launched.run("--wfperf-save", *FEW).ret == 0
    (data,) = profiles(launched).values()
    told = {(c["path"], c["what"]) for c in data["counts"]}
    assert ("steady", "calls") in told
    assert ("seeded", "calls") not in told


def test_a_gate_over_launches_passes_what_did_not_change_and_flags_what_did(launched):
    launched.write(FLOW)
    assert launched.run("--wfperf-save", *FEW).ret == 0
    same = launched.results("--wfperf-baseline", *FEW)
    comparison = same["workflows"][0]["comparison"]
    assert comparison["fresh"]
    assert comparison["launches"] == 3
    assert same["holds"], same["workflows"][0]["reasons"]
    slow = launched.run("--wfperf-baseline", *FEW, env={"UNITS": "3"})
    assert slow.ret == 1
    slow.says("REGRESSED: step parse ", "launch by launch: ", "could have caught >= ")
    slow.says("more calls", " in parse: it does more")


def test_a_threshold_alone_measures_in_the_tests_own_process(launched):
    launched.write("@pytest.mark.wfperf('median < 5s')\ndef test_it(wfperf): time.sleep(0.01)\n")
    ran = launched.run()
    assert ran.ret == 0
    ran.never_says("launch")


def test_a_marker_decides_how_many_launches(launched):
    launched.write(
        """
        @pytest.mark.wfperf(launches=2)
        def test_few(wfperf): time.sleep(0.005)
        @pytest.mark.wfperf(launches=0)
        def test_none(wfperf): time.sleep(0.005)
        """.replace("\n        ", "\n")
    )
    assert launched.run("--wfperf-save", "--wfperf-launches=3", "--wfperf-rounds=3").ret == 0
    found = profiles(launched)
    assert len(found["test_it.py::test_few"]["launches"]) == 2
    (own,) = found["test_it.py::test_none"]["launches"]
    assert "conditions" not in own


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("os.abort()", "the process was ended by signal SIGABRT"),
        ("os._exit(7)", "the process ended with exit code 7"),
        ("raise RuntimeError('lost its way')", "RuntimeError: lost its way"),
        ("wfperf.run(lambda: 1 / 0)", "ZeroDivisionError: division by zero"),
        ("[os.write(int(fd), b'garbage\\n') for fd in os.listdir('/proc/self/fd') if 'socket' in link(fd)]", "garbage"),
    ],
)
def test_what_breaks_a_launch_is_an_error_of_that_workflow_alone(launched, body, said):
    launched.write(
        IN_CHILD
        + f"""
import os
def link(fd):
    try: return os.readlink("/proc/self/fd/" + fd)
    except OSError: return ""
def test_breaks(wfperf):
    if CHILD: {body}
def test_holds(wfperf):
    time.sleep(0.005)
"""
    )
    ran = launched.run("--wfperf-save", *FEW)
    assert ran.ret == 1, ran.out
    ran.says("ERROR in launch 1: ", said)
    ran.says("FAILED", "--wfperf-save refused: test_it.py::test_breaks failed")
    ran.says("test_holds: 3 launches" if said != "garbage" else "test_holds")


SCOPED = """
import os, pathlib

def said(request, what):
    with pathlib.Path(request.config.rootpath, f"log-{os.getpid()}").open("a") as log:
        log.write(f"{what} {request.node.nodeid}; ")

@pytest.fixture(scope="module", autouse=True)
def of_module(request):
    said(request, "up")
    yield
    said(request, "down")

class TestIt:
    @pytest.fixture(scope="class", autouse=True)
    def of_class(self, request):
        said(request, "up")
        yield
        said(request, "down")

    def test_one(self, wfperf): pass
    def test_two(self, wfperf): pass

def test_three(wfperf): pass
"""


def test_workflows_of_several_modules_share_no_more_than_their_scopes_say(launched):
    launched.write(SCOPED, name="a/test_first.py")
    launched.write(SCOPED, name="b/test_second.py")
    ran = launched.run("--wfperf-save", "--wfperf-launches=2", "--wfperf-rounds=2")
    assert ran.ret == 0, ran.out + ran.err
    ran.says("holds: 6 workflows: 6 PASS")
    logs = [log.read_text() for log in launched.root.glob("log-*")]
    assert len(logs) == 5  # two launches, two that count, and the tests' own run
    for log in logs:
        first, second = "a/test_first.py", "b/test_second.py"
        assert log == "".join(
            f"up {module}; up {module}::TestIt; down {module}::TestIt; down {module}; " for module in (first, second)
        )


def test_a_module_that_cannot_be_torn_down_spoils_no_other_workflow(launched):
    launched.write(
        "@pytest.fixture(scope='module', autouse=True)\ndef broken():\n    yield\n    raise ValueError('cannot close')\n"
        "def test_first(wfperf): pass\n",
        name="a/test_first.py",
    )
    launched.write("def test_second(wfperf): pass\n", name="b/test_second.py")
    ran = launched.run("--wfperf-save", "--wfperf-launches=2", "--wfperf-rounds=2")
    assert ran.ret == 1
    ran.says(
        "ERROR at teardown of test_first", "cannot close", "--wfperf-save refused: a/test_first.py::test_first failed"
    )
    ran.never_says("test_second failed", "ERROR in launch")


def test_a_fixture_that_is_lost_in_launches_is_an_error_with_its_message(launched):
    launched.write(
        IN_CHILD
        + """
@pytest.fixture
def server():
    if CHILD: raise OSError("port 5432 is taken")
def test_it(wfperf, server): pass
"""
    )
    ran = launched.run("--wfperf-save", *FEW)
    assert ran.ret == 1
    ran.says("ERROR in launch 1", "port 5432 is taken")


def test_a_launch_that_hangs_is_ended_at_pytest_timeouts_limit(launched):
    pytest.importorskip("pytest_timeout")
    launched.write(IN_CHILD + "@pytest.mark.timeout(1)\ndef test_it(wfperf):\n    if CHILD: time.sleep(60)\n")
    began = time.monotonic()
    ran = launched.run("--wfperf-save", "-p", "pytest_timeout", *FEW)
    assert ran.ret == 1, ran.out
    ran.says("ERROR in launch 1", "no answer within 1 s")
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run_leaves_no_process_and_no_file(launched, sign):
    launched.write(
        IN_CHILD
        + """
import os, subprocess
def test_it(wfperf):
    if CHILD:
        helper = subprocess.Popen(["sleep", "300"])
        open(f"pid-{os.getpid()}", "w").close()
        open(f"pid-{helper.pid}", "w").close()
        time.sleep(300)
"""
    )
    place = launched.root / "tmp"
    place.mkdir()
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "pytest_wfperf.plugin", "-p", "no:cacheprovider", "--wfperf-save"],
        cwd=launched.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "TMPDIR": str(place)},
    ) as process:  # fmt: skip
        pids = waited_for(lambda: list(launched.root.glob("pid-*")), 2)
        process.send_signal(sign)
        out, _ = process.communicate(timeout=30)
    assert process.returncode in (2, -sign), out
    for path in pids:
        assert gone(int(path.name.removeprefix("pid-"))), f"{path.name} is left behind\n{out}"
    if sign != signal.SIGKILL:
        assert not list(place.glob("wfperf-*")), "a temporary directory is left behind"
        assert not list(launched.root.glob(".wfperf/baselines/*/*/0*")), "an interrupted run was stored"


def waited_for(look, least: int, seconds: float = 30) -> list[Path]:
    until = time.monotonic() + seconds
    while len(found := look()) < least:
        assert time.monotonic() < until, "nothing happened"
        time.sleep(0.05)
    return found


def gone(pid: int, seconds: float = 15) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


# --- beside other people's plugins and settings -------------------------------------------


def test_under_xdist_the_controller_launches_before_the_workers_start(launched):
    pytest.importorskip("xdist")
    launched.write(FLOW + "def test_other(wfperf): time.sleep(0.005)\n")
    ran = launched.run("--wfperf-save", "-n2", *FEW)
    assert ran.ret == 0, ran.out + ran.err
    found = profiles(launched)
    assert {len(data["launches"]) for data in found.values()} == {3}
    assert {data["environment"]["facts"]["concurrency"] for data in found.values()} == {"alone"}
    assert launched.run("--wfperf-baseline", *FEW).ret == 0, "the same environment without xdist"


@pytest.mark.parametrize(
    ("plugin", "arguments"),
    [
        ("pytest_randomly", ("-p", "randomly")),
        ("pytest_cov", ("-p", "pytest_cov.plugin", "--cov=.", "--cov-report=")),
        ("pytest_timeout", ("-p", "pytest_timeout", "--timeout=60")),
        ("pytest_rerunfailures", ("-p", "pytest_rerunfailures", "--reruns=2")),
    ],
)
def test_with_other_plugins(launched, plugin, arguments):
    pytest.importorskip(plugin)
    if plugin == "pytest_randomly":
        arguments = ("-p", plugin)
    launched.write(FLOW + "def test_other(wfperf): time.sleep(0.005)\n")
    ran = launched.run("--wfperf-save", *arguments, *FEW)
    assert ran.ret == 0, ran.out + ran.err
    assert {len(data["launches"]) for data in profiles(launched).values()} == {3}


def test_with_addopts_a_conftest_plugin_and_a_plugin_of_its_own(launched):
    (launched.root / "pytest.ini").write_text("[pytest]\naddopts = -v -p own_plugin --flavour=plum\npythonpath = lib\n")
    launched.write("import pytest\n@pytest.fixture\ndef own(): return 'plugin'\n", "lib/own_plugin.py")
    launched.write(
        "import pytest\ndef pytest_addoption(parser): parser.addoption('--flavour')\n"
        "@pytest.fixture\ndef flavour(request): return request.config.getoption('--flavour')\n",
        "conftest.py",
    )
    launched.write("def test_it(wfperf, flavour, own): assert (flavour, own) == ('plum', 'plugin')\n")
    ran = launched.run("--wfperf-save", *FEW, env={"PYTHONPATH": str(launched.root / "lib")})
    assert ran.ret == 0, ran.out + ran.err
    assert len(profiles(launched)["test_it.py::test_it"]["launches"]) == 3


@pytest.mark.parametrize("body", ["classes", "async", "run", "run_async", "compare", "shared", "param"])
def test_every_kind_of_workflow_can_be_launched(launched, body):
    launched.write(
        {
            "classes": "class TestIt:\n    def test_it(self, wfperf, tmp_path):\n        (tmp_path / 'd').mkdir()\n        time.sleep(0.002)\n",
            "async": "@pytest.mark.asyncio\nasync def test_it(wfperf):\n    import asyncio\n    async with wfperf.step('wait'):\n        await asyncio.sleep(0.002)\n",
            "run": "def test_it(wfperf):\n    profile = wfperf.run(time.sleep, 0.002)\n    assert profile.min >= 0.002\n",
            "run_async": "@pytest.mark.asyncio\nasync def test_it(wfperf):\n    import asyncio\n    profile = await wfperf.run(asyncio.sleep, 0.002)\n    assert profile.min >= 0.001\n",
            "compare": "def test_it(wfperf):\n    c = wfperf.compare(lambda: time.sleep(0.001), lambda: time.sleep(0.004))\n    c.assert_speedup(1.5)\n",
            "shared": "@pytest.mark.wfperf(isolation='shared')\ndef test_it(wfperf, tmp_path):\n    time.sleep(0.002)\n",
            "param": "@pytest.mark.parametrize('n', ['a/b::c', 'ü [x]'])\ndef test_it(wfperf, n):\n    time.sleep(0.002)\n",
        }[body]
    )
    ran = launched.run("--wfperf-save", *FEW)
    assert ran.ret == 0, ran.out + ran.err
    found = profiles(launched)
    assert len(found) == (2 if body == "param" else 1)
    for data in found.values():
        assert len(data["launches"]) == 3, ran.out
        assert all(len(launch["rounds"]["total_ns"]) >= 4 for launch in data["launches"])
        assert all(min(launch["rounds"]["total_ns"]) >= 900_000 for launch in data["launches"])


def test_a_terminal_gets_a_bar_with_workflow_launch_and_time_left(launched):
    pty = pytest.importorskip("pty")
    launched.write("def test_it(wfperf): time.sleep(0.01)\n")
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "pytest_wfperf.plugin", "-p", "no:cacheprovider", "--wfperf-save", *FEW],
        cwd=launched.root, stdout=follower, stderr=follower, stdin=subprocess.DEVNULL,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "100", "TERM": "xterm"},
    ) as process:  # fmt: skip
        os.close(follower)
        shown = b""
        try:
            while piece := os.read(leader, 65536):
                shown += piece
        except OSError:  # the other end is closed
            pass
        os.close(leader)
    assert process.returncode == 0
    text = shown.decode()
    assert "wfperf [" in text
    assert "launch 2 of 3, at most " in text
    assert " s left  test_it.py::test_it" in text
    assert "measured test_it.py::test_it: 3 launches" in text


def test_where_addresses_stay_random_the_profile_says_so(launched):
    launched.write(FLOW)
    assert launched.run("--wfperf-save", *FEW, env={"WFPERF_WITHOUT": "aslr"}).ret == 0
    (data,) = profiles(launched).values()
    assert {launch["conditions"]["addresses"] for launch in data["launches"]} == {"random"}


def test_without_the_posix_parts_the_run_measures_in_its_own_process_and_says_so(launched):
    launched.write(
        "import pytest_wfperf.measure.process as p\np.POSSIBLE = False\n",
        "conftest.py",
    )
    launched.write(FLOW)
    ran = launched.run("--wfperf-save", "--wfperf-rounds=4")
    assert ran.ret == 0
    ran.says("this system cannot hand a socket to a new process: measuring in the test's own process")
    (launch,) = profiles(launched)["test_it.py::test_flow"]["launches"]
    assert len(launch["rounds"]["total_ns"]) == 4


def test_a_round_too_long_for_launches_is_measured_once(launched):
    launched.write("import os\ndef test_it(wfperf): time.sleep(float(os.environ.get('S', '1.1')))\n")
    first = launched.run("--wfperf-save", "--wfperf-max-time=2")
    assert first.ret == 0
    (launch,) = profiles(launched)["test_it.py::test_it"]["launches"]
    assert len(launch["rounds"]["total_ns"]) == 1
    again = launched.run("--wfperf-baseline", "--wfperf-max-time=2")
    assert again.ret == 0, again.out
    again.says("more session", "possible")


def test_what_is_recorded_around_rounds_the_body_takes_itself_counts(launched):
    launched.write("def test_it(wfperf):\n    wfperf.run(time.sleep, 0.002)\n    wfperf.check('valid', False)\n")
    ran = launched.run("--wfperf-save", *FEW)
    assert ran.ret == 1, ran.out
    ran.says("check 'valid' ", "1 FAILED")


def test_ids_with_slashes_and_other_signs_are_found_again(launched):
    launched.write(
        "@pytest.mark.parametrize('url', ['http://example.com//x', 'a b', 'ü::[1]'])\n"
        "def test_url(wfperf, url): time.sleep(0.002)\n"
    )
    ran = launched.run("--wfperf-save", *FEW)
    assert ran.ret == 0, ran.out
    assert {len(data["launches"]) for data in profiles(launched).values()} == {3}


def test_a_package_in_the_directory_pytest_was_called_in_is_found(launched):
    launched.write("def work(): return 1\n", "shop/__init__.py")
    launched.write("import shop\ndef test_it(wfperf): assert shop.work() == 1\n", "tests/test_it.py")
    ran = launched.run("--wfperf-save", *FEW)
    assert ran.ret == 0, ran.out + ran.err


def test_a_cold_first_round_does_not_decide_how_many_there_are(launched):
    launched.write(
        """
SEEN = []
def test_it(wfperf):
    time.sleep(0.002 if SEEN else 0.4)
    SEEN.append(1)
"""
    )
    assert launched.run("--wfperf-save", "--wfperf-launches=3", "--wfperf-max-time=8").ret == 0
    (data,) = profiles(launched).values()
    assert {len(launch["rounds"]["total_ns"]) for launch in data["launches"]} == {12}
    assert max(max(launch["rounds"]["total_ns"]) for launch in data["launches"]) < 300_000_000


def test_launches_leave_the_users_log_file_alone(launched):
    (launched.root / "pytest.ini").write_text("[pytest]\nlog_file = run.log\nlog_file_level = INFO\n")
    launched.write("import logging\ndef test_it(wfperf): logging.getLogger().info('once')\n")
    assert launched.run("--wfperf-save", *FEW).ret == 0
    assert (launched.root / "run.log").read_text().count("once") == 1


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can make a full disk")
def test_a_full_disk_is_said_and_nothing_is_stored(launched, tmp_path):
    launched.write("def test_it(wfperf): time.sleep(0.002)\n")
    place = tmp_path / "tiny"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k,nr_inodes=4", "tmpfs", str(place)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("this system lets nobody mount")
    try:
        ran = launched.run("--wfperf-save", *FEW, env={"TMPDIR": str(place)})
    finally:
        subprocess.run(["umount", str(place)], check=True)
    assert ran.ret == 4, ran.out
    assert "No space left on device" in ran.out + ran.err
    assert not launched.versions
