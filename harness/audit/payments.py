"""Payments: the gateway's own log against the ledger, and against what it had to decide."""

import pandas as pd

from harness.audit.evidence import Evidence, invariant
from harness.audit.facts import (
    CLOCK_NS,
    HELD,
    MS,
    TERMINAL,
    among,
    orders,
    products,
    recorded,
    table,
)
from harness.audit.oracle import expected_charges
from harness.store import RunData

LATENCY_TOLERANCE_MS = 0.002
"""Two mathematics libraries may round a latency to neighbouring microseconds."""

EARLY_NS = 50 * MS
"""How much sooner than drawn a charge may seem to end: wall clocks are set, timers round."""


@invariant("I6", "At most one charge per order; charges and confirmed orders agree")
def charged_once(run: RunData, evidence: Evidence) -> str:
    """Every confirmed order was charged its amount once, and nobody was charged for anything else.

    Catches double charges after a retry, orders confirmed without money, money taken for an order
    that was declined or never existed, and payments that differ from the gateway's log.
    """
    charges = _charges(run)
    ledger = orders(run).drop_duplicates("order_id")
    known = ["order_id", "quantity", "amount_cents", "status", "product_id"]
    paid = charges.merge(ledger[known], on="order_id", how="left", suffixes=("", "_ordered"))
    shown = ["order_id", "charge_id", "outcome", "amount_cents"]
    twice = charges.duplicated("order_id") | charges.duplicated("charge_id")
    evidence.offence("charges beyond the first of an order", charges[twice][shown])
    evidence.at_rest("charges without an order", paid[paid["status"].isna()][shown])
    approved = paid["outcome"] == "approved"
    evidence.offence(
        "money taken for declined orders", paid[approved & (paid["status"] == "declined")][shown]
    )
    evidence.doubt(
        "money taken for orders that are still open",
        paid[approved & paid["status"].isin(HELD)][shown],
    )
    prices = products(run)["price_cents"]
    owed = paid["quantity"] * paid["product_id"].map(prices)
    wrong = paid["status"].notna() & (
        (paid["amount_cents"] != paid["amount_cents_ordered"]) | (paid["amount_cents"] != owed)
    )
    evidence.offence(
        "charges of another amount", paid[wrong & ~twice][[*shown, "amount_cents_ordered"]]
    )
    confirmed = ledger[ledger["status"] == "confirmed"]
    unpaid = ~among(confirmed["order_id"], charges.loc[approved.to_numpy(), "order_id"])
    evidence.at_rest(
        "orders confirmed without a charge", confirmed[unpaid][["order_id", "key", "amount_cents"]]
    )
    _payments_match(run, evidence, ledger, charges)
    return f"{len(charges)} charges, {int(approved.sum())} approved = {len(confirmed)} confirmed"


@invariant("I7", "Every outcome is the gateway's draw")
def outcome_as_drawn(run: RunData, evidence: Evidence) -> str:
    """Charges and finished orders have the outcome, and charges the latency, that the seed gives.

    Catches a timeout or a 503 that is taken for a decline (which made up part of the published
    system's "failed payments"), a charge under another order's reference, a gateway that does not
    wait as long as it says, and a ledger that says that an order ended before its charge did.
    Recomputed from the specification, without the gateway's code.
    """
    charges = _charges(run)
    ledger = orders(run)
    payment = recorded(run, "payment")
    drawn = expected_charges(payment, [*charges["reference"], *ledger["key"]])
    expected = charges.join(drawn.add_prefix("drawn_"), on="reference")
    shown = ["order_id", "reference", "outcome", "latency_ms"]
    evidence.offence(
        "charges of another outcome than drawn",
        expected[expected["outcome"] != expected["drawn_outcome"]][shown],
    )
    off = (expected["latency_ms"] - expected["drawn_latency_ms"]).abs() > LATENCY_TOLERANCE_MS
    evidence.offence(
        "charges of another latency than drawn", expected[off][[*shown, "drawn_latency_ms"]]
    )
    took_ns = charges["finished_ns"] - charges["started_ns"]
    evidence.offence(
        "charges answered before their time",
        charges[took_ns + EARLY_NS < charges["latency_ms"] * MS][
            [*shown, "started_ns", "finished_ns"]
        ],
    )
    keys = ledger.drop_duplicates("order_id").set_index("order_id")["key"].rename("order_key")
    named = charges.join(keys, on="order_id")
    evidence.offence(
        "charges under the reference of another order",
        named[named["order_key"].notna() & (named["order_key"] != named["reference"])][
            [*shown, "order_key"]
        ],
    )
    finished = ledger[ledger["status"].isin(TERMINAL)].join(drawn["outcome"], on="key")
    wrong = (finished["status"] == "confirmed") != (finished["outcome"] == "approved")
    evidence.offence(
        "orders of another outcome than drawn",
        finished[wrong][["order_id", "key", "status", "outcome"]],
    )
    _paid_before_finished(run, evidence, charges)
    return f"{len(charges)} charges and {len(finished)} orders as seed {payment['seed']} draws them"


def _paid_before_finished(run: RunData, evidence: Evidence, charges: pd.DataFrame) -> None:
    """Compare the ends of orders with those of their charges: the latter take the time."""
    settled = table(run, "orders", "order_id", "key", "accepted_ns", "settled_ns")
    settled = settled[settled["settled_ns"] > 0]
    charged_ns = charges.groupby("order_id")["finished_ns"].min()
    wait_ns = settled["settled_ns"] - settled.join(charged_ns, on="order_id")["finished_ns"]
    evidence.offence("orders finished before their charge", settled[wait_ns < -CLOCK_NS])


def _charges(run: RunData) -> pd.DataFrame:
    return table(
        run,
        "charges",
        *("charge_id", "order_id", "reference", "amount_cents", "outcome"),
        *("latency_ms", "started_ns", "finished_ns"),
    )


def _payments_match(
    run: RunData, evidence: Evidence, ledger: pd.DataFrame, charges: pd.DataFrame
) -> None:
    """Compare the payments that the ledger noted with the orders and the gateway's log."""
    payments = table(run, "payments", "order_id", "charge_id", "outcome", "amount_cents")
    finished = ledger[ledger["status"].isin(TERMINAL)]
    unnoted = finished[~among(finished["order_id"], payments["order_id"])]
    evidence.at_rest("finished orders without a payment", unnoted[["order_id", "key", "status"]])
    facts = ["order_id", "outcome", "amount_cents"]
    log = charges.drop_duplicates("charge_id").set_index("charge_id")[facts].add_prefix("log_")
    found = payments.join(log, on="charge_id")
    differs = pd.concat([found[name] != found[f"log_{name}"] for name in facts], axis=1)
    evidence.at_rest("payments that differ from the gateway's log", found[differs.any(axis=1)])
