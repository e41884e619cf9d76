"""What failed, by kind of request, status and message."""

from dataclasses import replace

import pytest

from harness.analysis.failures import failures
from harness.analysis.order_counts import errors
from harness.analysis.run_facts import RunFacts
from tests.support.histories import make_run


def broken(*, index=1, kinds=((503, "busy", ""), (0, "", "timeout")), each=4):
    """Return a run in which the first purchases fail, so many in each way, and nothing else."""
    run = make_run("queue", index=index)
    requests = run.requests.copy()
    bought = requests.index[requests["endpoint"] == "buy"]
    if "code" not in requests:
        requests["code"] = ""
    failed = (requests["status"] == 0) | (requests["status"] >= 500)
    requests.loc[failed, ["status", "code", "error"]] = 200, "", ""
    for place, (status, code, error) in enumerate(kinds):
        rows = bought[place * each : (place + 1) * each]
        requests.loc[rows, ["status", "code", "error"]] = status, code, error
    return RunFacts(replace(run, requests=requests))


def test_failures_are_counted_by_what_the_client_met():
    facts = broken()
    found = failures([facts])
    assert [(row["request"], row["status"], row["message"], row["count"]) for row in found] == [
        ("buy", 0, "timeout", 4),
        ("buy", 503, "busy", 4),
    ]
    bought = int((facts.requests["endpoint"] == "buy").sum())
    assert found[0]["share_pct"] == pytest.approx(100 * 4 / bought)
    assert found[0]["per_s"] == pytest.approx(4 / facts.load_s)
    assert 0 <= found[0]["first_s"] <= found[0]["last_s"] <= facts.end_s
    assert found[0]["route"] == "POST /orders"


def test_they_are_what_the_error_rate_counts():
    facts = broken()
    assert sum(row["count"] for row in failures([facts])) == errors(facts).sum()


def test_counts_are_means_over_the_runs_and_the_most_frequent_comes_first():
    once = broken(index=2, kinds=((500, "", "body"),), each=6)
    found = failures([broken(), once])
    assert [(row["status"], row["message"], row["count"]) for row in found] == [
        (500, "body", 3),
        (0, "timeout", 2),
        (503, "busy", 2),
    ]


def test_a_run_without_failure_has_none():
    assert failures([broken(kinds=())]) == []
