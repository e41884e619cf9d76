"""The three-valued rule: FAIL, PASS, or INCONCLUSIVE.

FAIL takes evidence: head is worse by more than is tolerated, and the lower bound of how much worse
excludes "not at all". PASS takes evidence as well: the upper bound lies within the tolerance, as in
a non-inferiority trial. All else is INCONCLUSIVE; more blocks may decide it. The looks are declared
(after 3, 5 and 8 blocks) and share an error of 5 % (Bonferroni), so looking again is no chance of
finding something. Both bounds are one-sided and paired by block; the intervals are Student's t, of
ratios on logarithms.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from harness.analysis.estimates import t_interval, welch_interval
from harness.analysis.outcomes import Kind
from harness.gate.result import Row, Ruling
from harness.gate.settings import Criterion

LOOKS: Final = (3, 5, 8)
ERROR: Final = 0.05 / len(LOOKS)
"""The error of one look, on one side."""
CONFIDENCE: Final = 1 - 2 * ERROR
"""The confidence of the two-sided interval whose ends are the one-sided bounds."""

ByBlock = Mapping[int, float | None]
Bounds = tuple[float, float] | None


def judge(
    criterion: Criterion,
    subject: str,
    base: ByBlock,
    head: ByBlock,
    at_least: ByBlock | None = None,
) -> Row:
    """Judge one metric of base and head, paired by block.

    `at_least` has lower bounds for blocks in which head has no value, because too many requests had
    no answer. They can only show that head is worse: of a bound there is no PASS.
    """
    blocks = sorted(set(base) & set(head))
    before, after = [base[one] for one in blocks], [head[one] for one in blocks]
    if None in after and at_least and criterion.metric.better == "lower":
        floors = {one: at_least.get(one) if head[one] is None else head[one] for one in blocks}
        return _not_passed(judge(criterion, subject, base, floors))
    scale = _Scale.of(criterion)
    missing = _missing(before, after, scale)
    if missing:
        return _row(criterion, subject, before, after, None, None, missing)
    changes = [scale.change(x, y) for x, y in zip(_known(before), _known(after), strict=True)]
    bounds = t_interval(changes, CONFIDENCE) if len(changes) > 1 else None
    return _row(criterion, subject, before, after, statistics.fmean(changes), bounds)


def _not_passed(row: Row) -> Row:
    """Return a row that was judged by lower bounds of head."""
    if row.ruling is Ruling.FAIL:
        return replace(row, why=f"at least {row.why}")
    why = "it cannot be measured in head: see the report of the campaign"
    return replace(row, ruling=Ruling.INCONCLUSIVE, why=why)


def judge_unpaired(
    criterion: Criterion, subject: str, base: Sequence[float | None], head: Sequence[float | None]
) -> Row:
    """Judge one metric of base and head that were measured at different times (Welch's t)."""
    scale = _Scale.of(criterion)
    missing = _missing(base, head, scale)
    if missing:
        return _row(criterion, subject, base, head, None, None, missing)
    before, after = ([scale.value(one) for one in side] for side in (_known(base), _known(head)))
    enough = min(len(before), len(after)) > 1
    bounds = welch_interval(before, after, CONFIDENCE) if enough else None
    center = statistics.fmean(after) - statistics.fmean(before)
    return _row(criterion, subject, base, head, center, bounds)


def confirm(first: Row, again: Row) -> Row:
    """Return a FAIL if it was seen again, else that nothing is decided."""
    if again.ruling is Ruling.FAIL:
        return replace(first, why=f"{first.why}; confirmed: {again.why}")
    why = f"{first.why}; not confirmed by {again.blocks} more blocks: {again.why}"
    return replace(first, ruling=Ruling.INCONCLUSIVE, why=why)


def is_decided(rows: Sequence[Row]) -> bool:
    """Return True if more blocks are not needed: something fails, or nothing is open."""
    failed = any(row.ruling is Ruling.FAIL for row in rows)
    return failed or all(row.ruling is Ruling.PASS or row.kind == "none" for row in rows)


@dataclass(frozen=True, slots=True)
class _Scale:
    """What changes are measured on: logarithms, or the metric's own unit."""

    kind: Kind
    tolerance: float

    @classmethod
    def of(cls, criterion: Criterion) -> "_Scale":
        if criterion.tolerance is not None:
            return cls("ratio", math.log1p(criterion.tolerance))
        return cls("difference", criterion.worse)

    def value(self, measured: float) -> float:
        return math.log(measured) if self.kind == "ratio" else measured

    def change(self, before: float, after: float) -> float:
        return self.value(after) - self.value(before)

    def shown(self, change: float) -> float:
        return math.exp(min(change, 700.0)) if self.kind == "ratio" else change

    def typical(self, values: Sequence[float]) -> float:
        """Return the geometric mean, or the mean of differences."""
        mean = statistics.fmean(map(self.value, values))
        return math.exp(mean) if self.kind == "ratio" else mean


def _row(
    criterion: Criterion,
    subject: str,
    before: Sequence[float | None],
    after: Sequence[float | None],
    change: float | None,
    bounds: Bounds,
    missing: str = "",
) -> Row:
    metric, scale = criterion.metric, _Scale.of(criterion)
    assert metric.better is not None  # noqa: S101 - the settings refuse others
    base, head = (
        scale.typical(_known(side)) if _is_whole(side, scale) else None for side in (before, after)
    )
    ruling, why = (
        (Ruling.INCONCLUSIVE, missing)
        if change is None
        else _rule(criterion, scale, change, bounds)
    )
    if (beyond := _beyond_limit(criterion, head)) is not None:
        ruling, why = Ruling.FAIL, beyond
    return Row(
        subject=subject,
        metric=metric.id,
        title=metric.title,
        unit=metric.unit,
        digits=metric.digits,
        better=metric.better,
        base=base,
        head=head,
        kind="none" if change is None else scale.kind,
        change=None if change is None else scale.shown(change),
        low=None if bounds is None else scale.shown(bounds[0]),
        high=None if bounds is None else scale.shown(bounds[1]),
        tolerance=criterion.worse,
        limit=criterion.limit,
        blocks=min(len(before), len(after)),
        ruling=ruling,
        why=why,
    )


def _rule(criterion: Criterion, scale: _Scale, change: float, bounds: Bounds) -> tuple[Ruling, str]:
    """Return the ruling of a change; here more is worse, whatever the metric."""
    turn = 1.0 if criterion.metric.better == "lower" else -1.0
    worse = turn * change
    said = _amount(criterion, scale, worse)
    if bounds is None:
        return Ruling.INCONCLUSIVE, f"{said} in one block, which has no interval"
    least, most = sorted((turn * bounds[0], turn * bounds[1]))
    span = said
    if least < most:
        span += f" ({_amount(criterion, scale, least)} to {_amount(criterion, scale, most)})"
    tolerated = _amount(criterion, scale, scale.tolerance)
    if worse > scale.tolerance and least > 0:
        return Ruling.FAIL, f"{span}; tolerated: {tolerated}"
    if most <= scale.tolerance:
        return Ruling.PASS, f"{span}; tolerated: {tolerated}"
    return Ruling.INCONCLUSIVE, f"{span}; tolerated: {tolerated}, which is within what was seen"


def _amount(criterion: Criterion, scale: _Scale, worse: float) -> str:
    """Return how much worse, or better, in words that need no sign convention."""
    if worse == 0:
        return "no change"
    side = "worse" if worse >= 0 else "better"
    if scale.kind == "ratio":
        return f"{_measured(100 * math.expm1(min(abs(worse), 700.0)), '%')} {side}"
    unit = "points" if criterion.metric.unit == "%" else criterion.metric.unit
    return f"{_measured(abs(worse), unit)} {side}"


def _measured(value: float, unit: str) -> str:
    """Return a value with three digits; 1,000 ms and more are seconds."""
    if unit == "ms" and value >= 1_000:
        value, unit = value / 1_000, "s"
    shown = f"{value:,.0f}" if 999.5 <= value < 1_000_000 else f"{value:.3g}"
    return f"{shown} {unit}".rstrip()


def _beyond_limit(criterion: Criterion, head: float | None) -> str | None:
    metric, limit = criterion.metric, criterion.limit
    if head is None or limit is None:
        return None
    if not (head > limit if metric.better == "lower" else head < limit):
        return None
    return f"{_measured(head, metric.unit)} is beyond the limit of {_measured(limit, metric.unit)}"


def _is_whole(side: Sequence[float | None], scale: _Scale) -> bool:
    return (
        bool(side) and None not in side and not (scale.kind == "ratio" and min(_known(side)) <= 0)
    )


def _missing(base: Sequence[float | None], head: Sequence[float | None], scale: _Scale) -> str:
    """Return why nothing can be judged; nothing if it can."""
    if not base or not head:
        return "no block has a valid run of both"
    for name, side in (("base", base), ("head", head)):
        if None in side:
            return f"it cannot be measured in {name}: see the report of the campaign"
        if scale.kind == "ratio" and min(_known(side)) <= 0:
            return f"a value of {name} is not positive, so there is no ratio: state points"
    return ""


def _known(side: Sequence[float | None]) -> list[float]:
    return [value for value in side if value is not None]
