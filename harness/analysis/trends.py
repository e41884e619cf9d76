"""Campaigns of one scenario, night after night: the trend of each metric, and where it changed.

All are held against the newest. What did not ask the same of the same systems is left out, with the
reasons. A campaign with an invalid run, or one that failed its audit, is shown, and no change is
sought in it. Milliseconds of another machine say nothing about those of this one: its campaigns
have only the ratios between variants.

It is advisory and never fails. A change counts beyond δ only, as in every comparison.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Literal

from harness.analysis.campaigns import (
    Basis,
    Measured,
    is_contested,
    ratios_by_subject,
    values_by_subject,
)
from harness.analysis.change_points import LEAST, change_points, levels
from harness.analysis.comparability import Stored, invalid_runs, machines, workload_differences
from harness.analysis.estimates import Scale
from harness.analysis.metric import Listing, Metric
from harness.analysis.metrics import METRICS, listed
from harness.analysis.outcomes import Kind

FIRST: Final = listed(Listing.GATE)
"""The metrics that are shown before all others: those that a gate decides by."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One campaign of a history; `troubles` say why no change is sought in it."""

    folder: str
    created_at: str
    revision: str | None
    uncommitted: bool
    machine: str
    is_other_machine: bool
    troubles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Excluded:
    """A campaign that is no part of the history, and why."""

    folder: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """The level of a series changes between two nights, given by their positions.

    Levels are medians, `n_before` and `n_after` their numbers of values. `change` is after / before
    (kind ``ratio``), or after - before where a value is zero or negative (``difference``).
    """

    last_before: int
    first_after: int
    before: float
    after: float
    kind: Kind
    change: float
    n_before: int
    n_after: int
    verdict: Literal["better", "worse"]


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one subject: its value each night (null: none), and its changes, oldest first.

    `basis` says whether these are values of a variant, in the metric's unit, or ratios of two.
    `why` says why no change was sought.
    """

    subject: str
    metric: str
    basis: Basis
    values: tuple[float | None, ...]
    changes: tuple[Change, ...]
    why: str


@dataclass(frozen=True, slots=True)
class History:
    """All nights in the order in which they were made, what was left out, and every series."""

    scenario: str
    runtime: str
    variants: Mapping[str, str]
    nights: tuple[HistoryEntry, ...]
    left_out: tuple[Excluded, ...]
    series: tuple[Series, ...]

    @property
    def changes(self) -> list[tuple[Series, Change]]:
        """Return every change with its series, the newest first."""
        found = [(series, change) for series in self.series for change in series.changes]
        return sorted(found, key=lambda one: -one[1].first_after)


def history(campaigns: Mapping[str, Stored], unreadable: Sequence[Excluded] = ()) -> History | None:
    """Return the history of campaigns by their folders, or return None if none has metrics."""
    left_out = list(unreadable)
    measured: list[tuple[str, Stored]] = []
    for folder, one in campaigns.items():
        if one.is_contention_test:
            left_out.append(Excluded(folder, ("a contention test has no metrics",)))
        else:
            measured.append((folder, one))
    if not measured:
        return None
    measured.sort(key=lambda pair: (pair[1].description["created_at"], pair[0]))
    newest = measured[-1][1]
    kept: dict[str, Stored] = {}
    for folder, one in measured:
        reasons = workload_differences(newest, one)
        if reasons:
            left_out.append(Excluded(folder, tuple(reasons)))
        else:
            kept[folder] = one
    nights = tuple(_night(folder, one, newest) for folder, one in kept.items())
    return History(
        scenario=str(newest.description["scenario"]["title"]),
        runtime=str(newest.description["runtime"]),
        variants={entry["name"]: entry["title"] for entry in newest.summary["variants"]},
        nights=nights,
        left_out=tuple(sorted(left_out, key=lambda left: left.folder)),
        series=tuple(_every_series(list(kept.values()), nights)),
    )


def _night(folder: str, one: Stored, newest: Stored) -> HistoryEntry:
    environment = one.description["environment"]
    git = environment.get("git") or {}
    return HistoryEntry(
        folder=folder,
        created_at=str(one.description["created_at"]),
        revision=git.get("revision"),
        uncommitted=bool(git.get("uncommitted")),
        machine=f"{environment.get('cpu_model')}, {environment.get('cores')} cores",
        is_other_machine=bool(machines(newest, one)),
        troubles=tuple(invalid_runs(one.summary)),
    )


def _every_series(kept: Sequence[Stored], nights: Sequence[HistoryEntry]) -> Iterator[Series]:
    """Yield every series that has a value, those of the first metrics first."""
    contested = [metric for metric in METRICS.values() if is_contested(metric)]
    contested.sort(key=lambda one: FIRST.index(one.id) if one.id in FIRST else len(FIRST))
    found = {
        "values": _by_night(kept, values_by_subject),
        "ratios": _by_night(kept, ratios_by_subject),
    }
    bases: tuple[Basis, ...] = ("values", "ratios")
    for metric in contested:
        for basis in bases:
            for subject in found[basis][-1]:
                values = [
                    _value(each, subject, metric, basis, night)
                    for each, night in zip(found[basis], nights, strict=True)
                ]
                if any(value is not None for value in values):
                    yield _series(subject, metric, basis, values, nights)


_BySubject = dict[str, dict[str, Measured]]


def _by_night(
    kept: Sequence[Stored],
    measure: Callable[[Mapping[str, Any]], Iterator[tuple[str, dict[str, Measured]]]],
) -> list[_BySubject]:
    return [dict(measure(one.summary)) for one in kept]


def _value(
    found: _BySubject, subject: str, metric: Metric, basis: Basis, night: HistoryEntry
) -> float | None:
    measured = found.get(subject, {}).get(metric.id)
    if measured is None or (basis == "values" and night.is_other_machine):
        return None
    return measured.value


def _series(
    subject: str,
    metric: Metric,
    basis: Basis,
    values: Sequence[float | None],
    nights: Sequence[HistoryEntry],
) -> Series:
    sound = [
        (position, value)
        for position, (value, night) in enumerate(zip(values, nights, strict=True))
        if value is not None and not night.troubles
    ]
    n = len(sound)
    enough = n >= LEAST
    changes = _changes(metric, basis, sound) if enough else ()
    why = "" if enough else f"{LEAST} nights are needed, there {'is' if n == 1 else 'are'} {n}"
    return Series(subject, metric.id, basis, tuple(values), tuple(changes), why)


def _changes(metric: Metric, basis: Basis, sound: Sequence[tuple[int, float]]) -> Iterator[Change]:
    """Yield the changes in values that are sound; each comes with its position among the nights."""
    positions, values = zip(*sound, strict=True)
    logarithmic = min(values) > 0 and (basis == "ratios" or metric.scale is Scale.LOG)
    kind: Kind = "ratio" if min(values) > 0 else "difference"
    searched = [math.log(value) for value in values] if logarithmic else list(values)
    places = change_points(searched, _least_step(metric, basis, searched, logarithmic=logarithmic))
    ends = (0, *places, len(values))
    for number, (before, after) in enumerate(pairwise(levels(values, places)), start=1):
        place = ends[number]
        yield Change(
            last_before=positions[place - 1],
            first_after=positions[place],
            before=before,
            after=after,
            kind=kind,
            change=after / before if kind == "ratio" else after - before,
            n_before=place - ends[number - 1],
            n_after=ends[number + 1] - place,
            verdict="better" if (after > before) == (metric.better == "higher") else "worse",
        )


def _least_step(
    metric: Metric, basis: Basis, searched: Sequence[float], *, logarithmic: bool
) -> float:
    """Return δ in what is searched: of logarithms, of positive values, or of those with zeros."""
    if logarithmic:
        return metric.margin.of("ratio")
    if basis == "values" and min(searched) > 0:
        return metric.margin.share * min(searched)
    return metric.margin.of("difference")
