"""The leader's metrics: the inventory (shop/inventory_metrics.py), and the streams in Redis.

An order that Redis accepted and the ledger does not hold yet counts as open, too.
"""

import math
from dataclasses import replace
from typing import Any

from redis.exceptions import RedisError

from approaches.queue import leader_ledger
from approaches.queue.redis_store import ORDERS, PAYMENTS, Store, WorkStream, is_missing_group
from approaches.queue.worker import ReconnectingConnection
from approaches.shop import inventory_metrics
from approaches.shop.inventory_metrics import OversoldCheck
from approaches.shop.metrics import Gauge

_ENTRIES = Gauge(
    "shop_stream_entries",
    "Entries of a stream whose work is not done",
    ["stream"],
    multiprocess_mode="livemostrecent",
)
_PENDING = Gauge(
    "shop_stream_pending_entries",
    "Entries of a stream that a worker has in hand; the others wait for one",
    ["stream"],
    multiprocess_mode="livemostrecent",
)
_OLDEST = Gauge(
    "shop_stream_oldest_entry_age_seconds",
    "How long ago the oldest entry of a stream was put there; 0 if there is none",
    ["stream"],
    multiprocess_mode="livemostrecent",
)


class LeaderMetrics:
    """The numbers that this process publishes while it leads."""

    def __init__(self, store: Store, ledger: ReconnectingConnection) -> None:
        self._store = store
        self._ledger = ledger
        self._oversold = OversoldCheck()

    async def publish(self) -> None:
        """Read both stores and publish the numbers (RedisError or STORE_ERRORS: one is silent)."""
        inventory = await self._ledger.run_once(leader_ledger.read_inventory)
        waiting = 0
        for stream in (ORDERS, PAYMENTS):
            entries, oldest_s = await _measure(self._store, stream)
            if stream is ORDERS:
                waiting = entries
            _show(stream, entries, await _pending(self._store, stream), oldest_s)
        inventory_metrics.publish(replace(inventory, accepted=inventory.accepted + waiting))
        if self._oversold.is_due():
            with self._oversold.counting():
                units = await self._ledger.run_once(leader_ledger.count_oversold)
            inventory_metrics.publish_oversold(units)

    def clear(self) -> None:
        """Publish no numbers any more: this process does not lead.

        If it leads again soon, the last count of all orders still rests.
        """
        for stream in (ORDERS, PAYMENTS):
            _show(stream, math.nan, math.nan, math.nan)
        inventory_metrics.clear()


async def _measure(store: Store, stream: WorkStream) -> tuple[int, float]:
    async with store.redis.pipeline(transaction=True) as pipe:
        pipe.time()
        pipe.xlen(stream.name)
        pipe.xrange(stream.name, count=1)
        (now_s, now_us), entries, first = await pipe.execute()
    if not first:
        return entries, 0.0
    put_at_ms = int(first[0][0].partition("-")[0])
    return entries, max(0.0, now_s + now_us / 1e6 - put_at_ms / 1e3)


async def _pending(store: Store, stream: WorkStream) -> int:
    try:
        summary: dict[str, Any] = await store.redis.xpending(stream.name, stream.group)
    except RedisError as error:
        if is_missing_group(error):  # nobody has read from it yet
            return 0
        raise
    return int(summary["pending"])


def _show(stream: WorkStream, entries: float, pending: float, oldest_s: float) -> None:
    _ENTRIES.labels(stream.name).set(entries)
    _PENDING.labels(stream.name).set(pending)
    _OLDEST.labels(stream.name).set(oldest_s)
