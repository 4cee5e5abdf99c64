"""The two sides of a run against another revision: where each one's code comes from, and the proof that it did.

The process that measures makes both with :func:`arms`; what each launched process sees to itself stands in
``imports.py``, and the audits that come back are held against each other with :func:`verify`.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from ..errors import MeasurementError
from . import revision
from .imports import Audit, key, owner, sites
from .overlay import any_ini, generate, overlay


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """How pytest was called: what a child has to be given again.

    ``inifile`` is the one pytest read; ``paths`` are those it was told to collect (the arguments'
    without ``::…``, else testpaths, else the directory it was called in), ``python_files`` the ini
    value, ``sys_path`` its ``sys.path``, ``environ`` its environment.
    """

    rootdir: Path
    cwd: Path
    inifile: Path | None
    arguments: tuple[str, ...]
    paths: tuple[Path, ...]
    python_files: tuple[str, ...]
    sys_path: tuple[str, ...]
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One side.

    ``root`` is the tree all its code has to come from: the top of the working tree, or the copy.
    ``environment`` is only what differs from the parent's, an empty string where a variable has
    to be switched off. ``strip`` are the roots of the other side. ``overlaid`` are the files, relative to
    the root, that are the working copy's on both sides; ``notes`` sentences for the report.
    """

    name: str
    root: Path
    cwd: Path
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    import_paths: tuple[str, ...]
    strip: tuple[str, ...]
    overlaid: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


def arms(
    invocation: Invocation, commit: str, cache: Path, workdir: Path, build: str = "", *, apart: Path | None = None
) -> tuple[Arm, Arm]:
    """The working tree's side, which runs in place, and that of ``commit``, which runs in a copy in ``workdir``.

    ``workdir`` is this run's own and may be deleted after it; ``cache`` is kept between runs.
    ``build`` is the command that makes compiled modules; the folder ``apart``, the store, is not copied among the
    tests. Raises MeasurementError.
    """
    place = _Place(revision.toplevel(invocation.rootdir), invocation)
    # an own name for the folder, and the top's for the tree: a top that is itself a package keeps its name
    tree = Path(os.path.realpath(workdir)) / "revision" / place.top.name
    pristine = revision.materialise(place.top, commit, cache)
    try:
        shutil.copytree(pristine, tree, symlinks=True)
        tests = _overlay(place, tree, commit, apart)
        variables = _environment(place, tree, _bytecode(place, workdir / "pyc-revision", cache, tree))
        copied = generate(place.top, tree, build, variables, workdir / "build.log")
        variables = _environment(place, tree, Path(variables["PYTHONPYCACHEPREFIX"]))  # a build makes folders
        working = _environment(place, place.top, _bytecode(place, workdir / "pyc-worktree", cache, place.top))
    except (OSError, shutil.Error) as error:
        raise MeasurementError(
            f"cannot prepare the code of --wfperf-against in {workdir}: {error}; free some space there, or set TMPDIR"
        ) from error
    notes = (f"not in git, so the working copy's on both sides: {', '.join(copied)}",) if copied else ()
    here = _arm(place, "working tree", place.top, working, (str(tree),))
    there = _arm(place, f"revision {commit[:12]}", tree, variables, place.aliases)
    return replace(here, overlaid=tests, notes=notes), replace(there, overlaid=tests, notes=notes)


class _Place:
    """The working tree, under every name the invocation calls it by, and the way from it into another root."""

    def __init__(self, top: Path, invocation: Invocation) -> None:
        self.top, self.call = top, invocation
        found = {str(top): None}
        for path in (invocation.rootdir, invocation.cwd):
            inside = os.path.relpath(os.path.realpath(path), top)
            name = str(path) if inside == "." else str(path).removesuffix(os.sep + inside)
            if os.path.realpath(name) == str(top):
                found[name] = None
        self.aliases = tuple(sorted(found, key=len, reverse=True))
        names = "|".join(map(re.escape, self.aliases))
        self._text = re.compile(rf"""(?:^|(?<=[=:,\s'"])|(?<=^-[A-Za-z]))(?:{names})(?=$|[/\\:;,\s'"])""")

    def inside(self, path: str | Path) -> str | None:
        """``path`` relative to the top ("." for itself); None for what lies outside or is installed there."""
        absolute = os.path.normpath(self.call.cwd / path)
        if owner(absolute, {key(self.top), *sites(self.call.sys_path)}) not in (None, key(self.top)):
            return None
        for name in self.aliases:
            if absolute == name or absolute.startswith(name + os.sep):
                return os.path.relpath(absolute, name)
        real = os.path.realpath(absolute)
        return os.path.relpath(real, self.top) if owner(real, {key(self.top)}) else None

    def moved(self, path: str | Path, root: Path) -> Path:
        inside = self.inside(path)
        return Path(os.path.normpath(self.call.cwd / path if inside is None or root == self.top else root / inside))

    def text(self, word: str, root: Path) -> str:
        """``word`` with every path into the top led into ``root``."""
        return word if root == self.top else self._text.sub(lambda _: str(root), word)

    def argument(self, word: str, root: Path) -> str:
        """One of pytest's arguments for a child whose code is in ``root``."""
        if word.startswith("--rootdir="):
            word = os.path.expandvars(word)
        path, colons, name = word.partition("::")
        if path and not path.startswith("-") and not Path(path).is_absolute() and (self.call.cwd / path).exists():
            # relative stays relative, unless it crosses the border of the tree
            if (self.inside(path) is None) != (self.inside(self.call.cwd) is None):
                return str(self.moved(path, root)) + colons + name
            return word
        return self.text(word, root)


