"""The report of an experiment: answer and picture first, whatever kind of campaign it is."""

import csv
import json

import jsonschema_rs
import pytest

import report
from harness.results.store import read_json
from report.evidence import KEPT_ANSWERS
from tests.golden.campaigns import simulated, store
from tests.support.contention import make_contention_run, oversell
from tests.support.html_page import Page, contents
from tests.support.schemas import contention_schema
from tests.support.sweeps import expectation, swept

LOAD = {"users": 12, "seconds": 8}
HYPOTHESIS = "More stock sells more (§9.9)."
MORE = {
    "says": "ten units are sold five times as often as two",
    "metric": "confirmed_orders", "of": "queue.stock-10", "over": "queue.stock-2",
}  # fmt: skip


def table(folder, name):
    with (folder / f"report/tables/{name}.csv").open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def page_of(folder):
    return (folder / "report/index.html").read_text("utf-8")


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """The stock is swept; sync is not varied. The first expectation holds, the second does not."""
    runs = {("queue", (stock,)): {**LOAD, "stock": stock} for stock in (2, 10)}
    runs |= {("sync", ()): {**LOAD, "stock": 10}}
    campaign = swept(
        tmp_path_factory.mktemp("sweep"), {"product.stock": (2, 10)}, runs, 2, HYPOTHESIS,
        [
            {**MORE, "at_least": 4},
            {**MORE, "says": "ten are sold as often as two", "at_least": 0.9, "at_most": 1.1},
        ],
    )  # fmt: skip
    report.build(campaign.path)
    return campaign.path


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """Two variants, and what is expected of one of them and of the audit."""
    asked = [
        expectation("the queue sells", metric="confirmed_orders", of="queue", at_least=0),
        expectation("it oversells nothing", audit="I1", of="queue", at_most=0),
    ]
    runs = simulated(blocks=2, users=6, seconds=4, stock=5)
    scenario = {**runs[0].record.scenario, "hypothesis": HYPOTHESIS, "expectations": asked}
    folder = tmp_path_factory.mktemp("results") / "compared"
    kept = folder.parent / KEPT_ANSWERS
    kept.parent.mkdir()
    kept.write_text(json.dumps({"threads": "contradicted"}))
    store(folder, runs, scenario=scenario)
    report.build(folder)
    return folder


@pytest.fixture(scope="module")
def contention(tmp_path_factory):
    """Sale 3 of the queue sold a unit too many."""
    run = make_contention_run("queue", index=1)
    oversell(run, 3)
    asked = [expectation("nothing is oversold", audit="I1", of="queue", at_most=0)]
    scenario = {**run.record.scenario, "hypothesis": HYPOTHESIS, "expectations": asked}
    folder = tmp_path_factory.mktemp("contention")
    store(folder, [run], scenario=scenario)
    report.build(folder)
    return folder


def test_the_first_words_are_the_answer_and_the_number_that_it_comes_from(sweep):
    page = Page(page_of(sweep))
    assert "Contradicted: More stock sells more (§9.9)" in page.words
    title = page_of(sweep).partition("</h1>")[0]
    assert "expected: ten are sold as often as two; measured: 5.00× [" in title
    text = (sweep / "report/report.md").read_text("utf-8")
    assert (
        "Contradicted: More stock sells more (§9.9)\n\nexpected: ten are sold as often as two; "
        in text
    )
    assert text.index("figures/headline.svg") < text.index("## The hypothesis")
    assert "- Supported: ten units are sold five times as often as two. Measured: 5.00× [" in text


def test_the_picture_that_answers_has_every_variant_and_its_values(sweep):
    picture = (sweep / "report/figures/answer.svg").read_text("utf-8")
    for name in ("queue.stock-2", "queue.stock-10", "sync"):
        assert f">{name}<" in picture
    assert "Confirmed orders" in picture
    values = {row["Variant"]: row for row in table(sweep, "answer")}
    assert [float(row["Confirmed orders, count"]) for row in values.values()] == [2, 10, 10]
    assert page_of(sweep).count('id="figure-answer"') == 1


def test_every_expectation_is_a_row_and_the_sweep_stands_below(sweep):
    rows = table(sweep, "expectations")
    assert [row["Answer"] for row in rows] == ["supported", "contradicted"]
    assert [row["Expected"] for row in rows] == ["at least 4×", "0.9 to 1.1×"]
    assert [float(row["Measured"]) for row in rows] == pytest.approx([5, 5])
    assert rows[0]["Of what"] == "Confirmed orders, queue.stock-10 ÷ queue.stock-2"
    page = page_of(sweep)
    assert page.index('id="hypothesis"') < page.index('id="sweep"')
    assert page.count("Hypothesis: More stock") == 1


def test_of_a_comparison_the_figures_of_the_verdict_stand_among_the_others(compared):
    page = page_of(compared)
    assert "Supported: More stock sells more" in page.partition("</h1>")[0]
    assert page.index('id="hypothesis"') < page.index('id="comparison"')
    assert 'id="graph-sale-over-time"' in page
    drawn = {path.name for path in (compared / "report/figures").iterdir()}
    assert {"answer.svg", "headline.svg", "confirmed-compared.svg"} <= drawn
    assert table(compared, "expectations")[1]["Measured"] == "0"


def test_a_claim_leads_to_the_experiment_that_is_kept_and_else_says_how_to_measure_it(compared):
    rows = {row["Claim"]: row["Experiment"] for row in table(compared, "claims-first")}
    assert rows["“Confirmed Orders: 220% increase”"] == "threads: contradicted"
    assert rows["“19× more memory”"] == "harness run experiments/processes"
    link = "../../experiments/threads/report"
    assert f'<a href="{link}/index.html">threads: contradicted</a>' in page_of(compared)
    text = (compared / "report/report.md").read_text("utf-8")
    assert f"[threads: contradicted]({link}/report.md)" in text


def test_offences_of_a_contention_test_are_counted(contention):
    summary = read_json(contention / "summary.json")
    jsonschema_rs.validate(contention_schema(), summary)
    assert summary["experiment"]["answer"] == "contradicted"
    page = page_of(contention)
    assert "offences against I1 in 1 run" in page.partition("</h1>")[0]
    assert page.index('id="hypothesis"') < page.index('id="contention"')


def test_building_again_gives_the_same_bytes(contention):
    before = contents(contention / "report")
    report.build(contention)
    assert contents(contention / "report") == before
