"""The processes of a load: how they end, what they leave, and what they say of themselves."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from harness import load
from harness.errors import InfrastructureError
from harness.load.load_plan import PlannedStage
from tests.integration.conftest import ROOT
from tests.support.fake_shop import FakeShop, open_shop
from tests.support.played_loads import (
    client_counts,
    make_plan,
    one_buyer,
    run_load,
    server_counts,
    wait_until,
)

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def children_of_this_process() -> set[psutil.Process]:
    """Return them all: other tests share servers that must not be taken for a generator."""
    return set(psutil.Process().children(recursive=True))


def test_first_signal_lets_requests_finish(tmp_path):
    with open_shop(FakeShop(service_s=0.3, payment_s=60)) as shop:
        long_stay = (PlannedStage("stay", 10, 0.2, 100.0), PlannedStage("long", 10, 60, 1.0))
        before = children_of_this_process()
        generators = load.start(make_plan(shop, stages=long_stay), tmp_path / "load")
        try:
            generators.wait_ready()
            generators.begin(time.monotonic_ns())
            wait_until(lambda: shop.orders and shop.in_flight)
            for child in children_of_this_process() - before:
                child.send_signal(signal.SIGTERM)
            generators.wait()
        finally:
            generators.stop()
    assert generators.poll() == 0
    result = load.collect(tmp_path / "load")
    assert client_counts(result.requests) == server_counts(shop)
    assert (result.requests["error"] == "").all()


def test_stop_leaves_no_process_and_no_ledger_to_believe(tmp_path):
    with open_shop(FakeShop(fault=lambda *_: "hang")) as shop:
        before = children_of_this_process()
        generators = load.start(make_plan(shop, processes=2, request_timeout_s=60), tmp_path / "x")
        generators.wait_ready()
        children = children_of_this_process() - before
        generators.begin(time.monotonic_ns())
        wait_until(lambda: shop.in_flight > 0)
        generators.stop()
    assert len(children) == 2
    assert not any(child.is_running() for child in children)
    with pytest.raises(InfrastructureError, match="incomplete"):
        load.collect(tmp_path / "x")


def test_stop_before_the_beginning_ends_at_once(tmp_path):
    with open_shop(FakeShop()) as shop:
        generators = load.start(make_plan(shop), tmp_path / "load")
        generators.wait_ready()
        generators.stop()
    assert generators.poll() == 0
    assert shop.connections == 0


def test_generators_die_with_the_harness(tmp_path):
    with open_shop(FakeShop()) as shop:
        plan = tmp_path / "plan.json"
        plan.write_text(make_plan(shop).to_json())
        script = (
            "import sys, time, pathlib; from harness import load"
            "; from harness.load.load_plan import plan_from_json"
            "; text = pathlib.Path(sys.argv[1]).read_text()"
            "; g = load.start(plan_from_json(text), pathlib.Path(sys.argv[2])); g.wait_ready()"
            "; g.begin(time.monotonic_ns()); print('begun', flush=True); time.sleep(60)"
        )
        harness = subprocess.Popen(
            [sys.executable, "-c", script, plan, tmp_path / "load"],
            stdout=subprocess.PIPE, cwd=ROOT,
        )  # fmt: skip
        with harness:
            assert harness.stdout.readline() == b"begun\n"
            (generator,) = psutil.Process(harness.pid).children()
            os.kill(harness.pid, signal.SIGKILL)
        wait_until(lambda: not generator.is_running() or generator.status() == "zombie")


def test_a_generator_that_cannot_start_says_why(tmp_path):
    with open_shop(FakeShop()) as shop:
        generators = load.start(make_plan(shop, buyer="nobody"), tmp_path / "load")
        try:
            with pytest.raises(InfrastructureError, match=r"scenarios\.buyers\.nobody"):
                generators.wait_ready()
        finally:
            generators.stop()


def test_a_buyer_that_breaks_ends_the_load_and_is_told(tmp_path):
    """Known bad: a time to think that is no number, which only the buyer's code stumbles over."""
    with open_shop(FakeShop()) as shop:
        generators = load.start(make_plan(shop, think_min_s=None, **one_buyer(30)), tmp_path / "x")
        try:
            generators.wait_ready()
            generators.begin(time.monotonic_ns())
            with pytest.raises(InfrastructureError, match="TypeError: unsupported operand"):
                generators.wait()
        finally:
            generators.stop()
    with pytest.raises(InfrastructureError, match="incomplete"):
        load.collect(tmp_path / "x")


def test_progress_tells_the_last_seconds(tmp_path):
    told = []
    with open_shop(FakeShop()) as shop:
        generators = load.start(make_plan(shop), tmp_path / "load")
        assert generators.progress().stage == "not begun"
        try:
            generators.wait_ready()
            generators.begin(time.monotonic_ns())
            generators.wait(told.append)
        finally:
            generators.stop()
    final = generators.progress()
    assert final.stage == "leaving"
    assert final.requests == sum(shop.answers.values())
    assert final.errors == 0
    assert final.requests_per_s > 0
    assert final.p95_ms is not None
    assert final.p95_ms >= 0
    assert [p.requests for p in told] == sorted(p.requests for p in told)
    assert generators.cpu_s() > 0


def test_a_ledger_is_never_continued(tmp_path):
    with open_shop(FakeShop()) as shop:
        run_load(make_plan(shop, **one_buyer(0.2)), tmp_path / "load")
        generators = load.start(make_plan(shop), tmp_path / "load")
        try:
            with pytest.raises(InfrastructureError, match="File exists"):
                generators.wait_ready()
        finally:
            generators.stop()
    end = json.loads((tmp_path / "load" / "end-0.json").read_text())
    assert end["recorded"] == end["locust"]
