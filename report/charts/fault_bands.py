"""Faults on a time axis: a band from begin to end with a label, whatever else is drawn there.

The same fault of several runs is one band if they overlap: it spans all of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf

from harness.analysis.run_facts import NANOSECONDS
from harness.results.outages import FOREVER_NS, Outage, action, target
from report.charts.line_chart import Span
from report.charts.plotting import MOST_LABELS
from report.evidence import Run
from report.numbers import short


@dataclass(frozen=True, slots=True)
class Mark:
    """What happened from when to when, in seconds since the load began."""

    label: str
    from_s: float
    to_s: float

    @property
    def words(self) -> str:
        """Return the mark in words, for those who do not see it."""
        if self.to_s == inf:
            return f"{self.label} from {short(self.from_s)} s on"
        return f"{self.label} from {short(self.from_s)} to {short(self.to_s)} s"


def marks(runs: Iterable[Run]) -> tuple[Mark, ...]:
    """Return the faults of some runs in the order of their begin."""
    found: list[Mark] = []
    every = [
        Mark(f"{action(fault.plan)} {target(fault.plan)}", *_window(Outage.of(fault)))
        for run in runs
        for fault in run.record.faults
        if fault.begun_ns is not None
    ]
    for mark in sorted(every, key=lambda mark: (mark.from_s, mark.label)):
        for position, other in enumerate(found):
            if other.label == mark.label and mark.from_s <= other.to_s:
                until_s = max(other.to_s, mark.to_s)
                found[position] = Mark(mark.label, other.from_s, until_s)
                break
        else:
            found.append(mark)
    return tuple(found)


def _window(outage: Outage) -> tuple[float, float]:
    until_s = outage.ended_ns / NANOSECONDS if outage.ended_ns < FOREVER_NS else inf
    return outage.begun_ns / NANOSECONDS, until_s


def spans(shown: Sequence[Mark], end_s: float) -> tuple[Span, ...]:
    """Return marks as spans of time, as far as a chart goes."""
    return tuple(
        (mark.from_s, min(mark.to_s, end_s), mark.label) for mark in shown if mark.from_s < end_s
    )


def in_words(shown: Sequence[Mark]) -> str:
    """Return what a text alternative says of marks; nothing if there are none."""
    if len(shown) > MOST_LABELS:
        first_s, last_s = short(shown[0].from_s), short(shown[-1].from_s)
        return f" Faults: {len(shown)}, the first at {first_s} s, the last at {last_s} s."
    return f" Faults: {'; '.join(mark.words for mark in shown)}." if shown else ""
