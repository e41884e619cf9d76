"""What an experiment expects to measure if its hypothesis is true.

An expectation bounds one number from below, from above, or on both sides: a metric of a variant,
how many times that of another variant it is, or how often an invariant of the audit is broken.
`harness.analysis.hypothesis` judges what became of it.
"""

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import Field, model_validator

from harness.scenario.schema import SchemaModel, Text

Bound = Annotated[float, Field(allow_inf_nan=False)]


class Expectation(SchemaModel):
    """A bound of one number: a metric of `of`, its ratio to that of `over`, or offences found."""

    says: Text
    """What is expected, as a sentence without a full stop."""
    of: Text
    """The name of a variant; a point of a sweep is one, such as `queue.replicas-6`."""
    over: Text | None = None
    """Another variant: the bounds are then those of the ratio `of` ÷ `over`."""
    metric: Text | None = None
    """The id of a metric. Give either this or `audit`."""
    audit: Text | None = None
    """The number of an invariant, such as `I1`: its offences are counted over all runs."""
    at_least: Bound | None = None
    """The least that is expected."""
    at_most: Bound | None = None
    """The most that is expected; with `at_least = 0.9` and `at_most = 1.1`, as much up to 10 %."""

    @model_validator(mode="after")
    def _bounds_one_number(self) -> Self:
        if (self.metric is None) == (self.audit is None):
            raise ValueError("state either metric or audit")
        if self.audit is not None and self.over is not None:
            raise ValueError(f'over = "{self.over}": offences are counted, and have no ratio')
        if self.over == self.of:
            raise ValueError(f'over = "{self.over}": a variant is not compared with itself')
        if self.at_least is None and self.at_most is None:
            raise ValueError("at_least and at_most are missing: what is expected?")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(
                f"at_least = {self.at_least:g} is more than at_most = {self.at_most:g}"
            )
        return self


def check_expectations(
    expectations: Sequence[Expectation],
    *,
    hypothesis: str | None,
    has_cases: bool,
    is_contention_test: bool,
) -> None:
    """Raise ValueError for expectations that no campaign of the scenario could judge."""
    if not expectations:
        return
    if hypothesis is None:
        raise ValueError("expectations need a hypothesis: what do they follow from?")
    if has_cases:
        raise ValueError(
            "expectations and cases exclude each other: runs of different cases are not compared"
        )
    for number, one in enumerate(expectations, start=1):
        if is_contention_test and one.metric is not None:
            raise ValueError(
                f'expectations[{number}].metric = "{one.metric}": a contention test has no '
                "metrics, only what the audit counts"
            )
