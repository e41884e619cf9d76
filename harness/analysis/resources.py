"""What a run cost: CPU, memory, containers, how its servers shared the work, and its backlog.

Only the services of the approach are counted; the payment gateway belongs to the world and the load
generator to the measurement. CPU is read from cumulative counters, so a lost sample loses no CPU
time. Memory is PSS, in which a page shared by several processes counts once.
"""

from collections import Counter

import numpy as np
import pandas as pd

from harness.analysis.columns import integers
from harness.analysis.estimates import Missing, Quantity, Ratio, Scalar, Scale
from harness.analysis.generator import generator_processes
from harness.analysis.metric import Group, Listing, metric
from harness.analysis.node_usage import shop_cores, shop_here
from harness.analysis.run_facts import NANOSECONDS, RunFacts

NO_CPU = "CPU time was not sampled"
STREAM_LENGTH = "stream_length:"
FOREIGN = "cpu_s:"


@metric("CPU usage", "%", group=Group.RESOURCES, digits=1)
def cpu_pct(facts: RunFacts) -> Quantity:
    """CPU that the approach's services used over the load, in % of all cores of the machine."""
    cores = shop_cores(facts)
    if cores is None:
        return Missing("how many cores the services could use is not known")
    return _per(facts.load_s * cores, approach_cpu_s(facts, facts.load_s), times=100.0)


@metric("CPU cores used", "cores", group=Group.RESOURCES, digits=2, scale=Scale.LOG)
def cpu_cores(facts: RunFacts) -> Quantity:
    """Cores that the approach's services used on average over the load."""
    return _per(facts.load_s, approach_cpu_s(facts, facts.load_s))


@metric(
    "CPU time per confirmed order, while selling", "s", better="lower", group=Group.RESOURCES,
    digits=3, scale=Scale.LOG, lists={Listing.GATE: 4, Listing.MAIN: 12, Listing.COST: 1},
)  # fmt: skip
def selling_cpu_s_per_order(facts: RunFacts) -> Quantity:
    """CPU seconds of the approach's services per confirmed order, until the last was confirmed.

    What refuses buyers after the sale is over is no part of it.
    """
    return _per_order(facts, approach_cpu_s(facts, facts.selling_s))


@metric(
    "CPU time per confirmed order, whole run", "s", group=Group.RESOURCES, digits=3,
    scale=Scale.LOG, lists={Listing.COST: 2},
)  # fmt: skip
def cpu_s_per_order(facts: RunFacts) -> Quantity:
    """CPU seconds of load and drain that the approach's services used per confirmed order.

    Who sells out early has refused buyers for longer, so nobody wins it.
    """
    return _per_order(facts, approach_cpu_s(facts, facts.end_s))


@metric(
    "CPU time per answered request", "ms", better="lower", group=Group.RESOURCES, digits=2,
    scale=Scale.LOG,
)  # fmt: skip
def cpu_ms_per_request(facts: RunFacts) -> Quantity:
    """CPU milliseconds of load and drain that the approach's services used per answered request."""
    answered = float(facts.requests["answered"].sum())
    return _per(answered, approach_cpu_s(facts, facts.end_s), times=1000.0)


def approach_cpu_s(facts: RunFacts, to_s: float) -> float | Missing:
    """Return the CPU seconds that the approach's services used from the start of the load on."""
    known = facts.known_cpu_s(facts.approach_services, 0.0, to_s)
    is_whole = len(known) == len(facts.approach_services)
    return float(sum(known)) if is_whole else Missing(NO_CPU)


@metric(
    "Memory time per confirmed order, while selling", "GB·s", better="lower",
    group=Group.RESOURCES, digits=3, scale=Scale.LOG, lists={Listing.COST: 3},
)  # fmt: skip
def selling_memory_gb_s_per_order(facts: RunFacts) -> Quantity:
    """Memory of the approach's services × time until the last confirmation, in 10^9 B·s per order.

    Their mean memory times that time, per confirmed order.
    """
    return _per_order(facts, memory_gb_s(facts, facts.selling_s))


