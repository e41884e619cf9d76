"""The published JSON Schemas of summary.json."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "harness" / "analysis"


def summary_schema() -> dict[str, Any]:
    return _read(FOLDER / "summary.schema.json")


def contention_schema() -> dict[str, Any]:
    return _read(FOLDER / "contention.schema.json")


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))
