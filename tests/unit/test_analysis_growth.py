"""A leak is found; noise, restarts, faults, caches that fill and short loads are none."""

from dataclasses import replace

import jsonschema_rs
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis import summarise
from harness.analysis.growth import KINDS, SHORTEST_S, WARM_UP_S, growth, slope, warnings
from harness.analysis.run_facts import RunFacts
from tests.support.histories import make_run
from tests.support.long_loads import LOAD_S, TIMES_S, fault, sampled
from tests.support.schemas import summary_schema
from tests.support.stored import variants

MB = 1e6
PRIVATE = KINDS[0]


@pytest.fixture(scope="module")
def base():
    return make_run("queue", users=5, stock=20, seconds=8)


def noise(spread, seed=1):
    return np.random.default_rng(seed).normal(0, spread, len(TIMES_S))


def only(base, values, **rest):
    (row,) = growth(RunFacts(sampled(base, {("api", "private_bytes"): values}, **rest)))
    return row


def test_a_leak_is_found_with_its_slope(base):
    row = only(base, 80 * MB + 40 * MB * TIMES_S / 3600 + noise(MB))
    assert row["grows"]
    assert row["per_hour"] == pytest.approx(40 * MB, rel=0.1)
    assert row["low"] <= row["per_hour"] <= row["high"]
    assert row["change"] == pytest.approx(40 * MB * (LOAD_S - WARM_UP_S - 30) / 3600, rel=0.1)
    assert warnings([row]) == [
        f"run 1 (queue): private memory of api grows by {row['per_hour'] / MB:.1f} MB per hour"
    ]


@pytest.mark.parametrize("seed", range(20))
def test_noise_is_no_leak(base, seed):
    assert not only(base, 80 * MB + noise(5 * MB, seed))["grows"]


def test_what_fills_up_at_the_beginning_is_no_leak(base):
    assert not only(base, 80 * MB - 30 * MB * np.exp(-TIMES_S / 60) + noise(MB / 10))["grows"]


def test_a_staircase_that_goes_on_is_a_leak(base):
    assert only(base, 80 * MB + 5 * MB * (TIMES_S // 300))["grows"]


def test_restarts_and_what_a_fault_hides_are_no_growth(base):
    faults = [
        fault(kind, "api", at_s, at_s + 60)
        for kind, at_s in (("kill", 400), ("pause", 800), ("kill", 1300), ("kill", 1700))
    ]
    values = 80 * MB + noise(MB / 2)
    for one in faults:
        begun_s, ended_s = one["begun_ns"] / 1e9, one["ended_ns"] / 1e9
        values = np.where((begun_s <= TIMES_S) & (ended_s >= TIMES_S), MB, values)
    row = only(base, values, faults=faults)
    assert not row["grows"]
    assert row["level"] == pytest.approx(80 * MB, rel=0.01)
    assert row["restarts"] == 3


def test_a_negligible_slope_is_flat_but_shown(base):
    row = only(base, 80 * MB + MB * TIMES_S / 3600)
    assert (row["grows"], row["low"] > 0) == (False, True)
    assert row["per_hour"] == pytest.approx(MB, rel=0.01)


def test_memory_as_a_whole_counts_only_where_private_memory_is_not_known(base):
    rows = growth(
        RunFacts(
            sampled(
                base,
                {
                    ("api", "private_bytes"): 80 * MB,
                    ("api", "memory_bytes"): 80 * MB + MB * TIMES_S,
                    ("nginx", "memory_bytes"): 8 * MB + MB * TIMES_S,
                },
            )
        )
    )
    assert {(row["service"], row["kind"]): row["grows"] for row in rows} == {
        ("api", "private_bytes"): False,
        ("nginx", "memory_bytes"): True,
    }


def test_what_belongs_to_the_world_and_loads_that_are_short_are_not_judged(base):
    leak = {("load", "private_bytes"): MB * TIMES_S}
    assert growth(RunFacts(sampled(base, leak))) == []
    leak = {("api", "private_bytes"): MB * TIMES_S}
    assert growth(RunFacts(sampled(base, leak, load_s=SHORTEST_S - 1))) == []
    assert len(growth(RunFacts(sampled(base, leak, load_s=SHORTEST_S)))) == 1


def test_bytes_of_redis_are_counted_by_settled_order(base):
    rows = {("redis", "used_memory_bytes"): 2 * MB + 10 * MB * TIMES_S / LOAD_S}
    run = sampled(base, rows)
    settled_ns = run.record.t0_wall_ns + int((WARM_UP_S + 10) * 1e9)
    orders = run.orders.assign(settled_ns=settled_ns, status="confirmed")
    (row,) = growth(RunFacts(replace(run, orders=orders)))
    assert row["bytes_per_order"] == pytest.approx(row["change"] / len(orders))


def test_a_summary_has_it_by_its_schema_and_warns(base):
    leak = sampled(base, {("api", "sockets"): 20 + TIMES_S / 10, ("redis", "keys"): 7.0})
    found = summarise({"title": "Soak", "variants": variants("queue"), "seed": 1}, [leak], {})
    jsonschema_rs.validator_for(summary_schema()).validate(found)
    assert [(row["kind"], row["grows"]) for row in found["growth"]] == [
        ("sockets", True),
        ("keys", False),
    ]
    assert any("connections of api grows" in warning for warning in found["warnings"])
    short = summarise({"title": "Short", "variants": variants("queue"), "seed": 1}, [base], {})
    assert short["growth"] == []


@settings(max_examples=50)
@given(
    level=st.floats(1e6, 1e9),
    share=st.floats(0.15, 2.0),
    seed=st.integers(0, 1000),
    wild=st.integers(0, 8),
)
def test_any_leak_of_some_size_is_found_though_some_windows_are_wild(level, share, seed, wild):
    times_s = WARM_UP_S + 15.0 + 30.0 * np.arange(50)
    draws = np.random.default_rng(seed)
    values = level * (1 + share * np.linspace(0, 1, 50)) * draws.normal(1, 0.005, 50)
    values += max(0.0, 8e6 - share * level) * np.linspace(0, 1, 50)
    values[draws.choice(50, wild, replace=False)] *= draws.uniform(0.1, 3.0, wild)
    assert slope("api", PRIVATE, pd.Series(values, index=times_s)).grows
