"""A kind of fault is declared once; its action, its key in a scenario and the docs follow."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.errors import UsageError
from harness.faults.actions import actions
from harness.results.outages import outages
from harness.results.record import FaultRecord
from harness.scenario.fault_kinds import FAULT_KINDS, Hits, fault_kind
from harness.scenario.faults import Fault

ROOT = Path(__file__).parents[2]


def test_every_kind_has_one_action_and_no_action_is_of_another_kind():
    of_a_service = {kind for kind, of_process in actions() if not of_process}
    of_a_process = {kind for kind, of_process in actions() if of_process}
    assert of_a_service == set(FAULT_KINDS)
    assert of_a_process == {kind.name for kind in FAULT_KINDS.values() if kind.of_process}


@pytest.mark.parametrize("kind", FAULT_KINDS.values(), ids=FAULT_KINDS)
def test_the_methodology_says_of_every_kind_what_its_declaration_says(kind):
    text = (ROOT / "docs/methodology.md").read_text("utf-8")
    (row,) = [line for line in text.splitlines() if line.startswith(f"| `{kind.name}` |")][:1]
    assert kind.description in row


@pytest.mark.parametrize("kind", FAULT_KINDS.values(), ids=FAULT_KINDS)
def test_a_fault_of_each_kind_takes_the_options_that_are_declared(kind):
    hit = {"service": "api"} if kind.needs_service else {}
    hit |= {"node": "stores"} if kind.hits is Hits.NODE else {}
    fault = Fault(kind=kind.name, at_s=9, **hit, **kind.options)
    assert fault.lasts_s == kind.options.get("for_s", 0)
    assert fault.slowness == kind.options.get("factor")
    for option in {"for_s", "factor", "age_s", "count"} - set(kind.options):
        with pytest.raises(ValueError, match=f"{option} = 1: .*{kind.name}"):
            Fault(kind=kind.name, at_s=9, **hit, **{option: 1})


def test_the_old_name_of_a_partition_is_still_read():
    assert Fault(kind="cut", service="api", at_s=1).kind == "partition"


def test_a_kind_that_nobody_declared_is_an_error():
    with pytest.raises(UsageError, match="'burn'"):
        fault_kind("burn")
    with pytest.raises(ValueError, match=r"must be 'kill', .* or 'slow'"):
        Fault(kind="burn", service="api", at_s=1)


def test_only_accounts_are_no_outage():
    for kind in FAULT_KINDS.values():
        stored = FaultRecord(kind=kind.name, service=None, begun_ns=1, ended_ns=2, healthy_ns=3)
        found = outages(SimpleNamespace(faults=[stored]))
        assert bool(found) == (kind.hits is not Hits.ACCOUNTS)
