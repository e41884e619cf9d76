"""What faults do to real servers: they die, stand still, lose their data, and come back."""

import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest
import redis

from harness import telemetry
from harness.errors import InfrastructureError, UsageError
from harness.faults.actions import action_of
from harness.faults.actions.leader import LeaderAction
from harness.runtimes import LocalRuntime
from harness.runtimes.local import process_replica
from harness.runtimes.processes import members
from harness.scenario.faults import Fault
from harness.telemetry import Sampler
from harness.topology import load_topology
from tests.support.small_project import write_small_project

pytestmark = [pytest.mark.integration, pytest.mark.slow]
LIMIT_S = 30.0


def eventually(condition):
    deadline_s = time.monotonic() + LIMIT_S
    while not (answer := condition()):
        assert time.monotonic() < deadline_s, "it did not become true"
        time.sleep(0.01)
    return answer


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder that other users may pass through, as a temporary folder is."""
    folder = tmp_path_factory.mktemp("faults")
    for parent in (folder, *folder.parents):
        if parent.owner() == folder.owner() and parent != Path(parent.root):
            parent.chmod(parent.stat().st_mode | 0o711)
    return folder


@pytest.fixture(scope="module")
def topology(root):
    return load_topology(write_small_project(root / "project"))


@pytest.fixture(scope="module")
def deployment(root, topology):
    deployment = LocalRuntime(root / "state").up(topology)
    yield deployment
    deployment.down()
    assert members(root / "state") == {}


def processes_of(deployment, service, replica=1):
    (first,) = [
        one for one in deployment.replicas_of(service) if one.name == f"{service}-{replica}"
    ]
    parent = psutil.Process(first.pid)
    return [parent, *parent.children(recursive=True)]


def test_a_stopped_replica_starts_again(deployment):
    deployment.stop("web", 1)
    with pytest.raises(httpx.ConnectError):
        httpx.get(deployment.urls("web")[0])
    assert deployment.unexpected_exits() == []
    for again in (deployment.stop, lambda *one: deployment.kill(*one, signal.SIGKILL)):
        with pytest.raises(InfrastructureError, match="web-1 does not run"):
            again("web", 1)
    deployment.start("web", 1)
    assert httpx.get(deployment.urls("web")[0]).is_success


def test_a_stop_returns_whether_the_replica_ended_by_itself(deployment, monkeypatch):
    assert deployment.stop("web", 1)
    deployment.start("web", 1)
    (one, *_) = deployment.replicas_of("web")
    monkeypatch.setattr(one, "service", replace(one.service, stop_grace_period_s=0.1))
    deployment.kill("web", 1, signal.SIGSTOP)  # it cannot hear the signal
    assert not deployment.stop("web", 1)
    deployment.start("web", 1)


def write(dsn_or_connection):
    dsn_or_connection.execute("INSERT INTO products VALUES (2) ON CONFLICT DO NOTHING")


def test_a_ledger_refuses_writes_to_old_and_new_sessions_and_then_takes_them(deployment):
    fault = Fault(kind="refuse_writes", service="postgres", at_s=0)
    action = action_of(fault, deployment, threading.Event())
    with psycopg.connect(deployment.dsn(), autocommit=True) as old:
        write(old)
        action.inject()
        with psycopg.connect(deployment.dsn(), autocommit=True) as new:
            for session in (old, new):
                with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                    write(session)
                assert session.execute("SELECT count(*) FROM products").fetchone()
            action.undo()
            action.recover()
            write(new)
        write(old)


def test_a_replica_that_is_being_started_again_is_not_missed(deployment, monkeypatch):
    """Whoever looks just then must not see the end of its last start as a death."""
    seen = []

    def watched_popen(*words):
        seen.append(deployment.unexpected_exits())
        return popen(*words)

    popen = process_replica.popen
    monkeypatch.setattr(process_replica, "popen", watched_popen)
    deployment.kill("web", 1, signal.SIGKILL)
    deployment.start("web", 1)
    assert seen == [[]]


def test_a_paused_replica_stands_still_and_goes_on(deployment):
    deployment.kill("web", 1, signal.SIGSTOP)
    stopped = {psutil.STATUS_STOPPED}  # a process on another processor stops a little later
    eventually(lambda: {one.status() for one in processes_of(deployment, "web")} == stopped)
    deployment.kill("web", 1, signal.SIGCONT)
    deployment.wait_ready("web", 1)
    assert httpx.get(deployment.urls("web")[0]).is_success


def test_a_replica_that_was_paused_and_then_dies_is_still_missed(root, topology):
    other = LocalRuntime(root / "state-of-another").up(topology)
    try:
        other.kill("gateway", 1, signal.SIGSTOP)
        other.kill("gateway", 1, signal.SIGCONT)
        os.kill(other.replicas_of("gateway")[0].pid, signal.SIGKILL)
        assert eventually(other.unexpected_exits) == ["gateway-1"]
        for service in ("postgres", "redis", "web"):
            other.kill(service, 1, signal.SIGSTOP)
    finally:
        other.down()
    assert members(root / "state-of-another") == {}


def test_a_wiped_redis_starts_as_new(deployment):
    with redis.Redis.from_url(deployment.redis_url()) as store:
        store.set("kept", "until wiped")
    deployment.kill("redis", 1, signal.SIGKILL)
    deployment.start("redis", 1)
    with redis.Redis.from_url(deployment.redis_url()) as store:
        assert store.get("kept") == b"until wiped"
        with pytest.raises(InfrastructureError, match="redis-1 still runs"):
            deployment.wipe("redis", 1)
    deployment.kill("redis", 1, signal.SIGKILL)
    deployment.wipe("redis", 1)
    deployment.start("redis", 1)
    with redis.Redis.from_url(deployment.redis_url()) as store:
        assert store.dbsize() == 0
        assert store.config_get("appendfsync") == {"appendfsync": "always"}


def test_a_wiped_ledger_is_initialised_again(root, topology):
    other = LocalRuntime(root / "state-of-another").up(topology)
    try:
        with psycopg.connect(other.dsn(), autocommit=True) as ledger:
            ledger.execute("INSERT INTO products VALUES (7)")
        other.kill("postgres", 1, signal.SIGKILL)
        other.wipe("postgres", 1)
        other.start("postgres", 1)
        with psycopg.connect(other.dsn()) as ledger:
            assert ledger.execute("SELECT id FROM products").fetchall() == [(1,)]
    finally:
        other.down()


def test_a_redis_that_is_put_back_from_a_copy_has_what_it_had_then(deployment):
    fault = Fault(kind="restore_old", service="redis", at_s=2, age_s=1)
    action = action_of(fault, deployment, threading.Event())
    with redis.Redis.from_url(deployment.redis_url()) as store:
        store.set("known", "before the copy")
        action.prepare()
        store.set("known", "after the copy")
        store.set("forgotten", "after the copy")
    action.inject()
    action.undo()
    action.recover()
    with redis.Redis.from_url(deployment.redis_url()) as store:
        assert (store.get("known"), store.get("forgotten")) == (b"before the copy", None)
        store.set("known", "and it goes on")
        with pytest.raises(InfrastructureError, match="redis-1 still runs"):
            deployment.restore_data("redis", 1)


def test_what_has_no_data_is_neither_wiped_nor_copied(deployment):
    with pytest.raises(UsageError, match="web-1 has no data"):
        deployment.save_data("web", 1)
    deployment.kill("web", 1, signal.SIGKILL)
    for refused in (deployment.wipe, deployment.restore_data):
        with pytest.raises(UsageError, match="web-1 has no data"):
            refused("web", 1)
    deployment.start("web", 1)


def test_one_process_is_killed_and_the_replica_lives(deployment):
    first, child = processes_of(deployment, "web", 2)
    (stranger, _) = processes_of(deployment, "web", 1)
    with pytest.raises(InfrastructureError, match=f"{stranger.pid} does not belong to web-2"):
        deployment.kill_process("web", 2, stranger.pid, signal.SIGKILL)
    deployment.kill_process("web", 2, child.pid, signal.SIGKILL)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    assert first.is_running()
    assert deployment.unexpected_exits() == []
    deployment.kill("web", 2, signal.SIGKILL)
    deployment.start("web", 2)


def test_the_leader_is_who_its_lock_says(deployment):
    _, child = processes_of(deployment, "web")
    pause = Fault(kind="pause", service="web", process="leader", at_s=0)
    with redis.Redis.from_url(deployment.redis_url()) as store:
        store.set("{shop}:leader", f"{child.pid}-some-token")
        action = action_of(pause, deployment, threading.Event())
        assert isinstance(action, LeaderAction)
        action.inject()
        assert eventually(lambda: child.status() == psutil.STATUS_STOPPED)
        action.undo()
        assert eventually(lambda: child.status() != psutil.STATUS_STOPPED)
        action.recover()
        store.set("{shop}:leader", "nobody")
        with pytest.raises(InfrastructureError, match="'nobody', which names no process"):
            action_of(pause, deployment, threading.Event()).inject()
        store.delete("{shop}:leader")
    giving_up = threading.Event()
    giving_up.set()
    with pytest.raises(InfrastructureError, match="nobody holds the leader's lock"):
        action_of(pause, deployment, giving_up).inject()


def test_the_sampler_outlives_a_paused_ledger(deployment, monkeypatch):
    """A query that a paused server never answers is cut; the other sources are sampled on."""
    monkeypatch.setattr(telemetry, "_ledger_sample", lambda topology: b"SELECT 1, 2, 3, 4, 5")
    sampler = Sampler(deployment, lambda: 0.0)
    sampler.start(time.monotonic_ns())
    eventually(lambda: sampler.latest("postgres", "connections"))
    deployment.kill("postgres", 1, signal.SIGSTOP)
    try:
        seen = sampler.latest("machine", "cpu_s")
        for _ in range(2):
            eventually(lambda seen=seen: sampler.latest("machine", "cpu_s") != seen)
            seen = sampler.latest("machine", "cpu_s")
        frame = sampler.stop()  # while the ledger stands still
    finally:
        deployment.kill("postgres", 1, signal.SIGCONT)
    deployment.wait_ready("postgres", 1)
    assert len(frame.query("source == 'machine' and metric == 'cpu_s'")) >= 3
