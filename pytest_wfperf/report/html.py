"""The page: one file that opens from disk, with the verdict first and what it rests on one click away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..judged import RunResult, Verdict
from .exhibit import Exhibit, Occasion
from .leaderboard import HEADERS, LEGEND, row
from .page import assets
from .page.figures import figures
from .page.sheet import Sheet, sheet
from .page.surroundings import Surroundings, as_table
from .page.table import Table, table
from .reasons import held_against
from .text import plural, share

MOST_OPEN = 5  # sections of failing workflows that are open from the start: each is drawn at once
NEEDS = ("jinja2", "html")  # the library, and the extra that brings it


@dataclass(frozen=True, slots=True)
class Part:
    """One workflow: its sheet, and the data of its charts."""

    sheet: Sheet
    figures: str


def part(exhibit: Exhibit) -> Part:
    """One workflow, without the profiles it rests on."""
    return Part(sheet(exhibit), assets.data(figures(exhibit)))


def whole(run: RunResult, occasion: Occasion, parts: Sequence[Part]) -> bytes:
    """The page as UTF-8; workflows with the worst verdict stand first."""
    ordered = sorted(parts, key=lambda one: one.sheet.keys[0] or 0)
    sheets = [one.sheet for one in ordered]
    around = list(dict.fromkeys(one.surroundings for one in sheets if one.surroundings))
    style, script = assets.style(), assets.script()
    page = assets.template().render(
        run=run,
        headline=_headline(run),
        tone=_tone(run),
        summary=_summary(run),
        facts=list(_facts(run, occasion)),
        counts=[(verdict, run.count(verdict)) for verdict in Verdict if run.count(verdict)],
        sheets=sheets,
        failing=[number for number, one in enumerate(sheets) if _fails(one.verdict, run)],
        most_open=MOST_OPEN,
        differing=[_differing(one.surroundings) for one in sheets],
        agreeing=[around.index(one.surroundings) + 1 if one.surroundings else 0 for one in sheets],
        surroundings=[as_table(_title(number, around), one) for number, one in enumerate(around)],
        boards=[_board(board.workflow, [row(one) for one in board.standings]) for board in run.leaderboards],
        legend=LEGEND,
        policy=f"default-src 'none'; script-src '{assets.digest(script)}'; style-src '{assets.digest(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'",
        style=_markup(style),
        script=_markup(script),
        data=_markup(_data(ordered)),
    )
    return page.encode()


def _data(parts: Sequence[Part]) -> str:
    verdicts = assets.data([str(verdict) for verdict in Verdict])
    return f'{{"verdicts":{verdicts},"workflows":[{",".join(one.figures for one in parts)}]}}'


def _markup(text: str) -> Any:
    """Text of this package, or escaped already: it goes onto the page as it is."""
    from markupsafe import Markup  # noqa: PLC0415  comes with Jinja2

    return Markup(text)  # noqa: S704


def _fails(verdict: Verdict, run: RunResult) -> bool:
    return verdict.fails_strict if run.strict else verdict.fails


def _tone(run: RunResult) -> str:
    """How the page looks at first sight: ``holds`` only where every workflow does."""
    if not run.holds:
        return "fails"
    return "holds" if run.judgements and len(run.judgements) == _held(run) else "open"


def _held(run: RunResult) -> int:
    return run.count(Verdict.PASS) + run.count(Verdict.IMPROVED)


def _headline(run: RunResult) -> str:
    """What is not decided is never called a pass."""
    workflows = plural(len(run.judgements), "workflow")
    if not run.holds:
        return "The gate does not hold"
    if not run.judgements:
        return "Nothing was judged"
    if not any(j.comparison or j.targets or j.pass_rates or j.baseline for j in run.judgements):
        return f"{workflows} measured, nothing gated"
    if _held(run) == len(run.judgements):
        return "The gate holds"
    return f"The gate holds for {_held(run)} of {workflows}"


def _summary(run: RunResult) -> str:
    against = f" against {held_against(run.baseline)}" if run.baseline else ""
    counts = ", ".join(f"{run.count(verdict)} {verdict}" for verdict in Verdict if run.count(verdict))
    return f"{plural(len(run.judgements), 'workflow')}{against}: {counts or 'nothing was judged'}"


def _facts(run: RunResult, occasion: Occasion) -> Iterator[tuple[str, str]]:
    """What there is to know of the run as a whole."""
    yield "when", f"{occasion.created:%Y-%m-%d %H:%M} {occasion.created:%Z}".rstrip()
    versions = dict.fromkeys(held_against(j.baseline) for j in run.judgements if j.baseline)
    if versions:
        yield "held against", ", ".join(versions)
    if occasion.branch:
        yield "branch", occasion.branch
    if occasion.commit:
        yield "commit", occasion.commit
    if run.pass_rate is not None:
        rate = run.pass_rate
        yield (
            "all checks passed",
            f"in {rate.passed} of {plural(rate.total, 'workflow')}, asked for {share(rate.minimum)}",
        )
    if run.saved:
        yield "stored", run.saved
    if run.strict:
        yield "strict", "INCONCLUSIVE, INCOMPARABLE and NEW fail too"


def _differing(around: Surroundings) -> Table:
    return as_table("", [one for one in around if one.differs])


def _title(number: int, around: Sequence[Surroundings]) -> str:
    return "Environment and conditions" + (f" {number + 1}" if len(around) > 1 else "")


def _board(workflow: str, rows: list[list[str]]) -> Table:
    return table(f"Variants of {workflow}", HEADERS, rows)
