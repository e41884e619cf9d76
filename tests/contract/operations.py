"""Health, counters and errors outside the shop's business, in every approach."""

import re

import httpx
import pytest

from tests.contract.shops import assert_problem

COUNTER = re.compile(r"^shop_http_requests_total\{(.*)\} (\S+)$", re.MULTILINE)


def counted(urls, method, route, status):
    """Sum of one counter over the services that take requests."""
    total = 0.0
    for url in urls:
        for labels, value in COUNTER.findall(httpx.get(f"{url}/metrics").text):
            found = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            if found == {"method": method, "route": route, "status": str(status)}:
                total += float(value)
    return total


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_the_shop_is_healthy(shop, path):
    assert shop.http.get(path).json() == {"status": "ok"}


def test_what_is_for_the_operator_is_not_served_where_buyers_come_in(shop):
    assert_problem(shop.http.get("/metrics"), 404, "not_found")
    assert "/metrics" not in shop.http.get("/openapi.json").json()["paths"]


def test_every_answer_is_counted_once_under_its_route(shop, buyer):
    product_id = shop.offer(5)

    def sample():
        return (
            counted(shop.counters, "GET", "/products/{id}", 200),
            counted(shop.counters, "GET", "/products/{id}", 404),
            counted(shop.counters, "GET", "/orders/{id}", 404),
            counted(shop.counters, "POST", "/orders", 400),
        )

    before = sample()
    for _ in range(3):
        shop.http.get(f"/products/{product_id}")
    shop.http.get("/products/999999")
    buyer.get("/orders/x")
    shop.http.post("/orders", headers=buyer.headers, content=b"{}")
    after = sample()
    assert [b - a for a, b in zip(before, after, strict=True)] == [3, 1, 1, 1]


@pytest.mark.parametrize("path", ["/", "/nothing", "/orders/", "//orders", "/products/1/stock"])
def test_an_unknown_address_is_a_problem(shop, path):
    answer = shop.http.get(path)
    assert answer.status_code in (404, 405)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/orders"), ("PUT", "/products/1"), ("GET", "/auth/login"), ("PATCH", "/orders/x")],
)
def test_an_unknown_method_is_a_problem(shop, method, path):
    answer = shop.http.request(method, path)
    assert_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"]
