"""What the tree of another revision is given of the working copy: its tests, and files that are made, not kept in git.

Names of files are relative to the top of the working tree, with ``/``.
"""

from __future__ import annotations

import fnmatch
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterable, Mapping
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path, PurePosixPath

from ..errors import MeasurementError
from .revision import listed

_CACHES = {"__pycache__", ".git", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache", "node_modules"}
_PYTEST_INI = {"pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml"}
_ANY_INI = _PYTEST_INI | {"pyproject.toml", "tox.ini", "setup.cfg"}
_TEST_FOLDER = re.compile(r"(.+[_-])?tests?([_-].+|data)?|__snapshots__|cassettes", re.IGNORECASE)
_ASKED_FOLDER = re.compile(r"bench(marks?)?|perf(ormance)?|workflows?|e2e|integration|acceptance|functional|specs?")


def overlay(
    top: Path,
    tree: Path,
    commit: str,
    *,
    asked: Collection[str],
    patterns: Collection[str],
    inis: Collection[str],
    apart: Collection[str] = (),
) -> frozenset[str]:
    """Give ``tree`` the working copy's tests, and return the files this put there or took away.

    Tests are: every conftest.py; the modules that match ``patterns`` (pytest's python_files) below
    a path of ``asked`` (what pytest was told to collect, "" for all); ``inis``; and everything,
    git-ignored data too, in a folder of tests. That is one named like tests, test_data or
    integration_tests which holds a test module or no Python at all, or a folder of ``asked``
    with test modules in it and no package code beside them. What lies below a path of ``apart`` is none.
    """
    here = listed(top, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    there = listed(top, "ls-tree", "-r", "--name-only", "-z", "--full-tree", commit)
    names = here | there
    modules = {name for name in names if name.endswith(".py") and _is_module(name, patterns)} | {*names} & {*asked}
    folders = _test_folders(names, modules, asked)
    asked_for = {name for name in modules if _below(name, asked)}
    single = {name for name in names if _base(name) in {"conftest.py", *_PYTEST_INI}} | asked_for | set(inis)
    tests = {name for name in names if name in single or _below(name, folders)}
    if folders:
        tests |= listed(top, "ls-files", "--others", "-z", "--", *folders)
    tests = {name for name in tests if not (_is_cache(name) or _below(name, apart))}
    for name in tests:
        _put(top / name, tree / name, tree)
    return frozenset(tests)


def _test_folders(names: Collection[str], modules: set[str], asked: Collection[str]) -> set[str]:
    folders = set()
    python = {name for name in names if name.endswith(".py")}
    with_tests = {parent for name in modules for parent in _parents(name)}
    with_tests |= {parent for name in python if _base(name) == "conftest.py" for parent in _parents(name)}
    with_python = {parent for name in python for parent in _parents(name)}
    for folder in {parent for name in names for parent in _parents(name)}:
        if _TEST_FOLDER.fullmatch(_base(folder)) and (folder in with_tests or folder not in with_python):
            folders.add(folder)
    for folder in with_tests & set(asked):
        inside = {name for name in python if _below(name, [folder]) and not _below(name, folders)}
        if _ASKED_FOLDER.fullmatch(_base(folder)) or (inside & modules and not _bears_code(inside)):
            folders.add(folder)
    return folders


def _bears_code(python: Collection[str]) -> bool:
    """Whether these modules look like code under test: a package, or ``x.py`` beside ``test_x.py``."""
    for name in python:
        path = PurePosixPath(name)
        beside = {str(path.with_name(f"test_{path.name}")), str(path.with_name(f"{path.stem}_test.py"))}
        if path.name == "__init__.py" or beside & set(python):
            return True
    return False


def any_ini(folders: Iterable[str]) -> set[str]:
    """Every file of ``folders`` in which pytest would look for its settings."""
    return {f"{folder}/{name}" if folder else name for folder in folders for name in _ANY_INI}


# --- what is made, not kept -----------------------------------------------------------


def generate(top: Path, tree: Path, build: str, environment: Mapping[str, str], log: Path) -> tuple[str, ...]:
    """Give ``tree`` the files that are made, not kept in git, and return the names of those copied.

    What git ignores in an import package of the working copy (``_version.py``, data) and the tree
    lacks is copied, compiled modules apart: they have to be built from the tree's own sources by the
    command ``build``, run in the tree with its output in ``log``. Raises MeasurementError where it
    fails, leaves none of them, or was not given.
    """
    copied, compiled = [], []
    for name in sorted(_made(top)):
        if name.endswith(tuple(EXTENSION_SUFFIXES)):
            compiled.append(name)
        elif not (tree / name).exists():
            _put(top / name, tree / name, tree)
            copied.append(name)
    if build.strip():
        _run_build(build, tree, environment, log)
    lacking = [name for name in compiled if not (tree / name).exists()]
    if lacking and (not build.strip() or lacking == compiled):
        raise MeasurementError(
            f"{lacking[0]}{f' and {len(lacking) - 1} more' if len(lacking) > 1 else ''}: the working tree has this "
            "compiled module, the revision named by --wfperf-against has it not"
            + (f" even after --wfperf-build={build!r} (output: {log}); the command has to build in place"
               if build.strip() else "; name the command that builds it in place with --wfperf-build=CMD "
               "(ini: wfperf_build), as in --wfperf-build='python setup.py build_ext --inplace'")
        )  # fmt: skip
    return tuple(copied)


def _made(top: Path) -> set[str]:
    """What is in an import package, or compiled in the folder of one, and not kept in git."""
    tracked = listed(top, "ls-files", "--cached", "-z")
    packages = {_parent(name) for name in tracked if _base(name) == "__init__.py"}
    roots = {_parent(package) for package in packages if _parent(package) not in packages} | {"", "src"}
    found = set()
    for name in listed(top, "ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z"):
        folder = _parent(name.rstrip("/"))
        at_root = name.endswith((*EXTENSION_SUFFIXES, ".egg-info/")) or (name.endswith(".py") and folder)
        if not _is_cache(name) and (folder in packages or (folder in roots and at_root)):
            found |= _expanded(top, name)
    untracked = listed(top, "ls-files", "--others", "--exclude-standard", "-z")
    return found | {name for name in untracked if name.endswith(tuple(EXTENSION_SUFFIXES))}


def _expanded(top: Path, name: str) -> set[str]:
    if not name.endswith("/"):
        return {name}
    files = {file.relative_to(top).as_posix() for file in (top / name).rglob("*") if not file.is_dir()}
    return {file for file in files if not _is_cache(file)}


def _run_build(build: str, tree: Path, environment: Mapping[str, str], log: Path) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    own = {"SETUPTOOLS_SCM_PRETEND_VERSION": "0", **os.environ, **environment, "PATH": path}
    try:
        with log.open("wb") as output:
            code = subprocess.run(  # noqa: S603
                shlex.split(build), cwd=tree, env=own, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, check=False,
            ).returncode  # fmt: skip
    except (OSError, ValueError) as error:
        raise MeasurementError(f"--wfperf-build={build!r} cannot be started: {error}") from error
    if code:
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])
        raise MeasurementError(
            f"--wfperf-build={build!r} failed with exit code {code} in the revision's tree; mend the command, "
            f"which runs there without a shell. The end of its output ({log}):\n{tail}"
        )


