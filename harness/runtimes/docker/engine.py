"""A typed client of a Docker engine; its errors say what to do.

Only this module imports the `docker` library. API reference: https://docs.docker.com/engine/api/
"""

import os
import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import IO, Any, TypeVar

import docker
import requests
from docker.context import ContextAPI
from docker.errors import APIError, DockerException, NotFound

from harness.errors import InfrastructureError
from harness.runtimes.docker.docker_errors import docker_error
from harness.runtimes.docker.engine_address import HERE, SOCKET, EngineAddress
from harness.runtimes.docker.ssh_forwarding import Forwarding

OLDEST_API = (1, 41)
"""The version of Docker 20.10, the first whose statistics can be asked for once."""

_ANSWER_LIMIT_S = 60
_POLL_S = 0.03
_LEAVE_LIMIT_S = 20.0
_IN_USE = re.compile(r"in use by task|has active endpoints")
_CONNECTIONS = 32

Result = TypeVar("Result")
One = TypeVar("One")


class Engine:
    """A connection to the engine at an address; safe to use from several threads."""

    def __init__(self, address: EngineAddress | None = None) -> None:
        """Connect, to the engine of this machine if no other is named (InfrastructureError)."""
        self.address = address or chosen_address()
        self._forwarding: Forwarding | None = None
        if self.address.scheme == "ssh":
            self._forwarding = Forwarding(self.address)
        try:
            self._api = self._connected()
        except BaseException:
            self._hang_up()
            raise

    @property
    def _host(self) -> str:
        """Return the address at which the engine is asked."""
        return f"{HERE}://{self._forwarding.socket}" if self._forwarding else self.address.url

    @property
    def variables(self) -> Mapping[str, str]:
        """Return the variables by which the `docker` command reaches this engine and no other."""
        secured = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(self.address.certificates)}
        return {"DOCKER_HOST": self._host} | (secured if self.address.certificates else {})

    def _connected(self) -> Any:
        if self._host.startswith(f"{HERE}://"):
            self._check_socket()
        try:
            api = docker.APIClient(
                base_url=self._host,
                version=".".join(map(str, OLDEST_API)),
                timeout=_ANSWER_LIMIT_S,
                max_pool_size=_CONNECTIONS,
                tls=self._tls() if self.address.certificates else False,
            )
        except DockerException as error:
            raise docker_error(
                str(error), f"cannot use the Docker engine at {self._host}"
            ) from error
        try:
            version = self._asking(lambda: api.version(api_version=False))
            self._check_age(version)
        except BaseException:
            api.close()
            raise
        self.version: Mapping[str, Any] = version
        return api

    def _check_socket(self) -> None:
        """Connect once: the library leaves a socket open that could not be connected."""
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(self._host.removeprefix(f"{HERE}://"))
            except OSError as error:
                raise docker_error(
                    repr(error), f"cannot reach the engine at {self._host}"
                ) from error

    def _tls(self) -> Any:
        authority, certificate, key = map(str, self.address.files())
        return docker.tls.TLSConfig(client_cert=(certificate, key), ca_cert=authority, verify=True)

    def _check_age(self, version: Mapping[str, Any]) -> None:
        newest = tuple(int(part) for part in str(version["ApiVersion"]).split("."))
        if newest < OLDEST_API:
            raise InfrastructureError(
                f"Docker {version['Version']} is too old: its API is {version['ApiVersion']}, "
                f"and {'.'.join(map(str, OLDEST_API))} is needed",
                "install Docker 20.10 or newer",
            )

    def _asking(self, question: Callable[[], Result], what: str = "") -> Result:
        try:
            return question()
        except (DockerException, requests.RequestException) as error:
            said = error.explanation if isinstance(error, APIError) else None
            fallback = what or f"the Docker engine at {self._host} does not answer"
            raise docker_error(str(said or error), fallback) from error

    def close(self) -> None:
        """Close the connections."""
        self._api.close()
        self._hang_up()

    def _hang_up(self) -> None:
        if self._forwarding is not None:
            self._forwarding.close()

    def info(self) -> dict[str, Any]:
        """Return what the engine says of itself, its machine and its swarm."""
        return dict(self._asking(self._api.info))

    def facts(self) -> dict[str, Any]:
        """Return the engine's versions and drivers, as JSON."""
        info = self.info()
        return {
            "engine": self.version["Version"],
            "api": self.version["ApiVersion"],
            "cgroup": int(info.get("CgroupVersion", 1)),
            "storage": info["Driver"],
        }

    def clock(self) -> tuple[float, float]:
        """Return by how much the engine's clock is ahead of this machine's, and how sure that is.

        Both in s: the true value lies no further from the first than the second says. The engine
        read its clock at some moment between question and answer (Cristian, Distributed Computing
        3, 1989).
        """
        asked_s = time.time()
        read = datetime.fromisoformat(str(self.info()["SystemTime"]))
        answered_s = time.time()
        return read.timestamp() - (asked_s + answered_s) / 2, (answered_s - asked_s) / 2

    def swarm_members(self) -> set[str]:
        """Return the ids of the engines of a swarm that this one manages."""
        return {str(one["ID"]) for one in self._asking(self._api.nodes)}

    def containers(self, label: str) -> list[dict[str, Any]]:
        """Return the containers that have a label, ended ones too, as the engine lists them."""
        listed = self._asking(lambda: self._api.containers(all=True, filters={"label": label}))
        return list(listed)

    def inspect(self, container: str) -> dict[str, Any]:
        """Return all that is known of a container."""
        return dict(self._asking(lambda: self._api.inspect_container(container)))

    def image(self, name: str) -> dict[str, Any] | None:
        """Return what is known of an image, or None if this machine does not have it."""
        try:
            return dict(self._api.inspect_image(name))
        except NotFound:
            return None
        except (DockerException, requests.RequestException) as error:
            raise docker_error(str(error), f"cannot look at the image {name}") from error

    def start(self, container: str, name: str) -> None:
        """Start a container (InfrastructureError: it cannot be started)."""
        self._asking(lambda: self._api.start(container), f"cannot start {name}")

    def kill(self, container: str, signal: str) -> None:
        """Send a signal to the first process of a container; SIGKILL ends all of them."""
        self._asking(lambda: self._api.kill(container, signal))
        if signal == "SIGKILL":
            self._asking(lambda: self._api.wait(container))

    def pause(self, container: str) -> None:
        """Freeze every process of a container."""
        self._asking(lambda: self._api.pause(container))

    def unpause(self, container: str) -> None:
        """Let the processes of a container go on."""
        self._asking(lambda: self._api.unpause(container))

    def stop(self, container: str, grace_s: float) -> None:
        """Send a container its stop signal, and SIGKILL after its grace; return when it ended."""
        self._asking(lambda: self._api.stop(container, timeout=int(grace_s)))

    def logs(self, container: str, tail: int | None = None) -> bytes:
        """Return what a container printed over all its starts, or its last lines."""
        lines = "all" if tail is None else tail
        return bytes(self._asking(lambda: self._api.logs(container, tail=lines)))

    def run_in(self, container: str, argv: Iterable[str], limit_s: float) -> int | None:
        """Run a command in a container, and return its exit code; None if it took too long.

        Raises InfrastructureError if the container does not run, or is paused.
        """
        words = list(argv)
        made = self._asking(lambda: self._api.exec_create(container, words, stdout=False))["Id"]
        self._asking(lambda: self._api.exec_start(made, detach=True))
        deadline_s = time.monotonic() + limit_s
        while time.monotonic() < deadline_s:
            state = self._asking(lambda: self._api.exec_inspect(made))
            if not state["Running"] and state["ExitCode"] is not None:
                return int(state["ExitCode"])
            time.sleep(_POLL_S)
        return None

    def unpack_into(self, container: str, archive: IO[bytes]) -> None:
        """Unpack a tar archive at the root of a container's files."""
        self._asking(lambda: self._api.put_archive(container, "/", archive))

    def copy_image(self, name: str, other: "Engine") -> None:
        """Copy an image, with its name, to another engine (InfrastructureError)."""
        parts = self._asking(lambda: self._api.get_image(name), f"cannot read the image {name}")
        what = f"cannot copy the image {name} to {other.address.url}"
        for said in other._asking(lambda: list(other._api.load_image(parts)), what):
            if "error" in said:
                raise docker_error(str(said["error"]), what)

    def statistics(self, container: str) -> dict[str, Any]:
        """Return what a container uses; {} if it has ended or is gone."""
        try:
            return dict(self._api.stats(container, stream=False, one_shot=True))
        except (DockerException, requests.RequestException):
            return {}

    def processes(self, container: str) -> int:
        """Return how many processes run in a container; none in one that has ended."""
        try:
            return len(self._api.top(container)["Processes"])
        except APIError:
            return 0

    def run_beside(self, container: str, script: str, labels: Mapping[str, str], what: str) -> None:
        """Run a shell script on the volumes of a container, from a container beside it.

        Raises InfrastructureError, with `what` and the script's last lines, if it fails.
        """
        beside = self._asking(
            lambda: self._api.create_container(
                self.inspect(container)["Image"],
                entrypoint=["/bin/sh", "-ec", script],
                command=[],
                user="0",
                labels=dict(labels),
                network_disabled=True,
                host_config=self._api.create_host_config(volumes_from=[container]),
            )
        )["Id"]
        try:
            self._asking(lambda: self._api.start(beside))
            code = self._asking(lambda: self._api.wait(beside))["StatusCode"]
            if code != 0:
                said = self.logs(beside).decode(errors="replace")
                raise InfrastructureError(f"{what}: {said}", "see above")
        finally:
            self.remove_container(beside)

    @contextmanager
    def held_subnet(self, labels: Mapping[str, str], name: str) -> Iterator[str]:
        """Hold a free range of addresses, such as ``172.20.0.0/16``: by a network of that name."""
        made = self._asking(
            lambda: self._api.create_network(name, driver="bridge", labels=dict(labels)),
            "cannot make a network",
        )["Id"]
        try:
            known = self._asking(lambda: self._api.inspect_network(made))
            yield str(known["IPAM"]["Config"][0]["Subnet"])
        finally:
            self.remove_network(made)

    def make_overlay(self, name: str, subnet: str, labels: Mapping[str, str]) -> None:
        """Make a network of the swarm that containers of each of its engines can be put on."""
        ranges = docker.types.IPAMConfig(pool_configs=[docker.types.IPAMPool(subnet=subnet)])
        self._asking(
            lambda: self._api.create_network(
                name, driver="overlay", attachable=True, ipam=ranges, labels=dict(labels)
            ),
            f"cannot make a network with the addresses {subnet}",
        )

    def connect(self, container: str, network: str, address: str, aliases: Iterable[str]) -> None:
        """Put a container on a network, at an address that it keeps over its restarts."""
        names = list(aliases)
        self._asking(
            lambda: self._api.connect_container_to_network(
                container, network, ipv4_address=address, aliases=names
            )
        )

    def disconnect(self, container: str, network: str) -> None:
        """Take a container off a network."""
        self._asking(lambda: self._api.disconnect_container_from_network(container, network))

    def networks(self, label: str) -> list[dict[str, Any]]:
        """Return the networks that have a label, and that this engine may remove.

        Those of a swarm are removed by its managers; a worker's copy goes with its last container.
        """
        listed = self._asking(lambda: self._api.networks(filters={"label": label}))
        is_manager = self.info().get("Swarm", {}).get("ControlAvailable", False)
        return [one for one in listed if is_manager or one["Scope"] != "swarm"]

    def volumes(self, label: str) -> list[dict[str, Any]]:
        """Return the volumes that have a label."""
        return self._asking(lambda: self._api.volumes(filters={"label": label}))["Volumes"] or []

    def remove_container(self, container: str) -> None:
        """End a container and remove it with its anonymous volumes; one that is gone is fine."""
        self._gone(lambda: self._api.remove_container(container, v=True, force=True))

    def remove_network(self, network: str) -> None:
        """Remove a network; one that is gone is fine.

        The managers of a swarm hear a little later of the last container that left its network.
        """
        deadline_s = time.monotonic() + _LEAVE_LIMIT_S
        while True:
            try:
                return self._gone(lambda: self._api.remove_network(network))
            except InfrastructureError as error:
                if not _IN_USE.search(error.message) or time.monotonic() > deadline_s:
                    raise
            time.sleep(_POLL_S)

    def remove_volume(self, volume: str) -> None:
        """Remove a volume; one that is gone is fine."""
        self._gone(lambda: self._api.remove_volume(volume))

    def _gone(self, remove: Callable[[], object]) -> None:
        try:
            remove()
        except NotFound:
            return
        except APIError as error:
            if "already in progress" in str(error):
                return
            raise docker_error(str(error.explanation), "cannot remove what was made") from error
        except (DockerException, requests.RequestException) as error:
            raise docker_error(str(error), "cannot remove what was made") from error


def in_parallel(action: Callable[[One], Result], things: Iterable[One]) -> list[Result]:
    """Do the same to many things side by side, and return the results in their order."""
    listed = list(things)
    if not listed:
        return []
    with ThreadPoolExecutor(min(len(listed), _CONNECTIONS), thread_name_prefix="docker") as pool:
        return list(pool.map(action, listed))


def chosen_address() -> EngineAddress:
    """Return where the command line would find the engine: DOCKER_HOST, or the context in use.

    Raises InfrastructureError if that is on another machine.
    """
    url = _chosen()
    if not url.startswith(f"{HERE}://"):
        raise InfrastructureError(
            f"the Docker engine is at {url}, not on this machine",
            "unset DOCKER_HOST, or choose the context of the local engine with `docker context use "
            "default`; engines of other machines are named in a file: --nodes",
        )
    return EngineAddress(url)


def _chosen() -> str:
    stated = os.environ.get("DOCKER_HOST")
    if stated:
        return stated
    context = ContextAPI.get_context(os.environ.get("DOCKER_CONTEXT"))
    return str(context.Host) if context else f"{HERE}://{SOCKET}"
