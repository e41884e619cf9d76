"""How far the monotonic clock of another machine is ahead of ours, and how well that is known.

The exchange is NTP's (RFC 5905, section 8): we ask, the other says what its clock shows, and its
reading lies between our two. Of several exchanges the quickest counts (Cristian, "Probabilistic
Clock Synchronization", 1989): its answer cannot be off by more than half its round trip.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question and its answer: when it was sent and received by our clock; the other's."""

    sent_ns: int
    there_ns: int
    received_ns: int

    @property
    def round_trip_ns(self) -> int:
        """Return how long the answer took."""
        return self.received_ns - self.sent_ns


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """The other clock shows `offset_ns` more than ours, to `error_ns` either way."""

    offset_ns: int
    error_ns: int

    @classmethod
    def of(cls, exchanges: Iterable[Exchange]) -> "ClockOffset":
        """Return what the quickest of some exchanges says."""
        quickest = min(exchanges, key=lambda one: one.round_trip_ns)
        middle_ns = (quickest.sent_ns + quickest.received_ns) // 2
        return cls(quickest.there_ns - middle_ns, (quickest.round_trip_ns + 1) // 2)


def worst_error_ns(before: ClockOffset, after: ClockOffset) -> int:
    """Return how far off a time may be that was converted by the offset `before`.

    It holds from then until `after` was measured, if clocks drift at a steady rate.
    """
    drift_ns = abs(after.offset_ns - before.offset_ns)
    return max(before.error_ns, drift_ns + after.error_ns)
