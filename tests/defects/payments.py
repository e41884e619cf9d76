"""Money taken twice, wrongly or for nothing, and outcomes that nobody drew."""

import pandas as pd

from harness.results.store import RunData
from tests.defects.breaking import altered, changed, confirmed, declined, defect, restock, without
from tests.defects.orders import acknowledged_order_stuck
from tests.support.simulated_shop import draw


@defect("I6")
def charged_twice(run: RunData, pick: int) -> RunData:
    again = run.charges[run.charges["order_id"] == confirmed(run, pick)]
    again = again.assign(charge_id="ch-again", key="another-key")
    return changed(run, charges=pd.concat([run.charges, again], ignore_index=True))


@defect("I6", also="I19")
def charged_another_amount(run: RunData, pick: int) -> RunData:
    victim = confirmed(run, pick)
    return changed(
        run,
        charges=altered(run.charges, run.charges["order_id"] == victim, amount_cents=1),
        payments=altered(run.payments, run.payments["order_id"] == victim, amount_cents=1),
    )


@defect("I6")
def confirmed_without_a_charge(run: RunData, pick: int) -> RunData:
    return changed(run, charges=without(run.charges, confirmed(run, pick)))


@defect("I6")
def charged_for_nothing(run: RunData, pick: int) -> RunData:
    reference = f"1-{900 + pick}-0"
    outcome, latency_ms = draw(run.record.payment.seed, reference)
    stray = run.charges.head(1).assign(
        charge_id="ch-stray", key="stray", order_id="stray", reference=reference, outcome=outcome,
        latency_ms=latency_ms, finished_ns=run.charges["started_ns"] + int(latency_ms * 1e6),
    )  # fmt: skip
    return changed(run, charges=pd.concat([run.charges, stray], ignore_index=True))


@defect("I6", also="I7")
def money_taken_for_a_declined_order(run: RunData, pick: int) -> RunData:
    charges, victim = run.charges, declined(run, pick)
    return changed(run, charges=altered(charges, charges["order_id"] == victim, outcome="approved"))


@defect("I6", also="I3", approaches=("queue",))
def money_taken_for_an_order_that_is_open_at_the_limit(run: RunData, pick: int) -> RunData:
    """Its buyer has paid and waits; its unit is held."""
    victim = confirmed(run, pick)
    charge = run.charges[run.charges["order_id"] == victim]
    run = acknowledged_order_stuck(run, pick)
    run.record.drained = False
    return changed(run, charges=pd.concat([run.charges, charge], ignore_index=True))


@defect("I6")
def payment_not_noted(run: RunData, pick: int) -> RunData:
    return changed(run, payments=without(run.payments, confirmed(run, pick)))


@defect("I7")
def gateway_of_another_seed(run: RunData, pick: int) -> RunData:
    run = changed(run)
    run.record.payment.seed = f"another-{pick}"
    return run


@defect("I7")
def gateway_in_a_hurry(run: RunData, pick: int) -> RunData:
    charges = run.charges
    victim = charges.index == pick % len(charges)
    return changed(run, charges=altered(charges, victim, finished_ns=charges["started_ns"] + 1000))


@defect("I7")
def gateway_that_reports_another_latency(run: RunData, pick: int) -> RunData:
    charges = run.charges
    victim = charges.index == pick % len(charges)
    return changed(run, charges=altered(charges, victim, latency_ms=0.5))


@defect("I7", also="I8")
def finished_before_it_was_paid(run: RunData, pick: int) -> RunData:
    """An order that takes no time, on paper."""
    orders = run.orders
    victim = orders["order_id"] == confirmed(run, pick)
    return changed(
        run,
        orders=orders.assign(settled_ns=orders["settled_ns"].mask(victim, orders["accepted_ns"])),
    )


@defect("I7", approaches=("queue",), stock=500)
def outage_taken_for_a_decline(run: RunData, pick: int) -> RunData:
    """All stores agree that the order was declined; only the draw says that it was not."""
    victim = confirmed(run, pick)
    frames = {
        name: altered(getattr(run, name), getattr(run, name)["order_id"] == victim, **values)
        for name, values in {
            "orders": {"status": "declined"},
            "payments": {"outcome": "declined"},
            "charges": {"outcome": "declined"},
        }.items()
    }
    moves, events, asked = run.stock_moves, run.order_events, run.requests
    sell = (moves["order_id"] == victim) & (moves["kind"] == "sell")
    run = changed(
        run,
        **frames,
        stock_moves=altered(moves, sell, kind="release", relayed=True),
        order_events=altered(
            events, (events["order_id"] == victim) & (events["version"] == 3), status="declined"
        ),
        requests=altered(
            asked,
            (asked["order_id"] == victim) & (asked["version"] == 3),
            order_status="declined",
        ),
    )
    restock(run, sold=-1)
    return run


@defect("I7", also="I8")
def charged_under_the_reference_of_another(run: RunData, pick: int) -> RunData:
    one, other = confirmed(run, pick), confirmed(run, pick + 1)
    swap = {one: other, other: one}
    return changed(
        run,
        charges=run.charges.assign(order_id=run.charges["order_id"].replace(swap)),
        payments=run.payments.assign(order_id=run.payments["order_id"].replace(swap)),
    )
