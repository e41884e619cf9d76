"""Recovery: one leader looks after what the dead left behind, in the workers and in the stores.

Every child of the order worker runs this; a lock with a time to live elects one (a lock without one
would stop recovery for ever when its holder is killed: taskiq-redis #131). Each lock has a token of
its own, and whatever depends on a snapshot of the ledger names that token in the script that
writes: a leader that was paused and replaced writes nothing, and neither does one whose snapshot is
older than a FLUSHALL, because that deletes the lock too.

- **begin**: a Redis without epoch is new, or has lost its data. The ledger is told first, and takes
  no more of what the lost one had accepted (ledger.py).

- **reap**: entries of workers without a heartbeat go back to their stream (requeue.lua).
- **relay**: the ledger's outbox of releases is settled in Redis until it took them (settle.lua).
- **rebuild**: a product without stock counter is put (back) on sale from the ledger. First the
  streams are read, then the ledger: an order is recorded before its entry goes, so none is in
  neither. What the ledger does not know yet still holds its units. Nothing can be accepted or
  released meanwhile, as both need the counter.
- **resume**: open orders that no stream entry stands for are enqueued again (resume.lua).
- **verify**: the stock counter is compared with the ledger (drift.py). A difference is an alarm;
  nothing is repaired, or whatever caused it would cause it again, unseen.
- **take stock**: what both stores say of the sale as a whole is published (stocktaking.py).
"""

import asyncio
import logging
import math
import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar, cast

import psycopg
from redis.exceptions import RedisError

from approaches.queue import keys, ledger, stocktaking
from approaches.queue.consumer import HEARTBEAT_TTL_MS, SOCKET_TIMEOUT_S, count_returns
from approaches.queue.drift import DriftWatch
from approaches.queue.ledger import held_units
from approaches.queue.order import Order
from approaches.queue.settings import QueueSettings
from approaches.queue.store import ORDERS, PAYMENTS, Store, WorkStream, is_missing_group
from approaches.queue.worker import Lazy
from approaches.shop.catalogue import Product
from approaches.shop.database import STORE_ERRORS
from approaches.shop.metrics import Gauge
from approaches.shop.stocktaking import TAKE_STOCK_EVERY_S

LOCK_TTL_MS = 3_000
TICK_S = 0.5
REAP_EVERY_S = 1.0
RELAY_EVERY_S = 1.0
RELAY_AFTER_S = 2.0
RESUME_EVERY_S = 5.0
RESUME_AFTER_S = 5.0
VERIFY_EVERY_S = 5.0
_CHUNK = 200
_PAGE = 1_000

DEAD_LETTERS_NOW = Gauge(
    "shop_dead_letters_now", "Entries in the dead letters: an alarm", multiprocess_mode="mostrecent"
)

Item = TypeVar("Item")

log = logging.getLogger(__name__)


