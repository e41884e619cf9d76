"""Thousands of watchers of the event stream in one process, each little more than a socket."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from typing import cast

OPENING_AT_ONCE = 200
WATCHERS_PER_ADDRESS = 2_000
"""nginx limits the streams of an address; on Linux all of 127/8 is this machine."""
PATIENCE_S = 60.0


class Watcher(asyncio.Protocol):
    """One event stream: when its first state came, and when the one that it waits for."""

    def __init__(self, order_id: str, token: str) -> None:
        self._request = (
            f"GET /orders/{order_id}/events HTTP/1.1\r\nHost: shop\r\n"
            f"Authorization: Bearer {token}\r\nAccept: text/event-stream\r\n\r\n"
        ).encode()
        self.order_id = order_id
        self.opened: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Done with the first state, and then empty; or with what came instead."""
        self.confirmed_at_s: float | None = None
        self.is_closed = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Note what has come."""
        if b'"confirmed"' in data:
            self.confirmed_at_s = self.confirmed_at_s or time.monotonic()
        elif not self.opened.done():
            status = data[9:12].decode("ascii", "replace") if data.startswith(b"HTTP/1.1 ") else ""
            if b"id: " in data:
                self.opened.set_result("")
            elif status not in ("", "200"):
                self.opened.set_result(status)

    def connection_lost(self, _: Exception | None) -> None:
        """Note that nothing more will come."""
        self.is_closed = True
        if not self.opened.done():
            self.opened.set_result("closed")

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()


async def open_watchers(
    port: int, orders: Sequence[tuple[str, str]]
) -> tuple[list[Watcher], Counter[str]]:
    """Open a stream of each (order id, token).

    Return the watchers that got a first state, and what the others got instead.
    """
    loop = asyncio.get_running_loop()
    places = asyncio.Semaphore(OPENING_AT_ONCE)
    refusals: Counter[str] = Counter()

    async def open_one(number: int, order_id: str, token: str) -> Watcher | None:
        source = f"127.0.1.{number // WATCHERS_PER_ADDRESS + 1}"
        async with places:
            watcher = Watcher(order_id, token)
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await loop.create_connection(
                        lambda: watcher, "127.0.0.1", port, local_addr=(source, 0)
                    )
                    refusal = await watcher.opened
            except (OSError, TimeoutError) as error:
                refusal = type(error).__name__
        if not refusal:
            return watcher
        refusals[refusal] += 1
        watcher.close()
        return None

    opened = await asyncio.gather(
        *(open_one(number, *order) for number, order in enumerate(orders))
    )
    return [watcher for watcher in opened if watcher is not None], refusals


async def wait_until_confirmed(watchers: Sequence[Watcher], within_s: float) -> None:
    """Wait until each has seen its order confirmed, or so many seconds have passed."""
    give_up_at_s = time.monotonic() + within_s
    while time.monotonic() < give_up_at_s:
        if all(one.confirmed_at_s is not None or one.is_closed for one in watchers):
            return
        await asyncio.sleep(0.05)
