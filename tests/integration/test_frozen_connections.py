"""Connections to a store that freeze: nothing is closed, nothing answers, and new ones work."""

import signal
import socket
import threading
from pathlib import Path

import psycopg
import pytest
import redis

from harness.errors import InfrastructureError
from harness.faults.actions import action_of
from harness.runtimes import LocalRuntime, with_proxies
from harness.runtimes.processes import members
from harness.scenario.faults import Fault, frozen_services
from harness.topology import load_topology
from tests.support.small_project import write_small_project

pytestmark = pytest.mark.integration
SILENCE_S = 0.3


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder that other users may pass through, as a temporary folder is."""
    folder = tmp_path_factory.mktemp("frozen")
    for parent in (folder, *folder.parents):
        if parent.owner() == folder.owner() and parent != Path(parent.root):
            parent.chmod(parent.stat().st_mode | 0o711)
    return folder


@pytest.fixture(scope="module")
def topology(root):
    return load_topology(write_small_project(root / "project"))


@pytest.fixture(scope="module")
def deployment(root, topology):
    fault = Fault(kind="freeze", service="redis", at_s=0)
    deployment = LocalRuntime(root / "state").up(with_proxies(topology, frozen_services([fault])))
    yield deployment
    deployment.down()
    assert members(root / "state") == {}


class Client:
    """A connection as a service has one: by the proxy."""

    def __init__(self, port: int, password: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._login = b"AUTH %b\r\n" % password.encode()

    def ask(self, command: bytes = b"PING\r\n") -> bytes:
        """Log in and send a command; return the first line of its answer, b"" without one."""
        self.socket.sendall(self._login + command)
        answer = self.socket.makefile("rb")
        return answer.readline() and answer.readline()

    def is_silent(self) -> bool:
        self.socket.settimeout(SILENCE_S)
        try:
            self.ask()
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(30)
        return False


@pytest.fixture
def connect(deployment, topology):
    """Connect by the proxy."""
    opened = []

    def by_proxy():
        port = int(deployment.urls("redis-proxy")[0].rpartition(":")[2])
        opened.append(Client(port, topology.variables["REDIS_PASSWORD"]))
        return opened[-1]

    yield by_proxy
    for one in opened:
        one.socket.close()


def test_old_connections_stay_frozen_and_new_ones_work_after_it(deployment, connect):
    old = connect()
    assert old.ask() == b"+PONG\r\n"
    action = action_of(Fault(kind="freeze", service="redis", at_s=0), deployment, threading.Event())
    action.inject()
    wait_for_words(deployment, "frozen")
    during = connect()
    assert old.is_silent()
    assert during.is_silent()
    with redis.Redis.from_url(deployment.redis_url()) as store:
        assert store.ping()  # the harness does not pass by the proxy
    action.undo()
    action.recover()
    wait_for_words(deployment, "forwarding again")
    assert connect().ask() == b"+PONG\r\n"
    assert old.is_silent()
    assert during.is_silent()
    assert deployment.unexpected_exits() == []


def wait_for_words(deployment, words):
    """Wait until the proxy says that it has heard the signal."""
    log = deployment.logs()["redis-proxy-1"]
    while words not in log.read_text():
        threading.Event().wait(0.01)


def test_a_store_that_ends_ends_its_connections_and_comes_back_behind_the_same_proxy(
    deployment, connect
):
    open_one = connect()
    assert open_one.ask() == b"+PONG\r\n"
    deployment.kill("redis", 1, signal.SIGKILL)
    assert open_one.socket.recv(100) == b""
    assert connect().socket.recv(100) == b""
    deployment.start("redis", 1)
    assert connect().ask() == b"+PONG\r\n"


def test_what_is_large_passes_in_both_directions(deployment, connect):
    client = connect()
    body = b"x" * 5_000_000
    assert client.ask(_set(body)) == b"+OK\r\n"
    client.socket.sendall(b"GET large\r\n")
    answer = client.socket.makefile("rb")
    assert answer.readline() == b"$5000000\r\n"
    assert answer.read(len(body)) == body


def _set(body):
    return b"*3\r\n$3\r\nSET\r\n$5\r\nlarge\r\n$%d\r\n%b\r\n" % (len(body), body)


def test_services_reach_the_store_by_the_proxy_and_the_harness_does_not(deployment, topology):
    proxied = deployment.topology
    assert proxied.proxies == {"redis": "redis-proxy"}
    assert proxied.services["web"].environment["REDIS_URL"].endswith("@redis-proxy:6379/0")
    assert "@postgres:5432" in proxied.services["web"].environment["DATABASE_URL"]
    assert "redis-proxy" in proxied.world
    assert proxied.containers == topology.containers
    varied = proxied.with_variables({"GREETING": "hello again"})
    assert varied.proxies == proxied.proxies
    assert varied.services["web"].environment["GREETING"] == "hello again"
    with psycopg.connect(deployment.dsn()) as ledger:
        assert ledger.execute("SELECT 1").fetchone() == (1,)


def test_a_store_without_a_proxy_cannot_be_frozen(deployment):
    with pytest.raises(InfrastructureError, match="no proxy before postgres"):
        action_of(Fault(kind="freeze", service="postgres", at_s=0), deployment, threading.Event())
