"""Numbers from runs: estimates with intervals, comparisons, laws, series. Pure; scipy lives here.

See docs/methodology.md for what each number means. The statistics are checked by simulation in
tests/statistical.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.analysis import contention, summary
from harness.analysis.campaigns import Compared, compare
from harness.analysis.comparability import Stored, different_schemas
from harness.analysis.judged_run import Audits
from harness.analysis.laws import check_laws
from harness.analysis.metrics import METRICS
from harness.analysis.prices import Prices, load_prices
from harness.analysis.series import series
from harness.analysis.trends import History, history
from harness.analysis.validity import validity
from harness.results.store import RunData

__all__ = [
    "METRICS",
    "Compared",
    "History",
    "Prices",
    "Stored",
    "check_laws",
    "compare",
    "different_schemas",
    "history",
    "is_outdated",
    "load_prices",
    "series",
    "summarise",
    "validity",
]


def summarise(
    campaign: Mapping[str, Any],
    runs: Sequence[RunData],
    audits: Audits | None = None,
    prices: Prices | None = None,
) -> dict[str, Any]:
    """Derive summary.json from a campaign's runs; raise UsageError if there is none."""
    if campaign.get("scenario", {}).get("contention"):
        return contention.summarise(campaign, runs, audits)
    return summary.summarise(campaign, runs, audits, prices)


def is_outdated(found: Mapping[str, Any]) -> bool:
    """Return True if a stored summary.json is of another version: it is made anew from the runs."""
    current = contention.SCHEMA_VERSION if "contention" in found else summary.SCHEMA_VERSION
    return bool(found.get("schema_version") != current)
