"""One replica: a container that can be started, ended, partitioned, and asked for its health."""

from collections.abc import Mapping
from dataclasses import dataclass
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGUSR1, SIGUSR2, Signals
from typing import Any

from typing_extensions import override

from harness.errors import InfrastructureError, UsageError
from harness.runtimes.docker.docker_errors import indented
from harness.runtimes.docker.node import Node
from harness.runtimes.docker.project_files import packed
from harness.runtimes.replica import Replica
from harness.topology import Service

RUNNING = ("running", "paused")
"""The states of a container whose processes are there."""

_ENDS_NOTHING = (SIGUSR1, SIGUSR2)
_LAST_LINES = 20
_EXEC_LIMIT_S = 10.0
_COPY = ".flashsale-copy"
_COPY_LIMIT_S = 30.0
_KILLED = 128 + SIGKILL
"""The exit code of a container that did not end within its grace."""


@dataclass(frozen=True, slots=True)
class NetworkEndpoint:
    """Where a replica is on the deployment's network, whatever happens to it."""

    network: str
    address: str
    aliases: tuple[str, ...]


class ContainerReplica(Replica):
    """A replica of a service, and its container."""

    def __init__(
        self,
        node: Node,
        service: Service,
        number: int,
        container: str,
        endpoint: NetworkEndpoint,
        labels: Mapping[str, str],
    ) -> None:
        super().__init__(service, number)
        self.id = container
        self.is_job = False
        self.should_run = False
        self.node = node
        self._engine = node.engine
        self._endpoint = endpoint
        self._labels = labels

    def prepare(self) -> None:
        """Give the container its files and its address, before it starts.

        Compose writes configs when it starts a container, which is not how ours are started;
        without `heal`, the address is whichever is free by then.
        """
        with packed(self.service) as archive:
            if archive is not None:
                self._engine.unpack_into(self.id, archive)
        self.partition()
        self.heal()

    @override
    def start(self) -> None:
        self._engine.start(self.id, self.name)
        self.should_run = not self.is_job  # a job ends

    @override
    def signal(self, sig: Signals) -> None:
        if sig is SIGSTOP:
            self._engine.pause(self.id)
        elif sig is SIGCONT:
            self._engine.unpause(self.id)
        else:
            self.should_run = self.should_run and sig in _ENDS_NOTHING
            self._engine.kill(self.id, sig.name)

    @override
    def signal_process(self, pid: int, sig: Signals) -> None:
        name = sig.name.removeprefix("SIG")
        words = ("/bin/sh", "-c", 'kill -s "$1" "$2"', "sh", name, str(pid))
        if self._engine.run_in(self.id, words, _EXEC_LIMIT_S) != 0:
            raise InfrastructureError(
                f"process {pid} of {self.name} cannot be signalled", "it may have ended meanwhile"
            )

    @override
    def stop(self) -> bool:
        self.should_run = False
        self._engine.stop(self.id, self.service.stop_grace_period_s)
        return self.exit_code() != _KILLED

    @override
    def partition(self) -> None:
        self._engine.disconnect(self.id, self._endpoint.network)

    @override
    def heal(self) -> None:
        there = self._endpoint
        self._engine.connect(self.id, there.network, there.address, there.aliases)

    @override
    def wipe(self) -> None:
        script = "".join(f"find {folder} -mindepth 1 -delete;" for folder in self._volumes())
        self._engine.run_beside(self.id, script, self._labels, "the data could not be deleted")

    @override
    def save_data(self) -> None:
        """Copy what is in the container's volumes, each into a hidden folder of its own.

        It is copied inside the container: a file that grows cannot be fetched as an archive, whose
        header says how long it is.
        """
        script = "".join(
            f"rm -rf {folder}/{_COPY}; mkdir {folder}/{_COPY}; cp -a {folder}/* {folder}/{_COPY}/;"
            for folder in self._volumes()
        )
        if self._engine.run_in(self.id, ("/bin/sh", "-ec", script), _COPY_LIMIT_S) != 0:
            raise InfrastructureError(
                f"the data of {self.name} cannot be copied", "it may have been rewritten"
            )

    @override
    def restore_data(self) -> None:
        script = "".join(
            f"test -d {folder}/{_COPY}; rm -rf {folder}/*; cp -a {folder}/{_COPY}/. {folder}/;"
            for folder in self._volumes()
        )
        self._engine.run_beside(
            self.id, script, self._labels, f"no copy of {self.name} to put back"
        )

    def _volumes(self) -> list[str]:
        """Return the container's folders that are volumes (UsageError: it has none)."""
        mounts = self._engine.inspect(self.id)["Mounts"]
        folders = [mount["Destination"] for mount in mounts if mount["Type"] == "volume"]
        if not folders:
            raise UsageError(f"{self.name} has no data", "choose a store")
        return folders

    @override
    def is_healthy(self) -> bool:
        check = self.service.healthcheck
        if check is None:
            return self.is_up
        words = ("/bin/sh", "-c", check.test[0]) if check.shell else check.test
        try:
            return self._engine.run_in(self.id, words, check.timeout_s) == 0
        except InfrastructureError:
            if self.is_up:
                raise
            return False  # no command can be run in a container that ends just now

    @property
    @override
    def is_up(self) -> bool:
        return self.state()["Status"] in RUNNING

    def state(self) -> Mapping[str, Any]:
        """Return the container's state as the engine has it."""
        state: Mapping[str, Any] = self._engine.inspect(self.id)["State"]
        return state

    @override
    def exit_code(self) -> int | None:
        state = self.state()
        return None if state["Status"] in RUNNING else int(state["ExitCode"])

    @override
    def how_it_ended(self) -> str:
        state = self.state()
        code = int(state["ExitCode"])
        if state["OOMKilled"]:
            return "no memory left within its limit"
        return f"signal {_signal_name(code - 128)}" if code > 128 else f"exit code {code}"

    @override
    def last_lines(self) -> str:
        return indented(self._engine.logs(self.id, _LAST_LINES).decode(errors="replace"))


def _signal_name(number: int) -> str:
    try:
        return Signals(number).name
    except ValueError:
        return str(number)
