"""The JSON Schema of a stored document, which follows from its model."""

from typing import Any

from pydantic import BaseModel


def schema_of(document: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema of a document."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_untitled(document.model_json_schema()),
    }


def _untitled(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema without the titles that pydantic makes up from the names of the fields."""
    return {
        key: {name: _untitled(one) for name, one in value.items()}
        if key in ("properties", "$defs")
        else _untitled(value)
        if isinstance(value, dict)
        else value
        for key, value in schema.items()
        if key != "title"
    }
