"""A campaign's folder: the one place where results are written, and read back.

    results/<campaign>/campaign.json                 what was asked for, on what machine
    results/<campaign>/runs/NN-<variant>/            one run: run.json, audit.json, *.parquet, logs/
    results/<campaign>/summary.json, report/         derived; can be deleted and rebuilt

A run is written to a hidden folder and renamed when it is whole, so a run folder that exists is
complete, whatever was killed in between. Raw files are never changed afterwards.
"""

import errno
import gzip
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import TypeAdapter

from harness.errors import InfrastructureError, UsageError, unwritable
from harness.results.findings import Finding, correctness
from harness.results.record import CHANGED, SCHEMA_VERSION, RunRecord
from harness.results.versions import upgrade_campaign, upgrade_finding, upgrade_run


@dataclass(frozen=True, slots=True)
class RunData:
    """One run as facts: its record (`run.json`) and its tables (one parquet file each)."""

    record: RunRecord
    requests: pd.DataFrame
    buyers: pd.DataFrame
    clock: pd.DataFrame
    telemetry: pd.DataFrame
    orders: pd.DataFrame
    order_events: pd.DataFrame
    payments: pd.DataFrame
    stock_moves: pd.DataFrame
    charges: pd.DataFrame

    @property
    def approach(self) -> str:
        """Name of the approach that was under test."""
        return self.record.approach

    @property
    def variant(self) -> str:
        """Name of the variant that was measured."""
        return self.record.variant

    @property
    def index(self) -> int:
        """Position of the run in its campaign, from 1."""
        return self.record.index

    @property
    def is_valid(self) -> bool:
        """Whether the run was judged valid when it was saved."""
        return self.record.validity is not None and self.record.validity.verdict == "VALID"

    @property
    def sold(self) -> int:
        """Units that were sold of all products."""
        return sum(product.sold for product in self.record.store.products or ())


FEW_VALUES = {"requests": ["endpoint", "outcome", "error", "order_status", "code"]}
"""Columns of text with few different values; read as categories they take a tenth of the memory."""

_FREE_AS_YOU_GO: dict[str, Any] = {"split_blocks": True, "self_destruct": True}
"""Options of pyarrow: a table of millions of rows is not held twice."""

TABLES = tuple(field.name for field in fields(RunData) if field.name != "record")

COLUMNS = {
    "requests": (
        *("process", "user", "endpoint", "stage", "intended_ns", "sent_ns", "done_ns", "think_ns"),
        *("status", "outcome", "error", "key", "try", "order_id", "order_status", "version"),
        "replayed",
    ),
    "buyers": ("process", "user", "born_ns", "asked_ns", "left_ns"),
    "clock": ("t_s", "planned", "active", "alive"),
    "telemetry": ("t_s", "source", "metric", "value"),
    "orders": (
        *("order_id", "user_id", "product_id", "quantity", "key", "amount_cents", "status"),
        *("version", "accepted_ns", "settled_ns"),
    ),
    "order_events": ("order_id", "version", "status", "at_ns"),
    "payments": ("order_id", "charge_id", "outcome", "amount_cents", "at_ns"),
    "stock_moves": ("order_id", "kind", "quantity", "at_ns", "relayed"),
    "charges": (
        *("charge_id", "key", "order_id", "reference", "amount_cents", "outcome", "latency_ms"),
        *("started_ns", "finished_ns"),
    ),
}
"""The columns that every stored table has, whichever version of the harness wrote it."""


def run_folder_name(index: int, variant: str) -> str:
    """Return the folder name of a run, such as ``03-queue``."""
    return f"{index:02d}-{variant}"


