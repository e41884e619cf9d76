"""What a self-test comes to: each of its failures, and no other, has the exit code it must have."""

import pytest

from harness.analysis.outcomes import Outcome
from harness.errors import ExitCode
from harness.selftest.selftest_judgement import judge
from tests.support.summaries import a_summary

P50, P95, MEAN = (f"purchase_latency_{name}_ms" for name in ("p50", "p95", "avg"))
FAST = {P50: [5.0, 5.1, 4.9], P95: [9.0, 9.2, 9.1], MEAN: [6.0, 6.1, 5.9]}
SLOW = {P50: [25.0, 25.2, 25.1], P95: [29.0, 29.3, 29.2], MEAN: [26.1, 26.0, 26.0]}
NOISY = {P50: [5.0, 9.0, 3.0]}


def judged(first=FAST, second=FAST, slowed=SLOW, **rest):
    copies = {"first": first, "second": second, "slowed": slowed}
    return judge(a_summary(copies, 3, **rest))


def test_a_machine_that_can_tell_a_difference_from_none():
    found = judged()
    assert found.exit_code is ExitCode.OK
    assert {row.outcome for row in found.same} == {Outcome.ALIKE}
    assert next(row for row in found.control if row.metric == P50).outcome is Outcome.WORSE


def test_a_difference_between_equals_is_a_broken_measurement():
    found = judged(second=SLOW)
    assert found.exit_code is ExitCode.INVALID
    assert "second: Purchase latency (acknowledgement), p50" in found.statement


@pytest.mark.parametrize("missed", [FAST, {**SLOW, P50: [1.0, 1.01, 1.0]}])
def test_an_injected_delay_that_is_not_found_is_a_broken_measurement(missed):
    found = judged(slowed=missed)
    assert found.exit_code is ExitCode.INVALID
    assert "not found" in found.statement


@pytest.mark.parametrize(
    "copies",
    [{"second": {**FAST, **NOISY}}, {"slowed": {**SLOW, P50: [25.0, 4.0, 60.0]}}],
    ids=["equals", "control"],
)
def test_too_much_noise_decides_nothing(copies):
    found = judged(**copies)
    assert found.exit_code is ExitCode.INCONCLUSIVE
    assert "p50" in found.statement


def test_noise_elsewhere_in_the_slowed_copy_does_not_matter():
    assert judged(slowed={**SLOW, P95: [29.0, 4.0, 90.0]}).exit_code is ExitCode.OK


@pytest.mark.parametrize("sides", [{"invalid": ["second"]}, {"unranked": ["slowed"]}])
def test_runs_that_do_not_count_are_an_invalid_measurement(sides):
    assert judged(**sides).exit_code is ExitCode.INVALID


def test_a_failed_audit_outranks_everything():
    assert judged(second=SLOW, audit="FAIL").exit_code is ExitCode.CORRECTNESS


def test_the_delay_is_the_mean_difference_within_blocks():
    delay = judged().delay
    assert delay.measured_ms == pytest.approx(20.0333, abs=1e-3)
    assert delay.is_met
    off = judged(slowed={**SLOW, MEAN: [31.0, 31.1, 30.9]}).delay
    assert not off.is_met
    assert off.off_ms == pytest.approx(5.0)


def test_one_block_has_no_interval_of_the_delay():
    one = {name: values[:1] for name, values in FAST.items()}
    slow = {name: values[:1] for name, values in SLOW.items()}
    found = judge(a_summary({"first": one, "second": one, "slowed": slow}, 1))
    assert found.delay is None
    assert found.exit_code is ExitCode.INCONCLUSIVE
