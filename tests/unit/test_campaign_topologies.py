"""What a campaign measures: scenario, case and command line together; the impossible is named."""

import re
from pathlib import Path

import pytest

from harness.campaign import Choice, Request, choose, topologies
from harness.campaign.topologies import without_case
from harness.errors import UsageError
from harness.scenario.model import load_scenario

ROOT = Path(__file__).parents[2]
CHOSEN = ("approaches", "variants", "scale", "settings")
QUICK = (ROOT / "scenarios/quick.toml").read_text("utf-8")


@pytest.fixture
def made(tmp_path):
    def made(tail, head="", **rest):
        path = tmp_path / "own.toml"
        path.write_text(head + QUICK + tail, encoding="utf-8")
        scenario = load_scenario(str(path), ROOT)
        asked = {name: rest.pop(name) for name in CHOSEN if name in rest}
        variants = choose(scenario, ROOT, Choice(**asked), "own.toml")
        request = {"runs": 1, "seed": 1, "source": "own.toml", **rest}
        return Request(scenario, variants, **request)

    return made


@pytest.fixture
def ask(made):
    return lambda *words, **rest: topologies(made(*words, **rest), ROOT)


def kill(service, rest=""):
    return f'{{ at_s = 5, kind = "kill", service = "{service}"{rest} }}'


def cases(*faults):
    return "".join(f'\n[[cases]]\nname = "c{n}"\nfaults = [{f}]\n' for n, f in enumerate(faults, 1))


def test_without_cases_there_is_one_system_per_approach(ask):
    assert set(ask("")) == {("queue", ""), ("sync", "")}
    assert set(ask("", approaches=("sync",))) == {("sync", "")}


def test_a_case_is_run_of_every_approach_that_has_its_services(ask):
    found = ask(cases(kill("api"), kill("redis"), '{ at_s = 5, kind = "hang" }'))
    both = {("queue", "c1"), ("sync", "c1"), ("queue", "c3"), ("sync", "c3")}
    assert set(found) == both | {("queue", "c2")}


def test_approaches_and_cases_can_be_chosen(ask):
    three = cases(kill("api"), kill("redis"), '{ at_s = 5, kind = "hang" }')
    assert set(ask(three, approaches=("sync",))) == {("sync", "c1"), ("sync", "c3")}
    assert set(ask(three, cases=("c2", "c3"))) == {("queue", "c2"), ("queue", "c3"), ("sync", "c3")}
    with pytest.raises(UsageError, match=r"own\.toml: no case of sync is left"):
        ask(three, approaches=("sync",), cases=("c2",))
    with pytest.raises(UsageError, match="there is no case named 'c9'") as caught:
        ask(three, cases=("c9",))
    assert "c1, c2, c3" in caught.value.hint


def test_the_command_line_outranks_the_case_and_that_the_approach(ask):
    tail = """
[approach.queue]
scale = { api = 3, order-worker = 2 }
settings = { "api.PROCESSES" = "3", "order-worker.PROCESSES" = "1", "event-stream.PROCESSES" = "2" }
[[cases]]
name = "c"
approaches = ["queue"]
scale = { api = 4 }
settings = { "api.PROCESSES" = "4", "order-worker.PROCESSES" = "2" }
"""
    asked = {"scale": {"payment-worker": 1}, "settings": {("api", "PROCESSES"): "5"}}
    services = ask(tail, **asked)["queue", "c"].services
    varied = ("api", "order-worker", "payment-worker")
    assert [services[name].replicas for name in varied] == [4, 2, 1]
    processes = ("api", "order-worker", "event-stream")
    assert [services[name].environment["PROCESSES"] for name in processes] == ["5", "2", "2"]


