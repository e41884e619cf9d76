"""The states that an order has been in follow from the one it is in: each step is a transition."""

from hypothesis import given
from hypothesis import strategies as st

from approaches.shop.orders import TRANSITIONS, Status, history, last_event_id


@st.composite
def courses(draw):
    """Every course that an order can take, from its acceptance to anywhere."""
    course = [Status.ACCEPTED]
    while TRANSITIONS[course[-1]] and draw(st.booleans()):
        course.append(draw(st.sampled_from(sorted(TRANSITIONS[course[-1]]))))
    return course


@given(courses(), st.integers(0, 6))
def test_whoever_comes_back_is_sent_exactly_what_was_missed(course, seen):
    everything = list(enumerate(course, start=1))
    assert history(course[-1], len(course)) == everything
    assert history(course[-1], len(course), seen) == everything[seen:]


@given(st.integers(0, 99_999))
def test_a_version_is_read_from_the_header(version):
    assert last_event_id(str(version)) == version


@given(st.none() | st.text().filter(lambda text: not text.isdecimal()) | st.just("1" * 6))
def test_what_is_no_version_is_before_all(header):
    assert last_event_id(header) == 0
