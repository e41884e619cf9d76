"""The order in which a campaign makes its runs.

Blocks of one run per approach, or per approach and case: the order of every odd block is drawn from
the seed, and the block after it runs in the opposite order (AB BA …), so that a drift of the
machine touches each alike and cancels from the ratio (randomised interleaved trials: Abedi and
Brecht, ICPE 2017).

Without cases each block repeats one experiment under one seed. Cases ask whether something ever
goes wrong, so there each block has a seed of its own, and with it other moments and other draws.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run to be made: its place in the campaign, its block, its approach, case and seed."""

    index: int
    block: int
    approach: str
    seed: int
    case: str = ""


def plan_runs(
    systems: Iterable[tuple[str, str]],
    blocks: int,
    seed: int,
    group_of: Callable[[str], str] | None = None,
) -> list[PlannedRun]:
    """Return all runs, in order, of every (approach, case) in every block.

    The approaches of a group follow each other: what is to be told apart is measured side by side.
    """
    drawn = random.Random(seed)  # noqa: S311 - a reproducible order, not a secret
    known = sorted(systems)
    has_cases = any(case for _, case in known)
    runs: list[PlannedRun] = []
    order: list[tuple[str, str]] = []
    for block in range(1, blocks + 1):
        order = drawn.sample(known, len(known)) if block % 2 else order[::-1]
        if group_of is not None and block % 2:
            order = _side_by_side(order, group_of)
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


def _side_by_side(
    order: list[tuple[str, str]], group_of: Callable[[str], str]
) -> list[tuple[str, str]]:
    """Keep the order of the groups' first members, and bring the others of each up to it."""
    groups = list(dict.fromkeys(group_of(approach) for approach, _ in order))
    return sorted(order, key=lambda system: groups.index(group_of(system[0])))
