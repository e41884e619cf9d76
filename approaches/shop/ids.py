"""Identifiers of orders: UUIDs of version 7 (RFC 9562, 5.7).

They sort by time, so the primary-key index grows at its right edge, and they need no coordination
between processes. An identifier glued from clock, user and product, as in the published system, is
ambiguous and overflows a bigint.
"""

import os
import re
import time
import uuid

_RANDOM_BITS = 74
_CANONICAL = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def new_order_id() -> str:
    """Return a new UUIDv7 in canonical text form."""
    random = int.from_bytes(os.urandom(10), "big") & ((1 << _RANDOM_BITS) - 1)
    value = (time.time_ns() // 1_000_000 & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76
    value |= (random >> 62) << 64
    value |= 0b10 << 62
    value |= random & ((1 << 62) - 1)
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


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
