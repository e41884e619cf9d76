"""The copies of an approach: alike in all but the delay, and deployable."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.selftest.copies import DELAYS_MS, FIRST, PROXY, SECOND, SLOWED, write_project
from harness.topology import discover, load_topology, secrets

ROOT = Path(__file__).parents[2]
SECRETS = secrets.draw()


def copies(tmp_path, approach):
    original = load_topology(ROOT / f"docker-compose.{approach}.yml", SECRETS)
    write_project(original, tmp_path / "project")
    return discover(tmp_path / "project", SECRETS)


@pytest.mark.parametrize("approach", ["queue", "sync"])
def test_the_copies_differ_in_name_title_and_delay_alone(tmp_path, approach):
    found = copies(tmp_path, approach)
    assert set(found) == {FIRST, SECOND, SLOWED} == set(DELAYS_MS)
    delays = [found[name].services[PROXY].environment["DELAY_MS"] for name in DELAYS_MS]
    assert delays == ["0", "0", "20"]
    same = found[FIRST]
    for name, other in found.items():
        assert name in other.title
        as_first = other.with_settings({(PROXY, "DELAY_MS"): "0"})
        there = {"approach": FIRST, "path": same.path, "title": same.title}
        assert replace(as_first, **there) == same


@pytest.mark.parametrize("approach", ["queue", "sync"])
def test_the_proxy_stands_before_the_entry_and_belongs_to_the_world(tmp_path, approach):
    original = load_topology(ROOT / f"docker-compose.{approach}.yml", SECRETS)
    copy = copies(tmp_path, approach)[FIRST]
    proxy = copy.services[PROXY]
    entry = original.services[original.entry]
    assert copy.entry == PROXY
    assert copy.world == (*original.world, PROXY)
    assert copy.containers == original.containers
    assert copy.counters == original.counters
    assert proxy.environment["UPSTREAM"] == f"{entry.name}:{entry.ports[0]}"
    assert proxy.healthcheck.test[-1] == "http://0.0.0.0:8100/readyz"
    assert set(proxy.depends_on) == {entry.name}


@pytest.mark.parametrize("approach", ["queue", "sync"])
def test_all_else_is_what_the_compose_file_of_the_approach_says(tmp_path, approach):
    original = load_topology(ROOT / f"docker-compose.{approach}.yml", SECRETS)
    copy = copies(tmp_path, approach)[FIRST]
    for name, service in original.services.items():
        found = copy.services[name]
        mounts = [(one.target, Path(one.source).resolve()) for one in found.mounts]
        assert mounts == [(one.target, Path(one.source).resolve()) for one in service.mounts]
        assert replace(found, mounts=()) == replace(service, mounts=())


def test_the_variables_of_a_campaign_are_still_filled_in(tmp_path):
    copy = copies(tmp_path, "queue")[SLOWED].with_variables({"GATEWAY_SEED": "7"})
    assert copy.services["payment-gateway"].environment["GATEWAY_SEED"] == "7"


def test_a_service_that_bears_the_proxys_name_is_refused(tmp_path):
    copy = copies(tmp_path, "sync")[FIRST]
    with pytest.raises(UsageError, match=r"services\.delay"):
        write_project(copy, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_a_folder_that_is_taken_is_refused(tmp_path):
    (tmp_path / "project").mkdir()
    with pytest.raises(UsageError, match="project"):
        copies(tmp_path, "sync")
