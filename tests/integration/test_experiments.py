"""Experiments on a fake runtime, by the real command line: their answers, all of them, resumed."""

import signal
from pathlib import Path

import pytest

from harness.errors import InfrastructureError
from harness.results.store import Campaign, read_json
from tests.integration.test_campaign_life import change_product
from tests.integration.test_wrong_usage import refused
from tests.support.fake_harness import FAKE, ROOT, FakeHarness, at, be_killed, stop_at

pytestmark = pytest.mark.integration

OF_THE_QUEUE = '[[variants]]\nname = "queue"\napproach = "queue"\n'
SWEEP = '[[sweep]]\nkey = "product.stock"\nvalues = [2, 20]\n'
TEN = """
[[expectations]]
says = "ten times the stock is at least five times the orders"
metric = "confirmed_orders"
of = "queue.stock-20"
over = "queue.stock-2"
at_least = 5
"""
NONE = """
[[expectations]]
says = "the stores agree"
audit = "I2"
of = "queue"
at_most = 0
"""


def experiment(path: Path, title: str, *parts: str) -> Path:
    """Write an experiment: the simulated sale with a hypothesis and what is expected."""
    text = FAKE.read_text("utf-8").replace('title = "Simulated sale"', f'title = "{title}"')
    text = text.replace("runs = 1", 'runs = 2\nhypothesis = "More stock sells more."')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([text, OF_THE_QUEUE, *parts]), "utf-8")
    return path


@pytest.fixture
def project(tmp_path):
    """The project with two experiments of its own."""
    folder = tmp_path / "project"
    folder.mkdir()
    for path in (*ROOT.glob("docker-compose.*.yml"), ROOT / ".env", ROOT / "approaches"):
        (folder / path.name).symlink_to(path)
    experiment(folder / "scenarios/experiments/one.toml", "One", SWEEP, TEN)
    experiment(folder / "scenarios/experiments/two.toml", "Two", NONE)
    return folder


@pytest.fixture
def harness(tmp_path, project):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    command = FakeHarness(scratch, root=project)
    yield command
    command.stop_started()


def answers(folder):
    found = sorted(folder.glob("*/summary.json"))
    return {path.parent.name: read_json(path)["experiment"]["answer"] for path in found}


def indices(path):
    return [run.index for run in Campaign.open(path).load_runs()]


def test_an_experiment_ends_with_its_answer_and_begins_its_report_with_it(tmp_path, project):
    scratch, out = tmp_path / "scratch", tmp_path / "c"
    scratch.mkdir()
    command = FakeHarness(scratch, root=project, reports=True)
    done = command.run("run", "one", "--out", out)
    assert done.returncode == 0, done.said
    assert "Supported: More stock sells more (expected: ten times the stock" in done.stdout
    report = (out / "report/report.md").read_text("utf-8")
    assert report.startswith(
        "# One: Supported: More stock sells more\n\nexpected: ten times the st"
    )
    assert (out / "report/figures/answer.svg").exists()


@pytest.mark.slow
def test_all_experiments_are_measured_one_after_the_other_with_a_table_in_the_end(
    harness, tmp_path
):
    out = tmp_path / "all"
    done = harness.run("run", "experiments", "--out", out)
    assert done.returncode == 0, done.said
    assert done.stdout.startswith("2 experiments, 6 runs; about ")
    assert answers(out) == {"one": "supported", "two": "supported"}
    head, one, two = done.stdout.splitlines()[-3:]
    assert head.split() == ["experiment", "answer", "because"]
    assert [one.split()[:2], two.split()[:2]] == [["one", "supported"], ["two", "supported"]]
    assert "times the orders; measured: " in one


@pytest.mark.slow
def test_experiments_that_were_killed_are_resumed_where_they_were(harness, tmp_path):
    out = tmp_path / "all"
    killed = harness.run(
        "run", "experiments", "--out", out, happens=at("collect", be_killed, nth=3)
    )
    assert killed.returncode == -signal.SIGKILL
    assert indices(out / "one") == [1, 2]
    assert indices(out / "two") == []
    done = harness.run("run", "--resume", out)
    assert done.returncode == 0, done.said
    assert done.stdout.startswith("2 experiments, 6 runs, 2 of them kept from before; about ")
    assert answers(out) == {"one": "supported", "two": "supported"}
    assert indices(out / "one") == [1, 2, 3, 4]


def test_one_that_cannot_be_measured_does_not_stop_the_others(harness, tmp_path):
    out = tmp_path / "all"

    def fail():
        raise InfrastructureError("the disk is gone", "find it")

    done = harness.run("run", "experiments", "--out", out, happens=at("up", fail, nth=2))
    assert done.returncode == 70, done.said
    assert "one was not measured: run 2 (queue.stock-" in done.stdout
    assert answers(out) == {"two": "supported"}
    assert done.stdout.splitlines()[-2].split()[:3] == ["one", "not", "measured"]


def test_a_machine_that_is_in_use_stops_all(harness, tmp_path):
    mark, one = tmp_path / "mark", tmp_path / "c"
    other = harness.start("run", "two", "--out", one, happens=at("up", stop_at(mark)))
    other.wait_until(mark.exists)
    done = harness.run("run", "experiments", "--out", tmp_path / "all")
    assert done.returncode == 70, done.said
    assert "not measured" not in done.stdout
    other.send(signal.SIGINT)
    assert other.wait().returncode == 130


def stock_apart(run, topology):
    change_product(run, topology, initial_stock=1)


@pytest.mark.parametrize(("name", "code"), [("two", 0), ("one", 20)])
def test_what_an_experiment_asks_the_audit_is_a_result_and_no_failure(
    harness, tmp_path, name, code
):
    out = tmp_path / "c"
    done = harness.run("run", name, "--out", out, changes=stock_apart)
    assert done.returncode == code, done.said
    if name == "two":
        assert read_json(out / "summary.json")["experiment"]["answer"] == "contradicted"
        assert "passed, but for what this experiment is about" in done.stdout
        assert "I2 FAIL" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--approach", "queue"), "every experiment is measured as its scenario states it"),
        (("--sweep", "product.stock=1,2"), "one experiment takes all options"),
        (("--case", "one"), "as its scenario states it"),
        (("--runs", "0"), "--runs 0: not a whole number"),
    ],
)
def test_what_cannot_be_said_of_all_experiments_is_refused(harness, tmp_path, words, said):
    out = tmp_path / "all"
    refused(harness.run("run", "experiments", *words, "--out", out), 64, said)
    assert not out.exists()


def test_variants_that_an_expectation_needs_are_not_left_out(harness, tmp_path):
    out = tmp_path / "c"
    done = harness.run("run", "one", "--sweep", "product.stock=2,3", "--out", out)
    refused(done, 64, 'one: expectations[1].of = "queue.stock-20": no variant of this campaign')
    assert not out.exists()


def test_a_project_without_experiments_says_so(harness, project, tmp_path):
    for path in (project / "scenarios/experiments").iterdir():
        path.unlink()
    refused(harness.run("run", "experiments"), 64, "there is no experiment")
