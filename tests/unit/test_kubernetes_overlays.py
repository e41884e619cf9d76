"""The overlays: what scales by the lag of streams, and what the Prometheus Operator is told."""

from functools import cache
from pathlib import Path

import pytest
import yaml

from approaches.queue import keys
from harness import kubernetes
from harness.topology import load_topology
from tests.support import manifests
from tests.support.small_project import COMPOSE, write_small_project

ROOT = Path(__file__).parents[2]
SHOPS = {name: load_topology(ROOT / f"docker-compose.{name}.yml") for name in ("queue", "sync")}


@cache
def shop(approach: str) -> kubernetes.Export:
    return kubernetes.export(SHOPS[approach])


def cluster(exported: kubernetes.Export, folder: str) -> manifests.Cluster:
    return manifests.cluster(exported, {}, folder)


def test_streams_are_scaled_by_the_lag_of_their_groups():
    of = cluster(shop("queue"), "keda")
    scaled = of.of_kind("ScaledObject")
    assert {
        name: [trigger["metadata"] for trigger in one["spec"]["triggers"]]
        for name, one in scaled.items()
    } == {
        worker: [
            {
                "address": "redis.queue.svc:6379",
                "stream": stream,
                "consumerGroup": group,
                "lagCount": "100",
                "activationLagCount": "0",
            }
        ]
        for worker, stream, group in (
            ("order-worker", keys.ORDERS, keys.ORDER_WORKERS),
            ("payment-worker", keys.PAYMENTS, keys.PAYMENT_WORKERS),
        )
    }
    workers = scaled["payment-worker"]["spec"]
    assert (workers["minReplicaCount"], workers["maxReplicaCount"]) == (6, 12)
    (target,) = of.of_kind("TriggerAuthentication")["redis"]["spec"]["secretTargetRef"]
    assert target == {"parameter": "password", "name": "queue-secrets", "key": "REDIS_PASSWORD"}
    assert of.of_kind("NetworkPolicy").keys() == {"redis-from-keda"}
    (kustomization,) = yaml.safe_load_all(shop("queue").files["keda/kustomization.yaml"])
    assert kustomization["resources"][0] == "../base"
    assert [patch["target"]["name"] for patch in kustomization["patches"]] == list(scaled)


@pytest.mark.parametrize(
    ("approach", "ports"),
    [
        ("sync", {"api": 8001, "payment-gateway": 9000}),
        (
            "queue",
            {
                "api": 8000,
                "event-stream": 8000,
                "order-worker": 8000,
                "payment-worker": 8000,
                "payment-gateway": 9000,
            },
        ),
    ],
)
def test_what_prometheus_scrapes_the_operator_scrapes(approach, ports):
    monitoring = cluster(shop(approach), "monitoring")
    services = cluster(shop(approach), "base").of_kind("Service")
    found = {}
    for name, monitor in monitoring.of_kind("ServiceMonitor").items():
        (endpoint,) = monitor["spec"]["endpoints"]
        service = services[name]
        assert (
            service["metadata"]["labels"].items()
            >= monitor["spec"]["selector"]["matchLabels"].items()
        )
        named = {one["name"]: one["port"] for one in service["spec"]["ports"]}
        found[name] = named[endpoint["port"]]
        assert (endpoint["interval"], endpoint["scrapeTimeout"]) == ("5s", "4s")
        assert endpoint["relabelings"] == [{"targetLabel": "job", "replacement": "shop"}]
        policy = monitoring.objects["NetworkPolicy", f"{name}-from-prometheus"]
        assert policy["spec"]["ingress"][0]["ports"] == [{"port": ports[name]}]
    assert found == ports


def test_the_alarms_are_those_of_the_compose_file():
    rule = cluster(shop("sync"), "monitoring").objects["PrometheusRule", "sync"]
    stated = yaml.safe_load((ROOT / "approaches/monitoring/rules.yml").read_text())
    for group in rule["spec"]["groups"]:
        assert group.pop("interval") == "5s"  # the evaluation_interval of prometheus.yml
    assert rule["spec"] == stated


def test_without_a_prometheus_the_counters_are_scraped_and_without_groups_nothing_scales(tmp_path):
    exported = kubernetes.export(load_topology(write_small_project(tmp_path)))
    assert {name.partition("/")[0] for name in exported.files} == {
        "README.md",
        "base",
        "monitoring",
    }
    of = cluster(exported, "monitoring")
    assert of.of_kind("ServiceMonitor").keys() == {"web"}
    assert not of.of_kind("PrometheusRule")


PROMETHEUS = """
  prometheus:
    profiles: [monitoring]
    image: prom/prometheus
    volumes: ["./prometheus.yml:/etc/prometheus/prometheus.yml:ro"]

volumes:
"""
TOLD = """
rule_files: [missing.yml]
scrape_configs:
  - job_name: mine
    honor_labels: true
    metrics_path: /numbers
    static_configs: [{targets: ["web:8000", "elsewhere:80", "web:9", "web"]}]
    relabel_configs: [{target_label: team}]
  - nonsense
"""


def test_what_of_a_prometheus_cannot_be_taken_over_is_said(tmp_path):
    compose = write_small_project(tmp_path)
    compose.write_text(COMPOSE.replace("\nvolumes:\n", PROMETHEUS, 1))
    (tmp_path / "prometheus.yml").write_text(TOLD)
    exported = kubernetes.export(load_topology(compose))
    (endpoint,) = cluster(exported, "monitoring").objects["ServiceMonitor", "web"]["spec"][
        "endpoints"
    ]
    assert endpoint == {
        "port": "tcp-8000",
        "path": "/numbers",
        "relabelings": [{"targetLabel": "job", "replacement": "mine"}],
    }
    told = "\n".join(map(str, exported.losses))
    for word in (
        "missing.yml",
        "mine.honor_labels",
        "elsewhere:80",
        "web:9,",
        "relabel_configs: team",
    ):
        assert word in told
