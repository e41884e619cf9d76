"""What every fault action has: it is prepared, injected, undone, and recovered from."""

from collections.abc import Mapping
from typing import Any


class FaultAction:
    """A fault in terms of the deployment; what an action has no need of does nothing.

    What was injected half (one replica of three had ended already) is undone as far as it came.
    """

    def prepare(self) -> None:
        """Do what must be done before the moment of the fault, `Fault.lead_s` before it."""

    def inject(self) -> None:
        """Break what is to be broken."""

    def undo(self) -> None:
        """Stop breaking it; what was paused goes on."""

    def recover(self) -> None:
        """Wait until all that was hit is healthy; what was ended is started again."""

    def facts(self) -> Mapping[str, Any]:
        """Return, as JSON, what the record of the fault says of it beyond its plan and times."""
        return {}
