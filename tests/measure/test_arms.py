"""Both sides of a run against another revision, in real pytest processes, for every way a project is laid out.

The artefacts of editable installs are what setuptools 84, hatchling 1.33, editables 0.6, scikit-build-core 1.1
and meson-python 0.22 write, shortened to how they find modules, with the paths put in.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

import pytest_wfperf
from pytest_wfperf.errors import MeasurementError
from pytest_wfperf.measure import imports, revision
from pytest_wfperf.measure.arms import Arm, Invocation, arms, verify
from pytest_wfperf.measure.imports import audit

PROBE = """
import json, os, sys
from pytest_wfperf.measure.imports import audit, prepare_imports
ORDER = json.loads(os.environ.pop("PROBE"))
prepare_imports(ORDER["strip"], ORDER["keep"])
prepare_imports(ORDER["strip"], ORDER["keep"])
def pytest_sessionfinish(session, exitstatus):
    package = sys.modules.get("pkg")
    told = {"exit": int(exitstatus), "version": getattr(package, "VERSION", None), "collected": session.testscollected,
            "ids": [item.nodeid for item in session.items], "ini": str(session.config.inipath),
            "file": getattr(package, "__file__", None), "fresh": "newmod" in sys.modules,
            "audit": audit(ORDER["root"], ORDER["strip"][0], ORDER["keep"][1:])}
    with open(ORDER["out"], "w") as file:
        json.dump(told, file)
"""
TEST = """
import pkg, pkg.core
def test_it():
    assert pkg.VERSION
    try:
        import newmod
    except ImportError:
        pass
"""
FINDER = """
from __future__ import annotations
import sys
from importlib.machinery import ModuleSpec, PathFinder
from importlib.machinery import all_suffixes as module_suffixes
from importlib.util import spec_from_file_location
from itertools import chain
from pathlib import Path
MAPPING: dict[str, str] = @MAPPING@
NAMESPACES: dict[str, list[str]] = @NAMESPACES@
PATH_PLACEHOLDER = '__editable__.proj-0.1.finder' + ".__path_hook__"
class _EditableFinder:  # MetaPathFinder
    @classmethod
    def find_spec(cls, fullname: str, path=None, target=None):
        if fullname in MAPPING:
            return cls._find_spec(fullname, Path(MAPPING[fullname]))
        parent, _, child = fullname.rpartition(".")
        if parent and parent in MAPPING:
            return PathFinder.find_spec(fullname, path=[MAPPING[parent]])
        return None
    @classmethod
    def _find_spec(cls, fullname, candidate_path):
        init = candidate_path / "__init__.py"
        candidates = (candidate_path.with_suffix(x) for x in module_suffixes())
        for candidate in chain([init], candidates):
            if candidate.exists():
                return spec_from_file_location(fullname, candidate)
        return None
class _EditableNamespaceFinder:  # PathEntryFinder
    @classmethod
    def _path_hook(cls, path):
        if path == PATH_PLACEHOLDER:
            return cls
        raise ImportError
    @classmethod
    def _paths(cls, fullname):
        paths = NAMESPACES[fullname]
        if not paths and fullname in MAPPING:
            paths = [MAPPING[fullname]]
        return [*paths, PATH_PLACEHOLDER]
    @classmethod
    def find_spec(cls, fullname, target=None):
        if fullname in NAMESPACES:
            spec = ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations = cls._paths(fullname)
            return spec
        return None
def install():
    if not any(finder == _EditableFinder for finder in sys.meta_path):
        sys.meta_path.append(_EditableFinder)
    if not NAMESPACES:
        return
    if not any(hook == _EditableNamespaceFinder._path_hook for hook in sys.path_hooks):
        sys.path_hooks.append(_EditableNamespaceFinder._path_hook)
    if PATH_PLACEHOLDER not in sys.path:
        sys.path.append(PATH_PLACEHOLDER)
