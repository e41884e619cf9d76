"""All workers of a contender are killed in mid-sale: what is kept, and what is found missing."""

import pytest

from harness.results.findings import Verdict, correctness
from harness.results.store import Campaign, load_findings
from tests.integration.test_run import TINY

pytestmark = [
    pytest.mark.integration,
    pytest.mark.deploys,
    pytest.mark.timeout(900),
]

KILLED = """
[[faults]]
kind = "kill"
service = "payment-worker"
replica = "all"
at_stock = 25
for_s = 1
"""
SAFE = "safe=celery,payment-worker.CELERY_ACKS_LATE=1,payment-worker.VISIBILITY_TIMEOUT_S=10"
NOT_ENDED = ("acknowledged orders lost", "acknowledged orders not finished")


def test_only_celery_as_it_comes_loses_what_its_workers_had(cli, tmp_path):
    scenario = tmp_path / "killed.toml"
    text = TINY.read_text("utf-8").replace("mean_s = 0.5", "mean_s = 2.0")  # much is in hand
    # longer than a lease, and than what a worker may have in hand
    text = text.replace("limit_s = 30", "limit_s = 50")
    scenario.write_text(text + KILLED, encoding="utf-8")
    out = tmp_path / "campaign"
    variants = [word for one in ("skiplocked", "celery", SAFE) for word in ("--variant", one)]
    fewer = ("--set", "payment-worker.CONCURRENCY=12")
    done = cli.run("run", scenario, *variants, *fewer, "--out", out)
    assert done.returncode == 20, done.stdout + done.stderr
    stored = Campaign.open(out)
    findings = {
        run.variant: load_findings(folder)
        for run, folder in zip(stored.load_runs(), stored.run_folders(), strict=True)
    }
    assert correctness(findings["skiplocked"]) is Verdict.PASS, findings["skiplocked"]
    (late,) = [one.offences for one in findings["safe"] if one.id == "I3"]
    assert not any("lost" in what for what in late), late  # a message may come back after the drain
    found = {one.id: one for one in findings["celery"]}
    assert found["I3"].verdict is Verdict.FAIL
    assert all(what.startswith(NOT_ENDED) for what in found["I3"].offences)
    for harm in ("I1", "I5"):  # neither oversold nor doubled
        assert found[harm].verdict is Verdict.PASS, found[harm]
