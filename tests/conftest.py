"""What all tests share: a browser window, and that interrupts get through to the processes they start."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from browser import Page, browser

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a job that a shell has put into the background
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def page() -> Iterator[Page]:
    """A window of a real browser, one for all tests of this process."""
    with browser() as window:
        yield window
