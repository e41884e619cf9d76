"""Two variants, one metric: how many times as much, with what certainty, and who wins.

The ratio is taken within each block (the two runs were made one after the other, so what drifts
cancels) and its interval is Student's t on the log ratios: at three blocks that covers 95 %, where
a bootstrap covers 82-91 % and pooled requests 67 %. There are no p-values: with three runs none can
be small. What that decides is one word (see `outcomes`); a metric is won only by an approach that
is better beyond δ, and only if both variants are ranked.
"""

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from harness.analysis.estimates import (
    CONFIDENCE,
    UNLIKE,
    Estimate,
    Scale,
    detectable_deviation,
    geometric_mean,
    log_t_interval,
    t_critical,
    t_interval,
)
from harness.analysis.metric import Metric
from harness.analysis.outcomes import Kind, Outcome, decide

ByBlock = Mapping[int, float | None]

CERTAIN = 0.99
DECISIVE = (Outcome.BETTER, Outcome.WORSE, Outcome.DIFFERENT)


@dataclass(frozen=True, slots=True)
class Side:
    """One variant in a comparison: its value in each block that counts (null: not measurable).

    It is not ranked if its audit is not clean, and not valid if none of its runs is.
    """

    name: str
    by_block: ByBlock
    estimate: Estimate | None = None
    is_ranked: bool = True
    is_valid: bool = True


@dataclass(frozen=True, slots=True)
class Comparison:
    """The contender against the baseline in one metric.

    `factor` is contender / baseline (kind ``ratio``); where a value is zero or negative,
    `difference` is contender - baseline instead. `low` and `high` bound whichever is given, with
    95 % confidence if no other was asked for. `outcome` is what that decides of the contender, with
    `delta` as what does not matter: a share of a ratio, or in the metric's unit. `detectable` is
    the least factor (or difference) away from equality that a campaign of as many blocks with such
    a spread would have called better or worse with 80 % power.
    """

    baseline: str
    contender: str
    kind: Kind
    outcome: Outcome
    winner: str | None
    factor: float | None
    difference: float | None
    low: float | None
    high: float | None
    detectable: float | None
    delta: float
    n: int
    method: str
    warnings: tuple[str, ...]


def compare(
    metric: Metric, baseline: Side, contender: Side, confidence: float = CONFIDENCE
) -> Comparison:
    """Compare two variants in one metric, paired by block."""
    pairs, warnings = _pairs(baseline, contender)
    if not pairs:
        return _incomparable(metric, baseline, contender, warnings)
    if min(min(pair) for pair in pairs) > 0:
        kind: Kind = "ratio"
        ratios = [after / before for before, after in pairs]
        center = geometric_mean(ratios)
        interval = log_t_interval(ratios, confidence) if len(ratios) > 1 else None
        changes = [math.log(ratio) for ratio in ratios]
    else:
        kind = "difference"
        changes = [after - before for before, after in pairs]
        center = math.fsum(changes) / len(changes)
        interval = t_interval(changes, confidence) if len(changes) > 1 else None
        warnings.append("no ratio: a value is zero or negative; this is the difference")
    if metric.scale is Scale.EXACT:
        interval = (center, center)
    elif interval is None:
        warnings.append("one run each: no winner named")
    warnings += _unlike(kind, center, baseline.estimate, contender.estimate)
    outcome = decide(metric.better, metric.margin, kind, center, interval)
    if outcome in DECISIVE:
        warnings += _uncertain(metric, changes)
    unranked = [side.name for side in (baseline, contender) if not side.is_ranked]
    if unranked:
        warnings += [f"no winner: {' and '.join(unranked)} not ranked"] * (outcome in DECISIVE)
        outcome = _no_result(baseline, contender)
    return Comparison(
        baseline=baseline.name,
        contender=contender.name,
        kind=kind,
        outcome=outcome,
        winner=_winner(outcome, baseline, contender),
        factor=center if kind == "ratio" else None,
        difference=center if kind == "difference" else None,
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
        detectable=None if metric.scale is Scale.EXACT else _detectable(metric, kind, changes),
        delta=metric.margin.share if kind == "ratio" else metric.margin.absolute,
        n=len(pairs),
        method=_method(metric.scale, kind, len(pairs), confidence),
        warnings=tuple(warnings),
    )


