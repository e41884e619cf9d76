"""Reads what every store says happened, after the backlog has drained.

Only what was on sale is read: the warm-up sells another product, under keys of its own.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Self

import httpx
import pandas as pd
import psycopg
import redis
from prometheus_client.parser import text_string_to_metric_families
from psycopg.rows import class_row

from harness.audit.password_hashes import parameters
from harness.campaign import entry_log
from harness.campaign.ledger_reading import among, ledger_frames, not_yielded, orders_of, rows_of
from harness.campaign.store_reset import NO_STATISTICS, WARM_UP_PRODUCT, stock_counters
from harness.errors import InfrastructureError
from harness.results.record import (
    CancelledOrder,
    EntryRequests,
    FaultRecord,
    PasswordHashes,
    ProductFacts,
    RedisFacts,
    RequestCount,
    Statement,
    StoreFacts,
)
from harness.results.store import COLUMNS
from harness.runtimes import Deployment
from harness.runtimes import queue_lengths as queues
from harness.scenario.sales import Sale
from harness.topology import LedgerSql
from harness.topology.ledger_mistakes import blaming

REQUEST_COUNTER = "shop_http_requests"
NOT_COUNTED = (0, 502, 504)
"""Statuses of requests that no server need have counted: no answer, or a proxy's own."""

_STATEMENTS = """
SELECT left(regexp_replace(query, '\\s+', ' ', 'g'), 500) AS query, calls,
       round(total_exec_time::numeric, 3) AS total_ms, rows
FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY total_exec_time DESC LIMIT 25
"""
_COUNTS_STATEMENTS = "SELECT count(*) FROM pg_extension WHERE extname = 'pg_stat_statements'"
_MOST_LETTERS = 1_000
_MOST_ENTRIES = 100_000

RequestCounts = Counter[tuple[str, str, int]]
"""Requests counted by the servers, by (method, route, status)."""


@dataclass(frozen=True, slots=True)
class EarlierCharges:
    """The charges before the load, which are the first in the gateway's log: none of a new one."""

    count: int = 0
    digest: str = ""
    """By which they are known again: a log that began anew has others in their place."""

    @classmethod
    def of(cls, lines: Sequence[bytes]) -> Self:
        """Remember all charges of a log."""
        return cls(len(lines), sha256(b"\n".join(lines)).hexdigest()) if lines else cls()


@dataclass(frozen=True, slots=True)
class Collected:
    """What the stores, the servers and the gateway say of a load that is over."""

    store: StoreFacts
    servers: dict[str, str]
    server_counts: RequestCounts | None
    """All requests since the deployment came up; None: not every server can be asked."""
    charges: pd.DataFrame
    ledger: dict[str, pd.DataFrame]
    absent: list[str]
    """What none of them could say: `RunRecord.absent`."""


def collect(
    deployment: Deployment,
    sales: Sequence[Sale],
    seed: int,
    earlier: EarlierCharges = EarlierCharges(),
) -> Collected:
    """Read everything once the backlog is worked off, without `earlier` charges.

    Raises InfrastructureError if a store or a server does not answer.
    """
    with answers_expected(deployment, "after the run"):
        return Collected(
            server_counts=request_counts(deployment),
            store=store_facts(deployment, sales),
            servers=server_versions(deployment),
            charges=charges(deployment, f"{seed}-w", earlier),
            ledger=ledger_frames(deployment, sales),
            absent=absent(deployment),
        )


@contextmanager
def answers_expected(deployment: Deployment, when: str) -> Iterator[None]:
    """Raise InfrastructureError for a store or a server that does not answer within the block."""
    try:
        yield
    except (psycopg.Error, redis.RedisError, httpx.HTTPError) as error:
        raise InfrastructureError(
            f"{deployment.topology.approach}: cannot read the stores {when}: {error}",
            "the run is not saved; continue the campaign with --resume",
        ) from error


def absent(deployment: Deployment) -> list[str]:
    """Return what neither the ledger nor the gateway can say, as `RunRecord.absent` has it."""
    with psycopg.connect(deployment.dsn(), autocommit=True, connect_timeout=5) as ledger:
        found = not_yielded(ledger, deployment.topology.ledger_sql)
    return found if deployment.urls(deployment.topology.gateway) else [*found, "charges"]


def charges(
    deployment: Deployment, warm_up_prefix: str, earlier: EarlierCharges = EarlierCharges()
) -> pd.DataFrame:
    """Read the payment gateway's log of executed charges, without those of the warm-up.

    They are known by their reference, if that is the buyer's key, and by their order. The `earlier`
    charges are left out, too. Empty if nobody named the gateway.

    Raises InfrastructureError if the log no longer begins with those: then others are lost as well.
    """
    lines = _log_of_charges(deployment)
    if EarlierCharges.of(lines[: earlier.count]) != earlier:
        raise InfrastructureError(
            f"{deployment.topology.approach}: the gateway's log of charges began anew in the load",
            "let the gateway keep its log over a restart, or leave out the fault that ends it",
        )
    warm_up = orders_of(deployment, WARM_UP_PRODUCT)
    rows = [_row(deployment, line) for line in lines[earlier.count :]]
    sale = [
        row
        for row in rows
        if not str(row["reference"]).startswith(warm_up_prefix) and row["order_id"] not in warm_up
    ]
    return pd.DataFrame(sale, columns=list(COLUMNS["charges"]))


