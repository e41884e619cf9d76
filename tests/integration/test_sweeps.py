"""Sweeps on a fake runtime, by the real command line: measured, killed and resumed, refused."""

import signal

import pytest

from harness.errors import InfrastructureError
from harness.results.store import Campaign, read_json
from tests.integration.test_wrong_usage import refused
from tests.support.fake_harness import FAKE, FakeHarness, at, be_killed

pytestmark = pytest.mark.integration

REPLICAS = ("--sweep", "payment-worker.replicas=1,2")
BOTH = ("--approach", "sync", "--approach", "queue")
IN_THE_SCENARIO = """
[[sweep]]
key = "product.stock"
geometric = { from = 10, to = 40, factor = 2 }
"""


def variants(out):
    return [one["name"] for one in Campaign.open(out).description()["variants"]]


def indices(out):
    return [run.index for run in Campaign.open(out).load_runs()]


def test_a_sweep_is_a_campaign_with_a_report_of_its_own(harness, tmp_path):
    out = tmp_path / "c"
    command = FakeHarness(harness.scratch, reports=True)
    done = command.run("run", FAKE, *BOTH, *REPLICAS, "--runs", "2", "--out", out)
    assert done.returncode == 0, done.said
    assert "6 runs of 20 s of load; about" in done.stdout
    assert variants(out) == ["sync", "queue.replicas-1", "queue.replicas-2"]
    for run in Campaign.open(out).load_runs():
        workers = run.record.topology["services"].get("payment-worker")
        assert (workers is None) == (run.variant == "sync")
        if workers:
            assert run.variant == f"queue.replicas-{workers['replicas']}"
    (curve,) = read_json(out / "summary.json")["sweep"]["curves"]
    assert [one["value"] for one in curve["points"]] == [1, 2]
    assert "payment-worker.replicas" in (out / "report/report.md").read_text("utf-8")


def test_a_key_of_the_scenario_is_part_of_what_each_run_was(harness, tmp_path):
    scenario, out = tmp_path / "own.toml", tmp_path / "c"
    scenario.write_text(FAKE.read_text() + IN_THE_SCENARIO)
    done = harness.run("run", scenario, "--approach", "queue", "--out", out)
    assert done.returncode == 0, done.said
    found = {run.variant: run.record for run in Campaign.open(out).load_runs()}
    assert set(found) == {"queue.stock-10", "queue.stock-20", "queue.stock-40"}
    for name, record in found.items():
        stock = int(name.partition("stock-")[2])
        assert record.scenario["product"]["stock"] == record.sales[0].stock == stock
    assert Campaign.open(out).description()["scenario"]["product"]["stock"] == 50
    done = harness.run("validate", scenario)
    assert "runs of " in done.stdout, done.said
    assert "queue.stock-20" in done.stdout


@pytest.mark.slow
def test_a_sweep_that_was_killed_loses_one_run_and_is_resumed(harness, tmp_path):
    out = tmp_path / "c"
    words = ("run", FAKE, *REPLICAS, "--approach", "queue", "--runs", "2", "--out", out)
    killed = harness.run(*words, happens=at("collect", be_killed, nth=3))
    assert killed.returncode == -signal.SIGKILL
    assert indices(out) == [1, 2]
    before = Campaign.open(out).description()
    done = harness.run("run", "--resume", out)
    assert done.returncode == 0, done.said
    assert "4 runs of 20 s of load, 2 of them kept from before" in done.stdout
    assert indices(out) == [1, 2, 3, 4]
    assert Campaign.open(out).description() == before


def test_a_value_that_the_service_refuses_is_an_error_that_names_the_run(harness, tmp_path):
    out = tmp_path / "c"

    def refuse():
        raise InfrastructureError("queue: payment-worker-1 ended: no such value", "see its log")

    words = ("run", FAKE, *REPLICAS, "--approach", "queue", "--out", out)
    done = harness.run(*words, happens=at("up", refuse, nth=2))
    name = Campaign.open(out).description()["order"][1]["variant"]
    refused(done, 70, f"run 2 ({name}): queue: payment-worker-1 ended: no such value")
    assert indices(out) == [1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--sweep", "payment-worker.REPLICA=1,2"), "did you mean payment-worker.replicas?"),
        (("--sweep", "payment-worker.replicas="), "a sweep takes two values or more"),
        (("--sweep", "payment-worker.replicas=1,two"), "two is no number of replicas"),
        (("--sweep", "payment-worker.CONCURRENCY=5,many"), "needs a whole number from 1"),
        (("--sweep", "payment.decline_rate=0,7"), "payment.decline_rate = 7"),
        ((*REPLICAS, "--runs", "auto"), "looks decide between variants"),
    ],
)
def test_nonsense_is_refused_before_anything_is_written(harness, tmp_path, words, said):
    out = tmp_path / "c"
    refused(harness.run("run", FAKE, *words, "--out", out), 64, said)
    assert not out.exists()
