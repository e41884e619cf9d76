"""What a prober was answered that no load would ask."""

from harness.results.record import ProbeResult, ProberFacts
from harness.results.store import RunData
from tests.defects.breaking import changed, defect
from tests.defects.unmeasured import unmeasured

IDS = "orders that one buyer places at once are orders of their own"


def probed(run: RunData, **found: object) -> RunData:
    run = changed(run)
    result = ProbeResult(title=IDS, asked=4, **found)
    run.record.prober = ProberFacts(probes=[result], requests=[])
    return run


@defect("I20")
def ids_collide(run: RunData, pick: int) -> RunData:
    said = "answered POST /orders by 202 {}"
    return probed(run, violated=1 + pick % 4, examples=[said])


@unmeasured
def a_prober_that_was_never_answered(run: RunData) -> RunData:
    return probed(run, undecided=4)
