"""One replica: a process that can be started, signalled, measured, and started again."""

import signal
import subprocess
import threading
from pathlib import Path
from signal import Signals

from harness.errors import InfrastructureError
from harness.runtimes.local.launch import Launch, Probe, Site, ending, popen
from harness.runtimes.processes import (
    CLOCK_TICKS_PER_S,
    ProcessTable,
    kill_hard,
    read_stat,
    send,
    wait_gone,
)
from harness.runtimes.state import Started
from harness.topology import Service

_WHOLE_CONTAINER = (signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT)
"""Signals that Docker (kill, pause, unpause) brings to every process of a container."""

_ENDS_NOTHING = (signal.SIGSTOP, signal.SIGCONT, signal.SIGUSR1, signal.SIGUSR2)
_END_LIMIT_S = 5.0


class Replica:
    """A replica of a service, and its processes over all its starts."""

    def __init__(self, site: Site, service: Service, number: int, launch: Launch) -> None:
        self.name = f"{service.name}-{number}"
        self.service = service
        self.number = number
        self.launch = launch
        self.health: Probe | None = None
        self.log: Path = site.log(service, number)
        self._site = site
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False
        self._retired_cpu_s = 0.0
        self._seen_cpu_s = 0.0
        self._lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """Return the id of the first process, or None if it does not run."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        """Return how the first process ended, or None if it runs or was never started."""
        return self._process.poll() if self._process is not None else None

    def how_it_ended(self) -> str:
        """Return how the replica ended, in words."""
        code = self.exit_code
        return f"{self.name} ended with {'nothing to say' if code is None else ending(code)}"

    def died(self) -> bool:
        """Say whether the replica ended although nobody asked it to."""
        code = self.exit_code
        job_done = code == 0 and self._site.topology.runs_once(self.service.name)
        return code is not None and not self._stopping and not job_done

    def start(self) -> None:
        """Start the first process; the folders and the port are those of the last start."""
        self._site.addresses.release(self.service.name, self.number)
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

    def ask_to_stop(self) -> None:
        """Send the signal that asks the replica to stop."""
        self.signal(self.launch.stop_signal)

    def wait_stopped(self, limit_s: float) -> bool:
        """Wait until the first process has ended, and end what it leaves behind.

        Returns True if it ended by itself within the limit.
        """
        pid = self.pid
        if pid is None:
            return True
        family = [stat.pid for stat in ProcessTable().family(pid)]
        remaining = wait_gone([pid], limit_s)
        kill_hard(family)
        self._reap()
        return not remaining

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
