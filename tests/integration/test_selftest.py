"""The self-test: that it sees a harness that is broken, and what it measures with."""

import json
import signal
import subprocess
import sys

import httpx
import psutil
import pytest

from harness.analysis.outcomes import Outcome
from harness.errors import ExitCode
from harness.results.store import Campaign
from harness.selftest import generator_limits
from harness.selftest.null_shop import null_shop
from tests.integration.test_run import TINY, wait_for
from tests.integration.test_wrong_usage import refused
from tests.support.commands import run_to_its_end

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900), pytest.mark.slow]
TINY_SELFTEST = TINY.with_name("tiny_selftest.toml")
SECOND_IS_SLOW = """
from harness import cli
from harness.selftest import copies
copies.DELAYS_MS = {**copies.DELAYS_MS, copies.SECOND: 300.0}
cli.main()
"""


@pytest.mark.exhaustive
def test_a_harness_that_sees_a_difference_between_equals_is_caught(cli, tmp_path):
    """The second copy is slowed, too, and the self-test does not know it."""
    out = tmp_path / "out"
    words = [sys.executable, "-c", SECOND_IS_SLOW, "selftest", "sync"]
    done = run_to_its_end(
        [*words, "--scenario", TINY_SELFTEST, "--out", out],
        850,
        cwd=cli.root,
        env=cli.environment(),
        stderr=subprocess.PIPE,
    )
    assert done.returncode == 40, done.stdout + done.stderr
    assert "a difference between equals was found" in done.stdout

    found = json.loads((out / "selftest.json").read_text())
    same = {row["metric"]: row["outcome"] for row in found["copies"]["same"]}
    assert same["purchase_latency_p50_ms"] == Outcome.WORSE
    assert same["confirmed_orders"] == Outcome.ALIKE
    assert found["generator"]["floor"]["p50_ms"] > 0
    assert found["generator"]["closed"]["requests_per_s"] > 0
    assert found["generator"]["open"]["tried"]
    assert len(Campaign.open(out / "campaign").run_folders()) == 9
    assert not (out / "project").exists()

    report = cli.run("report", out / "campaign")
    assert report.returncode == 0, report.stdout + report.stderr


@pytest.mark.exhaustive
def test_no_difference_is_found_between_equals_and_the_delay_is(cli, tmp_path):
    """On a noisy machine it may be that small differences are not decided, and then it says so."""
    out = tmp_path / "out"
    done = cli.run("selftest", "--out", out, timeout_s=850)
    assert done.returncode in (ExitCode.OK, ExitCode.INCONCLUSIVE), done.stdout + done.stderr
    copies = json.loads((out / "selftest.json").read_text())["copies"]
    same, control = (
        {row["metric"]: row["outcome"] for row in copies[name]} for name in ("same", "control")
    )
    assert same["confirmed_orders"] == Outcome.ALIKE
    assert control["purchase_latency_p50_ms"] == Outcome.WORSE
    is_decided = Outcome.UNDECIDED not in same.values()
    assert (done.returncode == ExitCode.OK) is is_decided


def test_ctrl_c_leaves_nothing(cli, tmp_path):
    process = cli.start("selftest", "sync", "--scenario", TINY_SELFTEST, "--out", tmp_path / "out")
    wait_for(lambda: len(psutil.Process(process.pid).children()) >= 2, process)
    started = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "Traceback" not in output
    _, alive = psutil.wait_procs(started, timeout=20)
    assert alive == []


def test_wrong_words_are_refused_before_anything_runs(harness, tmp_path):
    refused(harness.run("selftest", "telepathy"), 64, "telepathy", "queue")
    refused(harness.run("selftest", "--scenario", "contention"), 64, "contention test")
    refused(harness.run("selftest", "--scenario", "open"), 64, "3000", "450")
    refused(harness.run("run", TINY, "--runs", "many"), 64, "--runs many", "auto")
    refused(harness.run("run", TINY, "--runs", "auto", "--approach", "sync"), 64, "two variants")


def test_the_null_shop_answers_the_contract():
    with null_shop() as shop, httpx.Client(base_url=shop.address) as client:
        assert client.post("/auth/register", json={"email": "a"}).status_code == 201
        assert client.post("/auth/login", json={}).json()["token"]
        assert client.get("/products/1").json()["stock"] > 0
        bought = client.post("/orders", json={"product_id": 1}, headers={"Idempotency-Key": "1"})
        assert (bought.status_code, bought.json()["status"]) == (201, "confirmed")
        assert client.get(f"/orders/{bought.json()['order_id']}").status_code == 200
        assert client.get("/elsewhere").status_code == 404
        assert shop.cpu_s() > 0
    assert not shop.process.is_running()


def test_the_null_shop_ends_with_the_harness_however_that_ends():
    code = (
        "import os, signal, sys\n"
        "from harness.selftest.null_shop import null_shop\n"
        "with null_shop() as shop:\n"
        "    print(shop.process.pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    try:
        shop = psutil.Process(int(killed.stdout))
    except psutil.NoSuchProcess:
        return
    shop.wait(timeout=20)


def test_what_the_generator_can_do_is_measured_at_the_null_shop(tmp_path, monkeypatch):
    for name, value in {"CLOSED_S": 2.0, "SETTLING_S": 1.0, "OPEN_S": 1.0, "HALVINGS": 0}.items():
        monkeypatch.setattr(generator_limits, name, value)
    monkeypatch.setattr(generator_limits, "FASTEST_PER_S", 200)
    told = []
    with null_shop() as shop:
        found = generator_limits.measure(shop, tmp_path, told.append)
    assert 0 < found.floor.p50_ms <= found.floor.p95_ms <= found.floor.p99_ms
    assert found.closed.requests_per_s > found.floor.requests_per_s
    assert found.closed.generator_cores > 0
    (tried,) = found.open.tried
    assert tried.per_s == 200
    assert tried.passed == (not tried.broken) == (found.open.per_s == 200)
    assert told[-1] == "200 arrivals per second …"


def test_a_rate_that_the_generator_cannot_keep_breaks_a_law(tmp_path, monkeypatch):
    monkeypatch.setattr(generator_limits, "OPEN_S", 1.0)
    monkeypatch.setattr(generator_limits, "SLOWEST_PER_S", 100_000)
    with null_shop() as shop:
        found = generator_limits.measure_arrivals(shop, tmp_path, lambda _: None)
    assert found.per_s == 0
    assert "buyers" in found.too_fast.broken[0]
