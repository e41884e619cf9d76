"""Where the level of a history changes: PELT on values in units of their own noise.

The noise is read off the differences of neighbours, which a few changes of level do not disturb.
Killick et al., J. Am. Stat. Assoc. 107, 2012; the penalty of 3 ln n is checked by simulation in
tests/statistical.
"""

import math
import sys
from collections.abc import Sequence
from itertools import pairwise
from statistics import median, stdev
from typing import Final

import numpy as np

LEAST: Final = 20
"""Fewer values say too little of their own noise: no change is sought in them."""
SHORTEST: Final = 3
"""The fewest values of a level: one bad night between nights as ever is none."""
_SD_PER_MAD: Final = 1.4826
"""Standard deviation of a normal distribution ÷ its median absolute deviation."""


def change_points(values: Sequence[float], least_step: float = 0.0) -> list[int]:
    """Return the positions of the values with which a new level begins.

    A level is the median of its values; a step to the next one of `least_step` or less is none.
    """
    if len(values) < LEAST:
        return []
    sd = noise(values)
    if sd <= sys.float_info.epsilon * max(map(abs, values)):  # the rounding of a float
        return []
    signal = np.asarray(values, dtype=np.float64) / sd
    # With this kernel it is the search of Pelt(model="l2"), in C.
    import ruptures  # noqa: PLC0415 - a second and more to import: only a history needs it

    search = ruptures.KernelCPD(kernel="linear", min_size=SHORTEST).fit(signal)
    *found, _ = search.predict(pen=3 * math.log(len(values)))
    return _large(values, found, least_step)


def levels(values: Sequence[float], changes: Sequence[int]) -> list[float]:
    """Return the level before the first change, and after each."""
    return [median(values[begin:end]) for begin, end in pairwise((0, *changes, len(values)))]


def noise(values: Sequence[float]) -> float:
    """Return the standard deviation of values about their level, whatever the levels are.

    If most neighbours are equal, as counts may be, all of their differences are taken instead.
    """
    if len(values) < 3:
        return 0.0
    steps = [after - before for before, after in pairwise(values)]
    middle = median(steps)
    spread = _SD_PER_MAD * median(abs(step - middle) for step in steps) or stdev(steps)
    return spread / math.sqrt(2)


def _large(values: Sequence[float], found: Sequence[int], least_step: float) -> list[int]:
    """Join levels that are too close, the closest first: a staircase remains as one large step."""
    kept = list(found)
    while kept:
        steps = [abs(after - before) for before, after in pairwise(levels(values, kept))]
        smallest = steps.index(min(steps))
        if steps[smallest] > least_step:
            break
        del kept[smallest]
    return kept
