"""From what was found to an exit code: what comes before what, and what is said."""

import pytest

from harness.errors import ExitCode
from harness.gate.result import InvalidRun, Offence, Row, Ruling, RunOf
from harness.gate.verdict import has_too_many, strictly, verdict


def run_of(campaign="comparison", index=1, block=1, side="head"):
    return RunOf(campaign, index, block, "queue", side)


def row(ruling):
    return Row(
        "queue", "order_time_p95_s", "Total order time, p95", "s", 2, "lower", 1.0, 1.5, "ratio",
        1.5, 1.3, 1.7, 0.15, None, 3, ruling, "50 % slower",
    )  # fmt: skip


def offence(verdict_word="FAIL", **where):
    return Offence(run_of(**where), "I1", "Nothing is oversold", verdict_word, "3 units too many")


def invalid_run(**where):
    return InvalidRun(run_of(**where), ("generator CPU: 97 %",))


WEAK = Offence(
    run_of(), "I16", "As durable as claimed", "FAIL", "fsync everysec", is_incorrect=False
)


def test_a_weak_set_up_decides_nothing_unless_it_is_strict():
    code, statement = verdict([PASSES], [WEAK], [])
    assert code is ExitCode.OK
    code, statement = strictly(code, statement, [WEAK])
    assert code is ExitCode.CORRECTNESS
    assert "I16 As durable as claimed: fsync everysec" in statement


FAILS, PASSES, OPEN = row(Ruling.FAIL), row(Ruling.PASS), row(Ruling.INCONCLUSIVE)


@pytest.mark.parametrize(
    ("rows", "offences", "lost", "code", "words"),
    [
        ([PASSES], [], [], ExitCode.OK, "no worse"),
        ([PASSES, OPEN], [], [], ExitCode.INCONCLUSIVE, "not decided: queue: Total order time"),
        ([PASSES, FAILS, OPEN], [], [], ExitCode.REGRESSION, "50 % slower"),
        (
            [FAILS],
            [],
            [invalid_run(block=1), invalid_run(block=2)],
            ExitCode.INVALID,
            "generator CPU: 97 %",
        ),
        ([FAILS], [offence("UNKNOWN")], [], ExitCode.INVALID, "not all was audited"),
        ([FAILS], [offence(), offence("UNKNOWN")], [], ExitCode.CORRECTNESS, "3 units too many"),
        (
            [PASSES],
            [offence(side="base")],
            [invalid_run(block=1), invalid_run(block=2)],
            ExitCode.CORRECTNESS,
            "run 1 (queue, base)",
        ),
    ],
)
def test_the_first_that_applies_decides(rows, offences, lost, code, words):
    found, statement = verdict(rows, offences, lost)
    assert found is code
    assert words in statement


@pytest.mark.parametrize(
    ("lost", "too_many"),
    [
        ([], False),
        ([invalid_run(block=1), invalid_run(block=1, index=2)], False),
        ([invalid_run(block=1), invalid_run(block=2)], True),
        ([invalid_run(block=1), invalid_run(campaign="confirmation", block=2)], False),
        ([invalid_run(campaign="contention", block=1)], True),
    ],
)
def test_one_block_of_a_campaign_may_be_lost_and_no_contention_test(lost, too_many):
    assert has_too_many(lost) is too_many


def test_of_many_only_the_first_are_told_and_the_rest_counted():
    many = [offence(index=number) for number in range(1, 7)]
    _, statement = verdict([], many, [])
    assert statement.count("3 units too many") == 3
    assert statement.endswith("and 3 more")
