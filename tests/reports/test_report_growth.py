"""Growth in the report: a figure per quantity, a table with slopes, and what grew said first."""

import csv

import pytest

import report
from tests.golden.campaigns import store
from tests.support.histories import make_run
from tests.support.long_loads import TIMES_S, fault, sampled

MB = 1e6
SERIES = {
    ("api", "private_bytes"): 80 * MB + 0.01 * MB * TIMES_S,
    ("api", "largest_private_bytes"): 40 * MB,
    ("api", "open_files"): 150,
    ("api", "sockets"): 90,
    ("order-worker", "private_bytes"): 30 * MB,
    ("redis", "used_memory_bytes"): 2 * MB,
    ("redis", "keys"): 1000,
    ("postgres", "connections"): 15,
}
FAULTS = [fault("kill", "redis", at_s, at_s + 3) for at_s in range(20, 1780, 20)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    campaign = tmp_path_factory.mktemp("growth")
    run = make_run("queue", users=5, stock=20, seconds=8, case="random faults")
    store(campaign, [sampled(run, SERIES, faults=FAULTS)])
    return report.build(campaign).parent


def test_what_grew_is_in_the_table_and_in_the_figures(folder):
    with (folder / "tables/growth.csv").open() as lines:
        found = {(row["Service"], row["Quantity"]): row for row in csv.DictReader(lines)}
    assert found["api", "private memory"]["Verdict"] == "grows"
    assert float(found["api", "private memory"]["per hour"]) == pytest.approx(36, rel=0.01)
    flat = [row for name, row in found.items() if name != ("api", "private memory")]
    assert {row["Verdict"] for row in flat} == {"flat"}
    assert len(found) == len(SERIES)
    assert found["redis", "keys"]["Started anew"] == str(len(FAULTS))
    drawn = {path.stem for path in (folder / "figures").glob("growth-*.svg")}
    assert drawn == {f"growth-{n}-01" for n in ("memory", "largest", "files", "sockets", "stores")}
    for text in ("index.html", "report.md"):
        page = (folder / text).read_text("utf-8")
        assert "Private memory, run 1: grows over the judged time: api by" in page
        assert "Open files, run 1: nothing grows." in page


def test_many_faults_have_bands_without_labels_and_are_counted_in_words(folder):
    chart = (folder / "figures/case-queue-01.svg").read_text("utf-8")
    assert f"Faults: {len(FAULTS)}, the first at 20 s" in chart
    assert ">kill redis 1</text>" not in chart