"""
REDIRECTOR = """
import importlib.abc, importlib.util, sys
class RedirectingFinder(importlib.abc.MetaPathFinder):
    _redirections = {}
    @classmethod
    def map_module(cls, name, path):
        cls._redirections[name] = path
    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        if "." in fullname or path is not None or fullname not in cls._redirections:
            return None
        return importlib.util.spec_from_file_location(fullname, cls._redirections[fullname])
    @classmethod
    def install(cls):
        if cls not in sys.meta_path:
            sys.meta_path.append(cls)
    @classmethod
    def invalidate_caches(cls):
        pass
"""
SCIKIT = """
import importlib.util, os, sys
DIR = os.path.abspath(os.path.dirname(__file__))
class ScikitBuildRedirectingFinder:
    def __init__(self, known_source_files, known_wheel_files, known_directories, path):
        self.known_source_files = known_source_files
        self.known_wheel_files = known_wheel_files
        self.path, self.dir = path, DIR
        self.submodule_search_locations = {name: sorted(paths) for name, paths in known_directories.items()}
    def find_spec(self, fullname, path=None, target=None):
        where = self.submodule_search_locations.get(fullname)
        if fullname in self.known_wheel_files:
            origin = os.path.join(self.dir, self.known_wheel_files[fullname])
        elif fullname in self.known_source_files:
            origin = self.known_source_files[fullname]
        else:
            return None
        return importlib.util.spec_from_file_location(fullname, origin, submodule_search_locations=where)
sys.meta_path.insert(0, ScikitBuildRedirectingFinder(@KNOWN@, {'pkg.fast': 'pkg/fast.py'}, {'pkg': [@PKG@]}, None))
"""
MESON = """
import os, sys
from importlib.machinery import ModuleSpec, SourceFileLoader
class MesonpyMetaFinder:
    def __init__(self, package, names, path, cmd):
        self._name, self._top_level_modules, self._build_path, self._build_cmd = package, names, path, cmd
    def find_spec(self, fullname, path=None, target=None):
        if fullname.split('.', 1)[0] not in self._top_level_modules:
            return None
        open(os.path.join(self._build_path, 'rebuilt'), 'a').write('x')
        origin = os.path.join(os.path.dirname(self._build_path), 'src', *fullname.split('.'))
        package = os.path.isdir(origin)
        origin += '/__init__.py' if package else '.py'
        if not os.path.exists(origin):
            return None
        spec = ModuleSpec(fullname, SourceFileLoader(fullname, origin), origin=origin)
        spec.has_location = True
        if package:
            spec.submodule_search_locations = [os.path.join(__file__, fullname)]
        return spec
