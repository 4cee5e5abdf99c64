"""The artifact set: what its files say, and that a folder holds all of them or none."""

from __future__ import annotations

import errno
import json
import math
import os
from dataclasses import replace
from pathlib import Path

import pytest
from shop import BEFORE, CHECKOUT, NOW, OCCASION, RUN, exhibits, profile, rendered

from pytest_wfperf import report
from pytest_wfperf.errors import BaselineError, ConfigError
from pytest_wfperf.model import Launch, Round
from pytest_wfperf.report import bottlenecks, comparison, metrics, results
from pytest_wfperf.report.artifacts import ARTIFACTS
from pytest_wfperf.report.exhibit import Exhibit
from pytest_wfperf.store.schema import FORMATS, load_schema, read_document

GOLDEN = Path(__file__).parents[1] / "golden"
REPORTS = {"baseline-metrics": metrics, "comparison": comparison, "bottlenecks": bottlenecks, "results": results}


def of(reporter, **changes):
    """The entry of the checkout, its judgement or exhibit changed."""
    exhibit = next(exhibits())
    judgement = {name: value for name, value in changes.items() if hasattr(CHECKOUT, name)}
    rest = {name: value for name, value in changes.items() if name not in judgement}
    part = reporter.part(replace(exhibit, judgement=replace(CHECKOUT, **judgement), **rest))
    return json.loads(reporter.whole(RUN, OCCASION, [part]))["workflows"][0]


# --- the files ------------------------------------------------------------------------------


def contains(new, old):
    """Whether ``new`` says all that ``old`` does; what is computed is rounded."""
    if isinstance(old, dict):
        return all(name in new and contains(new[name], value) for name, value in old.items() if name != "checksum")
    if isinstance(old, list):
        return len(new) == len(old) and all(map(contains, new, old))
    return math.isclose(new, old, rel_tol=1e-9) if isinstance(old, float) else new == old


@pytest.mark.parametrize("kind", REPORTS)
def test_a_file_of_every_format_there_was_is_read_and_what_it_says_is_still_said(kind):
    formats = {path.stem: read_document(path, kind) for path in GOLDEN.glob(f"{kind}-*.json")}
    assert sorted(formats) == [f"{kind}-{number}" for number in range(1, FORMATS[kind] + 1)]
    assert contains(json.loads(rendered(REPORTS[kind])), formats[f"{kind}-{FORMATS[kind]}"])


@pytest.mark.parametrize("kind", REPORTS)
def test_every_part_of_a_schema_is_described(kind):
    schema = load_schema(kind, 1)
    for part in (schema, *schema["$defs"].values()):
        assert part["description"].endswith(".")
        assert part["required"]
        assert all(inner["description"] for inner in part["properties"].values())


def test_parts_that_the_comparison_shares_with_the_results_are_the_same():
    shared, whole = load_schema("comparison", 1)["$defs"], load_schema("results", 1)["$defs"]
    for name in ("effect", "target", "pass_rate"):
        assert shared[name] == whole[name]
    assert contains(shared["comparison"]["properties"], whole["comparison"]["properties"])
    for name, inner in shared["workflow"]["properties"].items():
        assert inner == whole["workflow"]["properties"][name]


def test_the_baseline_is_told_over_all_stored_rounds():
    held = of(metrics)["held_against"]
    assert (held["baseline"], held["sessions"], held["launches"], held["rounds"]) == ("main 0007-3fa9c1", 2, 3, 6)
    assert (held["min_ns"], held["median_ns"], held["p95_ns"]) == (20e6, 21e6, 22e6)
    steps = [(step["path"], step["min_ns"], step["median_ns"], step["p95_ns"]) for step in held["steps"]]
    assert steps == [("parse", 10e6, 10e6, 10e6), ("render", 10e6, 11e6, 12e6), ("mail", 5e6, 5e6, 5e6)]
    assert held["metrics"] == [{"name": "tokens", "value": 7.5, "unit": "tokens", "better": "lower"}]
    assert [(rate["name"], rate["passed"], rate["total"]) for rate in held["pass_rates"]] == [
        ("", 5, 6),
        ("valid page", 5, 6),
    ]
    assert held["environment"]["facts"]["cpus"] == "2"
    assert held["conditions"] == {"aslr": ["off"], "hash_seed": ["1", "2"]}


