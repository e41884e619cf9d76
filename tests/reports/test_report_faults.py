"""Faults and cases in the report: marked, tabled, ranked by nobody, the same bytes every time."""

import csv
import re
import shutil
from pathlib import Path

import pytest

import report
from harness.audit import audit
from harness.results.findings import Finding, Verdict
from harness.results.store import read_json, write_json
from report.charts.fault_bands import marks
from report.evidence import read
from tests.golden.campaigns import store
from tests.support.histories import make_run
from tests.support.html_page import Page, assert_needs_nothing_else, contents
from tests.support.mishaps import Mishap

KILLED = Mishap("kill", "postgres", 4.0, 6.0)
PAUSED = Mishap("pause", "payment-worker", 12.0, 14.0, "all")
SLOW = Mishap("slow", None, 8.0, 12.0, None, 10.0)
PLAN = {
    "queue": {"stores": (KILLED, PAUSED), "gateway": (SLOW,), "steady": (), "again": ()},
    "sync": {"stores": (KILLED,)},
}


def of_cases(blocks=2):
    runs = []
    for block in range(1, blocks + 1):
        for approach, cases in PLAN.items():
            for case, mishaps in cases.items():
                run = make_run(
                    approach, index=len(runs) + 1, block=block, seed=block, case=case,
                    mishaps=mishaps, users=40, stock=300,
                )  # fmt: skip
                runs.append(run)
    return runs


