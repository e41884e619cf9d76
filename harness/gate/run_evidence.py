"""What the runs of a gate's campaigns say of correctness and validity, from what is on disk."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.gate.result import InvalidRun, Offence, RunOf, WarnedRun
from harness.results.findings import Category, Verdict
from harness.results.record import RunRecord
from harness.results.store import Campaign, load_findings, load_record

MAX_INVALID_BLOCKS = 1
"""How many blocks of a campaign may be lost to runs that are invalid: one may be a mishap of
the machine, two are a pattern, and leaving them out would choose by outcome."""

SideOf = Callable[[str], str]
"""Returns the side of a variant by its name."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was found in the runs of one campaign."""

    offences: tuple[Offence, ...]
    invalid_runs: tuple[InvalidRun, ...]
    warned_runs: tuple[WarnedRun, ...]
    runs: int
    sales: int

    @property
    def is_clean(self) -> bool:
        """Return True if no invariant is known to be broken."""
        return not any(one.verdict == Verdict.FAIL for one in self.offences if one.is_incorrect)


def of_campaign(campaign: Campaign, side_of: SideOf) -> Evidence:
    """Read the audit and the validity of every finished run."""
    offences: list[Offence] = []
    invalid_runs: list[InvalidRun] = []
    warned_runs: list[WarnedRun] = []
    sales = 0
    folders, judged = campaign.run_folders(), campaign.validity()
    for folder in folders:
        record = load_record(folder)
        run = _run_of(campaign, record, side_of)
        offences += _offences(run, folder)
        if judged[run.index]["verdict"] == "INVALID":
            invalid_runs.append(InvalidRun(run, tuple(judged[run.index]["reasons"])))
        elif warnings := judged[run.index].get("warnings"):
            warned_runs.append(WarnedRun(run, tuple(warnings)))
        sales += len(record.sales)
    return Evidence(tuple(offences), tuple(invalid_runs), tuple(warned_runs), len(folders), sales)


def joined(parts: Sequence[Evidence]) -> Evidence:
    """Return the evidence of several campaigns as one."""
    return Evidence(
        offences=tuple(one for part in parts for one in part.offences),
        invalid_runs=tuple(one for part in parts for one in part.invalid_runs),
        warned_runs=tuple(one for part in parts for one in part.warned_runs),
        runs=sum(part.runs for part in parts),
        sales=sum(part.sales for part in parts),
    )


def _run_of(campaign: Campaign, record: RunRecord, side_of: SideOf) -> RunOf:
    side = side_of(record.variant)
    return RunOf(campaign.path.name, record.index, record.block, record.approach, side)


def _offences(run: RunOf, folder: Path) -> Iterator[Offence]:
    for one in load_findings(folder):
        if one.verdict is not Verdict.PASS:
            is_incorrect = one.category is Category.CORRECTNESS
            yield Offence(run, one.id, one.title, one.verdict.value, one.summary, is_incorrect)
