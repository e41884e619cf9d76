"""Every invariant has seen a history that breaks it, and no other invariant cried."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.audit import INVARIANTS, audit, verdict
from harness.results.findings import Verdict
from harness.results.store import RunData
from tests.defects import DEFECTS, Defect, undrained
from tests.support.histories import make_run

CASES = [(name, approach) for name, one in DEFECTS.items() for approach in one.approaches]


@cache
def clean_run(approach: str, seed: int, **arguments: int) -> RunData:
    return make_run(approach, seed=seed, **arguments)


def broken(one: Defect, approach: str, seed: int, pick: int) -> RunData:
    return one.apply(clean_run(approach, seed, **one.run), pick)


def not_passed(run: RunData) -> dict[str, Verdict]:
    return {f.id: f.verdict for f in audit(run) if f.verdict is not Verdict.PASS}


@pytest.mark.parametrize(("name", "approach"), CASES)
def test_a_defect_is_seen_by_exactly_the_invariant_meant_for_it(name: str, approach: str) -> None:
    one = DEFECTS[name]
    run = broken(one, approach, seed=1, pick=0)
    assert not_passed(run) == dict.fromkeys({one.invariant} | one.also, Verdict.FAIL)


@given(case=st.sampled_from(CASES), seed=st.integers(1, 6), pick=st.integers(0, 40))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_any_one_defect_in_any_run_is_seen_for_what_it_is(
    case: tuple[str, str], seed: int, pick: int
) -> None:
    one = DEFECTS[case[0]]
    found = not_passed(broken(one, case[1], seed, pick))
    assert found[one.invariant] is Verdict.FAIL
    assert found.keys() <= {one.invariant} | one.also


def test_every_invariant_has_a_known_bad_history() -> None:
    run = clean_run("queue", 1)
    assert {one.invariant for one in DEFECTS.values()} == {
        invariant(run).id for invariant in INVARIANTS
    }


def test_an_offence_is_counted_and_shown() -> None:
    run = broken(DEFECTS["gateway_of_another_seed"], "queue", seed=1, pick=0)
    finding = next(finding for finding in audit(run) if finding.id == "I7")
    assert finding.count > 10
    assert len(finding.examples) == 10
    assert finding.examples[0]["what"] in finding.summary
    assert verdict(audit(run)) is Verdict.FAIL


def test_a_run_that_did_not_drain_fails_for_its_backlog_alone() -> None:
    run = undrained(clean_run("queue", 1), 3)
    findings = {finding.id: finding for finding in audit(run)}
    failed = {name for name, finding in findings.items() if finding.verdict is Verdict.FAIL}
    assert failed == {"I3", "I11"}
    assert findings["I3"].count == 3
    assert findings["I2"].verdict is Verdict.UNKNOWN
    assert "work under way explains" in findings["I2"].summary
