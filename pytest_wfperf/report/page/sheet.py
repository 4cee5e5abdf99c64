"""What the page says of one workflow in words and tables; the charts have data of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...judged import Comparison, Judgement, Summary, Verdict
from .. import analysis, cells, load
from ..exhibit import Exhibit
from ..reasons import how, outlook, reasons
from ..text import caught, plural, share
from . import past
from .surroundings import Surroundings, surroundings
from .table import Table, table

MOST_STEPS = 50  # in the table of steps: those that regressed, then the slowest
SEVERITY = {verdict: place for place, verdict in enumerate(Verdict)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One workflow: a row of the overview with the ``keys`` it is sorted by, and a section.

    ``reasons`` are lists of lines. ``evidence`` says what was measured, against what, and what it could have shown;
    ``remarks`` where the time goes. ``different`` are sentences about facts that do not match.
    """

    verdict: Verdict
    workflow: str
    place: str
    row: tuple[str, ...]
    keys: tuple[float | None, ...]
    reasons: tuple[tuple[str, ...], ...]
    evidence: tuple[str, ...]
    notes: tuple[str, ...]
    tables: tuple[Table, ...]
    remarks: tuple[str, ...]
    history: tuple[str, ...]
    different: tuple[str, ...]
    surroundings: Surroundings


def sheet(exhibit: Exhibit) -> Sheet:
    """The workflow's sheet; its texts are still to be made printable."""
    judgement = exhibit.judgement
    around = () if exhibit.profile is None else surroundings(exhibit.profile, exhibit.before)
    place = exhibit.file if exhibit.line is None else f"{exhibit.file}:{exhibit.line}"
    return Sheet(
        verdict=judgement.verdict,
        workflow=judgement.workflow,
        place=place,
        row=tuple(map(_typeset, cells.overview(judgement)[2:])),
        keys=_keys(judgement),
        reasons=tuple(tuple(reason.split("\n")) for reason in reasons(judgement)),
        evidence=tuple(map(_typeset, _evidence(judgement))),
        notes=() if judgement.summary is None else judgement.summary.notes,
        tables=tuple(filter(lambda one: one.rows, _tables(judgement))),
        remarks=tuple(_remarks(exhibit)),
        history=()
        if exhibit.history is None
        else tuple(past.told(exhibit.history, judgement.baseline.partition(" ")[0])),
        different=() if any(one.differs and one.kind == "fact" for one in around) else judgement.differences,
        surroundings=around,
    )


def _typeset(cell: str) -> str:
    return cell.replace(">= ", "≥ ")


def _keys(judgement: Judgement) -> tuple[float | None, ...]:
    """What the columns of the overview are sorted by: severity, median, p95, change, could have caught, targets."""
    figures, comparison, targets = judgement.summary, judgement.comparison, judgement.targets
    total = None if comparison is None else comparison.total
    return (
        SEVERITY[judgement.verdict],
        None if figures is None else round(figures.median_ns),
        None if figures is None else round(figures.p95_ns),
        None if total is None else round(total.change, 4),
        None if total is None or total.could_have_caught is None else round(total.could_have_caught, 4),
        sum(target.status == "met" for target in targets) / len(targets) if targets else None,
    )


def _evidence(judgement: Judgement) -> Iterator[str]:
    figures, comparison = judgement.summary, judgement.comparison
    if figures is None:
        return
    rounds = plural(figures.rounds, "round") + (f" after {figures.warmup} to warm up" if figures.warmup else "")
    if comparison is None:
        yield rounds
        return
    total = comparison.total
    bounds = f"limit {share(total.limit)}; could have caught {caught(total.could_have_caught)}"
    yield f"{rounds} {how(comparison)}, {bounds}"
    if comparison.outlook:
        yield outlook(comparison)
    for what, steps in (("new", comparison.appeared), ("gone", comparison.vanished)):
        if steps:
            yield f"{what} since the baseline: {', '.join(steps)}"


def _remarks(exhibit: Exhibit) -> Iterator[str]:
    if exhibit.profile is not None:
        yield from load.lines(exhibit.profile)
    if exhibit.analysis is not None:
        yield from analysis.in_short(exhibit.analysis)
        yield from analysis.lost(exhibit.analysis.bottlenecks)


def _tables(judgement: Judgement) -> Iterator[Table]:
    yield table("Targets", cells.TARGET, [cells.target(one) for one in judgement.targets], marked=_missed(judgement))
    failing = [number for number, one in enumerate(judgement.pass_rates) if not one.holds]
    yield table("Quality gates", cells.RATE, [cells.rate(one) for one in judgement.pass_rates], marked=failing)
    figures = judgement.summary
    if figures is not None:
        yield _steps(figures, judgement.comparison)
        metrics = [[m.name, f"{m.value:.6g} {m.unit}".rstrip(), f"{m.better} is better"] for m in figures.metrics]
        yield table("Metrics", ("metric", "median", ""), metrics)


def _missed(judgement: Judgement) -> list[int]:
    return [number for number, target in enumerate(judgement.targets) if target.status == "missed"]


def _steps(figures: Summary, comparison: Comparison | None) -> Table:
    effects = {} if comparison is None else {effect.path: effect for effect in comparison.steps}
    regressed = {path for path, effect in effects.items() if effect.verdict is Verdict.REGRESSED}
    steps = sorted(figures.steps, key=lambda one: (one.path not in regressed, -one.median_ns))
    shown = [one for one in figures.steps if one in steps[:MOST_STEPS]]
    headers, rows = list(cells.STEP), [cells.step(one) for one in shown]
    if all(row[-1] == "1" for row in rows):  # how often each was entered says nothing then
        headers, rows = headers[:-1], [row[:-1] for row in rows]
    if comparison is not None:
        headers += cells.EFFECT
        rows = [
            [*row, *map(_typeset, cells.effect(effects.get(one.path)))] for row, one in zip(rows, shown, strict=True)
        ]
    more = len(steps) - len(shown)
    return table(
        "Steps",
        headers,
        rows,
        marked=[number for number, one in enumerate(shown) if one.path in regressed],
        note=f"{plural(more, 'faster step')} not shown" if more else "",
    )
