"""The rule by which a published claim is judged; docs/methodology.md says it in words.

Ours is an interval, so the answer has three values, as in a test of equivalence: reproduced if all
of the interval lies where the claim allows, contradicted if none of it does, and otherwise not
decided. What no campaign of the kind can say is not tested.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

FACTOR: Final = 1.25
"""A figure is the same up to this factor: 0.80 to 1.25, the limits of bioequivalence. The published
report's own figures of one thing lie as far apart: 46,061 and 37,034 answers of one kind."""

POINTS: Final = 5.0
"""How many points a share may differ besides: near 100 % a factor says nothing."""

NO_INTERVAL: Final = "ours has no interval"


class ClaimVerdict(StrEnum):
    """What became of a claim."""

    REPRODUCED = "reproduced"
    CONTRADICTED = "contradicted"
    NOT_DECIDED = "not decided"
    NOT_TESTED = "not tested"


@dataclass(frozen=True, slots=True)
class Ours:
    """What this campaign says: as it is printed, and its interval; a missing end is open.

    Without a value `low` is a bound: at least so much. Without interval (one run, or
    runs with too few values of their own) it decides nothing. `note` says what to be careful about.
    """

    text: str
    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""

    @property
    def interval(self) -> tuple[float, float] | None:
        """Return what ours may be, or None if nothing is known of its uncertainty."""
        if self.low is None and self.high is None:
            return None
        low = -math.inf if self.low is None else self.low
        return low, math.inf if self.high is None else self.high


@dataclass(frozen=True, slots=True)
class Verdict:
    """A word, and why."""

    word: ClaimVerdict
    why: str = ""


def figure(span: tuple[float, float], unit: str, ours: Ours) -> Verdict:
    """Judge a figure, or a range of them: is ours the same, up to `FACTOR` and `POINTS`?"""
    low, high = span[0] / FACTOR, span[1] * FACTOR
    if is_share := unit == "%" and span[1] <= 100:
        low, high = max(low, span[0] - POINTS), min(high, span[1] + POINTS)
    return _within(ours, low, high, lambda: _how_far(span, ours, in_points=is_share))


def bound(limit: float, kind: str, ours: Ours) -> Verdict:
    """Judge a claim that something is at least, or at most, a value."""
    if kind == "least":
        return _within(ours, limit, math.inf, lambda: "it is less")
    return _within(ours, -math.inf, limit, lambda: "it is more")


def direction(more: bool, least: float | None, ours: Ours, equal: float = 1.0) -> Verdict:
    """Judge who has more, and whether by at least the claimed ratio, less `FACTOR`.

    Ours is queue ÷ synchronous, equal at 1, or with `equal` 0 the queue less the synchronous. More
    of a difference than is claimed is no contradiction.
    """
    if ours.interval is None:
        return Verdict(ClaimVerdict.NOT_DECIDED, NO_INTERVAL)
    low, high = ours.interval
    if low == high == equal:
        return Verdict(ClaimVerdict.CONTRADICTED, "there is no difference")
    if not more:
        low, high = (-high, -low) if equal == 0 else (_inverse(high), _inverse(low))
    return _as_claimed(low, high, equal, -math.inf if least is None else least / FACTOR)


def _as_claimed(low: float, high: float, equal: float, least: float) -> Verdict:
    """Judge an interval that is turned so that more is what was claimed."""
    if high < equal:
        return Verdict(ClaimVerdict.CONTRADICTED, "it is the other way round")
    if high < least:
        return Verdict(
            ClaimVerdict.CONTRADICTED, "right direction, smaller" if low > equal else "it is less"
        )
    if low <= equal:
        return Verdict(ClaimVerdict.NOT_DECIDED, "the interval includes equality")
    if low < least:
        return Verdict(ClaimVerdict.NOT_DECIDED, "right direction, may be smaller")
    return Verdict(ClaimVerdict.REPRODUCED)


def _within(ours: Ours, low: float, high: float, differs: Callable[[], str]) -> Verdict:
    interval = ours.interval
    if interval is None:
        return Verdict(ClaimVerdict.NOT_DECIDED, NO_INTERVAL)
    if low <= interval[0] and interval[1] <= high:
        return Verdict(ClaimVerdict.REPRODUCED)
    if interval[1] < low or interval[0] > high:
        return Verdict(ClaimVerdict.CONTRADICTED, differs())
    return Verdict(ClaimVerdict.NOT_DECIDED, "the interval reaches beyond what would be the same")


def _how_far(span: tuple[float, float], ours: Ours, *, in_points: bool) -> str:
    """Return by how much ours differs from the nearer end of what is claimed."""
    value = ours.low if ours.value is None else ours.value
    if value is None:
        return ""
    more = value > span[1]
    word = "more" if more else "less"
    if in_points:
        return f"{abs(value - span[1 if more else 0]):,.1f} points {word}"
    if value == 0 or span[0] == 0:
        return "there are none" if value == 0 else "there are some"
    ratio = value / span[1] if more else span[0] / value
    return f"{ratio:,.0f}× {word}" if ratio >= 10 else f"{ratio:.1f}× {word}"


def _inverse(value: float) -> float:
    return math.inf if value == 0 else 1 / value
