"""What KEDA and the Prometheus Operator are told has the keys and types of their resources.

Reading the models of all their kinds takes seconds.
"""

import copy
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from harness import kubernetes
from harness.topology import discover
from tests.support.manifests import objects

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
APPROACHES = discover(ROOT)


@cache
def models() -> dict[str, Any]:
    from cloudcoil.models.keda import v1alpha1 as keda
    from cloudcoil.models.prometheus_operator import v1 as prometheus_operator

    return {
        "ScaledObject": keda.ScaledObject,
        "TriggerAuthentication": keda.TriggerAuthentication,
        "ServiceMonitor": prometheus_operator.ServiceMonitor,
        "PrometheusRule": prometheus_operator.PrometheusRule,
    }


@cache
def of_the_shop(approach: str) -> list[dict[str, Any]]:
    found = objects(kubernetes.export(APPROACHES[approach]))
    return [one for one in found if one["kind"] in models()]


def check(one: dict[str, Any]) -> None:
    """Fail for a value of another type, and for a key that the models leave out."""
    read = models()[one["kind"]].model_validate(one)
    assert read.model_dump(mode="json", by_alias=True, exclude_unset=True) == one


@pytest.mark.parametrize("approach", APPROACHES)
def test_the_manifests_of_a_shop_are_what_the_operators_know(approach: str):
    assert of_the_shop(approach)
    for one in of_the_shop(approach):
        check(one)


@pytest.mark.parametrize(
    ("kind", "path", "wrong"),
    [
        ("ScaledObject", ("spec", "maxReplicaCount"), "many"),
        ("ScaledObject", ("spec", "maxReplicas"), 5),
        ("ScaledObject", ("spec", "triggers"), "redis-streams"),
        ("TriggerAuthentication", ("spec", "secretTargetRef"), "password"),
        ("ServiceMonitor", ("spec", "endpoints"), "tcp-8000"),
        ("ServiceMonitor", ("spec", "endpoints", 0, "scrape_timeout"), "4s"),
        ("PrometheusRule", ("spec", "groups", 0, "rules"), "none"),
    ],
)
def test_what_is_wrong_would_be_seen(kind: str, path: tuple[Any, ...], wrong: object):
    """Known bad: a value of another type, a key that is not one."""
    part = spoilt = copy.deepcopy(next(one for one in of_the_shop("queue") if one["kind"] == kind))
    check(spoilt)
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = wrong
    with pytest.raises((AssertionError, ValueError)):
        check(spoilt)
