"""A contention test by the public command, on real servers, and its burst on a small shop."""

import json
import time
from itertools import pairwise
from pathlib import Path

import pytest

from harness import load
from harness.load.load_plan import sale_plan
from harness.results.findings import Verdict
from harness.results.store import Campaign, load_findings, read_json
from harness.scenario.model import load_scenario
from tests.integration.conftest import ROOT
from tests.integration.test_run import BOTH, FEW_WORKERS
from tests.support.fake_shop import FakeShop, open_shop

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]
TINY = Path(__file__).with_name("tiny_contention.toml")
SALES, BUYERS = 8, 30


@pytest.mark.deploys
def test_a_contention_test_is_audited_sale_by_sale_and_reported(cli, tmp_path):
    out = tmp_path / "contention"
    done = cli.run("run", TINY, *BOTH, *FEW_WORKERS, "--out", out)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("8 sales of 1–6 units, 30 buyers each: 0 oversold") == 2

    stored = Campaign.open(out)
    runs = stored.load_runs()
    assert sorted(run.approach for run in runs) == ["queue", "sync"]
    for run, folder in zip(runs, stored.run_folders(), strict=True):
        assert run.record.validity.verdict == "VALID", run.record.validity
        assert {f.verdict for f in load_findings(folder)} == {Verdict.PASS}
        assert run.record.reset_proof.clean
        bought = run.requests[run.requests["endpoint"] == "buy"]
        assert bought["key"].nunique() == SALES * BUYERS
        of_sale = bought["key"].str.split("-").str[1].astype(int)
        assert (of_sale == bought["stage"]).all()
        products = run.record.store.products
        # a single unit may be left: declined when everybody else had been refused
        assert all(0 <= product.sold <= product.initial_stock for product in products)
        assert sum(product.sold for product in products) > 0

    derived = {
        path: path.read_bytes()
        for path in [out / "summary.json", *(out / "report").rglob("*")]
        if path.is_file()
    }
    assert out / "report" / "tables" / "sales.csv" in derived
    again = cli.run("report", out)
    assert again.returncode == 0, again.stdout + again.stderr
    assert {path: path.read_bytes() for path in derived} == derived

    oversell_one(stored)
    caught = cli.run("audit", out)
    assert caught.returncode == 20, caught.stdout + caught.stderr
    assert "I1 FAIL: No oversell, at any moment: FAIL in 1 of 8 sales; sale 2: " in caught.stdout
    audited = [read_json(folder / "audit.json") for folder in stored.run_folders()]
    (oversold,) = [f for run in audited for f in run["findings"] if f["failed_sales"]]
    assert all(example["sale"] == 2 for example in oversold["examples"])


def oversell_one(stored):
    """Let sale 2 of the first run have had one unit less than it sold."""
    path = stored.run_folders()[0] / "run.json"
    record = json.loads(path.read_text())
    sale, row = record["sales"][1], record["store"]["products"][1]
    offer = record["reset_proof"]["sales"][1]
    sale["stock"] = row["initial_stock"] = offer["stock_over_http"] = row["sold"] - 1
    offer["product"]["initial_stock"] = row["sold"] - 1
    if record["store"]["redis"] is not None:
        offer["redis_stock"] = row["sold"] - 1
        record["store"]["redis"]["stocks"][str(row["id"])] = -1
    path.write_text(json.dumps(record))


def test_all_buyers_send_before_the_first_has_its_answer(tmp_path):
    scenario = load_scenario(str(TINY), ROOT)
    with open_shop(FakeShop()) as shop:
        plan = sale_plan(scenario, shop.address, seed=7, sales=scenario.sales(7))
        generators = load.start(plan, tmp_path / "load")
        try:
            generators.wait_ready()
            generators.begin(time.monotonic_ns())
            generators.wait()
        finally:
            generators.stop()
        assert shop.in_flight == 0
    result = load.collect(tmp_path / "load")
    assert len(result.requests) == result.recorded == result.locust_requests
    bought = result.requests[result.requests["endpoint"] == "buy"]
    assert sorted(bought["key"]) == sorted(
        f"7-{sale}-{user}" for sale in range(1, SALES + 1) for user in range(BUYERS)
    )
    assert sorted(shop.keys) == sorted(bought["key"])
    assert len(result.clock) == SALES
    bursts = [burst for _, burst in bought.groupby("stage")]
    for burst in bursts:
        assert burst["intended_ns"].nunique() == 1, "all intend to send when the sale begins"
        assert (burst["sent_ns"] >= burst["intended_ns"]).all()
        assert burst["sent_ns"].max() < burst["done_ns"].min()
    for one, following in pairwise(bursts):
        assert one["done_ns"].max() <= following["intended_ns"].min()
    assert (result.buyers["asked_ns"] > 0).all()
