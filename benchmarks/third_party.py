"""The gate on a project of other people: ``packaging`` 25.0 and 26.0, whose notes state what became faster.

Two releases from the package registry become two commits of a repository; their files stay as they
were released. A test with a workflow of what such a library is used for lies in the working tree,
and one ``pytest`` a case is run there as a user would type it. What the gate says is held against a
measurement of its own: processes of both releases in turns, each timing every step in a plain loop.

    python benchmarks/third_party.py [--cases NAME,...] [--out FILE.json] [--place DIRECTORY]
    python benchmarks/third_party.py --verify        (the measurement alone)

Sorting is slower in 26.0: a version's sort key is now made when it is first asked for. ``test_use`` has reading and
sorting in one step, which is faster nevertheless; ``test_apart`` has them apart.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

NAME, OLD, NEW = "packaging", "25.0", "26.0"
UNDONE = "26.0 with the tokenizer of 25.0"
TOKENIZER = "src/packaging/_tokenizer.py"  # "avoid recompiling regexes in the tokenizer for a 3x speedup (#1019)"
TEST = "tests/test_workflows.py"
PLUGINS = ("-p", "pytest_wfperf.plugin", "-p", "no:cacheprovider")
PROCESSES, PASSES = 12, 30  # of the measurement of its own: per release, and per step in each
SAME = 0.03  # a true change that is smaller is called none
WORKFLOWS = '''
"""What tools that install packages do all day, on a small scale."""

from packaging.licenses import canonicalize_license_expression
from packaging.metadata import parse_email
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

SUFFIXES = ("", "", "a1", "rc2", ".post1", ".dev3")
VERSIONS = [f"{i % 7}.{i % 13}.{i % 29}{SUFFIXES[i % 6]}" for i in range(300)]
SPECIFIERS = [f">={i % 5}.{i % 3},<{i % 5 + 2},!={i % 5 + 1}.{i % 4}.*" for i in range(60)]
NAMES = [f"Some_Name.{i}--of-It" for i in range(900)]
MARKER = 'python_version >= "3.{}" and sys_platform != "win32"'
REQUIREMENTS = [f"name-{i}[extra{i % 3}]>={i % 5}.{i % 7},<9; {MARKER.format(i % 9)}" for i in range(30)]
LICENSES = ["mit or (apache-2.0 and bsd-3-clause)", "gpl-3.0-or-later with classpath-exception-2.0 or mit"] * 40
HEAD = "Metadata-Version: 2.3\\nName: one\\nVersion: 1\\n"
LINES = (f"Requires-Dist: name-{i}>=1\\nProject-URL: n{i}, https://e/{i}\\n" for i in range(40))
METADATA = HEAD + "".join(LINES) + "\\nWords.\\n"
PARSED = [Version(text) for text in VERSIONS[:80]]


def versions():
    return sorted(Version(text) for text in VERSIONS)


def specifiers():
    return [SpecifierSet(text) for text in SPECIFIERS]


def choose():
    return [list(SpecifierSet(text).filter(PARSED)) for text in SPECIFIERS[:3]]


def requirements():
    return [Requirement(text) for text in REQUIREMENTS]


def names():
    return [canonicalize_name(name) for name in NAMES]


def licenses():
    return [canonicalize_license_expression(text) for text in LICENSES]


def metadata():
    return [parse_email(METADATA) for _ in range(3)]


STEPS = {step.__name__: step for step in (versions, specifiers, choose, requirements, names, licenses, metadata)}


def test_use(wfperf):
    for name, step in STEPS.items():
        with wfperf.step(name):
            step()


def test_apart(wfperf):
    with wfperf.step("read"):
        read = [Version(text) for text in VERSIONS]
    with wfperf.step("sort"):
        read.sort()
'''
TIMED = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
import packaging, test_workflows as w
best = {}
def keep(name, began):
    took = time.perf_counter() - began
    best[name] = min(best.get(name, took), took)
for _ in range(int(sys.argv[2])):
    for name, function in w.STEPS.items():
        began = time.perf_counter(); function(); keep("test_use/" + name, began)
    began = time.perf_counter(); read = [w.Version(text) for text in w.VERSIONS]; keep("test_apart/read", began)
    began = time.perf_counter(); read.sort(); keep("test_apart/sort", began)
for test in ("test_use/", "test_apart/"):
    best[test] = sum(took for name, took in best.items() if name.startswith(test))
print(json.dumps({"file": packaging.__file__, "best": best}))
"""
Truth = dict[tuple[str, str], dict[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """``tree`` is what lies in the working tree, ``against`` the tag it is held against.

    ``named`` are the steps that have to be flagged as slower or, where IMPROVED is expected, as faster. Another may be
    only where the measurement apart says the same of it.
    """

    what: str
    tree: str
    against: str
    test: str
    expected: str
    named: frozenset[str] = frozenset()
    arguments: tuple[str, ...] = ()

    @property
    def sides(self) -> tuple[str, str]:
        return self.tree, self.against


CHANGED = frozenset({"versions", "specifiers", "choose", "requirements", "names"})  # licenses and metadata: little
CASES = {
    "newer": Case(what="26.0 against 25.0", tree=NEW, against=OLD, test="test_use", expected="IMPROVED", named=CHANGED),
    "older": Case(what="25.0 against 26.0", tree=OLD, against=NEW, test="test_use", expected="REGRESSED",
                  named=CHANGED),
    "same": Case(what="26.0 against itself", tree=NEW, against=NEW, test="test_use", expected="PASS",
                 arguments=("--wfperf-aa",)),
    "undone": Case(what=f"{UNDONE}, against 26.0", tree=UNDONE, against=NEW, test="test_use", expected="REGRESSED",
                   named=frozenset({"requirements"})),
    "moved": Case(what="26.0 against 25.0, reading and sorting apart", tree=NEW, against=OLD, test="test_apart",
                  expected="REGRESSED", named=frozenset({"sort"})),
}  # fmt: skip


def main() -> int:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="third-party-", ignore_cleanup_errors=True) as temporary:
        place = (options.place or Path(temporary)).resolve()
        trees = _trees(place)
        cases = [CASES[name] for name in options.cases]
        truth = _truth(trees, {case.sides for case in cases} - {(NEW, NEW)}, options.processes)
        if options.verify:
            print("\n".join(_said(truth)))
            return 0
        project = _repository(place / "repository", trees)
        results = []
        for case in cases:
            result = _run(case, project, trees[case.tree], place / "cache")
            result |= {"case": case.what, "apart": _of(case, truth)}
            results.append(result | {"as expected": _as_expected(case, result)})
            print("\n".join(_told(case, results[-1])), flush=True)
    if options.out:
        options.out.write_text(json.dumps(results, indent=1), encoding="utf-8")
    return 0 if all(r["as expected"] for r in results) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="third_party.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=lambda text: text.split(","), default=list(CASES), help=f"of {','.join(CASES)}")
    parser.add_argument("--verify", action="store_true", help="only measure which steps are truly faster or slower")
    parser.add_argument("--processes", type=int, default=PROCESSES, help=f"for that, of each side ({PROCESSES})")
    parser.add_argument("--place", type=Path, help="keep the releases and the repository here, and use what is there")
    parser.add_argument("--out", type=Path, metavar="FILE", help="every case's report as JSON")
    options = parser.parse_args()
    if unknown := set(options.cases) - CASES.keys():
        parser.error(f"no case {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    return options


# --- the project ----------------------------------------------------------------------


def _trees(place: Path) -> dict[str, Path]:
    """The releases' folders, and that of the newer one with one change undone."""
    place.mkdir(parents=True, exist_ok=True)
    trees = {version: _release(place, version) for version in (OLD, NEW)}
    trees[UNDONE] = place / f"{NAME}-undone"
    shutil.copytree(trees[NEW], trees[UNDONE], dirs_exist_ok=True)
    shutil.copy(trees[OLD] / TOKENIZER, trees[UNDONE] / TOKENIZER)
    for tree in trees.values():
        (tree / TEST).write_text(WORKFLOWS.lstrip(), encoding="utf-8")
    return trees


def _release(place: Path, version: str) -> Path:
    archive = place / f"{NAME}-{version}.tar.gz"
    if not archive.exists():
        _do(sys.executable, "-m", "pip", "download", "-q", "--no-binary", NAME, "--no-deps", f"{NAME}=={version}",
            cwd=place)  # fmt: skip
    with tarfile.open(archive) as files:
        files.extractall(place, filter="data")
    return place / f"{NAME}-{version}"


def _repository(project: Path, trees: Mapping[str, Path]) -> Path:
    """A commit and a tag for each release; the workflows are in neither."""
    shutil.rmtree(project, ignore_errors=True)
    project.mkdir()
    _git(project, "init", "-q", "-b", "main")
    for version in (OLD, NEW):
        _fill(project, trees[version])
        (project / TEST).unlink()
        _git(project, "add", "-A")
        _git(project, "commit", "-q", "-m", f"Release {version}")
        _git(project, "tag", f"v{version}")
    return project


def _fill(project: Path, tree: Path) -> None:
    """Make the working tree what ``tree`` is."""
    for path in project.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(tree, project, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))


def _git(project: Path, *arguments: str) -> None:
    date = "2026-01-20T00:00:00Z"
    _do("git", "-c", "user.name=t", "-c", "user.email=t@t", "-c", "core.hooksPath=/dev/null", *arguments, cwd=project,
        GIT_CONFIG_GLOBAL=os.devnull, GIT_AUTHOR_DATE=date, GIT_COMMITTER_DATE=date)  # fmt: skip


def _done(*command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PYTEST_", "WFPERF_"))}
    return subprocess.run(command, cwd=cwd, env=kept | environment, capture_output=True, text=True, check=False)


def _do(*command: str, cwd: Path, **environment: str) -> str:
    done = _done(*command, cwd=cwd, **environment)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:6])} …: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


