"""A file of nodes says which engines there are; a mistake in it is named by its place."""

import pytest

from harness.errors import UsageError
from harness.runtimes import runtime_named
from harness.runtimes.docker.nodes_file import read_nodes
from harness.topology import load_topology
from tests.support.small_project import write_small_project

GOOD = """
[[nodes]]
name = "front"
engine = "unix:///var/run/docker.sock"
services = ["nginx", "web"]

[[nodes]]
name = "stores"
engine = "tcp://10.0.0.3:2376"
certificates = "certificates"
address = "10.0.0.3"
partition = "ssh 10.0.0.3 'ip link set eth0 down'"
heal = "ip link set eth0 up"
"""


@pytest.fixture
def read(tmp_path):
    path = tmp_path / "nodes.toml"

    def reading(old="", new=""):
        assert old in GOOD
        path.write_text(GOOD.replace(old, new, 1) if old else GOOD)
        return read_nodes(path)

    return reading


def test_a_file_is_read(read, tmp_path):
    front, stores = read().nodes
    assert front.services == ("nginx", "web")
    assert front.address_of_engine.is_here
    assert stores.address_of_engine.certificates == tmp_path / "certificates"
    assert stores.command("partition") == ["ssh", "10.0.0.3", "ip link set eth0 down"]
    assert front.command("partition") is None
    assert read().node("stores") == stores
    with pytest.raises(UsageError, match='node = "back": the file of --nodes has no such node'):
        read().node("back")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('name = "front"', 'name = "stores"', 'nodes[2].name = "stores" names two nodes'),
        ('name = "front"', 'name = "Front"', "nodes[1].name = 'Front'"),
        ('engine = "unix', 'engin = "unix', "there is no key nodes[1].engin"),
        ("unix:///var/run/docker.sock", "http://here", 'engine = "http://here": must be unix:///'),
        ("unix:///var/run/docker.sock", "unix://docker.sock", "must be unix:///"),
        ("unix:///var/run/docker.sock", "ssh://far:99999", "a port is a number from 1 to 65535"),
        ("unix:///var/run/docker.sock", "ssh://-oProxyCommand=x", "must be unix:///"),
        ('certificates = "certificates"\n', "", "needs the folder of its certificates"),
        ("tcp://10.0.0.3:2376", "ssh://10.0.0.3", "only an engine at tcp:// has certificates"),
        ("tcp://10.0.0.3:2376", "unix:///var/run/docker.sock", "only an engine at tcp://"),
        ('address = "10.0.0.3"', 'address = "stores"', "nodes[2].address = 'stores'"),
        ('heal = "ip link set eth0 up"', "", "partition and heal are given together"),
        (
            "'ip link set eth0 down'",
            "'ip link",
            'nodes[2]: partition = "ssh 10.0.0.3 \'ip link": No closing quotation',
        ),
        ("\n[[nodes]]", 'subnet = "10.0.0.0/28"\n\n[[nodes]]', "must have 256 addresses"),
        ("\n[[nodes]]", 'subnet = "10.0.0.7/8"\n\n[[nodes]]', "has host bits set"),
    ],
)
def test_a_mistake_is_named(read, old, new, words):
    with pytest.raises(UsageError) as caught:
        read(old, new)
    assert words in caught.value.message


def test_one_engine_has_one_name(read):
    with pytest.raises(UsageError, match="nodes front and stores have one engine"):
        read(
            'engine = "tcp://10.0.0.3:2376"\ncertificates = "certificates"',
            'engine = "unix:///var/run/docker.sock"',
        )


def test_a_service_that_no_approach_has_is_refused(read, tmp_path):
    topology = load_topology(write_small_project(tmp_path / "project"))
    read().check_services(topology)
    with pytest.raises(UsageError, match=r'nodes\[1\].services: "nginks"') as caught:
        read('"nginx"', '"nginks"').check_services(topology)
    assert "gateway, nginx, postgres" in caught.value.hint


def test_nodes_are_for_docker(tmp_path):
    with pytest.raises(UsageError, match="the runtime is local") as caught:
        runtime_named("local", nodes=tmp_path / "nodes.toml")
    assert "--runtime docker" in caught.value.hint
    with pytest.raises(UsageError, match="cannot read"):
        runtime_named("docker", nodes=tmp_path / "nodes.toml")
