"""Prometheus' programs, as Debian's package `prometheus` has them, and configurations of ours."""

import os
import shutil
from pathlib import Path

import pytest
import yaml

from harness.topology.section import read_yaml

ROOT = Path(__file__).parents[1]
MONITORING = ROOT / "approaches/monitoring"
APPROACHES = ("queue", "sync")


def program(name: str) -> str:
    """Find a program of Prometheus; without it the test is skipped, or with REQUIRE_PROMETHEUS=1
    fails."""
    found = shutil.which(name)
    if found is None:
        message = f"{name} is not here: NO ALARM IS TESTED. Debian: apt-get install prometheus"
        if os.environ.get("REQUIRE_PROMETHEUS"):
            pytest.fail(message)
        pytest.skip(message)
    return found


def compose_service(approach: str, name: str) -> dict:
    """A service of the profile `monitoring`, with what it extends; volumes by their target."""
    own = read_yaml(ROOT / f"docker-compose.{approach}.yml")["services"][name]
    base = read_yaml(MONITORING / "services.yml")["services"][name]
    mounts = {}
    for folder, service in ((MONITORING, base), (ROOT, own)):
        for text in service.get("volumes", ()):
            source, target, _ = text.split(":")
            mounts[target] = folder / source
    return {**base, **own, "volumes": mounts}


def mounted_configuration(approach: str, folder: Path) -> Path:
    """Lay Prometheus' files out as the compose file mounts them; return the main one."""
    for target, source in compose_service(approach, "prometheus")["volumes"].items():
        assert Path(target).parent == Path("/etc/prometheus")
        shutil.copy(source, folder / Path(target).name)
    return folder / "prometheus.yml"


def alarms() -> dict[str, dict]:
    """Every alarm of the rules, by name."""
    groups = yaml.safe_load((MONITORING / "rules.yml").read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}
