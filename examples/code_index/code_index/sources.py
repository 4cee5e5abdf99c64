"""Source files: which there are, and what text they hold."""

from __future__ import annotations

import hashlib
import io
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


class Unparsable(Exception):
    """A file that holds no Python this interpreter accepts; ``reason`` says why in one line."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Source:
    """One file. ``module`` is the dotted name it is imported by."""

    module: str
    path: Path

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    def read(self) -> bytes:
        return self.path.read_bytes()


def discover(root: Path, names: Iterable[str]) -> list[Source]:
    """Every source file of the named modules and packages under ``root``, in order; what is absent is left out."""
    found: list[Source] = []
    for name in names:
        place = root.joinpath(*name.split("."))
        if place.is_dir():
            found += [Source(_module(path, root), path) for path in sorted(place.rglob("*.py"))]
        elif place.with_suffix(".py").is_file():
            found.append(Source(name, place.with_suffix(".py")))
    return found


def _module(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def digest(data: bytes) -> str:
    """What tells one version of a file from another."""
    return hashlib.sha256(data).hexdigest()


def decode(data: bytes) -> str:
    """The file's text, in the encoding it declares. Raises Unparsable."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return io.TextIOWrapper(io.BytesIO(data), encoding).read()
    except (SyntaxError, UnicodeDecodeError) as error:
        raise Unparsable(f"encoding: {error}") from error
