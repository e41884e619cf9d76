"""What a run is worth: a planned fault that did not happen, limits that nothing enforced."""

import pytest

from harness.analysis import check_laws, validity
from tests.histories import make_run

FAULT = {
    "kind": "kill", "service": "api", "replica": 1, "process": None, "for_s": 3.0, "factor": None,
    "begun_ns": 1, "ended_ns": 2, "healthy_ns": 3, "in_flight": 60, "error": None,
}  # fmt: skip


@pytest.fixture(scope="module")
def run():
    return make_run("sync")


def test_faults_that_happened_do_not_invalidate(run):
    run.record["faults"] = [FAULT]
    assert validity(run, check_laws(run))["reasons"] == []


def test_a_fault_that_did_not_happen_invalidates(run):
    run.record["faults"] = [FAULT, {**FAULT, "begun_ns": None, "error": "api-1 does not run"}]
    judged = validity(run, check_laws(run))
    assert judged["verdict"] == "INVALID"
    (reason,) = judged["reasons"]
    assert "kill of api 1 did not happen: api-1 does not run" in reason


def test_a_fault_that_was_not_overcome_invalidates(run):
    run.record["faults"] = [{**FAULT, "service": None, "kind": "hang", "error": "it hangs on"}]
    (reason,) = validity(run, check_laws(run))["reasons"]
    assert "hang of payment gateway did not end as planned: it hangs on" in reason


def limited(enforced, cpus=1.0, memory_bytes=None):
    limits = {"cpus": cpus, "memory_bytes": memory_bytes, "enforced": enforced}
    return {"runtime": "local", "images": {}, "limits": {"api": limits}}


@pytest.mark.parametrize(
    ("deployment", "warned"),
    [
        (limited(enforced=False), True),
        (limited(enforced=False, cpus=None, memory_bytes=2**30), True),
        (limited(enforced=False, cpus=None), False),
        (limited(enforced=True), False),
        (None, False),
    ],
)
def test_limits_that_nothing_enforced_are_a_warning(run, deployment, warned):
    run.record["faults"] = []
    if deployment is not None:
        run.record["deployment"] = deployment
    judged = validity(run, check_laws(run))
    run.record.pop("deployment", None)
    assert judged["verdict"] == "VALID"
    expected = "the local runtime did not enforce the limits of api"
    assert (expected in judged["warnings"]) is warned
