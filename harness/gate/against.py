"""What head is compared with: base in the same blocks, or a stored baseline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, Protocol

from harness.analysis.campaigns import at_least_by_block, by_block
from harness.gate import baseline, rule
from harness.gate.baseline import Baseline
from harness.gate.result import Row
from harness.gate.settings import Criterion
from harness.gate.sides import BASE, HEAD, approach_of, system

Summary = Mapping[str, Any]


class Against(Protocol):
    """One way of comparing: which systems are measured for it, and what their runs come to."""

    @property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """Return the systems that are measured by turns, by the name of their group."""

    @property
    def contestants(self) -> tuple[str, ...]:
        """Return the systems of head, which the contention test measures."""

    def side_of(self, name: str) -> tuple[str, str]:
        """Return approach and side of a system."""

    def rows(self, summary: Summary) -> tuple[Row, ...]:
        """Judge every criterion from the runs of a campaign, all of them valid."""


@dataclass(frozen=True, slots=True)
class AgainstBase:
    """Base and head of every approach, paired by block."""

    approaches: Sequence[str]
    of_head: Sequence[str]
    criteria: Sequence[Criterion]

    @property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """Return both sides of each approach: they follow each other, so no drift parts them."""
        return {name: (system(name, BASE), system(name, HEAD)) for name in self.approaches}

    @property
    def contestants(self) -> tuple[str, ...]:
        """Return head's side of every approach that it has."""
        return tuple(system(name, HEAD) for name in self.of_head)

    def side_of(self, name: str) -> tuple[str, str]:
        """Return approach and side of a system."""
        return approach_of(name)

    def rows(self, summary: Summary) -> tuple[Row, ...]:
        """Judge every criterion of every approach that the campaign measured."""
        measured = {one["name"]: one for one in summary["approaches"]}
        return tuple(
            rule.judge(
                criterion.of(approach),
                approach,
                base=by_block(measured[system(approach, BASE)], criterion.metric.id),
                head=by_block(measured[system(approach, HEAD)], criterion.metric.id),
                at_least=at_least_by_block(measured[system(approach, HEAD)], criterion.metric.id),
            )
            for approach in self.approaches
            if system(approach, HEAD) in measured
            for criterion in self.criteria
        )


@dataclass(frozen=True, slots=True)
class AgainstBaseline:
    """How head's approaches compare with each other, against how they did in a stored campaign."""

    approaches: Sequence[str]
    criteria: Sequence[Criterion]
    stored: Baseline

    @property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """Return every approach, as it is: each is compared with each."""
        return {"ratios": tuple(self.approaches)}

    @property
    def contestants(self) -> tuple[str, ...]:
        """Return every approach, as it is."""
        return tuple(self.approaches)

    def side_of(self, name: str) -> tuple[str, str]:
        """Return the approach, which is head's."""
        return name, HEAD

    def rows(self, summary: Summary) -> tuple[Row, ...]:
        """Judge every criterion of every two approaches that the campaign measured."""
        return baseline.rows(self.criteria, self.stored, summary)


def valid_runs(summary: Summary, blocks: int) -> Summary:
    """Return a summary with the valid runs of the first blocks alone, and what each of them says.

    A look judges what was there when it was due, also if a gate that is continued has more.
    """
    return {**summary, "approaches": [_valid_runs(one, blocks) for one in summary["approaches"]]}


def _valid_runs(approach: Summary, blocks: int) -> dict[str, Any]:
    kept = [run["valid"] and run["block"] <= blocks for run in approach["runs"]]
    metrics = {
        name: found
        | {
            said: list(compress(found[said], kept))
            for said in ("per_run", "at_least")
            if found.get(said)
        }
        for name, found in approach["metrics"].items()
    }
    return {**approach, "runs": list(compress(approach["runs"], kept)), "metrics": metrics}
