"""``wfperf.cached`` through pytest: one build for all rounds, launches, workers, runs and sides."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

FIXTURE = """
import os
from pathlib import Path

def logged(*words):
    with open(os.environ["LOG"], "a") as file:
        file.write(" ".join(map(str, words)) + "\\n")

def make(directory):
    logged("built")
    time.sleep(0.2)
    (directory / "page").write_text("text")

@pytest.fixture
def corpus(wfperf):
    folder = wfperf.cached("corpus", make, params={"pages": 1})
    logged("used", folder)
    return folder
"""
FLOW = (
    FIXTURE
    + """
def test_flow(wfperf, corpus):
    with wfperf.step("read"):
        assert (corpus / "page").read_text() == "text"
"""
)
posix = pytest.mark.skipif(os.name != "posix", reason="launches need POSIX")


class Log:
    def __init__(self, path):
        self.path = path
        self.env = {"LOG": str(path)}

    @property
    def built(self) -> int:
        return self.path.read_text().count("built")

    @property
    def uses(self) -> list[str]:
        return [line for line in self.path.read_text().splitlines() if line.startswith("used")]


@pytest.fixture
def log(tmp_path_factory):
    return Log(tmp_path_factory.mktemp("log") / "log")


def test_a_plain_run_builds_it_in_the_store_and_the_next_one_finds_it(project, log):
    project.write(FLOW)
    for _ in range(2):
        assert project.run(env=log.env).ret == 0
    assert log.built == 1
    assert len(set(log.uses)) == 1
    assert str(project.root / ".wfperf" / "runs" / "cache" / "corpus-") in log.uses[0]
    assert (project.root / ".wfperf" / "runs" / "cache" / ".gitignore").read_text() == "*\n"
    assert project.run("--wfperf-save", env=log.env).ret == 0, "a store may grow around it"
    assert log.built == 1


@pytest.mark.parametrize("kept", ["elsewhere", "/"])
def test_the_environment_says_where(project, log, tmp_path_factory, kept):
    project.write(FLOW)
    given = kept if kept != "/" else str(tmp_path_factory.mktemp("kept"))
    assert project.run(env={**log.env, "WFPERF_CACHE": given}).ret == 0
    assert log.uses[0].startswith(f"used {project.root / given}")
    assert not (project.root / ".wfperf").exists()


def test_the_option_for_the_store_moves_it_too(project, log):
    project.write(FLOW)
    assert project.run("--wfperf-store=kept", env=log.env).ret == 0
    assert log.uses[0].startswith(f"used {project.root / 'kept' / 'runs' / 'cache'}")


@posix
def test_ten_launches_share_one_build(launched, log):
    launched.write(FLOW)
    ran = launched.run("--wfperf-save", "--wfperf-launches=10", "--wfperf-rounds=2", env=log.env)
    assert ran.ret == 0, ran.out + ran.err
    ran.says("10 launches")
    assert log.built == 1
    assert len(log.uses) >= 10 * 3 + 1
    assert len(set(log.uses)) == 1


def test_xdist_workers_share_one_build(project, log):
    project.write(FLOW + "@pytest.mark.parametrize('n', range(8))\ndef test_more(wfperf, corpus, n): pass\n")
    ran = project.run("-n", "4", env=log.env)
    assert ran.ret == 0, ran.out + ran.err
    assert (log.built, len(log.uses)) == (1, 9)


def test_runs_at_once_share_one_build(project, log):
    project.write(FLOW)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "pytest_wfperf.plugin"]
    environment = os.environ | log.env | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    runs = [
        subprocess.Popen(command, cwd=project.root, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    told = [run.communicate(timeout=100)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0], told
    assert (log.built, len(log.uses)) == (1, 3)


GIT = ("git", "-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")


@posix
def test_both_sides_of_a_run_against_a_revision_use_the_same(launched, log):
    launched.write("FACTOR = 1\n", "shop.py")
    launched.write("import shop\n" + FLOW)
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "one"]):
        subprocess.run([*GIT, *arguments], cwd=launched.root, check=True)
    launched.write("FACTOR = 2\n", "shop.py")
    ran = launched.run("--wfperf-against=HEAD", "--wfperf-max-time=10", env=log.env)
    ran.says("1 workflow against revision HEAD")
    assert log.built == 1
    assert len(log.uses) > 12
    assert len(set(log.uses)) == 1
    assert str(launched.root) in log.uses[0], "the working copy's, where the next run finds it"
    status = subprocess.run([*GIT, "status", "--short"], cwd=launched.root, capture_output=True, text=True, check=True)
    assert ".wfperf" not in status.stdout


def test_it_counts_as_a_cache_with_hits_and_misses(project, log):
    project.write(FLOW.replace("def test_flow", "@pytest.mark.wfperf('cache:corpus hit_rate == 100%')\ndef test_flow"))
    ran = project.run("-v", env=log.env)
    assert ran.ret == 0, ran.out
    assert log.built == 1, "in the round that warms up"
    changing = FLOW.replace('{"pages": 1}', "{'now': time.perf_counter_ns()}")
    project.write(
        changing.replace("def test_flow", "@pytest.mark.wfperf('cache:corpus hit_rate >= 10%')\ndef test_flow")
    )
    ran = project.run("--wfperf-rounds=3", env=log.env)
    assert ran.ret == 1
    ran.says("cache:corpus hit_rate >= 10%")


def test_it_is_off_the_clock_in_a_fixture_and_on_it_in_the_body(project, log):
    project.write(
        FLOW
        + """
def test_in_the_body(wfperf):
    wfperf.cached("corpus", make, params={"pages": 1})
"""
    )
    assert project.run("--wfperf-save", "--wfperf-rounds=3", env=log.env).ret == 0
    found = {}
    for path in project.root.glob(".wfperf/baselines/main/*/0*/*/test-*.json"):
        data = json.loads(path.read_text())
        (found[data["workflow"]],) = data["launches"][0]["rounds"]["caches"]
    looked_up = {"name": "corpus", "hits": [1, 1, 1], "misses": [0, 0, 0]}
    assert found == {
        "test_it.py::test_flow": {**looked_up, "timed": [False, False, False]},
        "test_it.py::test_in_the_body": looked_up,
    }


def test_a_build_that_fails_fails_the_test_with_its_own_error_and_is_tried_again(project, log):
    project.write(FLOW.replace('logged("built")', 'logged("built"); 1 / int(os.environ["GOOD"])'))
    failed = project.run(env={**log.env, "GOOD": "0"})
    assert failed.ret == 1
    failed.says("ZeroDivisionError")
    assert project.run(env={**log.env, "GOOD": "1"}).ret == 0
    assert log.built == 2


def test_params_that_are_no_plain_data_fail_the_test_and_are_named(project, log):
    project.write(FLOW.replace('{"pages": 1}', '{"pages": {1, 2}}'))
    ran = project.run(env=log.env)
    assert ran.ret == 1
    ran.says("wfperf.cached('corpus'): params['pages'] is {1, 2}: ")
