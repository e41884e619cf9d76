"""Health, counters and errors outside the shop's business, in every approach."""

import re
import socket

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


LONG = b"x" * 10_000
MALFORMED = {
    "address too long": (b"GET /" + LONG + b" HTTP/1.1\r\n\r\n", 414, "too_large"),
    "header too long": (b"GET / HTTP/1.1\r\nX: " + LONG + b"\r\n\r\n", 431, "too_large"),
    "token too long": (
        b"POST /orders HTTP/1.1\r\nAuthorization: Bearer " + LONG + b"\r\n\r\n",
        431,
        "too_large",
    ),
    "key too long": (
        b"POST /orders HTTP/1.1\r\nIdempotency-Key: " + LONG + b"\r\n\r\n",
        431,
        "too_large",
    ),
    "headers too long in all": (
        b"GET / HTTP/1.1\r\n"
        + b"".join(b"X: " + LONG[:7000] + b"\r\n" for _ in range(6))
        + b"\r\n",
        431,
        "too_large",
    ),
    "body too long": (
        b"POST /orders HTTP/1.1\r\nContent-Length: 1100000\r\n\r\n" + b"x" * 1_100_000,
        413,
        "too_large",
    ),
    "no header": (b"GET / HTTP/1.1\r\nno header\r\n\r\n", 400, "invalid_request"),
    "no length": (b"POST /orders HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400, "invalid_request"),
    "two lengths": (
        b"POST /orders HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        400,
        "invalid_request",
    ),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: other\r\n\r\n", 400, "invalid_request"),
    "two tokens": (
        b"POST /orders HTTP/1.1\r\nAuthorization: Bearer x\r\nAuthorization: Bearer x\r\n\r\n",
        400,
        "invalid_request",
    ),
    "encoding unknown": (
        b"POST /orders HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        501,
        "invalid_request",
    ),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_what_the_server_itself_refuses_is_a_problem(shop, what):
    request, status, code = MALFORMED[what]
    assert_problem(send(shop, request), status, code)


def send(shop, request):
    """Send bytes that no client would send, with a Host; return the answer."""
    url = shop.http.base_url
    with socket.create_connection((url.host, url.port), timeout=30) as connection:
        connection.sendall(request.replace(b"\r\n", b"\r\nHost: shop\r\nConnection: close\r\n", 1))
        received = b""
        while data := connection.recv(65536):
            received += data
    head, _, body = received.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = [tuple(line.split(": ", 1)) for line in lines]
    return httpx.Response(int(status.split()[1]), headers=headers, content=body)
