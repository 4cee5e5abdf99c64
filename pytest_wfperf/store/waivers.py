"""Stored, reasoned, expiring permissions: ``waivers.toml``."""

from __future__ import annotations

import tomllib
from datetime import date, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Never

from ..errors import ConfigError
from ..judged import Verdict, Waiver
from . import layout
from .files import exists, read_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_KEYS = ("workflow", "verdict", "reason", "expires")
_WAIVABLE = tuple(verdict for verdict in Verdict if verdict.fails_strict)


def read_waivers(root: Path) -> tuple[Waiver, ...]:
    """The waivers of the store at ``root``, in the file's order; none where there is no file.

    Raises ConfigError naming the file, the entry, the value and the fix.
    """
    path = root / layout.WAIVERS
    if not exists(path):
        return ()
    try:
        data = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    unknown = sorted(data.keys() - {"waiver"})
    if unknown:
        raise ConfigError(f"{path} has an unknown table or key {unknown[0]!r}: entries start with [[waiver]]")
    entries = data.get("waiver", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigError(f"{path}: 'waiver' is not a list of entries: start each with [[waiver]]")
    return tuple(_waiver(entry, f"{path}, entry {number}") for number, entry in enumerate(entries, 1))


def matching(waivers: Iterable[Waiver], workflow: str, verdict: Verdict, today: date) -> Waiver | None:
    """The first waiver that holds for ``verdict`` on ``workflow`` on the day ``today``.

    A waiver's workflow is compared as it is, then as a glob, so that an id with brackets matches itself.
    """
    for waiver in waivers:
        holds = waiver.verdict is verdict and today <= waiver.expires
        if holds and (waiver.workflow == workflow or fnmatchcase(workflow, waiver.workflow)):
            return waiver
    return None


def _waiver(entry: dict[str, Any], source: str) -> Waiver:
    for key in sorted(entry.keys() - set(_KEYS)):
        _refuse(source, f"unknown key {key!r}", f"use {', '.join(_KEYS)}")
    for key in _KEYS:
        if key not in entry:
            _refuse(source, f"{key!r} is missing", "every waiver says workflow, verdict, reason and expires")
    for key in ("workflow", "reason"):
        if not isinstance(entry[key], str) or not entry[key].strip():
            _refuse(source, f"{key} = {entry[key]!r}", "give it as text in quotes")
    if entry["verdict"] not in tuple(map(str, _WAIVABLE)):
        _refuse(source, f"verdict = {entry['verdict']!r}", f"only these can be waived: {', '.join(_WAIVABLE)}")
    expires = entry["expires"]
    if not isinstance(expires, date) or isinstance(expires, datetime):
        _refuse(source, f"expires = {expires!r}", "give a date without quotes, such as 2026-12-31")
    return Waiver(
        workflow=entry["workflow"],
        verdict=Verdict(entry["verdict"]),
        reason=entry["reason"],
        expires=expires,
        source=source,
    )


def _refuse(source: str, problem: str, fix: str) -> Never:
    raise ConfigError(f"{source}: {problem}; {fix}")
