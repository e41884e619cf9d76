"""What the service that takes the load wrote of each request: the one account of how long answers
took that does not come from the load generator.

A line is ``<end, epoch seconds> <status> <method> <path> <seconds> … <server>``, as in the
`log_format` of `approaches/shop/nginx.conf`; of several servers that were tried, the last one
answered. Whatever else is in a log is passed over; an entry that logs no requests has no account,
and the law that compares it is not asked.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

import numpy as np

from harness.results.record import EntryRequests

_LINE = re.compile(
    r"^(?P<end_s>\d{10}\.\d{3}) (?P<status>\d{3}) (?P<method>[A-Z]+) (?P<path>/\S*)"
    r" (?P<took_s>\d+\.\d{3})\b(?:.* (?P<server>\S+:\d+))?"
)
_ROUTES = (
    (re.compile(r"/products/\d+"), "/products/{id}"),
    (re.compile(r"/orders/[^/]+"), "/orders/{id}"),
    (re.compile(r"/orders|/auth/register|/auth/login"), None),
)


def account(lines: Iterable[str], from_s: float, to_s: float) -> list[EntryRequests]:
    """Return count and quantiles in ms of the requests that ended in a window (epoch seconds).

    One row per method and route; 499 is nginx's word for a client that did not wait, and no answer.
    """
    took_ms: dict[tuple[str, str], list[float]] = defaultdict(list)
    servers: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for line in lines:
        found = _LINE.match(line)
        if found and from_s <= float(found["end_s"]) < to_s and found["status"] != "499":
            route = _route(found["path"])
            if route:
                took_ms[found["method"], route].append(1000 * float(found["took_s"]))
                if found["server"]:
                    servers[found["method"], route][found["server"]] += 1
    return [
        EntryRequests(
            method=method,
            route=route,
            count=len(times),
            p50_ms=float(np.quantile(times, 0.50)),
            p95_ms=float(np.quantile(times, 0.95)),
            servers=dict(sorted(servers[method, route].items())),
        )
        for (method, route), times in sorted(took_ms.items())
    ]


def _route(path: str) -> str | None:
    for pattern, route in _ROUTES:
        if pattern.fullmatch(path):
            return route or path
    return None
