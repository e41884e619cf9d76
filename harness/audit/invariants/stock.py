"""Units of stock: none sold twice, none lost between the stores, each returned exactly once."""

import numpy as np
import pandas as pd

from harness.audit.excuses import no_sooner_than
from harness.audit.facts import (
    HELD,
    LEDGER_ORDER_NS,
    RECOVERY_NS,
    RELAY_NS,
    SEQUENCE,
    Facts,
    among,
    open_or_sold,
)
from harness.audit.invariant import Evidence, invariant

SALE_PRODUCT = 1


@invariant("I1", "No oversell, at any moment", reads=("orders", "order_events", "stock_moves"))
def no_oversell(facts: Facts, evidence: Evidence) -> str:
    """Units open or sold never exceed the stock, at the end and after every prefix of history.

    Catches a lost update or a check that is not atomic with the decrement, also where a later
    decline hides it from the final count. Histories are that of the stock moves, in the order in
    which the ledger numbered them, and, independent of it, that of the orders' events, by the
    clock. A pause may hold a transaction up and leave it its old stamp, so by the clock what is
    given back during one counts as given back before it. By the numbers, and at the end, the count
    is exact. Runs whose ledger did not number its moves have the clock alone, and the summary says
    so.
    """
    stock = facts.seeded_stock
    sale = facts.orders[facts.orders["product_id"] == SALE_PRODUCT]
    sold = int(sale.loc[sale["status"] == "confirmed", "quantity"].sum())
    if sold > stock:
        bought = sale[sale["status"] == "confirmed"].sort_values("accepted_ns")
        evidence.offence(
            f"{sold} units confirmed of {stock}, orders beyond the stock",
            bought,
            bought["quantity"].cumsum() > stock,
            ["order_id", "key", "quantity"],
        )
    peak = 0
    for source, changes in (("moves", _by_moves(facts)), ("events", _by_events(facts))):
        history = open_or_sold(changes, facts.outages_by_wall_clock)
        evidence.offence(
            f"stock {source} that leave more than {stock} units open or sold",
            history,
            history["held"] > stock,
            ["order_id", "at_ns", "held"],
            by_the_clock=True,
        )
        peak = max(peak, int(history["held"].max()) if len(history) else 0)
    exact = SEQUENCE in facts.stock_moves.columns
    by = "" if exact else ", by the clock: the ledger's sequence was not recorded"
    return f"{sold} of {stock} units sold; at most {peak} open or sold at any moment{by}"


@invariant(
    "I2", "Stock is conserved across the stores", reads=("orders", "stock_moves", "products")
)
def stock_conserved(facts: Facts, evidence: Evidence) -> str:
    """The product row, the orders, the stock moves and Redis agree on what is held and sold.

    Catches a counter that is overwritten, decremented twice or not given back: the published
    system's workers overwrote the reservation counter and accepted 1,275 orders for 1,000 units.
    When the limit of the drain has passed, a difference between Redis and the ledger that the work
    left in the streams does not explain is a failure, too.
    """
    rows = facts.products
    known, moves = facts.orders, facts.stock_moves
    counted = {
        "reserved by orders": _units(known[known["status"].isin(HELD)]),
        "sold by orders": _units(known[known["status"] == "confirmed"]),
        "reserved by moves": _units(moves[moves["kind"] == "reserve"])
        .sub(_units(moves[moves["kind"] != "reserve"]), fill_value=0),
        "sold by moves": _units(moves[moves["kind"] == "sell"]),
    }  # fmt: skip
    sums = pd.DataFrame(counted, index=rows.index).fillna(0).astype("int64")
    for name in counted:
        differs = rows[name.split()[0]] != sums[name]
        evidence.at_rest(
            f"product rows that differ from what is {name}",
            rows.assign(counted=sums[name])[differs],
        )
    sale = {str(name): int(value) for name, value in rows.loc[SALE_PRODUCT].to_dict().items()}
    if sale["initial_stock"] != facts.seeded_stock:
        evidence.offence("product rows whose initial stock is not the seeded one", rows)
    left = sale["initial_stock"] - sale["reserved"] - sale["sold"]
    summary = f"{sale['sold']} sold, {sale['reserved']} held, {left} left in all stores"
    if not facts.has_redis:
        return f"{summary} (PostgreSQL alone)"
    in_redis = facts.recorded("store", "redis", "stock")
    if in_redis != left:
        both = pd.DataFrame([{"redis_stock": in_redis, "ledger_stock": left}])
        what = "stock counters in Redis that differ from the ledger"
        if abs(in_redis - left) > _under_way(facts):
            evidence.offence(what, both)
        else:
            evidence.doubt(f"{what} (by no more than work under way explains)", both)
    return summary


def _under_way(facts: Facts) -> int:
    """Return how many units work that had not ended at the drain's limit may hold at most.

    One entry of a stream stands for one order; a release may not have reached Redis yet.
    """
    if facts.at_rest:
        return 0
    streams = facts.recorded("store", "redis", "streams")
    entries = sum(int(sizes["length"]) for sizes in streams.values())
    largest = max(1, int(facts.orders["quantity"].max())) if len(facts.orders) else 1
    moves = facts.stock_moves
    unrelayed = moves[(moves["kind"] == "release") & ~moves["relayed"].astype(bool)]
    return entries * largest + int(unrelayed["quantity"].sum())


