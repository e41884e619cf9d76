"""What a load uses up: the generator, machines, a service, the payment slots, locks.

A resource is *full* while it has nothing to spare. Over the busiest stage each has a share of time
in which it was full, and one for which that is at least `GAVE_OUT` gave out. All is read from the
telemetry and the ledger of one run.

If several gave out, what is not the system's comes first: the load generator, the machine that it
shares, and the world (the payment gateway). Whatever else was full then, the run does not say that
the system could do no more. Of the system's own resources, other machines of it among them, what
was full longest comes first, but locks come last: a session that has no processor holds its locks
for longer.

A service of processes that use one core each (Python, Redis) is full when each process has its
core. How many processes work is stated by PROCESSES, else it is what was counted. A service
that was seen to use more than that is not bound so, and is full only with the machine.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

from harness.analysis import machine
from harness.analysis.columns import Floats, integers
from harness.analysis.generator import generator_processes
from harness.analysis.laws import arrival_laws, crowd
from harness.analysis.node_usage import is_here, shop_cores
from harness.analysis.run_facts import NANOSECONDS, RunFacts, steps
from harness.capacity.capacity_document import Kind, Resource
from harness.results.findings import Law, Verdict
from harness.results.nodes import SOURCE, nodes_of

GAVE_OUT: Final = 0.10
"""Share of the busiest stage for which a resource must be full to have given out."""
FULL_PROCESS: Final = 0.90
"""Share of its core from which on a process has nothing to spare: counters advance in ticks."""
UNBOUND: Final = 1.10
"""A process that often uses more than this of a core is not bound to one."""
PUNCTUALITY: Final = (arrival_laws.ARRIVED, arrival_laws.ON_TIME, crowd.GENERATOR_LATE)
"""Laws that a generator breaks which has no time to send what is due."""

NOT_OF_THE_SYSTEM: Final = (Kind.GENERATOR, Kind.MACHINE, Kind.WORLD)
_ORDER: Final = tuple(Kind)
_OWN_CORES: Final = "PROCESSES"


def resources(facts: RunFacts, laws: Iterable[Law] = ()) -> list[Resource]:
    """Return the resources that were sampled, the one that was full longest first."""
    whole = list(_machine(facts))
    found = [
        *_generator(facts, laws, is_starved=any(has_given_out(one) for one in whole)),
        *whole,
        *_nodes(facts),
        *_services(facts),
        *_slots(facts),
        *_locks(facts),
    ]
    return sorted(found, key=_place)


def merged(runs: Sequence[Sequence[Resource]]) -> list[Resource]:
    """Return the resources of several runs: means of their shares, with the words of the fullest.

    A resource that was not sampled in one of them is left out.
    """
    by_name: dict[str, list[Resource]] = {}
    for one in (one for run in runs for one in run):
        by_name.setdefault(one.name, []).append(one)
    return sorted((_mean(same) for same in by_name.values() if len(same) == len(runs)), key=_place)


def has_given_out(one: Resource) -> bool:
    """Return True if a resource was full for long enough."""
    return one.full >= GAVE_OUT


def what_gave_out(found: Sequence[Resource]) -> Resource | None:
    """Return the resource that gave out, of those of one level; None if none did."""
    return found[0] if found and has_given_out(found[0]) else None


def _place(one: Resource) -> tuple[int, float, int, float]:
    """Return what a resource is sorted by: who gave out first, and who was full longest."""
    rank = 3
    if has_given_out(one):
        rank = 0 if one.kind in NOT_OF_THE_SYSTEM else 2 if one.kind is Kind.LOCKS else 1
    return rank, -round(one.full, 2), _ORDER.index(one.kind), -one.used


def _mean(same: Sequence[Resource]) -> Resource:
    fullest = max(same, key=lambda one: one.full)
    n = len(same)
    used, full = sum(one.used for one in same) / n, sum(one.full for one in same) / n
    return fullest.model_copy(update={"used": used, "full": full})


def _generator(facts: RunFacts, laws: Iterable[Law], *, is_starved: bool) -> Iterator[Resource]:
    """Yield the load generator; one that was late on a machine with room to spare was full."""
    found = [
        (one, _shares(busy, crowd.GENERATOR_CPU_LIMIT))
        for one in generator_processes(facts)
        if (busy := _busy(facts, one.sampled_cpu_s, one.cores)) is not None
    ]
    if not found:
        return
    busiest, (used, full) = max(found, key=lambda pair: pair[1][::-1])
    words = f"{_percent(used)} of {_cores(busiest.cores)} that its Python can use"
    words += f" ({busiest.name})" if len(found) > 1 else ""
    late = [law for law in laws if law.verdict is Verdict.FAIL and law.name in PUNCTUALITY]
    if late and not is_starved:
        full, words = 1.0, f"{late[0].detail}; it used {words}"
    yield Resource(kind=Kind.GENERATOR, name="load generator", used=used, full=full, words=words)


def _machine(facts: RunFacts) -> Iterator[Resource]:
    for use in machine.uses(facts):
        if use.stage.number == facts.peak.number:
            shares = ", ".join(f"{name} {cores:.2f}" for name, cores in use.cores.items())
            yield Resource(
                kind=Kind.MACHINE,
                name="machine",
                used=sum(use.cores.values()) / facts.cores,
                full=use.full,
                words=f"of {_cores(facts.cores)}: {shares}",
            )


def _nodes(facts: RunFacts) -> Iterator[Resource]:
    """Yield the machines on which only the shop ran."""
    for name, node in nodes_of(facts.record.deployment).items():
        read = facts.cumulative_cpu_s.get(f"{SOURCE}{name}")
        cores = float(node["cpus"])
        busy = None if node["here"] or read is None else _busy(facts, read, cores)
        if busy is not None:
            used, full = _shares(busy, machine.FULL)
            words = f"{_percent(used)} of its {_cores(cores)}"
            yield Resource(kind=Kind.NODE, name=f"node {name}", used=used, full=full, words=words)


def _services(facts: RunFacts) -> Iterator[Resource]:
    for name in facts.topology["services"]:
        cores = _own_cores(facts, name)
        read = facts.cumulative_cpu_s.get(name)
        busy = None if cores is None or read is None else _busy(facts, read, cores)
        if cores is None or busy is None or _shares(busy, UNBOUND)[1] >= GAVE_OUT:
            continue
        used, full = _shares(busy, FULL_PROCESS)
        words = f"{_percent(used)} of the {_cores(cores)} that its processes can use"
        kind = Kind.WORLD if name in facts.topology.get("world", ()) else Kind.SERVICE
        yield Resource(kind=kind, name=name, used=used, full=full, words=words)


def _own_cores(facts: RunFacts, service: str) -> float | None:
    """Return how many cores the processes of a service can use, None if they were not counted."""
    described: Mapping[str, object] = facts.topology["services"][service]
    environment = described.get("environment")
    stated = str(environment.get(_OWN_CORES, "")) if isinstance(environment, Mapping) else ""
    if stated.isdecimal():
        cores = float(stated) * float(str(described.get("replicas", 1)))
    else:
        counted = facts.telemetry("processes")
        begin_s, end_s = facts.peak.start_s, facts.peak.end_s
        if service not in counted or counted[service].loc[begin_s : end_s + 1].dropna().empty:
            return None
        cores = float(counted[service].loc[begin_s : end_s + 1].dropna().median())
    most = facts.usable_cores if is_here(facts) else shop_cores(facts) or cores
    return min(cores, facts.enforced_cpus.get(service, cores), most) or None


def _slots(facts: RunFacts) -> Iterator[Resource]:
    """Yield the payment slots, by the charges that the gateway had under way."""
    slots = facts.topology["payment_slots"]
    if slots is None or facts.charges.empty:
        return
    begin_ns, end_ns = facts.peak.window_ns
    started_ns = integers(facts.charges, "started_ns") - facts.t0_wall_ns
    finished_ns = integers(facts.charges, "finished_ns") - facts.t0_wall_ns
    instants, numbers = steps(started_ns, finished_ns)
    edges = np.clip(np.append(instants, end_ns), begin_ns, end_ns)
    widths_s = np.diff(edges) / NANOSECONDS
    used = float((numbers * widths_s).sum()) / (facts.peak.seconds * slots)
    full = float(widths_s[numbers >= slots].sum()) / facts.peak.seconds
    words = f"all {slots} had a charge under way for {_percent(full)} of the time"
    yield Resource(kind=Kind.SLOTS, name="payment slots", used=used, full=full, words=words)


def _locks(facts: RunFacts) -> Iterator[Resource]:
    """Yield the ledger's locks: full when a session waits for one."""
    waiting = facts.telemetry("locks_waiting")
    begin_s, end_s = facts.peak.start_s, facts.peak.end_s
    for store in waiting.columns:
        read = waiting[store].loc[begin_s:end_s].dropna()
        if not read.empty:
            share = float((read >= 1).mean())
            words = f"sessions waited for a lock in {_percent(share)} of the samples"
            yield Resource(
                kind=Kind.LOCKS, name=f"locks of {store}", used=share, full=share, words=words
            )


def _busy(facts: RunFacts, cpu_s: "pd.Series[float]", cores: float) -> Floats | None:
    """Return, for each interval between two samples of the busiest stage, its length and use.

    The length is in s, the use a share of `cores`. None if there are no two samples.
    """
    read = cpu_s.dropna()
    at_s = read.index.to_numpy(dtype=np.float64)
    widths_s = np.diff(at_s)
    stage = facts.peak
    kept = (at_s[:-1] >= stage.start_s - 0.5) & (at_s[1:] <= stage.end_s + 0.5) & (widths_s > 0)
    if not kept.any():
        return None
    used_s = np.diff(read.to_numpy(dtype=np.float64))[kept]
    return np.column_stack([widths_s[kept], used_s / widths_s[kept] / cores])


def _shares(busy: Floats, limit: float) -> tuple[float, float]:
    """Return the mean use, and the share of time in which it was at least `limit`."""
    widths_s, use = busy[:, 0], busy[:, 1]
    whole_s = float(widths_s.sum())
    full_s = float(widths_s[use >= limit].sum())
    return float((widths_s * use).sum()) / whole_s, full_s / whole_s


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _cores(n: float) -> str:
    return f"{n:g} core{'' if n == 1 else 's'}"
