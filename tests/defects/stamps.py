"""Orders whose times cannot be: against their history, their payment, and what their buyers saw."""

from harness.results.store import RunData
from tests.defects.breaking import S, altered, changed, confirmed, defect

MS = S // 1000


def moved(run: RunData, column: str, by_ns: int, *, everywhere: bool, of: str = "") -> RunData:
    """Return the run with a time of its orders (or of one) moved, `everywhere` in all tables."""
    orders, events = run.orders, run.order_events
    statuses, kinds = ["accepted"], ["reserve"]
    if column == "settled_ns":
        statuses, kinds = ["confirmed", "declined"], ["sell", "release"]
    frames = {"orders": (column, orders[column] > 0)}
    if everywhere:
        frames["order_events"] = ("at_ns", events["status"].isin(statuses))
        frames["stock_moves"] = ("at_ns", run.stock_moves["kind"].isin(kinds))
        if column == "settled_ns":
            frames["payments"] = ("at_ns", run.payments["at_ns"] > 0)
    tables = {}
    for name, (stamp, hit) in frames.items():
        table = getattr(run, name)
        victims = hit & (table["order_id"] == of) if of else hit
        tables[name] = table.assign(**{stamp: table[stamp].mask(victims, table[stamp] + by_ns)})
    return changed(run, **tables)


@defect("I8")
def accepted_2_s_early(run: RunData, pick: int) -> RunData:
    return moved(run, "accepted_ns", -2 * S, everywhere=False, of=confirmed(run, pick))


@defect("I8", approaches=("queue",))
def accepted_before_it_was_asked_for(run: RunData, pick: int) -> RunData:
    """Its history agrees; but its buyer had not sent the request by then."""
    return moved(run, "accepted_ns", -2 * S, everywhere=True, of=confirmed(run, pick))


@defect("I8", also="I7")
def all_settled_90_ms_early(run: RunData, pick: int) -> RunData:
    return moved(run, "settled_ns", -90 * MS, everywhere=False)


@defect("I7")
def all_settled_90_ms_early_in_every_table(run: RunData, pick: int) -> RunData:
    """The gateway had not answered by then."""
    return moved(run, "settled_ns", -90 * MS, everywhere=True)


@defect("I8")
def settled_30_s_late(run: RunData, pick: int) -> RunData:
    return moved(run, "settled_ns", 30 * S, everywhere=False, of=confirmed(run, pick))


@defect("I8")
def settled_after_its_buyer_was_shown_the_end(run: RunData, pick: int) -> RunData:
    return moved(run, "settled_ns", 30 * S, everywhere=True, of=confirmed(run, pick))


@defect("I8")
def settled_after_the_backlog_was_empty(run: RunData, pick: int) -> RunData:
    """Nobody was told of the order, so that no answer says when it ended."""
    victim = confirmed(run, pick, answered=False)
    return moved(run, "settled_ns", 600 * S, everywhere=True, of=victim)


@defect("I8")
def payment_noted_later_than_it_settled(run: RunData, pick: int) -> RunData:
    payments = run.payments
    hit = payments["order_id"] == confirmed(run, pick)
    return changed(run, payments=altered(payments, hit, at_ns=payments.loc[hit, "at_ns"].max() + S))
