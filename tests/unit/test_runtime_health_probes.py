"""The usual health checks are asked from within; anything else runs as it stands."""

import socketserver
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import InfrastructureError, UsageError
from harness.runtimes.local import health_probes, postgres
from harness.runtimes.local.addresses import AddressBook
from harness.runtimes.local.launch import Site, python_service
from harness.runtimes.state import StateFolder
from harness.topology import HealthCheck, load_topology
from tests.support.small_project import write_small_project


class Answering:
    """A server that answers every connection's first words with the same bytes."""

    def __init__(self, port, answer):
        asked = self.asked = []

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                asked.append(self.request.recv(1024))
                self.request.sendall(answer)

        socketserver.TCPServer.allow_reuse_address = True
        self._server = socketserver.TCPServer(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def site(tmp_path):
    topology = load_topology(write_small_project(tmp_path / "project"))
    state, addresses = StateFolder(tmp_path / "state", "small"), AddressBook(topology)
    yield Site(topology, state, addresses)
    addresses.release_all()
    assert state.remove() == []


def probe(site, test, *, shell=False):
    check = HealthCheck(tuple(test), shell, 1.0, 1.0, 3, 0.0)
    service = replace(site.topology.services["web"], healthcheck=check)
    launch = python_service(site, service, 2)
    found = health_probes.probe_of(site, service, 2, launch)
    assert found is not None
    return found


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
URL = "http://0.0.0.0:8000/readyz"


@pytest.mark.parametrize(
    ("test", "shell"),
    [
        (["python", "-m", "some.probe", URL], False),
        (["curl", "-fsS", "http://localhost:8000/readyz"], False),
        (["wget -qO- http://127.0.0.1:8000/readyz || exit 1"], True),
    ],
)
def test_urls_are_asked_at_the_address_of_the_replica(site, test, shell):
    ask = probe(site, test, shell=shell)
    assert not ask(1.0)
    site.addresses.release("web", 2)
    port = site.addresses.port("web", 2)
    with Answering(port, OK) as server:
        assert ask(1.0)
        assert server.asked[0].startswith(b"GET /readyz HTTP/1.1")
    with Answering(port, BUSY):
        assert not ask(1.0)


@pytest.mark.parametrize(
    ("make", "answer", "ready"),
    [
        (health_probes.redis_probe, b"+PONG\r\n", True),
        (health_probes.redis_probe, b"-LOADING Redis is loading the dataset in memory\r\n", False),
        (health_probes.redis_probe, b"", False),
        (health_probes.postgres_probe, b"R\0\0\0\x08\0\0\0\0", True),
        (health_probes.postgres_probe, b"E\0\0\0\x20SFATAL\0C28000\0Mno such role\0\0", True),
        (health_probes.postgres_probe, b"E\0\0\0\x20SFATAL\0C57P03\0Mstarting up\0\0", False),
        (health_probes.postgres_probe, b"", False),
    ],
)
def test_stores_are_ready_when_they_say_so(make, answer, ready):
    with Answering(0, answer) as server:
        port = server._server.server_address[1]
        assert make(port)(1.0) is ready


class Redis(socketserver.BaseRequestHandler):
    """Replies line by line, as a server whose password is "a b"."""

    def handle(self):
        asked, known = b"", False
        while not asked.endswith(b"PING\r\n"):
            asked += self.request.recv(1)
            if asked.endswith(b"*2\r\n$4\r\nAUTH\r\n$3\r\na b\r\n"):
                known = True
                self.request.sendall(b"+OK\r\n")
        self.request.sendall(b"+PONG\r\n" if known else b"-NOAUTH\r\n")


@pytest.mark.parametrize(("password", "ready"), [("a b", True), ("", False)])
def test_redis_is_asked_with_its_password(password, ready):
    with socketserver.TCPServer(("127.0.0.1", 0), Redis) as server:
        answering = threading.Thread(target=server.handle_request)
        answering.start()
        assert health_probes.redis_probe(server.server_address[1], password)(5.0) is ready
        answering.join()


def test_any_other_command_is_run_with_the_replicas_environment(site):
    assert probe(site, ["test", "-n", "$DATABASE_URL"])(5.0)
    assert probe(site, ['test "$THREADS" = 4 && true'], shell=True)(5.0)
    assert not probe(site, ["false"])(5.0)
    own = f"127.0.0.1:{site.addresses.port('web', 2)}"
    assert probe(site, ["sh", "-c", f"test 0.0.0.0:8000 = {own}"])(5.0)


def test_a_command_that_hangs_is_not_healthy(site):
    assert not probe(site, ["sleep", "30"])(0.05)


def test_a_command_that_is_not_there_is_an_error(site):
    with pytest.raises(InfrastructureError, match=r"services\.web\.healthcheck.*no-such-program"):
        probe(site, ["no-such-program"])(1.0)


def test_what_a_replica_writes_lies_below_its_deployment(site):
    environment = site.environment(site.topology.services["web"], 1)
    state = site.state.path
    assert environment["NOTES"] == f"{state}/volumes/notes/notes.txt"
    for key in ("HOME", "TMPDIR", "PROMETHEUS_MULTIPROC_DIR"):
        assert Path(environment[key]).is_relative_to(state / "web-1")
        assert Path(environment[key]).is_dir()


def test_a_python_that_finds_its_library_by_the_loaders_path_finds_it_in_a_replica(
    site, monkeypatch
):
    web = site.topology.services["web"]
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    assert "LD_LIBRARY_PATH" not in python_service(site, web, 1).environment
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/python/lib")
    assert python_service(site, web, 1).environment["LD_LIBRARY_PATH"] == "/opt/python/lib"


def test_a_shell_command_that_only_a_shell_understands_is_left_to_it(site):
    assert probe(site, ["true # it's ready"], shell=True)(5.0) is True
    assert probe(site, ["echo it's not"], shell=True)(5.0) is False


def test_arguments_of_initdb_that_are_no_words_are_refused(site):
    service = replace(
        site.topology.services["postgres"], environment={"POSTGRES_INITDB_ARGS": "--locale='C"}
    )
    with pytest.raises(UsageError, match=r"postgres\.environment\.POSTGRES_INITDB_ARGS: .*locale"):
        postgres.launch(site, service, 1)
