"""The workflow: fetch all pages at once, parse each as it comes, and sum them."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

from shop import AT_ONCE, PAGES, Order, aggregate, factor, parse, request, work


async def revenue(wfperf: Any, port: int) -> dict[str, Decimal]:
    """What every customer ordered for. Each page is a task of its own; their steps hang under ``fetch``."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def fetch(number: int) -> tuple[int, list[Order]]:
        async with gate:
            async with wfperf.step("request"):
                for _ in range(factor("request")):
                    body = await request(port, f"/orders/{number}")
            with wfperf.step("parse", after="request"):
                return len(body), work("parse", parse, body)

    with wfperf.step("fetch"):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(fetch(number)) for number in range(PAGES)]
    sizes, pages = zip(*(task.result() for task in tasks), strict=True)

    with wfperf.step("aggregate", after="fetch"):
        totals = work("aggregate", aggregate, pages)

    numbers = sorted(order.number for orders in pages for order in orders)
    wfperf.check("every order arrived once", numbers == list(range(len(numbers))), f"{len(numbers)} orders")
    wfperf.metric("received", sum(sizes), "B")
    wfperf.metric("orders", len(numbers), better="higher")
    return totals
