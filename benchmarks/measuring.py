"""What all benchmarks share: their options, processes and their CPU, and the file of results.

CPU is process time, user and system, of whole process trees: on a machine that does other things as
well it is far firmer than wall time. Whatever is compared is measured in one run, in turns, and the
median of the turns counts.
"""

import argparse
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from approaches.shop.supervisor import die_with
from harness.campaign import environment

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks/results"
SCHEMA_VERSION = 1
READY_WITHIN_S = 60.0
STOP_WITHIN_S = 10.0
POLL_S = 0.02

Sample = dict[str, Any]
"""One measurement of one thing: its name under `of`, and numbers whose names have their units."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How thoroughly a subject is measured, from its command line."""

    subject: str
    repeats: int
    short: bool
    final: bool
    only: tuple[str, ...] = ()

    @classmethod
    def from_arguments(cls, subject: str, *, repeats: int = 5) -> "Plan":
        """Read the options; by default as many repeats as given, in the short form two."""
        parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{subject}")
        parser.add_argument("--repeats", type=int, help="turns of everything that is compared")
        parser.add_argument("--short", action="store_true", help="small sizes: does it work?")
        parser.add_argument("--only", nargs="+", default=[], help="measure only these")
        parser.add_argument(
            "--final",
            action="store_true",
            help="the machine does nothing else: mark the figures as final",
        )
        given = parser.parse_args()
        end_as_by_ctrl_c()
        turns = given.repeats or (min(2, repeats) if given.short else repeats)
        return cls(subject, turns, given.short, given.final, tuple(given.only))

    def choose(self, names: Iterable[str]) -> list[str]:
        """Return the names that are to be measured."""
        return [name for name in names if not self.only or name in self.only]


@dataclass(slots=True)
class Results:
    """The samples of one subject, as they are written after each of them."""

    plan: Plan
    settings: Mapping[str, Any]
    samples: list[Sample] = field(default_factory=list)
    began_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    machine: dict[str, Any] = field(default_factory=lambda: environment.capture(ROOT))

    def add(self, of: str, **numbers: Any) -> None:
        """Keep a sample, print it, and write the file."""
        self.samples.append({"of": of, **numbers})
        shown = ", ".join(f"{name} {_rounded(number)}" for name, number in numbers.items())
        print(f"{of:32} {shown}", flush=True)
        self.write()

    def medians(self) -> dict[str, dict[str, float]]:
        """Return the median of every number, by what it is of."""
        found: dict[str, dict[str, float]] = {}
        for of in dict.fromkeys(sample["of"] for sample in self.samples):
            mine = [sample for sample in self.samples if sample["of"] == of]
            names = dict.fromkeys(name for sample in mine for name in sample)
            found[of] = {
                name: median(numbers)
                for name in names
                if (numbers := [one[name] for one in mine if _is_number(one.get(name))])
            }
        return found

    def write(self) -> None:
        """Write `benchmarks/results/<subject>.json`, in one step."""
        self.machine["argv"] = None
        arguments = shlex.join(sys.argv[1:])
        content = {
            "schema_version": SCHEMA_VERSION,
            "subject": self.plan.subject,
            "command": f"python -m benchmarks.{self.plan.subject} {arguments}".strip(),
            "final": self.plan.final,
            "short": self.plan.short,
            "began_at": self.began_at,
            "repeats": self.plan.repeats,
            "settings": dict(self.settings),
            "machine": {name: fact for name, fact in self.machine.items() if name != "argv"},
            "medians": self.medians(),
            "samples": self.samples,
        }
        RESULTS.mkdir(exist_ok=True)
        file = RESULTS / f"{self.plan.subject}.json"
        fresh = file.with_suffix(".new")
        fresh.write_text(json.dumps(content, indent=1, default=str) + "\n", encoding="utf-8")
        os.replace(fresh, file)


def end_as_by_ctrl_c() -> None:
    """Let SIGTERM end this process in good order, too: what was started is taken down."""

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _rounded(value: object) -> object:
    return float(f"{value:.4g}") if isinstance(value, float) else value


def cpu_s(*pids: int) -> float:
    """Return the CPU seconds of these processes and all below them, with children that ended."""
    total = 0.0
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            first = psutil.Process(pid)
            for process in (first, *first.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    used = process.cpu_times()
                    total += used.user + used.system
                    total += used.children_user + used.children_system
    return total


@contextmanager
def running(
    argv: Iterable[object],
    *,
    log: Path,
    env: Mapping[str, object] | None = None,
    url: str | None = None,
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a process in this project while the block lasts; begin once `url` answers, if given.

    It gets SIGTERM at the end, and dies with this process. Raise RuntimeError, with its last lines,
    if it ends before it is ready.
    """
    words = [str(word) for word in argv]
    variables = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        **{name: str(value) for name, value in (env or {}).items()},
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            words,
            stdout=output,
            stderr=output,
            cwd=ROOT,
            env=variables,
            start_new_session=True,
            preexec_fn=partial(die_with, os.getpid(), signal.SIGKILL),  # noqa: PLW1509 - takes no lock
        )
    try:
        if url is not None:
            wait_for(partial(_answers, process, url, log))
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _answers(process: "subprocess.Popen[bytes]", url: str, log: Path) -> bool:
    if process.poll() is not None:
        last = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise RuntimeError(f"{shlex.join(map(str, process.args))} ended:\n{last}")  # type: ignore[arg-type]
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - an address of ours
            return bool(answer.status < 300)
    except OSError:
        return False


def free_port() -> int:
    """Return a port of the loopback where nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(
    condition: Callable[[], object], within_s: float = READY_WITHIN_S, poll_s: float = POLL_S
) -> float:
    """Wait until the condition holds; return the seconds it took (TimeoutError: too many)."""
    began_s = time.monotonic()
    while not condition():
        if time.monotonic() - began_s > within_s:
            raise TimeoutError(f"not within {within_s:g} s")
        time.sleep(poll_s)
    return time.monotonic() - began_s