@invariant("I9", "Every declined unit is returned exactly once", reads=("orders", "stock_moves"))
def returned_once(facts: Facts, evidence: Evidence) -> str:
    """Each order reserves once; a confirmed one sells once; a declined one releases once.

    Catches a release that is repeated (stock out of thin air), forgotten (a unit that nobody can
    buy), applied to an order that was paid, or never relayed to the store that accepts orders.
    """
    moves, known = facts.stock_moves, facts.orders
    shown = ["order_id", "kind", "quantity", "status"]
    evidence.offence(
        "stock moves made more than once", moves, moves.duplicated(["order_id", "kind"]), shown
    )
    evidence.at_rest(
        "stock moves of orders that do not exist", moves, moves["status"].isna(), shown
    )
    for kind, statuses in (
        ("reserve", (*HELD, "confirmed", "declined")),
        ("sell", ("confirmed",)),
        ("release", ("declined",)),
    ):
        made = moves[(moves["kind"] == kind) & moves["status"].notna()]
        owed = known[known["status"].isin(statuses)]
        evidence.at_rest(
            f"orders without their {kind}",
            owed,
            ~among(owed["order_id"], made["order_id"]),
            ["order_id", "key", "status"],
        )
        evidence.at_rest(
            f"{kind}s that the order does not call for", made, ~made["status"].isin(statuses), shown
        )
    differs = moves["ordered"].notna() & (moves["quantity"] != moves["ordered"])
    evidence.offence(
        "stock moves of another quantity than ordered", moves, differs, [*shown, "ordered"]
    )
    releases = moves[moves["kind"] == "release"]
    if facts.has_redis:
        unrelayed = releases[~releases["relayed"].astype(bool)]
        evidence.at_rest("releases that were not relayed", unrelayed, shown=shown)
    sells = int((moves["kind"] == "sell").sum())
    return f"{len(known)} reserved = {sells} sold + {len(releases)} released, each once"


@invariant(
    "I10",
    "The limit per buyer is kept",
    reads=("orders", "orders.key", "orders.user_id", "stock_moves"),
)
def limit_kept(facts: Facts, evidence: Evidence) -> str:
    """No account ever holds or owns more units than the limit allows.

    Catches a limit that is checked apart from the reservation, so that parallel requests of one
    buyer pass it; and a refusal of a buyer who had something left of it, or where there is none.
    """
    limit = facts.recorded("scenario", "product").get("per_user_limit")
    if limit is None:
        buys = facts.table("requests", "endpoint", "user", "key", "outcome")
        limited = buys.loc[buys["outcome"] == "limited", ["user", "key"]]
        evidence.offence(
            "buyers refused for a limit that is not set", limited, shown=["user", "key"]
        )
        return "no limit is set"
    facts.table("orders", "user_id")  # whose the moves are
    history = open_or_sold(_by_moves(facts), facts.outages_by_wall_clock, by="user_id")
    evidence.offence(
        f"orders beyond the limit of {limit}",
        history,
        history["held"] > limit,
        ["order_id", "user_id", "at_ns", "held"],
        by_the_clock=True,
    )
    evidence.at_rest(
        f"buyers refused who held less than {limit}",
        _refused_below(facts, int(limit)),
        by_the_clock=True,
    )
    most = int(history["held"].max()) if len(history) else 0
    return f"at most {most} units per account, the limit is {limit}"


def _refused_below(facts: Facts, limit: int) -> pd.DataFrame:
    """Return the refusals during which their buyer cannot have held as much as the limit.

    A unit counts as held from `clock_ns` before its order's acceptance until everybody must have
    learnt of its release.
    """
    asked = facts.purchases
    refused = asked.loc[asked["outcome"] == "limited", ["user", "key", "sent_ns", "done_ns"]]
    t0_ns = int(facts.recorded("t0_wall_ns"))
    ordered = facts.table("orders", "order_id", "key", "quantity", "accepted_ns")
    held = ordered.merge(asked[["user", "key"]].drop_duplicates("key"), on="key")
    releases = facts.stock_moves[facts.stock_moves["kind"] == "release"]
    delay_ns = LEDGER_ORDER_NS + (RELAY_NS if facts.has_redis else 0)
    released_ns = releases["at_ns"].to_numpy(dtype=np.int64) - t0_ns
    free_ns = no_sooner_than(released_ns, delay_ns, RECOVERY_NS, facts.outages)
    until_ns = pd.Series(free_ns, index=releases["order_id"]).groupby(level=0).min()
    held = held.assign(
        from_ns=held["accepted_ns"] - t0_ns - facts.clock_ns,
        until_ns=held["order_id"].map(until_ns),
    )[["user", "quantity", "from_ns", "until_ns"]]
    both = refused.reset_index().merge(held, on="user")
    during = both[(both["from_ns"] <= both["done_ns"]) & ~(both["until_ns"] < both["sent_ns"])]
    most = during.groupby("index")["quantity"].sum().reindex(refused.index, fill_value=0)
    return refused.assign(held_at_most=most)[most < limit]


def _units(rows: pd.DataFrame) -> "pd.Series[int]":
    return rows.groupby("product_id")["quantity"].sum()


def _by_moves(facts: Facts) -> pd.DataFrame:
    """Return the units of the sale taken and given back, according to the stock moves."""
    moves = facts.stock_moves
    of_sale = moves["product_id"] == SALE_PRODUCT
    moves = moves[of_sale & moves["kind"].isin(["reserve", "release"])]
    sign = (moves["kind"] == "reserve") * 2 - 1
    return moves.assign(quantity=moves["quantity"].astype("int64") * sign)


def _by_events(facts: Facts) -> pd.DataFrame:
    """Return the units of the sale taken and given back, according to the orders' history."""
    events = facts.table("order_events", "order_id", "status", "at_ns")
    events = events[events["status"].isin(["accepted", "declined"])]
    ordered = facts.of_order(events["order_id"], "product_id", "quantity")
    of_sale = ordered["product_id"] == SALE_PRODUCT
    events, quantity = events[of_sale], ordered.loc[of_sale, "quantity"].astype("int64")
    sign = (events["status"] == "accepted") * 2 - 1
    return events.assign(quantity=quantity * sign)
