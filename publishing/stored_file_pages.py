"""The reference of the stored files: a page for each JSON Schema of the project."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from publishing.json_schema import Schema, in_words, keys
from publishing.markdown_table import markdown_table

ROOT = Path(__file__).parents[1]
SCHEMAS: Final = {
    "run.json": ("harness/results/run.schema.json", "In the folder of a run, below `runs/`."),
    "summary.json": (
        "harness/analysis/summary.schema.json",
        "In the folder of a campaign.",
    ),
    "summary.json of contention tests": (
        "harness/analysis/contention.schema.json",
        "In the folder of a campaign of contention tests.",
    ),
    "capacity.json": (
        "harness/capacity/capacity.schema.json",
        "In the folder of a search for a capacity.",
    ),
    "gate.json": ("report/gate/gate.schema.json", "In the folder of a gate."),
}
"""By the name of the file: its schema, and where it is."""


def stored_file_pages() -> dict[str, str]:
    """Return the pages by their name in the site, such as ``run.schema.md``."""
    return {
        f"{Path(path).stem}.md": _page(name, path, where) for name, (path, where) in SCHEMAS.items()
    }


def _page(name: str, path: str, where: str) -> str:
    schema = json.loads((ROOT / path).read_text("utf-8"))
    definitions = schema.get("$defs", {})

    def named(key: str) -> str:
        is_object = "properties" in definitions[key]
        return f"[{key}](#{key.lower()})" if is_object else in_words(definitions[key], named)

    sections = [
        f"## {key}\n\n{one.get('description', '')}\n\n{_table(one, named)}"
        for key, one in definitions.items()
        if "properties" in one
    ]
    head = (
        f"# {name}\n\n{where} {schema.get('description', '')}\n\n"
        f"Generated from its JSON Schema, [`{path}`](../{path})."
    )
    return "\n\n".join([head, _table(schema, named), *sections]) + "\n"


def _table(schema: Schema, named: Callable[[str], str]) -> str:
    rows = [(f"`{key.name}`", key.value, key.meaning) for key in keys(schema, named)]
    return markdown_table(["key", "value", "meaning"], rows)
