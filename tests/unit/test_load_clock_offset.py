"""How far two clocks are apart, from questions that took a while to be answered."""

from hypothesis import given
from hypothesis import strategies as st

from harness.load.clock_offset import ClockOffset, Exchange, worst_error_ns

MOST_NS = 10**18
delays_ns = st.integers(0, 10**9)


def exchange(sent_ns, ahead_ns, there_ns, back_ns):
    """Return an exchange with a clock that is `ahead_ns`; the two ways take as long as said."""
    return Exchange(sent_ns, sent_ns + there_ns + ahead_ns, sent_ns + there_ns + back_ns)


@given(
    st.integers(-MOST_NS, MOST_NS),
    st.lists(st.tuples(st.integers(0, MOST_NS), delays_ns, delays_ns), min_size=1, max_size=20),
)
def test_the_true_offset_is_within_the_error_however_unequal_the_two_ways_are(ahead_ns, asked):
    exchanges = [exchange(sent_ns, ahead_ns, there, back) for sent_ns, there, back in asked]
    found = ClockOffset.of(exchanges)
    assert abs(found.offset_ns - ahead_ns) <= found.error_ns + 1  # it is rounded
    assert found.error_ns == (min(there + back for _, there, back in asked) + 1) // 2


def test_the_quickest_answer_counts():
    slow, quick = exchange(0, 500, 1_000, 0), exchange(10_000, 500, 40, 60)
    assert ClockOffset.of([slow, quick, slow]) == ClockOffset(490, 50)


def test_what_the_clocks_drifted_apart_is_part_of_the_error():
    before, after = ClockOffset(1_000, 50), ClockOffset(1_300, 20)
    assert worst_error_ns(before, after) == 320
    assert worst_error_ns(before, ClockOffset(1_000, 20)) == 50
