"""Formats that draw a round of each workflow: the reports that do so, on what an export knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..analyse.analysis import analyse
from ..judged import Judgement, RunResult, Verdict
from ..model import Profile
from ..report import Reporter
from ..report import speedscope as report_speedscope
from ..report import trace as report_trace
from ..report.exhibit import Exhibit, Occasion
from .figures import Export, Figures, RunFigures

UNJUDGED = "nobody has judged this: only a results file knows verdicts"


def trace(run: RunFigures, profiles: Mapping[str, Profile], occasion: Occasion) -> Export:
    """The run as Perfetto shows it; ``profiles`` are by workflow. One without rounds is there with its verdict."""
    return Export(text=_drawn(report_trace, run, profiles, occasion))


def speedscope(run: RunFigures, profiles: Mapping[str, Profile], occasion: Occasion) -> Export:
    """The run as speedscope shows it, which has no place for a workflow without rounds."""
    left_out = tuple(f"{each.workflow}: nothing was measured" for each in run.workflows if each not in run.measured)
    return Export(text=_drawn(report_speedscope, run, profiles, occasion), left_out=left_out)


def _drawn(reporter: Reporter, run: RunFigures, profiles: Mapping[str, Profile], occasion: Occasion) -> str:
    """A workflow that nobody has judged is INCONCLUSIVE, and its run does not hold: a drawing says one or the other."""
    judgements = tuple(map(_judgement, run.workflows))
    unjudged = any(figures.verdict is None for figures in run.workflows)
    result = RunResult(
        judgements=judgements,
        strict=any(figures.fails for figures in run.workflows),  # else a verdict could fail that did not then
        failures=(UNJUDGED,) if unjudged else run.problems,
    )
    parts = [reporter.part(exhibit) for exhibit in _exhibits(judgements, profiles)]
    return reporter.whole(result, occasion, parts).decode()


def _judgement(figures: Figures) -> Judgement:
    reasons = (UNJUDGED,) if figures.verdict is None else figures.reasons
    return Judgement(
        workflow=figures.workflow,
        verdict=figures.verdict or Verdict.INCONCLUSIVE,
        failure="; ".join(reasons),
        baseline=figures.baseline,
        summary=figures.summary,
    )


def _exhibits(judgements: Sequence[Judgement], profiles: Mapping[str, Profile]) -> Iterator[Exhibit]:
    for judgement in judgements:
        profile = profiles.get(judgement.workflow)
        yield Exhibit(
            judgement=judgement,
            profile=profile,
            analysis=None if profile is None or not (profile.rounds and profile.steps) else analyse(profile),
            file=judgement.workflow.partition("::")[0],
        )
