"""The variants of a self-test: alike in all but the delay, and deployable."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.campaign.topologies import finished
from harness.errors import UsageError
from harness.runtimes.proxies import DELAY
from harness.selftest.copies import DELAYS_MS, FIRST, SECOND, SLOWED, three_of
from harness.topology import load_topology, secrets

ROOT = Path(__file__).parents[2]
SECRETS = secrets.draw()


@pytest.fixture(params=["queue", "sync"])
def original(request):
    return load_topology(ROOT / f"docker-compose.{request.param}.yml", SECRETS)


def deployed(original):
    return {one.name: finished(original, one) for one in three_of(original)}


def test_the_variants_differ_in_name_title_and_delay_alone(original):
    found = deployed(original)
    assert list(found) == [FIRST, SECOND, SLOWED] == list(DELAYS_MS)
    assert [one.services[DELAY].command[-1] for one in found.values()] == ["0", "0", "20"]
    same = found[FIRST]
    for name, other in found.items():
        assert other.title == f"{original.title}, {name}"
        proxy = same.services[DELAY]
        services = {**other.services, DELAY: proxy}
        assert replace(other, services=services, title=same.title) == same


def test_the_proxy_stands_before_the_entry_and_belongs_to_the_world(original):
    found = deployed(original)[FIRST]
    proxy, entry = found.services[DELAY], original.services[original.entry]
    assert found.entry == DELAY
    assert found.world == (*original.world, DELAY)
    assert found.containers == original.containers
    assert found.counters == original.counters
    assert proxy.command[2:4] == ("0.0.0.0:8100", f"{entry.name}:{entry.ports[0]}")
    assert proxy.healthcheck.test[-1] == "http://0.0.0.0:8100/readyz"
    assert set(proxy.depends_on) == {entry.name}


def test_all_else_is_what_the_compose_file_of_the_approach_says(original):
    found = deployed(original)[SLOWED]
    assert {name: found.services[name] for name in original.services} == original.services


def test_a_service_that_bears_the_proxys_name_is_refused(original):
    first = three_of(original)[0]
    with pytest.raises(UsageError, match=r"services\.delay"):
        finished(finished(original, first), first)
