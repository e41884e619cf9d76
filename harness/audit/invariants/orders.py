"""Orders: none lost, none invented, one per key, each through legal states to one end.

The classes are those of Jepsen's `total-queue`: acknowledged and missing is *lost*, present and
never attempted is *unexpected*, present without an acknowledgement after an indeterminate attempt
is *recovered*, which is allowed and counted.
"""

import pandas as pd

from harness.audit.facts import (
    ACKNOWLEDGED,
    ENDS,
    MS,
    STAMP_NS,
    TERMINAL,
    Facts,
    among,
)
from harness.audit.invariant import Evidence, Scope, invariant

IN_PROGRESS = 425
"""The last answer of a buyer whose order is being made: there may be one."""

STILL_NS = 30 * 1_000 * MS
"""Longer than a payment takes, with the time for which it is asked about: who has work in hand has
shown something of it by then."""

_LEGAL = {
    ("accepted", "awaiting_payment"),
    ("awaiting_payment", "confirmed"),
    ("awaiting_payment", "declined"),
    ("awaiting_payment", "unknown"),
    ("unknown", "confirmed"),
    ("unknown", "declined"),
}


@invariant(
    "I3",
    "Every acknowledged order exists and was finished",
    scope=Scope.ORDER,
    reads=("orders", "orders.key", "orders.user_id"),
)
def none_lost(facts: Facts, evidence: Evidence) -> str:
    """Each acknowledged order exists, belongs to its buyer, and ended within the drain.

    Catches the loss of accepted orders (a queue that forgets on a crash), orders that are cancelled
    (unless a fault had deleted their account: they could not end better), orders that are stuck,
    and answers that name an order of somebody else. An order that is still open when the limit of
    the drain has passed is a failure: its buyer has waited for nothing, and if no buyer knows of
    it, it still holds a unit, and perhaps somebody's money. It is late if an entry of a queue
    still stands for it, or if the ledger is the only queue; it is lost if it is in no queue, be it
    in the ledger or not: nothing will ever finish it.
    """
    acked = facts.acknowledgements
    shown = ["order_id", "key", "user", "status"]
    evidence.offence("acknowledgements without an order id", acked, acked["order_id"] == "", shown)
    acked = acked[acked["order_id"] != ""].drop_duplicates(["order_id", "key"])
    lost = ~among(acked["order_id"], facts.order_of.index)
    cancelled = facts.cancelled
    refused = among(acked["order_id"], cancelled["order_id"])
    excused = among(acked["order_id"], cancelled.loc[cancelled["excused"], "order_id"])
    evidence.offence("acknowledged orders cancelled", acked, lost & refused & ~excused, shown)
    evidence.offence(
        "orders both recorded and cancelled",
        cancelled,
        among(cancelled["order_id"], facts.order_of.index),
        ["order_id", "key", "reason"],
    )
    _unfinished(facts, evidence, acked[~(lost & refused)], shown)
    bought = facts.deleted_buyers
    evidence.offence(
        "orders of deleted accounts that showed their buyers no end",
        bought,
        bought["order_id"].notna() & ~bought["order_status"].isin(ENDS),
        ["order_id", "key", "status", "order_status"],
    )
    limit_s = facts.recorded("scenario", "drain", "limit_s")
    open_ = facts.orders[~facts.orders["status"].isin(TERMINAL)]
    evidence.offence(
        f"orders that were never acknowledged, not finished {limit_s} s after the load",
        open_,
        ~among(open_["order_id"], acked["order_id"]),
        ["order_id", "key", "status"],
    )
    _held_by_another(facts, evidence, acked[~lost], shown)
    return f"{acked['order_id'].nunique()} acknowledged orders, all in the ledger and finished"


def _unfinished(facts: Facts, evidence: Evidence, acked: pd.DataFrame, shown: list[str]) -> None:
    """Find acknowledged orders that are lost, and those that are late: work that is still there.

    What a worker has in hand may be in no queue, so an order of the ledger is lost only if nothing
    has changed for longer than any work takes.
    """
    acked = acked.assign(ledger_status=facts.of_order(acked["order_id"], "status")["status"])
    recorded = among(acked["order_id"], facts.order_of.index)
    open_ = recorded & ~acked["ledger_status"].isin(TERMINAL)
    queued = acked["order_id"].isin(facts.in_queues or [])
    gone = open_ & ~queued & (facts.in_queues is not None and _is_still(facts))
    evidence.offence("acknowledged orders lost", acked, ~recorded & ~queued, shown)
    shown = [*shown, "ledger_status"]
    evidence.offence("acknowledged orders lost half-way, in no queue any more", acked, gone, shown)
    limit_s = facts.recorded("scenario", "drain", "limit_s")
    late = (open_ & ~gone) | (~recorded & queued)
    what = f"acknowledged orders not finished {limit_s} s after the load"
    evidence.offence(what, acked, late, shown)


