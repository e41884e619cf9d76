"""The order in which a campaign makes its runs.

Blocks of one run per approach, or per approach and case: the order of every odd block is drawn from
the seed, and the block after it runs in the opposite order (AB BA …), so that a drift of the
machine touches each alike and cancels from the ratio (randomised interleaved trials: Abedi and
Brecht, ICPE 2017).

Without cases each block repeats one experiment under one seed. Cases ask whether something ever
goes wrong, so there each block has a seed of its own, and with it other moments and other draws.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run to be made: its place in the campaign, its block, its approach, case and seed."""

    index: int
    block: int
    approach: str
    seed: int
    case: str = ""


def plan_runs(systems: Iterable[tuple[str, str]], blocks: int, seed: int) -> list[PlannedRun]:
    """Return all runs, in order, of every (approach, case) in every block."""
    drawn = random.Random(seed)  # noqa: S311 - a reproducible order, not a secret
    known = sorted(systems)
    has_cases = any(case for _, case in known)
    runs: list[PlannedRun] = []
    order: list[tuple[str, str]] = []
    for block in range(1, blocks + 1):
        order = drawn.sample(known, len(known)) if block % 2 else order[::-1]
        for approach, case in order:
            runs.append(
                PlannedRun(
                    index=len(runs) + 1,
                    block=block,
                    approach=approach,
                    seed=seed + block - 1 if has_cases else seed,
                    case=case,
                )
            )
    return runs
