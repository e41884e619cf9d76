"""What a Prometheus server says that services used, and what counts as no answer."""

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from harness.runtimes.attached import prometheus_queries
from harness.runtimes.attached.endpoints import Prometheus
from harness.runtimes.attached.prometheus_queries import NoValue, PrometheusQueries

NOWHERE = "http://127.0.0.1:1"


@contextmanager
def prometheus(answers):
    """Serve a text by each query; a query without one is not answered before the end."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            (query,) = parse_qs(urlsplit(self.path).query)["query"]
            if query not in answers:
                over.wait()
                return
            body = answers[query].encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield "http://{}:{}".format(*server.server_address)
        finally:
            over.set()
            server.shutdown()
            thread.join()


def vector(*values, of="vector", key="value"):
    result = [{"metric": {}, key: [1.0, value]} for value in values]
    return json.dumps({"status": "success", "data": {"resultType": of, "result": result}})


def scalar(value):
    data = {"resultType": "scalar", "result": [1.0, value]}
    return json.dumps({"status": "success", "data": data})


def test_it_says_what_a_service_used():
    with prometheus({"cpu": vector("12.5"), "memory": scalar("1000000")}) as url:
        queries = PrometheusQueries(
            Prometheus(url=url, cpu_s={"api": "cpu"}, memory_bytes={"api": "memory"})
        )
        used = queries.usage()["api"]
        assert (used.cpu_s, used.memory_bytes, used.processes) == (12.5, 1_000_000, None)
        queries.check()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (vector(), "0 values"),
        (vector("1", "2"), "2 values"),
        (vector("NaN"), "nan"),
        (vector("+Inf"), "inf"),
        (scalar("-Inf"), "-inf"),
        (vector("1", of="matrix", key="values"), "no number"),
        (vector("much"), "no number"),
        ("<html>Log in</html>", "no number"),
        ("[]", "no number"),
        ('"text"', "no number"),
        ('{"status": "success"}', "no number"),
        ('{"status": "error", "error": "parse error"}', "parse error"),
    ],
)
def test_an_answer_that_is_not_one_number_is_absent_and_never_zero(answer, why):
    with prometheus({"cpu": answer, "memory": vector("7")}) as url:
        queries = PrometheusQueries(
            Prometheus(url=url, cpu_s={"api": "cpu"}, memory_bytes={"api": "memory"})
        )
        used = queries.usage()["api"]
        assert (used.cpu_s, used.memory_bytes) == (None, 7)
        with pytest.raises(NoValue, match=rf"prometheus\.cpu_s\.api: .*{why}"):
            queries.check()


def test_queries_that_hang_delay_no_other_and_each_other_by_nothing(monkeypatch):
    monkeypatch.setattr(prometheus_queries, "ANSWER_LIMIT_S", 0.5)
    with prometheus({"cpu": vector("1")}) as url:
        hanging = {name: f"hangs {name}" for name in ("nginx", "redis", "postgres", "worker")}
        queries = PrometheusQueries(Prometheus(url=url, cpu_s={"api": "cpu", **hanging}))
        began_s = time.monotonic()
        assert list(queries.usage()) == ["api"]
        assert time.monotonic() - began_s < 4 * 0.5
        with pytest.raises(NoValue, match=r"nginx: (no answer within 0\.5 s|timed out)"):
            queries.check()


def test_a_server_that_is_away_is_absent():
    queries = PrometheusQueries(Prometheus(url=NOWHERE, cpu_s={"api": "cpu"}))
    assert queries.usage() == {}
    with pytest.raises(NoValue, match="refused"):
        queries.check()
