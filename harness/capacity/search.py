"""Which level is tried next, and between which two levels the capacity lies.

The level grows by a factor until one is not served, then the gap is halved on the logarithmic scale
until its ends are close, then both ends are repeated. All follows from the trials made so far, so a
search that was interrupted goes on from them.

A level is served if more than half of its runs passed. So one run that fails by mishap moves the
search, and the repeats move it back. Of levels that contradict each other the lower one counts: the
capacity lies below the least level that is not served. Both rules are those of Multiple Loss Ratio
Search (draft-ietf-bmwg-mlrsearch: an exceed ratio of one half, and the relevant bounds), which
refines the throughput of RFC 2544.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trial:
    """One run: the level of its load, and whether it kept every limit."""

    level: int
    passed: bool


@dataclass(frozen=True, slots=True)
class Search:
    """How levels are chosen. They are whole numbers, from `lowest` to `highest`.

    From `start` on each level is `growth` times the one before. The ends are close enough if the
    upper one is at most `resolution` (a share) above the lower one. `repeats` is how many runs each
    end has at last, `most_runs` how many the whole search may take.
    """

    start: int = 50
    lowest: int = 5
    highest: int = 5_000
    growth: float = 2.0
    resolution: float = 0.1
    repeats: int = 3
    most_runs: int = 25


@dataclass(frozen=True, slots=True)
class Bracket:
    """The highest level that is served below the least that is not; None: there is none."""

    served: int | None
    not_served: int | None


def bracket(trials: Sequence[Trial]) -> Bracket:
    """Return between which levels the capacity lies, as far as the trials say."""
    runs = Counter(trial.level for trial in trials)
    passes = Counter(trial.level for trial in trials if trial.passed)
    not_served = min((level for level in runs if 2 * passes[level] <= runs[level]), default=None)
    below = [level for level in runs if not_served is None or level < not_served]
    return Bracket(max(below, default=None), not_served)


def next_level(search: Search, trials: Sequence[Trial]) -> int | None:
    """Return the level of the next run; None if the search has ended."""
    return None if len(trials) >= search.most_runs else _wanted(search, trials)


def is_settled(search: Search, trials: Sequence[Trial]) -> bool:
    """Return True if the ends are close and repeated, and not merely the runs used up."""
    return _wanted(search, trials) is None


def expected_runs(search: Search, trials: Sequence[Trial]) -> int:
    """Return about how many runs are left: as many as if the capacity were where it is likely."""
    likely = _likely(search, bracket(trials))
    ahead = list(trials)
    while (level := next_level(search, ahead)) is not None:
        ahead.append(Trial(level, level <= likely))
    return len(ahead) - len(trials)


def _wanted(search: Search, trials: Sequence[Trial]) -> int | None:
    if not trials:
        return search.start
    found = bracket(trials)
    new = _new_level(search, found)
    if new is not None:
        return new
    runs = Counter(trial.level for trial in trials)
    ends = [level for level in (found.served, found.not_served) if level is not None]
    due = [level for level in ends if runs[level] < search.repeats]
    return min(due, key=lambda level: runs[level], default=None)


def _new_level(search: Search, found: Bracket) -> int | None:
    """Return a level that was not tried yet; None if the ends are close, or the range is used up.

    None was tried between the ends, or beyond the only one.
    """
    match found:
        case Bracket(int(low), None):
            level = min(max(round(low * search.growth), low + 1), search.highest)
            return level if level > low else None
        case Bracket(None, int(high)):
            level = max(min(round(high / search.growth), high - 1), search.lowest)
            return level if level < high else None
        case Bracket(int(low), int(high)):
            if high - low <= 1 or high <= low * (1 + search.resolution):
                return None
            return min(max(round(math.sqrt(low * high)), low + 1), high - 1)
    return search.start


def _likely(search: Search, found: Bracket) -> float:
    """Return a capacity that fits what is known: in the middle, or a step and a half beyond."""
    low, high = found.served, found.not_served
    if low is not None and high is not None:
        return math.sqrt(low * high)
    beyond: float = search.growth**1.5
    if low is not None:
        return low * beyond
    return search.start * beyond if high is None else high / beyond
