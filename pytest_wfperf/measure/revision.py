"""Which revision of the code was measured, and how the code of another one gets onto disk.

Nothing here writes into the user's repository: trees are made by ``read-tree`` into an index of
their own and ``checkout-index`` into a directory of their own, with hooks, monitors and shared
indexes switched off. Names of files are relative to the top of the working tree, with ``/``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import MeasurementError

KEPT = 5
"""How many revisions' trees stay in the cache."""

_QUIET = ("core.hooksPath=" + os.devnull, "core.fsmonitor=false", "core.splitIndex=false", "core.untrackedCache=false",
          "diff.autoRefreshIndex=false")  # fmt: skip
_LFS = b"version https://git-lfs.github.com/spec/"
_STALE_S = 24 * 3600


def commit(directory: Path) -> str:
    """The commit checked out at ``directory``, with ``-dirty`` where files differ from it; empty outside git."""
    head = _git(directory, "rev-parse", "--verify", "HEAD")
    if not head:
        return ""
    return head + ("-dirty" if _git(directory, "status", "--porcelain", "--untracked-files=no") else "")


def branch(directory: Path) -> str:
    """The branch checked out at ``directory``; empty outside git and where none is."""
    return _git(directory, "symbolic-ref", "--quiet", "--short", "HEAD")


def toplevel(directory: Path) -> Path:
    """The top of the working tree ``directory`` lies in, symbolic links resolved. Raises MeasurementError."""
    done = _run(directory, "rev-parse", "--show-toplevel")
    if done.returncode == 0:
        return Path(os.path.realpath(os.fsdecode(done.stdout).rstrip("\r\n")))
    said = _said(done)
    raise MeasurementError(
        f"--wfperf-against needs a git repository, and {directory} is in none that git will read ({said}); "
        "run pytest in a checkout, or gate against a stored baseline with --wfperf-baseline"
    )


def resolve(root: Path, rev: str) -> str:
    """The full id of the commit that ``rev`` names. Raises MeasurementError, which says how to get an unknown one."""
    source = f"--wfperf-against={rev}"
    if not rev.strip() or rev.startswith("-"):
        raise MeasurementError(f"{source}: {rev!r} is no revision; name a commit, a tag or a branch (origin/main, say)")
    toplevel(root)
    done = _run(root, "rev-parse", "--verify", "--end-of-options", f"{rev}^{{commit}}")
    if done.returncode == 0:
        return os.fsdecode(done.stdout).split()[-1]
    raise MeasurementError(f"{source}: git knows no such commit in {root} ({_said(done)}); {_advice(root, rev)}")


def differing(root: Path, commit: str) -> frozenset[str]:
    """The files that differ between ``commit`` and the working tree, uncommitted, untracked and deleted ones too."""
    top = toplevel(root)
    changed = listed(top, "diff", "--name-only", "--no-renames", "--no-ext-diff", "--ignore-submodules=none", "-z",
                     commit, "--")  # fmt: skip
    return frozenset(changed) | listed(top, "ls-files", "--others", "--exclude-standard", "-z")


# --- the tree of a commit -------------------------------------------------------------


def materialise(root: Path, commit: str, cache: Path) -> Path:
    """The directory below ``cache/<commit>`` that holds the whole tree of ``commit``, as git would check it out.

    It is complete or not there at all, is made once, and is to be copied, never run or written in.
    The ``KEPT`` revisions used last stay in the cache. Submodules are checked out where their
    commits are at hand. Raises MeasurementError.
    """
    home = cache / commit
    try:
        cache.mkdir(parents=True, exist_ok=True)
        (cache / ".gitignore").write_text("*\n", encoding="utf-8")
        with _locked(cache):
            if not _complete(home):
                _build(toplevel(root), commit, home)
            os.utime(home / "complete")
            _prune(cache)
    except OSError as error:
        raise MeasurementError(
            f"cannot put the tree of {commit[:12]} into {error.filename or cache}: {error.strerror or error}; "
            "free some space, or mend the permissions of the cache"
        ) from error
    return home / "tree"


def _build(top: Path, commit: str, home: Path) -> None:
    aside = Path(tempfile.mkdtemp(prefix="building-", dir=home.parent))
    try:
        tree = aside / "tree"
        _check_out(top, commit, tree)
        (aside / "complete").write_text(str(_count(tree)), encoding="utf-8")
        if not _complete(home):  # half-written, or half-swept; the other builder's where there was no lock
            with suppress(FileNotFoundError):
                home.rename(aside / "broken")
        try:
            aside.rename(home)
        except OSError:
            if not _complete(home):  # not even by someone who went without the lock
                raise
        shutil.rmtree(home / "broken", ignore_errors=True)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _check_out(top: Path, commit: str, tree: Path) -> None:
    tree.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="building-", dir=tree.parent) as own:
        index = {"GIT_INDEX_FILE": str(Path(own, "index")), "GIT_WORK_TREE": str(tree)}
        for doing in (("read-tree", "--no-sparse-checkout", commit), ("checkout-index", "--all", "--quiet")):
            done = _run(top, *doing, **index)
            if done.returncode:
                raise MeasurementError(
                    f"git {doing[0]} cannot write the tree of {commit[:12]} of {top}: {_said(done)}; "
                    "mend that (a filter or an object may be missing here: git lfs install, git fetch) and run again"
                )
        entries = os.fsdecode(_run(top, "ls-files", "--stage", "-z", **index).stdout).split("\0")
    for entry in entries:
        if entry.startswith("160000 "):
            facts, _, name = entry.partition("\t")
            _submodule(top / name, facts.split()[1], tree / name)
    _refuse_pointers(top, tree)


