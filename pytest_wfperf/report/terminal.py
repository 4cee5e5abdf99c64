"""The terminal report: the verdict first, then what it rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tabulate import tabulate

from ..analyse.analysis import analyse
from ..judged import Judgement, RunResult, Summary, Target, Verdict
from ..model import Profile
from . import analysis, cells, load
from .leaderboard import leaderboard
from .reasons import headline, held_against, how, outlook, reasons
from .text import caught, plural, printable, share, strip

SLOWEST = 5  # steps shown of a judged workflow
COLOURS = {
    Verdict.FAILED: "red", Verdict.REGRESSED: "red", Verdict.MISSING: "red",
    Verdict.INCONCLUSIVE: "yellow", Verdict.INCOMPARABLE: "yellow", Verdict.NEW: "yellow", Verdict.WAIVED: "yellow",
    Verdict.IMPROVED: "green", Verdict.PASS: "green",
}  # fmt: skip
HEADERS = cells.OVERVIEW
EXPENDABLE = ("95 % interval", "p95", "targets\nmet", "median")  # the least telling columns, for narrow terminals
MOST_IN_SHORT = 12  # steps named of a workflow that passes
SHORTEST_ID = 24  # a test id is not cut below this while there is a column to leave out instead
NOTABLE = frozenset(COLOURS) - {Verdict.PASS}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text and the colour it may have."""

    text: str
    colour: str = ""


def render(
    run: RunResult, *, width: int, verbosity: int = 0, profile: Callable[[str], Profile | None] = lambda _: None
) -> list[Line]:
    """The report's lines, none wider than ``width`` where a table can be narrowed.

    At verbosity 0 only workflows whose verdict is not PASS are explained; from 1 on all are;
    below 0 only the verdict is given. ``profile`` gives a workflow's profile, for what it tells by itself: all of
    that from verbosity 1 on, a line or two of a workflow that fails.
    """
    lines = [_verdict_line(run)]
    lines += [Line(f"  {printable(text)}", "red") for text in (*run.failures, *run.errors)]
    lines += [Line(f"  {printable(text)}") for text in run.notes]
    if run.saved:
        lines.append(Line(f"  stored {printable(run.saved)}", "green"))
    if verbosity < 0 or not run.judgements:
        return lines
    lines += [Line(""), *_overview(run, width)]
    profiling = not (run.baseline or run.saved)  # nothing is gated: what the steps took is what was asked for
    explained = [j for j in run.judgements if profiling or verbosity > 0 or j.verdict in NOTABLE or j.trade]
    for judgement in explained:
        lines += _explained(judgement, width, verbosity)
        lines += _analysed(judgement, verbosity, profile)
    hidden = len(run.judgements) - len(explained)
    lines += _in_short([j for j in run.judgements if j not in explained])
    if hidden and any(j.comparison or j.targets for j in run.judgements):
        lines += [Line(""), Line(f"{plural(hidden, 'passing workflow')} not explained (-v explains)")]
    return lines + [Line(text) for board in run.leaderboards for text in leaderboard(board, width)]


def _verdict_line(run: RunResult) -> Line:
    colour = "green" if run.holds else "red"
    if run.holds and any(run.count(v) for v in NOTABLE - {Verdict.IMPROVED}):
        colour = "yellow"
    return Line(printable(headline(run)), colour)


# --- one line per workflow ------------------------------------------------------------------


def _overview(run: RunResult, width: int) -> Iterator[Line]:
    rows = [cells.overview(judgement) for judgement in run.judgements]
    dropped: list[str] = []
    for column in ("", *EXPENDABLE):
        dropped.append(column)
        keep = [i for i, head in enumerate(HEADERS) if head not in dropped and (i < 2 or any(row[i] for row in rows))]
        lines = _table([[row[i] for i in keep] for row in rows], [HEADERS[i] for i in keep])
        longest = max(len(row[1]) for row in rows)
        room = width - max(map(len, lines)) + longest
        if room >= min(SHORTEST_ID, longest):
            break
    if room < longest:
        rows = [[row[0], _shortened(row[1], max(8, room)), *row[2:]] for row in rows]
        lines = _table([[row[i] for i in keep] for row in rows], [HEADERS[i] for i in keep])
    head = len(lines) - len(rows)
    yield from map(Line, lines[:head])
    for judgement, text in zip(run.judgements, lines[head:], strict=True):
        yield Line(text, COLOURS[judgement.verdict])


# --- one workflow explained -----------------------------------------------------------------


def _explained(judgement: Judgement, width: int, verbosity: int) -> Iterator[Line]:
    yield Line("")
    yield Line(f"{judgement.verdict} {printable(judgement.workflow)}", COLOURS[judgement.verdict])
    for reason in reasons(judgement):
        yield from (Line(f"  {printable(line)}") for line in reason.splitlines())
    yield from _evidence(judgement)
    if judgement.summary is not None:
        yield from _about(judgement, judgement.summary)
        yield from _steps(judgement, judgement.summary, verbosity)
    yield from _targets(judgement.targets, width)
    if verbosity > 0 or any(not rate.holds for rate in judgement.pass_rates):
        yield from _rates(judgement)


def _analysed(judgement: Judgement, verbosity: int, profile: Callable[[str], Profile | None]) -> Iterator[Line]:
    """What the profile tells by itself: where its time goes, and what decided how long it took."""
    found = profile(judgement.workflow) if verbosity > 0 or judgement.verdict.fails else None
    if found is None or not found.rounds:
        return
    yield from (Line(f"  {line}") for line in load.lines(found))
    if not found.steps:
        return
    told = analyse(found)
    lines = analysis.render(told)[1:] if verbosity > 0 else analysis.in_short(told)
    yield from (Line(f"  {line}".rstrip()) for line in lines)


