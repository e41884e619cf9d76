"""Stored campaigns made by hand: what two of them are compared by, without a single run."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from harness.analysis import METRICS, Stored
from harness.analysis.comparison import Side, compare
from harness.analysis.estimates import Estimate, Scalar, estimate
from harness.analysis.summary import SCHEMA_VERSION

Values = Mapping[str, Sequence[float]]
"""What each run says, by metric."""

SYNC: Values = {
    "purchase_latency_p95_ms": (510.0, 540.0, 560.0),
    "confirmed_orders": (400.0, 410.0, 405.0),
    "server_errors": (12.0, 9.0, 15.0),
}
QUEUE: Values = {
    "purchase_latency_p95_ms": (92.0, 88.0, 101.0),
    "confirmed_orders": (1000.0, 1000.0, 1000.0),
    "server_errors": (0.0, 0.0, 0.0),
}

_DESCRIPTION: dict[str, Any] = {
    "schema_version": 2,
    "scenario": {
        "title": "Sale", "description": "", "runs": 3, "seed": 42, "contention": None, "cases": [],
        "product": {"name": "iPhone", "stock": 1000, "per_user_limit": None},
        "stages": [{"name": "rush", "users": 50}, {"name": "peak", "users": 300}],
    },
    "cases": [], "n_blocks": 3, "seed": 42, "same_seed": False,
    "topologies": {
        "sync": {
            "title": "Synchronous", "payment_slots": 4,
            "services": {
                "api": {
                    "image": "shop", "built": True, "replicas": 1, "environment": {"THREADS": "4"},
                    "command": ["python", "-m", "sync"],
                    "limits": {"cpus": None, "memory_bytes": None},
                }
            },
        },
        "queue": {"title": "Queue", "payment_slots": 720, "services": {}},
    },
    "runtime": "local",
    "environment": {
        "cpu_model": "Some CPU", "cores": 2, "python": "3.12.1", "kernel": "Linux 6.1",
        "git": {"revision": "a" * 40, "uncommitted": False}, "argv": ["harness", "run"],
    },
}  # fmt: skip


def variants(*names: str) -> list[dict[str, Any]]:
    """Return the variants of campaign.json that approaches are by default."""
    return [
        {
            "name": name, "title": name.title(), "approach": name, "source": None, "scale": {},
            "settings": {}, "delay_ms": None,
        }
        for name in names
    ]  # fmt: skip


def stored(
    values: Mapping[str, Values] | None = None,
    changes: Mapping[str, Any] | None = None,
    deployments: Sequence[Mapping[str, Any]] = (),
) -> Stored:
    """Return a campaign of `values` by approach; `changes` are to its description, by path."""
    by_approach = {"sync": SYNC, "queue": QUEUE} if values is None else values
    description = copy.deepcopy(_DESCRIPTION)
    description |= {"variants": variants(*by_approach), "baseline": next(iter(by_approach), "")}
    for path, value in (changes or {}).items():
        place: Any = description
        *way, last = path.split("/")
        for name in way:
            place = place[int(name)] if name.isdecimal() else place[name]
        place[last] = value
    told = summary(by_approach)
    description["order"] = [
        {"index": run["index"], "block": run["block"], "variant": variant["name"]}
        for variant in told["variants"]
        for run in variant["runs"]
    ]
    return Stored(description, told, deployments)


def summary(values: Mapping[str, Values]) -> dict[str, Any]:
    """Return the summary of valid and clean runs, one per block and approach."""
    found = {
        name: {metric: an_estimate(metric, said) for metric, said in by_metric.items()}
        for name, by_metric in values.items()
    }
    entries = [
        {
            "name": name,
            "title": name.title(),
            "runs": [
                {"index": n, "block": n, "valid": True, "reasons": [], "audit_verdict": "PASS"}
                for n in range(1, len(next(iter(values[name].values()))) + 1)
            ],
            "metrics": {metric: _plain(one) for metric, one in estimates.items()},
        }
        for name, estimates in found.items()
    ]
    return {
        "schema_version": SCHEMA_VERSION,
        "variants": entries,
        "baseline": next(iter(found), ""),
        "comparisons": _comparisons(found),
        "cases": [],
    }


def an_estimate(metric: str, said: Sequence[float]) -> Estimate:
    """Return the estimate of a metric from one number per run."""
    known = METRICS[metric]
    quantities = [Scalar(value) for value in said]
    return estimate(quantities, [True] * len(said), known.unit, known.scale, known.q)


def _comparisons(found: Mapping[str, Mapping[str, Estimate]]) -> list[dict[str, Any]]:
    def side(name: str, metric: str) -> Side:
        return Side(name, dict(enumerate(found[name][metric].per_run, 1)))

    baseline, *others = found or [""]
    return [
        {
            "baseline": baseline,
            "contender": other,
            "metrics": {
                metric: _plain(
                    compare(METRICS[metric], side(baseline, metric), side(other, metric))
                )
                for metric in found[baseline]
            },
        }
        for other in others
    ]


def _plain(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}
