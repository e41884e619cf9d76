"""A replica that somebody else keeps up: what is done to it is done by commands of its owner's.

It is marked as hit before the command that hits it, which may do half of it and fail; whatever is
still marked when the measurement is over is undone then (`undo_all`).
"""

import threading
from collections.abc import Callable
from signal import SIGCONT, SIGKILL, SIGSTOP, Signals

from harness.errors import HarnessError, InfrastructureError, UsageError
from harness.runtimes.attached.endpoints import FaultCommands
from harness.runtimes.owner_commands import run_owner_command
from harness.runtimes.replica import Replica
from harness.topology import Service

_BY_SIGNAL = {SIGKILL: "kill", SIGSTOP: "pause"}
_UNDOES = {"pause": "resume", "partition": "heal", "kill": "start", "stop": "start"}
"""What undoes a hit, in the order in which hits are undone: what is paused can do nothing else."""


class AttachedReplica(Replica):
    """What a deployment does with a replica, as far as there are commands for it."""

    def __init__(
        self, service: Service, number: int, commands: FaultCommands, probe: Callable[[], bool]
    ) -> None:
        super().__init__(service, number)
        self._commands = commands
        self._probe = probe
        self._marks: set[str] = set()
        """What still has to be undone, by the command that does it."""
        self._is_over = False
        self._acting = threading.Lock()

    def start(self) -> None:
        """Start it; without a command, whoever keeps it up does so by himself."""
        self._undo("start")

    @property
    def is_up(self) -> bool:
        """Return True unless a fault of ours has ended it, or may have."""
        return "start" not in self._marks

    def exit_code(self) -> int | None:
        """Return None: nobody can be asked how it ended."""
        return None

    def how_it_ended(self) -> str:
        """Return that it is not known."""
        return "an end that is not known"

    def last_lines(self) -> str:
        """Return that no log is read."""
        return "  (its log is not read)"

    def is_healthy(self) -> bool:
        """Ask what the endpoints name for it."""
        return self._probe()

    def signal(self, sig: Signals) -> None:
        """Run the command that stands for a signal."""
        if sig == SIGCONT:
            self._undo("resume")
        else:
            self._hit(_BY_SIGNAL[sig])

    def signal_process(self, pid: int, sig: Signals) -> None:
        """Refuse: its processes are not ours (UsageError)."""
        raise _cannot("signal a single process of", self.name)

    def stop(self) -> bool:
        """Ask it to stop by the command; whether it did so by itself is not known: True."""
        self._hit("stop")
        return True

    def partition(self) -> None:
        """Take it off its network by the command."""
        self._hit("partition")

    def heal(self) -> None:
        """Put it back by the command."""
        self._undo("heal")

    def wipe(self) -> None:
        """Delete its data by the command."""
        self._hit("wipe")

    def save_data(self) -> None:
        """Refuse: its data is not ours (UsageError)."""
        raise _cannot("copy the data of", self.name)

    def restore_data(self) -> None:
        """Refuse: its data is not ours (UsageError)."""
        raise _cannot("put back the data of", self.name)

    def undo_all(self) -> None:
        """Undo what is still to be undone, after the command that runs now; no other hit follows.

        Raises InfrastructureError, after it has tried all of it, for what could not be undone.
        """
        self._is_over = True
        failed = []
        for key in dict.fromkeys(_UNDOES.values()):
            try:
                self._undo(key)
            except HarnessError as error:
                failed.append(error.message)
        if failed:
            raise InfrastructureError(
                f"{self.name} is left as a fault hit it: {'; '.join(failed)}", "undo it by hand"
            )

    def _hit(self, key: str) -> None:
        with self._acting:
            if self._is_over:
                raise InfrastructureError(f"{self.name}: too late for a fault", "repeat the run")
            if key in _UNDOES:
                self._marks.add(_UNDOES[key])
            self._run(key)

    def _undo(self, key: str) -> None:
        """Run what undoes a hit, unless there was none or it is undone."""
        with self._acting:
            if key not in self._marks:
                return
            if key != "start" or self._commands.start is not None:
                self._run(key)
            self._marks.remove(key)

    def _run(self, key: str) -> None:
        command: str | None = getattr(self._commands, key)
        if command is None:
            raise _cannot(f"{key} (no faults.{key})", self.name)
        filled = command.format(service=self.service.name, replica=self.number)
        run_owner_command(f"faults.{key} of {self.name}", ["/bin/sh", "-c", filled])


def _cannot(what: str, name: str) -> UsageError:
    return UsageError(f"the attached runtime cannot {what} {name}", "leave the fault out")
