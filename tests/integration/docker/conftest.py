"""What the tests on containers share."""

import os
import subprocess

import pytest


@pytest.fixture(scope="session")
def engine_or_skip():
    """A container engine that answers; without one its tests are skipped, unless REQUIRE_DOCKER is set."""
    answer = subprocess.run(
        ["docker", "version", "--format", "{{.Server.Version}}"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    if answer.returncode != 0:
        words = f"NO CONTAINER ENGINE: {answer.stderr.strip()}"
        pytest.fail(words) if os.environ.get("REQUIRE_DOCKER") else pytest.skip(words)
    return answer.stdout.strip()
