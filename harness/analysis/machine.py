"""The machine during the load: who used its processors, and when there were none to spare.

Load generator and shop share a machine, so a stage in which it was full measures both: each waited
for the other. That is no contradiction, hence a warning; what it did to the sending of requests is
judged by the laws about the generator.
"""

from dataclasses import dataclass

import numpy as np

from harness.analysis.node_usage import is_here, shop_here
from harness.analysis.run_facts import RunFacts, Stage

FULL = 0.95
"""Share of the processors from which on none is to spare: counters advance in ticks."""
FULL_FOR = 0.10
"""Share of a stage that a machine may be full before it is worth a warning."""
NOTABLE_CORES = 0.10
WITHHELD_LIMIT = 0.02
"""Share of the load for which a quota may withhold processors before it is worth a warning."""


@dataclass(frozen=True, slots=True)
class Use:
    """Who used how many processors on average over a stage; None: not sampled."""

    stage: Stage
    full: float
    """Share of the stage in which the machine, or what we may use of it, was full."""
    cores: dict[str, float]
    waited: float | None
    """Share of the stage in which some process waited for a processor."""


def uses(facts: RunFacts) -> list[Use]:
    """Return the use of the machine in each stage; none if it was not sampled."""
    stages = facts.stages or [Stage(1, "load", 0, 0.0, facts.load_s)]
    if "machine" not in facts.cumulative_cpu_s:
        return []
    return [_use(facts, stage) for stage in stages]


def warnings(facts: RunFacts) -> list[str]:
    """Return what a reader should know of the machine that the numbers are from."""
    found = []
    if facts.cores_allowed < facts.cores:
        found.append(
            f"the harness could use {facts.cores_allowed:g} of the {facts.cores} processors of the "
            "machine (affinity, or the quota of its control group)"
        )
    withheld_s = _gained(facts, "throttled_s", 0.0, facts.load_s)
    if withheld_s is not None and withheld_s > WITHHELD_LIMIT * facts.load_s:
        found.append(
            f"the control group was kept off the processors for {withheld_s:.1f} s of the "
            f"{facts.load_s:g} s of load: its quota is too small"
        )
    shared = bool(shop_here(facts))
    return found + [_warning(use, shared=shared) for use in uses(facts) if use.full > FULL_FOR]


def _use(facts: RunFacts, stage: Stage) -> Use:
    of_shop = {"approach": facts.approach_services, "world": list(facts.topology.get("world", ()))}
    if not is_here(facts):
        of_shop = {"shop": shop_here(facts)}
    groups = {"generator": ["load"], **of_shop, "harness": ["harness"]}
    cores = {}
    for name, sources in groups.items():
        known = facts.known_cpu_s(sources, stage.start_s, stage.end_s)
        if known:
            cores[name] = sum(known) / stage.seconds
    busy_s = facts.cpu_s("machine", stage.start_s, stage.end_s) or 0.0
    cores["others"] = max(0.0, busy_s / stage.seconds - sum(cores.values()))
    waited_s = _gained(facts, "waited_s", stage.start_s, stage.end_s)
    waited = None if waited_s is None else min(waited_s / stage.seconds, 1.0)
    return Use(stage, _full(facts, stage), cores, waited)


def _full(facts: RunFacts, stage: Stage) -> float:
    """Return for which share of a stage no processor was to spare.

    The machine is judged second by second. What the harness may use, if that is less, is judged
    over the stage as a whole, because not every service is read each second.
    """
    read = facts.cumulative_cpu_s["machine"].dropna()
    at_s = read.index.to_numpy(dtype=np.float64)
    widths_s = np.diff(at_s)
    kept = (at_s[:-1] >= stage.start_s - 0.5) & (at_s[1:] <= stage.end_s + 0.5) & (widths_s > 0)
    if not kept.any():
        return 0.0
    busy = np.diff(read.to_numpy(dtype=np.float64))[kept] / widths_s[kept]
    full_s = float(widths_s[kept][busy >= FULL * facts.cores].sum())
    of_machine = full_s / float(widths_s[kept].sum())
    ours = [*shop_here(facts), "load", "harness"]
    used = sum(facts.known_cpu_s(ours, stage.start_s, stage.end_s)) / stage.seconds
    return 1.0 if used >= FULL * facts.usable_cores else of_machine


def _gained(facts: RunFacts, metric: str, from_s: float, to_s: float) -> float | None:
    """Return by how much a counter of the machine grew in a window, None if it was not read."""
    table = facts.telemetry(metric)
    if "machine" not in table or len(table["machine"].dropna()) < 2:
        return None
    column = table["machine"].dropna()
    values = column.to_numpy(dtype=np.float64)
    first, last = np.interp([from_s, to_s], column.index.to_numpy(dtype=np.float64), values)
    return float(last - first)


def _warning(use: Use, *, shared: bool) -> str:
    shares = ", ".join(f"{name} {used:.2f}" for name, used in use.cores.items())
    others = " and for others" if use.cores["others"] > NOTABLE_CORES else ""
    waited = "" if use.waited is None else f"; a process waited {100 * use.waited:.0f} % of it"
    if not shared:
        return (
            f"the machine of the harness was full for {100 * use.full:.0f} % of stage "
            f"{use.stage.name}{waited}"
        )
    return (
        f"the machine was full for {100 * use.full:.0f} % of stage {use.stage.name}, so generator "
        f"and shop waited for each other{others}; processors used: {shares}{waited}"
    )
