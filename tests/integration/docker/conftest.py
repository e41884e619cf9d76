"""What the tests on containers share: an engine, and what is in it before and after."""

import os
import subprocess
from pathlib import Path

import docker
import pytest

from harness.runtimes.docker.ownership import OWNER
from harness.runtimes.state import is_orphaned
from harness.topology.env_file import read_variables

ROOT = Path(__file__).parents[3]
NODES_SH = Path(__file__).with_name("nodes.sh")
IMAGES = ("POSTGRES_IMAGE", "REDIS_IMAGE", "NGINX_IMAGE", "PYTHON_IMAGE")

_skipped = []
_skipped_nodes = []


@pytest.fixture(scope="session")
def engine_or_skip():
    """A container engine that answers; without one its tests are skipped, except in CI."""
    answer = subprocess.run(
        ["docker", "version", "--format", "{{.Server.Version}}"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    if answer.returncode != 0:
        words = f"NO CONTAINER ENGINE: {answer.stderr.strip()}"
        _skipped.append(words)
        pytest.fail(words) if os.environ.get("REQUIRE_DOCKER") == "1" else pytest.skip(words)
    return answer.stdout.strip()


@pytest.fixture(scope="session")
def nodes_or_skip(tmp_path_factory):
    """Three engines that are up: their folder, and the command that breaks and mends them.

    Where they cannot be started their tests are skipped, except in CI.
    """
    folder = tmp_path_factory.getbasetemp() / "nodes"
    script = ["env", f"MULTINODE_DIR={folder}", str(NODES_SH)]
    _run(*script, "down")  # what tests that were killed left
    try:
        up = _run(*script, "up", "3")
        if up.returncode != 0:
            words = f"NO NODES: {(up.stderr or up.stdout).strip()[-500:]}"
            _skipped_nodes.append(words)
            pytest.fail(words) if os.environ.get("REQUIRE_NODES") == "1" else pytest.skip(words)
        _copy_images(f"unix://{folder}/node1/docker.sock")
        yield folder, " ".join(script)
    finally:
        _run(*script, "down")


def _run(*words):
    return subprocess.run(
        words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False
    )


def _copy_images(engine):
    """Give an engine what that of this machine has of the images of .env; it pulls the rest."""
    stated = read_variables(ROOT / ".env")
    for name in (os.environ.get(key, stated[key]) for key in IMAGES):
        if _run("docker", "image", "inspect", name).returncode == 0:
            with subprocess.Popen(["docker", "save", name], stdout=subprocess.PIPE) as saving:
                loading = ["docker", "-H", engine, "load", "-q"]
                subprocess.run(loading, stdin=saving.stdout, capture_output=True, check=True)


def pytest_terminal_summary(terminalreporter):
    for title, skipped in (
        ("THE DOCKER RUNTIME WAS NOT TESTED", _skipped),
        ("SEVERAL DOCKER ENGINES WERE NOT TESTED", _skipped_nodes),
    ):
        if skipped:
            terminalreporter.write_sep("!", title, red=True, bold=True)
            terminalreporter.write_line(skipped[0])


@pytest.fixture
def api(engine_or_skip):
    """The engine itself, to look at from the side."""
    client = docker.APIClient()
    yield client
    client.close()


@pytest.fixture
def nothing_left(api):
    """Fails if containers, networks or volumes are there afterwards that were not before.

    What a living harness or another project of Compose has meanwhile made is theirs.
    """
    before = set(_ours(api))
    yield
    assert set(_ours(api)) - before == set()


def _ours(api):
    things = [*api.containers(all=True), *api.networks()]
    for thing in things:
        labels = thing.get("Labels") or {}
        project = labels.get("com.docker.compose.project", "flashsale-")
        owner = labels.get(OWNER)
        if project.startswith("flashsale-") and (owner is None or is_orphaned(owner)):
            yield thing["Id"]
    for volume in api.volumes(filters={"dangling": True})["Volumes"] or []:
        yield volume["Name"]
