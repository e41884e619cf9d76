"""A stored campaign that was changed afterwards: every command that reads it says what is wrong."""

import json
import shutil

import pandas as pd
import pytest

from tests.golden.campaigns import simulated, store
from tests.integration.test_wrong_usage import refused

pytestmark = pytest.mark.integration

READERS = (("report",), ("audit",), ("run", "--resume"), ("baseline",), ("compare",), ("history",))


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    path = tmp_path_factory.mktemp("stored") / "c"
    store(path, simulated(blocks=1, seconds=4, users=4))
    return path


@pytest.fixture
def damaged(sound, tmp_path):
    """A copy of a sound campaign, in a folder of its own."""
    return shutil.copytree(sound, tmp_path / "nights" / "c")


def read_by(harness, command, path):
    """Let a command read a campaign; nothing is written beside it."""
    if command == ("history",):
        return harness.run("history", path.parent, "--out", harness.scratch / "history")
    if command == ("baseline",):
        return harness.run("baseline", path, "--out", harness.scratch / "baseline.json")
    return harness.run(*command, path, *([path] if command == ("compare",) else []))


def copied_as(name):
    return lambda path: shutil.copytree(path / "runs" / "01-sync", path / "runs" / name)


def without_key(name, key):
    def damage(path):
        content = json.loads((path / name).read_text())
        del content[key]
        (path / name).write_text(json.dumps(content))

    return damage


def without_column(path):
    table = path / "runs" / "01-sync" / "orders.parquet"
    pd.read_parquet(table).drop(columns="settled_ns").to_parquet(table)
    (path / "summary.json").unlink()


@pytest.mark.parametrize("command", READERS, ids=" ".join)
@pytest.mark.parametrize("name", ["03-sync", "2nd-try"])
def test_a_copied_run_is_refused_by_every_reader(harness, damaged, command, name):
    copied_as(name)(damaged)
    done = read_by(harness, command, damaged)
    refused(done, 64, f"runs/{name} is a copy" if command != ("history",) else name)


@pytest.mark.parametrize("command", [r for r in READERS if r != ("run", "--resume")], ids=" ".join)
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (without_column, "orders.parquet: there is no column settled_ns"),
        (without_key("runs/01-sync/run.json", "approach"), "run.json: there is no key approach"),
        (without_key("campaign.json", "order"), "campaign.json: there is no key order"),
    ],
    ids=["column", "run.json", "campaign.json"],
)
def test_what_is_missing_in_a_file_is_named(harness, damaged, command, damage, words):
    damage(damaged)
    refused(read_by(harness, command, damaged), 64, words)


def test_an_audit_that_lost_its_findings_is_named(harness, damaged):
    without_key("runs/01-sync/audit.json", "findings")(damaged)
    refused(read_by(harness, ("report",), damaged), 64, "audit.json: there is no key findings")


def test_a_resumed_campaign_whose_description_lost_a_key_is_named(harness, damaged):
    without_key("campaign.json", "seed")(damaged)
    refused(harness.run("run", "--resume", damaged), 64, "campaign.json: there is no key seed")
