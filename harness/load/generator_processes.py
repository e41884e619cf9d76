"""The generator processes as the harness sees them: start, begin, follow, stop.

Those on this machine are its children, and share its clock; for those elsewhere speaks a master,
which is a child, too, and is spoken to in the same way.

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
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from harness.errors import InfrastructureError
from harness.host import child_processes
from harness.load.load_plan import AnyPlan
from harness.load.load_workers import CANNOT_LISTEN, LoadWorkers

READY_LIMIT_S = 60.0
STOP_GRACE_S = 2.0
FETCH_LIMIT_S = 600.0
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


class _Child:
    """A process of the load that this one has started, with a thread that reads its reports."""

    def __init__(
        self, module: str, words: Iterable[object], numbers: Iterable[int], log: Path
    ) -> None:
        self.ready = threading.Event()
        self.over = threading.Event()
        """Its load is over, but not all is here that belongs to it."""
        self.waits_for = ""
        """What it says that it still waits for."""
        self.reports: dict[int, deque[dict[str, Any]]] = {
            number: deque(maxlen=int(WINDOW_S) + 1) for number in numbers
        }
        """The last reports of each process of the plan that this one plays, or speaks for."""
        self._log = log
        self._last_cpu_s = 0.0
        with self._log.open("wb") as errors:
            # A session of its own: Ctrl-C is for the harness, which then stops the load.
            self.process = subprocess.Popen(
                [sys.executable, "-m", f"harness.load.{module}", *map(str, words)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None  # noqa: S101 - a pipe was asked for
        with self.process.stdout as lines:
            for line in lines:
                message = json.loads(line)
                match message["event"]:
                    case "progress":
                        self.reports[message["process"]].append(message)
                    case "waiting":
                        self.waits_for = message["words"]
                    case "ready":
                        self.ready.set()
                    case "over":
                        self.over.set()

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

    def code(self) -> int | None:
        """Return None while the load goes on, 0 if it is over, or how the process broke."""
        code = self.wait(0)
        return 0 if code is None and self.over.is_set() else code

    @property
    def hears_nobody(self) -> bool:
        """Return True if it has ended because it cannot listen where it was told to."""
        return False

    def cpu_s(self) -> float:
        """Return what the process itself has used."""
        with suppress(psutil.Error):  # it has ended; what was read last counts
            times = psutil.Process(self.process.pid).cpu_times()
            self._last_cpu_s = max(self._last_cpu_s, times.user + times.system)
        return self._last_cpu_s

    def cpu_s_by_process(self) -> dict[int, float]:
        """Return what each process of the plan says that it has used, once it has said it."""
        return {
            number: float(reports[-1]["cpu_s"])
            for number, reports in self.reports.items()
            if reports
        }

    def last_words(self) -> str:
        try:
            lines = self._log.read_text("utf-8", errors="replace").split("\n")
        except OSError:
            return ""
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


class _Generator(_Child):
    """One process of the plan, on this machine."""

    def __init__(self, plan_path: Path, number: int) -> None:
        log = plan_path.with_name(f"generator-{number}.log")
        super().__init__("generator_main", (plan_path, number), [number], log)

    def cpu_s(self) -> float:
        """Return what it has used, as read or as it says itself, whichever is newer."""
        return max([super().cpu_s(), *super().cpu_s_by_process().values()])

    def cpu_s_by_process(self) -> dict[int, float]:
        """Return the same, by its number."""
        return dict.fromkeys(self.reports, self.cpu_s())


class _Master(_Child):
    """The last processes of the plan, which run elsewhere: this one only speaks for them."""

    def __init__(self, plan_path: Path, numbers: Sequence[int], workers: LoadWorkers) -> None:
        log = plan_path.with_name("master.log")
        words = (plan_path, workers.host, workers.port, len(numbers))
        super().__init__("master_main", words, numbers, log)

    @property
    def hears_nobody(self) -> bool:
        """Return True if it has ended because it cannot listen where it was told to."""
        return self.process.returncode == CANNOT_LISTEN


class LoadProcess:
    """All generator processes of one load, here and elsewhere. Use `harness.load.start`."""

    def __init__(self, plan: AnyPlan, out_dir: Path, workers: LoadWorkers | None = None) -> None:
        self._generators: list[_Child] = []
        self._ready_limit_s = READY_LIMIT_S + plan.preparation_s
        try:
            out_dir.mkdir(parents=True, exist_ok=True)
            plan_path = out_dir / "plan.json"
            plan_path.write_text(plan.to_json(), encoding="utf-8")
            processes = range(plan.load.processes)
            elsewhere = workers.of(len(processes)) if workers is not None else 0
            here = len(processes) - elsewhere
            for number in processes[:here]:
                self._generators.append(_Generator(plan_path, number))
            if workers is not None:
                self._generators.append(_Master(plan_path, processes[here:], workers))
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
                    raise _not_ready(generator, limit_s)

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
        heard = [list(one) for child in self._generators for one in child.reports.values()]
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
        codes = [generator.code() for generator in self._generators]
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

    def fetch_logs(self) -> None:
        """Fetch the logs that are elsewhere, once the load is over.

        Raises InfrastructureError if one cannot be had.
        """
        for one in self._generators:
            if not one.over.is_set():
                continue
            with suppress(OSError):  # it has ended, and says why
                one.send({"fetch": True})
            if one.wait(FETCH_LIMIT_S) != 0:
                raise self._ended_badly("the logs of the load were not handed over")

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
        """Return the CPU seconds that the load has used on this machine since it was started."""
        return sum(generator.cpu_s() for generator in self._generators)

    def cpu_s_by_process(self) -> dict[int, float]:
        """Return the CPU seconds of each process of the plan, on whichever machine it runs."""
        used_s: dict[int, float] = {}
        for child in self._generators:
            used_s |= child.cpu_s_by_process()
        return used_s

    def last_words(self) -> str:
        """Return the last line that a generator printed, or how one ended; that of a broken one."""
        broken = [one for one in self._generators if one.process.returncode]
        for generator in broken or self._generators:
            if words := generator.last_words():
                return words
        codes = [generator.process.returncode for generator in broken]
        return _describe_exit(codes[0]) if codes else "it said nothing"

    def _ended_badly(self, what: str) -> InfrastructureError:
        hint = "if the message does not help, this is a bug: report it"
        if any(one.hears_nobody for one in self._generators):
            hint = "--load-master takes an address of this machine, with a port that is free"
        return InfrastructureError(f"{what}: {self.last_words()}", hint)


def _not_ready(one: _Child, limit_s: float) -> InfrastructureError:
    if one.waits_for:
        return InfrastructureError(
            f"the load cannot begin after {limit_s:g} s: {one.waits_for}",
            "start the others: harness load-worker --master HOST[:PORT]",
        )
    return InfrastructureError(
        f"the load generator was not ready after {limit_s:g} s",
        "the machine is overloaded: end what else runs on it",
    )


def _rate(reports: list[dict[str, Any]]) -> float:
    if len(reports) < 2 or reports[-1]["t_s"] <= reports[0]["t_s"]:
        return 0.0
    seconds = reports[-1]["t_s"] - reports[0]["t_s"]
    requests: int = reports[-1]["requests"] - reports[0]["requests"]
    return float(requests / seconds)


def _describe_exit(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
