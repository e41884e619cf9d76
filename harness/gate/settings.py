"""gate.toml: on which metrics a gate decides, and how much worse head may be than base.

A tolerance is a share of a ratio: 0.15 lets head be 15 % worse. Where a value may be zero there is
no ratio; then `points` say it in the metric's unit. `limit` is what head must not be beyond,
whatever base is: for a catastrophe, so it should be generous. An approach that is noisier than the
others may have amounts of its own.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Self

from pydantic import AliasChoices, Field, model_validator

from harness.analysis import METRICS
from harness.analysis.metric import Metric
from harness.errors import UsageError
from harness.scenario.schema import SchemaModel, Text, read_table

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
_EXAMPLE = "an example is gate.toml of flashsale-harness"


class Amounts(SchemaModel):
    """How much worse a metric may be, and what it must not be beyond."""

    tolerance: Share | None = None
    points: Positive | None = None
    limit: Positive | None = None

    @property
    def stated(self) -> dict[str, float]:
        """Return the amounts that the file states, by key."""
        amounts = {"tolerance": self.tolerance, "points": self.points, "limit": self.limit}
        return {key: amount for key, amount in amounts.items() if amount is not None}


class CriterionTable(Amounts):
    """How a metric is judged; one of `tolerance` and `points` is needed.

    `approach` has the amounts that are others for one approach.
    """

    approach: dict[str, Amounts] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_one_tolerance(self) -> Self:
        if (self.tolerance is None) == (self.points is None):
            raise ValueError("state one of tolerance (a share) and points (in the metric's unit)")
        other = "points" if self.tolerance is not None else "tolerance"
        for name, amounts in self.approach.items():
            if not amounts.stated:
                raise ValueError(f"approach.{name} states nothing")
            if other in amounts.stated:
                raise ValueError(f"approach.{name}.{other}: all approaches are judged on one scale")
        return self


class SettingsFile(SchemaModel):
    """The whole file."""

    scenario: Text
    contention: Text | None = Field(
        default=None,
        validation_alias=AliasChoices("contention", "contest"),  # the second is the old name
    )
    metrics: Annotated[dict[str, CriterionTable], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Criterion:
    """One metric, and how much worse head may be: a share, or points in the metric's unit.

    `approach` has the amounts that are others for one approach, by key.
    """

    metric: Metric
    tolerance: float | None = None
    points: float | None = None
    limit: float | None = None
    approach: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def of(self, approach: str) -> "Criterion":
        """Return the criterion as it holds for one approach."""
        own = self.approach.get(approach, {})
        return Criterion(
            self.metric,
            own.get("tolerance", self.tolerance),
            own.get("points", self.points),
            own.get("limit", self.limit),
        )

    @property
    def worse(self) -> float:
        """Return how much worse head may be, as a share or in points."""
        amount = self.tolerance if self.tolerance is not None else self.points
        assert amount is not None  # noqa: S101 - one of the two is stated
        return amount


@dataclass(frozen=True, slots=True)
class Settings:
    """What a gate decides on, and the scenarios by which it does."""

    scenario: str
    contention: str | None
    criteria: tuple[Criterion, ...]


def load_settings(path: Path) -> Settings:
    """Read a gate.toml (UsageError names file, key and value)."""
    table = read_table(path, SettingsFile, _EXAMPLE)
    criteria = tuple(_criterion(path, name, one) for name, one in table.metrics.items())
    return Settings(table.scenario, table.contention, criteria)


def _criterion(path: Path, name: str, table: CriterionTable) -> Criterion:
    won = {metric.id for metric in METRICS.values() if metric.better is not None}
    if name not in METRICS:
        near = difflib.get_close_matches(name, won, n=3) or sorted(won)
        raise UsageError(
            f"{path}: metrics.{name}: there is no such metric",
            f"did you mean {' or '.join(near)}?" if len(near) <= 3 else f"known: {', '.join(near)}",
        )
    if name not in won:
        raise UsageError(
            f"{path}: metrics.{name}: more of it is neither better nor worse",
            "choose a metric in which one side can be worse",
        )
    others = {approach: amounts.stated for approach, amounts in table.approach.items()}
    return Criterion(METRICS[name], **table.stated, approach=others)
