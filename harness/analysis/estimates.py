"""Numbers that carry their uncertainty: an estimate is a value with interval, n, method, warnings.

The run is the replicate: requests within a run are correlated, so an interval made from pooled
requests is far too narrow. The headline percentile is that of the merged requests of all runs; its
interval is a t-interval over the per-run values, on logs for positive quantities, because at three
runs the bootstrap covers 82-91 % instead of 95 %. Warnings are data on the result, as in Go's
benchmath (golang/perf), so that a table can print them.

What a run says about one metric is a `Quantity`:

    Sample   many values of one kind (latencies); some may be known only to be longer than so much
    Ratio    a total over a total (errors per request); merged as sum over sum
    Scalar   one value per run (a count, a peak); merged as the mean of the runs
    Missing  nothing, and why
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

import numpy as np
from scipy import special

from harness.analysis.columns import Floats

CONFIDENCE = 0.95
POWER = 0.80
MIN_BEYOND = 10
"""A q-percentile is printed only if at least this many values are expected beyond it."""
PERCENTILES = (50, 95, 99)
"""Those of the tables by stage and by kind of request."""
SPREADS = 200
"""How finely the distribution of a sample's spread is cut."""
UNLIKE = 1.10
"""A merged percentile this factor away from the typical run's is worth a warning."""


class Scale(StrEnum):
    """How the per-run values of a metric vary, which decides the interval."""

    LOG = "log"
    PLAIN = "plain"
    EXACT = "exact"


@dataclass(frozen=True, slots=True)
class Sample:
    """Values of one kind in one run, and how long was waited for those that never came."""

    values: Floats
    waited: Floats = field(default_factory=lambda: np.empty(0))
    unanswered: str = "had no answer"

    @property
    def size(self) -> int:
        """Return the number of values, the unfinished ones included."""
        return len(self.values) + len(self.waited)


@dataclass(frozen=True, slots=True)
class Ratio:
    """A total over a total, in the metric's unit."""

    numerator: float
    denominator: float


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value of a run."""

    value: float


@dataclass(frozen=True, slots=True)
class Missing:
    """Nothing was measured, and why."""

    reason: str


Quantity = Sample | Ratio | Scalar | Missing


@dataclass(frozen=True, slots=True)
class Point:
    """A value without uncertainty, or the reason why there is none, or a lower bound for it."""

    value: float | None
    reason: str = ""
    at_least: float | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number for people: `value` is null if it cannot be measured, and a warning says why.

    `low` and `high` bound it with 95 % confidence; a `low` without value means "at least so much".
    `per_run` has one value per run of the variant, `at_least` a lower bound for each that has
    none, if one is known; `n` says how many of the runs count, and `samples` how many values were
    merged (null if the metric is one number per run).
    """

    value: float | None
    unit: str
    low: float | None
    high: float | None
    n: int
    method: str
    warnings: tuple[str, ...]
    per_run: tuple[float | None, ...]
    samples: int | None = None
    at_least: tuple[float | None, ...] = ()


@lru_cache(maxsize=64)
def t_critical(n: int, confidence: float = CONFIDENCE) -> float:
    """Return the two-sided critical value of Student's t for a mean of `n` values."""
    return float(special.stdtrit(n - 1, (1 + confidence) / 2))


def detectable_deviation(n: int, least: float = 0.0) -> float:
    """Return by how much a mean of `n` values must differ from zero to be found so.

    In standard deviations of the values, as is `least`. Found means that the 95 % t-interval
    excludes zero and the mean exceeds `least`, which then both happen with a power of `POWER`.
    """
    needed = np.maximum(t_critical(n) * _spreads(n) / math.sqrt(n), least)

    def missing_power(deviation: float) -> float:
        # Finding it on the wrong side is left out: at this power it is next to impossible.
        found = special.ndtr((deviation - needed) * math.sqrt(n))
        return float(found.mean() - POWER)

    return _root(missing_power, 0.0, 100.0 + least)


def _root(rising: Callable[[float], float], low: float, high: float) -> float:
    """Return where a function rises from negative to positive between two places, by bisection.

    As exactly as floats allow: scipy.optimize would be faster, and takes far longer to import.
    """
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return high


