"""What a report shows: one exhibit a workflow, and the occasion of the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..analyse.analysis import Analysis
from ..analyse.history import History
from ..judged import Judgement
from ..model import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """One workflow with all that a report may show of it.

    ``profile`` is None where the workflow left none (MISSING, say), ``encoded`` the same as the store encodes it.
    ``analysis`` is there where it has rounds and steps. ``before`` is what it was held against: the stored sessions
    of the version in force, oldest first, or the launches of the other revision. ``history`` goes over all stored
    versions, None where no report of the run shows it. ``file`` is the test's, relative to pytest's root directory,
    ``line`` its first line, counted from 1.
    """

    judgement: Judgement
    profile: Profile | None = None
    encoded: Mapping[str, Any] | None = None
    analysis: Analysis | None = None
    before: tuple[Profile, ...] = ()
    history: History | None = None
    file: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """When and on what code the run was: ``commit`` and ``branch`` are empty where git does not tell."""

    created: datetime
    commit: str = ""
    branch: str = ""