# --- what is true ---------------------------------------------------------------------


def _truth(trees: Mapping[str, Path], wanted: set[tuple[str, str]], processes: int) -> Truth:
    """By how much each step of the first tree is slower than of the second: medians over turns of a process each."""
    turns: list[dict[str, dict[str, float]]] = []
    names = sorted({name for sides in wanted for name in sides})
    for _ in range(processes):
        seed = str(random.randrange(2**32))  # the order of a set of specifiers decides how much work there is
        turns.append({name: _timed(trees[name], seed) for name in random.sample(names, len(names))})
    return {
        (a, b): {step: median(turn[a][step] / turn[b][step] for turn in turns) - 1 for step in turns[0][a]}
        for a, b in sorted(wanted)
    }


def _of(case: Case, truth: Truth) -> dict[str, float]:
    """What was measured apart of this case's steps, "" for the whole."""
    steps = truth.get(case.sides, {})
    return {name.partition("/")[2]: change for name, change in steps.items() if name.startswith(case.test + "/")}


def _timed(tree: Path, seed: str) -> dict[str, float]:
    said = json.loads(
        _do(sys.executable, "-P", "-B", "-c", TIMED, str((tree / TEST).parent), str(PASSES),
            cwd=tree, PYTHONPATH=str(tree / "src"), PYTHONHASHSEED=seed)
    )  # fmt: skip
    if not Path(said["file"]).is_relative_to(tree):
        raise SystemExit(f"{said['file']} was imported in place of {tree}'s own")
    return said["best"]


