"""The payment worker: a permit per charge, outcomes recorded in batches, stock returned once.

The gateway is asked under the order's id, so asking again after a crash charges nobody twice. An
outcome is recorded in the ledger only where the order still waits for it, so a worker that was
paused for longer than its heartbeat, and whose work was done by another meanwhile, changes nothing
when it goes on. Redis learns the outcome from the ledger, and only then is the entry dropped.

A permit is given back with the gateway's answer: the next order is charged while this one is
recorded. If the gateway does not answer, the order is `unknown`: its stock stays held, its entry
pending and its permit taken, and the question is repeated until it is answered. No order fails
because of a store or a gateway: while the breaker is open (breaker.py), what is in hand waits, and
nothing more is read, so the entries stay in the stream for a worker whose gateway answers.
"""

import asyncio
import logging
import socket
import sys
from collections.abc import Collection, Sequence
from functools import partial

import psycopg

from approaches.queue import ledger
from approaches.queue.cancellation import cancel
from approaches.queue.consumer import (
    Consumer,
    Entry,
    until_answered,
)
from approaches.queue.heartbeat import Heartbeats
from approaches.queue.keys import Field
from approaches.queue.ledger import Result
from approaches.queue.queue_settings import QueueSettings
from approaches.queue.redis_store import PAYMENTS, Settlement, Store
from approaches.queue.worker import ReconnectingConnection, run_worker, run_workers
from approaches.shop.async_gateway import AsyncGatewayClient
from approaches.shop.database import REFUSALS
from approaches.shop.orders import Status
from approaches.shop.payments import Charge, Outcome

BATCH_SIZE = 256
BATCH_WAIT_S = 0.020
"""For how long results gather before they are recorded together."""
BUSY_BATCH = 8
BUSY_BATCH_WAIT_S = 0.050
"""The same after a batch of at least so many: what is settled fast has waited in a backlog."""
READ_WAIT_S = 0.010
"""For how long permits gather, once all were taken, before entries are read for them."""
MOST_UNSETTLED = 256
"""Results that wait to be recorded: more, and nothing is charged until the ledger goes on."""
ASK_AGAIN_S = 1.0
"""Between two questions about an unknown outcome; how often they go out is up to the breaker."""

_STATUS = {
    Outcome.APPROVED: Status.CONFIRMED,
    Outcome.DECLINED: Status.DECLINED,
    Outcome.UNKNOWN: Status.UNKNOWN,
}

log = logging.getLogger(__name__)

PendingResult = tuple[Entry, Result]
Waiting = tuple[PendingResult, asyncio.Future[bool]]


