"""The order worker: carries accepted orders from the stream into the ledger, then on to payment.

It does not decide anything. The stock was taken when the order was accepted; checking it again here
was the published system's costliest mistake. A batch is one transaction; after COMMIT the orders
are advanced and their entries dropped in one script. A crash between the two means that somebody
does both again, and neither does anything twice.

An order that was accepted by a Redis which has lost its data since is not recorded behind the back
of the present one (ledger.py): it is offered to that one as if its buyer had asked again.

Each child also takes part in recovery (recovery.py): one of them, elected, looks after the dead.
"""

import asyncio
import logging
import socket
import sys
import time
from collections.abc import Sequence

import psycopg

from approaches.queue import ledger
from approaches.queue.consumer import (
    SOCKET_TIMEOUT_S,
    Consumer,
    Entry,
    consumer_name,
    until_answered,
)
from approaches.queue.order import Order
from approaches.queue.recovery import Recovery
from approaches.queue.service import run_service
from approaches.queue.settings import QueueSettings
from approaches.queue.store import ORDERS, Acceptance, Store
from approaches.queue.worker import Lazy, run_worker
from approaches.shop.database import REFUSALS
from approaches.shop.metrics import Counter
from approaches.shop.settings import split_bind

log = logging.getLogger(__name__)

LOST = Counter(
    "shop_orders_lost",
    "Orders accepted by a Redis that lost its data, and sold out since: an alarm",
)
ON_SALE_WITHIN_S = 30.0
ON_SALE_PAUSE_S = 0.1

Parcel = tuple[Entry, Order]


class OrderWorker:
    """One consumer of the orders stream."""

    def __init__(self, settings: QueueSettings, name: str) -> None:
        self._batch_size = settings.concurrency
        self._store = Store(settings.redis_url, timeout_s=SOCKET_TIMEOUT_S, connections=4)
        self.ledger = Lazy(settings.shop.database_url)
        self._busy: asyncio.Task[None] | None = None
        self.consumer = Consumer(self._store, ORDERS, name)

    async def run(self) -> None:
        """Read and record batches until cancelled; a batch in hand is left to `finish`."""
        while True:
            entries = await self.consumer.read(self._batch_size)
            if entries:
                self._busy = asyncio.create_task(self.record(entries))
                await asyncio.shield(self._busy)

    async def finish(self) -> None:
        """Finish the batch in hand."""
        if self._busy is not None:
            await self._busy

    async def close(self) -> None:
        """Close connections."""
        await self.ledger.close()
        await self._store.close()

    async def record(self, entries: Sequence[Entry]) -> None:
        """Record the orders of these entries in the ledger and send them to payment."""
        parcels: list[Parcel] = []
        for entry in entries:
            try:
                parcels.append((entry, Order.from_entry(entry.fields)))
            except (KeyError, ValueError) as error:
                await self.consumer.give_up(entry, f"not an order: {error!r}")
        if parcels:
            await self._record(parcels)

    async def _record(self, parcels: Sequence[Parcel]) -> None:
        orders = [order for _, order in parcels]
        try:
            intake = await self.ledger.run(
                lambda connection: ledger.insert_orders(connection, orders)
            )
        except REFUSALS as error:
            await self._divide(parcels, error)
            return
        kept = [(entry.id, order.id) for entry, order in parcels if order.id in intake.recorded]
        if kept:
            await until_answered(lambda: self._store.advance(kept))
        for entry, order in parcels:
            if order.id in intake.outlived:
                await self._offer_again(entry, order)
            elif order.id not in intake.recorded:
                await self.consumer.give_up(entry, "its idempotency key holds another order")

    async def _offer_again(self, entry: Entry, order: Order) -> None:
        """Have the present Redis accept an order, under its id and key, if it still can.

        If its key is taken, its buyer had no answer and has asked again. If it is sold out, a buyer
        who was told 202 is disappointed: the price of ACK=acceptance when Redis loses its data.
        """
        answer = await until_answered(lambda: self._accept(order))
        give_up_at_s = time.monotonic() + ON_SALE_WITHIN_S
        while answer.verdict == "stock_not_loaded" and time.monotonic() < give_up_at_s:
            await asyncio.sleep(ON_SALE_PAUSE_S)
            answer = await until_answered(lambda: self._accept(order))
        if answer.verdict not in ("accepted", "replayed"):
            LOST.inc()
            log.error("order %s, accepted before Redis lost its data: %s", order.id, answer.verdict)
        await until_answered(lambda: self._store.drop(ORDERS, entry.id))

    async def _accept(self, order: Order) -> Acceptance:
        return await self._store.accept(
            order.id,
            user_id=order.user_id,
            key=order.key,
            product_id=order.product_id,
            quantity=order.quantity,
        )

    async def _divide(self, parcels: Sequence[Parcel], error: psycopg.Error) -> None:
        """Find by halves the order that the ledger refuses, so that only it pays for it."""
        if len(parcels) == 1:
            await self.consumer.give_up(parcels[0][0], f"the ledger refuses it: {error}".strip())
            return
        middle = len(parcels) // 2
        await self._record(parcels[:middle])
        await self._record(parcels[middle:])


def run_child(settings: QueueSettings, index: int, listener: socket.socket) -> None:
    """Run one process of the service until SIGTERM."""
    _, port = split_bind(settings.shop.bind)
    name = consumer_name("order-worker", port, index)
    recovery = Recovery(settings)
    run_worker(listener, lambda: OrderWorker(settings, name), recovery.run)


if __name__ == "__main__":
    sys.exit(run_service(run_child, "DATABASE_URL"))
