"""Approaches that are measured only if they are asked for, and how small they are."""

from pathlib import Path

import pytest

from harness.campaign import Choice, choose
from harness.errors import UsageError
from harness.scenario.model import load_scenario
from harness.topology import by_default, discover, find_approach, load_topology
from tests.support.small_project import write_small_project

ROOT = Path(__file__).parents[2]
CONTENDERS = {"skiplocked": 200, "celery": 40}
"""Their payment slots."""


def names(scenario="quick", **asked):
    return [one.name for one in choose(load_scenario(scenario, ROOT), ROOT, Choice(**asked))]


def test_only_the_published_approaches_are_measured_unasked():
    assert sorted(by_default(discover(ROOT))) == ["queue", "sync"]
    assert names() == ["sync", "queue"]


@pytest.mark.parametrize("name", CONTENDERS)
def test_a_contender_is_measured_if_it_is_asked_for(name):
    assert names(approaches=("sync", name)) == ["sync", name]
    assert names(variants=(name, "queue")) == [name, "queue"]


@pytest.mark.parametrize(("name", "slots"), CONTENDERS.items())
def test_the_slots_of_a_contender_are_stated_and_can_be_set(name, slots):
    topology = find_approach(ROOT, name)
    assert topology.payment_slots == slots
    changed = topology.with_settings({("payment-worker", "CONCURRENCY"): "7"})
    assert changed.payment_slots == 7 * topology.services["payment-worker"].replicas


@pytest.mark.parametrize("name", CONTENDERS)
def test_a_contender_is_small(name):
    files = (ROOT / "approaches" / name).glob("*.py")
    assert sum(len(path.read_text("utf-8").splitlines()) for path in files) <= 300


def test_where_no_approach_is_a_default_all_are(tmp_path):
    compose = write_small_project(tmp_path)
    text = compose.read_text("utf-8")
    compose.write_text(text.replace("  title: Small\n", "  title: Small\n  default: false\n"))
    found = discover(tmp_path)
    assert not found["small"].is_default
    assert by_default(found) == ["small"]


def test_whether_an_approach_is_a_default_is_true_or_false(tmp_path):
    compose = write_small_project(tmp_path)
    text = compose.read_text("utf-8")
    compose.write_text(text.replace("  title: Small\n", "  title: Small\n  default: maybe\n"))
    with pytest.raises(UsageError, match=r"x-harness\.default"):
        load_topology(compose)
