"""One function wrapped in steps, in the colour it came in."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

Enter = Callable[[], AbstractContextManager[Any]]


def decorated(function: Callable[..., Any], enter: Enter) -> Callable[..., Any]:
    """``function`` with every call (of a generator: every stretch it runs) inside ``enter()``."""
    if inspect.isasyncgenfunction(function):
        return _async_generator(function, enter)
    if inspect.isgeneratorfunction(function):
        return _generator(function, enter)
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            with enter():
                return await function(*args, **kwargs)

        return coroutine

    @functools.wraps(function)
    def plain(*args: Any, **kwargs: Any) -> Any:
        with enter():
            return function(*args, **kwargs)

    return plain


def _generator(function: Callable[..., Any], enter: Enter) -> Callable[..., Any]:
    @functools.wraps(function)
    def generator(*args: Any, **kwargs: Any) -> Any:
        running = function(*args, **kwargs)
        resume, sent = running.send, None
        try:
            while True:
                with enter():
                    try:
                        value = resume(sent)
                    except StopIteration as stop:  # the end of the generator is no error of the step
                        return stop.value
                try:
                    resume, sent = running.send, (yield value)
                except Exception as error:  # noqa: BLE001  thrown in by the caller: it is the generator's to handle
                    resume, sent = running.throw, error
        finally:
            running.close()

    return generator


def _async_generator(function: Callable[..., Any], enter: Enter) -> Callable[..., Any]:
    @functools.wraps(function)
    async def generator(*args: Any, **kwargs: Any) -> Any:
        running = function(*args, **kwargs)
        resume, sent = running.asend, None
        try:
            while True:
                with enter():
                    try:
                        value = await resume(sent)
                    except StopAsyncIteration:
                        return
                try:
                    resume, sent = running.asend, (yield value)
                except Exception as error:  # noqa: BLE001  thrown in by the caller: it is the generator's to handle
                    resume, sent = running.athrow, error
        finally:
            await running.aclose()

    return generator


def timed(function: Callable[..., Any], begin: Callable[[], None], end: Callable[[bool], None]) -> Callable[..., Any]:
    """``function`` between ``begin()`` and ``end(passed)``, a coroutine function inside its own event loop."""
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            begin()
            passed = False
            try:
                result = await function(*args, **kwargs)
                passed = True
                return result
            finally:
                end(passed)

        return coroutine

    @functools.wraps(function)
    def plain(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        begin()
        passed = False
        try:
            result = function(*args, **kwargs)
            passed = True
            return result
        finally:
            end(passed)

    return plain


def doing_nothing(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of the same colour and signature that does nothing."""
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def coroutine(*_args: Any, **_kwargs: Any) -> None:
            return None

        return coroutine

    @functools.wraps(function)
    def plain(*_args: Any, **_kwargs: Any) -> None:
        return None

    return plain