def test_a_workflow_held_against_nothing_has_no_figures():
    assert of(metrics, before=(), baseline="")["held_against"] is None
    assert of(metrics, before=(profile(), profile(Launch(rounds=()))))["held_against"] is None


def test_launches_of_another_revision_are_no_sessions():
    pairs = replace(CHECKOUT.comparison, sessions=0, baseline="revision HEAD")
    held = of(metrics, comparison=pairs, baseline="revision HEAD", before=BEFORE[1:])["held_against"]
    assert (held["baseline"], held["sessions"], held["launches"]) == ("revision HEAD", 0, 2)


def test_stored_sessions_of_another_environment_count_although_nothing_was_compared():
    assert of(metrics, comparison=None)["held_against"]["sessions"] == 2


def test_a_comparison_tells_its_speed_up_with_what_bounds_it():
    assert of(comparison)["comparison"]["speedup"] == pytest.approx(
        {"value": 2 / 3, "low": 2 / 3 * math.exp(-0.1), "high": 2 / 3 * math.exp(0.1)}
    )
    total = replace(CHECKOUT.comparison.total, low=-math.inf, high=math.inf)
    found = of(comparison, comparison=replace(CHECKOUT.comparison, total=total))["comparison"]
    assert found["speedup"] == {"value": pytest.approx(2 / 3), "low": None, "high": None}
    assert (found["total"]["low"], found["total"]["high"]) == (None, None)
    assert of(comparison, comparison=None)["comparison"] is None


def test_bottlenecks_tell_what_each_step_could_gain_at_most():
    found = of(bottlenecks)
    assert [link["path"] for link in found["analysis"]["path"]] == ["parse", "render"]
    assert [(each["path"], each["remaining_ns"]) for each in found["ceilings"]] == [
        ("render", 15e6),
        ("parse", 20.5e6),
        ("mail", 30.5e6),
    ]
    assert found["ceilings"][0]["speedup"] == pytest.approx(30.5 / 15)


def test_bottlenecks_of_a_workflow_without_steps_or_passed_rounds():
    assert of(bottlenecks, analysis=None) == {"workflow": NOW.workflow, "analysis": None, "ceilings": []}
    failed = profile(Launch(rounds=tuple(replace(one, status="failed") for one in NOW.rounds)))
    assert of(bottlenecks, profile=failed)["ceilings"] == []
    instant = profile(Launch(rounds=(Round(total_ns=0, spans=NOW.rounds[0].spans),)))
    assert {each["speedup"] for each in of(bottlenecks, profile=instant)["ceilings"]} == {None}


# --- what a path asks for, and what stands in its way before tests run ------------------------


@pytest.fixture
def place(tmp_path):
    """Where a run is made, with its root directory above it."""
    place = tmp_path / "root" / "here"
    place.mkdir(parents=True)
    return place


def check(place, *paths, store=".wfperf"):
    root = place.parent
    report.check(paths, "--wfperf-report", base=place, rootpath=root, store=root / store)


def refused(place, *paths, **kwargs):
    with pytest.raises(ConfigError) as caught:
        check(place, *paths, **kwargs)
    return str(caught.value)


def filled(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text("old")
    return folder


def test_a_slash_or_a_folder_means_the_set_and_a_suffix_a_file(place):
    filled(place / "empty.json")
    check(place, "new/", "deep/down/new/", "empty.json", "new.json/", "../beside/", "out.json", f"{place}/whole/")
    for path in ("reports", "out.xlsx", ""):
        said = refused(place, path)
        assert f"cannot tell a report's format from {path!r}; the suffix has to be ." in said
        assert "has to end in / for the whole set" in said


def test_an_earlier_set_may_be_replaced(place):
    filled(place / "out", *ARTIFACTS)
    check(place, "out", "out/")


def test_a_folder_with_anything_else_is_refused_by_the_name_of_the_first(place):
    out = filled(place / "out", *ARTIFACTS, "notes.txt", "zebra.txt")
    assert refused(place, "out/") == (
        f"--wfperf-report=out/: {out} holds 'notes.txt', which is none of its files: "
        "the set takes a whole folder; name another, or empty this one"
    )


def test_a_folder_of_ones_own_files_with_a_name_of_the_set_is_refused(place):
    filled(place / "docs", "benchmark-results.json")
    assert "holds 'benchmark-results.json' without 'baseline-metrics.json', so it was not written as a set" in (
        refused(place, "docs")
    )


def test_a_link_or_a_folder_with_a_name_of_the_set_is_foreign(place):
    name = min(ARTIFACTS)
    (place / "target").write_text("mine")
    for make in (lambda path: path.symlink_to(place / "target"), lambda path: path.mkdir()):
        out = filled(place / "out", *ARTIFACTS)
        (out / name).unlink()
        make(out / name)
        assert f"holds {name!r}, which is none of its files" in refused(place, "out/")
        out.rename(place / f"out{len(list(place.iterdir()))}")


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        (".", "is the working directory"),
        ("./", "is the working directory"),
        ("..", "is the root directory"),
        ("../..", "holds the working directory"),
        ("../.wfperf/", "is the store"),
        ("../.wfperf/baselines/", "lies in the store"),
        ("/", "holds the working directory"),
    ],
)
def test_a_folder_that_has_to_stay_is_refused_even_where_it_is_empty(place, path, problem):
    said = refused(place, path)
    assert said.startswith(f"--wfperf-report={path}: ")
    assert problem in said
    assert "the set takes a whole folder; name one " in said
    assert place.is_dir()


