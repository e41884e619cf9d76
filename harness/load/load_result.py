"""Collects what the generators wrote into tables: the request log of a run."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.errors import InfrastructureError
from harness.load.load_plan import AnyPlan, ContentionPlan, plan_from_json
from harness.load.load_workers import WORKERS_FILE
from harness.load.request_log import (
    BUYER_TYPES,
    CLOCK_COLUMNS,
    REQUEST_TYPES,
    end_file_of,
    rows_of,
)

_PROCESS = {"process": "int16"}
_REQUEST_TYPES = _PROCESS | {"stage": "int16"} | REQUEST_TYPES
_BUYER_TYPES = _PROCESS | BUYER_TYPES
_CLOCK_TYPES = {"t_s": "float64", "planned": "float64", "active": "int32", "alive": "int32"}


@dataclass(frozen=True, slots=True)
class LoadResult:
    """The client's side of a load; times in ns relative to its start.

    The stage of a request is that in which it was sent, counted from 1; in a contention test, its
    sale.
    """

    requests: pd.DataFrame
    buyers: pd.DataFrame
    clock: pd.DataFrame
    recorded: int
    """Requests that the generators counted when they recorded them."""
    locust_requests: int
    """Requests that Locust counted by its own request event."""
    workers: list[dict[str, Any]] = field(default_factory=list)
    """The processes that ran on other machines, as the master describes them."""


def collect(out_dir: Path) -> LoadResult:
    """Read the logs of all generators of a load.

    Raises InfrastructureError if one is incomplete: a generator that was killed, or that had to
    kill a buyer in the middle of a request.
    """
    plan = plan_from_json((out_dir / "plan.json").read_text("utf-8"))
    ends = [_read_end(out_dir, process) for process in range(plan.load.processes)]
    clock = _merge_clocks(_read(out_dir, "clock", CLOCK_COLUMNS, plan.load.processes))
    requests = _read(out_dir, "requests", REQUEST_TYPES, plan.load.processes)
    sent_ns = requests["sent_ns"].to_numpy(dtype=np.int64)
    requests["stage"] = np.searchsorted(_bounds_ns(plan, clock), sent_ns, side="right")
    requests = requests[list(_REQUEST_TYPES)].astype(_REQUEST_TYPES)
    buyers = _read(out_dir, "buyers", BUYER_TYPES, plan.load.processes)
    return LoadResult(
        requests=requests.sort_values(["done_ns", "user"], kind="stable", ignore_index=True),
        buyers=buyers.astype(_BUYER_TYPES).sort_values("user", kind="stable", ignore_index=True),
        clock=clock,
        recorded=sum(end["recorded"] for end in ends),
        locust_requests=sum(end["locust"] for end in ends),
        workers=_read_workers(out_dir),
    )


def _bounds_ns(plan: AnyPlan, clock: pd.DataFrame) -> "np.ndarray[Any, np.dtype[np.int64]]":
    """Return when stages began and ended as planned, or when each sale began, in ns."""
    if isinstance(plan, ContentionPlan):
        return np.rint(clock["t_s"].to_numpy(dtype=np.float64) * 1e9).astype(np.int64)
    return np.asarray(plan.schedule.bounds_ns, dtype=np.int64)


def _read_workers(out_dir: Path) -> list[dict[str, Any]]:
    path = out_dir / WORKERS_FILE
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8")) if path.exists() else []
    return found


def _read_end(out_dir: Path, process: int) -> dict[str, int]:
    path = end_file_of(out_dir, process)
    try:
        end: dict[str, int] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise InfrastructureError(
            f"the request log of load generator {process} is incomplete: {path} is missing",
            "the generator was killed; repeat the run",
        ) from None
    if end["killed"]:
        raise InfrastructureError(
            f"{end['killed']} buyers of load generator {process} had to be killed in mid-action",
            "the generator could not keep up; use more load.processes or a larger machine",
        )
    return end


def _read(out_dir: Path, table: str, columns: Iterable[str], processes: int) -> pd.DataFrame:
    rows = [
        [process, *row] for process in range(processes) for row in rows_of(out_dir, table, process)
    ]
    return pd.DataFrame(rows, columns=["process", *columns])


def _merge_clocks(clocks: pd.DataFrame) -> pd.DataFrame:
    """Add up the clocks of all processes, instant by instant.

    A process that missed an instant (it was stalled) still had whom it had before; its last row
    says that everybody has left.
    """
    if clocks.empty:
        return pd.DataFrame(columns=list(_CLOCK_TYPES)).astype(_CLOCK_TYPES)
    instants = pd.Index(sorted(clocks["instant_s"].unique()), name="instant_s")
    filled = [
        clock.set_index("instant_s").reindex(instants).ffill().dropna()
        for _, clock in clocks.groupby("process")
    ]
    by_instant = pd.concat(filled).groupby(level="instant_s")
    merged = by_instant.agg({"t_s": "max", "planned": "mean", "active": "sum", "alive": "sum"})
    complete = merged[(by_instant.size() == len(filled)).to_numpy()]
    return complete.reset_index(drop=True).astype(_CLOCK_TYPES)