@lru_cache(maxsize=64)
def _spreads(n: int) -> Floats:
    """Return the standard deviations that samples of `n` have, each equally likely, if it is 1."""
    shares = (np.arange(SPREADS) + 0.5) / SPREADS
    spreads: Floats = np.sqrt(2 * special.gammaincinv((n - 1) / 2, shares) / (n - 1))
    return spreads


def t_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the t-interval of the mean of two or more values."""
    n = len(values)
    if min(values) == max(values):
        return values[0], values[0]
    mean = math.fsum(values) / n
    spread = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1))
    half = t_critical(n, confidence) * spread / math.sqrt(n)
    return mean - half, mean + half


def log_t_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the t-interval of the geometric mean of two or more positive values."""
    if min(values) == max(values):  # a logarithm and back would not give the value itself
        return values[0], values[0]
    low, high = t_interval([math.log(value) for value in values], confidence)
    return math.exp(min(low, 700.0)), math.exp(min(high, 700.0))


def welch_interval(
    first: Sequence[float], second: Sequence[float], confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Return the interval of mean(second) - mean(first), of two or more values each.

    Their variances need not be equal (Welch, Biometrika 34, 1947).
    """
    groups = [np.asarray(values, dtype=np.float64) for values in (first, second)]
    difference = float(groups[1].mean() - groups[0].mean())
    if all(np.ptp(values) == 0 for values in groups):
        return difference, difference
    errors = [float(values.var(ddof=1)) / len(values) for values in groups]
    squares = [error**2 / (len(values) - 1) for error, values in zip(errors, groups, strict=True)]
    freedom = sum(errors) ** 2 / sum(squares)
    critical = float(special.stdtrit(freedom, (1 + confidence) / 2))
    half = critical * math.sqrt(sum(errors))
    return difference - half, difference + half


def log_welch_interval(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of the ratio of geometric means, second / first, of positives."""
    logs = [[math.log(value) for value in values] for values in (first, second)]
    low, high = welch_interval(logs[0], logs[1])
    return math.exp(min(low, 700.0)), math.exp(min(high, 700.0))


def geometric_mean(values: Sequence[float]) -> float:
    """Return the geometric mean of positive values."""
    if min(values) == max(values):
        return values[0]
    return math.exp(math.fsum(math.log(value) for value in values) / len(values))


def nearest_rank(values: Floats, q: float) -> float:
    """Return the smallest value that at least the share `q` of all values do not exceed."""
    rank = max(math.ceil(q * len(values) - 1e-9), 1) - 1
    return float(np.partition(values, rank)[rank])


def percentile(sample: Sample, q: float) -> Point:
    """Return the q-percentile of a sample, its unfinished values taken as longer than all others.

    If so many are unfinished that the percentile lies among them, only a lower bound is known:
    the percentile with every unfinished value set to the time that was waited for it.
    """
    size = sample.size
    if size == 0:
        return Point(None, "no such request")
    if size * (1 - q) < MIN_BEYOND - 1e-9:
        need = math.ceil(MIN_BEYOND / (1 - q) - 1e-6)
        return Point(None, f"{size} values cannot support a p{q * 100:g}: it takes {need}")
    endless = np.full(len(sample.waited), np.inf)
    value = nearest_rank(np.concatenate([sample.values, endless]), q)
    if math.isfinite(value):
        return Point(value)
    bound = nearest_rank(np.concatenate([sample.values, sample.waited]), q)
    return Point(None, _share_unfinished(sample), at_least=bound)


def _share_unfinished(sample: Sample) -> str:
    share = 100 * len(sample.waited) / sample.size
    return f"{share:.{1 if share >= 0.1 else 2}f} % {sample.unanswered}"


def mean(sample: Sample) -> Point:
    """Return the mean of a sample; if some values are unfinished, only a lower bound is known."""
    if sample.size == 0:
        return Point(None, "no such request")
    least = (math.fsum(sample.values) + math.fsum(sample.waited)) / sample.size
    if len(sample.waited):
        return Point(None, _share_unfinished(sample), at_least=least)
    return Point(least)


def point(quantity: Quantity, q: float | None) -> Point:
    """Return what one run (or all, merged) says: the q-percentile, or without q the plain value."""
    match quantity:
        case Missing(reason):
            return Point(None, reason)
        case Scalar(value):
            return Point(value)
        case Ratio(numerator, denominator):
            if denominator == 0:
                return Point(None, "nothing to divide by")
            return Point(numerator / denominator)
        case Sample():
            return mean(quantity) if q is None else percentile(quantity, q)


def merge(quantities: Sequence[Quantity]) -> Quantity:
    """Merge what several runs say: samples are joined, totals added, single values averaged.

    If one run has nothing to say, neither have all: leaving it out would choose by outcome.
    """
    missing = [quantity for quantity in quantities if isinstance(quantity, Missing)]
    if missing:
        counted = f" ({len(missing)} of {len(quantities)} runs)" if len(quantities) > 1 else ""
        return Missing(missing[0].reason + counted)
    samples = [quantity for quantity in quantities if isinstance(quantity, Sample)]
    if len(samples) == 1:
        return samples[0]
    if samples:
        return Sample(
            np.concatenate([sample.values for sample in samples]),
            np.concatenate([sample.waited for sample in samples]),
            samples[0].unanswered,
        )
    ratios = [quantity for quantity in quantities if isinstance(quantity, Ratio)]
    if ratios:
        numerator = math.fsum(ratio.numerator for ratio in ratios)
        return Ratio(numerator, math.fsum(ratio.denominator for ratio in ratios))
    scalars = [quantity.value for quantity in quantities if isinstance(quantity, Scalar)]
    return Scalar(math.fsum(scalars) / len(scalars)) if scalars else Missing("no run")


def estimate(
    quantities: Sequence[Quantity], counts: Sequence[bool], unit: str, scale: Scale, q: float | None
) -> Estimate:
    """Estimate a metric from what each run says; only runs that count enter value and interval."""
    used = [quantity for quantity, counted in zip(quantities, counts, strict=True) if counted]
    points = [point(quantity, q) for quantity in quantities]
    merged = merge(used)
    headline = point(merged, q)
    values = [p.value for p, counted in zip(points, counts, strict=True) if counted]
    known = [value for value in values if value is not None]
    warnings = _warnings(headline, unit)
    low, high, how = headline.at_least, None, "no interval"
    if headline.value is not None:
        low, high, how, why = _interval(known, len(values), unit, scale)
        warnings += [why] if why else []
        warnings += _unlike(headline.value, known, q)
    return Estimate(
        value=headline.value,
        unit=unit,
        low=low,
        high=high,
        n=len(used),
        method=f"{_headline_method(merged, q)}; {how}",
        warnings=tuple(warnings),
        per_run=tuple(p.value for p in points),
        samples=merged.size if isinstance(merged, Sample) else None,
        at_least=tuple(p.at_least for p in points),
    )


def _interval(
    known: Sequence[float], n: int, unit: str, scale: Scale
) -> tuple[float | None, float | None, str, str]:
    """Return low, high, how they were made, and a warning if they could not be."""
    if scale is Scale.EXACT:
        return known[0], known[0], "configured, exact", ""
    if n == 1:
        return None, None, "no interval", "one run: no interval"
    if len(known) < n:
        why = f"no interval: too few requests per run ({len(known)} of {n} have enough)"
        return None, None, "no interval", why
    if scale is Scale.LOG and min(known) > 0:
        low, high = log_t_interval(known)
        return low, high, f"95 % t-interval on logs over {n} runs", ""
    low, high = t_interval(known)
    if min(known) >= 0:
        low = max(low, 0.0)
    if unit == "%":
        high = min(high, 100.0)
    return low, high, f"95 % t-interval over {n} runs", ""


def _headline_method(merged: Quantity, q: float | None) -> str:
    match merged:
        case Sample() if q is not None:
            return f"p{q * 100:g} of {merged.size} merged values (nearest rank)"
        case Sample():
            return f"mean of {merged.size} merged values"
        case Ratio():
            return "total over total of the runs"
        case Scalar():
            return "mean of the runs"
        case Missing():
            return "not measured"


def _warnings(headline: Point, unit: str) -> list[str]:
    if headline.at_least is not None:
        return [f"at least {headline.at_least:.6g} {unit}: {headline.reason}"]
    return [headline.reason] if headline.value is None else []


def _unlike(value: float, known: Sequence[float], q: float | None) -> list[str]:
    """Warn if the merged percentile is not that of a typical run: one run differs strongly."""
    if q is None or len(known) < 2 or min(known) <= 0 or value <= 0:
        return []
    typical = geometric_mean(known)
    if max(value / typical, typical / value) <= UNLIKE:
        return []
    return [f"the typical run's is {typical:.4g}: one run differs strongly"]