def _about(judgement: Judgement, figures: Summary) -> Iterator[Line]:
    rounds = plural(figures.rounds, "round") + (f" after {figures.warmup} to warm up" if figures.warmup else "")
    comparison = judgement.comparison
    if comparison is None:
        yield Line(f"  {rounds}")
    else:
        total = comparison.total
        caught_from = f"limit {share(total.limit)}; could have caught {caught(total.could_have_caught)}"
        yield Line(f"  {rounds} {printable(how(comparison))}, {caught_from}")
        if comparison.outlook:
            yield Line(f"  {outlook(comparison)}")
        for what, steps in (("new", comparison.appeared), ("gone", comparison.vanished)):
            if steps:
                yield Line(f"  {what} since the baseline: {printable(', '.join(steps))}")
    for note in figures.notes:
        yield Line(f"  note: {printable(note)}", "yellow")
    metrics = ", ".join(f"{m.name} {m.value:.6g}{' ' + m.unit if m.unit else ''}" for m in figures.metrics)
    if metrics:
        yield Line(f"  {printable(metrics)}")


def _in_short(passing: Sequence[Judgement]) -> Iterator[Line]:
    """Of workflows that are not explained: what their verdict rests on, and what it could have caught step by step."""
    for judgement in passing:
        comparison = judgement.comparison
        for note in judgement.summary.notes if judgement.summary else ():
            yield Line(f"{printable(judgement.workflow)}: note: {printable(note)}", "yellow")
        if comparison is None or not (comparison.fresh or comparison.outlook):
            continue
        told = f"{judgement.workflow}: {how(comparison)}, limit {share(comparison.total.limit)}"
        yield Line(printable(told))
        if comparison.outlook and not comparison.fresh:
            yield Line(f"  {outlook(comparison)}")
        steps = ", ".join(f"{e.path} {caught(e.could_have_caught)}" for e in comparison.steps[:MOST_IN_SHORT])
        more = len(comparison.steps) - MOST_IN_SHORT
        if steps:
            yield Line(f"  could have caught in {printable(steps)}{f' and {more} more' if more > 0 else ''}")


def _evidence(judgement: Judgement) -> Iterator[Line]:
    """Every launch's change of what regressed, at a glance."""
    effects = judgement.comparison.effects if judgement.comparison else ()
    for effect in effects:
        if effect.verdict is Verdict.REGRESSED and len(effect.ratios) > 1:
            subject = printable(effect.path) or "the workflow"
            yield Line(f"  {subject}, launch by launch: {strip(effect.ratios, effect.limit)}")


def _steps(judgement: Judgement, figures: Summary, verbosity: int) -> Iterator[Line]:
    """The slowest steps, those that changed first where anything is held against a baseline."""
    if not figures.steps:
        return
    effects = {e.path: e for e in judgement.comparison.steps} if judgement.comparison else {}
    steps = sorted(figures.steps, key=lambda s: -s.median_ns)
    if verbosity < 2:
        regressed = [s for s in steps if s.path in effects and effects[s.path].verdict is Verdict.REGRESSED]
        slower = [s for s in steps if s.path in effects and effects[s.path].change > effects[s.path].limit]
        steps = list(dict.fromkeys([*regressed, *slower[:SLOWEST], *steps]))[: max(SLOWEST, len(regressed))]
    headers: tuple[str, ...] = cells.STEP
    rows = [cells.step(s) for s in steps]
    if effects:
        headers += cells.EFFECT
        rows = [[*row, *cells.effect(effects.get(s.path))] for row, s in zip(rows, steps, strict=True)]
    for text in _table(rows, headers):
        yield Line(f"  {text}".rstrip())
    if len(steps) < len(figures.steps):
        yield Line(f"  {plural(len(figures.steps) - len(steps), 'faster step')} not shown (-vv shows all)")


def _targets(targets: Sequence[Target], width: int) -> Iterator[Line]:
    if not targets:
        return
    rows = []
    for target in targets:
        *told, detail = cells.target(target)
        rows.append([*told, detail if len(detail) <= width // 2 else detail[: width // 2 - 3] + "..."])
    for text in _table(rows, cells.TARGET):
        yield Line(f"  {text}".rstrip())


def _rates(judgement: Judgement) -> Iterator[Line]:
    rows = [cells.rate(rate) for rate in judgement.pass_rates]
    if rows:
        for text in _table(rows, cells.RATE):
            yield Line(f"  {text}".rstrip())


def _table(rows: Sequence[Sequence[str]], headers: Sequence[str]) -> list[str]:
    return tabulate(rows, headers=headers, tablefmt="simple", disable_numparse=True).splitlines()


def _shortened(text: str, width: int) -> str:
    """The text's end where it is too long: a test id tells most there. Cut between names where that loses little."""
    if len(text) <= width:
        return text
    end = text[-(width - 3) :]
    boundary = end.find("/") + 1
    return "..." + (end[boundary:] if 0 < boundary < len(end) // 2 else end)


def short_reason(judgement: Judgement, most: int = 4) -> str:
    """The verdict and its first reasons, for a failed test's own report; what counts most stands first."""
    told = [line for reason in reasons(judgement) for line in reason.splitlines()]
    lines = [f"{judgement.verdict}: {told[0] if told else ''}", *(f"  {reason}" for reason in told[1:most])]
    if len(told) > most:
        lines.append(f"  and {plural(len(told) - most, 'more reason')}")
    if judgement.baseline:
        lines.append(f"  against {held_against(judgement.baseline)}")
    return "\n".join(printable(line) for line in lines)
