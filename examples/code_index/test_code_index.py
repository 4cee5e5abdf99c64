"""Indexing part of the standard library: the whole of it, and what has changed since."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import shutil
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from code_index import Contents, Index, Layout, Source, Unparsable, decode, discover, extract, parse, tokenise
from code_index.slow import work
from code_index.sources import digest

STDLIB = Path(sysconfig.get_path("stdlib"))

# About 0.5 MB in 35 files. The last package, where it is installed, holds files that are broken on purpose.
PACKAGES = (
    "collections", "concurrent", "dataclasses", "functools", "json", "re", "tomllib", "urllib", "test.tokenizedata",
)  # fmt: skip
LATER = ("zoneinfo",)  # what the second workflow finds new

INSPECTED = ("collections", "dataclasses", "functools", "json.decoder", "json.encoder", "urllib.parse")
KNOWN = (
    ("json.decoder", "JSONDecoder", "class"),
    ("json.decoder", "JSONDecoder.raw_decode", "function"),
    ("collections", "OrderedDict", "class"),
    ("functools", "lru_cache", "function"),
    ("functools", "lru_cache.<locals>.decorating_function", "function"),
)
IMPORTS = (("json", "json.decoder"), ("json.encoder", "re"), ("urllib.request", "urllib.parse"), ("re", "re._parser"))

pytestmark = pytest.mark.skipif(not STDLIB.is_dir(), reason="this Python has no standard library in source form")


Step = Callable[..., AbstractContextManager[Any]]


@dataclass(frozen=True, slots=True)
class Readable:
    """One file that could be parsed, and what is in it."""

    source: Source
    data: bytes
    layout: Layout
    contents: Contents


@dataclass(frozen=True, slots=True)
class Broken:
    """One file that could not be parsed, and why."""

    source: Source
    data: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the interpreter itself says, to hold the index against.

    ``files`` are modules and their files, ``lines`` where (module, qualified name) begins, ``subclasses``
    the names of classes by the name of a direct base.
    """

    files: dict[str, Path]
    lines: dict[tuple[str, str], int]
    subclasses: dict[str, set[str]]


@dataclass(frozen=True, slots=True)
class Answers:
    """What the index says."""

    files: dict[str, Path]
    lines: dict[tuple[str, str], list[int]]
    kinds: dict[tuple[str, str], set[str]]
    subclasses: dict[str, set[str]]
    importers: dict[str, set[str]]
    longest: list[tuple[str, int]]
    totals: dict[str, int]
    unparsable: dict[str, str]


# --- the workflows' work --------------------------------------------------------------


def read_all(step: Step, sources: Iterable[Source]) -> tuple[list[Readable], list[Broken]]:
    """Parse file by file and keep what is in each; the syntax trees are let go of at once."""
    readable, broken = [], []
    for source in sources:
        data = source.read()
        try:
            with step("parse", after=("discover", "digest")):
                layout, tree = work("parse", parse_one, step, data)
        except Unparsable as problem:
            broken.append(Broken(source, data, problem.reason))
            continue
        with step("extract", after="parse"):
            contents = work("extract", extract, source, tree)
        readable.append(Readable(source, data, layout, contents))
    return readable, broken


def parse_one(step: Step, data: bytes) -> tuple[Layout, ast.Module]:
    with step("decode"):
        text = work("parse/decode", decode, data)
    with step("tokenise", after="decode"):
        layout = work("parse/tokenise", tokenise, text)
    with step("ast", after="decode"):
        tree = work("parse/ast", parse, text)
    return layout, tree


def store_all(path: Path, readable: Iterable[Readable], broken: Iterable[Broken]) -> None:
    with Index(path) as index:
        for file in readable:
            index.put(file.source, file.data, digest(file.data), file.layout, file.contents)
        for lost in broken:
            index.put_unparsable(lost.source, lost.data, digest(lost.data), lost.reason)
        index.commit()


def ask(path: Path, facts: Facts) -> Answers:
    wanted = [*facts.lines, *((module, qualname) for module, qualname, _ in KNOWN)]
    with Index(path) as index:
        found = {key: index.find(*key) for key in wanted}
        return Answers(
            files=index.modules(),
            lines={key: [symbol.line for symbol in symbols] for key, symbols in found.items()},
            kinds={key: {symbol.kind for symbol in symbols} for key, symbols in found.items()},
            subclasses={base: index.subclasses(base) for base in facts.subclasses},
            importers={target: index.importers(target) for _, target in IMPORTS},
            longest=index.longest("function", 10),
            totals=index.totals(),
            unparsable=index.unparsable(),
        )


# --- the workflows --------------------------------------------------------------------


