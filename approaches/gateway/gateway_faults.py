"""Faults on request: what a payment provider that is in trouble does, for a while.

`unavailable` answers 503 and executes nothing. `hang` takes a charge and holds it until the fault
is over: a client times out while its charge may still be made, the case that makes the outcome
unknown. `slow` multiplies the latencies.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Literal

FaultKind = Literal["unavailable", "hang", "slow"]
LONGEST_S = 3600.0
LARGEST_FACTOR = 100.0


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that lasts `for_s` seconds; `factor` is for slow."""

    kind: FaultKind
    for_s: float
    factor: float = 1.0


class Faults:
    """The fault in force, at most one."""

    def __init__(self) -> None:
        self._fault: Fault | None = None
        self._until_s = 0.0
        self._over = asyncio.Event()

    def begin(self, fault: Fault) -> None:
        """Put a fault in force in place of the present one."""
        self.end()
        self._fault = fault
        self._until_s = time.monotonic() + fault.for_s
        self._over = asyncio.Event()

    def end(self) -> None:
        """End the fault; what it held goes on."""
        self._fault = None
        self._over.set()

    def present(self) -> Fault | None:
        """Return the fault in force."""
        return self._fault if time.monotonic() < self._until_s else None

    async def hold(self) -> None:
        """Wait while a `hang` is in force."""
        while (fault := self.present()) is not None and fault.kind == "hang":
            over = self._over
            try:
                async with asyncio.timeout(self._until_s - time.monotonic()):
                    await over.wait()
            except TimeoutError:
                continue
