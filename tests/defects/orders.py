"""Orders that are lost, stuck, invented, doubled, or went through impossible states."""

import pandas as pd

from harness.results.record import DeletedPurchase
from harness.results.store import RunData
from tests.defects.breaking import (
    S,
    altered,
    cancel,
    changed,
    confirmed,
    declined,
    defect,
    recount,
    restock,
    without,
)
from tests.support.mishaps import Mishap


@defect("I3")
def acknowledged_order_lost(run: RunData, pick: int) -> RunData:
    victim = confirmed(run, pick)
    run = changed(
        run,
        **{
            name: without(getattr(run, name), victim)
            for name in ("orders", "order_events", "payments", "stock_moves", "charges")
        },
    )
    restock(run, sold=-1)
    return run


@defect("I3", approaches=("queue",))
def acknowledged_order_cancelled(run: RunData, pick: int) -> RunData:
    """The ledger refused it and its unit went back, but its buyer had been told 202."""
    victim = confirmed(run, pick)
    row = run.orders.set_index("order_id").loc[victim]
    run = acknowledged_order_lost(run, pick)
    cancel(run, victim, user_id=int(row["user_id"]), key=str(row["key"]))
    return run


@defect("I3", approaches=("queue",))
def order_both_cancelled_and_kept(run: RunData, pick: int) -> RunData:
    victim = confirmed(run, pick)
    run = changed(run)
    cancel(run, victim)
    return run


@defect("I3", approaches=("queue",), mishaps=(Mishap("delete_account", None, 8.0, 8.0),))
def order_of_a_deleted_account_that_shows_no_end(run: RunData, pick: int) -> RunData:
    run = changed(run)
    bought = {"user_id": 900 + pick, "key": "k", "status": 202, "order_id": "o"}
    fault = run.record.faults[-1]
    fault.users = [900 + pick]
    fault.purchases = [DeletedPurchase(**bought, order_status="accepted")]
    return run


@defect("I3", approaches=("queue",))
def acknowledged_order_stuck(run: RunData, pick: int) -> RunData:
    return _stuck(run, confirmed(run, pick))


@defect("I3", approaches=("sync",))
def order_stuck_that_nobody_was_told_of(run: RunData, pick: int) -> RunData:
    """A unit is held for ever for a buyer who never got an answer."""
    told = run.requests
    victim = confirmed(run, pick)
    run = _stuck(run, victim)
    answered = (told["order_id"] == victim) & (told["endpoint"] == "buy")
    blank = {"status": 0, "outcome": "indeterminate", "order_id": "", "order_status": ""}
    recount(run, ("POST", "/orders", 201), -int(answered.sum()))
    return changed(run, requests=altered(run.requests, answered, **blank, version=0))


def _stuck(run: RunData, victim: str) -> RunData:
    orders, events, moves = run.orders, run.order_events, run.stock_moves
    asked = run.requests
    run = changed(
        run,
        orders=altered(
            orders,
            orders["order_id"] == victim,
            status="awaiting_payment",
            version=2,
            settled_ns=0,
        ),
        order_events=events[(events["order_id"] != victim) | (events["version"] < 3)],
        stock_moves=moves[(moves["order_id"] != victim) | (moves["kind"] == "reserve")],
        payments=without(run.payments, victim),
        charges=without(run.charges, victim),
        requests=altered(
            asked,
            (asked["order_id"] == victim) & (asked["version"] == 3),
            order_status="awaiting_payment",
            version=2,
        ),
    )
    restock(run, sold=-1, reserved=1)
    return run


@defect("I3")
def answers_name_the_order_of_another(run: RunData, pick: int) -> RunData:
    one, other = confirmed(run, pick), confirmed(run, pick + 1)
    swapped = run.requests["order_id"].replace({one: other, other: one})
    return changed(run, requests=run.requests.assign(order_id=swapped))


@defect("I3", also="I19")
def accounts_mixed_up(run: RunData, pick: int) -> RunData:
    accounts = run.orders["user_id"].unique()
    one, other = accounts[pick % len(accounts)], accounts[(pick + 1) % len(accounts)]
    return changed(run, orders=altered(run.orders, run.orders["user_id"] == one, user_id=other))


@defect("I4")
def order_out_of_nothing(run: RunData, pick: int) -> RunData:
    victim = run.orders.set_index("order_id").loc[confirmed(run, pick, answered=False)]
    renamed = run.requests["key"].replace({victim["key"]: "1-9999-0"})
    return changed(run, requests=run.requests.assign(key=renamed))


@defect("I4")
def executed_although_refused(run: RunData, pick: int) -> RunData:
    victim = run.orders.set_index("order_id").loc[confirmed(run, pick, answered=False)]
    asked = run.requests
    last = asked.index == asked.index[asked["key"] == victim["key"]].max()
    run = changed(run, requests=altered(asked, last, status=400, outcome="rejected", error=""))
    recount(run, ("POST", "/orders", 400), 1)
    return run


