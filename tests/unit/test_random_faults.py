"""Random faults follow from the seed, never overlap, and are those that an approach can have."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import campaign
from harness.campaign.topologies import topologies
from harness.errors import UsageError
from harness.scenario.model import load_scenario
from harness.scenario.random_faults import RECOVERY_S, RandomFaults

ROOT = Path(__file__).parents[2]
QUICK = (ROOT / "scenarios/quick.toml").read_text("utf-8")
TEMPLATES = [
    {"kind": "kill", "service": "api", "for_s": 1.5},
    {"kind": "pause", "service": "postgres", "for_s": 5.0},
    {"kind": "restart", "service": "redis"},
    {"kind": "slow", "for_s": 5.0, "factor": 4.0},
]
DRAWN = """
[[cases]]
name = "drawn"
[cases.random_faults]
every_s = 12
draw_from = [
  { kind = "kill", service = "api", for_s = 1.5 },
  { kind = "kill", service = "redis" },
  { kind = "hang", for_s = 4 },
]
"""


@pytest.fixture
def load_text(tmp_path):
    def load(text):
        path = tmp_path / "own.toml"
        path.write_text(text, encoding="utf-8")
        return load_scenario(str(path), ROOT)

    return load


@given(
    every_s=st.floats(10, 60),
    load_s=st.floats(20, 2000),
    services=st.sets(st.sampled_from(["api", "postgres", "redis"])),
    seed=st.text(max_size=5),
)
def test_each_is_over_and_recovered_from_before_the_next_begins(every_s, load_s, services, seed):
    model = RandomFaults.model_validate({"every_s": every_s, "draw_from": TEMPLATES})
    faults = model.draw(services, load_s, seed)
    assert faults == model.draw(services, load_s, seed)
    assert len(faults) == max(0, int(load_s // every_s) - 1)
    for slot, fault in enumerate(faults, start=1):
        assert fault.service in (None, *services)
        assert slot * every_s <= fault.at_s
        end_s = fault.at_s + fault.lasts_s + RECOVERY_S
        assert end_s <= (slot + 1) * every_s + 1e-6
        assert end_s <= load_s + 1e-6


@given(st.text(max_size=5))
def test_as_many_faults_as_templates_are_one_of_each(seed):
    model = RandomFaults.model_validate({"every_s": 20.0, "draw_from": TEMPLATES})
    drawn = model.draw({"api", "postgres", "redis"}, 20.0 * 9, seed)
    kinds = sorted(fault["kind"] for fault in TEMPLATES)
    assert sorted(one.kind for one in drawn[:4]) == sorted(one.kind for one in drawn[4:]) == kinds


def test_services_that_none_of_them_hits_have_no_fault():
    model = RandomFaults.model_validate({"every_s": 20.0, "draw_from": TEMPLATES[:1]})
    assert model.draw({"nginx"}, 200.0, "1") == ()


def test_another_seed_draws_other_moments():
    model = RandomFaults.model_validate({"every_s": 20.0, "draw_from": TEMPLATES})
    assert len({model.draw({"api"}, 200.0, str(seed)) for seed in range(20)}) == 20


def test_an_approach_has_the_faults_of_its_services_and_the_run_has_its_own(load_text):
    scenario = load_text(QUICK + DRAWN)
    able = {service for (_, _), one in _systems(scenario).items() for service in one.services}
    assert {"api", "redis"} <= able
    of_sync = scenario.faults_of_run("drawn", {"api", "postgres"}, "42-drawn")
    assert {fault.kind for fault in of_sync} == {"kill", "hang"}
    assert {fault.service for fault in of_sync} == {"api", None}
    assert scenario.faults_of_run("drawn", {"api", "redis"}, "42") != of_sync
    assert [fault.kind for fault in scenario.faults_of("drawn")] == ["kill", "kill", "hang"]


def _systems(scenario):
    return topologies(campaign.Request(scenario, campaign.choose(scenario, ROOT), 1, 1), ROOT)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (DRAWN.replace("every_s = 12", "every_s = 8"), ["draw_from[3]", "5 s", "every_s = 8"]),
        (
            DRAWN.replace("every_s = 12", "every_s = 40"),
            ["cases[1].random_faults.every_s", "ends at 60 s"],
        ),
        (DRAWN.replace('{ kind = "hang"', '{ at_s = 3, kind = "hang"'), ["at_s", "is drawn"]),
        (DRAWN + '[[cases.faults]]\nkind = "hang"\nat_s = 3\n', ["exclude each other"]),
        (DRAWN.replace("for_s = 4", "fors = 4"), ["random_faults.draw_from[3].fors"]),
    ],
)
def test_what_cannot_be_is_refused_by_its_place(load_text, wrong, words):
    with pytest.raises(UsageError) as caught:
        load_text(QUICK + wrong)
    assert all(word in caught.value.message for word in words), caught.value.message


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ('service = "api"', 'cases[1].random_faults.draw_from[1].service = "paymnt": no approach'),
        ('"api", for', "cases[1].random_faults.draw_from[1].replica = 7: api of sync has 1"),
    ],
)
def test_a_template_of_what_is_nowhere_is_refused(load_text, wrong, place):
    changed = {'service = "api"': 'service = "paymnt"', '"api", for': '"api", replica = 7, for'}
    scenario = load_text(QUICK + DRAWN.replace(wrong, changed[wrong]))
    with pytest.raises(UsageError) as caught:
        _systems(scenario)
    assert place in caught.value.message
