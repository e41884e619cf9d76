"""The audit: what every store, the gateway and every buyer say of a run must be one story.

Eighteen invariants, each a pure function from a run's facts to a finding; together they judge the
very run whose latency is reported. None needs more than sorting, so a run of a hundred thousand
requests is audited in seconds. The lattice and the treatment of crashes are Jepsen's.
"""

from collections.abc import Iterable

from harness.audit.answers import (
    counted_alike,
    never_regresses,
    sold_out_only_if_so,
    streams_end,
)
from harness.audit.buyers import as_asked
from harness.audit.conditions import began_clean, configured_honestly, queues_drained
from harness.audit.evidence import Invariant
from harness.audit.facts import Facts
from harness.audit.orders import legal_history, none_invented, none_lost, one_per_key
from harness.audit.payments import charged_once, outcome_as_drawn
from harness.audit.sale_by_sale import audit_sale_by_sale, is_contention_test
from harness.audit.stock import limit_kept, no_oversell, returned_once, stock_conserved
from harness.results.findings import Finding, Verdict, correctness
from harness.results.store import RunData

__all__ = ["INVARIANTS", "audit", "verdict"]

INVARIANTS: tuple[Invariant, ...] = (
    no_oversell,
    stock_conserved,
    none_lost,
    none_invented,
    one_per_key,
    charged_once,
    outcome_as_drawn,
    legal_history,
    returned_once,
    limit_kept,
    queues_drained,
    never_regresses,
    sold_out_only_if_so,
    counted_alike,
    began_clean,
    configured_honestly,
    streams_end,
    as_asked,
)
"""I1 to I16, I18, I19, in the order in which they are reported; I17 is kept by the test suite."""

OF_THE_DEPLOYMENT: tuple[Invariant, ...] = (queues_drained, counted_alike, configured_honestly)
"""What cannot be told of one sale among many on the same deployment."""


def audit(run: RunData) -> list[Finding]:
    """Check every invariant on a run; an input that is missing or a check that fails is UNKNOWN.

    Of a contention test, each sale is audited by itself.
    """
    if is_contention_test(run):
        of_sales = [one for one in INVARIANTS if one not in OF_THE_DEPLOYMENT]
        return audit_sale_by_sale(run, of_sales, OF_THE_DEPLOYMENT)
    facts = Facts(run)
    return [invariant(facts) for invariant in INVARIANTS]


def verdict(findings: Iterable[Finding]) -> Verdict:
    """Return the worst verdict on correctness; UNKNOWN if there is none."""
    return correctness(findings)
