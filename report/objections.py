"""What a reviewer would object to a comparison, answered with its own numbers, a line each.

What each objection means for every number of the page stands among what the numbers cannot say
(`report.method.THREATS`); a name leads there.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from harness.runtime_names import ATTACHED
from report import method, numbers
from report.document import Facts, anchor
from report.evidence import Evidence, Variant

THREADS = "THREADS"
"""The setting of a service that says how many requests it answers at once."""

SHARED = "Load and shop share the machine"
FEW_THREADS = "Few threads"
CLOSED = "Closed load"
FEW_RUNS = "Few runs"
SIMULATED = "Simulated payments"

MORE: Mapping[str, str] = {
    SHARED: anchor(method.ONE_HOST),
    FEW_THREADS: "method",
    CLOSED: anchor(method.CLOSED_LOAD),
    FEW_RUNS: anchor(method.FEW_RUNS),
    SIMULATED: anchor(method.SIMULATED_PAYMENTS),
}
"""The place on the page that says more, by objection."""


def answers(evidence: Evidence) -> Facts:
    """Return the objections that this campaign is open to, each with its answer."""
    found = (
        (SHARED, _shared(evidence)),
        (FEW_THREADS, _threads(evidence)),
        (CLOSED, _closed(evidence)),
        (FEW_RUNS, _runs(evidence)),
        (SIMULATED, _payments(evidence)),
    )
    return Facts([(name, text) for name, text in found if text], links=MORE)


def _shared(evidence: Evidence) -> str:
    """Return how much of the machine the shop and the load generator took."""
    cores = evidence.campaign.get("environment", {}).get("cores")
    if not cores or evidence.campaign.get("runtime") == ATTACHED:
        return ""
    processes = evidence.scenario["load"]["processes"]
    shop = _each(evidence, lambda variant: _of(variant, "cpu_pct", 1))
    if evidence.campaign.get("load_workers"):
        of_a_core = _each(evidence, lambda variant: _of(variant, "generator_cpu_pct", 1))
        return (
            f"Of the cores of the harness's machine, {cores}, the shop used {shop}. Load was sent "
            f"from other machines, too: on average a process of it used {of_a_core} of a core. A "
            "run in which one of them nears its limit is INVALID."
        )
    load = _each(evidence, lambda variant: _of(variant, "generator_cpu_pct", 1, processes / cores))
    return (
        f"Of the machine's {numbers.counted(cores, 'core')} the shop used {shop}; "
        f"the load generator {load}. A run whose generator nears the limit of its processes is "
        "INVALID."
    )


def _threads(evidence: Evidence) -> str:
    """Return how many requests are answered at once where that is a number of threads."""
    found = [
        (variant, service, threads)
        for variant in evidence.variants
        for service, threads in _of_topology(evidence, variant)
    ]
    if not found:
        return ""
    said = ", ".join(f"{threads} ({variant.title})" for variant, _, threads in found)
    slots = _each(evidence, lambda variant: _of(variant, "payment_slots", 0))
    asked = f"Threads that answer: {said}. Payments in progress at once: at most {slots}."
    if len({threads for _, _, threads in found}) > 1:
        return f"{asked} This campaign compares numbers of threads."
    variant, service, _ = found[0]
    approach = variant.facts["approach"]
    more = f"{approach}-300={approach},{service}.{THREADS}=300"
    return f"{asked} More of them are a variant: harness run --variant {more}"


def _of_topology(evidence: Evidence, variant: Variant) -> Iterator[tuple[str, int]]:
    """Yield each service of a variant that has a number of threads, with that number."""
    topology = evidence.campaign.get("topologies", {}).get(variant.name, {})
    for name, service in topology.get("services", {}).items():
        threads = str((service.get("environment") or {}).get(THREADS, ""))
        if threads.isdigit():
            yield name, int(threads)


def _closed(evidence: Evidence) -> str:
    """Return how much less a slow shop was asked."""
    if evidence.scenario.get("open") is not None:
        return ""
    asked = _each(evidence, lambda variant: _of(variant, "throughput_rps", 1))
    users = _each(evidence, lambda variant: _of(variant, "users_at_purchase", 0))
    return (
        f"A slow shop is asked less. Answered: {asked}. Active users at the median purchase: "
        f"{users}. Confirmed orders and total order time compare the variants; the scenario open "
        "has buyers who come by a schedule."
    )


def _runs(evidence: Evidence) -> str:
    """Return what each run confirmed: how far they lie apart is to be seen."""
    confirmed = _each(
        evidence,
        lambda variant: ", ".join(
            numbers.number(value) for value in variant.estimate("confirmed_orders")["per_run"]
        ),
    )
    return (
        f"Confirmed orders, run by run: {confirmed}. An interval is over the runs, and n stands "
        "beside each change."
    )


def _payments(evidence: Evidence) -> str:
    """Return what part of an order is the drawn payment."""
    payment = evidence.scenario["payment"]
    drawn = _each(evidence, lambda variant: _of(variant, "payment_latency_p95_ms", 0))
    total = _each(evidence, lambda variant: _of(variant, "order_time_p95_s", 2))
    return (
        f"Each charge is drawn: {method.payment(payment)}. The p95 as drawn is {drawn}; "
        f"that of the total order time is {total}."
    )


def _of(variant: Variant, metric: str, digits: int, times: float = 1.0) -> str:
    """Return the value of a metric, or its bound, times a constant."""
    found: dict[str, Any] = dict(variant.estimate(metric))
    scaled = {key: found[key] and found[key] * times for key in ("value", "low", "high")}
    return numbers.bare({**found, **scaled}, digits)


def _each(evidence: Evidence, say: Callable[[Variant], str]) -> str:
    """Return what is said of each variant, and of which."""
    return ", ".join(f"{say(variant)} ({variant.title})" for variant in evidence.variants)
