"""The pre-fork supervisor and the health probe, with real processes."""

import os
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
    def __init__(self, tmp_path):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.bind = f"127.0.0.1:{free.getsockname()[1]}"
        self.output = tmp_path / "output"
        self.scratch = tmp_path / "tmp"
        self.scratch.mkdir()
        environment = {**os.environ, "TMPDIR": str(self.scratch), "PYTHONPATH": str(ROOT)}
        environment.pop("PROMETHEUS_MULTIPROC_DIR", None)
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SERVICE, self.bind],
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        eventually(lambda: self.output.read_text().count("child") == 3, "three children")

    def get(self, path):
        return httpx.get(f"http://{self.bind}{path}").text

    def children(self):
        return {child.pid for child in psutil.Process(self.process.pid).children()}


@pytest.fixture
def service(tmp_path):
    running = Service(tmp_path)
    yield running
    if running.process.poll() is None:
        running.process.kill()
    running.process.wait()


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
