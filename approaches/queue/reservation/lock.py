"""RESERVATION=lock: the product's row is locked and read, the program decides, then it takes."""

from approaches.queue.ledger import Connection
from approaches.queue.reservation.ledger_store import Offer, Wanted

_LOCK = """
SELECT price_cents, per_user_limit, initial_stock - reserved - sold FROM products
WHERE id = %(product_id)s FOR UPDATE
"""

_TAKE = "UPDATE products SET reserved = reserved + %(quantity)s WHERE id = %(product_id)s"


async def take_by_lock(connection: Connection, wanted: Wanted) -> Offer | None:
    """Take the units if they are there; whoever comes second waits for the lock, also in vain."""
    cursor = await connection.execute(_LOCK, wanted._asdict())
    row = await cursor.fetchone()
    if row is None or row[2] < wanted.quantity:
        return None
    await connection.execute(_TAKE, wanted._asdict())
    return Offer(*row[:2])
