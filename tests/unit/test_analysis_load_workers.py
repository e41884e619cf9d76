"""A load that came from several processes, some of them on other machines."""

from dataclasses import replace

import pandas as pd
import pytest

from harness.analysis import check_laws
from harness.analysis.laws import crowd, times
from harness.analysis.resources import generator_cpu_pct
from harness.analysis.run_facts import RunFacts
from harness.capacity.resources import resources
from harness.results.findings import Verdict
from harness.results.record import LoadWorker
from tests.support.histories import make_run
from tests.support.records import with_record


def elsewhere(process, error_ms=0.4):
    host = f"host-{process}"
    return LoadWorker(process=process, host=host, cores=4.0, clock_error_ms=error_ms)


def played_by(run, cores, workers=()):
    """Return a run that so many processes have played, which used so many cores each."""
    scenario = run.record.scenario
    scenario = scenario | {"load": scenario["load"] | {"processes": len(cores)}}
    seconds = range(round(run.record.load_s) + 2)
    used = [
        (float(t_s), "load", f"cpu_s:{number}", 2.0 + share * t_s)
        for number, share in enumerate(cores)
        for t_s in seconds
    ]
    telemetry = pd.concat([run.telemetry, pd.DataFrame(used, columns=run.telemetry.columns)])
    changed = with_record(run, scenario=scenario, load_workers=list(workers))
    return replace(changed, telemetry=telemetry)


@pytest.fixture(scope="module")
def run():
    return make_run("queue", users=40, stock=600, seconds=24)


def law(run, name):
    found = [one for one in check_laws(run) if one.name == name]
    return found[0] if found else None


def test_the_busiest_process_decides_and_is_named(run):
    calm = played_by(run, (0.5, 0.7), [elsewhere(1)])
    assert law(calm, crowd.GENERATOR_CPU).verdict is Verdict.PASS
    busy = law(played_by(run, (0.1, 0.95), [elsewhere(1)]), crowd.GENERATOR_CPU)
    assert busy.verdict is Verdict.FAIL
    assert "process 1 on host-1" in busy.detail
    gave_out = resources(RunFacts(played_by(run, (0.1, 0.95), [elsewhere(1)])))
    assert "process 1 on host-1" in next(one.words for one in gave_out if one.kind == "generator")


def test_the_share_is_that_of_all_processes(run):
    share = generator_cpu_pct(RunFacts(played_by(run, (0.2, 0.6), [elsewhere(1)])))
    assert share.numerator / share.denominator == pytest.approx(40.0)


def test_a_process_that_was_not_sampled_makes_the_law_unknown(run):
    scenario = run.record.scenario
    three = scenario | {"load": scenario["load"] | {"processes": 3}}
    two_of_three = with_record(played_by(run, (0.2, 0.6)), scenario=three)
    assert law(two_of_three, crowd.GENERATOR_CPU).verdict is Verdict.UNKNOWN


def test_clocks_that_are_known_too_badly_make_a_run_invalid(run):
    assert law(run, times.LOAD_CLOCKS) is None
    assert law(with_record(run, load_workers=[elsewhere(0)]), times.LOAD_CLOCKS).verdict == "PASS"
    vague = with_record(run, load_workers=[elsewhere(0), elsewhere(1, error_ms=25.0)])
    found = law(vague, times.LOAD_CLOCKS)
    assert found.verdict is Verdict.FAIL
    assert "process 1 on host-1" in found.detail
