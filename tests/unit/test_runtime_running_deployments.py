"""What was brought up by hand is recorded for its user alone, once per approach."""

import json
import os
import stat
import subprocess
from types import SimpleNamespace

import pytest

from harness.errors import InfrastructureError, UsageError
from harness.runtimes import DeploymentRecord, beside_no_measurement, list_running, measuring
from harness.runtimes.processes import read_stat
from harness.runtimes.state import clean
from harness.topology import load_topology
from tests.support.by_hand import ROOT


def recorded(root, approach="queue"):
    return DeploymentRecord(approach, "local", {"title": "a sale"}, 7, root)


def deployed(approach="queue"):
    return SimpleNamespace(
        topology=load_topology(ROOT / f"docker-compose.{approach}.yml"),
        address="http://shop",
        urls=lambda service: [f"http://{service}"],
        dsn=lambda: "postgresql://shop:secret@ledger/shop",
        redis_url=lambda: "redis://store/0",
    )


def test_it_is_recorded_from_the_first_moment_until_it_is_withdrawn(tmp_path):
    root = tmp_path / "root"
    record = recorded(root)
    (one,) = list_running(root)
    assert (one.approach, one.pid, one.scenario, one.seed) == (
        "queue",
        os.getpid(),
        {"title": "a sale"},
        7,
    )
    with pytest.raises(UsageError, match="still coming up"):
        one.reachable_at()
    assert record.ready(deployed()) == list_running(root)[0]
    addresses = list_running(root)[0].reachable_at()
    assert addresses.shop == "http://shop"
    assert addresses.services["payment-worker"] == ["http://payment-worker"]
    assert not {"postgres", "redis"} & set(addresses.services)
    assert stat.S_IMODE(one.file.stat().st_mode) == 0o600
    record.withdraw()
    assert list_running(root) == []
    assert not root.exists()


def test_an_approach_is_kept_up_once(tmp_path):
    recorded(tmp_path)
    recorded(tmp_path, "sync")
    with pytest.raises(UsageError, match=f"queue is up already.*{os.getpid()}"):
        recorded(tmp_path)
    assert [one.approach for one in list_running(tmp_path)] == ["queue", "sync"]


def test_the_record_of_a_killed_owner_counts_no_more_and_is_cleaned(tmp_path):
    record = recorded(tmp_path / "root")
    with subprocess.Popen(["sleep", "600"]) as owner:
        start_ticks = read_stat(owner.pid).start_ticks
        owner.kill()
    gone = tmp_path / "root" / f"{os.getuid()}-{owner.pid}-{start_ticks}-abcd"
    gone.mkdir()
    stored = json.loads(record.deployment.file.read_text())
    stored |= {"pid": owner.pid, "start_ticks": start_ticks, "folder": str(gone)}
    (gone / "running.json").write_text(json.dumps(stored))
    assert list_running(tmp_path / "root") == [record.deployment]
    record.withdraw()
    assert len(clean(tmp_path / "root")) == 1
    assert not gone.exists()


def test_nothing_is_measured_beside_what_is_kept_up(tmp_path):
    root = tmp_path / "root"
    with beside_no_measurement(root), beside_no_measurement(root):
        record = recorded(root)
        with (
            pytest.raises(InfrastructureError, match="by hand: queue") as caught,
            measuring("a campaign", root),
        ):
            pass
        assert "harness down queue" in caught.value.hint
        record.withdraw()
    with measuring("a campaign", root):
        pass
    assert not root.exists()


def test_the_first_of_two_that_ends_leaves_the_lock_to_the_other(tmp_path):
    root = tmp_path / "root"
    with beside_no_measurement(root):
        with beside_no_measurement(root):
            pass
        with pytest.raises(InfrastructureError), measuring("a campaign", root):
            pass


def test_nothing_is_kept_up_beside_a_measurement(tmp_path):
    root = tmp_path / "root"
    with (
        measuring("campaign one", root),
        pytest.raises(InfrastructureError, match="campaign one"),
        beside_no_measurement(root),
    ):
        pass
    assert not root.exists()