@metric(
    "Memory time per confirmed order, whole run", "GB·s", group=Group.RESOURCES, digits=3,
    scale=Scale.LOG, lists={Listing.COST: 4},
)  # fmt: skip
def memory_gb_s_per_order(facts: RunFacts) -> Quantity:
    """Memory that the approach's services held × how long, in 10^9 B·s per confirmed order.

    Over load and drain: their mean memory times their length. How long a run lasts is the
    scenario's choice, so nobody wins it.
    """
    return _per_order(facts, memory_gb_s(facts, facts.end_s))


@metric(
    "Memory, peak", "MB", better="lower", group=Group.RESOURCES, scale=Scale.LOG,
    lists={Listing.MAIN: 13},
)  # fmt: skip
def memory_peak_mb(facts: RunFacts) -> Quantity:
    """Most memory that the approach's services held together during load and drain, in 10^6 B."""
    held = _approach_memory_bytes(facts)
    return held if isinstance(held, Missing) else Scalar(float(held.max()) / 1e6)


def _per_order(facts: RunFacts, used: float | Missing) -> Quantity:
    return _per(float(len(facts.confirmed)), used)


def _per(denominator: float, used: float | Missing, times: float = 1.0) -> Quantity:
    return used if isinstance(used, Missing) else Ratio(times * used, denominator)


def memory_gb_s(facts: RunFacts, to_s: float) -> float | Missing:
    """Return the memory of the approach's services × time from the start on, in 10^9 B·s."""
    held = _approach_memory_bytes(facts)
    if isinstance(held, Missing):
        return held
    within = held.loc[: max(to_s + 1, held.index[0])]
    return float(within.mean()) / 1e9 * to_s


def _approach_memory_bytes(facts: RunFacts) -> "pd.Series[float] | Missing":
    """Return what the approach's services held together at each sample of load and drain."""
    sampled = facts.telemetry("memory_bytes")
    services = [name for name in facts.approach_services if name in sampled.columns]
    if len(services) < len(facts.approach_services):
        return Missing("memory was not sampled")
    within = sampled.loc[0 : facts.end_s + 1, services].ffill().dropna()
    if within.empty:
        return Missing("memory was not sampled during the load")
    together: pd.Series[float] = within.sum(axis=1)
    return together


@metric("Containers", better="lower", group=Group.RESOURCES, scale=Scale.EXACT)
def containers(facts: RunFacts) -> Quantity:
    """Containers that the approach's topology asks for, the payment gateway excluded."""
    return Scalar(float(facts.topology["containers"]))


@metric("Payment capacity", "slots", better="higher", group=Group.SCALABILITY, scale=Scale.EXACT)
def payment_slots(facts: RunFacts) -> Quantity:
    """Payments that the approach can have in progress at once, as configured."""
    slots = facts.topology["payment_slots"]
    return (
        Missing("nothing bounds the payments in progress")
        if slots is None
        else Scalar(float(slots))
    )


@metric("Busiest server behind the entry", "%", group=Group.SCALABILITY, digits=1)
def busiest_server_pct(facts: RunFacts) -> Quantity:
    """Requests that the busiest server behind the entry answered, in % of those of all of them.

    Of n servers that share all evenly, each answers 100 / n.
    """
    log = facts.record.entry_log
    answered: Counter[str] = Counter()
    for row in log.requests if log is not None else ():
        answered.update(row.servers)
    if not answered:
        return Missing("no entry logged which server answered")
    return Ratio(100.0 * max(answered.values()), float(answered.total()))


@metric("CPU of the load generator", "%", group=Group.MEASUREMENT, digits=1)
def generator_cpu_pct(facts: RunFacts) -> Quantity:
    """CPU of the load generator over the load, in % of one core per generator process."""
    processes = generator_processes(facts)
    if not processes:
        return Missing(NO_CPU)
    used_s = sum(one.used_s(0.0, facts.load_s) for one in processes)
    return Ratio(100.0 * used_s, facts.load_s * sum(one.cores for one in processes))