class Recovery:
    """A candidate for the leader's work; call `run` in a process of its own event loop."""

    def __init__(self, settings: QueueSettings) -> None:
        self._settings = settings
        self._token = ""
        self._due_s: dict[str, float] = {}
        self._drift = DriftWatch()

    async def run(self) -> None:
        """Take part until cancelled; a store that does not answer is tried at the next tick."""
        self._store = Store(self._settings.redis_url, timeout_s=SOCKET_TIMEOUT_S, connections=2)
        self._ledger = Lazy(self._settings.shop.database_url)
        try:
            while True:
                try:
                    if await self.lead():
                        await self.tick()
                except RedisError as error:
                    log.warning("recovery: %s", error)
                    # nobody could send a heartbeat either: let the living be heard first
                    self._due_s["reap"] = time.monotonic() + HEARTBEAT_TTL_MS / 1_000
                except STORE_ERRORS as error:
                    log.warning("recovery: %s", error)
                except psycopg.Error:
                    log.exception("recovery")
                await asyncio.sleep(TICK_S)
        finally:
            await self._resign()

    async def lead(self) -> bool:
        """Hold or win the leader's lock; say whether it is ours now."""
        if self._token and await self._store.renew(self._token, LOCK_TTL_MS):
            return True
        self._abdicate()
        # A token per term of office; the process id tells people (and fault injection) who it is.
        token = f"{os.getpid()}-{uuid.uuid4().hex}"
        if await self._store.redis.set(keys.LEADER, token, nx=True, px=LOCK_TTL_MS):
            self._token = token
        return bool(self._token)

    async def tick(self) -> None:
        """Do what is due."""
        await self.begin()
        await self.rebuild()
        if self._is_due("reap", REAP_EVERY_S):
            await self.reap()
        if self._is_due("relay", RELAY_EVERY_S):
            await self.relay()
        if self._is_due("resume", RESUME_EVERY_S):
            await self.resume()
        if self._is_due("verify", VERIFY_EVERY_S):
            await self.verify()
        if self._is_due("take stock", TAKE_STOCK_EVERY_S):
            await stocktaking.take_stock(self._store, self._ledger)

    def _is_due(self, duty: str, every_s: float) -> bool:
        now_s = time.monotonic()
        if now_s < self._due_s.get(duty, 0.0):
            return False
        self._due_s[duty] = now_s + every_s
        return True

    def _abdicate(self) -> None:
        """Have no more numbers to show, if this was the leader: another one shows them."""
        if self._token:
            stocktaking.withdraw()
            DEAD_LETTERS_NOW.set(math.nan)
        self._token = ""

    async def _resign(self) -> None:
        try:
            if self._token:
                await self._store.renew(self._token, 1)
        except RedisError:  # it expires
            pass
        self._abdicate()
        await self._ledger.close()
        await self._store.close()

    # -- workers

    async def reap(self) -> None:
        """Return the entries of workers without a heartbeat, and count the dead letters."""
        for stream in (ORDERS, PAYMENTS):
            for consumer in await self._silent_consumers(stream):
                counts = (1, 0)
                while any(counts):
                    counts = await self._store.requeue(stream, consumer, mode="dead")
                    count_returns(stream, *counts)
        DEAD_LETTERS_NOW.set(await self._store.redis.xlen(keys.DEAD_LETTERS))

    async def _silent_consumers(self, stream: WorkStream) -> list[str]:
        try:
            known = await self._store.redis.xinfo_consumers(stream.name, stream.group)
        except RedisError as error:
            if is_missing_group(error) or "no such key" in str(error):
                return []
            raise
        names = [consumer["name"] for consumer in known]
        if not names:
            return []
        beats = await self._store.redis.mget([keys.alive(name) for name in names])
        return [name for name, beat in zip(names, beats, strict=True) if beat is None]

    # -- stores

    async def relay(self) -> None:
        """Settle releases that Redis has not confirmed, and mark those it has taken over."""
        waiting = await self._ledger.run_once(
            lambda connection: ledger.unrelayed_releases(
                connection, older_than_s=RELAY_AFTER_S, limit=_PAGE
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

    async def resume(self) -> None:
        """Enqueue open orders of the ledger that no stream entry stands for."""
        waiting = await self._ledger.run_once(
            lambda connection: ledger.open_orders(connection, older_than_s=RESUME_AFTER_S)
        )
        if not waiting:
            return
        given_up = {fields.get("o") for fields in await self._entries(keys.DEAD_LETTERS)}
        for chunk in _chunks([order for order in waiting if order.id not in given_up]):
            enqueued = await self._store.resume(self._token, chunk)
            if enqueued < 0:
                return
            if enqueued:
                log.warning("%d open orders had no stream entry: enqueued", enqueued)

    async def begin(self) -> None:
        """Begin a new epoch if Redis has none; what it accepts then is what the ledger takes."""
        if await self._store.redis.exists(keys.EPOCH):
            return
        # The ledger is read before Redis and changed only if unchanged since: if both readings lie
        # within our term of office, nobody else can begin an epoch between them.
        last = await self._ledger.run_once(ledger.read_epoch)
        if await self._store.epoch(self._token) != 0:
            return
        epoch = await self._ledger.run_once(partial(ledger.begin_epoch, after=last))
        if epoch is not None:
            await self._store.epoch(self._token, begin=epoch)

    async def rebuild(self) -> None:
        """Put every product without stock counter on sale, from what the ledger says."""
        missing = [one for one, units in (await self._counters()).items() if units is None]
        if not missing:
            return
        # in this order, see the module's text; the last two in the direction in which work flows
        under_way = {
            fields["o"]: fields
            for stream in (keys.ORDERS, keys.PAYMENTS, keys.DEAD_LETTERS)
            for fields in await self._entries(stream)
            if "o" in fields
        }
        for product_id in missing:
            if not await self._store.renew(self._token, LOCK_TTL_MS):
                return
            await self._rebuild(product_id, under_way)

    async def _counters(self) -> dict[int, int | None]:
        """Read the stock counter of every product of the ledger; None where there is none."""
        products = await self._ledger.run_once(ledger.read_products)
        ids = [product.product_id for product in products]
        counters = await self._store.redis.mget([keys.stock(one) for one in ids]) if ids else []
        units = [None if counter is None else int(counter) for counter in counters]
        return dict(zip(ids, units, strict=True))

    async def _rebuild(self, product_id: int, under_way: Mapping[str, dict[str, str]]) -> None:
        facts = await self._ledger.run_once(
            lambda connection: ledger.snapshot(connection, product_id)
        )
        if facts is None:
            return
        product, orders = facts
        known = {order.id for order in orders}
        unrecorded = [
            fields
            for order_id, fields in under_way.items()
            if fields.get("p") == str(product_id) and order_id not in known
        ]
        for chunk in _chunks(orders):
            await self._store.renew(self._token, LOCK_TTL_MS)
            if not await self._store.restore(self._token, chunk):
                return
        await self._put_on_sale(product, orders, unrecorded)

    async def _put_on_sale(
        self, product: Product, orders: Sequence[Order], unrecorded: Sequence[dict[str, str]]
    ) -> None:
        held = dict(held_units(orders))
        free = product.stock
        for fields in unrecorded:
            user, units = int(fields["u"]), int(fields["q"])
            held[user] = held.get(user, 0) + units
            free -= units
        if await self._store.rebuild(self._token, product, stock=free, held=held):
            log.info(
                "product %d is on sale: %d units, %d orders in the ledger, %d on their way to it",
                product.product_id,
                free,
                len(orders),
                len(unrecorded),
            )

    async def verify(self) -> None:
        """Compare each stock counter with the ledger, and raise the alarm if they have parted."""
        before = await self._counters()
        under_way = [
            fields
            for stream in (keys.ORDERS, keys.DEAD_LETTERS)
            for fields in await self._entries(stream)
        ]
        recorded = await self._ledger.run_once(
            partial(ledger.recorded, order_ids=[f["o"] for f in under_way if "o" in f])
        )
        stocks = await self._ledger.run_once(ledger.stocks)
        unrecorded = [fields for fields in under_way if fields.get("o") not in recorded]
        self._drift.compare(stocks, unrecorded, before, await self._counters())

    async def _entries(self, stream: str) -> list[dict[str, str]]:
        entries: list[dict[str, str]] = []
        start = "-"
        while True:
            page = cast(
                list[tuple[str, dict[str, str]]],
                await self._store.redis.xrange(stream, min=start, count=_PAGE),
            )
            entries += [fields for _, fields in page]
            if len(page) < _PAGE:
                return entries
            start = f"({page[-1][0]}"


def _chunks(items: Sequence[Item], size: int = _CHUNK) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
