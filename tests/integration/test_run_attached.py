"""A campaign on a deployment that somebody else keeps up: here, another process of the harness."""

import json
import re

import pytest

from harness.results.findings import Verdict
from harness.results.store import Campaign, load_findings
from tests.integration.test_kept_up import SMALL, by_hand, done_well, kept_in
from tests.integration.test_run import TINY
from tests.integration.test_wrong_usage import refused

__all__ = ["by_hand"]

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]
FAULT = """
[[faults]]
kind = "unavailable"
at_s = 4
for_s = 1
"""
BLIND = ("I6", "I14")
"""What takes the gateway's log, and what the counters of the servers."""


def endpoints_of(addresses, *, with_gateway):
    """Return the content of a file of endpoints, with all there is or with the least."""
    lines = [
        'confirm = "I may empty these stores"',
        f'address = "{addresses.shop}"',
        f'postgres = "{addresses.dsn}"',
        f'redis = "{addresses.redis_url}"',
    ]
    if with_gateway:
        (gateway,) = addresses.services["payment-gateway"]
        lines += ["[gateway]", f'url = "{gateway}"', 'seed = "7"', "[metrics]"]
        for service in ("api", "event-stream"):
            urls = [f"{url}/metrics" for url in addresses.services[service]]
            lines.append(f"{service} = {json.dumps(urls)}")
    return "\n".join(lines) + "\n"


@pytest.mark.deploys
def test_a_deployment_of_somebody_else_is_measured_as_far_as_it_can_be(
    by_hand, tmp_path, monkeypatch
):
    # What is kept up locks the machine against measurements; here it is what is measured.
    done_well(by_hand.run("up", "queue", "--port", 0, "--scenario", TINY, *SMALL, "--detach"))
    (kept,) = kept_in(by_hand)
    monkeypatch.setenv("FLASHSALE_LOCK", str(tmp_path / "lock"))
    file = tmp_path / "endpoints.toml"
    whole, blind = tmp_path / "whole", tmp_path / "blind"
    scenario = tmp_path / "tiny.toml"
    scenario.write_text(TINY.read_text() + FAULT)
    words = ("run", scenario, "--approach", "queue", *SMALL, "--endpoints", file)

    file.write_text(endpoints_of(kept.addresses, with_gateway=True))
    done = by_hand.run(*words, "--out", whole, "--runs", 2)
    assert done.returncode == 0, done.stdout + done.stderr
    for run, folder in zip(*runs_of(whole), strict=True):
        findings = load_findings(folder)
        assert {one.verdict for one in findings} == {Verdict.PASS}, findings
        assert run.record.validity.verdict == "VALID", run.record.validity
        assert run.record.deployment["runtime"] == "attached"
        assert run.record.payment.seed == "7"
        assert len(run.charges) > 0
        assert [one.error for one in run.record.faults] == [None]
        assert not {"api", "postgres"} & set(
            run.telemetry.loc[run.telemetry["metric"] == "cpu_s", "source"]
        )

    file.write_text(endpoints_of(kept.addresses, with_gateway=False))
    refused(by_hand.run(*words, "--out", blind), 64, "names no gateway")
    scenario.write_text(TINY.read_text())
    done = by_hand.run(*words, "--out", blind)
    assert done.returncode == 40, done.stdout + done.stderr
    (run,), (folder,) = runs_of(blind)
    verdicts = {one.id: one.verdict for one in load_findings(folder)}
    assert Verdict.FAIL not in verdicts.values()
    assert {verdicts[one] for one in BLIND} == {Verdict.UNKNOWN}
    assert run.record.absent == ["charges"]
    assert run.record.server_counts is None

    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*.json"))
    password = re.search(r":([^:@/]+)@", kept.addresses.dsn)[1]
    assert password.encode() not in stored
    assert kept_in(by_hand) == [kept], "it is still up"


def runs_of(folder):
    stored = Campaign.open(folder)
    return stored.load_runs(), stored.run_folders()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--runtime", "attached"], "where is the deployment?"),
        (["--runtime", "docker"], "not with --runtime docker"),
        ([], "confirm"),
    ],
)
def test_wrong_words_about_endpoints(harness, tmp_path, words, named):
    file = tmp_path / "endpoints.toml"
    file.write_text('address = "http://127.0.0.1:1"\n')
    given = [] if words == ["--runtime", "attached"] else ["--endpoints", file]
    out = tmp_path / "campaign"
    refused(harness.run("run", TINY, *words, *given, "--out", out), 64, named)
    assert not out.exists()
