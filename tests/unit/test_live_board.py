"""What the live page is told, from what a campaign tells: complete, bounded, only what is new."""

import json
import threading
from pathlib import Path

import pytest

from harness.analysis.looks import Decision, Look
from harness.analysis.outcomes import Outcome
from harness.live.board import KEPT_SAMPLES, Board, Seen
from harness.results.findings import Verdict
from tests.support import told


@pytest.fixture
def board():
    return Board(Path("results/tiny"))


def read(board, seen=Seen()):  # noqa: B008 - it never changes
    seen, text = board.updates(seen)
    return seen, json.loads(text)


def loaded(board, **options):
    told.begin(board)
    told.steps(board, told.SYNC, "load")
    told.seconds(board, told.SYNC, **options)


def test_before_the_first_run_the_campaign_is_known(board):
    told.begin(board, done=1)
    _, state = read(board)
    assert state["run"] is None
    assert state["finished"] == []
    assert state["campaign"] == {
        "title": "Tiny sale",
        "workload": "15 s, 30 users at the peak, 40 units",
        "folder": "results/tiny",
        "runs": 2,
        "kept": 1,
        "variants": ["queue", "sync"],
        "load_s": 15.0,
        "stages": [[0.0, 5.0, "1 ramp"], [5.0, 12.0, "2 peak"], [12.0, 15.0, "3 leave"]],
    }
    assert state["left"] == "about 40 s left"


def test_what_a_look_decided_is_said_beside_the_time_that_is_left(board):
    told.begin(board)
    decision = Decision("sync", "queue", "confirmed_orders", Outcome.UNDECIDED)
    board.look(1, Look(3, (decision,)))
    _, state = read(board)
    assert state["left"].endswith("look 1, after 3 blocks: not decided: Confirmed orders")


def test_a_sample_has_everything_that_is_drawn(board):
    loaded(board, last=2)
    _, state = read(board)
    assert state["run"] == {
        "index": 1,
        "variant": "sync",
        "case": "",
        "step": "load",
        "step_number": 5,
        "steps": 8,
        "stage": "peak",
        "requests": 200,
        "errors": 4,
        "faults": [],
    }
    assert state["samples"][-1] == {
        "t_s": 2.0,
        "planned": 30.0,
        "active": 28,
        "requests": 102.0,
        "errors": 2.0,
        "api_p95_ms": 22.0,
        "stock_left": 38.0,
        "backlog": 2.0,
        "cores": {name: (at + 1) / 10 for at, name in enumerate(told.SERVICES)},
    }


def test_a_reader_is_told_only_what_is_new(board):
    loaded(board, last=3)
    seen, state = read(board)
    assert (state["is_new"], len(state["samples"])) == (True, 3)
    told.seconds(board, told.SYNC, 4, 5)
    seen, state = read(board, seen)
    assert (state["is_new"], [one["t_s"] for one in state["samples"]]) == (False, [4.0, 5.0])
    board.step(told.SYNC, told.STEP["drain"])
    seen, state = read(board, seen)
    assert (state["run"]["step"], state["samples"]) == ("drain", [])


def test_the_next_run_begins_anew(board):
    loaded(board)
    seen, _ = read(board)
    told.finish(board, told.SYNC, valid=False, audit=Verdict.FAIL)
    told.steps(board, told.QUEUE, "load")
    told.seconds(board, told.QUEUE, last=1)
    _, state = read(board, seen)
    assert (state["run"]["variant"], state["is_new"], len(state["samples"])) == ("queue", True, 1)
    assert state["finished"] == [
        {
            "index": 1,
            "variant": "sync",
            "case": "",
            "sold": 40,
            "audit": "FAIL",
            "validity": "INVALID",
        }
    ]


def test_a_fault_goes_on_until_it_is_over(board):
    loaded(board)
    told.break_something(board, told.SYNC)
    _, state = read(board)
    killed, paused = state["run"]["faults"]
    assert killed == {
        "name": "kill postgres", "words": "back after 2.5 s", "from_s": 3.0, "to_s": 5.5
    }  # fmt: skip
    assert (paused["from_s"], paused["to_s"]) == (8.0, None)


@pytest.mark.parametrize("name", ["contention", "open"])
def test_a_load_that_plans_no_users_says_so(board, name):
    told.begin(board, of=told.scenario(name))
    told.steps(board, told.SYNC, "load")
    told.seconds(board, told.SYNC, last=1, p95_ms=None)
    _, state = read(board)
    assert state["samples"][0]["planned"] is None
    assert state["samples"][0]["api_p95_ms"] is None
    assert bool(state["campaign"]["stages"]) == (name == "open")


def test_memory_is_bounded_and_a_late_reader_gets_the_newest(board):
    loaded(board, last=1)
    seen, _ = read(board)
    told.seconds(board, told.SYNC, 2, KEPT_SAMPLES + 6)
    for reader in (Seen(), seen):
        _, state = read(board, reader)
        assert len(state["samples"]) == KEPT_SAMPLES
        assert state["samples"][-1]["t_s"] == KEPT_SAMPLES + 6


def test_the_end_wakes_who_waits_and_is_the_last_that_is_told(board):
    told.begin(board)
    seen, _ = read(board)
    heard = []
    reader = threading.Thread(target=lambda: heard.append(board.updates(seen)), daemon=True)
    reader.start()
    board.ends("Its report is at x", broken=False)
    reader.join(5)
    seen, text = heard[0]
    assert (json.loads(text)["over"], json.loads(text)["broken"]) == ("Its report is at x", False)
    board.close()
    assert board.updates(seen) is None


def test_a_run_that_has_begun_no_step_has_no_load(board):
    told.begin(board)
    with pytest.raises(ValueError, match="run 1 has begun no step"):
        told.seconds(board, told.SYNC)