class Campaign:
    """A campaign's folder on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @staticmethod
    def check_free(path: Path) -> None:
        """Raise UsageError if a folder cannot hold a new campaign; nothing is written."""
        if (path / "campaign.json").exists():
            raise UsageError(
                f"{path} holds a campaign already",
                "continue it with --resume, or choose another --out",
            )
        there = next(one for one in (path, *path.absolute().parents) if one.exists())
        if not there.is_dir():
            raise unwritable(path, NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)))
        if not os.access(there, os.W_OK | os.X_OK):
            raise unwritable(path, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))

    @classmethod
    def create(cls, path: Path, description: Mapping[str, Any]) -> "Campaign":
        """Make a new campaign folder; nothing is left of it if that fails.

        Raises UsageError if the folder cannot be written or is taken, InfrastructureError if there
        is no space left.
        """
        cls.check_free(path)
        missing = [folder for folder in (path / "runs", path) if not folder.exists()]
        try:
            (path / "runs").mkdir(parents=True, exist_ok=True)
            content = {"schema_version": SCHEMA_VERSION, **description}
            _write(path / "campaign.json", _as_json(content))
        except OSError as error:
            for folder in missing:
                with suppress(OSError):
                    folder.rmdir()
            raise unwritable(path, error) from error
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> "Campaign":
        """Open a stored campaign; raise UsageError if the folder does not hold a readable one.

        A folder among its runs that is none of them makes it unreadable.
        """
        campaign = cls(path)
        campaign._refuse_foreign_folders()
        return campaign

    def description(self) -> dict[str, Any]:
        """Return campaign.json (UsageError: it cannot be read, or another version wrote it)."""
        path = self.path / "campaign.json"
        return upgrade_campaign(read_json(path), path)

    def write_json(self, name: str, content: Mapping[str, Any]) -> Path:
        """Write one JSON file of the campaign atomically, keys sorted."""
        return write_json(self.path / name, content)

    def cut_plan(self) -> None:
        """Leave the runs that were not made out of the plan: they need not be made any more."""
        description = self.description()
        made = [run for run in description["order"] if self.has_run(run["index"], run["variant"])]
        description["order"] = made
        description["n_blocks"] = max((run["block"] for run in made), default=0)
        self.write_json("campaign.json", description)

    def run_folders(self) -> list[Path]:
        """Return the folders of the finished runs, in the order in which they ran."""
        return [folder for folder in self._planned() if (folder / "run.json").exists()]

    def _planned(self) -> list[Path]:
        """Return the folder of every run of the plan, finished or not."""
        order = sorted(self.description()["order"], key=lambda run: int(run["index"]))
        names = (run_folder_name(run["index"], run["variant"]) for run in order)
        return [self.path / "runs" / name for name in names]

    def _refuse_foreign_folders(self) -> None:
        """Raise UsageError for a folder that is none of the runs: a copy may stand in for one."""
        planned = self._planned()
        for folder in sorted((self.path / "runs").glob("[!.]*/")):
            hint = f"move the folder out of {folder.parent}"
            if not (folder / "run.json").exists():
                raise UsageError(f"{folder} holds no run: there is no run.json in it", hint)
            run = load_record(folder)
            name = run_folder_name(run.index, run.variant)
            if folder.name != name:
                raise UsageError(
                    f"{folder} is a copy: its run.json is that of the run {name}", hint
                )
            if folder not in planned:
                raise UsageError(f"{folder} is no run of {self.path / 'campaign.json'}", hint)

    def has_run(self, index: int, variant: str) -> bool:
        """Return True if this run was finished and saved."""
        return (self.path / "runs" / run_folder_name(index, variant) / "run.json").exists()

    def save_run(self, run: RunData, findings: list[Finding], logs: Mapping[str, Path]) -> Path:
        """Save a finished run atomically and return its folder."""
        name = run_folder_name(run.index, run.variant)
        final = self.path / "runs" / name
        draft = self.path / "runs" / f".{name}.{os.getpid()}"
        try:
            shutil.rmtree(draft, ignore_errors=True)
            (draft / "logs").mkdir(parents=True)
            for table in TABLES:
                frame: pd.DataFrame = getattr(run, table)
                frame.to_parquet(draft / f"{table}.parquet", compression="zstd", index=False)
            for service, log in logs.items():
                _compress(log, draft / "logs" / f"{service}.log.gz")
            _write(draft / "audit.json", _as_json(audit_document(findings)))
            _write(draft / "run.json", _as_json(run.record.as_json()))
            os.replace(draft, final)
        except OSError as error:
            raise InfrastructureError(
                f"cannot save run {name} to {self.path}: {error.strerror or error}",
                "free some space there, then continue with --resume",
            ) from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return final

    def validity(self) -> dict[int, dict[str, Any]]:
        """Return verdict and reasons of every finished run, by its index.

        They are those of the summary, which is what the report shows: the laws may be others than
        when a run was saved. A run that no summary covers has those that it was saved with.
        """
        judged = {
            record.index: record.validity.model_dump(mode="json")
            for record in self.records()
            if record.validity is not None
        }
        summary = self.path / "summary.json"
        derived = read_json(summary).get("validity", []) if summary.exists() else []
        return judged | {one["index"]: one for one in derived if one["index"] in judged}

    def records(self) -> list[RunRecord]:
        """Read what every finished run has found, without its tables."""
        return [load_record(folder) for folder in self.run_folders()]

    def load_runs(self) -> list[RunData]:
        """Read every finished run."""
        return [load_run(folder) for folder in self.run_folders()]


def _compress(source: Path, target: Path) -> None:
    """Copy a file gzipped, without name and time, so that equal logs are equal bytes."""
    with (
        source.open("rb") as plain,
        target.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed,
    ):
        shutil.copyfileobj(plain, packed)


def audit_document(findings: list[Finding]) -> dict[str, Any]:
    """Return the content of audit.json: the verdict on correctness, and every finding."""
    return {"verdict": correctness(findings), "findings": [asdict(finding) for finding in findings]}


def load_run(folder: Path) -> RunData:
    """Read one run folder; raise UsageError naming the file that is missing or broken."""
    tables = {}
    for table in TABLES:
        path = folder / f"{table}.parquet"
        try:
            tables[table] = pd.read_parquet(
                path,
                engine="pyarrow",
                read_dictionary=FEW_VALUES.get(table),
                to_pandas_kwargs=_FREE_AS_YOU_GO,
            )
        except (OSError, ValueError) as error:
            raise UsageError(f"cannot read {path}: {error}", "the run is incomplete") from error
        missing = [column for column in COLUMNS[table] if column not in tables[table]]
        if missing:
            raise UsageError(f"{path}: there is no column {', '.join(missing)}", CHANGED)
    return RunData(record=load_record(folder), **tables)


def load_record(folder: Path) -> RunRecord:
    """Read the run.json of a run folder; raise UsageError naming the file and what is wrong."""
    path = folder / "run.json"
    return RunRecord.read(upgrade_run(read_json(path), path), path)


_FINDINGS = TypeAdapter(list[Finding])


def load_findings(folder: Path) -> list[Finding]:
    """Read the audit that was stored with a run; raise UsageError naming the file if it is none."""
    document = read_json(folder / "audit.json")
    try:
        found = [upgrade_finding(one) for one in document["findings"]]
        return _FINDINGS.validate_python(found, extra="forbid")
    except (TypeError, ValueError) as error:
        raise UsageError(f"{folder / 'audit.json'}: {error}", CHANGED) from error


class _Stored(dict[str, Any]):
    """A JSON object that names its file when a key that is read is missing."""

    path = Path()

    def __missing__(self, key: str) -> Any:
        raise UsageError(f"{self.path}: there is no key {key}", CHANGED)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; raise UsageError naming the file if that is impossible.

    Reading a key that is missing, in it or in an object within it, raises UsageError as well.
    """

    def named(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        stored = _Stored(pairs)
        stored.path = path
        return stored

    try:
        content = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=named)
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path}: {error}", "name the folder of a campaign") from error
    if not isinstance(content, dict):
        raise UsageError(f"{path} does not hold a JSON object", "name the folder of a campaign")
    return content


def write_json(path: Path, content: Mapping[str, Any]) -> Path:
    """Write JSON with sorted keys, as `write_text` writes, and raise as it does."""
    return write_text(path, _as_json(content))


def write_text(path: Path, text: str) -> Path:
    """Write a file as a whole, or not at all; its folder is made if it is missing.

    Raises UsageError if it cannot be written, InfrastructureError if there is no space left.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _write(path, text)
    except OSError as error:
        raise unwritable(path, error) from error


def encoded(text: str) -> bytes:
    """Return a text as UTF-8; it may hold paths as Python read them in an ASCII locale.

    Bytes of a path that are no UTF-8 become an escape, which JSON reads back as they were.
    """
    with suppress(UnicodeError):
        restored = text.encode("utf-8", "surrogateescape")
        restored.decode("utf-8")
        return restored
    return text.encode("utf-8", "backslashreplace")


def _as_json(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return f"{text}\n"


def _write(path: Path, text: str) -> Path:
    """Write a hidden file and rename it into place."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(encoded(text))
        os.replace(draft, path)
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    return path
