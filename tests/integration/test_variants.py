"""Campaigns of three variants on a fake runtime, by the real command line."""

import json

import pytest

from harness.campaign import CompositeObserver
from harness.results.store import Campaign, read_json
from harness.runtimes import runtime_named
from harness.scenario.model import load_scenario
from harness.selftest.selftest_run import SelfTest, compare_variants
from harness.topology import discover
from tests.integration.test_wrong_usage import refused
from tests.support.fake_harness import FAKE, ROOT, at, be_killed
from tests.support.fake_runtime import World, put_in_place

pytestmark = pytest.mark.integration

THREE = ("--variant", "queue", "--variant", "sync", "--variant", "sync-300=sync,api.THREADS=300")
OF_THE_SCENARIO = """
[[variants]]
name = "sync"
approach = "sync"

[[variants]]
name = "many threads"
approach = "sync"
settings = { "api.THREADS" = "300" }
"""


def description(out):
    return Campaign.open(out).description()


def test_three_variants_are_one_campaign(harness, tmp_path):
    out = tmp_path / "c"
    done = harness.run("run", FAKE, *THREE, "--runs", "2", "--out", out)
    assert done.returncode == 0, done.said
    said = description(out)
    assert [one["name"] for one in said["variants"]] == ["queue", "sync", "sync-300"]
    assert said["baseline"] == "queue"
    assert said["variants"][2]["approach"] == "sync"
    assert said["variants"][2]["settings"] == {"api.THREADS": "300"}
    assert set(said["topologies"]) == {"queue", "sync", "sync-300"}
    assert said["topologies"]["sync-300"]["title"] == "Synchronous (sync-300)"
    runs = Campaign.open(out).load_runs()
    assert len(runs) == 6
    for run in runs:
        threads = run.record.topology["services"]["api"]["environment"].get("THREADS")
        assert (threads == "300") == (run.variant == "sync-300")
        assert run.approach == run.variant.removesuffix("-300")
    folders = {folder.name for folder in Campaign.open(out).run_folders()}
    assert folders == {f"{run.index:02d}-{run.variant}" for run in runs}


@pytest.mark.slow
def test_a_campaign_of_variants_that_was_killed_is_resumed_as_it_was_begun(harness, tmp_path):
    out = tmp_path / "c"
    begun = harness.run(*("run", FAKE, *THREE, "--out", out), happens=at("load", be_killed, nth=2))
    assert begun.returncode != 0
    before = description(out)
    assert harness.run("run", "--resume", out).returncode == 0
    assert description(out) == before
    assert len(Campaign.open(out).run_folders()) == 3
    assert harness.run("audit", out).returncode == 0


def test_the_baseline_is_the_variant_asked_for(harness, tmp_path):
    out = tmp_path / "c"
    words = ("run", FAKE, *THREE, "--out", out, "--baseline")
    assert harness.run(*words, "sync").returncode == 0
    assert description(out)["baseline"] == "sync"
    refused(harness.run(*words, "outbox"), 64, "--baseline outbox", "queue, sync, sync-300")


def test_without_a_word_each_approach_is_a_variant_the_one_of_fewest_containers_first(
    harness, tmp_path
):
    out = tmp_path / "c"
    words = ("--set", "payment-worker.CONCURRENCY=10", "--scale", "payment-worker=2")
    assert harness.run("run", FAKE, *words, "--out", out).returncode == 0
    said = description(out)
    assert [one["name"] for one in said["variants"]] == ["sync", "queue"]
    assert said["baseline"] == "sync"
    sync, queue = said["variants"]
    assert (sync["settings"], sync["scale"]) == ({}, {})
    assert queue["settings"] == {"payment-worker.CONCURRENCY": "10"}
    assert queue["scale"] == {"payment-worker": 2}


def test_a_scenario_states_its_variants(harness, tmp_path):
    scenario, out = tmp_path / "own.toml", tmp_path / "c"
    content = FAKE.read_text() + OF_THE_SCENARIO.replace("many threads", "sync-300")
    scenario.write_text(content)
    done = harness.run("run", scenario, "--out", out)
    assert done.returncode == 0, done.said
    assert [one["name"] for one in description(out)["variants"]] == ["sync", "sync-300"]
    one = harness.run("run", scenario, "--variant", "sync-300", "--out", tmp_path / "d")
    assert one.returncode == 0, one.said
    assert [v["name"] for v in description(tmp_path / "d")["variants"]] == ["sync-300"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--variant", "outbox"), "no variant or approach named 'outbox'"),
        (("--variant", "a=outbox"), "no approach named 'outbox'"),
        (("--variant", "a=sync,THREADS=300,x"), "'x' is neither SERVICE.KEY=VALUE nor SERVICE=N"),
        (("--variant", "a b=sync"), "a name has letters, digits"),
        (("--variant", "sync", "--variant", "sync"), "two variants are named 'sync'"),
        (("--variant", "sync", "--approach", "queue"), "exclude each other"),
        (("--variant", "a=sync,nginx=2"), "nginx"),
    ],
)
def test_a_variant_that_cannot_be_made_is_refused_and_nothing_is_written(
    harness, tmp_path, words, said
):
    out = tmp_path / "c"
    refused(harness.run("run", FAKE, *words, "--out", out), 64, said)
    assert not out.exists()


def test_a_name_that_no_folder_can_bear_is_refused_where_it_stands(harness, tmp_path):
    scenario = tmp_path / "own.toml"
    scenario.write_text(FAKE.read_text() + OF_THE_SCENARIO)
    done = harness.run("run", scenario, "--out", tmp_path / "c")
    refused(done, 64, "variants[2].name = 'many threads'")


def test_version_1_of_a_campaign_is_read_as_variants(harness, tmp_path):
    out = tmp_path / "c"
    assert harness.run("run", FAKE, "--out", out).returncode == 0
    as_version_1(out)
    for command in (("audit",), ("report",), ("run", "--resume")):
        done = harness.run(*command, out)
        assert done.returncode == 0, done.said
    said = description(out)
    assert [one["name"] for one in said["variants"]] == ["sync", "queue"]
    assert said["baseline"] == "sync"


def as_version_1(out):
    """Write a campaign's files as version 1 had them."""
    path = out / "campaign.json"
    content = json.loads(path.read_text())
    del content["variants"], content["baseline"]
    content |= {"schema_version": 1, "scale": {}, "settings": {}, "approaches": ["queue", "sync"]}
    for row in content["order"]:
        row["approach"] = row.pop("variant")
    path.write_text(json.dumps(content))
    for folder in (out / "runs").iterdir():
        record = read_json(folder / "run.json")
        del record["variant"]
        (folder / "run.json").write_text(json.dumps({**record, "schema_version": 1}))


def test_the_three_of_a_self_test_are_variants_of_one_campaign(monkeypatch, tmp_path):
    put_in_place(World(), monkeypatch.setattr)
    approach = discover(ROOT)["sync"]
    test = SelfTest(approach, load_scenario(str(FAKE), ROOT), "fake", tmp_path / "out")
    compare_variants(test, runtime_named("local"), CompositeObserver(()))
    said = description(tmp_path / "out" / "campaign")
    assert [one["name"] for one in said["variants"]] == ["first", "second", "slowed"]
    assert [one["delay_ms"] for one in said["variants"]] == [0.0, 0.0, 20.0]
    assert {one["approach"] for one in said["variants"]} == {"sync"}
    for name, topology in said["topologies"].items():
        delayed = "20" if name == "slowed" else "0"
        assert topology["services"]["delay"]["command"][-1] == delayed
        assert topology["entry"] == "delay"
