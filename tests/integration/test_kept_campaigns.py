"""The kept campaigns obey the present laws, pass the present audit, and can be reported."""

import re
import shutil

import pytest

from harness.analysis import check_laws
from harness.errors import ExitCode
from harness.results.findings import Verdict
from harness.results.store import Campaign
from tests.integration.conftest import ROOT

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


@pytest.mark.parametrize(
    "name", ["reference", pytest.param("reference-contention", marks=pytest.mark.slow)]
)
def test_a_kept_campaign_passes_the_audit_and_is_reported(cli, tmp_path, name):
    """One block is enough to see it: there are as many rows in it as in any other."""
    kept, campaign = ROOT / "results" / name, tmp_path / name
    others = ("summary.json", "report", "0[3-9]-*")
    shutil.copytree(kept, campaign, ignore=shutil.ignore_patterns(*others))
    reported = cli.run("report", campaign)
    assert reported.returncode == ExitCode.OK, reported.stdout + reported.stderr
    assert (campaign / "report" / "index.html").exists()
    audited = cli.run("audit", campaign)
    assert audited.returncode == ExitCode.OK, audited.stdout + audited.stderr
    verdicts = re.findall(r": (I\d+) (PASS|UNKNOWN|FAIL)", audited.stdout)
    assert {verdict for _, verdict in verdicts} == {"PASS"}


@pytest.mark.parametrize("name", ["reference", "reference-contention"])
def test_the_runs_of_a_kept_campaign_obey_every_law_of_today(name):
    for run in Campaign.open(ROOT / "results" / name).load_runs():
        assert [law for law in check_laws(run) if law.verdict is not Verdict.PASS] == []
