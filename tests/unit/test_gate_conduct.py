"""The steps of a gate, with runs that are only written down: which are made, what they decide."""

import json
from pathlib import Path

import pytest

from harness.analysis import METRICS
from harness.campaign import Variant
from harness.campaign import blocks as made_in_blocks
from harness.campaign.observer import CompositeObserver
from harness.errors import ExitCode
from harness.gate.comparison_modes import AgainstBase
from harness.gate.gate_plan import Plan
from harness.gate.procedure import Bench, Gate
from harness.gate.result import Ruling, Side
from harness.gate.settings import Criterion, Settings
from harness.gate.sides import BASE, HEAD, variant_name
from harness.results.store import run_folder_name
from harness.scenario.model import load_scenario
from tests.support.records import a_record
from tests.support.small_project import write_small_project

ROOT = Path(__file__).parents[2]
P95, ERRORS = "purchase_latency_p95_ms", "http_error_rate_pct"
CRITERIA = (Criterion(METRICS[P95], tolerance=0.15), Criterion(METRICS[ERRORS], points=1.0))
SAME = [100.0] * 8
SLOWER = [150.0] * 8
NOISY = [100.0, 200.0, 50.0, 100.0, 180.0, 60.0, 100.0, 120.0]


class Idle:
    """A runtime that could do everything, and is asked for nothing."""

    name = "idle"

    def check(self, topology, faults):
        pass

    def facts(self):
        return {}


class World:
    """What happens in each run: offences and reasons for invalidity by (campaign, index)."""

    def __init__(self, monkeypatch, root, **heads):
        self.made = []
        self.offences, self.invalid = {}, {}
        self.patience = 99
        self._heads = heads
        monkeypatch.setattr(made_in_blocks, "execute_run", self._execute)
        monkeypatch.setattr("harness.analysis.derived.summarise", self._summarise)
        self.out = root / "out"
        self.told = []
        self.project = root / "project"
        self.project.mkdir()
        compose = write_small_project(root / "small")
        for name in ("small", "noisy"):
            (self.project / f"docker-compose.{name}.yml").symlink_to(compose)

    def _summarise(self, stored):
        """As much of a summary as a gate reads."""
        purpose = stored.path.name.partition("-")[0]
        heads = self._heads.get(purpose, self._heads["comparison"])
        approaches = {}
        for folder in stored.run_folders():
            record = json.loads((folder / "run.json").read_text())
            name, block = record["variant"], record["block"]
            said = {"noisy-head": self._heads.get("noisy"), "small-head": heads}.get(name, SAME)
            one = approaches.setdefault(
                name,
                {"name": name, "runs": [], "metrics": {m: {"per_run": []} for m in (P95, ERRORS)}},
            )
            one["runs"].append({"block": block, "valid": not record["validity"]["reasons"]})
            one["metrics"][P95]["per_run"].append(said[block - 1])
            one["metrics"][ERRORS]["per_run"].append(0.0)
        return {"variants": list(approaches.values())}

    def gate(self, contention=True, approaches=("small",)):
        scenario, sales = (load_scenario(name, ROOT) for name in ("ci", "ci_contention"))
        asked = Plan(
            mode="base",
            against="main",
            settings=Settings("ci", "ci_contention" if contention else None, CRITERIA),
            scenario=scenario.model_copy(update={"approach": {}}),
            contention=sales.model_copy(update={"approach": {}}) if contention else None,
            approaches=(),
            created_at="2026-11-25T00:00:00+00:00",
        )
        bench = Bench(self.out, self.project, Idle(), CompositeObserver(()), self.told.append)
        side = Side("base", "abc", False, "s", "l")
        pairs = {
            name: tuple(Variant(variant_name(name, side), name) for side in (BASE, HEAD))
            for name in approaches
        }
        mode = AgainstBase(pairs, [Variant("small-head", "small")], CRITERIA)
        return Gate(asked, bench, mode).run(side, side)

    def runs_of(self, campaign):
        return [run for name, run in self.made if name == campaign]

    def _execute(self, planned, scenario, topology, runtime, stored, observer, workers):
        """Only write a run down as finished."""
        self.patience -= 1
        if self.patience == 0:
            raise KeyboardInterrupt
        key = (stored.path.name, planned.index)
        self.made.append((stored.path.name, planned))
        folder = stored.path / "runs" / run_folder_name(planned.index, planned.variant)
        folder.mkdir()
        reasons = self.invalid.get(key, [])
        record = a_record(
            variant=planned.variant,
            approach=planned.variant.rpartition("-")[0],
            index=planned.index,
            block=planned.block,
            sales=[{"number": 1, "product_id": 1, "stock": 1}],
            validity={"verdict": "INVALID" if reasons else "VALID", "reasons": reasons},
        )
        verdict = self.offences.get(key, "PASS")
        finding = {"id": "I1", "title": "Nothing is oversold", "summary": "", "examples": []}
        findings = [{**finding, "verdict": verdict}]
        (folder / "audit.json").write_text(json.dumps({"verdict": verdict, "findings": findings}))
        (folder / "run.json").write_text(json.dumps(record))


