"""A campaign that went on until all was decided: its report and its exit code say how it ended."""

import pytest

import report
from harness.analysis.looks import Decision, Look
from harness.analysis.outcomes import Outcome
from harness.campaign.interim_looks import declared
from harness.cli.outcome import campaign_verdict
from harness.errors import ExitCode
from tests.golden.campaigns import simulated, store

P95 = "purchase_latency_p95_ms"


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    return store(tmp_path_factory.mktemp("looks"), simulated(users=20, stock=40, seconds=20))


def looked(stored, *looks):
    """Return the campaign as if these looks had been taken: after how many blocks, what came."""
    taken = [
        Look(blocks, (Decision("sync", "queue", P95, outcome),)).as_json()
        for blocks, outcome in looks
    ]
    description = {**stored.description(), "looks": {**declared(), "taken": taken}}
    stored.write_json("campaign.json", description)
    return stored


def test_the_report_says_how_many_blocks_it_took(stored):
    looked(stored, (3, Outcome.UNDECIDED), (5, Outcome.BETTER))
    page = report.build(stored.path)
    for path in (page, page.with_name("report.md")):
        words = path.read_text("utf-8")
        assert "5 of at most 8 blocks; decided after look 2." in words
        assert "98.3 % intervals" in words


@pytest.mark.parametrize(
    ("looks", "code"),
    [
        ([(3, Outcome.ALIKE)], ExitCode.OK),
        ([(3, Outcome.UNDECIDED)], ExitCode.OK),
        ([(3, Outcome.UNDECIDED), (5, Outcome.WORSE)], ExitCode.OK),
        ([(3, Outcome.UNDECIDED)] * 2 + [(8, Outcome.UNDECIDED)], ExitCode.INCONCLUSIVE),
    ],
)
def test_what_all_looks_left_open_is_inconclusive(stored, looks, code):
    assert campaign_verdict(looked(stored, *looks)).exit_code is code
