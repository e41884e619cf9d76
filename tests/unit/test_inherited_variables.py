"""What fetches packages or images has the user's proxies; nothing else of theirs."""

import os

import pytest

from harness.gate import worktree
from harness.host import inherited
from harness.runtimes.docker.compose import Compose
from harness.runtimes.state import StateFolder


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setattr(inherited, "_set_aside", {})
    monkeypatch.setenv("https_proxy", "http://proxy.example.org")
    monkeypatch.setenv("PGSSLMODE", "require")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")
    inherited.set_aside()
    return StateFolder(tmp_path / "state", "gate")


PRINT = "env > seen"


def test_what_fetches_packages_has_the_proxies(state):
    worktree.run(["sh", "-c", PRINT], state, UV_PROJECT_ENVIRONMENT="there")
    seen = (state.path / "seen").read_text().splitlines()
    assert "https_proxy=http://proxy.example.org" in seen
    assert "UV_PROJECT_ENVIRONMENT=there" in seen
    assert not [line for line in seen if line.startswith(("PGSSLMODE", "GIT_INDEX_FILE"))]
    assert "https_proxy" not in os.environ


def test_what_fetches_images_has_them_too(state, tmp_path, monkeypatch):
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "docker").write_text(f"#!/bin/sh\nenv > {tmp_path}/seen\n")
    (bin_folder / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_folder}:{os.environ['PATH']}")
    monkeypatch.setenv("GREETING", "from outside")
    monkeypatch.setenv("PRICE", "kept")
    monkeypatch.setenv("DOCKER_CONTEXT", "another-engine")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_BUILDKIT", "0")
    file = tmp_path / "docker-compose.small.yml"
    file.write_text("x-greeting: ${NONE:-${GREETING:-hello}} costs $$PRICE")
    engine = {"DOCKER_HOST": "unix:///ours.sock"}
    Compose("small", (file,), {"REDIS_PASSWORD": "drawn"}, state, engine).run("pull", what="it")
    seen = (tmp_path / "seen").read_text().splitlines()
    assert "https_proxy=http://proxy.example.org" in seen
    assert "REDIS_PASSWORD=drawn" in seen
    assert {"PRICE=kept", "DOCKER_HOST=unix:///ours.sock", "DOCKER_BUILDKIT=0"} <= set(seen)
    assert not [line for line in seen if line.startswith(("DOCKER_CONTEXT", "DOCKER_TLS"))]
    assert not [line for line in seen if line.startswith(("PGSSLMODE", "GREETING"))]
