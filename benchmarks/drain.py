"""Accepted orders to confirmed ones: orders per second, and CPU per order, against job queues.

Each takes orders off its queue in Redis, inserts them in PostgreSQL, charges them at a gateway that
answers at once, settles them and puts their state into Redis. The workers are up and warm; they are
stopped (SIGSTOP) while their queue is filled, and measured from the moment they go on until the
last order is settled. CPU is that of the workers, Redis and PostgreSQL, not of the gateway.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psutil
import redis

from benchmarks import accept, shop
from benchmarks.measuring import Plan, Results, cpu_s, free_port, running, wait_for
from benchmarks.peer_environment import PEERS, peer_program, peer_versions

WITHIN_S = 600.0
WARM_UP_ORDERS = 50
OURS = "ours"
SETTINGS = {
    ("api", "PROCESSES"): 1,
    ("order-worker", "PROCESSES"): 2,
    ("payment-worker", "PROCESSES"): 2,
    ("payment-worker", "CONCURRENCY"): 100,  # as many at once as the peers have
}
TABLE = """
CREATE TABLE peer_orders (
    id uuid PRIMARY KEY, user_id bigint NOT NULL, product_id integer NOT NULL,
    quantity integer NOT NULL, amount_cents bigint NOT NULL, status text NOT NULL,
    charge_id text, accepted_at timestamptz NOT NULL DEFAULT now(), settled_at timestamptz
)"""


@dataclass(frozen=True, slots=True)
class Peer:
    """How to run the workers of a peer, and how many orders show how fast it is."""

    module: str
    command: tuple[str, ...]
    orders: int = 5_000
    client: str = "aiohttp"
    instances: int = 1


_CELERY = ("celery", "-A", "celery_tasks", "worker", "--loglevel", "warning")
_TASKIQ = ("taskiq", "worker", "taskiq_tasks:broker", "--workers", "2", "--max-async-tasks", "100")
PEERS_BY_NAME = {
    "rq": Peer("rq", ("rq", "worker-pool", "orders", "-n", "2", "--quiet"), orders=100),
    "arq": Peer("arq", ("arq", "arq_tasks.WorkerSettings"), instances=2),
    "celery prefork": Peer("celery", (*_CELERY, "--pool", "prefork", "-c", "8")),
    "celery threads": Peer("celery", (*_CELERY, "--pool", "threads", "-c", "20")),
    "celery gevent": Peer("celery", (*_CELERY, "--pool", "gevent", "-c", "100")),
    "taskiq": Peer("taskiq", _TASKIQ, client="httpx"),
    "taskiq aiohttp": Peer("taskiq", _TASKIQ),
    "dramatiq": Peer(
        "dramatiq", ("dramatiq", "dramatiq_tasks", "--processes", "2", "--threads", "20")
    ),
}
OUR_ORDERS = 15_000


@dataclass(frozen=True, slots=True)
class Drained:
    """What can be filled, opened, and asked how many of its orders are settled."""

    name: str
    pids: Sequence[int]
    fill: Callable[[int], int]
    settled: Callable[[], int]


@contextmanager
def gateway(place: Path) -> Iterator[str]:
    """Run the gateway that approves at once, and return its address."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    argv = [sys.executable, "-m", "uvicorn", "benchmarks.draining.gateway:app", "--port", str(port)]
    argv += ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--lifespan", "off"]
    with running(argv, log=place / "gateway.log", url=url):
        yield url


def send_to_all(pids: Sequence[int], number: signal.Signals) -> None:
    """Send a signal to these processes and all below them."""
    for pid in pids:
        for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)


def charges(url: str) -> int:
    """Return how many charges the gateway has approved."""
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - an address of ours
        return int(json.load(answer)["charges"])


def drain(up: shop.Shop, subject: Drained, gateway_url: str, orders: int) -> dict[str, Any]:
    """Fill the queue while the workers are stopped, let them go on, and return what it cost."""
    before, charged = subject.settled(), charges(gateway_url)
    filled = subject.fill(orders)
    stores = ("redis", "postgres")
    used = [cpu_s(*subject.pids), *(up.cpu_s(store) for store in stores)]
    began_s = time.perf_counter()
    send_to_all(subject.pids, signal.SIGCONT)
    try:
        wait_for(lambda: charges(gateway_url) >= charged + filled, WITHIN_S, poll_s=0.05)
        wait_for(lambda: subject.settled() >= before + filled, WITHIN_S, poll_s=0.05)
        took_s = time.perf_counter() - began_s
        now = [cpu_s(*subject.pids), *(up.cpu_s(store) for store in stores)]
    finally:
        send_to_all(subject.pids, signal.SIGSTOP)
    workers_ms, redis_ms, postgres_ms = (
        (then - first) / filled * 1e3 for then, first in zip(now, used, strict=True)
    )
    return {
        "orders": filled,
        "orders_per_s": filled / took_s,
        "cpu_ms_per_order": workers_ms + redis_ms + postgres_ms,
        "workers_ms_per_order": workers_ms,
        "redis_ms_per_order": redis_ms,
        "postgres_ms_per_order": postgres_ms,
    }


