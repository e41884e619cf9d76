"""Worker processes on this machine for the loads of a harness on another one.

Each load gets fresh processes: a worker ends with its load, and the one that replaces it waits for
the next.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from harness.errors import InfrastructureError
from harness.host import child_processes
from harness.load import load_workers

POLL_S = 0.2
STOP_GRACE_S = 2.0


@dataclass(frozen=True, slots=True)
class _Worker:
    """A worker and the folder that its log is written to."""

    process: "subprocess.Popen[bytes]"
    folder: Path

    @property
    def errors(self) -> Path:
        return self.folder / "errors"

    def last_words(self) -> str:
        lines = self.errors.read_text("utf-8", errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")

    def collect(self) -> None:
        """Forget a process that has ended, and what it wrote."""
        self.process.wait()
        assert self.process.stdin is not None  # noqa: S101 - a pipe was asked for
        self.process.stdin.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class WorkerProcesses:
    """Some workers of one master, while the block lasts."""

    def __init__(self, host: str, port: int, count: int) -> None:
        self._address = (host, str(port))
        self._count = count
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        for _ in range(self._count):
            self._workers.append(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._workers:
            one.process.terminate()
        deadline_s = time.monotonic() + STOP_GRACE_S
        for one in self._workers:
            if child_processes.wait(one.process, deadline_s - time.monotonic()) is None:
                one.process.kill()
            one.collect()

    def serve(self, on_news: Callable[[str], None]) -> None:
        """Replace every worker whose load is over, for ever, and say how it ended.

        Raises InfrastructureError, with its last words, for one that ended by itself.
        """
        while True:
            for place, one in enumerate(self._workers):
                code = child_processes.exit_code(one.process)
                if code is None:
                    continue
                on_news(self._how_it_ended(one, code))
                self._workers[place] = self._start()
                one.collect()
            time.sleep(POLL_S)

    def _how_it_ended(self, one: _Worker, code: int) -> str:
        match code:
            case 0:
                return "a load is over"
            case load_workers.NO_MASTER:
                host, port = self._address
                return f"no master for five minutes at {host}:{port}"
            case load_workers.LOAD_FAILED:
                return f"a load failed, or was broken off: {one.last_words()}"
        raise InfrastructureError(
            f"a load worker ended with exit code {code}: {one.last_words()}",
            "if the message does not help, this is a bug: report it",
        )

    def _start(self) -> _Worker:
        """Start a worker in a folder of its own; it ends when its standard input is closed."""
        folder = Path(tempfile.mkdtemp(prefix="load-worker-"))
        with (folder / "errors").open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "harness.load.worker_main", *self._address, str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )
        return _Worker(process, folder)
