"""How many oversells by one unit the audit sees: `python -m tests.tampering.oversells` measures it.

Each sale of a recorded contention test is tampered with by itself: one order more than there is
stock, as a shop would have written it down whose ledger has no CHECK, or an order that Redis
promised and the ledger refused. If the ledger did not number its moves yet, the numbers are put in
from the ledger's own times, which are stamped a moment before the commit.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import reduce
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from harness.audit import INVARIANTS
from harness.audit.facts import Facts
from harness.audit.sale_by_sale import slices
from harness.results.findings import Verdict
from harness.results.store import RunData, load_run
from tests.support.edits import ROOT
from tests.support.records import edited

CONTENTION = ROOT / "results" / "reference-contention" / "runs"
PAYMENT_NS = 50_000_000
"""How long the unit too many is held: so long a payment takes in a contention test."""

Tamper = Callable[[RunData], RunData]


def numbered(run: RunData) -> RunData:
    """Return the run with its stock moves numbered, if they are not."""
    if "seq" in run.stock_moves.columns:
        return run
    events, moves = run.order_events, run.stock_moves
    recorded_ns = events[events["version"] == 2].groupby("order_id")["at_ns"].min()
    reserve = moves["kind"] == "reserve"
    ledger_ns = moves["at_ns"].mask(reserve, moves["order_id"].map(recorded_ns))
    seq = np.argsort(np.argsort(ledger_ns.to_numpy(np.int64), kind="stable"), kind="stable") + 1
    return replace(run, stock_moves=moves.assign(seq=seq))


def by_the_clock(run: RunData) -> RunData:
    """Return the run as of before the ledger numbered its moves."""
    return replace(run, stock_moves=run.stock_moves.drop(columns="seq"))


def hidden_by_a_decline(sale: RunData) -> RunData:
    """Sell one unit too many as soon as all are taken; its payment is declined a moment later."""
    return _one_too_many(sale, "declined", "release")


def confirmed_beyond_the_stock(sale: RunData) -> RunData:
    """Sell one unit too many as soon as all are taken, for good."""
    return _one_too_many(sale, "confirmed", "sell")


def promised_and_refused(sale: RunData) -> RunData:
    """Acknowledge one order too many, which the ledger's CHECK then refuses."""
    requests = sale.requests
    refused = requests.index[(requests["endpoint"] == "buy") & (requests["outcome"] == "sold_out")]
    promised = {"status": 202, "outcome": "accepted", "order_id": "one-too-many"}
    told = requests.astype(dict.fromkeys(("outcome", "order_id"), object))
    told.loc[refused[0], list(promised)] = list(promised.values())
    row = {"order_id": "one-too-many", "user_id": 0, "product_id": 1, "quantity": 1}
    cancelled = {**row, "key": "", "reason": "sold out"}
    refused = edited(sale, lambda record: record["store"]["cancelled"].append(cancelled))
    return replace(refused, requests=told)


def _one_too_many(sale: RunData, status: str, kind: str) -> RunData:
    moves = sale.stock_moves.sort_values("seq").astype({"seq": "float64"})
    step = moves["kind"].map({"reserve": 1, "release": -1, "sell": 0}) * moves["quantity"]
    stock = sale.record.scenario["product"]["stock"]
    full = moves[step.cumsum() == stock].iloc[0]
    begun_ns = int(full["at_ns"])
    ended_ns = begun_ns + PAYMENT_NS
    before_end = moves["seq"].where(moves["at_ns"] <= ended_ns, 0).max()
    ids = {"order_id": "one-too-many"}
    order = sale.orders[sale.orders["order_id"] == full["order_id"]].assign(
        **ids, key="one-too-many", status=status, version=3,
        accepted_ns=begun_ns, settled_ns=ended_ns,
    )  # fmt: skip
    reserve = moves[moves["order_id"] == full["order_id"]].head(1).assign(**ids, at_ns=begun_ns)
    reserve = reserve.assign(kind="reserve", seq=full["seq"] + 0.25)
    end = reserve.assign(kind=kind, at_ns=ended_ns, seq=max(before_end, full["seq"]) + 0.5)
    events = sale.order_events
    steps = events[events["order_id"] == full["order_id"]].assign(**ids)
    steps = steps[steps["version"] <= 3].sort_values("version")
    steps = steps.assign(
        at_ns=[begun_ns, begun_ns, ended_ns][: len(steps)],
        status=["accepted", "awaiting_payment", status][: len(steps)],
    )
    return replace(
        sale,
        orders=pd.concat([sale.orders, order], ignore_index=True),
        stock_moves=pd.concat([moves, reserve, end], ignore_index=True),
        order_events=pd.concat([events, steps], ignore_index=True),
    )


KINDS: dict[str, tuple[str, list[Tamper]]] = {
    "one unit too many, for good": ("I1", [confirmed_beyond_the_stock]),
    "one unit too many, until its payment is declined": ("I1", [hidden_by_a_decline]),
    "the same, ordered by clocks, as before": ("I1", [hidden_by_a_decline, by_the_clock]),
    "one promised too many, refused by the ledger": ("I3", [promised_and_refused]),
}


def detected(run: RunData, kind: str, every: int = 1) -> tuple[int, int]:
    """Return in how many of the sales a tampering is seen, and of how many; `every` n-th sale."""
    identifier, tampers = KINDS[kind]
    check = INVARIANTS[[f"I{n}" for n in range(1, 17)].index(identifier)]
    seen = sales = 0
    for sale in _sales(run, every):
        tampered = reduce(lambda changed, tamper: tamper(changed), tampers, sale)
        seen += check(Facts(tampered)).verdict is Verdict.FAIL
        sales += 1
    return seen, sales


def _sales(run: RunData, every: int) -> Iterator[RunData]:
    return (sale for _, sale in islice(slices(numbered(run)), 0, None, every))


def runs(folder: Path = CONTENTION) -> dict[str, RunData]:
    """Return the recorded runs of a contention test, by approach."""
    found = [load_run(one) for one in sorted(folder.iterdir())]
    return {run.approach: run for run in found}


if __name__ == "__main__":
    for approach, run in runs().items():
        for kind in KINDS:
            print(approach, kind, "{} of {}".format(*detected(run, kind)), sep=" | ", flush=True)
