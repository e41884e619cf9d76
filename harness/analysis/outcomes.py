"""What an interval decides, in a word: better, worse, no difference, or not decided.

"No difference" needs evidence as well: the whole interval lies within DELTA of equality, also if
the interval excludes equality itself. A difference that is certain and too small to matter is none.
"""

from enum import StrEnum
from typing import Final

from harness.analysis.comparison import Kind
from harness.analysis.metrics import Better

DELTA: Final = 0.15
"""The share by which something may be more or less and still count as alike."""


class Outcome(StrEnum):
    """What is decided of a contender, compared with its baseline."""

    BETTER = "better"
    WORSE = "worse"
    ALIKE = "no difference"
    UNDECIDED = "not decided"
    INCOMPARABLE = "not comparable"


def decide(better: Better, kind: Kind, interval: tuple[float, float] | None) -> Outcome:
    """Return what the 95 % interval of a ratio or difference decides; without one, nothing.

    A difference has no scale of its own, so only equality in every run is "no difference" there.
    Of a metric that nobody wins, being alike is all that can be decided.
    """
    if kind == "none":
        return Outcome.INCOMPARABLE
    if interval is None:
        return Outcome.UNDECIDED
    low, high = interval
    equal, least, most = (1.0, 1 / (1 + DELTA), 1 + DELTA) if kind == "ratio" else (0.0, 0.0, 0.0)
    if least <= low and high <= most:
        return Outcome.ALIKE
    if better is None or low <= equal <= high:
        return Outcome.UNDECIDED
    is_more = low > equal
    return Outcome.BETTER if is_more == (better == "higher") else Outcome.WORSE
