"""What the invariants read of a run, and how far two of its clocks may disagree.

Requests are on the monotonic clock of the load generator, counted from the start of the load; the
stores stamp wall-clock time. `t0_wall_ns` of the record joins the two. All processes share one
host, so nothing but scheduling and clock slew lies between two stamps of one instant.
"""

from typing import Any

import pandas as pd

from harness.audit.evidence import NotMeasuredError
from harness.store import RunData

MS = 1_000_000

CLOCK_NS = 100 * MS
"""Between reading a clock and the act that it stamps; also covers the slew of a five-minute run."""

SOLD_OUT_CACHE_NS = 100 * MS
"""How long an approach may go on saying "sold out" from a cache."""

LEDGER_ORDER_NS = 1_000 * MS
"""How far ledger stamps may be out of commit order: `now()` is the start of a transaction, which
may then wait for the product's row while others commit."""

RELAY_NS = 5_000 * MS
"""How long after the ledger's commit a released unit may take to reach Redis. Normally it takes
milliseconds; if the worker was killed in between, the reaper finds the release within 3 to 5 s."""

SHOWN_NS = 10_000 * MS
"""How long after the ledger's commit a buyer may still be shown an order as under way. Normally it
takes milliseconds; if the worker was killed in between, and all others with it, they must be
started again, find the entry, and settle it anew."""

HELD = ("accepted", "awaiting_payment", "unknown")
TERMINAL = ("confirmed", "declined")
ACKNOWLEDGED = (201, 202, 402)
"""Statuses of POST /orders by which a buyer learns that there is an order."""


def recorded(run: RunData, *path: str) -> Any:
    """Return a value of run.json; raise NotMeasuredError if it is absent or null."""
    value: Any = run.record
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
        if value is None:
            raise NotMeasuredError(f"run.json has no {'.'.join(path)}")
    return value


def has_redis(run: RunData) -> bool:
    """Say whether the approach keeps stock and queues in Redis."""
    return bool(recorded(run, "topology", "has_redis"))


def table(run: RunData, name: str, *columns: str) -> pd.DataFrame:
    """Return columns of a table; raise NotMeasuredError if it does not have them."""
    frame: pd.DataFrame = getattr(run, name)
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise NotMeasuredError(f"{name} has no column {', '.join(missing)}")
    return frame[list(columns)]


def requests(run: RunData, *columns: str) -> pd.DataFrame:
    """Return columns of the client ledger; a ledger without a request was not measured."""
    frame = table(run, "requests", *columns)
    if frame.empty:
        raise NotMeasuredError("the client ledger holds no request")
    return frame


def purchases(run: RunData) -> pd.DataFrame:
    """Return every request to buy."""
    columns = ("user", "key", "sent_ns", "done_ns", "status", "outcome", "order_id")
    frame = requests(run, "endpoint", *columns)
    return frame.loc[frame["endpoint"] == "buy", list(columns)]


def acknowledgements(run: RunData) -> pd.DataFrame:
    """Return the requests by which a buyer learnt that there is an order."""
    frame = purchases(run)
    return frame[frame["status"].isin(ACKNOWLEDGED)]


def orders(run: RunData) -> pd.DataFrame:
    """Return the orders of the ledger."""
    return table(
        run,
        "orders",
        *("order_id", "user_id", "product_id", "quantity", "key", "amount_cents"),
        *("status", "version", "accepted_ns"),
    )


def stock_moves(run: RunData) -> pd.DataFrame:
    """Return the stock moves, each with what its order says; that is null for an orphan."""
    moves = table(run, "stock_moves", "order_id", "kind", "quantity", "at_ns", "relayed")
    known = orders(run)[["order_id", "product_id", "user_id", "status", "quantity"]]
    known = known.rename(columns={"quantity": "ordered"})
    return moves.merge(known.drop_duplicates("order_id"), on="order_id", how="left")


def products(run: RunData) -> pd.DataFrame:
    """Return the final rows of the products, indexed by their id."""
    columns = ["id", "price_cents", "initial_stock", "reserved", "sold"]
    frame = pd.DataFrame(recorded(run, "store", "products"))
    if frame.empty or not set(columns) <= set(frame.columns):
        raise NotMeasuredError("run.json has no complete row in store.products")
    return frame[columns].set_index("id", drop=False)


def seeded_stock(run: RunData) -> int:
    """Return how many units of the sale product were put up for sale."""
    return int(recorded(run, "scenario", "product", "stock"))


def among(column: "pd.Series[str]", others: "pd.Series[str] | pd.Index[str]") -> "pd.Series[bool]":
    """Say for each identifier whether it is one of the others.

    Compares Python strings: `isin` of Arrow strings builds its set element by element, which was
    most of the time of an audit.
    """
    return column.astype(object).isin(others.astype(object))


def open_or_sold(changes: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return the running sum of quantity within each group, over all prefixes of ledger time.

    `changes` has quantity (positive when units are taken, negative when given back) and at_ns.
    What is given back counts `LEDGER_ORDER_NS` early, and first among equal stamps, so that a
    sum above a limit is never an artefact of the order of stamps.
    """
    early_ns = LEDGER_ORDER_NS * (changes["quantity"] < 0)
    ordered = changes.assign(at_ns=changes["at_ns"] - early_ns).sort_values(["at_ns", "quantity"])
    return ordered.assign(held=ordered.groupby(by)["quantity"].cumsum())
