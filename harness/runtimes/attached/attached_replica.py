"""A replica that somebody else keeps up: what is done to it is done by commands of its owner's."""

import subprocess
from collections.abc import Callable
from signal import SIGCONT, SIGKILL, SIGSTOP, Signals

from harness.errors import InfrastructureError, UsageError
from harness.runtimes.attached.endpoints import FaultCommands
from harness.runtimes.replica import Replica
from harness.topology import Service

COMMAND_LIMIT_S = 60.0
_BY_SIGNAL = {SIGKILL: "kill", SIGSTOP: "pause", SIGCONT: "resume"}


def run_command(what: str, command: str, environment: dict[str, str] | None = None) -> None:
    """Run a command of the user's in a shell (InfrastructureError, with its last words)."""
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=COMMAND_LIMIT_S,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        raise InfrastructureError(
            f"{what} did not end within {COMMAND_LIMIT_S:g} s", "try the command by hand"
        ) from None
    if done.returncode != 0:
        words = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
        raise InfrastructureError(
            f"{what} ended with exit code {done.returncode}: {words}", "try the command by hand"
        )


class AttachedReplica(Replica):
    """What a deployment does with a replica, as far as there are commands for it."""

    def __init__(
        self, service: Service, number: int, commands: FaultCommands, probe: Callable[[], bool]
    ) -> None:
        super().__init__(service, number)
        self._commands = commands
        self._probe = probe
        self._is_up = True

    def start(self) -> None:
        """Start it; without a command, whoever keeps it up does so by himself."""
        if self._commands.start is not None:
            self._run("start")
        self._is_up = True

    @property
    def is_up(self) -> bool:
        """Return True unless a fault of ours has ended it."""
        return self._is_up

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
        self._run(_BY_SIGNAL[sig])
        if sig == SIGKILL:
            self._is_up = False

    def signal_process(self, pid: int, sig: Signals) -> None:
        """Refuse: its processes are not ours (UsageError)."""
        raise _cannot("signal a single process of", self.name)

    def stop(self) -> bool:
        """Ask it to stop by the command; whether it did so by itself is not known: True."""
        self._run("stop")
        self._is_up = False
        return True

    def partition(self) -> None:
        """Take it off its network by the command."""
        self._run("partition")

    def heal(self) -> None:
        """Put it back by the command."""
        self._run("heal")

    def wipe(self) -> None:
        """Delete its data by the command."""
        self._run("wipe")

    def save_data(self) -> None:
        """Refuse: its data is not ours (UsageError)."""
        raise _cannot("copy the data of", self.name)

    def restore_data(self) -> None:
        """Refuse: its data is not ours (UsageError)."""
        raise _cannot("put back the data of", self.name)

    def _run(self, key: str) -> None:
        command: str | None = getattr(self._commands, key)
        if command is None:
            raise _cannot(f"{key} (no faults.{key})", self.name)
        filled = command.format(service=self.service.name, replica=self.number)
        run_command(f"faults.{key} of {self.name}", filled)


def _cannot(what: str, name: str) -> UsageError:
    return UsageError(f"the attached runtime cannot {what} {name}", "leave the fault out")
