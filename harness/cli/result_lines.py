"""The last lines of a campaign: its numbers, the answer, how the variants compare, the verdict.

They fit in 80 columns and say what the report says, in its words.
"""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from harness.analysis import looks
from harness.analysis.metric import Listing
from harness.analysis.metrics import listed
from harness.cli.application import console, print_table
from harness.cli.outcome import CampaignVerdict, print_complaints
from harness.results.store import Campaign, read_json
from report import numbers
from report.tables.metric_tables import change_cell

TITLE_WIDTH = 12
"""Characters of a line of a column's title, unless a word of it is longer."""


def print_result(
    stored: Campaign, verdict: CampaignVerdict, answer: str = "", every_finding: bool = False
) -> None:
    """Print what a campaign comes to, what speaks against its runs first."""
    summary = read_json(stored.path / "summary.json")
    print_complaints(console, stored, every_finding)
    if found := looks.progress_text(summary["campaign"]):
        console.print(found, markup=False)
    console.print()
    if summary.get("contention"):
        for variant in summary["variants"]:
            console.print(variant["statement"], markup=False)
    else:
        print_table(_table(summary))
    console.print()
    if answer:
        console.print(answer, markup=False)
    for line in _ratios(summary):
        console.print(line, markup=False)
    console.print(verdict.words, markup=False)


def _table(summary: Mapping[str, Any]) -> Table:
    """Return a row of every variant: the key metrics, and the verdict of its audit."""
    metrics = _key_metrics(summary)
    table = Table(box=None)
    table.add_column("variant", vertical="bottom")
    for about in metrics.values():
        table.add_column(_header(about["title"]), justify="right")
    table.add_column("audit")
    for variant in summary["variants"]:
        estimates = variant["metrics"]
        values = [
            numbers.bare(estimates[metric], about["digits"])
            if metric in estimates
            else numbers.NOTHING
            for metric, about in metrics.items()
        ]
        table.add_row(Text(variant["name"]), *map(Text, values), variant["audit_verdict"])
    return table


def _header(title: str) -> str:
    """Return the title of a column on several lines, its words whole."""
    return textwrap.fill(title, TITLE_WIDTH, break_long_words=False)


def _ratios(summary: Mapping[str, Any]) -> Iterator[str]:
    """Yield how every other variant compares with the baseline in the key metrics."""
    metrics = _key_metrics(summary)
    width = max((len(about["title"]) for about in metrics.values()), default=0)
    for pair in summary.get("comparisons", ()):
        yield f"{pair['contender']} compared with {pair['baseline']} [95 % interval]:"
        for metric, about in metrics.items():
            found = pair["metrics"][metric]
            yield f"  {about['title']:{width}}  {_compared(found, about)}"


def _compared(found: Mapping[str, Any], about: Mapping[str, Any]) -> str:
    """Return a ratio or a difference with its interval, and what it decides."""
    change, outcome = change_cell(found, about).text, str(found["outcome"])
    return outcome if change == numbers.NOTHING else f"{change}, {outcome}"


def _key_metrics(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the summary says about each metric that is shown."""
    return {
        metric: summary["metrics"][metric]
        for metric in listed(Listing.KEY)
        if metric in summary.get("metrics", {})
    }
