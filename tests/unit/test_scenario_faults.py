"""Faults and cases of a scenario: read completely or refused, by file, key and value."""

import random
from itertools import pairwise
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.scenario.faults import Fault
from harness.scenario.model import Scenario, load_scenario

ROOT = Path(__file__).parents[2]
QUICK = (ROOT / "scenarios/quick.toml").read_text("utf-8")
KILL = 'at_s = 40\nservice = "payment-worker"\nkind = "kill"\n'


@pytest.fixture
def load_text(tmp_path):
    def load(text):
        path = tmp_path / "own.toml"
        path.write_text(text, encoding="utf-8")
        return load_scenario(str(path), ROOT)

    return load


def test_a_fault_has_what_it_says_and_defaults(load_text):
    (fault,) = load_text(f"{QUICK}\n[[faults]]\n{KILL}replica = 2\nfor_s = 5\n").faults
    assert (fault.kind, fault.service, fault.replica) == ("kill", "payment-worker", 2)
    assert (fault.at_s, fault.lasts_s, fault.process, fault.slowness) == (40, 5, None, None)
    (fault,) = load_text(f'{QUICK}\n[[faults]]\nat_stock = 500\nkind = "slow"\n').faults
    assert (fault.service, fault.replica, fault.lasts_s, fault.slowness) == (None, 1, 3, 10)


def test_what_is_not_undone_after_a_time_lasts_none():
    assert Fault(kind="restart", service="api", at_s=1).lasts_s == 0
    assert Fault(kind="kill", service="api", process="leader", at_s=1).lasts_s == 0
    assert Fault(kind="pause", service="api", process="leader", at_s=1).lasts_s == 3
    assert Fault(kind="partition", service="api", at_s=1).lasts_s == 3


def test_moments_are_stated_or_drawn_from_a_seed_or_up_to_the_stock():
    drawn = Fault(kind="kill", service="api", between_s=(3, 8))
    moments = [drawn.moment_s(random.Random(f"{seed}")) for seed in range(50)]
    assert moments == [drawn.moment_s(random.Random(f"{seed}")) for seed in range(50)]
    assert len(set(moments)) == 50
    assert all(3 <= moment <= 8 for moment in moments)
    assert Fault(kind="kill", service="api", at_s=4).moment_s(random.Random(1)) == 4
    assert Fault(kind="kill", service="api", at_stock=4).moment_s(random.Random(1)) is None


CASES = """
[approach.sync]
settings = { "api.THREADS" = "80" }

[approach.queue]
scale = { payment-worker = 2 }

[[cases]]
name = "one"
faults = [{ at_s = 5, kind = "pause", service = "api", for_s = 5 }]

[[cases]]
name = "two"
approaches = ["queue"]
settings = { "api.ACK" = "ledger" }
scale = { api = 3 }
"""


def test_cases_have_faults_settings_and_approaches(load_text):
    scenario = load_text(QUICK + CASES)
    one, two = scenario.cases
    assert (one.name, one.approaches, len(one.faults)) == ("one", (), 1)
    assert (two.approaches, dict(two.scale)) == (("queue",), {"api": 3})
    assert dict(two.changes) == {("api", "ACK"): "ledger"}
    assert dict(scenario.approach["sync"].changes) == {("api", "THREADS"): "80"}
    assert scenario.faults_of("one") == one.faults
    assert scenario.faults_of("two") == ()


def test_a_scenario_with_cases_can_be_read_back_from_json():
    scenario = load_scenario("chaos", ROOT)
    assert Scenario.model_validate(scenario.model_dump(mode="json")) == scenario


def fault(lines):
    return f"\n[[faults]]\n{lines}\n"


