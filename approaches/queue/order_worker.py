"""The order worker: carries accepted orders from the stream into the ledger, then on to payment.

It does not decide anything. The stock was taken when the order was accepted; checking it again here
was the published system's costliest mistake. A batch is one transaction: CONCURRENCY orders, and
twice as many each time that more are waiting, up to LARGEST_BATCH. After COMMIT the orders
are advanced and their entries dropped in one script. A crash between the two means that somebody
does both again, and neither does anything twice.

An order that the ledger refuses for good (its account is gone, its key holds another order) is
cancelled: first in the ledger, then in Redis, which returns its units and notifies its buyer.

An order that was accepted by a Redis which has lost its data since is not recorded without the
present one (ledger.py): it is submitted to that one as if its buyer had asked again.

Each child also takes part in recovery (recovery.py): one of them is elected to do it.
"""

import asyncio
import logging
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Sequence

import psycopg

from approaches.queue import ledger
from approaches.queue.consumer import (
    Consumer,
    Entry,
    until_answered,
)
from approaches.queue.heartbeat import Heartbeats
from approaches.queue.order import Order
from approaches.queue.queue_settings import QueueSettings
from approaches.queue.recheck import without_stock
from approaches.queue.recovery import Recovery
from approaches.queue.redis_store import ORDERS, Acceptance, Holder, Mark, Settling, Store
from approaches.queue.worker import ReconnectingConnection, run_worker, run_workers
from approaches.shop.database import REFUSALS
from approaches.shop.metrics import Counter

log = logging.getLogger(__name__)

CANCELLED = Counter(
    "shop_orders_cancelled",
    "Orders that were accepted and that the ledger refuses for good: an alarm",
)
LOST = Counter(
    "shop_orders_lost",
    "Orders accepted by a Redis that lost its data, and sold out since: an alarm",
)
LARGEST_BATCH = 240
"""Orders in one statement under a backlog. Twice as many cost no less each, and what a worker that
dies leaves is returned in two calls (requeue.lua)."""
BATCH_EVERY_S = 0.020
"""Without a backlog a process records at most one batch in this time: orders gather meanwhile. A
statement costs the ledger about the same for one order as for several."""
ON_SALE_WITHIN_S = 30.0
ON_SALE_PAUSE_S = 0.1
KEY_TAKEN = "its idempotency key holds another order"

PendingOrder = tuple[Entry, Order]


