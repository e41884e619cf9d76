"""The short form of chaos: some of its cases, one seed. The whole of it is `make chaos`."""

import json

import pytest

from harness.analysis.fault_effects import HARM_KINDS
from tests.reached.catalogue import certain

pytestmark = [pytest.mark.deploys, pytest.mark.integration, pytest.mark.timeout(600)]

CASES = {
    "all payment-workers": {"queue"},
    "api": {"queue", "sync"},
    "gateway hangs beyond the limit, sync": {"sync"},
    "leader": {"queue"},
    "redis loses its data": {"queue"},
}
"""Charges cut off in mid-air, both front doors, who recovers the others, what they share, and
payments whose outcome is unknown for a while."""

HARM = (*HARM_KINDS, "unsettled")


def test_killed_and_paused_in_mid_sale_nothing_is_lost_or_sold_twice(cli, tmp_path):
    words = [word for name in CASES for word in ("--case", name)]
    words += ["--approach", "queue", "--approach", "sync"]
    done = cli.run("run", "chaos", "--runs", 1, *words, "--out", tmp_path / "chaos", timeout_s=580)
    assert done.returncode == 0, done.stdout + done.stderr

    summary = json.loads((tmp_path / "chaos" / "summary.json").read_text())
    made = {name: {c["variant"] for c in summary["cases"] if c["case"] == name} for name in CASES}
    assert made == CASES
    for case in summary["cases"]:
        assert case["verdict"] == "PASS", case
        assert case["invalid_runs"] == [], case
        assert {harm: case[harm] for harm in HARM} == dict.fromkeys(HARM, 0)
        expected = certain().get(case["case"], {}).get(case["variant"], [])
        assert set(expected) <= {one["name"] for one in case["reached"]}, case["case"]
    for fault in summary["faults"]:
        assert fault["in_flight"] is not None, fault
        assert fault["healthy_s"] is not None, fault
    for hit in _first_faults(summary["faults"]):
        assert hit["in_flight"] > 0, hit
    page = (tmp_path / "chaos" / "report" / "report.md").read_text()
    assert "0 oversold, 0 lost, 0 duplicated, 0 double-charged" in page.replace("\xa0", " ")


def _first_faults(faults):
    """Return the first fault of each run: none before it can have kept orders from being placed.

    On a busy machine a shop may come back from a kill so late that the pause finds it empty.
    """
    first = {}
    for fault in sorted(faults, key=lambda one: one["begun_s"]):
        first.setdefault(fault["run"], fault)
    return first.values()
