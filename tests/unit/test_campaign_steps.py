"""The eight steps of a run: timed in order, and named alike in code and methodology."""

import re

import pytest

from harness.campaign import steps
from harness.campaign.steps import STEPS, StepTimer
from tests.support.edits import ROOT


class Clock:
    now_s = 100.0

    def monotonic(self):
        return self.now_s


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(steps, "time", clock)
    return clock


def test_each_step_is_announced_and_timed(clock):
    announced = []
    step = StepTimer(announced.append)
    with step("up"):
        clock.now_s += 2
    with step("reset"):
        clock.now_s += 0.5
        assert step.durations_s() == {"up": 2.0, "reset": 0.5}
        clock.now_s += 0.25
    assert step.durations_s() == {"up": 2.0, "reset": 0.75}
    assert [one.name for one in announced] == ["up", "reset"]


def test_a_step_that_fails_is_timed_as_well(clock):
    step = StepTimer(lambda _: None)

    def fail():
        with step("up"):
            clock.now_s += 1
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert step.durations_s() == {"up": 1.0}


def test_the_methodology_has_the_steps_in_their_order():
    text = (ROOT / "docs" / "methodology.md").read_text("utf-8")
    run = text[text.index("## One run") : text.index("## Variants")]
    assert re.findall(r"^\d\. \*\*(.+?)\*\*", run, re.MULTILINE) == [step.words for step in STEPS]
