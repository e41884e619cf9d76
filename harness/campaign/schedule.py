"""The order in which a campaign makes its runs.

Blocks of one run per variant, or per variant and case: the order of every odd block is drawn from
the seed, and the block after it runs in the opposite order (AB BA …), so that a drift of the
machine touches each alike and cancels from the ratio (randomised interleaved trials: Abedi and
Brecht, ICPE 2017).

Each block has a seed of its own, and with it other payments, buyers and moments of faults; within a
block all variants meet the same ones, so their ratio stays paired. Under one seed the runs would
differ by the machine alone, and their intervals would leave out what another draw changes.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run to be made: its place in the campaign, its block, its variant, case and seed."""

    index: int
    block: int
    variant: str
    seed: int
    case: str = ""


def plan_runs(
    systems: Iterable[tuple[str, str]], blocks: int, seed: int, *, same_seed: bool = False
) -> list[PlannedRun]:
    """Return all runs, in order, of every (variant, case) in every block.

    Block b has the seed ``seed + b - 1``, or with `same_seed` every block has `seed`.
    """
    drawn = random.Random(seed)  # noqa: S311 - a reproducible order, not a secret
    known = sorted(systems)
    runs: list[PlannedRun] = []
    order: list[tuple[str, str]] = []
    for block in range(1, blocks + 1):
        order = drawn.sample(known, len(known)) if block % 2 else order[::-1]
        for variant, case in order:
            runs.append(
                PlannedRun(
                    index=len(runs) + 1,
                    block=block,
                    variant=variant,
                    seed=seed if same_seed else seed + block - 1,
                    case=case,
                )
            )
    return runs
