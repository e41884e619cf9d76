"""Faults of a simulated run: a window in which nobody answers, or in which orders are held up."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

S = 1_000_000_000
ANSWERING = ("nginx", "api")
"""Services without which no purchase is answered; without the others orders are not settled."""


@dataclass(frozen=True)
class Mishap:
    """One fault; a service is healthy again one second after the fault was undone."""

    kind: str
    service: str | None
    begun_s: float
    ended_s: float
    replica: int | str | None = 1
    factor: float | None = None

    @property
    def begun_ns(self) -> int:
        return int(self.begun_s * S)

    @property
    def healthy_ns(self) -> int:
        return int((self.ended_s + 1) * S)

    def silences(self, now_ns: int) -> bool:
        """Return True if nobody answers at this moment."""
        return self.service in ANSWERING and self.begun_ns <= now_ns < self.healthy_ns

    def settled_from(self, due_ns: int) -> int:
        """Return when an order is settled that is due at this moment."""
        held_up = self.service not in ANSWERING and self.begun_ns <= due_ns < self.healthy_ns
        return self.healthy_ns + (due_ns - self.begun_ns) // 100 if held_up else due_ns


def recorded(mishaps: Iterable[Mishap], lived: Iterable[tuple[int, int | None]]) -> list[Any]:
    """Return what run.json says of faults; `lived` are begin and end of every order."""
    orders = list(lived)
    return [
        {
            "kind": one.kind,
            "service": one.service,
            "replica": one.replica,
            "process": None,
            "for_s": one.ended_s - one.begun_s,
            "factor": one.factor,
            "begun_ns": one.begun_ns,
            "ended_ns": int(one.ended_s * S),
            "healthy_ns": one.healthy_ns,
            "in_flight": sum(
                begun <= one.begun_ns and (end is None or end > one.begun_ns)
                for begun, end in orders
            ),
            "error": None,
        }
        for one in mishaps
    ]
