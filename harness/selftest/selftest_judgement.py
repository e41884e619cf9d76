"""What the self-test comes to, from the summary of its campaign; pure.

Two copies that are the same must be found alike in every primary metric, and the copy that answers
20 ms later must be found slower. The words are those of every comparison that the harness makes;
what is tested is whether they are true.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.analysis.estimates import t_interval
from harness.analysis.looks import NOT_COMPARABLE, PRIMARY
from harness.analysis.outcomes import Outcome
from harness.errors import ExitCode
from harness.results.findings import Verdict
from harness.selftest.copies import FIRST, INJECTED_MS, SECOND, SLOWED

CONTROL = "purchase_latency_p50_ms"
"""Where the delay must be found: in the middle of what it was injected into."""
MEASURED_BY = "purchase_latency_avg_ms"
"""Whose difference is the delay, as measured: means add up, percentiles do not."""

FOUND = (Outcome.BETTER, Outcome.WORSE, Outcome.DIFFERENT)


@dataclass(frozen=True, slots=True)
class Row:
    """One metric of two copies: values, ratio (or difference) with its interval, and the word.

    `detectable` is the least factor (or difference) that would have been found with 80 % power.
    """

    metric: str
    baseline: str
    contender: str
    before: float | None
    after: float | None
    kind: str
    effect: float | None
    low: float | None
    high: float | None
    detectable: float | None
    n: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Delay:
    """The delay as it was measured: mean of the differences by block, with its 95 % interval."""

    injected_ms: float
    measured_ms: float
    low_ms: float
    high_ms: float

    @property
    def is_met(self) -> bool:
        """Return True if the interval contains what was injected."""
        return self.low_ms <= self.injected_ms <= self.high_ms

    @property
    def off_ms(self) -> float:
        """Return by how much the measured delay differs from the injected one."""
        return self.measured_ms - self.injected_ms


@dataclass(frozen=True, slots=True)
class Judgement:
    """The two tables, the delay, and what follows."""

    same: tuple[Row, ...]
    control: tuple[Row, ...]
    delay: Delay | None
    exit_code: ExitCode
    statement: str


def judge(summary: Mapping[str, Any]) -> Judgement:
    """Judge the campaign of the three copies."""
    same = tuple(_row(summary, metric, FIRST, SECOND) for metric in PRIMARY)
    control = tuple(_row(summary, metric, FIRST, SLOWED) for metric in (*PRIMARY, MEASURED_BY))
    code, statement = _verdict(summary, same, next(r for r in control if r.metric == CONTROL))
    return Judgement(same, control, _delay(summary), code, statement)


def _verdict(summary: Mapping[str, Any], same: Sequence[Row], control: Row) -> tuple[ExitCode, str]:
    """Return what the rows mean; the first that applies decides."""
    if any(one["audit_verdict"] == Verdict.FAIL for one in summary["variants"]):
        return ExitCode.CORRECTNESS, "the audit failed in a run of the self-test"
    if any(row.outcome in NOT_COMPARABLE for row in (*same, control)):
        return ExitCode.INVALID, "runs of the self-test are invalid, or not ranked"
    if found := [row for row in same if row.outcome in FOUND]:
        return ExitCode.INVALID, (
            f"a difference between equals was found ({_titles(summary, found)}): "
            "what this harness calls a difference on this machine may be none"
        )
    if control.outcome not in (Outcome.WORSE, Outcome.UNDECIDED):
        return ExitCode.INVALID, (
            f"{INJECTED_MS:g} ms were injected and not found: "
            "differences on this machine are not seen by this harness"
        )
    if open_ones := [row for row in (*same, control) if row.outcome is Outcome.UNDECIDED]:
        return ExitCode.INCONCLUSIVE, (
            f"not decided ({_titles(summary, open_ones)}): runs of one system vary too much here"
        )
    return ExitCode.OK, (
        f"no difference between equals, and {INJECTED_MS:g} ms are found: "
        "this machine can distinguish a difference from none"
    )


def _titles(summary: Mapping[str, Any], rows: Sequence[Row]) -> str:
    """Return the metrics of some rows by the copy that they are of."""
    by_copy: dict[str, list[str]] = {}
    for row in rows:
        by_copy.setdefault(row.contender, []).append(summary["metrics"][row.metric]["title"])
    return "; ".join(f"{name}: {', '.join(titles)}" for name, titles in by_copy.items())


def _row(summary: Mapping[str, Any], metric: str, baseline: str, contender: str) -> Row:
    found = _comparisons(summary)[baseline, contender][metric]
    return Row(
        metric=metric,
        baseline=baseline,
        contender=contender,
        before=_variant(summary, baseline)["metrics"][metric]["value"],
        after=_variant(summary, contender)["metrics"][metric]["value"],
        kind=found["kind"],
        effect=found["factor"] if found["kind"] == "ratio" else found["difference"],
        low=found["low"],
        high=found["high"],
        detectable=found["detectable"],
        n=found["n"],
        outcome=Outcome(found["outcome"]),
    )


def _comparisons(summary: Mapping[str, Any]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Return the comparisons of the copies with the first, by their names."""
    return {(one["baseline"], one["contender"]): one["metrics"] for one in summary["comparisons"]}


def _variant(summary: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(one for one in summary["variants"] if one["name"] == name)
    return found


def _delay(summary: Mapping[str, Any]) -> Delay | None:
    """Return the delay as measured; None without two blocks in which both copies count."""
    before, after = (_means_by_block(_variant(summary, name)) for name in (FIRST, SLOWED))
    differences = [after[block] - before[block] for block in sorted(before.keys() & after.keys())]
    if len(differences) < 2:
        return None
    low, high = t_interval(differences)
    return Delay(INJECTED_MS, sum(differences) / len(differences), low, high)


def _means_by_block(approach: Mapping[str, Any]) -> dict[int, float]:
    values = approach["metrics"][MEASURED_BY]["per_run"]
    return {
        run["block"]: value
        for run, value in zip(approach["runs"], values, strict=True)
        if run["counted"] and value is not None
    }
