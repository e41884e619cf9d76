"""What order worker and payment worker have in common: one child process, from start to drained.

SIGTERM stops the reading at once; what is in hand is finished within a limit; what is then left
goes back to the stream. The process ends with 0.
"""

import asyncio
import contextlib
import logging
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

import psycopg
import uvloop

from approaches.queue.cancellation import cancel
from approaches.queue.consumer import Consumer, consumer_name
from approaches.queue.heartbeat import Heartbeats, shared_memory
from approaches.queue.ledger import Connection
from approaches.queue.queue_settings import QueueSettings
from approaches.queue.service import run_service
from approaches.queue.worker_health import serve_health
from approaches.shop.database import REFUSALS, STORE_ERRORS, connect
from approaches.shop.settings import split_bind

DRAIN_S = 20.0
CANCEL_AGAIN_S = 1.0  # longer than what a task cancels within itself needs
LONGEST_PAUSE_S = 2.0
STUCK_AFTER_S = 10.0
"""A worker whose ledger has done nothing for so long is not ready."""

Result = TypeVar("Result")

log = logging.getLogger(__name__)


class ReconnectingConnection:
    """One connection to the ledger, made when first needed and made again when lost.

    Whatever is wrong with the ledger, the work waits for it: it is given up only where the ledger
    refuses the data themselves (REFUSALS).
    """

    def __init__(self, database_url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._database_url = database_url
        self._clock = clock
        self._connection: Connection | None = None
        self._lock = asyncio.Lock()
        self._waiting_since_s: float | None = None

    @property
    def is_stuck(self) -> bool:
        """Return True if a step has waited for the ledger for longer than STUCK_AFTER_S."""
        since_s = self._waiting_since_s
        return since_s is not None and self._clock() - since_s > STUCK_AFTER_S

    async def run(self, step: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Run a step that may safely run twice, until the ledger has done it or refuses it.

        Anything else (a lost connection, a deadlock, a ledger that takes no writes) is tried again
        after a pause that doubles. Raises one of REFUSALS.
        """
        pause_s = 0.05
        began_s = self._clock()
        try:
            while True:
                try:
                    return await self.run_once(step)
                except REFUSALS:
                    raise
                except STORE_ERRORS as error:
                    log.warning("the ledger does not answer: %s", error)
                except psycopg.Error as error:
                    log.error("the ledger is not as it should be: %s", error)
                self._waiting_since_s = began_s
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
        finally:
            self._waiting_since_s = None

    async def run_once(self, step: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Run a step; raise psycopg.Error if the ledger did not do it."""
        async with self._lock:
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = await connect(self._database_url)
                return await step(self._connection)
            except (*STORE_ERRORS, asyncio.CancelledError):
                await self.close()
                raise

    async def close(self) -> None:
        """Close the connection, if there is one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error):
                await connection.close()


class Work(Protocol):
    """What differs between the workers."""

    consumer: Consumer
    ledger: ReconnectingConnection

    async def run(self) -> None:
        """Read and work until cancelled."""

    async def finish(self) -> None:
        """Finish what is in hand; may be cancelled."""

    async def close(self) -> None:
        """Close connections."""


def run_workers(
    service: str,
    run_child: Callable[[QueueSettings, Heartbeats, socket.socket], None],
    *required: str,
) -> int:
    """Run `run_child(settings, heartbeats, listener)` in each process; see `run_service`.

    The name of each consumer is that of its heartbeat.
    """
    memory = shared_memory()

    def run(settings: QueueSettings, index: int, listener: socket.socket) -> None:
        _, port = split_bind(settings.shop.bind)
        names = [consumer_name(service, port, child) for child in range(settings.processes)]
        run_child(settings, Heartbeats(names, index, memory), listener)

    return run_service(run, *required)


def run_worker(
    listener: socket.socket,
    start: Callable[[], Work],
    *beside: Callable[[], Coroutine[Any, Any, None]],
) -> None:
    """Run a worker in this process until SIGTERM, with what runs beside it until cancelled."""
    uvloop.run(_run(listener, start, beside))


async def _run(
    listener: socket.socket,
    start: Callable[[], Work],
    beside: Sequence[Callable[[], Coroutine[Any, Any, None]]],
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    work = start()
    server = await serve_health(
        listener, lambda: work.consumer.heartbeat_ok and not work.ledger.is_stuck
    )
    beating = loop.create_task(work.consumer.beat())
    tasks = [loop.create_task(one) for one in (work.run(), *(other() for other in beside))]
    stopping = loop.create_task(stop.wait())
    # A task that ends by itself has failed: end the process, the supervisor starts it afresh.
    await asyncio.wait([stopping, beating, *tasks], return_when=asyncio.FIRST_COMPLETED)
    failed = [task for task in (beating, *tasks) if task.done()]
    server.close()
    await cancel([stopping, *tasks], again_s=CANCEL_AGAIN_S)
    try:
        async with asyncio.timeout(DRAIN_S):
            await work.finish()
    except TimeoutError:
        log.warning("not everything was finished in %.0f s; the rest goes back", DRAIN_S)
    except Exception:
        log.exception("what was in hand goes back")
    await work.consumer.deregister()
    await cancel([beating])
    await work.close()
    for task in failed:
        task.result()
