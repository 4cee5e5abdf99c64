"""What failed as annotations of GitHub's checks: commands that a job's step prints, one line each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..judged import Judgement, RunResult, Verdict
from .terminal import short_reason
from .text import plural, printable

MOST = 9  # GitHub shows 10 errors and 10 warnings of a step; another tool may have one to say
LONGEST_TITLE, LONGEST = 200, 2000  # characters; the runner cuts a message at 4096
_OPEN = {Verdict.INCONCLUSIVE, Verdict.INCOMPARABLE}
_PLACES = {verdict: place for place, verdict in enumerate(Verdict)}

Places = Mapping[str, tuple[str, int | None]]  # file, relative to the root of the checkout, and line by workflow


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One mark: ``level`` is ``error`` or ``warning``; without a ``file`` it stands with the run, not with the code."""

    level: str
    title: str
    message: str
    file: str = ""
    line: int | None = None

    @property
    def command(self) -> str:
        """The line that makes it, escaped as GitHub's own toolkit does."""
        properties = {"file": self.file, "line": "" if self.line is None else str(self.line), "title": self.title}
        told = ",".join(f"{name}={_property(value)}" for name, value in properties.items() if value)
        return f"::{self.level} {told}::{_data(self.message)}"


def commands(run: RunResult, places: Places) -> list[str]:
    """The commands, nine at most: failing workflows, then what else failed the run, then what is open.

    The last one says how many more there would be.
    """
    found = list(_all(run, places))
    if len(found) > MOST:
        left_out = found[MOST - 1 :]
        level = "error" if any(one.level == "error" for one in left_out) else "warning"
        message = f"{plural(len(left_out), 'more annotation')} left out: GitHub shows 10 a step; see the step's summary"
        found[MOST - 1 :] = [Annotation(level=level, title="wfperf", message=message)]
    return [one.command for one in found]


def _all(run: RunResult, places: Places) -> Iterator[Annotation]:
    judgements = sorted(run.judgements, key=lambda judgement: _PLACES[judgement.verdict])
    failing = {verdict for verdict in Verdict if (verdict.fails_strict if run.strict else verdict.fails)}
    yield from _marks("error", [j for j in judgements if j.verdict in failing], places)
    for sentence in (*run.errors, *run.failures):
        yield Annotation(level="error", title="wfperf", message=_shown(sentence, LONGEST))
    yield from _marks("warning", [j for j in judgements if j.verdict in _OPEN - failing], places)


def _marks(level: str, judgements: Sequence[Judgement], places: Places) -> Iterator[Annotation]:
    for judgement in judgements:
        file, line = places.get(judgement.workflow, ("", None))
        yield Annotation(
            level=level,
            title=_shown(f"{judgement.verdict} {judgement.workflow}", LONGEST_TITLE),
            message="\n".join(_shown(told, LONGEST) for told in short_reason(judgement).split("\n"))[: 2 * LONGEST],
            file=printable(file),
            line=line,
        )


def _shown(text: str, longest: int) -> str:
    text = printable(text)
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
