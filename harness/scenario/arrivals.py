"""When each buyer of an open load arrives, and under which account: equal for all approaches.

The scenario, the generators and the analysis all ask here.
"""

import random
from collections.abc import Iterable
from typing import Protocol

from harness.scenario.load_profile import NANOSECONDS


class Arriving(Protocol):
    """What the schedule needs of a stage."""

    @property
    def buyers(self) -> int:
        """Return how many arrive in it."""

    @property
    def seconds(self) -> float:
        """Return how long it takes."""


def arrivals_ns(stages: Iterable[Arriving], spread: str, seed: int) -> list[int]:
    """Return when each buyer arrives, in ns since the start of the load, in order.

    ``poisson``: uniform over its stage and independent of the others, which is a Poisson process
    given how many came (Ross, "Stochastic Processes", theorem 2.3.1). ``even``: equal gaps.
    """
    draws = random.Random(f"{seed}-arrivals")  # noqa: S311 - a reproducible draw, not a secret
    times: list[int] = []
    start_s = 0.0
    for stage in stages:
        if spread == "poisson":
            shares = sorted(draws.random() for _ in range(stage.buyers))
        else:
            shares = [(n + 0.5) / stage.buyers for n in range(stage.buyers)]
        times += [round((start_s + share * stage.seconds) * NANOSECONDS) for share in shares]
        start_s += stage.seconds
    return times


def account_of(number: int, accounts: int) -> int:
    """Return the account under which a buyer buys."""
    return number % accounts
