"""Looks at a campaign between its blocks, recorded in campaign.json (see `analysis.looks`).

A look that was taken is never taken again: a campaign that was interrupted goes on from what its
looks have said.
"""

from typing import TYPE_CHECKING, Any

from harness.analysis.derived import summarise
from harness.analysis.looks import AFTER_BLOCKS, CONFIDENCE, PRIMARY, Look, look
from harness.campaign.observer import Observer
from harness.errors import UsageError
from harness.results.store import Campaign
from harness.scenario.model import Scenario

if TYPE_CHECKING:
    from harness.campaign.blocks import Blocks

MOST_BLOCKS = AFTER_BLOCKS[-1]


def declared() -> dict[str, Any]:
    """Return what a campaign declares before its first run."""
    return {
        "after_blocks": list(AFTER_BLOCKS),
        "confidence": CONFIDENCE,
        "primary": list(PRIMARY),
        "taken": [],
    }


def check(scenario: Scenario, variants: int) -> None:
    """Raise UsageError if there is nothing that looks could decide."""
    hint = "state the number of runs"
    if scenario.contention is not None or scenario.cases:
        what = (
            "the sales of a contention test are" if scenario.contention is not None else "cases are"
        )
        raise UsageError(f"--runs auto: {what} not ranked, so more runs decide nothing", hint)
    if scenario.sweep:
        raise UsageError("--runs auto: looks decide between variants, not along a sweep", hint)
    if variants < 2:
        raise UsageError("--runs auto: it takes two variants to decide between", hint)


def make_until_decided(blocks: "Blocks", observer: Observer) -> None:
    """Make the runs of the first 3, 5, 8 blocks until a look decides; then cut the plan there."""
    campaign = blocks.campaign
    for number, n_blocks in enumerate(campaign.description()["looks"]["after_blocks"], start=1):
        blocks.make(n_blocks)
        found = _take(campaign, number, n_blocks)
        observer.look(number, found)
        if found.is_decided:
            campaign.cut_plan()
            return


def _take(campaign: Campaign, number: int, blocks: int) -> Look:
    """Return a look, as it was recorded or as it is taken and recorded now."""
    description = campaign.description()
    taken = description["looks"]["taken"]
    if len(taken) >= number:
        return Look.of_json(taken[number - 1])
    found = look(summarise(campaign), blocks)
    taken.append(found.as_json())
    campaign.write_json("campaign.json", description)
    return found
