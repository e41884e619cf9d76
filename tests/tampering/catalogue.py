"""Tamperings: what somebody might change in a recorded run, and which checks see it.

Each changes one recorded run, of one sale or of many (`contention`), everywhere where one who knows
the tables would change it, and leaves the rest as it was recorded.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from harness.results.store import RunData
from tests.defects import buyers, orders, payments, stamps, stock
from tests.defects.breaking import S, altered, changed, claim_stock, confirmed

CONTENTION = "contention"
SALE = "one sale"


@dataclass(frozen=True, slots=True)
class Tampering:
    """A sentence that says what is changed, the run that it is changed in, and who sees it."""

    what: str
    of: str
    apply: Callable[[RunData], RunData]
    seen_by: tuple[str, ...]
    stock: int = 50


def _first(defect: Callable[[RunData, int], RunData]) -> Callable[[RunData], RunData]:
    return partial(_apply, defect)


def _apply(defect: Callable[[RunData, int], RunData], run: RunData) -> RunData:
    return defect(run, 0)


def _two_orders_swapped(run: RunData) -> RunData:
    """Swap the owners of two orders of one sale."""
    first = run.orders["product_id"].iloc[0]
    one, other = run.orders.index[run.orders["product_id"] == first][:2]
    owners = run.orders["user_id"].copy()
    owners[[one, other]] = owners[[other, one]].to_numpy()
    return changed(run, orders=run.orders.assign(user_id=owners))


def _late_by_10_min(run: RunData) -> RunData:
    """Nobody polls in a contention test, so no answer says when an order of the queue ended."""
    return stamps.moved(run, "settled_ns", 600 * S, everywhere=True, of=confirmed(run, 0))


def _one_more_than_there_was(run: RunData) -> RunData:
    run = changed(run)
    claim_stock(run, -1)
    return run


def _charged_for_the_half(run: RunData) -> RunData:
    """The shop, its ledger and the gateway agree on one order at half its price."""
    victim = confirmed(run, 0)
    half = int(run.charges["amount_cents"].iloc[0]) // 2
    tables = {name: getattr(run, name) for name in ("orders", "payments", "charges")}
    return changed(
        run,
        **{
            name: altered(table, table["order_id"] == victim, amount_cents=half)
            for name, table in tables.items()
        },
    )


TAMPERINGS = (
    Tampering(
        "all orders are booked on another buyer", CONTENTION,
        _first(buyers.orders_booked_on_the_next_buyer), ("I19",),
    ),
    Tampering("two buyers' orders are swapped", CONTENTION, _two_orders_swapped, ("I19",)),
    Tampering(
        "an order of 2 units where 1 was asked for, in all stores and answers", SALE,
        _first(buyers.two_units_where_one_was_asked_for), ("I19",), stock=500,
    ),
    Tampering(
        "everything is sold at a tenth of the scenario's price, in all stores and answers",
        CONTENTION, _first(buyers.sold_at_a_tenth_of_the_price), ("I6", "I19"),
    ),
    Tampering(
        "`accepted_ns` of an order is 2 s early", SALE, _first(stamps.accepted_2_s_early), ("I8",)
    ),
    Tampering(
        "the same, in its history as well", SALE,
        _first(stamps.accepted_before_it_was_asked_for), ("I8",),
    ),
    Tampering(
        "all `settled_ns` are 90 ms early", SALE, _first(stamps.all_settled_90_ms_early),
        ("I7", "I8"),
    ),
    Tampering(
        "the same, in histories, payments and stock moves as well", SALE,
        _first(stamps.all_settled_90_ms_early_in_every_table), ("I7",),
    ),
    Tampering("`settled_ns` + 30 s", SALE, _first(stamps.settled_30_s_late), ("I8",)),
    Tampering(
        "the same, in its history, payment and stock move as well", SALE,
        _first(stamps.settled_after_its_buyer_was_shown_the_end), ("I8",),
    ),
    Tampering(
        "a unit is sold again just before it was given back", SALE,
        _first(stock.sold_again_before_it_was_released), ("I1",),
    ),
    Tampering(
        "money is taken for an order that is open at the drain's limit", SALE,
        _first(payments.money_taken_for_an_order_that_is_open_at_the_limit), ("I3", "I6"),
    ),
    Tampering(
        "40 units have leaked between Redis and ledger at the drain's limit", SALE,
        _first(stock.units_leaked_and_the_drain_ended_by_its_limit), ("I2", "I3", "I11"),
    ),
    Tampering(
        "one unit more is confirmed than there was", SALE, _one_more_than_there_was, ("I1",)
    ),
    Tampering(
        "the product page shows another price once", SALE,
        _first(buyers.page_with_another_price_than_charged), ("I19",),
    ),
    Tampering(
        "an order is booked and charged at half its price", CONTENTION, _charged_for_the_half,
        ("I6", "I19"),
    ),
    Tampering(
        "two buyers are given one account", SALE, _first(buyers.two_buyers_with_one_account),
        ("I3", "I19"),
    ),
    Tampering(
        "an order ends 10 minutes later, in every table, and no buyer looks", CONTENTION,
        _late_by_10_min, ("I8",),
    ),
    Tampering(
        "Redis promises a unit that the ledger refuses: the order is cancelled", SALE,
        _first(orders.acknowledged_order_cancelled), ("I3",),
    ),
    Tampering(
        "a payment is noted 1 s after its order was settled", SALE,
        _first(stamps.payment_noted_later_than_it_settled), ("I8",),
    ),
)  # fmt: skip
"""First those that the audit once did not see, then others of their kind."""
