"""The generator processes as the harness sees them: start, begin, follow, stop.

Nothing of Locust is imported here: its monkey patching belongs into the generators alone.
"""

import json
import math
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from harness.errors import InfrastructureError
from harness.host import child_processes
from harness.load.load_plan import AnyPlan

READY_LIMIT_S = 60.0
STOP_GRACE_S = 2.0
WINDOW_S = 5.0
"""Rates and percentiles of the progress are those of the last five seconds."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How the load goes: counts since its start, rate and p95 of the last five seconds."""

    t_s: float = 0.0
    stage: str = "not begun"
    planned: float = 0.0
    active: int = 0
    requests: int = 0
    requests_per_s: float = 0.0
    errors: int = 0
    p95_ms: float | None = None


class _Generator:
    """One generator process, with a thread that reads its reports."""

    def __init__(self, plan_path: Path, number: int) -> None:
        self.number = number
        self.ready = threading.Event()
        self.reports: deque[dict[str, Any]] = deque(maxlen=int(WINDOW_S) + 1)
        self._log = plan_path.parent / f"generator-{number}.log"
        self._last_cpu_s = 0.0
        with self._log.open("wb") as log:
            # A session of its own: Ctrl-C is for the harness, which then stops the load.
            self.process = subprocess.Popen(
                [sys.executable, "-m", "harness.load.generator_main", str(plan_path), str(number)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None  # noqa: S101 - a pipe was asked for
        with self.process.stdout as lines:
            for line in lines:
                message = json.loads(line)
                if message["event"] == "progress":
                    self.reports.append(message)
                self.ready.set()

    def send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None  # noqa: S101 - a pipe was asked for
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def wait(self, limit_s: float) -> int | None:
        """Return the exit code, or None if the process does not end in time."""
        code = child_processes.wait(self.process, limit_s)
        if code is None:
            return None
        self.process.wait()
        self._reader.join()
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.stdin.close()
        return code

    def cpu_s(self) -> float:
        used_s = self.reports[-1]["cpu_s"] if self.reports else 0.0
        try:
            times = psutil.Process(self.process.pid).cpu_times()
            used_s = max(used_s, times.user + times.system)
        except psutil.Error:
            pass  # it has ended; its last report counts
        self._last_cpu_s = max(self._last_cpu_s, used_s)
        return self._last_cpu_s

    def last_words(self) -> str:
        try:
            lines = self._log.read_text("utf-8", errors="replace").split("\n")
        except OSError:
            return ""
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


class LoadProcess:
    """All generator processes of one load. Use `harness.load.start`."""

    def __init__(self, plan: AnyPlan, out_dir: Path) -> None:
        self._generators: list[_Generator] = []
        self._ready_limit_s = READY_LIMIT_S + plan.preparation_s
        try:
            out_dir.mkdir(parents=True, exist_ok=True)
            plan_path = out_dir / "plan.json"
            plan_path.write_text(plan.to_json(), encoding="utf-8")
            for number in range(plan.load.processes):
                self._generators.append(_Generator(plan_path, number))
        except OSError as error:
            self.stop()
            raise InfrastructureError(
                f"cannot start a load generator: {error}",
                "free some memory or disk space and try again",
            ) from error

    def wait_ready(self, timeout_s: float | None = None) -> None:
        """Wait until every generator could begin; raise InfrastructureError if one cannot."""
        limit_s = self._ready_limit_s if timeout_s is None else timeout_s
        deadline_s = time.monotonic() + limit_s
        for generator in self._generators:
            while not generator.ready.wait(0.05):
                if generator.wait(0) is not None:
                    raise self._ended_badly("the load generator did not start")
                if time.monotonic() > deadline_s:
                    raise InfrastructureError(
                        f"the load generator was not ready after {limit_s:g} s",
                        "the machine is overloaded: end what else runs on it",
                    )

    def begin(self, t0_ns: int) -> None:
        """Let the load begin at `t0_ns` of CLOCK_MONOTONIC; call `wait_ready` first."""
        for generator in self._generators:
            try:
                generator.send({"t0_ns": t0_ns})
            except OSError as error:
                generator.wait(STOP_GRACE_S)
                raise self._ended_badly("the load generator ended before the load") from error

    def progress(self) -> Progress:
        """Return how the load goes by the latest reports; never blocks."""
        heard = [list(generator.reports) for generator in self._generators]
        latest = [reports[-1] for reports in heard if reports]
        if not latest:
            return Progress()
        newest = max(latest, key=lambda report: float(report["t_s"]))
        # The first report of a window opens it: what it contains happened before.
        window = [report for reports in heard for report in reports[1:]]
        latencies_ms = sorted(ms for report in window for ms in report["latencies_ms"])
        return Progress(
            t_s=newest["t_s"],
            stage=newest["stage"],
            planned=newest["planned"],
            active=sum(report["active"] for report in latest),
            requests=sum(report["requests"] for report in latest),
            requests_per_s=sum(_rate(reports) for reports in heard),
            errors=sum(report["errors"] for report in latest),
            p95_ms=float(latencies_ms[int(0.95 * len(latencies_ms))]) if latencies_ms else None,
        )

    def poll(self) -> int | None:
        """Return None while the load goes on, 0 if all ended well, or the code of one that broke.

        A generator that was killed by a signal has a negative code.
        """
        codes = [generator.wait(0) for generator in self._generators]
        broken = [code for code in codes if code]
        if broken:
            return broken[0]
        return None if None in codes else 0

    def wait(self, on_progress: Callable[[Progress], None] | None = None) -> None:
        """Wait until the load is over and all buyers have left.

        Calls `on_progress` about once a second. Raises InfrastructureError if a generator broke.
        """
        due_s = time.monotonic()
        while (code := self.poll()) is None:
            if on_progress is not None and time.monotonic() >= due_s:
                on_progress(self.progress())
                due_s = time.monotonic() + 1.0
            time.sleep(0.05)
        if code != 0:
            raise self._ended_badly("the load generator broke")

    def stop(self) -> None:
        """End the load now: requests in flight get two seconds, then nothing is waited for.

        Does nothing if the load is over. No process is left afterwards.
        """
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
            running = [g for g in self._generators if g.wait(0) is None]
            for generator in running:
                generator.process.send_signal(number)
            deadline_s = time.monotonic() + STOP_GRACE_S
            for generator in running:
                generator.wait(max(0.0, deadline_s - time.monotonic()))
        for generator in self._generators:
            generator.wait(math.inf)

    def cpu_s(self) -> float:
        """Return the CPU seconds that the generators have used since they were started."""
        return sum(generator.cpu_s() for generator in self._generators)

    def last_words(self) -> str:
        """Return the last line that a generator printed, or how one ended."""
        for generator in self._generators:
            if words := generator.last_words():
                return words
        codes = [generator.process.returncode for generator in self._generators]
        return next((_describe_exit(code) for code in codes if code), "it said nothing")

    def _ended_badly(self, what: str) -> InfrastructureError:
        return InfrastructureError(
            f"{what}: {self.last_words()}", "if the message does not help, this is a bug: report it"
        )


def _rate(reports: list[dict[str, Any]]) -> float:
    if len(reports) < 2 or reports[-1]["t_s"] <= reports[0]["t_s"]:
        return 0.0
    seconds = reports[-1]["t_s"] - reports[0]["t_s"]
    requests: int = reports[-1]["requests"] - reports[0]["requests"]
    return float(requests / seconds)


def _describe_exit(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