def _said(truth: Truth) -> Iterator[str]:
    for (a, b), steps in truth.items():
        yield f"{a} against {b}:"
        yield from (f"  {step:24} {change:+8.1%}{_smallness(change)}" for step, change in steps.items())


def _smallness(change: float) -> str:
    return "" if abs(change) > SAME else "  the same"


# --- the gate -------------------------------------------------------------------------


def _run(case: Case, project: Path, tree: Path, cache: Path) -> dict[str, Any]:
    _git(project, "checkout", "-q", "-f", f"v{OLD if case.tree == OLD else NEW}")
    _fill(project, tree)
    report = project.parent / "report.json"
    report.unlink(missing_ok=True)
    arguments = (
        f"{TEST}::{case.test}", f"--wfperf-against=v{case.against}", *case.arguments, f"--wfperf-report={report}",
    )  # fmt: skip
    own = {"PYTHONPATH": str(project / "src"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "XDG_CACHE_HOME": str(cache)}
    began = time.perf_counter()
    done = _done(sys.executable, "-m", "pytest", *PLUGINS, *arguments, cwd=project, **own)
    seconds = time.perf_counter() - began
    if done.returncode not in (0, 1) or not report.exists():
        return {"error": f"exit code {done.returncode}\n{done.stdout}{done.stderr}"}
    (workflow,) = json.loads(report.read_text())["workflows"]
    return {"exit": done.returncode, "seconds": seconds, **workflow}


def _as_expected(case: Case, result: Mapping[str, Any]) -> bool:
    if result.get("verdict") != case.expected or result["comparison"] is None:
        return False
    flag, sign = ("IMPROVED", -1) if case.expected == "IMPROVED" else ("REGRESSED", 1)
    flagged = {e["path"] for e in result["comparison"]["steps"] if e["verdict"] == flag}
    return case.named <= flagged and all(sign * result["apart"].get(path, 0.0) > SAME for path in flagged)


def _told(case: Case, result: Mapping[str, Any]) -> Iterator[str]:
    yield f"\n**{case.what}** (`{case.test}`; expected: {case.expected} {', '.join(sorted(case.named))})\n"
    if result.get("comparison") is None:
        yield result.get("error") or f"{result['verdict']}: {'; '.join(result['reasons'])}"
        return
    comparison = result["comparison"]
    expected = "as expected" if result["as expected"] else "NOT as expected"
    effort = f"after {comparison['launches']} pairs, {result['seconds']:.1f} s"
    yield f"{result['verdict']} ({expected}), exit code {result['exit']}, {effort}\n"
    yield "| step | verdict | change | interval | could have caught | measured apart |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for effect in (comparison["total"], *comparison["steps"]):
        interval = " – ".join("∞" if end is None else f"{end:+.1%}" for end in (effect["low"], effect["high"]))
        caught = "none" if effect["could_have_caught"] is None else f"{effect['could_have_caught']:.1%}"
        apart = result["apart"].get(effect["path"])
        cells = (effect["path"] or "the whole", effect["verdict"], f"{effect['change']:+.1%}", interval, caught,
                 "" if apart is None else f"{apart:+.1%}")  # fmt: skip
        yield "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    sys.exit(main())
