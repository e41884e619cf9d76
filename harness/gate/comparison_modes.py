"""What head is compared with: base in the same blocks, or a stored baseline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, Protocol

from harness.analysis.campaigns import at_least_by_block, by_block
from harness.campaign import Variant
from harness.gate import rule, stored_baseline
from harness.gate.result import Row
from harness.gate.settings import Criterion
from harness.gate.sides import BASE, HEAD
from harness.gate.stored_baseline import Baseline

Summary = Mapping[str, Any]


class ComparisonMode(Protocol):
    """One way of comparing: which variants are measured for it, and what their runs come to."""

    @property
    def groups(self) -> Mapping[str, Sequence[Variant]]:
        """Return the variants that are measured in turn, by the name of their group."""

    @property
    def contestants(self) -> Sequence[Variant]:
        """Return the variants of head, which the contention test measures."""

    def side_of(self, name: str) -> str:
        """Return the side of a variant, ``base`` or ``head``."""

    def rows(self, summary: Summary) -> tuple[Row, ...]:
        """Judge every criterion from the runs of a campaign, all of them valid."""


@dataclass(frozen=True, slots=True)
class AgainstBase:
    """Base and head of every approach, paired by block."""

    pairs: Mapping[str, tuple[Variant, Variant]]
    """Base and head of each approach that both have."""
    contestants: Sequence[Variant]
    criteria: Sequence[Criterion]

    @property
    def groups(self) -> Mapping[str, Sequence[Variant]]:
        """Return both sides of each approach: they follow each other, so no drift parts them."""
        return self.pairs

    def side_of(self, name: str) -> str:
        """Return the side of a variant."""
        return BASE if any(base.name == name for base, _ in self.pairs.values()) else HEAD

    def rows(self, summary: Summary) -> tuple[Row, ...]:
        """Judge every criterion of every approach that the campaign measured."""
        measured = {one["name"]: one for one in summary["variants"]}
        return tuple(
            rule.judge(
                criterion.of(approach),
                approach,
                base=by_block(measured[base.name], criterion.metric.id),
                head=by_block(measured[head.name], criterion.metric.id),
                at_least=at_least_by_block(measured[head.name], criterion.metric.id),
            )
            for approach, (base, head) in self.pairs.items()
            if head.name in measured
            for criterion in self.criteria
        )


@dataclass(frozen=True, slots=True)
class AgainstBaseline:
    """How head's approaches compare with each other, against how they did in a stored campaign."""

    contestants: Sequence[Variant]
    criteria: Sequence[Criterion]
    stored: Baseline

    @property
    def groups(self) -> Mapping[str, Sequence[Variant]]:
        """Return every approach, as it is: each is compared with each."""
        return {"ratios": self.contestants}

    def side_of(self, name: str) -> str:
        """Return head: the baseline is not measured again."""
        return HEAD

    def rows(self, summary: Summary) -> tuple[Row, ...]:
        """Judge every criterion of every two approaches that the campaign measured."""
        return stored_baseline.rows(self.criteria, self.stored, summary)


def valid_runs(summary: Summary, blocks: int) -> Summary:
    """Return a summary with the valid runs of the first blocks alone, and what each of them says.

    A look judges what was there when it was due, also if a gate that is continued has more.
    """
    return {**summary, "variants": [_valid_runs(one, blocks) for one in summary["variants"]]}


def _valid_runs(variant: Summary, blocks: int) -> dict[str, Any]:
    kept = [run["valid"] and run["block"] <= blocks for run in variant["runs"]]
    metrics = {
        name: found
        | {
            said: list(compress(found[said], kept))
            for said in ("per_run", "at_least")
            if found.get(said)
        }
        for name, found in variant["metrics"].items()
    }
    return {**variant, "runs": list(compress(variant["runs"], kept)), "metrics": metrics}
