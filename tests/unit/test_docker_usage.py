"""CPU never goes back, whatever befalls the containers; memory is without idle file cache."""

from types import SimpleNamespace

from harness.runtimes.docker.container_usage import Meter


class Readings:
    """An engine that answers with what it was given."""

    def __init__(self):
        self.now = {}

    def statistics(self, container):
        return self.now.get(container, {})


def reading(cpu_s, **memory):
    return {
        "cpu_stats": {"cpu_usage": {"total_usage": cpu_s * 1e9}},
        "memory_stats": memory,
        "pids_stats": {"current": 3},
    }


WEB = [SimpleNamespace(id="one"), SimpleNamespace(id="two")]


def measured(meter):
    return meter.measure({"web": WEB})["web"]


def test_replicas_are_added_up():
    engine = Readings()
    meter = Meter(engine)
    engine.now = {
        "one": reading(1.5, usage=1000, stats={"total_inactive_file": 400, "inactive_file": 1}),
        "two": reading(0.5, usage=500, stats={"inactive_file": 100}),
    }
    usage = measured(meter)
    assert (usage.cpu_s, usage.memory_bytes, usage.processes) == (2.0, 1000, 6)


def test_what_was_used_before_a_restart_stays_counted():
    engine = Readings()
    meter = Meter(engine)
    meter.started(WEB[0])
    engine.now = {"one": reading(4.0, usage=100)}
    assert measured(meter).cpu_s == 4.0
    engine.now = {}
    usage = measured(meter)
    assert (usage.cpu_s, usage.memory_bytes) == (4.0, 0)
    meter.started(WEB[0])
    engine.now = {"one": reading(0.25, usage=100)}
    assert measured(meter).cpu_s == 4.25


def test_a_reading_of_the_last_start_is_not_counted_twice():
    meter = Meter(engine := Readings())
    meter.started(WEB[0])
    engine.now = {"one": reading(4.0)}
    measured(meter)

    def restarted_meanwhile(container):
        if container == "one":
            meter.started(WEB[0])
        return engine.now.get(container, {})

    engine.statistics = restarted_meanwhile
    assert measured(meter).cpu_s == 4.0
