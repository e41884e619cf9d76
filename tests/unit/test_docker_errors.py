"""What Docker says, in words that say what to do."""

import http.server
import json
import socketserver
import threading

import pytest

from harness.errors import InfrastructureError
from harness.runtimes.docker import compose
from harness.runtimes.docker.docker_errors import docker_error
from harness.runtimes.docker.engine import Engine


@pytest.mark.parametrize(
    ("said", "message", "hint"),
    [
        (
            "Error while fetching server API version: ('Connection aborted.', "
            "FileNotFoundError(2, 'No such file or directory'))",
            "does not run",
            "systemctl start docker",
        ),
        ("Cannot connect to the Docker daemon. Is the docker daemon running?", "not run", "start"),
        ("PermissionError(13, 'Permission denied')", "may not talk", "group docker"),
        (
            "permission denied while trying to connect to the Docker daemon socket",
            "may not talk",
            "group docker",
        ),
        ("write /var/lib: no space left on device", "no space left", "docker system df"),
        ("Bind for 127.0.0.1:80 failed: port is already allocated", "port is taken", "free"),
        ("pull access denied for nobody/nothing", "cannot be had", "REDIS_IMAGE"),
        ("manifest for redis:99 not found: manifest unknown", "cannot be had", ".env"),
        ('Get "https://registry": dial tcp: lookup registry: no such host', "cannot be had", "way"),
        ("Pool overlaps with other one on this address space", "no free network", "network ls"),
    ],
)
def test_what_is_known_gets_words_and_a_hint(said, message, hint):
    error = docker_error(said, "cannot do it")
    assert message in error.message
    assert said in error.message
    assert hint in error.hint


def test_what_is_unknown_is_passed_on_with_its_last_lines():
    said = "\n".join(f"line {number}" for number in range(100))
    error = docker_error(said, "cannot build")
    assert error.message.startswith("cannot build:\n")
    assert error.message.endswith("line 99")
    assert "line 1\n" not in error.message


def test_a_missing_command_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InfrastructureError, match="there is no `docker` command") as caught:
        compose.compose_version()
    assert "--runtime local" in caught.value.hint


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("exit 1", "has no `compose` command"),
        ("""echo '{"version": "v2.10.2"}'""", "Docker Compose 2.10.2 is too old: 2.24 is needed"),
        ("""echo '{"version": "1.29"}'""", "Docker Compose 1.29 is too old"),
    ],
)
def test_a_missing_or_old_plugin_is_named(monkeypatch, tmp_path, script, message):
    fake = tmp_path / "docker"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InfrastructureError, match=message) as caught:
        compose.compose_version()
    assert "compose plugin" in caught.value.hint


def test_a_plugin_that_is_new_enough_is_told(monkeypatch, tmp_path):
    fake = tmp_path / "docker"
    fake.write_text("""#!/bin/sh\necho '{"version": "v2.24.4"}'\n""")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert compose.compose_version() == "2.24.4"


def test_an_engine_that_does_not_run_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(InfrastructureError, match="the Docker engine does not run"):
        Engine()


def test_an_engine_elsewhere_is_refused(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://far.example:2375")
    with pytest.raises(
        InfrastructureError, match=r"at tcp://far\.example:2375, not on this machine"
    ):
        Engine()


class _OldEngine(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"Version": "18.09.1", "ApiVersion": "1.39"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "a socket"

    def log_message(self, *_):
        pass


def test_an_engine_that_is_too_old_is_told_its_age(monkeypatch, tmp_path):
    path = tmp_path / "old.sock"
    with socketserver.ThreadingUnixStreamServer(str(path), _OldEngine) as server:
        server.daemon_threads = True
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        try:
            monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
            with pytest.raises(InfrastructureError, match=r"18\.09\.1 is too old.*1\.39.*1\.41"):
                Engine()
        finally:
            server.shutdown()
            serving.join()
