"""What stands in a source file: its layout, told by the tokens, and its symbols, told by the syntax tree."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field

from .sources import Source, Unparsable

_DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_HOLD_STATEMENTS = (ast.stmt, ast.excepthandler, ast.match_case)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is written: lines that hold code, comments, and the comments that ask for attention."""

    code_lines: int
    comments: int
    notes: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Symbol:
    """One class or function. ``line`` is where it begins, decorators included; ``bases`` as they are written."""

    qualname: str
    kind: str
    line: int
    end_line: int
    doc: str
    bases: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.qualname.rpartition(".")[2]


@dataclass(slots=True)
class Contents:
    """What one module defines and imports."""

    statements: int = 0
    symbols: list[Symbol] = field(default_factory=list)
    imports: set[str] = field(default_factory=set)


def tokenise(text: str) -> Layout:
    """Read the file's tokens. Raises Unparsable."""
    code_lines = comments = 0
    notes = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NEWLINE:
                code_lines += 1
            elif token.type == tokenize.COMMENT:
                comments += 1
                if any(word in token.string for word in ("TODO", "FIXME", "XXX")):
                    notes.append((token.start[0], token.string.lstrip("# ")))
    except (SyntaxError, tokenize.TokenError) as error:
        raise Unparsable(f"tokens: {error.args[0]}") from error
    return Layout(code_lines, comments, tuple(notes))


def parse(text: str) -> ast.Module:
    """The file's syntax tree. Raises Unparsable."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError) as error:  # ValueError: a null byte, before Python 3.12
        raise Unparsable(f"syntax: {error}") from error


def extract(source: Source, tree: ast.Module) -> Contents:
    """The symbols, imports and statements of one module, at every depth."""
    contents = Contents()
    package = source.module if source.is_package else source.module.rpartition(".")[0]
    _descend(tree, "", package, contents)
    return contents


def _descend(node: ast.AST, scope: str, package: str, into: Contents) -> None:
    """Visit every statement below ``node``; ``scope`` is the qualified name's beginning, with its dot."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, _HOLD_STATEMENTS):
            continue  # expressions hold no statements
        if isinstance(child, ast.stmt):
            into.statements += 1
        inner = scope
        if isinstance(child, _DEFINITIONS):
            symbol = _symbol(child, scope)
            into.symbols.append(symbol)
            inner = f"{symbol.qualname}." if symbol.kind == "class" else f"{symbol.qualname}.<locals>."
        elif isinstance(child, ast.Import | ast.ImportFrom):
            into.imports.update(_imported(child, package))
        _descend(child, inner, package, into)


def _symbol(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, scope: str) -> Symbol:
    doc = ast.get_docstring(node, clean=False) or ""
    is_class = isinstance(node, ast.ClassDef)
    return Symbol(
        qualname=scope + node.name,
        kind="class" if is_class else "function",
        line=min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]),
        end_line=node.end_lineno or node.lineno,
        doc=doc.strip().partition("\n")[0],
        bases=tuple(ast.unparse(base) for base in node.bases) if isinstance(node, ast.ClassDef) else (),
    )


def _imported(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[str]:
    """Full names of what the statement may import: ``from . import x`` may mean a module x or a name in the package."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    home = package.split(".")
    above = home[: len(home) - node.level + 1] if node.level else []
    base = ".".join([*above, *([node.module] if node.module else [])])
    yield base
    yield from (f"{base}.{alias.name}" for alias in node.names)
