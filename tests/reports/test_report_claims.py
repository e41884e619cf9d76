"""The published report held against the reference campaign: the verdict of each claim is kept."""

import shutil
from pathlib import Path

import pytest

from harness.analysis import derived
from harness.results.store import Campaign
from report.claims import published
from report.claims.claim_judgement import judge_all
from report.claims.claim_verdict import ClaimVerdict
from report.evidence import read

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "claims.txt"


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("claims") / "reference"
    kept = ROOT / "results" / "reference"
    shutil.copytree(kept, folder, ignore=shutil.ignore_patterns("summary.json", "report", "logs"))
    derived.summarise(Campaign.open(folder))
    return judge_all(published.load(), read(folder))


def test_the_verdict_of_every_claim_is_as_kept(judged):
    lines = [f"{one.claim.id}: {one.verdict.word}" for one in judged]
    assert lines == GOLDEN.read_text(encoding="utf-8").splitlines()


def test_what_is_tested_shows_ours_and_what_is_not_says_why(judged):
    for one in judged:
        if one.verdict.word is ClaimVerdict.NOT_TESTED:
            assert one.verdict.why
            assert one.ours is None
        else:
            assert one.ours.text
            assert one.ours.interval is not None
