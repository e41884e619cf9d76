"""The whole report of simulated campaigns: complete, self-contained, the same bytes every time."""

import csv
import re
import shutil
from pathlib import Path

import matplotlib
import pytest

import report
from harness.audit import audit
from harness.errors import InfrastructureError, UsageError
from harness.results.findings import Finding, Verdict
from harness.results.store import read_json, write_json
from report.claims import published
from tests.golden.campaigns import simulated, store
from tests.support.histories import make_run
from tests.support.html_page import Page, assert_needs_nothing_else, contents

HOSTILE = '<script>alert("1")</script> & <b>'
HOSTILE_NAME = f"{HOSTILE} | 📱 $\\frac$\n# Sale\n```"


def judge_with_oversell(run):
    findings = audit(run)
    if run.index == 2:
        examples = ({"order_id": HOSTILE, "sold": 51},)
        findings[0] = Finding("I1", "No oversell", Verdict.FAIL, f"51 of 50 {HOSTILE}", 1, examples)
    return findings


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("healthy")
    store(folder, simulated(users=60, stock=120, seconds=40))
    return report.build(folder)


@pytest.fixture(scope="module")
def dirty(tmp_path_factory):
    """Run 1 (sync) is invalid, run 2 (queue) oversold."""
    folder = tmp_path_factory.mktemp("dirty")
    runs = simulated()
    runs[0].record.reset_proof.clean = False
    for run in runs:
        run.record.scenario["title"] = HOSTILE_NAME
        run.record.scenario["stages"][1]["name"] = HOSTILE_NAME
    store(folder, runs, judge_with_oversell)
    return report.build(folder)


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    """One approach, one run."""
    folder = tmp_path_factory.mktemp("single")
    store(folder, simulated(("queue",), blocks=1))
    return report.build(folder)


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """A third approach beside the two: the queue under another name."""
    folder = tmp_path_factory.mktemp("three")
    runs = simulated(blocks=2)
    for index, block in ((5, 1), (6, 2)):
        run = make_run("queue", index=index, block=block)
        run.record.approach = run.record.variant = "stream"
        run.record.topology = {**run.record.topology, "title": "Streams"}
        runs.append(run)
    store(folder, runs)
    return report.build(folder)


@pytest.fixture(
    params=["healthy", "dirty", "single", pytest.param("three", marks=pytest.mark.slow)]
)
def page(request):
    return request.getfixturevalue(request.param)


def test_rebuilding_gives_the_same_bytes(healthy, monkeypatch):
    before = contents(healthy.parent)
    shutil.rmtree(healthy.parent)
    monkeypatch.setitem(matplotlib.rcParams, "font.size", 30)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    assert report.build(healthy.parents[1]) == healthy
    assert contents(healthy.parent) == before


def test_the_page_needs_nothing_else(page):
    assert page.stat().st_size < 2_000_000
    assert_needs_nothing_else(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "bad", ['<script src="x.js"></script>', "<script>1</script>", '<img src="a.png">',
            '<a href="https://example.org">', "<style>@import 'x'</style>"],
)  # fmt: skip
def test_a_page_that_needs_something_is_noticed(healthy, bad):
    text = healthy.read_text(encoding="utf-8").replace("</main>", f"{bad}</main>")
    with pytest.raises(AssertionError):
        assert_needs_nothing_else(text)


def test_every_link_leads_somewhere(page):
    parsed = Page(page.read_text(encoding="utf-8"))
    for reference in parsed.references:
        if reference.startswith("#"):
            assert reference[1:] in parsed.ids
        else:
            assert (page.parent / reference).exists(), reference


def test_the_page_is_sound_html_for_people_who_cannot_see_it(page):
    parsed = Page(page.read_text(encoding="utf-8"))
    assert parsed.open == []
    assert len(parsed.ids) == len(set(parsed.ids))
    assert ("html", {"lang": "en"}) in parsed.tags
    assert [tag for tag, _ in parsed.tags].count("h1") == 1
    drawings = [values for tag, values in parsed.tags if tag == "svg"]
    assert drawings
    assert all(d["role"] == "img" and d["aria-labelledby"] in parsed.ids for d in drawings)
    regions = [v for tag, v in parsed.tags if tag == "div" and v.get("class") == "scroll"]
    assert all(r["tabindex"] == "0" and r["aria-labelledby"] in parsed.ids for r in regions)


