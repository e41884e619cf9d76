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


def variant(run: RunData) -> dict[str, Any]:
    """Return the variant of a run as campaign.json has it."""
    topology = run.record.topology
    settings = {"payment-worker.CONCURRENCY": "20"} if topology["has_redis"] else {}
    return {
        "name": run.variant, "title": topology["title"],
        "approach": run.approach, "source": None, "scale": {}, "settings": settings,
        "delay_ms": None,
    }  # fmt: skip


def store(path: Path, runs: Sequence[RunData], judge: Judge = audit, **described: Any) -> Campaign:
    """Save runs as a finished campaign with its summary; `described` is said of it as well."""
    record = runs[0].record
    by_variant = {run.variant: run for run in reversed(runs)}
    topologies = {name: run.record.topology for name, run in by_variant.items()}
    ordered = sorted(
        dict.fromkeys(run.variant for run in runs), key=lambda name: topologies[name]["containers"]
    )
    campaign = Campaign.create(
        path,
        {
            "scenario": record.scenario,
            "title": record.scenario["title"],
            "variants": [variant(by_variant[name]) for name in ordered],
            "baseline": ordered[0],
            "n_blocks": max(run.record.block for run in runs),
            "seed": record.seed,
            "order": [
                {
                    "index": run.index,
                    "block": run.record.block,
                    "variant": run.variant,
                    "case": run.record.case,
                }
                for run in runs
            ],
            "topologies": topologies,
            "runtime": "local",
            "environment": ENVIRONMENT,
            "created_at": "2025-10-09T08:50:00+00:00",
            **described,
        },
    )
    findings: dict[int, list[Finding]] = {}
    for run in runs:
        laws = check_laws(run)
        run.record.validity = validity(run, laws)
        findings[run.index] = judge(run)
        campaign.save_run(run, findings[run.index], {})
    campaign.write_json(
        "summary.json", summarise(campaign.description(), campaign.load_runs(), findings)
    )
    return campaign
