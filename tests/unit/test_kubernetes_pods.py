"""A pod has all that its service has in the compose file: values, ports, probes, files, volumes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.kubernetes import export
from harness.topology import Topology, discover, load_topology
from tests.support import manifests
from tests.support.small_project import COMPOSE, write_small_project

ROOT = Path(__file__).parents[2]
SECRETS = {
    name: f"{name.lower()} $of(here) `x`"
    for name in ("SECRET_KEY", "POSTGRES_PASSWORD", "DATABASE_PASSWORD", "REDIS_PASSWORD")
}
APPROACHES = discover(ROOT)


@pytest.fixture
def small(tmp_path) -> Topology:
    return load_topology(write_small_project(tmp_path), SECRETS)


def changed(tmp_path: Path, *edits: tuple[str, str]) -> Topology:
    """Load the small project with some edits."""
    compose = write_small_project(tmp_path)
    text = COMPOSE
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    compose.write_text(text)
    return load_topology(compose, SECRETS)


def different(topology: Topology, spoil: Callable[[dict[str, Any]], object] = len) -> set[str]:
    """Return what the pods of a topology lack, once their containers were spoilt."""
    of = manifests.cluster(export(topology), SECRETS)
    for service in topology.services:
        spoil(of.workload(service)["spec"]["template"]["spec"]["containers"][0])
    return {
        f"{name}: {key}"
        for name, service in topology.services.items()
        for key in manifests.differences(service, manifests.pod(of, name), SECRETS)
    }


@pytest.mark.parametrize("approach", APPROACHES)
def test_every_value_port_probe_and_mount_of_a_shop_is_in_its_manifests(approach: str):
    assert different(APPROACHES[approach].with_variables(SECRETS)) == set()


def test_those_of_another_project_are(small: Topology):
    assert different(small) == set()


@pytest.mark.parametrize(
    ("spoil", "missed"),
    [
        (lambda one: one.get("env", []) and one["env"].pop(), "web: environment.GREETING"),
        (lambda one: one.get("env", []).append({"name": "X", "value": "1"}), "web: environment.X"),
        (lambda one: one.get("args", []) and one["args"].pop(), "postgres: command"),
        (lambda one: one.pop("args", None), "redis: command"),
        (lambda one: one["ports"].pop(), "nginx: ports"),
        (lambda one: one.pop("readinessProbe"), "web: healthcheck"),
        (lambda one: one.pop("startupProbe"), "gateway: healthcheck"),
        (lambda one: one["readinessProbe"].update(periodSeconds=7), "web: healthcheck.interval"),
        (lambda one: one["startupProbe"].update(failureThreshold=1), "web: healthcheck.start"),
        (lambda one: one["startupProbe"]["exec"]["command"].pop(), "redis: healthcheck.test"),
        (lambda one: one.pop("volumeMounts", None), "nginx: files./etc/nginx/nginx.conf"),
        (lambda one: one.pop("volumeMounts", None), "web: volumes./data"),
        (lambda one: one.pop("volumeMounts", None), "redis: files./etc/password.conf"),
        (lambda one: one.update(image="other"), "redis: image"),
        (lambda one: one.update(resources={"limits": {"cpu": "1"}}), "web: deploy.resources"),
    ],
)  # fmt: skip
def test_what_one_of_them_lacked_would_be_seen(small: Topology, spoil, missed: str):
    """Known bad: one of each is removed."""
    assert any(found.startswith(missed) for found in different(small, spoil))


def test_limits_are_those_of_the_compose_file(small: Topology):
    limited = small.with_settings({("web", "cpus"): "1.5", ("web", "memory"): "512M"})
    assert different(limited) == set()
    web = manifests.pod(manifests.cluster(export(limited), SECRETS), "web")
    assert web.container["resources"] == {"limits": {"cpu": "1.5", "memory": "512Mi"}}


def test_a_dollar_sign_stays_one(tmp_path: Path):
    topology = changed(
        tmp_path,
        ("${GREETING:-hello}", "a$$(POSTGRES_PASSWORD)$$$$b$$"),
        ("[python, -m, small_web]", "[python, -m, small_web, '$$(BIND) $$1']"),
    )
    assert topology.services["web"].environment["GREETING"] == "a$(POSTGRES_PASSWORD)$$b$"
    assert different(topology) == set()


@pytest.mark.parametrize("text", ["y", "no", "1e3", "08", "0x1F", "~", "1_000", "=", " a ", "a: b"])
def test_what_yaml_could_take_for_something_else_stays_text(tmp_path: Path, text: str):
    assert different(changed(tmp_path, ("${GREETING:-hello}", f'"{text}"'))) == set()


def test_a_secret_has_another_name_where_its_own_is_taken(tmp_path: Path):
    topology = changed(tmp_path, ("THREADS: 4", "THREADS: 4\n      REDIS_PASSWORD: taken"))
    assert different(topology) == set()
    web = manifests.pod(manifests.cluster(export(topology), SECRETS), "web")
    assert web.environment["SECRET_REDIS_PASSWORD"] == SECRETS["REDIS_PASSWORD"]


def test_a_probe_has_its_secret_from_the_environment(tmp_path: Path):
    topology = changed(
        tmp_path,
        ("[CMD, valkey-cli, ping]", '[CMD, valkey-cli, -a, "${REDIS_PASSWORD}", ping it]'),
        ("pg_isready -U $$POSTGRES_USER", "pg_isready -d ${POSTGRES_PASSWORD} $$PGUSER"),
    )
    of = manifests.cluster(export(topology), SECRETS)
    redis, postgres = (manifests.pod(of, name) for name in ("redis", "postgres"))
    assert redis.container["readinessProbe"]["exec"]["command"] == [
        "/bin/sh", "-c", """valkey-cli -a "${REDIS_PASSWORD}" 'ping it'""",
    ]  # fmt: skip
    assert redis.environment["REDIS_PASSWORD"] == SECRETS["REDIS_PASSWORD"]
    asked = "pg_isready -d ${POSTGRES_PASSWORD} $PGUSER"
    assert postgres.container["startupProbe"]["exec"]["command"] == ["/bin/sh", "-c", asked]


def test_a_folder_is_mounted_as_a_whole_with_files_that_are_no_text(tmp_path: Path):
    project = tmp_path / "project"
    (project / "site" / "deep").mkdir(parents=True)
    (project / "site" / "index.html").write_text("<p>\n")
    (project / "site" / "deep" / "index.html").write_bytes(b"\xff\x00")
    topology = changed(
        project, ('nginx.conf:ro"]', 'nginx.conf:ro", "./site:/usr/share/nginx/html:ro"]')
    )
    assert different(topology) == set()
    nginx = manifests.pod(manifests.cluster(export(topology), SECRETS), "nginx")
    assert nginx.files["/usr/share/nginx/html/deep/index.html"] == b"\xff\x00"
    assert len(nginx.files) == 3
