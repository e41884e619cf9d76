"""Reads what every store says happened, after the backlog has drained.

Only what was on sale is read: the warm-up sells another product, under keys of its own.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, LiteralString, TypeVar

import httpx
import pandas as pd
import psycopg
import redis
from prometheus_client.parser import text_string_to_metric_families
from psycopg.rows import class_row

from harness.audit.password_hashes import parameters
from harness.campaign import entry_log
from harness.campaign.store_reset import NO_STATISTICS, stock_counters
from harness.errors import InfrastructureError
from harness.results.record import (
    CancelledOrder,
    EntryRequests,
    FaultRecord,
    PasswordHashes,
    ProductFacts,
    RedisFacts,
    Statement,
    StoreFacts,
)
from harness.results.store import COLUMNS
from harness.runtimes import Deployment
from harness.runtimes import queue_lengths as queues
from harness.scenario.sales import Sale

REQUEST_COUNTER = "shop_http_requests"
NOT_COUNTED = (0, 502, 504)
"""Statuses of requests that no server need have counted: no answer, or a proxy's own."""

_LEDGER_TABLES = {
    "orders": """
        SELECT id::text AS order_id, user_id, product_id, quantity, idempotency_key AS key,
               amount_cents, status, version, accepted_at AS accepted_ns, settled_at AS settled_ns
        FROM orders WHERE product_id = ANY(%(products)s) ORDER BY accepted_at, id""",
    "order_events": """
        SELECT order_id::text, e.version, e.status, at AS at_ns
        FROM order_events e JOIN orders o ON o.id = order_id
        WHERE product_id = ANY(%(products)s) ORDER BY at, order_id, e.version""",
    "payments": """
        SELECT order_id::text, charge_id, outcome, p.amount_cents, at AS at_ns
        FROM payments p JOIN orders o ON o.id = order_id
        WHERE product_id = ANY(%(products)s) ORDER BY at, order_id""",
    "stock_moves": """
        SELECT order_id::text, kind, m.quantity, at AS at_ns, relayed_at IS NOT NULL AS relayed, seq
        FROM stock_moves m JOIN orders o ON o.id = order_id
        WHERE product_id = ANY(%(products)s) ORDER BY at, order_id, kind""",
}
_PRODUCTS = """
SELECT id, price_cents, initial_stock, reserved, sold FROM products WHERE id = ANY(%s) ORDER BY id
"""
_STATEMENTS = """
SELECT left(regexp_replace(query, '\\s+', ' ', 'g'), 500) AS query, calls,
       round(total_exec_time::numeric, 3) AS total_ms, rows
FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY total_exec_time DESC LIMIT 25
"""
_CANCELLED = """
SELECT id::text AS order_id, user_id, product_id, quantity, idempotency_key AS key, reason
FROM cancelled_orders WHERE product_id = ANY(%s) ORDER BY cancelled_at, id
"""
_MOST_LETTERS = 1_000
_MOST_ENTRIES = 100_000

One = TypeVar("One")

RequestCounts = Counter[tuple[str, str, int]]
"""Requests counted by the servers, by (method, route, status)."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What the stores, the servers and the gateway say of a load that is over."""

    store: StoreFacts
    servers: dict[str, str]
    server_counts: RequestCounts | None
    """All requests since the deployment came up; None: not every server can be asked."""
    charges: pd.DataFrame | None
    """None: the gateway cannot be asked."""
    ledger: dict[str, pd.DataFrame]


def collect(
    deployment: Deployment, sales: Sequence[Sale], seed: int, earlier: int = 0
) -> Collected:
    """Read everything once the backlog is worked off, without `earlier` charges.

    Raises InfrastructureError if a store or a server does not answer.
    """
    try:
        return Collected(
            server_counts=request_counts(deployment),
            store=store_facts(deployment, sales),
            servers=server_versions(deployment),
            charges=charges(deployment, f"{seed}-w", earlier),
            ledger=ledger_frames(deployment, sales),
        )
    except (psycopg.Error, redis.RedisError, httpx.HTTPError) as error:
        raise InfrastructureError(
            f"{deployment.topology.approach}: cannot read the stores after the run: {error}",
            "the run is not saved; continue the campaign with --resume",
        ) from error


def ledger_frames(deployment: Deployment, sales: Sequence[Sale]) -> dict[str, pd.DataFrame]:
    """Read the ledger's tables of the sales, all as of one instant; times are epoch nanoseconds."""
    frames = {}
    products = [sale.product_id for sale in sales]
    with psycopg.connect(deployment.dsn(), connect_timeout=5) as ledger:
        ledger.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        for name, query in _LEDGER_TABLES.items():
            cursor = ledger.execute(query, {"products": products})
            columns = [column.name for column in cursor.description or ()]
            frame = pd.DataFrame(cursor.fetchall(), columns=columns)
            for column in frame.columns[frame.columns.str.endswith("_ns")]:
                frame[column] = _epoch_ns(frame[column])
            frames[name] = frame
    return frames


def _epoch_ns(times: pd.Series) -> pd.Series:
    """Convert timestamps to nanoseconds since the epoch; a missing one is 0."""
    known = pd.to_datetime(times, utc=True).astype("datetime64[ns, UTC]")
    return known.astype("int64").where(known.notna(), 0)


def charges(deployment: Deployment, warm_up_prefix: str, earlier: int = 0) -> pd.DataFrame | None:
    """Read the payment gateway's log of executed charges, without those of the warm-up.

    Nor with the `earlier` ones, which are first in it. None: nobody knows where the gateway is.
    """
    lines = _log_of_charges(deployment)
    if lines is None:
        return None
    rows = [json.loads(line) for line in lines[earlier:]]
    sale = [row for row in rows if not str(row["reference"]).startswith(warm_up_prefix)]
    return pd.DataFrame(sale, columns=list(COLUMNS["charges"]))


