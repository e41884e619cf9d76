"""Orders that are not what their buyer asked for, and sums that are not the price on offer."""

from harness.results.store import RunData
from tests.defects.breaking import altered, changed, confirmed, defect, restock

AMOUNTS = ("orders", "payments", "charges", "requests")
"""The tables that name amounts."""


@defect("I19")
def orders_booked_on_the_next_buyer(run: RunData, pick: int) -> RunData:
    """Every account still has the orders of one buyer only: of the wrong one."""
    accounts = sorted(run.orders["user_id"].unique())
    shift = 1 + pick % (len(accounts) - 1)
    others = dict(zip(accounts, accounts[shift:] + accounts[:shift], strict=True))
    return changed(run, orders=run.orders.assign(user_id=run.orders["user_id"].map(others)))


@defect("I19")
def orders_of_two_buyers_swapped(run: RunData, pick: int) -> RunData:
    accounts = sorted(run.orders["user_id"].unique())
    one, other = accounts[pick % len(accounts)], accounts[(pick + 1) % len(accounts)]
    swapped = run.orders["user_id"].replace({one: other, other: one})
    return changed(run, orders=run.orders.assign(user_id=swapped))


@defect("I19", stock=500)
def two_units_where_one_was_asked_for(run: RunData, pick: int) -> RunData:
    """All stores and all answers agree on it."""
    victim = confirmed(run, pick)
    frames = {}
    for name in (*AMOUNTS, "stock_moves"):
        frame = getattr(run, name)
        hit = frame["order_id"] == victim
        if name in AMOUNTS:
            hit_sum = hit & (frame["amount_cents"] > 0)
            frame = altered(
                frame, hit_sum, amount_cents=2 * frame.loc[hit_sum, "amount_cents"].max()
            )
        if name in ("orders", "stock_moves"):
            frame = altered(frame, hit, quantity=2)
        frames[name] = frame
    run = changed(run, **frames)
    restock(run, sold=1)
    return run


@defect("I6", also="I19")
def sold_at_a_tenth_of_the_price(run: RunData, pick: int) -> RunData:
    """The shop, its ledger, the gateway and the product page agree on the wrong price."""
    tenth = {}
    for name in AMOUNTS:
        amount = getattr(run, name)["amount_cents"]
        tenth[name] = getattr(run, name).assign(amount_cents=amount.mask(amount > 0, amount // 10))
    run = changed(run, **tenth)
    for product in run.record.store.products:
        product.price_cents //= 10
    return run


@defect("I19")
def page_with_another_price_than_charged(run: RunData, pick: int) -> RunData:
    asked = run.requests
    pages = asked.index[asked["endpoint"] == "product"]
    victim = asked.index == pages[pick % len(pages)]
    return changed(run, requests=altered(asked, victim, amount_cents=79_900))


@defect("I19")
def answer_with_another_amount_than_charged(run: RunData, pick: int) -> RunData:
    asked = run.requests
    told = asked.index[(asked["endpoint"] == "buy") & (asked["order_id"] != "")]
    victim = asked.index == told[pick % len(told)]
    return changed(run, requests=altered(asked, victim, amount_cents=100))


@defect("I19", also="I3")
def two_buyers_with_one_account(run: RunData, pick: int) -> RunData:
    """The second is given the account of the first, and all that it buys is booked there."""
    buyers, orders = run.buyers, run.orders
    owners = sorted(orders["user_id"].unique())
    one, other = owners[pick % len(owners)], owners[(pick + 1) % len(owners)]
    return changed(
        run,
        buyers=altered(buyers, buyers["user_id"] == other, user_id=one),
        orders=altered(orders, orders["user_id"] == other, user_id=one),
    )
