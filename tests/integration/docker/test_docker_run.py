"""Campaigns on containers through the public command: audited, reported, and nothing left."""

from pathlib import Path

import pytest

from approaches.gateway.payment_draws import PaymentModel, draw
from harness.results.findings import Verdict
from harness.results.store import Campaign, load_findings

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
at_s = 4.5
for_s = 2.0

[[faults]]
kind = "partition"
service = "payment-worker"
replica = 3
at_s = 5.0
for_s = 3.0

[[faults]]
kind = "partition"
service = "redis"
at_s = 8.5
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
        assert run.record.validity.verdict == "VALID", run.record.validity
    return runs


def log_names(out, run):
    """The logs that the campaign keeps of a run."""
    (folder,) = out.glob(f"runs/*{run.approach}*")
    return {path.name for path in (folder / "logs").iterdir()}


def test_containers_measure_and_pay_as_every_runtime_does(cli, tmp_path):
    out = tmp_path / "campaign"
    done = cli.run(
        *("run", SMALL, "--runtime", "docker", "--out", out),
        *("--approach", "queue", "--approach", "sync"),
        timeout_s=400,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (out / "report" / "index.html").exists()
    runs = runs_of(out)
    assert set(runs) == {"sync", "queue"}
    for run in runs.values():
        # the gateway draws by the seed and the buyer's key, wherever it runs
        paid = dict(zip(run.charges["reference"], run.charges["outcome"], strict=True))
        assert len(paid) > 10
        model = PaymentModel(mean_s=0.5)
        assert paid == {key: draw(str(run.record.seed), key, model).outcome for key in paid}
        services = run.record.topology["services"]
        for metric in ("cpu_s", "memory_bytes"):
            sampled = run.telemetry[run.telemetry["metric"] == metric]
            assert set(services) <= set(sampled["source"])
        deployment = run.record.deployment
        assert deployment["runtime"] == "docker"
        assert all(one["digest"].startswith("sha256:") for one in deployment["images"].values())
        replicas = [
            f"{name}-{n + 1}" for name in services for n in range(services[name]["replicas"])
        ]
        assert log_names(out, run) == {f"{one}.log.gz" for one in replicas}

    report = (out / "report" / "report.md").read_text()
    assert "sha256:" in report
    facts = Campaign.open(out).description()["runtime_facts"]
    assert facts["name"] == "docker"
    assert facts["engine"] in report


def test_a_killed_worker_and_cut_networks_lose_nothing(cli, tmp_path):
    scenario = tmp_path / "faults.toml"
    enough = SMALL.read_text().replace("stock = 40", "stock = 400")  # orders to the end
    scenario.write_text(enough + FAULTS)
    out = tmp_path / "campaign"
    done = cli.run(
        *("run", scenario, "--runtime", "docker", "--out", out),
        *("--approach", "queue", "--scale", "payment-worker=3"),
        timeout_s=400,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    run = runs_of(out)["queue"]
    assert [(one.kind, one.service) for one in run.record.faults] == [
        ("kill", "payment-worker"),
        ("partition", "payment-worker"),
        ("partition", "redis"),
    ]
    for fault in run.record.faults:
        assert fault.error is None
        assert fault.begun_ns < fault.ended_ns <= fault.healthy_ns
