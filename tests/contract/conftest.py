"""Brings every approach up, one after the other, small and with fast payments.

With them, as every approach that is added must keep the contract, too, one that is in no campaign.
"""

import shutil
from pathlib import Path

import httpx
import pytest

from harness.runtimes import LocalRuntime
from harness.topology import load_topology
from tests.contract.shops import SEED, Shop, small_and_fast
from tests.support.edits import copy_deployed

ROOT = Path(__file__).parents[2]
ADDED = "table"
RESERVATIONS = ("counter", "update", "lock")
"""How the queue takes units in experiments: whatever it costs, the contract is the same."""
APPROACHES = [
    pytest.param(
        path.suffixes[0][1:],
        marks=[pytest.mark.slow] if "default: false" in path.read_text("utf-8") else [],
    )
    for path in sorted(ROOT.glob("docker-compose.*.yml"))
]
"""All there are; those that are measured only if they are asked for are tested as seldom."""
AS_TABLE = {
    "title: Synchronous": "title: Table",
    "acknowledges: outcome": "acknowledges: acceptance",
    "approaches.sync": "approaches.table",
}
"""What its compose file has otherwise than the synchronous shop's."""


def with_added_approach(project: Path) -> Path:
    """Copy what is deployed, and add an approach as docs/adding-an-approach.md says."""
    copy_deployed(project)
    shutil.copytree(Path(__file__).with_name(ADDED), project / "approaches" / ADDED)
    text = (project / "docker-compose.sync.yml").read_text("utf-8")
    for old, new in AS_TABLE.items():
        assert old in text
        text = text.replace(old, new)
    (project / f"docker-compose.{ADDED}.yml").write_text(text, encoding="utf-8")
    return project


OTHERS = [
    pytest.param(name, marks=pytest.mark.slow)
    for name in (ADDED, *(f"queue-{reservation}" for reservation in RESERVATIONS))
]


@pytest.fixture(scope="session", params=[*APPROACHES, *OTHERS])
def deployment(request, tmp_path_factory):
    """Every approach in turn: a test that takes it runs against each of them."""
    root = ROOT
    if request.param == ADDED:
        root = with_added_approach(tmp_path_factory.mktemp("project"))
    approach, _, reservation = request.param.partition("-")
    compose = root / f"docker-compose.{approach}.yml"
    topology = small_and_fast(load_topology(compose, {"GATEWAY_SEED": SEED, "HARNESS_PORT": "0"}))
    if reservation:
        topology = topology.with_settings({("api", "RESERVATION"): reservation})
    deployment = LocalRuntime().up(topology)
    try:
        yield deployment
    finally:
        deployment.down()


@pytest.fixture(scope="session")
def shop(deployment):
    """The deployment as its buyers see it."""
    topology = deployment.topology
    with (
        httpx.Client(base_url=deployment.address, timeout=30) as http,
        httpx.Client(base_url=deployment.urls(topology.gateway)[0]) as gateway,
    ):
        yield Shop(
            topology.approach,
            topology.acknowledges,
            http,
            gateway,
            deployment.dsn(),
            [
                url
                for service in topology.counters
                for url in deployment.urls(service, topology.metrics_port)
            ],
        )


@pytest.fixture
def buyer(shop):
    return shop.buyer()
