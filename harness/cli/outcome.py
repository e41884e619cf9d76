"""What a campaign comes to: a few lines for the terminal, and the exit code for the caller."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console

from harness.analysis import looks
from harness.analysis.metric import Listing
from harness.analysis.metrics import listed
from harness.errors import ExitCode
from harness.results.findings import Category, Finding, Verdict, correctness, worst
from harness.results.store import Campaign, load_findings, load_record, read_json


def campaign_exit_code(stored: Campaign, *, strict: bool = False) -> ExitCode:
    """Return 20 if an audit failed, else 40 if a run is invalid or unaudited, else 30 or 0.

    30: it was to run until all is decided, and that did not come. Findings about durability and
    security of the set-up count only if `strict`.
    """
    found = [load_findings(folder) for folder in stored.run_folders()]
    judge = _of_all if strict else correctness
    verdicts = [judge(findings) for findings in found]
    if Verdict.FAIL in verdicts:
        return ExitCode.CORRECTNESS
    validity = [one["verdict"] for one in stored.validity().values()]
    if not verdicts or Verdict.UNKNOWN in verdicts or "INVALID" in validity:
        return ExitCode.INVALID
    if looks.is_undecided(stored.description()):
        return ExitCode.INCONCLUSIVE
    return ExitCode.OK


def print_outcome(console: Console, stored: Campaign, every_finding: bool = False) -> None:
    """Print the headline of the comparison, and what speaks against its runs."""
    summary = read_json(stored.path / "summary.json")
    if found := looks.progress_text(summary["campaign"]):
        console.print(found)
    for approach in summary["variants"]:
        if "statement" in approach:
            console.print(approach["statement"])
            continue
        cells = [_cell(summary, approach, metric) for metric in listed(Listing.KEY)]
        console.print(f"{approach['name']}: " + " · ".join(cell for cell in cells if cell))
    print_complaints(console, stored, every_finding)


def print_complaints(console: Console, stored: Campaign, every_finding: bool = False) -> None:
    """Print why runs are invalid, and each finding that is not a pass."""
    reasons = {index: one["reasons"] for index, one in stored.validity().items()}
    for folder in stored.run_folders():
        for reason in reasons[load_record(folder).index]:
            console.print(f"{folder.name}: INVALID: {reason}")
        for finding in load_findings(folder):
            if every_finding or finding.verdict is not Verdict.PASS:
                console.print(f"{folder.name}: {_line(finding)}")


def _of_all(findings: Iterable[Finding]) -> Verdict:
    return worst(one.verdict for one in findings)


def _line(finding: Finding) -> str:
    """Return a finding in a line; what is no matter of correctness says so."""
    about = "" if finding.category is Category.CORRECTNESS else f" ({finding.category})"
    return f"{finding.id} {finding.verdict}{about}: {finding.title}: {finding.summary}"


def _cell(summary: dict[str, Any], approach: dict[str, Any], metric: str) -> str:
    estimate = approach["metrics"].get(metric)
    facts = summary["metrics"].get(metric)
    if not estimate or not facts:
        return ""
    value, sign = estimate["value"], ""
    if value is None:
        value, sign = estimate["low"], "≥ "
    shown = "–" if value is None else f"{sign}{value:,.{facts['digits']}f} {facts['unit']}".rstrip()
    return f"{facts['title']} {shown}"
