"""The synchronous shop's ledger: an outcome is one statement, and counts once."""

from collections import Counter

import pytest

from approaches.shop.database import LedgerConnection
from approaches.shop.ids import new_order_id
from approaches.shop.orders import Purchase, Status
from approaches.shop.payments import ChargeResult, Outcome
from approaches.shop.pools import sync_pool
from approaches.sync.sync_ledger import SyncLedger

pytestmark = pytest.mark.integration

APPROVED = ChargeResult(Outcome.APPROVED, "ch-1")
DECLINED = ChargeResult(Outcome.DECLINED, "ch-2")
UNKNOWN = ChargeResult(Outcome.UNKNOWN)
LIMIT = 5


@pytest.fixture
def ledger(world, dsn):
    with sync_pool(dsn, size=1) as pool:
        yield SyncLedger(pool)


@pytest.fixture
def exchanges(monkeypatch):
    """Count the exchanges with the server; what needs no answer of it is none."""
    counts = Counter()
    wait = LedgerConnection.wait

    def watched(steps):
        try:
            wanted = next(steps)
            counts["all"] += 1
            while True:
                wanted = steps.send((yield wanted))
        except StopIteration as end:
            return end.value

    monkeypatch.setattr(
        LedgerConnection, "wait", lambda self, gen, *rest: wait(self, watched(gen), *rest)
    )
    return counts


@pytest.fixture
def reserve(world, ledger):
    """Return a function that reserves two units for a buyer with a limit."""
    world.rows("UPDATE products SET per_user_limit = %s RETURNING 1", LIMIT)

    def reserve() -> str:
        order_id = new_order_id()
        assert isinstance(ledger.reserve(order_id, 1, order_id, Purchase(1, 2)), int)
        return order_id

    return reserve


def books(world) -> tuple[int, ...]:
    """Units reserved and sold of the product, and held by the buyer."""
    return world.rows(
        "SELECT reserved, sold, held FROM products JOIN purchase_counts ON product_id = id"
    )[0]


@pytest.mark.parametrize(
    ("result", "status", "after"),
    [
        (APPROVED, Status.CONFIRMED, (0, 2, 2)),
        (DECLINED, Status.DECLINED, (0, 0, 0)),
        (UNKNOWN, Status.UNKNOWN, (2, 0, 2)),
    ],
)
def test_an_outcome_is_one_exchange(world, ledger, reserve, exchanges, result, status, after):
    for _ in range(2):  # the first use of a statement prepares it
        world.reset()
        world.rows("UPDATE products SET per_user_limit = %s RETURNING 1", LIMIT)
        order_id = reserve()
        before = exchanges["all"]
        order = ledger.settle(order_id, result)
    assert exchanges["all"] == before + 1
    assert (order.status, order.version) == (status, 3)
    assert (order.settled_at_s is None) == (result is UNKNOWN)
    assert ledger.find_order(order_id) == order
    assert books(world) == after


def test_an_outcome_counts_once_and_the_first_one_stays(world, ledger, reserve):
    order_id = reserve()
    marked = ledger.settle(order_id, UNKNOWN)
    assert ledger.settle(order_id, UNKNOWN) == marked
    settled = ledger.settle(order_id, DECLINED)
    for result in (DECLINED, APPROVED, UNKNOWN):
        assert ledger.settle(order_id, result) == settled
    assert books(world) == (0, 0, 0)
    history = "SELECT version, status FROM order_events ORDER BY version"
    assert [status for _, status in world.rows(history)] == [
        "accepted",
        "awaiting_payment",
        "unknown",
        "declined",
    ]
    assert world.rows("SELECT charge_id, outcome FROM payments") == [("ch-2", "declined")]
    assert world.rows("SELECT kind FROM stock_moves ORDER BY at") == [("reserve",), ("release",)]
