"""Stored campaigns of many nights made by hand, in memory and on disk, without a single run."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from harness.analysis import Stored
from harness.analysis.summary import plain
from harness.results.store import Campaign, run_folder_name, write_json
from tests.support.histories import make_run
from tests.support.stored import stored

FIRST_NIGHT = datetime(2026, 9, 1, 2, tzinfo=UTC)
LEVELS = {
    "sync": {
        "purchase_latency_peak_p95_ms": 530.0,
        "order_time_p95_s": 1.2,
        "selling_cpu_s_per_order": 0.21,
    },
    "queue": {
        "purchase_latency_peak_p95_ms": 41.0,
        "order_time_p95_s": 3.1,
        "selling_cpu_s_per_order": 0.34,
    },
}
BLOCKS = 3


def night(
    position: int,
    factors: Mapping[str, Mapping[str, float]] | None = None,
    sd: float = 0.05,
    changes: Mapping[str, Any] | None = None,
) -> Stored:
    """Return the campaign of a night: each approach at its level times a factor, by metric.

    Nights vary with a standard deviation of `sd`, the runs of one hardly.
    """
    rng = np.random.default_rng(position)
    values = {}
    for approach, by_metric in LEVELS.items():
        values[approach] = {
            metric: (
                level
                * (factors or {}).get(approach, {}).get(metric, 1.0)
                * np.exp(rng.normal(0, sd) + rng.normal(0, 0.005, BLOCKS))
            ).tolist()
            for metric, level in by_metric.items()
        }
        values[approach]["http_error_rate_pct"] = [0.0] * BLOCKS
    described = {
        "created_at": (FIRST_NIGHT + timedelta(days=position)).isoformat(timespec="seconds"),
        "environment/git/revision": f"{position:07d}" + 33 * "a",
        **(changes or {}),
    }
    return stored(values, described)


def spoil(one: Stored, *, audit: str = "FAIL") -> Stored:
    """Return the campaign with an audit of its first run that did not pass."""
    one.summary["variants"][0]["runs"][0]["audit_verdict"] = audit
    return one


def store(folder: Path, one: Stored) -> Path:
    """Save a campaign with as much of its runs as its summary is held against."""
    campaign = Campaign.create(folder, one.description)
    for run in one.description["order"]:
        path = folder / "runs" / run_folder_name(run["index"], run["variant"])
        path.mkdir()
        write_json(path / "run.json", _record(run["variant"]) | run)
    campaign.write_json("summary.json", plain(one.summary))
    return folder


@cache
def _record(approach: str) -> dict[str, Any]:
    return make_run(approach).record.as_json()


def slower(position: int, since: int, factor: float = 1.34) -> Stored:
    """Return a night of a history in which the queue's purchases are slower since a night."""
    factors = {"queue": {"purchase_latency_peak_p95_ms": factor}} if position >= since else None
    return night(position, factors)