def test_every_table_says_what_the_load_was_and_how_many_runs(page):
    captions = Page(page.read_text(encoding="utf-8")).captions
    assert len(captions) >= 9
    assert all(
        re.search(r"closed workload, up to \d+ users \(at a purchase, median: .*\), n = \d", c)
        for c in captions
    )


def test_figures_come_as_svg_that_of_a_readme_as_png_too_and_tables_as_csv(page):
    names = {path.stem for path in (page.parent / "figures").iterdir()}
    for name in names:
        drawing = (page.parent / "figures" / f"{name}.svg").read_text(encoding="utf-8")
        assert drawing.startswith("<svg ")
        assert "prefers-color-scheme: dark" in drawing
    drawn = list((page.parent / "figures").glob("*.png"))
    assert [path.stem for path in drawn] == ["headline"]
    assert drawn[0].read_bytes().startswith(b"\x89PNG")
    assert {"headline", "latency-queue", "funnel-queue"} <= names
    tables = {path.name for path in (page.parent / "tables").iterdir()}
    assert {"comparison.csv", "stages.csv", "audit.csv", "laws.csv"} <= tables


def test_a_picture_that_stands_alone_says_what_it_shows_and_of_which_campaign(healthy):
    title = read_json(healthy.parents[1] / "campaign.json")["title"]
    figures = healthy.parent / "figures"
    for name, shown in [
        ("latency-sync", "Latency over time"),
        ("sale-queue", "The sale over time"),
    ]:
        drawing = (figures / f"{name}.svg").read_text(encoding="utf-8")
        assert f">{shown} · {title}</text>" in drawing
    headline = (figures / "headline.svg").read_text(encoding="utf-8")
    assert title in headline.partition("</title>")[2]
    assert "Confirmed orders over time · orders, by the ledger" in headline


def test_pictures_do_not_say_when_or_by_what_they_were_made(healthy):
    for picture in (healthy.parent / "figures").iterdir():
        content = picture.read_bytes()
        assert b"tEXt" not in content
        assert b"<dc:date>" not in content
        assert b"atplotlib" not in content


def test_every_colour_of_a_figure_follows_the_theme(healthy):
    for picture in (healthy.parent / "figures").glob("*.svg"):
        body = picture.read_text(encoding="utf-8").partition("</style>")[2]
        without_variables = re.sub(r"var\([^)]*\)", "", body)
        assert re.findall(r"#[0-9a-f]{6}\b", without_variables) == [], picture.name


def test_both_approaches_are_compared_and_shown_alone(healthy):
    names = {path.stem for path in (healthy.parent / "figures").glob("*.svg")}
    kinds = {"latency", "throughput", "users", "backlog"}
    kinds |= {"purchase-distribution", "order-time-distribution"}
    for kind in kinds:
        assert {f"{kind}-compared", f"{kind}-sync", f"{kind}-queue"} <= names
    for kind in ("sale", "cpu", "purchase-heat", "funnel"):
        assert {f"{kind}-sync", f"{kind}-queue"} <= names
    assert {"confirmed-compared", "purchase-compared"} <= names


def test_the_verdict_of_a_clean_campaign(healthy):
    words = Page(healthy.read_text(encoding="utf-8")).words
    assert "Oversold: 0. Acknowledged orders lost: 0." in words
    assert "Queue + workers settled orders" in words
    assert "Not ranked" not in words


def test_the_first_screen_has_the_answer_how_sure_it_is_and_on_what_it_was_measured(healthy):
    first = Page(healthy.read_text(encoding="utf-8").partition("<main>")[0]).words
    assert "95\xa0% interval [" in first
    assert "Measured on Some CPU, 2 cores, 8.0 GB, Linux 6.1, virtual machine" in first
    assert "Python 3.12.1, harness 0.1.0 at 00000000; 2025-10-09" in first
    assert "audit PASS: 6 of 6 runs clean" in first
    assert re.search(r"Confirmed orders.*Synchronous\s+\d.*Queue \+ workers\s+\d", first, re.DOTALL)
    text = (healthy.parent / "report.md").read_text(encoding="utf-8")
    assert "Measured on Some CPU" in text


