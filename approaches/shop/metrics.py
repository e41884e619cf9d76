"""Counters of a service, summed over its processes, in Prometheus' text format.

prometheus_client shares counters between processes through files in one directory and decides for
that mode when it is imported, hence the directory is made here, before that import. It lies in
TMPDIR and is removed by the process that made it.

A directory that is given (PROMETHEUS_MULTIPROC_DIR) outlives the service, so a counter does not go
back when the service is killed and started again: the files are memory maps, and what was counted
before a SIGKILL is in them. What was in progress then is not any more: it is forgotten.
"""

import asyncio
import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

BATCH_S = 0.1
_DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def _share_between_processes() -> str:
    given = os.environ.get(_DIRECTORY_VARIABLE)
    if given:
        for gauge in Path(given).glob("gauge_live*.db"):
            gauge.unlink(missing_ok=True)
        return given
    directory = tempfile.mkdtemp(prefix="shop-metrics-")
    os.environ[_DIRECTORY_VARIABLE] = directory
    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:  # a forked child runs the same exit handlers
            shutil.rmtree(directory, ignore_errors=True)

    atexit.register(remove)
    return directory


_directory = _share_between_processes()

from prometheus_client import (  # noqa: E402
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    generate_latest,
    start_http_server,
)
from prometheus_client.multiprocess import (  # noqa: E402
    MultiProcessCollector,
    mark_process_dead,
)
from prometheus_client.registry import Collector  # noqa: E402

from approaches.shop.settings import split_bind  # noqa: E402

__all__ = [
    "CONTENT_TYPE_LATEST",
    "REQUESTS_IN_PROGRESS",
    "Batched",
    "Counter",
    "Gauge",
    "Histogram",
    "count_request",
    "forget_process",
    "listen",
    "render",
]

REQUESTS_TOTAL = Counter(
    "shop_http_requests",
    "HTTP requests answered, by method, route template and status",
    ["method", "route", "status"],
)
REQUESTS_IN_PROGRESS = Gauge(
    "shop_http_requests_in_progress",
    "HTTP requests being worked on",
    multiprocess_mode="livesum",
)

# Methods arrive from outside; any other would grow the table without bound.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def count_request(method: str, route: str, status: int) -> None:
    """Count an answered request.

    `route` is the template, such as /orders/{id}, "" if none matched.
    """
    known = method if method in _METHODS else "other"
    _requests(known, route or "unmatched", status).inc()


@cache  # methods, routes and statuses are few
def _requests(method: str, route: str, status: int) -> Counter:
    return REQUESTS_TOTAL.labels(method, route, str(status))


class Batched:
    """A metric of an event loop that is written at most ten times a second: writing costs a lock.

    What a killed process has not written is lost: at most BATCH_S, of what no check relies on.
    """

    def __init__(self, metric: Counter | Gauge) -> None:
        self._metric = metric
        self._change = 0
        self._is_due = False

    def add(self, change: int) -> None:
        """Add to the metric; needs a running loop."""
        self._change += change
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_later(BATCH_S, self._write)

    def _write(self) -> None:
        self._is_due = False
        self._metric.inc(self._change)
        self._change = 0


def render() -> bytes:
    """Return the metrics of all processes of this service (content type CONTENT_TYPE_LATEST)."""
    return generate_latest(_registry())


def listen(bind: str) -> Callable[[], None]:
    """Serve /metrics at "host:port" in threads of its own; return what ends that.

    For a service whose own threads may all be taken: it can be watched when it matters.
    """
    host, port = split_bind(bind)
    server, _ = start_http_server(port, host, _registry())

    def end() -> None:
        server.shutdown()
        server.server_close()

    return end


def _registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_Processes())
    return registry


class _Processes(Collector):
    """All processes of this service, dead ones included."""

    def collect(self) -> Iterable[Metric]:
        # A process that was killed between making its file and filling it leaves an empty one.
        files = [str(file) for file in Path(_directory).glob("*.db") if _is_filled(file)]
        metrics: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
        return metrics


def _is_filled(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:  # gauges of a process that has just died
        return False


def forget_process(pid: int) -> None:
    """Drop the gauges of a dead process; its counters stay in the sums."""
    mark_process_dead(pid, path=_directory)  # type: ignore[no-untyped-call]
