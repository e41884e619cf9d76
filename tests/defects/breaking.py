"""Breaks a consistent run in one way at a time: the known-bad histories of the audit.

Each defect is a function of a run and a number that picks the victim; it changes every other fact
so that only the invariant that is meant can see it. Where a defect necessarily shows in a second
invariant (a unit released twice is also a unit too many), `also` says so.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from harness.results.record import CancelledOrder, RequestCount
from harness.results.store import RunData

S = 1_000_000_000
BOTH = ("queue", "sync")
Apply = Callable[[RunData, int], RunData]


@dataclass(frozen=True)
class Defect:
    """One way to be wrong: the invariant that must see it, and the runs to which it applies."""

    name: str
    invariant: str
    apply: Apply
    also: frozenset[str] = frozenset()
    approaches: tuple[str, ...] = BOTH
    run: dict[str, Any] = field(default_factory=dict)


DEFECTS: dict[str, Defect] = {}


def defect(
    invariant: str, *, also: str = "", approaches: tuple[str, ...] = BOTH, **run: Any
) -> Callable[[Apply], Apply]:
    """Register a defect; `run` are the arguments of the simulation that it needs."""

    def register(apply: Apply) -> Apply:
        name = apply.__name__
        DEFECTS[name] = Defect(name, invariant, apply, frozenset(also.split()), approaches, run)
        return apply

    return register


def changed(run: RunData, **frames: pd.DataFrame) -> RunData:
    """Return the run with other tables and a record of its own, which may be changed."""
    return replace(run, record=copy.deepcopy(run.record), **frames)


def confirmed(run: RunData, pick: int, *, answered: bool = True) -> str:
    """Return the id of one confirmed order, acknowledged or not."""
    told = run.orders["order_id"].isin(run.requests["order_id"])
    ids = run.orders.loc[(run.orders["status"] == "confirmed") & (told == answered), "order_id"]
    return str(ids.iloc[pick % len(ids)])


def declined(run: RunData, pick: int) -> str:
    """Return the id of one declined order."""
    ids = run.orders.loc[run.orders["status"] == "declined", "order_id"]
    return str(ids.iloc[pick % len(ids)])


def without(frame: pd.DataFrame, order_id: str) -> pd.DataFrame:
    """Return the rows of the other orders."""
    return frame[frame["order_id"] != order_id].reset_index(drop=True)


def altered(frame: pd.DataFrame, rows: "pd.Series[bool]", **values: Any) -> pd.DataFrame:
    """Return the frame with other values in some rows."""
    frame = frame.copy()
    for column, value in values.items():
        frame.loc[rows, column] = value
    return frame


def without_failures(run: RunData) -> RunData:
    """Return the run with the requests that failed in it as ones that failed at its begin."""
    asked = run.requests
    bad = (asked["status"] == 0) | (asked["status"] >= 500)
    early = {name: asked[name].mask(bad, value) for name, value in (("sent_ns", 1), ("done_ns", 2))}
    return replace(run, requests=asked.assign(**early))


def recount(run: RunData, endpoint_status: tuple[str, str, int], change: int) -> None:
    """Change a counter of the servers in place."""
    method, route, status = endpoint_status
    counts = run.record.server_counts
    for row in counts:
        if (row.method, row.route, row.status) == (method, route, status):
            row.count += change
            return
    counts.append(RequestCount(method=method, route=route, status=status, count=change))


def restock(run: RunData, *, sold: int = 0, reserved: int = 0) -> None:
    """Change the product row and Redis together, in place."""
    store = run.record.store
    store.products[0].sold += sold
    store.products[0].reserved += reserved
    if store.redis:
        store.redis.stock -= sold + reserved


def cancel(run: RunData, order_id: str, *, user_id: int = 0, key: str = "") -> None:
    """Record, in place, that the ledger refused an order."""
    facts = {"user_id": user_id, "key": key, "product_id": 1, "quantity": 1, "reason": "refused"}
    run.record.store.cancelled.append(CancelledOrder(order_id=order_id, **facts))


def claim_stock(run: RunData, change: int) -> None:
    """Pretend, in place, that another stock was seeded from the start."""
    record = run.record
    record.scenario["product"]["stock"] += change
    record.store.products[0].initial_stock += change
    record.reset_proof.product.initial_stock += change
    record.reset_proof.stock_over_http += change
    if record.store.redis:
        record.store.redis.stock += change
        record.reset_proof.redis.stock += change
