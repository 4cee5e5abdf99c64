"""Gating against a git revision: real repositories, real pairs of processes, through pytest's command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="launches need POSIX")

SHOP = """
UNITS = {"load": 20, "parse": 20}

def work(name):
    return sum(i * i % 7 for i in range(500 * UNITS[name]))
"""
FLOW = """
import shop

@pytest.mark.wfperf("regression < 20%", "step:parse regression < 20%")
def test_flow(wfperf):
    with wfperf.step("load"):
        shop.work("load")
    with wfperf.step("parse"):
        shop.work("parse")
    wfperf.check("sums", shop.work("load") > 0)
"""


def git(root: Path, *arguments: str) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", "-C", str(root), *identity, *arguments], env=environment, capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture
def repository(launched):
    """A flat project with one commit."""
    (launched.root / "shop").mkdir()
    (launched.root / "shop" / "__init__.py").write_text(SHOP)
    launched.write(FLOW)
    git(launched.root, "init", "-q")
    git(launched.root, "add", "-A")
    git(launched.root, "commit", "-qm", "one")
    return launched


def slower(repository, units: int = 40) -> None:
    path = repository.root / "shop" / "__init__.py"
    path.write_text(path.read_text().replace('"parse": 20', f'"parse": {units}'))


def test_a_slower_step_is_caught_and_named_and_the_repository_is_left_alone(repository):
    hook = repository.root / ".git" / "hooks" / "post-checkout"
    hook.write_text("#!/bin/sh\ntouch ran-a-hook\n")
    hook.chmod(0o755)
    slower(repository)
    before = git(repository.root, "status", "--porcelain", "--ignored"), git(repository.root, "worktree", "list")
    results = repository.results("--wfperf-against=HEAD", "-v")
    (workflow,) = results["workflows"]
    comparison = workflow["comparison"]
    assert workflow["verdict"] == "REGRESSED"
    steps = {step["path"]: step for step in comparison["steps"]}
    assert steps["parse"]["verdict"] == "REGRESSED"
    assert 0.8 < steps["parse"]["change"] < 1.2
    assert steps["load"]["verdict"] in ("PASS", "INCONCLUSIVE")
    assert comparison["sessions"] == 0
    assert len(steps["parse"]["ratios"]) == comparison["launches"] >= 6
    assert "of 1 loaded modules differ" in comparison["note"] or "of 2 loaded modules differ" in comparison["note"]
    assert "more calls" in comparison["kind"]
    assert comparison["contributions"]["parse"] == pytest.approx(sum(comparison["contributions"].values()), abs=0.1), (
        "the slower step carries the change"
    )
    (repository.root / "results.json").unlink()
    assert before == (  # but for the folder of runs, which ignores itself
        git(repository.root, "status", "--porcelain", "--ignored").replace("!! .wfperf/\n", ""),
        git(repository.root, "worktree", "list"),
    )
    assert not (repository.root / "ran-a-hook").exists()


def test_the_report_tells_pairs_evidence_and_what_could_have_been_caught(repository):
    slower(repository)
    ran = repository.run("--wfperf-against=HEAD")
    assert ran.ret == 1
    ran.says(
        "FAILED: 1 workflow against revision HEAD: 1 REGRESSED",
        "REGRESSED: step parse ",
        "parse, launch by launch: ",
        "pairs of launches in ",
        "against revision HEAD",
        "could have caught >= ",
        "loaded modules differ",
        "more calls",
    )


def test_a_change_that_makes_nothing_slower_passes(repository):
    path = repository.root / "shop" / "__init__.py"
    path.write_text(path.read_text() + "\ndef unused():\n    return 42\n")
    ran = repository.run("--wfperf-against=HEAD")
    assert ran.ret == 0, ran.out
    ran.says("holds: 1 workflow against revision HEAD: 1 ")


def test_a_faster_one_is_improved_and_a_speedup_is_proved(repository):
    slower(repository, 10)
    repository.write(FLOW.replace('"regression < 20%", "step:parse regression < 20%"', '"step:parse speedup >= 1.5"'))
    results = repository.results("--wfperf-against=HEAD")
    (workflow,) = results["workflows"]
    assert workflow["verdict"] == "IMPROVED", workflow["reasons"]
    (target,) = workflow["targets"]
    assert (target["status"], target["proved"]) == ("met", True)
    assert target["actual"] == pytest.approx(2, abs=0.3)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--wfperf-against=HEAD"], "both sides ran the same code"),
        (["--wfperf-against=no-such"], "no-such"),
        (["--wfperf-against=HEAD", "--wfperf-baseline"], "exclude each other"),
        (
            ["--wfperf-against=HEAD", "--wfperf-launches=0"],
            "another revision's code cannot run in the test's own process",
        ),
        (["--wfperf-aa"], "goes with --wfperf-against"),
    ],
)
def test_what_cannot_be_compared_is_a_usage_error(repository, arguments, said):
    ran = repository.run(*arguments)
    assert ran.ret == 4, ran.out
    assert said in ran.out + ran.err


def test_a_change_in_tests_or_the_store_alone_is_the_same_code(repository):
    repository.write(FLOW + "\n# another comment\n")
    (repository.root / ".wfperf").mkdir()
    (repository.root / ".wfperf" / "waivers.toml").write_text("")
    ran = repository.run("--wfperf-against=HEAD")
    assert ran.ret == 4
    assert "both sides ran the same code: no file outside the tests differs" in " ".join((ran.out + ran.err).split())


def test_the_same_code_on_both_sides_is_compared_where_that_is_asked_for(repository):
    ran = repository.run("--wfperf-against=HEAD", "--wfperf-aa")
    assert ran.ret == 0, ran.out
    ran.says("holds: 1 workflow against revision HEAD: 1 ")


def test_outside_git_nothing_can_be_compared(launched):
    launched.write("def test_it(wfperf): pass\n")
    ran = launched.run("--wfperf-against=HEAD", env={"GIT_CEILING_DIRECTORIES": str(launched.root.parent)})
    assert ran.ret == 4
    assert "git" in ran.out + ran.err


def test_a_revision_that_lacks_what_the_tests_need_is_no_pass(repository):
    path = repository.root / "shop" / "__init__.py"
    path.write_text(path.read_text() + "\ndef newer():\n    return work('load')\n")
    repository.write("import shop\ndef test_newer(wfperf):\n    shop.newer()\n")
    ran = repository.run("--wfperf-against=HEAD")
    assert ran.ret == 4, ran.out
    assert "cannot run what the tests need" in ran.out + ran.err
    assert "newer" in ran.out + ran.err
    repository.write("from shop import newer\ndef test_newer(wfperf):\n    newer()\n")
    ran = repository.run("--wfperf-against=HEAD")
    assert ran.ret == 4, ran.out
    assert "cannot import name 'newer'" in ran.out + ran.err


def test_what_fails_here_fails_as_any_test_does(repository):
    path = repository.root / "shop" / "__init__.py"
    path.write_text(path.read_text().replace("return sum", "raise ValueError('broken')\n    return sum"))
    ran = repository.run("--wfperf-against=HEAD")
    assert ran.ret == 1, ran.out
    ran.says("ValueError: broken", "1 FAILED")


def test_what_git_does_not_have_is_built_by_the_command_in_the_settings(repository):
    (repository.root / "make.py").write_text(
        "open('shop/_made.py', 'w').write('LEVEL = ' + open('level').read())\nopen('built', 'w').close()\n"
    )
    (repository.root / "level").write_text("20")
    (repository.root / ".gitignore").write_text("shop/_made.py\nbuilt\n")
    shop = repository.root / "shop" / "__init__.py"
    shop.write_text(
        SHOP.replace('"parse": 20', '"parse": LEVEL').replace("\nUNITS", "\nfrom ._made import LEVEL\nUNITS")
    )
    git(repository.root, "add", "-A")
    git(repository.root, "commit", "-qm", "two")
    (repository.root / "level").write_text("40")
    subprocess.run([sys.executable, "make.py"], cwd=repository.root, check=True)
    shop.write_text(shop.read_text() + "\n# another line\n")
    (repository.root / "built").unlink()
    ran = repository.run("--wfperf-against=HEAD", f"--wfperf-build={sys.executable} make.py")
    assert ran.ret == 1, ran.out + ran.err
    ran.says("REGRESSED: step parse ")
    assert not (repository.root / "built").exists(), "the working tree is not built"
    ran = repository.run("--wfperf-against=HEAD", "--wfperf-build=false")
    assert ran.ret == 4
    assert "--wfperf-build" in ran.out + ran.err


def test_each_side_knows_which_it_is_both_hash_alike_and_a_coin_says_who_goes_first(repository, tmp_path_factory):
    place = tmp_path_factory.mktemp("sides")
    slower(repository)
    repository.write(
        FLOW
        + "    import os\n    side = os.environ.get('WFPERF_SIDE', 'own')\n"
        + "    for name, text in ((side, f'{os.getpid()} {hash(\"a\")}'), ('order', side)):\n"
        + "        with open(os.environ['SIDES'] + '/' + name, 'a') as f: print(text, file=f)\n"
    )
    assert repository.run("--wfperf-against=HEAD", env={"SIDES": str(place)}).ret == 1
    assert {path.name for path in place.iterdir()} == {"a", "b", "own", "order"}
    assert {"a", "b"} <= set((place / "order").read_text().split()[:-2:2]), "the same side goes first in every round"
    seeds = [list(dict.fromkeys((place / side).read_text().splitlines())) for side in ("a", "b")]
    a, b = ([line.split()[1] for line in side] for side in seeds)
    assert a == b, "one hash seed in both processes of a pair"
    assert len(set(a)) == len(a) > 1, "another in every pair"


def test_an_editable_install_that_comes_before_every_path_is_led_to_its_own_tree(repository, tmp_path_factory):
    site = tmp_path_factory.mktemp("site")  # as scikit-build-core's editable wheels do it
    (site / "sitecustomize.py").write_text(
        "import sys\nfrom importlib.util import spec_from_file_location\n"
        f"class Finder:\n    known = {{'shop': {str(repository.root / 'shop' / '__init__.py')!r}}}\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        return spec_from_file_location(name, self.known[name]) if name in self.known else None\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    slower(repository)
    ran = repository.run("--wfperf-against=HEAD", env={"PYTHONPATH": str(site)})
    assert ran.ret == 1, ran.out + ran.err
    ran.says("REGRESSED: step parse ")


def test_under_xdist(repository):
    pytest.importorskip("xdist")
    slower(repository)
    ran = repository.run("--wfperf-against=HEAD", "-n2")
    assert ran.ret == 1, ran.out
    ran.says("REGRESSED: step parse ")


def test_from_a_folder_inside_with_a_path_and_python_m(repository):
    slower(repository)
    (repository.root / "tests").mkdir()
    (repository.root / "test_it.py").rename(repository.root / "tests" / "test_it.py")
    (repository.root / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    ran = repository.run(
        "--wfperf-against=HEAD", str(repository.root / "tests" / "test_it.py"), cwd=repository.root / "tests"
    )
    assert ran.ret == 1, ran.out + ran.err
    ran.says("REGRESSED: step parse ")


def test_more_launches_than_the_time_affords_end_inconclusive_saying_what_it_takes(repository):
    path = repository.root / "shop" / "__init__.py"
    path.write_text(path.read_text() + "\ndef unused():\n    return 42\n")
    repository.write(FLOW.replace("20%", "2%"))
    ran = repository.run("--wfperf-against=HEAD", "--wfperf-launches=3")
    assert ran.ret == 0, ran.out
    ran.says("INCONCLUSIVE", "could have caught none")


# --- nobody gets a pass because something was not measured --------------------------------------


@pytest.mark.parametrize(
    ("decoration", "body"),
    [
        ("@pytest.mark.wfperf(launches=0)", ""),
        ("", "    if 'pytest_wfperf.child' not in __import__('sys').modules: pytest.skip('not here')\n"),
    ],
)
def test_a_workflow_that_only_one_of_launches_and_its_own_run_measured_is_no_pass(repository, decoration, body):
    slower(repository, 200)
    repository.write(f"import shop\n{decoration}\ndef test_flow(wfperf):\n{body}    shop.work('parse')\n")
    ran = repository.run("--wfperf-against=HEAD")
    assert ran.ret == 1, ran.out
    assert "no launch measured it" in ran.out or "measured in launches, but not in its own run" in ran.out


def test_a_skip_in_a_later_pair_is_an_error_not_a_pass(repository, tmp_path_factory):
    slower(repository, 200)
    repository.write(
        """
