"""The lines of a chart over time: a run's seconds in bins, and one thick line of a variant.

What is counted has the median of a bin's seconds, and the thick line is the median run. A
percentile is that of the requests themselves, of as many as it takes, and the thick line is that of
all counted runs' merged.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from harness.analysis.estimates import MIN_BEYOND, nearest_rank
from harness.analysis.series import Latencies
from report.charts.chart import most_points
from report.charts.theme import Dash, Marker
from report.evidence import Evidence, Floats, Run, Variant

POINTS = 200
"""The most points of a line in a large figure; each stands for a bin of seconds."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One column of the per-second series, or a percentile of latencies, as a line.

    A `percentile` says of which latencies (`analysis.series`) it is, and the share. `second` is the
    other curve of the chart; `alone` is not among those that compare the variants. A curve of a
    chart that shows each variant by itself may have a `colour` (a role of the theme), a `dash` and
    a `marker` of its own, in place of its variant's, at its `place` among so many curves.
    """

    column: str
    label: str
    second: bool = False
    alone: bool = False
    percentile: tuple[str, float] | None = None
    colour: str = ""
    dash: Dash | None = None
    marker: Marker = ()
    place: tuple[int, int] | None = None


def bin_s(evidence: Evidence, points: int = POINTS) -> int:
    """Return the width of a bin, in seconds: one for all runs, so that their lines share an x."""
    return max(1, -(-longest_s(evidence.variants) // most_points(evidence, points)))


def longest_s(variants: Sequence[Variant]) -> int:
    """Return how many seconds the longest run has."""
    return max((len(run.seconds) for variant in variants for run in variant.runs), default=0)


def is_measured(variant: Variant, curve: Curve) -> bool:
    """Return True if any run has a value: a shop without queue has no queue depth."""
    if curve.percentile:
        return any(run.latencies for run in variant.runs)
    return any(run.seconds[curve.column].notna().any() for run in variant.runs)


def of_run(run: Run, curve: Curve, width_s: int) -> "pd.Series[float]":
    """Return the line of one run, by the middle of the bin in s."""
    if curve.percentile:
        kind, q = curve.percentile
        return percentile_line([run.latencies[kind]], q, width_s)
    bins = run.seconds["t_s"].to_numpy(dtype=np.int64) // width_s
    values = run.seconds[curve.column].groupby(bins).median()
    middle = (values.index.to_numpy(dtype=np.float64) + 0.5) * width_s
    return pd.Series(values.to_numpy(dtype=np.float64), index=middle)


def of_variant(variant: Variant, curve: Curve, width_s: int) -> "pd.Series[float] | None":
    """Return the thick line of the runs that count, or None if none does."""
    if not variant.counted:
        return None
    if curve.percentile:
        kind, q = curve.percentile
        return percentile_line([run.latencies[kind] for run in variant.counted], q, width_s)
    counted = [of_run(run, curve, width_s) for run in variant.counted]
    # The runs end a little apart; a median over fewer runs would jump there.
    end_s = min(line.index[-1] for line in counted)
    return pd.concat(counted, axis=1).median(axis=1).loc[:end_s]


def percentile_line(runs: Sequence[Latencies], q: float, width_s: int) -> "pd.Series[float]":
    """Return the q-percentile of the requests of some runs over time, by the bin's middle in s.

    Neighbouring bins are taken together until they hold as many requests as a q-percentile takes;
    they share its value, and bins without a request have none. Of fewer requests there is no line.
    """
    sent_s, took_ms, waited_ms = _merged(runs)
    need = needed(q)
    bins = (sent_s // width_s).astype(np.int64)
    starts = _groups(bins, need)
    line: dict[int, float] = {}
    for start, end in pairwise(starts):
        value = _percentile(took_ms[start:end], waited_ms[start:end], q)
        line |= dict.fromkeys(np.unique(bins[start:end]).tolist(), value)
    index = (np.array(list(line), dtype=np.float64) + 0.5) * width_s
    return pd.Series(list(line.values()), index=index, dtype=np.float64)


def of_window(variant: Variant, kind: str, q: float, start_s: float, end_s: float) -> float:
    """Return a percentile of the requests that were sent in a window; NaN if they are too few."""
    sent_s, took_ms, waited_ms = _merged([run.latencies[kind] for run in variant.counted])
    first, last = np.searchsorted(sent_s, [start_s, end_s])
    if last - first < needed(q):
        return math.nan
    return _percentile(took_ms[first:last], waited_ms[first:last], q)


def unanswered_pct(variant: Variant, kind: str) -> float:
    """Return the share of the requests of a kind that had no answer, in %."""
    answered = np.concatenate([run.latencies[kind].answered for run in variant.counted])
    return 100.0 * float(1 - answered.mean()) if len(answered) else 0.0


def needed(q: float) -> int:
    """Return how many values a q-percentile takes."""
    return math.ceil(MIN_BEYOND / (1 - q) - 1e-6)


def _merged(runs: Sequence[Latencies]) -> tuple[Floats, Floats, Floats]:
    """Return the requests of some runs as one, by when they were sent: (s, took ms, waited ms).

    What was not answered took for ever.
    """
    sent_s = np.concatenate([run.sent_s for run in runs])
    waited_ms = np.concatenate([run.latency_ms for run in runs])
    answered = np.concatenate([run.answered for run in runs])
    order = np.argsort(sent_s, kind="stable")
    took_ms = np.where(answered, waited_ms, np.inf)
    return sent_s[order], took_ms[order], waited_ms[order]


def _percentile(took_ms: Floats, waited_ms: Floats, q: float) -> float:
    """Return a percentile, or its lower bound if it lies among what was not answered."""
    value = nearest_rank(took_ms, q)
    return value if math.isfinite(value) else nearest_rank(waited_ms, q)


def _groups(bins: "np.ndarray[tuple[int], np.dtype[np.int64]]", need: int) -> list[int]:
    """Return where groups of whole bins begin, each of `need` requests or more, and the end."""
    ends = [*(np.flatnonzero(np.diff(bins)) + 1).tolist(), len(bins)]
    starts = [0]
    for end in ends:
        if end - starts[-1] >= need:
            starts.append(end)
    if len(starts) > 1:
        starts[-1] = len(bins)  # what is left over belongs to the last group
    return starts


def peak_s(line: "pd.Series[float]") -> float:
    """Return when a line that has a value is highest, in s since the load began."""
    return float(line.index.to_numpy()[int(np.nanargmax(line.to_numpy()))])
