"""What the doctor has found out, as a text to read and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from ..examination import Examination, Experiment
from ..measure.machine import Finding
from .text import amount, caught, duration, plural, printable, share

_WHOLE = "the whole workflow"


def as_json(examined: Examination) -> dict[str, Any]:
    """The examination as builtins. Keys are only ever added."""
    found = examined.experiment
    return {
        "fit": examined.exit_code == 0,
        "problems": list(problems(examined)),
        "findings": [asdict(finding) for finding in examined.findings],
        "impossible": examined.impossible or None,
        "experiment": None if found is None else _experiment(found),
    }


def _experiment(found: Experiment) -> dict[str, Any]:
    replays = {"as_taken": found.replay, "swapped": found.swapped}
    return {
        "pairs": found.pairs,
        "pair_s": found.pair_s,
        "addresses": found.addresses,
        "limit": found.limit,
        "affordable_pairs": {str(seconds): number for seconds, number in found.affordable},
        "gates": [{**asdict(gate), "caught": {str(s): least for s, least in gate.caught}} for gate in found.gates],
        "flagged": found.flagged,
        "replays": {name: {**asdict(each), "upper_bound": each.bound} for name, each in replays.items()},
        "calibration_ns": list(found.calibration_ns),
        "drift": found.drift,
    }


def render(examined: Examination) -> str:
    """The examination as a text to read."""
    parts = [_findings(examined.findings)]
    for fit, heading in (("poor", "what to change"), ("unknown", "what cannot be seen")):
        advice = [f"  {f.name}: {f.advice}" for f in examined.findings if f.fit == fit]
        parts += ["\n".join([heading, *advice])] if advice else []
    if examined.experiment is not None:
        parts += _told(examined.experiment)
    else:
        parts.append(f"no A/A run: {examined.impossible}")
    return _printable_lines("\n\n".join([*parts, _conclusion(examined)]))


def problems(examined: Examination) -> tuple[str, ...]:
    """Sentences on what makes gates unreliable here."""
    found = [f"{f.name} {_value(f)}: {f.advice}" for f in examined.poor]
    return (*found, *(_problems(examined.experiment) if examined.experiment is not None else ()))


def _problems(found: Experiment) -> Iterator[str]:
    replay, limit = found.swapped, share(found.limit)
    if found.flagged:
        yield (
            f"a false alarm: of these {plural(found.pairs, 'pair')} of unchanged code one side was flagged as slower "
            f"than the other at a limit of {limit}; let nothing else run, and try again."
        )
    if found.alarming:
        yield (
            f"false alarms: {replay.flagged} of {replay.replays} replayed runs of unchanged code were flagged at a "
            f"limit of {limit}; let nothing else run, and try again."
        )
    if found.missed:
        which = ", ".join(f"{caught(gate.caught[-1][1])} in {gate.path or _WHOLE}" for gate in found.missed)
        more = " or allow more time (--wfperf-max-time)" if found.extensible else ""
        yield (
            f"slowdowns of {limit}, the default limit, are not caught in {found.affordable[-1][0]} s, but {which}; "
            f"let nothing else run{more}."
        )
    if found.drifting:
        yield (
            f"drift: the same piece of work took ± {_rough(found.drift)} over the launches; stored baselines will see "
            "that as a change, so compare with a revision (--wfperf-against), which measures both at once."
        )


def _printable_lines(text: str) -> str:
    """``text`` with nothing in it that could steer a terminal, but its line ends."""
    return "\n".join(map(printable, text.splitlines()))


def _findings(findings: Sequence[Finding]) -> str:
    return _table(["this machine", "", "fit"], [[f.name, _value(f), f.fit] for f in findings], ["left"] * 3)


def _value(finding: Finding) -> str:
    if finding.value is None:
        return "-"
    return str(finding.value) if isinstance(finding.value, str) else amount(finding.value, finding.unit)


def _told(found: Experiment) -> Iterator[str]:
    yield (
        f"A/A run: {plural(found.pairs, 'pair')} of fresh processes on one workflow, "
        f"{duration(found.pair_s * 1e9)} a pair, addresses {found.addresses}"
    )
    yield _catches(found)
    yield (
        "smallest slowdown caught 95 times in 100, by a run of so many seconds at a limit of "
        f"{share(found.limit)}\nwith m = {len(found.gates)} gates: one workflow of {len(found.gates) - 1} steps, "
        "with no limits of their own; a project's own\nprocesses take longer to start"
    )
    yield "\n".join(_alarms(found))
    calibration = found.calibration_ns
    yield (
        f"drift: a fixed piece of work took {duration(min(calibration))} to {duration(max(calibration))} "
        f"over {len(calibration)} launches (sd {_rough(found.drift)})"
    )


def _catches(found: Experiment) -> str:
    headings = [f"in {s} s\n({plural(number, 'pair')})" for s, number in found.affordable]
    rows = [
        [gate.path or _WHOLE, duration(gate.fastest_ns), _rough(gate.pair_sd)]
        + [caught(least) for _, least in gate.caught]
        for gate in found.gates
    ]
    return _table(["step", "fastest", "sd of a pair", *headings], rows, ["left", *["right"] * (2 + len(headings))])


def _alarms(found: Experiment) -> Iterator[str]:
    flagged = "are" if found.flagged else "are not"
    yield f"false alarms: the pairs themselves {flagged} flagged; of runs drawn from them,"
    for name, replay in (
        ("sides swapped by coin", found.swapped),
        ("as they were taken, whichever side they lean to", found.replay),
    ):
        seconds = duration(replay.pairs * found.pair_s * 1e9)
        yield (
            f"  {name}: {replay.flagged} of {replay.replays} flagged (at most {_rough(replay.bound)} at 95 % "
            f"confidence),\n    {_rough(replay.passed / replay.replays)} passed; {replay.pairs:.1f} pairs "
            f"({seconds}) on average"
        )


def _rough(fraction: float) -> str:
    """In percent, to a tenth of one."""
    return share(round(fraction, 3))


def _conclusion(examined: Examination) -> str:
    if found := problems(examined):
        return "\n".join(["not fit for gates", *(f"  {problem}" for problem in found)])
    return "fit for gates" if examined.experiment is not None else "not examined: it takes an A/A run to tell"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]], alignment: Sequence[str]) -> str:
    from tabulate import tabulate  # noqa: PLC0415 - not needed for --json

    return tabulate(rows, headings, tablefmt="simple", disable_numparse=True, colalign=alignment)
