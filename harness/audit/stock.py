"""Units of stock: none sold twice, none lost between the stores, each returned exactly once."""

import pandas as pd

from harness.audit.evidence import Evidence, invariant
from harness.audit.facts import (
    CLOCK_NS,
    HELD,
    LEDGER_ORDER_NS,
    RELAY_NS,
    among,
    has_redis,
    open_or_sold,
    orders,
    products,
    purchases,
    recorded,
    seeded_stock,
    stock_moves,
    table,
)
from harness.store import RunData

SALE_PRODUCT = 1


@invariant("I1", "No oversell, at any moment")
def no_oversell(run: RunData, evidence: Evidence) -> str:
    """Units open or sold never exceed the stock, at the end and after every prefix of history.

    Catches a lost update or a check that is not atomic with the decrement, also where a later
    decline hides it from the final count. Histories are that of the stock moves and, independent
    of it, that of the orders' events.
    """
    stock = seeded_stock(run)
    sale = orders(run).query(f"product_id == {SALE_PRODUCT}")
    sold = int(sale.loc[sale["status"] == "confirmed", "quantity"].sum())
    if sold > stock:
        bought = sale[sale["status"] == "confirmed"].sort_values("accepted_ns")
        evidence.offence(
            f"{sold} units confirmed of {stock}, orders beyond the stock",
            bought[bought["quantity"].cumsum() > stock][["order_id", "key", "quantity"]],
        )
    peak = 0
    for source, changes in (("moves", _by_moves(run)), ("events", _by_events(run))):
        history = open_or_sold(changes[changes["product_id"] == SALE_PRODUCT], ["product_id"])
        above = history[history["held"] > stock]
        evidence.offence(
            f"stock {source} that leave more than {stock} units open or sold",
            above[["order_id", "at_ns", "held"]],
        )
        peak = max(peak, int(history["held"].max()) if len(history) else 0)
    return f"{sold} of {stock} units sold; at most {peak} open or sold at any moment"


@invariant("I2", "Stock is conserved across the stores")
def stock_conserved(run: RunData, evidence: Evidence) -> str:
    """The product row, the orders, the stock moves and Redis agree on what is held and sold.

    Catches a counter that is overwritten, decremented twice or not given back: the published
    system's workers overwrote the reservation counter and accepted 1,275 orders for 1,000 units.
    """
    rows = products(run)
    known, moves = orders(run), stock_moves(run)
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
    if sale["initial_stock"] != seeded_stock(run):
        evidence.offence("product rows whose initial stock is not the seeded one", rows)
    left = sale["initial_stock"] - sale["reserved"] - sale["sold"]
    summary = f"{sale['sold']} sold, {sale['reserved']} held, {left} left in all stores"
    if not has_redis(run):
        return f"{summary} (PostgreSQL alone)"
    in_redis = recorded(run, "store", "redis", "stock")
    if in_redis != left:
        facts = pd.DataFrame([{"redis_stock": in_redis, "ledger_stock": left}])
        evidence.at_rest("stock counters in Redis that differ from the ledger", facts)
    return summary


@invariant("I9", "Every declined unit is returned exactly once")
def returned_once(run: RunData, evidence: Evidence) -> str:
    """Each order reserves once; a confirmed one sells once; a declined one releases once.

    Catches a release that is repeated (stock out of thin air), forgotten (a unit that nobody can
    buy), applied to an order that was paid, or never relayed to the store that accepts orders.
    """
    moves, known = stock_moves(run), orders(run)
    shown = ["order_id", "kind", "quantity", "status"]
    evidence.offence(
        "stock moves made more than once", moves[moves.duplicated(["order_id", "kind"])][shown]
    )
    evidence.at_rest(
        "stock moves of orders that do not exist", moves[moves["status"].isna()][shown]
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
            owed[~among(owed["order_id"], made["order_id"])][["order_id", "key", "status"]],
        )
        evidence.at_rest(
            f"{kind}s that the order does not call for", made[~made["status"].isin(statuses)][shown]
        )
    differs = moves["ordered"].notna() & (moves["quantity"] != moves["ordered"])
    evidence.offence(
        "stock moves of another quantity than ordered", moves[differs][[*shown, "ordered"]]
    )
    releases = moves[moves["kind"] == "release"]
    if has_redis(run):
        unrelayed = releases[~releases["relayed"].astype(bool)]
        evidence.at_rest("releases that were not relayed", unrelayed[shown])
    sells = int((moves["kind"] == "sell").sum())
    return f"{len(known)} reserved = {sells} sold + {len(releases)} released, each once"


