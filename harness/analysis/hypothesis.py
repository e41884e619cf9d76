"""Whether a hypothesis is borne out: its expectations, held against what was measured.

An expectation is a range, and what was measured is an interval, so the answer has three values, as
in a test of equivalence: supported if all of the interval lies within the range, contradicted if
none of it does, and else not decided. A ratio has the interval of every comparison (paired by
block, Student's t on logarithms), a metric that of its estimate. One run has no interval, so
nothing is decided by it. Offences that the audit counted are exact; where not everything was
audited, there may be more.

A hypothesis is contradicted if one of its expectations is, supported if all are, and else not
decided. That a variant is not ranked does not matter here: no winner is named, and an experiment
may be about the very defect that the audit finds. What is invalid is left out as everywhere.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from harness.analysis.comparison import compare
from harness.analysis.estimates import Estimate
from harness.analysis.judged_run import RunGroup
from harness.analysis.metrics import METRICS
from harness.analysis.outcomes import Interval
from harness.results.findings import Verdict

Estimates = Mapping[str, Mapping[str, Estimate]]
"""Estimates by the names of variant and metric."""

NO_INTERVAL = "one run: no interval, so nothing is decided"


class Answer(StrEnum):
    """What became of an expectation, or of a hypothesis."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    UNDECIDED = "not decided"


@dataclass(frozen=True, slots=True)
class Found:
    """What an expectation is about, as measured; an end of its interval that is null is open.

    `n` counts runs, or blocks for a ratio. `why` says what is to be known of it, above all why
    there is no value or no interval.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    why: str = ""

    @property
    def interval(self) -> Interval | None:
        """Return what it may be, or None if nothing is known of that."""
        if self.low is None and self.high is None:
            return None
        low = -math.inf if self.low is None else self.low
        return low, math.inf if self.high is None else self.high


def answer(interval: Interval | None, at_least: float | None, at_most: float | None) -> Answer:
    """Return what an interval says of a range; a bound that is null is none."""
    if interval is None:
        return Answer.UNDECIDED
    least = -math.inf if at_least is None else at_least
    most = math.inf if at_most is None else at_most
    low, high = interval
    if least <= low and high <= most:
        return Answer.SUPPORTED
    return Answer.CONTRADICTED if high < least or low > most else Answer.UNDECIDED


def overall(answers: Iterable[Answer]) -> Answer:
    """Return what the answers to all expectations say of their hypothesis."""
    found = set(answers)
    if Answer.CONTRADICTED in found:
        return Answer.CONTRADICTED
    return Answer.SUPPORTED if found == {Answer.SUPPORTED} else Answer.UNDECIDED


def judge(
    scenario: Mapping[str, Any], groups: Sequence[RunGroup], estimates: Estimates
) -> dict[str, Any]:
    """Return the answer to the hypothesis of a scenario, and to each of its expectations."""
    by_name = {one.name: one for one in groups}
    rows = []
    for stated in scenario["expectations"]:
        found = _measure(stated, by_name, estimates)
        word = answer(found.interval, stated["at_least"], stated["at_most"])
        rows.append({**stated, **asdict(found), "answer": word})
    return {
        "hypothesis": scenario["hypothesis"],
        "answer": overall(row["answer"] for row in rows),
        "expectations": rows,
    }


def _measure(
    stated: Mapping[str, Any], groups: Mapping[str, RunGroup], estimates: Estimates
) -> Found:
    names = [name for name in (stated["of"], stated["over"]) if name is not None]
    if missing := [name for name in names if name not in groups]:
        return Found(why=f"no run of {missing[0]} is finished")
    if stated["audit"] is not None:
        return _offences(stated["audit"], groups[stated["of"]])
    if invalid := [name for name in names if not groups[name].has_valid]:
        return Found(why=f"{invalid[0]} has no valid run")
    metric, of = stated["metric"], stated["of"]
    if stated["over"] is not None:
        return _ratio(metric, groups[of], groups[stated["over"]], estimates)
    return _level(estimates[of][metric])


def _level(found: Estimate) -> Found:
    """Return a metric of one variant; of a latency that is only known to be longer, the bound."""
    if found.n < 2:
        return Found(found.value, n=found.n, why=NO_INTERVAL)
    why = "; ".join(found.warnings)
    return Found(found.value, found.low, found.high, found.n, why)


def _ratio(metric: str, of: RunGroup, over: RunGroup, estimates: Estimates) -> Found:
    before, after = (one.side(estimates[one.name][metric]) for one in (over, of))
    found = compare(METRICS[metric], before, after)
    why = "; ".join(found.warnings)
    if found.kind != "ratio":
        return Found(n=found.n, why=why)
    return Found(found.factor, found.low, found.high, found.n, why)


def _offences(invariant: str, group: RunGroup) -> Found:
    """Return how often an invariant is broken in all runs.

    That none is takes valid runs, each of them audited; else there may be more, without an end.
    """
    found = {run.record.index: one for run in group.runs for one in run.findings
             if one.id == invariant}  # fmt: skip
    failed = [one for one in found.values() if one.verdict is Verdict.FAIL]
    count = float(sum(sum(one.offences.values()) or one.count for one in failed))
    valid = [found.get(run.record.index) for run in group.runs if run.is_valid]
    is_known = bool(valid) and all(
        one is not None and one.verdict is not Verdict.UNKNOWN for one in valid
    )
    why = "" if is_known else "not every valid run was audited, or none is valid: there may be more"
    return Found(count, count, count if is_known else None, len(group.runs), why)
