"""A run second by second, for graphs: load, answers, backlog, stock, CPU.

Answers and errors are counted in the second in which they arrived. Latencies are not here: a second
holds too few requests to support a percentile (see `Latencies`).
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from harness.analysis import order_counts, resources
from harness.analysis.columns import Flags, Floats, Integers, floats, integers
from harness.analysis.latency import not_refused
from harness.analysis.run_facts import NANOSECONDS, RunFacts
from harness.results.store import RunData


@dataclass(frozen=True, slots=True)
class Latencies:
    """Requests of one kind by when they were sent (s since t0): how long each took, in ms.

    If it was not `answered`, it is how long its buyer waited in vain.
    """

    sent_s: Floats
    latency_ms: Floats
    answered: Flags


def latencies(facts: RunFacts) -> dict[str, Latencies]:
    """Return the latencies of a run: of all requests but event streams (``api``) and of purchases.

    A purchase (``purchase``) that was refused is none; one is answered if it was acknowledged.
    """
    return {
        "api": _latencies(facts.api_requests, facts.api_requests["answered"].to_numpy(np.bool_)),
        "purchase": _latencies(*not_refused(facts)),
    }


def _latencies(requests: pd.DataFrame, answered: Flags) -> Latencies:
    sent_s = integers(requests, "sent_ns") / NANOSECONDS
    order = np.argsort(sent_s, kind="stable")
    return Latencies(sent_s[order], floats(requests, "latency_ms")[order], answered[order])


def series(run: RunData | RunFacts) -> pd.DataFrame:
    """Return a run second by second; `t_s` is the second's beginning, in s since t0.

    Columns: planned, active (users); requests, errors (answers and failures per second);
    open_orders, queue_depth, stock_left, accepted, confirmed (at the second's end; the last two are
    cumulative);
    cores_<service> for every service, cores_approach, cores_load. What was not measured in a second
    is missing (NaN).
    """
    facts = RunFacts.of(run)
    counts = counts_per_second(facts)
    seconds = len(counts)
    table = counts[["t_s"]].copy()
    table["planned"] = _at_seconds(facts.run.clock, "planned", seconds)
    table["active"] = _at_seconds(facts.run.clock, "active", seconds)
    table[["requests", "errors"]] = counts[["requests", "errors"]]
    _add_stock(table, facts)
    accepted_ns = np.sort(integers(facts.orders, "accepted_rel_ns"))
    table["accepted"] = np.searchsorted(accepted_ns, _ends_ns(seconds), side="left")
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
            "errors": _count(done_s[order_counts.errors(facts)], seconds),
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
