"""How much lies in a queue in Redis, whichever of its types an approach keeps it in.

Redis is asked for the type of each key; what was declared is not trusted: the wrong command would
fail with WRONGTYPE. A key that does not exist is an empty queue.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import redis

from harness.errors import UsageError

EMPTY: Final = "none"
_LENGTH: Final = {
    "stream": "xlen",
    "list": "llen",
    "zset": "zcard",
    "hash": "hlen",
}
READABLE: Final = tuple(_LENGTH)
_ID: Final = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


def types(store: "redis.Redis", names: Sequence[str]) -> dict[str, str]:
    """Return the type of each key; raise UsageError for one that is no queue."""
    pipe = store.pipeline(transaction=False)
    for name in names:
        pipe.type(name)
    found = {name: _text(one) for name, one in zip(names, pipe.execute(), strict=True)}
    for name, kind in found.items():
        if kind != EMPTY and kind not in _LENGTH:
            raise UsageError(
                f"x-harness.redis: the key {name!r} is a {kind}, not one of {', '.join(READABLE)}",
                "name the keys in which work waits under streams, lists, sorted_sets and hashes",
            )
    return found


def sizes(store: "redis.Redis", names: Sequence[str]) -> dict[str, Mapping[str, int]]:
    """Return ``length`` of each queue, and of a stream what is ``pending`` in its groups."""
    kinds = types(store, names)
    pipe = store.pipeline(transaction=False)
    for name, kind in kinds.items():
        if kind != EMPTY:
            getattr(pipe, _LENGTH[kind])(name)
        if kind == "stream":
            pipe.xinfo_groups(name)
    answers = iter(pipe.execute())
    found: dict[str, Mapping[str, int]] = {}
    for name, kind in kinds.items():
        length = 0 if kind == EMPTY else int(next(answers))
        groups: Any = next(answers) if kind == "stream" else ()
        found[name] = {"length": length, "pending": sum(int(one["pending"]) for one in groups)}
    return found


def entries(store: "redis.Redis", name: str, most: int) -> list[dict[str, str]]:
    """Return the first entries of a queue as fields; what has none is one field, ``entry``."""
    match types(store, [name])[name]:
        case "stream":
            rows: Any = store.xrange(name, count=most)
            return [fields for _, fields in rows]
        case "list":
            members: Any = store.lrange(name, 0, most - 1)
        case "zset":
            members = store.zrange(name, 0, most - 1)
        case "hash":
            members = store.hvals(name)[:most]
        case _:
            members = []
    return [{"entry": _text(one)} for one in members]


def ids(store: "redis.Redis", names: Sequence[str], most: int) -> set[str] | None:
    """Return every UUID in the entries of queues: the orders that they are about, and more.

    None if a queue has more than `most` entries: who is in none could not be said then. Which field
    has the order's id, and whether an entry is JSON, is the approach's own business.
    """
    if any(one["length"] > most for one in sizes(store, names).values()):
        return None
    waiting = (fields for name in names for fields in entries(store, name, most))
    return {one for fields in waiting for text in fields.values() for one in _ID.findall(text)}


def is_id(text: str) -> bool:
    """Return True for what `ids` would find: a UUID."""
    return _ID.fullmatch(text) is not None


def _text(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
