"""What each measuring condition buys: pairs of launches with all of them on, and with each left out or added.

A pair is of the same code twice ("none"), or of code before and after a null change, which does no
work but lies differently in memory; then every difference is an error, whether chance (another in each pair)
or bias (the same in all). Configurations and changes take turns in random order, so that the
machine's moods meet all alike. Each pair is a line of raw data at once; the same command adds more.

    python benchmarks/conditions.py [--pairs N] [--changes K] [--only aslr,heap] [--out FILE.jsonl]
    python benchmarks/conditions.py --table FILE.jsonl
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from trust_work.edits import NULL_CHANGES, comment, null_change
from trust_work.project import committed
from trust_work.run import build

from pytest_wfperf.errors import MeasurementError
from pytest_wfperf.measure import revision
from pytest_wfperf.measure.arms import Arm, Invocation, arms
from pytest_wfperf.measure.launch import Crew, Effort
from pytest_wfperf.model import Launch

SAME, TEST, WORKFLOW = "none", "test_default.py", "test_default.py::test_flow"
ROUNDS, LIMIT_S = 12, 60.0
SEED = 20260101  # of the null changes: those of an interrupted run are gone on with
RESAMPLES = 1_000
LOOK = 6  # pairs, after which the gate looks first
WILD = 4
HEAD = (
    "configuration", "pairs", "sd of a pair", "× all on", "sd of its mean", "bias of null changes, rms", "worst",
    "same code, rms", f"error of {LOOK} pairs", "× all on", "seconds a pair", "× all on",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """``took`` is what the child has to say of a condition for it to have been as is meant here."""

    what: str
    without: tuple[str, ...] = ()
    warmup: int = 1
    took: tuple[tuple[str, str], ...] = ()


ON = "all"
RANDOM, LEFT = ("addresses", "random"), ("heap", "left alone")
SEEDS, COLLECTED = ("hash_seed", "random"), ("collector", "left alone")
CONFIGURATIONS = {
    ON: Configuration(what="all on", took=(("addresses", "fixed"), ("hash_seed", "shared"),
                                               ("heap", "shuffled"), ("collector", "collected"))),
    "aslr": Configuration(what="random addresses", without=("aslr",), took=(RANDOM,)),
    "seed": Configuration(what="a hash seed for each side", without=("seed",), took=(SEEDS,)),
    "heap": Configuration(what="heap not shuffled", without=("heap",), took=(LEFT,)),
    "gc": Configuration(what="collector left alone", without=("gc",), took=(COLLECTED,)),
    "warmup": Configuration(what="no warm-up round", warmup=0),
    "nothing": Configuration(what="none on", without=("aslr", "gc", "heap", "seed"), warmup=0,
                             took=(RANDOM, SEEDS, LEFT, COLLECTED)),
}  # fmt: skip


def main() -> int:
    options = _options()
    if not options.table:
        try:
            _measure(options)
        except KeyboardInterrupt:
            print(f"interrupted; {options.out} keeps every finished pair", file=sys.stderr)
            return 130
    print("\n".join(_table(_records(options.table or options.out))))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="conditions.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=12, help="more pairs of each configuration and change (12)")
    parser.add_argument("--changes", type=int, default=8, help="null changes beside the same code twice (8)")
    parser.add_argument("--only", type=lambda text: text.split(","), default=[], help=f"of {','.join(CONFIGURATIONS)}")
    parser.add_argument("--out", type=Path, default=Path("conditions.jsonl"), help="raw data (conditions.jsonl)")
    parser.add_argument("--table", type=Path, metavar="FILE", help="only print the table of this raw data")
    options = parser.parse_args()
    if unknown := set(options.only) - CONFIGURATIONS.keys():
        parser.error(f"no configuration {', '.join(sorted(unknown))}; there are {', '.join(CONFIGURATIONS)}")
    return options


# --- measuring ------------------------------------------------------------------------


def _measure(options: argparse.Namespace) -> None:
    for name in [name for name in os.environ if name.startswith(("PYTEST_", "WFPERF_", "GIT_", "PYTHONHASHSEED"))]:
        del os.environ[name]
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    names = [name for name in CONFIGURATIONS if name == ON or not options.only or name in options.only]
    version, where = build(), Path.cwd() / options.out
    with ExitStack() as stack, where.open("a", encoding="utf-8") as raw:
        sides = {change: stack.enter_context(_Sides(change)) for change in _changes(options.changes)}
        for both in sides.values():  # what is compiled first is nobody's
            both.pair(CONFIGURATIONS[ON])
        for turn in range(options.pairs):
            todo = [(name, change) for name in names for change in sides]
            for name, change in random.sample(todo, len(todo)):
                record = {"config": name, "change": change, "build": version, "turn": f"{os.getpid()}.{turn}"}
                raw.write(json.dumps(record | _recorded(sides[change], CONFIGURATIONS[name])) + "\n")
                raw.flush()
            print(f"{turn + 1}/{options.pairs}: {len(todo)} pairs", file=sys.stderr, flush=True)


def _changes(number: int) -> list[str]:
    """The same code, then null changes of as different kinds as there are."""
    kinds = list(NULL_CHANGES)
    return [SAME, *(kinds[i * len(kinds) // number] for i in range(min(number, len(kinds))))]


class _Sides:
    """A project with a change in its working tree, and the two arms of a run against its commit."""

    def __init__(self, change: str) -> None:
        self.change = change
        self._stack = ExitStack()

    def __enter__(self) -> _Sides:
        project = self._stack.enter_context(committed())
        self._place = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="wfperf-"))).resolve()
        seed = SEED + len(self.change)
        project.edit(
            comment(project.files, seed) if self.change == SAME else null_change(project.files, self.change, seed)
        )
        root = project.directory
        invocation = Invocation(
            rootdir=root, cwd=root, inifile=root / "pytest.ini", paths=(root / TEST,),
            arguments=("-p", "pytest_wfperf.plugin", "-p", "no:cacheprovider", TEST, "--wfperf-against=HEAD"),
            python_files=("test_*.py",), sys_path=tuple(sys.path), environ=dict(os.environ),
        )  # fmt: skip
        commit = revision.resolve(root, "HEAD")
        self._arms = arms(invocation, commit, self._place / "cache", self._place)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def pair(self, configuration: Configuration) -> tuple[Launch, ...]:
        sides: Sequence[Arm] = self._arms
        if "seed" in configuration.without:
            sides = [replace(arm, environment={**arm.environment, "PYTHONHASHSEED": "random"}) for arm in sides]
        order = {"only": [WORKFLOW], "without": sorted(configuration.without)}
        effort = Effort(rounds=ROUNDS, warmup=configuration.warmup)
        with (
            tempfile.TemporaryDirectory(dir=self._place) as directory,
            Crew(sides, Path(directory), 1, **order) as crew,
        ):
            return crew.measure(WORKFLOW, lambda _: effort, limit_s=LIMIT_S, calibrated=False, sampled=False)


def _recorded(sides: _Sides, configuration: Configuration) -> dict[str, Any]:
    """One pair as plain data: seconds it took, and ln ratios by step, "" for the whole."""
    began, load = time.perf_counter(), os.getloadavg()[0]
    try:
        pair = sides.pair(configuration)
    except MeasurementError as error:
        return {"error": str(error)}
    now, before = map(_values, pair)
    record = {"seconds": time.perf_counter() - began, "load": load, "took": [dict(each.conditions) for each in pair]}
    for statistic, value in (("min", min), ("mean", lambda values: sum(values) / len(values))):
        record[statistic] = {path: math.log(value(now[path]) / value(before[path])) for path in now}
    return record


def _values(launch: Launch) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {"": [taken.total_ns for taken in launch.rounds]}
    for taken in launch.rounds:
        for span in taken.spans:
            found.setdefault(span.path, []).append(span.total_ns)
    return found


# --- the table ------------------------------------------------------------------------


def _records(path: Path) -> list[dict[str, Any]]:
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            found.append(json.loads(line))
        except ValueError:
            print(f"{path}:{number} is not whole and is left out", file=sys.stderr)
    return found


def _table(records: list[dict[str, Any]]) -> Iterator[str]:
    pairs = [record for record in records if "min" in record]
    kept = {name: [r for r in pairs if r["config"] == name and _meant(r)] for name in CONFIGURATIONS}
    kept = {name: found for name, found in kept.items() if _cubes(found)}
    yield "| " + " | ".join(HEAD) + " |"
    yield "| --- |" + " ---: |" * (len(HEAD) - 1)
    # the same draws for each configuration, so that changes and turns are drawn for all of them alike
    resampled = {
        name: [_figures(_cubes(found), np.random.default_rng(draw)) for draw in range(RESAMPLES)]
        for name, found in kept.items()
    }
    for name, found in kept.items():
        own, mean, ratios = _figures(_cubes(found)), _figures(_cubes(found, "mean")), _ratios(resampled, name)
        yield (
            f"| {CONFIGURATIONS[name].what} | {len(found)} | {own['sd']:.2%} | {ratios['sd']} | {mean['sd']:.2%} "
            f"| {own['bias']:.2%} | {own['worst']:.2%} | {own['same']:.2%} | {own['error']:.2%} | {ratios['error']} "
            f"| {own['seconds']:.2f} | {ratios['seconds']} |"
        )
    yield from _notes(records, pairs, kept)


def _meant(record: dict[str, Any]) -> bool:
    """Whether the conditions that were to be on or off in it really were."""
    wanted = CONFIGURATIONS[record["config"]].took
    return all(side[name].startswith(value) for side in record["took"] for name, value in wanted)


Cubes = dict[str, np.ndarray[Any, Any]]  # by change: pairs × (steps, then seconds)


def _cubes(records: list[dict[str, Any]], statistic: str = "min") -> Cubes:
    """Of each change with two pairs or more, all of them."""
    rows: dict[str, list[list[float]]] = {}
    for record in records:
        rows.setdefault(record["change"], []).append([*record[statistic].values(), record["seconds"]])
    return {change: _tamed(np.array(rows[change])) for change in sorted(rows) if len(rows[change]) > 1}


def _tamed(cube: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """No value is farther from its median than WILD robust standard deviations: what a neighbour did in one pair."""
    middle = np.median(cube, axis=0)
    reach = WILD * 1.4826 * np.median(np.abs(cube - middle), axis=0)
    return np.clip(cube, middle - reach, middle + reach)


def _figures(cubes: Cubes, rng: np.random.Generator | None = None) -> dict[str, float]:
    """The figures of a row; with ``rng``, of a bootstrap sample of its null changes and of their pairs."""
    nulls = [cube for change, cube in cubes.items() if change != SAME]
    same = [cube for change, cube in cubes.items() if change == SAME]
    if rng is not None:
        nulls = [nulls[i] for i in rng.integers(len(nulls), size=len(nulls))] if nulls else []
        nulls, same = ([cube[rng.integers(len(cube), size=len(cube))] for cube in some] for some in (nulls, same))
    every = nulls + same
    sd = float(np.median(np.sqrt(np.mean([cube[:, :-1].var(axis=0, ddof=1) for cube in every], axis=0))))
    biases = [_squared_bias(cube, drawn=rng is not None) for cube in nulls or same]
    bias = _root(np.mean(biases))
    return {
        "sd": sd,
        "bias": bias,
        "worst": _root(np.max(biases)),
        "same": _root(np.mean([_squared_bias(cube) for cube in same])) if same else math.nan,
        "error": math.hypot(bias, sd / math.sqrt(LOOK)),
        "seconds": float(np.median(np.concatenate([cube[:, -1] for cube in every]))),
    }


def _squared_bias(cube: np.ndarray[Any, Any], *, drawn: bool = False) -> np.ndarray[Any, Any]:
    """By step, less what chance adds: the variance of a mean, and where pairs were drawn from pairs that once more."""
    chance = cube[:, :-1].var(axis=0, ddof=1) / len(cube)
    return cube[:, :-1].mean(axis=0) ** 2 - (2 if drawn else 1) * chance


def _root(square: float) -> float:
    return math.sqrt(max(0.0, float(square)))


def _ratios(resampled: dict[str, list[dict[str, float]]], name: str) -> dict[str, str]:
    """Ratios to all on, with the interval that holds 95 % of the bootstrap's."""
    if name == ON or ON not in resampled:
        return dict.fromkeys(("sd", "error", "seconds"), "")
    said = {}
    for what in ("sd", "error", "seconds"):
        found = [a[what] / b[what] for a, b in zip(resampled[name], resampled[ON], strict=True) if b[what]]
        low, middle, high = np.quantile(found, [0.025, 0.5, 0.975])
        said[what] = f"{middle:.2f} ({low:.2f} – {high:.2f})"
    return said


