"""Reports are computed elsewhere, rendered by pure functions, one module a format, and written here."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from ..errors import ConfigError, WfperfError
from ..judged import RunResult
from ..store.files import replace_file
from . import artifacts, html, results, speedscope, summary, trace
from .exhibit import Exhibit, Occasion
from .folder import Folder, why


class Reporter(Protocol):
    """One format. What it keeps of each workflow is small, so that all profiles are never held at once."""

    def part(self, exhibit: Exhibit, /) -> Any:
        """What the report has to say of one workflow."""

    def whole(self, run: RunResult, occasion: Occasion, parts: Sequence[Any], /) -> bytes:
        """The report, of the parts of all workflows."""


REPORTERS: Mapping[str, Reporter] = {
    ".html": html,
    ".json": results,
    ".md": summary,
    ".speedscope.json": speedscope,
    ".trace.json": trace,
}


def check(paths: Sequence[str], source: str, *, base: Path, rootpath: Path, store: Path) -> None:
    """Raise ConfigError unless each path names a report that can be written, as far as that is known by now.

    Paths are relative to ``base``, the working directory. ``source`` says where they were given.
    """
    taken = {base: "the working directory", rootpath: "the root directory", store: "the store"}
    folders = {}
    for path in paths:
        if _means_set(path, base):
            try:
                folders[path] = artifacts.check(base / path, store=store, taken=taken)
            except ConfigError as error:
                raise ConfigError(f"{source}={path}: {error}") from error
            except OSError as error:
                raise ConfigError(f"{source}={path}: {why(error, base / path)}") from error
        elif _suffix(path) not in REPORTERS:
            known = ", ".join(REPORTERS)
            raise ConfigError(
                f"{source}: cannot tell a report's format from {path!r}; the suffix has to be {known}, "
                "or a folder's name has to end in / for the whole set"
            )
        _check_libraries(path, source, base)
    for path in paths:
        for name, folder in folders.items():
            if folder in (base / path).resolve().parents:
                raise ConfigError(f"{source}={path} lies in {name}, which the set takes whole: name another place")


def _check_libraries(path: str, source: str, base: Path) -> None:
    """Raise ConfigError where a report needs a library that is not installed: its module says so in ``NEEDS``."""
    for reporter in _reporters(path, base):
        library, extra = getattr(reporter, "NEEDS", ("", ""))
        if library and find_spec(library) is None:
            raise ConfigError(f"{source}={path}: this needs {library}: pip install 'pytest-wfperf[{extra}]'")


def write(
    paths: Sequence[str | Path],
    run: RunResult,
    occasion: Occasion,
    exhibits: Iterable[Exhibit],
    *,
    base: Path = Path(),
) -> dict[str | Path, str]:
    """Render what each path asks for and write it whole or not at all; why one was not, by path."""
    sets = {path: _means_set(path, base) for path in paths}
    drafts = {reporter: _Draft(reporter) for path in paths for reporter in _reporters(path, base)}
    for exhibit in exhibits:
        for draft in drafts.values():
            draft.add(exhibit)
    problems = {}
    for path in paths:
        place = base / path
        try:
            if sets[path]:
                Folder(place, artifacts.ARTIFACTS).put(lambda: _rendered_set(drafts, run, occasion))
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                replace_file(place, drafts[REPORTERS[_suffix(path)]].rendered(run, occasion))
        except WfperfError as error:
            problems[path] = str(error)
        except OSError as error:
            problems[path] = why(error, place)
    return problems


def shows_history(paths: Sequence[str | Path], *, base: Path = Path()) -> bool:
    """Whether any of the reports goes over all stored versions, which many stored profiles have to be read for."""
    return any(html in _reporters(path, base) for path in paths)


class _Draft:
    """A report in the making. What went wrong in one part is told when the whole is asked for."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._parts: list[Any] = []
        self._problem: WfperfError | OSError | None = None

    def add(self, exhibit: Exhibit) -> None:
        if self._problem is None:
            try:
                self._parts.append(self._reporter.part(exhibit))
            except (WfperfError, OSError) as error:
                self._problem = error

    def rendered(self, run: RunResult, occasion: Occasion) -> bytes:
        if self._problem is not None:
            raise self._problem
        return self._reporter.whole(run, occasion, self._parts)


def _rendered_set(drafts: Mapping[Reporter, _Draft], run: RunResult, occasion: Occasion) -> Iterator[tuple[str, bytes]]:
    """File by file, so that never all are held; the error of one names it."""
    for name, reporter in artifacts.ARTIFACTS.items():
        try:
            data = drafts[reporter].rendered(run, occasion)
        except WfperfError as error:
            raise WfperfError(f"{name}: {error}") from error
        except OSError as error:
            raise WfperfError(f"{name}: {why(error, Path(name))}") from error
        yield name, data


def _reporters(path: str | Path, base: Path) -> Collection[Reporter]:
    return artifacts.ARTIFACTS.values() if _means_set(path, base) else (REPORTERS[_suffix(path)],)


def _means_set(path: str | Path, base: Path) -> bool:
    """Whether the whole set is asked for: the path ends in a slash, or is a folder."""
    return bool(str(path)) and (str(path).endswith(("/", os.sep)) or (base / path).is_dir())


def _suffix(path: str | Path) -> str:
    """The longest known ending: ``.trace.json`` before ``.json``."""
    name = Path(path).name
    return max((suffix for suffix in REPORTERS if name.endswith(suffix)), key=len, default=Path(path).suffix)
