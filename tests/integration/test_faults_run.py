"""Faults through the public command: a shop is killed in a sale, and nothing is lost or left."""

import signal

import pytest

from harness.results.findings import Verdict
from harness.results.store import Campaign, load_findings
from tests.integration.test_run import BOTH, FEW_WORKERS, TINY, wait_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

CASES = """
[[cases]]
name = "api"
faults = [{ kind = "kill", service = "api", at_stock = 25, for_s = 1 }]

[[cases]]
name = "never asked for"
faults = [{ kind = "kill", service = "redis", at_s = 1 }]
"""

DELETED = """
[[faults]]
kind = "delete_account"
at_s = 5
count = 3
"""

PAUSE = """
[[faults]]
kind = "pause"
service = "postgres"
at_s = 1
for_s = 100
"""


@pytest.fixture
def scenario(tmp_path):
    def write(tail):
        path = tmp_path / "faults.toml"
        path.write_text(TINY.read_text() + tail)
        return path

    return write


@pytest.mark.deploys
def test_a_killed_shop_loses_nothing(cli, tmp_path, scenario):
    out = tmp_path / "campaign"
    words = (*BOTH, *FEW_WORKERS, "--case", "api")
    done = cli.run("run", scenario(CASES), *words, "--out", out)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fault: kill api-1" in done.stdout
    assert "fault: kill api-1: back after" in done.stdout

    stored = Campaign.open(out)
    assert stored.description()["cases"] == ["api"]
    runs = stored.load_runs()
    assert sorted(run.approach for run in runs) == ["queue", "sync"]
    for run, folder in zip(runs, stored.run_folders(), strict=True):
        assert (run.record.case, run.record.seed) == ("api", 7)
        (fault,) = run.record.faults
        assert (fault.kind, fault.service, fault.replica) == ("kill", "api", 1)
        assert fault.error is None
        assert 0 < fault.begun_ns < fault.ended_ns < fault.healthy_ns
        assert fault.in_flight is not None
        assert run.record.validity.verdict == "VALID", run.record.validity
        assert {one.verdict for one in load_findings(folder)} == {Verdict.PASS}


@pytest.mark.deploys
def test_deleted_accounts_buy_and_their_requests_are_counted(cli, tmp_path, scenario):
    out = tmp_path / "campaign"
    done = cli.run("run", scenario(DELETED), "--approach", "sync", "--out", out)
    assert "fault: delete_account of 3 buyers" in done.stdout
    (run,) = Campaign.open(out).load_runs()
    (fault,) = run.record.faults
    assert (fault.error, len(set(fault.users))) == (None, 3)
    assert [one.user_id for one in fault.purchases] == fault.users
    assert not set(fault.users) & set(run.orders["user_id"])
    routes = {(one.method, one.route) for one in fault.requests}
    assert {("POST", "/auth/register"), ("POST", "/auth/login"), ("POST", "/orders")} <= routes
    (folder,) = Campaign.open(out).run_folders()
    counts = next(finding for finding in load_findings(folder) if finding.id == "I14")
    assert counts.verdict is Verdict.PASS


@pytest.mark.deploys
def test_ctrl_c_while_a_store_is_paused_leaves_nothing(cli, tmp_path, scenario):
    process = cli.start(
        "run", scenario(PAUSE), "--approach", "queue", "--out", tmp_path / "campaign"
    )
    while "fault: pause postgres-1" not in (line := process.stdout.readline()):
        assert line, "it ended before the fault"
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert cli.left_behind() == []


def test_a_fault_of_what_is_not_there_stops_before_anything_is_deployed(cli, tmp_path, scenario):
    wrong = scenario(PAUSE.replace("postgres", "postgrez"))
    for words in (("validate", wrong), ("run", wrong, "--out", tmp_path / "campaign")):
        done = cli.run(*words)
        assert done.returncode == 64
        assert 'faults[1].service = "postgrez"' in done.stderr
    assert not (tmp_path / "campaign").exists()


@pytest.mark.deploys
def test_resume_makes_the_missing_case_with_its_own_seed(cli, tmp_path, scenario):
    out = tmp_path / "campaign"
    path = scenario(CASES.replace("never asked for", "redis"))
    words = ("--approach", "queue", *FEW_WORKERS, "--case", "redis", "--runs", "2", "--out", out)
    process = cli.start("run", path, *words)
    wait_for(lambda: list((out / "runs").glob("01-*/run.json")), process)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 130
    path.unlink()  # what was begun is continued as it was described
    resumed = cli.run("run", "--resume", out)
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    runs = Campaign.open(out).load_runs()
    assert [(run.record.case, run.record.seed) for run in runs] == [
        ("redis", 7),
        ("redis", 8),
    ]
