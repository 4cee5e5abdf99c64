"""What a run tells of its baseline's past: a drift that no single version showed, and a history for the page."""

from __future__ import annotations

import json

import pytest

TWO = """
import os
MS = float(os.environ.get("MS", "8"))
def test_one(wfperf):
    sleep_step(wfperf, "s", MS)
def test_two(wfperf):
    sleep_step(wfperf, "s", 8)
"""
QUICK = "--wfperf-rounds=3"


@pytest.fixture
def drifted(project):
    """Each version is under twice the one before, which is the limit in one process; together they are over."""
    project.write(TWO)
    assert project.run("--wfperf-save", QUICK).ret == 0
    assert project.run("--wfperf-save", "--wfperf-accept=caching is gone", QUICK, env={"MS": "14"}).ret == 0
    assert project.run("--wfperf-save", "--wfperf-accept=checks everything", QUICK, env={"MS": "25"}).ret == 0
    return project


def drift(ran):
    return [line.strip() for line in ran.out.splitlines() if "has drifted" in line]


def test_a_drift_beyond_the_limit_is_noted_where_it_is_asked_for(drifted):
    first = drifted.versions[0]
    ran = drifted.run("--wfperf-baseline", QUICK, "-v", env={"MS": "25"})
    assert ran.ret == 0
    (told,) = drift(ran)
    assert told.startswith(f"test_it.py::test_one has drifted since main {first} (20")
    assert ", 2 versions ago): 3" in told
    assert told.endswith(", its limit being 100 % at a time")
    assert drift(drifted.run("--wfperf-baseline", QUICK, env={"MS": "25"})) == []
    assert drift(drifted.run("--wfperf-baseline", QUICK, "-v", env={"MS": "9"})) == []


def test_it_is_in_the_results(drifted):
    ran = drifted.run("--wfperf-baseline", QUICK, "--wfperf-report=r.json", env={"MS": "25"})
    assert ran.ret == 0
    (note,) = [n for n in json.loads((drifted.root / "r.json").read_text())["notes"] if "drifted" in n]
    assert [note] == drift(ran)


def test_a_stored_run_is_one_of_the_sessions_and_a_judged_one_comes_after_them(drifted):
    """The page holds as many points as there are sessions, the run at hand among them once."""
    probe = """
        import json
        from pytest_wfperf import report
        from pytest_wfperf.report import html

        class Probe:
            def part(self, exhibit):
                found = exhibit.history
                return None if found is None else [point.version for point in found.points]
            def whole(self, run, occasion, parts):
                return json.dumps(parts).encode()

        probe = Probe()
        report.html = probe
        report.REPORTERS = {**report.REPORTERS, ".html": probe}
    """
    drifted.write("\n".join(line[8:] for line in probe.splitlines()), "conftest.py")

    def points(*args, env=None):
        assert drifted.run(QUICK, "--wfperf-report=page.html", *args, env=env).ret == 0
        return json.loads((drifted.root / "page.html").read_text())

    one, two, three = drifted.versions
    assert points("--wfperf-baseline", env={"MS": "25"}) == [[one, two, three, ""]] * 2
    assert points("--wfperf-extend", env={"MS": "25"}) == [[one, two, three, three]] * 2
    assert points("--wfperf-save", env={"MS": "25"}) == [[one, two, three, three, drifted.versions[3]]] * 2
    assert points() == [None, None]


def test_a_damaged_old_version_fails_no_run(drifted):
    (manifest,) = drifted.root.glob(f".wfperf/baselines/main/*/{drifted.versions[0]}/manifest.json")
    manifest.write_text("{}")
    ran = drifted.run("--wfperf-baseline", QUICK, "-v", "--wfperf-report=page.html", env={"MS": "25"})
    assert ran.ret == 0
    assert (drifted.root / "page.html").exists()
