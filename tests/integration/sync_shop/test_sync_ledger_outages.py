"""The synchronous shop and a ledger that is there, and takes no writes or does not answer."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from approaches.shop.accounts import Tokens
from tests.support.freezing_proxy import FreezingProxy
from tests.support.queue_client import assert_try_again, bearer, client_of
from tests.support.shop_world import SECRET, eventually, free_port

pytestmark = [pytest.mark.integration, pytest.mark.slow]

THREADS = 4


@pytest.fixture
def proxied(world, dsn):
    """Have the shop reach the ledger through a proxy."""
    with FreezingProxy(urlsplit(dsn).port) as proxy:
        world.proxy_port = proxy.port
        yield proxy


@pytest.fixture
def shop(world, proxied):
    """The process of the shop, and a client of it."""
    world.start_gateway(mean_s=0.5, decline_rate=0.0)
    metrics = f"127.0.0.1:{free_port()}"
    server, url = world.start("sync", THREADS=THREADS, DATABASE_POOL=8, METRICS_BIND=metrics)
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        yield server, client


def buy(client, user: int) -> httpx.Response:
    token = Tokens(SECRET, 600).issue(user)["token"]
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"k-{user}"}
    return client.post("/orders", json={"product_id": 1}, headers=headers)


def statuses(world) -> list[str]:
    return [status for (status,) in world.rows("SELECT status FROM orders")]


def test_threads_come_back_from_connections_that_froze(world, proxied, shop):
    _, client = shop
    with ThreadPoolExecutor(THREADS) as buyers:
        first = [buyers.submit(buy, client, user) for user in range(1, THREADS + 1)]
        eventually(lambda: statuses(world) == ["awaiting_payment"] * THREADS)
        proxied.freeze()  # for good: only connections made from now on work
        late = [one.result() for one in first]
        # every thread is there, and what else had frozen meets nobody
        later = [one.result() for one in [buyers.submit(buy, client, n) for n in range(11, 19)]]
    assert {one.status_code for one in late} <= {201, 503}
    assert {one.status_code for one in later} == {201}
    eventually(lambda: statuses(world) == ["confirmed"] * (THREADS + 8))
    assert len(world.charges()) == THREADS + 8


def test_an_order_paid_while_the_ledger_takes_no_writes_is_settled_after(world, dsn, shop):
    _, client = shop
    with psycopg.connect(dsn, autocommit=True) as admin, ThreadPoolExecutor(1) as buyers:
        first = buyers.submit(buy, client, 1)
        eventually(lambda: statuses(world) == ["awaiting_payment"])
        try:
            admin.execute("ALTER SYSTEM SET default_transaction_read_only = on")
            admin.execute("SELECT pg_reload_conf()")
            assert first.result().json()["code"] == "store_down"
            refused = buy(client, 2)
            assert (refused.status_code, refused.json()["code"]) == (503, "store_down")
        finally:
            admin.execute("ALTER SYSTEM SET default_transaction_read_only = off")
            admin.execute("SELECT pg_reload_conf()")
    eventually(lambda: statuses(world) == ["confirmed"])
    assert len(world.charges()) == 1


@pytest.mark.parametrize("outage", ["pause", "kill"])
def test_without_the_ledger_every_route_says_try_again(world, postgres, resumed, outage):
    world.put_on_sale()
    world.start_gateway(mean_s=0.1, decline_rate=0.0)
    _, url = world.start("sync", THREADS=8)
    with client_of(url) as client, ThreadPoolExecutor(8) as buyers:
        order = buy(client, 1).headers["location"]
        person = {"email": "a@b.org", "password": "long enough", "name": "A"}
        getattr(postgres, outage)()
        asked = [
            buyers.submit(client.post, "/auth/register", json=person),
            buyers.submit(client.post, "/auth/login", json=person),
            buyers.submit(client.get, "/products/1"),
            buyers.submit(buy, client, 2),
            buyers.submit(client.get, order, headers=bearer(1)),
            buyers.submit(client.get, f"{order}/events", headers=bearer(1)),
            buyers.submit(client.get, "/readyz"),
        ]
        for one in asked:
            assert_try_again(one.result())
        assert client.get("/healthz").status_code == 200
        postgres.resume() if outage == "pause" else postgres.start()
        eventually(lambda: buy(client, 2).status_code == 201, within_s=30)
        assert client.get(order, headers=bearer(1)).json()["status"] == "confirmed"


def test_it_stops_within_its_limit_while_the_ledger_is_frozen(proxied, shop):
    server, client = shop
    proxied.freeze(new_ones=True)
    with ThreadPoolExecutor(THREADS) as buyers:
        for user in range(1, THREADS + 1):
            buyers.submit(buy, client, user)
        assert server.end() == 0  # within what Compose grants it, or `end` raises
