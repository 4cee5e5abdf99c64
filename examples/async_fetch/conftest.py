"""The server both tests fetch from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from shop import serving


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving() as number:
        yield number
