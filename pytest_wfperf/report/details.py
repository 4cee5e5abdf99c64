"""One workflow of the Markdown summary in full, folded away: what it rests on, its steps, targets and gates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..analyse.analysis import Analysis, typical
from ..analyse.graph import graphs
from ..judged import Comparison, Judgement, Summary, Verdict
from ..model import Profile
from . import cells
from .graph import mermaid
from .markdown import code, item, prose, table
from .reasons import how, outlook, reasons
from .text import caught, plural, share

MOST_ROWS = 40  # of each table
MOST_TOLD = 12  # reasons or notes
MOST_TASKS, MOST_EDGES, LONGEST_GRAPH = 25, 40, 6000  # of a graph that is drawn
RIGHT = frozenset(["median", "share", "times", "change", "could have\ncaught", "actual", "passed", "at least"])


def drawing(profile: Profile, found: Analysis) -> str:
    """Mermaid's text of the outermost level that declares what comes after what; empty where it is none, or large."""
    level = next((graph for graph in graphs(typical(profile)) if graph.declared), None)
    if level is None or len(level.tasks) > MOST_TASKS or sum(len(task.after) for task in level.tasks) > MOST_EDGES:
        return ""
    names = {task.path for task in level.tasks}
    drawn = mermaid(
        {task.path: task.after for task in level.tasks},
        {task.path: task.group for task in level.tasks},
        {task.path: task.duration_ns for task in level.tasks},
        [link.path for link in found.path if link.path in names],
    )
    return drawn if len(drawn) <= LONGEST_GRAPH else ""


def details(judgement: Judgement, path: Sequence[str], graph: str, *, reasoned: bool) -> str:
    """The block; ``path`` tells the critical path, and the reasons stand elsewhere where ``reasoned``."""
    parts = ["".join(item(line) for line in _lines(judgement, path, reasoned=reasoned)), *_tables(judgement)]
    if graph:
        parts.append(f"```mermaid\n{graph}```\n")
    inside = "\n".join(part for part in parts if part)
    summary = f"<summary>{judgement.verdict} {code(judgement.workflow)}</summary>"
    return f"<details>\n{summary}\n\n{inside}\n</details>\n\n"


def _lines(judgement: Judgement, path: Sequence[str], *, reasoned: bool) -> Iterator[str]:
    figures, comparison = judgement.summary, judgement.comparison
    if not reasoned:
        told = [line for reason in reasons(judgement) for line in reason.splitlines()]
        yield from cut_short(told, "more reason")
    if figures is not None:
        yield prose(_taken(figures, comparison))
    if comparison is not None:
        if comparison.outlook:
            yield prose(outlook(comparison))
        for what, steps in (("new", comparison.appeared), ("gone", comparison.vanished)):
            if steps:
                yield prose(f"{what} since the baseline: {', '.join(steps)}")
    if figures is not None:
        yield from cut_short([f"note: {note}" for note in figures.notes], "more note")
        metrics = ", ".join(f"{m.name} {m.value:.6g} {m.unit}".rstrip() for m in figures.metrics)
        yield prose(metrics)
    yield from map(prose, path)


def _taken(figures: Summary, comparison: Comparison | None) -> str:
    rounds = plural(figures.rounds, "round") + (f" after {figures.warmup} to warm up" if figures.warmup else "")
    if comparison is None:
        return rounds
    total = comparison.total
    limit = f"limit {share(total.limit)}; could have caught {caught(total.could_have_caught)}"
    return f"{rounds} {how(comparison)}, {limit}"


def cut_short(texts: Sequence[str], rest: str, most: int = MOST_TOLD) -> Iterator[str]:
    """The first of them as Markdown, and how many more there are."""
    yield from map(prose, texts[:most])
    if len(texts) > most:
        yield f"and {plural(len(texts) - most, rest)}"


def _tables(judgement: Judgement) -> Iterator[str]:
    yield from _steps(judgement)
    targets = [cells.target(target) for target in judgement.targets]
    yield from _table(cells.TARGET, targets, "more target")
    yield from _table(cells.RATE, [cells.rate(rate) for rate in judgement.pass_rates], "more check")


def _steps(judgement: Judgement) -> Iterator[str]:
    """The slowest steps; where anything is compared, after what regressed and what is furthest beyond its limit."""
    if judgement.summary is None:
        return
    effects = {effect.path: effect for effect in judgement.comparison.steps} if judgement.comparison else {}
    regressed = {path for path, effect in effects.items() if effect.verdict is Verdict.REGRESSED}
    beyond = {path: max(0.0, effect.change - effect.limit) for path, effect in effects.items()}
    steps = sorted(
        judgement.summary.steps, key=lambda s: (s.path not in regressed, -beyond.get(s.path, 0.0), -s.median_ns)
    )
    rows = [cells.step(s) + (cells.effect(effects.get(s.path)) if effects else []) for s in steps[:MOST_ROWS]]
    yield from _table((*cells.STEP, *(cells.EFFECT if effects else ())), rows, "more step", len(steps))


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]], rest: str, count: int = 0) -> Iterator[str]:
    if not rows:
        return
    shown = rows[:MOST_ROWS]
    yield table(headers, ([code(name), *map(prose, told)] for name, *told in shown), RIGHT)
    more = max(count, len(rows)) - len(shown)
    if more:
        yield f"and {plural(more, rest)}\n"