def earlier_charges(deployment: Deployment) -> EarlierCharges:
    """Return the charges that there were before the load, where the gateway is not a new one.

    Raises InfrastructureError if what answers there has no log of charges.
    """
    if deployment.is_ours:
        return EarlierCharges()
    lines = _log_of_charges(deployment)
    for line in lines:
        _row(deployment, line)
    return EarlierCharges.of(lines)


def _row(deployment: Deployment, line: bytes) -> dict[str, Any]:
    with suppress(ValueError):
        row = json.loads(line)
        if isinstance(row, dict):
            return row
    raise InfrastructureError(
        f"{deployment.topology.approach}: no charge in the gateway's log: {line[:80]!r}",
        "is it the payment gateway of this project that answers there?",
    )


def _log_of_charges(deployment: Deployment) -> list[bytes]:
    urls = deployment.urls(deployment.topology.gateway)
    if not urls:
        return []
    return httpx.get(f"{urls[0]}/charges", timeout=30).raise_for_status().content.splitlines()


def store_facts(deployment: Deployment, sales: Sequence[Sale]) -> StoreFacts:
    """Return the final stocks, streams, passwords and statements as the stores have them."""
    ids = [sale.product_id for sale in sales]
    sql = deployment.topology.ledger_sql
    with psycopg.connect(deployment.dsn(), autocommit=True, connect_timeout=5) as ledger:
        on_sale, ordered = f"{among('id', ids)} ORDER BY id", among("product_id", ids)
        return StoreFacts(
            products=rows_of(ProductFacts, ledger, sql, "products", on_sale),
            statements=_statements(deployment, ledger),
            passwords=password_parameters(ledger, sql),
            cancelled=rows_of(CancelledOrder, ledger, sql, "cancelled_orders", ordered),
            redis=_redis_facts(deployment, ids, names_orders=_have_uuids(ledger, sql)),
        )


def _statements(deployment: Deployment, ledger: psycopg.Connection[Any]) -> list[Statement]:
    """Return the statements that took most time; none if the server does not count them.

    Nor if the ledger is somebody else's, who does not let us see them.
    """
    if ledger.execute(_COUNTS_STATEMENTS).fetchone() == (0,):
        return []
    try:
        return ledger.cursor(row_factory=class_row(Statement)).execute(_STATEMENTS).fetchall()
    except (psycopg.errors.InsufficientPrivilege, *NO_STATISTICS):
        if deployment.is_ours:
            raise
        return []


def password_parameters(
    ledger: psycopg.Connection[Any], sql: LedgerSql
) -> list[PasswordHashes] | None:
    """Return by which algorithms, at what cost, how many passwords are hashed; never a hash.

    None if the ledger does not yield them.
    """
    if "password_hashes" not in sql:
        return None
    with blaming(sql, "password_hashes"):
        hashes = ledger.execute(sql.select("password_hash", "password_hashes"))
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
            try:
                counts.update(_counted(text))
            except (ValueError, KeyError) as error:
                raise InfrastructureError(
                    f"{topology.approach}: {service} has metrics that cannot be read: {error}",
                    f"see its /metrics: {REQUEST_COUNTER} by method, route and status",
                ) from error
    return counts


def _counted(text: str) -> RequestCounts:
    """Return what the text of one server's metrics says of its requests."""
    counts: RequestCounts = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples if family.name == REQUEST_COUNTER else ():
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
    return certainly_counted(row for fault in faults for row in fault.requests)


def certainly_counted(requests: Iterable[RequestCount]) -> RequestCounts:
    """Add up requests that are in no buyer's log, and that a server must have counted."""
    counts: RequestCounts = Counter()
    for row in requests:
        if row.status not in NOT_COUNTED:
            counts[row.method, row.route, row.status] += row.count
    return counts


def _have_uuids(ledger: psycopg.Connection[Any], sql: LedgerSql) -> bool:
    """Return True if orders are called by UUIDs, which are found in whatever entry of a queue."""
    first = ledger.execute(sql.select("order_id::text", "orders", "LIMIT 1")).fetchone()
    return first is None or queues.is_id(first[0])


def _redis_facts(
    deployment: Deployment, product_ids: Sequence[int], *, names_orders: bool
) -> RedisFacts | None:
    """Return queues and dead letters, and the stock of the first product and of each of them.

    Unless entries name their orders in a way that is known, nobody can say which order waits.
    """
    facts, url = deployment.topology.redis, deployment.redis_url()
    if not facts or not url:
        return None
    with redis.Redis.from_url(url, socket_timeout=5, decode_responses=True) as store:
        counters = stock_counters(store, facts, product_ids)
        waiting = queues.ids(store, facts.queues, _MOST_ENTRIES) if names_orders else None
        found = queues.sizes(store, (*facts.queues, facts.dead_letters))
        return RedisFacts(
            stock=counters[0],
            stocks=dict(zip(map(str, product_ids), counters, strict=True)),
            streams={name: dict(found[name]) for name in facts.queues},
            dead_letters=found[facts.dead_letters]["length"],
            waiting=None if waiting is None else sorted(waiting),
            dead_letter_entries=queues.entries(store, facts.dead_letters, _MOST_LETTERS),
        )
