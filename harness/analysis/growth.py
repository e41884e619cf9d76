"""Does a service grow for as long as it is used? What each held over a long load, and its slope.

Levels are medians over windows of `WINDOW_S`, so that a single sample decides nothing; samples of a
service that a fault was hitting are left out. The slope is that of Theil and Sen, the median of the
slopes of all pairs of windows (Sen 1968, doi:10.1080/01621459.1968.10480934), which a fifth of wild
windows does not move; its 95 % interval follows from Kendall's tau. Windows that follow each other
are not independent, so the interval is too narrow, and does not decide alone: a quantity grows if
its slope is surely positive **and** adds more than a stated share of its level, and more than a
stated amount, in the time that is judged. Whatever grows slower than that is called flat, and its
slope is shown.

A process that is started anew gives back what it held: what leaks in it shows only as far as it
lives long, so each row says how often its service was started anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from harness.analysis.columns import integers
from harness.analysis.run_facts import NANOSECONDS, RunFacts
from harness.results.outages import outages

WARM_UP_S: Final = 300.0
"""What comes before is not judged: caches fill and pools open."""
WINDOW_S: Final = 30.0
LEAST_WINDOWS: Final = 20
SHORTEST_S: Final = WARM_UP_S + LEAST_WINDOWS * WINDOW_S
"""A load shorter than this is not judged."""
AFTER_FAULT_S: Final = 5.0
"""How long samples are left out after a fault is over: usage is read every 5 s."""
TOLERANCE: Final = 0.05
"""The share of its level by which a flat quantity may have grown at the end of the judged time."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A quantity that must not grow: its metric of the telemetry, and what is negligible of it."""

    id: str
    title: str
    unit: str
    negligible: float
    source: str | None = None
    """The one source that has it; None: every service of the approach."""


KINDS: Final = (
    Kind("private_bytes", "private memory", "bytes", 4e6),
    Kind("largest_private_bytes", "private memory of the largest process", "bytes", 4e6),
    Kind("memory_bytes", "memory", "bytes", 4e6),
    Kind("open_files", "open files", "files", 5),
    Kind("sockets", "connections", "sockets", 5),
    Kind("processes", "processes", "processes", 1),
    Kind("keys", "keys", "keys", 100, "redis"),
    Kind("used_memory_bytes", "data", "bytes", 1e6, "redis"),
    Kind("clients", "clients", "clients", 5, "redis"),
    Kind("connections", "clients", "clients", 5, "postgres"),
)
"""Memory as a whole is judged only where private memory is not known: it has shared pages and the
files that a process maps, which fill up like any cache (`shared_buffers` of PostgreSQL)."""


@dataclass(frozen=True, slots=True)
class Growth:
    """The slope of one quantity of one service over the judged time, per hour with its interval.

    `level` is the median, `change` what the slope adds over the judged time, `tolerance` what it
    may add; `restarts` counts the faults that started the service anew.
    """

    service: str
    kind: str
    title: str
    unit: str
    windows: int
    level: float
    per_hour: float
    low: float
    high: float
    change: float
    tolerance: float
    restarts: int
    grows: bool


def growth(facts: RunFacts) -> list[dict[str, Any]]:
    """Return the slope of everything that was sampled, or nothing if the load was too short.

    Redis' data has the field `bytes_per_order` as well: its growth by the orders that were settled
    in the judged time; null of everything else.
    """
    if facts.load_s < SHORTEST_S:
        return []
    named = {
        "run": facts.run.index,
        "case": facts.record.case,
        "variant": facts.run.variant,
    }
    restarts = _restarts(facts)
    rows = []
    for (service, kind), line in levels(facts).items():
        judged = line.loc[WARM_UP_S:].dropna()
        if len(judged) < LEAST_WINDOWS:
            continue
        found = slope(service, kind, judged, restarts.get(service, 0))
        per_order = None
        if kind.id == "used_memory_bytes":
            per_order = _per_order(facts, found.change)
        rows.append({**named, **asdict(found), "bytes_per_order": per_order})
    return rows


