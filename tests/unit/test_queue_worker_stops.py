"""A worker ends after SIGTERM, even if its client swallows the first cancellation."""

import asyncio
import os
import signal
import socket
from types import SimpleNamespace

import pytest

from approaches.queue import worker


class Deaf:
    """Work that swallows one cancellation, as `asyncio.wait_for` of Python 3.11 may."""

    def __init__(self):
        self.ended = []
        self.consumer = SimpleNamespace(
            heartbeat_ok=True, beat=self.wait, deregister=self.deregister
        )
        self.ledger = SimpleNamespace(is_stuck=False)

    async def wait(self):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.ended.append("swallowed")
        await asyncio.Event().wait()

    async def run(self):
        os.kill(os.getpid(), signal.SIGTERM)
        await self.wait()

    async def finish(self):
        self.ended.append("finished")

    async def deregister(self):
        self.ended.append("deregistered")

    async def close(self):
        self.ended.append("closed")


@pytest.mark.timeout(20)
def test_a_swallowed_cancellation_keeps_no_worker(monkeypatch):
    monkeypatch.setattr(worker, "CANCEL_AGAIN_S", 0.01)
    work = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        worker.run_worker(listener, lambda: work.append(Deaf()) or work[0])
    assert work[0].ended == ["swallowed", "finished", "deregistered", "swallowed", "closed"]


@pytest.mark.timeout(20)
def test_what_beside_swallows_a_cancellation_ends_too(monkeypatch):
    monkeypatch.setattr(worker, "CANCEL_AGAIN_S", 0.01)
    work = Deaf()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        worker.run_worker(listener, lambda: work, work.wait)
    assert work.ended[-1] == "closed"
    assert work.ended.count("swallowed") == 3
