"""Identifiers of orders: UUIDs of version 7 (RFC 9562, 5.7).

They sort by time, so the primary-key index grows at its right edge, and they need no coordination
between processes. An identifier glued from clock, user and product, as in the published system, is
ambiguous and overflows a bigint.
"""

import os
import re
import time
import uuid

_CANONICAL = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def new_order_id() -> str:
    """Return a new UUIDv7 in canonical text form."""
    ms = f"{time.time_ns() // 1_000_000 & 0xFFFF_FFFF_FFFF:012x}"
    random = os.urandom(10).hex()  # all of it but two bits, which say that this is such a UUID
    variant = "89ab"[int(random[3], 16) & 3]
    return f"{ms[:8]}-{ms[8:]}-7{random[:3]}-{variant}{random[4:7]}-{random[7:19]}"


def canonical_order_id(text: str) -> str | None:
    """Return the canonical form of an order id that a client sent, None if it cannot be one."""
    if len(text) != 36:
        return None
    if _CANONICAL.fullmatch(text):
        return text
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None
