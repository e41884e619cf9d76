"""A node is broken by its own commands, and what was on it is brought back with it."""

import threading

import pytest

from harness.errors import InfrastructureError, UsageError
from harness.faults.actions import action_of
from harness.results.outages import Outage, lost_response_windows, target
from harness.results.record import FaultRecord
from harness.runtimes import runtime_named
from harness.runtimes.docker.docker_runtime import DockerRuntime
from harness.runtimes.docker.node import Node
from harness.runtimes.docker.nodes_file import NodesFile, NodeTable
from harness.scenario.faults import Fault
from harness.topology import load_topology
from tests.support.docker_engines import FakeEngine
from tests.support.small_project import write_small_project


def fault(kind="partition_node", **keys):
    return Fault(kind=kind, at_s=1, **({"node": "stores"} | keys))


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"kind": "stop_node", "node": None}, "node is missing"),
        ({"kind": "stop_node", "service": "api"}, 'service = "api": stop_node hits a node'),
        ({"kind": "stop_node", "replica": 2}, "replica = 2: stop_node hits all of a node"),
        ({"kind": "kill", "service": "api"}, 'node = "stores": kill hits no node'),
        ({"kind": "hang"}, 'node = "stores": hang hits no node'),
    ],
)
def test_a_node_is_named_where_one_is_hit_and_nowhere_else(keys, words):
    with pytest.raises(ValueError, match=words):
        fault(**keys)


@pytest.fixture
def topology(tmp_path):
    return load_topology(write_small_project(tmp_path / "project"))


def nodes(**commands):
    stores = {"name": "stores", "engine": "unix:///stores"} | commands
    return NodesFile.model_validate({"nodes": [stores]})


def test_a_fault_needs_a_node_and_a_command_before_anything_is_deployed(topology):
    cut = nodes(partition="cut", heal="join")
    DockerRuntime(nodes=cut).check(topology, [fault()])
    for runtime, words in (
        (runtime_named("local"), "everything runs on this machine"),
        (DockerRuntime(), "everything runs on this machine"),
        (DockerRuntime(nodes=nodes()), "stores has no command by which partition_node"),
    ):
        with pytest.raises(UsageError, match=words):
            runtime.check(topology, [fault()])
    with pytest.raises(UsageError, match="no command by which stop_node") as caught:
        DockerRuntime(nodes=cut).check(topology, [fault("stop_node")])
    assert "add `stop` and `start`" in caught.value.hint
    with pytest.raises(UsageError, match='node = "front": the file of --nodes has no such node'):
        DockerRuntime(nodes=cut).check(topology, [fault(node="front")])


class Asked:
    """A deployment that notes what is done to its nodes."""

    def __init__(self):
        self.done = []

    def __getattr__(self, name):
        return lambda node: self.done.append((name, node))

    def services_on(self, node):
        return ["postgres", "redis"]


@pytest.mark.parametrize("kind", ["partition_node", "stop_node"])
def test_what_is_done_to_a_node(kind):
    deployment = Asked()
    action = action_of(fault(kind), deployment, threading.Event())
    action.inject()
    action.undo()
    action.recover()
    assert deployment.done == [
        (kind, "stores"),
        ("bring_back_node", "stores"),
        ("revive_node", "stores"),
    ]
    assert action.facts() == {"services": ["postgres", "redis"]}


def test_what_a_node_ran_is_hit_with_it():
    record = FaultRecord(
        kind="partition_node",
        service=None,
        node="front",
        services=["nginx", "api"],
        begun_ns=1,
        ended_ns=2,
        healthy_ns=3,
    )
    outage = Outage.of(record)
    assert (outage.hits("api"), outage.hits("postgres"), outage.hits(None)) == (True, False, False)
    for topology in ({"counters": ["api"], "entry": "other"}, {"counters": [], "entry": "nginx"}):
        assert lost_response_windows([outage], topology) == (outage,)
    assert lost_response_windows([outage], {"counters": ["postgres"], "entry": "other"}) == ()
    assert target(record.plan) == "front"
    killed = FaultRecord(kind="kill", service="api")
    assert "node" not in killed.plan  # summaries of other faults are as they were


@pytest.fixture
def engine():
    with FakeEngine("stores") as engine:
        yield engine.joins()


@pytest.fixture
def breakable(engine, tmp_path):
    """A node that is cut while a file is there, which each command says."""

    def make(partition=f"touch {tmp_path}/cut", heal=f"rm {tmp_path}/cut"):
        table = NodeTable(name="stores", engine=engine.url, partition=partition, heal=heal)
        made.append(Node(table))
        return made[-1], tmp_path / "cut"

    made = []
    yield make
    for node in made:
        node.engine.close()


def test_a_node_is_away_from_its_command_until_it_is_back(breakable):
    node, cut = breakable()
    node.bring_back()  # nothing was done
    node.break_by("partition")
    assert node.is_away
    assert cut.exists()
    node.bring_back()
    assert not node.is_away
    assert not cut.exists()


def test_a_node_is_back_when_its_engine_is_in_the_swarm_again(breakable, engine):
    node, _ = breakable()
    node.break_by("partition")
    engine.info["Swarm"] = engine.info["Swarm"] | {"LocalNodeState": "pending"}
    coming = threading.Thread(target=node.bring_back)
    coming.start()
    coming.join(0.4)
    assert node.is_away
    engine.info["Swarm"] = engine.info["Swarm"] | {"LocalNodeState": "active"}
    coming.join(10)
    assert not node.is_away


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("sh -c 'echo no such link; exit 3'", "`partition` ended with exit code 3: no such link"),
        ("/nonexistent/command", "cannot be run"),
    ],
)
def test_a_command_that_fails_is_heard_and_may_have_done_something(breakable, command, words):
    node, cut = breakable(partition=command)
    cut.touch()
    with pytest.raises(InfrastructureError) as caught:
        node.break_by("partition")
    assert words in caught.value.message
    node.bring_back()
    assert not cut.exists()
