"""The lines of a figure over time: a run's seconds in bins, and the median of an approach's runs.

The drawings and the interactive charts show the same lines, and captions are read from them; only
the bins of the interactive ones are narrower, because one can zoom into them.
"""

import numpy as np
import pandas as pd

from report.evidence import Approach, Evidence, Floats, Run

DRAWN_POINTS = 100
"""A line of a drawing has at most so many points; each stands for a bin of seconds."""
LIVE_POINTS = 200
"""The same of an interactive chart."""


def bin_s(evidence: Evidence, points: int = DRAWN_POINTS) -> int:
    """Return the width of a bin, in seconds: one for all runs, so that their lines share an x."""
    lengths = [len(run.seconds) for approach in evidence.approaches for run in approach.runs]
    return max(1, -(-max(lengths, default=1) // points))


def binned(seconds: pd.DataFrame, column: str, width_s: int) -> tuple[Floats, Floats]:
    """Return a per-second column in bins: the median of each, at its middle."""
    bins = seconds["t_s"].to_numpy(dtype=np.int64) // width_s
    values = seconds[column].groupby(bins).median()
    middle = (values.index.to_numpy(dtype=np.float64) + 0.5) * width_s
    return middle, values.to_numpy(dtype=np.float64)


def of_run(run: Run, column: str, width_s: int) -> "pd.Series[float]":
    """Return the line of one run, by the middle of the bin in s."""
    middle, values = binned(run.seconds, column, width_s)
    return pd.Series(values, index=middle)


def of_approach(approach: Approach, column: str, width_s: int) -> "pd.Series[float] | None":
    """Return the median line of the runs that count, or None if none does."""
    counted = [of_run(run, column, width_s) for run in approach.counted]
    if not counted:
        return None
    # The runs end a little apart; a median over fewer runs would jump there.
    end_s = min(line.index[-1] for line in counted)
    return pd.concat(counted, axis=1).median(axis=1).loc[:end_s]


def peak_s(line: "pd.Series[float]") -> float:
    """Return when a line that has a value is highest, in s since the load began."""
    return float(line.index.to_numpy()[int(np.nanargmax(line.to_numpy()))])
