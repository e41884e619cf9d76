"""A run whose planned fault did not happen is no test of that fault."""

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
