"""An order that waits in a queue past the drain's limit is late; one that is in none is lost."""

import pytest

from harness.audit import audit
from harness.results.findings import Verdict
from harness.results.store import RunData
from tests.defects import DEFECTS
from tests.defects.breaking import S, changed, confirmed
from tests.support.histories import make_run

LOST = "acknowledged orders lost"
HALF_WAY = "acknowledged orders lost half-way, in no queue any more"
LATE = "acknowledged orders not finished 60 s after the load"


def broken(defect: str, approach: str = "queue") -> tuple[RunData, str]:
    """Return a run in which an acknowledged order did not end, and the id of the order."""
    run = make_run(approach, seed=2)
    return DEFECTS[defect].apply(run, 0), confirmed(run, 0)


def offences(run: RunData, waiting: list[str] | None, *, still_s: int = 40) -> dict[str, int]:
    """Return what I3 finds, if these ids are in the queues `still_s` after the last change."""
    run = changed(run)
    run.record.drained = False
    run.record.drain_ended_wall_ns = int(run.order_events["at_ns"].max()) + still_s * S
    if run.record.store.redis is not None:
        run.record.store.redis.waiting = waiting
    (finding,) = [one for one in audit(run) if one.id == "I3"]
    assert finding.verdict is Verdict.FAIL
    return finding.offences


@pytest.mark.parametrize(
    ("defect", "gone"),
    [("acknowledged_order_lost", LOST), ("acknowledged_order_stuck", HALF_WAY)],
)
def test_what_is_in_a_queue_is_late_and_what_is_in_none_is_lost(defect: str, gone: str) -> None:
    run, order = broken(defect)
    assert offences(run, ["another", order]) == {LATE: 1}
    assert offences(run, ["another"]) == {gone: 1}


def test_what_a_worker_may_have_in_hand_is_not_called_lost() -> None:
    run, _ = broken("acknowledged_order_stuck")
    assert offences(run, [], still_s=20) == {LATE: 1}


def test_where_nobody_looked_into_the_queues_an_order_of_the_ledger_is_late() -> None:
    run, _ = broken("acknowledged_order_stuck")
    assert offences(run, None) == {LATE: 1}


def test_where_the_ledger_is_the_queue_its_open_orders_are_late() -> None:
    run, order = broken("acknowledged_order_stuck", "sync")
    assert run.record.store.redis is None
    assert order in set(run.orders["order_id"])
    assert offences(run, None) == {LATE: 1}
