"""One approach as three variants: two are the same, one answers 20 ms later.

All three have the delaying proxy before their entry. The proxies differ in their delay and in
nothing else, and belong to the world, not to the approach.
"""

from collections.abc import Mapping

from harness.campaign import Variant
from harness.topology import Topology

FIRST, SECOND, SLOWED = "first", "second", "slowed"
INJECTED_MS = 20.0
DELAYS_MS: Mapping[str, float] = {FIRST: 0.0, SECOND: 0.0, SLOWED: INJECTED_MS}


def three_of(approach: Topology) -> tuple[Variant, ...]:
    """Return the three variants of an approach."""
    return tuple(
        Variant(name, approach.approach, title=f"{approach.title}, {name}", delay_ms=delay_ms)
        for name, delay_ms in DELAYS_MS.items()
    )
