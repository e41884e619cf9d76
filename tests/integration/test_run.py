"""The main job through the public command: a short sale, both approaches, audited and reported."""

import contextlib
import time
from pathlib import Path

import psutil
import pytest

from harness.results.findings import Verdict
from harness.results.store import Campaign, load_findings
from harness.topology.secrets import NAMES
from tests.support.secret_search import secrets_below, secrets_in

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]
SECRETS = (*NAMES, "REDISCLI_AUTH")
TINY = Path(__file__).with_name("tiny.toml")
BOTH = ("--approach", "queue", "--approach", "sync")
"""What the test knows of, whatever other approaches there are."""
FEW_WORKERS = ("--scale", "payment-worker=1", "--set", "payment-worker.PROCESSES=2")
"""Enough for a tiny sale: the queue's 36 take longer to start than most tests to look."""


def test_a_campaign_is_audited_reported_and_leaves_nothing(cli, tmp_path):
    out = tmp_path / "campaign"
    process = cli.start("run", TINY, *BOTH, *FEW_WORKERS, "--out", out)
    secrets = secrets_while_running(cli, process)
    printed = process.communicate()[0]
    assert process.returncode == 0, printed

    assert len(secrets) >= 7  # three of one approach, four of the other
    kept = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    kept[Path("the terminal")] = printed.encode()
    for secret in secrets:
        assert [path for path, content in kept.items() if secret.encode() in content] == []
    assert secrets_below(out) == []
    assert secrets_in(printed) == []

    stored = Campaign.open(out)
    runs = stored.load_runs()
    assert sorted(run.approach for run in runs) == ["queue", "sync"]
    for run, folder in zip(runs, stored.run_folders(), strict=True):
        assert run.record.validity.verdict == "VALID", run.record.validity
        findings = load_findings(folder)
        assert {f.verdict for f in findings} == {Verdict.PASS}, findings
        assert run.record.reset_proof.clean
        (product,) = run.record.store.products
        assert product.sold == (run.orders["status"] == "confirmed").sum() <= 40
    queue = next(run for run in runs if run.approach == "queue")
    assert (queue.orders["status"] == "confirmed").sum() == 40

    page = out / "report" / "index.html"
    assert page.exists()
    assert "queue" in page.read_text()
    assert (out / "report" / "report.md").exists()
    assert list((out / "report" / "figures").glob("*.svg"))
    assert list((out / "report" / "tables").glob("*.csv"))

    derived = {
        path: path.read_bytes()
        for path in [out / "summary.json", *(out / "report").rglob("*")]
        if path.is_file()
    }
    again = cli.run("report", out)
    assert again.returncode == 0, again.stdout + again.stderr
    assert {path: path.read_bytes() for path in derived} == derived

    assert cli.run("audit", out).returncode == 0


@pytest.mark.deploys
def test_what_a_killed_harness_left_is_removed_by_clean(cli, tmp_path):
    process = cli.start("run", TINY, "--out", tmp_path / "c", "--approach", "queue")
    wait_for(lambda: len(cli.left_behind()) > 20, process)
    process.kill()
    process.wait()
    process.stdout.close()
    assert cli.left_behind()
    cleaned = cli.run("clean")
    assert cleaned.returncode == 0, cleaned.stderr
    assert cli.left_behind() == []


def secrets_while_running(cli, process):
    """The secrets in the environments of all that is deployed, gathered until the command ends."""
    found = set()
    while process.poll() is None:
        for one in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                found |= {text for key, text in one.environ().items() if key in SECRETS}
        psutil.wait_procs([psutil.Process(process.pid)], timeout=1)
    return found


def wait_for(condition, process, limit_s=120):
    deadline_s = time.monotonic() + limit_s
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline_s, "the condition did not come true"
        psutil.wait_procs([psutil.Process(process.pid)], timeout=0.1)
