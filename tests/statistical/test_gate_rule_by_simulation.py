"""Whole gates with a known truth: looks after 3, 5 and 8 blocks, and the confirmation of failures.

Log p95 of a run varies from run to run, and a drift of the machine moves all runs of a block. A
false alarm is a gate that fails although head is base.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from harness.analysis import METRICS
from harness.gate.result import Row, Ruling
from harness.gate.rule import LOOKS, confirm, is_decided, judge
from harness.gate.settings import Criterion, load_settings

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.statistical, pytest.mark.slow]

DRIFT_SD = 0.10
GATES = 500
P95 = Criterion(METRICS["purchase_latency_peak_p95_ms"], tolerance=0.15)


@dataclass(frozen=True)
class Ended:
    """How a gate ended, and after how many blocks, the confirmation not counted."""

    ruling: Ruling
    blocks: int
    has_failed_once: bool


def held(
    sds: Sequence[float],
    ratio: float,
    rng: np.random.Generator,
    confirming: Sequence[int] | None = LOOKS,
    criteria: Sequence[Criterion] = (),
) -> Ended:
    """Hold a gate on metrics whose runs vary by `sds`; head is `ratio` times base in the first.

    `confirming` are the looks of the confirmation; null: as many blocks as it took to fail.
    """
    criteria = criteria or [P95] * len(sds)
    ratios = np.array([ratio, *[1.0] * (len(sds) - 1)])
    rows, blocks = _looked(sds, ratios, LOOKS, range(len(sds)), rng, criteria)
    failed = [place for place, row in enumerate(rows) if row.ruling is Ruling.FAIL]
    if failed:
        again, _ = _looked(sds, ratios, confirming or [blocks], failed, rng, criteria)
        for place in failed:
            rows[place] = confirm(rows[place], again[place])
    found = {row.ruling for row in rows}
    worst = next(r for r in (Ruling.FAIL, Ruling.INCONCLUSIVE, Ruling.PASS) if r in found)
    return Ended(worst, blocks, bool(failed))


def _looked(
    sds: Sequence[float],
    ratios: np.ndarray,
    looks: Sequence[int],
    asked: Sequence[int],
    rng: np.random.Generator,
    criteria: Sequence[Criterion],
) -> tuple[list[Row], int]:
    """Return the last look, and its blocks: the first that decides the metrics that are asked."""
    measured = _measured(sds, ratios, looks[-1], rng)
    for blocks in looks:
        rows = _rows(measured, blocks, criteria)
        if is_decided([rows[place] for place in asked]):
            break
    return rows, blocks


def _measured(
    sds: Sequence[float], ratios: np.ndarray, blocks: int, rng: np.random.Generator
) -> np.ndarray:
    """Return base and head of every metric in every block."""
    drift = rng.normal(0, DRIFT_SD, (1, 1, blocks))
    noise = rng.normal(0, 1, (2, len(sds), blocks)) * np.array(sds)[None, :, None]
    values: np.ndarray = np.exp(drift + noise)
    values[1] *= ratios[:, None]
    return values


def _rows(measured: np.ndarray, blocks: int, criteria: Sequence[Criterion]) -> list[Row]:
    base, head = measured[:, :, :blocks].tolist()
    return [
        judge(criterion, str(place), dict(enumerate(before)), dict(enumerate(after)))
        for place, (criterion, before, after) in enumerate(zip(criteria, base, head, strict=True))
    ]


def many(
    sds: Sequence[float], ratio: float, confirming: Sequence[int] | None = LOOKS
) -> list[Ended]:
    """Hold many gates."""
    rng = np.random.default_rng(20261125)
    return [held(sds, ratio, rng, confirming) for _ in range(GATES)]


def share(ended: Sequence[Ended], ruling: Ruling) -> float:
    return sum(one.ruling is ruling for one in ended) / len(ended)


@pytest.mark.parametrize("run_sd", [0.03, 0.05])
def test_of_two_equals_in_eight_metrics_at_most_1_percent_of_gates_fail(run_sd):
    assert share(many([run_sd] * 8, 1.0), Ruling.FAIL) <= 0.01


def test_in_noise_of_the_size_of_the_tolerance_only_the_confirmation_keeps_gates_from_failing():
    """Known bad: what would be reported without it."""
    ended = many([0.10] * 8, 1.0)
    assert sum(one.has_failed_once for one in ended) / GATES > 0.05
    assert share(ended, Ruling.FAIL) <= 0.01


@pytest.mark.parametrize("run_sd", [0.03, 0.05])
def test_what_is_25_percent_slower_in_one_of_eight_metrics_is_found(run_sd):
    assert share(many([run_sd] * 8, 1.25), Ruling.FAIL) > 0.99


def test_what_is_20_percent_slower_is_found():
    assert share(many([0.03] * 8, 1.20), Ruling.FAIL) > 0.99
    assert share(many([0.05] * 8, 1.20), Ruling.FAIL) > 0.90


def test_a_confirmation_by_as_many_blocks_as_it_took_would_miss_what_is_there():
    """Known bad: three blocks that see 25 % by luck are followed by three that do not."""
    assert share(many([0.05] * 8, 1.25, confirming=None), Ruling.FAIL) < 0.85


# Of one metric: run SD, true ratio; seen to fail, PASS, and mean blocks, before the confirmation.
EXPECTED = [
    (0.03, 1.00, 0.00, 1.00, 3.7),
    (0.03, 1.10, 0.03, 0.68, 6.5),
    (0.03, 1.25, 1.00, 0.00, 3.1),
    (0.03, 1.50, 1.00, 0.00, 3.0),
    (0.05, 1.00, 0.00, 0.995, 4.8),
    (0.05, 1.10, 0.12, 0.32, 6.9),
    (0.05, 1.25, 1.00, 0.00, 3.7),
    (0.05, 1.50, 1.00, 0.00, 3.1),
    (0.10, 1.00, 0.01, 0.63, 6.7),
    (0.10, 1.10, 0.22, 0.13, 7.2),
    (0.10, 1.25, 0.93, 0.00, 5.5),
    (0.10, 1.50, 1.00, 0.00, 3.9),
]


@pytest.mark.parametrize(("run_sd", "ratio", "failing", "passing", "blocks"), EXPECTED)
def test_one_metric_ends_as_often_and_as_soon_as_was_planned(
    run_sd, ratio, failing, passing, blocks
):
    ended = many([run_sd], ratio)
    assert sum(one.has_failed_once for one in ended) / GATES == pytest.approx(failing, abs=0.05)
    assert share(ended, Ruling.PASS) == pytest.approx(passing, abs=0.07)
    assert np.mean([one.blocks for one in ended]) == pytest.approx(blocks, abs=0.3)


# Standard deviations of the logarithm from run to run, as two gates of equals measured them on the
# virtual machine of docs/ci.md: those of the ratios within blocks, divided by the root of two.
NOISE = {
    "quieter": {
        "sync": {
            "purchase_latency_peak_p95_ms": 0.005,
            "order_time_p95_s": 0.004,
            "selling_cpu_s_per_order": 0.075,
        },
        "queue": {
            "purchase_latency_peak_p95_ms": 0.081,
            "order_time_p95_s": 0.057,
            "selling_cpu_s_per_order": 0.068,
        },
    },
    "busier": {
        "sync": {
            "purchase_latency_peak_p95_ms": 0.008,
            "order_time_p95_s": 0.009,
            "selling_cpu_s_per_order": 0.110,
        },
        "queue": {
            "purchase_latency_peak_p95_ms": 0.144,
            "order_time_p95_s": 0.076,
            "selling_cpu_s_per_order": 0.071,
        },
    },
}
CRITERIA = {one.metric.id: one for one in load_settings(ROOT / "gate.toml").criteria}


def gate_of_equals(hour: str, rng: np.random.Generator) -> Ruling:
    """Hold the gate of this project on equals, each approach with looks of its own."""
    ended = [
        held(list(sds.values()), 1.0, rng, criteria=[CRITERIA[one].of(name) for one in sds]).ruling
        for name, sds in NOISE[hour].items()
    ]
    return next(r for r in (Ruling.FAIL, Ruling.INCONCLUSIVE, Ruling.PASS) if r in ended)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("hour", list(NOISE))
def test_twenty_gates_of_equals_have_no_false_alarm(hour, seed):
    rng = np.random.default_rng(seed)
    ended = [gate_of_equals(hour, rng) for _ in range(20)]
    assert ended.count(Ruling.FAIL) == 0
    assert ended.count(Ruling.INCONCLUSIVE) <= {"quieter": 2, "busier": 8}[hour]
