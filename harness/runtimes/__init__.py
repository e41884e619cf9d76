"""What brings a topology up: `local`, processes of this machine; `docker`, containers."""

from harness.errors import UsageError
from harness.runtimes.kept import Addresses, Announcement, Kept, kept
from harness.runtimes.local import LocalRuntime
from harness.runtimes.lock import beside_no_measurement, measuring
from harness.runtimes.protocol import Deployment, OnProgress, Runtime, Usage
from harness.runtimes.state import Leftover, clean, leftovers

__all__ = [
    "RUNTIMES",
    "Addresses",
    "Announcement",
    "Deployment",
    "Kept",
    "Leftover",
    "LocalRuntime",
    "OnProgress",
    "Runtime",
    "Usage",
    "beside_no_measurement",
    "clean",
    "kept",
    "leftovers",
    "measuring",
    "runtime_named",
]

RUNTIMES = ("local", "docker")


def runtime_named(name: str) -> Runtime:
    """Return the runtime of a name (UsageError: there is none)."""
    if name == "local":
        return LocalRuntime()
    if name == "docker":
        raise UsageError("the docker runtime is not there yet", "use --runtime local")
    raise UsageError(f"there is no runtime named {name!r}", f"known: {', '.join(RUNTIMES)}")
