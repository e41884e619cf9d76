"""Recovery: one leader repairs what processes that died left, in the streams and in the stores.

Every child of the order worker runs this; a lock elects one of them (leadership.py). Its duties:

- **epoch**: a Redis that is new, has lost its data, or is older than the ledger begins a new epoch
  (epochs.py).
- **rebuild**: a product without stock counter is put (back) on sale from the ledger, and then the
  idempotency keys of its ended orders are put back (rebuild.py).
- **refresh**: price, name, limit and units for sale follow the ledger (refresh.lua).
- **reap**: entries of workers without a heartbeat go back to their stream (requeue.lua).
- **relay, resume, retry, cancel dead letters**: orders that have lost their place in the streams
  (resume.py).
- **verify**: the stock counter is compared with the ledger (drift.py). A difference is an alarm;
  nothing is repaired, or whatever caused it would cause it again, unseen.
- **publish**: numbers of the sale as a whole are published as metrics (leader_metrics.py).

The lock, the short duties and the long ones (rebuild, resume) run beside each other, so that a
rebuild of any length neither costs the lock nor keeps the others waiting.
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from functools import partial

import psycopg
from redis.exceptions import RedisError

from approaches.queue import keys, leader_ledger
from approaches.queue.cancellation import cancel
from approaches.queue.consumer import count_returns
from approaches.queue.drift import DriftWatch
from approaches.queue.epochs import EpochKeeper
from approaches.queue.heartbeat import HEARTBEAT_TTL_MS
from approaches.queue.keys import Field
from approaches.queue.leader_metrics import LeaderMetrics
from approaches.queue.leader_store import LeaderStore, is_up_to_date, lacks_keys
from approaches.queue.leadership import LOCK_TTL_MS, Leadership
from approaches.queue.queue_settings import QueueSettings
from approaches.queue.rebuild import PAGE, Rebuild, entries, holds_units
from approaches.queue.redis_store import ORDERS, PAYMENTS, WorkStream, is_missing_group
from approaches.queue.resume import RETRY_AFTER_S, Resumption
from approaches.queue.worker import ReconnectingConnection
from approaches.shop.catalogue import Product
from approaches.shop.database import STORE_ERRORS
from approaches.shop.inventory_metrics import INVENTORY_EVERY_S
from approaches.shop.metrics import Gauge

TICK_S = 0.5
REAP_EVERY_S = 1.0
RELAY_EVERY_S = 1.0
RESUME_EVERY_S = 5.0
RETRY_EVERY_S = 5.0
VERIFY_EVERY_S = 5.0
KEYS_EVERY_S = 5.0

DEAD_LETTERS_NOW = Gauge(
    "shop_dead_letters_now", "Entries in the dead letters: an alarm", multiprocess_mode="mostrecent"
)

log = logging.getLogger(__name__)


class Recovery:
    """A candidate for the leader's work; `run` needs an event loop.

    `page` is how many orders are read or written at once, `lock_ttl_ms` how long a leader that died
    is waited for, `retry_after_s` how long a payment that was given up rests.
    """

    def __init__(
        self,
        settings: QueueSettings,
        *,
        page: int = PAGE,
        lock_ttl_ms: int = LOCK_TTL_MS,
        retry_after_s: float = RETRY_AFTER_S,
    ) -> None:
        self._settings = settings
        self._page = page
        self._due_s: dict[str, float] = {}
        self._drift = DriftWatch()
        self._store = LeaderStore.for_worker(settings)
        self._ledger = ReconnectingConnection(settings.shop.database_url)
        self._long_ledger = ReconnectingConnection(settings.shop.database_url)
        self._leadership = Leadership(self._store, ttl_ms=lock_ttl_ms)
        self._lock_every_s = min(TICK_S, lock_ttl_ms / 4_000)
        self._epochs = EpochKeeper(self._store, self._long_ledger)
        self._metrics = LeaderMetrics(self._store, self._ledger)
        self._relaying = Resumption(self._store, self._ledger)
        self._resumption = Resumption(
            self._store, self._long_ledger, page=page, retry_after_s=retry_after_s
        )

    async def run(self) -> None:
        """Take part until cancelled; a store that does not answer is tried at the next tick."""
        duties = [
            asyncio.create_task(self._repeat(self.lead, self._lock_every_s)),
            asyncio.create_task(self._repeat(self._when_leading(self.look_after), TICK_S)),
            asyncio.create_task(self._repeat(self._when_leading(self.repair), TICK_S)),
        ]
        try:
            failed, _ = await asyncio.wait(duties, return_when=asyncio.FIRST_COMPLETED)
            for duty in failed:
                duty.result()
        finally:
            await cancel(duties)
            await self.close()

    async def _repeat(self, duty: Callable[[], Awaitable[object]], every_s: float) -> None:
        while True:
            try:
                await duty()
            except RedisError as error:
                log.warning("recovery: %s", error)
                # no worker could send a heartbeat either: those that live send one first
                self._due_s["reap"] = time.monotonic() + HEARTBEAT_TTL_MS / 1_000
            except STORE_ERRORS as error:
                log.warning("recovery: %s", error)
            except psycopg.Error:
                log.exception("recovery")
            await asyncio.sleep(every_s)

    def _when_leading(
        self, duties: Callable[[str], Awaitable[None]]
    ) -> Callable[[], Awaitable[None]]:
        async def led() -> None:
            if self._leadership.token:
                await duties(self._leadership.token)

        return led

    async def lead(self) -> bool:
        """Hold or win the leader's lock; return True if it is ours now."""
        led = bool(self._leadership.token)
        leads = await self._leadership.hold()
        if led and not leads:
            self._step_down()
        return leads

    async def look_after(self, token: str) -> None:
        """Do the short duties that are due."""
        if self._is_due("reap", REAP_EVERY_S):
            await self.reap()
        if self._is_due("relay", RELAY_EVERY_S):
            await self._relaying.relay()
        await self.refresh(token)
        if self._is_due("verify", VERIFY_EVERY_S):
            await self.verify()
        if self._is_due("publish", INVENTORY_EVERY_S):
            await self._metrics.publish()

    async def repair(self, token: str) -> None:
        """Do the long duties that are due."""
        if not await self._epochs.keep(token):
            return
        rebuilt = await self.rebuild(token)
        if self._is_due("resume", RESUME_EVERY_S):
            await self._resumption.resume(token)
        if self._is_due("retry", RETRY_EVERY_S):
            await self._resumption.retry(token)
            await self._resumption.cancel_dead_letters()
        if self._is_due("keys", KEYS_EVERY_S) or rebuilt:
            await self.put_keys_back(token)

    async def close(self) -> None:
        """Resign, and close connections."""
        await self._leadership.resign()
        self._step_down()
        await self._ledger.close()
        await self._long_ledger.close()
        await self._store.close()

    def _is_due(self, duty: str, every_s: float) -> bool:
        now_s = time.monotonic()
        if now_s < self._due_s.get(duty, 0.0):
            return False
        self._due_s[duty] = now_s + every_s
        return True

    def _step_down(self) -> None:
        """Clear the metrics that only the leader publishes."""
        self._metrics.clear()
        DEAD_LETTERS_NOW.set(math.nan)

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

    async def rebuild(self, token: str) -> bool:
        """Put every product without stock counter on sale; return True if there was one."""
        counters = await self._counters(self._long_ledger)
        missing = [product_id for product_id, units in counters.items() if units is None]
        if missing:
            await self._rebuild(token).run(missing)
        return bool(missing)

    async def put_keys_back(self, token: str) -> None:
        """Put back the keys of ended orders, where a rebuild (of any leader) has left that."""
        ids = [product.product_id for product in await self._products(self._long_ledger)]
        known = await self._store.product_facts(ids)
        lacking = [one for one, facts in zip(ids, known, strict=True) if lacks_keys(facts)]
        if lacking:
            await self._rebuild(token).put_keys_back(lacking)

    def _rebuild(self, token: str) -> Rebuild:
        return Rebuild(
            self._store,
            self._long_ledger,
            token,
            keys_ttl_s=self._settings.idempotency_ttl_s,
            page=self._page,
        )

    async def refresh(self, token: str) -> None:
        """Have products that are on sale sold as the ledger has them now."""
        products = await self._products(self._ledger)
        known = await self._store.product_facts([product.product_id for product in products])
        for product, facts in zip(products, known, strict=True):
            if facts and not is_up_to_date(product, facts):
                await self._store.refresh(token, product)

    async def _products(self, ledger: ReconnectingConnection) -> list[Product]:
        return await ledger.run_once(leader_ledger.read_products)

    async def _counters(self, ledger: ReconnectingConnection) -> dict[int, int | None]:
        """Read the stock counter of every product of the ledger; None where there is none."""
        ids = [product.product_id for product in await self._products(ledger)]
        counters = await self._store.redis.mget([keys.stock(one) for one in ids]) if ids else []
        units = [None if counter is None else int(counter) for counter in counters]
        return dict(zip(ids, units, strict=True))

    async def verify(self) -> None:
        """Compare each stock counter with the ledger, and raise the alarm if they diverge.

        Not while more orders than a page are on their way: they move, so there is no evidence.
        """
        if await self._store.redis.xlen(keys.ORDERS) > PAGE:
            return
        before = await self._counters(self._ledger)
        under_way = [fields async for _, fields in entries(self._store, keys.ORDERS)]
        letters = [letter async for _, letter in entries(self._store, keys.DEAD_LETTERS)]
        under_way += [letter for letter in letters if holds_units(letter)]
        ids = [fields[Field.ORDER] for fields in under_way if Field.ORDER in fields]
        recorded = await self._ledger.run_once(partial(leader_ledger.recorded, order_ids=ids))
        stocks = await self._ledger.run_once(leader_ledger.stocks)
        unrecorded = [fields for fields in under_way if fields.get(Field.ORDER) not in recorded]
        self._drift.compare(stocks, unrecorded, before, await self._counters(self._ledger))