sys.meta_path.insert(0, MesonpyMetaFinder('proj', {'pkg', 'newmod'}, @BUILD@, ['ninja']))
"""


class Project:
    """A repository with a package whose VERSION is old in its commit and new in the working copy, and a venv."""

    def __init__(self, tmp_path: Path, cache: Path) -> None:
        self.top, self.cache, self.work = tmp_path / "proj", cache, tmp_path / "work"
        self.top.mkdir()
        self.work.mkdir()
        self.git("init", "-q", "-b", "main")
        venv.create(tmp_path / "venv", symlinks=os.name != "nt")
        self.python = next((tmp_path / "venv").glob("bin/python"))
        self.site = next((tmp_path / "venv").glob("lib/python*/site-packages"))
        (self.site / "pytest_wfperf").symlink_to(Path(pytest_wfperf.__file__).parent)
        (self.site / "zz_peers.pth").write_text(str(Path(pytest.__file__).parents[1]) + "\n")
        (self.site / "wfperf_probe.py").write_text(PROBE)
        hook = self.top / ".git/hooks/post-checkout"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\nexit 1\n")
        hook.chmod(0o755)

    def git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.top), "-c", "user.name=n", "-c", "user.email=e@x", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def write(self, name: str, text: str = "") -> Path:
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def release(self, base: str, tests: str = "tests/test_it.py", ini: str = "[pytest]\ntestpaths = tests\n") -> str:
        """Commit the old version, then change the working copy; ``base`` is the folder of the package."""
        self.write(f"{base}pkg/__init__.py", "VERSION = 'old'\n")
        self.write(f"{base}pkg/core.py", "same = 1\n")
        self.write(tests, TEST)
        self.write(".gitignore", "__pycache__/\nbuild/\n*.egg-info/\n.venv/\n.wfperf/\n.pytest_cache/\n")
        if ini:
            self.write("pytest.ini", ini)
        self.git("add", "-A")
        self.git("commit", "-qm", "old")
        self.write(f"{base}pkg/__init__.py", "VERSION = 'new'\n")
        self.write(f"{base}newmod.py")
        return self.git("rev-parse", "HEAD").strip()

    def environment(self, **more: str) -> dict[str, str]:
        mine = ("PYTHON", "PYTEST", "COV_", "VIRTUAL_ENV")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(mine)}
        return kept | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | more

    def invocation(
        self, *arguments: str, cwd: str = ".", paths: tuple[str, ...] = ("tests",), **environ: str
    ) -> Invocation:
        where, environment = self.top / cwd, self.environment(**environ)
        asked = subprocess.run([self.python, "-c", "import sys, json; print(json.dumps(sys.path))"],
                               check=True, cwd=where, env=environment, capture_output=True, text=True)  # fmt: skip
        return Invocation(
            rootdir=self.top, cwd=where, inifile=next(iter(self.top.glob("pytest.ini")), None), arguments=arguments,
            paths=tuple(self.top / path for path in paths), python_files=("test_*.py", "*_test.py"),
            sys_path=tuple(json.loads(asked.stdout)), environ=environment,
        )  # fmt: skip

    def both(self, commit: str, call: Invocation, build: str = "") -> tuple[Arm, Arm]:
        number = len(list(self.work.iterdir()))
        return arms(call, commit, self.cache, self.work / str(number), build)

    def run(self, arm: Arm, call: Invocation) -> dict:
        out = self.work / f"{arm.name.split()[0]}.json"
        out.unlink(missing_ok=True)
        order = {"strip": arm.strip, "keep": [str(arm.root), *arm.import_paths], "root": str(arm.root), "out": str(out)}
        environment = {**call.environ, **arm.environment, "PROBE": json.dumps(order)}
        done = subprocess.run(
            [self.python, "-P", "-m", "pytest", "-p", "wfperf_probe", "-p", "no:cacheprovider", *arm.arguments],
            check=False, cwd=arm.cwd, env=environment, capture_output=True, text=True,
        )  # fmt: skip
        assert out.exists(), done.stdout + done.stderr
        return json.loads(out.read_text()) | {"log": done.stdout + done.stderr}

    def checked(self, commit: str, call: Invocation) -> tuple[dict, dict]:
        """Run both arms; each has to run its own code, and the repository has to be as it was."""
        before = self.git("status", "--porcelain", "--ignored"), self.git("worktree", "list"), self.index()
        sides = self.both(commit, call)
        with ThreadPoolExecutor(2) as pool:
            told = list(pool.map(lambda arm: self.run(arm, call), sides))
        for arm, said, version in zip(sides, told, ("new", "old"), strict=True):
            assert said["exit"] == 0, said["log"]
            assert said["version"] == version
            assert Path(os.path.realpath(said["file"])).is_relative_to(arm.root)
            assert said["audit"]["foreign"] == []
            assert said["collected"] > 0
        assert told[0]["ids"] == told[1]["ids"]
        assert told[0]["fresh"], "the working copy's new module is there"
        assert not told[1]["fresh"], "and leaks into no other revision"
        said = verify(sides, (told[0]["audit"], told[1]["audit"]), revision.differing(self.top, commit))
        assert said[0].startswith(("1 of 2", "2 of 3"))
        assert (self.git("status", "--porcelain", "--ignored"), self.git("worktree", "list"), self.index()) == before
        return told[0], told[1]

    def index(self) -> bytes:
        return (self.top / ".git/index").read_bytes()


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def project(tmp_path, cache):
    return Project(tmp_path, cache)


def pth(name, text):
    return lambda project: (project.site / name).write_text(text.replace("@TOP@", str(project.top)))


def finder(base, namespaces="{}"):
    def install(project):
        code = FINDER.replace(
            "@MAPPING@", repr({"pkg": f"{project.top}/{base}pkg", "newmod": f"{project.top}/{base}newmod"})
        )
        (project.site / "__editable___proj_0_1_finder.py").write_text(code.replace("@NAMESPACES@", namespaces))
        line = "import __editable___proj_0_1_finder; __editable___proj_0_1_finder.install()"
        (project.site / "__editable__.proj-0.1.pth").write_text(line)

    return install


def strict(project):
    """The folder of links that ``--config-settings editable_mode=strict`` makes."""
    links = project.top / "build/__editable__.proj-0.1-py3-none-any"
    for name in ("pkg/__init__.py", "pkg/core.py", "newmod.py"):
        (links / name).parent.mkdir(parents=True, exist_ok=True)
        (links / name).symlink_to(project.top / "src" / name)
    (project.site / "__editable__.proj-0.1.pth").write_text(f"{links}\n")


def redirected(project):
    (project.site / "_editable_redirector.py").write_text(REDIRECTOR)
    maps = f"import _editable_redirector as e; e.RedirectingFinder.install(); e.RedirectingFinder.map_module('pkg', '{project.top}/src/pkg/__init__.py')"
    (project.site / "_editable_impl_proj.pth").write_text(maps)


def scikit(base):
    def install(project):
        names = {"pkg": "pkg/__init__.py", "pkg.core": "pkg/core.py", "newmod": "newmod.py"}
        known = {name: f"{project.top}/{base}{file}" for name, file in names.items()}
        code = SCIKIT.replace("@KNOWN@", repr(known)).replace("@PKG@", repr(f"{project.top}/{base}pkg"))
        (project.site / "_proj_editable.py").write_text(code)
        (project.site / "_proj_editable.pth").write_text("import _proj_editable\n")

    return install


def meson(project):
    project.write("build/rebuilt")
    (project.site / "_proj_editable_loader.py").write_text(MESON.replace("@BUILD@", repr(f"{project.top}/build")))
    (project.site / "proj-editable.pth").write_text("import _proj_editable_loader\n")


def plain(base):
    def install(project):
        for name in ("pkg/__init__.py", "pkg/core.py"):
            target = project.site / name
            target.parent.mkdir(exist_ok=True)
            target.write_text("VERSION = 'installed'\n")

    return install


SRC_INI = "[pytest]\ntestpaths = tests\npythonpath = src\n"
PLAIN_INI = "[pytest]\ntestpaths = tests\n"
LAYOUTS = {
    "src, pythonpath ini": ("src/", SRC_INI, None),
    "src, setuptools .pth": ("src/", PLAIN_INI, pth("__editable__.proj-0.1.pth", "@TOP@/src\n")),
    "src, setuptools finder": ("src/", PLAIN_INI, finder("src/")),
    "flat, setuptools finder": ("", PLAIN_INI, finder("")),
    "lib, setuptools finder": ("lib/", PLAIN_INI, finder("lib/")),
    "src, setuptools strict": ("src/", PLAIN_INI, strict),
    "src, hatchling": ("src/", PLAIN_INI, pth("_editable_impl_proj.pth", "@TOP@/src")),
    "flat, hatchling": ("", PLAIN_INI, pth("_editable_impl_proj.pth", "@TOP@")),
    "src, redirected": ("src/", PLAIN_INI, redirected),
    "src, scikit-build": ("src/", PLAIN_INI, scikit("src/")),
    "python, scikit-build": ("python/", PLAIN_INI, scikit("python/")),
    "src, meson-python": ("src/", PLAIN_INI, meson),
    "src, plain install": ("src/", PLAIN_INI, plain("src/")),
    "flat, plain install": ("", PLAIN_INI, plain("")),
    "flat, not installed": ("", PLAIN_INI, None),
    "one of several projects": ("packages/a/src/", PLAIN_INI, pth("a.pth", "@TOP@/packages/a/src\n")),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_side_runs_its_own_code(project, layout):
    base, ini, install = LAYOUTS[layout]
    commit = project.release(base, ini=ini)
    if install:
        install(project)
    project.checked(commit, project.invocation())


def test_what_was_compiled_from_the_working_tree_is_not_the_revisions(project):
    """scikit-build-core installs compiled modules apart; the revision has to be built, not to borrow them."""
    commit = project.release("src/")
    scikit("src/")(project)
    (project.site / "pkg").mkdir()
    project.write("tests/test_it.py", "import pkg.fast\ndef test_it(): pass\n")
    (project.site / "pkg/fast.py").write_text("")
    here, there = (project.run(arm, call) for call in [project.invocation()] for arm in project.both(commit, call))
    assert here["exit"] == 0
    assert "No module named 'pkg.fast'" in there["log"]


def test_a_namespace_package_of_an_editable_install(project):
    project.write("code/ns/part/__init__.py", "VERSION = 'old'\n")
    commit = project.release("")
    project.write("code/ns/part/__init__.py", "VERSION = 'new'\n")
    finder("", repr({"ns": [f"{project.top}/code/ns"]}))(project)
    project.write("tests/test_ns.py", "import ns.part\ndef test_ns():\n    open('seen', 'w').write(ns.part.VERSION)\n")
    sides = project.both(commit, call := project.invocation())
    for arm, version in zip(sides, ("new", "old"), strict=True):
        assert project.run(arm, call)["exit"] == 0
        assert (arm.cwd / "seen").read_text() == version


def test_a_flat_project_with_tests_beside_the_code_and_a_conftest_at_the_root(project):
    project.write("conftest.py", "import pkg\n")
    commit = project.release("", tests="pkg/test_it.py", ini="")
    project.write("conftest.py", "import pkg, pytest\n@pytest.fixture\ndef given(): return 1\n")
    project.write("pkg/test_more.py", "def test_more(given): pass\n")
    _, against = project.checked(commit, project.invocation(paths=(".",)))
    assert against["ids"] == ["pkg/test_it.py::test_it", "pkg/test_more.py::test_more"]


def test_a_top_that_is_itself_the_package(project):
    for name in ("__init__.py", "tests/__init__.py"):
        project.write(name, "VERSION = 'old'\n")
    commit = project.release("")
    project.write("__init__.py", "VERSION = 'new'\n")
    project.write(
        "tests/test_it.py", "import proj, pkg, pkg.core\ndef test_it(): open('seen', 'w').write(proj.VERSION)\n"
    )
    call = project.invocation(PYTHONPATH=str(project.top.parent))
    for arm, version in zip(project.both(commit, call), ("new", "old"), strict=True):
        assert project.run(arm, call)["audit"]["foreign"] == []
        assert (arm.cwd / "seen").read_text() == version


@pytest.mark.parametrize(
    ("arguments", "cwd", "environ"),
    [
        (["{top}/tests/test_it.py::test_it"], ".", {}),
        (["tests/test_it.py"], ".", {}),
        (["-c", "{top}/pytest.ini", "--rootdir={top}", "--confcutdir={top}", "{top}/tests"], "tests", {}),
        (["--rootdir=$TOP", "-c{top}/pytest.ini"], ".", {"TOP": "{top}"}),
        (["../tests", "-o", "pythonpath={top}"], "docs", {}),
        (["test_it.py"], "tests", {"PYTHONPATH": ".."}),
        (["proj/tests"], "..", {"PYTHONPATH": "{top}"}),
        ([], ".", {"PYTEST_ADDOPTS": "--rootdir={top} '{top}/tests'", "PWD": "{top}", "PYTHONDONTWRITEBYTECODE": "1"}),
        (["@args.txt"], ".", {}),
        (["-k", "test_it", "-m", "not nothing"], ".", {}),
    ],
)
def test_however_pytest_was_called_nothing_leads_back(project, arguments, cwd, environ, monkeypatch):
    project.write("args.txt", f"{project.top}/tests/test_it.py\n--rootdir={project.top}\n")
    commit = project.release("")
    (project.top / "docs").mkdir()  # new: the revision does not have it
    filled = {name: value.format(top=project.top) for name, value in environ.items()}
    for name, value in filled.items():
        monkeypatch.setenv(name, value)
    call = project.invocation(*(word.format(top=project.top) for word in arguments), cwd=cwd, **filled)
    call = replace(call, cwd=Path(os.path.normpath(call.cwd)))
    project.checked(commit, call)


def test_a_project_reached_through_a_link(project):
    commit = project.release("src/", ini=SRC_INI)
    link = project.top.with_name("link")
    link.symlink_to(project.top)
    call = project.invocation(f"{link}/tests/test_it.py")
    project.checked(commit, replace(call, rootdir=link, inifile=link / "pytest.ini"))


def test_a_virtual_environment_and_the_cache_inside_the_repository(project):
    """What is installed there is no revision's code, and the copy there is not the working tree's."""
    commit = project.release("src/", ini=SRC_INI)
    inner = project.top / ".venv/lib/site-packages"
    (inner / "dep-1.dist-info").mkdir(parents=True)
    (inner / "dep.py").write_text("")
    project.write("tests/test_dep.py", "import dep\ndef test_dep(): pass\n")
    project.cache = project.top / ".wfperf/cache"
    project.work = project.top / ".wfperf/place"
    project.write(".wfperf/place/.keep")
    call = project.invocation(PYTHONPATH=str(inner))
    project.checked(commit, call)


def test_the_current_settings_hold_on_both_sides(project):
    commit = project.release("")
    (project.top / "pytest.ini").unlink()
    project.write("tox.ini", "[pytest]\ntestpaths = tests\npython_functions = test_* check_*\n")
    project.write("tests/test_it.py", TEST + "def check_it(): pass\n")
    call = replace(project.invocation(), inifile=project.top / "tox.ini")
    for arm, said in zip(sides := project.both(commit, call), [project.run(arm, call) for arm in sides], strict=True):
        assert said["ini"] == str(arm.root / "tox.ini")
        assert said["ids"] == ["tests/test_it.py::test_it", "tests/test_it.py::check_it"]


def test_no_stale_bytecode_is_run(project):
    """A same-size edit with the same time is invisible to the interpreter's own check."""
    commit = project.release("")
    call = project.invocation()
    project.run(project.both(commit, call)[0], call)
    subprocess.run([project.python, "-c", "import pkg"], cwd=project.top, check=True)
    source = project.top / "pkg/__init__.py"
    before = source.stat()
    source.write_text("VERSION = 'NEW'\n")
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert project.run(project.both(commit, call)[0], call)["version"] == "NEW"


