"""What a runtime cannot do is refused before anything is deployed or written."""

from types import SimpleNamespace

import pytest

from harness import campaign
from harness.errors import UsageError
from harness.scenario.model import load_scenario
from tests.support.by_hand import ROOT


def unable(name="docker", topologies=None):
    def check(topology, faults):
        if topologies is not None:
            topologies.append((topology.approach, tuple(fault.kind for fault in faults)))
        raise UsageError("not here", "elsewhere")

    return SimpleNamespace(name=name, check=check)


def test_a_campaign_is_not_begun(tmp_path):
    asked = []
    scenario = load_scenario("chaos", ROOT)
    variants = campaign.choose(scenario, ROOT, campaign.Choice(approaches=["queue"]))
    request = campaign.Request(scenario, variants, 1, 7)
    with pytest.raises(UsageError, match="not here"):
        campaign.run(request, ROOT, tmp_path / "c", unable(topologies=asked), None)
    ((approach, kinds),) = asked
    assert approach == "queue"
    assert kinds
    assert not (tmp_path / "c").exists()


def test_a_campaign_is_resumed_on_the_runtime_that_it_was_begun_with():
    with pytest.raises(UsageError, match="begun with --runtime local, not docker") as caught:
        campaign.resume(ROOT / "results/reference", ROOT, unable(), None)
    assert "--runtime" in caught.value.hint


def test_a_campaign_is_resumed_on_the_nodes_that_it_was_begun_on():
    runtime = unable("local")
    runtime.facts = lambda: {"nodes": {"front": {"engine_at": "unix:///a", "services": []}}}
    with pytest.raises(
        UsageError, match=r"begun on other nodes.*: one machine and front"
    ) as caught:
        campaign.resume(ROOT / "results/reference", ROOT, runtime, None)
    assert "--nodes" in caught.value.hint


def attached(**facts):
    return SimpleNamespace(
        name="attached",
        check=lambda *_: None,
        facts=lambda: {"name": "attached", "fault_commands": ["kill"], **facts},
    )


def test_a_campaign_is_resumed_with_endpoints_that_say_as_much(tmp_path):
    scenario = load_scenario("quick", ROOT)
    variants = campaign.choose(scenario, ROOT, campaign.Choice(approaches=["queue"]))
    request = campaign.Request(scenario, variants, 1, 7)
    begun = campaign.begin(request, ROOT, tmp_path / "c", attached(gateway=True), None)
    folder = begun.campaign.path
    assert len(campaign.reopen(folder, ROOT, attached(gateway=True), None).missing) == 1
    with pytest.raises(UsageError, match=r"other endpoints: gateway = True, now False") as caught:
        campaign.reopen(folder, ROOT, attached(gateway=False), None)
    assert "--endpoints" in caught.value.hint
