"""The points of a sweep are variants: what varies each, what each is called, what is refused."""

from pathlib import Path

import pytest

from harness.campaign import Choice, Request, Variant, choose, points, topologies
from harness.cli.options import read_sweeps
from harness.errors import UsageError
from harness.scenario.model import load_scenario

ROOT = Path(__file__).parents[2]


@pytest.fixture
def sweep():
    def sweep(*words, scenario="quick", **choice):
        loaded = load_scenario(scenario, ROOT)
        loaded = loaded.model_copy(update={"sweep": read_sweeps(words)})
        variants = choose(loaded, ROOT, Choice(**choice))
        found = points(variants, loaded, ROOT, scenario)
        return found, Request(loaded, found, runs=1, seed=1)

    return sweep


def test_each_number_of_replicas_is_a_variant_and_who_has_none_stays_one(sweep):
    found, request = sweep("payment-worker.replicas=1,3", approaches=("sync", "queue"))
    assert [one.name for one in found] == ["sync", "queue.replicas-1", "queue.replicas-3"]
    assert [one.base for one in found] == ["", "queue", "queue"]
    assert found[2].point == {"payment-worker.replicas": 3}
    assert found[2].title.endswith(", payment-worker.replicas = 3")
    made = topologies(request, ROOT)
    replicas = {name: one.services["payment-worker"].replicas for (name, _), one in made.items()
                if "payment-worker" in one.services}  # fmt: skip
    assert replicas == {"queue.replicas-1": 1, "queue.replicas-3": 3}


def test_a_setting_varies_who_has_it(sweep):
    found, request = sweep("api.THREADS=4,64", approaches=("sync", "queue"))
    assert [one.name for one in found] == ["sync.THREADS-4", "sync.THREADS-64", "queue"]
    made = topologies(request, ROOT)
    threads = made["sync.THREADS-64", ""].services["api"].environment["THREADS"]
    assert (threads, found[1].point) == ("64", {"api.THREADS": 64})


def test_two_keys_make_a_grid(sweep):
    words = ("payment-worker.replicas=1,2", "payment-worker.CONCURRENCY=5,10")
    found, _ = sweep(*words, approaches=("queue",))
    assert [one.name for one in found] == [
        f"queue.replicas-{n}.CONCURRENCY-{c}" for n in (1, 2) for c in (5, 10)
    ]
    assert found[1].scale == {"payment-worker": 1}
    assert found[1].settings == {("payment-worker", "CONCURRENCY"): "10"}


def test_a_key_of_the_scenario_varies_every_variant_and_what_is_deployed(sweep):
    found, request = sweep("payment.mean_s=0.5,4", approaches=("sync", "queue"))
    assert [one.name for one in found] == [
        f"{base}.mean_s-{value}" for base in ("sync", "queue") for value in (0.5, 4)
    ]
    assert found[1].scenario_of(request.scenario).payment.mean_s == 4
    gateway = topologies(request, ROOT)["queue.mean_s-0.5", ""].services["payment-gateway"]
    assert gateway.environment["LATENCY_MEAN_S"] == "0.5"


def test_the_point_outranks_what_its_variant_says(sweep):
    wide = Variant("wide", "queue", scale={"payment-worker": 9, "api": 3})
    found, _ = sweep("payment-worker.replicas=1,2", variants=(wide,))
    assert found[0].scale == {"payment-worker": 1, "api": 3}
    assert found[0].name == "wide.replicas-1"


def test_a_name_is_one_that_a_folder_can_bear(sweep):
    found, _ = sweep("api.ACK=acceptance,a/b c", approaches=("queue",))
    assert found[1].name == "queue.ACK-a_b_c"


def test_a_point_is_stored_and_read_again(sweep):
    found, _ = sweep("payment.mean_s=1,2", "api.PROCESSES=1,2", approaches=("queue",))
    assert [Variant.of_json(one.as_json(), None) for one in found] == list(found)
    plain = Variant("queue", "queue")
    assert set(plain.as_json()).isdisjoint({"point", "base", "scenario"})


@pytest.mark.parametrize(
    ("word", "message", "hint"),
    [
        ("payment-worker.REPLICA=1,2", "payment-worker.REPLICA: nothing has this key",
         "did you mean payment-worker.replicas?"),
        ("paymentworker.replicas=1,2", "nothing has this key", "did you mean payment-worker.rep"),
        ("nginz.x=1,2", "nothing has this key", "services: api, "),
        ("payment.mean=1,2", "payment.mean: nothing has this key", "did you mean payment.mean_s?"),
        ("payment.decline_rate=0.1,2", "sweep of queue.decline_rate-2: the scenario: payment.decli",
         "leave it out"),
        ("payment-worker.replicas=1,1.5", "1.5 is no number of replicas", "1 or more"),
        ("payment-worker.replicas=1,many", "many is no number of replicas", "1 or more"),
        ("payment-worker.replicas=0,1", "sweep of queue.replicas-0: ", "scale to 1 or more"),
        ("postgres.replicas=1,2", "postgres cannot have 2 replicas", "leave it at one"),
        ("api.cpus=1,none", "'none' is not", "correct the value"),
        ("open.rate=1,2", "the load is not open", "sweep load.peak_users"),
    ],
)  # fmt: skip
def test_what_nothing_has_or_can_be_is_refused(sweep, word, message, hint):
    with pytest.raises(UsageError) as caught:
        sweep(word, approaches=("queue",))
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["payment-worker.replicas"], "values = []: a sweep takes two values or more"),
        (["payment-worker.replicas="], "values = []: a sweep takes two values or more"),
        (["payment-worker.replicas=3"], "values = [3]: a sweep takes two values or more"),
        (["payment-worker.replicas=1,,2"], "must not be empty"),
        (["replicas=1,2"], "is not of the form"),
        (["=1,2"], "--sweep =1,2"),
        (["a.A=1,2", "a.A=3,4"], "a.A is swept twice"),
        (["a.A=1,2", "a.B=3,4", "a.C=1,2"], "one key, or two that make a grid"),
    ],
)
def test_words_that_are_no_sweep_are_refused(words, message):
    with pytest.raises(UsageError) as caught:
        read_sweeps(words)
    assert caught.value.message.startswith("--sweep")
    assert message in caught.value.message
