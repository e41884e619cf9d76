"""Limits mean what they mean to Compose, wherever they are stated."""

import pytest

from harness.errors import UsageError
from harness.topology import Limits, load_topology
from tests.support.small_project import COMPOSE, write_small_project

REPLICAS = "deploy: {replicas: 2}"


@pytest.fixture
def compose(tmp_path):
    return write_small_project(tmp_path)


def with_deploy(compose, resources):
    compose.write_text(
        COMPOSE.replace(REPLICAS, f"deploy: {{replicas: 2, resources: {resources}}}", 1)
    )
    return load_topology(compose)


def test_limits_are_read_and_described(compose):
    topology = with_deploy(compose, '{limits: {cpus: "1.5", memory: 512M}}')
    assert topology.services["web"].limits == Limits(cpus=1.5, memory_bytes=512 * 2**20)
    assert topology.services["web"].replicas == 2
    assert topology.describe()["services"]["web"]["limits"] == {
        "cpus": 1.5,
        "memory_bytes": 536870912,
    }
    assert topology.services["gateway"].limits == Limits()


@pytest.mark.parametrize(
    ("text", "memory_bytes"),
    [
        ("8388608", 8388608),
        ("8388608b", 8388608),
        ("8192k", 8 * 2**20),
        ("8192KB", 8 * 2**20),
        ("7m", 7 * 2**20),
        ("1.5G", 3 * 2**29),
        ("2GiB", 2 * 2**30),
        ("1tb", 2**40),
    ],
)
def test_sizes_are_in_the_units_of_compose(text, memory_bytes):
    assert Limits().changed("memory", text) == Limits(memory_bytes=memory_bytes)


def test_limits_are_settings_that_no_environment_sees(compose):
    topology = load_topology(compose)
    web = topology.services["web"]
    varied = topology.with_settings(
        {("web", "cpus"): "2", ("web", "memory"): "64M", ("redis", "memory"): "1G"}
    )
    assert varied.services["web"].limits == Limits(cpus=2.0, memory_bytes=64 * 2**20)
    assert varied.services["web"].environment == web.environment
    assert varied.services["redis"].limits == Limits(memory_bytes=2**30)


def test_limits_beside_deploy_are_limits(compose):
    keys = 'cpus: "1.5"\n    mem_limit: 512m\n    mem_reservation: 64m'
    compose.write_text(COMPOSE.replace(REPLICAS, keys, 1))
    web = load_topology(compose).services["web"]
    assert web.limits == Limits(cpus=1.5, memory_bytes=512 * 2**20)


def test_what_is_reserved_is_no_limit(compose):
    topology = with_deploy(compose, "{reservations: {cpus: 1}}")
    assert topology.services["web"].limits == Limits()


@pytest.mark.parametrize("key", ["cpus: many", "mem_limit: 1M"])
def test_what_is_no_limit_beside_deploy_is_refused_by_name(compose, key):
    compose.write_text(COMPOSE.replace(REPLICAS, key, 1))
    with pytest.raises(UsageError, match=rf"services.web.{key.split(':')[0]}: "):
        load_topology(compose)


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        ("{limits: {cpus: many}}", ["deploy.resources.limits.cpus", "'many'", "0.01"]),
        ("{limits: {cpus: 0}}", ["deploy.resources.limits.cpus", "0 is not"]),
        ("{limits: {memory: 512X}}", ["deploy.resources.limits.memory", "'512X'", "512M"]),
        ("{limits: {memory: 1M}}", ["deploy.resources.limits.memory", "'1M'", "6M"]),
        ("{limits: {memory: yes}}", ["deploy.resources.limits.memory", "'yes'"]),
        ("{limits: {pids: 5}}", ["deploy.resources.limits", "'pids'"]),
        ("{limits: 5}", ["deploy.resources.limits", "not a mapping"]),
    ],
)
def test_what_is_no_limit_is_refused_by_name(compose, resources, words):
    with pytest.raises(UsageError) as caught:
        with_deploy(compose, resources)
    for word in ["docker-compose.small.yml", "services.web", *words]:
        assert word in caught.value.message


@pytest.mark.parametrize(("key", "value"), [("cpus", "-1"), ("cpus", ""), ("memory", "lots")])
def test_a_setting_that_is_no_limit_is_refused_by_name(compose, key, value):
    with pytest.raises(UsageError) as caught:
        load_topology(compose).with_settings({("web", key): value})
    for word in ["docker-compose.small.yml", f"web.{key}", repr(value)]:
        assert word in caught.value.message
