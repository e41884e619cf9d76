"""What all tests need before anything else is imported."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# prometheus_client decides when it is first imported whether counters are shared between processes;
# the shop's metrics ask for that, so in this process, too, they must come before the harness.
import approaches.shop.metrics
from harness.host import git

__all__ = ["approaches"]

# If they run in a hook of git, the repositories that they make are not the hook's.
for name in os.environ.keys() - git.environment().keys():
    del os.environ[name]

# Tests judge no times, so they may run beside a measurement and beside each other: each worker of
# pytest is a machine of its own.
os.environ["FLASHSALE_LOCK"] = str(
    Path(tempfile.gettempdir()) / f"flashsale-test-{os.getpid()}.lock"
)

# Tests that stand in modules of another name say as much when they fail as those of `test_*.py`.
pytest.register_assert_rewrite("tests.contract")

# How fast examples are drawn says something about the machine, nothing about what is tested.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-docs", action="store_true", help="write the tables of the long forms into docs/"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that at the end no worker waits for another's long file."""
    items.sort(key=lambda item: ("tests/unit/" in item.nodeid, "deploys" not in item.keywords))
