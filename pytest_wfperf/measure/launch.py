"""Starts fresh processes for measuring and drives their rounds, one process or two in lockstep.

A launch is a pytest process with the user's own arguments. It collects, says what workflows it has,
and takes a round whenever it is told to. Only one process is on the clock at any time; the other
waits at the socket.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import MeasurementError
from ..model import Launch, Round
from .arms import Arm
from .channel import Closed, decode_round
from .facts import with_facts_of
from .layout import without
from .process import END_LIMIT_S, Process, environment_of

SIDE = "WFPERF_SIDE"  # a or b: both sides are up at once, so a fixture with a fixed port needs to know which it is
START_LIMIT_S = 600.0  # until it has imported and collected
ANSWERS = frozenset(["ready", "prepared", "rounds", "own", "ended", "finished"])


class Broken(MeasurementError):
    """A launched process or its workflow could not be measured; ``side`` says whose, 0 is the current code's."""

    def __init__(self, text: str, side: int, *, workflow: str = "", kind: str = "", crashed: bool = True) -> None:
        super().__init__(text)
        self.side, self.workflow, self.kind, self.crashed = side, workflow, kind, crashed


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """Rounds a launch takes of one workflow, after some to warm up."""

    rounds: int
    warmup: int


class Crew:
    """The processes of one launch: one, or two in lockstep. A context manager; nothing of it outlives the block."""

    def __init__(self, arms: Sequence[Arm], directory: Path, number: int, **order: Any) -> None:
        self._random = random.Random()  # noqa: S311
        self._arms, self._directory, self._number = arms, directory, number
        leave_out = without(os.environ)
        self._order = {"without": sorted(leave_out), "only": None, "options": [], **order}
        self.processes: list[Process] = []
        self.hellos: list[dict[str, Any]] = []
        self.sound = self._finished = False

    def __enter__(self) -> Crew:
        try:
            self._start()
            self.hellos = [self._hear(side, START_LIMIT_S) for side in range(len(self.processes))]
        except BaseException:
            self.__exit__()
            raise
        self.sound = True
        return self

    def __exit__(self, kind: type[BaseException] | None = None, *_: object) -> None:
        self.sound &= kind is None  # an interrupt, say: then nobody waits for anybody
        for process in self.processes if self.sound and not self._finished else ():
            process.ask_to_end()
        with ExitStack() as stack:  # an interrupt while one ends must not spare the other
            for process in self.processes:
                stack.callback(shutil.rmtree, process.place, ignore_errors=True)
                stack.callback(process.end, asked=self.sound)

    def finish(self) -> list[dict[str, Any]]:
        """Let every side end, and hear what it had loaded by then. Raises Broken."""
        sides = range(len(self.processes))
        for side in sides:
            self._tell(side, "", do="finish")
        self._finished = True
        return [self._hear(side, END_LIMIT_S) for side in sides]

    def _start(self) -> None:
        rng, order = self._random, self._order
        seed = str(rng.randrange(1_000_000_000, 4_000_000_000))
        environments = [environment_of(arm) for arm in self._arms]
        for environment in environments if "seed" not in order["without"] else ():
            environment["PYTHONHASHSEED"] = seed
        for side, (arm, environment) in enumerate(zip(self._arms, environments, strict=True)):
            environment[SIDE] = "ab"[side]
            place = self._directory / f"{self._number:03}{'ab'[side]}"
            told = {
                **order, "seed": rng.getrandbits(32), "basetemp": str(place),
                "root": str(arm.root), "strip": list(arm.strip), "import_paths": list(arm.import_paths),
            }  # fmt: skip
            try:
                self.processes.append(Process(arm, told, environment, place))
            except OSError as error:  # no space for its log, or no room for a process
                raise Broken(f"it could not be started: {error}", side) from error

    def _hear(self, side: int, limit_s: float, workflow: str = "") -> dict[str, Any]:
        """One side's next message. Raises Broken where there is none."""
        try:
            message = self.processes[side].receive(limit_s)
        except MeasurementError as error:
            self.sound = False
            raise Broken(str(error), side, workflow=workflow) from None
        if message.get("is") not in ANSWERS:
            self.sound = False
            raise Broken(f"it sent what is no message: {str(message)[:200]}", side, workflow=workflow)
        return message

    def _all_ended(self, answers: Sequence[Mapping[str, Any]], workflow: str) -> bool:
        """Whether the workflow is over on every side. Raises Broken where it ended otherwise than well."""
        ended = [answer["is"] == "ended" for answer in answers]
        if any(ended) and not all(ended):
            self.sound = False  # the other side is left waiting in the middle of a round
        for side, answer in enumerate(answers):
            if answer.get("why"):
                raise Broken(answer["why"], side, workflow=workflow, kind=answer.get("kind", "failed"), crashed=False)
        if any(ended) and not all(ended):
            raise Broken("it took other rounds than the other side did", ended.index(True), workflow=workflow)
        return all(ended)

    def _tell(self, side: int, subject: str, /, **message: Any) -> None:
        try:
            self.processes[side].send(**message)
        except Closed:
            self._hear(side, END_LIMIT_S, subject)

    def measure(
        self,
        workflow: str,
        effort: Callable[[Sequence[int]], Effort | None],
        *,
        limit_s: float,
        calibrated: bool,
        sampled: bool,
    ) -> tuple[Launch, ...]:
        """Rounds of one workflow on every side.

        ``effort`` is asked after each round, with the lengths so far, until it knows how many there will be.
        Raises Broken.
        """
        sides = range(len(self.processes))
        taken: list[list[Round]] = [[] for _ in sides]
        wanted: Effort | None = None
        for side in sides:
            self._tell(side, workflow, do="measure", workflow=workflow, calibrated=calibrated)
        while True:
            done = len(taken[0])
            enough = wanted is not None and done >= wanted.rounds + wanted.warmup
            warming = sampled and done < (1 if wanted is None else wanted.warmup)
            for side in sides:
                self._tell(side, workflow, do="enough" if enough else "prepare", sampled=warming)
            answers = [self._hear(side, limit_s, workflow) for side in sides]
            if self._all_ended(answers, workflow):
                break
            for side in self._random.sample(sides, len(sides)):
                self._tell(side, workflow, do="go")
                taken[side] += self._rounds(side, limit_s, workflow)
            if wanted is None and len(taken[0]) > done + 1:  # a body that takes all of them in one turn
                wanted = Effort(rounds=len(taken[0]), warmup=0)
            elif wanted is None and taken[0]:
                wanted = effort([max(r.total_ns for r in same) for same in zip(*taken, strict=True)])
        return tuple(self._launch(*each, wanted) for each in zip(taken, answers, self.hellos, strict=True))

    def _rounds(self, side: int, limit_s: float, workflow: str) -> list[Round]:
        message = self._hear(side, limit_s, workflow)
        if message["is"] == "own":
            return []
        if message["is"] == "ended":  # the body raised inside its own round, so that nobody filed one
            self.sound = False
            why = message.get("why") or "its round ended without being measured"
            raise Broken(why, side, workflow=workflow, kind=message.get("kind") or "failed", crashed=False)
        try:
            return [decode_round(data) for data in message["rounds"]]
        except (KeyError, MeasurementError) as error:
            self.sound = False
            raise Broken(f"it sent what is no round: {error}", side, workflow=workflow) from error

    def _launch(
        self, rounds: list[Round], ended: Mapping[str, Any], hello: Mapping[str, Any], wanted: Effort | None
    ) -> Launch:
        warmup = wanted.warmup if wanted is not None and len(rounds) > wanted.warmup else 0
        if rounds and ended.get("beside"):
            rounds[-1] = with_facts_of(decode_round(ended["beside"]), rounds[-1])
        return Launch(
            rounds=tuple(rounds[warmup:]),
            warmup=tuple(rounds[:warmup]),
            recorder_ns=ended.get("recorder_ns", 0),
            calibration_ns=ended.get("calibration_ns", 0),
            beside=ended.get("others", 0.0),
            conditions=tuple(sorted(hello["conditions"].items())),
        )

    def count(self, workflow: str, limit_s: float) -> list[list[dict[str, Any]]]:
        """What one round of the workflow does on every side, counted. Raises Broken."""
        counts = []
        for side in range(len(self.processes)):
            self._tell(side, workflow, do="count", workflow=workflow)
            counts.append(self._hear(side, limit_s, workflow)["counts"])
        return counts


def here(arguments: Sequence[str], cwd: Path) -> Arm:
    """The arm of the code as it is imported here and now, by a process started in ``cwd``."""
    path = [str(cwd)] if {"", str(cwd)} & set(sys.path) else []
    inherited = [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
    environment = {"PYTHONPATH": os.pathsep.join([*path, *inherited])} if path else {}
    return Arm(
        name="working tree",
        root=cwd,
        cwd=cwd,
        arguments=tuple(arguments),
        environment=environment,
        import_paths=(),
        strip=(),
    )
