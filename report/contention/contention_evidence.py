"""A stored campaign of contention tests, reduced to what its report shows."""

from pathlib import Path

import numpy as np
import pandas as pd

from harness.analysis.run_facts import RunFacts, floats
from harness.results.findings import Verdict, correctness
from harness.results.store import Campaign, RunData, load_findings, load_run
from report.evidence import Durations, Evidence, Run, Variant, read_summary


class ContentionEvidence(Evidence):
    """The evidence of a report, with a contention test in place of stages."""

    @property
    def runs(self) -> tuple[Run, ...]:
        """Return every run."""
        return tuple(run for variant in self.variants for run in variant.runs)

    @property
    def workload(self) -> str:
        """Return what every table says of its load and its number of runs."""
        contention = self.summary["contention"]
        counts = [len(variant.runs) for variant in self.variants]
        n = " + ".join(str(count) for count in counts) if len(set(counts)) > 1 else counts[0]
        return (
            f"contention test: {contention['sales']} sales of {contention['stock_min']} to "
            f"{contention['stock_max']} units per run, {contention['buyers']} buyers at once, "
            f"n = {n} run{'' if n == 1 else 's'} per variant"
        )


def read(campaign_dir: Path) -> ContentionEvidence:
    """Read a campaign's folder; raise UsageError naming the file that is missing or broken."""
    campaign = Campaign.open(campaign_dir)
    summary = read_summary(campaign_dir)
    counted = {run["index"]: run for entry in summary["variants"] for run in entry["runs"]}
    runs: dict[str, list[Run]] = {}
    for folder in campaign.run_folders():
        data = load_run(folder)
        if data.index in counted:
            shown = _run(data, folder, valid=counted[data.index]["valid"])
            runs.setdefault(data.variant, []).append(shown)
    variants = tuple(
        Variant(
            name=entry["name"],
            title=entry["title"],
            position=position,
            ranked=True,  # nothing is ranked, and nobody is left out for it
            facts=entry,
            runs=tuple(runs.get(entry["name"], ())),
        )
        for position, entry in enumerate(summary["variants"])
    )
    return ContentionEvidence(campaign.description(), summary, variants, ())


def _run(data: RunData, folder: Path, *, valid: bool) -> Run:
    findings = tuple(load_findings(folder))
    failed = correctness(findings) is Verdict.FAIL
    troubles = ["invalid"] * (not valid) + ["audit FAIL"] * failed
    return Run(
        index=data.index,
        block=data.record.block,
        counts=valid,
        trouble=", ".join(troubles),
        seconds=pd.DataFrame(),
        purchase_ms=_answers(data),
        order_time_s=Durations(np.empty(0)),
        findings=findings,
        record=data.record,
    )


def _answers(data: RunData) -> Durations:
    """Return how long each request to buy took, and how many had no answer."""
    bought = RunFacts(data).purchases
    answered = bought["answered"].to_numpy(dtype=np.bool_)
    latency_ms = floats(bought[answered], "latency_ms")
    return Durations(np.sort(latency_ms), int((~answered).sum()))
