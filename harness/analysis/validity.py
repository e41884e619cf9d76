"""Whether a run measured what it says: VALID, or INVALID with the reasons.

An invalid run is kept and shown, but it does not enter estimates and cannot win. Invalid is a
fault of the measurement, never an outcome of the approach: an approach that has not worked off its
backlog when the drain limit is over has been measured correctly, and leaving such runs out would
hide just what a slow approach does. An undrained backlog is therefore a warning; its orders count
as open, and their times as longer than what was waited for them (see `estimates`).

A fault that was planned and not carried out is a fault of the measurement, too: the run says
nothing about it. What a fault then does to the approach is an outcome.

A law that could not be checked does not invalidate a run either, but is never silent.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.analysis import machine
from harness.analysis.columns import integers, late_ms
from harness.analysis.estimates import point
from harness.analysis.resources import foreign_processes, other_cores
from harness.analysis.run_facts import NANOSECONDS, RunFacts
from harness.results.findings import Law, Verdict
from harness.results.outages import action, target
from harness.results.record import FaultRecord, Validity
from harness.results.store import RunData

VALID = "VALID"
INVALID = "INVALID"
OTHERS_LIMIT_CORES = 0.10
"""What others may use of a core during the load before it is worth a warning."""
NAMED = 3
STOOD_STILL_MS = 500.0
STEAL_LIMIT = 0.02
"""Share of the machine's time that a hypervisor may withhold before it is worth a warning."""


def validity(run: RunData | RunFacts, laws: Sequence[Law]) -> Validity:
    """Judge a run by its laws and its record."""
    facts = RunFacts.of(run)
    record = facts.record
    reasons = [_describe(law) for law in laws if law.verdict is Verdict.FAIL]
    if not laws:
        reasons.append("its laws were not checked")
    if record.reset_proof is None or not record.reset_proof.clean:
        reasons.append("it is not proven that it began with empty stores and full stock")
    if record.status != "complete":
        reasons.append(f"it did not end as planned: its status is {record.status!r}")
    reasons += [_missed(fault) for fault in record.faults if fault.error is not None]
    return Validity(
        verdict=INVALID if reasons else VALID,
        reasons=reasons,
        warnings=_warnings(facts, laws),
        laws=list(laws),
    )


def _warnings(facts: RunFacts, laws: Sequence[Law]) -> list[str]:
    record = facts.record
    warnings = [f"not checked: {_describe(law)}" for law in laws if law.verdict is Verdict.UNKNOWN]
    if not record.drained:
        unsettled = len(facts.orders) - int(facts.orders["settled"].sum())
        warnings.append(
            f"the backlog was not worked off in {facts.drain_s:.0f} s after the load: "
            f"{unsettled} orders are open, and count as such"
        )
    for fault in record.faults:
        if fault.begun_ns is not None and fault.healthy_ns is None:
            warnings.append(f"not healthy again after {action(fault.plan)} of {target(fault.plan)}")
    warnings += _unenforced(record.deployment or {})
    stolen = _stolen_share(facts)
    if stolen > STEAL_LIMIT:
        warnings.append(f"the hypervisor withheld {100 * stolen:.1f} % of the machine's time")
    return warnings + _others(facts) + machine.warnings(facts) + _stood_still(facts)


def _stood_still(facts: RunFacts) -> list[str]:
    """Warn of the moments at which the load generator did not send what was due."""
    requests = facts.requests
    behind_ms = late_ms(requests)
    late = behind_ms > STOOD_STILL_MS
    if facts.scenario.get("contention") or not late.any():
        return []
    at_s = integers(requests, "intended_ns")[late].min() / NANOSECONDS
    return [
        f"the load generator stood still: {int(late.sum())} requests were sent over "
        f"{STOOD_STILL_MS:g} ms late, at most {behind_ms.max():.0f} ms, the first at {at_s:.1f} s"
    ]


def _others(facts: RunFacts) -> list[str]:
    """Warn if somebody else was at work on the machine, and name who was seen."""
    cores = point(other_cores(facts), None).value
    if cores is None or cores <= OTHERS_LIMIT_CORES:
        return []
    seen = [
        f"{name} {used:.2f}" for name, used in foreign_processes(facts)[:NAMED] if used >= 0.005
    ]
    names = f": {', '.join(seen)} among them" if seen else ""
    return [f"others used {cores:.2f} cores of the machine during the load{names}"]


def _unenforced(deployment: Mapping[str, Any]) -> list[str]:
    """Warn of limits that the compose file states and the runtime could not keep."""
    idle = [
        service
        for service, limits in sorted(deployment.get("limits", {}).items())
        if not limits["enforced"] and (limits["cpus"] or limits["memory_bytes"])
    ]
    runtime = deployment.get("runtime")
    return (
        [f"the {runtime} runtime did not enforce the limits of {', '.join(idle)}"] if idle else []
    )


def _stolen_share(facts: RunFacts) -> float:
    stolen_s = facts.telemetry("steal_s")
    if "machine" not in stolen_s:
        return 0.0
    within = stolen_s["machine"].dropna().loc[0 : facts.load_s + 1]
    if len(within) < 2:
        return 0.0
    seconds = float(within.index[-1] - within.index[0])
    return float(within.iloc[-1] - within.iloc[0]) / (seconds * facts.cores)


def _missed(fault: FaultRecord) -> str:
    """Return of a fault that did not go as planned what came instead."""
    happened = "did not happen" if fault.begun_ns is None else "did not end as planned"
    return f"{action(fault.plan)} of {target(fault.plan)} {happened}: {fault.error}"


def _describe(law: Law) -> str:
    where = f" in stage {law.stage}" if law.stage else ""
    return f"{law.name}{where}: {law.detail}"
