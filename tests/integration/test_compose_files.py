"""The compose files are complete and valid to Compose itself, not only to our interpreter."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMPOSE = Path(sys.executable).parent / "docker-compose"

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("profile", [(), ("--profile", "monitoring")], ids=["plain", "monitoring"])
@pytest.mark.parametrize("path", sorted(ROOT.glob("docker-compose.*.yml")), ids=lambda p: p.name)
def test_compose_accepts_the_file(path, profile):
    done = subprocess.run(
        [COMPOSE, "-f", path, *profile, "config", "--format", "json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr.lower()
    services = json.loads(done.stdout)["services"]
    assert ("prometheus" in services) == ("grafana" in services) == bool(profile)
    for name, service in services.items():
        assert "healthcheck" in service, name
        for port in service.get("ports", ()):
            assert port["host_ip"] == "127.0.0.1", name
