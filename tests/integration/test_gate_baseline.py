"""`harness baseline` keeps how the approaches compare, and `harness gate --baseline` asks again."""

import json
import shutil
from pathlib import Path

import pytest

from harness.gate import stored_baseline
from tests.integration.conftest import ROOT

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

TINY = Path(__file__).with_name("tiny.toml")
REFERENCE = ROOT / "results" / "reference"
SETTINGS = """
scenario = "ci"

[metrics.confirmed_orders]
tolerance = 0.15

[metrics.http_error_rate_pct]
points = 1.0
"""


@pytest.fixture
def scenario(tmp_path):
    """A sale of seconds whose whole stock is sold, so that its numbers are known."""
    text = TINY.read_text()
    for old, new in (
        ("runs = 1", "runs = 2"),
        ("stock = 40", "stock = 8"),
        ("mean_s = 0.5", "mean_s = 0.1"),
        ("seconds = 5\n", "seconds = 2\n"),
        ("seconds = 7\n", "seconds = 3\n"),
        ("seconds = 3\nspawn_rate = 20\n", "seconds = 3\nspawn_rate = 40\n"),
    ):
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "seconds.toml"
    path.write_text(text)
    return path


@pytest.fixture
def gate(cli, tmp_path, scenario):
    """Hold a gate of the scenario against a baseline, into a folder of a name."""
    settings = tmp_path / "gate.toml"
    settings.write_text(SETTINGS)

    def hold(kept, name):
        words = ("--scenario", scenario, "--settings", settings, "--out", tmp_path / name)
        return cli.run("gate", "--baseline", kept, *words)

    return hold


@pytest.mark.exhaustive
def test_head_is_as_good_as_its_own_baseline_but_another_sale_is_not_compared(
    cli, gate, scenario, tmp_path
):
    campaign, kept = tmp_path / "campaign", tmp_path / "kept" / "baseline.json"
    done = cli.run("run", scenario, "--approach", "queue", "--approach", "sync", "--out", campaign)
    assert done.returncode == 0, done.stdout + done.stderr
    done = cli.run("baseline", campaign, "--out", kept)
    assert done.returncode == 0, done.stderr
    assert "queue ÷ sync" in done.stdout
    assert stored_baseline.read(kept).changes["queue ÷ sync"]["confirmed_orders"].ratios

    done = gate(kept, "gate")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS" in done.stdout
    comparison = json.loads((tmp_path / "gate" / "comparison-ratios" / "campaign.json").read_text())
    assert sorted(one["name"] for one in comparison["variants"]) == ["queue", "sync"]
    sides = json.loads((tmp_path / "gate" / "plan.json").read_text())["sides"]
    assert sides["base"]["name"] == str(kept)

    scenario.write_text(scenario.read_text().replace("stock = 8", "stock = 9"))
    done = gate(kept, "other")
    assert done.returncode == 50, done.stdout + done.stderr
    assert "scenario: product.stock: 8 in A, 9 in B" in done.stderr
    assert not (tmp_path / "other" / "comparison-ratios").exists()
    told = json.loads((tmp_path / "other" / "gate.json").read_text())
    assert told["reasons"] == ["scenario: product.stock: 8 in A, 9 in B"]


@pytest.mark.slow
def test_a_baseline_of_another_scenario_and_runtime_is_refused_with_all_reasons(
    cli, gate, tmp_path
):
    campaign, kept = tmp_path / "campaign", tmp_path / "baseline.json"
    shutil.copytree(REFERENCE, campaign, ignore=shutil.ignore_patterns("report"))
    description = json.loads((campaign / "campaign.json").read_text()) | {"runtime": "docker"}
    (campaign / "campaign.json").write_text(json.dumps(description))
    done = cli.run("baseline", campaign, "--out", kept)
    assert done.returncode == 0, done.stderr
    done = gate(kept, "gate")
    assert done.returncode == 50, done.stdout + done.stderr
    for reason in ("- runtime: docker in A, local in B", "- seed: 42 in A, 7 in B", "- scenario: "):
        assert reason in done.stderr
    assert len(json.loads((tmp_path / "gate" / "gate.json").read_text())["reasons"]) > 3


def test_no_baseline_is_another_answer_than_no_campaign(cli, gate, tmp_path):
    done = gate(tmp_path / "nowhere.json", "gate")
    assert done.returncode == 50, done.stdout + done.stderr
    done = cli.run("baseline", tmp_path)
    assert done.returncode == 64, done.stdout + done.stderr
