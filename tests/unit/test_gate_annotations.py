"""GitHub workflow commands: one line each, escaped as GitHub's own toolkit does."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.gate.result import InvalidRun
from report.gate import annotations
from report.gate.annotations import MOST, command
from tests.support.gate_results import (
    EACH,
    INCONCLUSIVE,
    INCORRECT,
    INVALID,
    NOT_COMPARABLE,
    PASSING,
    REGRESSION,
    SATURATED,
    UNDECIDED_FAILS,
    UNDECIDED_PASSES,
)

COMMAND = re.compile(r"::(error|warning|notice) title=([^:,\r\n]*)::([^\r\n]*)")


def unescaped(text):
    """Undo the escapes as the runner does: the per cent sign last."""
    for escaped, plain in (
        ("%0D", "\r"),
        ("%0A", "\n"),
        ("%3A", ":"),
        ("%2C", ","),
        ("%25", "%"),
    ):
        text = text.replace(escaped, plain)
    return text


def levels(result):
    return [COMMAND.fullmatch(line)[1] for line in annotations(result)]


@pytest.mark.parametrize("result", EACH.values(), ids=EACH)
def test_every_line_is_a_command(result):
    assert all(COMMAND.fullmatch(line) for line in annotations(result))


def test_the_escapes_are_those_of_the_toolkit():
    assert command("error", "a: b, 5 %", "x: y, 5 %\r\nz") == (
        "::error title=a%3A b%2C 5 %25::x: y, 5 %25%0D%0Az"
    )


@given(st.text(), st.text())
def test_any_text_survives(title, message):
    found = COMMAND.fullmatch(command("notice", title, message))
    assert found
    assert unescaped(found[2]) == title
    assert found[3].count("%") == sum(message.count(one) for one in "%\r\n")


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (PASSING, ["notice"]),
        (REGRESSION, ["error", "error"]),
        (INCORRECT, ["error"] * 3),
        (INCONCLUSIVE, ["warning", "warning"]),
        (UNDECIDED_FAILS, ["error", "error"]),
        (UNDECIDED_PASSES, ["warning", "notice"]),
        (INVALID, ["error", "error"]),
        (NOT_COMPARABLE, ["error"] * 3),
    ],
)
def test_the_level_follows_the_verdict(result, expected):
    assert levels(result) == expected


def test_a_metric_of_an_invalid_measurement_is_no_regression():
    assert not any("Purchase latency" in line for line in annotations(INVALID))


def test_a_lost_block_that_is_tolerated_is_a_warning():
    assert levels(replace(PASSING, invalid_runs=(SATURATED,))) == ["warning", "notice"]


def test_no_more_than_github_shows_and_the_rest_is_counted():
    lost = tuple(InvalidRun(SATURATED.run, (f"reason {n}",)) for n in range(30))
    lines = annotations(replace(INVALID, invalid_runs=lost))
    assert len(lines) == MOST
    assert "Gate%3A INVALID" in lines[0]
    assert "and 22 more" in lines[-1]
