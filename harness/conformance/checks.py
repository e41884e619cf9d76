"""The checks, in the order in which they are asked and printed."""

from concurrent.futures import ThreadPoolExecutor
from typing import Final

from harness.conformance.check import Check, check, require
from harness.conformance.shop_under_test import PRICE_CENTS, ShopUnderTest, eventually
from harness.load.request_outcomes import CONFIRMED, DECLINED, LIMITED, SOLD_OUT

AT_ONCE: Final = 12
REFUSED: Final = (401, 403)
HIDDEN: Final = (*REFUSED, 404)
NO_ORDER: Final = "5f0c1f9e-6a3b-4c57-9d0e-2b8a7c1d4e60"


@check("an address has one account")
def one_account(shop: ShopUnderTest) -> None:
    """Register twice."""
    account = shop.account()
    first, again = shop.ask("register", **account), shop.ask("register", **account)
    require(first.status == 201, first)
    require(again.status == 409, again)


@check("a wrong password opens no session")
def password_counts(shop: ShopUnderTest) -> None:
    """Log in with another password."""
    account = shop.account()
    shop.ask("register", **account)
    answer = shop.ask("login", email=account["email"], password="another-password")  # noqa: S106
    require(answer.status in REFUSED and not answer.facts.get("token"), answer)


@check("a product is shown with its price")
def price_is_shown(shop: ShopUnderTest) -> None:
    """Look at a product."""
    page = shop.ask("product", product_id=shop.offer(3))
    require(page.status == 200, page)
    if shop.api["product"].shows("price_cents"):
        require(page.facts.get("price_cents") == PRICE_CENTS, page)


@check("a purchase is acknowledged, and ends confirmed")
def purchase_ends(shop: ShopUnderTest) -> None:
    """Buy one of three."""
    buyer, product_id = shop.buyer(), shop.offer(3)
    bought = buyer.buy(product_id, shop.key())
    require(buyer.end_of(bought) == CONFIRMED, f"{bought}, and the order ended otherwise")
    seen = buyer.look(bought.order_id)
    require(seen.status == 200 and seen.order_id == bought.order_id, seen)
    eventually(lambda: shop.left(product_id) == 2, "one unit less on sale")
    eventually(lambda: shop.product(product_id)["sold"] == 1, "one unit sold in the ledger")


@check("a declined payment gives the unit back")
def declined_is_returned(shop: ShopUnderTest) -> None:
    """Buy the last one under a key whose payment is declined, then under another."""
    buyer, product_id = shop.buyer(), shop.offer(1)
    bought = buyer.buy(product_id, shop.key("declined"))
    require(buyer.end_of(bought) == DECLINED, f"{bought}, and the order ended otherwise")
    eventually(lambda: shop.left(product_id) == 1, "the unit back on sale")
    again = buyer.buy(product_id, shop.key())
    require(buyer.end_of(again) == CONFIRMED, f"{again}, and the order ended otherwise")


@check("a purchase that is repeated under its key is the same order")
def replay_is_the_same(shop: ShopUnderTest) -> None:
    """Buy twice under one key."""
    buyer, product_id, key = shop.buyer(), shop.offer(5), shop.key()
    first = buyer.buy(product_id, key)
    buyer.end_of(first)
    again = buyer.buy(product_id, key)
    require(again.order_id == first.order_id, f"{first}; then {again}")
    require(shop.orders_of(product_id) == 1, f"{shop.orders_of(product_id)} orders in the ledger")


@check("a key that is sent many times at once makes one order")
def key_at_once(shop: ShopUnderTest) -> None:
    """Buy under one key from many threads."""
    buyer, product_id, key = shop.buyer(), shop.offer(20), shop.key()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: buyer.buy(product_id, key), range(AT_ONCE)))
    said = "; ".join(map(str, answers))
    require(len({answer.order_id for answer in answers if answer.order_id}) == 1, said)
    acknowledged = [answer for answer in answers if answer.acknowledges]
    require(bool(acknowledged), said)
    require(buyer.end_of(acknowledged[0]) in (CONFIRMED, DECLINED), acknowledged[0])
    require(shop.orders_of(product_id) == 1, f"{shop.orders_of(product_id)} orders in the ledger")