@pytest.mark.wfperf(
    "p95 < 60s",
    "step:extract regression < 100%",
    "step:parse/tokenise share < 90%",
    "metric:statements value >= 5000",
    "metric:database value < 8MiB",
    'gate:"every file is accounted for" pass_rate == 100%',
    'gate:"unparsable for a reason" pass_rate == 100%',
    'gate:"symbols are where the interpreter finds them" pass_rate == 100%',
    'gate:"answers agree with the import system" pass_rate == 100%',
)
def test_build(wfperf: Any, facts: Facts, tmp_path: Path) -> None:
    """Index the packages from nothing, and ask the index what the interpreter knows too."""
    database = tmp_path / "index.sqlite"

    with wfperf.step("discover"):
        sources = work("discover", discover, STDLIB, PACKAGES)
    readable, broken = read_all(wfperf.step, sources)
    with wfperf.step("store", after="extract"):
        work("store", store_all, database, readable, broken)
    with wfperf.step("query", after="store"):
        answers = work("query", ask, database, facts)

    handled = [file.source for file in readable] + [file.source for file in broken]
    wfperf.check("every file is accounted for", sorted(map(str, handled)) == sorted(map(str, sources)))
    wfperf.check(
        "unparsable for a reason",
        answers.unparsable == {file.source.module: file.reason for file in broken}
        and all(file.reason and not compiles(file) for file in broken),
        f"{answers.unparsable}",
    )
    wfperf.score("share of files parsed", len(readable) / len(sources), minimum=0.8)
    missing = [key for key, line in facts.lines.items() if line not in answers.lines[key]]
    unknown = [known for known in KNOWN if answers.kinds[known[:2]] != {known[2]}]
    wfperf.check("symbols are where the interpreter finds them", not missing and not unknown, f"{missing} {unknown}")
    wfperf.check("answers agree with the import system", not (told := disagreements(answers, facts)), f"{told}")

    totals = answers.totals
    wfperf.metric("files", totals["files"], better="higher")
    wfperf.metric("symbols", totals["symbols"], better="higher")
    wfperf.metric("statements", totals["statements"], better="higher")
    wfperf.metric("bytes", totals["bytes"], "B", better="higher")
    wfperf.metric("database", database.stat().st_size, "B")


@pytest.mark.wfperf(
    "cache:files hit_rate >= 80%",
    'gate:"the index is up to date" pass_rate == 100%',
    rounds=40,
)
def test_refresh(wfperf: Any, built: Path) -> None:
    """Bring an index up to date after a package was added: only its files are parsed."""
    with Index(built) as index:
        known = index.digests()

    with wfperf.step("discover"):
        sources = work("discover", discover, STDLIB, (*PACKAGES, *LATER))
    with wfperf.step("digest", after="discover"):
        stale = work("digest", changed, sources, known)
    wfperf.cache("files", hits=len(sources) - len(stale), misses=len(stale))
    readable, broken = read_all(wfperf.step, stale)
    with wfperf.step("store", after="extract"):
        work("store", store_all, built, readable, broken)

    with Index(built) as index:
        modules = index.modules()
    wfperf.check("only the new package was parsed", {s.module.partition(".")[0] for s in stale} == set(LATER))
    wfperf.check("the index is up to date", modules == {source.module: source.path for source in sources})
    wfperf.metric("stale files", len(stale))


def changed(sources: Iterable[Source], known: Mapping[str, str]) -> list[Source]:
    return [source for source in sources if known.get(source.module) != digest(source.read())]


def compiles(file: Broken) -> bool:
    try:
        compile(file.data, str(file.source.path), "exec")
    except (SyntaxError, ValueError):
        return False
    return True


def disagreements(answers: Answers, facts: Facts) -> list[str]:
    """What the index says otherwise than the import system, by name."""
    names = sorted(answers.files.keys() ^ facts.files.keys())
    both = answers.files.keys() & facts.files.keys()
    names += [name for name in sorted(both) if not facts.files[name].samefile(answers.files[name])]
    names += [base for base, classes in facts.subclasses.items() if not classes <= answers.subclasses[base]]
    names += [f"{module} imports {target}" for module, target in IMPORTS if module not in answers.importers[target]]
    return names


# --- off the clock --------------------------------------------------------------------


@pytest.fixture(scope="module")
def facts() -> Facts:
    """The interpreter's own account, from the import system and ``inspect``."""
    modules = [importlib.import_module(name) for name in INSPECTED]
    defined = [(module, obj, line) for module in modules for obj, line in definitions(module)]
    named = {module: {obj for home, obj, _ in defined if home is module} for module in modules}
    subclasses: dict[str, set[str]] = {}
    for module, obj, _ in defined:
        for base in obj.__bases__ if inspect.isclass(obj) else ():
            if base is not object and (base in named[module] or base.__module__ == "builtins"):
                subclasses.setdefault(base.__name__, set()).add(f"{module.__name__}.{obj.__qualname__}")
    return Facts(
        files=dict(entry for name in PACKAGES for entry in importable(name)),
        lines={(module.__name__, obj.__qualname__): line for module, obj, line in defined},
        subclasses=subclasses,
    )


def definitions(module: ModuleType) -> Iterator[tuple[Any, int]]:
    """The classes and functions that stand at the module's top level, and the lines they begin at."""
    for name, obj in vars(module).items():
        own = (inspect.isclass(obj) or inspect.isfunction(obj)) and obj.__module__ == module.__name__
        if own and obj.__qualname__ == name:
            try:
                yield obj, inspect.getsourcelines(obj)[1]
            except (OSError, TypeError):
                continue  # made at run time, or replaced by one written in C


def importable(name: str, places: Sequence[str] | None = None) -> Iterator[tuple[str, Path]]:
    """The module and all modules inside it, as the import system would find them, with their files."""
    parent, _, _ = name.rpartition(".")
    if parent and places is None:
        package = PathFinder.find_spec(parent)
        places = None if package is None else package.submodule_search_locations
        if places is None:
            return
    spec = PathFinder.find_spec(name, places)
    if spec is None:
        return
    if spec.origin is not None and spec.origin.endswith(".py"):
        yield name, Path(spec.origin)
    inside = spec.submodule_search_locations or ()
    for found in pkgutil.iter_modules(inside):
        yield from importable(f"{name}.{found.name}", inside)


@pytest.fixture(scope="module")
def base_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the packages, built once."""
    path = tmp_path_factory.mktemp("base") / "index.sqlite"
    store_all(path, *read_all(lambda *_, **__: nullcontext(), discover(STDLIB, PACKAGES)))
    return path


@pytest.fixture
def built(base_index: Path, tmp_path: Path) -> Path:
    """A copy of that index for every round."""
    return Path(shutil.copy(base_index, tmp_path))
