"""Expectations as scenarios state them, and the experiments of the project as a whole."""

from pathlib import Path

import pytest

from harness.campaign import Request, choose, points, topologies
from harness.campaign.eta import OVERHEAD_GUESS_S
from harness.errors import UsageError
from harness.scenario.model import Scenario, load_scenario
from harness.scenario.names import known_experiments
from harness.scenario.scenario_keys import known_keys
from report.claims import published

ROOT = Path(__file__).parents[2]
EXPERIMENTS = known_experiments(ROOT)
QUICK = (ROOT / "scenarios/quick.toml").read_text("utf-8")
CONTENTION = (ROOT / "scenarios/contention.toml").read_text("utf-8")
CASE = '\n[[cases]]\nname = "one"\n'
MOST_MIN = 27


def expects(*lines):
    return "\n".join(["", "[[expectations]]", 'says = "it is so"', *lines, ""])


COUNTED = expects('of = "queue"', 'audit = "I1"', "at_most = 0")
RATIO = expects('of = "queue"', 'over = "sync"', 'metric = "goodput_per_s"', "at_least = 2")


@pytest.fixture
def load_text(tmp_path):
    def load(tail, text=QUICK, hypothesis="A queue is faster."):
        said = f'hypothesis = "{hypothesis}"\n' if hypothesis else ""
        path = tmp_path / "own.toml"
        path.write_text(said + text + tail, "utf-8")
        return load_scenario(str(path), ROOT)

    return load


@pytest.fixture
def planned():
    def planned(scenario, source="own"):
        variants = points(choose(scenario, ROOT, source=source), scenario, ROOT, source)
        request = Request(scenario, variants, scenario.runs, scenario.seed, source=source)
        return topologies(request, ROOT)

    return planned


def test_an_expectation_is_read_and_can_be_read_back_from_json(load_text):
    scenario = load_text(RATIO + COUNTED)
    ratio, counted = scenario.expectations
    assert (ratio.of, ratio.over, ratio.at_least, ratio.at_most) == ("queue", "sync", 2, None)
    assert (counted.audit, counted.metric, counted.at_most) == ("I1", None, 0)
    assert Scenario.model_validate(scenario.model_dump(mode="json")) == scenario


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (['of = "queue"', "at_most = 1"], "either metric or audit"),
        (['of = "queue"', 'metric = "a"', 'audit = "I1"', "at_most = 1"], "either metric or audit"),
        (['of = "queue"', 'metric = "goodput_per_s"'], "what is expected?"),
        (['of = "queue"', 'over = "queue"', 'metric = "a"', "at_most = 1"], "with itself"),
        (['of = "queue"', 'over = "sync"', 'audit = "I1"', "at_most = 1"], "no ratio"),
        (['of = "queue"', 'metric = "a"', "at_least = 2", "at_most = 1"], "more than at_most = 1"),
        (['of = "queue"', 'metric = "a"', "at_most = inf"], "finite number"),
        (['metric = "a"', "at_most = 1"], "expectations[1].of is missing"),
        (['of = "queue"', 'metric = "a"', "most = 1"], "no key expectations[1].most"),
    ],
)
def test_what_bounds_no_one_number_is_refused(load_text, lines, words):
    with pytest.raises(UsageError) as caught:
        load_text(expects(*lines))
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("tail", "options", "words"),
    [
        (RATIO, {"hypothesis": ""}, "need a hypothesis"),
        (RATIO + CASE, {}, "expectations and cases exclude each other"),
        (RATIO, {"text": CONTENTION}, "a contention test has no metrics"),
    ],
)
def test_what_no_campaign_could_judge_is_refused(load_text, tail, options, words):
    with pytest.raises(UsageError, match=words):
        load_text(tail, **options)


def test_a_contention_test_may_count_offences(load_text):
    assert load_text(COUNTED, text=CONTENTION).expectations


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('of = "queue"', 'of = "queu"', ['expectations[1].of = "queu"', "did you mean queue?"]),
        ('over = "sync"', 'over = "celery"', ["expectations[1].over", "known: sync, queue"]),
        ("goodput_per_s", "goodput_per_sec", ["no such metric", "did you mean goodput_per_s?"]),
    ],
)
def test_a_name_that_the_campaign_does_not_have_is_refused(load_text, planned, old, new, words):
    scenario = load_text(RATIO.replace(old, new))
    with pytest.raises(UsageError) as caught:
        planned(scenario)
    said = f"{caught.value.message} {caught.value.hint}"
    assert all(word in said for word in words), said


def test_an_invariant_that_does_not_exist_is_refused(load_text, planned):
    with pytest.raises(UsageError, match="no such invariant"):
        planned(load_text(COUNTED.replace("I1", "I99")))


def test_a_variant_may_have_other_values_of_the_scenario(load_text):
    variant = '\n[[variants]]\nname = "stream"\napproach = "queue"\n'
    scenario = load_text(f'{variant}scenario = {{ "load.buyer" = "watching" }}\n')
    (stream,) = choose(scenario, ROOT)
    assert stream.scenario_of(scenario).load.buyer == "watching"
    assert stream.as_json()["scenario"] == {"load.buyer": "watching"}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ('"load.buyr" = "watching"', "load.buyr: no scenario has this key"),
        ('"load.buyer" = "shouting"', "there is no such buyer"),
        ('"open.rate" = 3', "the load is not open"),
    ],
)
def test_a_value_that_the_scenario_cannot_have_names_the_variant(load_text, value, words):
    variant = '\n[[variants]]\nname = "own"\napproach = "queue"\n'
    scenario = load_text(f"{variant}scenario = {{ {value} }}\n")
    with pytest.raises(UsageError) as caught:
        choose(scenario, ROOT, source="own")
    assert caught.value.message.startswith("own: variants[1]: ")
    assert words in caught.value.message


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_can_be_measured_in_half_an_hour(planned, name):
    scenario = load_scenario(name, ROOT)
    made = planned(scenario, name)
    assert scenario.hypothesis
    assert scenario.expectations
    assert scenario.runs >= 3 or scenario.contention
    run_s = scenario.load_s + OVERHEAD_GUESS_S
    assert len(made) * scenario.runs * run_s / 60 <= MOST_MIN


def test_every_experiment_has_a_title_of_its_own():
    assert len({load_scenario(name, ROOT).title for name in EXPERIMENTS}) == len(EXPERIMENTS)


def test_claims_name_experiments_that_there_are():
    asked = {claim.experiment for claim in published.load().claims} - {None}
    assert {f"experiments/{name}" for name in asked} <= set(EXPERIMENTS)


def test_keys_of_variants_are_those_of_sweeps():
    assert {"load.poll_interval_s", "load.buyer"} <= set(known_keys())
