"""Products, as the ledger knows them; how many are left to buy is each approach's own business."""

from dataclasses import dataclass

from approaches.shop.orders import MAX_PRODUCT_ID
from approaches.shop.problems import Code, Problem

PRODUCT_SQL = """
    SELECT id, name, price_cents, initial_stock, reserved, sold, per_user_limit
    FROM products WHERE id = %s
"""


@dataclass(frozen=True, slots=True)
class Product:
    """One row of `products`, its columns in the order of PRODUCT_SQL."""

    product_id: int
    name: str
    price_cents: int
    initial_stock: int
    reserved: int
    sold: int
    per_user_limit: int | None

    @property
    def stock(self) -> int:
        """Units that are neither reserved nor sold in the ledger."""
        return self.initial_stock - self.reserved - self.sold


def read_product_id(text: str) -> int:
    """Return the product id in a path; raise Problem(not_found) if there can be no such product."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 10):
        raise Problem(Code.NOT_FOUND, "there is no such product")
    product_id = int(text)
    if not 1 <= product_id <= MAX_PRODUCT_ID:
        raise Problem(Code.NOT_FOUND, "there is no such product")
    return product_id


def product_view(product: Product, stock: int) -> dict[str, object]:
    """Return the JSON view of a product with the units that can still be bought."""
    return {
        "id": product.product_id,
        "name": product.name,
        "price_cents": product.price_cents,
        "stock": stock,
    }
