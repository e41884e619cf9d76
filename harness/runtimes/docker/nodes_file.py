"""The file that says which Docker engines run the shop, and what each of them runs.

    [[nodes]]
    name = "stores"
    engine = "ssh://shop@10.0.0.3"
    services = ["postgres", "redis"]

A service that no node names goes where most processors are left (see `placement`).
"""

import ipaddress
import shlex
from functools import cache
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import Field, field_validator, model_validator

from harness.errors import UsageError
from harness.runtimes.docker.engine_address import EngineAddress
from harness.scenario.schema import SchemaModel, Text, check_names, read_table
from harness.topology import Topology, discover

_HINT = "see docs/scaling-out.md for what such a file says"
_SUBNET: Final = "10.97.0.0/16"
_FEWEST_ADDRESSES = 256

COMMANDS: Final = {"partition": "heal", "stop": "start"}
"""The commands that break a node, each with the one that undoes it."""

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]


class NodeTable(SchemaModel):
    """A machine with a Docker engine."""

    name: Name
    """Lower-case letters, digits and hyphens."""
    engine: Text
    """`unix:///PATH`, `ssh://USER@HOST`, or `tcp://HOST:PORT` with certificates."""
    certificates: Text | None = None
    """The folder of `ca.pem`, `cert.pem` and `key.pem`, counted from the file."""
    address: Text | None = None
    """The IPv4 address at which this machine reaches the node's ports. By default that of HOST."""
    services: Annotated[tuple[Text, ...], Field(strict=False)] = ()
    """What runs here. Replicas of a service that several nodes name are dealt out in turn."""
    partition: Text | None = None
    """A command of this machine that takes the node off the network; `heal` puts it back."""
    heal: Text | None = None
    stop: Text | None = None
    """A command of this machine that stops the node's engine; `start` starts it again."""
    start: Text | None = None

    @field_validator("address")
    @classmethod
    def _is_address(cls, address: str | None) -> str | None:
        return None if address is None else str(ipaddress.IPv4Address(address))

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        try:
            _ = self.address_of_engine
        except ValueError as wrong:
            raise ValueError(f'engine = "{self.engine}": {wrong}') from None
        return self

    @model_validator(mode="after")
    def _undoes_what_it_breaks(self) -> Self:
        for breaks, undoes in COMMANDS.items():
            if (getattr(self, breaks) is None) != (getattr(self, undoes) is None):
                raise ValueError(f"{breaks} and {undoes} are given together, or neither")
        for name in (*COMMANDS, *COMMANDS.values()):
            try:
                shlex.split(getattr(self, name) or "")
            except ValueError as wrong:
                raise ValueError(f"{name} = {getattr(self, name)!r}: {wrong}") from None
        return self

    @property
    def address_of_engine(self) -> EngineAddress:
        """Return where its engine is."""
        certificates = None if self.certificates is None else Path(self.certificates)
        return EngineAddress(self.engine, certificates)

    def check_breakable(self, kind: str) -> None:
        """Raise UsageError if it has no command for a kind of fault, such as ``stop_node``."""
        name = kind.removesuffix("_node")
        if self.command(name) is None:
            raise UsageError(
                f"--nodes: {self.name} has no command by which {kind} could be done",
                f"add `{name}` and `{COMMANDS[name]}` to the node",
            )

    def command(self, name: str) -> list[str] | None:
        """Return the words of one of its commands, or None if it has none."""
        stated: str | None = getattr(self, name)
        return None if stated is None else shlex.split(stated)


class NodesFile(SchemaModel):
    """The nodes of a deployment, and the addresses of the network that joins them."""

    nodes: Annotated[tuple[NodeTable, ...], Field(strict=False, min_length=1)]
    subnet: Text = _SUBNET
    """Addresses for the replicas, which no network of the nodes has."""

    @field_validator("subnet")
    @classmethod
    def _has_enough_addresses(cls, subnet: str) -> str:
        network = ipaddress.IPv4Network(subnet)
        if network.num_addresses < _FEWEST_ADDRESSES:
            raise ValueError(f"must have {_FEWEST_ADDRESSES} addresses or more")
        return str(network)

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        check_names("nodes", self.nodes)
        engines: dict[str, str] = {}
        for node in self.nodes:
            other = engines.setdefault(node.engine, node.name)
            if other != node.name:
                raise ValueError(f"nodes {other} and {node.name} have one engine, {node.engine}")
        return self

    def node(self, name: str) -> NodeTable:
        """Return a node by its name (UsageError: there is none)."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise UsageError(
            f'faults: node = "{name}": the file of --nodes has no such node',
            f"nodes: {', '.join(one.name for one in self.nodes)}",
        )

    def check_services(self, topology: Topology) -> None:
        """Raise UsageError for a service that no approach of the topology's project has."""
        known = _services_in(topology.root) | set(topology.services)
        for number, node in enumerate(self.nodes, start=1):
            for service in node.services:
                if service not in known:
                    raise UsageError(
                        f'--nodes: nodes[{number}].services: "{service}": no approach has such a '
                        "service",
                        f"services: {', '.join(sorted(known))}",
                    )


@cache
def _services_in(root: Path) -> frozenset[str]:
    return frozenset(name for one in discover(root).values() for name in one.services)


def read_nodes(path: Path) -> NodesFile:
    """Read the file, whose paths count from its folder (UsageError names file, key and value)."""
    file = read_table(path, NodesFile, _HINT)
    folder = path.resolve().parent
    nodes = tuple(
        node.model_copy(update={"certificates": str(folder / node.certificates)})
        if node.certificates
        else node
        for node in file.nodes
    )
    return file.model_copy(update={"nodes": nodes})
