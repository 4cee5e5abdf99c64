"""A small shop's orders: a server that hands them out page by page, and a client that fetches and sums them.

The server speaks as much HTTP/1.1 as the client needs. ``ASYNC_FETCH_SLOW=parse=2`` has the
client do that step's work twice.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import ParamSpec, TypeVar

PAGES, ORDERS_PER_PAGE, CUSTOMERS = 24, 150, 40
AT_ONCE = 8  # connections the client keeps open
STEPS = ("request", "parse", "aggregate")
VARIABLE = "ASYNC_FETCH_SLOW"

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Order:
    number: int
    customer: str
    lines: tuple[tuple[str, int, Decimal], ...]

    @property
    def total(self) -> Decimal:
        return sum((count * price for _, count, price in self.lines), Decimal())


# --- the server -----------------------------------------------------------------------


def page(number: int) -> bytes:
    """The orders of one page, the same every time."""
    first = number * ORDERS_PER_PAGE
    orders = [
        {
            "number": order,
            "customer": f"customer {order * 7 % CUSTOMERS}",
            "lines": [
                {
                    "article": f"article {line}",
                    "count": 1 + (order + line) % 5,
                    "price": f"{(order * line) % 90 + 9}.95",
                }
                for line in range(1 + order % 6)
            ],
        }
        for order in range(first, first + ORDERS_PER_PAGE)
    ]
    return json.dumps({"page": number, "orders": orders}).encode()


@contextmanager
def serving() -> Iterator[int]:
    """Serve the pages on a free port of this machine, from a thread with an event loop of its own; gives the port."""
    pages = [page(number) for number in range(PAGES)]
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    ports: list[int] = []
    ready = threading.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            wanted = request.split(maxsplit=2)[1].decode().removeprefix("/orders/")
            known = wanted.isdecimal() and int(wanted) < PAGES
            status, body = ("200 OK", pages[int(wanted)]) if known else ("404 Not Found", b"{}")
            head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
        finally:
            writer.close()

    async def serve() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            ports.append(server.sockets[0].getsockname()[1])
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    if not ready.wait(10):
        raise RuntimeError("the server did not start within 10 seconds")
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


# --- the client -----------------------------------------------------------------------


async def request(port: int, path: str) -> bytes:
    """The body of one page. Raises OSError unless the server has it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        status, *headers = head.decode().splitlines()
        if status.split()[1] != "200":
            raise OSError(f"{path}: {status}")
        length = next(int(line.split(":")[1]) for line in headers if line.lower().startswith("content-length:"))
        return await reader.readexactly(length)
    finally:
        writer.close()
        await writer.wait_closed()


def parse(body: bytes) -> list[Order]:
    return [
        Order(
            number=order["number"],
            customer=order["customer"],
            lines=tuple((line["article"], line["count"], Decimal(line["price"])) for line in order["lines"]),
        )
        for order in json.loads(body)["orders"]
    ]


def aggregate(pages: Iterable[list[Order]]) -> dict[str, Decimal]:
    """What every customer ordered for."""
    totals: dict[str, Decimal] = {}
    for orders in pages:
        for order in orders:
            totals[order.customer] = totals.get(order.customer, Decimal()) + order.total
    return totals


# --- the switch -----------------------------------------------------------------------


def _factors(text: str) -> dict[str, int]:
    """Read ``step=factor``, or several of them with commas between. Raises ValueError."""
    found = {}
    for part in filter(None, text.split(",")):
        step, _, times = part.strip().partition("=")
        if step not in STEPS or not times.isdecimal() or int(times) < 1:
            raise ValueError(
                f"{VARIABLE}: {part.strip()!r} is not step=factor with a whole factor and one of these steps: "
                + ", ".join(STEPS)
            )
        found[step] = int(times)
    return found


_FACTORS = _factors(os.environ.get(VARIABLE, ""))


def factor(step: str) -> int:
    """How often the switch has ``step`` do its work."""
    return _FACTORS.get(step, 1)


def work(step: str, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call the function as often as the switch has it; the last result counts."""
    for _ in range(factor(step) - 1):
        function(*args, **kwargs)
    return function(*args, **kwargs)
