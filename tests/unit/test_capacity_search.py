"""The search: it finds the threshold of what is monotone, and ends for what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.capacity.search import (
    Bracket,
    Search,
    Trial,
    bracket,
    expected_runs,
    is_settled,
    next_level,
)

SEARCH = Search()
searches = st.builds(
    Search,
    start=st.integers(10, 200),
    lowest=st.integers(1, 10),
    highest=st.integers(200, 5_000),
    growth=st.floats(1.2, 4),
    resolution=st.floats(0.01, 1),
    repeats=st.integers(1, 5),
    most_runs=st.just(1_000),
)


def run(search, passes):
    """Search a system that answers by the level and the number of the run."""
    trials = []
    while (level := next_level(search, trials)) is not None:
        trials.append(Trial(level, passes(level, len(trials))))
        assert len(trials) <= search.most_runs
    return trials


def levels(trials):
    return [trial.level for trial in trials]


def test_the_level_grows_until_it_is_not_served_then_the_gap_is_halved_and_the_ends_repeated():
    trials = run(SEARCH, lambda level, _: level <= 310)
    assert levels(trials) == [50, 100, 200, 400, 283, 336, 308, 308, 336, 308, 336]
    assert bracket(trials) == Bracket(308, 336)
    assert is_settled(SEARCH, trials)


def test_it_goes_down_if_the_first_level_is_not_served():
    trials = run(SEARCH, lambda level, _: level <= 20)
    assert levels(trials)[:4] == [50, 25, 12, 17]
    assert bracket(trials) == Bracket(20, 21)


def test_nothing_is_tried_above_the_highest_or_below_the_lowest_level():
    assert levels(run(SEARCH, lambda *_: True))[-4:] == [3200, 5000, 5000, 5000]
    assert bracket(run(SEARCH, lambda *_: True)) == Bracket(5000, None)
    assert levels(run(SEARCH, lambda *_: False)) == [50, 25, 12, 6, 5, 5, 5]
    assert bracket(run(SEARCH, lambda *_: False)) == Bracket(None, 5)


@given(searches, st.integers(1, 6_000))
def test_the_threshold_of_a_monotone_system_is_found_within_the_resolution(search, threshold):
    trials = run(search, lambda level, _: level <= threshold)
    found = bracket(trials)
    assert is_settled(search, trials)
    if found.served is None:
        assert found.not_served == search.lowest > threshold
    elif found.not_served is None:
        assert found.served == search.highest <= threshold
    else:
        assert found.served <= threshold < found.not_served
        gap = found.not_served / found.served
        assert gap <= 1 + search.resolution or found.not_served == found.served + 1
    for level in (found.served, found.not_served):
        assert level is None or levels(trials).count(level) == search.repeats
    assert max(map(levels(trials).count, levels(trials))) <= search.repeats


@given(searches, st.randoms(use_true_random=False))
def test_a_system_that_answers_at_random_has_a_bracket_too_and_the_search_ends(search, draws):
    trials = run(search, lambda *_: draws.random() < 0.5)
    found = bracket(trials)
    assert is_settled(search, trials)
    assert found.served is None or search.lowest <= found.served <= search.highest
    if found.served is not None and found.not_served is not None:
        assert found.served < found.not_served
        passed = [trial.passed for trial in trials if trial.level == found.served]
        failed = [not trial.passed for trial in trials if trial.level == found.not_served]
        assert 2 * sum(passed) > len(passed)
        assert 2 * sum(failed) >= len(failed)
    assert max(map(levels(trials).count, levels(trials))) <= search.repeats


@given(st.integers(6, 12), st.randoms(use_true_random=False))
def test_no_search_takes_more_runs_than_it_may(most, draws):
    search = Search(most_runs=most)
    assert len(run(search, lambda *_: draws.random() < 0.5)) <= most


def test_a_search_that_has_used_up_its_runs_says_so():
    search = Search(most_runs=6)
    trials = run(search, lambda level, _: level <= 310)
    assert len(trials) == 6
    assert not is_settled(search, trials)
    assert bracket(trials) == Bracket(283, 336)


def test_one_mishap_moves_the_search_and_the_repeats_move_it_back():
    """The second run fails although its level is served: the repeats find that out."""
    trials = run(SEARCH, lambda level, number: level <= 310 and number != 1)
    found = bracket(trials)
    assert found.served <= 310 < found.not_served
    assert levels(trials).count(100) == 3


def test_of_contradicting_levels_the_lower_one_counts():
    trials = [Trial(100, True), Trial(200, False), Trial(400, True)]
    assert bracket(trials) == Bracket(100, 200)


@pytest.mark.parametrize("passed", [0, 1, 2, 3])
def test_a_level_is_served_if_more_than_half_of_its_runs_passed(passed):
    trials = [Trial(50, number < passed) for number in range(3)]
    assert bracket(trials) == (Bracket(50, None) if passed >= 2 else Bracket(None, 50))
    tie = [Trial(50, True), Trial(50, False)]
    assert bracket(tie) == Bracket(None, 50)


def test_the_number_of_runs_is_known_in_about_and_gets_more_exact():
    trials = run(SEARCH, lambda level, _: level <= 310)
    expected = [expected_runs(SEARCH, trials[:made]) + made for made in range(len(trials) + 1)]
    assert expected[-1] == len(trials)
    assert all(abs(one - len(trials)) <= 3 for one in expected)


@given(searches, st.integers(1, 6_000))
def test_a_search_that_was_interrupted_goes_on_as_if_it_was_not(search, threshold):
    def passes(level, _):
        return level <= threshold

    trials = run(search, passes)
    for made in range(len(trials)):
        assert next_level(search, trials[:made]) == trials[made].level
