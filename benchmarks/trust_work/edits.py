"""The changes that are made to the code under test, each a real edit of its source.

A null change takes a module's source and gives another that does the same work; what it adds differs
from run to run by its seed, so that no single layout of memory stands for all of them.
"""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Callable
from pathlib import Path

Files = dict[str, str]
NullChange = Callable[[str, random.Random], str]

TEMPLATE = Path(__file__).with_name("project")
STEPS = ("parse", "sort", "match", "digest", "store", "calculate")
LONG_STEPS = ("archive", "rank", "ledger", "evaluate")
EDITED = ("work/text.py", "work/records.py", "work/long.py")
UNITS = 40
WORDS = (
    "amber", "basil", "cedar", "delta", "ember", "fjord", "grove", "heron",
    "inlet", "jetty", "knoll", "larch", "marsh", "notch", "ocean", "petal",
)  # fmt: skip
LIBRARY = (
    "argparse", "base64", "calendar", "colorsys", "csv", "difflib", "fractions",
    "graphlib", "heapq", "html", "netrc", "quopri", "shlex", "tomllib",
)  # fmt: skip


def template() -> Files:
    """The project's files by path, as they are committed."""
    found = {}
    for path in sorted(TEMPLATE.rglob("*")):
        if path.suffix in (".py", ".ini") or path.name == "gitignore":
            name = path.relative_to(TEMPLATE).as_posix()
            found[".gitignore" if name == "gitignore" else name] = path.read_text(encoding="utf-8")
    return found


# --- true changes ---------------------------------------------------------------------


def slower(files: Files, step: str, percent: int) -> Files:
    """One step does so much more of its own work."""
    return _settings(files, f'"{step}": {UNITS},', f'"{step}": {UNITS + round(UNITS * percent / 100)},')


def slow_path(files: Files, step: str) -> Files:
    """One step does twice its work in one round of five."""
    return _settings(files, 'SLOW_PATH = ""', f'SLOW_PATH = "{step}"')


def _settings(files: Files, old: str, new: str) -> Files:
    text = files["work/settings.py"]
    assert text.count(old) == 1
    return files | {"work/settings.py": text.replace(old, new)}


# --- null changes ---------------------------------------------------------------------


def null_change(files: Files, name: str, seed: int) -> Files:
    """The files after the null change of that name; every edited module really differs."""
    rng = random.Random(seed)
    changed = {path: NULL_CHANGES[name](files[path], rng) for path in EDITED}
    assert all(changed[path] != files[path] for path in EDITED)
    if name == "new module":
        changed["work/rules.py"] = '"""Rules that nobody asks for yet."""\n' + _functions(rng.randint(3, 30), rng)
    for path, text in changed.items():
        compile(text, path, "exec")
    return files | changed


def comment(files: Files, seed: int) -> Files:
    """A comment at the end of each module: not one line of code moves."""
    note = f"\n# {' '.join(_words(random.Random(seed), 6))}\n"
    return files | {path: files[path] + note for path in EDITED}


def _words(rng: random.Random, number: int) -> list[str]:
    return [f"{rng.choice(WORDS)}_{rng.randrange(1000)}" for _ in range(number)]


def _functions(number: int, rng: random.Random, indent: str = "", first: str = "") -> str:
    """Functions nobody calls, of one to eight lines."""
    made = []
    for i in range(number):
        words = _words(rng, rng.randint(1, 8))
        lines = [f"    {word} = {first or 'row'}, {rng.randrange(10**6)}, {word!r}" for word in words]
        body = [f"def unused_{i}_{words[0]}({first + ', ' if first else ''}row):", *lines, f"    return {words[-1]}"]
        made.append("\n".join(indent + line for line in body) + "\n")
    return "\n\n".join(made)


def _after_imports(source: str, text: str) -> str:
    imports = [n for n in ast.parse(source).body if isinstance(n, ast.Import | ast.ImportFrom)]
    lines = source.splitlines(keepends=True)
    lines.insert(max(int(n.end_lineno or 0) for n in imports), text)
    return "".join(lines)


def _add_functions(number: int) -> NullChange:
    return lambda source, rng: source + "\n\n" + _functions(number, rng)


def _all_functions(source: str) -> list[ast.FunctionDef]:
    return [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef)]


def _docstrings_added(source: str, rng: random.Random) -> str:
    lines = source.splitlines(keepends=True)
    for function in sorted(_all_functions(source), key=lambda f: -f.lineno):
        if ast.get_docstring(function) is None:
            lines.insert(function.body[0].lineno - 1, f'    """Says {" ".join(_words(rng, rng.randint(3, 40)))}."""\n')
    return "".join(lines)


