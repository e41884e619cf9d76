"""Every manifest is what Kubernetes, KEDA and the Prometheus Operator take, by their schemas."""

import copy
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from cloudcoil.models.keda import v1alpha1 as keda
from cloudcoil.models.prometheus_operator import v1 as prometheus_operator

from harness import kubernetes
from harness.topology import discover, load_topology
from tests.support import manifests
from tests.support.small_project import write_small_project

ROOT = Path(__file__).parents[2]
APPROACHES = discover(ROOT)
VERSIONS = ("1.30", "1.37")
"""The oldest and the newest Kubernetes whose schemas the manifests are held against."""
MODELS: dict[str, Any] = {
    "ScaledObject": keda.ScaledObject,
    "TriggerAuthentication": keda.TriggerAuthentication,
    "ServiceMonitor": prometheus_operator.ServiceMonitor,
    "PrometheusRule": prometheus_operator.PrometheusRule,
}


def every_object(topology) -> list[dict[str, Any]]:
    exported = kubernetes.export(topology)
    folders = {name.partition("/")[0] for name in exported.files if "/" in name}
    return [
        one
        for folder in sorted(folders)
        for found in manifests.documents(exported, folder).values()
        for one in found
        if one["kind"] != "Kustomization"
    ]


def check(one: dict[str, Any]) -> None:
    """Raise an error for an object that its schema does not allow."""
    model = MODELS.get(one["kind"])
    if model is not None:
        model.model_validate(one)
        return
    for version in VERSIONS:
        kubernetes_validate.validate(one, version, strict=True)


@pytest.mark.parametrize("approach", APPROACHES)
def test_the_manifests_of_a_shop_are_as_their_schemas_want_them(approach: str):
    objects = every_object(APPROACHES[approach])
    assert len(objects) > 10
    for one in objects:
        check(one)


def test_those_of_another_project_are(tmp_path):
    for one in every_object(load_topology(write_small_project(tmp_path))):
        check(one)


@pytest.mark.parametrize(
    ("kind", "path", "wrong"),
    [
        ("Deployment", ("spec", "replicas"), "two"),
        ("Deployment", ("spec", "replica"), 2),
        ("StatefulSet", ("spec", "template", "spec", "containers", 0, "env", 0, "valuefrom"), {}),
        ("NetworkPolicy", ("spec", "policyTypes"), "Ingress"),
        ("ScaledObject", ("spec", "maxReplicaCount"), "many"),
        ("ScaledObject", ("spec", "triggers"), "redis-streams"),
        ("TriggerAuthentication", ("spec", "secretTargetRef"), "password"),
        ("ServiceMonitor", ("spec", "endpoints"), "tcp-8000"),
        ("PrometheusRule", ("spec", "groups", 0, "rules"), "none"),
    ],
)
def test_what_is_wrong_would_be_seen(kind: str, path: tuple[Any, ...], wrong: object):
    """Known bad: a value of another type, a key that is not one."""
    found = next(one for one in every_object(APPROACHES["queue"]) if one["kind"] == kind)
    part: Any = copy.deepcopy(found)
    spoilt = part
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = wrong
    with pytest.raises(Exception, match=r"(?i)valid|type|expected|additional"):
        check(spoilt)