def levels(facts: RunFacts) -> "dict[tuple[str, Kind], pd.Series[float]]":
    """Return what each service held over the load: the median of each window, by its middle in s.

    A window without a sample is missing (NaN). Only the approach's own services are there.
    """
    found = {}
    for kind in KINDS:
        table = facts.telemetry(kind.id)
        services = facts.approach_services if kind.source is None else [kind.source]
        for service in services:
            if service not in table.columns or _is_superseded(facts, service, kind):
                continue
            samples = table[service].dropna().loc[0 : facts.load_s]
            found[service, kind] = _windows(_undisturbed(facts, service, samples), facts.load_s)
    return found


def slope(service: str, kind: Kind, judged: "pd.Series[float]", restarts: int = 0) -> Growth:
    """Return how levels (by their time in s) grow."""
    from scipy.stats import theilslopes  # noqa: PLC0415 - a second to import: only a soak needs it

    times_s = judged.index.to_numpy(dtype=np.float64)
    values = judged.to_numpy(dtype=np.float64)
    per_s, _, low, high = (float(one) for one in theilslopes(values, times_s, alpha=0.95))
    level = float(np.median(values))
    change = per_s * float(times_s[-1] - times_s[0])
    tolerance = max(TOLERANCE * level, kind.negligible)
    return Growth(
        service=service,
        kind=kind.id,
        title=kind.title,
        unit=kind.unit,
        windows=len(judged),
        level=level,
        per_hour=per_s * 3600,
        low=low * 3600,
        high=high * 3600,
        change=change,
        tolerance=tolerance,
        restarts=restarts,
        grows=low > 0 and change > tolerance,
    )


def warnings(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a sentence for everything that grows."""
    return [
        f"run {row['run']} ({row['variant']}): {row['title']} of {row['service']} grows by "
        f"{_amount(row['per_hour'], row['unit'])} per hour"
        for row in rows
        if row["grows"]
    ]


def _amount(value: float, unit: str) -> str:
    return f"{value / 1e6:,.1f} MB" if unit == "bytes" else f"{value:,.0f} {unit}"


def _is_superseded(facts: RunFacts, service: str, kind: Kind) -> bool:
    """Return True for the whole memory of a service whose private memory is known."""
    if kind.id != "memory_bytes":
        return False
    private = facts.telemetry("private_bytes")
    return service in private.columns


def _undisturbed(facts: RunFacts, service: str, samples: "pd.Series[float]") -> "pd.Series[float]":
    times_s = samples.index.to_numpy(dtype=np.float64)
    kept = np.ones(len(samples), dtype=np.bool_)
    for outage in outages(facts.record):
        if outage.hits(service):
            begun_s = outage.begun_ns / NANOSECONDS
            over_s = outage.over_ns / NANOSECONDS + AFTER_FAULT_S
            kept &= (times_s < begun_s) | (times_s > over_s)
    return samples[kept]


def _windows(samples: "pd.Series[float]", load_s: float) -> "pd.Series[float]":
    """Return the median of each full window of the load, by its middle."""
    number = int(load_s // WINDOW_S)
    window = (samples.index.to_numpy(dtype=np.float64) // WINDOW_S).astype(np.int64)
    medians = samples.groupby(window).median().reindex(range(number))
    middle = (np.arange(number, dtype=np.float64) + 0.5) * WINDOW_S
    return pd.Series(medians.to_numpy(dtype=np.float64), index=middle)


def _restarts(facts: RunFacts) -> dict[str, int]:
    counted: dict[str, int] = {}
    for outage in outages(facts.record):
        kind = outage.declared
        if kind.loses_answers and not kind.isolates:
            for service in filter(outage.hits, facts.topology["services"]):
                counted[service] = counted.get(service, 0) + 1
    return counted


def _per_order(facts: RunFacts, change: float) -> float | None:
    """Return a growth divided by the orders that were settled in the judged time."""
    settled_s = integers(facts.orders, "settled_rel_ns") / NANOSECONDS
    orders = int(np.count_nonzero((settled_s >= WARM_UP_S) & (settled_s <= facts.load_s)))
    return change / orders if orders else None
