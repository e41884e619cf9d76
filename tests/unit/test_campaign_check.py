"""A runtime is asked first whether it can do what a campaign wants; if not, nothing is written."""

from pathlib import Path

import pytest

from harness import campaign
from harness.errors import UsageError
from harness.runtimes import runtime_named
from harness.scenario.model import load_scenario

ROOT = Path(__file__).parents[2]
QUICK = (ROOT / "scenarios/quick.toml").read_text("utf-8")
CUT = '{ at_s = 5, kind = "partition", service = "api" }'


class Reluctant:
    """A runtime that is asked, says no at the last, and can do nothing else."""

    name = "reluctant"

    def __init__(self, expected):
        self.asked = []
        self._expected = expected

    def check(self, topology, faults):
        self.asked.append((topology.approach, [fault.kind for fault in faults]))
        if len(self.asked) == self._expected:
            raise UsageError("I would rather not", "")


@pytest.fixture
def conduct(tmp_path):
    def conduct(tail, runtime):
        path = tmp_path / "own.toml"
        path.write_text(QUICK + tail, encoding="utf-8")
        scenario = load_scenario(str(path), ROOT)
        request = campaign.Request(scenario, campaign.choose(scenario, ROOT), 1, 1)
        try:
            campaign.run(request, ROOT, tmp_path / "out", runtime, observer=None)
        finally:
            assert not (tmp_path / "out").exists()

    return conduct


def test_the_local_runtime_cuts_no_network(conduct):
    with pytest.raises(UsageError, match="api") as caught:
        conduct(
            '\n[[faults]]\nat_s = 5\nkind = "partition"\nservice = "api"\n', runtime_named("local")
        )
    assert "docker" in caught.value.hint


def test_it_is_asked_for_every_system_with_the_faults_of_its_case(conduct):
    cases = "".join(
        f'\n[[cases]]\nname = "c{n}"\nfaults = [{fault}]\n'
        for n, fault in enumerate(("", CUT), start=1)
    )
    runtime = Reluctant(expected=4)
    with pytest.raises(UsageError, match="rather not"):
        conduct(cases, runtime)
    expected = [(name, kinds) for name in ("queue", "sync") for kinds in ([], ["partition"])]
    assert sorted(runtime.asked) == expected


def test_it_is_asked_for_what_may_be_drawn_as_far_as_an_approach_has_its_services(conduct):
    random_faults = (
        '\n[[cases]]\nname = "c"\nrandom_faults = { every_s = 20, draw_from = [\n'
        '  { kind = "partition", service = "api" }, { kind = "kill", service = "redis" },\n] }\n'
    )
    runtime = Reluctant(expected=2)
    with pytest.raises(UsageError, match="rather not"):
        conduct(random_faults, runtime)
    assert sorted(runtime.asked) == [("queue", ["partition", "kill"]), ("sync", ["partition"])]
