"""The last lines of a search for a capacity: a table, a sentence for each variant, the verdict."""

from collections.abc import Callable

from rich.table import Table
from rich.text import Text

from harness.capacity.capacity_document import (
    Answer,
    CapacityDocument,
    VariantCapacity,
    unit,
)
from harness.cli.application import console, print_table
from harness.cli.outcome import CampaignVerdict
from harness.errors import ExitCode

NOTHING = "–"


def print_capacities(found: CapacityDocument, verdict: CampaignVerdict) -> None:
    """Print what was found of each variant, and what it comes to."""
    console.print()
    print_table(_table(found))
    console.print()
    for one in found.capacities:
        console.print(one.statement, markup=False)
    console.print(verdict.words, markup=False)


def capacity_verdict(found: CapacityDocument) -> CampaignVerdict:
    """Judge: 20 if an audit failed, 40 if nothing was measured of a variant, 30 if runs ran out."""
    if failed := found.incorrect_runs:
        said = f"the audit failed in run {', '.join(map(str, failed))}"
        return CampaignVerdict(ExitCode.CORRECTNESS, said)
    if unknown := _named(found, lambda one: one.answer is Answer.UNKNOWN):
        return CampaignVerdict(ExitCode.INVALID, f"no level of {unknown} could be measured")
    if unsettled := _named(found, lambda one: not one.settled):
        said = f"{found.search.most_runs} runs did not settle {unsettled}"
        return CampaignVerdict(ExitCode.INCONCLUSIVE, said)
    return CampaignVerdict(ExitCode.OK, "every end that was found is close and repeated")


def _table(found: CapacityDocument) -> Table:
    table = Table(box=None)
    table.add_column("variant")
    for title in (f"serves, {unit(found.of)}", "does not serve", "runs"):
        table.add_column(title, justify="right")
    table.add_column("gave out")
    for one in found.capacities:
        least = "≥ " if one.answer is Answer.AT_LEAST else ""
        served = NOTHING if one.served is None else f"{least}{one.served:,}"
        over = NOTHING if one.not_served is None else f"{one.not_served:,}"
        runs = sum(len(level.runs) for level in one.levels)
        what = one.gave_out.name if one.gave_out is not None else NOTHING
        table.add_row(Text(one.name), served, over, str(runs), Text(what))
    return table


def _named(found: CapacityDocument, is_meant: Callable[[VariantCapacity], bool]) -> str:
    return ", ".join(one.name for one in found.capacities if is_meant(one))
