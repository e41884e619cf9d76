"""What ran on which machine, and what it used: of a shop on several, and of one on one."""

from dataclasses import dataclass

from harness.analysis.run_facts import RunFacts
from harness.results.nodes import CLOCK_OFFSET, SOURCE, nodes_of
from harness.runtime_names import ATTACHED


@dataclass(frozen=True, slots=True)
class NodeUsage:
    """One node of one run; None: not sampled.

    `cores` is a mean over the load, `memory_bytes` the most at one sample of load and drain,
    `clock_ahead_s` the median of its clock's readings against that of the harness' machine.
    """

    name: str
    cpus: float
    replicas: tuple[str, ...]
    cores: float | None
    memory_bytes: float | None
    clock_ahead_s: float | None


def shop_here(facts: RunFacts) -> list[str]:
    """Return the sources whose CPU is what all services used of the load generator's machine."""
    if _is_attached(facts):
        return []
    nodes = nodes_of(facts.record.deployment)
    if not nodes:
        return list(facts.topology["services"])
    return [f"{SOURCE}{name}" for name, node in nodes.items() if node["here"]]


def is_here(facts: RunFacts) -> bool:
    """Return True if all of the shop ran on the machine of the harness."""
    nodes = nodes_of(facts.record.deployment).values()
    return not _is_attached(facts) and all(one["here"] for one in nodes if one["replicas"])


def shop_cores(facts: RunFacts) -> float | None:
    """Return the processors of all machines that ran a part of the shop, None if nobody said."""
    if _is_attached(facts):
        return None
    nodes = [one for one in nodes_of(facts.record.deployment).values() if one["replicas"]]
    elsewhere = sum(float(one["cpus"]) for one in nodes if not one["here"])
    has_some_here = not nodes or any(one["here"] for one in nodes)
    return elsewhere + (facts.cores if has_some_here else 0)


def node_usages(facts: RunFacts) -> tuple[NodeUsage, ...]:
    """Return what each node ran and used; none if all ran on one machine."""
    return tuple(
        NodeUsage(
            name=name,
            cpus=float(node["cpus"]),
            replicas=tuple(node["replicas"]),
            cores=_cores(facts, f"{SOURCE}{name}"),
            memory_bytes=_most(facts, f"{SOURCE}{name}"),
            clock_ahead_s=_clock(facts, f"{SOURCE}{name}"),
        )
        for name, node in nodes_of(facts.record.deployment).items()
    )


def generator_cores(facts: RunFacts) -> float | None:
    """Return the processors that the load generator used on average over the load."""
    return _cores(facts, "load")


def _is_attached(facts: RunFacts) -> bool:
    """Return True if somebody else brought the shop up, so that its machines are not known."""
    return (facts.record.deployment or {}).get("runtime") == ATTACHED


def _cores(facts: RunFacts, source: str) -> float | None:
    used_s = facts.cpu_s(source, 0.0, facts.load_s)
    return None if used_s is None or not facts.load_s else used_s / facts.load_s


def _most(facts: RunFacts, source: str) -> float | None:
    sampled = facts.telemetry("memory_bytes")
    if source not in sampled:
        return None
    within = sampled[source].loc[0 : facts.end_s + 1].dropna()
    return float(within.max()) if len(within) else None


def _clock(facts: RunFacts, source: str) -> float | None:
    sampled = facts.telemetry(CLOCK_OFFSET)
    return float(sampled[source].median()) if source in sampled else None