def _pairs(baseline: Side, contender: Side) -> tuple[list[tuple[float, float]], list[str]]:
    """Return the values of both in every block in which both count, or why there are none.

    A block is left out if a run is invalid, never because of what was measured in it.
    """
    both = sorted(set(baseline.by_block) & set(contender.by_block))
    left_out = sorted(set(baseline.by_block) ^ set(contender.by_block))
    warnings = []
    if left_out:
        blocks = ", ".join(map(str, left_out))
        warnings.append(f"left out, because only one variant has a run that counts: block {blocks}")
    pairs = []
    for block in both:
        before, after = baseline.by_block[block], contender.by_block[block]
        if before is None or after is None:
            side = baseline if before is None else contender
            why = f"no ratio: block {block} of {side.name} has too few samples"
            return [], [*warnings, why]
        pairs.append((before, after))
    return pairs, warnings


def _incomparable(
    metric: Metric, baseline: Side, contender: Side, warnings: list[str]
) -> Comparison:
    reasons = [
        f"no ratio: {side.name}: {'; '.join(side.estimate.warnings)}"
        for side in (baseline, contender)
        if side.estimate is not None and side.estimate.value is None
    ]
    return Comparison(
        baseline.name, contender.name, "none", _no_result(baseline, contender),
        None, None, None, None, None, None, metric.margin.share, 0, "not comparable",
        tuple(reasons or warnings or ["no ratio: no block has both"]),
    )  # fmt: skip


def _no_result(baseline: Side, contender: Side) -> Outcome:
    """Return why nothing is decided of two variants, whatever the numbers are."""
    is_valid = baseline.is_valid and contender.is_valid
    return Outcome.INCOMPARABLE if is_valid else Outcome.INVALID


def _winner(outcome: Outcome, baseline: Side, contender: Side) -> str | None:
    """Return who is better beyond doubt and δ, or None."""
    if outcome is Outcome.BETTER:
        return contender.name
    return baseline.name if outcome is Outcome.WORSE else None


def _uncertain(metric: Metric, changes: list[float]) -> list[str]:
    """Warn of a verdict that equals with very noisy runs get more often than rarely.

    Where the 99 % interval excludes equality as well, they do not, however noisy they are.
    """
    if metric.scale is Scale.EXACT or len(changes) < 2:
        return []
    half = t_critical(len(changes), CERTAIN) * statistics.stdev(changes) / math.sqrt(len(changes))
    if abs(statistics.fmean(changes)) > half:
        return []
    return [
        "certain at 95 %, not at 99 %: if runs vary by more than δ/2, up to 5 % of such verdicts "
        "between equals are false, else less than 1 %"
    ]


def _unlike(
    kind: Kind, center: float, baseline: Estimate | None, contender: Estimate | None
) -> list[str]:
    """Warn if the quotient of the headline values is not the typical block's ratio."""
    if kind != "ratio" or baseline is None or contender is None:
        return []
    if not baseline.value or not contender.value:
        return []
    headline = contender.value / baseline.value
    if max(headline / center, center / headline) <= UNLIKE:
        return []
    return [f"the merged values give {headline:.4g}: one run differs strongly"]


def _detectable(metric: Metric, kind: Kind, changes: list[float]) -> float | None:
    """Return the least effect that is found with 80 % power, given this spread; None for one."""
    if len(changes) < 2:
        return None
    spread, delta = statistics.stdev(changes), metric.margin.of(kind)
    least = spread * detectable_deviation(len(changes), delta / spread) if spread else delta
    return math.exp(min(least, 700.0)) if kind == "ratio" else least


def _method(scale: Scale, kind: Kind, n: int, confidence: float) -> str:
    if scale is Scale.EXACT:
        return "configured, exact"
    interval = f"{100 * confidence:.3g} % t-interval"
    if kind == "ratio":
        what = f"geometric mean of {n} ratios paired by block"
        return what + (f"; {interval} on logs" if n > 1 else "; no interval")
    return f"mean of {n} differences paired by block" + (
        f"; {interval}" if n > 1 else "; no interval"
    )
