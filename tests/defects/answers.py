"""Buyers told the wrong thing, requests miscounted, queues and stores not as claimed."""

import pandas as pd

from harness.results.record import PasswordHashes
from harness.results.store import RunData
from tests.defects.breaking import (
    S,
    altered,
    cancel,
    changed,
    claim_stock,
    confirmed,
    defect,
    recount,
    without_failures,
)
from tests.support.mishaps import Mishap


@defect("I11", approaches=("queue",))
def entry_never_acknowledged(run: RunData, pick: int) -> RunData:
    run = changed(run)
    run.record.store.redis.streams["{shop}:payments"] = {"length": 0, "pending": 1 + pick}
    return run


@defect("I11", approaches=("queue",))
def entry_left_in_stream(run: RunData, pick: int) -> RunData:
    run = changed(run)
    run.record.store.redis.streams["{shop}:orders"] = {"length": 1 + pick, "pending": 0}
    return run


@defect("I11", approaches=("queue",))
def entry_given_up(run: RunData, pick: int) -> RunData:
    run = changed(run)
    run.record.store.redis.dead_letters = 1 + pick
    return run


@defect("I11", approaches=("queue",))
def order_cancelled_that_no_fault_excuses(run: RunData, pick: int) -> RunData:
    run, order_id = changed(run), "01900000-0000-7000-8000-00000000dead"
    cancel(run, order_id, user_id=900 + pick)
    run.record.store.redis.dead_letters = 1
    run.record.store.redis.dead_letter_entries = [{"o": order_id}]
    return run


@defect("I12", approaches=("queue",))
def status_goes_back(run: RunData, pick: int) -> RunData:
    asked = run.requests
    end = asked[(asked["order_id"] == confirmed(run, pick)) & (asked["version"] == 3)].tail(1)
    back = end.assign(version=1, order_status="accepted", done_ns=end["done_ns"] + 1000)
    run = changed(run, requests=pd.concat([asked, back], ignore_index=True))
    recount(run, ("GET", "/orders/{id}", 200), 1)
    return run


@defect("I12")
def told_confirmed_but_declined(run: RunData, pick: int) -> RunData:
    asked = run.requests
    ends = asked[asked["order_status"] == "declined"]
    victim = asked.index == ends.index[pick % len(ends)]
    values = {"outcome": "confirmed"} if run.approach == "sync" else {}
    return changed(run, requests=altered(asked, victim, order_status="confirmed", **values))


@defect("I12", approaches=("queue",))
def end_never_shown(run: RunData, pick: int) -> RunData:
    """A buyer goes on asking for long after the end, and is told that the order is under way."""
    asked = run.requests
    end = (asked["order_id"] == confirmed(run, pick)) & (asked["version"] == 3)
    late = {name: asked[name] + 30 * S for name in ("intended_ns", "sent_ns", "done_ns")}
    asked = altered(asked, end, version=2, order_status="awaiting_payment")
    return changed(
        run, requests=asked.assign(**{k: v.where(end, asked[k]) for k, v in late.items()})
    )


@defect("I18", approaches=("queue",))
def stream_without_an_end(run: RunData, pick: int) -> RunData:
    """A buyer listens for half a minute after its order was settled, and hears nothing of it."""
    asked = run.requests
    order = asked["order_id"] == confirmed(run, pick)
    polls = order & (asked["endpoint"] == "status")
    settled = run.orders.set_index("order_id")["settled_ns"][confirmed(run, pick)]
    end_ns = int(settled) - run.record.t0_wall_ns
    stream = asked[polls].tail(1).assign(
        endpoint="events", outcome="indeterminate", error="timeout", version=2,
        order_status="awaiting_payment", sent_ns=asked[polls]["sent_ns"].min(),
        done_ns=end_ns + 30 * S,
    )  # fmt: skip
    run = changed(run, requests=pd.concat([asked[~polls], stream], ignore_index=True))
    recount(run, ("GET", "/orders/{id}", 200), -int(polls.sum()))
    return run


@defect("I13")
def refused_while_stock_was_free(run: RunData, pick: int) -> RunData:
    asked = run.requests
    sold_out = asked[asked["outcome"] == "sold_out"].head(1)
    early = sold_out.assign(
        key="1-9998-0", intended_ns=S, sent_ns=S, done_ns=S + 5_000_000 * (1 + pick % 20)
    )
    run = changed(run, requests=pd.concat([asked, early], ignore_index=True))
    recount(run, ("POST", "/orders", 409), 1)
    return run


@defect("I13")
def last_unit_not_sold(run: RunData, pick: int) -> RunData:
    """Undersell: a unit is left in all stores, and yet buyers were refused to the end."""
    run = changed(run)
    claim_stock(run, 1 + pick % 3)
    return run


@defect("I14", approaches=("queue",), mishaps=(Mishap("drain", "payment-worker", 8.0, 10.0),))
def request_failed_while_a_replica_was_drained(run: RunData, pick: int) -> RunData:
    run = without_failures(run)
    asked = run.requests
    during = asked["sent_ns"].between(8 * S, 9 * S) & (asked["endpoint"] == "product")
    victim = asked.index == asked.index[during & (asked["status"] == 200)][pick]
    run = changed(run, requests=altered(asked, victim, status=0, outcome="indeterminate"))
    recount(run, ("GET", "/products/{id}", 200), -1)
    return run


@defect("I14")
def ledger_dropped_a_request(run: RunData, pick: int) -> RunData:
    asked = run.requests
    looks = asked.index[asked["endpoint"] == "product"]
    return changed(run, requests=asked.drop(index=looks[pick % len(looks)]))


@defect("I14")
def server_lost_a_count(run: RunData, pick: int) -> RunData:
    run = changed(run)
    recount(run, ("GET", "/products/{id}", 200), -1 - pick)
    return run


@defect("I15")
def leftovers_of_an_earlier_run(run: RunData, pick: int) -> RunData:
    run = changed(run)
    run.record.reset_proof.rows["orders"] = 1 + pick
    return run


@defect("I15", approaches=("queue",))
def stale_stock_in_redis(run: RunData, pick: int) -> RunData:
    run = changed(run)
    run.record.reset_proof.redis.stock -= 1 + pick
    return run


@defect("I16")
def commits_not_waited_for(run: RunData, pick: int) -> RunData:
    run = changed(run)
    run.record.reset_proof.postgres["synchronous_commit"] = "off"
    return run


@defect("I16")
def commits_that_one_role_does_not_wait_for(run: RunData, pick: int) -> RunData:
    run = changed(run)
    role = ["shop", "every role"][pick % 2]
    run.record.reset_proof.postgres_roles = {role: {"synchronous_commit": "off"}}
    return run


@defect("I16", approaches=("queue",))
def log_synced_every_second(run: RunData, pick: int) -> RunData:
    run = changed(run)
    run.record.reset_proof.redis.configuration["appendfsync"] = "everysec"
    return run


@defect("I16")
def passwords_hashed_for_nothing(run: RunData, pick: int) -> RunData:
    run = changed(run)
    weak = ["$argon2id$v=19$m=8,t=1,p=1", "$2b$04", "$argon2i$v=19$m=19456,t=2,p=1"][pick % 3]
    run.record.store.passwords.append(PasswordHashes(parameters=weak, count=1))
    return run
