"""Server-sent events as the HTML standard defines them."""

from harness.load.event_stream import Event, EventStreamParser


def read(text):
    parser = EventStreamParser()
    events = [parser.feed_line(line) for line in text.encode().splitlines(keepends=True)]
    return parser, [event for event in events if event is not None]


def test_an_event_has_id_type_and_data():
    _, events = read('id: 2\nevent: status\ndata: {"a":1}\n\n')
    assert events == [Event("2", "status", '{"a":1}')]


def test_lines_of_data_are_joined_and_the_type_is_message_by_default():
    _, events = read("data: one\r\ndata:two\r\ndata:  three\r\n\r\n")
    assert events == [Event("", "message", "one\ntwo\n three")]


def test_comments_and_unknown_fields_are_ignored():
    parser, events = read(": heartbeat\n\nretry: 250\nretry: soon\ncolour: red\ndata\n\n")
    assert events == [Event("", "message", "")]
    assert parser.retry_ms == 250


def test_an_event_without_data_is_none_but_its_id_counts():
    parser, events = read("id: 7\nevent: status\n\ndata: x\n\n")
    assert events == [Event("7", "message", "x")]
    assert parser.last_id == "7"


def test_an_id_stays_until_the_next_one_and_may_not_hold_a_null():
    parser, events = read("id: 1\ndata: a\n\ndata: b\n\nid: 2\0\ndata: c\n\n")
    assert [event.id for event in events] == ["1", "1", "1"]
    assert parser.last_id == "1"


def test_an_event_that_is_cut_off_is_not_dispatched():
    _, events = read("data: x\n")
    assert events == []


def test_bytes_that_are_no_utf8_do_not_end_the_stream():
    parser = EventStreamParser()
    assert parser.feed_line(b"data: \xff\n") is None
    assert parser.feed_line(b"\n") == Event("", "message", "\ufffd")