@defect("I5", also="I8")
def key_executed_twice(run: RunData, pick: int) -> RunData:
    """The second order was declined before anybody else came, so that stock never shows it."""
    victim, twin = declined(run, pick), "01900000-0000-7000-8000-00000000dead"
    frames = {}
    for name in ("orders", "order_events", "payments", "stock_moves", "charges"):
        frame = getattr(run, name)
        copied = frame[frame["order_id"] == victim].assign(order_id=twin)
        for column in frame.columns[frame.columns.str.endswith("_ns")]:
            copied[column] -= 600 * S
        if "seq" in frame.columns:
            copied["seq"] -= 9999
        if "charge_id" in frame.columns:
            copied["charge_id"] = "ch-twin"
        frames[name] = pd.concat([frame, copied], ignore_index=True)
    return changed(run, **frames)


@defect("I5", also="I3")
def replay_names_another_order(run: RunData, pick: int) -> RunData:
    asked = run.requests
    told = asked[(asked["endpoint"] == "buy") & (asked["order_id"] != "")]
    first = told.iloc[[pick % len(told)]]
    others = told[(told["order_id"] != first["order_id"].iloc[0])]
    replay = first.assign(order_id=others["order_id"].iloc[0], replayed=True, version=0)
    replay = replay.assign(order_status="", sent_ns=first["done_ns"], done_ns=first["done_ns"] + 1)
    replay = replay.assign(outcome="accepted")
    run = changed(run, requests=pd.concat([asked, replay], ignore_index=True))
    recount(run, ("POST", "/orders", int(first["status"].iloc[0])), 1)
    return run


@defect("I8")
def version_skipped(run: RunData, pick: int) -> RunData:
    victim = confirmed(run, pick)
    return changed(
        run,
        **{
            name: altered(
                getattr(run, name),
                (getattr(run, name)["order_id"] == victim) & (getattr(run, name)["version"] == 3),
                version=4,
            )
            for name in ("orders", "order_events", "requests")
        },
    )


@defect("I8")
def gone_back_in_time(run: RunData, pick: int) -> RunData:
    events = run.order_events
    second = (events["order_id"] == confirmed(run, pick)) & (events["version"] == 2)
    return changed(run, order_events=events.assign(at_ns=events["at_ns"] - 5 * S * second))


@defect("I8")
def accepted_after_its_buyer_was_told(run: RunData, pick: int) -> RunData:
    """Its time from acceptance to end is shorter than what its buyer waited."""
    orders = run.orders
    victim = orders["order_id"] == confirmed(run, pick)
    return changed(run, orders=orders.assign(accepted_ns=orders["accepted_ns"] + 60 * S * victim))


@defect("I8")
def ended_twice(run: RunData, pick: int) -> RunData:
    events = run.order_events
    end = events[(events["order_id"] == confirmed(run, pick)) & (events["version"] == 3)]
    again = end.assign(version=4, status="declined")
    return changed(run, order_events=pd.concat([events, again], ignore_index=True))


@defect("I8")
def paid_without_waiting_for_payment(run: RunData, pick: int) -> RunData:
    victim, events, asked = confirmed(run, pick), run.order_events, run.requests
    return changed(
        run,
        order_events=altered(
            events, (events["order_id"] == victim) & (events["version"] == 2), status="unknown"
        ),
        requests=altered(
            asked, (asked["order_id"] == victim) & (asked["version"] == 2), order_status="unknown"
        ),
    )


@defect("I8")
def updated_behind_the_history(run: RunData, pick: int) -> RunData:
    return changed(run, orders=altered(run.orders, run.orders.index == pick, version=7))


@defect("I3")
def answer_without_an_order_id(run: RunData, pick: int) -> RunData:
    asked = run.requests
    told = asked.index[(asked["endpoint"] == "buy") & (asked["order_id"] != "")]
    victim = asked.index == told[pick % len(told)]
    return changed(run, requests=altered(asked, victim, order_id=""))


@defect("I5")
def order_id_used_twice(run: RunData, pick: int) -> RunData:
    again = run.orders[run.orders["order_id"] == declined(run, pick)]
    return changed(run, orders=pd.concat([run.orders, again], ignore_index=True))


@defect("I8")
def history_without_an_order(run: RunData, pick: int) -> RunData:
    events = run.order_events
    stray = events[events["order_id"] == confirmed(run, pick)].assign(order_id="stray")
    return changed(run, order_events=pd.concat([events, stray], ignore_index=True))


def undrained(run: RunData, pick: int) -> RunData:
    """Stop a queue in the middle: orders wait for payment, and one is not in the ledger yet."""
    stuck = acknowledged_order_stuck(acknowledged_order_stuck(run, pick), pick + 1)
    cut = acknowledged_order_lost(stuck, pick + 2)
    cut.record.drained = False
    # Its unit is reserved in Redis, but the ledger has not heard of it.
    cut.record.store.redis.stock -= 1
    cut.record.store.redis.streams = {
        "{shop}:orders": {"length": 1, "pending": 0},
        "{shop}:payments": {"length": 2, "pending": 2},
    }
    return cut


def lost_half_way(run: RunData, pick: int) -> RunData:
    """Stop a queue whose work is gone: an order waits for payment, and stands in no queue."""
    gone = acknowledged_order_stuck(run, pick)
    gone.record.drained = False
    gone.record.drain_ended_wall_ns = int(gone.order_events["at_ns"].max()) + 40 * S
    gone.record.store.redis.waiting = []
    return gone