@pytest.fixture
def world_of(tmp_path, monkeypatch):
    return lambda **heads: World(monkeypatch, tmp_path, **heads)


def test_equals_pass_after_the_first_look_and_nothing_is_confirmed(world_of):
    world = world_of(comparison=SAME)
    result = world.gate()
    assert result.exit_code is ExitCode.OK
    assert [look.blocks for look in result.looks] == [3]
    assert len(world.runs_of("contention")) == 1
    assert [run.variant for run in world.runs_of("contention")] == ["small-head"]
    assert len(world.runs_of("comparison-small")) == 6
    assert result.campaigns == ("contention", "comparison-small")
    assert result.confirmations == ()
    assert (result.audited_runs, result.audited_sales) == (7, 7)


def test_what_is_not_decided_is_looked_at_again_until_the_last_look(world_of):
    world = world_of(comparison=NOISY)
    result = world.gate()
    assert result.exit_code is ExitCode.INCONCLUSIVE
    assert [look.blocks for look in result.looks] == [3, 5, 8]
    assert len(world.runs_of("comparison-small")) == 16


def test_a_failure_is_confirmed_by_more_blocks_under_other_seeds(world_of):
    world = world_of(comparison=SLOWER)
    result = world.gate()
    assert result.exit_code is ExitCode.REGRESSION
    assert len(world.runs_of("confirmation-small")) == len(world.runs_of("comparison-small")) == 6
    seeds = {name: {run.seed for run in world.runs_of(name)} for name in result.campaigns}
    assert seeds["confirmation-small"].isdisjoint(seeds["comparison-small"])


def test_a_failure_that_is_not_seen_again_is_none(world_of):
    world = world_of(comparison=SLOWER, confirmation=SAME)
    result = world.gate()
    assert result.exit_code is ExitCode.INCONCLUSIVE
    (open_one,) = [row for row in result.rows if row.ruling is Ruling.INCONCLUSIVE]
    assert (open_one.metric, "not confirmed" in open_one.why) == (P95, True)


def test_what_takes_more_blocks_to_be_seen_again_is_given_them(world_of):
    world = world_of(comparison=SLOWER, confirmation=[110.0, 190.0, 170.0, 150.0, 160.0])
    result = world.gate()
    assert result.exit_code is ExitCode.REGRESSION
    assert len(world.runs_of("comparison-small")) == 6
    assert len(world.runs_of("confirmation-small")) == 10
    assert [look.blocks for look in result.confirmations] == [5]


def test_an_oversell_in_the_contention_test_ends_the_gate(world_of):
    world = world_of(comparison=SLOWER)
    world.offences["contention", 1] = "FAIL"
    result = world.gate()
    assert result.exit_code is ExitCode.CORRECTNESS
    assert world.runs_of("comparison-small") == []
    assert result.rows == ()


@pytest.mark.parametrize("index", [1, 2, 3])
def test_one_unclean_run_of_any_side_decides_and_no_further_run_is_made(world_of, index):
    world = world_of(comparison=SAME)
    world.offences["comparison-small", index] = "FAIL"
    result = world.gate()
    assert result.exit_code is ExitCode.CORRECTNESS
    assert len(world.runs_of("comparison-small")) == index
    (offence,) = result.offences
    assert offence.run.side in ("base", "head")


