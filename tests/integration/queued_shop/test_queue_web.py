"""The API as processes: answers, promises, and life without a store."""

import signal
import threading

import httpx
import pytest

from approaches.queue import keys
from approaches.shop.accounts import Tokens
from tests.support.newcomers import Newcomers
from tests.support.shop_world import SECRET, STOCK, World

pytestmark = pytest.mark.integration


def bearer(user: int) -> dict[str, str]:
    token = Tokens(SECRET, 60).issue(user)["token"]
    return {"Authorization": f"Bearer {token}"}


def buy(client, user: int, key: str, **wish):
    body = {"product_id": 1, **wish}
    return client.post("/orders", json=body, headers={**bearer(user), "Idempotency-Key": key})


@pytest.fixture(scope="module")
def address(valkey, dsn, tmp_path_factory):
    """The API that all tests here ask, each with stores as new."""
    world = World(valkey, dsn, tmp_path_factory.mktemp("api"))
    world.reset()
    _, url = world.start("queue.api", PROCESSES=2)
    yield url
    world.close()


@pytest.fixture
def api(address, world):
    world.put_on_sale()
    with httpx.Client(base_url=address, timeout=10, trust_env=False) as client:
        yield client


def test_an_order_is_accepted_found_and_answered_again(api):
    first = buy(api, 1, "k")
    order = first.json()
    assert (first.status_code, order["status"], order["version"]) == (202, "accepted", 1)
    assert first.headers["location"] == order["links"]["self"]
    again = buy(api, 1, "k")
    assert (again.status_code, again.json()) == (202, order)
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    found = api.get(first.headers["location"], headers=bearer(1))
    assert (found.status_code, found.json()) == (200, order)
    assert api.get("/products/1").json()["stock"] == STOCK - 1


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (lambda api: buy(api, 1, "k", quantity=2), 422, "key_reused"),
        (lambda api: buy(api, 1, "n", product_id=9), 404, "not_found"),
        (lambda api: buy(api, 1, "n", quantity=0), 400, "invalid_request"),
        (lambda api: api.post("/orders", json={"product_id": 1}), 401, "unauthorized"),
        (lambda api: api.post("/orders", headers=bearer(1)), 400, "invalid_request"),
        (lambda api: api.get("/orders/none", headers=bearer(1)), 404, "not_found"),
        (lambda api: api.get("/products/9"), 404, "not_found"),
        (lambda api: api.get("/nowhere"), 404, "not_found"),
        (lambda api: api.put("/orders"), 405, "method_not_allowed"),
    ],
)
def test_refusals_are_problem_bodies(api, request_, status, code):
    buy(api, 1, "k")
    answer = request_(api)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_nobody_sees_the_order_of_somebody_else(api):
    place = buy(api, 1, "k").headers["location"]
    assert api.get(place, headers=bearer(2)).status_code == 404


def test_exactly_the_stock_is_accepted_under_concurrency(api):
    answers = []

    def shop(user: int) -> None:
        with httpx.Client(base_url=api.base_url, timeout=10, trust_env=False) as client:
            answers.extend(buy(client, user, f"k{n}").status_code for n in range(4))

    threads = [threading.Thread(target=shop, args=(user,)) for user in range(1, 11)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (answers.count(202), answers.count(409)) == (STOCK, 40 - STOCK)


def test_accounts_open_and_log_in(api):
    person = {"email": "a@b.org", "password": "long enough", "name": "A"}
    assert api.post("/auth/register", json=person).status_code == 201
    assert api.post("/auth/register", json=person).json()["code"] == "email_taken"
    token = api.post("/auth/login", json=person).json()["token"]
    ticket = api.post("/auth/ticket", headers={"Authorization": f"Bearer {token}"})
    assert ticket.status_code == 201


def test_a_product_that_is_not_loaded_is_not_sold_out(api, world):
    world.redis.delete(keys.stock(1))
    answer = buy(api, 1, "k")
    assert (answer.status_code, answer.json()["code"]) == (503, "stock_not_loaded")
    assert answer.headers["retry-after"]


def test_without_redis_the_answer_is_try_again_and_the_same_key_then_works(api, world):
    buy(api, 1, "before")
    world.valkey.end(signal.SIGKILL)
    try:
        answer = buy(api, 1, "k")
        assert (answer.status_code, answer.json()["code"]) == (503, "store_down")
        assert answer.headers["retry-after"]
        assert api.get("/readyz").status_code == 503
        assert api.get("/healthz").status_code == 200
    finally:
        world.valkey.start()
    assert buy(api, 1, "k").status_code == 202
    assert buy(api, 1, "before").headers["idempotent-replayed"] == "true"


def test_an_order_that_redis_forgot_is_read_from_the_ledger(api, world):
    order_id = "00000000-0000-7000-8000-000000000077"
    world.rows(
        "INSERT INTO orders VALUES (%s, 1, 1, 1, 'old', 99999, 'confirmed', 3, now(), now())"
        " RETURNING 1",
        order_id,
    )
    found = api.get(f"/orders/{order_id}", headers=bearer(1))
    assert (found.status_code, found.json()["status"]) == (200, "confirmed")


def accepted(api) -> float:
    """How many orders its counters say were accepted, in all processes."""
    lines = api.get("/metrics").text.splitlines()
    counted = [line for line in lines if 'route="/orders",status="202"' in line]
    assert all(line.startswith("shop_http_requests_total") for line in counted)
    return sum(float(line.split()[-1]) for line in counted)


def test_requests_are_counted_over_all_processes(api):
    before = accepted(api)
    for number in range(20):
        buy(api, 1, f"k{number}")
    assert accepted(api) == before + 20


def test_a_stopped_service_serves_who_has_connected_and_refuses_the_rest(world):
    server, url = world.start("queue.api", PROCESSES=2)
    assert httpx.get(f"{url}/healthz", trust_env=False).status_code == 200
    with Newcomers(url) as newcomers:
        newcomers.wait_for("200", 100)
        assert server.end() == 0
        newcomers.wait_for("refused", 1)
    assert set(newcomers.met) == {"200", "refused"}, newcomers.met