def test_installed_packages_are_compiled_once_for_all_runs(project):
    commit = project.release("")
    call = project.invocation()
    for arm in project.both(commit, call):
        project.run(arm, call)
        prefix = Path(arm.environment["PYTHONPYCACHEPREFIX"])
        own = [file for file in prefix.rglob("*.pyc") if "_pytest" in file.parts]
        assert not own, "links into the cache"
        assert [file for file in prefix.rglob("*.pyc") if file.name.startswith("core.")]
    assert [file for file in (project.cache / "bytecode").rglob("*.pyc") if "_pytest" in file.parts]


def test_code_of_the_other_tree_is_an_error_that_names_it(project):
    commit = project.release("")
    project.write("tests/conftest.py", f"import sys\nsys.path.insert(0, {str(project.top)!r})\n")
    sides = project.both(commit, call := project.invocation())
    audits = tuple(project.run(arm, call)["audit"] for arm in sides)
    with pytest.raises(MeasurementError) as caught:
        verify(sides, audits, revision.differing(project.top, commit))
    assert f"the side of the revision {commit[:12]} (--wfperf-against) loaded the other side's code" in str(
        caught.value
    )
    assert f"pkg ({project.top}/pkg/__init__.py)" in str(caught.value)
    assert "conftest.py" in str(caught.value)


