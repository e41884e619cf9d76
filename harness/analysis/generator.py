"""The processes of the load generator, and the processors that each of them used."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from harness.analysis.run_facts import RunFacts

BY_PROCESS = "cpu_s:"
"""What the CPU seconds of a process are sampled under: this, and its number."""


@dataclass(frozen=True, slots=True)
class GeneratorProcess:
    """A process of the load with its cumulative CPU seconds over time (s since t0).

    Python uses one core. Earlier versions sampled the sum of all processes alone; that stands for
    one which can use as many `cores` as there were processes.
    """

    name: str
    sampled_cpu_s: "pd.Series[float]"
    cores: int = 1

    def used_s(self, from_s: float, to_s: float) -> float:
        """Return the CPU seconds that it used in a window."""
        at_s = self.sampled_cpu_s.index.to_numpy(dtype=np.float64)
        first, last = np.interp([from_s, to_s], at_s, self.sampled_cpu_s.to_numpy(dtype=np.float64))
        return float(last - first)


def generator_processes(facts: RunFacts) -> list[GeneratorProcess]:
    """Return every process of the load, wherever it ran; none if one was not sampled."""
    count = int(facts.scenario["load"]["processes"])
    hosts = {one.process: one.host for one in facts.record.load_workers}
    sampled = facts.telemetry_of("load", BY_PROCESS)
    if sampled.empty and not hosts:
        whole = facts.cumulative_cpu_s.get("load", pd.Series(dtype="float64")).dropna()
        return [GeneratorProcess("all processes", whole, count)] if len(whole) > 1 else []
    found = []
    for number in range(count):
        read = sampled.get(f"{BY_PROCESS}{number}", pd.Series(dtype="float64")).dropna()
        where = f" on {hosts[number]}" if number in hosts else ""
        if len(read) > 1:
            found.append(GeneratorProcess(f"process {number}{where}", read))
    return found if len(found) == count else []
