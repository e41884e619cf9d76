"""Where the API takes the units of a purchase: RESERVATION, which experiments vary.

`script` is the shop as it serves: `Store.accept`, one Lua script. Each other way is a store whose
`accept` is another one; whatever else the API does stays as it is.

    counter   DECR, and INCR back below zero, then XADD: separate commands (counter.py)
    update    one conditional UPDATE of the ledger (update.py), then the payment is enqueued
    lock      SELECT … FOR UPDATE, a check, an UPDATE (lock.py), then the payment is enqueued
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from approaches.queue.queue_settings import Reservation
from approaches.queue.redis_store import Store
from approaches.queue.reservation.counter import CounterStore
from approaches.queue.reservation.ledger_store import LedgerStore, Take
from approaches.queue.reservation.lock import take_by_lock
from approaches.queue.reservation.update import take_by_update
from approaches.shop.pools import AsyncPool


def make_store(reservation: Reservation, url: str, pool: AsyncPool, *, timeout_s: float) -> Store:
    """Return a store whose `accept` reserves in this way; only some use the `pool`."""
    return _MAKERS[reservation](url, pool, timeout_s)


def _in_redis(store: type[Store], url: str, _: AsyncPool, timeout_s: float) -> Store:
    return store(url, timeout_s=timeout_s)


def _in_ledger(take: Take, url: str, pool: AsyncPool, timeout_s: float) -> Store:
    return LedgerStore(url, pool, take, timeout_s=timeout_s)


_MAKERS: Final[Mapping[Reservation, Callable[[str, AsyncPool, float], Store]]] = {
    "script": partial(_in_redis, Store),
    "counter": partial(_in_redis, CounterStore),
    "update": partial(_in_ledger, take_by_update),
    "lock": partial(_in_ledger, take_by_lock),
}
