"""What a campaign comes to: its verdict and exit code, and what speaks against its runs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from harness.analysis import looks
from harness.errors import ExitCode
from harness.results.findings import Category, Finding, Verdict, correctness, worst
from harness.results.store import Campaign, load_findings, load_record


@dataclass(frozen=True, slots=True)
class CampaignVerdict:
    """The exit code of a campaign, and in a sentence why."""

    exit_code: ExitCode
    statement: str

    @property
    def name(self) -> str:
        """Return the verdict as a word: the name of the exit code, ``PASS`` for 0."""
        return "PASS" if self.exit_code is ExitCode.OK else self.exit_code.name

    @property
    def words(self) -> str:
        """Return it in a line."""
        return f"{self.name}: {self.statement}"


def campaign_verdict(stored: Campaign, *, strict: bool = False) -> CampaignVerdict:
    """Judge: 20 if an audit failed, else 40 if a run is invalid or unaudited, else 30 or 0.

    30: it was to run until all is decided, and that did not come. Findings about durability and
    security of the set-up count only if `strict`. Where an experiment asks the audit about a
    variant, what the audit finds of it is the result, and no failure.
    """
    folders = stored.run_folders()
    judge = _of_all if strict else correctness
    findings = {folder: load_findings(folder) for folder in folders}
    asked = _asked_about(stored)
    verdicts = {folder: judge(found) for folder, found in findings.items()}
    is_result = {one: _variant(one) in asked and verdicts[one] is Verdict.FAIL for one in folders}
    audits = {one: Verdict.PASS if is_result[one] else verdicts[one] for one in folders}
    validity = {index: one["verdict"] for index, one in stored.validity().items()}
    failed, unknown = (
        [folder for folder in folders if audits[folder] is verdict]
        for verdict in (Verdict.FAIL, Verdict.UNKNOWN)
    )
    invalid = [one for one in folders if validity.get(load_record(one).index) == "INVALID"]
    if failed:
        statement = f"the audit failed in {_counted(failed, folders)}"
        return CampaignVerdict(ExitCode.CORRECTNESS, statement)
    if not folders:
        return CampaignVerdict(ExitCode.INVALID, "no run is finished")
    if unknown:
        statement = f"not everything was audited in {_counted(unknown, folders)}"
        return CampaignVerdict(ExitCode.INVALID, statement)
    if invalid:
        return CampaignVerdict(ExitCode.INVALID, f"invalid: {_counted(invalid, folders)}")
    if looks.is_undecided(stored.description()):
        return CampaignVerdict(ExitCode.INCONCLUSIVE, "the last look did not decide everything")
    n = len(folders)
    each = "the run is valid, and its audit" if n == 1 else f"all {n} runs are valid, every audit"
    but = ", but for what this experiment is about" if any(is_result.values()) else ""
    return CampaignVerdict(ExitCode.OK, f"{each} passed{but}")


def _asked_about(stored: Campaign) -> set[str]:
    """Return the variants that the expectations of an experiment ask the audit about."""
    expected = stored.description().get("scenario", {}).get("expectations") or ()
    return {one["of"] for one in expected if one["audit"] is not None}


def _variant(folder: Path) -> str:
    """Return the variant of a run by its folder, such as ``03-queue``."""
    return folder.name.partition("-")[2]


def print_complaints(console: Console, stored: Campaign, every_finding: bool = False) -> None:
    """Print why runs are invalid, and each finding that is not a pass."""
    reasons = {index: one["reasons"] for index, one in stored.validity().items()}
    for folder in stored.run_folders():
        for reason in reasons[load_record(folder).index]:
            console.print(f"{folder.name}: INVALID: {reason}", markup=False)
        for finding in load_findings(folder):
            if every_finding or finding.verdict is not Verdict.PASS:
                console.print(f"{folder.name}: {_line(finding)}", markup=False)


def _of_all(findings: Iterable[Finding]) -> Verdict:
    return worst(one.verdict for one in findings)


def _counted(some: Sequence[Path], every: Sequence[Path]) -> str:
    """Return how many of the runs these are, the first three by their names."""
    names = ", ".join(one.name for one in some[:3])
    more = f" and {len(some) - 3} more" if len(some) > 3 else ""
    plural = "" if len(every) == 1 else "s"
    return f"{len(some)} of {len(every)} run{plural}: {names}{more}"


def _line(finding: Finding) -> str:
    """Return a finding in a line; what is no matter of correctness says so."""
    about = "" if finding.category is Category.CORRECTNESS else f" ({finding.category})"
    return f"{finding.id} {finding.verdict}{about}: {finding.title}: {finding.summary}"