def test_the_name_of_a_metric_leads_to_its_definition(healthy):
    parsed = Page(healthy.read_text(encoding="utf-8"))
    ids = {values.get("id") for tag, values in parsed.tags if tag == "dt"}
    named = [values["href"][1:] for _, values in parsed.tags if values.get("class") == "about"]
    assert len(named) > 100
    assert set(named) <= ids


def test_objections_are_answered_with_numbers_and_lead_to_the_method(healthy):
    words = Page(healthy.read_text(encoding="utf-8")).words.partition("Objections, answered")[2]
    for name in ("Load and shop share the machine", "Closed load", "Few runs", "Simulated"):
        assert re.search(rf"{name}[^\d]*\d", words), name


def test_the_claims_that_matter_come_first_and_the_rest_is_folded(healthy):
    part = healthy.read_text(encoding="utf-8").partition('id="published"')[2]
    before = part.partition("<details")[0]
    assert before.count("“") == len(published.load().first) == 10
    assert "Zero overselling detected" in before


def test_the_contents_lead_to_every_section_and_every_graph(healthy):
    text = healthy.read_text(encoding="utf-8")
    contents = set(
        Page(text.partition('<nav class="contents"')[2].partition("</nav>")[0]).references
    )
    sections = re.findall(r'<section id="([^"]+)">|<h3 id="([^"]+)">', text)
    assert {f"#{''.join(one)}" for one in sections} <= contents


def test_dirty_runs_come_first_and_are_hatched(dirty):
    words = Page(dirty.read_text(encoding="utf-8")).words
    assert "The audit failed" in words
    assert words.index("audit FAILED") < words.index("sold 50 of 50")
    assert "Run 1 is INVALID" in words
    assert "Oversold: see I1" in words
    assert "n = 2 (Synchronous), 3 (Queue + workers) runs" in words
    figures = dirty.parent / "figures"
    assert "<pattern" in (figures / "latency-queue.svg").read_text(encoding="utf-8")
    assert "<pattern" not in (figures / "latency-sync.svg").read_text(encoding="utf-8")
    assert "not ranked: audit FAIL" in (figures / "sale-queue.svg").read_text(encoding="utf-8")


def test_nobody_wins_against_a_dirty_run(dirty):
    with (dirty.parent / "tables" / "comparison.csv").open(encoding="utf-8") as lines:
        decided = {row["Queue + workers is"] for row in csv.DictReader(lines)}
    assert decided
    assert not {"better", "worse"} & decided


def test_what_an_audit_quotes_is_escaped(dirty):
    text = dirty.read_text(encoding="utf-8")
    assert HOSTILE not in text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_no_name_becomes_html_or_a_heading_or_a_cell_of_the_markdown_report(dirty):
    text = (dirty.parent / "report.md").read_text(encoding="utf-8")
    ours = {"<details>", "<summary>", "</summary>", "</details>", "<br>"}
    block = re.compile(r"^(`{3,})\n.*?^\1$", re.DOTALL | re.MULTILINE)
    outside = block.sub("", text)
    assert set(re.findall(r"<[^>]*>?", outside)) <= ours
    assert [line[:20] for line in outside.splitlines() if line.startswith("# ")] == [
        "# &lt;script>alert(" + '"'
    ]
    assert "```" not in re.sub(r"# Sale ```", "", outside)
    for table in re.findall(r"(?:^\|.*\n)+", outside, re.MULTILINE):
        assert len({row.count("|") for row in table.splitlines()}) == 1


def test_one_approach_and_one_run_are_enough(single):
    words = Page(single.read_text(encoding="utf-8")).words
    assert "Queue + workers, measured and audited" in words
    assert "n = 1 run" in words
    assert "one run: no interval" in words
    assert not list((single.parent / "figures").glob("*-compared.svg"))
    assert "Synchronous" not in words.partition("claim by claim")[0]


