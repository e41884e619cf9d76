"""What grows with the orders of the past: cost per order, Redis' memory, the way back on sale.

The ledger is filled by SQL with orders that were settled an hour ago, up to each size. Then, at
each size: Redis loses its data, and it is watched how long it takes until both products are on sale
again and until all idempotency keys are back, and how many terms of leadership that takes; then a
queue of orders is drained as in
`benchmarks.drain`, and what it cost is divided among them; then Redis' memory is read, at once, and
again when everything that has a lifetime has been let expire. At last many orders wait for payment
while there is no payment worker, and what order workers and stores use meanwhile is counted.
"""

import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from approaches.queue import keys
from benchmarks import shop
from benchmarks.drain import SETTINGS, Drained, drain, gateway, ours, send_to_all
from benchmarks.measuring import POLL_S, Plan, Results, wait_for

SIZES = (1_000, 10_000, 100_000, 1_000_000)
SHORT_SIZES = (1_000, 10_000)
DRAINED = 10_000
USERS = 20_000
WATCHED_S = 180.0
KEYS_WITHIN_S = 600.0
IDLE_S = 10.0
WAITING = 50_000
WAITING_S = 130.0
"""Longer than twice the time after which the leader looks at every open order."""
RECORDED_WITHIN_S = 900.0
SERVICES = ("api", "order-worker", "payment-worker")
WHOSE = ("order-worker", "payment-worker", "redis", "postgres")
BATCH = 50_000

EXPIRE_PAGE = """
local page = redis.call('SCAN', ARGV[1], 'COUNT', 2000)
for _, key in ipairs(page[2]) do
  if redis.call('PTTL', key) > 0 then
    redis.call('UNLINK', key)
  end
end
return page[1]
"""
FILL = """
WITH fresh AS (
    INSERT INTO orders (id, user_id, product_id, quantity, idempotency_key, amount_cents, status,
                        version, accepted_at, settled_at)
    SELECT gen_random_uuid(), n %% %(users)s + 1, 1, 1, 'past-' || n, 99900, 'confirmed', 3,
           now() - interval '1 hour', now() - interval '59 minutes'
    FROM generate_series(%(first)s::bigint, %(last)s) n RETURNING id
), paid AS (
    INSERT INTO payments (order_id, charge_id, outcome, amount_cents)
    SELECT id, 'past-' || id, 'approved', 99900 FROM fresh
), moved AS (
    INSERT INTO stock_moves (order_id, kind, quantity, relayed_at)
    SELECT id, kind, 1, now() FROM fresh, unnest(ARRAY['reserve', 'sell']) kind
), told AS (
    INSERT INTO order_events (order_id, version, status)
    SELECT id, version, status FROM fresh,
        unnest(ARRAY[1, 2, 3], ARRAY['accepted', 'awaiting_payment', 'confirmed'])
            AS event (version, status)
)
UPDATE products SET sold = sold + (SELECT count(*) FROM fresh) WHERE id = 1
"""


def fill_ledger(up: shop.Shop, from_orders: int, to_orders: int) -> None:
    """Insert settled orders until there are so many."""
    with up.ledger() as ledger:
        for first in range(from_orders + 1, to_orders + 1, BATCH):
            last = min(first + BATCH - 1, to_orders)
            ledger.execute(FILL, {"users": USERS, "first": first, "last": last})
        ledger.execute("VACUUM ANALYZE")
        ledger.execute("CHECKPOINT")


