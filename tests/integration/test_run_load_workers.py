"""`harness run --load-master` and `harness load-worker`: a campaign whose load comes from both."""

import shutil
import socket

import pytest

from harness.analysis.laws import times
from harness.results.store import Campaign
from tests.integration.test_run import TINY
from tests.integration.test_wrong_usage import refused
from tests.support.fake_harness import FAKE
from tests.support.store_servers import free_port

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


@pytest.fixture
def two(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY.read_text().replace("processes = 1", "processes = 2"))
    return path


@pytest.mark.deploys
def test_a_campaign_with_a_process_here_and_one_elsewhere(cli, two, tmp_path):
    address = f"127.0.0.1:{free_port()}"
    cli.start("load-worker", "--master", address)
    out = tmp_path / "campaign"
    words = ("--approach", "sync", "--load-master", address, "--load-workers", 1, "--runs", 2)
    done = cli.run("run", two, *words, "--out", out)
    assert done.returncode == 0, done.stdout + done.stderr
    runs = Campaign.open(out).load_runs()
    assert len(runs) == 2
    for run in runs:
        validity = run.record.validity
        assert validity.verdict == "VALID", validity
        (law,) = [law for law in validity.laws if law.name == times.LOAD_CLOCKS]
        assert law.verdict == "PASS", law
        assert [one.process for one in run.record.load_workers] == [1]
        assert set(run.requests["process"]) == {0, 1}


def test_a_campaign_goes_on_with_as_many_processes_elsewhere(harness, tmp_path):
    out = tmp_path / "campaign"
    words = ("--load-master", "127.0.0.1", "--load-workers", 1)
    done = harness.run("run", FAKE, "--approach", "sync", "--runs", 2, *words, "--out", out)
    assert done.returncode == 0, done.said
    assert Campaign.open(out).description()["load_workers"] == {"count": 1}
    shutil.rmtree(Campaign.open(out).run_folders()[-1])
    for other in ((), ("--load-master", "127.0.0.1")):
        refused(harness.run("run", "--resume", out, *other), 64, "--load-workers")
    resumed = harness.run("run", "--resume", out, *words)
    assert resumed.returncode == 0, resumed.said
    assert len(Campaign.open(out).run_folders()) == 2


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--load-workers", 1], "where do they find this machine?"),
        (["--load-master", "10.0.0.5:port"], "--load-master 10.0.0.5:port"),
        (["--load-master", "user@10.0.0.5"], "not of the form HOST[:PORT]"),
        (["--load-master", "127.0.0.1:0"], "--load-master 127.0.0.1:0"),
        (["--load-master", "[::1]:5557"], "IPv4"),
        (["--load-master", "192.0.2.1"], "--load-master 192.0.2.1: cannot listen there"),
        (["--load-master", "no.such.host.invalid"], "no.such.host.invalid has no address"),
        (["--load-master", "127.0.0.1", "--load-workers", 3], "load.processes = 2"),
    ],
)
def test_wrong_words_about_load_workers(harness, two, tmp_path, words, named):
    out = tmp_path / "campaign"
    refused(harness.run("run", two, *words, "--out", out), 64, named)
    assert not out.exists()


def test_a_port_that_is_taken_is_found_before_the_warm_up(harness, two, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = harness.run("run", two, "--load-master", address, "--out", tmp_path / "campaign")
    refused(done, 64, f"--load-master {address}: cannot listen there", "port")


def test_experiments_take_no_load_workers_when_they_go_on(harness, tmp_path):
    (tmp_path / "threads").mkdir()
    (tmp_path / "threads" / "campaign.json").write_text("{}")
    refused(
        harness.run("run", "--resume", tmp_path, "--load-master", "127.0.0.1"), 64, "--load-master"
    )


def test_a_search_for_a_capacity_is_asked_in_the_same_words(harness, two, tmp_path):
    out = tmp_path / "search"
    words = ("capacity", "sync", "--users", "--scenario", two, "--out", out)
    refused(harness.run(*words, "--load-workers", 1), 64, "where do they find this machine?")
    three = ("--load-master", "127.0.0.1", "--load-workers", 3)
    refused(harness.run(*words, *three), 64, "load.processes = 2")
    assert not out.exists()


def test_a_worker_is_told_where_its_master_is(harness):
    refused(harness.run("load-worker"), 64, "--master")
    for word in ("a:b", "10.0.0.5:0", "[::1]:5557"):
        refused(harness.run("load-worker", "--master", word), 64, f"--master {word}")
