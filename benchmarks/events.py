"""The event stream: what a watcher costs, and how late it learns that its order is settled.

So many orders wait for payment, and one process of the event stream serves a watcher of each,
through nginx. Then all are settled in Redis within a second, in batches, as payment workers do, and
each watcher notes when it sees that. Memory is the growth of the process' PSS by opening.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvloop

from benchmarks import accept, shop
from benchmarks.measuring import Plan, Results, wait_for
from benchmarks.watching.crowd import Watcher, open_watchers, wait_until_confirmed

WATCHERS = (1_000, 5_000, 10_000)
SHORT_WATCHERS = (200, 1_000)
SETTLED_WITHIN_S = 1.0
PATIENCE_S = 60.0
SERVICES = ("api", "order-worker", "event-stream", "nginx")


def orders_waiting(up: shop.Shop, count: int, place: Path) -> list[tuple[str, str, str]]:
    """Have orders accepted and recorded; return (order, token, stream entry) of each."""
    owners = shop.tokens(accept.USERS)
    senders = place / "senders"
    senders.write_text("".join(f"{token}\n" for token in owners), encoding="utf-8")
    buying = accept.Subject("filling", up.url("api"), lambda: 0.0)
    orders, payments = up.deployment.topology.redis.streams  # type: ignore[union-attr]
    with up.redis() as store:
        while store.xlen(orders) + store.xlen(payments) < count:
            accept.wrk(buying, senders, f"fill-{os.urandom(4).hex()}", 1)
        wait_for(lambda: store.xlen(orders) == 0, PATIENCE_S * 5, poll_s=0.2)
        waiting = store.xrange(payments, count=count)
    with up.ledger() as ledger:
        rows = ledger.execute("SELECT id::text, user_id FROM orders").fetchall()
    owner_of = {order: owners[user - 1] for order, user in rows}
    return [(fields["o"], owner_of[fields["o"]], entry) for entry, fields in waiting]


async def settle(up: shop.Shop, orders: Sequence[tuple[str, str, str]]) -> dict[str, float]:
    """Settle the orders in another process; return the time of each (monotonic, in s)."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.watching.settling", str(SETTLED_WITHIN_S)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "REDIS_URL": up.redis_url},
    )
    lines = "".join(f"{order} {entry}\n" for order, _, entry in orders)
    output, _ = await process.communicate(lines.encode())
    if process.returncode != 0:
        raise RuntimeError("the orders could not be settled")
    return {order: float(at) for order, at in map(str.split, output.decode().splitlines())}


def percentile_s(sorted_s: Sequence[float], share: float) -> float:
    """Return the value that this share of the values does not exceed."""
    return sorted_s[min(len(sorted_s) - 1, int(share * len(sorted_s)))]


def lateness(watchers: Sequence[Watcher], settled: dict[str, float]) -> dict[str, Any]:
    """Return how late the watchers saw it, in seconds; those that never did count as missing."""
    late = sorted(
        one.confirmed_at_s - settled[one.order_id]
        for one in watchers
        if one.confirmed_at_s is not None
    )
    missing = [one for one in watchers if one.confirmed_at_s is None]
    counted = {"missing": len(missing), "of_them_ended": sum(one.is_closed for one in missing)}
    if not late:
        return counted
    return {
        **counted,
        "settle_to_event_p50_s": percentile_s(late, 0.5),
        "settle_to_event_p95_s": percentile_s(late, 0.95),
        "settled_within_s": max(settled.values()) - min(settled.values()),
    }


async def watch(up: shop.Shop, orders: Sequence[tuple[str, str, str]]) -> dict[str, Any]:
    """Watch these orders until they are settled, and return what it cost."""
    loop = asyncio.get_running_loop()
    memory_bytes = up.memory_bytes("event-stream")
    nginx_bytes, cpu_s, began_s = up.memory_bytes("nginx"), up.cpu_s("event-stream"), loop.time()
    port = urlsplit(up.url("nginx")).port or 80
    watchers, refusals = await open_watchers(port, [(order, token) for order, token, _ in orders])
    took_s, opened = loop.time() - began_s, len(watchers)
    opening_us = (up.cpu_s("event-stream") - cpu_s) / max(1, opened) * 1e6
    grown_bytes = up.memory_bytes("event-stream") - memory_bytes
    nginx_grown_bytes = up.memory_bytes("nginx") - nginx_bytes
    cpu_s = up.cpu_s("event-stream")
    settled = await settle(up, orders)
    await wait_until_confirmed(watchers, PATIENCE_S)
    cpu_s = up.cpu_s("event-stream") - cpu_s
    for one in watchers:
        one.close()
    return {
        "watchers": len(orders),
        "opened": opened,
        "refused": dict(refusals),
        "opens_per_s": opened / took_s,
        "open_us_of_cpu": opening_us,
        "bytes_per_watcher": grown_bytes / max(1, opened),
        "nginx_bytes_per_watcher": nginx_grown_bytes / max(1, opened),
        "event_us_of_cpu": cpu_s / max(1, opened) * 1e6,
        **lateness(watchers, settled),
    }


def main() -> int:
    """Measure, and write the results."""
    plan = Plan.from_arguments("events", repeats=3)
    sizes = SHORT_WATCHERS if plan.short else WATCHERS
    results = Results(plan, {"settled_within_s": SETTLED_WITHIN_S, "event-stream.PROCESSES": 1})
    settings = {("api", "PROCESSES"): 1, ("order-worker", "CONCURRENCY"): 100}
    for turn in range(plan.repeats):
        for size in sizes:  # each on a process that has served nobody
            with (
                tempfile.TemporaryDirectory() as folder,
                shop.deployed(SERVICES, settings, {"api": 1}) as up,
            ):
                up.seed(accept.USERS)
                up.wait_on_sale()
                orders = orders_waiting(up, size, Path(folder))
                shop.stop(up, "order-worker")  # nobody repairs what only Redis is told here
                sample = uvloop.run(watch(up, orders))
            results.add(f"{size} watchers", turn=turn, **sample)
    return 0


if __name__ == "__main__":
    sys.exit(main())
