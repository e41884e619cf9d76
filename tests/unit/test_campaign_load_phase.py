"""A load that ends: what broke is raised, and what broke first is what is heard."""

from types import SimpleNamespace

import pytest

from harness.campaign.load_phase import LoadPhase
from harness.errors import InfrastructureError


def sampler_that_broke():
    def stop():
        raise InfrastructureError("the samples of telemetry broke off")

    return SimpleNamespace(stop=stop)


@pytest.mark.parametrize("failure", [None, KeyboardInterrupt()])
def test_samples_that_broke_off_fail_a_run_that_has_not_failed_already(failure):
    ended = []
    load = SimpleNamespace(
        _prober=None,
        _sampler=sampler_that_broke(),
        _injector=SimpleNamespace(give_up=lambda: ended.append("faults")),
        _generator=SimpleNamespace(stop=lambda: ended.append("load")),
    )
    if failure is None:
        with pytest.raises(InfrastructureError, match="broke off"):
            LoadPhase.__exit__(load, None, None, None)
    else:
        LoadPhase.__exit__(load, type(failure), failure, None)
    assert ended == ["faults", "load"]
