"""The delaying proxy as a process, between a client and a shop."""

import socket
import subprocess
import sys
from contextlib import contextmanager

import httpx
import psutil
import pytest

from harness.runtimes import delaying_proxy
from tests.integration.test_run import wait_for
from tests.support.fake_shop import FakeShop, open_shop

pytestmark = pytest.mark.integration


@contextmanager
def delaying(upstream, delay_ms):
    """Run the proxy as a deployment does; yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        bind = "{}:{}".format(*held.getsockname())
    words = [bind, upstream.removeprefix("http://"), delay_ms]
    process = subprocess.Popen([sys.executable, delaying_proxy.__file__, *words])
    try:
        wait_for_port(bind, process)
        yield f"http://{bind}", process
    finally:
        process.terminate()
        assert process.wait(timeout=20) == 0


def wait_for_port(bind, process):
    host, _, port = bind.rpartition(":")
    while True:
        assert process.poll() is None
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            psutil.wait_procs([psutil.Process(process.pid)], timeout=0.05)
        else:
            return


def connections_of(process):
    found = psutil.Process(process.pid).net_connections()
    return [one for one in found if one.status == psutil.CONN_ESTABLISHED]


def test_the_proxy_hands_on_everything_and_delays_every_answer():
    with open_shop(FakeShop()) as shop, delaying(shop.address, "50") as (address, _):
        with httpx.Client(base_url=address) as client:
            account = {"email": "a@example.org", "password": "secret"}
            answers = [client.post("/auth/register", json=account)]
            answers += [client.post("/auth/login", json=account)]
        assert [answer.status_code for answer in answers] == [201, 200]
        assert answers[1].json()["token"] == "token-of-a@example.org"
        assert min(answer.elapsed.total_seconds() for answer in answers) >= 0.05


def test_the_end_of_a_connection_reaches_the_other_side():
    shop = FakeShop(close_after_answer=True)
    with open_shop(shop) as shop, delaying(shop.address, "20") as (address, process):
        for _ in range(3):
            answer = httpx.get(f"{address}/products/1")
            assert answer.status_code == 401
            assert answer.headers["connection"] == "close"
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(b"GET /products/1 HTTP/1.1\r\n\r\n")
            while client.recv(4096):
                pass
        wait_for(lambda: not connections_of(process), process)


def test_a_shop_that_is_not_there_ends_the_connection():
    with delaying("127.0.0.1:9", "0") as (address, _), pytest.raises(httpx.HTTPError):
        httpx.get(address)
