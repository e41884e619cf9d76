"""The curves of a sweep, from what each run of each point says: in order, whole, and comparable."""

from types import SimpleNamespace

import numpy as np
import pytest

from harness.analysis.estimates import Missing, Scalar, estimate
from harness.analysis.metric import Listing
from harness.analysis.metrics import METRICS, listed
from harness.analysis.scalability import law
from harness.analysis.sweep import Measured, sweep

REPLICAS, SLOTS = "payment-worker.replicas", "payment-worker.CONCURRENCY"
GOODPUT, ORDERS = "goodput_per_s", "confirmed_orders"
EFFECTS = {
    "gains up to the knee", "gains; the knee is not decided", "gains up to the last value",
    "worsens",
}  # fmt: skip
JUDGED = listed(Listing.SWEEP)


def point(values, *, ranked=True, bounds=()):
    """Measured runs, one per block; a metric that is not given is 100 in every run."""
    blocks = len(next(iter(values.values()), (1, 1, 1)))
    group = SimpleNamespace(
        runs=[
            SimpleNamespace(record=SimpleNamespace(block=block, durations_s={"up": 5.0, "load": 9}))
            for block in range(1, blocks + 1)
        ],
        counts=[True] * blocks,
    )
    estimates = {}
    for name in JUDGED:
        known, given = METRICS[name], values.get(name, [100] * blocks)
        said = [Missing("none") if value is None else Scalar(value) for value in given]
        found = estimate(said, [True] * blocks, known.unit, known.scale, None)
        estimates[name] = SimpleNamespace(
            per_run=found.per_run, at_least=bounds if name in values and bounds else found.at_least
        )
    return Measured(group, estimates, ranked)


def campaign(keys, points):
    """A campaign of one base variant at some points, and of what is measured there."""
    variants = [
        {
            "name": f"q{number}",
            "title": "Queue, " + ", ".join(f"{k} = {v}" for k, v in zip(keys, values, strict=True)),
            "base": "queue",
            "point": dict(zip(keys, values, strict=True)),
        }
        for number, values in enumerate(points)
    ]
    description = {"scenario": {"sweep": [{"key": key} for key in keys]}, "variants": variants}
    return sweep(description, {f"q{n}": one for n, one in enumerate(points.values())})


def noisy(mean, seed, spread=0.01):
    return (mean * np.exp(np.random.default_rng(seed).normal(0, spread, 3))).tolist()


def test_a_sweep_over_a_knob_that_does_nothing_reports_no_knee_no_effect_and_no_law():
    points = {
        (n,): point({name: noisy(100, 10 * n + k) for k, name in enumerate(JUDGED)})
        for n in (1, 2, 3, 4, 6)
    }
    found = campaign((REPLICAS,), points)
    (curve,) = found["curves"]
    assert EFFECTS.isdisjoint({one["shape"] for one in curve["knees"].values()})
    assert curve["scaling"] == {}
    assert found["comparisons"] == len(JUDGED) * 10
    assert found["points"]["q0"] == {"run_s": [14.0, 14.0, 14.0]}


def test_a_curve_rises_by_its_values_in_whatever_order_they_were_asked_for():
    sizes = (6, 1, 3, 2, 4)
    exact = law(10, 0.1, 0.0, np.array(sizes, dtype=float))
    points = {
        (n,): point({GOODPUT: noisy(mean, n, 0.002)}) for n, mean in zip(sizes, exact, strict=True)
    }
    (curve,) = campaign((REPLICAS,), points)["curves"]
    assert (curve["title"], curve["key"], curve["fixed"]) == ("Queue", REPLICAS, {})
    assert [one["value"] for one in curve["points"]] == [1, 2, 3, 4, 6]
    assert curve["knees"][GOODPUT]["shape"] == "gains up to the last value"
    (fitted,) = curve["scaling"].values()
    assert fitted["fits"]
    assert fitted["contention"]["value"] == pytest.approx(0.1, abs=0.01)


def test_what_is_no_size_has_no_law():
    points = {(n,): point({GOODPUT: noisy(10 * n, 1, 0.001)}) for n in (0.5, 1, 2, 4)}
    (curve,) = campaign(("payment.mean_s",), points)["curves"]
    assert curve["knees"][GOODPUT]["shape"] in EFFECTS
    assert curve["scaling"] == {}


def test_a_grid_has_a_curve_along_its_first_key_at_each_value_of_its_second():
    points = {(n, c): point({ORDERS: noisy(100 * n, n)}) for n in (1, 2) for c in (5, 20)}
    found = campaign((REPLICAS, SLOTS), points)
    assert [one["fixed"] for one in found["curves"]] == [{SLOTS: 5}, {SLOTS: 20}]
    assert {one["title"] for one in found["curves"]} == {"Queue"}
    assert found["comparisons"] == len(JUDGED) * 2
    assert {one["knees"][ORDERS]["shape"] for one in found["curves"]} == {
        "gains up to the last value"
    }


def test_words_have_no_order_and_no_knee():
    points = {(word,): point({ORDERS: noisy(n, 1)}) for n, word in ((900, "b"), (100, "a"))}
    (curve,) = campaign(("api.ACK",), points)["curves"]
    assert [one["value"] for one in curve["points"]] == ["b", "a"]
    assert "they have no order" in curve["knees"][ORDERS]["warnings"][0]


def test_a_point_that_is_not_ranked_is_left_out():
    points = {
        (1,): point({ORDERS: [100, 101, 100]}),
        (2,): point({ORDERS: [900, 901, 900]}, ranked=False),
        (3,): point({ORDERS: [100, 100, 101]}),
    }
    (curve,) = campaign((REPLICAS,), points)["curves"]
    assert curve["left_out"] == ["q1"]
    assert curve["knees"][ORDERS]["shape"] not in EFFECTS


def test_a_latency_that_is_only_known_to_be_longer_stands_at_its_bound():
    name = "purchase_latency_p95_ms"
    points = {
        (4,): point({name: [None, None, None]}, bounds=(30_000.0, 30_000.0, 30_000.0)),
        (64,): point({name: [500, 510, 505]}),
        (300,): point({name: [500, 500, 510]}),
    }
    (curve,) = campaign(("api.THREADS",), points)["curves"]
    found = curve["knees"][name]
    assert (found["shape"], found["knee"]) == ("gains up to the knee", 64)
    unknown = {**points, (4,): point({name: [None, None, None]}, bounds=(None, None, None))}
    (curve,) = campaign(("api.THREADS",), unknown)["curves"]
    assert curve["knees"][name]["first"] == 64
