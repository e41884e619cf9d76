import json
import re
import shutil
from dataclasses import replace

import pandas as pd
import pytest

from harness.errors import InfrastructureError, UsageError
from harness.results.findings import Finding, Verdict, worst
from harness.results.store import TABLES, Campaign, load_findings, load_run, read_json
from tests.support.full_disk import full_disk
from tests.support.histories import make_run

FINDING = Finding("I1", "No oversell", Verdict.PASS, "fine", 0, ({"order_id": "x"},))


@pytest.fixture
def stored(tmp_path):
    order = [{"index": 1, "variant": "queue"}, {"index": 1, "variant": "sync"}]
    return Campaign.create(tmp_path / "c", {"title": "t", "order": order})


def test_a_saved_run_reads_back_equal(stored, tmp_path):
    log = tmp_path / "api.log"
    log.write_text("hello\n")
    run = make_run("queue")
    folder = stored.save_run(run, [FINDING], {"api-1": log})
    read = load_run(folder)
    for table in TABLES:
        saved = getattr(run, table)  # texts with few values come back as categories
        pd.testing.assert_frame_equal(saved, getattr(read, table).astype(saved.dtypes))
    assert read.record == run.record
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


def test_a_table_without_a_column_is_named(stored):
    folder = stored.save_run(make_run("sync"), [], {})
    path = folder / "orders.parquet"
    pd.read_parquet(path).drop(columns="settled_ns").to_parquet(path)
    with pytest.raises(UsageError, match=r"orders\.parquet: there is no column settled_ns"):
        load_run(folder)


def test_a_key_that_is_missing_is_named_by_file(stored):
    folder = stored.save_run(make_run("sync"), [FINDING], {})
    for name, key in (("run.json", "validity"), ("audit.json", "findings")):
        content = json.loads((folder / name).read_text())
        del content[key]
        stored.write_json(f"runs/{folder.name}/{name}", content)
    with pytest.raises(UsageError, match=rf"{folder.name}/run\.json: there is no key validity"):
        read_json(folder / "run.json")["validity"]["verdict"]
    with pytest.raises(UsageError, match=r"audit\.json: there is no key findings"):
        load_findings(folder)


@pytest.mark.parametrize("change", [{"verdict": "MAYBE"}, {"colour": "red"}, {"title": None}])
def test_a_finding_that_is_none_is_named_by_file(stored, change):
    folder = stored.save_run(make_run("sync"), [FINDING], {})
    content = json.loads((folder / "audit.json").read_text())
    finding = {**content["findings"][0], **change}
    content["findings"] = [{key: value for key, value in finding.items() if value is not None}]
    stored.write_json(f"runs/{folder.name}/audit.json", content)
    with pytest.raises(UsageError, match=r"audit\.json: "):
        load_findings(folder)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("02-queue", "02-queue is a copy: its run.json is that of the run 01-queue"),
        ("2nd-try", "2nd-try is a copy"),
        ("01-queue (copy)", "is a copy"),
        ("copy", "copy is a copy"),
    ],
)
def test_a_copied_run_is_refused_by_name(stored, name, words):
    run = stored.save_run(make_run("queue"), [], {})
    shutil.copytree(run, run.with_name(name))
    with pytest.raises(UsageError, match=re.escape(words)) as refused:
        Campaign.open(stored.path)
    assert refused.value.hint == f"move the folder out of {stored.path / 'runs'}"


def test_a_run_of_another_campaign_is_refused(stored):
    stored.save_run(make_run("queue", index=7), [], {})
    with pytest.raises(UsageError, match=r"07-queue is no run of .*campaign\.json"):
        Campaign.open(stored.path)


def test_a_folder_without_a_run_is_refused(stored):
    (stored.path / "runs" / "01-sync").mkdir()
    with pytest.raises(UsageError, match=r"01-sync holds no run: there is no run\.json in it"):
        Campaign.open(stored.path)


def test_drafts_and_stray_files_are_no_runs(stored):
    (stored.path / "runs" / ".01-sync.4711").mkdir()
    (stored.path / "runs" / "notes.txt").write_text("")
    assert Campaign.open(stored.path).run_folders() == []


def everything_in(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_nothing_is_left_of_a_campaign_for_which_there_is_no_space(tmp_path):
    with full_disk(), pytest.raises(InfrastructureError, match=r"cannot write to .*/c: ") as full:
        Campaign.create(tmp_path / "c", {"title": "t", "order": []})
    assert "free some space" in full.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_the_user_stays_when_there_is_no_space(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with full_disk(), pytest.raises(InfrastructureError):
        Campaign.create(tmp_path, {"title": "t", "order": []})
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("room_bytes", [0, 2_000, 6_000])
def test_nothing_is_left_of_a_run_for_which_there_is_no_space(stored, room_bytes):
    run, before = make_run("queue"), everything_in(stored.path)
    with full_disk(room_bytes), pytest.raises(InfrastructureError, match="cannot save run") as full:
        stored.save_run(run, [FINDING], {})
    assert "--resume" in full.value.hint
    assert everything_in(stored.path) == before
    assert stored.run_folders() == []


def test_a_file_stays_as_it_was_when_there_is_no_space(stored):
    before = everything_in(stored.path)
    with full_disk(10), pytest.raises(InfrastructureError, match=r"campaign\.json: "):
        stored.write_json("campaign.json", {"title": "another", "order": []})
    assert everything_in(stored.path) == before


@pytest.mark.parametrize(
    ("path", "read"),
    [(b"/caf\xe9", "/caf\udce9"), ("/café".encode(), "/café"), (b"/cafe", "/cafe")],
)
def test_a_path_of_any_bytes_can_be_written_and_read(stored, path, read):
    taken_for_ascii = path.decode("ascii", "surrogateescape")
    file = stored.write_json("a.json", {"path": taken_for_ascii, "word": "café"})
    assert read_json(file) == {"path": read, "word": "café"}


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
