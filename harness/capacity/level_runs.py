"""What a run says of its level: whether it kept every limit, and what it used up.

Only a run that is valid and clean measures the system. A run whose backlog was not worked off in
time breaks a limit, whatever the audit says of its open orders, unless it oversold or lost some.
Any other run that is invalid, or that the audit does not pass, is no measure: its level was not
served by it, but neither is it the system that says so.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from harness.analysis.run_facts import RunFacts
from harness.capacity.capacity_document import LevelRun, Outcome
from harness.capacity.limits import Limits, broken, measure
from harness.capacity.resources import resources
from harness.results.findings import Category, Finding, Law, Verdict, correctness
from harness.results.store import Campaign, RunData, load_findings, load_run

NO_OVERSELL, LOST = "I1", "acknowledged orders lost"
"""The invariant, and how the kind of offence begins, that a backlog does not explain."""


def level_run(
    run: RunData, findings: Sequence[Finding], validity: Mapping[str, Any], limits: Limits
) -> LevelRun:
    """Return a run as its level has it; `validity` is its verdict with the reasons."""
    facts = RunFacts(run)
    measured = measure(facts)
    over = list(broken(limits, measured))
    is_late = not run.record.drained and measured.unsettled > 0 and not _has_sold_wrongly(findings)
    unsound = list(_unsound(findings, validity, is_late=is_late))
    outcome = Outcome.UNMEASURED if unsound else Outcome.FAILED if over else Outcome.PASSED
    return LevelRun(
        index=run.index,
        block=run.record.block,
        outcome=outcome,
        reasons=[*unsound, *over],
        audit=correctness(findings),
        resources=resources(facts, _laws(run)),
        **asdict(measured),
    )


def stored_level_runs(
    campaign: Campaign, limits: Limits, of: int | None = None
) -> Iterator[tuple[str, LevelRun]]:
    """Yield the finished runs of a campaign with the name of their variant, in their order.

    `of` is the index of the only one that is asked for.
    """
    validity = campaign.validity()
    for folder in campaign.run_folders():
        if of is None or int(folder.name.partition("-")[0]) == of:
            run = load_run(folder)
            findings = load_findings(folder)
            yield run.variant, level_run(run, findings, validity[run.index], limits)


def _has_sold_wrongly(findings: Sequence[Finding]) -> bool:
    """Return True if units were oversold, or orders lost: no drain would mend that."""
    return any(
        one.verdict is Verdict.FAIL
        and (one.id == NO_OVERSELL or any(kind.startswith(LOST) for kind in one.offences))
        for one in findings
    )


def _unsound(
    findings: Sequence[Finding], validity: Mapping[str, Any], *, is_late: bool
) -> Iterator[str]:
    """Yield why a run is no measure of the system; one that `is_late` has open orders."""
    if validity["verdict"] != "VALID":
        yield from (f"invalid: {reason}" for reason in validity["reasons"])
    verdict = correctness(findings)
    if verdict is not Verdict.PASS and not is_late:
        about = [one for one in findings if one.category is Category.CORRECTNESS]
        names = ", ".join(one.id for one in about if one.verdict is verdict)
        yield f"the audit is {verdict}: {names or 'it was not made'}"


def _laws(run: RunData) -> Sequence[Law]:
    return run.record.validity.laws if run.record.validity is not None else ()
