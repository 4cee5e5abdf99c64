"""The floor plan, read from the imports: nothing imports upward, and the four rooms of floor 1 never meet."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "pytest_wfperf"
FLOORS = {
    "errors": 0, "samples": 0, "loads": 0, "model": 0, "estimate": 0, "priors": 0, "judged": 0,
    "measure": 1, "store": 1, "judge": 1, "analyse": 1,
    "report": 2, "interop": 2, "examination": 2, "options": 2, "settings": 2, "fixture": 2, "selection": 2, "gate": 2,
    "launching": 2, "pairing": 2, "counting": 2, "work": 2, "verification": 2, "keeping": 2, "storing": 2, "concluding": 2, "showing": 2,
    "posting": 2, "recalling": 2,
    "shell": 3, "judging": 3, "launcher": 3, "child": 3, "plugin": 3, "cli": 3, "commands": 3, "doctor": 3,
    "__init__": 3, "__main__": 3,
}  # fmt: skip
ROOMS = {"measure", "store", "judge", "analyse"}
MAY_IMPORT_PYTEST = {
    "options.py",
    "settings.py",
    "fixture.py",
    "selection.py",
    "plugin.py",
    "shell.py",
    "judging.py",
    "launcher.py",
    "child.py",
    "measure/worker.py",
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def place(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Top-level names of everything a file imports: rooms of this package, or foreign packages."""
    found = set()
    depth = len(path.relative_to(PACKAGE).parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.level == 0:
                found.add((node.module or "").partition(".")[0])
            elif node.level == depth:
                names = [node.module.partition(".")[0]] if node.module else [alias.name for alias in node.names]
                found |= {f".{name}" for name in names}
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nothing_imports_upward_and_rooms_do_not_meet(path):
    here = place(path)
    for name in imports(path):
        if name.startswith("."):
            there = name[1:]
            assert FLOORS[there] <= FLOORS[here], f"{path.name} (floor {FLOORS[here]}) imports {there}"
            if here in ROOMS and there in ROOMS:
                assert here == there, f"{here} imports {there}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_pytest_is_imported_only_where_items_are(path):
    if str(path.relative_to(PACKAGE)) not in MAY_IMPORT_PYTEST and "interop" not in path.parts:
        assert not {"pytest", "_pytest"} & imports(path)


def test_every_module_has_its_floor():
    assert {place(path) for path in MODULES} <= FLOORS.keys()


def test_the_entry_module_imports_nothing_but_pytest_and_the_table():
    tree = ast.parse((PACKAGE / "plugin.py").read_text(encoding="utf-8"))
    relative = {
        node.module or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.level
        for alias in node.names
    }
    assert relative == {"options"}