def test_a_package_imported_from_elsewhere_is_an_error_that_says_from_where(project):
    commit = project.release("src/", ini=PLAIN_INI)
    plain("src/")(project)
    project.write("tests/conftest.py", f"import sys\nsys.path.insert(0, {str(project.site)!r})\n")
    sides = project.both(commit, call := project.invocation())
    audits = tuple(project.run(arm, call)["audit"] for arm in sides)
    with pytest.raises(
        MeasurementError, match=r"did not run its own src/pkg: it was imported from .*site-packages/pkg"
    ):
        verify(sides, audits, revision.differing(project.top, commit))


# --- what the audits say --------------------------------------------------------------


def sides(overlaid=()):
    here = Arm(name="working tree", root=Path("/t"), cwd=Path("/t"), arguments=(), environment={}, import_paths=(),
               strip=(), overlaid=frozenset(overlaid))  # fmt: skip
    return here, replace(here, name="revision abc")


def said(modules, *, foreign=(), elsewhere=(), spawned=False):
    return {"modules": dict(modules), "foreign": list(foreign), "elsewhere": dict(elsewhere), "spawned": spawned}


SAME = {"pkg/__init__.py": "1", "pkg/a.py": "2", "tests/t.py": "9"}


def test_how_many_modules_differ_is_said():
    there = {**SAME, "pkg/a.py": "3", "pkg/b.py": "4"}
    assert verify(sides(["tests/t.py"]), (said(SAME), said(there)), {"pkg/a.py", "pkg/b.py"}) == (
        "2 of 3 loaded modules differ",
    )


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (
            {"pkg/z.py", "README.md"},
            "none of the 2 files that differ between revision abc .* was loaded: README.md, pkg/z.py",
        ),
        ({"tests/t.py"}, "no file outside the tests differs between"),
        (set(), "no file outside the tests differs between"),
        ({"pkg/README.md"}, "none of the 1 files that differ"),
    ],
)
def test_the_same_code_on_both_sides_is_an_error_unless_asked_for(changed, says):
    audits = said(SAME), said({**SAME, "tests/t.py": "8"})
    with pytest.raises(MeasurementError, match=f"both sides ran the same code: {says}.*pass --wfperf-aa"):
        verify(sides(["tests/t.py"]), audits, changed)
    assert verify(sides(["tests/t.py"]), audits, changed, aa=True) == ("0 of 2 loaded modules differ",)


