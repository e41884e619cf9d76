"""A wall clock that is set in mid-sale makes a run invalid, and accuses the shop of nothing."""

from dataclasses import replace

import pandas as pd
import pytest

from harness.analysis import check_laws, validity
from harness.audit import audit, verdict
from harness.results.findings import Verdict
from harness.results.store import RunData
from tests.support.histories import make_run
from tests.support.records import T0_WALL_NS

S = 1_000_000_000
STAMPS = {
    "orders": ("accepted_ns", "settled_ns"),
    "order_events": ("at_ns",),
    "payments": ("at_ns",),
    "stock_moves": ("at_ns",),
    "charges": ("started_ns", "finished_ns"),
}


def stepped(run: RunData, by_s: float, at_s: float = 9.0) -> RunData:
    """Return the run as it is seen by a wall clock that is set at `at_s` by `by_s` seconds."""

    def seen(stamps: pd.Series) -> pd.Series:
        later = stamps > T0_WALL_NS + round(at_s * S)
        return stamps + later * round(by_s * S)

    tables = {
        table: getattr(run, table).assign(
            **{column: seen(getattr(run, table)[column]) for column in columns}
        )
        for table, columns in STAMPS.items()
    }
    telemetry = run.telemetry.copy()
    read = (telemetry["metric"] == "clock_step_s") & (telemetry["t_s"] > at_s)
    telemetry.loc[read, "value"] = by_s
    return replace(run, telemetry=telemetry, **tables)


@pytest.mark.parametrize("by_s", [-30.0, -2.0, 2.0, 30.0])
@pytest.mark.parametrize("approach", ["sync", "queue"])
def test_a_clock_that_steps_is_an_invalid_measurement_and_no_failure(approach, by_s):
    run = stepped(make_run(approach, users=40, stock=60, seconds=24), by_s)
    judged = validity(run, check_laws(run))
    assert judged.verdict == "INVALID"
    assert any("wall clock" in reason for reason in judged.reasons)
    assert [one for one in audit(run) if one.verdict is Verdict.FAIL] == []


def test_without_a_reading_of_the_clocks_the_same_stamps_accuse_the_shop():
    """Known bad: what is forgiven is forgiven for the clock's sake alone."""
    run = stepped(make_run("sync", users=40, stock=60, seconds=24), -30.0)
    silent = replace(run, telemetry=run.telemetry[run.telemetry["metric"] != "clock_step_s"])
    assert verdict(audit(silent)) is Verdict.FAIL


def test_what_does_not_rest_on_the_clock_fails_all_the_same():
    run = stepped(make_run("sync", users=40, stock=60, seconds=24), 2.0)
    run.record.scenario["product"]["stock"] = 5
    (found,) = [one for one in audit(run) if one.id == "I1"]
    assert found.verdict is Verdict.FAIL
