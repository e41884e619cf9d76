"""What a run is worth: a planned fault that did not happen, limits that nothing enforced."""

from dataclasses import replace

import pandas as pd
import pytest

from harness.analysis import check_laws, validity
from harness.analysis.run_facts import RunFacts
from tests.support.histories import make_run

FAULT = {
    "kind": "kill", "service": "api", "replica": 1, "process": None, "for_s": 3.0, "factor": None,
    "begun_ns": 1, "ended_ns": 2, "healthy_ns": 3, "in_flight": 60, "error": None,
}  # fmt: skip


@pytest.fixture(scope="module")
def run():
    return make_run("sync")


def test_faults_that_happened_do_not_invalidate(run):
    run.record.faults = [FAULT]
    assert validity(run, check_laws(run)).reasons == []


def test_a_fault_that_did_not_happen_invalidates(run):
    run.record.faults = [FAULT, {**FAULT, "begun_ns": None, "error": "api-1 does not run"}]
    judged = validity(run, check_laws(run))
    assert judged.verdict == "INVALID"
    (reason,) = judged.reasons
    assert "kill of api 1 did not happen: api-1 does not run" in reason


def test_a_fault_that_was_not_overcome_invalidates(run):
    run.record.faults = [{**FAULT, "service": None, "kind": "hang", "error": "it hangs on"}]
    (reason,) = validity(run, check_laws(run)).reasons
    assert "hang of payment gateway did not end as planned: it hangs on" in reason


def with_machine(run, busy_cores: float, **foreign_s: float):
    """Return a run on a machine that was busy so much, and by whom besides us."""
    telemetry = run.telemetry
    times = sorted(set(telemetry["t_s"]))
    machine = telemetry["metric"].eq("cpu_s") & telemetry["source"].eq("machine")
    rows = [(t_s, "machine", "cpu_s", busy_cores * t_s) for t_s in times]
    for name, used_s in foreign_s.items():
        rows += [(t, "strangers", f"cpu_s:{name}", used_s * t / times[-1]) for t in times]
    more = pd.DataFrame(rows, columns=list(telemetry.columns))
    return replace(run, telemetry=pd.concat([telemetry[~machine], more]))


def test_others_at_work_on_the_machine_are_a_warning_that_names_them():
    busy = with_machine(make_run("sync"), 1.9, backup=20.0, cron=0.001)
    judged = validity(busy, check_laws(busy))
    assert judged.verdict == "VALID"
    (warning,) = [w for w in judged.warnings if "others used" in w]
    assert "backup" in warning
    assert "cron" not in warning


def test_a_machine_that_is_busy_with_us_alone_is_no_warning():
    run = make_run("sync")
    used_s = sum(
        RunFacts(run).cpu_s(source, 0, 20) for source in ("api", "postgres", "load", "harness")
    )
    quiet = with_machine(run, used_s / 20 + 0.05)
    assert validity(quiet, check_laws(quiet)).warnings == []


def with_samples(run, source, metric, value):
    """Return a run with one more sample a second, `value` of the time since t0."""
    times = sorted(set(run.telemetry["t_s"]))
    rows = [(t_s, source, metric, value(t_s)) for t_s in times]
    more = pd.DataFrame(rows, columns=list(run.telemetry.columns))
    return replace(run, telemetry=pd.concat([run.telemetry, more]))


def test_stages_in_which_the_machine_was_full_are_a_warning_that_says_who_used_it():
    run = make_run("sync", users=40, stock=60, seconds=24)
    full = with_machine(run, 0.2)
    machine = full.telemetry["metric"].eq("cpu_s") & full.telemetry["source"].eq("machine")
    t_s = full.telemetry.loc[machine, "t_s"]
    busy_s = 0.2 * t_s + 1.75 * (t_s - 8).clip(0, 3)  # three of the six seconds of stage rush
    full.telemetry.loc[machine, "value"] = busy_s
    waits = with_samples(full, "machine", "waited_s", lambda t: 0.5 * t)
    judged = validity(waits, check_laws(waits))
    assert judged.verdict == "VALID"
    (warning,) = [one for one in judged.warnings if "machine was full" in one]
    assert "full for 50 % of stage rush" in warning
    assert "waited for each other and for others;" in warning
    assert "generator 0." in warning
    assert "others " in warning
    assert "a process waited 50 % of it" in warning


def test_processors_that_were_not_allowed_are_a_warning():
    run = make_run("sync")
    run.record.cores_allowed = 1.0
    warnings = validity(run, check_laws(run)).warnings
    assert any("could use 1 of the 2 processors" in one for one in warnings)


def test_a_quota_that_withheld_processors_is_a_warning():
    run = with_samples(make_run("sync"), "machine", "throttled_s", lambda t: 7.0 + 0.1 * t)
    warnings = validity(run, check_laws(run)).warnings
    assert any("off the processors for 2.0 s of the 20 s of load" in one for one in warnings)


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
    run.record.faults = []
    run.record.deployment = deployment
    judged = validity(run, check_laws(run))
    assert judged.verdict == "VALID"
    expected = "the local runtime did not enforce the limits of api"
    assert (expected in judged.warnings) is warned
