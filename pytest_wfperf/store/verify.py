"""Reads the whole store and says what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from ..errors import WfperfError
from . import layout
from .baseline import folders, read_head, read_profile, read_session, versions
from .files import explained
from .schema import decode_environment, read_document
from .waivers import read_waivers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

T = TypeVar("T")


def problems(root: Path) -> tuple[str, ...]:
    """A sentence for everything in the store at ``root``, a directory, that is damaged, foreign or left over."""
    found: list[str] = []
    _attempt(found, lambda: read_document(root / layout.STORE, "store"))
    _attempt(found, lambda: read_waivers(root))
    found.extend(_strangers(root, {layout.STORE, layout.BASELINES, layout.WAIVERS, layout.RUNS}))
    for name in folders(root / layout.BASELINES):
        _attempt(found, lambda name=name: layout.check_name(name, str(root / layout.BASELINES)))  # type: ignore[misc]
        for environment in folders(root / layout.BASELINES / name):
            _check_environment(found, root / layout.BASELINES / name / environment)
    return tuple(found)


def _check_environment(found: list[str], directory: Path) -> None:
    _attempt(found, lambda: read_head(directory))
    present = [str(version) for version in versions(directory)]
    found.extend(_strangers(directory, {layout.HEAD, *present}))
    for version in present:
        _check_version(found, directory / version)


def _check_version(found: list[str], directory: Path) -> None:
    manifest = _attempt(found, lambda: read_document(directory / layout.MANIFEST, "manifest"))
    if manifest is not None:
        expected = layout.environment_directory(decode_environment(manifest["environment"]))
        if manifest["version"] != directory.name:
            found.append(f"{directory / layout.MANIFEST} is about version {manifest['version']}")
        if expected != directory.parent.name:
            found.append(f"{directory / layout.MANIFEST} is about another environment, {expected}")
    sessions = [name for name in folders(directory) if layout.is_session(name)]
    found.extend(_strangers(directory, {layout.MANIFEST, *sessions}))
    for name in sessions:
        _check_session(found, directory / name)


def _check_session(found: list[str], directory: Path) -> None:
    session = _attempt(found, lambda: read_session(directory))
    if session is None:
        return
    files = {layout.workflow_file(workflow): workflow for workflow in session.workflows}
    found.extend(_strangers(directory, {layout.SESSION, *files}))
    for file, workflow in sorted(files.items()):
        _attempt(found, lambda file=file, workflow=workflow: read_profile(directory / file, workflow))  # type: ignore[misc]


def _strangers(directory: Path, known: set[str]) -> Iterator[str]:
    with explained("list", directory):
        names = sorted(entry.name for entry in directory.iterdir())
    for name in names:
        if name.startswith(layout.TEMPORARY):
            yield f"{directory / name} is left over from an interrupted save; the next save removes it"
        elif name not in known:
            yield f"{directory / name} does not belong here: remove it, or restore what belongs to it"


def _attempt(found: list[str], read: Callable[[], T]) -> T | None:
    try:
        return read()
    except WfperfError as error:
        found.append(str(error))
        return None
