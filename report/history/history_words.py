"""The history in sentences: the answer first, then every change, and what to be careful about."""

import math
from collections import Counter

from harness.analysis import METRICS, History
from harness.analysis.change_points import LEAST
from harness.analysis.trends import Change, HistoryEntry, Series
from report import numbers
from report.numbers import counted


def answer(history: History) -> str:
    """Return in one sentence what changed last, or why nothing is known to have changed."""
    found = history.changes
    if found:
        series, change = found[0]
        more = f", and {counted(len(found) - 1, 'other change')}" if len(found) > 1 else ""
        return (
            f"{METRICS[series.metric].title} of {series.subject}: {size(series, change)}, "
            f"{change.verdict} since {date(history.nights[change.first_after])}{more}"
        )
    sound = sum(not night.troubles for night in history.nights)
    if all(series.why for series in history.series):
        return (
            f"No change is sought before there are {LEAST} nights; "
            f"there {'is' if sound == 1 else 'are'} {sound}"
        )
    return f"Nothing has changed in {len(history.nights)} nights"


def changes(history: History) -> list[str]:
    """Return every change as a sentence, the newest first."""
    return [sentence(history, series, change) for series, change in history.changes]


def sentence(history: History, series: Series, change: Change) -> str:
    """Return what changed from what to what, and between which campaigns."""
    return f"{METRICS[series.metric].title}, {_changed(history, series, change)}"


def state(history: History, series: Series) -> str:
    """Return what became of a series: its changes, or none, or why none was sought."""
    if series.changes:
        return " ".join(_changed(history, series, change) for change in series.changes)
    known = [number for number in series.values if number is not None]
    last = value(series, known[-1])
    if series.why:
        return f"{series.subject}: {last} at last ({series.why})."
    return f"{series.subject}: no change, {last} at last."


def _changed(history: History, series: Series, change: Change) -> str:
    before, after = (history.nights[at] for at in (change.last_before, change.first_after))
    return (
        f"{series.subject}: {value(series, change.before)} → {value(series, change.after)} "
        f"({size(series, change)}, {change.verdict}) between {place(before)} and {place(after)}."
    )


def remarks(history: History) -> list[str]:
    """Return what to be careful about in this history."""
    found = []
    unsound = [night for night in history.nights if night.troubles]
    if unsound:
        found.append(
            f"{counted(len(unsound), 'campaign')} with an invalid run or a failed audit: shown as "
            "×, and no change is sought in them."
        )
    elsewhere = [night for night in history.nights if night.is_other_machine]
    if elsewhere:
        machines = Counter(night.machine for night in elsewhere)
        named = ", ".join(f"{n} on {name}" for name, n in sorted(machines.items()))
        found.append(
            f"{counted(len(elsewhere), 'campaign')} of other machines ({named}): their times say "
            f"nothing about those of {history.nights[-1].machine}, so they have only the ratios "
            "between variants."
        )
    if history.left_out:
        found.append(f"{left_out(history)}, with the reasons below.")
    return found


def left_out(history: History) -> str:
    """Return how many campaigns were left out; nothing if none was."""
    return f"{counted(len(history.left_out), 'campaign')} left out" if history.left_out else ""


def value(series: Series, number: float | None) -> str:
    """Return a value of a series with its unit, or a ratio without one."""
    if series.basis == "ratios":
        return numbers.number(number, _digits(number) if number else 0)
    metric = METRICS[series.metric]
    return numbers.quantity(number, metric.digits, metric.unit)


def _digits(ratio: float) -> int:
    """Return how many decimals show three digits that count."""
    return max(0, 2 - math.floor(math.log10(ratio)))


def size(series: Series, change: Change) -> str:
    """Return by how much a series changed: ``×1.34``, or the difference where there are zeros."""
    if change.kind == "ratio":
        digits = max(numbers.factor_digits(change.change), _digits(change.change) - 1)
        return f"×{numbers.number(change.change, digits)}"
    metric = METRICS[series.metric]
    return numbers.difference(change.change, metric.digits, metric.unit)


def date(night: HistoryEntry) -> str:
    """Return the day of a campaign."""
    return night.created_at[:10]


def place(night: HistoryEntry) -> str:
    """Name a campaign by its day and revision."""
    return f"{date(night)} ({revision(night)})"


def revision(night: HistoryEntry) -> str:
    """Return the revision of a campaign as people write it."""
    if night.revision is None:
        return "no revision"
    return night.revision[:7] + (" + changes" if night.uncommitted else "")
