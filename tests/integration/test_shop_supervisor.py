"""The pre-fork supervisor and the health probe, with real processes."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import httpx
import psutil
import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.integration

SERVICE = textwrap.dedent(
    """
    import os, signal, sys
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from approaches.shop import metrics
    from approaches.shop.supervisor import serve

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            metrics.count_request("GET", self.path, 200)
            metrics.REQUESTS_IN_PROGRESS.inc()
            body = metrics.render() if self.path == "/metrics" else str(os.getpid()).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            if self.path == "/die":
                self.wfile.flush()
                os._exit(3)
        def log_message(self, *words):
            pass

    def run_child(index, listener):
        server = HTTPServer(("", 0), Handler, bind_and_activate=False)
        server.socket.close()
        server.socket = listener
        print("child", index, flush=True)
        try:
            server.serve_forever(poll_interval=0.05)
        finally:
            print("drained", index, flush=True)

    serve(3, run_child, sys.argv[1])
    print("all gone", flush=True)
    """
)


def eventually(condition, what):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


class Service:
    def __init__(self, tmp_path, metrics_directory=None):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.bind = f"127.0.0.1:{free.getsockname()[1]}"
        self.output = tmp_path / "output"
        self.scratch = tmp_path / "tmp"
        self.scratch.mkdir(exist_ok=True)
        environment = {**os.environ, "TMPDIR": str(self.scratch), "PYTHONPATH": str(ROOT)}
        environment.pop("PROMETHEUS_MULTIPROC_DIR", None)
        if metrics_directory is not None:
            environment["PROMETHEUS_MULTIPROC_DIR"] = str(metrics_directory)
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SERVICE, self.bind],
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        eventually(lambda: self.output.read_text().count("child") == 3, "three children")

    def close(self):
        """Kill the supervisor, and with it every child."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def get(self, path):
        return httpx.get(f"http://{self.bind}{path}").text

    def children(self):
        return {child.pid for child in psutil.Process(self.process.pid).children()}


@pytest.fixture
def service(tmp_path):
    running = Service(tmp_path)
    yield running
    running.close()


def test_a_dead_child_is_replaced_and_counters_go_on(service):
    before = service.children()
    dead = int(service.get("/die"))
    eventually(lambda: len(service.children() - before) == 1, "a new child")
    assert dead not in service.children()
    seen = {int(service.get("/pid")) for _ in range(30)}
    assert seen <= service.children()
    text = service.get("/metrics")
    assert 'shop_http_requests_total{method="GET",route="/die",status="200"} 1.0' in text
    assert 'shop_http_requests_total{method="GET",route="/pid",status="200"} 30.0' in text
    assert "restarting in" in service.output.read_text()


def test_sigterm_drains_every_child_and_leaves_nothing(service):
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(20) == 0
    output = service.output.read_text()
    assert output.count("drained") == 3
    assert output.endswith("all gone\n")
    assert list(service.scratch.iterdir()) == []


def test_a_paused_child_drains_too(service):
    paused = psutil.Process(min(service.children()))
    paused.suspend()
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(20) == 0
    assert service.output.read_text().count("drained") == 3


def test_a_child_that_keeps_dying_is_started_less_and_less_often(service):
    for _ in range(4):
        service.get("/die")
    eventually(lambda: service.output.read_text().count("restarting in") == 4, "all of them died")
    text = service.output.read_text()
    pauses = re.findall(r"child (\d) ended with 3; restarting in (\S+) s", text)
    by_child = {}
    for child, pause in pauses:
        by_child.setdefault(child, []).append(float(pause))
    assert all(found == [0.1 * 2**n for n in range(len(found))] for found in by_child.values())
    assert max(map(len, by_child.values())) > 1  # three children died four times
    eventually(lambda: len(service.children()) == 3, "all of them are back")


def test_counters_go_on_where_they_were_when_a_whole_service_is_killed_and_started(tmp_path):
    directory = tmp_path / "metrics"
    directory.mkdir()
    counted = 'shop_http_requests_total{{method="GET",route="/pid",status="200"}} {}.0'
    for life in (1, 2, 3):
        with contextlib.closing(Service(tmp_path, directory)) as service:
            for _ in range(10):
                service.get("/pid")
            text = service.get("/metrics")
            assert counted.format(10 * life) in text
            # what was in progress in a life that ended is not any more
            assert "shop_http_requests_in_progress 11.0" in text
    (directory / "counter_999999.db").touch()  # killed between making its file and filling it
    with contextlib.closing(Service(tmp_path, directory)) as service:
        assert counted.format(30) in service.get("/metrics")


def test_children_do_not_outlive_a_killed_parent(service):
    children = service.children()
    assert len(children) == 3
    service.process.kill()
    service.process.wait()
    eventually(lambda: not any(map(alive, children)), "no orphans")


def alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def probe(url):
    return subprocess.run(
        [sys.executable, "-m", "approaches.shop.probe", *url], cwd=ROOT, check=False
    ).returncode


def test_the_probe_tells_by_its_exit_code(service):
    assert probe([f"http://{service.bind}/readyz"]) == 0
    assert probe([]) == 1
    assert probe(["nonsense"]) == 1
    service.process.terminate()
    service.process.wait(20)
    assert probe([f"http://{service.bind}/readyz"]) == 1
