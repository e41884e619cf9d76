"""What the tests on containers share: an engine, and what is in it before and after."""

import os
import subprocess

import docker
import pytest

from harness.runtimes.docker.ownership import OWNER
from harness.runtimes.state import is_orphaned

_skipped = []


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


def pytest_terminal_summary(terminalreporter):
    if _skipped:
        terminalreporter.write_sep("!", "THE DOCKER RUNTIME WAS NOT TESTED", red=True, bold=True)
        terminalreporter.write_line(_skipped[0])


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
