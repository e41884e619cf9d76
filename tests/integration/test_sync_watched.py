"""The synchronous shop with every thread taken: it can still be watched, and waiting is counted."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from harness.runtimes import LocalRuntime
from harness.topology import load_topology
from tests.contract.shops import SEED, Shop, eventually

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
THREADS = 2
SETTINGS = {
    ("api", "THREADS"): str(THREADS),
    ("payment-gateway", "LATENCY_MODEL"): "fixed",
    ("payment-gateway", "LATENCY_MEAN_S"): "0.3",
}
HELD_S = 60


class Watched:
    """A shop whose payments can be held, and its two ports."""

    def __init__(self, deployment, shop):
        self.shop = shop
        self.url = deployment.urls("api")[0]
        self.metrics_url = deployment.urls("api", 8001)[0]

    def read(self, name):
        text = httpx.get(f"{self.metrics_url}/metrics").text
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return None if found is None else float(found[1])

    def hold_payments(self):
        self.shop.gateway.put("/faults", json={"kind": "hang", "for_s": HELD_S})

    def release_payments(self):
        self.shop.gateway.delete("/faults")

    def wait_for(self, name, value):
        eventually(lambda: self.read(name) == value, f"{name} is {value}")


@pytest.fixture(scope="module")
def watched():
    topology = load_topology(
        ROOT / "docker-compose.sync.yml", {"GATEWAY_SEED": SEED, "HARNESS_PORT": "0"}
    ).with_settings(SETTINGS)
    deployment = LocalRuntime().up(topology)
    try:
        with (
            httpx.Client(base_url=deployment.address, timeout=60) as http,
            httpx.Client(base_url=deployment.urls("payment-gateway")[0]) as gateway,
        ):
            shop = Shop("sync", "outcome", http, gateway, deployment.dsn(), [])
            yield Watched(deployment, shop)
    finally:
        deployment.down()


def test_a_shop_whose_threads_are_all_taken_can_be_watched(watched):
    product_id = watched.shop.offer(20)
    buyer = watched.shop.buyer()
    accepted = watched.read("shop_orders_accepted_total")
    abandoned = watched.read("shop_purchases_abandoned_total")
    ended = 'shop_order_duration_seconds_count{outcome="confirmed"}'
    quick = 'shop_order_duration_seconds_bucket{le="4.0",outcome="confirmed"}'
    ended_before, quick_before = watched.read(ended), watched.read(quick)
    watched.hold_payments()
    with ThreadPoolExecutor() as pool:
        begun = [pool.submit(buyer.buy, product_id, buyer.key()) for _ in range(THREADS)]
        watched.wait_for("shop_orders_accepted_total", accepted + THREADS)
        with pytest.raises(httpx.ReadTimeout):  # what it answers there waits for a thread
            httpx.get(f"{watched.url}/healthz", timeout=0.5)
        for _ in range(3):  # these buyers hang up, and their purchases are not begun
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(
                    f"{watched.url}/orders",
                    json={"product_id": product_id},
                    headers={**buyer.headers, "Idempotency-Key": buyer.key()},
                    timeout=0.2,
                )
        patient = pool.submit(buyer.buy, product_id, buyer.key())
        watched.wait_for("shop_http_requests_waiting", 5)  # the probe, three who left, one
        waited_from = watched.read("shop_stocktaking_timestamp_seconds")
        eventually(
            lambda: watched.read("shop_stocktaking_timestamp_seconds") > waited_from,
            "stock is taken while every thread is busy",
        )
        watched.release_payments()
        assert {one.result().status_code for one in (*begun, patient)} == {201}
    watched.wait_for("shop_purchases_abandoned_total", abandoned + 3)
    watched.wait_for(ended, ended_before + THREADS + 1)
    assert watched.read("shop_orders_accepted_total") == accepted + THREADS + 1
    # stock was taken twice meanwhile, five seconds apart: none was as quick as its payment
    assert watched.read(quick) == quick_before
    watched.wait_for("shop_http_requests_waiting", 0)


def test_an_order_is_counted_once_however_often_its_buyer_asks(watched):
    product_id = watched.shop.offer(5)
    buyer = watched.shop.buyer()
    key = buyer.key("declined")
    counts = ("shop_orders_accepted_total", 'shop_order_duration_seconds_count{outcome="declined"}')
    before = [watched.read(name) for name in counts]
    assert [buyer.buy(product_id, key).status_code for _ in range(3)] == [402] * 3
    assert [watched.read(name) for name in counts] == [one + 1 for one in before]
