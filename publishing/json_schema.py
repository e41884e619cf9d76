"""The keys of a JSON Schema in words: name, value, default and meaning.

Objects that stand in the schema itself are part of the table of their parent, under names such as
``load.peak_users`` and ``laws[].title``; what it refers to has a table of its own.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

_TYPES = {
    "array": "list",
    "boolean": "true or false",
    "integer": "whole number",
    "null": "null",
    "number": "number",
    "object": "object",
    "string": "text",
}
_BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


@dataclass(frozen=True, slots=True)
class Key:
    """One key; `default` is JSON."""

    name: str
    value: str
    default: str | None
    is_required: bool
    meaning: str


def keys(schema: Schema, named: Callable[[str], str], prefix: str = "") -> Iterator[Key]:
    """Yield the keys of an object; `named` writes a reference to the definition of a name."""
    for name, one in schema.get("properties", {}).items():
        yield Key(
            name=prefix + name,
            value=in_words(one, named),
            default=_default(one),
            is_required=name in schema.get("required", ()),
            meaning=one.get("description", ""),
        )
        yield from _keys_within(one, named, prefix + name)


def _keys_within(one: Schema, named: Callable[[str], str], name: str) -> Iterator[Key]:
    """Yield the keys of the object that a value is, or that are in it."""
    yield from keys(one, named, f"{name}.")
    if isinstance(one.get("items"), dict):
        yield from _keys_within(one["items"], named, f"{name}[]")
    if isinstance(one.get("additionalProperties"), dict):
        yield from _keys_within(one["additionalProperties"], named, f"{name}.NAME")


def in_words(one: Schema, named: Callable[[str], str]) -> str:
    """Return what a value may be."""
    if "$ref" in one:
        return named(definition_name(one))
    for choice in ("anyOf", "oneOf"):
        if choice in one:
            return " or ".join(dict.fromkeys(in_words(each, named) for each in one[choice]))
    if "const" in one:
        return f"`{json.dumps(one['const'])}`"
    if "enum" in one:
        return " or ".join(f"`{json.dumps(value, ensure_ascii=False)}`" for value in one["enum"])
    kinds = one.get("type", ())
    if isinstance(kinds, str):
        kinds = (kinds,)
    return " or ".join(_of_type(kind, one, named) for kind in kinds) or "anything"


def definition_name(one: Schema) -> str:
    """Return the name of the definition that a reference refers to."""
    return str(one["$ref"]).rpartition("/")[2]


def _default(one: Schema) -> str | None:
    """Return what holds if a key is left out; None if that is nothing, or tables of defaults."""
    default = one.get("default")
    is_said = default not in (None, "", [], {}) and not isinstance(default, dict)
    return json.dumps(default, ensure_ascii=False) if is_said else None


def _of_type(kind: str, one: Schema, named: Callable[[str], str]) -> str:
    if kind == "array" and "prefixItems" in one:
        return f"list of {len(one['prefixItems'])}: {in_words(one['prefixItems'][0], named)}"
    if kind == "array" and isinstance(one.get("items"), dict):
        return f"list of {in_words(one['items'], named)}"
    if kind == "object" and isinstance(one.get("additionalProperties"), dict):
        return f"by name, {in_words(one['additionalProperties'], named)}"
    bounds = [f"{sign} {one[key]:,}" for key, sign in _BOUNDS.items() if key in one]
    is_number = kind in ("integer", "number")
    return f"{_TYPES[kind]} {', '.join(bounds)}" if is_number and bounds else _TYPES[kind]
