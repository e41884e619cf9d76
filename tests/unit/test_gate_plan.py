"""plan.json: what a gate was asked is read as it was written, and refused before it begins."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.analysis import METRICS
from harness.errors import UsageError
from harness.gate import gate_plan
from harness.gate.result import Side
from harness.gate.settings import Criterion, Settings

ROOT = Path(__file__).parents[2]
LATENCY = Criterion(METRICS["purchase_latency_p95_ms"], tolerance=0.15, limit=9000)
SIDE = Side("base", "abc", False, "sources", "lock")


def asked(*criteria):
    return gate_plan.new(ROOT, "base", "main", Settings("ci", "ci_contention", criteria), ("sync",))


def test_it_is_read_as_it_was_written(tmp_path):
    errors = Criterion(METRICS["http_error_rate_pct"], points=1.0)
    begun = asked(replace(LATENCY, approach={"queue": {"tolerance": 0.35}}), errors)
    begun.begin(tmp_path / "gate", {"base": SIDE, "head": SIDE})
    assert gate_plan.read(tmp_path / "gate") == replace(begun, is_new=False)


def test_amounts_for_an_approach_that_is_not_there_are_refused():
    with pytest.raises(UsageError, match=r"purchase_latency_p95_ms\.approach\.queu: .*no such"):
        asked(replace(LATENCY, approach={"queu": {"tolerance": 0.35}}))


def test_a_scenario_with_a_sweep_is_refused(tmp_path):
    sweep = '\n[[sweep]]\nkey = "payment.mean_s"\nvalues = [1, 2]\n'
    scenario = tmp_path / "own.toml"
    scenario.write_text((ROOT / "scenarios/ci.toml").read_text("utf-8") + sweep, "utf-8")
    settings = Settings(str(scenario), None, (LATENCY,))
    with pytest.raises(UsageError, match=r"own\.toml: sweep: a gate compares two revisions"):
        gate_plan.new(ROOT, "base", "main", settings, ("sync",))


def test_sides_that_are_not_what_they_were_are_refused(tmp_path):
    asked(LATENCY).begin(tmp_path / "gate", {"base": SIDE, "head": SIDE})
    resumed = gate_plan.read(tmp_path / "gate")
    resumed.begin(tmp_path / "gate", {"base": SIDE, "head": SIDE})
    with pytest.raises(UsageError, match="head is not what it was"):
        resumed.begin(tmp_path / "gate", {"base": SIDE, "head": replace(SIDE, sources="other")})
