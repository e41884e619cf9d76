"""The whole gate: the contention test, the comparison, and what failed once more.

1. head's contention test: many short sales; whoever oversells one is not measured any further
2. the comparisons, one for each approach: 3, 5, 8 blocks of base and head in turn, until the rule
   decides
3. the confirmation: the same looks again at what failed, because a verdict that sends somebody
   looking for a mistake must not be a mishap of the machine

Each is an ordinary campaign in the gate's folder. All that is decided follows from the runs
that are there, so a gate that was interrupted goes through the same steps again and makes only the
runs that are missing.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import campaign
from harness.analysis import derived
from harness.campaign import Blocks, Observer, Request, Variant
from harness.gate import rule, run_evidence
from harness.gate.comparison_modes import ComparisonMode, valid_runs
from harness.gate.gate_plan import Plan
from harness.gate.result import (
    COMPARISON,
    CONFIRMATION,
    CONTENTION,
    Look,
    Result,
    Row,
    Ruling,
    Side,
)
from harness.gate.run_evidence import Evidence
from harness.gate.verdict import has_too_many, verdict
from harness.results.store import Campaign
from harness.runtimes import Runtime
from harness.scenario.model import Scenario


@dataclass(frozen=True, slots=True)
class Bench:
    """Where a gate makes its campaigns, and by what: `root` is the project's folder."""

    out: Path
    root: Path
    runtime: Runtime
    observer: Observer
    on_message: Callable[[str], None]

    def campaign(
        self,
        name: str,
        scenario: Scenario,
        variants: Sequence[Variant],
        blocks: int,
        seed: int,
    ) -> Blocks:
        """Begin a campaign of the gate, or go on with the one that is there."""
        folder = self.out / name
        if (folder / "campaign.json").exists():
            folders = {one.name: one.folder for one in variants if one.folder is not None}
            return campaign.reopen(folder, self.root, self.runtime, self.observer, folders)
        request = Request(scenario, variants, blocks, seed, source=f"gate, {name}")
        return campaign.begin(request, self.root, folder, self.runtime, self.observer)


class Gate:
    """Goes through one gate, and keeps what was found so far."""

    def __init__(self, plan: Plan, bench: Bench, mode: ComparisonMode) -> None:
        self._plan = plan
        self._bench = bench
        self._mode = mode
        self._campaigns: dict[str, Campaign] = {}
        self._looks: list[Look] = []
        self._confirmations: list[Look] = []

    def run(self, base: Side, head: Side) -> Result:
        """Make every run that is needed and missing, and return what all of them come to."""
        begun_s = time.monotonic()
        rows: tuple[Row, ...] = ()
        if self._contention():
            compared = {group: self._compare(group) for group in self._mode.groups}
            rows = tuple(
                row for group, seen in compared.items() for row in self._confirm(group, seen)
            )
        found = self._evidence()
        code, statement = verdict(rows, found.offences, found.invalid_runs)
        plan = self._plan
        return Result(
            mode=plan.mode,
            exit_code=code,
            statement=statement,
            base=base,
            head=head,
            scenario=plan.settings.scenario,
            contention=plan.settings.contention,
            seed=plan.scenario.seed,
            runtime=self._bench.runtime.name,
            created_at=plan.created_at,
            took_s=round(time.monotonic() - begun_s, 1),
            rows=rows,
            looks=tuple(self._looks),
            confirmations=tuple(self._confirmations),
            offences=found.offences,
            invalid_runs=found.invalid_runs,
            warned_runs=found.warned_runs,
            audited_runs=found.runs,
            audited_sales=found.sales,
            campaigns=tuple(self._campaigns),
            environment=self._environment(),
        )

    def _contention(self) -> bool:
        """Make head's contention test, if there is one; return True if the comparison is due."""
        scenario = self._plan.contention
        if scenario is not None:
            runs, seed = scenario.runs, scenario.seed
            blocks = self._begin(CONTENTION, scenario, self._mode.contestants, runs, seed)
            blocks.make(runs, self._goes_on)
            derived.summarise(blocks.campaign)
        return self._goes_on()

    def _compare(self, group: str) -> tuple[Row, ...]:
        """Compare head with base; return what the last look says."""
        looks = self._looked(COMPARISON, group, self._plan.scenario.seed, lambda _: True)
        self._looks += looks
        return looks[-1].rows if looks else ()

    def _confirm(self, group: str, rows: tuple[Row, ...]) -> tuple[Row, ...]:
        """Measure again what failed, under other seeds; only what fails again has failed.

        It is given the same looks: three blocks may see by luck what takes five to be seen twice.
        """
        failed = {_key(row) for row in rows if row.ruling is Ruling.FAIL}
        if not failed or not self._goes_on():
            return rows
        seed = self._plan.scenario.seed + rule.LOOKS[-1]  # each block has had one of its own
        looks = self._looked(CONFIRMATION, group, seed, lambda row: _key(row) in failed)
        if not self._goes_on():
            return rows
        self._confirmations.append(looks[-1])
        again = {_key(row): row for row in looks[-1].rows}
        return tuple(
            rule.confirm(row, again[_key(row)]) if _key(row) in failed else row for row in rows
        )

    def _looked(self, name: str, group: str, seed: int, asks: Callable[[Row], bool]) -> list[Look]:
        """Look after 3, 5, 8 blocks, until the rule decides the rows that are asked for."""
        looks: list[Look] = []
        if not self._goes_on():
            return looks
        scenario, variants = self._plan.scenario, self._mode.groups[group]
        self._bench.on_message(f"{name}: {' and '.join(one.name for one in variants)}")
        blocks = self._begin(f"{name}-{group}", scenario, variants, rule.LOOKS[-1], seed)
        for n_blocks in rule.LOOKS:
            blocks.make(n_blocks, self._goes_on)
            if not self._goes_on():
                derived.summarise(blocks.campaign)
                break
            looks.append(self._look(blocks.campaign, n_blocks))
            if rule.is_decided(list(filter(asks, looks[-1].rows))):
                break
        blocks.campaign.cut_plan()
        return looks

    def _look(self, measured: Campaign, blocks: int) -> Look:
        rows = self._mode.rows(valid_runs(derived.summarise(measured), blocks))
        counted = [f"{sum(row.ruling is ruling for row in rows)} {ruling}" for ruling in Ruling]
        self._bench.on_message(f"{measured.path.name}, after {blocks} blocks: {', '.join(counted)}")
        return Look(measured.path.name, blocks, rows)

    def _begin(
        self,
        name: str,
        scenario: Scenario,
        variants: Sequence[Variant],
        blocks: int,
        seed: int,
    ) -> Blocks:
        begun = self._bench.campaign(name, scenario, variants, blocks, seed)
        self._campaigns[name] = begun.campaign
        return begun

    def _goes_on(self) -> bool:
        """Return True if more runs could change the verdict."""
        found = self._evidence()
        return found.is_clean and not has_too_many(found.invalid_runs)

    def _evidence(self) -> Evidence:
        side_of = self._mode.side_of
        return run_evidence.joined(
            [run_evidence.of_campaign(one, side_of) for one in self._campaigns.values()]
        )

    def _environment(self) -> dict[str, object]:
        some = next(iter(self._campaigns.values()))
        environment: dict[str, object] = some.description()["environment"]
        return environment


def _key(row: Row) -> tuple[str, str]:
    return row.subject, row.metric
