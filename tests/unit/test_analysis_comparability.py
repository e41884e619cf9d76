"""What two campaigns must share to be compared, and how it is said when they do not."""

import copy
from dataclasses import replace
from typing import Any

import pytest

from harness.analysis import compare, different_schemas
from harness.analysis.comparability import SHOWN, differences, machines, obstacles
from tests.support.stored import stored, variants

API = "topologies/sync/services/api"


def invalid(**run: Any) -> Any:
    one = stored()
    summary = copy.deepcopy(one.summary)
    summary["variants"][1]["runs"][2] |= run
    return replace(one, summary=summary)


def test_a_campaign_can_be_compared_with_itself() -> None:
    assert obstacles(stored(), stored()) == []
    assert machines(stored(), stored()) == []
    assert differences(stored(), stored()) == []


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("runtime", "docker", "runtime: local in A, docker in B"),
        ("variants", variants("queue"), "variants: queue sync in A, queue in B"),
        ("cases", ["one"], "cases: nothing in A, one in B"),
        ("seed", 7, "seed: 42 in A, 7 in B"),
        ("scenario/stages/1/users", 200, "scenario: stages[2].users: 300 in A, 200 in B"),
        ("scenario/product/stock", 500, "scenario: product.stock: 1000 in A, 500 in B"),
        (
            "scenario/product/per_user_limit",
            1,
            "scenario: product.per_user_limit: nothing in A, 1 in B",
        ),
        (f"{API}/replicas", 3, "topology of sync: services.api.replicas: 1 in A, 3 in B"),
        (
            f"{API}/environment/THREADS",
            "80",
            "topology of sync: services.api.environment.THREADS: 4 in A, 80 in B",
        ),
        (
            f"{API}/command",
            ["python", "-m", "other"],
            "topology of sync: services.api.command: python -m sync in A, python -m other in B",
        ),
        (
            f"{API}/limits/cpus",
            1.5,
            "topology of sync: services.api.limits.cpus: nothing in A, 1.5 in B",
        ),
        (
            "topologies/queue/services/redis",
            {"replicas": 1},
            "topology of queue: services.redis.replicas: nothing in A, 1 in B",
        ),
    ],
)
def test_what_was_asked_must_be_the_same(path: str, value: Any, reason: str) -> None:
    assert obstacles(stored(), stored(changes={path: value})) == [reason]
    compared = compare(stored(), stored(changes={path: value}))
    assert compared.reasons == (reason,)
    assert compared.rows == ()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("scenario/title", "Another"),
        ("scenario/description", "words"),
        ("scenario/runs", 5),
        ("scenario/seed", 7),
        ("n_blocks", 5),
        ("topologies/sync/title", "Sync"),
        (f"{API}/limits", {}),
    ],
)
def test_names_and_numbers_of_runs_are_no_obstacle(path: str, value: Any) -> None:
    assert obstacles(stored(), stored(changes={path: value})) == []


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (
            {"valid": False, "reasons": ["a law is broken"]},
            "run 3 (queue) of B is INVALID: a law is broken",
        ),
        ({"audit_verdict": "FAIL"}, "the audit of run 3 (queue) of B is FAIL"),
        ({"audit_verdict": "UNKNOWN"}, "the audit of run 3 (queue) of B is UNKNOWN"),
    ],
)
def test_runs_that_cannot_be_trusted_are_an_obstacle_on_either_side(
    run: dict[str, Any], reason: str
) -> None:
    assert obstacles(stored(), invalid(**run)) == [reason]
    assert obstacles(invalid(**run), stored()) == [reason.replace("of B", "of A")]


def test_a_contention_test_is_not_compared() -> None:
    one = stored(changes={"scenario/contention": {"sales": 300}})
    assert obstacles(one, one) == ["a contention test has no metrics to compare"]


def test_every_reason_is_told_but_not_without_end() -> None:
    many = [{"name": f"s{n}", "users": n} for n in range(3 + SHOWN)]
    other = stored(changes={"scenario/stages": many, "runtime": "docker"})
    told = obstacles(stored(), other)
    assert told[0] == "runtime: local in A, docker in B"
    assert len(told) == 1 + SHOWN + 1
    assert told[-1].startswith("scenario: and ")


def test_two_schemas_are_not_read_alike() -> None:
    assert different_schemas({"schema_version": 1}, {"schema_version": 1}) == []
    assert different_schemas({"schema_version": 1}, {"schema_version": 2}) == [
        "schema_version: 1 in A, 2 in B"
    ]


def test_what_else_differs_is_told_and_refuses_nothing() -> None:
    images = {"api": {"image": "shop", "digest": "sha256:1"}}
    deployment = {"runtime": "docker", "images": images, "limits": {}}
    newer = copy.deepcopy(deployment)
    newer["images"]["api"]["digest"] = "sha256:2"
    other = stored(
        changes={
            "environment/git/revision": "b" * 40,
            "environment/argv": ["harness", "run", "--out", "x"],
            "runtime_facts": {"name": "docker", "engine": "28"},
        },
        deployments=[newer, newer],
    )
    one = stored(
        changes={"runtime_facts": {"name": "docker", "engine": "27"}}, deployments=[deployment]
    )
    assert obstacles(one, other) == []
    assert differences(one, other) == [
        f"git.revision: {'a' * 40} in A, {'b' * 40} in B",
        "runtime.engine: 27 in A, 28 in B",
        "digest.api: sha256:1 in A, sha256:2 in B",
    ]


@pytest.mark.parametrize(
    ("image", "reasons"),
    [
        ("redis:8", ["image of redis: valkey:9 in A, redis:8 in B"]),
        ("mirror.example/library/valkey:9", []),
    ],
)
def test_other_images_are_an_obstacle_but_a_mirror_is_none(image: str, reasons: list[str]) -> None:
    one, other = (
        stored(deployments=[{"images": {"redis": {"image": name, "digest": "sha256:1"}}}])
        for name in ("valkey/valkey:9", image)
    )
    assert obstacles(one, other) == reasons


def test_an_image_that_is_built_here_bears_any_name() -> None:
    one, other = (
        stored(deployments=[{"images": {"api": {"image": name, "digest": "sha256:1"}}}])
        for name in ("shop:one-checkout", "shop:another")
    )
    assert obstacles(one, other) == []


@pytest.mark.parametrize(("path", "value"), [("cpu_model", "Another CPU"), ("cores", 4)])
def test_another_machine_leaves_only_the_ratios(path: str, value: Any) -> None:
    other = stored(changes={f"environment/{path}": value})
    assert obstacles(stored(), other) == []
    assert [reason.partition(":")[0] for reason in machines(stored(), other)] == [path]
    compared = compare(stored(), other)
    assert compared.basis == "ratios"
    assert {row.subject for row in compared.rows} == {"queue ÷ sync"}
    assert compare(stored(), stored()).basis == "values"


def test_another_machine_is_an_obstacle_where_there_are_no_ratios() -> None:
    alone = {"sync": {"confirmed_orders": (400.0, 410.0)}}
    compared = compare(stored(alone), stored(alone, {"environment/cores": 4}))
    assert compared.reasons[0] == "cores: 2 in A, 4 in B"
    assert "ratios" in compared.reasons[1]
