"""A run with everything that decides whether it counts: its laws, its validity and its audit.

What every summary says of its runs and variants, of whatever kind they are, is said here.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import compress
from typing import Any

from harness.analysis.comparison import Side
from harness.analysis.estimates import Estimate
from harness.analysis.fault_effects import effects
from harness.analysis.laws import check_laws
from harness.analysis.run_facts import RunFacts
from harness.analysis.validity import VALID, validity
from harness.errors import UsageError
from harness.results.findings import Finding, Verdict, correctness, of_set_up, worst
from harness.results.record import RunRecord, Validity
from harness.results.store import RunData

Audits = Mapping[int, Sequence[Finding]]
"""The audit's findings by index of the run."""


@dataclass(frozen=True)
class JudgedRun:
    """A run as the analysis judges it now; its own record has what was judged when it was saved."""

    facts: RunFacts
    validity: Validity
    findings: Sequence[Finding]

    @property
    def record(self) -> RunRecord:
        """Return its record."""
        return self.facts.record

    @property
    def is_valid(self) -> bool:
        """Return True if it measured what it says."""
        return self.validity.verdict == VALID

    @property
    def audit(self) -> Verdict:
        """Return the audit's verdict on correctness."""
        return correctness(self.findings)

    @cached_property
    def effects(self) -> list[dict[str, Any]]:
        """What each of its faults did."""
        return effects(self.facts, self.findings)

    def entry(self, *, counted: bool) -> dict[str, Any]:
        """Return the run as one of its variant's."""
        return {
            "index": self.record.index,
            "block": self.record.block,
            "valid": self.is_valid,
            "counted": counted,
            "reasons": self.validity.reasons,
            "audit_verdict": self.audit,
        }

    def judgement(self) -> dict[str, Any]:
        """Return the run with its validity and its laws."""
        named = {
            "index": self.record.index,
            "block": self.record.block,
            "variant": self.record.variant,
        }
        return {**named, **self.validity.model_dump()}

    def warnings(self, kept: str) -> list[str]:
        """Return what a reader must know of the run; `kept` says what became of an invalid one."""
        where = f"run {self.record.index} ({self.record.variant})"
        reasons = "; ".join(self.validity.reasons)
        return [
            *([] if self.is_valid else [f"{where} is INVALID and {kept}: {reasons}"]),
            *(f"{where}: {warning}" for warning in self.validity.warnings),
            *(
                f"{where}: {found.category}: {found.id} {found.verdict}: {found.summary}"
                for found in of_set_up(self.findings)
            ),
        ]


def judge_runs(runs: Sequence[RunData], audits: Audits | None) -> list[JudgedRun]:
    """Judge every run, in their order; raise UsageError if there is none.

    A run without audit is UNKNOWN.
    """
    if not runs:
        raise UsageError("the campaign has no finished run", "continue it with --resume")
    judged = []
    for facts in map(RunFacts, sorted(runs, key=lambda run: run.record.index)):
        found = validity(facts, check_laws(facts))
        judged.append(JudgedRun(facts, found, (audits or {}).get(facts.record.index, ())))
    return judged


@dataclass(frozen=True)
class RunGroup:
    """Runs that are summed up together: those of a variant, or of one of its cases.

    Those that are valid count; if none is, all of them do, and nobody wins by them.
    """

    name: str
    title: str
    runs: Sequence[JudgedRun]

    @property
    def has_valid(self) -> bool:
        """Return True if a run is valid."""
        return any(run.is_valid for run in self.runs)

    @property
    def counts(self) -> list[bool]:
        """Return which of the runs count."""
        return [run.is_valid or not self.has_valid for run in self.runs]

    @property
    def facts(self) -> list[RunFacts]:
        """Return the facts of all runs."""
        return [run.facts for run in self.runs]

    @property
    def counted(self) -> list[RunFacts]:
        """Return the facts of the runs that count."""
        return list(compress(self.facts, self.counts))

    def side(self, estimate: Estimate, *, is_ranked: bool = True) -> Side:
        """Return the group in a comparison by one of its estimates."""
        blocks = (run.record.block for run in self.runs)
        by_block = dict(compress(zip(blocks, estimate.per_run, strict=True), self.counts))
        return Side(self.name, by_block, estimate, is_ranked, is_valid=self.has_valid)

    def describe(self) -> dict[str, Any]:
        """Return what every summary says of a variant before it comes to numbers."""
        topology = self.runs[0].facts.topology
        return {
            "name": self.name,
            "title": self.title,
            "approach": self.runs[0].facts.record.approach,
            "acknowledges": topology["acknowledges"],
            "containers": topology["containers"],
            "payment_slots": topology["payment_slots"],
            "audit_verdict": worst(run.audit for run in self.runs),
        }


def by_variant(campaign: Mapping[str, Any], runs: Sequence[JudgedRun]) -> list[RunGroup]:
    """Return the runs by variant: the baseline first, the others in the order asked for.

    Titles that are alike have the names beside them.
    """
    stated = {one["name"]: one for one in campaign.get("variants", ())}
    topologies = {run.record.variant: run.facts.topology for run in reversed(runs)}
    rest = sorted(
        set(topologies) - set(stated), key=lambda name: int(topologies[name]["containers"])
    )
    names = [name for name in (*stated, *rest) if name in topologies]
    names.sort(key=lambda name: name != campaign.get("baseline"))
    titles = {
        name: str(stated.get(name, {}).get("title") or topologies[name]["title"]) for name in names
    }
    counted = Counter(titles.values())
    return [
        RunGroup(
            name,
            title if counted[title] == 1 else f"{title} ({name})",
            [run for run in runs if run.record.variant == name],
        )
        for name, title in titles.items()
    ]


def worst_findings(runs: Sequence[JudgedRun]) -> list[dict[str, Any]]:
    """Return each audited invariant as its worst run has it, and which runs had that verdict."""
    by_id: dict[str, list[tuple[int, Finding]]] = {}
    for run in runs:
        for finding in run.findings:
            by_id.setdefault(finding.id, []).append((run.record.index, finding))
    rows = []
    for found in by_id.values():
        verdict = worst(finding.verdict for _, finding in found)
        bad = [(index, finding) for index, finding in found if finding.verdict is verdict]
        rows.append({**asdict(bad[0][1]), "runs": [index for index, _ in bad]})
    return rows
