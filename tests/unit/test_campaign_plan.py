from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from harness.campaign.plan import plan_runs

approaches = st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, unique=True)


@given(approaches, st.integers(1, 8), st.integers(0, 2**32))
def test_every_block_holds_each_approach_once(names, blocks, seed):
    runs = plan_runs(names, blocks, seed)
    assert [run.index for run in runs] == list(range(1, len(names) * blocks + 1))
    for block in range(1, blocks + 1):
        assert Counter(run.approach for run in runs if run.block == block) == Counter(names)


@given(approaches, st.integers(0, 2**32))
def test_an_even_block_runs_in_the_opposite_order(names, seed):
    runs = plan_runs(names, 2, seed)
    first = [run.approach for run in runs if run.block == 1]
    second = [run.approach for run in runs if run.block == 2]
    assert second == first[::-1]


def test_the_order_follows_from_the_seed_alone():
    assert plan_runs(["a", "b"], 3, 7) == plan_runs(["b", "a"], 3, 7)
    orders = {tuple(run.approach for run in plan_runs(["a", "b"], 1, seed)) for seed in range(20)}
    assert orders == {("a", "b"), ("b", "a")}
