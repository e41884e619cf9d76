"""What a gate measures and judges, against base and against a stored baseline."""

from dataclasses import replace

from harness.analysis import METRICS
from harness.campaign import Variant
from harness.gate.comparison_modes import AgainstBase, AgainstBaseline, valid_runs
from harness.gate.result import Ruling
from harness.gate.settings import Criterion
from harness.gate.sides import BASE, HEAD
from harness.gate.stored_baseline import Baseline, CampaignSpec, changes
from tests.support.stored import summary, variants

P95 = "purchase_latency_peak_p95_ms"
CRITERIA = (Criterion(METRICS[P95], tolerance=0.15),)
STEADY = [100.0, 101.0, 99.0]


def of(**p95):
    return summary({name: {P95: said} for name, said in p95.items()})


def against(**p95):
    asked = CampaignSpec(
        schema_version=2, created_at="2026-11-25", runtime="local", variants=variants(*p95),
        baseline=next(iter(p95)), seed=42,
        scenario={}, topologies={}, environment={},
    )  # fmt: skip
    kept = Baseline(
        format="flashsale-harness baseline", schema_version=1, description=asked, deployments=[],
        changes=changes(of(**p95)),
    )  # fmt: skip
    return AgainstBaseline([Variant(name, name) for name in p95], CRITERIA, kept)


def test_the_approaches_are_measured_under_their_own_names_and_are_all_head():
    asked = against(sync=STEADY, queue=STEADY)
    assert [one.name for one in asked.contestants] == ["sync", "queue"]
    assert asked.groups == {"ratios": asked.contestants}
    assert asked.side_of("sync") == HEAD


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


COARSE_QUEUE = (Criterion(METRICS[P95], tolerance=0.15, approach={"queue": {"tolerance": 0.5}}),)


def test_an_approach_is_judged_by_amounts_of_its_own():
    pairs = {
        name: tuple(Variant(f"{name}-{side}", name) for side in (BASE, HEAD))
        for name in ("sync", "queue")
    }
    asked = AgainstBase(pairs, [head for _, head in pairs.values()], COARSE_QUEUE)
    assert [asked.side_of(one.name) for one in pairs["sync"]] == [BASE, HEAD]
    slower = [1.3 * x for x in STEADY]
    sides = {"sync-base": STEADY, "sync-head": slower, "queue-base": STEADY, "queue-head": slower}
    sync, queue = asked.rows(summary({name: {P95: said} for name, said in sides.items()}))
    assert (sync.subject, sync.tolerance, sync.ruling) == ("sync", 0.15, Ruling.FAIL)
    assert (queue.subject, queue.tolerance, queue.ruling) == ("queue", 0.5, Ruling.PASS)


def test_a_ratio_is_judged_by_the_amounts_of_its_noisier_approach():
    asked = replace(against(sync=STEADY, queue=STEADY), criteria=COARSE_QUEUE)
    (row,) = asked.rows(of(sync=STEADY, queue=[1.3 * x for x in STEADY]))
    assert (row.tolerance, row.ruling) == (0.5, Ruling.PASS)


def test_a_look_judges_its_own_blocks_also_if_there_are_more_of_them():
    asked = against(sync=STEADY, queue=STEADY)
    later = of(sync=[*STEADY, 100.0, 100.0], queue=[*STEADY, 300.0, 300.0])
    whole = of(sync=STEADY, queue=STEADY)
    assert asked.rows(valid_runs(later, 3)) == asked.rows(valid_runs(whole, 3))
    assert asked.rows(valid_runs(later, 5)) != asked.rows(valid_runs(whole, 3))


def test_a_pair_without_any_valid_run_is_open_and_passes_nothing():
    asked = against(sync=STEADY, queue=STEADY)
    invalid = of(sync=STEADY, queue=STEADY)
    for run in invalid["variants"][1]["runs"]:
        run["valid"] = False
    (row,) = asked.rows(valid_runs(invalid, 3))
    assert (row.ruling, row.kind) == (Ruling.INCONCLUSIVE, "none")