def rows(page, name):
    text = (page.parent / "tables" / f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """A campaign without cases, with the same two faults in every run."""
    folder = tmp_path_factory.mktemp("faulty")
    plan = [(approach, block) for block in (1, 2) for approach in ("sync", "queue")]
    runs = [
        make_run(approach, index=index, block=block, mishaps=(KILLED, PAUSED), users=40, stock=300)
        for index, (approach, block) in enumerate(plan, start=1)
    ]
    store(folder, runs)
    return report.build(folder)


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cases")
    store(folder, of_cases())
    return report.build(folder)


@pytest.fixture(scope="module")
def lossy(tmp_path_factory):
    """One run lost two orders, another was not audited."""
    folder = tmp_path_factory.mktemp("lossy")

    def judge(run):
        findings = audit(run)
        if run.index == 2:
            lost = {"acknowledged orders lost": 2}
            findings[2] = Finding("I3", "None lost", Verdict.FAIL, "2 lost", 2, offences=lost)
        return findings

    store(folder, of_cases(blocks=1), judge)
    return report.build(folder)


@pytest.fixture(params=["faulty", "cases", "lossy"])
def page(request):
    return request.getfixturevalue(request.param)


@pytest.mark.slow
def test_rebuilding_gives_the_same_bytes(page):
    before = contents(page.parent)
    shutil.rmtree(page.parent)
    assert report.build(page.parents[1]) == page
    assert contents(page.parent) == before


def test_the_page_is_sound_and_needs_nothing_else(page):
    text = page.read_text(encoding="utf-8")
    parsed = Page(text)
    assert parsed.open == []
    assert len(parsed.ids) == len(set(parsed.ids))
    assert_needs_nothing_else(text)
    for reference in parsed.references:
        if reference.startswith("#"):
            assert reference[1:] in parsed.ids
        else:
            assert (page.parent / reference).exists(), reference
    assert all("closed workload, up to 40 users" in c for c in parsed.captions)


def test_the_markdown_report_shows_pictures_that_exist(page):
    text = (page.parent / "report.md").read_text(encoding="utf-8")
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert pictures
    assert all((page.parent / picture).exists() for picture in pictures)
    assert "## Faults" in text


def test_every_colour_follows_the_theme(page):
    for picture in (page.parent / "figures").glob("*.svg"):
        body = picture.read_text(encoding="utf-8").partition("</style>")[2]
        assert re.findall(r"#[0-9a-f]{6}\b", re.sub(r"var\([^)]*\)", "", body)) == []


@pytest.mark.parametrize(
    ("kind", "pictures"),
    [
        *[(kind, ("compared", "sync", "queue")) for kind in ("latency", "users", "backlog")],
        *[(kind, ("compared",)) for kind in ("confirmed", "purchase")],
        *[(kind, ("sync", "queue")) for kind in ("sale", "cpu", "purchase-heat")],
    ],
)
def test_faults_are_marked_and_named_on_every_chart_over_time(faulty, kind, pictures):
    for shown in pictures:
        drawn = (faulty.parent / "figures" / f"{kind}-{shown}.svg").read_text(encoding="utf-8")
        assert "Faults: kill postgres 1 from 4 to 6 s; pause every payment-worker from 12" in drawn
        assert drawn.count(">kill postgres 1</text>") == 1  # one band, though there are more runs
        assert "--fault" in drawn
    headline = (faulty.parent / "figures" / "headline.svg").read_text(encoding="utf-8")
    assert ">pause every payment-worker</text>" in headline


def test_a_campaign_without_faults_has_no_section_about_them(tmp_path):
    store(tmp_path, [make_run("queue")])
    page = report.build(tmp_path)
    assert not (page.parent / "tables" / "faults.csv").exists()
    assert 'id="faults"' not in page.read_text(encoding="utf-8")
    assert "var(--fault" not in page.read_text(encoding="utf-8")


def test_faults_that_overlap_in_several_runs_are_one_mark(cases):
    evidence = read(cases.parents[1])
    queue = next(a for a in evidence.variants if a.name == "queue")
    found = marks(queue.runs)
    assert [mark.label for mark in found] == [
        "kill postgres 1", "slow ×10 payment gateway", "pause every payment-worker",
    ]  # fmt: skip
    assert (found[0].from_s, found[0].to_s) == (4.0, 6.0)


def test_the_table_of_faults_has_every_fault_with_what_it_did(cases):
    faults = rows(cases, "faults")
    assert len(faults) == 8
    assert {row["Fault"] for row in faults} == {"kill", "pause", "slow ×10"}
    assert {row["Target"] for row in faults} == {
        "postgres 1", "every payment-worker", "payment gateway",
    }  # fmt: skip
    for row in faults:
        assert float(row["Recovery, s"]) > 1
        assert float(row["Back after, s"]) in (3.0, 5.0)
        assert [row[name] for name in ("Lost", "Duplicated", "Double-charged", "Oversold")] == [
            "0"
        ] * 4
        assert "slowest purchase" in row["What buyers saw"]


def test_the_table_of_cases_has_the_worst_of_their_runs(cases):
    by_case = {(row["group"], row["Case"]): row for row in rows(cases, "cases")}
    assert len(by_case) == 5
    stores = by_case["Queue + workers", "stores"]
    own = [
        float(row["Recovery, s"])
        for row in rows(cases, "faults")
        if (row["group"], row["Case"]) == ("Queue + workers", "stores")
    ]
    assert float(stores["Recovery, worst, s"]) == max(own)
    assert stores["Faults"] == "4"
    assert by_case["Queue + workers", "steady"]["Recovery, worst, s"] == ""


def test_what_each_case_reached_is_counted_by_case(cases):
    reached = {row["Reached"]: row for row in rows(cases, "coverage-queue")}
    names = {row["Case"] for row in rows(cases, "cases") if row["group"].startswith("Queue")}
    for case in names:
        assert int(reached["accepted"][case]) == int(reached["accepted → awaiting_payment"][case])
    assert reached["accepted"]["group"] == "state"


def test_the_verdict_counts_runs_and_faults_and_ranks_nobody(cases):
    words = Page(cases.read_text(encoding="utf-8")).words.replace("\xa0", " ")
    assert "10 runs, 8 faults: 0 oversold, 0 lost, 0 duplicated, 0 double-charged" in words
    assert "No variant is ranked" in words
    assert "compared with Synchronous" not in words
    assert "confirmed 2" not in words
    assert not list((cases.parent / "figures").glob("latency-*"))


def test_cases_without_faults_stand_side_by_side(cases):
    compared = rows(cases, "cases-queue")
    confirmed = next(row for row in compared if row["Metric"] == "Confirmed orders")
    assert 0.9 < float(confirmed["again, compared with steady"]) < 1.1
    assert confirmed["n of again"] == "2"
    assert not (cases.parent / "tables" / "cases-sync.csv").exists()


def test_every_case_has_a_figure_of_its_slowest_run_alone(cases):
    figures = {path.stem for path in (cases.parent / "figures").glob("*.svg")}
    assert figures == {f"case-queue-{n:02d}" for n in (1, 2, 3, 4)} | {"case-sync-01"}
    drawn = (cases.parent / "figures" / "case-queue-01.svg").read_text(encoding="utf-8")
    assert ">kill postgres 1</text>" in drawn
    assert re.search(r"case stores, run \d+, seed \d", drawn)
    steady = (cases.parent / "figures" / "case-queue-03.svg").read_text(encoding="utf-8")
    assert "all runs" in steady
    assert "Faults:" not in steady


def test_what_was_lost_stands_in_the_first_line(lossy):
    words = Page(lossy.read_text(encoding="utf-8")).words.replace("\xa0", " ")
    title = "The audit failed. 5 runs, 4 faults: 0 oversold, 2 lost, 0 duplicated, 0 double-charged"
    assert title in words
    assert "audit FAILED" in words
    case = next(row for row in rows(lossy, "cases") if row["Case"] == "gateway")
    assert (case["Lost"], case["Audit"]) == ("2", "FAIL")


def test_the_plan_of_the_cases_is_part_of_the_method(cases, tmp_path):
    shutil.copytree(cases.parents[1], tmp_path / "planned")
    campaign = Path(tmp_path / "planned" / "campaign.json")
    description = read_json(campaign)
    fault = {"kind": "kill", "service": "api", "replica": 1, "process": None, "at_s": None}
    fault |= {"between_s": [4.5, 6.5], "at_stock": None, "for_s": 1.5, "factor": None}
    description["scenario"]["cases"] = [
        {"name": "api", "faults": [fault, fault | {"between_s": None, "at_stock": 9}]},
        {"name": "ledger", "settings": {"api.ACK": "ledger"}, "faults": []},
    ]
    description["same_seed"] = False
    write_json(campaign, description)
    words = Page(report.build(tmp_path / "planned").read_text(encoding="utf-8")).words
    assert "kill api 1 at a moment drawn from the seed, 4.5 to 6.5 s, for 1.5 s" in words
    assert "kill api 1 when 9 units are left, for 1.5 s" in words
    assert "api.ACK = ledger" in words
    assert "in block 1, one more in each block after it" in words