@metric("CPU used by others", "cores", group=Group.MEASUREMENT, digits=2)
def other_cores(facts: RunFacts) -> Quantity:
    """Cores that others used on average over the load.

    What the machine was busy with, less services, load generator and harness.
    """
    sources = [*shop_here(facts), "load", "harness"]
    known = facts.known_cpu_s(sources, 0.0, facts.load_s)
    machine_s = facts.cpu_s("machine", 0.0, facts.load_s)
    if machine_s is None or len(known) < len(sources):
        return Missing("the CPU of the harness was not sampled")
    return Ratio(max(0.0, machine_s - sum(known)), facts.load_s)


def foreign_processes(facts: RunFacts) -> list[tuple[str, float]]:
    """Return who else used the processors, by name and cores during the load, the most first."""
    used_s = facts.telemetry_of("strangers", FOREIGN)
    within = used_s.loc[0 : facts.load_s + 1].ffill().fillna(0.0)
    if len(within) < 2:
        return []
    seconds = float(within.index[-1] - within.index[0])
    cores = (within.iloc[-1] - within.iloc[0]) / seconds
    named = [(str(name).removeprefix(FOREIGN), float(value)) for name, value in cores.items()]
    return sorted(named, key=lambda pair: (-pair[1], pair[0]))


def queue_depth(facts: RunFacts) -> pd.Series | None:
    """Return the entries in all streams of an approach over time, or None if it has no streams.

    Entries are deleted when they are acknowledged, so a stream's length is what waits plus what a
    worker has in hand (its pending entries); adding the pending ones would count those twice.
    """
    lengths = facts.telemetry_of("redis", STREAM_LENGTH)
    if not facts.topology["has_redis"] or lengths.empty:
        return None
    depth: pd.Series = lengths.sum(axis=1)
    return depth


@metric("Queue depth, most", better="lower", group=Group.SCALABILITY, lists={Listing.BACKLOG: 1})
def queue_depth_max(facts: RunFacts) -> Quantity:
    """Most entries in the streams at once, over load and drain."""
    depth = queue_depth(facts)
    return _no_queue(facts) if depth is None else Scalar(float(depth.max()))


@metric(
    "Queue depth, average", better="lower", group=Group.SCALABILITY, digits=1,
    lists={Listing.BACKLOG: 2},
)  # fmt: skip
def queue_depth_avg(facts: RunFacts) -> Quantity:
    """Entries in the streams on average over the load."""
    depth = queue_depth(facts)
    if depth is None or depth.loc[0 : facts.load_s].empty:
        return _no_queue(facts)
    return Scalar(float(depth.loc[0 : facts.load_s].mean()))


def _no_queue(facts: RunFacts) -> Missing:
    if facts.topology["has_redis"]:
        return Missing("the streams were not sampled")
    return Missing("the approach has no queue")


@metric("Open orders, most", group=Group.SCALABILITY, lists={Listing.BACKLOG: 3})
def open_orders_max(facts: RunFacts) -> Quantity:
    """Most orders without outcome at once, by the ledger."""
    _, numbers = facts.open_orders
    return Scalar(float(numbers.max()) if len(numbers) else 0.0)


@metric("Open orders, average", group=Group.SCALABILITY, digits=1, lists={Listing.BACKLOG: 4})
def open_orders_avg(facts: RunFacts) -> Quantity:
    """Orders without outcome on average over the load, by the ledger."""
    instants, numbers = facts.open_orders
    end_ns = round(facts.load_s * NANOSECONDS)
    edges = np.clip(np.append(instants, end_ns), 0, end_ns)
    return Ratio(float((np.diff(edges) * numbers).sum()), float(end_ns))


@metric(
    "Backlog drain time", "s", better="lower", group=Group.SCALABILITY, digits=1,
    lists={Listing.MAIN: 14, Listing.BACKLOG: 9},
)  # fmt: skip
def backlog_drain_s(facts: RunFacts) -> Quantity:
    """Time from the end of the load until the last order was settled, in s."""
    unsettled = len(facts.orders) - int(facts.orders["settled"].sum())
    if unsettled:
        return Missing(f"not drained: {unsettled} orders open {facts.drain_s:.0f} s after the load")
    settled_ns = integers(facts.orders, "settled_rel_ns")
    if len(settled_ns) == 0:
        return Missing("no order was accepted")
    return Scalar(max(0.0, float(settled_ns.max()) / NANOSECONDS - facts.load_s))
