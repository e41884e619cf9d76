"""Addresses of the container network become addresses of this machine, and only those."""

import socket
from pathlib import Path

import pytest

from harness.errors import InfrastructureError, UsageError
from harness.runtimes.local.addresses import AddressBook
from harness.topology import load_topology
from tests.support.small_project import write_small_project


@pytest.fixture
def compose(tmp_path):
    return write_small_project(tmp_path)


@pytest.fixture
def book(compose):
    book = AddressBook(load_topology(compose))
    yield book
    book.release_all()


def test_every_replica_has_ports_of_its_own(book):
    ports = [book.port("web", 1), book.port("web", 2), book.port("redis", 1), book.port("nginx", 1)]
    assert len(set(ports)) == len(ports)


def test_ports_lie_outside_the_range_of_outgoing_connections(book):
    words = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    assert book.port("web", 1) < int(words[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://shop:pw@postgres:5432/shop", "postgresql://shop:pw@127.0.0.1:{pg}/shop"),
        ("postgresql://postgres:5432@postgres:5432", "postgresql://postgres:5432@127.0.0.1:{pg}"),
        ("http://web:8000/x", "http://127.0.0.1:{web1}/x"),
        ("0.0.0.0:8000", "127.0.0.1:{web2}"),
        ("http://localhost:8000/", "http://127.0.0.1:{web2}/"),
        ("0.0.0.0:9999", "0.0.0.0:9999"),
        ("my-web:8000", "my-web:8000"),
        ("web.example:8000", "web.example:8000"),
        ("a title: web", "a title: web"),
    ],
)
def test_addresses_are_translated(book, text, expected):
    expected = expected.format(
        pg=book.port("postgres", 1), web1=book.port("web", 1), web2=book.port("web", 2)
    )
    assert book.translate(text, "web", 2) == expected


def test_a_port_that_a_peer_does_not_serve_is_refused(book):
    with pytest.raises(UsageError, match=r"web:8001.*does not listen there"):
        book.translate("http://web:8001", "nginx", 1)


def test_ports_are_held_until_they_are_released(book):
    port = book.port("web", 1)
    with socket.socket() as other:
        with pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))
        book.release("web", 1)
        other.bind(("127.0.0.1", port))


def test_the_published_port_is_the_wanted_one(compose):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    book = AddressBook(load_topology(compose, {"HARNESS_PORT": str(port)}))
    assert book.port("nginx", 1) == port
    book.release_all()


def test_a_taken_port_is_named(compose):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InfrastructureError, match=f"nginx at port {port}") as caught:
            AddressBook(load_topology(compose, {"HARNESS_PORT": str(port)}))
    assert caught.value.hint


def test_a_host_and_its_port_are_translated_together(book):
    settings = {"DB_HOST": "postgres", "DB_PORT": "5432", "PGHOSTNAME": "nobody", "PORT": "5432"}
    here = book.with_ports(settings, "web", 2)
    assert here["DB_HOST"] == "127.0.0.1"
    assert here["DB_PORT"] == str(book.port("postgres", 1, 5432))
    assert (here["PGHOSTNAME"], here["PORT"]) == ("nobody", "5432")


def test_a_port_of_its_own_may_stand_alone(book):
    assert book.with_ports({"PORT": "8000"}, "web", 2) == {"PORT": str(book.port("web", 2))}


@pytest.mark.parametrize("settings", [{"PGHOST": "postgres"}, {"PGHOST": "redis", "PGPORT": "x"}])
def test_a_host_without_its_port_is_refused_by_name(book, settings):
    with pytest.raises(UsageError, match=r"web\.environment\.PGHOST: .* no PGPORT says") as refused:
        book.with_ports(settings, "web", 2)
    assert "state PGPORT" in refused.value.hint
