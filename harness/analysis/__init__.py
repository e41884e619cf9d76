"""Numbers from runs: estimates with intervals, comparisons, laws, series. Pure; scipy lives here.

See docs/methodology.md for what each number means. The statistics are checked by simulation in
tests/statistical.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.analysis import arrivals, contest, laws, summary
from harness.analysis.campaigns import Compared, compare
from harness.analysis.comparability import Stored, different_schemas
from harness.analysis.history import History, history
from harness.analysis.metrics import METRICS
from harness.analysis.prices import Prices, load_prices
from harness.analysis.series import series
from harness.analysis.summary import Audits, schema
from harness.analysis.validity import validity
from harness.results.findings import Law
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
    "load_prices",
    "schema",
    "series",
    "summarise",
    "summary_version",
    "validity",
]


def check_laws(run: RunData) -> list[Law]:
    """Check every law that applies to a run: those of its kind of load."""
    scenario = run.record.scenario
    applicable = contest.LAWS if scenario.get("contest") else arrivals.laws_of(scenario)
    return laws.check_laws(run, applicable)


def summarise(
    campaign: Mapping[str, Any],
    runs: Sequence[RunData],
    audits: Audits | None = None,
    prices: Prices | None = None,
) -> dict[str, Any]:
    """Derive summary.json from a campaign's runs; raise UsageError if there is none."""
    if campaign.get("scenario", {}).get("contest"):
        return contest.summarise(campaign, runs, audits)
    return summary.summarise(campaign, runs, audits, prices)


def summary_version(campaign: Mapping[str, Any]) -> int:
    """Return the schema_version that summary.json of a campaign has if this harness wrote it."""
    is_contest = campaign.get("scenario", {}).get("contest")
    return contest.SCHEMA_VERSION if is_contest else summary.SCHEMA_VERSION