class OrderWorker:
    """One consumer of the orders stream."""

    def __init__(
        self, settings: QueueSettings, name: str, heartbeats: Heartbeats | None = None
    ) -> None:
        self._fewest = min(settings.concurrency, LARGEST_BATCH)
        self._batch_size = self._fewest
        self._rechecks_stock = settings.rechecks_stock
        self._store = Store.for_worker(settings)
        self.ledger = ReconnectingConnection(settings.shop.database_url)
        self._busy: asyncio.Task[None] | None = None
        self.consumer = Consumer(self._store, ORDERS, name, heartbeats)

    async def run(self) -> None:
        """Read and record batches until cancelled; a batch in hand is left to `finish`."""
        while True:
            entries = await self.consumer.read(self._batch_size)
            if entries:
                began_s = time.monotonic()
                self._busy = asyncio.create_task(self.record(entries))
                await asyncio.shield(self._busy)
                if len(entries) == self._batch_size:  # more are waiting: a backlog
                    self._batch_size = min(self._batch_size * 2, LARGEST_BATCH)
                else:
                    self._batch_size = self._fewest
                    await asyncio.sleep(began_s + BATCH_EVERY_S - time.monotonic())

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
        pending: list[PendingOrder] = []
        for entry in entries:
            try:
                pending.append((entry, Order.from_entry(entry.fields)))
            except (KeyError, ValueError) as error:
                await self.consumer.give_up(entry, f"not an order: {error!r}")
        if self._rechecks_stock:
            pending = await self._recheck(pending)
        if pending:
            await self._record(pending)

    async def _recheck(self, pending: Sequence[PendingOrder]) -> list[PendingOrder]:
        """Cancel what a second look at the stock refuses, and return the rest."""
        refused = await without_stock(self._store, [order for _, order in pending])
        for entry, order in pending:
            if order.id in refused:
                await self._cancel(entry, order, "no unit is left")
        return [one for one in pending if one[1].id not in refused]

    async def _record(self, pending: Sequence[PendingOrder]) -> None:
        orders = [order for _, order in pending]
        try:
            result = await self.ledger.run(
                lambda connection: ledger.insert_orders(connection, orders)
            )
        except REFUSALS as error:
            await self._bisect_failures(pending, error)
            return
        kept = [(entry.id, order.id) for entry, order in pending if order.id in result.recorded]
        if kept:
            await until_answered(lambda: self._store.advance(kept))
        for entry, order in pending:
            if order.id in result.stale_epoch:
                await self._resubmit(entry, order)
            elif order.id in result.cancelled:
                await self._cancel(entry, order, "it was cancelled before")
            elif order.id in result.key_taken:
                holder = result.key_taken[order.id]
                await self._cancel(entry, order, KEY_TAKEN, holder=holder)

    async def _bisect_failures(self, pending: Sequence[PendingOrder], error: psycopg.Error) -> None:
        """Find by halves the order that the ledger refuses: only that one is cancelled."""
        if len(pending) == 1:
            ((entry, order),) = pending
            await self._cancel(entry, order, f"the ledger refuses it: {error}".strip())
            return
        middle = len(pending) // 2
        await self._record(pending[:middle])
        await self._record(pending[middle:])

    async def _cancel(
        self, entry: Entry, order: Order, reason: str, *, holder: Holder | None = None
    ) -> None:
        """End an order that the ledger refuses for good: its units go back, its buyer sees it."""
        try:
            cancelled = await self._cancelled(order, reason)
        except REFUSALS as error:
            await self.consumer.give_up(entry, f"it cannot even be cancelled: {error}".strip())
            return
        if cancelled is None:
            await until_answered(lambda: self._store.advance([(entry.id, order.id)]))
            return
        await self._end(
            entry,
            lambda: self._store.cancel(cancelled, entry_id=entry.id, reason=reason, holder=holder),
        )

    async def _cancelled(self, order: Order, reason: str) -> Order | None:
        cancelled = await self.ledger.run(
            lambda connection: ledger.cancel_order(connection, order, reason)
        )
        if cancelled is not None:
            CANCELLED.inc()
            log.error("order %s is cancelled: %s", order.id, reason)
        return cancelled

    async def _end(self, entry: Entry, cancel: Callable[[], Awaitable[Settling]]) -> None:
        """Cancel in Redis, when the stock is there to take the units back."""

        async def ended() -> bool:
            return await until_answered(cancel) != "unloaded"

        await self._when_on_sale(entry, ended)

    async def _resubmit(self, entry: Entry, order: Order) -> None:
        """Have the present Redis accept an order, under its id and key, if it still can.

        If its key is taken, its buyer had no answer and has asked again. If it is sold out, a buyer
        who had a 202 gets nothing: the price of ACK=acceptance when Redis loses its data.
        """
        epoch = await self.ledger.run(ledger.read_epoch)
        self._store.saw(Mark(epoch, 0))

        async def placed() -> bool:
            answer = await until_answered(lambda: self._accept(order))
            if answer.verdict == "stock_not_loaded":
                return False
            if answer.verdict == "replayed" and answer.order_id == order.id:
                return await until_answered(lambda: self._is_in(epoch, order))
            return answer.verdict == "accepted" or await self._cancel_lost(order, answer)

        if await self._when_on_sale(entry, placed):
            await until_answered(lambda: self._store.drop(ORDERS, entry.id))

    async def _is_in(self, epoch: int, order: Order) -> bool:
        """Return True if the order is under way in this epoch of Redis, or has ended.

        Until the rebuild has taken it over, its key stands for it and its units are not held.
        """
        found = await self._store.order(order.id)
        return found is None or found.terminal or found.epoch >= epoch

    async def _cancel_lost(self, order: Order, answer: Acceptance) -> bool:
        """Cancel an order that cannot be accepted again; return False if it has to be tried again.

        Its buyer has asked again if the key names another order, and loses nothing.
        """
        if answer.verdict != "replayed":
            LOST.inc()
        reason = f"accepted before Redis lost its data: {answer.verdict}"
        cancelled = await self._cancelled(order, reason)
        if cancelled is None:
            return True
        return await until_answered(lambda: self._store.cancel(cancelled)) != "unloaded"

    async def _when_on_sale(self, entry: Entry, step: Callable[[], Awaitable[bool]]) -> bool:
        """Repeat a step until it succeeds; return the entry, uncounted, if that takes too long."""
        give_up_at_s = time.monotonic() + ON_SALE_WITHIN_S
        while not await step():
            if time.monotonic() > give_up_at_s:
                await until_answered(
                    lambda: self._store.requeue(
                        ORDERS, self.consumer.name, mode="own", entry_id=entry.id, deliveries=0
                    )
                )
                return False
            await asyncio.sleep(ON_SALE_PAUSE_S)
        return True

    async def _accept(self, order: Order) -> Acceptance:
        return await self._store.accept(
            order.id,
            user_id=order.user_id,
            key=order.key,
            product_id=order.product_id,
            quantity=order.quantity,
            asked_ledger=True,  # it refuses the order if its key is taken
        )


def run_child(settings: QueueSettings, heartbeats: Heartbeats, listener: socket.socket) -> None:
    """Run one process of the service until SIGTERM."""
    recovery = Recovery(settings)
    run_worker(listener, lambda: OrderWorker(settings, heartbeats.name, heartbeats), recovery.run)


if __name__ == "__main__":
    sys.exit(run_workers("order-worker", run_child, "DATABASE_URL"))
