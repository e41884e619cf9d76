"""A mutant's recorded run: what the audit reads of it, so that it can be audited anew at any time.

`recorded/NAME/` holds the run as the harness stored it, without logs, telemetry and what else no
invariant reads, and `recording.json`: which revision it was made from, and a fingerprint of the
mutant and its load, so that no recording outlives what it shows.
"""

import dataclasses
import hashlib
import json
import shutil
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from harness.audit import audit, verdict
from harness.results.findings import Finding, Verdict
from harness.results.record import RunRecord
from harness.results.store import TABLES, RunData, audit_document, load_run, read_json, write_json
from tests.mutants.mutant import LOADS, Mutant
from tests.support.edits import ROOT
from tests.support.repositories import git

RECORDED = Path(__file__).parent / "recorded"
MISSING = "missing.txt"
HINT = "record it anew: make mutants"

UNREAD_TABLES = ("telemetry", "clock")
UNREAD_FACTS = ("validity", "servers", "deployment", "durations_s", "cores", "recorded")
"""What no invariant reads; that it changes no finding is checked when a run is recorded."""


class RecordingError(AssertionError):
    """A run that does not show what its recording is to show."""


def folder_of(mutant: Mutant, root: Path = RECORDED) -> Path:
    """Return where a mutant's run is recorded; a control has one of each load."""
    name = mutant.name if mutant.caught_by else f"{mutant.name}-{mutant.load}"
    return root / name


def is_recorded(mutant: Mutant, root: Path = RECORDED) -> bool:
    """Return True if there is a recording, of whatever age."""
    return (folder_of(mutant, root) / "recording.json").exists()


def fingerprint(mutant: Mutant) -> str:
    """Return a hash of what is recorded: an approach, what is wrong with it, and the load.

    Not of the edits that make it wrong: they follow the sources, and the mistake stays the same.
    """
    load = tomllib.loads((LOADS / f"{mutant.load}.toml").read_text(encoding="utf-8"))
    shown = {key: value for key, value in load.items() if key not in ("title", "description")}
    text = json.dumps([mutant.approach, mutant.wrong, shown], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def record(mutant: Mutant, run_folder: Path, root: Path = RECORDED) -> Path:
    """Record a stored run in the place of an older recording; raise RecordingError."""
    run = load_run(run_folder)
    kept = _what_is_audited(run)
    findings = audit(kept)
    if findings != audit(run):
        raise RecordingError(f"{mutant.name}: what is left out changes a finding")
    check(mutant, findings)
    folder = folder_of(mutant, root)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for table in TABLES:
        write_small(getattr(kept, table), folder / f"{table}.parquet")
    write_json(folder / "run.json", kept.record.as_json())
    write_json(folder / "audit.json", audit_document(findings))
    facts = {"mutant": mutant.name, "fingerprint": fingerprint(mutant)}
    write_json(folder / "recording.json", {**facts, "revision": git(ROOT, "rev-parse", "HEAD")})
    return folder


def write_small(frame: pd.DataFrame, path: Path) -> None:
    """Write a table in a third less than the harness does: moments follow each other closely."""
    numbers = frame.select_dtypes("integer").columns
    frame.to_parquet(
        path,
        index=False,
        compression="zstd",
        compression_level=19,
        use_dictionary=[name for name in frame.columns if name not in numbers],
        column_encoding=dict.fromkeys(numbers, "DELTA_BINARY_PACKED"),
    )


def check(mutant: Mutant, findings: Iterable[Finding]) -> None:
    """Raise RecordingError unless the findings are those of this mutant, or of a healthy shop."""
    by_id = {finding.id: finding for finding in findings}
    if not mutant.caught_by:
        if verdict(by_id.values()) is not Verdict.PASS:
            raise RecordingError(f"{mutant.name} does not pass under {mutant.load}")
        return
    finding = by_id[mutant.caught_by]
    if finding.verdict is not Verdict.FAIL or not finding.count or not finding.examples:
        raise RecordingError(f"{mutant.name} is not caught by {mutant.caught_by}: {finding}")


def origin(mutant: Mutant, root: Path = RECORDED) -> dict[str, Any]:
    """Return what a recording says of itself."""
    return read_json(folder_of(mutant, root) / "recording.json")


def list_missing(mutants: Iterable[Mutant], root: Path = RECORDED) -> None:
    """Write down which of the mutants have no recording."""
    names = sorted(one.name for one in mutants if not is_recorded(one, root))
    (root / MISSING).write_text("".join(f"{name}\n" for name in names), encoding="utf-8")


def _what_is_audited(run: RunData) -> RunData:
    stated = run.record.model_dump(exclude=set(UNREAD_FACTS))
    record = RunRecord.model_validate(stated)
    empty = {table: getattr(run, table).iloc[:0] for table in UNREAD_TABLES}
    return dataclasses.replace(run, record=record, **empty)
