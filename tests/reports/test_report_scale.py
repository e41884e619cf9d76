"""`harness report` of much: how long it computes, and what memory it takes, from outside."""

import multiprocessing
import os
import sys
from pathlib import Path

import pytest

from tests.golden.campaigns import store
from tests.support.long_sale import long_run

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(1800)]

HARNESS = Path(sys.executable).with_name("harness")
SIX_RUNS_CPU_S = 15.0
ONE_LONG_RUN_CPU_S = 60.0
ONE_LONG_RUN_BYTES = 1.8e9


def saved(path: Path, requests: int, users: int, approaches: tuple[str, ...]) -> None:
    """Save a campaign of long runs that were not audited."""
    runs = []
    for index, approach in enumerate(approaches, start=1):
        run = long_run(requests, users, index=index, approach=approach)
        run.record.block = (index + 1) // 2
        runs.append(run)
    store(path, runs, judge=lambda run: [])


def made(path: Path, *arguments: object) -> Path:
    """Save such a campaign from another process: what this one held would count as the report's."""
    process = multiprocessing.get_context("spawn").Process(target=saved, args=(path, *arguments))
    process.start()
    process.join()
    assert process.exitcode == 0
    return path


def reported(path: Path) -> tuple[float, float]:
    """Rebuild a report in a process of its own; return its CPU seconds and its largest memory."""
    pid = os.posix_spawn(
        HARNESS,
        [HARNESS, "report", path],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, _, used = os.wait4(pid, 0)
    assert (path / "report" / "index.html").exists()
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024.0


def test_six_runs_of_60_000_requests(tmp_path):
    path = made(tmp_path / "six", 60_000, 200, ("sync", "queue", "queue", "sync", "sync", "queue"))
    cpu_s, _ = reported(path)
    assert cpu_s <= SIX_RUNS_CPU_S


def test_one_run_of_5_million_requests(tmp_path):
    path = made(tmp_path / "five", 5_000_000, 1000, ("queue",))
    cpu_s, memory_bytes = reported(path)
    assert cpu_s <= ONE_LONG_RUN_CPU_S
    assert memory_bytes <= ONE_LONG_RUN_BYTES
