"""Hot routes: answered without the framework, and just as the framework would answer."""

import asyncio
import json

import pytest
from fastapi import FastAPI
from redis.exceptions import RedisError

from approaches.queue.http import answer_to, web_app
from approaches.shop import asgi, metrics
from approaches.shop.asgi import Answer, ShortCut, header_values, json_answer, read_body
from approaches.shop.metrics import REQUESTS_IN_PROGRESS
from approaches.shop.problems import Code, Problem


async def item(scope, _):
    """GET /items/{id}."""
    if scope["id"] == "none":
        raise Problem(Code.NOT_FOUND, "there is no such item")
    if scope["id"] == "lost":
        raise RedisError("gone")
    return json_answer(json.dumps(scope["id"]).encode())


async def add(scope, receive):
    """POST /items."""
    who = header_values(scope, b"who")
    return json_answer(b"[%d,%d]" % (len(await read_body(receive)), len(who)), 202, [(b"x", b"1")])


class Stream(asyncio.Protocol):
    """Who goes on after an answer; what happened to it."""

    def __init__(self, id=""):
        self.id = id
        self.was_lost = False

    def connection_lost(self, _):
        self.was_lost = True


async def news(scope, _):
    """GET /items/{id}/news."""
    if scope["id"] == "none":
        raise Problem(Code.NOT_FOUND, "there is no such item")
    return Answer(200, [(b"x", b"1")], b"begin", Stream(scope["id"]))


@pytest.fixture
def hot():
    app = web_app(lambda _: None, lambda: None)
    hot = ShortCut(app, answer_to)
    hot.add("GET", "/items/{id}", item)
    hot.add("GET", "/items/{id}/news", news)
    hot.add("POST", "/items", add)
    hot.app = app
    return hot


@pytest.fixture
def counted(monkeypatch):
    """Every answer that is counted: method, template and status."""
    counts = []
    monkeypatch.setattr(asgi, "count_request", lambda *facts: counts.append(facts))
    return counts


def scope_of(method, path, headers=()):
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"",
        "root_path": "", "headers": list(headers), "client": None, "server": None,
    }  # fmt: skip


def request(app, method, path, *messages, headers=()):
    """Ask an ASGI application; return what it sends."""
    sent = []
    waiting = list(messages or [{"type": "http.request", "body": b"", "more_body": False}])

    async def receive():
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope_of(method, path, headers), receive, send))
    return sent


def answered(app, *asked, **how):
    start, body = request(app, *asked, **how)
    return start["status"], start["headers"], body["body"]


@pytest.mark.parametrize(
    "asked",
    [
        ("GET", "/items/a"), ("GET", "/items/é"), ("GET", "/items/a\n"), ("GET", "/items/none"),
        ("GET", "/items/lost"), ("GET", "/items/"), ("GET", "/items"), ("GET", "/items/a/b"),
        ("GET", "//items/a"), ("HEAD", "/items/a"), ("DELETE", "/items/a"), ("PUT", "/items"),
        ("POST", "/items"), ("POST", "/items\n"), ("POST", "/items/"), ("POST", "/items/a"),
        ("GET", "/"), ("GET", ""), ("GET", "/healthz"), ("GET", "/news"), ("GET", "//news"),
        ("GET", "/items/none/news"), ("POST", "/items/a/news"), ("HEAD", "/items/a/news"),
        ("GET", "/items//news"), ("GET", "/items/a/news/"), ("GET", "/items/a/b/news"),
    ],
    ids=repr,
)  # fmt: skip
def test_the_short_cut_answers_as_the_application_does_and_counts_as_it_counts(hot, counted, asked):
    by_short_cut = answered(hot, *asked)
    assert by_short_cut == answered(hot.app, *asked)
    assert counted[0] == counted[1]
    assert counted[0][2] == by_short_cut[0]


def test_a_hot_route_does_not_pass_through_the_application(hot, monkeypatch):
    async def never(*_):
        raise AssertionError("the application was asked")

    monkeypatch.setattr(FastAPI, "__call__", never)
    assert answered(hot, "GET", "/items/a")[0] == 200
    assert answered(hot, "POST", "/items")[0] == 202


