"""Payments: the gateway's own log against the ledger, and against what it had to decide."""

import pandas as pd

from harness.audit.facts import HELD, MS, TERMINAL, Facts, among
from harness.audit.invariant import Evidence, Scope, invariant
from harness.audit.oracle import expected_charges

LATENCY_TOLERANCE_MS = 0.002
"""Two mathematics libraries may round a latency to neighbouring microseconds."""

EARLY_NS = 50 * MS
"""How much sooner than drawn a charge may seem to end: wall clocks are set, timers round."""


@invariant(
    "I6",
    "At most one charge per order; charges and confirmed orders agree",
    scope=Scope.ORDER,
    reads=("orders", "payments", "products"),
)
def charged_once(facts: Facts, evidence: Evidence) -> str:
    """Every confirmed order was charged its amount once, and nobody was charged for anything else.

    Catches double charges after a retry, orders confirmed without money, money taken for an order
    that was declined, never existed or is still open when the limit of the drain has passed, a shop
    that sells at another price than it should, and payments that differ from the gateway's log.
    """
    charges = facts.charges
    known = ("quantity", "amount_cents", "status", "product_id")
    said = facts.of_order(charges["order_id"], *known)
    paid = charges.join(said.rename(columns={"amount_cents": "amount_cents_ordered"}))
    shown = ["order_id", "charge_id", "outcome", "amount_cents"]
    twice = charges.duplicated("order_id") | charges.duplicated("charge_id")
    evidence.offence("charges beyond the first of an order", charges, twice, shown)
    evidence.at_rest("charges without an order", paid, paid["status"].isna(), shown)
    approved = paid["outcome"] == "approved"
    evidence.offence(
        "money taken for declined orders", paid, approved & (paid["status"] == "declined"), shown
    )
    limit_s = facts.recorded("scenario", "drain", "limit_s")
    evidence.offence(
        f"money taken for orders that are still open {limit_s} s after the load",
        paid,
        approved & paid["status"].isin(HELD),
        shown,
    )
    prices = facts.products["price_cents"]
    evidence.offence(
        "products on sale at another price than the scenario's",
        facts.products,
        prices != facts.recorded("scenario", "product", "price_cents"),
        ["id", "price_cents"],
    )
    owed = paid["quantity"] * paid["product_id"].map(prices)
    wrong = paid["status"].notna() & (
        (paid["amount_cents"] != paid["amount_cents_ordered"]) | (paid["amount_cents"] != owed)
    )
    evidence.offence(
        "charges of another amount", paid, wrong & ~twice, [*shown, "amount_cents_ordered"]
    )
    ledger = facts.order_of.reset_index()
    confirmed = ledger[ledger["status"] == "confirmed"]
    unpaid = ~among(confirmed["order_id"], charges.loc[approved.to_numpy(), "order_id"])
    evidence.at_rest(
        "orders confirmed without a charge", confirmed, unpaid, ["order_id", "key", "amount_cents"]
    )
    _payments_match(facts, evidence, ledger, charges)
    return f"{len(charges)} charges, {int(approved.sum())} approved = {len(confirmed)} confirmed"


@invariant(
    "I7",
    "Every outcome is the gateway's draw",
    scope=Scope.ORDER,
    reads=("orders", "orders.key or orders.reference"),
)
def outcome_as_drawn(facts: Facts, evidence: Evidence) -> str:
    """Charges and finished orders have the outcome, and charges the latency, that the seed gives.

    Catches a timeout or a 503 that is taken for a decline (which made up part of the published
    system's "failed payments"), a charge under another order's reference, a gateway that does not
    wait as long as it says, and a ledger that says that an order ended before its charge did.
    Recomputed from the specification, without the gateway's code.
    """
    charges = facts.charges
    reference = facts.charged_under
    ledger = facts.table("orders", "order_id", reference, "status")
    payment = facts.recorded("payment")
    drawn = expected_charges(payment, [*charges["reference"], *ledger[reference]])
    expected = charges.join(drawn.add_prefix("drawn_"), on="reference")
    shown = ["order_id", "reference", "outcome", "latency_ms"]
    evidence.offence(
        "charges of another outcome than drawn",
        expected,
        expected["outcome"] != expected["drawn_outcome"],
        shown,
    )
    off = (expected["latency_ms"] - expected["drawn_latency_ms"]).abs() > LATENCY_TOLERANCE_MS
    evidence.offence(
        "charges of another latency than drawn", expected, off, [*shown, "drawn_latency_ms"]
    )
    took_ns = charges["finished_ns"] - charges["started_ns"]
    evidence.offence(
        "charges answered before their time",
        charges,
        took_ns + EARLY_NS < charges["latency_ms"] * MS,
        [*shown, "started_ns", "finished_ns"],
        by_the_clock=True,
    )
    of_order = facts.of_order(charges["order_id"], reference)
    named = charges.assign(order_key=of_order[reference])
    evidence.offence(
        "charges under the reference of another order",
        named,
        named["order_key"].notna() & (named["order_key"] != named["reference"]),
        [*shown, "order_key"],
    )
    finished = ledger[ledger["status"].isin(TERMINAL)].join(drawn["outcome"], on=reference)
    wrong = (finished["status"] == "confirmed") != (finished["outcome"] == "approved")
    evidence.offence(
        "orders of another outcome than drawn",
        finished,
        wrong,
        ["order_id", reference, "status", "outcome"],
    )
    _paid_before_finished(facts, evidence)
    return f"{len(charges)} charges and {len(finished)} orders as seed {payment.seed} draws them"


def _paid_before_finished(facts: Facts, evidence: Evidence) -> None:
    """Compare the ends of orders with those of their charges: the latter take the time."""
    reference = facts.charged_under
    settled = facts.table("orders", "order_id", reference, "accepted_ns", "settled_ns")
    settled = settled[settled["settled_ns"] > 0]
    charged_ns = settled["order_id"].map(facts.charges.groupby("order_id")["finished_ns"].min())
    early = settled["settled_ns"] - charged_ns < -facts.stamp_ns
    evidence.offence("orders finished before their charge", settled, early, by_the_clock=True)


def _payments_match(
    facts: Facts, evidence: Evidence, ledger: pd.DataFrame, charges: pd.DataFrame
) -> None:
    """Compare the payments that the ledger noted with the orders and the gateway's log."""
    payments = facts.table("payments", "order_id", "charge_id", "outcome", "amount_cents")
    finished = ledger[ledger["status"].isin(TERMINAL)]
    unnoted = finished[~among(finished["order_id"], payments["order_id"])]
    evidence.at_rest(
        "finished orders without a payment", unnoted, shown=["order_id", "key", "status"]
    )
    same = ["order_id", "outcome", "amount_cents"]
    log = charges.drop_duplicates("charge_id").set_index("charge_id")[same].add_prefix("log_")
    found = payments.join(log, on="charge_id")
    differs = pd.concat([found[name] != found[f"log_{name}"] for name in same], axis=1)
    evidence.at_rest("payments that differ from the gateway's log", found, differs.any(axis=1))
