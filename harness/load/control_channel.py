"""The connection of a generator to whoever starts the load: its start, its end, and reports."""

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import gevent
from gevent.event import AsyncResult

from harness.load import harness_pipe
from harness.load.user_registry import UserRegistry


class ControlChannel(ABC):
    """What all connections share: the load begins once, and is stopped at the first order."""

    def __init__(self) -> None:
        self._users: UserRegistry | None = None
        self._start: AsyncResult[int | None] = AsyncResult()

    @abstractmethod
    def send(self, message: Mapping[str, Any]) -> None:
        """Report to whoever started the load."""

    def attach(self, users: UserRegistry) -> None:
        """Let orders reach these buyers."""
        self._users = users

    def wait_for_start(self, users: UserRegistry) -> bool:
        """Wait for the start of the load; return False if the order to stop came first."""
        t0_ns = self._start.get()
        if t0_ns is None:
            return False
        users.t0_ns = t0_ns
        gevent.sleep(max(0.0, (t0_ns - time.monotonic_ns()) / 1e9))
        return True

    def begin(self, t0_ns: int) -> None:
        """Let the load begin at a time of CLOCK_MONOTONIC."""
        if not self._start.ready():
            self._start.set(t0_ns)

    def stop(self, exit_code: int) -> None:
        """Let no more buyers come and requests in flight finish; a second order ends the process.

        So does the first one before there are buyers.
        """
        if self._users is None or self._users.stopping:
            os._exit(exit_code)
        self._users.stopping = True
        if not self._start.ready():
            self._start.set(None)


class HarnessChannel(ControlChannel):
    """The pipes to a harness on this machine."""

    def __init__(self) -> None:
        super().__init__()
        harness_pipe.listen(lambda word: self.begin(word["t0_ns"]), self.stop)

    def send(self, message: Mapping[str, Any]) -> None:
        """Report to the harness."""
        harness_pipe.report(message)