def test_an_unchanged_module_that_one_side_happened_to_load_is_no_difference():
    with pytest.raises(MeasurementError, match="both sides ran the same code"):
        verify(sides(), (said(SAME), said({**SAME, "pkg/lazy.py": "5"})), {"docs/x.py"})


def test_changed_data_of_a_loaded_package_is_a_difference():
    (sentence,) = verify(sides(), (said(SAME), said(SAME)), {"pkg/sql/q.sql"})
    assert sentence == "none of 3 loaded modules differs, but files in their packages do: pkg/sql/q.sql"


def test_processes_that_workflows_start_may_have_loaded_what_differs():
    (sentence,) = verify(sides(), (said(SAME), said(SAME, spawned=True)), {"pkg/z.py"})
    assert "what processes they started loaded was not seen" in sentence


def test_a_stranger_of_the_same_name_matters_only_where_something_changed():
    elsewhere = {"docs": "/site/docs/__init__.py"}
    there = said({**SAME, "pkg/a.py": "3"}, elsewhere=elsewhere)
    assert verify(sides(), (said(SAME, elsewhere=elsewhere), there), {"pkg/a.py"})
    with pytest.raises(MeasurementError, match="did not run its own docs"):
        verify(sides(), (said(SAME, elsewhere=elsewhere), there), {"pkg/a.py", "docs/b.py"})


def test_a_process_knows_that_it_waited_for_others(tmp_path):
    assert imports._waited_for() >= imports._WAITED_FOR
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    assert audit(tmp_path, tmp_path / "other", ())["spawned"]
