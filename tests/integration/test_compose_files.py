"""The compose files are complete and valid to Compose itself, not only to our interpreter."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.topology import load_topology, secrets
from harness.topology.env_file import read_variables

ROOT = Path(__file__).parents[2]
COMPOSE = Path(sys.executable).parent / "docker-compose"

pytestmark = pytest.mark.integration


def config(path, *words, **variables):
    """What Compose makes of a file, with these variables and no other secrets."""
    environment = {name: one for name, one in os.environ.items() if name not in secrets.NAMES}
    return subprocess.run(
        [COMPOSE, "-f", path, *words, "config", "--format", "json"],
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("profile", [(), ("--profile", "monitoring")], ids=["plain", "monitoring"])
@pytest.mark.parametrize("path", sorted(ROOT.glob("docker-compose.*.yml")), ids=lambda p: p.name)
def test_compose_accepts_the_file(path, profile):
    done = config(path, *profile, **secrets.draw())
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr.lower()
    services = json.loads(done.stdout)["services"]
    is_watched = bool(profile) and "monitoring" in path.read_text()  # an approach need not be
    assert ("prometheus" in services) == ("grafana" in services) == is_watched
    for name, service in services.items():
        assert "healthcheck" in service, name
        for port in service.get("ports", ()):
            assert port["host_ip"] == "127.0.0.1", name


@pytest.mark.parametrize("name", secrets.NAMES)
@pytest.mark.parametrize("path", sorted(ROOT.glob("docker-compose.*.yml")), ids=lambda p: p.name)
def test_compose_demands_every_secret(path, name):
    topology = load_topology(path)
    if topology.redis is None and name == "REDIS_PASSWORD":
        return
    assert f"${{{name}" in path.read_text()
    refused = config(path, **{**secrets.draw(), name: ""})
    assert refused.returncode != 0
    assert name in refused.stderr
    assert "make secrets.env" in refused.stderr


def test_make_draws_every_secret_once(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    make = ["make", "--silent", "secrets.env"]
    subprocess.run(make, cwd=tmp_path, check=True)
    drawn = read_variables(tmp_path / "secrets.env")
    assert tuple(drawn) == secrets.NAMES
    assert all(re.fullmatch("[0-9a-f]{64}", text) for text in drawn.values())
    assert len(set(drawn.values())) == len(drawn)
    assert (tmp_path / "secrets.env").stat().st_mode & 0o077 == 0
    subprocess.run(make, cwd=tmp_path, check=True)
    assert read_variables(tmp_path / "secrets.env") == drawn
