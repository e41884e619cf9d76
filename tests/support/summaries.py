"""Summaries made by hand: as much of summary.json as decisions are made from."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from harness.analysis import METRICS
from harness.analysis.comparison import Side, compare
from harness.analysis.looks import PRIMARY
from harness.analysis.summary import plain

Values = Mapping[str, Sequence[float | None]]
"""What each run of an approach says, by metric; a metric that is left out is 100 in each run."""


def a_summary(
    values: Mapping[str, Values],
    blocks: int,
    *,
    unranked: Collection[str] = (),
    invalid: Collection[str] = (),
    audit: str = "PASS",
) -> dict[str, Any]:
    """Return the summary of one run per approach and block."""
    metrics = dict.fromkeys([*PRIMARY, *(name for said in values.values() for name in said)])
    said = {
        name: {metric: given.get(metric, [100.0] * blocks) for metric in metrics}
        for name, given in values.items()
    }
    sides = {
        (name, metric): Side(
            name,
            dict(enumerate(per_run, start=1)),
            is_ranked=name not in (*unranked, *invalid),
            is_valid=name not in invalid,
        )
        for name, by_metric in said.items()
        for metric, per_run in by_metric.items()
    }
    baseline, *others = said or [""]
    pairs = [
        {
            "baseline": baseline,
            "contender": other,
            "metrics": {
                metric: asdict(
                    compare(METRICS[metric], sides[baseline, metric], sides[other, metric])
                )
                for metric in metrics
            },
        }
        for other in others
    ]
    summary = {
        "metrics": {metric: {"title": METRICS[metric].title} for metric in metrics},
        "variants": [
            {
                "name": name,
                "ranked": name not in (*unranked, *invalid),
                "audit_verdict": audit,
                "runs": [
                    {"block": block, "counted": True, "valid": name not in invalid}
                    for block in range(1, blocks + 1)
                ],
                "metrics": {
                    metric: {"value": per_run[0], "per_run": per_run}
                    for metric, per_run in by_metric.items()
                },
            }
            for name, by_metric in said.items()
        ],
        "baseline": baseline,
        "comparisons": pairs,
    }
    clean: dict[str, Any] = plain(summary)
    return clean