def test_an_invalid_run_costs_its_block_and_a_second_one_the_gate(world_of):
    world = world_of(comparison=SAME)
    world.invalid["comparison-small", 1] = ["generator CPU"]
    result = world.gate(contention=False)
    assert result.exit_code is ExitCode.OK
    assert {row.blocks for row in result.rows} == {2}
    assert len(result.invalid_runs) == 1


def test_two_lost_blocks_are_no_measurement(world_of):
    world = world_of(comparison=SLOWER)
    world.invalid["comparison-small", 1] = world.invalid["comparison-small", 3] = ["generator CPU"]
    result = world.gate(contention=False)
    assert result.exit_code is ExitCode.INVALID
    assert len(world.runs_of("comparison-small")) == 3


@pytest.mark.parametrize("killed_at", [1, 2, 4, 8, 9, 13, 14])
def test_a_gate_that_is_continued_ends_as_one_that_was_not(world_of, killed_at):
    world = world_of(comparison=SLOWER)
    world.patience = killed_at
    try:
        world.gate()
    except KeyboardInterrupt:
        made = len(world.made)
        world.patience = 99
        result = world.gate()
        assert len(world.made) == 13
        assert made == killed_at - 1
    else:
        result = world.gate()
    assert result.exit_code is ExitCode.REGRESSION
    assert len(world.made) == 13
    assert [look.blocks for look in result.looks] == [3]


def test_each_approach_is_compared_until_it_is_decided(world_of):
    """One that is noisy does not cost the time of one that is not."""
    world = world_of(comparison=SAME, noisy=NOISY)
    result = world.gate(approaches=("small", "noisy"))
    assert result.exit_code is ExitCode.INCONCLUSIVE
    assert len(world.runs_of("comparison-small")) == 6
    assert len(world.runs_of("comparison-noisy")) == 16
    assert {run.variant for run in world.runs_of("comparison-noisy")} == {
        "noisy-base",
        "noisy-head",
    }
    assert {row.subject: row.blocks for row in result.rows} == {"small": 3, "noisy": 8}
    assert [(look.campaign, look.blocks) for look in result.looks] == [
        ("comparison-small", 3),
        ("comparison-noisy", 3),
        ("comparison-noisy", 5),
        ("comparison-noisy", 8),
    ]


def test_each_approach_that_failed_is_confirmed_after_all_are_compared(world_of):
    world = world_of(comparison=SLOWER, noisy=SLOWER)
    result = world.gate(approaches=("small", "noisy"))
    assert result.exit_code is ExitCode.REGRESSION
    assert result.campaigns == (
        "contention",
        "comparison-small",
        "comparison-noisy",
        "confirmation-small",
        "confirmation-noisy",
    )
    assert [look.campaign for look in result.confirmations] == list(result.campaigns[3:])


@pytest.mark.parametrize("killed_at", [3, 7, 8, 12, 23])
def test_what_is_decided_of_one_approach_stays_so_when_the_gate_is_continued(world_of, killed_at):
    """The plan of what is decided is cut to the runs that were made, and is not gone on with."""
    world = world_of(comparison=SAME, noisy=NOISY)
    world.patience = killed_at
    with pytest.raises(KeyboardInterrupt):
        world.gate(approaches=("small", "noisy"))
    world.patience = 99
    result = world.gate(approaches=("small", "noisy"))
    assert {row.subject: row.blocks for row in result.rows} == {"small": 3, "noisy": 8}
    assert len(world.made) == 1 + 6 + 16


def test_an_unclean_run_of_one_approach_leaves_the_other_out(world_of):
    world = world_of(comparison=SLOWER)
    world.offences["comparison-small", 2] = "FAIL"
    result = world.gate(approaches=("small", "noisy"))
    assert result.exit_code is ExitCode.CORRECTNESS
    assert result.campaigns == ("contention", "comparison-small")
