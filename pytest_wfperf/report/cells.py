"""What the tables of a run say, cell by cell: printable text, for the terminal and for Markdown alike."""

from __future__ import annotations

from ..judged import Effect, Judgement, PassRate, StepSummary, Target, Verdict
from .reasons import interval
from .text import amount, caught, change, duration, printable, proof, share

OVERVIEW = ("verdict", "workflow", "median", "p95", "change", "95 % interval", "could have\ncaught", "targets\nmet")
STEP = ("step", "median", "share", "times")
EFFECT = ("change", "95 % interval", "could have\ncaught", "")
TARGET = ("target", "actual", "status", "")
RATE = ("check", "passed", "at least", "lower bound", "", "")


def overview(judgement: Judgement) -> list[str]:
    """One workflow, under ``OVERVIEW``."""
    figures, comparison, targets = judgement.summary, judgement.comparison, judgement.targets
    total = comparison.total if comparison else None
    met = sum(target.status == "met" for target in targets)
    judged = sum(target.status != "unknown" or total is not None for target in targets)
    return [
        str(judgement.verdict),
        printable(judgement.workflow),
        duration(figures.median_ns) if figures else "-",
        duration(figures.p95_ns) if figures else "-",
        change(total.change) if total else "",
        interval(total) if total else "",
        caught(total.could_have_caught) if total else "",
        f"{met}/{judged}" if judged else "",
    ]


def step(figures: StepSummary) -> list[str]:
    """One step, under ``STEP``."""
    return [printable(figures.path), duration(figures.median_ns), share(figures.share), f"{figures.count:g}"]


def effect(found: Effect | None) -> list[str]:
    """How a step changed, under ``EFFECT``; None is a step that the baseline does not have."""
    if found is None:
        return ["new", "", "", ""]
    told = "" if found.verdict is Verdict.PASS else str(found.verdict)
    return [change(found.change), interval(found), caught(found.could_have_caught), told]


def target(found: Target) -> list[str]:
    """One threshold, under ``TARGET``."""
    return [printable(found.threshold), amount(found.actual, found.unit), found.status, printable(found.detail)]


def rate(found: PassRate) -> list[str]:
    """One quality gate, under ``RATE``."""
    return [
        printable(found.name or "all checks"),
        f"{found.passed}/{found.total}",
        share(found.minimum),
        share(found.bound),
        "holds" if found.holds else "FAILS",
        "proved" if found.proved else f"{proof(found.rounds_to_prove)} prove it",
    ]
