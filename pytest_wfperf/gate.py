"""The main process's side of a run: judges each profile as it arrives; :mod:`.concluding` the run as a whole.

Between a profile's arrival and the end of the run only its compact encoding and its judgement are
held (some 19 KiB together for 20 steps × 12 rounds); stored profiles are read, judged and let go. So
memory grows by little more than that per workflow, however large the store is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from .analyse.attribution import attribution, attribution_of_pairs
from .analyse.kind import kind
from .errors import BaselineError
from .judge import contention
from .judge.compare import Stored
from .judge.threshold import parse
from .judge.verdict import Policy, Reference, judge
from .judged import Comparison, Judgement, Measured, Verdict
from .measure.conditions import environment as environment_here
from .model import Environment, Profile
from .selection import Selection
from .settings import Settings
from .store.directory import Baseline, Store
from .store.layout import storable
from .store.schema import decode_profile, encode_profile
from .store.waivers import matching, read_waivers


class Gate:
    """Judges workflows against a baseline and thresholds."""

    def __init__(self, settings: Settings, rootpath: Path, *, concurrency: int = 0, today: date | None = None) -> None:
        self.settings = settings
        self.rootpath = rootpath
        self.today = today or date.today()  # noqa: DTZ011  a waiver expires by the user's calendar
        self.store = Store(settings.store)
        self.concurrency = concurrency
        self.workflows: int | None = None  # how many share the run's error, where that is known
        self.measured: dict[str, Measured] = {}  # what launches found, by workflow
        self.reused: Mapping[str, Measured] = {}  # what an interrupted run measured in its own process
        self.resumed: datetime | None = None  # when that run began
        self.skipped: dict[str, str] = {}
        self.broken: set[str] = set()  # tests that failed or could not run
        self.judgements: dict[str, Judgement] = {}
        self._profiles: dict[str, bytes] = {}
        self.environments: dict[str, Environment] = {}
        self._baselines: dict[Environment, tuple[Baseline | None, tuple[str, ...]]] = {}
        self.errors: list[str] = []
        self.lost: dict[str, float] = {}  # share of each workflow's time in which others had the processor
        self._waivers = read_waivers(settings.store)

    def open(self) -> None:
        """Find out before anything runs whether the baseline can be read. Raises BaselineError, ConfigError."""
        settings = self.settings
        self.store.check()
        for name in {settings.baseline, settings.extend} - {None}:
            self.store.in_force(str(name))
        if settings.save is not None and settings.save in self.store.names():
            self.store.in_force(settings.save)

    # --- one workflow -----------------------------------------------------------------

    def judge(self, carried: Mapping[str, Any], failure: str) -> Judgement:
        """Judge a workflow by its launches, failing those by the profile that its test's report carries.

        ``failure`` is why the test failed, if it did.
        """
        settings = self.settings
        profile = decode_profile(carried["profile"], "the test's report")
        measured = self.measured_of(profile.workflow)
        profile = replace(measured.profile or profile, variant=profile.variant)
        failure = failure or measured.error
        if settings.against is not None and measured.against is None:
            failure = failure or f"no launch measured it, so it was not held against revision {settings.against}"
        policy = Policy(
            thresholds=tuple(parse(text, source) for text, source in carried["thresholds"]),
            prices=settings.prices,
            min_pass_rate=settings.min_pass_rate,
            strict=settings.strict,
        )
        try:
            reference = self._reference(profile, measured)
        except BaselineError as error:
            self.errors.append(str(error))
            reference, failure = Reference(), failure or str(error)
        self.lost[profile.workflow] = contention.lost(profile.launches)
        judgement = judge(profile, reference=reference, policy=policy, failure=failure)
        if judgement.comparison is not None:
            parts = tuple(self._parts(profile, reference).items())
            seconds = judgement.comparison.seconds or measured.seconds
            comparison = replace(judgement.comparison, contributions=parts, seconds=seconds)
            judgement = replace(judgement, comparison=replace(comparison, kind=_kind(profile, reference, comparison)))
        judgement = self._waived(judgement)
        self.judgements[profile.workflow] = judgement
        self.environments[profile.workflow] = profile.environment
        encoded = carried["profile"] if measured.profile is None else encode_profile(profile)
        self._profiles[profile.workflow] = json.dumps(encoded, separators=(",", ":")).encode()
        return judgement

    def measured_of(self, workflow: str) -> Measured:
        """What was measured of a workflow elsewhere than in its own run: in launches, or by an interrupted run."""
        return self.measured.get(workflow) or self.reused.get(workflow) or Measured()

    @staticmethod
    def _parts(profile: Profile, reference: Reference) -> dict[str, float]:
        """The parts of the change that each step carries."""
        before = [launch for _, stored in reference.stored for launch in stored.launches]
        if reference.comparison is not None and reference.comparison.sessions == 0:
            return attribution_of_pairs(tuple(zip(profile.launches, before, strict=True)))
        return attribution(profile.rounds, [r for launch in before for r in launch.rounds])

    def round_s(self, workflow: str) -> float | None:
        """How long a stored round of the workflow took here, s; None where that is not known."""
        if self.settings.judges_against is None:
            return None
        baseline, differences = self._baseline(environment_here(0))  # launches are alone, whoever runs beside them
        if baseline is None or differences or workflow not in baseline.workflows():
            return None
        return min(float(profile.times.median) for profile in baseline.sessions(workflow) if profile.rounds)

    def miss(self, workflow: str) -> Judgement:
        """Judge a workflow that did not run although it should have."""
        why = self.skipped.get(workflow)
        stored = self._label(self._here()[0])
        failure = f"skipped: {why}" if why else f"in baseline {stored}, but this run did not meet it"
        judgement = self._waived(Judgement(workflow=workflow, verdict=Verdict.MISSING, failure=failure))
        self.judgements[workflow] = judgement
        return judgement

    def missing(self, selection: Selection) -> list[str]:
        """Stored workflows that this selection should have met and that left no profile."""
        if self.settings.baseline is None:
            return []
        stored = self.stored()
        return sorted(w for w in stored - self.judgements.keys() - self.broken if selection.expects(w))

    def _reference(self, profile: Profile, measured: Measured) -> Reference:
        """What it is held against: another revision, the version in force here, or for what is exact elsewhere."""
        if measured.error or (self.settings.against is not None and measured.against is None):
            return Reference()  # what there is of it is no evidence
        if measured.against is not None:
            return Reference(
                baseline=f"revision {self.settings.against}",
                stored=((0.0, measured.against),),
                comparison=measured.comparison,
            )
        if self.settings.judges_against is None:
            return Reference()
        baseline, differences = self._baseline(profile.environment)
        stored = () if baseline is None else _dated_sessions(baseline, profile.workflow)
        if self.settings.baseline is None and self.settings.extend is None and (differences or not stored):
            return Reference()  # a first save has nothing to be held against
        return Reference(
            baseline=self._label(baseline),
            stored=stored,
            differences=differences if stored else (),
            workflows=self.workflows or (1 if baseline is None else len(baseline.workflows())),
        )

    def _baseline(self, environment: Environment) -> tuple[Baseline | None, tuple[str, ...]]:
        """The version in force for an environment; failing that another's, with the differences."""
        if environment not in self._baselines:
            name = str(self.settings.judges_against)
            found: Baseline | None = None
            differences: tuple[str, ...] = ()
            if name in self.store.names():
                found = self.store.open(name, environment)
                if found is None:
                    found = self.store.elsewhere(name, environment)
                    differences = () if found is None else environment.differences(found.environment)
            self._baselines[environment] = found, differences
        return self._baselines[environment]

    def _here(self) -> tuple[Baseline | None, tuple[str, ...]]:
        environments = dict.fromkeys(self.environments.values()) or {environment_here(self.concurrency): None}
        return self._baseline(next(iter(environments)))

    def stored(self) -> frozenset[str]:
        """Workflows of the version in force in this run's environment, or of another's where it has none."""
        if self.settings.judges_against is None:
            return frozenset()
        baseline, _ = self._here()
        return frozenset() if baseline is None else baseline.workflows()

    def stored_among(self, node_ids: set[str]) -> int:
        """How many of the collected tests are stored workflows."""
        return len(self.stored() & node_ids)

    def _label(self, baseline: Baseline | None) -> str:
        name = str(self.settings.judges_against)
        return name if baseline is None else f"{name} {baseline.version}"

    def _waived(self, judgement: Judgement) -> Judgement:
        verdict = judgement.verdict
        reason = ""
        if verdict in (Verdict.REGRESSED, Verdict.MISSING) and self.settings.accept and self.settings.save:
            reason = f"accepted: {self.settings.accept}"
        elif verdict.fails_strict:
            waiver = matching(self._waivers, judgement.workflow, verdict, self.today)
            if waiver is not None:
                reason = f"{waiver.reason} (until {waiver.expires}, {waiver.source})"
        return judgement if not reason else replace(judgement, verdict=Verdict.WAIVED, waived=verdict, waiver=reason)

    # --- what the run has -------------------------------------------------------------

    def before(self, profile: Profile) -> tuple[Profile, ...]:
        """What a judged workflow was held against: stored sessions, oldest first, or another revision's launches.

        Raises BaselineError.
        """
        return tuple(stored for _, stored in self._reference(profile, self.measured_of(profile.workflow)).stored)

    def encoded(self, workflow: str) -> dict[str, Any] | None:
        """A judged workflow's profile as the store encodes it; None where it left none."""
        data = self._profiles.get(workflow)
        return None if data is None else json.loads(data)

    def profile(self, workflow: str) -> Profile | None:
        """A judged workflow's profile; None where it left none."""
        data = self.encoded(workflow)
        return None if data is None else decode_profile(data, workflow)

    def profile_data(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every judged workflow's profile in its encoded form, one at a time."""
        for workflow, data in self._profiles.items():
            yield workflow, json.loads(data)


def _kind(profile: Profile, reference: Reference, comparison: Comparison) -> str:
    """What counts make of the regression: of the newest stored ones."""
    counted = [stored.counts for _, stored in reference.stored if stored.counts]
    regressed = [e for e in comparison.effects if e.verdict is Verdict.REGRESSED]
    parts = dict(comparison.contributions)
    regressed.sort(key=lambda e: (e.path == "", -parts.get(e.path, 0.0)))
    return kind(profile.counts, counted[-1], [e.path for e in regressed]) if counted else ""


def _dated_sessions(baseline: Baseline, workflow: str) -> Stored:
    profiles = baseline.sessions(workflow)
    dates = [session.created.timestamp() for session in baseline.contents if storable(workflow) in session.workflows]
    return tuple(zip(dates, profiles, strict=True))
