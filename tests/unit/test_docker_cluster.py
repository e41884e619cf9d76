"""Several engines: what they must have in common, what is copied between them, and cleaned."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from harness.errors import InfrastructureError
from harness.runtimes.docker import images, ownership
from harness.runtimes.docker.cluster import Cluster
from harness.runtimes.docker.engine import Engine
from harness.runtimes.docker.engine_address import EngineAddress
from harness.runtimes.docker.node import address_of
from harness.runtimes.docker.nodes_file import NodesFile
from harness.runtimes.docker.ownership import MACHINE, OWNER, machine
from tests.support.docker_engines import FakeEngine, in_nanoseconds


@pytest.fixture
def three():
    """Three engines in one swarm, which the first manages."""
    with FakeEngine("one") as one, FakeEngine("two") as two, FakeEngine("three") as three:
        one.joins()
        yield one, two.joins(one), three.joins(one)


def file_of(*engines, **changes):
    nodes = [{"name": one.name, "engine": one.url} | changes.get(one.name, {}) for one in engines]
    return NodesFile.model_validate({"nodes": nodes})


@pytest.fixture
def connected():
    """Connects to nodes, and closes the connections afterwards."""
    clusters = []

    def connect(file):
        clusters.append(Cluster.connected(file))
        return clusters[-1]

    yield connect
    for one in clusters:
        one.close()


def refusal(file):
    with pytest.raises(InfrastructureError) as caught:
        Cluster.connected(file).close()
    return caught.value


def test_the_nodes_are_recorded_by_their_names(three, connected):
    cluster = connected(file_of(*three, two={"services": ["postgres"], "address": "10.0.0.2"}))
    facts = cluster.facts()["nodes"]
    assert list(facts) == ["one", "two", "three"]
    assert facts["two"] == {
        "engine_at": three[1].url,
        "here": True,
        "address": "10.0.0.2",
        "services": ["postgres"],
        "cpus": 2,
        "memory_bytes": 4 * 2**30,
        "kernel": "6.1",
        "engine": "20.10.24",
        "api": "1.41",
        "cgroup": 2,
        "storage": "overlay2",
    }
    assert facts["one"]["address"] == "127.0.0.1"


def test_one_engine_of_this_machine_is_a_cluster_of_one(monkeypatch, connected):
    with FakeEngine("alone") as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.url)
        cluster = connected(None)
        assert not cluster.is_named
        assert cluster.facts()["engine"] == "20.10.24"
        assert "nodes" not in cluster.facts()


def test_an_engine_that_does_not_answer_is_named(three):
    file = file_of(*three)
    gone = file.model_copy(update={"nodes": (*file.nodes[:2], _elsewhere(file.nodes[2]))})
    error = refusal(gone)
    assert error.message.startswith("node three (unix://")
    assert "the Docker engine does not run" in error.message


def _elsewhere(node):
    return node.model_copy(update={"engine": f"{node.engine}.gone"})


def test_two_names_of_one_engine_are_found_out(three):
    three[2].info["Swarm"] = three[1].info["Swarm"]
    assert "two and three are one engine" in refusal(file_of(*three)).message


def test_other_processors_cannot_run_the_images(three):
    three[1].info["Architecture"] = "aarch64"
    message = "two has processors of aarch64, one has processors of x86_64"
    assert message in refusal(file_of(*three)).message


def test_nodes_without_a_swarm_are_told_how_to_make_one(three):
    with FakeEngine("four") as four:
        error = refusal(file_of(*three, four))
    assert "four is in no swarm (its state: inactive)" in error.message
    assert "docs/scaling-out.md" in error.hint


def test_a_node_of_another_swarm_is_refused(three):
    with FakeEngine("four") as four:
        error = refusal(file_of(*three, four.joins()))
    assert "four is in another swarm than one" in error.message


def test_a_swarm_without_its_manager_is_refused(three):
    assert "none of two, three manages the swarm" in refusal(file_of(*three[1:])).message


def test_the_network_of_several_engines_is_an_overlay_that_a_manager_makes(three, connected):
    cluster = connected(file_of(*three[::-1]))
    with cluster.network("ours", {"whose": "mine"}) as network:
        assert network.description == {"external": True, "name": "ours"}
    ((path, asked),) = three[0].created
    assert path == "/networks/create"
    assert (asked["Name"], asked["Driver"], asked["Attachable"]) == ("ours", "overlay", True)
    assert asked["IPAM"]["Config"][0]["Subnet"] == network.subnet == "10.97.0.0/16"
    assert asked["Labels"] == {"whose": "mine"}
    assert three[1].created == three[2].created == []


def test_images_are_copied_to_who_lacks_them_and_to_nobody_else(three, connected):
    one, two, three_ = three
    one.images = {"shop": {"Id": "new"}, "redis:8": {"Id": "same"}, "nginx": {"Id": "n"}}
    two.images = {"shop": {"Id": "old"}, "redis:8": {"Id": "same"}}
    cluster = connected(file_of(*three))
    for engine in cluster.engines:
        images.copy(["shop", "redis:8"], cluster.builder, engine)
    assert two.images == {"shop": {"Id": "new"}, "redis:8": {"Id": "same"}}
    assert three_.images == two.images


def test_the_clock_of_an_engine_is_known_up_to_half_the_time_of_the_question(three, connected):
    engine = connected(file_of(*three)).engines[1]
    three[1].info["SystemTime"] = in_nanoseconds(datetime.now(UTC))
    begun_s = time.time()
    offset_s, uncertainty_s = engine.clock()
    took_s = time.time() - begun_s
    assert 0 < uncertainty_s <= took_s / 2
    assert -took_s - 1 < offset_s <= 0  # the engine's answer was fixed before it was asked


@pytest.fixture
def orphan():
    """What labels a harness has left that ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    return {OWNER: f"{os.getuid()}-{ended.pid}-1-abcd", MACHINE: machine()}


