"""An asyncio workflow in a plain test: no asyncio plugin is needed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from orders import revenue
from shop import CUSTOMERS, PAGES, aggregate, page, parse


@pytest.mark.wfperf(
    "p95 < 30s",
    "step:fetch/parse regression < 100%",
    "metric:orders value == 3600",
    'gate:"every order arrived once" pass_rate == 100%',
    rounds=30,
)
def test_fetch(wfperf: Any, port: int) -> None:
    profile = wfperf.run(revenue, wfperf, port)

    assert profile.result == aggregate(parse(page(number)) for number in range(PAGES))
    assert len(profile.result) == CUSTOMERS
    assert sum(profile.result.values()) > Decimal(1000)
    assert profile.step("aggregate").median < profile.step("fetch").median
    assert {span.count for each in profile.rounds for span in each.spans if span.path == "fetch/parse"} == {PAGES}
