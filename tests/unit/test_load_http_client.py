"""The client of the buyers, byte by byte: every way in which an answer comes, or does not."""

import socket

import gevent
import pytest

from harness.load.http_client import NoRetryClient, reason
from harness.load.http_connection import BrokenAnswer
from tests.support.scripted_server import serve

WHOLE = b"HTTP/1.1 200 OK\r\nX-Name: Value\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nX-Name: Value\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
)
UNTIL_CLOSED = b"HTTP/1.1 200 OK\r\nX-Name: Value\r\n\r\nhello"
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
END_OF_STREAM = b"0\r\n\r\n"
FAR_S = 20.0
SOON_S = 0.1


def saying(*answers):
    """Answer the n-th request with the n-th answer; None closes the connection unanswered."""

    def script(connection, number):
        answer = answers[number]
        if answer is None:
            connection.shutdown(socket.SHUT_RDWR)
        else:
            connection.sendall(answer)

    return script


def closing_after(answer):
    def script(connection, number):
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_RDWR)

    return script


def chunk(text):
    return b"%x\r\n%b\r\n" % (len(text), text)


def get(server, timeout_s=FAR_S):
    client = NoRetryClient(server.address, timeout_s)
    try:
        return client.request("GET", "/a", {})
    finally:
        client.close()


@pytest.mark.parametrize("answer", [WHOLE, CHUNKED], ids=["length", "chunked"])
def test_an_answer_is_whole_however_it_is_cut(answer):
    def byte_by_byte(connection, number):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for one in answer:
            connection.sendall(bytes([one]))

    with serve(byte_by_byte) as server:
        response = get(server)
    assert (response.status, response.body, response.error) == (200, b"hello", "")
    assert response.headers[b"x-name"] == b"Value"


def test_a_request_is_sent_as_it_was_asked_for():
    with serve(saying(WHOLE, WHOLE)) as server:
        client = NoRetryClient(server.address, FAR_S)
        client.request("POST", "/orders", {"Accept": "application/json"}, b"{}")
        client.request("POST", "/orders", {})
        client.close()
    host = server.address.removeprefix("http://").encode()
    head = b"POST /orders HTTP/1.1\r\nHost: %b\r\nUser-Agent: flashsale-harness\r\n" % host
    assert server.requests == [
        head + b"Accept: application/json\r\nContent-Length: 2\r\n\r\n{}",
        head + b"Content-Length: 0\r\n\r\n",
    ]


def test_a_large_request_is_sent_to_its_end():
    body = b"x" * 3_000_000
    with serve(saying(WHOLE)) as server:
        client = NoRetryClient(server.address, FAR_S)
        assert client.request("POST", "/a", {}, body).status == 200
        client.close()
    assert server.requests[0].endswith(b"\r\n\r\n" + body)


def test_one_connection_carries_one_request_after_the_other():
    with serve(saying(WHOLE, CHUNKED, WHOLE)) as server:
        client = NoRetryClient(server.address, FAR_S)
        statuses = [client.request("GET", "/a", {}).status for _ in range(3)]
        client.close()
    assert statuses == [200, 200, 200]
    assert len(server.connections) == 1