def test_a_store_inside_the_folder_is_seen(place):
    assert "holds the store" in refused(place, "../kept/", store="kept/here/.wfperf")


def test_a_file_in_its_place_or_above_it_is_refused(place):
    (place / "taken").write_text("mine")
    assert f"{place / 'taken'} is a file where a folder has to be" in refused(place, "taken/")
    assert f"{place / 'taken'} is a file where a folder has to be" in refused(place, "taken/deep/out/")


def test_a_mount_point_is_refused(place, monkeypatch):
    filled(place / "volume")
    monkeypatch.setattr(Path, "is_mount", lambda path: path.name == "volume")
    assert "is a mount point, which cannot be replaced as a whole: name a folder inside it" in refused(place, "volume")
    check(place, "volume/inside/")


@pytest.mark.parametrize(("path", "closed"), [("out/", "out"), ("out/", "here"), ("new/down/", "here")])
def test_a_place_that_cannot_be_written_is_refused(place, monkeypatch, path, closed):
    filled(place / "out")
    monkeypatch.setattr(os, "access", lambda folder, mode: Path(folder).name != closed)
    assert f"{closed} cannot be written: mend its permissions, or name another folder" in refused(place, path)


def test_a_folder_that_cannot_be_listed_is_refused(place, monkeypatch):
    filled(place / "out")

    def closed(folder):
        raise PermissionError(errno.EACCES, "Permission denied", str(folder))

    monkeypatch.setattr(os, "scandir", closed)
    assert "Permission denied; mend the permissions" in refused(place, "out/")


def test_links_that_go_in_a_circle_are_refused(place):
    (place / "a").symlink_to("b")
    (place / "b").symlink_to("a")
    assert refused(place, "a/").startswith("--wfperf-report=a/: ")


def test_a_library_that_is_not_installed_is_missed_before_tests_run(place, monkeypatch):
    monkeypatch.setattr(metrics, "NEEDS", ("no_such_library", "html"), raising=False)
    check(place, "out.json")
    said = refused(place, "out/")
    assert said == "--wfperf-report=out/: this needs no_such_library: pip install 'pytest-wfperf[html]'"


def test_other_reports_may_not_lie_in_the_folder(place):
    said = refused(place, "out/", "out/summary.json")
    assert said == "--wfperf-report=out/summary.json lies in out/, which the set takes whole: name another place"
    assert "out/deep/ lies in out/" in refused(place, "out/deep/", "out/")
    check(place, "out/", "out/", "out.json", "other/")


# --- writing ---------------------------------------------------------------------------------


def write(*paths, **kwargs):
    return report.write(paths, RUN, OCCASION, kwargs.pop("shown", exhibits()), **kwargs)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_set_is_written_whole_and_each_file_is_what_its_reporter_says(tmp_path):
    assert write("deep/out/", base=tmp_path) == {}
    assert names(tmp_path / "deep") == ["out"]
    assert names(tmp_path / "deep/out") == sorted(ARTIFACTS)
    for name, reporter in ARTIFACTS.items():
        assert (tmp_path / "deep/out" / name).read_bytes() == rendered(reporter), name