class Terms:
    """Counts the terms of leadership by looking at the lock, each of which has its own token."""

    def __init__(self, up: shop.Shop) -> None:
        facts = up.deployment.topology.redis
        self._key = (facts.leader if facts else None) or ""
        self._up = up
        self.seen: set[str] = set()
        self._ended = threading.Event()

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count while the block lasts."""
        watching = threading.Thread(target=self._watch, daemon=True)
        watching.start()
        yield
        self._ended.set()
        watching.join()

    def _watch(self) -> None:
        with self._up.redis() as store:
            while not self._ended.wait(POLL_S):
                try:
                    token = store.get(self._key)
                except redis.RedisError:
                    continue
                if token:
                    self.seen.add(str(token))


def lose_redis(up: shop.Shop) -> dict[str, Any]:
    """Take all data from Redis; return how long nothing was on sale, and who led meanwhile."""
    deployment = up.deployment
    before = up.cpu_s(*WHOSE)
    deployment.stop("redis", 1)
    deployment.wipe("redis", 1)
    deployment.start("redis", 1)
    terms, began_s = Terms(up), time.monotonic()
    with terms.counted():
        try:
            up.wait_on_sale(WATCHED_S)
            on_sale_s: float | None = time.monotonic() - began_s
        except TimeoutError:
            on_sale_s = None
        on_sale_cpu_s = up.cpu_s(*WHOSE) - before
        if on_sale_s is not None:
            wait_for(lambda: keys_are_back(up), KEYS_WITHIN_S, poll_s=0.1)
    return {
        "on_sale_again_s": on_sale_s,
        "keys_back_s": None if on_sale_s is None else time.monotonic() - began_s,
        "watched_s": WATCHED_S,
        "terms": len(terms.seen),
        "cpu_s_until_on_sale": on_sale_cpu_s,
        "cpu_s_until_keys_back": up.cpu_s(*WHOSE) - before,
    }


def keys_are_back(up: shop.Shop) -> bool:
    """Return True if Redis knows every idempotency key that still counts."""
    with up.redis() as store:
        products = (shop.PRODUCT_ID, shop.SOLD_OUT_PRODUCT_ID)
        return not any(store.hexists(keys.product(one), "keys_missing") for one in products)


def memory_bytes(up: shop.Shop) -> int:
    """Return what Redis says that its data take."""
    with up.redis() as store:
        return int(store.info("memory")["used_memory_dataset"])


def let_expire(up: shop.Shop) -> None:
    """Remove every key with a lifetime, as time would."""
    with up.redis() as store:
        cursor = "0"
        while True:
            cursor = str(store.eval(EXPIRE_PAGE, 0, cursor))
            if cursor == "0":
                return


def idle_cores(up: shop.Shop) -> float:
    """Return the CPU that workers and stores use while there is nothing to do."""
    before, began_s = up.cpu_s(*WHOSE), time.monotonic()
    time.sleep(IDLE_S)
    return (up.cpu_s(*WHOSE) - before) / (time.monotonic() - began_s)


def at_size(up: shop.Shop, own: Drained, gateway_url: str, orders: int) -> dict[str, Any]:
    """Drain a queue of orders; return their cost, and what Redis keeps of them."""
    let_expire(up)  # what a rebuild has put there of orders of the past
    before_bytes = memory_bytes(up)
    sample = drain(up, own, gateway_url, orders)
    kept = memory_bytes(up) - before_bytes
    let_expire(up)
    lasting = memory_bytes(up) - before_bytes
    return {
        **sample,
        "redis_bytes_per_order_at_once": kept / sample["orders"],
        "redis_bytes_per_order_lasting": lasting / sample["orders"],
    }


def while_waiting(up: shop.Shop, own: Drained, orders: int, seconds: float) -> dict[str, Any]:
    """Let orders wait for a payment worker; return what the order workers use meanwhile."""
    shop.stop(up, "payment-worker")
    own.fill(orders)
    facts = up.deployment.topology.redis
    stream = facts.streams[0] if facts else ""
    with up.redis() as store:
        wait_for(lambda: store.xlen(stream) == 0, RECORDED_WITHIN_S, poll_s=0.5)
    stores = ("redis", "postgres")
    terms, before_s, stores_s = Terms(up), up.cpu_s("order-worker"), up.cpu_s(*stores)
    with terms.counted():
        time.sleep(seconds)
    return {
        "order_worker_cores": (up.cpu_s("order-worker") - before_s) / seconds,
        "store_cores": (up.cpu_s(*stores) - stores_s) / seconds,
        "terms": len(terms.seen),
        "watched_s": seconds,
    }


def main() -> int:
    """Measure, and write the results."""
    plan = Plan.from_arguments("growth", repeats=1)
    settings = {f"{service}.{key}": value for (service, key), value in SETTINGS.items()}
    results = Results(plan, {**settings, "settled_before_s": 3_540, "watched_s": WATCHED_S})
    with tempfile.TemporaryDirectory() as folder, gateway(place := Path(folder)) as url:
        changed = {**SETTINGS, ("payment-worker", "GATEWAY_URL"): url}
        scale = {"api": 1, "payment-worker": 1}
        for turn in range(plan.repeats):
            with shop.deployed(SERVICES, changed, scale) as up:
                up.seed(USERS)
                up.wait_on_sale()
                own = ours(up, place, users=USERS)
                there = own.settled()
                for size in SHORT_SIZES if plan.short else SIZES:
                    fill_ledger(up, there, size)
                    send_to_all(own.pids, signal.SIGCONT)
                    lost = lose_redis(up)
                    if lost["on_sale_again_s"] is None:  # nobody can buy: nothing more to measure
                        results.add(f"{size} orders", turn=turn, **lost)
                        return 0
                    idle = {"idle_cores": idle_cores(up)}
                    send_to_all(own.pids, signal.SIGSTOP)
                    cost = at_size(up, own, url, 500 if plan.short else DRAINED)
                    there = own.settled()
                    results.add(f"{size} orders", turn=turn, **lost, **idle, **cost)
                send_to_all(own.pids, signal.SIGCONT)
                waiting = 1_000 if plan.short else WAITING
                sample = while_waiting(up, own, waiting, IDLE_S / 2 if plan.short else WAITING_S)
                results.add(f"{waiting} waiting for payment", turn=turn, **sample)
    return 0


if __name__ == "__main__":
    sys.exit(main())
