"""Prometheus' programs, as Debian's package `prometheus` has them, and configurations of ours."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
import yaml

from harness.runtimes.local.local_deployment import LocalDeployment
from harness.topology.section import read_yaml
from tests.contract.shops import eventually

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "approaches/monitoring"
APPROACHES = ("queue", "sync")
DNS_NAME = "__meta_dns_name"


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


@dataclass(frozen=True)
class Prometheus:
    """A real Prometheus that watches one deployment with the configuration of the repository."""

    url: str

    def ask(self, query: str) -> list[tuple[dict[str, str], float]]:
        """Series and present values that answer a query."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": query}, timeout=10)
        body = answer.raise_for_status().json()
        assert not body.get("warnings"), body
        return [(one["metric"], float(one["value"][1])) for one in body["data"]["result"]]

    def value(self, query: str) -> float | None:
        """The value of a query that has one answer."""
        found = self.ask(query)
        return found[0][1] if len(found) == 1 else None

    def firing(self) -> dict[str, dict]:
        """Every alarm that is firing now, by name."""
        alerts = httpx.get(f"{self.url}/api/v1/alerts", timeout=10).json()["data"]["alerts"]
        return {one["labels"]["alertname"]: one for one in alerts if one["state"] == "firing"}


@contextmanager
def watching(deployment: LocalDeployment, folder: Path) -> Iterator[Prometheus]:
    """Run a Prometheus beside a deployment until the end of the block.

    Its configuration is that of the compose file with three things changed: addresses are those of
    the replicas here, scrapes come each second, and alarms wait for one second.
    """
    path = mounted_configuration(deployment.topology.approach, folder)
    settings = yaml.safe_load(path.read_text())
    settings["global"] = dict.fromkeys(settings["global"], "1s")
    for job in settings["scrape_configs"]:
        job["static_configs"] = [
            {"targets": _addresses(deployment, name, found["port"]), "labels": {DNS_NAME: name}}
            for found in job.pop("dns_sd_configs")
            for name in found["names"]
        ]
    path.write_text(yaml.safe_dump(settings))
    rules = path.with_name("rules.yml")
    rules.write_text(re.sub(r"\bfor: \w+$", "for: 1s", rules.read_text(), flags=re.MULTILINE))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    argv = [program("prometheus"), f"--config.file={path}", f"--web.listen-address={address}"]
    argv += [f"--storage.tsdb.path={folder / 'data'}", "--log.level=warn"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(argv, stdout=log, stderr=log)
    try:
        prometheus = Prometheus(f"http://{address}")
        eventually(lambda: _is_ready(prometheus, server, folder / "log"), "Prometheus is ready")
        yield prometheus
    finally:
        server.terminate()
        server.wait(30)


def _addresses(deployment: LocalDeployment, service: str, port: int) -> list[str]:
    """Where each replica listens in place of a port, as its own environment says."""
    settings = deployment.topology.services[service].environment
    (key,) = [key for key, value in settings.items() if value == f"0.0.0.0:{port}"]
    return [psutil.Process(one.pid).environ()[key] for one in deployment.replicas_of(service)]


def _is_ready(prometheus: Prometheus, server: subprocess.Popen, log: Path) -> bool:
    assert server.poll() is None, log.read_text()
    try:
        return httpx.get(f"{prometheus.url}/-/ready").status_code == 200
    except httpx.TransportError:
        return False
