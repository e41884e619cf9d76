"""RESERVATION=update: one conditional UPDATE finds out and takes, in a single statement."""

from approaches.queue.ledger import Connection
from approaches.queue.reservation.ledger_store import Offer, Wanted

_TAKE = """
UPDATE products SET reserved = reserved + %(quantity)s
WHERE id = %(product_id)s AND initial_stock - reserved - sold >= %(quantity)s
RETURNING price_cents, per_user_limit
"""


async def take_by_update(connection: Connection, wanted: Wanted) -> Offer | None:
    """Take the units if they are there; whoever comes second waits, and sees what is left then."""
    cursor = await connection.execute(_TAKE, wanted._asdict())
    row = await cursor.fetchone()
    return None if row is None else Offer(*row)
