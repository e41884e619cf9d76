"""Laws that the numbers of one run must obey: if one is broken, the run measured something else.

Each law has a left and a right side, computed from facts that were recorded independently of each
other, a residual and a tolerance; FAIL if the residual exceeds it, UNKNOWN if the facts are not
there. The modules are what the laws are about:

    crowd        buyers and the load generator: N = X(R + Z), planned users, CPU, punctuality
    counts       requests: sent, answered, counted by Locust, by the second, and by the entry's log
    capacity     what a machine and an approach cannot exceed, or must use: CPU, payment slots
    times        L = λW of the backlog, the two clocks, the clocks of the load's machines
    node_clocks  the clocks of the shop's machines

and, of other loads than stages of users, `arrival_laws` and `contention_laws`.

A fault of the scenario's excuses little: the load generator is not hit, so the laws about buyers,
about the ledger of requests and about the generator stay as they are. What is excused is said at
the laws about what the approach itself counts: payment slots, and the backlog.

That clients and servers counted the same requests is no law but an invariant of the audit (I14).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from harness.analysis.laws import (
    arrival_laws,
    capacity,
    contention_laws,
    counts,
    crowd,
    node_clocks,
    times,
)
from harness.analysis.run_facts import RunFacts
from harness.results.findings import Law, Verdict
from harness.results.store import RunData

Laws = Sequence[tuple[str, Callable[[RunFacts], Iterable[Law]]]]

LAWS: Laws = (
    (crowd.INTERACTIVE, crowd.interactive_response_time),
    (counts.CHAIN, counts.sent_equals_outcomes),
    (counts.ENTRY_LATENCY, counts.client_agrees_with_the_entry),
    (counts.SUMS, counts.per_second_sums_equal_totals),
    (counts.RECORDED, counts.recorded_equals_locust),
    (capacity.UTILISATION, capacity.utilisation_at_most_one),
    (capacity.SLOTS, capacity.slots_cover_charges),
    (capacity.IDLE, capacity.slots_are_used),
    (times.BACKLOG, times.backlog_is_arrivals_times_stay),
    (times.CLOCKS, times.clocks_agree),
    (node_clocks.NODE_CLOCKS, node_clocks.node_clocks_agree),
    (crowd.USERS, crowd.planned_users_achieved),
    (crowd.GENERATOR_CPU, crowd.generator_has_cpu_to_spare),
    (crowd.GENERATOR_LATE, crowd.generator_is_punctual),
)

OF_ARRIVALS: Laws = (
    (arrival_laws.ARRIVED, arrival_laws.every_buyer_arrived),
    (arrival_laws.ON_TIME, arrival_laws.buyers_arrived_on_time),
    *(
        (name, law)
        for name, law in LAWS
        if name not in (crowd.USERS, crowd.GENERATOR_LATE, counts.ENTRY_LATENCY)
    ),
)
"""In place of the laws about planned users and their thinking; all others hold as they stand, but
for the entry's log: it counts from a request's first byte, and here each has to connect first."""

OF_CONTENTION: Laws = (
    (contention_laws.EVERY_SALE, contention_laws.every_sale_took_place),
    (counts.RECORDED, counts.recorded_equals_locust),
    (capacity.UTILISATION, capacity.utilisation_at_most_one),
    (capacity.SLOTS, capacity.slots_cover_charges),
    (capacity.IDLE, capacity.slots_are_used),
    (times.CLOCKS, times.clocks_agree),
    (node_clocks.NODE_CLOCKS, node_clocks.node_clocks_agree),
)
"""Laws that hold without stages: in a contention test nobody thinks, and bursts are sudden."""

OF_LOAD_WORKERS: Laws = ((times.LOAD_CLOCKS, times.load_clocks_are_known),)
"""Beside the others, if part of the load came from other machines."""


def laws_of(scenario: Mapping[str, Any]) -> Laws:
    """Return the laws that apply to the load of a scenario."""
    if scenario.get("contention"):
        return OF_CONTENTION
    return OF_ARRIVALS if scenario.get("open") else LAWS


def check_laws(run: RunData | RunFacts, applicable: Laws | None = None) -> list[Law]:
    """Check the laws that apply to a run; one that crashes is UNKNOWN and says with what error."""
    facts = RunFacts.of(run)
    laws: list[Law] = []
    if applicable is None:
        workers = OF_LOAD_WORKERS if facts.record.load_workers else ()
        applicable = (*laws_of(facts.scenario), *workers)
    for name, law in applicable:
        try:
            laws += list(law(facts))
        except Exception as error:  # a broken fact must not hide what the other laws find
            detail = f"could not be checked: {type(error).__name__}: {error}"
            laws.append(Law(name, Verdict.UNKNOWN, None, 0.0, detail))
    return laws
