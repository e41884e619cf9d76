"""What is put on sale: one product, or in a contention test a product of its own for every sale.

A sale of a contention test shares no row, counter or key with the sale before it, so the deployment
can stay up: hundreds of sales in minutes, each of them from fresh stock.
"""

import random
from dataclasses import dataclass

SALE_PRODUCT = 1
"""The product of a sale in stages; the warm-up buys another one."""

FIRST_CONTENTION_PRODUCT = 1001


@dataclass(frozen=True, slots=True)
class Sale:
    """One sale: its number from 1, the product that it sells, and the units of it."""

    number: int
    product_id: int
    stock: int


def contention_sales(count: int, stock_min: int, stock_max: int, seed: int) -> tuple[Sale, ...]:
    """Return the sales of a contention test; the seed decides their stocks, bounds included."""
    drawn = random.Random(f"{seed}-stock")  # noqa: S311 - a reproducible draw, not a secret
    return tuple(
        Sale(position + 1, FIRST_CONTENTION_PRODUCT + position, drawn.randint(stock_min, stock_max))
        for position in range(count)
    )
