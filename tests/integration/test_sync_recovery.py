"""The synchronous shop and the payment provider, killed and stopped with payments in flight."""

import json
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.contract.shops import Shop, assert_problem, eventually
from tests.support.newcomers import Newcomers
from tests.support.shop_world import free_port

pytestmark = [pytest.mark.integration, pytest.mark.slow]

IN_FLIGHT = 12
PAYMENT_S = 0.8


class Running:
    """The processes of the shop and of the provider, on a ledger; their addresses stay."""

    def __init__(self, world, **settings):
        self._metrics = f"127.0.0.1:{free_port()}"
        self._world = world
        self.provider, url = world.start(
            "gateway", LATENCY_MODEL="fixed", LATENCY_MEAN_S=PAYMENT_S, DECLINE_RATE=0.1
        )
        world.gateway_url = url
        defaults = {"THREADS": IN_FLIGHT, "HASH_THREADS": 8, "METRICS_BIND": self._metrics}
        counters = world.place / "counters"  # as a runtime gives it: it outlives the process
        counters.mkdir()
        defaults["PROMETHEUS_MULTIPROC_DIR"] = counters
        self.api, self.address = world.start("sync", **defaults | settings)
        http = httpx.Client(base_url=self.address, timeout=30, trust_env=False)
        gateway = httpx.Client(base_url=url, trust_env=False)
        self.shop = Shop("sync", "outcome", http, gateway, world.dsn, [self.address])

    def kill(self, server):
        server.end(signal.SIGKILL)

    def start_again(self, server):
        self._world.start_again(server)

    def close(self):
        self.shop.http.close()
        self.shop.gateway.close()

    def statuses(self, product_id):
        rows = self.shop.sql("SELECT status FROM orders WHERE product_id = %s", product_id)
        return sorted(status for (status,) in rows)

    def metrics(self):
        return httpx.get(f"http://{self._metrics}/metrics", trust_env=False).text

    def charges(self):
        return [json.loads(line) for line in self.shop.gateway.get("/charges").text.splitlines()]

    def buy_in_background(self, product_id, outcomes):
        """Send one purchase per outcome at once; return the futures once all are being paid."""
        buyer = self.shop.buyer()
        pool = ThreadPoolExecutor(len(outcomes))
        keys = [buyer.key(outcome) for outcome in outcomes]
        futures = [pool.submit(buyer.buy, product_id, key) for key in keys]
        pool.shutdown(wait=False)
        eventually(
            lambda: self.statuses(product_id) == ["awaiting_payment"] * len(outcomes),
            "all payments in flight",
        )
        return buyer, keys, futures


@pytest.fixture
def running(request, world):
    running = Running(world, **getattr(request, "param", {}))
    yield running
    running.close()


def settled(running, product_id, declined):
    confirmed = IN_FLIGHT - declined
    expected = ["confirmed"] * confirmed + ["declined"] * declined
    eventually(lambda: running.statuses(product_id) == expected, "every order settled")
    totals = running.shop.sql("SELECT reserved, sold FROM products WHERE id = %s", product_id)
    assert totals == [(0, confirmed)]
    charges = running.charges()
    assert len(charges) == IN_FLIGHT
    assert len({charge["order_id"] for charge in charges}) == IN_FLIGHT


def test_a_killed_shop_takes_its_orders_up_again(running):
    product_id = running.shop.offer(100)
    outcomes = ["declined"] * 2 + ["approved"] * (IN_FLIGHT - 2)
    buyer, keys, futures = running.buy_in_background(product_id, outcomes)
    running.kill(running.api)
    assert all(future.exception(timeout=20) is not None for future in futures)
    running.start_again(running.api)
    settled(running, product_id, declined=2)
    replays = [buyer.buy(product_id, key) for key in keys]
    assert [replay.status_code for replay in replays] == [402] * 2 + [201] * (IN_FLIGHT - 2)
    assert all(replay.headers["idempotent-replayed"] == "true" for replay in replays)


