"""The nodes of a deployment on several machines, as run.json and telemetry record them.

run.json has, by the name of a node, its processors (``cpus``), its ``replicas``, and whether it is
``here``: on the machine of the harness and the load generator. Of a deployment on one machine it
has none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

SOURCE: Final = "node:"
"""What precedes the name of a node where telemetry names what was sampled."""

CLOCK_OFFSET: Final = "clock_offset_s"
"""By how much the clock of a node is ahead of the harness' machine's."""

CLOCK_UNCERTAINTY: Final = "clock_uncertainty_s"
"""How far that may be from the truth at most."""

CLOCK_TOLERANCE_S: Final = 0.05
"""How far clocks that stamp one run may be apart."""


@dataclass(frozen=True, slots=True)
class NodeClock:
    """What the readings of a node's clock say: each bounds how far it was ahead.

    `ahead_s` and `uncertainty_s` are those of the best reading, which leaves least possible;
    `surely_s` is the most that some reading says it was off by, whatever the truth.
    """

    ahead_s: float
    uncertainty_s: float
    surely_s: float

    @property
    def possible_s(self) -> float:
        """Return how far off the best reading leaves possible."""
        return abs(self.ahead_s) + self.uncertainty_s

    @property
    def is_wrong(self) -> bool:
        """Return True if some reading cannot be true of a clock within the tolerance."""
        return self.surely_s > CLOCK_TOLERANCE_S

    @property
    def is_right(self) -> bool:
        """Return True if the readings leave no clock beyond the tolerance."""
        return not self.is_wrong and self.possible_s <= CLOCK_TOLERANCE_S


def node_clock(telemetry: pd.DataFrame, node: str) -> NodeClock | None:
    """Return what is known of a node's clock, None if it was not read."""
    read = telemetry[telemetry["source"] == f"{SOURCE}{node}"]
    offset, bound = (
        read.loc[read["metric"] == metric].set_index("t_s")["value"]
        for metric in (CLOCK_OFFSET, CLOCK_UNCERTAINTY)
    )
    both = offset.to_frame("offset").join(bound.rename("bound"), how="inner").dropna()
    if both.empty:
        return None
    off = both["offset"].abs()
    best = both.iloc[int((off + both["bound"]).argmin())]
    surely_s = float((off - both["bound"]).max())
    return NodeClock(float(best["offset"]), float(best["bound"]), surely_s)


def nodes_of(deployment: Mapping[str, Any] | None) -> Mapping[str, Mapping[str, Any]]:
    """Return the nodes of a recorded deployment by their names; none if it was on one machine."""
    return (deployment or {}).get("nodes") or {}
