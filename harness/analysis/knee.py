"""Where a curve stops to gain: the knee of a metric along the values of a sweep.

Every value is compared with every later one. A gain is *seen* if the interval of the change
excludes equality and the estimate exceeds δ, as in every comparison (see `outcomes`), and
*excluded* if the whole interval lies below δ. The knee is the least value from which no gain to any
later value is seen. It is decided only if all gain is excluded from some value on that is not the
last; else it may lie anywhere after that, and more runs could tell.

The intervals are simultaneous (Bonferroni) over all pairs of values of all curves and metrics of a
campaign: in at most 5 % of sweeps of a knob that does nothing is anything seen. Their width comes
from what is left of the values, on logarithms where all are positive, once value and block have
been taken out (a two-way analysis of variance, which has far more degrees of freedom than a pair of
three runs); a pair that varies more than that has the width of its own.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from harness.analysis.columns import Floats
from harness.analysis.outcomes import Better, Kind, Margin

ERROR: Final = 0.05
"""How often a sweep without any effect may report one, over all its curves and metrics."""

Flags = npt.NDArray[np.bool_]


class Shape(StrEnum):
    """What a curve does along the values of a sweep."""

    KNEE = "gains up to the knee"
    OPEN = "gains; the knee is not decided"
    RISES = "gains up to the last value"
    FALLS = "worsens"
    SAME = "no effect within δ"
    NOTHING = "no effect seen"
    UNJUDGED = "not judged"


@dataclass(frozen=True, slots=True)
class Level:
    """A metric at one value of a sweep, by block; a bound if the truth is known to be worse."""

    value: float
    by_block: Mapping[int, float]
    is_bound: bool = False


@dataclass(frozen=True, slots=True)
class Knee:
    """What was found along one curve, with simultaneous intervals.

    `knee` is the value from which no gain is seen; from `settled_from` on any further gain beyond δ
    is excluded; from `worse_from` on it is worse than at some value before. Each is null if there
    is none. `change` is that from the `first` value to the knee, or to the last: a ratio or a
    difference, by `kind`, with its interval. `n` counts the blocks.
    """

    shape: Shape
    knee: float | None = None
    settled_from: float | None = None
    worse_from: float | None = None
    kind: Kind = "none"
    first: float | None = None
    change: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Gains:
    """The gain from each value to each other (rows to columns), positive for better, and bounds."""

    gain: Floats
    low: Floats
    high: Floats
    later: Flags = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "later", np.triu(np.ones_like(self.gain, dtype=np.bool_), 1))

    def seen(self, delta: float) -> Flags:
        """Return from which value to which later one a gain is seen."""
        return self.later & (self.low > 0) & (self.gain > delta)

    def lost(self, delta: float) -> Flags:
        """Return from which value to which later one a loss is seen."""
        return self.later & (self.high < 0) & (-self.gain > delta)

    def excluded(self, delta: float) -> Flags:
        """Return from which values every later gain is excluded."""
        return np.logical_not((self.later & (self.high > delta)).any(axis=1))

    def alike(self, delta: float) -> bool:
        """Return True if every pair differs by less than δ."""
        return bool(((self.low >= -delta) & (self.high <= delta))[self.later].all())


def pairs(levels: int) -> int:
    """Return how many comparisons a curve of so many values is."""
    return math.comb(levels, 2)


def find_knee(better: Better, margin: Margin, levels: Sequence[Level], family: int) -> Knee:
    """Return what a curve does; `levels` rise by their value, `family` counts all comparisons.

    A metric that nobody wins, fewer than two values, or one block is not judged.
    """
    blocks = sorted(set.intersection(*(set(one.by_block) for one in levels)) if levels else ())
    why = _unjudged(better, len(levels), len(blocks))
    if why:
        return Knee(Shape.UNJUDGED, n=len(blocks), warnings=(why,))
    found = np.array([[one.by_block[block] for block in blocks] for one in levels])
    kind: Kind = "ratio" if bool((found > 0).all()) else "difference"
    sign = 1.0 if better == "higher" else -1.0
    bounds = np.array([one.is_bound for one in levels], dtype=np.bool_)
    gains = _gains(sign * (np.log(found) if kind == "ratio" else found), bounds, family)
    delta = margin.of(kind)
    seen, lost = gains.seen(delta), gains.lost(delta)
    last = len(levels) - 1
    at = _last_gain(seen, has_loss=bool(lost.any()))
    settled = int(np.flatnonzero(gains.excluded(delta))[0])
    worse = np.flatnonzero(lost.any(axis=0))
    if at == last:
        shape = Shape.RISES
    elif at:
        shape = Shape.KNEE if settled < last else Shape.OPEN
    elif len(worse):
        shape = Shape.FALLS
    else:
        shape = Shape.SAME if gains.alike(delta) else Shape.NOTHING
    has_knee = shape in (Shape.KNEE, Shape.OPEN)
    to = at if has_knee else last
    change = sorted(sign * end[0, to] for end in (gains.low, gains.gain, gains.high))
    low, middle, high = map(_ratio, change) if kind == "ratio" else change
    return Knee(
        shape=shape,
        knee=levels[at].value if has_knee else None,
        settled_from=levels[settled].value if shape is Shape.KNEE else None,
        worse_from=levels[worse[0]].value if len(worse) else None,
        kind=kind,
        first=levels[0].value,
        change=middle,
        low=low if math.isfinite(low) else None,
        high=high if math.isfinite(high) else None,
        n=len(blocks),
        warnings=_bounded(levels),
    )


def _last_gain(seen: Flags, *, has_loss: bool) -> int:
    """Return the least level from which no gain is seen; a dip after the first one is no gain."""
    gaining = seen.any(axis=1)
    at = int(np.flatnonzero(~gaining)[0])
    return int(np.flatnonzero(gaining)[-1]) + 1 if not at and gaining.any() and not has_loss else at


def _unjudged(better: Better, n_levels: int, n_blocks: int) -> str:
    if better is None:
        return "neither more nor less of it is better"
    if n_levels < 2:
        return "fewer than two values of the sweep have a result that can be compared"
    if n_blocks < 2:
        return "one block: no interval, so no knee is named"
    return ""


def _gains(values: Floats, bounds: Floats | Flags, family: int) -> _Gains:
    """Return every gain with its simultaneous bounds; rows of `values` are levels, columns blocks.

    Of a level that is only a bound, the truth is worse: the gain from it has no upper bound, and
    that to it no lower one.
    """
    k, n = values.shape
    means = values.mean(axis=1)
    left = values - means[:, None] - values.mean(axis=0) + values.mean()
    freedom = (k - 1) * (n - 1)
    pooled = float((left**2).sum()) / freedom
    variance = np.full((k, k), pooled)
    for one, other in combinations(range(k), 2):
        own = float((values[other] - values[one]).var(ddof=1)) / 2
        variance[one, other] = variance[other, one] = max(pooled, own)
    critical = float(special.stdtrit(freedom, 1 - ERROR / (2 * family)))
    half = critical * np.sqrt(2 * variance / n)
    gain = means[None, :] - means[:, None]
    low, high = gain - half, gain + half
    high[bounds, :] = math.inf
    low[:, bounds] = -math.inf
    return _Gains(gain, low, high)


def _ratio(logarithm: float) -> float:
    return math.exp(min(float(logarithm), 700.0)) if logarithm > -math.inf else -math.inf


def _bounded(levels: Sequence[Level]) -> tuple[str, ...]:
    known = [f"{one.value:g}" for one in levels if one.is_bound]
    return (f"only a bound is known at {', '.join(known)}: it is worse than that",) * bool(known)
