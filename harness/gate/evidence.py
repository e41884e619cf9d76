"""What the runs of a gate's campaigns say of correctness and validity, from what is on disk."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.gate.result import Offence, RunOf, Spoilt
from harness.results.findings import Category, Verdict
from harness.results.store import Campaign, load_findings, read_json

MOST_LOST = 1
"""So many blocks of a campaign may be lost to runs that are invalid: one may be a mishap of the
machine, two are a pattern, and leaving them out would choose by outcome."""

SideOf = Callable[[str], tuple[str, str]]
"""Tells approach and side of a system by its name."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was found in the runs of one campaign."""

    offences: tuple[Offence, ...]
    spoilt: tuple[Spoilt, ...]
    runs: int
    sales: int

    @property
    def is_clean(self) -> bool:
        """Say whether no invariant is known to be broken."""
        return not any(one.verdict == Verdict.FAIL for one in self.offences if one.is_incorrect)


def of_campaign(campaign: Campaign, side_of: SideOf) -> Evidence:
    """Read the audit and the validity of every finished run."""
    offences: list[Offence] = []
    spoilt: list[Spoilt] = []
    sales = 0
    folders, judged = campaign.run_folders(), campaign.validity()
    for folder in folders:
        record = read_json(folder / "run.json")
        run = _run_of(campaign, record, side_of)
        offences += _offences(run, folder)
        if judged[run.index]["verdict"] == "INVALID":
            spoilt.append(Spoilt(run, tuple(judged[run.index]["reasons"])))
        sales += len(record["sales"])
    return Evidence(tuple(offences), tuple(spoilt), len(folders), sales)


def joined(parts: Sequence[Evidence]) -> Evidence:
    """Return the evidence of several campaigns as one."""
    return Evidence(
        offences=tuple(one for part in parts for one in part.offences),
        spoilt=tuple(one for part in parts for one in part.spoilt),
        runs=sum(part.runs for part in parts),
        sales=sum(part.sales for part in parts),
    )


def _run_of(campaign: Campaign, record: dict[str, Any], side_of: SideOf) -> RunOf:
    approach, side = side_of(record["approach"])
    return RunOf(campaign.path.name, record["index"], record["block"], approach, side)


def _offences(run: RunOf, folder: Path) -> Iterator[Offence]:
    for one in load_findings(folder):
        if one.verdict is not Verdict.PASS:
            is_incorrect = one.category is Category.CORRECTNESS
            yield Offence(run, one.id, one.title, one.verdict.value, one.summary, is_incorrect)
