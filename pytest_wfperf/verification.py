"""A what-if put to the proof: the workflow is run with delays in it, and the prediction held against what it took."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .analyse.question import Change, Questions, parse
from .analyse.what_if import Prediction, median_interval, predict
from .errors import ConfigError, MeasurementError
from .measure.steps import DELAYS
from .model import Profile, Round
from .samples import quantile
from .store.schema import decode_profile, read_document

ROUNDS = 12
SLOWEST = 20.0  # times that everything else may have to take
_WEIGHTY = 0.05  # of the workflow: whether the delays of lesser steps took effect matters little
_OFF = 0.2
_TOLD_LINES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """A prediction from rounds as they are, and what rounds with delays in them took.

    ``slowed`` is by how much all else was slowed to make the steps in question faster (1: it was not);
    ``measured_ns``, with an interval as the prediction's, is divided by it.
    """

    prediction: Prediction
    measured_ns: float
    low_ns: float | None
    high_ns: float | None
    confidence: float
    rounds: int
    slowed: float
    notes: tuple[str, ...] = ()

    @property
    def error(self) -> float:
        """By how much the prediction is off, as a fraction of what was measured."""
        return self.prediction.predicted_ns / self.measured_ns - 1 if self.measured_ns > 0 else 0.0


def verify(test: str, asked: str | Questions, *, rounds: int = ROUNDS, directory: Path | None = None) -> Verification:
    """Run one workflow twice, as it is and with delays, each in a pytest process of its own in ``directory``.

    ``test`` is its node id. Raises ConfigError for questions that delays cannot answer, MeasurementError where the
    workflow cannot be measured.
    """
    questions = parse(asked) if isinstance(asked, str) else asked
    _check(test, questions)
    plain = _profile(test, rounds, directory, None)
    prediction = predict(plain, questions)
    factors = {change.path: _factor(plain, change) for change in questions.changes}
    slowed = max(1.0, 1.0 / min(factors.values()))
    order = json.dumps({"others": slowed, "factors": factors})
    delayed = _profile(test, rounds, directory, order)
    measured = [_scaled(taken, slowed) for taken in _passed(delayed)]
    low, high, confidence = median_interval(measured)
    return Verification(
        prediction=prediction,
        measured_ns=quantile(measured, 0.5),
        low_ns=low,
        high_ns=high,
        confidence=confidence,
        rounds=len(measured),
        slowed=slowed,
        notes=tuple(dict.fromkeys(_notes(plain, delayed, slowed, factors))),
    )


def _check(test: str, questions: Questions) -> None:
    if test.startswith("-"):
        raise ConfigError(f"{test!r} is no test: name the workflow's node id, as in tests/test_shop.py::test_checkout")
    if not questions.changes or questions.together or questions.workers is not None:
        raise ConfigError(
            f"what-if {questions.text!r}: delays can only verify other times of steps, such as parse=0.5x; "
            "to see steps at once or other workers, change the workflow and measure it"
        )


def _factor(plain: Profile, change: Change) -> float:
    """How many times its time a step is to take. Raises ConfigError for what all else cannot be slowed enough for."""
    taken_ns = float(plain.step(change.path).median) * 1e9
    factor = change.of(taken_ns) / max(1.0, taken_ns)
    if not 1 / SLOWEST <= factor <= SLOWEST:
        raise ConfigError(
            f"{change.path} at {factor:.3g} of its time cannot be verified with delays: "
            f"ask for {1 / SLOWEST:g}x to {SLOWEST:g}x"
        )
    return factor


def _scaled(taken: Round, slowed: float) -> float:
    """A round's time if nothing had been slowed: what came before the first step and after the last was not."""
    first = min((span.start_ns for span in taken.spans), default=taken.total_ns)
    last = max((span.end_ns for span in taken.spans), default=taken.total_ns)
    return first + (last - first) / slowed + taken.total_ns - last


def _notes(plain: Profile, delayed: Profile, slowed: float, factors: dict[str, float]) -> Iterator[str]:
    """What stands against the measurement: steps that the delays missed, and what the recorder had to say."""
    for taken in _passed(delayed):
        yield from taken.notes
    for path in plain.steps:
        if path not in delayed.steps or any(other.startswith(f"{path}/") for other in plain.steps):
            continue
        before, after = plain.step(path).median, delayed.step(path).median
        wanted = slowed
        for named, factor in factors.items():
            wanted *= factor if f"{path}/".startswith(f"{named}/") else 1.0
        if before >= _WEIGHTY * plain.times.median and abs(after / (wanted * before) - 1) > _OFF:
            yield f"{path} took {after / before:.2f} times its time where it was to take {wanted:.2f} times"


# --- pytest -----------------------------------------------------------------------------


def _profile(test: str, rounds: int, directory: Path | None, order: str | None) -> Profile:
    """What one pytest process measures of the workflow, with delays where there is an order for them."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WFPERF_")}
    if order is not None:
        environment[DELAYS] = order
    with tempfile.TemporaryDirectory(prefix="wfperf-") as place:
        report = Path(place, "results.json")
        options = [f"--wfperf-report={report}", "--wfperf-launches=0", f"--wfperf-rounds={rounds}"]
        done = subprocess.run(  # noqa: S603  the user's own test, as the user would run it
            [sys.executable, "-m", "pytest", test, "-p", "no:cacheprovider", *options],
            cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", check=False,
        )  # fmt: skip
        found = _workflows(report)
    if len(found) != 1 or not _passed(found[0]):
        said = "\n".join(done.stdout.strip().splitlines()[-_TOLD_LINES:])
        which = f"names {len(found)} workflows, not one" if found and _passed(found[0]) else "was not measured"
        raise MeasurementError(f"{test} {which}; pytest ended with code {done.returncode} and said:\n{said}")
    return replace(found[0], workflow=test)


def _workflows(report: Path) -> list[Profile]:
    if not report.exists():
        return []
    judged = read_document(report, "results")["workflows"]
    return [decode_profile(each["profile"], str(report)) for each in judged if each["profile"] is not None]


def _passed(profile: Profile) -> Sequence[Round]:
    return [taken for taken in profile.rounds if taken.status == "passed"]