@pytest.mark.slow
def test_a_third_variant_is_compared_with_the_baseline(three):
    names = {path.name for path in (three.parent / "tables").glob("comparison*.csv")}
    assert names == {"comparison.csv"}
    assert (three.parent / "figures" / "latency-stream.svg").exists()
    words = Page(three.read_text(encoding="utf-8")).words
    assert "Confirmed orders of 50 × iPhone 15 Pro, each compared with Synchronous: 1.00×" in words


def test_the_markdown_report_shows_pictures_that_exist(page):
    text = (page.parent / "report.md").read_text(encoding="utf-8")
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert "figures/headline.png" in pictures
    assert all((page.parent / picture).exists() for picture in pictures)


def test_numbers_are_those_of_the_summary(healthy, tmp_path):
    folder = tmp_path / "changed"
    shutil.copytree(healthy.parents[1], folder)
    summary = folder / "summary.json"
    text = summary.read_text(encoding="utf-8")
    changed = re.sub(r'"mean": 120\.0|"mean": 120(?=[,\n])', '"mean": 54321', text)
    assert changed != text
    summary.write_text(changed, encoding="utf-8")
    report.build(folder)
    assert "54321" in (folder / "report" / "tables" / "funnel.csv").read_text(encoding="utf-8")


def test_every_published_claim_is_shown_once(page):
    tables = page.parent / "tables"
    shown = [
        line
        for name in ("claims", "claims-untested")
        for line in (tables / f"{name}.csv").read_text(encoding="utf-8").splitlines()[1:]
    ]
    assert len(shown) == len(published.load().claims)


def test_a_campaign_of_another_load_tests_directions_and_the_audit_but_no_figure(healthy):
    claims = (healthy.parent / "tables" / "claims.csv").read_text(encoding="utf-8")
    assert "Throughput: 99% increase" in claims
    assert "Zero overselling detected" in claims
    assert "Avg API Latency (ms)" not in claims
    words = Page(healthy.read_text(encoding="utf-8")).words
    assert "It is not the published load or system (other: stages, stock," in words


def test_failed_requests_are_a_table_with_rates(healthy):
    with (healthy.parent / "tables" / "failures.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert {"group", "Request", "Status", "Message", "Failed", "per second"} <= set(rows[0])
    assert {row["group"] for row in rows} == {"Synchronous", "Queue + workers"}
    with (healthy.parent / "tables" / "responses.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            assert float(row["Service min, ms"]) <= float(row["Service max, ms"])


def test_levels_costs_and_contradictions_are_in_both_forms(page):
    words = Page(page.read_text(encoding="utf-8")).words
    text = (page.parent / "report.md").read_text(encoding="utf-8")
    for said in ("Levels of users", "AWS Fargate", "89 × 300 = 26,700, but 65,000"):
        assert said in words
        assert said in text
    tables = {path.stem for path in (page.parent / "tables").iterdir()}
    assert {"levels", "cost", "prices"} <= tables
    assert ("break-even" in tables) == ("Synchronous" in words.partition("claim by claim")[0])


def test_a_summary_of_another_version_is_not_reported(healthy, tmp_path):
    folder = tmp_path / "old"
    shutil.copytree(healthy.parents[1], folder)
    summary = read_json(folder / "summary.json")
    write_json(folder / "summary.json", {**summary, "schema_version": 1})
    with pytest.raises(UsageError, match="of another version"):
        report.build(folder)


def test_a_folder_without_summary_is_named(healthy, tmp_path):
    shutil.copy(healthy.parents[1] / "campaign.json", tmp_path)
    with pytest.raises(UsageError, match=r"summary\.json"):
        report.build(tmp_path)


def test_a_report_that_cannot_be_written_leaves_the_old_one(healthy, monkeypatch):
    before = contents(healthy.parent)

    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        with pytest.raises(InfrastructureError, match="No space left"):
            report.build(healthy.parents[1])
    assert contents(healthy.parent) == before
    assert not list(healthy.parents[1].glob(".report.*"))
