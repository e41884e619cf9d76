"""The nodes of a deployment: as many as a file names, or else this machine alone.

Several are joined by an attachable overlay network, which the harness makes and removes. The swarm
that can have one is made by whoever owns the machines: it changes them for longer than a
measurement, and its addresses and ports are nobody else's to choose.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from harness.errors import InfrastructureError
from harness.runtimes.docker.engine import Engine, chosen_address
from harness.runtimes.docker.node import Node
from harness.runtimes.docker.nodes_file import NodesFile, NodeTable
from harness.runtimes.docker.placement import Placement, place
from harness.topology import Topology

_ALONE = "this-machine"
_SWARM = "docs/scaling-out.md has the commands that make a swarm of the nodes"


@dataclass(frozen=True, slots=True)
class Network:
    """The network of a deployment: as Compose is told of it, and its addresses."""

    description: Mapping[str, Any]
    subnet: str


class Cluster:
    """The nodes, for as long as their engines are connected to."""

    def __init__(self, nodes: Sequence[Node], subnet: str | None) -> None:
        self.nodes = tuple(nodes)
        self._subnet = subnet

    @classmethod
    def connected(cls, file: NodesFile | None) -> Self:
        """Connect to the nodes of a file, or to the engine of this machine.

        Raises InfrastructureError, naming the node, for an engine that does not answer or is of
        another kind than the first, and for a swarm that is not there.
        """
        if file is None:
            return cls([Node(_this_machine())], None)
        nodes: list[Node] = []
        try:
            for table in file.nodes:
                nodes.append(_connected(table))
            check_alike(nodes)
            check_swarm(nodes)
        except BaseException:
            for node in nodes:
                node.engine.close()
            raise
        return cls(nodes, file.subnet)

    @classmethod
    def reachable(cls, file: NodesFile | None) -> tuple[Self, InfrastructureError | None]:
        """Connect to those that answer, of one swarm or not, and return the first error, if any."""
        nodes: list[Node] = []
        failed = None
        for table in (_this_machine(),) if file is None else file.nodes:
            try:
                nodes.append(_connected(table))
            except InfrastructureError as error:
                failed = failed or error
        return cls(nodes, None if file is None else file.subnet), failed

    @property
    def builder(self) -> Engine:
        """Return the engine that builds and fetches images for all."""
        return self.nodes[0].engine

    @property
    def engines(self) -> list[Engine]:
        """Return every engine."""
        return [node.engine for node in self.nodes]

    @property
    def is_named(self) -> bool:
        """Return True if a file names the nodes."""
        return self._subnet is not None

    def node(self, name: str) -> Node:
        """Return a node by its name."""
        return next(node for node in self.nodes if node.name == name)

    def facts(self) -> dict[str, Any]:
        """Return, as JSON, what a campaign records: of this machine's engine, or of each node."""
        if not self.is_named:
            return self.builder.facts()
        return {"nodes": {node.name: node.facts() for node in self.nodes}}

    def place(self, topology: Topology) -> Placement:
        """Return the node of every replica (UsageError: one that no node can take)."""
        return place(topology, [node.place for node in self.nodes])

    @contextmanager
    def network(self, name: str, labels: Mapping[str, str]) -> Iterator[Network]:
        """Hold addresses for a network of one engine, which Compose makes after this block.

        A network of several engines is made here.
        """
        if len(self.nodes) > 1:
            assert self._subnet is not None  # noqa: S101 - only a file names several
            manager = next(node for node in self.nodes if node.is_manager)
            manager.engine.make_overlay(name, self._subnet, labels)
            yield Network({"external": True, "name": name}, self._subnet)
            return
        with self.builder.held_subnet(labels, f"{name}-subnet") as subnet:
            ranges = {"config": [{"subnet": subnet}]}
            yield Network({"name": name, "labels": dict(labels), "ipam": ranges}, subnet)

    def close(self) -> None:
        """Close every connection."""
        for engine in self.engines:
            engine.close()


def _this_machine() -> NodeTable:
    return NodeTable(name=_ALONE, engine=chosen_address().url)


def _connected(table: NodeTable) -> Node:
    try:
        return Node(table)
    except InfrastructureError as error:
        raise InfrastructureError(
            f"node {table.name} ({table.engine}): {error.message}", error.hint
        ) from error


def check_alike(nodes: Sequence[Node]) -> None:
    """Raise InfrastructureError for an engine that cannot run the images of the first."""
    first = nodes[0]
    for node in nodes:
        for key, what in (("OSType", "runs on"), ("Architecture", "has processors of")):
            if node.info[key] != first.info[key]:
                raise InfrastructureError(
                    f"{node.name} {what} {node.info[key]}, {first.name} {what} {first.info[key]}",
                    "images are built once: take nodes of one kind",
                )


def check_swarm(nodes: Sequence[Node]) -> None:
    """Raise InfrastructureError if several nodes are not one swarm with a manager among them.

    An engine that bears two names shows by its id in the swarm: its own may be that of its machine.
    """
    if len(nodes) == 1:
        return
    for node in nodes:
        state = node.info["Swarm"].get("LocalNodeState", "inactive")
        if state != "active":
            raise InfrastructureError(f"{node.name} is in no swarm (its state: {state})", _SWARM)
    manager = next((node for node in nodes if node.is_manager), None)
    if manager is None:
        names = ", ".join(node.name for node in nodes)
        raise InfrastructureError(
            f"none of {names} manages the swarm", "name a manager of it as well"
        )
    members = manager.engine.swarm_members()
    known: dict[str, str] = {}
    for node in nodes:
        identity = str(node.info["Swarm"]["NodeID"])
        if identity not in members:
            raise InfrastructureError(
                f"{node.name} is in another swarm than {manager.name}", _SWARM
            )
        other = known.setdefault(identity, node.name)
        if other != node.name:
            raise InfrastructureError(
                f"{other} and {node.name} are one engine", "name every engine once"
            )