def _docstrings_removed(source: str, _rng: random.Random) -> str:
    lines = source.splitlines(keepends=True)
    for function in sorted(_all_functions(source), key=lambda f: -f.lineno):
        if ast.get_docstring(function) is not None:
            del lines[function.body[0].lineno - 1 : function.body[0].end_lineno]
    return "".join(lines)


def _module_docstring(source: str, rng: random.Random) -> str:
    return source.replace('."""\n', f'.\n\n{" ".join(_words(rng, 200))}\n"""\n', 1)


def _imports_added(source: str, rng: random.Random) -> str:
    return _after_imports(source, "".join(f"import {name}\n" for name in sorted(rng.sample(LIBRARY, 3))))


def _locals_renamed(source: str, rng: random.Random) -> str:
    for name in ("found", "value", "other", "database", "tokens"):
        source = re.sub(rf"(?<![.\w]){name}\b", f"{name}_{rng.choice(WORDS)}", source)
    return source


def _functions_reordered(source: str, rng: random.Random) -> str:
    lines = source.splitlines(keepends=True)
    places = [n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)]
    order = places[:]
    while order == places:
        rng.shuffle(order)
    made, last = [], 0
    for place, function in zip(places, order, strict=True):
        made += lines[last : place.lineno - 1] + lines[function.lineno - 1 : function.end_lineno]
        last = int(place.end_lineno or 0)
    return "".join(made + lines[last:])


def _new_module(source: str, _rng: random.Random) -> str:
    return _after_imports(source, "from . import rules\n")


def _constants_added(source: str, rng: random.Random) -> str:
    made = (f"{word.upper()} = {rng.choice([i, str(i) * 9, (i, word)])!r}\n" for i, word in enumerate(_words(rng, 50)))
    return _after_imports(source, "\n" + "".join(made))


def _class_added(source: str, rng: random.Random) -> str:
    return source + f"\n\nclass Unused{rng.randrange(1000)}:\n" + _functions(8, rng, indent="    ", first="self")


def _annotations_added(source: str, _rng: random.Random) -> str:
    def annotated(match: re.Match[str]) -> str:
        arguments = ", ".join(f"{name}: Any" for name in match[2].split(", ") if name)
        return f"def {match[1]}({arguments}) -> Any:"

    return _after_imports(re.sub(r"def (\w+)\(([\w, ]*)\):", annotated, source), "from typing import Any\n")


def _lines_shifted(source: str, rng: random.Random) -> str:
    shift = lambda: "\n" * rng.randint(0, 9) + f"# {rng.choice(WORDS)}\n"  # noqa: E731
    return shift() * 20 + re.sub(r"^def ", lambda m: shift() + m[0], source, flags=re.MULTILINE)


def _format_replaced(source: str, rng: random.Random) -> str:
    old = '"{} of {} wide, {:.2f}".format(row, width, width / 7)'
    return source.replace(old, f'f"{{row}} of {{width}} {rng.choice(WORDS)}, {{width / 7:.2f}}"')


def _function_deleted(source: str, _rng: random.Random) -> str:
    return source[: source.index("\n\ndef described_")]


def _defaults_added(source: str, rng: random.Random) -> str:
    return re.sub(r"(def described_\w+\(row, width)\)", rf"\1=0, margin={rng.randrange(10**6)})", source)


def _unused_cached(source: str, _rng: random.Random) -> str:
    return _after_imports(source.replace("def described_", "@cache\ndef described_"), "from functools import cache\n")


def _names_exported(source: str, rng: random.Random) -> str:
    names = [function.name for function in _all_functions(source)]
    rng.shuffle(names)
    return _after_imports(source, f"\n__all__ = {names!r}\n")


NULL_CHANGES: dict[str, NullChange] = {
    "1 function": _add_functions(1),
    "20 functions": _add_functions(20),
    "200 functions": _add_functions(200),
    "docstrings added": _docstrings_added,
    "docstrings removed": _docstrings_removed,
    "module docstring": _module_docstring,
    "imports": _imports_added,
    "renamed locals": _locals_renamed,
    "reordered functions": _functions_reordered,
    "new module": _new_module,
    "constants": _constants_added,
    "class": _class_added,
    "annotations": _annotations_added,
    "shifted lines": _lines_shifted,
    "f-string for format": _format_replaced,
    "function deleted": _function_deleted,
    "defaults": _defaults_added,
    "decorator": _unused_cached,
    "exported names": _names_exported,
}