import os, shop
def test_flow(wfperf):
    if 'pytest_wfperf.child' in __import__('sys').modules:
        if len(os.listdir(os.environ["COUNT"])) > 40: pytest.skip("enough")
        open(os.environ["COUNT"] + f"/{os.getpid()}-{time.monotonic_ns()}", "w").close()
    shop.work('parse')
"""
    )
    ran = repository.run("--wfperf-against=HEAD", env={"COUNT": str(tmp_path_factory.mktemp("count"))})
    assert ran.ret == 1, ran.out
    ran.says("ERROR in launch 2")


def test_a_marker_that_wants_few_pairs_gets_all_of_the_error_to_spend(repository):
    slower(repository, 200)
    repository.write("import shop\n@pytest.mark.wfperf(launches=8)\ndef test_flow(wfperf):\n    shop.work('parse')\n")
    ran = repository.run("--wfperf-against=HEAD")
    assert ran.ret == 1, ran.out
    ran.says("8 pairs", "REGRESSED: the workflow")


def test_a_new_module_with_a_plain_test_is_no_obstacle(repository):
    slower(repository)
    (repository.root / "newer.py").write_text("def f(): return 1\n")
    repository.write("import newer\ndef test_f(): assert newer.f()\n", "test_newer.py")
    ran = repository.run("--wfperf-against=HEAD")
    assert ran.ret == 1, ran.out + ran.err
    ran.says("REGRESSED: step parse ", "1 failed, 1 passed")


def test_what_the_ini_file_holds_every_run_against_yields_to_the_command_line(repository):
    (repository.root / "pytest.ini").write_text("[pytest]\nwfperf_against = HEAD\nwfperf_launches = 0\n")
    slower(repository)
    ran = repository.run()
    assert ran.ret == 1, ran.out + ran.err
    ran.says("REGRESSED: step parse ", "against revision HEAD")
    repository.launches = False
    saved = repository.run("--wfperf-save")
    assert saved.ret == 0, saved.out + saved.err
    saved.says("stored baseline main")
