"""A load from other machines: Locust workers, which here are on this one, over the loopback."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from harness import load
from harness.errors import InfrastructureError
from harness.load import LoadWorkers
from harness.load.load_plan import ArrivalStage, OpenPlan, PlannedStage
from harness.load.worker_processes import WorkerProcesses
from tests.support.fake_shop import FakeShop, open_shop
from tests.support.plans import plan_of
from tests.support.played_loads import (
    client_counts,
    make_plan,
    one_buyer,
    run_load,
    server_counts,
    wait_until,
)
from tests.support.store_servers import free_port

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(180)]
HERE = 0


@contextlib.contextmanager
def worker_machine(processes, count=None):
    """Let so many workers wait for one load."""
    port = free_port()
    with WorkerProcesses("127.0.0.1", port, processes):
        yield LoadWorkers("127.0.0.1", port, count)


def workers_of_this_process():
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if "harness.load.worker_main" in child.cmdline():
                yield child


def played(make, folder, processes, elsewhere):
    """Return what became of a plan, and the shop that it was played against."""
    with open_shop(FakeShop(service_s=0.001)) as shop:
        plan = make(shop, processes)
        if elsewhere == HERE:
            return run_load(plan, folder), shop
        with worker_machine(elsewhere, elsewhere) as workers:
            return run_load(plan, folder, workers), shop


def open_plan(shop, processes):
    closed = make_plan(shop, processes=processes)
    return plan_of(
        OpenPlan,
        **{name: getattr(closed, name) for name in (
            "address", "seed", "key_prefix", "user_offset", "product_id",
        )},
        **vars(closed.load),
        spread="poisson", accounts=5, at_once=300,
        stages=(ArrivalStage("burst", 60, 0.5), ArrivalStage("trickle", 20, 1.0)),
    )  # fmt: skip


def coming_again(shop, processes):
    """Return a closed load whose users leave and come again."""
    stages = (
        PlannedStage("arrive", 12, 1.0, 50.0),
        PlannedStage("leave", 4, 0.5, 50.0),
        PlannedStage("few", 4, 0.5, 50.0),
        PlannedStage("again", 12, 1.0, 50.0),
        PlannedStage("stay", 12, 1.0, 50.0),
    )
    return make_plan(shop, processes=processes, stages=stages)


def arrivals(result):
    """Return who bought when, under which key, and with whom each shared an account."""
    buys = result.requests[result.requests["endpoint"] == "buy"]
    first = buys[buys["try"] == 0]
    accounts = result.buyers.groupby("user_id")["user"].apply(lambda users: tuple(sorted(users)))
    return set(zip(first["user"], first["key"], first["intended_ns"], strict=True)), set(accounts)


def first_thoughts(result):
    """Return how long each buyer thought between its first two attempts, and who came at all."""
    buys = result.requests[(result.requests["endpoint"] == "buy") & (result.requests["try"] == 0)]
    drawn = dict(zip(buys["key"], buys["think_ns"], strict=True))
    return {key: ns for key, ns in drawn.items() if key.endswith("-1")}, set(result.buyers["user"])


@pytest.mark.parametrize(("processes", "elsewhere"), [(1, 1), (2, 2), (3, 3), (3, 2), (3, HERE)])
def test_the_same_buyers_arrive_wherever_they_are_played(tmp_path, processes, elsewhere):
    alone, _ = played(open_plan, tmp_path / "alone", 1, HERE)
    dealt, shop = played(open_plan, tmp_path / "dealt", processes, elsewhere)
    assert arrivals(dealt) == arrivals(alone)
    assert set(dealt.requests["process"]) == set(range(processes))
    assert client_counts(dealt.requests) == counts_without_accounts(shop)
    assert len(dealt.requests) == dealt.recorded == dealt.locust_requests
    numbers = [one["process"] for one in dealt.workers]
    assert numbers == list(range(processes - elsewhere, processes))
    assert all(0 < one["clock_error_ms"] < 100 for one in dealt.workers)


def counts_without_accounts(shop):
    counted = server_counts(shop)
    return {key: n for key, n in counted.items() if key[0] not in ("register", "login")}


def test_a_worker_that_sends_nothing_has_an_empty_log(tmp_path):
    def alone(shop, processes):
        return make_plan(shop, processes=processes, **one_buyer())

    result, shop = played(alone, tmp_path / "load", 2, 2)
    assert client_counts(result.requests) == server_counts(shop)
    assert len(result.buyers) == 1


@pytest.mark.parametrize(("processes", "elsewhere"), [(2, 2), (3, HERE)])
def test_users_who_come_again_are_the_same_and_draw_the_same(tmp_path, processes, elsewhere):
    thoughts, users = first_thoughts(played(coming_again, tmp_path / "alone", 1, HERE)[0])
    dealt = played(coming_again, tmp_path / "dealt", processes, elsewhere)[0]
    others, others_users = first_thoughts(dealt)
    assert others_users == users
    assert len(users) == 12 + 8
    both = thoughts.keys() & others.keys()
    assert len(both) >= 8
    assert {key: thoughts[key] for key in both} == {key: others[key] for key in both}


def test_a_worker_that_is_killed_ends_the_load_and_is_named(tmp_path):
    with open_shop(FakeShop()) as shop, worker_machine(2) as workers:
        long_stay = (PlannedStage("stay", 10, 0.5, 100.0), PlannedStage("long", 10, 60, 1.0))
        plan = make_plan(shop, processes=2, stages=long_stay)
        generators = load.start(plan, tmp_path / "load", workers)
        try:
            generators.wait_ready()
            generators.begin(time.monotonic_ns() + 200_000_000)
            wait_until(lambda: generators.progress().requests)
            victim, survivor = workers_of_this_process()
            victim.send_signal(signal.SIGKILL)
            with pytest.raises(InfrastructureError, match=r"load worker \d on .* is gone"):
                generators.wait()
        finally:
            generators.stop()
        wait_until(lambda: survivor.status() == psutil.STATUS_ZOMBIE)
    with pytest.raises(InfrastructureError, match="incomplete"):
        load.collect(tmp_path / "load")


def test_workers_that_do_not_come_are_asked_for(tmp_path):
    workers = LoadWorkers("127.0.0.1", free_port())
    with open_shop(FakeShop()) as shop:
        generators = load.start(make_plan(shop, processes=2), tmp_path / "load", workers)
        try:
            with pytest.raises(InfrastructureError, match="0 of 2 load workers") as refused:
                generators.wait_ready(timeout_s=15)
        finally:
            generators.stop()
    assert "harness load-worker --master" in refused.value.hint


def test_a_worker_that_does_not_reach_the_shop_says_so(tmp_path):
    with worker_machine(1) as workers:
        shop = FakeShop(address=f"http://127.0.0.1:{free_port()}")
        generators = load.start(make_plan(shop), tmp_path / "load", workers)
        try:
            with pytest.raises(InfrastructureError, match=r"load worker 0 on .* cannot reach"):
                generators.wait_ready()
        finally:
            generators.stop()


def test_a_load_that_is_stopped_is_handed_over_all_the_same(tmp_path):
    with open_shop(FakeShop()) as shop, worker_machine(1) as workers:
        long_stay = (PlannedStage("stay", 10, 0.5, 100.0), PlannedStage("long", 10, 60, 1.0))
        plan = make_plan(shop, stages=long_stay)
        generators = load.start(plan, tmp_path / "load", workers)
        try:
            generators.wait_ready()
            generators.begin(time.monotonic_ns() + 200_000_000)
            wait_until(lambda: shop.orders and shop.in_flight)
            (master,) = (
                child for child in psutil.Process().children()
                if "harness.load.master_main" in child.cmdline()
            )  # fmt: skip
            master.send_signal(signal.SIGTERM)
            generators.wait()
            generators.fetch_logs()
        finally:
            generators.stop()
        result = load.collect(tmp_path / "load")
        assert client_counts(result.requests) == server_counts(shop)


def test_an_address_that_is_taken_is_named(tmp_path):
    with open_shop(FakeShop()) as shop:
        host, port = shop.address.removeprefix("http://").split(":")
        taken = LoadWorkers(host, int(port))
        generators = load.start(make_plan(shop), tmp_path / "load", taken)
        try:
            with pytest.raises(InfrastructureError, match=f"cannot listen .*{port}") as refused:
                generators.wait_ready()
            assert "--load-master" in refused.value.hint
        finally:
            generators.stop()


class Heard(Exception):
    """What ends a machine of workers, which else serves for ever."""


def raise_heard(news):
    raise Heard(news)


def test_a_machine_of_workers_hears_that_a_load_failed(tmp_path):
    port = free_port()
    workers = LoadWorkers("127.0.0.1", port)
    with WorkerProcesses("127.0.0.1", port, 1) as machine:
        shop = FakeShop(address=f"http://127.0.0.1:{free_port()}")
        generators = load.start(make_plan(shop), tmp_path / "load", workers)
        try:
            with pytest.raises(InfrastructureError):
                generators.wait_ready()
        finally:
            generators.stop()
        with pytest.raises(Heard, match=r"a load failed.*: cannot reach the shop"):
            machine.serve(raise_heard)


def test_a_machine_of_workers_hears_that_a_load_is_over(tmp_path):
    port = free_port()
    with open_shop(FakeShop()) as shop, WorkerProcesses("127.0.0.1", port, 1) as machine:
        plan = make_plan(shop, **one_buyer(0.5))
        run_load(plan, tmp_path / "load", LoadWorkers("127.0.0.1", port))
        with pytest.raises(Heard, match=r"^a load is over$"):
            machine.serve(raise_heard)


KEEPS_WORKERS = """
import time
from harness.load.worker_processes import WorkerProcesses
with WorkerProcesses("127.0.0.1", {port}, 2):
    print("begun", flush=True)
    time.sleep(600)
"""


def test_workers_whose_machine_is_killed_leave_nothing(tmp_path):
    script = KEEPS_WORKERS.format(port=free_port())
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment
    ) as machine:
        assert machine.stdout.readline() == b"begun\n"
        assert len(list(tmp_path.glob("load-worker-*"))) == 2
        machine.kill()
    wait_until(lambda: not list(tmp_path.glob("load-worker-*")))
