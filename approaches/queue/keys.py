"""The names of everything this approach keeps in Redis, all under one hash tag.

One hash tag means one slot, so every script is legal in Redis Cluster as well; a sale of
one product cannot be spread anyway.

    {shop}:stock:<product>    integer: units that may still be accepted
    {shop}:product:<product>  hash: name, price_cents, initial_stock, per_user_limit;
                              keys_missing until idempotency keys are back (rebuild.py)
    {shop}:buyers:<product>   hash: user -> units held or bought
    {shop}:idem:<user>|<key>  string: order|product|quantity; expires IDEMPOTENCY_TTL_S after
                              the order's end
    {shop}:order:<order>      hash (see `Field`); expires some minutes after the order's end
    {shop}:orders, :payments  streams of work; an entry is removed when its work is done
    {shop}:dead               stream of what could not be done, with the reason
    {shop}:alive:<consumer>   heartbeat of a worker, expires
    {shop}:epoch              integer: counts the times that this store began anew (epochs.py)
    {shop}:seq                integer: how many orders were accepted in this epoch
    {shop}:beat               integer: how often the leader has marked this epoch in both stores
    {shop}:behind             integer: a later epoch that somebody has seen; this store is older
    {shop}:reaper             lock of the process that recovers, expires
    {shop}:events             channel: changes of orders, a JSON list
"""

from typing import Final

ORDERS = "{shop}:orders"
PAYMENTS = "{shop}:payments"
DEAD_LETTERS = "{shop}:dead"
ORDER_WORKERS = "order-workers"
PAYMENT_WORKERS = "payment-workers"
IDEMPOTENCY_PREFIX = "{shop}:idem:"
LEADER = "{shop}:reaper"
EPOCH = "{shop}:epoch"
SEQ = "{shop}:seq"
BEAT = "{shop}:beat"
BEHIND = "{shop}:behind"
EVENTS = "{shop}:events"
ORDER_PREFIX = "{shop}:order:"


class Field:
    """The fields of an order: in its hash, in entries of the streams, in published changes.

    The scripts in `lua/` write them out. Times are in microseconds of the epoch.
    """

    ORDER: Final = "o"
    USER: Final = "u"
    PRODUCT: Final = "p"
    QUANTITY: Final = "q"
    KEY: Final = "k"
    AMOUNT: Final = "a"
    STATUS: Final = "s"
    VERSION: Final = "v"
    ACCEPTED_AT: Final = "at"
    SETTLED_AT: Final = "st"
    ORDERS_ENTRY: Final = "i"
    PAYMENTS_ENTRY: Final = "e"
    EPOCH: Final = "ep"
    """The epoch whose stock counter holds the units."""
    SEQ: Final = "sq"


def stock(product_id: int | str) -> str:
    """Name the counter of units of a product that may still be accepted."""
    return f"{{shop}}:stock:{product_id}"


def product(product_id: int | str) -> str:
    """Name the hash with a product's name, price and limit."""
    return f"{{shop}}:product:{product_id}"


def buyers(product_id: int | str) -> str:
    """Name the hash with the number of units that each user holds of a product."""
    return f"{{shop}}:buyers:{product_id}"


def order(order_id: str) -> str:
    """Name the hash of an order."""
    return ORDER_PREFIX + order_id


def alive(consumer: str) -> str:
    """Name the heartbeat of a worker."""
    return f"{{shop}}:alive:{consumer}"


def idempotency(user_id: int | str, key: str) -> str:
    """Name the string with the order that a buyer's idempotency key belongs to."""
    return f"{IDEMPOTENCY_PREFIX}{user_id}|{key}"
