"""Where a launched process imports its code from, and what it says of the code it has loaded.

One of two sides calls :func:`prepare_imports` before anything of the project is imported, and
:func:`audit` when its work is done. Roots are held against each other as :func:`key` writes them.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import site
import sys
import sysconfig
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, TypedDict


class Audit(TypedDict):
    """What a child says of the modules it loaded; plain enough for JSON.

    ``modules``: file relative to the root → SHA-256. ``foreign``: modules of the other tree, with
    their file. ``elsewhere``: file or package in the tree → the file that was imported in its
    stead. ``spawned``: whether it waited for processes of its own.
    """

    modules: dict[str, str]
    foreign: list[str]
    elsewhere: dict[str, str]
    spawned: bool


def prepare_imports(strip: Sequence[str], keep: Sequence[str]) -> None:
    """Let nothing be imported from ``strip``, the other tree; ``keep`` is this side's root, then its import paths.

    Whatever of an editable install leads into the other tree is led into the same place of this
    one, or cut. To be called before the project is imported; calling it again does no harm.
    """
    others = {key(path) for path in strip}
    roots = others | {key(path) for path in keep} | sites(sys.path)
    sys.path[:] = [entry for entry in sys.path if owner(entry or ".", roots) not in others]
    for finder in list(sys.meta_path):
        _turn(finder, others, roots, keep[0])
    if sys.pycache_prefix:
        sys.dont_write_bytecode = False
    sys.path_importer_cache.clear()
    importlib.invalidate_caches()


def _turn(finder: Any, others: Collection[str], roots: Collection[str], root: str) -> None:
    """Lead an editable install's finder into ``root``, or take it away where that is not enough.

    One that is asked before ``sys.path`` is would win over the tree, for modules the tree has not and
    for those compiled from the other tree (scikit-build-core); one that knows a build folder builds
    there (meson-python). Those asked after it (setuptools, editables) only fill in what it lacks.
    """
    home = str(getattr(finder, "__module__", ""))
    if home.partition(".")[0] in {"_frozen_importlib", "_frozen_importlib_external", "_pytest", "pytest_wfperf"}:
        return
    module = getattr(sys.modules.get(home), "__dict__", {})
    values = [*getattr(finder, "__dict__", {}).values(), *vars(type(finder)).values()]
    values += [module.get("MAPPING"), module.get("NAMESPACES")]
    maps = [value for value in values if isinstance(value, dict)]
    mapped = [(name, path) for each in maps for name, path in each.items() if _leads(path, others, roots)]
    first = PathFinder in sys.meta_path and sys.meta_path.index(finder) < sys.meta_path.index(PathFinder)
    if any(_leads(value, others, roots) for value in values) or (first and mapped):
        sys.meta_path.remove(finder)
        for name, path in mapped:
            if "." not in str(name):
                folder = Path(_led(path, others, roots, root)).parent
                sys.path.append(str(folder.parent if Path(path).stem == "__init__" else folder))
        return
    for each in maps:
        for name, path in list(each.items()):
            each[name] = _led(path, others, roots, root)


def _led(path: Any, others: Collection[str], roots: Collection[str], root: str) -> Any:
    """``path``, or every path in it, led from the other tree into the same place of ``root``."""
    if isinstance(path, list | tuple | set):
        return type(path)(_led(each, others, roots, root) for each in path)
    if not _leads(path, others, roots):
        return path
    return type(path)(Path(root, os.path.relpath(key(path), owner(path, roots))))


def _leads(path: Any, others: Collection[str], roots: Collection[str]) -> bool:
    return isinstance(path, str | Path) and os.path.isabs(path) and owner(path, roots) in others  # noqa: PTH117


def audit(root: str | Path, other: str | Path, import_paths: Sequence[str]) -> Audit:
    """What this process loaded, for ``arms.verify``: ``root`` and ``other`` are this side's tree and the other's."""
    return Audit(
        modules=loaded(root, other),
        foreign=foreign(other, root),
        elsewhere=_elsewhere(root, import_paths),
        spawned=_waited_for() > _WAITED_FOR,
    )


def loaded(root: str | Path, other: str | Path | None = None) -> dict[str, str]:
    """SHA-256 by file, relative to ``root``, of every loaded module that lies there and is not installed there."""
    found = {}
    for _, file in _files(root, other):
        with suppress(OSError):
            digest = hashlib.sha256(Path(file).read_bytes()).hexdigest()
            found[Path(os.path.relpath(os.path.realpath(file), os.path.realpath(root))).as_posix()] = digest
    return found


def foreign(other: str | Path, root: str | Path | None = None) -> list[str]:
    """``module (file)`` of every loaded module that lies in the ``other`` tree, and not in ``root`` inside it."""
    return [f"{name} ({file})" for name, file in _files(other, root)]


def _files(root: str | Path, other: str | Path | None) -> list[tuple[str, str]]:
    roots = {key(root), *sites(sys.path)} | ({key(other)} if other else set())
    return sorted((name, file) for name, file in _modules() if owner(file, roots) == key(root))


def _modules() -> Iterator[tuple[str, str]]:
    for name, module in list(sys.modules.items()):
        with suppress(AttributeError):
            file = object.__getattribute__(module, "__dict__").get("__file__")  # wakes no lazy module
            if isinstance(file, str):
                yield name, file


def _elsewhere(root: str | Path, import_paths: Sequence[str]) -> dict[str, str]:
    roots = {key(root), *sites(sys.path)}
    found = {}
    for name, file in _modules():
        if "." in name or owner(file, roots) == key(root):
            continue
        for folder in import_paths:
            package, module = Path(folder, name), Path(folder, f"{name}.py")
            own = package if (package / "__init__.py").is_file() else module if module.is_file() else None
            if own is not None and owner(own, roots) == key(root):
                found[Path(os.path.relpath(own, root)).as_posix()] = file
    return found


def _waited_for() -> int:
    """A number that grows when this process has waited for one it started; 0 where that cannot be told."""
    try:
        import resource  # noqa: PLC0415  not on Windows
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt


_WAITED_FOR = _waited_for()


# --- paths ----------------------------------------------------------------------------


def key(path: str | Path) -> str:
    """``path`` as it is written for comparing: the same under whatever name a file is called."""
    return os.path.normcase(os.path.realpath(path))


def owner(path: str | Path, roots: Collection[str]) -> str | None:
    """The innermost of ``roots`` (keys) that ``path`` lies in."""
    lies = key(path)
    return max((root for root in roots if lies == root or lies.startswith(root + os.sep)), key=len, default=None)


def sites(path: Sequence[str]) -> set[str]:
    """Where installed modules lie: they are no tree's code even where that is below its root (a .venv)."""
    places = [value for name, value in sysconfig.get_paths().items() if name.endswith(("lib", "stdlib"))]
    places += [*site.getsitepackages(), site.getusersitepackages()]
    for entry in path:
        with suppress(OSError):
            if any(name.endswith(".dist-info") for name in os.listdir(entry)):  # noqa: PTH208
                places.append(entry)
    return {key(place) for place in places}
