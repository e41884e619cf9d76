"""The order in which a campaign runs its approaches.

Blocks of one run per approach: the order of every odd block is drawn from the seed, and the block
after it runs in the opposite order (AB BA …), so that a drift of the machine touches each approach
alike and cancels from the ratio (randomised interleaved trials: Abedi and Brecht, ICPE 2017).
"""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run to be made: its place in the campaign, its block, its approach."""

    index: int
    block: int
    approach: str


def plan_runs(approaches: list[str], blocks: int, seed: int) -> list[PlannedRun]:
    """Return all runs in the order in which they are to be made."""
    drawn = random.Random(seed)  # noqa: S311 - a reproducible order, not a secret
    runs: list[PlannedRun] = []
    order: list[str] = []
    for block in range(1, blocks + 1):
        order = drawn.sample(sorted(approaches), len(approaches)) if block % 2 else order[::-1]
        for approach in order:
            runs.append(PlannedRun(index=len(runs) + 1, block=block, approach=approach))
    return runs
