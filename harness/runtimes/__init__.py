"""What brings a topology up: `local`, processes of this machine."""

from harness.runtimes.local import LocalRuntime
from harness.runtimes.lock import measuring
from harness.runtimes.protocol import Deployment, OnProgress, Runtime, Usage
from harness.runtimes.state import Leftover, clean, leftovers

__all__ = [
    "Deployment",
    "Leftover",
    "LocalRuntime",
    "OnProgress",
    "Runtime",
    "Usage",
    "clean",
    "leftovers",
    "measuring",
]
