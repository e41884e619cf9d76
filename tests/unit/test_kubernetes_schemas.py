"""Every object that Kubernetes itself knows is as its schema wants it."""

import copy
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from harness import kubernetes
from harness.topology import discover, load_topology
from tests.support.manifests import objects
from tests.support.small_project import write_small_project

ROOT = Path(__file__).parents[2]
APPROACHES = discover(ROOT)
OLDEST, NEWEST = "1.30", "1.37"
OF_OPERATORS = ("ScaledObject", "TriggerAuthentication", "ServiceMonitor", "PrometheusRule")
"""The kinds that come with an operator: `test_kubernetes_operators.py`."""


@cache
def of_the_shop(approach: str) -> list[dict[str, Any]]:
    found = objects(kubernetes.export(APPROACHES[approach]))
    return [one for one in found if one["kind"] not in OF_OPERATORS]


def check(one: dict[str, Any], version: str = NEWEST) -> None:
    kubernetes_validate.validate(one, version, strict=True)


@pytest.mark.parametrize("approach", APPROACHES)
def test_the_manifests_of_a_shop_are_as_their_schemas_want_them(approach: str):
    assert len(of_the_shop(approach)) > 10
    for one in of_the_shop(approach):
        check(one)


def test_the_oldest_kubernetes_would_take_them():
    of_each_kind = {one["kind"]: one for one in of_the_shop("queue")}
    assert len(of_each_kind) > 5
    for one in of_each_kind.values():
        check(one, OLDEST)


def test_those_of_another_project_are(tmp_path):
    for one in objects(kubernetes.export(load_topology(write_small_project(tmp_path)))):
        if one["kind"] not in OF_OPERATORS:
            check(one)


@pytest.mark.parametrize(
    ("kind", "path", "wrong"),
    [
        ("Deployment", ("spec", "replicas"), "two"),
        ("Deployment", ("spec", "replica"), 2),
        ("StatefulSet", ("spec", "template", "spec", "containers", 0, "env", 0, "valuefrom"), {}),
        ("NetworkPolicy", ("spec", "policyTypes"), "Ingress"),
    ],
)
def test_what_is_wrong_would_be_seen(kind: str, path: tuple[Any, ...], wrong: object):
    """Known bad: a value of another type, a key that is not one."""
    part = spoilt = copy.deepcopy(next(one for one in of_the_shop("queue") if one["kind"] == kind))
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = wrong
    with pytest.raises(kubernetes_validate.ValidationError):
        check(spoilt)
