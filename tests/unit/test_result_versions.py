"""What an earlier version stored is read under the names of this one."""

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.results.record import SCHEMA_VERSION
from harness.results.versions import upgrade_campaign, upgrade_run

PATH = Path("somewhere.json")
TOPOLOGY = {"title": "Sync", "containers": 3, "services": {"api": {}}}
OLD = {"sales": 300}


def test_a_contest_is_read_as_a_contention_test():
    campaign = {
        "schema_version": 1,
        "approaches": ["sync"],
        "topologies": {"sync": TOPOLOGY},
        "scenario": {"title": "Many", "contest": OLD},
        "order": [{"index": 1, "approach": "sync"}],
    }
    assert upgrade_campaign(campaign, PATH)["scenario"] == {"title": "Many", "contention": OLD}
    run = {"schema_version": 1, "approach": "sync", "scenario": {"contest": None}}
    assert upgrade_run(run, PATH)["scenario"] == {"contention": None}


def test_a_cut_is_read_as_a_partition():
    run = {"schema_version": 1, "approach": "sync", "faults": [{"kind": "cut"}, {"kind": "kill"}]}
    assert [fault["kind"] for fault in upgrade_run(run, PATH)["faults"]] == ["partition", "kill"]


def test_what_this_version_wrote_stays_and_another_is_refused():
    run = {"schema_version": SCHEMA_VERSION, "variant": "a", "faults": []}
    assert upgrade_run(dict(run), PATH) == run
    with pytest.raises(UsageError, match="schema_version is 9"):
        upgrade_run({"schema_version": 9}, PATH)
