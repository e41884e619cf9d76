"""Stored campaigns for tests of the report: simulated runs, saved, audited and summarised."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness.analysis import check_laws, summarise, validity
from harness.audit import audit
from harness.results.findings import Finding
from harness.results.store import Campaign, RunData
from tests.support.histories import make_run

ENVIRONMENT = {
    "cpu_model": "Some CPU", "cores": 2, "memory_bytes": 8_000_000_000, "kernel": "Linux 6.1",
    "virtualised": True, "python": "3.12.1", "versions": {"locust": "2.42.0"},
    "harness_version": "0.1.0", "git": {"revision": "0" * 40, "uncommitted": False},
    "argv": ["harness", "run", "quick"],
}  # fmt: skip

Judge = Callable[[RunData], list[Finding]]


def simulated(
    approaches: Sequence[str] = ("sync", "queue"), blocks: int = 3, **load: Any
) -> list[RunData]:
    """Return the runs of a campaign in blocks, the order of each block turned round."""
    runs: list[RunData] = []
    for block in range(1, blocks + 1):
        order = list(approaches) if block % 2 else list(approaches)[::-1]
        for approach in order:
            runs.append(make_run(approach, index=len(runs) + 1, block=block, **load))
    return runs


def store(path: Path, runs: Sequence[RunData], judge: Judge = audit) -> Campaign:
    """Save runs as a finished campaign with its summary."""
    record = runs[0].record
    campaign = Campaign.create(
        path,
        {
            "scenario": record["scenario"],
            "title": record["scenario"]["title"],
            "approaches": sorted({run.approach for run in runs}),
            "n_blocks": max(run.record["block"] for run in runs),
            "seed": record["seed"],
            "scale": {},
            "settings": {"payment-worker.CONCURRENCY": "20"},
            "order": [
                {
                    "index": run.index,
                    "block": run.record["block"],
                    "approach": run.approach,
                    "case": run.record["case"],
                }
                for run in runs
            ],
            "topologies": {run.approach: run.record["topology"] for run in runs},
            "runtime": "local",
            "environment": ENVIRONMENT,
            "created_at": "2025-10-09T08:50:00+00:00",
        },
    )
    findings: dict[int, list[Finding]] = {}
    for run in runs:
        run.record["validity"] = validity(run, check_laws(run))
        findings[run.index] = judge(run)
        campaign.save_run(run, findings[run.index], {})
    campaign.write_json(
        "summary.json", summarise(campaign.description(), campaign.load_runs(), findings)
    )
    return campaign
