"""The report of a sweep: curves, knees, a grid, the values; nothing is found where nothing is."""

import csv

import jsonschema_rs
import pytest

import report
from harness.results.store import read_json
from tests.support.schemas import summary_schema
from tests.support.sweeps import swept

STOCK = "product.stock"
LOAD = {"users": 12, "seconds": 8}


def of_stock(base, stock):
    return (base, (stock,)), {**LOAD, "stock": stock}


def table(folder, name):
    with (folder / f"report/tables/{name}.csv").open() as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """More stock sells more, until buyers are too few for it; sync is not varied."""
    path = tmp_path_factory.mktemp("sweep")
    stocks = (2, 5, 10, 200, 400)
    runs = {("sync", ()): {**LOAD, "stock": 10}} | dict(of_stock("queue", n) for n in stocks)
    campaign = swept(path, {STOCK: stocks}, runs, hypothesis="More stock sells more.")
    report.build(campaign.path)
    return campaign.path


@pytest.fixture(scope="module")
def page(folder):
    return (folder / "report/index.html").read_text("utf-8")


def test_the_summary_follows_its_schema_and_the_knee_is_where_buyers_end(folder):
    summary = read_json(folder / "summary.json")
    jsonschema_rs.validate(summary_schema(), summary)
    (curve,) = summary["sweep"]["curves"]
    assert (curve["base"], curve["key"]) == ("queue", STOCK)
    assert [one["value"] for one in curve["points"]] == [2, 5, 10, 200, 400]
    found = curve["knees"]["confirmed_orders"]
    assert (found["shape"], found["knee"]) == ("gains up to the knee", 200)
    assert curve["scaling"] == {}, "a stock does no work"
    assert summary["sweep"]["comparisons"] == 6 * 10


def test_the_page_says_the_hypothesis_and_the_verdict_first(folder, page):
    assert "Hypothesis: More stock sells more." in page
    assert "knee at product.stock = 200 (Confirmed orders)" in page.partition("</h1>")[0]
    text = (folder / "report/report.md").read_text("utf-8")
    assert "Confirmed orders along product.stock: gains up to 200" in text


def test_every_metric_has_one_picture_of_all_variants(folder, page):
    drawn = {path.stem for path in (folder / "report/figures").glob("sweep-*.svg")}
    metrics = read_json(folder / "summary.json")["sweep"]["metrics"]
    assert drawn == {f"sweep-{metric}-product-stock" for metric in metrics}
    picture = (folder / "report/figures/sweep-confirmed_orders-product-stock.svg").read_text()
    assert "Synchronous" in picture
    assert "along product.stock" in picture
    assert 'id="points"' in page


def test_the_tables_have_every_point_and_what_it_takes(folder):
    values = table(folder, "sweep")
    assert [row[STOCK] for row in values] == ["", "2", "5", "10", "200", "400"]
    assert float(values[1]["Confirmed orders"]) == pytest.approx(2)
    points = table(folder, "points")
    assert [row["Runs"] for row in points] == ["3"] * 6
    assert {row["Audit"] for row in points} == {"PASS"}
    knees = {row["Metric"]: row for row in table(folder, "knees")}
    assert knees["Confirmed orders"]["Knee"] == "200"


def test_it_is_built_again_to_the_same_bytes(folder, page):
    report.build(folder)
    assert (folder / "report/index.html").read_text("utf-8") == page


def test_a_sweep_over_a_knob_that_does_nothing_reports_no_knee_and_no_effect(tmp_path):
    key = "payment-worker.replicas"
    runs = {("queue", (n,)): {**LOAD, "stock": 20} for n in (1, 2, 3, 4)}
    campaign = swept(tmp_path / "c", {key: (1, 2, 3, 4)}, runs)
    report.build(campaign.path)
    (curve,) = read_json(campaign.path / "summary.json")["sweep"]["curves"]
    shapes = {one["shape"] for one in curve["knees"].values()}
    assert shapes <= {"no effect within δ", "no effect seen"}
    assert curve["scaling"] == {}
    page = (campaign.path / "report/index.html").read_text("utf-8")
    assert f"No effect of {key} is seen" in page.partition("</h1>")[0]


def test_a_grid_is_a_heat_map_with_a_curve_in_every_row(tmp_path):
    other = "payment-worker.CONCURRENCY"
    runs = {
        ("queue", (stock, slots)): {**LOAD, "stock": stock}
        for stock in (2, 10)
        for slots in (5, 10, 20)
    }
    campaign = swept(tmp_path / "c", {STOCK: (2, 10), other: (5, 10, 20)}, runs)
    report.build(campaign.path)
    curves = read_json(campaign.path / "summary.json")["sweep"]["curves"]
    assert [one["fixed"] for one in curves] == [{other: n} for n in (5, 10, 20)]
    drawn = {path.stem for path in (campaign.path / "report/figures").glob("*.svg")}
    assert "grid-queue-confirmed_orders" in drawn
    assert not [name for name in drawn if name.startswith("sweep-")]
    assert [row[STOCK] for row in table(campaign.path, "sweep")] == ["2", "10"] * 3


def test_one_run_of_each_value_names_no_knee(tmp_path):
    runs = dict(of_stock("queue", n) for n in (2, 10))
    campaign = swept(tmp_path / "c", {STOCK: (2, 10)}, runs, blocks=1)
    report.build(campaign.path)
    page = (campaign.path / "report/index.html").read_text("utf-8")
    assert "nothing is judged; one block: no interval" in page.partition("</h1>")[0]


def test_words_are_shown_in_their_order_and_not_judged(tmp_path):
    runs = {("queue", (word,)): {**LOAD, "stock": 20} for word in ("none", "always")}
    campaign = swept(tmp_path / "c", {"redis.FSYNC": ("none", "always")}, runs)
    report.build(campaign.path)
    (curve,) = read_json(campaign.path / "summary.json")["sweep"]["curves"]
    assert {one["shape"] for one in curve["knees"].values()} == {"not judged"}
    assert [row["redis.FSYNC"] for row in table(campaign.path, "sweep")] == ["none", "always"]
