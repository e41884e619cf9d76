"""The audit: what every store, the gateway and every buyer say of a run must agree.

Each invariant is a pure function from a run's facts to a finding (`harness.audit.invariants`);
together they judge the very run whose latency is reported. None needs more than sorting, so a run
of a hundred thousand requests is audited in seconds. The lattice and the treatment of crashes are
Jepsen's.
"""

from harness.audit.facts import Facts
from harness.audit.invariant import COUNTERS
from harness.audit.invariants import declared
from harness.audit.sale_by_sale import audit_sale_by_sale, is_contention_test
from harness.results.findings import Finding
from harness.results.findings import correctness as verdict
from harness.results.store import RunData

__all__ = ["COUNTERS", "INVARIANTS", "audit", "verdict"]

INVARIANTS = declared()
"""Every invariant, in the order in which they are reported; I17 is kept by the test suite."""


def audit(run: RunData) -> list[Finding]:
    """Check every invariant on a run; an input that is missing or a check that fails is UNKNOWN.

    Each sale of a contention test is audited by itself.
    """
    if is_contention_test(run):
        return audit_sale_by_sale(run, INVARIANTS)
    facts = Facts(run)
    return [invariant(facts) for invariant in INVARIANTS]