@invariant("I10", "The limit per buyer is kept")
def limit_kept(run: RunData, evidence: Evidence) -> str:
    """No account ever holds or owns more units than the limit allows.

    Catches a limit that is checked apart from the reservation, so that parallel requests of one
    buyer pass it; and a refusal of a buyer who had something left of it, or where there is none.
    """
    limit = recorded(run, "scenario", "product").get("per_user_limit")
    if limit is None:
        buys = table(run, "requests", "endpoint", "user", "key", "outcome")
        limited = buys[buys["outcome"] == "limited"]
        evidence.offence("buyers refused for a limit that is not set", limited[["user", "key"]])
        return "no limit is set"
    changes = _by_moves(run)
    sale = changes[changes["product_id"] == SALE_PRODUCT]
    history = open_or_sold(sale, ["product_id", "user_id"])
    above = history[history["held"] > limit]
    evidence.offence(
        f"orders beyond the limit of {limit}", above[["order_id", "user_id", "at_ns", "held"]]
    )
    evidence.at_rest(f"buyers refused who held less than {limit}", _refused_below(run, int(limit)))
    most = int(history["held"].max()) if len(history) else 0
    return f"at most {most} units per account, the limit is {limit}"


def _refused_below(run: RunData, limit: int) -> pd.DataFrame:
    """Return the refusals during which their buyer cannot have held as much as the limit.

    A unit counts as held from `CLOCK_NS` before its order's acceptance until everybody must have
    learnt of its release.
    """
    asked = purchases(run)
    refused = asked.loc[asked["outcome"] == "limited", ["user", "key", "sent_ns", "done_ns"]]
    t0_ns = int(recorded(run, "t0_wall_ns"))
    held = orders(run).merge(asked[["user", "key"]].drop_duplicates("key"), on="key")
    moves = stock_moves(run)
    released_ns = moves[moves["kind"] == "release"].groupby("order_id")["at_ns"].min()
    delay_ns = LEDGER_ORDER_NS + (RELAY_NS if has_redis(run) else 0)
    held = held.assign(
        from_ns=held["accepted_ns"] - t0_ns - CLOCK_NS,
        until_ns=held.join(released_ns, on="order_id")["at_ns"] - t0_ns + delay_ns,
    )[["user", "quantity", "from_ns", "until_ns"]]
    both = refused.reset_index().merge(held, on="user")
    during = both[(both["from_ns"] <= both["done_ns"]) & ~(both["until_ns"] < both["sent_ns"])]
    most = during.groupby("index")["quantity"].sum().reindex(refused.index, fill_value=0)
    return refused.assign(held_at_most=most)[most < limit]


def _units(rows: pd.DataFrame) -> "pd.Series[int]":
    return rows.groupby("product_id")["quantity"].sum()


def _by_moves(run: RunData) -> pd.DataFrame:
    """Return the units taken and given back, as the stock moves tell it."""
    moves = stock_moves(run)
    moves = moves[moves["kind"].isin(["reserve", "release"]) & moves["product_id"].notna()]
    sign = (moves["kind"] == "reserve") * 2 - 1
    return moves.assign(quantity=moves["quantity"].astype("int64") * sign)


def _by_events(run: RunData) -> pd.DataFrame:
    """Return the units taken and given back, as the history of the orders tells it."""
    events = table(run, "order_events", "order_id", "status", "at_ns")
    events = events[events["status"].isin(["accepted", "declined"])]
    known = orders(run)[["order_id", "product_id", "quantity"]].drop_duplicates("order_id")
    joined = events.merge(known, on="order_id")
    sign = (joined["status"] == "accepted") * 2 - 1
    return joined.assign(quantity=joined["quantity"].astype("int64") * sign)
