"""The log of executed charges: append-only, on disk before the answer is sent.

An auditor counts double and lost charges here, so a line must survive SIGKILL. Charges that end
while a flush is under way wait for the next one: one write and one fsync per batch (group commit),
outside the event loop. A line that was torn by a kill was never answered; it is cut off at the next
start, and the charge counts as not executed.
"""

import asyncio
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ChargeRecord:
    """One executed charge; times in epoch nanoseconds."""

    charge_id: str
    key: str
    order_id: str
    reference: str
    amount_cents: int
    outcome: str
    latency_ms: float
    started_ns: int
    finished_ns: int

    def line(self) -> bytes:
        """Return the record as one line of NDJSON."""
        return json.dumps(asdict(self), separators=(",", ":")).encode() + b"\n"


class ChargeLog:
    """The log file; `append` returns when the record is on disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="charge-log")
        self._waiting: list[tuple[ChargeRecord, asyncio.Future[None]]] = []
        self._flusher: asyncio.Task[None] | None = None
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._size_bytes = self._cut_torn_line()

    def _cut_torn_line(self) -> int:
        whole = self._path.read_bytes().rfind(b"\n") + 1
        os.ftruncate(self._fd, whole)
        return whole

    def read(self) -> Iterator[ChargeRecord]:
        """Yield the records on disk, oldest first."""
        with self._path.open("rb") as lines:
            for line in lines:
                yield ChargeRecord(**json.loads(line))

    async def append(self, record: ChargeRecord) -> None:
        """Write the record and return when it is on disk; raise OSError if it cannot be written."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((record, written))
        if self._flusher is None:
            self._flusher = asyncio.create_task(self._flush())
        await written

    async def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, []
            lines = b"".join(record.line() for record, _ in batch)
            try:
                await loop.run_in_executor(self._writer, self._write, lines)
            except OSError as error:
                for _, written in batch:
                    if not written.done():
                        written.set_exception(error)
                continue
            for _, written in batch:
                if not written.done():
                    written.set_result(None)
        self._flusher = None

    def _write(self, lines: bytes) -> None:
        try:
            done = 0
            while done < len(lines):
                done += os.write(self._fd, lines[done:])
            os.fdatasync(self._fd)
        except OSError:
            # What was not answered must not stand in the log, least of all half of it.
            os.ftruncate(self._fd, self._size_bytes)
            raise
        self._size_bytes += len(lines)

    def close(self) -> None:
        """Close the file; records being written are written first."""
        self._writer.shutdown()
        os.close(self._fd)
