"""A sweep in a scenario: its values, and the scenario with one of them in place of its own."""

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.scenario.model import Scenario, load_scenario
from harness.scenario.scenario_keys import known_keys, with_values

ROOT = Path(__file__).parents[2]
QUICK = (ROOT / "scenarios/quick.toml").read_text("utf-8")


@pytest.fixture
def read(tmp_path):
    def read(tail, head=""):
        path = tmp_path / "own.toml"
        path.write_text(head + QUICK + tail, encoding="utf-8")
        return load_scenario(str(path), ROOT)

    return read


@pytest.fixture(scope="module")
def quick():
    return load_scenario("quick", ROOT)


@pytest.mark.parametrize(
    ("stated", "values"),
    [
        ("values = [1, 2, 3]", (1, 2, 3)),
        ('values = ["acceptance", "ledger"]', ("acceptance", "ledger")),
        ("range = { from = 1, to = 6 }", (1, 2, 3, 4, 5, 6)),
        ("range = { from = 0.1, to = 0.5, step = 0.2 }", (0.1, 0.3, 0.5)),
        ("geometric = { from = 50, to = 800, factor = 2 }", (50, 100, 200, 400, 800)),
        ("geometric = { from = 0.1, to = 10, count = 3 }", (0.1, 1.0, 10.0)),
        ("geometric = { from = 1, to = 4, count = 8 }", (1, 2, 3, 4)),
    ],
)
def test_values_are_listed_or_computed(read, stated, values):
    (sweep,) = read(f'[[sweep]]\nkey = "api.THREADS"\n{stated}\n').sweep
    assert sweep.points == values
    assert [type(one) for one in sweep.points] == [type(one) for one in values]


def test_a_stored_scenario_has_the_same_sweep(read):
    tail = '[[sweep]]\nkey = "api.THREADS"\nrange = { from = 1, to = 3 }\n'
    scenario = read(tail + '[[sweep]]\nkey = "payment.mean_s"\nvalues = [1, 2.5]\n')
    assert Scenario.model_validate(scenario.model_dump(mode="json")) == scenario


def test_a_hypothesis_is_text(read):
    assert read("").hypothesis is None
    assert read("", 'hypothesis = "More sell more."\n').hypothesis == "More sell more."


@pytest.mark.parametrize(
    ("tail", "words"),
    [
        ('key = "api.THREADS"\nvalues = []', "values = []: a sweep takes two values or more"),
        ('key = "api.THREADS"', "values = []: a sweep takes two values or more"),
        ('key = "api.THREADS"\nvalues = [4]', "values = [4]: a sweep takes two values or more"),
        ('key = "api.THREADS"\nvalues = [4, 4]', "4 stands there twice"),
        ('key = "THREADS"\nvalues = [1, 2]', "not of the form SERVICE.replicas, SERVICE.KEY"),
        ('key = "api.THREADS"\nvalues = [1, true]', "sweep[1].values[2] = True: must be a finite"),
        ('key = "api.THREADS"\nvalues = [1, [2]]', "must be a finite number"),
        ('key = "api.THREADS"\nvalues = [1, nan]', "must be a finite number"),
        ('key = "a.B"\nvalues = [1, 2]\nrange = { from = 1, to = 2 }', "values and range exclude"),
        ('key = "a.B"\nrange = { from = 2, to = 1 }', "to = 1 must be above from = 2"),
        ('key = "a.B"\nrange = { from = 1, to = 2, step = 0 }', "step = 0 must be above 0"),
        ('key = "a.B"\nrange = { from = 0, to = 1e9 }', "1000000001 values are more than 100"),
        ('key = "a.B"\ngeometric = { from = 1, to = 2, factor = 1.000001 }', "more than 100"),
        ('key = "a.B"\nrange = { form = 1, to = 2 }', "sweep[1].range.form"),
        ('key = "a.B"\ngeometric = { from = 0, to = 2, count = 3 }', "from = 0 must be above 0"),
        ('key = "a.B"\ngeometric = { from = 1, to = 2 }', "state either count or factor"),
        ('key = "a.B"\ngeometric = { from = 1, to = 2, factor = 1 }', "factor = 1 must be above 1"),
        ('keys = "a.B"\nvalues = [1, 2]', "did you mean key?"),
    ],
)
def test_a_sweep_that_means_nothing_is_refused_by_its_place(read, tail, words):
    with pytest.raises(UsageError) as caught:
        read(f"[[sweep]]\n{tail}\n")
    assert words in f"{caught.value.message} {caught.value.hint}"


def test_more_than_a_grid_and_two_of_one_key_are_refused(read):
    def sweep(key):
        return f'[[sweep]]\nkey = "{key}"\nvalues = [1, 2]\n'

    with pytest.raises(UsageError, match="one key, or two that make a grid"):
        read(sweep("a.A") + sweep("a.B") + sweep("a.C"))
    with pytest.raises(UsageError, match=r"a\.A is swept twice"):
        read(sweep("a.A") + sweep("a.A"))


def test_any_value_of_the_scenario_can_be_another(quick):
    other = with_values(quick, {"payment.mean_s": 5, "product.stock": 10, "drain.limit_s": 1.5})
    assert (other.payment.mean_s, other.product.stock, other.drain.limit_s) == (5, 10, 1.5)
    assert other.stages == quick.stages
    assert with_values(quick, {}) is quick


@pytest.mark.parametrize("users", [1, 7, 50, 299, 2000])
def test_the_load_keeps_its_shape_at_another_peak(quick, users):
    other = with_values(quick, {"load.peak_users": users})
    assert other.peak_users == users
    for stage, before in zip(other.stages, quick.stages, strict=True):
        assert stage.seconds == before.seconds
        assert abs(stage.users - before.users * users / 300) <= 0.5


def test_the_rate_of_an_open_load_is_that_of_its_busiest_stage():
    opened = load_scenario("open", ROOT)
    other = with_values(opened, {"open.rate": 2 * opened.open.peak_per_s})
    assert other.open.peak_per_s == pytest.approx(2 * opened.open.peak_per_s)
    assert other.open.buyers == 2 * opened.open.buyers


def test_the_crowd_of_a_contention_test_are_its_buyers():
    contention = load_scenario("contention", ROOT)
    assert with_values(contention, {"load.peak_users": 33}).contention.buyers == 33


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"payment.decline_rate": 2}, "payment.decline_rate = 2"),
        ({"payment.mean_s": "long"}, "payment.mean_s = 'long': must be a number"),
        ({"product.stock": 1.5}, "product.stock = 1.5: must be a whole number"),
        ({"load.peak_users": 0}, "0 is no number of users"),
        ({"load.peak_users": 2.5}, "2.5 is no number of users"),
        ({"open.rate": 5}, "sweep of open.rate: the load is not open"),
        ({"open.at_once": 5}, "sweep of open.at_once: the scenario has no [open]"),
    ],
)
def test_what_a_scenario_cannot_be_is_refused_by_key_and_value(quick, values, words):
    with pytest.raises(UsageError) as caught:
        with_values(quick, values)
    assert words in caught.value.message


def test_an_open_load_has_no_users_at_its_peak():
    with pytest.raises(UsageError, match=r"load\.peak_users: the load is open"):
        with_values(load_scenario("open", ROOT), {"load.peak_users": 5})


def test_the_known_keys_are_values_and_the_two_sizes_of_a_load():
    known = known_keys()
    assert {"payment.mean_s", "load.think_max_s", "open.at_once", "load.peak_users"} <= set(known)
    assert "open.rate" in known
    assert "open.stages" not in known