@pytest.mark.parametrize(
    ("tail", "words"),
    [
        (cases(kill("paymnt")), 'own.toml: cases[1].faults[1].service = "paymnt": no approach'),
        (
            cases(kill("redis"), kill("api", ", replica = 3")),
            "own.toml: cases[2].faults[1].replica = 3: api of sync has 1",
        ),
        (cases(kill("api").replace("kill", "wipe")), 'cases[1].faults[1]: kind = "wipe"'),
        (cases(kill("postgres").replace("kill", "wipe")), "only a Redis can be wiped"),
        (
            cases(kill("redis").replace("kill", "refuse_writes")),
            'cases[1].faults[1]: kind = "refuse_writes", service = "redis": only the ledger',
        ),
        (
            cases(kill("api").replace("kill", "freeze")),
            'kind = "freeze", service = "api": only connections to a store',
        ),
        (
            cases(kill("postgres").replace("kill", "restore_old")),
            "only a Redis can be put back from a copy",
        ),
        (
            cases(kill("api", ', process = "leader"')),
            'cases[1].faults[1].process = "leader": sync has no leader\'s lock',
        ),
        (
            cases(kill("redis")).replace("faults", 'approaches = ["sync"]\nfaults'),
            'cases[1].faults[1].service = "redis": sync has no such service',
        ),
        (
            cases(kill("redis")).replace("faults", 'approaches = ["async"]\nfaults'),
            'own.toml: cases[1].approaches = "async": there is no such approach',
        ),
        ("[approach.async]\n", "own.toml: approach.async: there is no such approach"),
        (
            "[approach.sync]\nscale = { nginx = 2 }\n",
            "own.toml: approach.sync: docker-compose.sync",
        ),
        ('[approach.sync]\nsettings = { "api.NO" = "" }\n', "approach.sync: docker-compose.sync"),
        (
            '[[faults]]\nat_s = 5\nkind = "kill"\nservice = "redis"\n',
            'own.toml: faults[1].service = "redis": sync has no such service',
        ),
    ],
)
def test_what_a_topology_has_not_is_refused_by_key(ask, tail, words):
    with pytest.raises(UsageError, match=re.escape(words)) as caught:
        ask(f"\n{tail}")
    assert caught.value.hint


EXPERIMENT = 'hypothesis = "Nothing is lost when Redis is killed."\n'
EVERY_SECOND = {("redis", "APPENDFSYNC"): "everysec"}
RECHECKED = 'settings = { "order-worker.RECHECK_STOCK" = "1" }\n'


@pytest.mark.parametrize(
    ("tail", "settings", "words"),
    [
        ("", EVERY_SECOND, "own.toml: queue: redis.APPENDFSYNC=everysec: that is for experiments"),
        (f"[approach.queue]\n{RECHECKED}", {}, "own.toml: queue: order-worker.RECHECK_STOCK=1:"),
        (
            f'[[cases]]\nname = "c"\napproaches = ["queue"]\n{RECHECKED}',
            {},
            "own.toml: queue: order-worker.RECHECK_STOCK=1:",
        ),
        (
            '[[variants]]\nname = "locks"\napproach = "queue"\n'
            'settings = { "api.RESERVATION" = "lock" }\n',
            {},
            "own.toml: locks: api.RESERVATION=lock: that is for experiments only "
            "(docker-compose.queue.yml: x-harness.ablations)",
        ),
    ],
)
def test_a_shop_is_made_another_one_in_experiments_only(ask, tail, settings, words):
    with pytest.raises(UsageError, match=re.escape(words)) as caught:
        ask(f"\n{tail}", settings=settings)
    assert "hypothesis" in caught.value.hint
    found = ask(f"\n{tail}", head=EXPERIMENT, settings=settings)
    (ablated,) = {one.ablated for one in found.values() if one.ablated}
    assert ablated[0] in words


def test_by_hand_a_shop_is_not_made_another_one_either(made):
    with pytest.raises(UsageError, match="experiments only"):
        without_case(made("", settings=EVERY_SECOND), ROOT)
    found = without_case(made("", head=EXPERIMENT, settings=EVERY_SECOND), ROOT)
    assert found["queue"].ablated == ("redis.APPENDFSYNC=everysec",)
    assert found["sync"].ablated == ()


def test_a_setting_that_is_for_experiments_may_be_stated_as_it_is_anyway(ask):
    found = ask("", settings={("redis", "APPENDFSYNC"): "always"})
    assert not any(one.ablated for one in found.values())


def test_top_level_faults_hit_the_approaches_that_were_asked_for(ask):
    tail = '\n[[faults]]\nat_s = 5\nkind = "kill"\nservice = "redis"\n'
    assert set(ask(tail, approaches=("queue",))) == {("queue", "")}
