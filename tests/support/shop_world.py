"""A shop in the hands of a test: both stores, freshly seeded, and what it starts on them."""

import asyncio
import json
import os
import signal
import sys
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from approaches.queue import keys
from approaches.queue.consumer import Entry
from approaches.queue.order_worker import OrderWorker
from approaches.queue.queue_settings import QueueSettings
from approaches.queue.recovery import Recovery
from approaches.queue.redis_store import Acceptance, Store
from approaches.shop.settings import Settings
from tests.support.store_servers import (
    ROOT,
    Server,
    Valkey,
    dsn,
    eventually,
    free_port,
    place,
    postgres,
    valkey,
)

__all__ = [
    "ROOT", "SECRET", "STOCK", "Leader", "Server", "World",
    "dsn", "eventually", "free_port", "place", "postgres", "resumed", "valkey", "world",
]  # fmt: skip

STOCK = 20
USERS = 50
SECRET = "a-secret-for-tests-of-at-least-32-bytes"


class Leader(Recovery):
    """A leader whose duties a test asks for one by one."""

    @property
    def token(self) -> str:
        return self._leadership.token

    async def put_on_sale(self) -> None:
        """Compare both stores, and rebuild what is off sale."""
        assert await self.lead()
        if await self._epochs.keep(self.token):
            await self.rebuild(self.token)
            await self.put_keys_back(self.token)