def test_a_shop_asked_to_stop_answers_first(running):
    product_id = running.shop.offer(100)
    _, _, futures = running.buy_in_background(product_id, ["approved"] * IN_FLIGHT)
    assert running.api.end(signal.SIGTERM) == 0
    assert [future.result(timeout=20).status_code for future in futures] == [201] * IN_FLIGHT
    running.start_again(running.api)
    settled(running, product_id, declined=0)


def test_a_stopped_shop_serves_who_has_connected_and_refuses_the_rest(running):
    with Newcomers(running.address) as newcomers:
        newcomers.wait_for("200", 100)
        assert running.api.end(signal.SIGTERM) == 0
        newcomers.wait_for("refused", 1)
    assert set(newcomers.met) == {"200", "refused"}, newcomers.met


# a provider that takes its time to come back is still asked within the time of the payment
@pytest.mark.parametrize("running", [{"PAYMENT_TIMEOUT_S": 60}], indirect=True)
def test_a_killed_provider_executes_each_charge_once(running):
    product_id = running.shop.offer(100)
    early = running.shop.buyer()
    first = early.buy(running.shop.offer(1), early.key()).json()["order_id"]
    before = running.shop.gateway.get(f"/charges/{first}").json()

    _, _, futures = running.buy_in_background(product_id, ["approved"] * IN_FLIGHT)
    running.kill(running.provider)
    running.start_again(running.provider)
    answers = [future.result(timeout=25) for future in futures]
    assert {answer.status_code for answer in answers} == {201}, {one.text for one in answers}
    # what was executed before is still known, and was not executed again
    assert running.shop.gateway.get(f"/charges/{first}").json() == before
    assert len({charge["order_id"] for charge in running.charges()}) == IN_FLIGHT + 1
    assert len(running.charges()) == IN_FLIGHT + 1


@pytest.mark.parametrize("running", [{"PAYMENT_TIMEOUT_S": 2}], indirect=True)
def test_while_the_provider_is_gone_buyers_are_told_and_no_order_is_failed(running):
    product_id = running.shop.offer(100)
    outcomes = ["declined"] * 2 + ["approved"] * (IN_FLIGHT - 2)
    buyer, keys, futures = running.buy_in_background(product_id, outcomes)
    running.kill(running.provider)
    for future in futures:
        answer = future.result(timeout=25)
        assert_problem(answer, 503, "payment_unknown")
        assert int(answer.headers["retry-after"]) >= 1
    assert "shop_payment_breaker_open 1.0" in running.metrics()
    assert running.statuses(product_id) == ["unknown"] * IN_FLIGHT
    assert running.shop.stock(product_id) == 100 - IN_FLIGHT  # held
    assert_problem(buyer.buy(product_id, keys[0]), 503, "payment_unknown")
    running.start_again(running.provider)
    settled(running, product_id, declined=2)
    assert running.shop.stock(product_id) == 100 - IN_FLIGHT + 2
    assert "shop_payment_breaker_open 0.0" in running.metrics()


def test_counters_survive_the_death_of_the_shop(running):
    for _ in range(7):
        running.shop.http.get("/products/999999")
    running.kill(running.api)
    running.start_again(running.api)
    running.shop.http.get("/products/999999")
    counter = 'shop_http_requests_total{method="GET",route="/products/{id}",status="404"} 8.0'
    assert counter in running.metrics()


@pytest.mark.parametrize("running", [{"THREADS": 1}], indirect=True)
def test_a_request_whose_client_is_gone_is_not_started(running):
    product_id = running.shop.offer(100)
    buyer = running.shop.buyer()
    kept = threading.Thread(target=buyer.buy, args=(product_id, buyer.key()))
    kept.start()
    eventually(lambda: running.statuses(product_id) == ["awaiting_payment"], "the thread is busy")
    url = httpx.URL(running.address)
    body = json.dumps({"product_id": product_id})
    request = (
        f"POST /orders HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {buyer.token}\r\n"
        f"Idempotency-Key: {buyer.key()}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )
    with socket.create_connection((url.host, url.port)) as impatient:
        impatient.sendall(request.encode())
    kept.join(timeout=20)
    # one more purchase passes through the same queue, so the abandoned one has been looked at
    assert buyer.buy(product_id, buyer.key()).status_code == 201
    assert running.statuses(product_id) == ["confirmed"] * 2
