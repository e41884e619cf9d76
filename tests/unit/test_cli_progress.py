"""The terminal says in words what the live page draws, in lines that fit."""

import io
import re

import pytest
from rich.console import Console
from rich.text import Text

from harness.analysis.looks import Look
from harness.campaign.observer import LiveSample
from harness.campaign.schedule import PlannedRun
from harness.cli import progress
from harness.cli.options import Detail
from harness.cli.progress import WIDTH, ProgressLine, progress_shown
from harness.load import Progress
from tests.support import told


@pytest.fixture
def screen():
    return io.StringIO()


@pytest.fixture(autouse=True)
def every_line(monkeypatch):
    """Let plain lines come as often as they are told."""
    monkeypatch.setattr(progress, "PLAIN_PERIOD_S", 0.0)


def plain(screen):
    return ProgressLine(Console(file=screen, soft_wrap=True, highlight=False))


def test_without_a_terminal_the_load_is_three_plain_lines(screen):
    line = plain(screen)
    told.begin(line)
    told.steps(line, told.SYNC, "load")
    told.seconds(line, told.SYNC, first=3, last=3)
    told.finish(line, told.SYNC)
    said = screen.getvalue().splitlines()
    assert said[0] == "2 runs of 15 s of load; about 80 s left"
    assert said[1:3] == ["run 1/2 sync  bring up", "run 1/2 sync  reset and seed"]
    at = said.index("run 1/2 sync  load")
    assert said[at + 1 : at + 4] == [
        "run 1/2 sync  3/15 s · stage peak",
        "  28 users · 103 req/s · p95 23 ms · 6 errors",
        "  stock 37 · backlog 3 · about 80 s left · cores: worker 0.70, redis 0.60",
    ]
    assert said[-1] == "run 1/2 sync  sold 40 · audit PASS · valid"
    assert "\x1b" not in screen.getvalue()


def test_what_is_not_known_is_a_dash(screen):
    line = plain(screen)
    told.begin(line, of=told.scenario("contention"))
    told.steps(line, told.SYNC, "load")
    line.load(told.SYNC, Progress(), LiveSample(1.0))
    where, buyers, shop = screen.getvalue().splitlines()[-3:]
    assert where.endswith("1 s · stage not begun")
    assert buyers == "  0 users · 0 req/s · p95 – ms · 0 errors"
    assert shop.startswith("  stock – · backlog – · about ")
    assert "cores" not in shop


@pytest.mark.parametrize(
    ("p95_ms", "said"), [(999.0, "999 ms"), (9959.0, "9.96 s"), (9999.0, "10.0 s")]
)
def test_a_second_and_more_is_said_in_seconds(screen, p95_ms, said):
    line = plain(screen)
    told.begin(line)
    line.load(told.SYNC, Progress(p95_ms=p95_ms), LiveSample(1.0))
    assert f"· p95 {said} ·" in screen.getvalue()


LONG = PlannedRun(117, 12, "queue", 7, "every-payment-worker-killed-in-the-middle")


def test_no_line_about_the_load_is_longer_than_fits_and_none_is_cut(screen):
    line = plain(screen)
    told.begin(line, [LONG])
    line.step(LONG, told.STEP["load"])
    told.seconds(line, LONG, last=1)
    said = screen.getvalue()
    assert max(map(len, said.splitlines())) <= WIDTH
    for part in (LONG.case, "stage peak", "28 users", "101 req/s", "p95 21 ms", "2 errors"):
        assert part in said
    assert "…" not in said


def test_a_terminal_has_a_bar_of_the_whole_campaign_that_fits_in_80_columns(screen):
    console = Console(file=screen, force_terminal=True, width=80, highlight=False)
    line = ProgressLine(console)
    told.begin(line, [*told.PLANNED, LONG], done=1)
    told.steps(line, told.QUEUE, "load")
    told.seconds(line, told.QUEUE, last=2)
    console.print(line.drawn)
    said = Text.from_ansi(screen.getvalue()).plain.splitlines()
    assert max(map(len, said)) <= 80
    assert said[-1].endswith("1 of 3 runs done · about 80 s left")
    assert said[-1].startswith("━━━")
    assert "…" not in screen.getvalue()


def test_no_colour_is_no_colour(screen, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    console = Console(file=screen, force_terminal=True, width=80, highlight=False)
    line = ProgressLine(console)
    told.begin(line)
    told.steps(line, told.SYNC, "load")
    console.print(line.drawn)
    assert "0 of 2 runs done" in screen.getvalue()
    assert not re.search(r"\x1b\[[\d;]*3[0-8]", screen.getvalue())


def test_only_who_asks_for_it_sees_what_is_done_within_a_step(screen):
    silent = plain(screen)
    silent.detail(told.SYNC, "nginx is ready")
    assert screen.getvalue() == ""
    line = ProgressLine(Console(file=screen, soft_wrap=True), Detail.EVERYTHING)
    told.begin(line)
    told.steps(line, told.SYNC, "reset and seed")
    line.detail(told.SYNC, "the stores are as they must be")
    told.finish(line, told.SYNC)
    said = screen.getvalue()
    assert "run 1/2 sync  bring the topology up, until every service is ready\n" in said
    assert re.search(r"run 1/2 sync  bring up took \d+\.\d s\n", said)
    assert "run 1/2 sync    the stores are as they must be\n" in said


def test_who_wants_the_result_alone_gets_no_observer(screen):
    with progress_shown(Console(file=screen), Detail.RESULT) as observers:
        assert observers == []


def test_faults_leave_a_lasting_line(screen):
    line = plain(screen)
    told.begin(line)
    told.break_something(line, told.SYNC)
    assert "run 1/2 sync  fault: kill postgres: back after 2.5 s" in screen.getvalue()


def test_a_look_leaves_a_lasting_line(screen):
    line = plain(screen)
    line.look(1, Look(3, ()))
    assert screen.getvalue().startswith("look 1, after 3 blocks: ")


def test_on_a_terminal_the_lines_are_redrawn(screen):
    console = Console(file=screen, force_terminal=True, width=WIDTH, highlight=False)
    with ProgressLine(console) as line:
        told.begin(line)
        told.steps(line, told.SYNC, "load")
        told.seconds(line, told.SYNC, last=2)
    assert "28 users" in screen.getvalue()
    assert "cores: worker 0.70" in screen.getvalue()
    assert "\x1b[" in screen.getvalue()


def test_plain_lines_do_not_come_every_second(screen, monkeypatch):
    monkeypatch.setattr(progress, "PLAIN_PERIOD_S", 1e9)
    line = plain(screen)
    told.begin(line)
    told.steps(line, told.SYNC, "load")
    told.seconds(line, told.SYNC)
    assert "users" not in screen.getvalue()