# --- names and files ------------------------------------------------------------------


def _put(source: Path, target: Path, tree: Path) -> None:
    """Make ``target`` what ``source`` is, absent too, and never write through a link out of ``tree``."""
    for parent in reversed(target.relative_to(tree).parents):
        if (tree / parent).is_symlink() or (tree / parent).is_file():
            (tree / parent).unlink()
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    target.unlink(missing_ok=True)
    if source.is_symlink() or source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir() and not source.is_symlink():  # a repository inside this one
            shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns(*_CACHES))
        else:
            shutil.copy2(source, target, follow_symlinks=False)


def _is_module(name: str, patterns: Collection[str]) -> bool:
    """As pytest matches python_files: a pattern with a slash is held against the path, others against the name."""
    return any(fnmatch.fnmatch("/" + name, f"*/{p}") if "/" in p else fnmatch.fnmatch(_base(name), p) for p in patterns)


def _below(name: str, folders: Collection[str]) -> bool:
    return "" in folders or name in folders or any(parent in folders for parent in _parents(name))


def _parents(name: str) -> list[str]:
    return [str(parent) for parent in PurePosixPath(name).parents][:-1]


def _parent(name: str) -> str:
    return name.rpartition("/")[0]


def _base(name: str) -> str:
    return name.rpartition("/")[2]


def _is_cache(name: str) -> bool:
    return bool(_CACHES & set(name.split("/"))) or name.endswith((".pyc", ".egg-link"))
