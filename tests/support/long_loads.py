"""A small simulated run that says that it was a long load, with the telemetry that a test gives."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.results.store import RunData
from tests.support.records import with_record

LOAD_S = 1800
TIMES_S = np.arange(0.0, LOAD_S, 5.0)


def sampled(
    base: RunData,
    series: Mapping[tuple[str, str], npt.ArrayLike],
    *,
    load_s: float = LOAD_S,
    faults: Iterable[Mapping[str, Any]] = (),
) -> RunData:
    """Return a run that held `series`, by source and metric, at `TIMES_S`; a number is constant."""
    rows = [
        (t_s, source, metric, float(value))
        for (source, metric), values in series.items()
        for t_s, value in zip(TIMES_S, np.broadcast_to(values, len(TIMES_S)), strict=True)
    ]
    telemetry = pd.DataFrame(rows, columns=["t_s", "source", "metric", "value"])
    long = with_record(base, load_s=float(load_s), faults=list(faults))
    return replace(long, telemetry=telemetry)


def fault(kind: str, service: str, begun_s: float, over_s: float) -> dict[str, Any]:
    """Return the record of a fault of the first replica of a service."""
    begun_ns, over_ns = int(begun_s * 1e9), int(over_s * 1e9)
    return {
        "kind": kind, "service": service, "replica": 1, "process": None, "for_s": 1.0,
        "factor": None, "begun_ns": begun_ns, "ended_ns": over_ns, "healthy_ns": over_ns,
        "in_flight": 1, "error": None,
    }  # fmt: skip
