"""The report of contention tests: the statement, the offending orders, always the same bytes."""

from pathlib import Path

import pytest

import report
from harness.cli.audit import audit
from harness.cli.outcome import campaign_verdict
from harness.errors import ExitCode
from harness.results.store import Campaign, load_findings, read_json
from tests.golden.campaigns import store
from tests.support.contention import make_contention_run, oversell
from tests.support.html_page import Page, assert_needs_nothing_else, contents

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clean")
    store(folder, [make_contention_run("sync", index=1), make_contention_run("queue", index=2)])
    return report.build(folder)


@pytest.fixture(scope="module")
def oversold(tmp_path_factory):
    """Sale 3 of the queue sold a unit too many."""
    folder = tmp_path_factory.mktemp("oversold")
    runs = [make_contention_run("sync", index=1), make_contention_run("queue", index=2)]
    oversell(runs[1], 3)
    store(folder, runs)
    return report.build(folder)


@pytest.fixture(scope="module")
def invalid(tmp_path_factory):
    folder = tmp_path_factory.mktemp("invalid")
    """A ninth sale was planned."""
    run = make_contention_run("queue")
    run.record.scenario["contention"]["sales"] = 9
    store(folder, [run])
    return report.build(folder)


@pytest.fixture(params=["clean", "oversold", "invalid"])
def page(request):
    return request.getfixturevalue(request.param)


def test_rebuilding_gives_the_same_bytes(clean):
    before = contents(clean.parent)
    report.build(clean.parents[1])
    assert contents(clean.parent) == before


@pytest.mark.parametrize("name", ["contention.csv", "by-stock.csv"])
def test_the_tables_are_these(clean, name):
    shown = (clean.parent / "tables" / name).read_text("utf-8")
    assert shown == (GOLDEN / f"contention-{name}").read_text("utf-8")


def test_the_page_is_whole_and_needs_nothing_else(page):
    text = page.read_text("utf-8")
    found = Page(text)
    assert found.open == []
    assert len(found.ids) == len(set(found.ids))
    folder = page.parent
    for reference in found.references:
        if reference.startswith("#"):
            assert reference[1:] in found.ids
        else:
            assert "//" not in reference
            assert (folder / reference).exists(), reference
    assert_needs_nothing_else(text)
    for caption in found.captions:
        assert "30 buyers at once" in caption


def test_the_statement_comes_first(clean):
    text = clean.read_text("utf-8")
    assert "<h1>0 of 16 sales oversold</h1>" in text
    for words in (
        "queue: 8 sales of 1–10 units, 30 buyers each: 0 oversold; with 95 % confidence the "
        "probability of an oversell per sale is below 31.3 %.",
        "Nothing is ranked",
    ):
        assert words in text
        assert words in (clean.parent / "report.md").read_text("utf-8")
    assert "winner" not in text.split("</style>")[1]


def test_an_oversold_sale_is_named_with_its_orders(oversold):
    stored = Campaign(oversold.parents[1])
    (finding,) = [
        f for folder in stored.run_folders() for f in load_findings(folder) if f.verdict == "FAIL"
    ]
    order = finding.examples[0]["order_id"]
    for name in ("index.html", "report.md"):
        text = (oversold.parent / name).read_text("utf-8")
        assert "1 of 16 sales oversold" in text
        assert order in text
        assert "sale 3: " in text
    sales = (oversold.parent / "tables" / "sales.csv").read_text("utf-8").splitlines()
    assert [line.split(",")[2] for line in sales if "FAIL" in line] == ["3"]


def test_an_oversold_sale_exits_20_also_when_it_is_audited_again(oversold, capsys):
    stored = Campaign(oversold.parents[1])
    assert campaign_verdict(stored).exit_code == ExitCode.CORRECTNESS
    before = [read_json(folder / "audit.json") for folder in stored.run_folders()]
    assert audit(stored.path) == ExitCode.CORRECTNESS
    assert [read_json(folder / "audit.json") for folder in stored.run_folders()] == before
    said = capsys.readouterr().out
    assert "queue: 8 sales of 1–10 units, 30 buyers each: 1 oversold" in said
    assert "I1 FAIL: No oversell, at any moment: FAIL in 1 of 8 sales; sale 3: " in said


def test_a_contention_test_that_was_cut_short_makes_no_statement(invalid):
    text = invalid.read_text("utf-8")
    assert "No statement: a contention test is invalid or unaudited" in text
    assert "nothing can be said" in text
    assert "8 of 9 sales with an attempt of each of 30 buyers" in text
    assert campaign_verdict(Campaign(invalid.parents[1])).exit_code == ExitCode.INVALID


def test_a_clean_contention_test_exits_0(clean):
    assert campaign_verdict(Campaign(clean.parents[1])).exit_code == ExitCode.OK


def test_the_published_claim_is_held_against_the_contention_test(clean, oversold, invalid):
    held, broken = (
        (page.parent / "tables" / "claims.csv").read_text("utf-8") for page in (clean, oversold)
    )
    assert ",reproduced," in held
    assert "the probability of an oversell per sale is below" in held
    assert ",contradicted," in broken
    assert not (invalid.parent / "tables" / "claims.csv").exists()
    assert "Zero overselling detected" in (clean.parent / "report.md").read_text("utf-8")
