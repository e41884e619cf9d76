"""Where each replica listens on this machine, in place of the names of a container network.

Every container port of every replica gets a free port of the loopback. All are drawn at once and
held until shortly before their server starts, so no two are alike.
"""

import re
import socket
from collections.abc import Mapping

from harness.errors import UsageError
from harness.runtimes.ports import LOOPBACK, container_ports, hold_for
from harness.topology import Service, Topology, peers, port_beside

_OWN_PORT = "PORT"


class AddressBook:
    """The addresses of all replicas of a topology."""

    def __init__(self, topology: Topology) -> None:
        self._services = topology.services
        self._file = topology.path.name
        self._ports: dict[tuple[str, int, int], int] = {}
        self._held: dict[int, socket.socket] = {}
        self._peer = peers(topology.services)
        self._own = re.compile(r"(?<![\w.-])(0\.0\.0\.0|127\.0\.0\.1|localhost):(\d{1,5})(?!\d)")
        try:
            for service in topology.services.values():
                self._draw(service)
        except BaseException:
            self.release_all()
            raise

    def _draw(self, service: Service) -> None:
        for number in range(1, service.replicas + 1):
            for port in container_ports(service):
                held = hold_for(service, port)
                self._ports[service.name, number, port] = held.getsockname()[1]
                self._held[held.getsockname()[1]] = held

    def release(self, service: str, number: int) -> None:
        """Let go of the ports of a replica: its server is about to listen there."""
        for (name, replica, _), port in self._ports.items():
            if (name, replica) == (service, number) and port in self._held:
                self._held.pop(port).close()

    def release_all(self) -> None:
        """Let go of every port."""
        while self._held:
            self._held.popitem()[1].close()

    def port(self, service: str, number: int, container_port: int | None = None) -> int:
        """Return the port of a replica here; without a container port, its first.

        Raises UsageError if the service does not listen there.
        """
        if container_port is None:
            ports = container_ports(self._services[service])
            if not ports:
                raise UsageError(
                    f"{self._file}: {service} listens at no port", "list it under `expose:`"
                )
            container_port = ports[0]
        found = self._ports.get((service, number, container_port))
        if found is None:
            raise UsageError(
                f"{self._file}: {service}:{container_port}: {service} does not listen there",
                f"list {container_port} under `expose:` of {service}",
            )
        return found

    def addresses(self, service: str, container_port: int) -> list[str]:
        """Return ``127.0.0.1:<port>`` of each replica."""
        return [
            f"{LOOPBACK}:{self.port(service, number, container_port)}"
            for number in range(1, self._services[service].replicas + 1)
        ]

    def peers_in(self, text: str) -> list[tuple[str, int]]:
        """Return every ``<service>:<port>`` that a text names."""
        return [(name, int(port)) for name, port in self._peer.findall(text)]

    def translate(self, text: str, service: str, number: int) -> str:
        """Return a text of a replica with its own and its peers' addresses as they are here.

        A peer with several replicas stands for its first one.
        """
        text = self._peer.sub(lambda match: self.addresses(match[1], int(match[2]))[0], text)
        return self._own.sub(lambda match: self._own_address(match, service, number), text)

    def with_ports(self, settings: Mapping[str, str], service: str, number: int) -> dict[str, str]:
        """Return settings of a replica in which ports that stand alone are those here.

        They are its own, as PORT, and those of peers, as DB_PORT beside DB_HOST. Raises UsageError
        for a peer whose port is not beside it: none has its own port here.
        """
        found = dict(settings)
        own = settings.get(_OWN_PORT, "")
        if own.isdecimal() and (service, number, int(own)) in self._ports:
            found[_OWN_PORT] = str(self.port(service, number, int(own)))
        for key, host in settings.items():
            beside = port_beside(key)
            if beside is None or host not in self._services:
                continue
            port = settings.get(beside, "")
            if not port.isdecimal():
                raise UsageError(
                    f"{self._file}: {service}.environment.{key}: {host} has another port on this "
                    f"runtime than in its container, and no {beside} says which is meant",
                    f"state {beside}, or write host and port as one setting, {host}:PORT",
                )
            found |= {key: LOOPBACK, beside: str(self.port(host, 1, int(port)))}
        return found

    def _own_address(self, match: re.Match[str], service: str, number: int) -> str:
        port = self._ports.get((service, number, int(match[2])))
        return match[0] if port is None else f"{LOOPBACK}:{port}"