def test_a_report_beside_the_set_is_written_of_the_same_exhibits(tmp_path):
    assert write("out/", "r.json", base=tmp_path) == {}
    assert (tmp_path / "r.json").read_bytes() == (tmp_path / "out/benchmark-results.json").read_bytes()


def test_a_linked_folder_stays_a_link(tmp_path):
    filled(tmp_path / "behind", *ARTIFACTS)
    (tmp_path / "out").symlink_to("behind")
    (tmp_path / "dangling").symlink_to("yet to come")
    assert write("out", "dangling/", base=tmp_path) == {}
    assert (tmp_path / "out").readlink() == Path("behind")
    assert (tmp_path / "behind/benchmark-results.json").read_bytes() == rendered(results)
    assert names(tmp_path / "yet to come") == sorted(ARTIFACTS)
    assert names(tmp_path) == ["behind", "dangling", "out", "yet to come"]


def fail(error):
    def failing(*_):
        raise error

    return failing


@pytest.mark.parametrize("what", ["part", "whole"])
@pytest.mark.parametrize("name", ARTIFACTS)
def test_where_one_file_cannot_be_made_none_appears_and_the_error_names_it(tmp_path, monkeypatch, name, what):
    filled(tmp_path / "out", *ARTIFACTS)
    monkeypatch.setattr(ARTIFACTS[name], what, fail(BaselineError("cannot store it: NaN")))
    problems = write("out/", "new/", base=tmp_path)
    assert problems == dict.fromkeys(["out/", "new/"], f"{name}: cannot store it: NaN")
    assert names(tmp_path) == ["out"]
    assert {path.read_text() for path in (tmp_path / "out").iterdir()} == {"old"}


def test_a_report_that_cannot_be_made_is_that_reports_problem_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(comparison, "part", fail(BaselineError("no")))
    problems = write("set/", "r.json", base=tmp_path)
    assert problems == {"set/": "performance-comparison.json: no"}
    assert (tmp_path / "r.json").read_bytes() == rendered(results)
    monkeypatch.setattr(results, "part", fail(BaselineError("neither")))
    monkeypatch.undo()
    monkeypatch.setattr(results, "whole", fail(OSError(errno.EIO, "Input/output error", "x")))
    assert write("r.json", "set/", base=tmp_path) == {
        "r.json": "x: Input/output error; check the disk, or name another place",
        "set/": "benchmark-results.json: x: Input/output error; check the disk, or name another place",
    }


def test_exhibits_are_gone_over_once(tmp_path):
    seen = []

    def counted():
        for exhibit in exhibits():
            seen.append(exhibit.judgement.workflow)
            yield exhibit

    write("out/", "other/", "r.json", base=tmp_path, shown=counted())
    assert len(seen) == 3


def test_a_run_without_workflows_has_a_set_too(tmp_path):
    assert write("out/", base=tmp_path, shown=iter(())) == {}
    assert names(tmp_path / "out") == sorted(ARTIFACTS)


def test_what_came_into_the_folder_since_is_kept_and_said(tmp_path):
    out = filled(tmp_path / "out", "notes.txt")
    problems = write("out/", base=tmp_path)
    assert "holds 'notes.txt', which is none of its files" in problems["out/"]
    assert names(out) == ["notes.txt"]
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize(("code", "fix"), [(errno.ENOSPC, "free some space"), (errno.EROFS, "read-only")])
@pytest.mark.parametrize("old", [(), tuple(ARTIFACTS)])
def test_a_full_disk_leaves_what_there_was(tmp_path, monkeypatch, code, fix, old):
    filled(tmp_path / "out", *old)
    monkeypatch.setattr(os, "fsync", fail(OSError(code, os.strerror(code))))
    problems = write("out/", "r.json", base=tmp_path)
    assert list(problems) == ["out/", "r.json"]
    for problem in problems.values():
        assert os.strerror(code) in problem
        assert fix in problem
        assert "store" not in problem
    assert names(tmp_path) == ["out"]
    assert names(tmp_path / "out") == sorted(old)


def test_an_exhibit_without_anything_is_enough_for_every_file():
    bare = Exhibit(judgement=replace(CHECKOUT, summary=None, comparison=None, targets=(), pass_rates=()))
    for name, reporter in ARTIFACTS.items():
        assert reporter.whole(RUN, OCCASION, [reporter.part(bare)]), name