def test_what_a_killed_harness_left_is_removed_on_all_nodes_containers_first(three, orphan):
    for engine in three:
        name = f"/web-{engine.name}"
        engine.containers = [{"Id": engine.name, "Names": [name], "Labels": orphan}]
        engine.networks = [{"Id": "net", "Name": "ours", "Scope": "swarm", "Labels": orphan}]
    (line,) = ownership.clean_if_there(file_of(*three))
    assert line == f"{orphan[OWNER]}: ours, web-one, web-three, web-two removed"
    assert [one.changes for one in three] == [
        ["remove /containers/one", "remove /networks/net"],  # a manager's; workers' copies follow
        ["remove /containers/two"],
        ["remove /containers/three"],
    ]


def test_a_node_that_does_not_answer_keeps_no_other_from_being_cleaned(orphan):
    def engine(name, fails):
        def containers(label):
            if fails:
                raise InfrastructureError(f"{name} is gone")
            return [{"Id": name, "Names": [f"/{name}"]}]

        return SimpleNamespace(
            containers=containers,
            networks=lambda label: [{"Id": f"network of {name}", "Name": "joined"}],
            volumes=lambda label: [],
            remove_container=removed.append,
            remove_network=removed.append,
            remove_volume=removed.append,
        )

    removed = []
    with pytest.raises(InfrastructureError, match="a is gone"):
        ownership.remove_all([engine("a", True), engine("b", False)], orphan[OWNER])
    assert removed == ["b", "network of a", "network of b"]


def test_ssh_is_told_what_the_file_says_letter_by_letter():
    address = EngineAddress("ssh://Shop@Far.example:2222")
    assert address.ssh_target == ("-p", "2222", "Shop@Far.example")
    assert EngineAddress("ssh://Far").ssh_target == ("Far",)


@pytest.mark.parametrize("url", ["ssh://localhost", "ssh://shop@127.0.0.1:2222"])
def test_another_machine_is_not_this_one(url):
    with pytest.raises(InfrastructureError, match="is this machine") as caught:
        address_of(EngineAddress(url))
    assert "unix://" in caught.value.hint
    assert address_of(EngineAddress("unix:///var/run/docker.sock")) == "127.0.0.1"


FORWARDS = """#!/usr/bin/env python3
import os, sys, threading, socket
words = sys.argv[1:]
if "refused" in words[-2]:
    sys.exit("ssh: connect to host refused port 22: Connection refused")
here, there = words[words.index("-L") + 1].split(":")
assert words[-4:-2] == ["-p", "2222"] and words[-1] == "cat", words
listening = socket.socket(socket.AF_UNIX)
listening.bind(here)
listening.listen()

def pump(source, sink):
    while data := source.recv(65536):
        sink.sendall(data)
    sink.shutdown(socket.SHUT_WR)

def serve():
    while True:
        client, _ = listening.accept()
        server = socket.socket(socket.AF_UNIX)
        server.connect(there)
        for pair in ((client, server), (server, client)):
            threading.Thread(target=pump, args=pair, daemon=True).start()

threading.Thread(target=serve, daemon=True).start()
sys.stdin.buffer.read()
"""


@pytest.fixture
def ssh(tmp_path, monkeypatch):
    """An ssh that stays on this machine."""
    command = tmp_path / "ssh"
    command.write_text(FORWARDS)
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")


@pytest.mark.usefixtures("ssh")
def test_an_engine_is_reached_by_ssh_and_the_connection_ends_with_it():
    with FakeEngine("far") as far:
        engine = Engine(EngineAddress(f"ssh://shop@far.example:2222{far.path}"))
        assert engine.facts()["engine"] == "20.10.24"
        socket = engine.variables["DOCKER_HOST"].removeprefix("unix://")
        assert os.path.exists(socket)
        engine.close()
        engine.close()
    assert not os.path.exists(os.path.dirname(socket))


@pytest.mark.usefixtures("ssh")
def test_an_ssh_that_cannot_connect_is_heard():
    with pytest.raises(InfrastructureError, match="Connection refused") as caught:
        Engine(EngineAddress("ssh://refused"))
    assert "ssh refused docker ps" in caught.value.hint


def test_certificates_that_are_missing_are_named(tmp_path):
    (tmp_path / "ca.pem").write_text("")
    with pytest.raises(InfrastructureError, match=r"has no cert\.pem and no key\.pem"):
        Engine(EngineAddress("tcp://far.example:2376", tmp_path))


def test_the_command_finds_the_same_engine():
    with FakeEngine("one") as one:
        engine = Engine(EngineAddress(one.url))
        assert engine.variables == {"DOCKER_HOST": one.url}
        engine.close()
