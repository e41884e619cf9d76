"""Runs in which something was not measured: the audit must say so, and neither pass nor fail."""

from collections.abc import Callable

from harness.results.store import RunData
from tests.defects.breaking import changed

UNMEASURED: dict[str, Callable[[RunData], RunData]] = {}


def unmeasured(spoil: Callable[[RunData], RunData]) -> Callable[[RunData], RunData]:
    """Register a way to know too little."""
    UNMEASURED[spoil.__name__] = spoil
    return spoil


@unmeasured
def stock_over_http_not_asked(run: RunData) -> RunData:
    run = changed(run)
    run.record.reset_proof.stock_over_http = None
    return run


@unmeasured
def buyers_who_do_not_know_their_account(run: RunData) -> RunData:
    """No registration was answered with the account, so nobody can say whose an order is."""
    return changed(run, buyers=run.buyers.assign(user_id=0))