def earlier_charges(deployment: Deployment) -> int:
    """Return how many charges there were before the load, where the gateway is not a new one."""
    return 0 if deployment.is_ours else len(_log_of_charges(deployment) or ())


def _log_of_charges(deployment: Deployment) -> list[bytes] | None:
    urls = deployment.urls(deployment.topology.gateway)
    if not urls:
        return None
    return httpx.get(f"{urls[0]}/charges", timeout=30).raise_for_status().content.splitlines()


def store_facts(deployment: Deployment, sales: Sequence[Sale]) -> StoreFacts:
    """Return the final stocks, streams, passwords and statements as the stores have them."""
    ids = [sale.product_id for sale in sales]
    with psycopg.connect(deployment.dsn(), autocommit=True, connect_timeout=5) as ledger:

        def rows(kind: type[One], query: LiteralString, *values: object) -> list[One]:
            return ledger.cursor(row_factory=class_row(kind)).execute(query, values).fetchall()

        return StoreFacts(
            products=rows(ProductFacts, _PRODUCTS, ids),
            statements=_statements(deployment, partial(rows, Statement, _STATEMENTS)),
            passwords=password_parameters(ledger),
            cancelled=rows(CancelledOrder, _CANCELLED, ids),
            redis=_redis_facts(deployment, ids),
        )


def _statements(deployment: Deployment, read: Callable[[], list[Statement]]) -> list[Statement]:
    """Read the statements; a ledger that is somebody else's need not keep statistics of them."""
    try:
        return read()
    except (psycopg.errors.InsufficientPrivilege, *NO_STATISTICS):
        if deployment.is_ours:
            raise
        return []


def password_parameters(ledger: psycopg.Connection[Any]) -> list[PasswordHashes]:
    """Return by which algorithms, at what cost, how many passwords are hashed; never a hash."""
    hashes = ledger.execute("SELECT password_hash FROM users")
    counts = Counter(parameters(row[0]) for row in hashes)
    return [PasswordHashes(parameters=text, count=n) for text, n in sorted(counts.items())]


def server_versions(deployment: Deployment) -> dict[str, str]:
    """Return what the stores say they are, such as ``{"postgres": "PostgreSQL 18.0"}``."""
    with psycopg.connect(deployment.dsn(), autocommit=True, connect_timeout=5) as ledger:
        row = ledger.execute("SHOW server_version").fetchone()
    versions = {deployment.topology.ledger: f"PostgreSQL {row[0] if row else 'unknown'}"}
    facts, url = deployment.topology.redis, deployment.redis_url()
    if facts and url:
        with redis.Redis.from_url(url, socket_timeout=5, decode_responses=True) as store:
            info: Any = store.info("server")
        name = "Valkey" if "valkey_version" in info else "Redis"
        versions[facts.service] = f"{name} {info.get('valkey_version', info['redis_version'])}"
    return versions


def request_counts(deployment: Deployment) -> RequestCounts | None:
    """Add up the request counters of every replica of the services that count.

    None: of one of them nobody knows where it is, so the sum would be too small.
    """
    counts: RequestCounts = Counter()
    topology = deployment.topology
    for service in topology.counters:
        urls = deployment.urls(service, topology.metrics_port)
        if len(urls) < topology.services[service].replicas:
            return None
        for url in urls:
            text = httpx.get(f"{url}/metrics", timeout=10).raise_for_status().text
            for family in text_string_to_metric_families(text):
                if family.name != REQUEST_COUNTER:
                    continue
                for sample in family.samples:
                    if sample.name.endswith("_total"):
                        labels = sample.labels
                        key = (labels["method"], labels["route"], int(labels["status"]))
                        counts[key] += int(sample.value)
    return counts


def entry_requests(deployment: Deployment, from_ns: int, to_ns: int) -> list[EntryRequests]:
    """Return what the service that takes the load logged of its requests in a window (epoch ns)."""
    entry = deployment.topology.entry
    logs = [path for name, path in deployment.logs().items() if name.rsplit("-", 1)[0] == entry]
    lines = (line for path in logs for line in path.open(encoding="utf-8", errors="replace"))
    return entry_log.account(lines, from_ns / 1e9, to_ns / 1e9)


def requests_of_faults(faults: Iterable[FaultRecord]) -> RequestCounts:
    """Add up the requests that faults made themselves, as far as a server must have counted them.

    Those are in no buyer's log. One that was not answered, or by a proxy, may not be counted.
    """
    counts: RequestCounts = Counter()
    for fault in faults:
        for row in fault.requests:
            if row.status not in NOT_COUNTED:
                counts[row.method, row.route, row.status] += row.count
    return counts


def _redis_facts(deployment: Deployment, product_ids: Sequence[int]) -> RedisFacts | None:
    """Return queues and dead letters, and the stock of the first product and of each of them."""
    facts, url = deployment.topology.redis, deployment.redis_url()
    if not facts or not url:
        return None
    with redis.Redis.from_url(url, socket_timeout=5, decode_responses=True) as store:
        counters = stock_counters(store, facts, product_ids)
        waiting = queues.ids(store, facts.queues, _MOST_ENTRIES)
        found = queues.sizes(store, (*facts.queues, facts.dead_letters))
        return RedisFacts(
            stock=counters[0],
            stocks=dict(zip(map(str, product_ids), counters, strict=True)),
            streams={name: dict(found[name]) for name in facts.queues},
            dead_letters=found[facts.dead_letters]["length"],
            waiting=None if waiting is None else sorted(waiting),
            dead_letter_entries=queues.entries(store, facts.dead_letters, _MOST_LETTERS),
        )
