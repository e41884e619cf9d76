"""Work that nobody holds: releases and orders of the ledger that Redis does not carry on.

- **relay**: the ledger's outbox of releases is settled in Redis until it took them (settle.lua).
- **resume**: open orders that no stream entry stands for are enqueued again (resume.lua). That is
  looked for when the ledger holds more open orders than there are payments under way, and every
  minute in any case: the counts alone could hide an order that is missing behind one that is new.
  Only ids are read for that (unplaced.lua), because tens of thousands may rightly wait for payment.
- **retry**: a payment that was given up may have charged its buyer, so nothing is returned. The
  order stays open, its dead letter is the alarm, and once a minute it is enqueued again: when its
  cause is mended it heals, and the dead letter goes.
- **cancel dead letters**: an order that was given up on its way to the ledger is cancelled
  (order_worker.py).
"""

import logging
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TypeVar

import psycopg

from approaches.queue import keys, leader_ledger, ledger
from approaches.queue.keys import Field
from approaches.queue.leader_store import LeaderStore, OpenOrder
from approaches.queue.order import Order
from approaches.queue.rebuild import PAGE, Fields, entries, holds_units
from approaches.queue.redis_store import Settlement
from approaches.queue.worker import ReconnectingConnection

RELAY_AFTER_S = 2.0
RESUME_AFTER_S = 5.0
LOOK_AT_ALL_EVERY_S = 60.0
RETRY_AFTER_S = 60.0
"""How long a payment that was given up rests before it is tried again."""
_CHUNK = 200

Item = TypeVar("Item")

log = logging.getLogger(__name__)


class Resumption:
    """The leader's care for orders that have lost their place in the streams."""

    def __init__(
        self,
        store: LeaderStore,
        ledger: ReconnectingConnection,
        *,
        page: int = PAGE,
        retry_after_s: float = RETRY_AFTER_S,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._page = page
        self._retry_after_s = retry_after_s
        self._all_due_s = 0.0

    async def relay(self) -> None:
        """Settle releases that Redis has not confirmed, and mark those it has taken over."""
        waiting = await self._ledger.run_once(
            lambda connection: leader_ledger.unrelayed_releases(
                connection, older_than_s=RELAY_AFTER_S, limit=PAGE
            )
        )
        for chunk in _chunks(waiting):
            answers = await self._store.settle(chunk)
            taken = [
                settlement.order_id
                for settlement, answer in zip(chunk, answers, strict=True)
                if answer != "unloaded"
            ]
            if taken:
                await self._ledger.run_once(partial(ledger.mark_relayed, order_ids=taken))

    async def resume(self, token: str) -> None:
        """Enqueue open orders of the ledger that no stream entry stands for."""
        waiting = await self._ledger.run_once(
            partial(leader_ledger.count_open_orders, older_than_s=RESUME_AFTER_S)
        )
        given_up = await self._given_up()
        under_way = await self._store.redis.xlen(keys.PAYMENTS)
        now_s = time.monotonic()
        if not waiting or (waiting <= under_way + len(given_up) and now_s < self._all_due_s):
            return
        self._all_due_s = now_s + LOOK_AT_ALL_EVERY_S
        last: str | None = None
        while page := await self._ledger.run_once(
            partial(
                leader_ledger.open_order_ids,
                older_than_s=RESUME_AFTER_S,
                after=last,
                limit=self._page,
            )
        ):
            last = page[-1]
            for chunk in _chunks([one for one in page if one not in given_up]):
                if not await self._place(token, await self._store.unplaced(chunk)):
                    return

    async def _place(self, token: str, order_ids: Sequence[str]) -> bool:
        """Enqueue these orders, if they are still open; return False when the lock is lost."""
        if not order_ids:
            return True
        orders = await self._ledger.run_once(
            partial(leader_ledger.read_orders, order_ids=order_ids)
        )
        return await self._enqueue(token, [OpenOrder(one) for one in orders if not one.terminal])

    async def retry(self, token: str) -> None:
        """Try payments again that were given up a while ago, and forget those that have ended."""
        seconds, _ = await self._store.redis.time()
        latest_ms = (seconds - self._retry_after_s) * 1_000
        rested = {
            order_id: letter_id
            for order_id, letter_id in (await self._given_up()).items()
            if int(letter_id.partition("-")[0]) <= latest_ms
        }
        for ids in _chunks(list(rested)):
            orders = await self._ledger.run_once(
                partial(leader_ledger.read_orders, order_ids=list(ids))
            )
            ended = [order for order in orders if order.terminal]
            if ended:
                await self._store.settle([_settlement(order) for order in ended])
                await self._store.redis.xdel(
                    keys.DEAD_LETTERS, *[rested[order.id] for order in ended]
                )
            again = [OpenOrder(one, rested[one.id]) for one in orders if not one.terminal]
            if not await self._enqueue(token, again):
                return

    async def cancel_dead_letters(self) -> None:
        """Cancel orders that were given up before the ledger had them."""
        async for letter_id, letter in entries(self._store, keys.DEAD_LETTERS, self._page):
            if not holds_units(letter):
                continue
            try:
                order = Order.from_entry(letter)
                await self._cancel_dead_letter(letter_id, order, letter.get("reason", ""))
            except (KeyError, ValueError, psycopg.DataError) as error:
                log.error("dead letter %s cannot be cancelled: %r", letter_id, error)

    async def _cancel_dead_letter(self, letter_id: str, order: Order, reason: str) -> None:
        cancelled = await self._ledger.run_once(
            lambda connection: ledger.cancel_order(connection, order, reason)
        )
        if cancelled is None:  # the ledger has it: `resume` enqueues it
            await self._store.redis.xdel(keys.DEAD_LETTERS, letter_id)
        else:
            await self._store.cancel(cancelled, letter_id=letter_id, reason=reason)

    async def _given_up(self) -> dict[str, str]:
        """Return the orders whose payment was given up, each with its latest dead letter."""
        return {
            letter[Field.ORDER]: letter_id
            async for letter_id, letter in entries(self._store, keys.DEAD_LETTERS, self._page)
            if _is_payment(letter)
        }

    async def _enqueue(self, token: str, orders: Sequence[OpenOrder]) -> bool:
        """Enqueue orders that no stream entry stands for; return False when the lock is lost."""
        for chunk in _chunks(orders):
            enqueued = await self._store.resume(token, chunk)
            if enqueued < 0:
                return False
            if enqueued:
                log.warning("%d open orders had no stream entry: enqueued", enqueued)
        return True


def _is_payment(letter: Fields) -> bool:
    return letter.get("stream") == keys.PAYMENTS and Field.ORDER in letter


def _settlement(order: Order) -> Settlement:
    return Settlement(
        order.id, order.product_id, str(order.status), order.version, order.settled_at_us
    )


def _chunks(items: Sequence[Item], size: int = _CHUNK) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
