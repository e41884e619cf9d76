"""Samples a deployment once a second while it is under load.

Every sample is a row ``(t_s, source, metric, value)``; CPU seconds and commits are cumulative, so a
lost sample loses resolution and nothing else. A source that does not answer (a store that was
killed) is left out of that second, and is asked again in the next.

Beside the deployment the machine is read: how much of it was busy at all, what a hypervisor or a
control group withheld, how long some process waited for a processor, whether its wall clock was
set, and which foreign processes used the processors.

Of a shop on several machines each node is a source as well: what its replicas use together, and by
how much its clock is ahead of this machine's.

Reading memory is costly (PSS, for one, is a walk over each process's pages), so it is sampled every
`RARE_PERIOD_S` seconds, and so is what grows slowly: open files, the keys of Redis. So are foreign
processes, and all usage where the runtime takes no readings without memory. What a runtime cannot
read has no sample; it is not 0.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import pandas as pd
import psutil
import psycopg
import redis

from harness.errors import InfrastructureError, UsageError
from harness.host import cgroups, processors
from harness.results.nodes import CLOCK_OFFSET, CLOCK_UNCERTAINTY, SOURCE
from harness.runtimes import Deployment
from harness.runtimes import queue_lengths as queues
from harness.runtimes.foreign_processes import ForeignProcesses
from harness.scenario.sales import SALE_PRODUCT
from harness.topology import Topology

PERIOD_S = 1.0
RARE_PERIOD_S = 5.0
QUERY_LIMIT_S = 2.0
"""How long a query may take: with one sample a second, a later answer is of no use."""

_POSTGRES_SAMPLE = """
SELECT server.*, stock.* FROM (
    SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
           (SELECT count(*) FROM pg_locks WHERE NOT granted),
           (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database())
) AS server (sessions, waiting, commits) LEFT JOIN ({stock}) AS stock ON true
"""
_STOCK = "initial_stock - reserved - sold AS left_over, reserved"
_POSTGRES_METRICS = ("connections", "locks_waiting", "commits", "stock", "reserved")

FOREIGN_PROCESSES = "strangers"  # the name in stored telemetry
"""The source of what foreign processes used, as stored campaigns have it."""

EACH_SECOND = ("cpu_s", "processes")
HELD = ("memory_bytes", "private_bytes", "largest_private_bytes", "open_files", "sockets")
"""What of a service is sampled each second, and what it holds, by the names of `Usage`."""

Sample = tuple[str, str, float]


class Sampler:
    """Takes samples in a thread of its own, from `start` to `stop`."""

    def __init__(
        self,
        deployment: Deployment,
        load_cpu_s: Callable[[], float],
        load_cpu_s_by_process: Callable[[], Mapping[int, float]] = dict,
    ) -> None:
        """Take what the load has used on this machine, and what each of its processes has."""
        self._deployment = deployment
        self._load_cpu_s = load_cpu_s
        self._load_cpu_s_by_process = load_cpu_s_by_process
        self._rows: list[tuple[float, str, str, float]] = []
        self._latest: dict[tuple[str, str], float] = {}
        self._cpu_read: dict[str, tuple[float, float]] = {}
        self._cores: dict[str, float] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._broken_by: Exception | None = None
        self._t0_ns = 0
        self._clocks_apart_ns = 0
        self._foreign = ForeignProcesses(os.getpid())
        self._ledger: psycopg.Connection[tuple[float, ...]] | None = None
        self._redis: redis.Redis | None = None
        url = deployment.redis_url()
        if url:
            self._redis = redis.Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5)

    def start(self, t0_ns: int) -> None:
        """Begin to sample; times count from `t0_ns` on the monotonic clock."""
        self._t0_ns = t0_ns
        self._clocks_apart_ns = _clocks_apart_ns()
        self._thread.start()

    def latest(self, source: str, metric: str) -> float | None:
        """Return the newest value of a metric, or None if it was never measured."""
        return self._latest.get((source, metric))

    def cores(self) -> dict[str, float]:
        """Return how many cores each service, the load and the harness used at the last reading."""
        return self._cores.copy()

    def stop(self) -> pd.DataFrame:
        """Take a last sample, stop, and return all as a frame of t_s, source, metric, value.

        Raises InfrastructureError if sampling broke off before: what it has then ends anywhere.
        """
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        if self._ledger is not None:
            self._ledger.close()
        if self._redis is not None:
            self._redis.close()
        if self._broken_by is not None:
            raise InfrastructureError(
                f"the samples of telemetry broke off: "
                f"{type(self._broken_by).__name__}: {self._broken_by}",
                "this is a bug: report it; the run can be repeated with --resume",
            ) from self._broken_by
        return pd.DataFrame(self._rows, columns=["t_s", "source", "metric", "value"])

    def _run(self) -> None:
        try:
            self._sample_until_stopped()
        except Exception as error:  # whatever it is, nobody may take what there is for all
            self._broken_by = error

    def _sample_until_stopped(self) -> None:
        next_s = time.monotonic()
        rare_due_s = next_s
        while True:
            last = self._stopping.is_set()
            in_full = last or next_s >= rare_due_s
            if in_full:
                rare_due_s = next_s + RARE_PERIOD_S
            self._sample(in_full)
            if last:
                return
            next_s = max(next_s + PERIOD_S, time.monotonic())
            self._stopping.wait(next_s - time.monotonic())

    def _sample(self, in_full: bool) -> None:
        for samples in self._measure(in_full):
            t_s = (time.monotonic_ns() - self._t0_ns) / 1e9
            for source, metric, value in samples:
                self._rows.append((t_s, source, metric, value))
                self._latest[source, metric] = value
                if metric == "cpu_s" and source != "machine" and not source.startswith(SOURCE):
                    self._note_cores(source, t_s, value)

    def _note_cores(self, source: str, t_s: float, cpu_s: float) -> None:
        before_s, used_s = self._cpu_read.get(source, (t_s, cpu_s))
        if t_s > before_s:
            self._cores[source] = max(0.0, cpu_s - used_s) / (t_s - before_s)
        self._cpu_read[source] = (t_s, cpu_s)

    def _measure(self, in_full: bool) -> Iterator[list[Sample]]:
        """Read one source after the other; last what an engine may take a second for."""
        yield list(self._measure_machine(in_full))
        with suppress(psycopg.Error):
            yield list(self._measure_ledger())
        with suppress(redis.RedisError, UsageError):
            yield list(self._measure_redis())
            if in_full:
                yield list(self._measure_size_of_redis())
        if in_full:
            with suppress(InfrastructureError):
                yield list(self._measure_clocks())
        with suppress(InfrastructureError):  # a node's engine that is going away
            yield list(self._measure_services(in_full))

    def _measure_clocks(self) -> Iterator[Sample]:
        for node, (ahead_s, uncertainty_s) in self._deployment.clocks().items():
            yield f"{SOURCE}{node}", CLOCK_OFFSET, ahead_s
            yield f"{SOURCE}{node}", CLOCK_UNCERTAINTY, uncertainty_s

    def _measure_services(self, in_full: bool) -> Iterator[Sample]:
        for service, usage in self._deployment.usage(memory=in_full).items():
            metrics = (*EACH_SECOND, *HELD) if in_full else EACH_SECOND
            for metric in metrics:
                if (value := getattr(usage, metric)) is not None:
                    yield service, metric, float(value)

    def _measure_machine(self, in_full: bool) -> Iterator[Sample]:
        machine = psutil.cpu_times()
        busy = (machine.user, machine.nice, machine.system, machine.irq, machine.softirq)
        yield "machine", "cpu_s", sum(busy)
        yield "machine", "steal_s", machine.steal
        for metric, seconds in (
            ("waited_s", processors.waited_s()),
            ("throttled_s", cgroups.throttled_s()),
        ):
            if seconds is not None:
                yield "machine", metric, seconds
        yield "machine", "clock_step_s", (_clocks_apart_ns() - self._clocks_apart_ns) / 1e9
        yield "harness", "cpu_s", time.process_time()
        yield "load", "cpu_s", self._load_cpu_s()
        for number, used_s in self._load_cpu_s_by_process().items():
            yield "load", f"cpu_s:{number}", used_s
        if in_full:
            for name, used_s in self._foreign.cpu_s().items():
                yield FOREIGN_PROCESSES, f"cpu_s:{name}", used_s

    def _measure_ledger(self) -> Iterator[Sample]:
        try:
            if self._ledger is None or self._ledger.closed:
                self._ledger = psycopg.connect(
                    self._deployment.dsn(), autocommit=True, connect_timeout=2
                )
            with _given_up_after(QUERY_LIMIT_S, self._ledger):
                row = self._ledger.execute(_ledger_sample(self._deployment.topology)).fetchone()
        except psycopg.OperationalError:
            if self._ledger is not None:
                self._ledger.close()
            self._ledger = None
            raise
        for metric, value in zip(_POSTGRES_METRICS, row or (), strict=False):
            if value is not None:
                yield "postgres", metric, float(value)

    def _measure_redis(self) -> Iterator[Sample]:
        facts = self._deployment.topology.redis
        if self._redis is None or facts is None:
            return
        pipe = self._redis.pipeline(transaction=False)
        pipe.info("memory")
        pipe.get(facts.stock % SALE_PRODUCT)
        info, stock = pipe.execute(raise_on_error=False)
        if isinstance(info, dict):
            yield "redis", "used_memory_bytes", float(info["used_memory"])
        if isinstance(stock, bytes):
            yield "redis", "stock", float(stock)
        for name, one in queues.sizes(self._redis, facts.queues).items():
            yield "redis", f"stream_length:{name}", float(one["length"])
            if name in facts.streams:
                yield "redis", f"pending:{name}", float(one["pending"])

    def _measure_size_of_redis(self) -> Iterator[Sample]:
        if self._redis is None:
            return
        pipe = self._redis.pipeline(transaction=False)
        pipe.dbsize()
        pipe.info("clients")
        keys, clients = pipe.execute()
        yield "redis", "keys", float(keys)
        yield "redis", "clients", float(clients["connected_clients"])


def _ledger_sample(topology: Topology) -> bytes:
    """Return the query of a sample; without the product on sale there is no stock in its row."""
    on_sale = f"WHERE id = {SALE_PRODUCT:d}"
    stock = topology.ledger_sql.select(_STOCK, "products", on_sale)
    return _POSTGRES_SAMPLE.format(stock=stock.decode()).encode()


def _clocks_apart_ns() -> int:
    """Return how far the wall clock is ahead of the monotonic one: the same unless it was set.

    The quickest of three readings counts: this thread may be stopped between two clocks.
    """
    readings = []
    for _ in range(3):
        before_ns, wall_ns, after_ns = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        readings.append((after_ns - before_ns, wall_ns - (before_ns + after_ns) // 2))
    return min(readings)[1]


@contextmanager
def _given_up_after(limit_s: float, connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Cut a connection that is in use for longer: a server that is paused never answers.

    Its kernel acknowledges what it is sent, so no timeout of TCP helps, and its own timeouts are as
    paused as it is.
    """
    timer = threading.Timer(limit_s, _cut, [connection])
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _cut(connection: psycopg.Connection[Any]) -> None:
    with (
        suppress(OSError, psycopg.Error),
        socket.socket(fileno=os.dup(connection.fileno())) as peer,
    ):
        peer.shutdown(socket.SHUT_RDWR)
