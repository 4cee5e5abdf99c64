"""The index: one SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from .syntax import Contents, Layout, Symbol

if TYPE_CHECKING:
    from .sources import Source

_SCHEMA = """
CREATE TABLE files (
    id INTEGER PRIMARY KEY, module TEXT UNIQUE, path TEXT, digest TEXT, bytes INTEGER,
    code_lines INTEGER, comments INTEGER, statements INTEGER, problem TEXT
);
CREATE TABLE symbols (
    file INTEGER REFERENCES files ON DELETE CASCADE,
    qualname TEXT, name TEXT, kind TEXT, line INTEGER, end_line INTEGER, doc TEXT
);
CREATE TABLE bases (file INTEGER REFERENCES files ON DELETE CASCADE, qualname TEXT, base TEXT);
CREATE TABLE imports (file INTEGER REFERENCES files ON DELETE CASCADE, target TEXT);
CREATE TABLE notes (file INTEGER REFERENCES files ON DELETE CASCADE, line INTEGER, text TEXT);
CREATE INDEX symbols_by_name ON symbols (name);
CREATE INDEX symbols_by_file ON symbols (file, qualname);
CREATE INDEX bases_by_base ON bases (base);
CREATE INDEX bases_by_file ON bases (file);
CREATE INDEX imports_by_target ON imports (target);
CREATE INDEX imports_by_file ON imports (file);
CREATE INDEX notes_by_file ON notes (file);
"""


class Index:
    """The index in the file at ``path``, which is made if there is none. Close it, or use it in ``with``."""

    def __init__(self, path: Path) -> None:
        new = not path.exists()
        self._db = sqlite3.connect(path)
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.execute("PRAGMA synchronous = OFF")  # a lost index is built again
        if new:
            self._db.executescript(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    # --- writing ---

    def put(self, source: Source, data: bytes, digest: str, layout: Layout, contents: Contents) -> None:
        """Store a parsed file in place of what was known of it. See :meth:`commit`."""
        figures = (layout.code_lines, layout.comments, contents.statements)
        file = self._file(source, digest, len(data), figures, None)
        symbols = contents.symbols
        many = self._db.executemany
        many(
            "INSERT INTO symbols VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(file, s.qualname, s.name, s.kind, s.line, s.end_line, s.doc) for s in symbols],
        )
        many("INSERT INTO bases VALUES (?, ?, ?)", [(file, s.qualname, base) for s in symbols for base in s.bases])
        many("INSERT INTO imports VALUES (?, ?)", [(file, target) for target in sorted(contents.imports)])
        many("INSERT INTO notes VALUES (?, ?, ?)", [(file, line, text) for line, text in layout.notes])

    def put_unparsable(self, source: Source, data: bytes, digest: str, reason: str) -> None:
        """Store that a file could not be parsed, and why."""
        self._file(source, digest, len(data), (0, 0, 0), reason)

    def commit(self) -> None:
        """Make everything put since the last commit last."""
        self._db.commit()

    def _file(
        self, source: Source, digest: str, size: int, figures: tuple[int, int, int], problem: str | None
    ) -> int | None:
        self._db.execute("DELETE FROM files WHERE module = ?", (source.module,))
        row = (source.module, str(source.path), digest, size, *figures, problem)
        return self._db.execute("INSERT INTO files VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)", row).lastrowid

    # --- asking ---

    def modules(self) -> dict[str, Path]:
        """Every module known, and its file."""
        return {module: Path(path) for module, path in self._db.execute("SELECT module, path FROM files")}

    def digests(self) -> Mapping[str, str]:
        """Every module known, and the digest of the file it was read from."""
        return dict(self._db.execute("SELECT module, digest FROM files"))

    def unparsable(self) -> dict[str, str]:
        """Modules that could not be parsed, and why."""
        return dict(self._db.execute("SELECT module, problem FROM files WHERE problem IS NOT NULL"))

    def find(self, module: str, qualname: str) -> list[Symbol]:
        """Every definition of a name; one that stands in both branches of an ``if`` has two."""
        rows = self._db.execute(
            "SELECT qualname, kind, line, end_line, doc FROM symbols JOIN files ON files.id = symbols.file "
            "WHERE module = ? AND qualname = ? ORDER BY line",
            (module, qualname),
        )
        return [Symbol(*row) for row in rows]

    def subclasses(self, base: str) -> set[str]:
        """``module.qualname`` of every class that names ``base`` among its bases."""
        rows = self._db.execute(
            "SELECT module || '.' || qualname FROM bases JOIN files ON files.id = bases.file WHERE base = ?", (base,)
        )
        return {name for (name,) in rows}

    def importers(self, module: str) -> set[str]:
        """Modules with a statement that imports ``module`` or something out of it."""
        rows = self._db.execute(
            "SELECT module FROM imports JOIN files ON files.id = imports.file WHERE target = ?", (module,)
        )
        return {name for (name,) in rows}

    def longest(self, kind: str, count: int) -> list[tuple[str, int]]:
        """The symbols of one kind with the most lines: ``module.qualname`` and how many."""
        rows: Iterable[tuple[str, int]] = self._db.execute(
            "SELECT module || '.' || qualname, end_line - line + 1 AS lines FROM symbols "
            "JOIN files ON files.id = symbols.file WHERE kind = ? ORDER BY lines DESC, 1 LIMIT ?",
            (kind, count),
        )
        return list(rows)

    def totals(self) -> dict[str, int]:
        """How much there is of everything."""
        row = self._db.execute(
            "SELECT count(*), sum(bytes), sum(statements), (SELECT count(*) FROM symbols), "
            "(SELECT count(*) FROM notes) FROM files"
        ).fetchone()
        return dict(zip(("files", "bytes", "statements", "symbols", "notes"), row, strict=True))