def _is_still(facts: Facts) -> bool:
    """Return True if no order had changed for `STILL_NS` when the wait for the backlog ended.

    A ledger without a history does not say it.
    """
    ended_ns = facts.run.record.drain_ended_wall_ns
    if not facts.yields("order_events"):
        return False
    events = facts.table("order_events", "at_ns")["at_ns"]
    return ended_ns is not None and (events.empty or int(events.max()) < ended_ns - STILL_NS)


def _held_by_another(
    facts: Facts, evidence: Evidence, kept: pd.DataFrame, shown: list[str]
) -> None:
    """Find acknowledged orders that the ledger holds for another key or another buyer."""
    said = facts.of_order(kept["order_id"], "user_id", "key")
    kept = kept.join(said.add_prefix("ledger_"))
    evidence.offence(
        "answers that name the order of another key",
        kept,
        kept["ledger_key"] != kept["key"],
        [*shown, "ledger_key"],
    )
    owned = kept[kept["ledger_key"] == kept["key"]].drop_duplicates(["ledger_user_id", "account"])
    evidence.offence(
        "accounts that hold the orders of several buyers",
        owned,
        owned.duplicated("ledger_user_id"),
        [*shown, "ledger_user_id"],
    )


@invariant("I4", "Every order was asked for", scope=Scope.ORDER, reads=("orders", "orders.key"))
def none_invented(facts: Facts, evidence: Evidence) -> str:
    """Every order of the ledger is a buyer's attempt; its buyer knows of it, or cannot know.

    Catches orders out of nothing, and orders that were executed although their buyer got a refusal.
    An order whose buyer got no answer to the last try was *recovered*: allowed, and counted.
    """
    ledger = facts.table("orders", "order_id", "key", "status")
    asked = facts.purchases
    unasked = ~among(ledger["key"], asked["key"])
    evidence.offence("orders that nobody asked for", ledger, unasked)
    acked = asked.loc[asked["status"].isin(ACKNOWLEDGED), "key"]
    unaware = ledger[~unasked & ~among(ledger["key"], acked)]
    tries = asked[among(asked["key"], unaware["key"])].sort_values("done_ns")
    ends = tries.drop_duplicates("key", keep="last").set_index("key")[["outcome", "status"]]
    unaware = unaware.join(ends.add_prefix("last_"), on="key")
    open_end = (unaware["last_outcome"] == "indeterminate") | (
        unaware["last_status"] == IN_PROGRESS
    )
    evidence.offence("orders whose buyer was refused", unaware, ~open_end)
    return f"{len(ledger)} orders, {len(unaware)} of them recovered from indeterminate attempts"


@invariant(
    "I5",
    "One order per key",
    scope=Scope.ORDER,
    reads=("orders", "orders.key", "orders.user_id"),
)
def one_per_key(facts: Facts, evidence: Evidence) -> str:
    """A retry is the same order: one row per user and key, one order id in all answers to a key.

    Catches idempotency that is lost between the check and the insert, that expires during the run,
    or that is kept per process; and order ids that collide.
    """
    ledger = facts.table("orders", "order_id", "user_id", "key")
    evidence.offence("order ids used twice", ledger, ledger.duplicated("order_id"))
    evidence.offence("keys with several orders", ledger, ledger.duplicated(["user_id", "key"]))
    acked = facts.acknowledgements
    acked = acked.loc[acked["order_id"] != "", ["order_id", "key"]]
    pairs = acked.drop_duplicates()
    evidence.offence("replays that named another order", pairs, pairs.duplicated("key"))
    evidence.offence("order ids given for several keys", pairs, pairs.duplicated("order_id"))
    return f"{len(ledger)} orders under as many keys; {len(acked) - len(pairs)} replays agree"


