"""What buyers asked for against what they got: their own order, as many units, at that price.

Buyers write down who they are, what they ask for and what they are shown, before the shop can know
how it will be held against it. The stores agree with each other also when all of them are wrong.
"""

import pandas as pd

from harness.audit.facts import Facts
from harness.audit.invariant import Evidence, Scope, invariant


@invariant(
    "I19",
    "Every buyer has what it asked for, at the price on offer",
    scope=Scope.ORDER,
    reads=("orders", "orders.key", "orders.user_id"),
)
def as_asked(facts: Facts, evidence: Evidence) -> str:
    """Orders are their buyer's, of as many units as asked for; all sums follow from the price.

    Catches orders that are booked on the account of another buyer, two buyers who get each other's
    order, an order of two units where one was asked for, and a sum, shown or charged, that is not
    the scenario's price times the units. A buyer whose registration was carried out but not
    answered does not know its account; that no two buyers share one (I3) holds for it, too.
    """
    asked = facts.requests(*("user", "endpoint", "key", "order_id", "quantity", "amount_cents"))
    price_cents = int(facts.recorded("scenario", "product", "price_cents"))
    bought = asked[asked["endpoint"] == "buy"].drop_duplicates("key").set_index("key")
    ledger = facts.table("orders", "order_id", "key", "user_id", "quantity", "amount_cents")
    orders = ledger.join(bought[["user", "quantity"]].add_prefix("buyer_"), on="key")
    orders = orders[orders["buyer_user"].notna()]  # others are orders that nobody asked for: I4
    orders = orders.assign(
        buyer_user_id=orders["buyer_user"].map(facts.user_ids),
        owed_cents=orders["buyer_quantity"].astype("int64") * price_cents,
    )
    _own(facts, evidence, orders)
    evidence.offence(
        "orders of another quantity than asked for",
        orders,
        orders["quantity"] != orders["buyer_quantity"],
        ["order_id", "key", "quantity", "buyer_quantity"],
    )
    evidence.offence(
        "orders of another amount than asked for",
        orders,
        orders["amount_cents"] != orders["owed_cents"],
        ["order_id", "key", "amount_cents", "owed_cents"],
    )
    owed_cents = orders.set_index("key")["owed_cents"]
    charges = facts.charges[["charge_id", "order_id", "reference", "amount_cents"]]
    charges = charges.assign(owed_cents=charges["reference"].map(owed_cents.groupby(level=0).min()))
    wrong = charges["owed_cents"].notna() & (charges["amount_cents"] != charges["owed_cents"])
    evidence.offence("charges of another amount than asked for", charges, wrong)
    _shown(evidence, asked, orders, price_cents)
    known = orders["buyer_user_id"].notna().sum()
    return f"{len(orders)} orders as asked for, {known} of them of buyers who know their account"


def _own(facts: Facts, evidence: Evidence, orders: pd.DataFrame) -> None:
    """Compare the accounts that orders are booked on with those that their buyers registered."""
    shown = ["order_id", "key", "user_id", "buyer_user_id"]
    known = orders["buyer_user_id"].notna()
    if not known.any():
        evidence.doubt("orders of buyers who do not know their account", orders, shown=shown)
    foreign = known & (orders["user_id"] != orders["buyer_user_id"])
    evidence.offence("orders booked on another account than their buyer's", orders, foreign, shown)
    owners = facts.accounts_of_buyers
    shared = owners.duplicated("user_id", keep=False)
    evidence.offence("accounts given to several buyers", owners, shared)


def _shown(evidence: Evidence, asked: pd.DataFrame, orders: pd.DataFrame, price_cents: int) -> None:
    """Compare the sums in the answers with the scenario's price."""
    named = asked[asked["amount_cents"] >= 0]
    shown = ["user", "endpoint", "key", "order_id", "amount_cents"]
    pages = named["endpoint"] == "product"
    evidence.offence(
        "product pages with another price than the scenario's",
        named,
        pages & (named["amount_cents"] != price_cents),
        shown,
    )
    owed_cents = orders.drop_duplicates("order_id").set_index("order_id")["owed_cents"]
    owed = named["order_id"].map(owed_cents)
    evidence.offence(
        "answers with another amount than asked for",
        named,
        ~pages & owed.notna() & (named["amount_cents"] != owed),
        shown,
    )
