"""How many cores a service uses, from what it has used in all: between its last two readings."""

import threading
from types import SimpleNamespace

import pytest

from harness.errors import InfrastructureError
from harness.runtimes import Usage
from harness.telemetry import Sampler


class FakeDeployment:
    """Without stores; its service has used so many CPU seconds at each reading."""

    topology = SimpleNamespace(redis=None)

    def __init__(self, *readings):
        self._readings = iter(readings)
        self.was_read = threading.Event()

    def redis_url(self):
        return None

    def dsn(self):
        return "host=127.0.0.1 port=1"

    def usage(self, *, memory):
        self.was_read.set()
        used = next(self._readings)
        if isinstance(used, Exception):
            raise used
        if used is None:
            return {}
        usage = Usage(cpu_s=used, memory_bytes=1, processes=1)
        return {"api": usage, "node:front": usage}

    def clocks(self):
        return {"front": (0.25, 0.01)}


def sampled_twice(*readings):
    deployment = FakeDeployment(*readings)
    sampler = Sampler(deployment, lambda: 1.0)
    sampler.start(0)
    assert deployment.was_read.wait(5)
    return sampler, sampler.stop()


def test_cores_are_what_was_used_over_the_time_between():
    sampler, frame = sampled_twice(2.0, 5.0)
    times = frame[(frame["source"] == "api") & (frame["metric"] == "cpu_s")]["t_s"].tolist()
    assert sampler.cores()["api"] == pytest.approx(3.0 / (times[1] - times[0]))
    assert sampler.cores()["load"] == 0.0
    assert "machine" not in sampler.cores()
    assert "node:front" not in sampler.cores()  # its services are there


def test_a_node_has_what_its_replicas_use_and_a_clock():
    _, frame = sampled_twice(2.0, 5.0)
    rows = frame[frame["source"] == "node:front"].drop_duplicates("metric", keep="last")
    assert dict(zip(rows["metric"], rows["value"], strict=True)) == {
        "cpu_s": 5.0,
        "processes": 1.0,
        "memory_bytes": 1.0,
        "clock_offset_s": 0.25,
        "clock_uncertainty_s": 0.01,
    }


def test_one_reading_says_nothing():
    sampler, _ = sampled_twice(2.0, None)
    assert "api" not in sampler.cores()


def test_a_service_that_counts_from_the_start_again_used_nothing():
    sampler, _ = sampled_twice(5.0, 0.5)
    assert sampler.cores()["api"] == 0.0


def test_what_ends_the_samples_is_raised_when_they_are_asked_for():
    with pytest.raises(InfrastructureError, match="broke off: KeyError: 'value'") as raised:
        sampled_twice(KeyError("value"))
    assert isinstance(raised.value.__cause__, KeyError)


def test_an_engine_that_does_not_answer_is_left_out_of_that_second():
    _, frame = sampled_twice(InfrastructureError("the engine is away"), 5.0)
    assert frame[(frame["source"] == "api") & (frame["metric"] == "cpu_s")]["value"].tolist() == [5]