@invariant(
    "I8",
    "Every order goes through legal states to one end",
    scope=Scope.ORDER,
    reads=("orders", "orders.key", "orders.version", "order_events", "payments"),
)
def legal_history(facts: Facts, evidence: Evidence) -> str:
    """Versions count from 1 without a gap, every step is legal and in time, and the end is final.

    Catches a state that is overwritten by a late worker (the published system's read-modify-write
    could turn a confirmed order into a pending one), updates that bypass the history, and stamps
    that make an order look faster than it was.
    """
    events = facts.table("order_events", "order_id", "version", "status")
    events = events.sort_values("version", kind="stable")
    before = events.groupby("order_id")[["version", "status"]].shift()
    first = before["version"].isna()
    steps = events.assign(after=before["status"], gap=events["version"] - before["version"])
    wrong_count = (first & (steps["version"] != 1)) | (~first & (steps["gap"] != 1))
    shown = ["order_id", "version", "status", "after"]
    evidence.offence("versions with a gap or a repetition", steps, wrong_count, shown)
    legal = pd.Series(
        [step in _LEGAL for step in zip(steps["after"], steps["status"], strict=True)],
        index=steps.index,
        dtype=bool,
    )
    legal = legal.where(~first, steps["status"] == "accepted")
    evidence.offence("illegal steps", steps, ~legal & ~wrong_count, shown)
    ends = events[events["status"].isin(TERMINAL)]
    evidence.offence("orders with several ends", ends, ends.duplicated("order_id"))
    last = events.drop_duplicates("order_id", keep="last").set_index("order_id")
    ledger = facts.table("orders", "order_id", "status", "version")
    compared = ledger.join(last.add_prefix("event_"), on="order_id")
    differs = (compared["status"] != compared["event_status"]) | (
        compared["version"] != compared["event_version"]
    )
    evidence.at_rest("orders that differ from their last event", compared, differs)
    evidence.at_rest(
        "events of orders that do not exist", events, ~among(events["order_id"], ledger["order_id"])
    )
    _in_time(facts, evidence)
    return f"{len(events)} events of {len(ledger)} orders, all legal"


def _in_time(facts: Facts, evidence: Evidence) -> None:
    """Check that no history goes back, and each stamp against what encloses it.

    An order is accepted after its buyer first asked and before its buyer got the answer; it is
    settled before its buyer was shown the end, and before the backlog was found empty.
    """
    events = facts.table("order_events", "order_id", "version", "status", "at_ns")
    events = events.sort_values("version", kind="stable")
    step_ns = events.groupby("order_id")["at_ns"].diff()
    early = step_ns < -facts.clock_ns
    evidence.offence("events before the one that they follow", events, early, by_the_clock=True)
    t0_ns = int(facts.recorded("t0_wall_ns"))
    known_ns = facts.acknowledgements.groupby("key")["done_ns"].min() + t0_ns + facts.clock_ns
    ledger = facts.table("orders", "order_id", "key", "accepted_ns")
    late = ledger["accepted_ns"] > ledger["key"].map(known_ns)
    evidence.offence("orders accepted after their acknowledgement", ledger, late, by_the_clock=True)
    asked_ns = facts.purchases.groupby("key")["sent_ns"].min() + t0_ns - facts.clock_ns
    early = ledger["accepted_ns"] < ledger["key"].map(asked_ns)
    evidence.offence("orders accepted before their buyer asked", ledger, early, by_the_clock=True)
    settled = facts.table("orders", "order_id", "key", "settled_ns")
    shown = facts.requests("order_id", "key", "order_status", "outcome", "done_ns")
    ended = shown["order_status"].isin(TERMINAL) | shown["outcome"].isin(TERMINAL)
    own = facts.of_order(shown["order_id"], "key")["key"]  # the wrong order is not shown: see I3
    ended &= (shown["key"] == "") | (shown["key"] == own)
    end_ns = shown[ended].groupby("order_id")["done_ns"].min() + t0_ns + facts.clock_ns
    late = settled["settled_ns"] > settled["order_id"].map(end_ns)
    evidence.offence(
        "orders settled after their buyer was shown the end", settled, late, by_the_clock=True
    )
    ended_ns = facts.run.record.drain_ended_wall_ns  # campaigns of before do not have it
    if facts.at_rest and ended_ns is not None:
        late = settled["settled_ns"] > ended_ns + facts.clock_ns
        evidence.offence(
            "orders settled after the backlog was empty", settled, late, by_the_clock=True
        )
    _stamped_alike(facts, evidence)


def _stamped_alike(facts: Facts, evidence: Evidence) -> None:
    """Compare the times of orders with those of their events and payments: one step, one time."""
    orders = facts.table("orders", "order_id", "key", "accepted_ns", "settled_ns")
    events = facts.table("order_events", "order_id", "status", "at_ns")
    accepted, ended = events["status"] == "accepted", events["status"].isin(TERMINAL)
    payments = facts.table("payments", "order_id", "at_ns")
    for what, column, rows in (
        ("orders accepted at another time than by their history", "accepted_ns", events[accepted]),
        ("orders settled at another time than by their history", "settled_ns", events[ended]),
        ("orders settled at another time than their payment", "settled_ns", payments),
    ):
        at_ns = orders["order_id"].map(rows.groupby("order_id")["at_ns"].first())
        apart = (orders[column] - at_ns).abs() > STAMP_NS
        evidence.offence(what, orders, apart & (orders[column] > 0))