@pytest.mark.parametrize(
    "first",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_a_connection_that_the_server_will_not_keep_is_not_used_again(first):
    with serve(saying(first, WHOLE)) as server:
        client = NoRetryClient(server.address, FAR_S)
        assert [client.request("GET", "/a", {}).status for _ in range(2)] == [200, 200]
        client.close()
    assert len(server.connections) == 2


def test_an_idle_connection_that_was_closed_is_replaced_before_anything_is_sent():
    with serve(closing_after(WHOLE)) as server:
        client = NoRetryClient(server.address, FAR_S)
        for _ in range(3):
            assert client.request("GET", "/a", {}).error == ""
            client._connection._idle.poll()  # until the end of the connection has come
        client.close()
    assert [len(requests) for requests in server.connections] == [1, 1, 1]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_that_got_no_answer_is_not_sent_again(method):
    with serve(saying(None, WHOLE)) as server:
        client = NoRetryClient(server.address, FAR_S)
        response = client.request(method, "/a", {})
        assert (response.status, response.error) == (0, "reset")
        assert len(server.requests) == 1
        assert client.request(method, "/a", {}).status == 200, "the next one has a new connection"
        client.close()


def test_an_interim_answer_is_not_the_answer():
    with serve(saying(b"HTTP/1.1 103 Early\r\nX-Name: Early\r\n\r\n" + WHOLE)) as server:
        response = get(server)
    assert (response.status, response.body) == (200, b"hello")
    assert response.headers[b"x-name"] == b"Value"


def test_an_answer_without_a_body_ends_with_its_head():
    with serve(saying(b"HTTP/1.1 204 No Content\r\n\r\n")) as server:
        response = get(server)
    assert (response.status, response.body, response.error) == (204, b"", "")


def test_a_body_of_unknown_length_ends_with_the_connection():
    with serve(closing_after(UNTIL_CLOSED)) as server:
        response = get(server)
    assert (response.status, response.body, response.error) == (200, b"hello", "")


@pytest.mark.parametrize("answer", [WHOLE, CHUNKED], ids=["length", "chunked"])
def test_an_answer_that_ends_early_is_broken(answer):
    for length in (10, len(answer) // 2, len(answer) - 1):
        with serve(closing_after(answer[:length])) as server:
            response = get(server)
        assert (response.status, response.error) == (0, "broken"), length


@pytest.mark.parametrize(
    "answer",
    [
        b"hello\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    ],
)
def test_what_is_not_an_answer_is_broken(answer):
    with serve(saying(answer)) as server:
        response = get(server)
    assert (response.status, response.error) == (0, "broken")


@pytest.mark.parametrize("surplus", [WHOLE, b"hello"], ids=["an answer", "garbage"])
def test_what_follows_an_answer_is_never_taken_for_the_next_one(surplus):
    other = WHOLE.replace(b"hello", b"other")
    with serve(saying(WHOLE + surplus, other)) as server:
        client = NoRetryClient(server.address, FAR_S)
        bodies = [client.request("GET", "/a", {}).body for _ in range(2)]
        client.close()
    assert bodies == [b"hello", b"other"]
    assert len(server.connections) == 2


@pytest.mark.parametrize("begun", [b"", WHOLE[:20], WHOLE[:-1]], ids=["nothing", "head", "body"])
def test_the_limit_of_time_is_that_of_the_whole_request(begun):
    with serve(saying(begun)) as server:
        response = get(server, SOON_S)
    assert (response.status, response.error) == (0, "timeout")


def test_each_request_has_the_whole_time_also_after_one_that_had_too_little():
    """Known bad: a gevent.Timeout that is started again has what was left of its time."""
    with serve(saying(b"", WHOLE, WHOLE)) as server:
        client = NoRetryClient(server.address, 10 * SOON_S)
        errors = [client.request("GET", "/a", {}).error for _ in range(3)]
        client.close()
    assert errors == ["timeout", "", ""]


def test_a_limit_that_was_not_reached_does_not_end_a_later_wait():
    with serve(saying(WHOLE)) as server:
        client = NoRetryClient(server.address, SOON_S)
        assert client.request("GET", "/a", {}).status == 200
        gevent.sleep(2 * SOON_S)
        client.close()


def test_nobody_listens():
    with serve(saying()) as server:
        pass
    response = get(server)
    assert (response.status, response.error) == (0, "connect")


def test_a_name_without_an_address_cannot_be_connected_to():
    client = NoRetryClient("http://no-such-host.invalid:80", FAR_S)
    assert client.request("GET", "/a", {}).error == "connect"


def test_times_of_a_request_follow_from_each_other():
    with serve(saying(WHOLE, None)) as server:
        client = NoRetryClient(server.address, FAR_S)
        client.request("GET", "/a", {})
        first_done_ns = client.done_ns
        assert 0 < client.sent_ns < client.done_ns
        client.request("GET", "/a", {})
        assert first_done_ns <= client.sent_ns < client.done_ns
        assert client.took_ns == client.done_ns - client.sent_ns
        client.close()


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/a", {"X-Name": "a\r\nX-Other: b"}),
        ("/a", {"X-Name": "a\nX-Other: b"}),
        ("/a", {"X-Name": "a\rX-Other: b"}),
        ("/a", {"X-Name": "\u2028"}),
        ("/a HTTP/1.1\r\nX-Other: b\r\n", {}),
        ("/a b", {}),
        ("/\u2028", {}),
    ],
)
def test_nothing_is_sent_that_would_be_more_than_one_request_or_header(path, headers):
    with serve(saying()) as server:
        client = NoRetryClient(server.address, FAR_S)
        with pytest.raises(ValueError, match=r"cannot carry|latin-1"):
            client.request("GET", path, headers)
        client.close()
    assert server.connections == []


def test_an_event_stream_is_read_line_by_line_and_its_connection_kept():
    stream = STREAM + chunk(b"id: 1\nda") + chunk(b"ta: x\n\n") + END_OF_STREAM
    with serve(saying(stream, WHOLE)) as server:
        client = NoRetryClient(server.address, FAR_S)
        assert client.open_stream("/events", {"Accept": "text/event-stream"}).status == 200
        assert [client.read_line() for _ in range(4)] == [b"id: 1\n", b"data: x\n", b"\n", b""]
        client.end_stream(FAR_S)
        assert client.request("GET", "/a", {}).body == b"hello"
        client.close()
    assert len(server.connections) == 1


def test_a_stream_that_does_not_end_in_time_gives_its_connection_up():
    with serve(saying(STREAM + chunk(b"id: 1\n"), WHOLE)) as server:
        client = NoRetryClient(server.address, FAR_S)
        client.open_stream("/events", {})
        assert client.read_line() == b"id: 1\n"
        client.end_stream(SOON_S)
        assert client.request("GET", "/a", {}).body == b"hello"
        client.close()
    assert len(server.connections) == 2


def test_a_stream_that_is_refused_is_an_answer_like_any_other():
    refused = b"HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\nsorry"
    with serve(saying(refused, WHOLE)) as server:
        client = NoRetryClient(server.address, FAR_S)
        response = client.open_stream("/events", {})
        assert (response.status, response.body) == (503, b"sorry")
        assert client.request("GET", "/a", {}).status == 200
        client.close()
    assert len(server.connections) == 1


def test_a_stream_that_breaks_says_how():
    with serve(closing_after(STREAM + chunk(b"id: 1\n"))) as server:
        client = NoRetryClient(server.address, FAR_S)
        client.open_stream("/events", {})
        assert client.read_line() == b"id: 1\n"
        with pytest.raises(BrokenAnswer) as broken:
            client.read_line()
        client.close()
    assert reason(broken.value) == "broken"
    assert reason(ConnectionResetError()) == "reset"
    assert reason(gevent.Timeout(1)) == "timeout"
