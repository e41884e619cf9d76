"""What a gate measures and judges against a stored baseline; a look judges its own blocks only."""

from harness.analysis import METRICS
from harness.gate.against import AgainstBaseline, valid_runs
from harness.gate.baseline import Asked, Baseline, changes
from harness.gate.result import Ruling
from harness.gate.settings import Criterion
from harness.gate.sides import HEAD
from tests.stored import summary

P95 = "purchase_latency_peak_p95_ms"
CRITERIA = (Criterion(METRICS[P95], tolerance=0.15),)
STEADY = [100.0, 101.0, 99.0]


def of(**p95):
    return summary({name: {P95: said} for name, said in p95.items()})


def against(**p95):
    asked = Asked(
        schema_version=1, created_at="2026-11-25", runtime="local", approaches=list(p95), seed=42,
        scenario={}, topologies={}, environment={},
    )  # fmt: skip
    kept = Baseline(
        format="flashsale-harness baseline", schema_version=1, description=asked, deployments=[],
        changes=changes(of(**p95)),
    )  # fmt: skip
    return AgainstBaseline(tuple(p95), CRITERIA, kept)


def test_the_approaches_are_measured_under_their_own_names_and_are_all_head():
    asked = against(sync=STEADY, queue=STEADY)
    assert asked.groups == {"ratios": ("sync", "queue")}
    assert asked.contestants == ("sync", "queue")
    assert asked.side_of("sync") == ("sync", HEAD)


def test_each_approach_is_compared_with_each_that_was_measured():
    asked = against(sync=STEADY, queue=STEADY, stream=STEADY)
    assert len(asked.rows(of(sync=STEADY, queue=STEADY, stream=STEADY))) == 3
    (row,) = asked.rows(of(sync=STEADY, stream=[2 * x for x in STEADY]))
    assert (row.subject, row.ruling) == ("stream ÷ sync", Ruling.FAIL)


def test_a_slower_machine_is_no_regression_but_a_slower_approach_is():
    asked = against(sync=STEADY, queue=STEADY)
    twice = [2 * x for x in STEADY]
    (row,) = asked.rows(of(sync=twice, queue=twice))
    assert row.ruling is Ruling.PASS
    (row,) = asked.rows(of(sync=STEADY, queue=twice))
    assert row.ruling is Ruling.FAIL


def test_a_look_judges_its_own_blocks_also_if_there_are_more_of_them():
    asked = against(sync=STEADY, queue=STEADY)
    later = of(sync=[*STEADY, 100.0, 100.0], queue=[*STEADY, 300.0, 300.0])
    whole = of(sync=STEADY, queue=STEADY)
    assert asked.rows(valid_runs(later, 3)) == asked.rows(valid_runs(whole, 3))
    assert asked.rows(valid_runs(later, 5)) != asked.rows(valid_runs(whole, 3))


def test_a_pair_without_any_valid_run_is_open_and_passes_nothing():
    asked = against(sync=STEADY, queue=STEADY)
    spoilt = of(sync=STEADY, queue=STEADY)
    for run in spoilt["approaches"][1]["runs"]:
        run["valid"] = False
    (row,) = asked.rows(valid_runs(spoilt, 3))
    assert (row.ruling, row.kind) == (Ruling.INCONCLUSIVE, "none")