class World:
    """Both stores, freshly seeded, and whatever a test starts on top of them."""

    def __init__(self, valkey: Valkey, dsn: str, place: Path):
        self.valkey = valkey
        self.dsn = dsn
        self.proxy_port: int | None = None  # where what is started here finds the ledger
        self.redis = redis.Redis.from_url(valkey.url, decode_responses=True)
        self.place = place
        self.gateway_url = ""
        self._ready: dict[Server, Callable[[], bool]] = {}

    @property
    def service_dsn(self) -> str:
        """The ledger with the rights of the shop's own role; `dsn` is the superuser's."""
        dsn = self.dsn.replace("postgres@", "shop@", 1)
        if self.proxy_port is None:
            return dsn
        return dsn.replace(f":{urlsplit(dsn).port}/", f":{self.proxy_port}/")

    def reset(self) -> None:
        """Empty and seed the stores as the harness does: ledger first, then FLUSHALL."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(
                "TRUNCATE users, products, cancelled_orders RESTART IDENTITY CASCADE"
            )
            # a service that goes on from one test to the next must not take this for an older copy
            connection.execute("UPDATE redis_epoch SET epoch = epoch + 1")
            connection.execute(
                "UPDATE redis_progress"
                " SET seq = 0, beat = 0, epoch = (SELECT epoch FROM redis_epoch)"
            )
            connection.execute(
                "INSERT INTO products (id, name, price_cents, initial_stock)"
                " VALUES (1, 'phone', 99999, %s)",
                [STOCK],
            )
            connection.execute(
                "INSERT INTO users (email, name, password_hash)"
                " SELECT n || '@example.org', 'n', '-' FROM generate_series(1, %s) n",
                [USERS],
            )
        self.redis.flushall()

    def put_on_sale(self, stock: int = STOCK) -> None:
        """What the leader does, for tests without one."""
        self.redis.hset(
            keys.product(1),
            mapping={
                "name": "phone",
                "price_cents": 99999,
                "initial_stock": stock,
                "per_user_limit": "",
            },
        )
        self.redis.set(keys.EPOCH, self.epoch())
        self.redis.set(keys.stock(1), stock)

    def epoch(self) -> int:
        """The life of Redis from which the ledger takes orders."""
        return self.rows("SELECT epoch FROM redis_epoch")[0][0]

    def run(self, step):
        """Run `step(store)` in an event loop of its own."""

        async def live():
            store = Store(self.valkey.url, timeout_s=5, connections=8)
            try:
                return await step(store)
            finally:
                await store.close()

        return asyncio.run(live())

    def leader(self, **options) -> "Leader":
        """A leader in this process, led by the test."""
        return Leader(self.settings(), **options)

    def settings(self) -> QueueSettings:
        shop = Settings.from_environment(env={"DATABASE_URL": self.service_dsn})
        return QueueSettings(shop, self.valkey.url, processes=1, concurrency=15, ack="acceptance")

    def under_way(self) -> list[Entry]:
        """Every entry of the orders stream, as a worker reads it."""
        return [Entry(entry_id, fields) for entry_id, fields in self.redis.xrange(keys.ORDERS)]

    def record_late(self, entries) -> None:
        """Do what an order worker does with entries that it read some time ago."""

        async def live():
            worker = OrderWorker(self.settings(), "late")
            try:
                await worker.record(entries)
            finally:
                await worker.close()

        asyncio.run(live())

    def accept(self, count: int, first_user: int = 1) -> list[str]:
        """Accept one order each of `count` users and return their ids."""
        answers = self.ask(range(first_user, first_user + count))
        assert {answer.verdict for answer in answers} == {"accepted"}
        return [answer.order_id for answer in answers]

    def ask(self, users: Iterable[int]) -> list[Acceptance]:
        """Ask Redis to accept an order of each user, under the id and key that are the user's."""

        async def step(store: Store):
            return [
                await store.accept(
                    f"00000000-0000-7000-8000-{user:012d}",
                    user_id=user,
                    key=f"k-{user}",
                    product_id=1,
                    quantity=1,
                )
                for user in users
            ]

        return self.run(step)

    def rows(self, query: str, *parameters):
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            return connection.execute(query, parameters).fetchall()

    def start(self, module: str, **settings: object) -> tuple[Server, str]:
        """Start a service of the shop, wait until it is ready; return it and its address."""
        port = int(str(settings.get("BIND", "")).rpartition(":")[2] or free_port())
        folder = self.place / f"{module}-{port}"
        folder.mkdir()
        env = {
            **{name: one for name, one in os.environ.items() if name != "PROMETHEUS_MULTIPROC_DIR"},
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(folder),
            "BIND": f"127.0.0.1:{port}",
            "DATABASE_URL": self.service_dsn,
            "REDIS_URL": self.valkey.url,
            "GATEWAY_URL": self.gateway_url,
            "SECRET_KEY": SECRET,
            **{name: str(value) for name, value in settings.items()},
        }
        server = Server([sys.executable, "-m", f"approaches.{module}"], env=env, log=folder / "log")
        server.start()
        url = f"http://127.0.0.1:{port}"
        probe = "/healthz" if module == "gateway" else "/readyz"

        def ready() -> bool:
            assert server.process.poll() is None, server.log
            try:
                with urllib.request.urlopen(url + probe, timeout=2) as answer:
                    return answer.status == 200
            except OSError:
                return False

        self._ready[server] = ready
        eventually(ready, within_s=90)
        return server, url

    def start_again(self, server: Server) -> None:
        """Start a service that has ended, where and as it was, and wait until it is ready."""
        server.start()
        eventually(self._ready[server], within_s=90)

    def fault(self, kind: str, for_s: float = 60) -> None:
        """Put a fault of the payment gateway in force."""
        body = json.dumps({"kind": kind, "for_s": for_s}).encode()
        request = urllib.request.Request(f"{self.gateway_url}/faults", body, method="PUT")
        request.add_header("Content-Type", "application/json")
        urllib.request.urlopen(request, timeout=5).close()

    def end_fault(self) -> None:
        request = urllib.request.Request(f"{self.gateway_url}/faults", method="DELETE")
        urllib.request.urlopen(request, timeout=5).close()

    def start_gateway(self, *, mean_s: float = 0.05, decline_rate: float = 0.25) -> str:
        _, self.gateway_url = self.start(
            "gateway", LATENCY_MODEL="fixed", LATENCY_MEAN_S=mean_s, DECLINE_RATE=decline_rate
        )
        return self.gateway_url

    def start_workers(self, *, payments: int = 1) -> list[Server]:
        """Start an order worker and so many payment workers; return these when all is on sale."""
        self.start("queue.order_worker", PROCESSES=2, CONCURRENCY=5)
        eventually(lambda: self.redis.get(keys.stock(1)) == str(STOCK))
        return [
            self.start("queue.payment_worker", PROCESSES=2, CONCURRENCY=4)[0]
            for _ in range(payments)
        ]

    def charges(self) -> list[str]:
        """The key of every charge that the gateway executed."""
        with urllib.request.urlopen(self.gateway_url + "/charges", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return [json.loads(line)["key"] for line in lines]

    def settled(self, orders: int) -> bool:
        """Whether that many orders ended, nothing is under way, and the stores agree."""
        return (
            self.rows("SELECT count(*) FROM orders WHERE settled_at IS NOT NULL")[0][0] == orders
            and self.redis.xlen(keys.ORDERS) == self.redis.xlen(keys.PAYMENTS) == 0
            and not self.rows(
                "SELECT 1 FROM stock_moves WHERE kind = 'release' AND relayed_at IS NULL"
            )
        )

    def assert_sound(self, orders: int) -> None:
        """Check what must hold at rest, whatever happened: nothing lost, doubled or oversold."""
        assert self.rows("SELECT count(*) FROM orders") == [(orders,)]
        ((initial, reserved, sold),) = self.rows(
            "SELECT initial_stock, reserved, sold FROM products WHERE id = 1"
        )
        confirmed, declined = self.rows(
            "SELECT count(*) FILTER (WHERE status = 'confirmed'),"
            " count(*) FILTER (WHERE status = 'declined') FROM orders"
        )[0]
        assert (reserved, sold, confirmed + declined) == (0, confirmed, orders)
        assert int(self.redis.get(keys.stock(1))) == initial - sold
        assert self.rows("SELECT count(*) FROM stock_moves WHERE kind = 'release'") == [(declined,)]
        gaps = "SELECT order_id FROM order_events GROUP BY 1 HAVING max(version) <> count(*)"
        assert self.rows(gaps) == []
        assert self.redis.xlen(keys.DEAD_LETTERS) == 0
        charges = self.charges()
        assert len(charges) == len(set(charges)) == orders

    def close(self) -> None:
        for server in self._ready:
            if server.process.poll() is None:
                server.resume()
                server.end(signal.SIGKILL)
        self.redis.close()


@pytest.fixture
def world(valkey, dsn, tmp_path) -> Iterator[World]:
    world = World(valkey, dsn, tmp_path)
    world.reset()
    yield world
    world.close()


@pytest.fixture
def resumed(postgres, valkey):
    """Whatever a test does to the stores, the next one finds them awake."""
    yield
    for server in (postgres, valkey):
        if server.process.poll() is None:
            server.resume()
        else:
            server.start()
