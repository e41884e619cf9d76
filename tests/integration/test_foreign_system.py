"""A shop that knows nothing of the harness, in a folder of its own, is measured and found out."""

import os
from pathlib import Path

import pytest

from harness.audit import INVARIANTS
from harness.results.findings import Verdict
from harness.results.store import Campaign, load_findings
from tests.integration.test_run import TINY

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

FOREIGN = Path(__file__).parents[1] / "foreign"
COMPOSE = FOREIGN / "docker-compose.boutique.yml"
LEDGER = FOREIGN / "ledger.sql"
NOT_YIELDED = {
    *("order_events", "payments", "stock_moves", "cancelled_orders", "password_hashes"),
    "orders.version",
}
CASES = """
[[cases]]
name = "calm"
faults = []

[[cases]]
name = "worker killed"
faults = [{ kind = "kill", service = "worker", at_s = 6, for_s = 1 }]
"""

PROBER = """
[prober]
every_s = 1
"""


def test_no_more_than_a_mapping_is_written_for_it():
    declared, _ = COMPOSE.read_text("utf-8").split("x-app:")
    lines = [line for text in (declared, LEDGER.read_text("utf-8")) for line in text.splitlines()]
    assert len([line for line in lines if line.strip()]) <= 80


@pytest.fixture(scope="module")
def scenario(tmp_path_factory):
    """A sale that does not wait long for what will never end."""
    text = TINY.read_text("utf-8")
    for old, new in (
        ("stock = 40", "stock = 1000"),  # there is something to lose whenever the worker is killed
        ("limit_s = 30", "limit_s = 6"),
        ("watch_limit_s = 20", "watch_limit_s = 6"),
    ):
        assert text.count(f"\n{old}\n") == 1
        text = text.replace(f"\n{old}\n", f"\n{new}\n")
    path = tmp_path_factory.mktemp("scenario") / "foreign.toml"
    path.write_text(text + PROBER + CASES)
    return path


@pytest.mark.deploys
def test_it_is_measured_audited_and_found_out(cli, tmp_path, scenario):
    out = tmp_path / "campaign"
    done = cli.run("--project", FOREIGN, "run", scenario, "--out", out)
    assert done.returncode == 20, done.stdout + done.stderr

    stored = Campaign.open(out)
    runs = {run.record.case: run for run in stored.load_runs()}
    found = {
        run.case: {one.id: one for one in load_findings(folder)}
        for run, folder in zip(stored.records(), stored.run_folders(), strict=True)
    }
    for run in runs.values():
        assert run.is_valid, run.record.validity.reasons
        assert set(run.record.absent) == NOT_YIELDED
        assert run.sold > 0

    for case in found.values():
        for one in INVARIANTS:
            asked = one.id != "I10"  # there is no limit per buyer in this sale
            if asked and NOT_YIELDED.intersection(one.reads):
                assert case[one.id].verdict is not Verdict.PASS, one.id
    calm, killed = found["calm"], found["worker killed"]
    assert [one.id for one in calm.values() if one.verdict is Verdict.FAIL] == ["I20"]
    assert "a key with another body is refused" in calm["I20"].summary
    assert calm["I14"].summary == "not measured: run.json has no server_counts"
    assert calm["I3"].verdict is calm["I4"].verdict is calm["I7"].verdict is Verdict.PASS
    assert calm["I6"].summary == "not measured: the ledger yields no payments"
    assert killed["I3"].verdict is Verdict.FAIL
    assert "acknowledged orders not finished" in killed["I3"].summary
    assert killed["I6"].verdict is Verdict.FAIL
    assert "money taken for orders that are still open" in killed["I6"].summary


@pytest.mark.deploys
def test_what_it_does_otherwise_than_the_contract_is_named(cli):
    done = cli.run("--project", FOREIGN, "conform", "boutique")
    assert done.returncode == 20, done.stdout + done.stderr
    lines = {line[:13].strip(): [] for line in done.stdout.splitlines()}
    for line in done.stdout.splitlines():
        lines[line[:13].strip()].append(line[15:])
    assert len(lines["FAILED"]) == 1
    assert lines["FAILED"][0].startswith("a key belongs to one purchase")
    assert lines["not supported"] == [
        "a buyer gets no more than the limit: `seed` sets no limit per buyer"
    ]


def test_what_the_audit_will_not_know_is_said_before(cli):
    said = cli.run("--project", FOREIGN, "validate", "quick").stdout.splitlines()
    assert "boutique: its ledger yields no payments: unknown: I6, I8" in said
    assert "boutique: its ledger yields no order_events: unknown: I1, I8, I12" in said
    assert "boutique: its ledger yields no orders.version: unknown: I8" in said
    assert "boutique: it has no counters of requests: unknown: I14" in said


def test_its_folder_is_a_project_wherever_the_harness_is_called(cli):
    listed = cli.run("--project", FOREIGN, "validate", "quick", "--json")
    assert listed.returncode == 0, listed.stderr
    assert '"variants": [\n    "boutique"\n  ]' in listed.stdout
    assert "HARNESS_PATH" not in os.environ