def _overlay(place: _Place, tree: Path, commit: str, apart: Path | None) -> frozenset[str]:
    call = place.call
    store = None if apart is None else place.inside(apart)
    asked = {place.inside(path) for path in call.paths} - {None}
    rootdir = place.inside(call.rootdir) or "."
    if call.inifile is None:  # then no file of the revision's may serve as one
        inis = any_ini("" if str(p) == "." else str(p) for p in _upward(rootdir))
    else:
        inis = {PurePosixPath(place.inside(call.inifile) or "").as_posix()} - {"."}
    return overlay(
        place.top, tree, commit, patterns=call.python_files, inis=inis,
        asked={"" if name == "." else Path(str(name)).as_posix() for name in asked},
        apart=() if store in (None, ".") else (Path(str(store)).as_posix(),),
    )  # fmt: skip


def _upward(name: str) -> Iterator[PurePosixPath]:
    path = PurePosixPath(Path(name).as_posix())
    yield path
    yield from path.parents


def _arm(place: _Place, name: str, root: Path, environment: Mapping[str, str], strip: Sequence[str]) -> Arm:
    call = place.call
    cwd = call.cwd if root == place.top else place.moved(call.cwd, root)
    cwd.mkdir(parents=True, exist_ok=True)  # it may be new in the working copy
    pinned = [f"--rootdir={place.moved(call.rootdir, root)}"]
    if call.inifile is not None:
        pinned[:0] = ["-c", str(place.moved(call.inifile, root))]
    return Arm(
        name=name, root=root, cwd=cwd, environment=environment, strip=tuple(strip),
        arguments=(*pinned, *(place.argument(word, root) for word in _expanded(call.arguments, call.cwd))),
        import_paths=tuple(_import_paths(place, root)),
    )  # fmt: skip


def _expanded(arguments: Sequence[str], cwd: Path) -> Iterator[str]:
    """The arguments, those in an ``@file`` in its place: paths in there have to be seen too."""
    for word in arguments:
        if word.startswith("@") and (cwd / word[1:]).is_file():
            yield from _expanded((cwd / word[1:]).read_text(encoding="utf-8").splitlines(), cwd)
        else:
            yield word


def _import_paths(place: _Place, root: Path) -> list[str]:
    """The folders of ``root`` to import from.

    First src and the folder itself, of the rootdir and of the top; then whatever else of the working
    tree the parent imports from (the src of other projects in one repository, say).
    """
    names = [name for base in (place.inside(place.call.rootdir) or ".", ".") for name in (f"{base}/src", base)]
    names += [inside for entry in place.call.sys_path if (inside := place.inside(entry)) is not None]
    folders = [os.path.normpath(root / name) for name in names]
    if (root / "__init__.py").exists():  # the top is itself a package
        folders.append(str(root.parent))
    return [folder for folder in dict.fromkeys(folders) if Path(folder).is_dir()]


