"""What docs/operating.md says of Docker Compose and curl alone, run as it stands."""

import os
import re
import signal
import socket
import subprocess
import uuid

import pytest

from harness.runtimes import list_running
from tests.support.by_hand import ROOT, buy_at, shell_blocks

pytestmark = [
    pytest.mark.deploys,
    pytest.mark.integration,
    pytest.mark.timeout(600),
    pytest.mark.usefixtures("engine_or_skip"),
]


@pytest.fixture(params=["queue", "sync"])
def by_compose(request):
    """Runs the document's blocks, of either approach, under a project and a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    project = f"by-hand-{uuid.uuid4().hex[:8]}"
    environment = {**os.environ, "COMPOSE_PROJECT_NAME": project, "HARNESS_PORT": str(port)}
    secrets = ROOT / "secrets.env"
    had_secrets = secrets.exists()

    def run(block):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.replace("queue.yml", f"{request.param}.yml")],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    up, buy, down = shell_blocks()
    try:
        yield project, lambda: run(up), lambda: run(buy), lambda: run(down)
    finally:
        run(down)
        if not had_secrets:
            secrets.unlink()


def test_the_blocks_of_the_document(by_compose):
    project, up, buy, down = by_compose
    up()
    assert (ROOT / "secrets.env").stat().st_mode & 0o077 == 0
    assert of_project(project)
    bought = buy()
    assert '"stock":10' in bought
    assert "event: status" in bought
    assert re.search(r'"status":"(confirmed|declined)"', bought.splitlines()[-1])
    down()
    assert of_project(project) == []


def of_project(project):
    """The containers, networks and volumes of a Compose project."""
    label = f"label=com.docker.compose.project={project}"
    return [
        name
        for words in (["ps", "-aq"], ["network", "ls", "-q"], ["volume", "ls", "-q"])
        for name in subprocess.run(
            ["docker", *words, "--filter", label], capture_output=True, text=True, check=True
        ).stdout.split()
    ]


def test_kept_up_on_containers(cli):
    """Up, buy, reset, and a keeper that is killed: `clean` removes its containers."""
    try:
        up = cli.run("up", "sync", "--runtime", "docker", "--port", 0, "--detach")
        assert up.returncode == 0, up.stdout + up.stderr
        (one,) = list_running(cli.scratch / f"flashsale-{os.getuid()}")
        bought = buy_at(one.addresses.shop)
        assert bought.returncode == 0, bought.stdout + bought.stderr
        assert "event: status" in bought.stdout
        again = cli.run("reset")
        assert "rows: orders 0, " in again.stdout, again.stderr
        assert len(containers_of(one)) == 3
        os.kill(one.pid, signal.SIGKILL)
    finally:
        cleaned = cli.run("clean")
    assert f"{os.getuid()}-{one.pid}-{one.start_ticks}" in cleaned.stdout, cleaned.stderr
    assert containers_of(one) == []


def containers_of(one):
    """The containers of a kept deployment, by the name of its keeper."""
    name = f"name=flashsale-{os.getuid()}-{one.pid}-{one.start_ticks}"
    return subprocess.run(
        ["docker", "ps", "-aq", "--filter", name], capture_output=True, text=True, check=True
    ).stdout.split()
