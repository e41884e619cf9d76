"""The report of a sweep: its verdict, a figure per metric, a grid as heat maps, every point."""

import csv

import jsonschema_rs
import pytest

import report
from harness.results.store import read_json
from tests.support.schemas import summary_schema
from tests.support.sweeps import swept

STOCK = "product.stock"
SLOTS = "payment-worker.CONCURRENCY"
LOAD = {"users": 12, "seconds": 8}


def table(folder, name):
    with (folder / f"report/tables/{name}.csv").open() as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """More stock sells more, until buyers are too few for it; sync is not varied."""
    path = tmp_path_factory.mktemp("sweep")
    stocks = (2, 200, 400)
    runs = {("queue", (stock,)): {**LOAD, "stock": stock} for stock in stocks}
    runs |= {("sync", ()): {**LOAD, "stock": 10}}
    campaign = swept(path, {STOCK: stocks}, runs, 2, hypothesis="More stock sells more.")
    report.build(campaign.path)
    return campaign.path


@pytest.fixture(scope="module")
def page(folder):
    return (folder / "report/index.html").read_text("utf-8")


def test_the_summary_follows_its_schema_and_gains_end_where_buyers_do(folder):
    summary = read_json(folder / "summary.json")
    jsonschema_rs.validate(summary_schema(), summary)
    (curve,) = summary["sweep"]["curves"]
    assert (curve["base"], curve["key"]) == ("queue", STOCK)
    assert [one["value"] for one in curve["points"]] == [2, 200, 400]
    found = curve["knees"]["confirmed_orders"]
    assert (found["shape"], found["knee"]) == ("gains; the knee is not decided", 200)
    assert curve["scaling"] == {}, "a stock does no work"
    assert summary["sweep"]["comparisons"] == 6 * 3


def test_the_page_says_the_hypothesis_and_the_verdict_first(folder, page):
    assert "Hypothesis: More stock sells more." in page
    title = page.partition("</h1>")[0]
    assert "gains up to product.stock = 200 at least (Confirmed orders)" in title
    text = (folder / "report/report.md").read_text("utf-8")
    assert "Confirmed orders along product.stock: gains up to 200 at least" in text


def test_every_metric_that_is_known_has_one_picture_of_all_variants(folder, page):
    drawn = {path.stem for path in (folder / "report/figures").glob("sweep-*.svg")}
    known = ("confirmed_orders", "goodput_per_s", "throughput_rps", "http_error_rate_pct")
    assert drawn == {f"sweep-{metric}-product-stock" for metric in known}
    picture = (folder / "report/figures/sweep-confirmed_orders-product-stock.svg").read_text()
    assert "Synchronous" in picture
    assert "along product.stock" in picture
    assert 'id="points"' in page


def test_the_tables_have_every_point_and_what_it_takes(folder):
    values = table(folder, "sweep")
    assert [row[STOCK] for row in values] == ["2", "200", "400", ""]
    assert float(values[0]["Confirmed orders"]) == pytest.approx(2)
    points = table(folder, "points")
    assert [row["Runs"] for row in points] == ["2"] * 4
    assert {row["Audit"] for row in points} == {"PASS"}
    knees = {row["Metric"]: row for row in table(folder, "knees")}
    assert knees["Confirmed orders"]["Knee"] == "≥ 200"


def test_a_grid_of_single_runs_is_a_heat_map_and_names_no_knee(tmp_path):
    runs = {
        ("queue", (stock, slots)): {**LOAD, "stock": stock} for stock in (2, 10) for slots in (5, 9)
    }
    campaign = swept(tmp_path / "c", {STOCK: (2, 10), SLOTS: (5, 9)}, runs, blocks=1)
    report.build(campaign.path)
    page = (campaign.path / "report/index.html").read_text("utf-8")
    assert "nothing is judged; one block: no interval" in page.partition("</h1>")[0]
    drawn = {path.stem for path in (campaign.path / "report/figures").glob("*.svg")}
    assert "grid-queue-confirmed_orders" in drawn
    assert not [name for name in drawn if name.startswith("sweep-")]
    assert [row[STOCK] for row in table(campaign.path, "sweep")] == ["2", "10"] * 2
    assert [row[SLOTS] for row in table(campaign.path, "sweep")] == ["5", "5", "9", "9"]