def _environment(place: _Place, root: Path, bytecode: Path) -> dict[str, str]:
    environ = place.call.environ
    given = [entry for entry in environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    entries = [*_import_paths(place, root), *(str(place.moved(entry, root)) for entry in given)]
    changed = {"PYTHONPATH": os.pathsep.join(dict.fromkeys(entries)), "PYTHONPYCACHEPREFIX": str(bytecode)}
    if "PYTHONDONTWRITEBYTECODE" in environ:
        changed["PYTHONDONTWRITEBYTECODE"] = ""  # or every launch would compile everything again
    if "PWD" in environ:
        changed["PWD"] = str(place.moved(place.call.cwd, root))
    if environ.get("PYTEST_ADDOPTS") and root != place.top:
        words = shlex.split(environ["PYTEST_ADDOPTS"])
        changed["PYTEST_ADDOPTS"] = shlex.join(place.argument(word, root) for word in words)
    return changed


def _bytecode(place: _Place, prefix: Path, cache: Path, root: Path) -> Path:
    """A PYTHONPYCACHEPREFIX of this run's own, so that no stale .pyc of the tree's modules is ever run.

    The folders of installed packages in it are links into the cache: those are not compiled anew each run.
    """
    prefix = Path(os.path.abspath(prefix))  # noqa: PTH100  as the interpreter reads it
    prefix.mkdir(parents=True)
    kept = cache / "bytecode"
    for folder in sorted(sites(place.call.sys_path)):
        link = prefix.joinpath(*Path(folder).parts[1:])
        if owner(str(root), {folder}) or any(parent.is_symlink() for parent in link.parents):
            continue
        with suppress(OSError):  # no links here: then it is compiled
            shared = kept / hashlib.sha256(folder.encode("utf-8", "surrogateescape")).hexdigest()[:16]
            shared.mkdir(parents=True, exist_ok=True)
            os.utime(shared)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(shared.resolve(), target_is_directory=True)
    with suppress(OSError):
        for old in sorted(kept.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)[12:]:
            shutil.rmtree(old, ignore_errors=True)
    return prefix


def verify(sides: tuple[Arm, Arm], audits: tuple[Audit, Audit], changed: Collection[str], *, aa: bool = False) -> tuple[str, ...]:  # fmt: skip  # noqa: E501
    """Sentences about what was held against what; ``changed`` are the files that differ (``revision.differing``).

    Raises MeasurementError where a side loaded the other's code, where what changed was imported
    from outside its tree, and, unless ``aa``, where both loaded the same code.
    """
    tests = sides[0].overlaid
    changed = set(changed) - tests
    for arm, audit in zip(sides, audits, strict=True):
        _refuse_strangers(arm, audit, tests, changed)
    here, there = ({n: d for n, d in audit["modules"].items() if n not in tests} for audit in audits)
    names = here.keys() | there.keys()
    differ = {n for n in names if here.get(n) != there.get(n) and (n in changed or (n in here and n in there))}
    notes = sides[1].notes
    if differ or aa:
        return (f"{len(differ)} of {len(names)} loaded modules differ", *notes)
    data = sorted(name for name in changed if _is_data(name, names))
    if data:
        return (f"none of {len(names)} loaded modules differs, but files in their packages do: {_some(data)}", *notes)
    if any(audit["spawned"] for audit in audits):
        return (f"none of {len(names)} modules loaded here differs; what processes they started loaded was not seen",
                *notes)  # fmt: skip
    what = f"none of the {len(changed)} files that differ" if changed else "no file outside the tests differs"
    raise MeasurementError(
        f"both sides ran the same code: {what} between {sides[1].name} (--wfperf-against) and the working tree"
        + (f" was loaded: {_some(sorted(changed))}" if changed else "")
        + "; name a revision that differs, select workflows that use what changed, "
        "or pass --wfperf-aa if a run of one code against itself is wanted"
    )


def _refuse_strangers(arm: Arm, audit: Audit, tests: Collection[str], changed: Collection[str]) -> None:
    if audit["foreign"]:
        raise MeasurementError(
            f"the side of the {arm.name} (--wfperf-against) loaded the other side's code: {_some(audit['foreign'])}; "
            "look for an absolute path in a conftest.py, an environment variable or a .pth file, and make it relative"
        )
    nothing = not any(name not in tests for name in audit["modules"])
    for name, file in audit["elsewhere"].items():
        if nothing or any(c == name or c.startswith(name + "/") for c in changed):
            raise MeasurementError(
                f"the side of the {arm.name} (--wfperf-against) did not run its own {name}: it was imported from "
                f"{file}; uninstall that copy, or install the project with `pip install -e .`"
            )


def _is_data(name: str, modules: Collection[str]) -> bool:
    path = PurePosixPath(name)
    sources = {".py", ".pyi", ".pyx", ".pxd", ".c", ".cc", ".cpp", ".h", ".hpp", ".rs", ".md", ".rst"}
    return path.suffix not in sources and any(str(parent / "__init__.py") in modules for parent in path.parents)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
