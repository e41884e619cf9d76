"""A run second by second, for graphs: load, latency, backlog, stock, CPU.

Answers and errors are counted in the second in which they arrived; latencies belong to the second
in which the request was sent, so that a stall shows where it began. Percentiles of one second are
drawn, never compared: a second holds too few requests to support them.
"""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from harness.analysis import resources, sales
from harness.analysis.facts import (
    ACKNOWLEDGED,
    NANOSECONDS,
    Floats,
    Integers,
    RunFacts,
    floats,
    integers,
    is_in,
    rows,
)
from harness.store import RunData

QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


def series(run: RunData, facts: RunFacts | None = None) -> pd.DataFrame:
    """Return a run second by second; `t_s` is the second's beginning, in s since t0.

    Columns: planned, active (users); requests, errors (answers and failures per second);
    api_p50_ms, api_p95_ms, api_p99_ms, purchase_p95_ms; open_orders, queue_depth, stock_left,
    confirmed (at the second's end; confirmed is cumulative); cores_<service> for every service,
    cores_approach, cores_load. What was not measured in a second is missing (NaN).

    `facts` are those of the run, if they are there already.
    """
    facts = facts or RunFacts(run)
    counts = counts_per_second(facts)
    seconds = len(counts)
    table = counts[["t_s"]].copy()
    table["planned"] = _at_seconds(facts.run.clock, "planned", seconds)
    table["active"] = _at_seconds(facts.run.clock, "active", seconds)
    table[["requests", "errors"]] = counts[["requests", "errors"]]
    api = facts.api_requests
    answered = api["answered"].to_numpy(dtype=np.bool_)
    _add_percentiles(table, "api", QUANTILES, rows(api, answered))
    buys = facts.purchases[is_in(facts.purchases, "status", ACKNOWLEDGED)]
    _add_percentiles(table, "purchase", {"p95": 0.95}, buys)
    _add_stock(table, facts)
    table["confirmed"] = counts["confirmed"]
    _add_resources(table, facts)
    return table


def counts_per_second(facts: RunFacts) -> pd.DataFrame:
    """Return what is only counted: the columns requests, errors and confirmed of `series`.

    And `done`: requests that ended, answered or not.
    """
    seconds = _length_s(facts)
    done_s = integers(facts.requests, "done_ns") // NANOSECONDS
    answered = facts.requests["answered"].to_numpy(dtype=np.bool_)
    confirmed_ns = integers(facts.confirmed, "settled_rel_ns")
    return pd.DataFrame(
        {
            "t_s": np.arange(seconds, dtype=np.int64),
            "done": _count(done_s, seconds),
            "requests": _count(done_s[answered], seconds),
            "errors": _count(done_s[sales.errors(facts)], seconds),
            "confirmed": np.searchsorted(confirmed_ns, _ends_ns(seconds), side="left"),
        }
    )


def _length_s(facts: RunFacts) -> int:
    """Return how many seconds the series has: to the last answer, but not beyond all patience."""
    load = facts.scenario["load"]
    patience_s = max(float(load["request_timeout_s"]), float(load["watch_limit_s"]))
    last_s = integers(facts.requests, "done_ns").max() / NANOSECONDS if len(facts.requests) else 0
    return max(1, math.floor(min(max(facts.end_s, last_s), facts.end_s + patience_s)) + 1)


def _add_stock(table: pd.DataFrame, facts: RunFacts) -> None:
    ends_ns = _ends_ns(len(table))
    instants, numbers = facts.open_orders
    table["open_orders"] = _level(instants, numbers, ends_ns)
    moves = facts.stock_moves
    signs = moves["kind"].map({"reserve": 1, "release": -1}).fillna(0).to_numpy(dtype=np.int64)
    held = np.cumsum(signs * integers(moves, "quantity"))
    left = facts.initial_stock - held
    table["stock_left"] = _level(integers(moves, "at_rel_ns"), left, ends_ns, facts.initial_stock)


def _ends_ns(seconds: int) -> Integers:
    return np.arange(1, seconds + 1, dtype=np.int64) * NANOSECONDS


def _add_resources(table: pd.DataFrame, facts: RunFacts) -> None:
    edges_s = np.arange(len(table) + 1, dtype=np.float64)
    depth = resources.queue_depth(facts)
    if depth is None:
        table["queue_depth"] = np.nan
    else:
        times = depth.index.to_numpy(dtype=np.float64)
        table["queue_depth"] = np.interp(edges_s[1:], times, depth.to_numpy(dtype=np.float64))
    services = [name for name in facts.topology["services"] if name in facts.cumulative_cpu_s]
    for source in [*services, "load"]:
        table[f"cores_{source}"] = _cores(facts, source, edges_s)
    approach = [f"cores_{name}" for name in services if name in facts.approach_services]
    table["cores_approach"] = table[approach].sum(axis=1) if approach else np.nan


def _cores(facts: RunFacts, source: str, edges_s: Floats) -> Floats:
    """Return the cores a source used in each second, from its cumulative CPU seconds."""
    if source not in facts.cumulative_cpu_s:
        return np.full(len(edges_s) - 1, np.nan)
    column = facts.cumulative_cpu_s[source].dropna()
    times = column.index.to_numpy(dtype=np.float64)
    used_s = np.interp(edges_s, times, column.to_numpy(dtype=np.float64))
    cores: Floats = np.diff(used_s)
    cores[(edges_s[1:] < times[0]) | (edges_s[:-1] > times[-1])] = np.nan
    return cores


def _count(at_s: Integers, seconds: int) -> Integers:
    inside = at_s[(at_s >= 0) & (at_s < seconds)]
    return np.bincount(inside, minlength=seconds).astype(np.int64)


def _at_seconds(clock: pd.DataFrame, column: str, seconds: int) -> Floats:
    """Return a column of the clock at each second; missing where the clock had stopped."""
    if clock.empty:
        return np.full(seconds, np.nan)
    at_s = np.arange(seconds, dtype=np.float64)
    times = floats(clock, "t_s")
    order = np.argsort(times, kind="stable")
    values: Floats = np.interp(at_s, times[order], floats(clock, column)[order])
    values[at_s > times.max() + 1] = np.nan
    return values


def _level(instants: Integers, levels: Integers, at_ns: Integers, before: int = 0) -> Integers:
    """Return a step function just before each of some instants."""
    position = np.searchsorted(instants, at_ns, side="left")
    return np.concatenate([[before], levels])[position].astype(np.int64)


def _add_percentiles(
    table: pd.DataFrame, what: str, quantiles: Mapping[str, float], requests: pd.DataFrame
) -> None:
    """Add nearest-rank percentiles of latency by second of sending, NaN if nothing was sent."""
    seconds = len(table)
    sent_s = integers(requests, "sent_ns") // NANOSECONDS
    latency_ms = floats(requests, "latency_ms")
    inside = (sent_s >= 0) & (sent_s < seconds)
    sent_s, latency_ms = sent_s[inside], latency_ms[inside]
    ordered = latency_ms[np.lexsort((latency_ms, sent_s))]
    sizes = np.bincount(sent_s, minlength=seconds)
    some = sizes > 0
    for name, q in quantiles.items():
        ranks = np.maximum(np.ceil(q * sizes - 1e-9).astype(np.int64), 1) - 1
        found = np.full(seconds, np.nan)
        found[some] = ordered[(np.cumsum(sizes) - sizes + ranks)[some]]
        table[f"{what}_{name}_ms"] = found
