"""Units sold twice, lost between the stores, or returned the wrong number of times."""

import pandas as pd

from harness.results.store import RunData
from tests.defects.breaking import (
    S,
    altered,
    cancel,
    changed,
    claim_stock,
    confirmed,
    declined,
    defect,
    recount,
    restock,
)
from tests.defects.orders import undrained


@defect("I2", approaches=("queue",))
def cancelled_units_never_returned(run: RunData, pick: int) -> RunData:
    run = changed(run)
    cancel(run, "01900000-0000-7000-8000-00000000dead", user_id=900 + pick)
    run.record.store.redis.stock -= 1
    return run


@defect("I1")
def more_sold_than_there_were(run: RunData, pick: int) -> RunData:
    run = changed(run)
    claim_stock(run, -1 - pick % 3)
    return run


@defect("I1")
def sold_again_before_it_was_released(run: RunData, pick: int) -> RunData:
    """A later decline hides it from the final count, and milliseconds from the clock."""
    moves = run.stock_moves
    last = moves.loc[moves["kind"] == "reserve", "seq"].max()
    early = moves[(moves["kind"] == "release") & (moves["seq"] < last)]
    victim = early.index[pick % len(early)]
    last_of_all = int(moves["seq"].max()) + 1
    return changed(run, stock_moves=altered(moves, moves.index == victim, seq=last_of_all))


@defect("I1")
def sold_again_before_it_was_released_by_the_clock(run: RunData, pick: int) -> RunData:
    """In a run of before the ledger numbered its moves."""
    moves = run.stock_moves
    last_ns = moves.loc[moves["kind"] == "reserve", "at_ns"].max()
    early = moves[(moves["kind"] == "release") & (moves["at_ns"] < last_ns)]
    victim = early.index[pick % len(early)]
    late = altered(moves, moves.index == victim, at_ns=last_ns + 5 * S)
    return changed(run, stock_moves=late.drop(columns="seq"))


@defect("I2")
def reservation_not_turned_into_a_sale(run: RunData, pick: int) -> RunData:
    run = changed(run)
    run.record.store.products[0].reserved += 1 + pick % 3
    return run


@defect("I2", approaches=("queue",))
def reservation_counter_overwritten(run: RunData, pick: int) -> RunData:
    run = changed(run)
    run.record.store.redis.stock += 1 + pick
    return run


@defect("I2", also="I3 I11", approaches=("queue",))
def units_leaked_and_the_drain_ended_by_its_limit(run: RunData, pick: int) -> RunData:
    """Far more units are missing in Redis than the work that was left can hold."""
    run = undrained(run, pick)
    run.record.store.redis.stock -= 40
    return run


@defect("I9", also="I2")
def released_twice(run: RunData, pick: int) -> RunData:
    moves = run.stock_moves
    again = moves[(moves["order_id"] == declined(run, pick)) & (moves["kind"] == "release")]
    return changed(run, stock_moves=pd.concat([moves, again], ignore_index=True))


@defect("I9")
def wrong_order_released(run: RunData, pick: int) -> RunData:
    one, other = declined(run, pick), confirmed(run, pick)
    moves = run.stock_moves
    ends = moves["kind"] != "reserve"
    swapped = moves["order_id"].where(~ends, moves["order_id"].replace({one: other, other: one}))
    return changed(run, stock_moves=moves.assign(order_id=swapped))


@defect("I9", approaches=("queue",))
def release_not_relayed(run: RunData, pick: int) -> RunData:
    moves = run.stock_moves
    victim = (moves["order_id"] == declined(run, pick)) & (moves["kind"] == "release")
    return changed(run, stock_moves=altered(moves, victim, relayed=False))


@defect("I9", also="I2")
def sale_not_booked(run: RunData, pick: int) -> RunData:
    moves, victim = run.stock_moves, confirmed(run, pick)
    return changed(
        run, stock_moves=moves[(moves["order_id"] != victim) | (moves["kind"] != "sell")]
    )


@defect("I10", per_user_limit=3)
def limit_passed(run: RunData, pick: int) -> RunData:
    run = changed(run)
    run.record.scenario["product"]["per_user_limit"] = 1
    return run


@defect("I10", per_user_limit=1)
def limit_that_nobody_set(run: RunData, pick: int) -> RunData:
    run = changed(run)
    run.record.scenario["product"]["per_user_limit"] = None
    return run


@defect("I10", per_user_limit=1)
def refused_below_the_limit(run: RunData, pick: int) -> RunData:
    asked = run.requests
    told = asked[(asked["endpoint"] == "buy") & (asked["order_id"] != "")]
    early = told.iloc[[pick % len(told)]].assign(
        user=9998, key="1-9998-0", status=409, outcome="limited", order_id="", order_status="",
        version=0, replayed=False,
    )  # fmt: skip
    run = changed(run, requests=pd.concat([asked, early], ignore_index=True))
    recount(run, ("POST", "/orders", 409), 1)
    return run


@defect("I2")
def sale_not_counted(run: RunData, pick: int) -> RunData:
    run = changed(run)
    restock(run, sold=-1 - pick % 3)
    return run


@defect("I2")
def restocked_in_between(run: RunData, pick: int) -> RunData:
    run = changed(run)
    run.record.store.products[0].initial_stock += 1 + pick
    if run.record.store.redis:
        run.record.store.redis.stock += 1 + pick
    return run


@defect("I9")
def more_reserved_and_released_than_ordered(run: RunData, pick: int) -> RunData:
    moves = run.stock_moves
    return changed(
        run,
        stock_moves=altered(moves, moves["order_id"] == declined(run, 0), quantity=2 + pick % 3),
    )


@defect("I9")
def stock_moved_for_no_order(run: RunData, pick: int) -> RunData:
    moves = run.stock_moves
    stray = moves[moves["order_id"] == declined(run, pick)]
    stray = stray.assign(order_id="stray", at_ns=stray["at_ns"] - 600 * S, seq=stray["seq"] - 9999)
    return changed(run, stock_moves=pd.concat([moves, stray], ignore_index=True))
