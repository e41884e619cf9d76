"""The processes of a load that run on other machines: how many, and where they connect to."""

from dataclasses import dataclass
from typing import Final

PORT: Final = 5557
"""Where they connect to if nothing else is said: Locust's own port."""
MESSAGE: Final = "harness"
"""The type of our messages among Locust's own; what they say is their ``event``."""
NO_MASTER: Final = 3
"""The exit code of a worker that has found no master for five minutes."""
LOAD_FAILED: Final = 4
"""The exit code of a worker whose load was not played to its end."""
CANNOT_LISTEN: Final = 3
"""The exit code of a master that cannot listen at its address."""
WORKERS_FILE: Final = "workers.json"
"""Who they were, and how well their clocks are known: a file beside the logs of the load."""


@dataclass(frozen=True, slots=True)
class LoadWorkers:
    """So many processes of a load, the last ones, connect to this machine; None: all of them."""

    host: str
    port: int = PORT
    count: int | None = None

    def of(self, processes: int) -> int:
        """Return how many of the processes of a load they are."""
        return processes if self.count is None else self.count