@check("a key belongs to one purchase: with another body it is refused")
def key_belongs_to_a_purchase(shop: ShopUnderTest) -> None:
    """Ask for two units under the key of an order of one."""
    buyer, product_id, key = shop.buyer(), shop.offer(5), shop.key()
    buyer.end_of(buyer.buy(product_id, key))
    again = buyer.buy(product_id, key, quantity=2)
    require(again.status == 422, again)


@check("a key belongs to its buyer")
def key_belongs_to_a_buyer(shop: ShopUnderTest) -> None:
    """Buy under the key of somebody else."""
    product_id, key = shop.offer(5), shop.key()
    first, second = (shop.buyer().buy(product_id, key) for _ in range(2))
    require(bool(second.order_id) and first.order_id != second.order_id, f"{first}; then {second}")


@check("orders that one buyer places at once are orders of their own")
def ids_do_not_collide(shop: ShopUnderTest) -> None:
    """Buy many at once as one buyer, each under its own key."""
    buyer, product_id = shop.buyer(), shop.offer(AT_ONCE)
    keys = [shop.key() for _ in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda key: buyer.buy(product_id, key), keys))
    ids = [answer.order_id for answer in answers if answer.order_id]
    require(len(set(ids)) == AT_ONCE, f"{len(ids)} answers named {len(set(ids))} orders")


@check("no unit is sold twice, and whoever comes too late is told that it is sold out")
def none_sold_twice(shop: ShopUnderTest) -> None:
    """Let eight buyers try three times each for five units."""
    product_id = shop.offer(5)
    tries = [(buyer, shop.key()) for buyer in [shop.buyer() for _ in range(8)] for _ in range(3)]
    with ThreadPoolExecutor(len(tries)) as pool:
        answers = list(pool.map(lambda one: one[0].buy(product_id, one[1]), tries))
    refused = [answer for answer in answers if not answer.order_id]
    require(len(answers) - len(refused) == 5, f"{len(answers) - len(refused)} orders of 5 units")
    for answer in refused:
        require(answer.outcome == SOLD_OUT, answer)
    for (buyer, _), answer in zip(tries, answers, strict=True):
        if answer.order_id:
            require(buyer.end_of(answer) == CONFIRMED, f"{answer}, and the order ended otherwise")
    eventually(lambda: shop.product(product_id)["sold"] == 5, "five units sold in the ledger")


@check("a buyer gets no more than the limit")
def limit_holds(shop: ShopUnderTest) -> None:
    """Try six times at once for a product of which one may have two."""
    product_id, buyer = shop.offer(50, per_user_limit=2), shop.buyer()
    keys = [shop.key() for _ in range(6)]
    with ThreadPoolExecutor(len(keys)) as pool:
        answers = list(pool.map(lambda key: buyer.buy(product_id, key), keys))
    refused = [answer for answer in answers if not answer.order_id]
    require(len(answers) - len(refused) == 2, f"{len(answers) - len(refused)} orders, limit 2")
    for answer in refused:
        require(answer.outcome == LIMITED, answer)


@check("nothing is bought without a session")
def session_is_needed(shop: ShopUnderTest) -> None:
    """Buy without a token."""
    product_id = shop.offer(1)
    answer = shop.ask("buy", product_id=product_id, quantity=1, key=shop.key())
    require(answer.status in REFUSED, answer)
    require(shop.left(product_id) == 1, "and the unit is gone")


@check("an order is shown to its buyer alone")
def order_is_private(shop: ShopUnderTest) -> None:
    """Ask for an order without a token, and as somebody else."""
    buyer, somebody = shop.buyer(), shop.buyer()
    bought = buyer.buy(shop.offer(1), shop.key())
    require(bool(bought.order_id), bought)
    for answer in (
        somebody.look(bought.order_id),
        shop.ask("status", order_id=bought.order_id),
    ):
        require(answer.status in HIDDEN, answer)


@check("an order that does not exist is not found")
def unknown_order(shop: ShopUnderTest) -> None:
    """Ask for an order that nobody placed."""
    answer = shop.buyer().look(NO_ORDER)
    require(answer.status == 404, answer)


CHECKS: Final[tuple[Check, ...]] = (
    *(one_account, password_counts, price_is_shown, purchase_ends, declined_is_returned),
    *(replay_is_the_same, key_at_once, key_belongs_to_a_purchase, key_belongs_to_a_buyer),
    *(ids_do_not_collide, none_sold_twice, limit_holds),
    *(session_is_needed, order_is_private, unknown_order),
)
"""All that are asked."""
