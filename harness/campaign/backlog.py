"""The backlog of a deployment: orders that were accepted and are not settled yet."""

import time
from collections.abc import Callable

import psycopg
import redis

from harness.runtimes import Deployment
from harness.runtimes import queue_lengths as queues
from harness.topology.ledger_mistakes import blaming
from harness.topology.ledger_mistakes import waiting as waiting_in

POLL_S = 0.25
REPORT_PERIOD_S = 1.0
IDLE_CHECKS = 2
"""The backlog must be seen empty this often in a row: a request may lie between two stores."""

_OPEN = "WHERE status NOT IN ('confirmed', 'declined')"


def size(deployment: Deployment) -> int:
    """Return how many orders are open in the ledger, with what waits in the queues.

    A queue is what the compose file says is one: keys in Redis, or what the ledger's statement
    ``waiting`` counts. Raises UsageError for a mistake in the ledger's file.
    """
    sql = deployment.topology.ledger_sql
    with psycopg.connect(deployment.dsn(), autocommit=True, connect_timeout=5) as ledger:
        with blaming(sql, "orders"):
            row = ledger.execute(sql.select("count(*)", "orders", _OPEN)).fetchone()
        waiting = (int(row[0]) if row else 0) + waiting_in(ledger, sql)
    facts, url = deployment.topology.redis, deployment.redis_url()
    if facts and url:
        with redis.Redis.from_url(url, socket_timeout=5, decode_responses=True) as store:
            waiting += sum(one["length"] for one in queues.sizes(store, facts.queues).values())
    return waiting


def wait_until_empty(
    deployment: Deployment, limit_s: float, on_wait: Callable[[], None] = lambda: None
) -> bool:
    """Wait until nothing is open in the ledger or the queues; return False if the limit came first.

    Calls `on_wait` about once a second.
    """
    deadline_s = time.monotonic() + limit_s
    due_s = time.monotonic()
    idle = 0
    while time.monotonic() < deadline_s:
        if time.monotonic() >= due_s:
            due_s = time.monotonic() + REPORT_PERIOD_S
            on_wait()
        idle = idle + 1 if _is_empty(deployment) else 0
        if idle == IDLE_CHECKS:
            return True
        time.sleep(POLL_S)
    return False


def _is_empty(deployment: Deployment) -> bool:
    """Return False as well if a store does not answer: it may still recover from a fault."""
    try:
        return size(deployment) == 0
    except (psycopg.Error, redis.RedisError):
        return False