@contextmanager
def peer(up: shop.Shop, name: str, place: Path, gateway_url: str) -> Iterator[Drained]:
    """Run the workers of a peer; they are stopped when the block begins."""
    one = PEERS_BY_NAME[name]
    env = {
        "PEERS_DSN": up.ledger_url,
        "PEERS_REDIS_URL": up.redis_url.rpartition("/")[0] + "/1",
        "PEERS_GATEWAY_URL": gateway_url,
        "PEERS_CLIENT": one.client,
        "PYTHONPATH": PEERS,
    }
    env |= {"RQ_REDIS_URL": env["PEERS_REDIS_URL"]} if one.module == "rq" else {}
    argv = [peer_program(one.command[0]), *one.command[1:]]

    def fill(count: int) -> int:
        words = [str(peer_program("python")), str(PEERS / "enqueue.py"), one.module, str(count)]
        variables = os.environ | {key: str(value) for key, value in env.items()}
        subprocess.run(words, env=variables, check=True)
        return count

    def settled() -> int:
        return count_of(up, "SELECT count(*) FROM peer_orders WHERE settled_at IS NOT NULL")

    log = place / name.replace(" ", "-")
    with up.ledger() as ledger, redis.Redis.from_url(str(env["PEERS_REDIS_URL"])) as store:
        ledger.execute("TRUNCATE peer_orders")  # another one that was ended may have left some
        store.flushdb()
    with ExitStack() as stack:
        pids = [
            stack.enter_context(running(argv, log=Path(f"{log}-{number}.log"), env=env)).pid
            for number in range(one.instances)
        ]
        warm_up = fill(WARM_UP_ORDERS if name != "rq" else 2)
        wait_for(lambda: settled() == warm_up, WITHIN_S, poll_s=0.2)
        send_to_all(pids, signal.SIGSTOP)
        yield Drained(name, pids, fill, settled)
        send_to_all(pids, signal.SIGCONT)


def count_of(up: shop.Shop, query: LiteralString) -> int:
    """Return the number that a query answers."""
    with up.ledger() as ledger:
        ((count,),) = ledger.execute(query).fetchall()
        return int(count)


def worker_pids(up: shop.Shop) -> list[int]:
    """Return the first process of every worker of the shop."""
    return [
        replica.pid
        for service in ("order-worker", "payment-worker")
        for replica in up.deployment.replicas_of(service)
        if replica.pid is not None
    ]


def ours(up: shop.Shop, place: Path, *, users: int = accept.USERS) -> Drained:
    """Return the shop's own workers, stopped and with their product on sale."""
    pids = worker_pids(up)
    streams = up.deployment.topology.redis.streams  # type: ignore[union-attr]
    senders = place / "senders"
    senders.write_text("".join(f"{token}\n" for token in shop.tokens(users)))
    buying = accept.Subject(OURS, up.url("api"), lambda: 0.0)

    def waiting() -> int:
        with up.redis() as store:
            return sum(store.xlen(stream) for stream in streams)

    def fill(count: int) -> int:
        while waiting() < count:
            accept.wrk(buying, senders, f"fill-{time.time_ns()}", 1)
        return waiting()

    def settled() -> int:
        # every payment is approved: a count of orders would cost more the more there are
        query = "SELECT coalesce(sum(sold), 0) FROM products"
        return count_of(up, query) - waiting()  # not before Redis has its state

    accept.wrk(buying, senders, "warm-up", 1)
    wait_for(lambda: waiting() == 0, WITHIN_S)
    send_to_all(pids, signal.SIGSTOP)
    return Drained(OURS, pids, fill, settled)


def main() -> int:
    """Measure, and write the results."""
    plan = Plan.from_arguments("drain", repeats=3)
    settings = {f"{service}.{key}": value for (service, key), value in SETTINGS.items()}
    results = Results(plan, {**settings, "peers": peer_versions()})
    names = plan.choose([*PEERS_BY_NAME, OURS])
    with tempfile.TemporaryDirectory() as folder, gateway(place := Path(folder)) as url:
        services = ("api", "order-worker", "payment-worker")
        changed = {**SETTINGS, ("payment-worker", "GATEWAY_URL"): url}
        scale = {"api": 1, "payment-worker": 1}
        with shop.deployed(services, changed, scale) as up:
            up.seed(accept.USERS)
            up.wait_on_sale()
            with up.ledger() as ledger:
                ledger.execute(TABLE)
            own = ours(up, place)
            for turn in range(plan.repeats):
                for name in names:
                    if name == OURS:
                        sample = drain(up, own, url, 500 if plan.short else OUR_ORDERS)
                    else:
                        orders = PEERS_BY_NAME[name].orders // (10 if plan.short else 1)
                        with peer(up, name, place, url) as subject:
                            sample = drain(up, subject, url, orders)
                    results.add(name, turn=turn, **sample)
            send_to_all(own.pids, signal.SIGCONT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
