"""Brings every approach up, one after the other, small and with fast payments."""

from pathlib import Path

import httpx
import pytest

from harness.runtimes import LocalRuntime
from harness.topology import load_topology
from tests.contract.shops import SEED, Shop, small_and_fast

ROOT = Path(__file__).parents[2]
TOPOLOGIES = sorted(ROOT.glob("docker-compose.*.yml"))


@pytest.fixture(scope="session", params=TOPOLOGIES, ids=lambda path: path.suffixes[0][1:])
def deployment(request):
    """Every approach in turn: a test that takes it runs against each compose file."""
    topology = small_and_fast(
        load_topology(request.param, {"GATEWAY_SEED": SEED, "HARNESS_PORT": "0"})
    )
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
