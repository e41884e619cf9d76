"""One replica of a service, over all its starts, whatever it runs in."""

from abc import ABC, abstractmethod
from signal import Signals

from harness.topology import Service


class Replica(ABC):
    """What a deployment does with a replica."""

    def __init__(self, service: Service, number: int) -> None:
        self.name = f"{service.name}-{number}"
        self.service = service
        self.number = number

    @abstractmethod
    def start(self) -> None:
        """Start it; folders, port and address are those of the last start."""

    @property
    @abstractmethod
    def is_up(self) -> bool:
        """Return True if its first process runs, or is paused."""

    @abstractmethod
    def exit_code(self) -> int | None:
        """Return how its first process ended, or None if it is up or was never started."""

    @abstractmethod
    def how_it_ended(self) -> str:
        """Return how it ended, in words."""

    @abstractmethod
    def last_lines(self) -> str:
        """Return the last lines that it printed, indented."""

    @abstractmethod
    def is_healthy(self) -> bool:
        """Ask what its health check asks; without one, it is healthy if it is up."""

    @abstractmethod
    def signal(self, sig: Signals) -> None:
        """Send a signal; kill, stop and continue reach every process."""

    @abstractmethod
    def signal_process(self, pid: int, sig: Signals) -> None:
        """Send a signal to one of its processes (InfrastructureError: it has no such one)."""

    @abstractmethod
    def stop(self) -> bool:
        """Ask it to stop, kill it after its grace, and return True if it ended by itself."""

    @abstractmethod
    def partition(self) -> None:
        """Take it off its network (UsageError: it has none of its own)."""

    @abstractmethod
    def heal(self) -> None:
        """Put it back on its network, at the address that it had."""

    @abstractmethod
    def wipe(self) -> None:
        """Delete its data (UsageError: it has none)."""

    @abstractmethod
    def save_data(self) -> None:
        """Copy its data, in place of an earlier copy (UsageError: none; InfrastructureError)."""

    @abstractmethod
    def restore_data(self) -> None:
        """Put the copy in place of its data (UsageError: none; InfrastructureError: no copy)."""
