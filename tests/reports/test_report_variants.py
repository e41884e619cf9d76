"""The report of six variants: each has its place in every table, and none hides another."""

import csv
import json
import re

import pytest

import report
from harness.results.store import read_json
from report.charts import theme
from tests.support.variants import VARIANTS, stored_variants

BASELINE, *OTHERS = VARIANTS


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    campaign = stored_variants(
        tmp_path_factory.mktemp("six"), 6, blocks=2, users=12, stock=20, seconds=8
    )
    report.build(campaign.path)
    return campaign.path


@pytest.fixture(scope="module")
def page(folder):
    return (folder / "report/index.html").read_text("utf-8")


def table(folder, name):
    with (folder / f"report/tables/{name}.csv").open() as lines:
        return list(csv.DictReader(lines))


def test_every_other_variant_is_compared_with_the_baseline(folder):
    summary = read_json(folder / "summary.json")
    assert summary["variants"][0]["name"] == summary["baseline"] == BASELINE
    pairs = [(one["baseline"], one["contender"]) for one in summary["comparisons"]]
    assert {first for first, _ in pairs} == {BASELINE}
    assert {second for _, second in pairs} == set(OTHERS)


def test_the_comparison_is_one_table_with_a_column_for_each(folder, page):
    titles = [one["title"] for one in read_json(folder / "summary.json")["variants"]]
    row = table(folder, "comparison")[0]
    for title in titles:
        assert title in row
    for title in titles[1:]:
        assert f"{title}, compared with {titles[0]}" in row
        assert f"{title} is" in row
    head = page.partition('id="comparison"')[2].partition("</thead>")[0]
    assert head.count("<th ") == 1 + len(titles)


@pytest.mark.parametrize("name", ["funnel", "backlog", "audit", "cost", "levels", "stages"])
def test_every_table_has_all_variants(folder, name):
    text = (folder / f"report/tables/{name}.csv").read_text("utf-8")
    for one in read_json(folder / "summary.json")["variants"]:
        assert one["title"] in text


def test_every_variant_has_a_colour_and_pictures_of_its_own(folder, page):
    drawn = {path.stem for path in (folder / "report/figures").glob("*.svg")}
    assert {f"latency-{name}" for name in VARIANTS} <= drawn
    data = json.loads(re.search(r'id="data-confirmed">(.*?)</script>', page).group(1))
    looks = {(trace["colour"], tuple(trace["dash"])) for trace in data["traces"]}
    assert len({colour for colour, _ in looks}) == len(looks) == 6
    assert all(f"--{colour}:" in page for colour, _ in looks)


def test_a_variant_that_is_another_shop_on_purpose_is_said_to_be_one(page):
    assert page.count("an ablation, not the shop as it serves: api.RESERVATION=lock") == 1


def test_the_first_screen_names_the_baseline_and_compares_nobody_else(page):
    first = page.partition('<ul class="found">')[2].partition("</ul>")[0]
    assert first.count("<li>") <= 7  # what is said of all is said once
    assert "Synchronous" in first


def test_more_variants_than_looks_start_again():
    assert theme.variant_role(8) == theme.variant_role(0)