class PaymentWorker:
    """One consumer of the payments stream."""

    def __init__(
        self, settings: QueueSettings, name: str, heartbeats: Heartbeats | None = None
    ) -> None:
        self._permits = settings.concurrency
        self._store = Store.for_worker(settings)
        self.ledger = ReconnectingConnection(settings.shop.database_url)
        self._gateway = AsyncGatewayClient(
            settings.shop.gateway_url,
            timeout_s=settings.shop.payment_timeout_s,
            concurrency=settings.concurrency,
        )
        self._in_hand: dict[str, asyncio.Task[None]] = {}
        self._charging: set[str] = set()
        self._returned = asyncio.Event()
        self._outcomes: asyncio.Queue[Waiting] = asyncio.Queue()
        self._settling = asyncio.create_task(self._settle_batches())
        self.consumer = Consumer(self._store, PAYMENTS, name, heartbeats)

    async def run(self) -> None:
        """Read as many entries as there are free permits, until cancelled."""
        while True:
            free = self._free_permits()
            if free == 0:
                self._returned.clear()
                await self._returned.wait()
                await asyncio.sleep(READ_WAIT_S)
                continue
            if self._gateway.breaker.is_open:
                if self._in_hand:
                    await asyncio.sleep(self._gateway.breaker.wait_s())
                    continue
                free = 1  # somebody has to be the probe
            for entry in await self.consumer.read(free, self._in_hand.keys()):
                self._charging.add(entry.id)
                task = asyncio.create_task(self.pay(entry))
                self._in_hand[entry.id] = task
                task.add_done_callback(partial(self._drop, entry.id))

    def _free_permits(self) -> int:
        unsettled = len(self._in_hand) - len(self._charging)
        return self._permits - len(self._charging) if unsettled < MOST_UNSETTLED else 0

    def _return_permit(self, entry_id: str) -> None:
        self._charging.discard(entry_id)
        self._returned.set()

    async def finish(self) -> None:
        """Wait until every charge in hand is settled."""
        while self._in_hand:
            await asyncio.wait(self._in_hand.values())

    async def close(self) -> None:
        """Stop settling and close connections."""
        await cancel([self._settling, *self._in_hand.values()])
        await self._gateway.close()
        await self.ledger.close()
        await self._store.close()

    async def pay(self, entry: Entry) -> None:
        """Charge one order, however often it takes, and see its outcome settled."""
        try:
            fields = entry.fields
            charge = Charge(fields[Field.ORDER], fields[Field.KEY], int(fields[Field.AMOUNT]))
        except (KeyError, ValueError) as error:
            await self.consumer.give_up(entry, f"not a payment: {error!r}")
            return
        while True:
            answer = await self._gateway.charge(charge)
            result = Result(charge.order_id, _STATUS[answer.outcome], answer.charge_id or None)
            if answer.outcome is not Outcome.UNKNOWN:
                self._return_permit(entry.id)
            if await self._settled((entry, result)):
                return
            await asyncio.sleep(ASK_AGAIN_S)

    def _drop(self, entry_id: str, task: asyncio.Task[None]) -> None:
        del self._in_hand[entry_id]
        self._return_permit(entry_id)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("payment of entry %s failed", entry_id, exc_info=error)
            self.consumer.mark_pending_unknown()

    async def _settled(self, pending: PendingResult) -> bool:
        """Have the outcome recorded; return True if the entry's work is done thereby."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._outcomes.put_nowait((pending, done))
        return await done

    async def _settle_batches(self) -> None:
        batch: list[Waiting] = []
        while True:
            is_busy = len(batch) >= BUSY_BATCH
            batch = [await self._outcomes.get()]
            await asyncio.sleep(BUSY_BATCH_WAIT_S if is_busy else BATCH_WAIT_S)
            while len(batch) < BATCH_SIZE and not self._outcomes.empty():
                batch.append(self._outcomes.get_nowait())
            try:
                undone = await self.settle([pending for pending, _ in batch])
            except Exception as error:  # theirs to report; later ones must not wait for ever
                _fail(batch, error)
            else:
                _end(batch, undone)

    async def settle(self, pending: Sequence[PendingResult]) -> set[str]:
        """Record outcomes in the ledger, then bring Redis to what the ledger says.

        Return the entries whose orders still wait for an outcome.
        """
        # an order may stand in two entries; an answer to one is an answer to both
        answered_last = sorted(pending, key=lambda one: one[1].status is not Status.UNKNOWN)
        results = list({result.order_id: result for _, result in answered_last}.values())
        try:
            states = await self.ledger.run(partial(ledger.settle_orders, results=results))
        except REFUSALS as error:
            return await self._bisect_failures(pending, error)
        settlements: list[Settlement] = []
        for entry, result in pending:
            state = states.get(result.order_id)
            if state is None:
                await self.consumer.give_up(entry, "its order is not in the ledger")
            else:
                settlements.append(state.of_entry(entry.id))
        if settlements:
            await self._apply_settlements(settlements)
        return {one.entry_id for one in settlements if one.status == Status.UNKNOWN}

    async def _apply_settlements(self, settlements: Sequence[Settlement]) -> None:
        answers = await until_answered(lambda: self._store.settle(settlements))
        released = [
            settlement.order_id
            for settlement, answer in zip(settlements, answers, strict=True)
            if settlement.status == Status.DECLINED and answer != "unloaded"
        ]
        if released:
            try:
                await self.ledger.run_once(
                    lambda connection: ledger.mark_relayed(connection, released)
                )
            except psycopg.Error as error:  # the relay will do it
                log.warning("releases stay marked as open: %s", error)

    async def _bisect_failures(
        self, pending: Sequence[PendingResult], error: psycopg.Error
    ) -> set[str]:
        """Find by halves the outcome that the ledger refuses: only that entry is given up."""
        if len(pending) == 1:
            await self.consumer.give_up(pending[0][0], f"the ledger refuses it: {error}".strip())
            return set()
        middle = len(pending) // 2
        return await self.settle(pending[:middle]) | await self.settle(pending[middle:])


def _end(batch: Sequence[Waiting], undone: Collection[str]) -> None:
    for (entry, _), done in batch:
        if not done.done():  # cancelled
            done.set_result(entry.id not in undone)


def _fail(batch: Sequence[Waiting], error: Exception) -> None:
    for _, done in batch:
        if not done.done():
            done.set_exception(error)


def run_child(settings: QueueSettings, heartbeats: Heartbeats, listener: socket.socket) -> None:
    """Run one process of the service until SIGTERM."""
    run_worker(listener, lambda: PaymentWorker(settings, heartbeats.name, heartbeats))


if __name__ == "__main__":
    sys.exit(run_workers("payment-worker", run_child, "DATABASE_URL", "GATEWAY_URL"))
