"""The same workflow in an ``async def`` test, where pytest-asyncio is installed to run it."""

from __future__ import annotations

from typing import Any

import pytest
from orders import revenue
from shop import CUSTOMERS

pytest.importorskip("pytest_asyncio")


@pytest.mark.asyncio
@pytest.mark.wfperf("p95 < 30s", rounds=30)
async def test_fetch_async(wfperf: Any, port: int) -> None:
    assert len(await revenue(wfperf, port)) == CUSTOMERS
