"""The Universal Scalability Law: how throughput grows with the size of what works, and why no more.

    X(N) = λ N / (1 + σ (N − 1) + κ N (N − 1))

λ is the throughput of size 1, σ the share of the work that must be done one at a time (contention),
κ what every pair of parts costs to agree (coherency); with κ > 0 throughput falls beyond
√((1 − σ) / κ). Gunther, "A Simple Capacity Model of Massively Parallel Transaction Systems", CMG
1993; "Guerrilla Capacity Planning", Springer 2007, whose quadratic regression this is: N / X is
linear in 1/λ, σ/λ and κ/λ, so least squares have one solution. Residuals are relative, and what a
block has more or less of at all sizes is taken out first.

It says something only of data that follow it: a fit is shown unless the means miss it by more than
noise explains (lack of fit, 95 %) and by more than `TOLERANCE`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from scipy import special

from harness.analysis.columns import Floats

LEAST_SIZES: Final = 4
CONFIDENCE: Final = 0.95
TOLERANCE: Final = 0.05
"""By how much, relatively, a mean may always miss the law."""
FARTHEST: Final = 1.5
"""A peak farther out than so many times the largest size is not named."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the law with its 95 % interval; none is negative."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Scaling:
    """The law as fitted, or why it is not (`reason`).

    `rate` is λ, in the metric's unit; `peak` the size of most throughput, null unless κ is surely
    above 0 and the peak is near what was measured. `residuals` are how far the mean of each size
    lies from the law, as shares.
    """

    fits: bool
    reason: str = ""
    rate: Parameter | None = None
    contention: Parameter | None = None
    coherency: Parameter | None = None
    peak: float | None = None
    sizes: tuple[float, ...] = ()
    residuals: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class _Fit:
    """Coefficients of 1, N − 1 and N (N − 1) in N / X, and the sum of squared residuals."""

    coefficients: Floats
    rss: float
    terms: int


def fit_scaling(sizes: Sequence[float], throughput: Sequence[Sequence[float]]) -> Scaling:
    """Fit the law to the throughput of each size in each block: one row per size, all positive."""
    if len(sizes) < LEAST_SIZES:
        return Scaling(False, f"it takes {LEAST_SIZES} values")
    size = np.array(sizes, dtype=np.float64)
    measured = np.array(throughput, dtype=np.float64)
    n = measured.shape[1]
    if n < 2:
        return Scaling(False, "it takes two runs of each value")
    level = np.exp(np.log(measured).mean(axis=0))
    measured = measured * np.exp(np.log(level).mean()) / level
    weight = measured.mean(axis=1) / size
    terms = np.stack([np.ones_like(size), size - 1, size * (size - 1)], axis=1)
    rows = np.repeat(weight[:, None] * terms, n, axis=0)
    target = (weight[:, None] * size[:, None] / measured).ravel()
    free, held = _solve(rows, target, (0, 1, 2)), _best(rows, target)
    if held is None or free.coefficients[0] <= 0:
        return Scaling(False, "it does not follow the law")
    residuals = _residuals(size, measured, terms @ held.coefficients)
    off = float(np.abs(residuals).max())
    if off > TOLERANCE and _lacks_fit(target.reshape(measured.shape), held):
        return Scaling(
            False,
            f"it does not follow the law: a mean is {100 * off:.0f} % off",
            sizes=tuple(sizes),
            residuals=tuple(residuals.tolist()),
        )
    rate, contention, coherency = _parameters(rows, free, held, n - 1)
    return Scaling(
        True,
        rate=rate,
        contention=contention,
        coherency=coherency,
        peak=_peak(contention, coherency, float(size.max())),
        sizes=tuple(sizes),
        residuals=tuple(residuals.tolist()),
    )


def law(rate: float, contention: float, coherency: float, size: Floats) -> Floats:
    """Return the throughput of some sizes by the law."""
    cost: Floats = 1 + contention * (size - 1) + coherency * size * (size - 1)
    return rate * size / cost


def _solve(rows: Floats, target: Floats, used: Sequence[int]) -> _Fit:
    """Return the least squares of some of the terms; the others are 0."""
    chosen = rows[:, list(used)]
    scale = np.linalg.norm(chosen, axis=0)
    solution = np.linalg.lstsq(chosen / scale, target, rcond=None)[0] / scale
    coefficients = np.zeros(rows.shape[1])
    coefficients[list(used)] = solution
    return _Fit(coefficients, float(((rows @ coefficients - target) ** 2).sum()), len(used))


def _best(rows: Floats, target: Floats) -> _Fit | None:
    """Return the least squares without a negative coefficient; None if there are none."""
    subsets = [(0, *rest) for r in range(3) for rest in combinations((1, 2), r)]
    found = [_solve(rows, target, used) for used in subsets]
    possible = [one for one in found if one.coefficients[0] > 0 and one.coefficients.min() >= 0]
    return min(possible, key=lambda one: one.rss, default=None)


def _residuals(size: Floats, measured: Floats, cost: Floats) -> Floats:
    expected = size / cost
    found: Floats = measured.mean(axis=1) / expected - 1
    return found


def _lacks_fit(target: Floats, held: _Fit) -> bool:
    """Return True if the means of the sizes miss the law by more than their runs vary."""
    k, n = target.shape
    pure = float(((target - target.mean(axis=1, keepdims=True)) ** 2).sum())
    missed, freedom = max(held.rss - pure, 0.0), ((k - held.terms), (k - 1) * (n - 1))
    if pure <= 0:
        return missed > 0
    ratio = (missed / freedom[0]) / (pure / freedom[1])
    return bool(ratio > special.fdtri(*freedom, CONFIDENCE))


def _parameters(rows: Floats, free: _Fit, held: _Fit, n_drifts: int) -> tuple[Parameter, ...]:
    """Return λ, σ and κ: values of the fit that is `held` above 0, widths of the `free` one.

    σ and κ are quotients of coefficients, so their variance follows by the delta method.
    """
    freedom = max(len(rows) - rows.shape[1] - n_drifts, 1)
    scale = np.linalg.norm(rows, axis=0)
    inverse = np.linalg.inv(np.linalg.qr(rows / scale)[1]) / scale[:, None]
    covariance = free.rss / freedom * inverse @ inverse.T
    first = free.coefficients[0]
    t = float(special.stdtrit(freedom, (1 + CONFIDENCE) / 2))
    found = [
        _parameter(1 / held.coefficients[0], 1 / first, t * covariance[0, 0] ** 0.5 / first**2)
    ]
    for at in (1, 2):
        quotient = free.coefficients[at] / first
        gradient = np.zeros(rows.shape[1])
        gradient[at], gradient[0] = 1 / first, -quotient / first
        half = t * math.sqrt(max(float(gradient @ covariance @ gradient), 0.0))
        value = held.coefficients[at] / held.coefficients[0]
        found.append(_parameter(value, quotient, half))
    return tuple(found)


def _parameter(value: float, center: float, half: float) -> Parameter:
    low, high = max(center - half, 0.0), max(center + half, 0.0)
    return Parameter(float(value), float(min(low, value)), float(max(high, value)))


def _peak(contention: Parameter, coherency: Parameter, largest: float) -> float | None:
    """Return the size of most throughput, where the data know of it."""
    if coherency.low <= 0 or contention.value >= 1:
        return None
    peak = math.sqrt((1 - contention.value) / coherency.value)
    return peak if peak <= FARTHEST * largest else None