def _notes(records: list[dict[str, Any]], pairs: list[dict[str, Any]], kept: dict[str, Any]) -> Iterator[str]:
    yield ""
    changes = len({record["change"] for record in pairs} - {SAME})
    yield (
        f"{len(pairs)} pairs of launches of {ROUNDS} rounds; {changes} null changes, and the same code twice. A pair's "
        f"value is ln(minimum / minimum), at most {WILD} robust standard deviations from the median; its sd is the "
        "median over steps, within changes. Biases are means over pairs, less what chance adds; the error of "
        f"{LOOK} pairs is both together. Intervals: 95 %, bootstrapped over changes and pairs. Load at the start of "
        f"a pair: median {np.median([r['load'] for r in pairs] or [0.0]):.1f}."
    )
    if errors := [r["error"] for r in records if "error" in r]:
        yield f"- {len(errors)} pairs broke, the last: {errors[-1].splitlines()[-1]}"
    if lost := sum(not _meant(r) for r in pairs):
        yield f"- {lost} pairs are left out: a condition did not take effect as was meant"
    if single := CONFIGURATIONS.keys() & {r["config"] for r in pairs} - kept.keys():
        yield f"- too few pairs yet of {', '.join(sorted(single))}"
    if len({r["build"] for r in pairs}) > 1:
        yield "- **mixed builds** of the plugin"


if __name__ == "__main__":
    sys.exit(main())
