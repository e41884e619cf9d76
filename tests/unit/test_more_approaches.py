"""Beside a third and a fourth approach, every scenario of the project is as valid as before."""

import re
from pathlib import Path

import pytest

from harness.campaign import Request, choose, topologies
from harness.scenario.model import load_scenario
from harness.scenario.names import known_scenarios

ROOT = Path(__file__).parents[2]
SYNC = (ROOT / "docker-compose.sync.yml").read_text("utf-8")
REDIS = """
  redis:
    image: ${REDIS_IMAGE:?it stands in .env}
    command: [--requirepass, "${REDIS_PASSWORD:?}"]
    environment: {REDISCLI_AUTH: "${REDIS_PASSWORD:?}"}
    expose: ["6379"]
    healthcheck: {test: [CMD, redis-cli, ping]}
"""
REDIS_FACTS = (
    '  redis: {service: redis, stock: "stock:%d", streams: ["orders"], dead_letters: "dead"}\n'
)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The project with an approach that has no setting of the queue's, and one with a Redis."""
    folder = tmp_path_factory.mktemp("project")
    for path in (*ROOT.glob("docker-compose.*.yml"), ROOT / ".env", ROOT / "approaches"):
        (folder / path.name).symlink_to(path)
    third = SYNC.replace("title: Synchronous", "title: Third")
    fourth = SYNC.replace("title: Synchronous", "title: Fourth").replace(
        "  ledger: postgres\n", f"  ledger: postgres\n{REDIS_FACTS}"
    )
    (folder / "docker-compose.third.yml").write_text(third, encoding="utf-8")
    (folder / "docker-compose.fourth.yml").write_text(fourth + REDIS, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "name", [name for name in known_scenarios(ROOT) if not load_scenario(name, ROOT).hypothesis]
)
def test_every_scenario_takes_approaches_that_it_does_not_know(project, name):
    scenario = load_scenario(name, ROOT)
    asked = Request(scenario, choose(scenario, project), runs=1, seed=1, source=name)
    measured = {approach for approach, _ in topologies(asked, project)}
    if not scenario.cases or any(not case.approaches for case in scenario.cases):
        assert {"third", "fourth"} <= measured


def test_a_case_that_needs_a_lock_or_a_setting_is_of_the_approach_that_has_it(project):
    scenario = load_scenario("chaos", ROOT)
    made = topologies(Request(scenario, choose(scenario, project), runs=1, seed=1), project)
    assert {approach for approach, case in made if case == "leader"} == {"queue"}
    assert {approach for approach, case in made if case == "redis loses its data"} == {"queue"}
    assert {approach for approach, case in made if case == "redis"} >= {"queue", "fourth"}


def test_an_approach_of_threads_writes_its_sale_and_little_else():
    source = (ROOT / "tests/contract/table/__main__.py").read_text("utf-8")
    assert len(source.splitlines()) <= 150
    assert not re.search(r"flask|waitress|problem\+json|event-stream|Bearer", source)
