"""How many buyers a load plans at each instant: straight lines from stage to stage.

Each stage ramps from the users of the stage before it (at first none) to its own. The scenario, the
generators and the collected ledger all ask the same schedule, so a stage means one thing.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

NANOSECONDS = 1_000_000_000


class Ramp(Protocol):
    """What the schedule needs of a stage: the users at its end, and its length in seconds."""

    @property
    def users(self) -> int:
        """Return the users planned at the end of the stage."""

    @property
    def seconds(self) -> float:
        """Return how long the stage takes, in seconds."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The planned users over time; times in seconds since the start of the load."""

    ends_s: tuple[float, ...]
    users: tuple[int, ...]

    @classmethod
    def of(cls, stages: Iterable[Ramp]) -> "Schedule":
        """Return the schedule of stages that follow each other."""
        ramps = tuple(stages)
        return cls(
            ends_s=tuple(accumulate(float(ramp.seconds) for ramp in ramps)),
            users=tuple(ramp.users for ramp in ramps),
        )

    @property
    def load_s(self) -> float:
        """Return how long all stages take, in seconds."""
        return self.ends_s[-1]

    @property
    def peak_users(self) -> int:
        """Return the most users that are ever planned."""
        return max(self.users)

    @property
    def bounds_ns(self) -> tuple[int, ...]:
        """Return the instants at which stages begin and end, in ns: one more than stages."""
        return (0, *(round(end_s * NANOSECONDS) for end_s in self.ends_s))

    def stage_at(self, t_s: float) -> int:
        """Return the number of the stage, from 1: 0 before the load, n + 1 after its last stage."""
        return 0 if t_s < 0 else bisect_right(self.ends_s, t_s) + 1

    def planned_users(self, t_s: float) -> float:
        """Return the planned users; the end of the load still counts, after it there are none."""
        if t_s < 0 or t_s > self.load_s:
            return 0.0
        stage = min(self.stage_at(t_s), len(self.ends_s)) - 1
        before, start_s = (self.users[stage - 1], self.ends_s[stage - 1]) if stage else (0, 0.0)
        share = (t_s - start_s) / (self.ends_s[stage] - start_s)
        return before + (self.users[stage] - before) * share
