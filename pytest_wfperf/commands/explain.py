"""``wfperf analyse``, ``what-if`` and ``compare``: what the rounds of a run have to tell. Nothing is judged here."""

# ruff: noqa: T201

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..analyse.analysis import analyse
from ..analyse.attribution import attribution_of_runs
from ..analyse.what_if import ceilings, predict
from ..errors import BaselineMissing
from ..report import analysis as told
from ..report import change as changed
from ..report import what_if as answered
from .output import print_json
from .source import HELP, LATEST, read_source, unknown

if TYPE_CHECKING:
    import argparse

    from ..model import Profile


def add(commands: Any, place: argparse.ArgumentParser) -> None:
    """Give ``wfperf`` these commands; ``place`` is the parent parser that knows the store."""
    text = "where a run's time went: critical path, slowest steps, waiting, what could overlap"
    command = commands.add_parser("analyse", help=text, description=text, parents=[place], allow_abbrev=False)
    command.set_defaults(run=_analyse)
    command.add_argument("source", nargs="?", default=LATEST, metavar="RUN", help=f"{HELP} (default: {LATEST})")
    command.add_argument(
        "--what-if", action="append", default=[], metavar="QUESTION", help="and predict, as `wfperf what-if` does"
    )
    _add_common(command)
    text = "predict what a workflow would take if steps took another time, ran at once, or had other workers"
    command = commands.add_parser(
        "what-if", help=text, description=text, parents=[place], allow_abbrev=False,
        epilog="Questions: parse=0.5x  parse=20ms  parse=-5ms  'parse,render at once'  '4 workers'",
    )  # fmt: skip
    command.set_defaults(run=_what_if)
    command.add_argument("questions", nargs="+", metavar="QUESTION", help="parse=0.5x, say; several count together")
    command.add_argument("--run", dest="source", default=LATEST, metavar="RUN", help=f"{HELP} (default: {LATEST})")
    command.add_argument(
        "--verify",
        metavar="TEST",
        help="run this test, as it is and with delays in it, and print predicted and measured",
    )
    _add_common(command)
    text = "what became of the time between two runs: parts that add up to the change"
    command = commands.add_parser("compare", help=text, description=text, parents=[place], allow_abbrev=False)
    command.set_defaults(run=_compare)
    command.add_argument("before", metavar="A", help=HELP)
    command.add_argument("source", metavar="B", help="the same, held against A")
    _add_common(command)


def _add_common(command: argparse.ArgumentParser) -> None:
    command.add_argument("--workflow", metavar="ID", help="this workflow only")
    command.add_argument("--json", action="store_true", help="print JSON instead of text")


def _analyse(arguments: argparse.Namespace) -> int:
    profiles = _profiles(arguments)
    if arguments.json:
        print_json(
            [
                {
                    **told.as_json(analyse(profile)),
                    "ceilings": [answered.ceiling_as_json(each) for each in ceilings(profile)],
                    "what_if": [answered.as_json(predict(profile, asked)) for asked in arguments.what_if],
                }
                for profile in profiles
            ]
        )
        return 0
    for profile in profiles:
        print("\n".join(told.render(analyse(profile), ceilings(profile))), end="\n\n")
        for asked in arguments.what_if:
            print(answered.render(predict(profile, asked)), end="\n\n")
    return 0


def _what_if(arguments: argparse.Namespace) -> int:
    asked = "; ".join(arguments.questions)
    if arguments.verify:
        from ..verification import verify  # noqa: PLC0415 - of use to this alone

        found: list[Any] = [verify(arguments.verify, asked)]
    else:
        found = [predict(profile, asked) for profile in _profiles(arguments)]
    if arguments.json:
        print_json([answered.as_json(each) for each in found])
    elif arguments.verify:
        print(answered.render_verification(found[0]))
    else:
        print("\n\n".join(map(answered.render, found)))
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    before = read_source(arguments.before, arguments.store).profiles
    both = [(profile, before[profile.workflow]) for profile in _profiles(arguments) if profile.workflow in before]
    if not both:
        raise BaselineMissing(f"{arguments.before} and {arguments.source} have no workflow in common")
    found = [(now.workflow, attribution_of_runs(now.rounds, then.rounds)) for now, then in both]
    if arguments.json:
        print_json([changed.as_json(*each) for each in found])
    else:
        print("\n\n".join("\n".join(changed.render(*each)) for each in found))
    return 0


# --- which rounds ---------------------------------------------------------------------


def _profiles(arguments: argparse.Namespace) -> list[Profile]:
    """The profiles of the source, or the one that was asked for. Raises BaselineError."""
    found = read_source(arguments.source, arguments.store).profiles
    if arguments.workflow is None:
        return list(found.values())
    if arguments.workflow in found:
        return [found[arguments.workflow]]
    raise unknown(arguments.workflow, arguments.source, found)
