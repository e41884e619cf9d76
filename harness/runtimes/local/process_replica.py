"""One replica: a process that can be started, signalled, measured, and started again."""

import shutil
import signal
import subprocess
import threading
from pathlib import Path
from signal import Signals

from typing_extensions import override

from harness.errors import InfrastructureError, UsageError
from harness.host import child_processes
from harness.runtimes.local.launch import (
    PROBE_LIMIT_S,
    Launch,
    Probe,
    Site,
    ending,
    popen,
    tail,
)
from harness.runtimes.processes import (
    CLOCK_TICKS_PER_S,
    ProcessTable,
    kill_hard,
    read_stat,
    send,
    wait_gone,
)
from harness.runtimes.replica import Replica
from harness.runtimes.state import Started
from harness.topology import Service

_WHOLE_CONTAINER = (signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT)
"""Signals that Docker (kill, pause, unpause) brings to every process of a container."""

_ENDS_NOTHING = (signal.SIGSTOP, signal.SIGCONT, signal.SIGUSR1, signal.SIGUSR2)
_END_LIMIT_S = 5.0


def no_networks(what: str) -> UsageError:
    """Return the error that nothing can be taken off a network here."""
    return UsageError(
        f"{what} cannot be cut off: processes of one machine have no network of their own",
        "use --runtime docker, or kill, stop or pause it",
    )


class ProcessReplica(Replica):
    """A replica of a service, and its processes over all its starts."""

    def __init__(
        self, site: Site, service: Service, number: int, launch: Launch, probe: Probe | None
    ) -> None:
        super().__init__(service, number)
        self.launch = launch
        self.log: Path = site.log(service, number)
        self._site = site
        self._probe = probe
        self._is_job = site.topology.runs_once(service.name)
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False
        self._retired_cpu_s = 0.0
        self._seen_cpu_s = 0.0
        self._lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """Return the id of the first process, or None if it does not run."""
        process = self._process
        if process is None or child_processes.exit_code(process) is not None:
            return None
        return process.pid

    @property
    @override
    def is_up(self) -> bool:
        return self.pid is not None

    @override
    def exit_code(self) -> int | None:
        return child_processes.exit_code(self._process) if self._process is not None else None

    @override
    def how_it_ended(self) -> str:
        code = self.exit_code()
        return "nothing to say" if code is None else ending(code)

    @override
    def last_lines(self) -> str:
        return tail(self.log)

    @override
    def is_healthy(self) -> bool:
        return self._probe is None or self._probe(PROBE_LIMIT_S)

    def died(self) -> bool:
        """Return True if the replica ended although nobody asked it to."""
        return self.exit_code() is not None and not self._stopping and not self._is_job

    @override
    def start(self) -> None:
        self._site.addresses.release(self.service.name, self.number)
        self._reap()
        with self._lock:
            self._retired_cpu_s += self._seen_cpu_s
            self._seen_cpu_s = 0.0
            launch = self.launch
            self._process = popen(
                launch.argv, launch.environment, launch.cwd, self.log, launch.account
            )
            self._stopping = False  # only now: until here the end of the last start was asked for
        stat = read_stat(self._process.pid)
        self._site.state.started(
            Started(
                name=self.name,
                pid=self._process.pid,
                start_ticks=stat.start_ticks if stat else 0,
                stop_signal=launch.stop_signal.name,
            )
        )

    @override
    def signal(self, sig: Signals) -> None:
        """Send a signal as Docker does: most to the first process, SIGKILL to all of them."""
        pid = self.pid
        if pid is None:
            return
        self._stopping = self._stopping or sig not in _ENDS_NOTHING
        if sig not in _WHOLE_CONTAINER:
            send([pid], sig)
            return
        family = [stat.pid for stat in ProcessTable().family(pid)]
        if sig is not signal.SIGKILL:
            send(family, sig)
            return
        self.cpu_s(ProcessTable())
        kill_hard(family)
        self._reap()

    @override
    def signal_process(self, pid: int, sig: Signals) -> None:
        """Send a signal to one of the replica's processes; wait for its end after SIGKILL.

        Raises InfrastructureError if the process is none of them.
        """
        first = self.pid
        family = ProcessTable().family(first) if first is not None else []
        if pid not in (stat.pid for stat in family):
            raise InfrastructureError(
                f"process {pid} does not belong to {self.name}", "it may have ended meanwhile"
            )
        send([pid], sig)
        if sig is signal.SIGKILL:
            wait_gone([pid], _END_LIMIT_S)

    @override
    def stop(self) -> bool:
        self.ask_to_stop()
        return self.wait_stopped(self.service.stop_grace_period_s)

    def ask_to_stop(self) -> None:
        """Send the signal that asks the replica to stop."""
        self.signal(self.launch.stop_signal)

    def wait_stopped(self, limit_s: float) -> bool:
        """Wait until the first process has ended, and end what it leaves behind.

        Returns True if it ended by itself within the limit.
        """
        pid = self.pid
        if pid is None:
            self._reap()
            return True
        family = [stat.pid for stat in ProcessTable().family(pid)]
        remaining = wait_gone([pid], limit_s)
        kill_hard(family)
        self._reap()
        return not remaining

    @override
    def partition(self) -> None:
        raise no_networks(self.name)

    @override
    def heal(self) -> None:
        raise no_networks(self.name)

    @override
    def wipe(self) -> None:
        shutil.rmtree(self._data())

    @override
    def save_data(self) -> None:
        data, copy = self._data(), self._copy()
        shutil.rmtree(copy, ignore_errors=True)
        try:
            shutil.copytree(data, copy)
        except (OSError, shutil.Error) as error:
            raise InfrastructureError(
                f"the data of {self.name} cannot be copied: {error}", "it may have been rewritten"
            ) from error

    @override
    def restore_data(self) -> None:
        data, copy = self._data(), self._copy()
        if not copy.is_dir():
            raise InfrastructureError(f"the data of {self.name} was never copied", "copy it first")
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(copy, data)

    def _copy(self) -> Path:
        return self._site.state.path / "copies" / self.name

    def _data(self) -> Path:
        if self.launch.data is None:
            raise UsageError(f"{self.name} has no data", "choose a store")
        return self.launch.data

    def _reap(self) -> None:
        if self._process is not None:
            self._process.wait()

    def cpu_s(self, table: ProcessTable) -> float:
        """Return the CPU seconds of all starts so far, which never go back.

        A child that ended is in its parent's account; one whose parent does not collect it (or did
        not yet, in this snapshot) would be lost, hence the maximum.
        """
        pid = self.pid
        with self._lock:
            if pid is not None:
                ticks = sum(stat.cpu_ticks + stat.reaped_ticks for stat in table.family(pid))
                self._seen_cpu_s = max(self._seen_cpu_s, ticks / CLOCK_TICKS_PER_S)
            return self._retired_cpu_s + self._seen_cpu_s
