"""Every seeded regression, measured for real, is answered by the gate as it must be."""

import pytest

from tests.regressions.bench import Answer, Bench
from tests.regressions.catalogue import REGRESSIONS
from tests.regressions.regression import Regression


def check(answer: Answer, regression: Regression) -> None:
    assert answer.exit_code in regression.expected, answer.output
    assert answer.worktrees == 1
    assert answer.left == ()


@pytest.mark.integration
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "regression",
    [
        pytest.param(one, id=one.name, marks=pytest.mark.deploys if one.deploys else ())
        for one in REGRESSIONS
        if one.short
    ],
)
def test_in_a_few_seconds(bench: Bench, regression: Regression) -> None:
    check(bench.answer(regression, short=True), regression)


@pytest.mark.exhaustive
@pytest.mark.timeout(2500)
@pytest.mark.parametrize("regression", REGRESSIONS, ids=lambda one: one.name)
def test_with_the_scenarios_of_the_project(bench: Bench, regression: Regression) -> None:
    check(bench.answer(regression, short=False), regression)