@pytest.mark.parametrize(
    ("tail", "words"),
    [
        (fault('kind = "kill"\nservice = "api"'), ["faults[1]", "none of at_s, at_stock"]),
        (fault(f"{KILL}at_stock = 5"), ["faults[1]", "at_s = 40", "at_stock = 5", "exactly one"]),
        (fault('at_s = 1\nkind = "kill"'), ["faults[1]", "service is missing", "kill"]),
        (fault('at_s = 1\nkind = "hang"\nservice = "api"'), ["faults[1]", 'service = "api"']),
        (fault(f"{KILL}replica = 0"), ["faults[1].replica = 0", '"all"']),
        (fault(f'{KILL}replica = "every"'), ["faults[1].replica = 'every'"]),
        (fault(f"{KILL}replica = true"), ["faults[1].replica = True"]),
        (fault(f"{KILL}for_s = 0"), ["faults[1].for_s = 0"]),
        (fault(f"{KILL}factor = 2"), ["faults[1]", "factor = 2", "only throttle or slow"]),
        (fault('at_s = 1\nkind = "burn"\nservice = "api"'), ["faults[1].kind = 'burn'", "'kill'"]),
        (
            fault('at_s = 1\nkind = "restart"\nservice = "api"\nfor_s = 2'),
            ["faults[1]", "for_s = 2", "restart"],
        ),
        (
            fault('at_s = 1\nkind = "stop"\nservice = "api"\nprocess = "leader"'),
            ["faults[1]", 'process = "leader"', "kill or pause", "stop"],
        ),
        (
            fault('at_s = 1\nkind = "partition"\nservice = "api"\nprocess = "leader"'),
            ["faults[1]", 'process = "leader"', "kill or pause", "partition"],
        ),
        (fault('at_s = 1\nkind = "partition"'), ["faults[1]", "service is missing", "partition"]),
        (fault(f"{KILL}count = 2"), ["faults[1]", "count = 2", "only delete_account", "kill"]),
        (fault('at_s = 1\nkind = "delete_account"\ncount = 0'), ["faults[1].count = 0"]),
        (
            fault('at_s = 1\nkind = "delete_account"\nservice = "api"'),
            ["faults[1]", 'service = "api"', "accounts of its own"],
        ),
        (
            fault('at_s = 1\nkind = "delete_account"\nfor_s = 3'),
            ["faults[1]", "for_s = 3", "delete_account"],
        ),
        (fault(f"{KILL}age_s = 2"), ["faults[1]", "age_s = 2", "only restore_old", "kill"]),
        (
            fault('at_stock = 5\nkind = "restore_old"\nservice = "redis"'),
            ["faults[1]", "at_stock = 5", "restore_old", "2 s before", "at_s or between_s"],
        ),
        (
            fault('between_s = [2, 9]\nkind = "restore_old"\nservice = "redis"\nage_s = 3'),
            ["faults[1]", "restore_old at 2 s", "3 s before", "not begun"],
        ),
        (fault('at_s = 1\nkind = "drain"'), ["faults[1]", "service is missing", "drain"]),
        (
            fault('at_s = 1\nkind = "refuse_writes"\nservice = "postgres"\nfactor = 2'),
            ["faults[1]", "factor = 2", "refuse_writes"],
        ),
        (
            fault(f'{KILL}process = "leader"\nreplica = "all"'),
            ["faults[1]", 'process = "leader"', '"all"'],
        ),
        (
            fault('at_s = 1\nkind = "kill"\nservice = "api"\nprocess = "follower"'),
            ["faults[1].process = 'follower'", "'leader'"],
        ),
        (fault(KILL.replace("40", "60")), ["faults[1].at_s", "60 s", "not before the load ends"]),
        (
            fault('between_s = [50, 70]\nkind = "kill"\nservice = "api"'),
            ["faults[1].between_s", "70 s"],
        ),
        (
            fault('between_s = [9, 3]\nkind = "kill"\nservice = "api"'),
            ["faults[1]", "between_s = [9.0, 3.0]", "ends before it begins"],
        ),
        (fault('between_s = 5\nkind = "kill"\nservice = "api"'), ["faults[1].between_s = 5"]),
        (
            fault('at_stock = 2000\nkind = "kill"\nservice = "api"'),
            ["faults[1].at_stock = 2000", "more than the stock, 1000"],
        ),
        (CASES.replace('name = "two"', 'name = "one"'), ["cases[2].name", '"one"', "two cases"]),
        (CASES.replace('name = "two"', 'name = ""'), ["cases[2].name = ''", "empty"]),
        (CASES.replace("at_s = 5", "at_s = 65"), ["cases[1].faults[1].at_s", "65 s"]),
        (CASES.replace("api.ACK", "ACK"), ["cases[2].settings", '"ACK"', "SERVICE.KEY"]),
        (CASES.replace('"ledger"', "5"), ["cases[2].settings.api.ACK = 5", "text"]),
        (CASES.replace("{ api = 3 }", "{ api = 0 }"), ["cases[2].scale.api = 0"]),
        (CASES + fault(KILL), ["faults and cases exclude each other"]),
    ],
)
def test_a_mistake_is_named_with_file_key_and_value(load_text, tmp_path, tail, words):
    with pytest.raises(UsageError) as caught:
        load_text(QUICK + tail)
    assert str(tmp_path / "own.toml") in caught.value.message
    for word in words:
        assert word in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("tail", "key", "meant"),
    [
        (fault(f"{KILL}replika = 2"), r"faults\[1\]\.replika", "replica"),
        (CASES.replace("faults =", "fault ="), r"cases\[1\]\.fault", "faults"),
        (CASES.replace("[approach.queue]\nscale", "[approach.queue]\nscal"), "queue.scal", "scale"),
        (CASES.replace("for_s", "fors"), r"cases\[1\]\.faults\[1\]\.fors", "for_s"),
    ],
)
def test_an_unknown_key_is_named_with_the_one_that_was_meant(load_text, tail, key, meant):
    with pytest.raises(UsageError, match=f"there is no key .*{key}") as caught:
        load_text(QUICK + tail)
    assert f"did you mean {meant}?" in caught.value.hint


