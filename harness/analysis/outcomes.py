"""The word for what a comparison decides, and δ: the difference that does not matter.

Better or worse takes both: the 95 % interval excludes equality, and the estimated difference
exceeds δ. "No difference" takes evidence as well: the whole interval lies within ±δ (two one-sided
tests; Schuirmann, J. Pharmacokinet. Biopharm. 15, 1987, at 2.5 % each). All else is not decided:
more runs could decide it. Between two systems that are equal a winner is named in at most 1 % of
comparisons, as long as runs of one system vary by no more than δ/2; see docs/methodology.md.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Better = Literal["lower", "higher"] | None
Kind = Literal["ratio", "difference", "none"]
Interval = tuple[float, float]


class Outcome(StrEnum):
    """What a comparison decides of the contender."""

    BETTER = "better"
    WORSE = "worse"
    DIFFERENT = "different"
    """The interval excludes equality, and neither more nor less of the metric is better."""
    ALIKE = "no difference within δ"
    UNDECIDED = "not decided"
    INCOMPARABLE = "not comparable"
    INVALID = "invalid run"


@dataclass(frozen=True, slots=True)
class Margin:
    """δ of a metric: as a share for ratios, in the metric's unit for differences."""

    share: float
    absolute: float

    def of(self, kind: Kind) -> float:
        """Return how far from equality counts as none: as a logarithm for a ratio."""
        return math.log1p(self.share) if kind == "ratio" else self.absolute


def decide(
    better: Better, margin: Margin, kind: Kind, center: float, interval: Interval | None
) -> Outcome:
    """Return the word for a ratio, or difference, of the contender to the baseline."""
    if kind == "none":
        return Outcome.INCOMPARABLE
    if interval is None:
        return Outcome.UNDECIDED
    if kind == "ratio":
        center, low, high = (math.log(value) for value in (center, *interval))
    else:
        low, high = interval
    delta = margin.of(kind)
    if -delta <= low and high <= delta:
        return Outcome.ALIKE
    if low <= 0 <= high or abs(center) <= delta:
        return Outcome.UNDECIDED
    if better is None:
        return Outcome.DIFFERENT
    return Outcome.BETTER if (center > 0) == (better == "higher") else Outcome.WORSE
