"""A machine that runs a part of a deployment: its engine, and how it is broken on purpose."""

import ipaddress
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from harness.errors import InfrastructureError, UsageError
from harness.runtimes.docker.engine import Engine
from harness.runtimes.docker.engine_address import EngineAddress
from harness.runtimes.docker.nodes_file import COMMANDS, NodeTable
from harness.runtimes.docker.placement import Place
from harness.runtimes.owner_commands import run_owner_command

_RETURN_LIMIT_S = 60.0
_POLL_S = 0.25


class Node:
    """A node, for as long as its engine is connected to."""

    def __init__(self, table: NodeTable) -> None:
        """Connect to its engine (InfrastructureError: it does not answer)."""
        self._table = table
        self.name = table.name
        self.engine = Engine(table.address_of_engine)
        self._broken_by: str | None = None
        self._breaking = threading.Lock()
        try:
            self.info: Mapping[str, Any] = self.engine.info()
            self.address = table.address or address_of(self.engine.address)
        except BaseException:
            self.engine.close()
            raise

    @property
    def is_away(self) -> bool:
        """Return True while the node is off the network, or its engine is stopped: on purpose."""
        return self._broken_by is not None

    @property
    def is_manager(self) -> bool:
        """Return True if the engine manages a swarm."""
        return bool(self.info["Swarm"].get("ControlAvailable"))

    @property
    def place(self) -> Place:
        """Return the node as replicas are placed on it."""
        here = self.engine.address.is_here
        return Place(self.name, self._table.services, float(self.info["NCPU"]), here)

    def facts(self) -> dict[str, Any]:
        """Return, as JSON, what a campaign records: what the node is, and what it is to run."""
        return {
            "engine_at": self._table.engine,
            "here": self.engine.address.is_here,
            "address": self.address,
            "services": list(self._table.services),
            "cpus": int(self.info["NCPU"]),
            "memory_bytes": int(self.info["MemTotal"]),
            "kernel": str(self.info["KernelVersion"]),
            **self.engine.facts(),
        }

    def break_by(self, command: str) -> None:
        """Run its command ``partition`` or ``stop`` (InfrastructureError)."""
        with self._breaking:
            self._broken_by = command  # from when it may be so, and even if the command fails
            self._run(command)
            if command == "stop" and self._is_there():
                raise InfrastructureError(
                    f"{self.name} still answers after its `stop`",
                    "let it wait for the engine's end",
                )

    def bring_back(self) -> None:
        """Undo what broke it, and wait until its engine and its swarm are there again.

        Does nothing to a node that is not broken. Raises InfrastructureError if it stays away.
        """
        with self._breaking:
            if self._broken_by is None:
                return
            undoes = COMMANDS[self._broken_by]
            self._run(undoes)
            deadline_s = time.monotonic() + _RETURN_LIMIT_S
            while not self._is_there():
                if time.monotonic() > deadline_s:
                    raise InfrastructureError(
                        f"{self.name} is not back {_RETURN_LIMIT_S:g} s after its `{undoes}`",
                        "see whether the command does what it should",
                    )
                time.sleep(_POLL_S)
            self._broken_by = None

    def _is_there(self) -> bool:
        with suppress(InfrastructureError):
            state = self.engine.info()["Swarm"]["LocalNodeState"]
            return bool(state == self.info["Swarm"]["LocalNodeState"])
        return False

    def _run(self, name: str) -> None:
        words = self._table.command(name)
        if words is None:
            raise UsageError(f"{self.name} has no command `{name}`", "add it to the node")
        run_owner_command(f"{self.name}: its command `{name}`", words)


def address_of(engine: EngineAddress) -> str:
    """Return the IPv4 address of an engine's machine.

    Raises InfrastructureError if it has none, or if it is said to be another and is this one.
    """
    host = engine.host
    try:
        address = socket.gethostbyname(host)
        if not engine.is_here and ipaddress.ip_address(address).is_loopback:
            raise InfrastructureError(
                f"{host} is this machine, whose processors would be counted twice",
                "reach its engine by unix://, or state the `address` of the other machine",
            )
        return address
    except OSError as error:
        raise InfrastructureError(
            f"the name {host} has no address: {error}", "state `address` for the node"
        ) from error