def test_a_contention_test_has_no_faults(load_text):
    text = (ROOT / "scenarios/contention.toml").read_text("utf-8")
    with pytest.raises(UsageError, match="faults and contention exclude each other"):
        load_text(text + fault(KILL))


def test_chaos_hits_every_target_twice_or_by_the_gateway():
    """What is killed is later paused, for longer than the heartbeat of 3 s."""
    chaos = load_scenario("chaos", ROOT)
    for case in chaos.cases:
        if case.faults[0].kind != "kill":
            continue
        kill, pause = case.faults
        assert (kill.kind, pause.kind) == ("kill", "pause")
        assert (kill.service, kill.replica) == (pause.service, pause.replica)
        assert pause.lasts_s > 3
        assert pause.between_s[0] - kill.latest_s - kill.lasts_s >= 2.5
    hit = {(one.service, one.process) for case in chaos.cases for one in case.faults}
    services = {"order-worker", "payment-worker", "api", "event-stream", "nginx", "redis"}
    services |= {"postgres", "payment-gateway", None}
    assert hit == {(name, None) for name in services} | {("order-worker", "leader")}


def test_soak_is_half_an_hour_and_draws_from_every_target():
    soak = load_scenario("soak", ROOT)
    assert soak.load_s == 30 * 60
    (case,) = soak.cases
    hit = {(one.service, one.process) for one in case.random_faults.draw_from}
    chaos = load_scenario("chaos", ROOT)
    assert hit == {(one.service, one.process) for case in chaos.cases for one in case.faults}


def test_chaos_has_every_kind_of_fault_that_does_not_kill_and_one_does_not_hide_the_other():
    chaos = load_scenario("chaos", ROOT)
    hit = {(one.kind, one.service) for case in chaos.cases for one in case.faults}
    drained = ("api", "event-stream", "order-worker", "payment-worker")
    assert hit >= {("drain", service) for service in drained}
    assert hit >= {("freeze", "postgres"), ("freeze", "redis"), ("refuse_writes", "postgres")}
    assert hit >= {("restore_old", "redis"), ("delete_account", None)}
    for case in chaos.cases:
        for before, after in pairwise(case.faults):
            assert after.earliest_s - after.lead_s >= before.latest_s + before.lasts_s + 1


def test_the_acknowledgement_is_measured_on_the_quick_sale():
    quick, priced = load_scenario("quick", ROOT), load_scenario("acknowledgement", ROOT)
    assert (priced.stages, priced.load, priced.product) == (quick.stages, quick.load, quick.product)
    (swept,) = priced.sweep
    assert (swept.key, swept.points) == ("api.ACK", ("acceptance", "ledger"))
