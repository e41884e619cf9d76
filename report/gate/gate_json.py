"""gate.json: everything that a gate found, for machines.

Its JSON Schema is `gate.schema.json` beside this file. The same result gives the same bytes: floats
have the digits of summary.json, and keys have the order of `harness.gate.result`.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.analysis.summary import plain
from harness.gate.result import Result

SCHEMA_VERSION = 2
SCHEMA_PATH = Path(__file__).with_name("gate.schema.json")


def document(result: Result) -> dict[str, Any]:
    """Return gate.json as data; its version and its verdict come first."""
    found = {"schema_version": SCHEMA_VERSION, "verdict": result.verdict, **asdict(result)}
    content: dict[str, Any] = plain(found)
    return content


def to_json(result: Result) -> str:
    """Return gate.json."""
    return as_json(document(result))


def as_json(content: Any) -> str:
    """Return content as JSON, its floats with the digits of summary.json."""
    return json.dumps(plain(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def schema() -> dict[str, Any]:
    """Return the JSON Schema of gate.json."""
    content: dict[str, Any] = json.loads(SCHEMA_PATH.read_text(encoding="utf-8"))
    return content
