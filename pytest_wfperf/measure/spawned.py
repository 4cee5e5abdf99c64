"""Replicas of a load in processes of their own: functions go there by their names, and what comes back is JSON."""

from __future__ import annotations

import asyncio
import inspect
import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict
from importlib import import_module
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any

from ..errors import MeasurementError
from ..model import Round
from .channel import decode_round, encode_round
from .crews import Crew, Part
from .facts import averaged, with_facts_of
from .replica import Call, Replica, Schedule, Stretch, driven, sleep
from .rounds import Measurement

END_LIMIT_S = 10.0  # for a process to end that has nothing left to do
Face = Callable[[Measurement], object]  # makes what a callable with a parameter ``wfperf`` is given


def address(function: Callable[..., Any] | None) -> str:
    """``module:name`` under which another process finds the function; empty for None. Raises MeasurementError."""
    if function is None:
        return ""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    if _found(sys.modules.get(str(module)), name) is not function:
        raise MeasurementError(
            f"wfperf.load(mode='process') cannot hand {function!r} to another process, which has to import it: "
            "define it with def at the top of a module (no lambda, method or function inside the test), "
            "and let setup= make what it needs"
        )
    return f"{module}:{name}"


def _found(place: object, name: str) -> Any:
    for part in name.split("."):
        place = getattr(place, part, None)
    return place


class End:
    """One end of a pipe. A message is a JSON object."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def send(self, **message: Any) -> None:
        self._connection.send_bytes(json.dumps(message).encode())

    def receive(self) -> dict[str, Any]:
        """Raises EOFError or OSError where the other side is gone."""
        message: dict[str, Any] = json.loads(self._connection.recv_bytes())
        return message

    def close(self) -> None:
        self._connection.close()


class Processes:
    """A spawned process for each replica."""

    def __init__(self, replicas: int, functions: Sequence[Callable[..., Any] | None], face: Face) -> None:
        self._told = {"functions": [address(function) for function in functions], "cwd": os.getcwd()}  # noqa: PTH109
        self._replicas, self._face = replicas, face
        self._processes: list[BaseProcess] = []
        self._ends: list[End] = []

    async def __aenter__(self) -> Crew:
        context = multiprocessing.get_context("spawn")
        try:
            for index in range(self._replicas):
                here, there = context.Pipe()
                process = context.Process(target=serve, args=(there, index, self._told, self._face))
                process.start()
                there.close()
                self._processes.append(process)
                self._ends.append(End(here))
            for index in range(self._replicas):
                self._hear(index, "ready")
        except BaseException as error:
            await self.__aexit__(type(error), error, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let every replica tear down and end; an interrupt ends them at once."""
        interrupted = kind is not None and not issubclass(kind, Exception)
        problems: list[MeasurementError] = []
        for index, process in enumerate(self._processes):
            if interrupted:
                process.terminate()
            else:
                self._tell(index, do="end")
        for index, process in enumerate(self._processes):
            try:
                self._hear(index, "ended")
            except MeasurementError as problem:
                problems.append(problem)
            self._ends[index].close()
            process.join(END_LIMIT_S)
            process.kill()
            process.join()
        if kind is None and problems:
            raise problems[0]

    async def take(self, stretch: Stretch, replicas: int) -> list[Part]:
        """Let the first so many replicas make their calls, all at once; time that."""
        some = range(replicas)
        for index in some:
            self._tell(index, do="take", name=stretch.name, schedule=asdict(stretch.schedule))
        for index in some:
            self._hear(index, "armed")
        stretch.begin()
        for index in some:
            self._tell(index, do="start")
        for index in some:
            self._hear(index, "over")
        stretch.clock.end()
        return [_part(index, self._hear(index, "taken")) for index in some]

    def _tell(self, index: int, **message: Any) -> None:
        with suppress(OSError):  # it is gone, which whoever listens to it next is told
            self._ends[index].send(**message)

    def _hear(self, index: int, what: str) -> dict[str, Any]:
        """A replica's next message of that sort. Raises MeasurementError where it will send none."""
        try:
            while (message := self._ends[index].receive())["what"] != what:
                if message["what"] == "broken":
                    raise MeasurementError(f"replica {index} of wfperf.load(mode='process'): {message['why']}")
        except (EOFError, OSError):
            process = self._processes[index]
            process.join(END_LIMIT_S)
            raise MeasurementError(
                f"replica {index} of wfperf.load(mode='process'): its process is gone, exit code {process.exitcode}"
            ) from None
        return message


def _part(index: int, message: dict[str, Any]) -> Part:
    calls = [
        Call(replica=index, late_ns=late, service_ns=service, error=error, paths=paths)
        for late, service, error, paths in message["calls"]
    ]
    return Part(calls=calls, taken=decode_round(message["round"]))


# --- in the other process ---------------------------------------------------------------------


def serve(connection: Any, index: int, told: dict[str, Any], face: Face) -> None:
    """Be one replica until told to end, or until whoever tells is gone."""
    # it is the measuring process that an interrupt is for; ignoring it would make commands run from here ignore it too
    signal.signal(signal.SIGINT, lambda *_: None)
    end = End(connection)
    try:
        os.chdir(told["cwd"])
        _serve(end, index, [_imported(each) for each in told["functions"]], face)
        end.send(what="ended")
    except (EOFError, BrokenPipeError):
        return
    except Exception as error:  # noqa: BLE001  whatever it was, the other side has to be told
        end.send(what="broken", why=f"{type(error).__name__}: {error}")


def _imported(address: str) -> Any:
    module, _, name = address.partition(":")
    return _found(import_module(module), name) if address else None


def _serve(end: End, index: int, functions: Sequence[Any], face: Face) -> None:
    measurement = Measurement()
    awaits = inspect.iscoroutinefunction(functions[0])
    wait = asyncio.sleep if awaits else sleep
    replica = Replica(index, *functions, wfperf=face(measurement), wait=wait)
    with ExitStack() as stack:
        run = stack.enter_context(asyncio.Runner()).run if awaits else driven
        run(replica.set_up())
        stack.callback(lambda: run(replica.tear_down()))
        end.send(what="ready")
        while (order := end.receive())["do"] == "take":
            stretch = Stretch(order["name"], Schedule(**order["schedule"]), measurement.recorder, measurement.recorder)
            end.send(what="armed")
            if end.receive()["do"] != "start":  # another replica broke meanwhile
                break
            stretch.begin()
            calls = run(replica.take(stretch, lambda: None))
            stretch.clock.end()
            end.send(what="over")
            taken = measurement.recorder.freeze()
            facts = averaged([call.facts.added_to(Round(total_ns=0)) for call in calls])
            end.send(
                what="taken",
                round=encode_round(with_facts_of(facts, taken)),
                calls=[(call.late_ns, call.service_ns, call.error, call.paths) for call in calls],
            )
