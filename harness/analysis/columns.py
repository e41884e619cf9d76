"""Columns of a run's tables as arrays, and what is computed of them row by row."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def integers(frame: pd.DataFrame, column: str) -> Integers:
    """Return a column as 64-bit integers."""
    return frame[column].to_numpy(dtype=np.int64)


def floats(frame: pd.DataFrame, column: str) -> Floats:
    """Return a column as floats."""
    return frame[column].to_numpy(dtype=np.float64)


def is_in(frame: pd.DataFrame, column: str, values: Sequence[Any]) -> Flags:
    """Return which rows have one of `values` in a column."""
    found = frame[column]
    if not isinstance(found.dtype, pd.CategoricalDtype):
        return found.isin(list(values)).to_numpy(dtype=np.bool_)
    # The few categories are compared, not the many rows; a row without value has the code -1.
    chosen = np.array([*(one in values for one in found.cat.categories.tolist()), False])
    flags: Flags = chosen[found.cat.codes.to_numpy()]
    return flags


def late_ms(requests: pd.DataFrame) -> Floats:
    """Return how long after its intended time each request was sent, in ms."""
    late: Floats = (integers(requests, "sent_ns") - integers(requests, "intended_ns")) / 1e6
    return late


def response_ms(requests: pd.DataFrame) -> Floats:
    """Return the time of each request from its intended start until its end, in ms."""
    took: Floats = (integers(requests, "done_ns") - integers(requests, "intended_ns")) / 1e6
    return took


def rows(frame: pd.DataFrame, kept: Flags) -> pd.DataFrame:
    """Return some rows of a frame; if they are all, the frame itself, which may be large."""
    return frame if kept.all() else frame[kept]
