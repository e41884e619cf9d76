"""A typed client of the Docker engine of this machine; its errors say what to do.

Only this module imports the `docker` library. API reference: https://docs.docker.com/engine/api/
"""

import io
import os
import socket
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import docker
import requests
from docker.context import ContextAPI
from docker.errors import APIError, DockerException, NotFound

from harness.errors import InfrastructureError
from harness.runtimes.docker.docker_errors import docker_error

OLDEST_API = (1, 41)
"""The version of Docker 20.10, the first whose statistics can be asked for once."""

_ANSWER_LIMIT_S = 60
_POLL_S = 0.03
_LOCAL = "unix://"
_CONNECTIONS = 32

Result = TypeVar("Result")
One = TypeVar("One")


class Engine:
    """A connection to the engine; safe to use from several threads."""

    def __init__(self) -> None:
        self._host = _host()
        if not self._host.startswith(_LOCAL):
            raise InfrastructureError(
                f"the Docker engine is at {self._host}, not on this machine",
                "the load and the shop share a machine: unset DOCKER_HOST, or choose the context "
                "of the local engine with `docker context use default`",
            )
        self._api = self._connected()

    def _connected(self) -> Any:
        # asked first by ourselves: the library leaves a socket open that could not be connected
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(self._host.removeprefix(_LOCAL))
            except OSError as error:
                raise docker_error(
                    repr(error), f"cannot reach the engine at {self._host}"
                ) from error
        try:
            api = docker.APIClient(
                base_url=self._host,
                version=".".join(map(str, OLDEST_API)),
                timeout=_ANSWER_LIMIT_S,
                max_pool_size=_CONNECTIONS,
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

    def facts(self) -> dict[str, Any]:
        """Return the engine's versions and drivers, as JSON."""
        info = self._asking(self._api.info)
        return {
            "engine": self.version["Version"],
            "api": self.version["ApiVersion"],
            "cgroup": int(info.get("CgroupVersion", 1)),
            "storage": info["Driver"],
        }

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

    def write_file(self, container: str, path: str, content: str) -> None:
        """Write a file that everybody in the container may read, with the folders above it."""
        data = content.encode()
        entry = tarfile.TarInfo(path.lstrip("/"))
        entry.size, entry.mode = len(data), 0o444
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            archive.addfile(entry, io.BytesIO(data))
        self._asking(lambda: self._api.put_archive(container, "/", packed.getvalue()))

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
        """Return the networks that have a label."""
        return list(self._asking(lambda: self._api.networks(filters={"label": label})))

    def volumes(self, label: str) -> list[dict[str, Any]]:
        """Return the volumes that have a label."""
        return self._asking(lambda: self._api.volumes(filters={"label": label}))["Volumes"] or []

    def remove_container(self, container: str) -> None:
        """End a container and remove it with its anonymous volumes; one that is gone is fine."""
        self._gone(lambda: self._api.remove_container(container, v=True, force=True))

    def remove_network(self, network: str) -> None:
        """Remove a network; one that is gone is fine."""
        self._gone(lambda: self._api.remove_network(network))

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


def _host() -> str:
    """Return where the command line would find the engine: DOCKER_HOST, or the context in use."""
    stated = os.environ.get("DOCKER_HOST")
    if stated:
        return stated
    context = ContextAPI.get_context(os.environ.get("DOCKER_CONTEXT"))
    return str(context.Host) if context else f"{_LOCAL}/var/run/docker.sock"
