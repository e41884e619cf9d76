"""The short form of the soak: a minute of its load, with random faults. See `make soak`."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from harness.analysis.fault_effects import HARM_KINDS
from harness.analysis.growth import KINDS
from harness.results.store import Campaign

pytestmark = [pytest.mark.deploys, pytest.mark.integration, pytest.mark.timeout(900)]

SOAK = Path(__file__).parents[2] / "scenarios/soak.toml"
FAULTS = 2
HARM = (*HARM_KINDS, "unsettled")


@pytest.fixture
def one_minute(tmp_path):
    text = SOAK.read_text("utf-8")
    assert text.count("seconds = 1790") == 1
    path = tmp_path / "soak.toml"
    path.write_text(text.replace("seconds = 1790", "seconds = 50"))
    return path


def test_random_faults_follow_each_other_and_nothing_is_lost(cli, tmp_path, one_minute):
    out = tmp_path / "soak"
    done = cli.run("run", one_minute, "--approach", "queue", "--out", out, timeout_s=880)
    assert done.returncode == 0, done.stdout + done.stderr

    summary = json.loads((out / "summary.json").read_text())
    (case,) = summary["cases"]
    assert (case["verdict"], case["invalid_runs"]) == ("PASS", [])
    assert {harm: case[harm] for harm in HARM} == dict.fromkeys(HARM, 0)
    assert len(summary["faults"]) == FAULTS
    for fault, following in pairwise(summary["faults"]):
        assert fault["healthy_s"] <= following["begun_s"]

    (run,) = Campaign.open(out).load_runs()
    services = set(run.record.topology["services"])
    for kind in KINDS:
        sampled = run.telemetry[run.telemetry["metric"] == kind.id]
        expected = services if kind.source is None else {kind.source}
        assert set(sampled["source"]) & services == expected, kind.id
        assert sampled["value"].max() > 0, kind.id
    assert summary["growth"] == [], "a minute is too short to judge growth"
