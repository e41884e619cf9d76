from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from harness.campaign.schedule import plan_runs

names = st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, unique=True)
approaches = names.map(lambda chosen: [(name, "") for name in chosen])
cases = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["x", "y", "z"])),
    min_size=1,
    unique=True,
)


@given(approaches | cases, st.integers(1, 8), st.integers(0, 2**32))
def test_every_block_holds_each_system_once(systems, blocks, seed):
    runs = plan_runs(systems, blocks, seed)
    assert [run.index for run in runs] == list(range(1, len(systems) * blocks + 1))
    for block in range(1, blocks + 1):
        held = Counter((run.variant, run.case) for run in runs if run.block == block)
        assert held == Counter(systems)


@given(approaches | cases, st.integers(0, 2**32))
def test_an_even_block_runs_in_the_opposite_order(systems, seed):
    runs = plan_runs(systems, 2, seed)
    first = [(run.variant, run.case) for run in runs if run.block == 1]
    second = [(run.variant, run.case) for run in runs if run.block == 2]
    assert second == first[::-1]


def test_the_order_follows_from_the_seed_alone():
    a, b = ("a", ""), ("b", "")
    assert plan_runs([a, b], 3, 7) == plan_runs([b, a], 3, 7)
    orders = {tuple(run.variant for run in plan_runs([a, b], 1, seed)) for seed in range(20)}
    assert orders == {("a", "b"), ("b", "a")}


@given(approaches | cases, st.integers(1, 8), st.integers(0, 2**32))
def test_each_block_has_a_seed_of_its_own(systems, blocks, seed):
    assert all(run.seed == seed + run.block - 1 for run in plan_runs(systems, blocks, seed))


@given(approaches | cases, st.integers(1, 8), st.integers(0, 2**32))
def test_one_seed_is_repeated_only_if_asked_for(systems, blocks, seed):
    varied = plan_runs(systems, blocks, seed)
    repeated = plan_runs(systems, blocks, seed, same_seed=True)
    assert all(run.seed == seed for run in repeated)
    assert [(run.variant, run.case) for run in repeated] == [
        (run.variant, run.case) for run in varied
    ]
