"""Campaigns on containers through the public command: audited, reported, and nothing left."""

from pathlib import Path

import pytest

from harness.findings import Verdict
from harness.store import Campaign, load_findings

pytestmark = [
    pytest.mark.deploys,
    pytest.mark.integration,
    pytest.mark.timeout(600),
    pytest.mark.usefixtures("engine_or_skip", "nothing_left"),
]
SMALL = Path(__file__).with_name("small.toml")
FAULTS = """
[[faults]]
kind = "kill"
service = "payment-worker"
replica = 2
at_s = 5.5
for_s = 2.0

[[faults]]
kind = "cut"
service = "payment-worker"
replica = 3
at_s = 6.0
for_s = 3.0

[[faults]]
kind = "cut"
service = "redis"
at_s = 10.0
for_s = 2.0
"""


def runs_of(out):
    """The runs of a campaign by approach, each audited clean."""
    stored = Campaign.open(out)
    for folder in stored.run_folders():
        findings = load_findings(folder)
        assert {one.verdict for one in findings} == {Verdict.PASS}, findings
    runs = {run.approach: run for run in stored.load_runs()}
    for run in runs.values():
        assert run.record["validity"]["verdict"] == "VALID", run.record["validity"]
    return runs


def log_names(out):
    """The logs of the services, as every campaign keeps them."""
    return {str(path.relative_to(out)) for path in out.glob("runs/*/logs/*")}


def outcomes(run):
    """What the gateway said of each charge, by the buyer's key."""
    return dict(zip(run.charges["reference"], run.charges["outcome"], strict=True))


def test_both_runtimes_measure_and_pay_alike(cli, tmp_path):
    runs = {}
    for runtime in ("docker", "local"):
        out = tmp_path / runtime
        done = cli.run("run", SMALL, "--runtime", runtime, "--out", out, timeout_s=400)
        assert done.returncode == 0, done.stdout + done.stderr
        assert (out / "report" / "index.html").exists()
        runs[runtime] = runs_of(out)
        assert set(runs[runtime]) == {"sync", "queue"}

    for approach, ours in runs["docker"].items():
        theirs = runs["local"][approach]
        mine, other = outcomes(ours), outcomes(theirs)
        both = mine.keys() & other.keys()
        assert len(both) > 10
        assert {key: mine[key] for key in both} == {key: other[key] for key in both}
        for metric in ("cpu_s", "memory_bytes"):
            sampled = ours.telemetry[ours.telemetry["metric"] == metric]
            assert set(ours.record["topology"]["services"]) <= set(sampled["source"])
        assert log_names(tmp_path / "docker") == log_names(tmp_path / "local")
        deployment = ours.record["deployment"]
        assert deployment["runtime"] == "docker"
        assert all(one["digest"].startswith("sha256:") for one in deployment["images"].values())

    report = (tmp_path / "docker" / "report" / "report.md").read_text()
    assert "sha256:" in report
    facts = Campaign.open(tmp_path / "docker").description()["runtime_facts"]
    assert facts["name"] == "docker"
    assert facts["engine"] in report


def test_a_killed_worker_and_cut_networks_lose_nothing(cli, tmp_path):
    scenario = tmp_path / "faults.toml"
    enough = SMALL.read_text().replace("stock = 40", "stock = 400")  # orders to the end
    scenario.write_text(enough + FAULTS)
    out = tmp_path / "campaign"
    done = cli.run(
        "run", scenario, "--runtime", "docker", "--approach", "queue", "--out", out, timeout_s=400
    )
    assert done.returncode == 0, done.stdout + done.stderr
    run = runs_of(out)["queue"]
    assert [(one["kind"], one["service"]) for one in run.record["faults"]] == [
        ("kill", "payment-worker"),
        ("cut", "payment-worker"),
        ("cut", "redis"),
    ]
    for fault in run.record["faults"]:
        assert fault["error"] is None
        assert fault["begun_ns"] < fault["ended_ns"] <= fault["healthy_ns"]