def test_a_body_in_parts_is_read_to_its_end_and_repeated_headers_are_seen(hot):
    parts = [{"type": "http.request", "body": b"abc", "more_body": True} for _ in range(3)]
    last = {"type": "http.request", "body": b"d", "more_body": False}
    twice = [(b"who", b"a"), (b"x", b"y"), (b"who", b"b")]
    assert answered(hot, "POST", "/items", *parts, last, headers=twice)[2] == b"[10,2]"


@pytest.mark.parametrize("how", ["short cut", "application"])
def test_a_stream_gets_the_connection_after_the_answer(hot, counted, how):
    happened = []

    async def send(message):
        happened.append(message)

    def hand_over(scope, stream):
        happened.append(stream)
        return scope["path"] == "/items/a/news"

    scope = scope_of("GET", "/items/a/news") | {"hand_over": hand_over}
    receive = None  # nothing is read of the request
    asyncio.run((hot if how == "short cut" else hot.app)(scope, receive, send))
    start, body, stream = happened
    assert (start["status"], start["headers"]) == (200, [(b"x", b"1")])
    assert (body["body"], body["more_body"]) == (b"begin", True)
    assert (stream.id, stream.was_lost) == ("a", False)
    assert counted == [("GET", "/items/{id}/news", 200)]


def test_a_stream_that_does_not_get_the_connection_ends(hot, counted):
    sent, begun = [], []

    async def send(message):
        sent.append(message)

    def keep(_, stream):
        begun.append(stream)
        return False

    asyncio.run(hot(scope_of("GET", "/items/a/news") | {"hand_over": keep}, None, send))
    assert [one.was_lost for one in begun] == [True]
    assert [one.get("more_body", False) for one in sent[1:]] == [True, False]


def test_a_stream_that_cannot_begin_is_told_so(hot, monkeypatch):
    begun = Stream()

    async def lost(*_):
        return Answer(200, [], b"", begun)

    async def send(_):
        raise ConnectionError

    hot.add("GET", "/lost/{id}/news", lost)
    with pytest.raises(ConnectionError):
        asyncio.run(hot(scope_of("GET", "/lost/a/news"), None, send))
    assert begun.was_lost


def test_who_hangs_up_within_the_body_gets_no_answer_and_is_not_counted(hot, counted):
    half = {"type": "http.request", "body": b"a", "more_body": True}
    assert request(hot, "POST", "/items", half) == []
    assert counted == []


def test_the_gauge_follows_the_requests_in_progress(hot, monkeypatch):
    monkeypatch.setattr(metrics, "BATCH_S", 0)
    before = REQUESTS_IN_PROGRESS._value.get()

    async def gauge_is(expected):
        async with asyncio.timeout(10):
            while REQUESTS_IN_PROGRESS._value.get() - before != expected:
                await asyncio.sleep(0)

    async def ignore(_):
        pass

    async def two_at_once():
        over = asyncio.Event()

        async def slow(*_):
            await over.wait()
            return json_answer(b"")

        hot.add("GET", "/slow", slow)
        asked = [asyncio.create_task(hot(scope_of("GET", "/slow"), None, ignore)) for _ in "ab"]
        await gauge_is(2)
        over.set()
        await asyncio.gather(*asked)
        await gauge_is(0)

    asyncio.run(two_at_once())


def test_a_defect_is_answered_logged_and_counted(hot, counted, caplog):
    async def broken(*_):
        raise ZeroDivisionError

    hot.add("GET", "/broken", broken)
    status, _, body = answered(hot, "GET", "/broken")
    assert (status, json.loads(body)["code"]) == (500, "internal")
    assert "ZeroDivisionError" in caplog.text
    assert counted == [("GET", "/broken", 500)]


def test_an_answer_of_a_process_that_drains_is_the_last_on_its_connection(hot):
    plain = answered(hot, "GET", "/items/a")
    hot.app.state.is_draining = True
    status, headers, body = answered(hot, "GET", "/items/a")
    assert headers == [*plain[1], (b"connection", b"close")]
    assert (status, body) == (plain[0], plain[2])
