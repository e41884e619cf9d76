"""The live page as it is seen: it grows with the campaign, shuts nobody out, asks nobody else."""

from contextlib import ExitStack
from pathlib import Path

import pytest

import report
from harness.campaign.observer import LiveSample
from harness.campaign.schedule import PlannedRun
from harness.live import Board, serving
from harness.load import Progress
from harness.results.findings import Verdict
from tests.browser.viewer import NARROW_PX, WIDE_PX, view
from tests.support import told

pytestmark = pytest.mark.slow

CHARTS = ("throughput", "latency", "stock", "backlog", "users", "cores")
SECOND = "#now div:first-child dd"


@pytest.fixture
def board(browser):
    """A campaign in its second run, with faults; the first is finished."""
    board = Board(Path("results/tiny"))
    told.begin(board)
    told.finish(board, told.SYNC)
    told.steps(board, told.QUEUE, "load")
    told.seconds(board, told.QUEUE)
    told.break_something(board, told.QUEUE)
    return board


@pytest.fixture
def address(board):
    with serving(board, report.live_page(), 0) as address:
        yield address


def shows(seen, place, words):
    """Wait until words stand in a place of the page."""
    seen.page.locator(place).filter(has_text=words).wait_for(timeout=10_000)


@pytest.mark.parametrize(("width", "dark"), [(WIDE_PX, False), (NARROW_PX, True)])
def test_the_page_is_drawn_and_fits_and_shuts_nobody_out(browser, address, width, dark):
    with view(browser, address, width=width, dark=dark) as seen:
        shows(seen, "#run", "Run 2 of 2: queue")
        seen.unfold()
        shows(seen, "#values", "load generator")
        assert seen.overflow_px == 0
        assert seen.violations() == []
        assert seen.errors == []
        assert seen.requests == []
        for name in CHARTS:
            # The queue is the first of the two by name, and has the colour that it has in reports.
            assert seen.chart(name).pixels("variant-1") > 100, name
            assert seen.chart(name).pixels("fault") > 500, name
        assert seen.chart("cores").pixels("variant-4") > 100


def test_the_words_say_what_the_charts_draw(browser, address):
    with view(browser, address) as seen:
        shows(seen, "#step", "Step 5 of 8: load · stage peak")
        shows(seen, "#campaign", "Tiny sale · 15 s, 30 users at the peak, 40 units · results/tiny")
        now = seen.page.locator("#now div").all_inner_texts()
        assert [text.split("\n") for text in now] == [
            ["seconds of 15", "10"],
            ["users", "28"],
            ["users planned", "30"],
            ["requests per second", "110"],
            ["p95, ms", "30"],
            ["errors per second", "2"],
            ["stock left", "30"],
            ["backlog", "3"],
            ["errors so far", "20"],
        ]
        faults = seen.page.locator("#faults li").all_inner_texts()
        assert faults == [
            "3.0 s: kill postgres, back after 2.5 s; until 5.5 s",
            "8.0 s: pause worker 1, 9 in flight; goes on",
        ]
        assert "✓" not in seen.page.locator("#finished tbody").inner_text()
        assert seen.page.locator("#finished tbody tr").all_inner_texts() == [
            "1\tsync\t40\tPASS\tVALID"
        ]
        assert seen.chart("latency").values == ["30"]


def test_it_grows_with_the_campaign_and_stays_where_it_is_zoomed(browser, board, address):
    with view(browser, address) as seen:
        shows(seen, SECOND, "10")
        chart = seen.chart("throughput")
        assert chart.values == ["110", "2"]
        chart.drag(0.2, 0.4)
        told.seconds(board, told.QUEUE, 11, 12)
        shows(seen, SECOND, "12")
        assert chart.zoomed
        chart.over.dblclick()
        assert not chart.zoomed
        told.seconds(board, told.QUEUE, 13, 14)
        shows(seen, SECOND, "14")
        assert not chart.zoomed
        chart.hover(11 / 15)
        assert chart.reading.startswith("11 s · stage 2 peak")
        assert chart.values == ["111", "2"]
        assert seen.errors == []


def test_the_next_run_begins_new_charts(browser, board, address):
    third = PlannedRun(3, 2, "sync", 7, "stores")
    with view(browser, address) as seen:
        shows(seen, "#run", "Run 2 of 2: queue")
        assert seen.chart("stock").pixels("variant-2") == 0
        told.finish(board, told.QUEUE, valid=False, audit=Verdict.FAIL)
        told.steps(board, third, "load")
        told.seconds(board, third, last=4)
        shows(seen, "#run", "Run 3 of 2: sync, stores")
        shows(seen, "#figure-stock .legend", "36")
        stock = seen.chart("stock")
        assert (stock.pixels("variant-1"), stock.pixels("variant-2") > 50) == (0, True)
        assert not seen.page.locator("#faults").is_visible()
        assert seen.page.locator("canvas").count() == len(CHARTS)
        finished = seen.page.locator("#finished tbody tr").all_inner_texts()
        assert finished[1] == "2\tqueue\t40\tFAIL\tINVALID"


def test_what_is_not_known_is_a_dash(browser, board, address):
    contention = PlannedRun(1, 1, "queue", 7)
    told.begin(board, [contention], of=told.scenario("contention"))
    told.steps(board, contention, "load")
    board.load(contention, Progress(stage="sale 3"), LiveSample(2.0))
    with view(browser, address) as seen:
        shows(seen, "#step", "stage sale 3")
        now = dict(t.split("\n") for t in seen.page.locator("#now div").all_inner_texts())
        assert now["seconds"] == "2"
        unknown = ("users planned", "p95, ms", "stock left", "backlog")
        assert [now[name] for name in unknown] == ["–"] * 4
        assert seen.errors == []


def test_before_anything_is_known_it_waits(browser):
    board = Board(Path("results/tiny"))
    with serving(board, report.live_page(), 0) as address, view(browser, address) as seen:
        shows(seen, "#campaign", "Waiting for the campaign to begin")
        assert seen.violations() == []
        told.begin(board)
        shows(seen, "#campaign", "Tiny sale")
        shows(seen, "#left", "about 80 s left")
        assert seen.errors == []


@pytest.mark.parametrize("broken", [False, True])
def test_it_keeps_the_last_state_and_says_what_came_of_it(browser, board, broken):
    with ExitStack() as server:
        address = server.enter_context(serving(board, report.live_page(), 0))
        with view(browser, address) as seen:
            shows(seen, "#run", "Run 2 of 2: queue")
            board.ends("Its report is at /x/report/index.html", broken=broken)
            server.close()
            shows(seen, "#over", "The campaign is over. Its report is at /x/report/index.html")
            assert ("broken" in seen.page.locator("#over").get_attribute("class")) == broken
            assert seen.violations() == []
            assert seen.errors == []
            assert seen.chart("stock").pixels("variant-1") > 100


def test_a_harness_that_vanishes_is_missed(browser, address):
    with view(browser, address) as seen:
        seen.page.route("**/events", lambda route: route.abort())
        seen.page.reload()
        shows(seen, "#over", "The harness is gone")
