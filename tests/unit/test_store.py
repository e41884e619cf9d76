import json
from dataclasses import replace

import pandas as pd
import pytest

from harness.errors import InfrastructureError, UsageError
from harness.findings import Finding, Verdict, worst
from harness.store import TABLES, Campaign, load_findings, load_run
from tests.support.histories import make_run

FINDING = Finding("I1", "No oversell", Verdict.PASS, "fine", 0, ({"order_id": "x"},))


@pytest.fixture
def stored(tmp_path):
    return Campaign.create(tmp_path / "c", {"title": "t", "order": []})


def test_a_saved_run_reads_back_equal(stored, tmp_path):
    log = tmp_path / "api.log"
    log.write_text("hello\n")
    run = make_run("queue")
    folder = stored.save_run(run, [FINDING], {"api-1": log})
    read = load_run(folder)
    for table in TABLES:
        saved = getattr(run, table)  # texts with few values come back as categories
        pd.testing.assert_frame_equal(saved, getattr(read, table).astype(saved.dtypes))
    assert read.record == {"schema_version": 1} | json.loads(json.dumps(run.record))
    assert load_findings(folder) == [FINDING]
    assert stored.has_run(run.index, run.approach)


def test_a_run_that_is_not_whole_is_not_there(stored, tmp_path):
    with pytest.raises(InfrastructureError, match="cannot save run"):
        stored.save_run(make_run("queue"), [], {"api-1": tmp_path / "no such log"})
    assert stored.run_folders() == []
    assert list((stored.path / "runs").iterdir()) == []


def test_equal_content_is_equal_bytes(stored):
    one = stored.write_json("a.json", {"b": 1, "a": [1.5, None]})
    two = stored.write_json("b.json", {"a": [1.5, None], "b": 1})
    assert one.read_bytes() == two.read_bytes()


def test_a_folder_takes_one_campaign(stored):
    with pytest.raises(UsageError, match="holds a campaign already"):
        Campaign.create(stored.path, {})


def test_an_unwritable_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write to"):
        Campaign.create(tmp_path / "file" / "c", {})


def test_a_foreign_schema_version_is_refused(stored):
    stored.write_json("campaign.json", {"schema_version": 99})
    with pytest.raises(UsageError, match="schema_version is 99"):
        Campaign.open(stored.path)


def test_a_broken_table_is_named(stored):
    folder = stored.save_run(make_run("sync"), [], {})
    (folder / "orders.parquet").write_bytes(b"no parquet")
    with pytest.raises(UsageError, match=r"orders\.parquet"):
        load_run(folder)


def test_json_never_holds_nan(stored):
    with pytest.raises(ValueError, match="Out of range"):
        stored.write_json("a.json", {"a": float("nan")})
    assert not (stored.path / "a.json").exists()


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], Verdict.UNKNOWN),
        ([Verdict.PASS], Verdict.PASS),
        ([Verdict.PASS, Verdict.UNKNOWN], Verdict.UNKNOWN),
        ([Verdict.UNKNOWN, Verdict.FAIL, Verdict.PASS], Verdict.FAIL),
    ],
)
def test_the_worst_verdict_decides(verdicts, expected):
    assert worst(verdicts) is expected
    assert replace(FINDING, verdict=worst(verdicts)).verdict is expected