def _submodule(sub: Path, commit: str, tree: Path) -> None:
    """Check out a submodule, unless the working copy has none of it either."""
    if not sub.is_dir() or not any(sub.iterdir()):
        return
    if toplevel(sub) != Path(os.path.realpath(sub)) or _run(sub, "cat-file", "-e", commit + "^{commit}").returncode:
        raise MeasurementError(
            f"submodule {sub}: the commit {commit[:12]} that --wfperf-against needs is not here; "
            f"fetch it: git -C {sub} fetch origin {commit}"
        )
    _check_out(sub, commit, tree)


def _refuse_pointers(top: Path, tree: Path) -> None:
    """Raise where Git LFS left a pointer in the place of content that the working copy has."""
    if not any(b"filter=lfs" in file.read_bytes() for file in tree.rglob(".gitattributes") if file.is_file()):
        return
    for file in tree.rglob("*"):
        here = top / file.relative_to(tree)
        if _is_pointer(file) and here.is_file() and not _is_pointer(here):
            raise MeasurementError(
                f"{file.relative_to(tree)} is but a Git LFS pointer in the revision's tree; "
                "run `git lfs install` and `git lfs fetch --all`, then try again"
            )


def _is_pointer(file: Path) -> bool:
    if file.is_symlink() or not file.is_file() or file.stat().st_size > 1024:
        return False
    return file.read_bytes().startswith(_LFS)


def _complete(home: Path) -> bool:
    """Whether the tree was finished and nothing, such as a sweeper of /tmp, took files from it since."""
    try:
        return int((home / "complete").read_text(encoding="utf-8")) == _count(home / "tree")
    except (OSError, ValueError):
        return False


def _count(tree: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(tree))


def _prune(cache: Path) -> None:
    homes = sorted(cache.glob("*/complete"), key=lambda marker: marker.stat().st_mtime, reverse=True)
    for marker in homes[KEPT:]:
        marker.unlink()  # first, so that what a crash leaves is seen as broken
        shutil.rmtree(marker.parent, ignore_errors=True)
    for left in cache.glob("building-*"):
        with suppress(OSError):
            if left.stat().st_mtime < time.time() - _STALE_S:
                shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _locked(cache: Path) -> Iterator[None]:
    """One builder at a time: without it two would do the same work, and one of them in vain."""
    from filelock import FileLock, Timeout  # noqa: PLC0415  a child never builds

    lock = FileLock(cache / "lock")
    try:
        lock.acquire(timeout=600)
    except (Timeout, NotImplementedError):
        yield
        return
    try:
        yield
    finally:
        lock.release()


# --- git ------------------------------------------------------------------------------


def listed(directory: Path, *arguments: str) -> frozenset[str]:
    """The names that a git command with ``-z`` lists. Raises MeasurementError where it fails."""
    done = _run(directory, "--literal-pathspecs", *arguments)
    if done.returncode:
        raise MeasurementError(f"git {arguments[0]} fails in {directory}, which --wfperf-against needs: {_said(done)}")
    return frozenset(filter(None, os.fsdecode(done.stdout).split("\0")))


def _advice(root: Path, rev: str) -> str:
    if _git(root, "rev-parse", "--verify", "--end-of-options", f"refs/remotes/origin/{rev}"):
        return f"there is an origin/{rev}: pass --wfperf-against=origin/{rev}"
    if _git(root, "rev-parse", "--is-shallow-repository") == "true":
        return ("this is a shallow clone: set `fetch-depth: 0` for actions/checkout, "
                "elsewhere run `git fetch --unshallow` first")  # fmt: skip
    return "fetch it, or correct the name (`git branch --all` and `git tag` list what there is)"


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return "; ".join(line.removeprefix("fatal: ").strip() for line in lines[:4]) or f"git exit code {done.returncode}"


def _run(directory: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run git without locks, hooks, prompts and a hook's GIT_* variables. Raises MeasurementError without git."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    own = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", **environment}
    settings = [word for setting in _QUIET for word in ("-c", setting)]
    try:
        return subprocess.run(  # noqa: S603
            ["git", "-C", str(directory), *settings, *arguments],  # noqa: S607
            env=kept | own, stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )  # fmt: skip
    except OSError as error:
        raise MeasurementError(
            f"--wfperf-against needs git, which cannot be started in {directory} ({error.strerror or error}); "
            "install git and put it on PATH, or gate against a stored baseline with --wfperf-baseline"
        ) from error


def _git(directory: Path, *arguments: str) -> str:
    """What git prints, empty where it cannot answer. A hook's GIT_* variables must not redirect it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603
            ["git", "-C", str(directory), *arguments],  # noqa: S607
            env=environment, capture_output=True, text=True, check=False, timeout=20, errors="replace",
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
