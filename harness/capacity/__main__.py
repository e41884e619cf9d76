"""Writes the JSON Schema of capacity.json: `python -m harness.capacity`."""

import json

from harness.capacity.capacity_document import SCHEMA_PATH, json_schema

text = json.dumps(json_schema(), indent=2, sort_keys=True, ensure_ascii=False)
SCHEMA_PATH.write_text(f"{text}\n", encoding="utf-8")
