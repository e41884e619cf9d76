"""CPU never goes back, whatever befalls the containers; memory is without idle file cache."""

from types import SimpleNamespace

import pytest

from harness.runtimes.docker.container_usage import Meter


class Readings:
    """An engine that answers with what it was given, and its node."""

    def __init__(self):
        self.now = {}
        self.node = SimpleNamespace(engine=self, is_away=False)

    def statistics(self, container):
        return self.now.get(container, {})


def reading(cpu_s, **memory):
    return {
        "cpu_stats": {"cpu_usage": {"total_usage": cpu_s * 1e9}},
        "memory_stats": memory,
        "pids_stats": {"current": 3},
    }


@pytest.fixture
def engine():
    return Readings()


@pytest.fixture
def meter():
    return Meter()


@pytest.fixture
def web(engine):
    return [SimpleNamespace(id=name, node=engine.node) for name in ("one", "two")]


def measured(meter, web):
    return meter.measure({"web": web})["web"]


def test_replicas_are_added_up(engine, meter, web):
    engine.now = {
        "one": reading(1.5, usage=1000, stats={"total_inactive_file": 400, "inactive_file": 1}),
        "two": reading(0.5, usage=500, stats={"inactive_file": 100}),
    }
    usage = measured(meter, web)
    assert (usage.cpu_s, usage.memory_bytes, usage.processes) == (2.0, 1000, 6)


def test_a_replica_of_two_groups_is_read_once_and_counts_in_both(engine, meter, web):
    asked = []
    engine.statistics = lambda container: asked.append(container) or reading(1.0, usage=10)
    usage = meter.measure({"web": web, "node:a": web[:1], "node:b": web[1:]})
    assert sorted(asked) == ["one", "two"]
    assert {name: one.cpu_s for name, one in usage.items()} == {
        "web": 2.0,
        "node:a": 1.0,
        "node:b": 1.0,
    }


def test_a_node_that_is_away_is_not_asked_and_keeps_its_last_reading(engine, meter, web):
    engine.now = {"one": reading(4.0, usage=100)}
    measured(meter, web)
    engine.node.is_away = True
    engine.statistics = None
    assert measured(meter, web).cpu_s == 4.0


def test_what_was_used_before_a_restart_stays_counted(engine, meter, web):
    meter.started(web[0])
    engine.now = {"one": reading(4.0, usage=100)}
    assert measured(meter, web).cpu_s == 4.0
    engine.now = {}
    usage = measured(meter, web)
    assert (usage.cpu_s, usage.memory_bytes) == (4.0, 0)
    meter.started(web[0])
    engine.now = {"one": reading(0.25, usage=100)}
    assert measured(meter, web).cpu_s == 4.25


def test_a_reading_of_the_last_start_is_not_counted_twice(engine, meter, web):
    meter.started(web[0])
    engine.now = {"one": reading(4.0)}
    measured(meter, web)

    def restarted_meanwhile(container):
        if container == "one":
            meter.started(web[0])
        return engine.now.get(container, {})

    engine.statistics = restarted_meanwhile
    assert measured(meter, web).cpu_s == 4.0
