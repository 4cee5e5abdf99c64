"""The run as Markdown for a pull request or a CI job's summary: the verdict, what failed and why, then all the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..judged import Effect, Judgement, Leaderboard, RunResult, Verdict
from . import analysis, cells, leaderboard
from .details import MOST_ROWS, cut_short, details, drawing
from .exhibit import Exhibit, Occasion
from .markdown import code, head, item, prose, row, table
from .reasons import headline, how, interval, name_of, reasons
from .room import Room
from .text import caught, change, duration, plural, share, strip

LIMIT = 900 * 1024  # bytes; GitHub takes 1024 KiB of a job's step
SECTIONS = 6
COLUMNS = tuple(header for header in cells.OVERVIEW if header != "p95")
EVIDENCE = ("", "before", "now", "change", "95 % interval", "limit", "could have\ncaught", "launch by launch")
RIGHT = frozenset(["median", "before", "now", "change", "limit", "could have\ncaught", "targets\nmet"])
MOST_EFFECTS = 10
_PLACES = {verdict: place for place, verdict in enumerate(Verdict)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is kept of one workflow, whose judgement the run holds anyway: its critical path and graph, as text."""

    judgement: Judgement
    path: tuple[str, ...]
    graph: str


def part(exhibit: Exhibit) -> Part:
    """What the summary has to say of one workflow."""
    found = exhibit.analysis
    return Part(
        judgement=exhibit.judgement,
        path=() if found is None else tuple(analysis.in_short(found)),
        graph="" if found is None or exhibit.profile is None else drawing(exhibit.profile, found),
    )


def whole(run: RunResult, occasion: Occasion, parts: Sequence[Part]) -> bytes:
    """The summary, of 900 KiB at most."""
    return render(run, occasion, parts, LIMIT).encode()


def render(run: RunResult, occasion: Occasion, parts: Sequence[Part], limit: int) -> str:
    """The summary in no more than ``limit`` bytes: the most telling first, what has no room counted.

    Empty where not even the verdict has room.
    """
    room = Room(limit, SECTIONS)
    if not room.add(_opening(run, occasion)):
        return ""
    parts = sorted(parts, key=lambda p: _PLACES[p.judgement.verdict])
    failing = [p for p in parts if _fails(run, p.judgement)]
    told = [p for p in parts if _folded(run, p.judgement)]
    problems = [*run.errors, *run.failures]
    room.section("", len(problems), (item(prose(text)) for text in problems), 0.2, "problem of the run")
    room.section(
        "### What failed\n\n",
        len(failing),
        (_evidence(p.judgement) for p in failing),
        0.4,
        "failing workflow",
    )
    _overview(room, [p.judgement for p in parts])
    folded = (details(p.judgement, p.path, p.graph, reasoned=_fails(run, p.judgement)) for p in told)
    room.section("", len(told), folded, 0.7, "workflow")
    notes = (item(prose(text)) for text in run.notes)
    room.section("### Notes\n\n", len(run.notes), notes, 0.5, "note")
    boards = (_leaderboard(board) for board in run.leaderboards)
    room.section("", len(run.leaderboards), boards, 1, "leaderboard")
    return room.text


def _opening(run: RunResult, occasion: Occasion) -> str:
    digits, dash, dirty = occasion.commit.partition("-")
    where = f"commit {code(digits[:12] + dash + dirty)}" if digits else ""
    where += f" on {code(occasion.branch)}" if occasion.branch else ""
    when = f"{occasion.created:%Y-%m-%d %H:%M %Z}"
    stored = f"; stored {prose(run.saved)}" if run.saved else ""
    return f"## {prose(headline(run))}\n\n{', '.join(filter(None, (where.strip(), when)))}{stored}\n\n"


def _fails(run: RunResult, judgement: Judgement) -> bool:
    return judgement.verdict.fails_strict if run.strict else judgement.verdict.fails


def _folded(run: RunResult, judgement: Judgement) -> bool:
    """Whether there is more to tell of a workflow than its row, and its evidence where it failed."""
    if judgement.summary is None and _fails(run, judgement):
        return False
    profiling = not (run.baseline or run.saved)  # nothing is gated: what the steps took is what was asked for
    return profiling or judgement.verdict is not Verdict.PASS or bool(judgement.trade)


# --- what failed ----------------------------------------------------------------------------


def _evidence(judgement: Judgement) -> str:
    """Why one workflow fails: its reasons, and the figures that they rest on."""
    comparison = judgement.comparison
    told = [line for reason in reasons(judgement) for line in reason.splitlines()]
    lines = list(cut_short(told, "more reason"))
    if comparison is not None:
        lines.append(prose(f"measured {how(comparison)}"))
    elif judgement.baseline:
        lines.append(prose(f"against {judgement.baseline}"))
    text = f"#### {judgement.verdict} {code(judgement.workflow)}\n\n{''.join(map(item, lines))}\n"
    if comparison is not None:
        slower = [effect for effect in comparison.steps if effect.verdict is Verdict.REGRESSED]
        slower.sort(key=lambda effect: -effect.log_ratio)
        rows = [_effect(effect) for effect in (comparison.total, *slower[:MOST_EFFECTS])]
        text += f"{table(EVIDENCE, rows, RIGHT)}\n"
        more = len(slower) - MOST_EFFECTS
        text += f"and {plural(more, 'more slower step')}\n\n" if more > 0 else ""
    return text


def _effect(effect: Effect) -> list[str]:
    return [
        code(effect.path) or name_of(effect),
        duration(effect.baseline_ns),
        duration(effect.current_ns),
        prose(change(effect.change)),
        prose(interval(effect)),
        share(effect.limit),
        prose(caught(effect.could_have_caught)),
        code(strip(effect.ratios, effect.limit)) if len(effect.ratios) > 1 else "",
    ]


# --- all workflows --------------------------------------------------------------------------


def _overview(room: Room, judgements: Sequence[Judgement]) -> None:
    """One row for each workflow; a column in which nothing stands is left out."""
    rows = [cells.overview(judgement) for judgement in judgements]
    columns = [i for i, header in enumerate(cells.OVERVIEW) if header in COLUMNS and any(row[i] for row in rows)]
    opening = "### Workflows\n\n" + head([cells.OVERVIEW[i] for i in columns], RIGHT)

    def lines() -> Iterator[str]:
        for judgement, texts in zip(judgements, rows, strict=True):
            texts[1] = judgement.workflow
            yield row(code(texts[i]) if i == 1 else prose(texts[i]) for i in columns)

    room.section(opening, len(rows), lines(), 0.5, "workflow")


def _leaderboard(board: Leaderboard) -> str:
    rows = [leaderboard.row(standing) for standing in board.standings[:MOST_ROWS]]
    columns = [i for i in range(len(leaderboard.HEADERS)) if any(row[i] for row in rows)]
    headers = [leaderboard.HEADERS[i] for i in columns]
    told = table(headers, ([prose(row[i]) for i in columns] for row in rows), RIGHT)
    more = len(board.standings) - len(rows)
    rest = f"and {plural(more, 'more variant')}\n\n" if more > 0 else ""
    return f"### Variants of {code(board.workflow)}\n\n{told}\n{rest}{prose(leaderboard.LEGEND)}\n\n"
